//! The top of a book as a value: what the collector hands out and the lake stores.

use crate::instrument::InstrumentId;
use crate::price::{Level, Price};
use crate::quality::Quality;
use crate::time::UnixNanos;

/// At most `depth` levels a side of one book at one time, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Exchange time of the last update in it.
    pub ts: UnixNanos,
    /// Bids, highest first.
    pub bids: Vec<Level>,
    /// Asks, lowest first.
    pub asks: Vec<Level>,
    /// The venue's update id, where it has one.
    pub update_id: Option<u64>,
    /// How far it can be trusted.
    pub quality: Quality,
}

impl Snapshot {
    /// Levels a side that a snapshot has unless said otherwise.
    pub const DEPTH: usize = 50;

    /// Best bid and ask, `None` when a side is empty.
    pub fn best(&self) -> Option<(Level, Level)> {
        Some((*self.bids.first()?, *self.asks.first()?))
    }

    /// Spread in price units, `None` when a side is empty; zero or below in a crossed book.
    pub fn spread(&self) -> Option<Price> {
        let (bid, ask) = self.best()?;
        ask.price.checked_sub(bid.price)
    }
}
