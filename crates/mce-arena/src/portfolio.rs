//! One account in one quote currency: cash, signed positions, what they cost, profit and fees. All integers.
//!
//! The same type keeps the real account and every agent's virtual book. It believes what it is told was executed;
//! whether an order may go out is [`crate::risk`]'s, where fills come from is [`crate::exchange`]'s. Margin, funding
//! and conversion between currencies are not kept here.
//!
//! One identity holds to the unit after any sequence of executions, and is checked after each in debug builds:
//!
//! ```text
//! cash = initial − Σ cost of open positions + Σ realised profit − Σ fees
//! ```

use crate::apportion::share;
use crate::error::ArenaError;
use crate::mid::MidPrice;
use mce_market::{Fill, Instrument, InstrumentId, Money, Qty, Scale, Side};
use std::collections::BTreeMap;

/// No amount of an account may exceed 2^117 units of 10⁻¹⁸ (about 1.7·10¹⁷ of the currency): sums of a thousand of
/// them still fit 128 bits.
const AMOUNT_MAX: u128 = 1 << 117;

/// Something that was traded, as accounts see it: the money is settled, the price no longer matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// What was traded.
    pub instrument: InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// Size, above 0.
    pub qty: Qty,
    /// Price × size, 0 or more, without the fee.
    pub notional: Money,
    /// Fee charged; negative is a rebate.
    pub fee: Money,
}

impl Execution {
    /// The execution that a fill is.
    ///
    /// # Errors
    /// [`ArenaError::Inexact`] when price × size has more digits than money.
    pub fn of_fill(fill: &Fill, spec: &Instrument) -> Result<Self, ArenaError> {
        let notional = Money::notional(fill.price, spec.price_scale(), fill.qty, spec.qty_scale())
            .map_err(|source| ArenaError::Inexact {
                instrument: fill.instrument,
                source,
            })?;
        Ok(Execution {
            instrument: fill.instrument,
            side: fill.side,
            qty: fill.qty,
            notional,
            fee: fill.fee,
        })
    }
}

/// The position in one instrument. It stays, at size 0, after it was closed: its realised profit and fees count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    qty: Qty,
    cost: Money,
    realised: Money,
    fees: Money,
    value: Money,
    mark: Option<MidPrice>,
    price_scale: Scale,
    qty_scale: Scale,
}

impl Position {
    fn flat(spec: &Instrument) -> Self {
        Position {
            qty: Qty::ZERO,
            cost: Money::ZERO,
            realised: Money::ZERO,
            fees: Money::ZERO,
            value: Money::ZERO,
            mark: None,
            price_scale: spec.price_scale(),
            qty_scale: spec.qty_scale(),
        }
    }

    /// Signed size: above 0 is long, below 0 short.
    pub fn qty(&self) -> Qty {
        self.qty
    }

    /// What the open size cost: above 0 for a long, below 0 (money received) for a short. Without fees.
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// Average entry price as a float, for reports and stops; `None` when flat.
    pub fn entry_price(&self) -> Option<f64> {
        (self.qty != Qty::ZERO)
            .then(|| self.cost.to_f64() / self.qty_scale.to_f64(self.qty.units()))
    }

    /// Profit of what was closed, before fees.
    pub fn realised(&self) -> Money {
        self.realised
    }

    /// Fees paid, less rebates.
    pub fn fees(&self) -> Money {
        self.fees
    }

    /// Value of the open size at the last mark; at cost while it was never marked.
    pub fn value(&self) -> Money {
        self.value
    }

    /// Profit of what is open at the last mark, before fees.
    pub fn unrealised(&self) -> Money {
        self.value - self.cost
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portfolio {
    initial: Money,
    cash: Money,
    positions: BTreeMap<InstrumentId, Position>,
    turnover: Money,
    executions: u64,
}

impl Portfolio {
    /// An account that holds `initial` in cash and nothing else.
    pub fn new(initial: Money) -> Self {
        Portfolio {
            initial,
            cash: initial,
            positions: BTreeMap::new(),
            turnover: Money::ZERO,
            executions: 0,
        }
    }

    /// Books a fill. On an error nothing is booked.
    ///
    /// # Errors
    /// As [`Execution::of_fill`] and [`Portfolio::execute`].
    pub fn apply(&mut self, fill: &Fill, spec: &Instrument) -> Result<(), ArenaError> {
        self.execute(&Execution::of_fill(fill, spec)?, spec)
    }

    /// Books an execution. What closes a position realises profit against its average cost, the cost of the closed
    /// part cut towards zero to the unit; what goes beyond opens the other way. On an error nothing is booked.
    ///
    /// # Errors
    /// [`ArenaError::ScaleChanged`] when the instrument's scales are not those of an open position,
    /// [`ArenaError::Overflow`] beyond the range of accounts.
    pub fn execute(&mut self, execution: &Execution, spec: &Instrument) -> Result<(), ArenaError> {
        let id = execution.instrument;
        let mut position = match self.positions.get(&id) {
            Some(position)
                if position.price_scale == spec.price_scale()
                    && position.qty_scale == spec.qty_scale() =>
            {
                *position
            }
            Some(position) if position.qty != Qty::ZERO => {
                return Err(ArenaError::ScaleChanged { instrument: id });
            }
            // Flat: the old mark is in old units, the money is in the same units as ever.
            Some(position) => Position {
                realised: position.realised,
                fees: position.fees,
                ..Position::flat(spec)
            },
            None => Position::flat(spec),
        };

        let size = execution.qty.units();
        debug_assert!(size > 0 && execution.notional >= Money::ZERO);
        checked(execution.notional, execution.fee, id, "amount executed")?;
        let signed = size * execution.side.sign();
        let before = position.qty.units();
        let closed = if before.signum() * signed < 0 {
            size.min(before.abs())
        } else {
            0
        };
        if closed > 0 {
            let notional = signed_notional(share(execution.notional, closed, size), execution.side);
            let cost = share(position.cost, closed, before.abs());
            position.cost -= cost;
            position.realised =
                checked(position.realised, -notional - cost, id, "realised profit")?;
        }
        if size > closed {
            let rest = execution.notional - share(execution.notional, closed, size);
            let notional = signed_notional(rest, execution.side);
            position.cost = checked(position.cost, notional, id, "cost of a position")?;
        }
        position.qty =
            before
                .checked_add(signed)
                .map(Qty::from_units)
                .ok_or(ArenaError::Overflow {
                    instrument: id,
                    what: "size of a position",
                })?;
        position.fees = checked(position.fees, execution.fee, id, "sum of fees")?;
        position.value = match position.mark {
            Some(mark) => value_at(mark, position.qty, spec, id)?,
            None => position.cost,
        };
        let paid = signed_notional(execution.notional, execution.side) + execution.fee;
        let cash = checked(self.cash, -paid, id, "cash")?;
        let turnover = checked(self.turnover, execution.notional, id, "turnover")?;

        self.cash = cash;
        self.turnover = turnover;
        self.executions += 1;
        self.positions.insert(id, position);
        debug_assert!(self.balances());
        Ok(())
    }

    /// Marks the position in an instrument at `mid`. Nothing happens where there never was one.
    ///
    /// # Errors
    /// [`ArenaError::Overflow`] when its value is beyond the range of accounts; the old mark then stays.
    pub fn mark(
        &mut self,
        instrument: InstrumentId,
        mid: MidPrice,
        spec: &Instrument,
    ) -> Result<(), ArenaError> {
        if let Some(position) = self.positions.get_mut(&instrument) {
            position.value = value_at(mid, position.qty, spec, instrument)?;
            position.mark = Some(mid);
        }
        Ok(())
    }

    /// Cash the account began with.
    pub fn initial(&self) -> Money {
        self.initial
    }

    /// Cash now. A short sale adds to it.
    pub fn cash(&self) -> Money {
        self.cash
    }

    /// Cash and the value of all positions at their last marks.
    pub fn equity(&self) -> Money {
        self.cash + self.positions.values().map(Position::value).sum()
    }

    /// Profit of what was closed, before fees.
    pub fn realised(&self) -> Money {
        self.positions.values().map(Position::realised).sum()
    }

    /// Profit of what is open at the last marks, before fees.
    pub fn unrealised(&self) -> Money {
        self.positions.values().map(Position::unrealised).sum()
    }

    /// Fees paid, less rebates.
    pub fn fees(&self) -> Money {
        self.positions.values().map(Position::fees).sum()
    }

    /// Sum of all notionals executed.
    pub fn turnover(&self) -> Money {
        self.turnover
    }

    /// How many executions were booked.
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// The position in an instrument, if there ever was one.
    pub fn position(&self, instrument: InstrumentId) -> Option<&Position> {
        self.positions.get(&instrument)
    }

    /// Signed size held of an instrument.
    pub fn qty(&self, instrument: InstrumentId) -> Qty {
        self.positions
            .get(&instrument)
            .map_or(Qty::ZERO, Position::qty)
    }

    /// Every instrument that was ever held, in the order of ids.
    pub fn positions(&self) -> impl Iterator<Item = (InstrumentId, &Position)> {
        self.positions.iter().map(|(id, position)| (*id, position))
    }

    /// Whether the identity in the module's head holds.
    pub fn balances(&self) -> bool {
        let cost: Money = self.positions.values().map(Position::cost).sum();
        self.cash == self.initial - cost + self.realised() - self.fees()
    }
}

/// What was paid: above 0 for a buy, below for a sell.
fn signed_notional(notional: Money, side: Side) -> Money {
    match side {
        Side::Buy => notional,
        Side::Sell => -notional,
    }
}

fn value_at(
    mid: MidPrice,
    qty: Qty,
    spec: &Instrument,
    instrument: InstrumentId,
) -> Result<Money, ArenaError> {
    let value = mid.value(qty, spec, instrument)?;
    checked(value, Money::ZERO, instrument, "value of a position")
}

/// The sum, unless it or a part of it is beyond [`AMOUNT_MAX`].
fn checked(
    amount: Money,
    change: Money,
    instrument: InstrumentId,
    what: &'static str,
) -> Result<Money, ArenaError> {
    let fits = |m: Money| m.units().unsigned_abs() <= AMOUNT_MAX;
    if fits(amount) && fits(change) && fits(amount + change) {
        Ok(amount + change)
    } else {
        Err(ArenaError::Overflow { instrument, what })
    }
}

#[cfg(test)]
mod tests;
