//! Who trades beside the makers, each a small struct whose parameters say where they come from.
//!
//! An agent wakes at times of its own choosing, sees the book and its own position, and says what it wants done.
//! Everything random about it comes from the draws of that wake. What it is told and may do is here; the clock, the
//! matching and the accounts are the market's.

pub mod crowd;
pub mod splitter;
pub mod taker;
pub mod trend;
pub mod value;

pub use crowd::{Crowd, CrowdConfig};
pub use splitter::{Splitter, SplitterConfig};
pub use taker::{Taker, TakerConfig};
pub use trend::{Trend, TrendConfig};
pub use value::{Value, ValueConfig};

use crate::matching::{Lots, Matching, NewOrder, OrderId, Owner, Terms, Ticks};
use crate::rng::Draws;
use mce_market::{Side, UnixNanos};

/// What an agent sees when it wakes.
#[derive(Debug)]
pub struct View<'a> {
    /// The market's time.
    pub now: UnixNanos,
    /// The book before anything it does now.
    pub book: &'a Matching,
    /// Best bid, or the last one there was.
    pub bid: Ticks,
    /// Best ask, or the last one there was.
    pub ask: Ticks,
    /// What it owns; below 0 is short.
    pub position: Lots,
    /// All that aggressors have bought since the start, less what they have sold: what the trades tell everyone.
    pub net_bought: i64,
}

impl View<'_> {
    /// (best bid size − best ask size) over their sum, in [−1, 1]; 0 when a side is empty.
    pub fn imbalance(&self) -> f64 {
        match (self.book.best(Side::Buy), self.book.best(Side::Sell)) {
            (Some((_, bid)), Some((_, ask))) => (bid.0 - ask.0) as f64 / (bid.0 + ask.0) as f64,
            _ => 0.0,
        }
    }

    /// Mid price in ticks.
    pub fn mid(&self) -> f64 {
        0.5 * (self.bid.0 as f64 + self.ask.0 as f64)
    }
}

/// What an agent wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send an order.
    Submit(NewOrder),
    /// Cancel one; if it is gone by then, nothing happens.
    Cancel(OrderId),
}

/// Names an owner's orders: 1, 2, 3 …
#[derive(Clone, Debug)]
pub(crate) struct Pen {
    owner: Owner,
    last: u64,
}

impl Pen {
    pub(crate) fn new(owner: Owner) -> Self {
        Pen { owner, last: 0 }
    }

    pub(crate) fn order(&mut self, side: Side, lots: Lots, terms: Terms) -> NewOrder {
        self.last += 1;
        let id = OrderId {
            owner: self.owner,
            number: self.last,
        };
        NewOrder {
            id,
            side,
            lots,
            terms,
        }
    }
}

/// Sizes scatter log-normally about a median; at least one lot. The shape is ours: Maslov & Mills 2001 find power laws
/// in the far tail, which `most` cuts off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeConfig {
    /// Median, lots.
    pub median: f64,
    /// Standard deviation of the logarithm.
    pub spread: f64,
    /// No order is larger, lots.
    pub most: Lots,
}

impl SizeConfig {
    pub(crate) fn draw(&self, draws: &mut Draws) -> Lots {
        let size = draws.log_normal(self.median, self.spread).round();
        Lots((size.min(self.most.0 as f64) as i64).max(1))
    }

    pub(crate) fn check(&self, whose: &str) -> Result<(), crate::SimError> {
        use crate::error::check;
        let name = |what: &'static str| move || format!("{whose} size {what}");
        check(name("median"), self.median, "1 to 1e9 lots", |x| {
            (1.0..=1e9).contains(&x)
        })?;
        check(name("spread"), self.spread, "0 to 3", |x| {
            (0.0..=3.0).contains(&x)
        })?;
        let most = self.most.0 as f64;
        check(name("most"), most, "1 to 1e9 lots", |x| {
            (1.0..=1e9).contains(&x)
        })
    }
}

/// A side by the toss of a coin.
pub(crate) fn any_side(draws: &mut Draws) -> Side {
    if draws.chance(0.5) {
        Side::Buy
    } else {
        Side::Sell
    }
}
