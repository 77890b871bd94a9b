//! What can go wrong in the arena, and the collector of configuration problems.
//!
//! A refused order is no error: see [`crate::risk::Refusal`].

use mce_market::{InstrumentId, MoneyError, OrderId};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

/// One value of a configuration that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key, as the field is called.
    pub key: &'static str,
    /// What would have been accepted.
    pub expected: &'static str,
    /// What was given.
    pub got: String,
}

impl Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, got {}",
            self.key, self.expected, self.got
        )
    }
}

/// Errors of this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArenaError {
    /// Values of a configuration are out of range; all of them.
    #[error("{}", Lines(.problems))]
    Config {
        /// Every refused value.
        problems: Vec<ConfigProblem>,
    },
    /// Price and size scales that money cannot hold exactly.
    #[error(
        "instrument {}: price and size scales of {price_decimals} and {qty_decimals} decimals have more than the 18 \
         of money together; give the instrument's tick and lot",
        instrument.0
    )]
    Scales {
        /// Which instrument.
        instrument: InstrumentId,
        /// Decimals of its prices.
        price_decimals: u8,
        /// Decimals of its sizes.
        qty_decimals: u8,
    },
    /// An instrument was redefined with other scales while there was a position or an order in the old ones.
    #[error(
        "instrument {}: its decimal scales changed while a position or an order was open; close them first",
        instrument.0
    )]
    ScaleChanged {
        /// Which instrument.
        instrument: InstrumentId,
    },
    /// An instrument that the exchange was never told of.
    #[error("instrument {} is not listed at the paper exchange; list it before its first event", instrument.0)]
    NotListed {
        /// Which instrument.
        instrument: InstrumentId,
    },
    /// A report about an order that is not out.
    #[error("a report names order {}, which is not out: it was never sent, or it was done before", order.0)]
    UnknownOrder {
        /// Which order.
        order: OrderId,
    },
    /// A fill larger than what was left of its order.
    #[error("order {}: a fill of {got} units came when {left} units were left", order.0)]
    Overfill {
        /// Which order.
        order: OrderId,
        /// Units that were left.
        left: i64,
        /// Units of the fill.
        got: i64,
    },
    /// An amount or a size beyond what accounts hold.
    #[error("instrument {}: the {what} is beyond the range that accounts hold", instrument.0)]
    Overflow {
        /// Which instrument.
        instrument: InstrumentId,
        /// Which quantity.
        what: &'static str,
    },
    /// A price times a size that is not exact in money.
    #[error("instrument {}: an execution could not be made into money", instrument.0)]
    Inexact {
        /// Which instrument.
        instrument: InstrumentId,
        /// Why.
        #[source]
        source: MoneyError,
    },
}

/// Problems one a line.
struct Lines<'a>(&'a [ConfigProblem]);

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// Collects every problem of a configuration, so that all are reported together.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    problems: Vec<ConfigProblem>,
}

impl Checks {
    /// `value` must be a number of `range`.
    pub(crate) fn within(
        &mut self,
        key: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        expected: &'static str,
    ) {
        self.require(key, range.contains(&value), expected, value);
    }

    /// `ok` must hold.
    pub(crate) fn require(
        &mut self,
        key: &'static str,
        ok: bool,
        expected: &'static str,
        got: impl Display,
    ) {
        if !ok {
            self.problems.push(ConfigProblem {
                key,
                expected,
                got: got.to_string(),
            });
        }
    }

    /// All was well, or everything that was not.
    pub(crate) fn finish(self) -> Result<(), ArenaError> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(ArenaError::Config {
                problems: self.problems,
            })
        }
    }
}
