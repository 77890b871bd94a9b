//! What this crate refuses, and why.

use mce_market::{Decimal, InputMode, Side};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// Why something was refused.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// A book level that must never come. The book and every sum are as before it.
    #[error("{venue} {symbol} ts {ts} price {price}: {problem} on the {side} side")]
    Level {
        /// Venue name.
        venue: Arc<str>,
        /// Symbol as the venue writes it.
        symbol: Arc<str>,
        /// Exchange time of the update, or when it was received where it has none; nanoseconds since the epoch.
        ts: i64,
        /// Price of the level.
        price: Decimal,
        /// Bids or asks.
        side: Side,
        /// What is wrong with it.
        problem: LevelProblem,
    },
    /// A trade at a price of 0 or below. It was not counted.
    #[error("{venue} {symbol} ts {ts} price {price}: a trade needs a price above 0")]
    TradePrice {
        /// Venue name.
        venue: Arc<str>,
        /// Symbol as the venue writes it.
        symbol: Arc<str>,
        /// Exchange time of the trade, or when it was received where it has none; nanoseconds since the epoch.
        ts: i64,
        /// Its price.
        price: Decimal,
    },
    /// A depth update in a series that is made of snapshots.
    #[error(
        "{venue} {symbol}: a depth update came in input mode {mode}, which is made of snapshots; use mode D"
    )]
    DeltaInMode {
        /// Venue name.
        venue: Arc<str>,
        /// Symbol as the venue writes it.
        symbol: Arc<str>,
        /// The engine's input mode.
        mode: InputMode,
    },
    /// A clock that says no time.
    #[error("{venue} {symbol}: a clock event needs an exchange time and came without one")]
    ClockWithoutTime {
        /// Venue name.
        venue: Arc<str>,
        /// Symbol as the venue writes it.
        symbol: Arc<str>,
    },
    /// A saved thing was made for something else.
    #[error("{what} refused: {field} is {found}, not {expected}")]
    Mismatch {
        /// `normaliser` or `engine state`.
        what: &'static str,
        /// The field that differs.
        field: &'static str,
        /// What the file says.
        found: String,
        /// What the caller has.
        expected: String,
    },
    /// A saved thing is not the JSON that this crate writes.
    #[error("{what} is not readable: expected the JSON that this program writes")]
    Json {
        /// `normaliser` or `engine state`.
        what: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A saved thing is JSON of the right shape with a value that cannot be.
    #[error("{what} refused: {problem}")]
    Value {
        /// `normaliser` or `engine state`.
        what: &'static str,
        /// Which value, and what it must be.
        problem: String,
    },
    /// The length of a bar.
    #[error("a bar must be above 0 and at most a day long, got {0:?}")]
    BarInterval(Duration),
}

impl FeatureError {
    /// Refuses a saved thing whose `field` is not what the caller has.
    pub(crate) fn unless_same<T: PartialEq + Debug>(
        what: &'static str,
        field: &'static str,
        found: &T,
        expected: &T,
    ) -> Result<(), FeatureError> {
        if found == expected {
            return Ok(());
        }
        Err(FeatureError::Mismatch {
            what,
            field,
            found: format!("{found:?}"),
            expected: format!("{expected:?}"),
        })
    }
}

/// What is wrong with a book level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelProblem {
    /// Price 0 or below.
    #[error("a level needs a price above 0")]
    Price,
    /// Not worse than the level before it: out of order, or the same price twice.
    #[error(
        "levels must come best first, each price once; this one is out of order or there twice"
    )]
    Order,
}
