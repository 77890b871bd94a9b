//! What happens in a market, as a sequence of events in the order in which they came in.

use crate::instrument::{Instrument, InstrumentId};
use crate::price::{Level, Price, Qty, Side};
use crate::time::UnixNanos;
use std::sync::Arc;

/// One event of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketEvent {
    /// Ingest number, gapless within one recording.
    pub n: u64,
    /// Whose event it is.
    pub instrument: InstrumentId,
    /// The exchange's time of it; `None` where the venue gives none (a Binance spot REST snapshot).
    pub ts_exchange: Option<UnixNanos>,
    /// When it was received, by the local clock, which may be behind the exchange's.
    pub ts_recv: UnixNanos,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// The instrument's definition: first in a recording, and again when tick or lot change.
    Instrument(Arc<Instrument>),
    /// The whole book. An observation only when the event has an exchange time.
    Snapshot(BookSnapshot),
    /// Levels that changed.
    Delta(BookDelta),
    /// A market trade.
    Trade(Trade),
    /// The best bid and ask as the venue says them, beside the book.
    Ticker(Ticker),
    /// A liquidation as the venue publishes it.
    Liquidation(Liquidation),
    /// The book is unknown from here to the next snapshot.
    Gap(Gap),
    /// Something about the stream that people and files want to know.
    Status(Status),
    /// It is later now, and no more.
    Clock,
}

/// A whole book side by side, each best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookSnapshot {
    /// Bids, highest first.
    pub bids: Vec<Level>,
    /// Asks, lowest first.
    pub asks: Vec<Level>,
    /// The venue's update id of this state, where it has one.
    pub update_id: Option<u64>,
}

/// Levels whose size changed; size zero removes a level. In the order in which the venue wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookDelta {
    /// Changed bids.
    pub bids: Vec<Level>,
    /// Changed asks.
    pub asks: Vec<Level>,
    /// First update id that the delta covers, where the venue has one.
    pub first_update_id: Option<u64>,
    /// Last update id that the delta covers.
    pub last_update_id: Option<u64>,
}

/// A trade between market participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The venue's id of it.
    pub id: u64,
    /// Trade price.
    pub price: Price,
    /// Base size, above 0.
    pub qty: Qty,
    /// The side that took liquidity.
    pub aggressor: Side,
}

/// Best bid and ask as published beside the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticker {
    /// The book update it belongs to, where the venue says.
    pub update_id: Option<u64>,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

/// A forced order that the venue says was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liquidation {
    /// Side of the liquidation order: a sell closes a long.
    pub side: Side,
    /// Average fill price.
    pub price: Price,
    /// Filled size.
    pub qty: Qty,
}

/// Why a book became unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What broke.
    pub reason: GapReason,
}

/// The kinds of break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// The next update did not follow the last one.
    Sequence {
        /// The id that had to come.
        expected: u64,
        /// The id that came.
        got: u64,
    },
    /// A new snapshot replaced a live book.
    Resync,
    /// A trading session ended.
    SessionEnd,
    /// Best bid at or above best ask in a book that must not cross.
    Crossed,
    /// The venue's checksum disagreed.
    Checksum,
    /// The connection was lost or restarted.
    Disconnected,
}

impl std::fmt::Display for GapReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            GapReason::Sequence { expected, got } => {
                write!(f, "sequence: expected {expected}, got {got}")
            }
            GapReason::Resync => f.write_str("resync"),
            GapReason::SessionEnd => f.write_str("session end"),
            GapReason::Crossed => f.write_str("crossed book"),
            GapReason::Checksum => f.write_str("checksum mismatch"),
            GapReason::Disconnected => f.write_str("disconnected"),
        }
    }
}

/// A word about the stream itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A connection came up.
    Connected,
    /// The book is live again after a snapshot and proven overlap.
    Synced,
    /// The venue announced or made a halt, a restart or a maintenance; its own words.
    Venue(Arc<str>),
}

/// Where events go: a journal, a step, a test. Called in the order of `n`, on the thread that owns the instrument.
pub trait EventSink {
    /// Takes one event.
    ///
    /// # Errors
    /// [`SinkFull`] when the event could not be taken; the caller must then make it a gap.
    fn accept(&mut self, event: MarketEvent) -> Result<(), SinkFull>;
}

/// The sink's queue is full and the event was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event queue is full: the consumer is slower than the market; the book must be resynced"
)]
pub struct SinkFull;

impl EventSink for Vec<MarketEvent> {
    fn accept(&mut self, event: MarketEvent) -> Result<(), SinkFull> {
        self.push(event);
        Ok(())
    }
}
