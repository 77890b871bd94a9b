//! What every exchange is to the arena: a thing that takes approved orders and, later, says what became of them.
//!
//! [`crate::paper::PaperExchange`] is one; a live one calls a venue. Neither gives an answer at once: an order is
//! on its way until its reports come out of [`Exchange::drain`]. Every order that was taken ends with exactly one
//! [`Report::Done`], after all its fills.

use crate::risk::Approved;
use mce_market::{Fill, InstrumentId, Order, OrderId, Qty, UnixNanos};
use std::fmt;

/// Takes orders and cancels, gives reports.
pub trait Exchange {
    /// Sends an order. Its reports come later.
    ///
    /// # Errors
    /// [`Full`] when as many orders are out as the exchange can follow; the order was then not sent, and
    /// [`Full::report`] says so in the form of a report.
    fn submit(&mut self, order: Approved<Order>) -> Result<(), Full>;

    /// Asks to cancel an order. It may be filled before the request arrives. Needs no approval: a cancel takes no risk.
    fn cancel(&mut self, cancel: Cancel);

    /// Appends what happened since the last call to `out`, in the order in which it happened.
    fn drain(&mut self, out: &mut Vec<Report>);
}

/// A request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Which order.
    pub order: OrderId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// When it was decided.
    pub ts: UnixNanos,
}

/// An order was refused because too many are out: what the house does when a queue of orders is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "order {} was not sent: {capacity} orders are out already, as many as the exchange follows",
    order.0
)]
pub struct Full {
    /// The order that was not sent.
    pub order: OrderId,
    /// How many may be out.
    pub capacity: usize,
    /// When it was decided.
    pub ts: UnixNanos,
}

impl Full {
    /// The refusal as the report that ends the order.
    pub fn report(&self) -> Report {
        Report::Done(Done {
            order: self.order,
            ts: self.ts,
            filled: Qty::ZERO,
            reason: DoneReason::Rejected(Rejection::Full),
        })
    }
}

/// Something that happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It rests in the book.
    Resting {
        /// Which order.
        order: OrderId,
        /// Since when, exchange time.
        ts: UnixNanos,
    },
    /// It was filled, in part or in full.
    Fill(Fill),
    /// It is over.
    Done(Done),
    /// A cancel came for an order that is not there (any more).
    CancelRejected {
        /// Which order.
        order: OrderId,
        /// When, exchange time.
        ts: UnixNanos,
    },
}

/// The end of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Which order.
    pub order: OrderId,
    /// When, exchange time.
    pub ts: UnixNanos,
    /// How much of it was filled in all.
    pub filled: Qty,
    /// Why it ended.
    pub reason: DoneReason,
}

/// Why an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DoneReason {
    /// Filled in full.
    Filled,
    /// Cancelled on request.
    Cancelled,
    /// What could not be filled at once was given up: a market, immediate-or-cancel or fill-or-kill order.
    Expired,
    /// A reduce-only order had nothing left to reduce.
    NothingToReduce,
    /// Never accepted.
    Rejected(Rejection),
}

impl fmt::Display for DoneReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DoneReason::Filled => f.write_str("filled"),
            DoneReason::Cancelled => f.write_str("cancelled"),
            DoneReason::Expired => f.write_str("expired"),
            DoneReason::NothingToReduce => f.write_str("nothing-to-reduce"),
            DoneReason::Rejected(why) => write!(f, "rejected: {why}"),
        }
    }
}

/// Why an exchange did not accept an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// Too many orders are out.
    Full,
    /// The exchange does not list the instrument.
    UnknownInstrument,
    /// A post-only order would have taken.
    WouldTake,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rejection::Full => "too many orders are out",
            Rejection::UnknownInstrument => "the instrument is not listed",
            Rejection::WouldTake => "a post-only order would have taken",
        })
    }
}
