//! The risk gate: the one place where an order becomes an approved order.
//!
//! Every [`Intent`] is held against every limit, and either comes out as an [`Approved`] order or as [`Refused`] with the
//! limit it broke and by how much. The gate knows no strategy; it remembers peaks of equity, the times of what it
//! approved, and which stops have fallen. Nothing here sends anything.

mod limits;
mod refusal;

use crate::agent::AgentId;
use crate::error::ArenaError;
use crate::mid::MidPrice;
pub use limits::RiskLimits;
use mce_market::{
    Instrument, Money, Order, OrderBook, OrderId, OrderKind, Price, Qty, Side, UnixNanos,
};
pub use refusal::{Refusal, Refused};
use std::collections::{BTreeMap, VecDeque};

/// Proof that the risk gate let something pass. Nobody else can make one, it cannot be copied, and an exchange takes
/// nothing else:
///
/// ```
/// # use mce_arena::risk::Approved;
/// # use mce_market::Order;
/// fn takes(approved: Approved<Order>) -> Order {
///     approved.into_inner()
/// }
/// # let _ = takes;
/// ```
///
/// ```compile_fail
/// # use mce_arena::risk::Approved;
/// # use mce_market::Order;
/// fn makes(order: Order) -> Approved<Order> {
///     Approved(order) // error: the constructor is private
/// }
/// # let _ = makes;
/// ```
///
/// ```compile_fail
/// # use mce_arena::risk::Approved;
/// # use mce_market::Order;
/// fn doubles(approved: Approved<Order>) -> (Approved<Order>, Approved<Order>) {
///     (approved.clone(), approved) // error: an approval is used once
/// }
/// # let _ = doubles;
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, the approval being used up.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// What the arena would like to send: an order, and which agents want how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The order.
    pub order: Order,
    /// Whose it is; the signed sizes sum to the order's.
    pub parts: Vec<Part>,
}

/// One agent's part of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which agent.
    pub agent: AgentId,
    /// Signed size that the agent wants.
    pub qty: Qty,
    /// Signed size that the agent holds.
    pub position: Qty,
}

impl Part {
    /// Whether it only makes the agent's own position smaller.
    fn reduces(&self) -> bool {
        let (qty, position) = (self.qty.units(), self.position.units());
        qty.signum() * position.signum() < 0 && qty.unsigned_abs() <= position.unsigned_abs()
    }
}

/// What the gate looks at beside the intent.
#[derive(Clone, Copy, Debug)]
pub struct RiskView<'a> {
    /// Now, exchange time.
    pub ts: UnixNanos,
    /// The intent's instrument.
    pub spec: &'a Instrument,
    /// Its book.
    pub book: &'a OrderBook,
    /// Time since the book last changed or was confirmed, nanoseconds.
    pub book_age_ns: i64,
    /// Signed size that the account holds.
    pub position: Qty,
    /// Unfilled size of the account's buy orders that are out, 0 or more.
    pub open_buys: Qty,
    /// Unfilled size of the account's sell orders that are out, 0 or more.
    pub open_sells: Qty,
    /// The account's equity.
    pub equity: Money,
}

/// What may be done at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradingMode {
    /// Anything within the limits.
    Normal,
    /// Only what makes the account's positions smaller, because somebody said so.
    ReduceOnly,
    /// The account's drawdown stop has fallen: positions are to be closed, and only that.
    Stopped,
    /// The kill switch was pulled: nothing at all.
    Killed,
}

/// A peak of equity and whether the stop below it has fallen. It stays fallen until somebody re-arms it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watermark {
    peak: Money,
    stopped: bool,
}

impl Watermark {
    fn mark(&mut self, equity: Money, limit: f64) {
        self.peak = self.peak.max(equity);
        self.stopped |= self.drawdown(equity) > limit;
    }

    /// Loss since the peak as a share of the peak; 1 when there never was anything to lose.
    fn drawdown(&self, equity: Money) -> f64 {
        let peak = self.peak.to_f64();
        if peak > 0.0 {
            (peak - equity.to_f64()) / peak
        } else {
            1.0
        }
    }
}

/// The risk gate.
#[derive(Clone, Debug)]
pub struct RiskGate {
    limits: RiskLimits,
    killed: bool,
    reduce_only: bool,
    account: Option<Watermark>,
    agents: BTreeMap<AgentId, (Watermark, Money)>,
    last_id: Option<OrderId>,
    /// Times of the orders approved within the last interval, oldest first; never more than the limit.
    approvals: VecDeque<UnixNanos>,
}

impl RiskGate {
    /// A gate with these limits, armed.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every limit out of range.
    pub fn new(limits: RiskLimits) -> Result<Self, ArenaError> {
        limits.validate()?;
        Ok(RiskGate {
            limits,
            killed: false,
            reduce_only: false,
            account: None,
            agents: BTreeMap::new(),
            last_id: None,
            approvals: VecDeque::new(),
        })
    }

    /// The limits.
    pub fn limits(&self) -> &RiskLimits {
        &self.limits
    }

    /// What may be done at present.
    pub fn mode(&self) -> TradingMode {
        if self.killed {
            TradingMode::Killed
        } else if self.account.is_some_and(|account| account.stopped) {
            TradingMode::Stopped
        } else if self.reduce_only {
            TradingMode::ReduceOnly
        } else {
            TradingMode::Normal
        }
    }

    /// Whether an agent's drawdown stop has fallen.
    pub fn agent_stopped(&self, agent: AgentId) -> bool {
        self.agents
            .get(&agent)
            .is_some_and(|(watermark, _)| watermark.stopped)
    }

    /// Nothing goes out any more.
    pub fn kill(&mut self) {
        self.killed = true;
    }

    /// Only what makes positions smaller goes out, or not only that again.
    pub fn set_reduce_only(&mut self, on: bool) {
        self.reduce_only = on;
    }

    /// Takes back the kill switch and every fallen stop; peaks begin anew. A person's decision, never the engine's.
    pub fn rearm(&mut self) {
        self.killed = false;
        self.account = None;
        self.agents.clear();
    }

    /// Tells the gate the account's equity.
    pub fn mark_account(&mut self, equity: Money) {
        let limit = self.limits.account_drawdown_max;
        self.account
            .get_or_insert(Watermark {
                peak: equity,
                stopped: false,
            })
            .mark(equity, limit);
    }

    /// Tells the gate an agent's equity.
    pub fn mark_agent(&mut self, agent: AgentId, equity: Money) {
        let limit = self.limits.agent_drawdown_max;
        let fresh = Watermark {
            peak: equity,
            stopped: false,
        };
        let (watermark, last) = self.agents.entry(agent).or_insert((fresh, equity));
        watermark.mark(equity, limit);
        *last = equity;
    }

    /// Holds an intent against every limit. What comes out approved satisfies all of them; the first limit that is
    /// broken refuses.
    ///
    /// # Errors
    /// [`Refused`] with the order and the reason.
    pub fn check(
        &mut self,
        intent: &Intent,
        view: &RiskView<'_>,
    ) -> Result<Approved<Order>, Refused> {
        self.mark_account(view.equity);
        let order = intent.order;
        match self.broken(intent, view) {
            Some(why) => Err(Refused { order, why }),
            None => {
                self.last_id = Some(order.id);
                self.approvals.push_back(view.ts);
                Ok(Approved(order))
            }
        }
    }

    /// The most that an order of `side` may be at this moment, in units and whole lots, by the limits on order, position and
    /// displayed size; 0 when the book is no ground to judge on. An order of this size can still be refused for other
    /// reasons.
    pub fn room(&self, side: Side, view: &RiskView<'_>) -> i64 {
        let Some(mid) = MidPrice::of(view.book) else {
            return 0;
        };
        let spec = view.spec;
        // A hair more than a unit costs, so that rounding never gives a size that the exact check refuses.
        let unit = mid.to_f64(spec) / spec.qty_scale().units_per_one() as f64 * (1.0 + 1e-9);
        // The worst price of a market order may be a collar away from the mid.
        let worst = unit * (1.0 + self.limits.collar);
        let by_order = (self.limits.order_notional_max.to_f64() / worst) as i64;
        let held = self.exposure(side, view);
        let by_position = (self.limits.position_notional_max.to_f64() / unit) as i128 - held;
        // What closes an opposite position is not bound by the limit on positions.
        let by_position = by_position.max(-held);
        let mut displayed = 0i64;
        for level in view.book.levels(side.opposite()) {
            if displayed >= by_order || mid.distance(level.price) > self.limits.collar {
                break;
            }
            displayed = displayed.saturating_add(level.qty.units());
        }
        let room = i128::from(by_order.min(displayed)).min(by_position);
        let lot = i128::from(spec.lot().units());
        // At most `by_order`, which is 64 bits.
        (room.max(0) / lot * lot) as i64
    }

    /// Size held in the direction of `side` if all that is out on that side is filled; below 0 when the account is on
    /// the other side.
    fn exposure(&self, side: Side, view: &RiskView<'_>) -> i128 {
        let open = match side {
            Side::Buy => view.open_buys,
            Side::Sell => view.open_sells,
        };
        i128::from(view.position.units()) * i128::from(side.sign()) + i128::from(open.units())
    }

    fn broken(&mut self, intent: &Intent, view: &RiskView<'_>) -> Option<Refusal> {
        if self.killed {
            return Some(Refusal::Killed);
        }
        self.badly_formed(&intent.order, view.spec)
            .or_else(|| self.bad_data(view))
            .or_else(|| self.bad_price_or_size(&intent.order, view))
            .or_else(|| self.stopped(intent, view))
            .or_else(|| self.too_often(view.ts))
    }

    fn badly_formed(&self, order: &Order, spec: &Instrument) -> Option<Refusal> {
        let qty = order.qty.units();
        if qty <= 0 || qty % spec.lot().units() != 0 {
            return Some(Refusal::Size {
                lot: spec.lot(),
                got: order.qty,
            });
        }
        if let OrderKind::Limit { price, .. } = order.kind
            && (price.units() <= 0 || price.units() % spec.tick().units() != 0)
        {
            return Some(Refusal::Price {
                tick: spec.tick(),
                got: price,
            });
        }
        match self.last_id {
            Some(last) if order.id <= last => Some(Refusal::OrderIdReused {
                last,
                got: order.id,
            }),
            _ => None,
        }
    }

    fn bad_data(&self, view: &RiskView<'_>) -> Option<Refusal> {
        let limit_ns = i64::try_from(self.limits.book_age_max.as_nanos()).unwrap_or(i64::MAX);
        if view.book_age_ns > limit_ns {
            return Some(Refusal::StaleBook {
                limit_ns,
                got_ns: view.book_age_ns,
            });
        }
        MidPrice::of(view.book).is_none().then_some(Refusal::NoMid)
    }

    fn bad_price_or_size(&self, order: &Order, view: &RiskView<'_>) -> Option<Refusal> {
        let mid = MidPrice::of(view.book)?;
        let worst = match order.kind {
            OrderKind::Limit { price, .. } => price,
            OrderKind::Market => match worst_level(view.book, order) {
                Ok(price) => price,
                Err(displayed) => {
                    return Some(Refusal::Depth {
                        wanted: order.qty,
                        displayed,
                    });
                }
            },
        };
        let distance = mid.distance(worst);
        if distance > self.limits.collar {
            return Some(Refusal::Collar {
                limit: self.limits.collar,
                got: distance,
                price: worst,
            });
        }
        let instrument = order.instrument;
        let price = MidPrice::from_price(worst)?.max(mid);
        let Ok(notional) = price.value(order.qty, view.spec, instrument) else {
            return Some(Refusal::Overflow);
        };
        if notional > self.limits.order_notional_max {
            return Some(Refusal::OrderNotional {
                limit: self.limits.order_notional_max,
                got: notional,
            });
        }
        if reduces(order, view) {
            return None;
        }
        if notional < self.limits.order_notional_min {
            return Some(Refusal::MinNotional {
                limit: self.limits.order_notional_min,
                got: notional,
            });
        }
        let after = self.exposure(order.side, view) + i128::from(order.qty.units());
        let held = i64::try_from(after).ok().and_then(|units| {
            mid.value(Qty::from_units(units), view.spec, instrument)
                .ok()
        });
        match held {
            None => Some(Refusal::Overflow),
            Some(held) if held > self.limits.position_notional_max => {
                Some(Refusal::PositionNotional {
                    limit: self.limits.position_notional_max,
                    got: held,
                })
            }
            Some(_) => None,
        }
    }

    fn stopped(&self, intent: &Intent, view: &RiskView<'_>) -> Option<Refusal> {
        let order = &intent.order;
        let reduces = order.reduce_only && reduces(order, view);
        if order.reduce_only && !reduces {
            return Some(Refusal::NotReducing {
                position: view.position,
                side: order.side,
                got: order.qty,
            });
        }
        if !reduces {
            if self.reduce_only {
                return Some(Refusal::ReduceOnly);
            }
            if let Some(account) = self.account.filter(|account| account.stopped) {
                return Some(Refusal::AccountDrawdown {
                    limit: self.limits.account_drawdown_max,
                    got: account.drawdown(view.equity),
                });
            }
        }
        let stopped = |part: &&Part| !part.reduces() && self.agent_stopped(part.agent);
        let part = intent.parts.iter().find(stopped)?;
        let (watermark, equity) = self.agents.get(&part.agent)?;
        Some(Refusal::AgentDrawdown {
            agent: part.agent,
            limit: self.limits.agent_drawdown_max,
            got: watermark.drawdown(*equity),
        })
    }

    fn too_often(&mut self, ts: UnixNanos) -> Option<Refusal> {
        let interval_ns = i64::try_from(self.limits.orders_interval.as_nanos()).unwrap_or(i64::MAX);
        while let Some(oldest) = self.approvals.front()
            && ts.since(*oldest) >= interval_ns
        {
            self.approvals.pop_front();
        }
        (self.approvals.len() >= self.limits.orders_max as usize).then_some(Refusal::Rate {
            limit: self.limits.orders_max,
            interval: self.limits.orders_interval,
        })
    }
}

/// Whether the order makes the account's position smaller whatever else that is out on its side is filled.
fn reduces(order: &Order, view: &RiskView<'_>) -> bool {
    let open = match order.side {
        Side::Buy => view.open_buys,
        Side::Sell => view.open_sells,
    };
    let against = -i128::from(view.position.units()) * i128::from(order.side.sign());
    against > 0 && i128::from(order.qty.units()) + i128::from(open.units()) <= against
}

/// Price of the last level that a market order would touch, or the size displayed when that is less than the order.
fn worst_level(book: &OrderBook, order: &Order) -> Result<Price, Qty> {
    let mut left = order.qty.units();
    for level in book.levels(order.side.opposite()) {
        left -= level.qty.units().min(left);
        if left == 0 {
            return Ok(level.price);
        }
    }
    Err(Qty::from_units(order.qty.units() - left))
}

#[cfg(test)]
mod tests;
