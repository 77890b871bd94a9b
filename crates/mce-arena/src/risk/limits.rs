//! What the risk gate holds orders against.

use crate::error::{ArenaError, Checks};
use mce_market::Money;
use std::time::Duration;

/// The limits of an account. All of them always hold; there is no "off" but a limit that is wide.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskLimits {
    /// Largest loss of the account since its peak, as a share of the peak, (0, 1]. Beyond it positions are closed
    /// and nothing else is done until somebody re-arms the gate.
    pub account_drawdown_max: f64,
    /// The same for one agent's virtual book, (0, 1]: it may then only close what it holds.
    pub agent_drawdown_max: f64,
    /// Largest value of a position at the mid, counting orders that are out, above 0.
    pub position_notional_max: Money,
    /// Largest value of an order at its worst price or the mid, whichever is higher, above 0.
    pub order_notional_max: Money,
    /// Smallest value of an order that does not only reduce, 0 or more: venues refuse less.
    pub order_notional_min: Money,
    /// Orders approved within any `orders_interval`, above 0.
    pub orders_max: u32,
    /// Length of that interval, above 0.
    pub orders_interval: Duration,
    /// Largest distance from the mid, as a share of it, of a limit price and of the last level that a market order
    /// would touch, (0, 0.5].
    pub collar: f64,
    /// Oldest book that an order may be judged on.
    pub book_age_max: Duration,
}

impl Default for RiskLimits {
    /// 20 % drawdown for the account and for each agent, 100 000 a position, 20 000 an order, no smallest order,
    /// 60 orders a minute, a collar of 1 %, books at most 10 s old.
    fn default() -> Self {
        RiskLimits {
            account_drawdown_max: 0.2,
            agent_drawdown_max: 0.2,
            position_notional_max: Money::from_whole(100_000),
            order_notional_max: Money::from_whole(20_000),
            order_notional_min: Money::ZERO,
            orders_max: 60,
            orders_interval: Duration::from_secs(60),
            collar: 0.01,
            book_age_max: Duration::from_secs(10),
        }
    }
}

impl RiskLimits {
    /// Whether every limit is in its range.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every limit that is not.
    pub fn validate(&self) -> Result<(), ArenaError> {
        let mut checks = Checks::default();
        let share = "a share above 0 and at most 1";
        for (key, value) in [
            ("account_drawdown_max", self.account_drawdown_max),
            ("agent_drawdown_max", self.agent_drawdown_max),
        ] {
            checks.within(key, value, f64::MIN_POSITIVE..=1.0, share);
        }
        for (key, value) in [
            ("position_notional_max", self.position_notional_max),
            ("order_notional_max", self.order_notional_max),
        ] {
            checks.require(key, value > Money::ZERO, "an amount above 0", value);
        }
        checks.require(
            "order_notional_min",
            self.order_notional_min >= Money::ZERO
                && self.order_notional_min <= self.order_notional_max,
            "an amount of 0 or more, not above order_notional_max",
            self.order_notional_min,
        );
        checks.require(
            "orders_max",
            self.orders_max > 0,
            "above 0",
            self.orders_max,
        );
        checks.require(
            "orders_interval",
            !self.orders_interval.is_zero(),
            "a time above 0",
            format_args!("{:?}", self.orders_interval),
        );
        let collar = "a share above 0 and at most 0.5";
        checks.within("collar", self.collar, f64::MIN_POSITIVE..=0.5, collar);
        checks.finish()
    }
}
