//! Why the risk gate said no: each reason with the limit and what was asked.

use crate::agent::AgentId;
use mce_market::{Money, Order, OrderId, Price, Qty, Side};
use std::time::Duration;

/// An order that was not let out.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("order {} refused: {why}", order.id.0)]
pub struct Refused {
    /// The order.
    pub order: Order,
    /// The first limit that it broke.
    pub why: Refusal,
}

/// The limits that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The kill switch was pulled.
    #[error("the kill switch is on: nothing goes out until the gate is re-armed")]
    Killed,
    /// Not a size that the venue trades.
    #[error("the size must be above 0 and a multiple of the lot of {lot}, got {got}")]
    Size {
        /// The instrument's lot.
        lot: Qty,
        /// The order's size.
        got: Qty,
    },
    /// Not a price that the venue trades.
    #[error("the limit price must be above 0 and a multiple of the tick of {tick}, got {got}")]
    Price {
        /// The instrument's tick.
        tick: Price,
        /// The order's limit.
        got: Price,
    },
    /// A number that was used before, or out of order.
    #[error("order numbers must rise: the last approved is {}, got {}", last.0, got.0)]
    OrderIdReused {
        /// The last approved number.
        last: OrderId,
        /// The order's number.
        got: OrderId,
    },
    /// The book is too old to judge on.
    #[error("the book is {got_ns} ns old, at most {limit_ns} ns are allowed")]
    StaleBook {
        /// The limit in nanoseconds.
        limit_ns: i64,
        /// The book's age in nanoseconds.
        got_ns: i64,
    },
    /// The book has no mid.
    #[error("the book has no mid: a side is empty, or it is crossed")]
    NoMid,
    /// A market order larger than all that is displayed.
    #[error("the book shows {displayed} where the order wants {wanted}")]
    Depth {
        /// The order's size.
        wanted: Qty,
        /// The size displayed on the other side.
        displayed: Qty,
    },
    /// A price too far from the mid.
    #[error(
        "the worst price, {price}, is {got:.6} of the mid away from it, at most {limit} is allowed"
    )]
    Collar {
        /// The limit, a share of the mid.
        limit: f64,
        /// The distance, a share of the mid.
        got: f64,
        /// The limit price, or the last level that a market order would touch.
        price: Price,
    },
    /// The order is too large.
    #[error("the order is worth {got}, at most {limit} is allowed")]
    OrderNotional {
        /// The limit.
        limit: Money,
        /// The order's value.
        got: Money,
    },
    /// The order is too small and does not only reduce.
    #[error("the order is worth {got}, at least {limit} is required unless it only reduces")]
    MinNotional {
        /// The limit.
        limit: Money,
        /// The order's value.
        got: Money,
    },
    /// The position would be too large.
    #[error("the position would be worth {got}, at most {limit} is allowed")]
    PositionNotional {
        /// The limit.
        limit: Money,
        /// What it would be worth.
        got: Money,
    },
    /// A reduce-only order that would not only reduce.
    #[error("a reduce-only {side} of {got} does not only reduce a position of {position}")]
    NotReducing {
        /// Signed position.
        position: Qty,
        /// The order's side.
        side: Side,
        /// The order's size.
        got: Qty,
    },
    /// Reduce-only mode.
    #[error("only reduce-only orders go out at present")]
    ReduceOnly,
    /// The account's drawdown stop has fallen.
    #[error(
        "the account has lost {got:.4} of its peak, its stop at {limit} has fallen: only reduce-only orders go out"
    )]
    AccountDrawdown {
        /// The limit, a share of the peak.
        limit: f64,
        /// The loss now, a share of the peak.
        got: f64,
    },
    /// An agent's drawdown stop has fallen and its part does not only reduce.
    #[error(
        "agent {} has lost {got:.4} of its peak, its stop at {limit} has fallen: it may only close what it holds",
        agent.0
    )]
    AgentDrawdown {
        /// Which agent.
        agent: AgentId,
        /// The limit, a share of the peak.
        limit: f64,
        /// The loss when last told, a share of the peak.
        got: f64,
    },
    /// Too many orders.
    #[error("{limit} orders were approved within {interval:?} already, as many as are allowed")]
    Rate {
        /// The limit.
        limit: u32,
        /// Its interval.
        interval: Duration,
    },
    /// Price × size beyond the range of money.
    #[error("the order's value is beyond the range of money")]
    Overflow,
}
