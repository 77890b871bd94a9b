//! What Binance USD-M would send: the frames of the simulated venue, with each symbol's own decimals.

use crate::binance::{TextWriter, combined, field};
use crate::error::VenueError;
use crate::venue::Venue;
use mce_market::{BookSnapshot, Instrument, Level, Liquidation, Side, Ticker, Trade};

/// Writes the frames of one symbol, each appended to the given bytes. They are what [`super::decode`] reads.
#[derive(Clone, Debug)]
pub struct Encoder {
    text: TextWriter,
}

/// When a frame was sent and when what it tells happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Event time in ms (`E`).
    pub event_ms: u64,
    /// Transaction time in ms (`T`).
    pub transaction_ms: u64,
}

/// A book update.
#[derive(Clone, Copy, Debug)]
pub struct DepthUpdate<'a> {
    /// Its times.
    pub times: Times,
    /// First update id in it (`U`).
    pub first_update_id: u64,
    /// Last update id in it (`u`).
    pub last_update_id: u64,
    /// Last update id of the one before (`pu`).
    pub previous_update_id: u64,
    /// Changed bids, size 0 for those that are gone.
    pub bids: &'a [Level],
    /// Changed asks.
    pub asks: &'a [Level],
}

impl Encoder {
    /// An encoder of `instrument`, prices and sizes written with the venue's `pricePrecision` and `quantityPrecision`
    /// (BTCUSDT: 2 and 3, though its tick is 0.1).
    ///
    /// # Errors
    /// [`VenueError::EncodeScale`] when the instrument has more decimals.
    pub fn new(
        instrument: &Instrument,
        price_decimals: u8,
        qty_decimals: u8,
    ) -> Result<Self, VenueError> {
        let venue = Venue::BinanceUsdm;
        let text = TextWriter::new(venue, instrument, price_decimals, qty_decimals)?;
        Ok(Encoder { text })
    }

    /// A frame of the combined stream `channel` (`depth@100ms`, `aggTrade`, `bookTicker`, `forceOrder`) around what
    /// `data` writes.
    pub fn combined(&self, channel: &str, out: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>)) {
        combined(&self.text.stream(channel), out, data);
    }

    /// `depthUpdate`.
    pub fn depth(&self, update: &DepthUpdate<'_>, out: &mut Vec<u8>) {
        field("{\"e\":\"depthUpdate\",\"E\":", update.times.event_ms, out);
        field(",\"T\":", update.times.transaction_ms, out);
        out.extend_from_slice(b",\"s\":");
        self.text.symbol(out);
        field(",\"U\":", update.first_update_id, out);
        field(",\"u\":", update.last_update_id, out);
        field(",\"pu\":", update.previous_update_id, out);
        out.extend_from_slice(b",\"b\":");
        self.text.levels(update.bids, out);
        out.extend_from_slice(b",\"a\":");
        self.text.levels(update.asks, out);
        out.push(b'}');
    }

    /// The answer to a request for the book, whose update id is `last_update_id`.
    pub fn rest_depth(
        &self,
        times: Times,
        last_update_id: u64,
        book: &BookSnapshot,
        out: &mut Vec<u8>,
    ) {
        field("{\"lastUpdateId\":", last_update_id, out);
        field(",\"E\":", times.event_ms, out);
        field(",\"T\":", times.transaction_ms, out);
        out.extend_from_slice(b",\"bids\":");
        self.text.levels(&book.bids, out);
        out.extend_from_slice(b",\"asks\":");
        self.text.levels(&book.asks, out);
        out.push(b'}');
    }

    /// `trade`: one fill, with `X` of `MARKET`.
    pub fn trade(&self, times: Times, trade: &Trade, out: &mut Vec<u8>) {
        field("{\"e\":\"trade\",\"E\":", times.event_ms, out);
        field(",\"T\":", times.transaction_ms, out);
        out.extend_from_slice(b",\"s\":");
        self.text.symbol(out);
        field(",\"t\":", trade.id, out);
        self.price_and_qty(trade, out);
        out.extend_from_slice(b",\"X\":\"MARKET\"");
        self.maker(trade, out);
    }

    /// `aggTrade` of the fills numbered `first_fill` to `last_fill`.
    pub fn agg_trade(
        &self,
        times: Times,
        (first_fill, last_fill): (u64, u64),
        trade: &Trade,
        out: &mut Vec<u8>,
    ) {
        field("{\"e\":\"aggTrade\",\"E\":", times.event_ms, out);
        field(",\"a\":", trade.id, out);
        out.extend_from_slice(b",\"s\":");
        self.text.symbol(out);
        self.price_and_qty(trade, out);
        field(",\"f\":", first_fill, out);
        field(",\"l\":", last_fill, out);
        field(",\"T\":", times.transaction_ms, out);
        self.maker(trade, out);
    }

    fn price_and_qty(&self, trade: &Trade, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"p\":");
        self.text.price(trade.price, out);
        out.extend_from_slice(b",\"q\":");
        self.text.qty(trade.qty, out);
    }

    fn maker(&self, trade: &Trade, out: &mut Vec<u8>) {
        out.extend_from_slice(match trade.aggressor {
            Side::Sell => b",\"m\":true}",
            Side::Buy => b",\"m\":false}",
        });
    }

    /// `bookTicker` of the book with id `update_id`.
    pub fn ticker(&self, times: Times, update_id: u64, ticker: &Ticker, out: &mut Vec<u8>) {
        field("{\"e\":\"bookTicker\",\"u\":", update_id, out);
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
        field(",\"T\":", times.transaction_ms, out);
        field(",\"E\":", times.event_ms, out);
        out.push(b'}');
    }

    /// `forceOrder` of an order that was filled at once.
    pub fn force_order(&self, times: Times, order: &Liquidation, out: &mut Vec<u8>) {
        field("{\"e\":\"forceOrder\",\"E\":", times.event_ms, out);
        out.extend_from_slice(b",\"o\":{\"s\":");
        self.text.symbol(out);
        out.extend_from_slice(match order.side {
            Side::Buy => b",\"S\":\"BUY\",\"o\":\"LIMIT\",\"f\":\"IOC\",\"q\":".as_slice(),
            Side::Sell => b",\"S\":\"SELL\",\"o\":\"LIMIT\",\"f\":\"IOC\",\"q\":".as_slice(),
        });
        self.text.qty(order.qty, out);
        for name in [b",\"p\":".as_slice(), b",\"ap\":".as_slice()] {
            out.extend_from_slice(name);
            self.text.price(order.price, out);
        }
        out.extend_from_slice(b",\"X\":\"FILLED\"");
        for name in [b",\"l\":", b",\"z\":"] {
            out.extend_from_slice(name);
            self.text.qty(order.qty, out);
        }
        field(",\"T\":", times.transaction_ms, out);
        out.extend_from_slice(b"}}");
    }
}

#[cfg(test)]
mod tests;
