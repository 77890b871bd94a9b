//! Orders and their fills.

use crate::instrument::InstrumentId;
use crate::money::Money;
use crate::price::{Price, Qty, Side};
use crate::time::UnixNanos;

/// Number of an order within one run, given by whoever makes it, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// How long an order may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeInForce {
    /// Until cancelled.
    GoodTillCancel,
    /// What can be filled at once, the rest cancelled.
    ImmediateOrCancel,
    /// All at once or nothing.
    FillOrKill,
    /// Only if it rests; refused if it would take.
    PostOnly,
}

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// At any price.
    Market,
    /// At `price` or better.
    Limit {
        /// The worst acceptable price.
        price: Price,
        /// How long it may rest.
        time_in_force: TimeInForce,
    },
}

/// What is sent to an exchange once the risk gate has approved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Size, above 0, a multiple of the lot.
    pub qty: Qty,
    /// Price terms.
    pub kind: OrderKind,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// When it was decided.
    pub ts: UnixNanos,
}

/// Whether a fill took or gave liquidity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Liquidity {
    /// It rested in the book.
    Maker,
    /// It took from the book.
    Taker,
}

/// One execution of an order at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Whose fill.
    pub order: OrderId,
    /// What was traded.
    pub instrument: InstrumentId,
    /// Side of the order.
    pub side: Side,
    /// Execution price.
    pub price: Price,
    /// Executed size, above 0.
    pub qty: Qty,
    /// Fee charged; negative is a rebate.
    pub fee: Money,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// Exchange time of the execution.
    pub ts: UnixNanos,
}
