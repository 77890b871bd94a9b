//! Values back to Binance text: the exact decimals of the venue, the order of fields of its frames.

use crate::error::VenueError;
use crate::venue::Venue;
use mce_market::{Instrument, Level, Price, Qty, Scale};
use std::io::Write as _;

/// Writes the names and numbers of one symbol.
#[derive(Clone, Debug)]
pub(crate) struct TextWriter {
    /// The symbol as a JSON string, quotes included.
    symbol: Vec<u8>,
    /// The symbol as it stands in stream names.
    lower: String,
    price: Fixed,
    qty: Fixed,
}

/// Integers of one scale, written with a fixed number of decimals.
#[derive(Clone, Copy, Debug)]
struct Fixed {
    scale: Scale,
    decimals: u8,
}

impl TextWriter {
    /// A writer of `instrument`'s numbers with these decimals.
    ///
    /// # Errors
    /// [`VenueError::EncodeScale`] when a scale has more.
    pub(crate) fn new(
        venue: Venue,
        instrument: &Instrument,
        price_decimals: u8,
        qty_decimals: u8,
    ) -> Result<Self, VenueError> {
        let fixed = |what, scale: Scale, decimals| {
            if scale.decimals() > decimals {
                return Err(VenueError::EncodeScale {
                    venue,
                    symbol: instrument.symbol().to_string(),
                    what,
                    scale: scale.decimals(),
                    decimals,
                });
            }
            Ok(Fixed { scale, decimals })
        };
        Ok(TextWriter {
            symbol: serde_json::to_vec(&**instrument.symbol())
                .expect("a string is always written as JSON"),
            lower: instrument.symbol().to_lowercase(),
            price: fixed("price", instrument.price_scale(), price_decimals)?,
            qty: fixed("size", instrument.qty_scale(), qty_decimals)?,
        })
    }

    /// `name@channel`, as streams are called.
    pub(crate) fn stream(&self, channel: &str) -> String {
        format!("{}@{channel}", self.lower)
    }

    pub(crate) fn symbol(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.symbol);
    }

    /// A price in quotes.
    pub(crate) fn price(&self, price: Price, out: &mut Vec<u8>) {
        self.price.write(price.units(), out);
    }

    /// A size in quotes.
    pub(crate) fn qty(&self, qty: Qty, out: &mut Vec<u8>) {
        self.qty.write(qty.units(), out);
    }

    /// `[["price","size"],…]`.
    pub(crate) fn levels(&self, levels: &[Level], out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, level) in levels.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.push(b'[');
            self.price(level.price, out);
            out.push(b',');
            self.qty(level.qty, out);
            out.push(b']');
        }
        out.push(b']');
    }
}

impl Fixed {
    fn write(self, units: i64, out: &mut Vec<u8>) {
        out.push(b'"');
        if units < 0 {
            out.push(b'-');
        }
        let one = self.scale.units_per_one().unsigned_abs();
        let (whole, rest) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
        integer(whole, out);
        if self.decimals > 0 {
            out.push(b'.');
            let start = out.len();
            out.resize(start + usize::from(self.decimals), b'0');
            let mut rest = rest;
            for digit in out[start..start + usize::from(self.scale.decimals())]
                .iter_mut()
                .rev()
            {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        out.push(b'"');
    }
}

/// A number without quotes.
pub(crate) fn integer(value: u64, out: &mut Vec<u8>) {
    write!(out, "{value}").expect("writing to memory cannot fail");
}

/// `text` and a number without quotes.
pub(crate) fn field(text: &str, value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    integer(value, out);
}

/// Wraps what `data` writes as a frame of the combined stream called `stream`.
pub(crate) fn combined(stream: &str, out: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"stream\":");
    serde_json::to_writer(&mut *out, stream).expect("a string is always written as JSON");
    out.extend_from_slice(b",\"data\":");
    data(out);
    out.push(b'}');
}

/// The answer to a request that succeeded.
pub fn ack(id: u64, out: &mut Vec<u8>) {
    field("{\"result\":null,\"id\":", id, out);
    out.push(b'}');
}

/// The announcement that the server will close its connections.
pub fn shutdown(event_ms: u64, out: &mut Vec<u8>) {
    field("{\"e\":\"serverShutdown\",\"E\":", event_ms, out);
    out.push(b'}');
}
