//! The arena: asks every agent, nets what they want into one account, and books back what was executed.
//!
//! One call of [`ArenaManager::process_data`] a sample, one of [`ArenaManager::on_report`] for every report of the
//! exchange, in the order in which they happen. Everything is a function of those calls.
//!
//! # Netting
//! Each agent's wish is the difference between what it wants to hold and what its virtual book holds. Where some buy and
//! others sell the same instrument, they trade with each other: at the mid, without a fee, pro rata on the larger side.
//! The account does not trade for it, so nothing is lost or won there. What is left becomes one order, cut to what the
//! risk gate has room for, and goes through the gate. Its fills and fees are booked to the agents pro rata of what
//! was sent for them, in whole lots by largest remainder.
//!
//! Two sums hold to the unit at any time: the agents' positions are the account's, and the agents' profits are the account's.
//!
//! # One order at a time
//! While an order in an instrument is out, its agents hold: nothing is decided on a position that is about to change.
//! Orders are market orders or immediate-or-cancel limits, so this lasts for a latency.

mod config;
mod netting;
mod shares;

use crate::agent::{Agent, AgentConfig, AgentId, Desk, Permission};
use crate::apportion::{apportion, split};
use crate::complexity::{Complexity, ComplexityConfig, ComplexityManager};
use crate::decision::{Pause, Stop};
use crate::error::ArenaError;
use crate::exchange::Report;
use crate::mid::MidPrice;
use crate::portfolio::{Execution, Portfolio};
use crate::risk::{Intent, Part, RiskGate, RiskView, TradingMode};
use crate::view::MarketView;
pub use config::{ArenaConfig, ArenaOutput, Cross, OrderStyle};
use mce_market::{
    AbsentReason, Fill, Instrument, InstrumentId, Money, Order, OrderId, OrderKind, Price, Qty,
    Reading, Side, Signal, TimeInForce,
};
use netting::{Netting, net};
pub use shares::CapitalShares;
use std::collections::BTreeMap;

/// An order that is out.
#[derive(Clone, Debug)]
struct OrderOut {
    order: Order,
    spec: Instrument,
    /// Index of each agent that it is for, and how many units of its part are left.
    parts: Vec<(usize, i64)>,
}

/// Agents on one account.
#[derive(Clone, Debug)]
pub struct ArenaManager {
    style: OrderStyle,
    agents: Vec<Agent>,
    shares: CapitalShares,
    account: Portfolio,
    gate: RiskGate,
    complexity: Option<ComplexityConfig>,
    managers: BTreeMap<InstrumentId, ComplexityManager>,
    orders_out: BTreeMap<InstrumentId, OrderOut>,
    next_order: u64,
}

impl ArenaManager {
    /// An arena of these agents with equal shares of the capital.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range of the arena, or of the first agent that has one.
    pub fn new(config: ArenaConfig, agents: Vec<AgentConfig>) -> Result<Self, ArenaError> {
        config.validate(&agents)?;
        if let Some(complexity) = config.complexity {
            ComplexityManager::new(complexity)?;
        }
        let shares = CapitalShares::equal(agents.len());
        let initial = shares.split(config.initial);
        Ok(ArenaManager {
            style: config.style,
            agents: agents
                .into_iter()
                .zip(initial)
                .map(|(agent, initial)| Agent::new(agent, initial))
                .collect::<Result<_, _>>()?,
            shares,
            account: Portfolio::new(config.initial),
            gate: RiskGate::new(config.limits)?,
            complexity: config.complexity,
            managers: BTreeMap::new(),
            orders_out: BTreeMap::new(),
            next_order: 1,
        })
    }

    /// The agents in the order of the configuration, each with its virtual book.
    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    /// The account.
    pub fn account(&self) -> &Portfolio {
        &self.account
    }

    /// The risk gate.
    pub fn gate(&self) -> &RiskGate {
        &self.gate
    }

    /// The risk gate, for whoever may kill, hold back or re-arm.
    pub fn gate_mut(&mut self) -> &mut RiskGate {
        &mut self.gate
    }

    /// The order that is out in an instrument, if one is.
    pub fn order_out(&self, instrument: InstrumentId) -> Option<&Order> {
        self.orders_out.get(&instrument).map(|out| &out.order)
    }

    /// Marks the account and the agents' books at the mid of a book; nothing happens without a mid. For reports between
    /// samples: [`ArenaManager::process_data`] does it by itself.
    ///
    /// # Errors
    /// [`ArenaError::Overflow`] when a value is beyond the range of accounts.
    pub fn mark(
        &mut self,
        instrument: InstrumentId,
        mid: Option<MidPrice>,
        spec: &Instrument,
    ) -> Result<(), ArenaError> {
        let Some(mid) = mid else { return Ok(()) };
        self.account.mark(instrument, mid, spec)?;
        for agent in &mut self.agents {
            if agent.instrument() == instrument {
                agent.mark(mid, spec)?;
            }
        }
        Ok(())
    }

    /// Asks every agent of the instrument what it wants, trades what cancels out between them, and sends the rest
    /// through the risk gate. `signal` is the one made from `view.sample`; any other counts as stale. Results are
    /// appended to `out`; every approved order must be submitted, or reported as refused by
    /// [`crate::exchange::Full::report`].
    ///
    /// # Errors
    /// [`ArenaError::Overflow`] or [`ArenaError::ScaleChanged`] when a value or an internal trade cannot be booked.
    pub fn process_data(
        &mut self,
        view: &MarketView<'_>,
        signal: &Signal,
        out: &mut ArenaOutput,
    ) -> Result<(), ArenaError> {
        let mid = view.mid();
        self.mark(view.instrument, mid, view.spec)?;
        let equity = self.account.equity();
        self.gate.mark_account(equity);
        for agent in &self.agents {
            self.gate.mark_agent(agent.id(), agent.book().equity());
        }
        let complexity = self.complexity_of(view)?;
        let (skew, pressure) = readings(view, signal);
        let lot = view.spec.lot().units();
        // Whatever agents want, the sum of their wishes fits 64 bits.
        let wish_max = i64::MAX / self.agents.len() as i64;
        let mut wishes = vec![0i64; self.agents.len()];
        for (at, wish) in wishes.iter_mut().enumerate() {
            if self.agents[at].instrument() != view.instrument {
                continue;
            }
            let desk = Desk {
                capital: self.shares.of(at, equity),
                permission: self.permission(self.agents[at].id(), view.instrument),
                complexity,
            };
            let agent = &mut self.agents[at];
            let decision = agent.decide_and_execute(view, &skew, &pressure, &desk);
            let change = decision
                .target
                .units()
                .saturating_sub(decision.position.units());
            *wish = change.clamp(-wish_max, wish_max) / lot * lot;
            out.decisions.push(decision);
        }
        let Some(mid) = mid else { return Ok(()) };
        let netting = net(&wishes, lot);
        self.cross(view, mid, &netting, out)?;
        self.send(view, &netting, out);
        Ok(())
    }

    /// Books what the exchange says of an order.
    ///
    /// # Errors
    /// [`ArenaError::UnknownOrder`] for a fill of an order that is not out, [`ArenaError::Overfill`] for one that is
    /// larger than what was left, and as [`Portfolio::execute`]. Nothing is booked then.
    pub fn on_report(&mut self, report: &Report) -> Result<(), ArenaError> {
        match report {
            Report::Fill(fill) => self.attribute(fill),
            Report::Done(done) => {
                self.orders_out.retain(|_, out| out.order.id != done.order);
                Ok(())
            }
            Report::Resting { .. } | Report::CancelRejected { .. } => Ok(()),
        }
    }

    fn complexity_of(&mut self, view: &MarketView<'_>) -> Result<Complexity, ArenaError> {
        let Some(config) = self.complexity else {
            return Ok(Complexity::Off);
        };
        let manager = match self.managers.entry(view.instrument) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(ComplexityManager::new(config)?)
            }
        };
        for bar in view.bars {
            manager.on_bar(bar);
        }
        Ok(manager.reading())
    }

    fn permission(&self, agent: AgentId, instrument: InstrumentId) -> Permission {
        match self.gate.mode() {
            TradingMode::Killed => Permission::Pause(Pause::Killed),
            _ if self.orders_out.contains_key(&instrument) => Permission::Pause(Pause::OrderOut),
            TradingMode::Stopped => Permission::Close(Stop::AccountDrawdown),
            _ if self.gate.agent_stopped(agent) => Permission::Close(Stop::AgentDrawdown),
            TradingMode::ReduceOnly => Permission::ReduceOnly,
            TradingMode::Normal => Permission::Trade,
        }
    }

    /// Books what agents trade with each other.
    fn cross(
        &mut self,
        view: &MarketView<'_>,
        mid: MidPrice,
        netting: &Netting,
        out: &mut ArenaOutput,
    ) -> Result<(), ArenaError> {
        if netting.crossed == 0 {
            return Ok(());
        }
        let qty = Qty::from_units(netting.crossed);
        let total = mid.value(qty, view.spec, view.instrument)?;
        for side in [Side::Buy, Side::Sell] {
            let parts: Vec<i64> = netting
                .crosses
                .iter()
                .map(|units| (units * side.sign()).max(0))
                .collect();
            for (at, notional) in split(total, &parts).into_iter().enumerate() {
                if parts[at] == 0 {
                    continue;
                }
                let execution = Execution {
                    instrument: view.instrument,
                    side,
                    qty: Qty::from_units(parts[at]),
                    notional,
                    fee: Money::ZERO,
                };
                self.agents[at].on_execution(&execution, view.ts, view.spec)?;
                out.crosses.push(Cross {
                    ts: view.ts,
                    instrument: view.instrument,
                    agent: self.agents[at].id(),
                    qty: Qty::from_units(netting.crosses[at]),
                    notional,
                });
            }
        }
        Ok(())
    }

    /// Sends what is left through the risk gate.
    fn send(&mut self, view: &MarketView<'_>, netting: &Netting, out: &mut ArenaOutput) {
        let wanted: i64 = netting.left.iter().sum();
        if wanted == 0 {
            return;
        }
        let side = if wanted > 0 { Side::Buy } else { Side::Sell };
        let risk = RiskView {
            ts: view.ts,
            spec: view.spec,
            book: view.book,
            book_age_ns: view.book_age_ns,
            position: self.account.qty(view.instrument),
            open_buys: Qty::ZERO,
            open_sells: Qty::ZERO,
            equity: self.account.equity(),
        };
        let against = (-risk.position.units().saturating_mul(side.sign())).max(0);
        let mut units = wanted.abs();
        if self.gate.mode() != TradingMode::Normal && against > 0 {
            units = units.min(against);
        }
        // Without any room the whole wish goes to the gate, which then says why not.
        match self.gate.room(side, &risk) {
            0 => {}
            room => units = units.min(room),
        }
        let kind = self.order_kind(side, view);
        let weights: Vec<i64> = netting.left.iter().map(|units| units.abs()).collect();
        let parts = apportion(units, &weights, view.spec.lot().units());
        let order = Order {
            id: OrderId(self.next_order),
            instrument: view.instrument,
            side,
            qty: Qty::from_units(units),
            kind,
            reduce_only: units <= against,
            ts: view.ts,
        };
        self.next_order += 1;
        let holders = parts.iter().enumerate().filter(|(_, units)| **units > 0);
        let intent = Intent {
            order,
            parts: holders
                .clone()
                .map(|(at, units)| Part {
                    agent: self.agents[at].id(),
                    qty: Qty::from_units(units * side.sign()),
                    position: self.agents[at].position(),
                })
                .collect(),
        };
        match self.gate.check(&intent, &risk) {
            Ok(approved) => {
                let order_out = OrderOut {
                    order,
                    spec: view.spec.clone(),
                    parts: holders.map(|(at, units)| (at, *units)).collect(),
                };
                self.orders_out.insert(view.instrument, order_out);
                out.orders.push(approved);
            }
            Err(refused) => out.refused.push(refused),
        }
        out.intents.push(intent);
    }

    fn order_kind(&self, side: Side, view: &MarketView<'_>) -> OrderKind {
        let best = match side {
            Side::Buy => view.book.best_ask(),
            Side::Sell => view.book.best_bid(),
        };
        match (self.style, best) {
            (OrderStyle::Protected { slippage_bps }, Some(best)) => OrderKind::Limit {
                price: protected(best.price, side, slippage_bps, view.spec.tick()),
                time_in_force: TimeInForce::ImmediateOrCancel,
            },
            // Without a best price there is no mid, and the gate refuses whatever is sent.
            (OrderStyle::Market, _) | (_, None) => OrderKind::Market,
        }
    }

    /// Books a fill to the account and to the agents it was for.
    fn attribute(&mut self, fill: &Fill) -> Result<(), ArenaError> {
        let unknown = ArenaError::UnknownOrder { order: fill.order };
        let out = match self.orders_out.get_mut(&fill.instrument) {
            Some(out) if out.order.id == fill.order => out,
            _ => return Err(unknown),
        };
        let lefts: Vec<i64> = out.parts.iter().map(|(_, left)| *left).collect();
        let (left, qty) = (lefts.iter().sum::<i64>(), fill.qty.units());
        if qty > left {
            return Err(ArenaError::Overfill {
                order: fill.order,
                left,
                got: qty,
            });
        }
        let whole = Execution::of_fill(fill, &out.spec)?;
        self.account.execute(&whole, &out.spec)?;
        let parts = apportion(qty, &lefts, out.spec.lot().units());
        let notionals = split(whole.notional, &parts);
        let fees = split(whole.fee, &parts);
        for (i, (at, left)) in out.parts.iter_mut().enumerate() {
            if parts[i] == 0 {
                continue;
            }
            *left -= parts[i];
            let execution = Execution {
                qty: Qty::from_units(parts[i]),
                notional: notionals[i],
                fee: fees[i],
                ..whole
            };
            self.agents[*at].on_execution(&execution, fill.ts, &out.spec)?;
        }
        Ok(())
    }
}

/// The readings of a signal, if they are this sample's and numbers at all.
fn readings(view: &MarketView<'_>, signal: &Signal) -> (Reading, Reading) {
    if signal.instrument != view.instrument || signal.ts != view.sample.ts {
        let stale = Reading::Absent(AbsentReason::Stale);
        return (stale.clone(), stale);
    }
    let sound = |reading: &Reading, what: &str| match reading {
        Reading::Present(value) if !value.is_finite() => {
            Reading::Absent(AbsentReason::Error(format!("{what} is {value}").into()))
        }
        reading => reading.clone(),
    };
    (
        sound(&signal.skew, "MCE_Skew"),
        sound(&signal.pressure, "MCE_Pressure"),
    )
}

/// The worst acceptable price: `bps` beyond `best`, on a tick, never better than `best` itself.
fn protected(best: Price, side: Side, bps: u32, tick: Price) -> Price {
    let slip = i128::from(best.units()) * i128::from(bps) / 10_000;
    let tick = i128::from(tick.units());
    // Whole ticks of slippage, so that a best price on a tick gives a limit on a tick.
    let units = i128::from(best.units()) + slip / tick * tick * i128::from(side.sign());
    let units = match side {
        Side::Buy => units.div_euclid(tick) * tick,
        Side::Sell => (units + tick - 1).div_euclid(tick) * tick,
    };
    // At most a tenth away from a 64-bit price; beyond the range the gate's collar refuses it.
    Price::from_units(i64::try_from(units).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
