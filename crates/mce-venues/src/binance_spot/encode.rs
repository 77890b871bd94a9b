//! What Binance spot would send: the frames of the simulated venue, with spot's eight decimals.

use crate::binance::{TextWriter, combined, field};
use crate::error::VenueError;
use crate::venue::Venue;
use mce_market::{BookSnapshot, Instrument, Level, Side, Ticker, Trade};

/// Decimals of every price and size.
pub const DECIMALS: u8 = 8;

/// Writes the frames of one symbol, each appended to the given bytes. They are what [`super::decode`] reads.
#[derive(Clone, Debug)]
pub struct Encoder {
    text: TextWriter,
}

/// A book update.
#[derive(Clone, Copy, Debug)]
pub struct DepthUpdate<'a> {
    /// Event time in ms (`E`).
    pub event_ms: u64,
    /// First update id in it (`U`).
    pub first_update_id: u64,
    /// Last update id in it (`u`).
    pub last_update_id: u64,
    /// Changed bids, size 0 for those that are gone.
    pub bids: &'a [Level],
    /// Changed asks.
    pub asks: &'a [Level],
}

impl Encoder {
    /// An encoder of `instrument`.
    ///
    /// # Errors
    /// [`VenueError::EncodeScale`] when it has more than eight decimals.
    pub fn new(instrument: &Instrument) -> Result<Self, VenueError> {
        let text = TextWriter::new(Venue::BinanceSpot, instrument, DECIMALS, DECIMALS)?;
        Ok(Encoder { text })
    }

    /// A frame of the combined stream `channel` (`depth@100ms`, `trade`, `bookTicker`) around what `data` writes.
    pub fn combined(&self, channel: &str, out: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>)) {
        combined(&self.text.stream(channel), out, data);
    }

    /// `depthUpdate`.
    pub fn depth(&self, update: &DepthUpdate<'_>, out: &mut Vec<u8>) {
        field("{\"e\":\"depthUpdate\",\"E\":", update.event_ms, out);
        out.extend_from_slice(b",\"s\":");
        self.text.symbol(out);
        field(",\"U\":", update.first_update_id, out);
        field(",\"u\":", update.last_update_id, out);
        out.extend_from_slice(b",\"b\":");
        self.text.levels(update.bids, out);
        out.extend_from_slice(b",\"a\":");
        self.text.levels(update.asks, out);
        out.push(b'}');
    }

    /// The answer to a request for the book, whose update id is `last_update_id`.
    pub fn rest_depth(&self, last_update_id: u64, book: &BookSnapshot, out: &mut Vec<u8>) {
        field("{\"lastUpdateId\":", last_update_id, out);
        out.extend_from_slice(b",\"bids\":");
        self.text.levels(&book.bids, out);
        out.extend_from_slice(b",\"asks\":");
        self.text.levels(&book.asks, out);
        out.push(b'}');
    }

    /// `trade`, sent at `event_ms` and made at `trade_ms`.
    pub fn trade(&self, event_ms: u64, trade_ms: u64, trade: &Trade, out: &mut Vec<u8>) {
        field("{\"e\":\"trade\",\"E\":", event_ms, out);
        out.extend_from_slice(b",\"s\":");
        self.text.symbol(out);
        field(",\"t\":", trade.id, out);
        out.extend_from_slice(b",\"p\":");
        self.text.price(trade.price, out);
        out.extend_from_slice(b",\"q\":");
        self.text.qty(trade.qty, out);
        field(",\"T\":", trade_ms, out);
        out.extend_from_slice(match trade.aggressor {
            Side::Sell => b",\"m\":true,\"M\":true}",
            Side::Buy => b",\"m\":false,\"M\":true}",
        });
    }

    /// `bookTicker` of the book with id `update_id`.
    pub fn ticker(&self, update_id: u64, ticker: &Ticker, out: &mut Vec<u8>) {
        field("{\"u\":", update_id, out);
        out.extend_from_slice(b",\"s\":");
        self.text.symbol(out);
        for (price_name, qty_name, level) in [
            (b",\"b\":", b",\"B\":", ticker.bid),
            (b",\"a\":", b",\"A\":", ticker.ask),
        ] {
            out.extend_from_slice(price_name);
            self.text.price(level.price, out);
            out.extend_from_slice(qty_name);
            self.text.qty(level.qty, out);
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests;
