//! What the arena is shown of one instrument when it is asked to decide.

use crate::mid::MidPrice;
use mce_features::{Bar, Sample};
use mce_market::{Instrument, InstrumentId, OrderBook, UnixNanos};

/// One instrument at one time. Everything in it was known at `ts`.
#[derive(Clone, Copy, Debug)]
pub struct MarketView<'a> {
    /// Now: the exchange time of the newest event seen. Not the sample's grid time, which is earlier: a sample is made
    /// when the first event after its grid time arrives, and an order cannot be sent before that.
    pub ts: UnixNanos,
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Its definition.
    pub spec: &'a Instrument,
    /// Its book now.
    pub book: &'a OrderBook,
    /// Time since the book last changed or was confirmed, nanoseconds, 0 or more.
    pub book_age_ns: i64,
    /// The newest sample.
    pub sample: &'a Sample,
    /// Bars closed since the last call, oldest first.
    pub bars: &'a [Bar],
}

impl MarketView<'_> {
    /// Mid of the book; `None` when a side is empty or the book is crossed.
    pub fn mid(&self) -> Option<MidPrice> {
        MidPrice::of(self.book)
    }
}
