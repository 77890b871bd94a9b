//! Saving an engine and restoring it: an engine restored from its saved state goes on as if it had never stopped,
//! bit for bit.
//!
//! The state is JSON with exact floats. Its structs live here and nowhere else; what they hold is named as in the
//! engine.

use super::changes::SideChanges;
use super::flows::{Flows, PendingTrades};
use super::sampling::{Averages, SampledMid};
use super::{Accepted, Counters, FeatureEngine, SampleVolumes};
use crate::ema::Ema;
use crate::error::FeatureError;
use crate::sample::{FeatureConfig, SCHEMA};
use mce_market::{BookSnapshot, Instrument, InstrumentId, Level, OrderBook, Price, Qty, Side};
use serde::{Deserialize, Serialize};

const WHAT: &str = "engine state";
/// Version of the layout below.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    schema: String,
    version: u32,
    mode: String,
    interval_ns: i64,
    max_quiet_ns: i64,
    depth: usize,
    venue: String,
    symbol: String,
    price_scale: u8,
    qty_scale: u8,
    tick: i64,
    next_grid: Option<i64>,
    last_event: Option<i64>,
    synced: bool,
    live: bool,
    after_gap: bool,
    counters: CountersState,
    accepted: Option<AcceptedState>,
    averages: AveragesState,
    flows: FlowsState,
    trades: TradesState,
    since_sample: [f64; 3],
    changes: Sides<[i64; 3]>,
    book: Sides<[i64; 2]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sides<T> {
    bids: Vec<T>,
    asks: Vec<T>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountersState {
    observations: u64,
    invalid: u64,
    late: u64,
    gaps: u64,
    resets: u64,
    levels_dropped: u64,
    unsynced: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptedState {
    ts: i64,
    bid: [i64; 2],
    ask: [i64; 2],
    last_bid: i64,
    last_ask: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FlowsState {
    ofi_10: f64,
    passive_30: f64,
    buy_10: f64,
    sell_10: f64,
    net_30: f64,
    add_15: f64,
    rem_15: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TradesState {
    buy: f64,
    sell: f64,
    liquidated: f64,
    at_ask: Vec<(i64, i64)>,
    at_bid: Vec<(i64, i64)>,
}

/// An average as [weighted sum, sum of the weights]; a sampled mid as (ts, mid).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AveragesState {
    first: Option<(i64, f64)>,
    previous: Option<(i64, f64)>,
    length: [f64; 2],
    volume: [f64; 2],
    variance: [f64; 2],
    variance_15: [f64; 2],
    log_mid_60: [f64; 2],
    queue: [f64; 2],
    half_far: [f64; 2],
    trade_rate: [f64; 2],
    near: [f64; 2],
    near_bid: [f64; 2],
    near_ask: [f64; 2],
    spread: [f64; 2],
    cost: [f64; 2],
}

impl FeatureEngine {
    /// The whole state as JSON text, the order book included.
    pub fn save(&self) -> String {
        let state = State {
            schema: SCHEMA.into(),
            version: VERSION,
            mode: self.config.mode().letter().into(),
            interval_ns: self.config.interval_ns(),
            max_quiet_ns: self.config.max_quiet_ns(),
            depth: self.config.depth(),
            venue: self.units.venue.as_ref().into(),
            symbol: self.units.symbol.as_ref().into(),
            price_scale: self.units.price_scale.decimals(),
            qty_scale: self.units.qty_scale.decimals(),
            tick: self.units.tick.units(),
            next_grid: self.next_grid,
            last_event: self.last_event,
            synced: self.synced,
            live: self.live,
            after_gap: self.after_gap,
            counters: saved_counters(&self.counters),
            accepted: self.accepted.as_ref().map(saved_accepted),
            averages: saved_averages(&self.averages),
            flows: saved_flows(&self.flows),
            trades: saved_trades(&self.trades),
            since_sample: [
                self.since_sample.buy,
                self.since_sample.sell,
                self.since_sample.liquidated,
            ],
            changes: Sides {
                bids: saved_changes(&self.bids),
                asks: saved_changes(&self.asks),
            },
            book: Sides {
                bids: saved_levels(&self.book, Side::Buy),
                asks: saved_levels(&self.book, Side::Sell),
            },
        };
        serde_json::to_string(&state).expect("plain structs with string keys always serialise")
    }

    /// The engine that `text` was [saved](FeatureEngine::save) from. Its tick is the one it had, which a definition of
    /// the instrument in its stream may have changed since `instrument` was made.
    ///
    /// # Errors
    /// [`FeatureError::Json`] for text that is no saved state, [`FeatureError::Mismatch`] naming the field when it
    /// was saved under another schema, configuration, instrument or scale, and [`FeatureError::Value`] for a book
    /// that cannot be.
    pub fn restore(
        instrument_id: InstrumentId,
        instrument: &Instrument,
        config: FeatureConfig,
        text: &str,
    ) -> Result<Self, FeatureError> {
        let state: State = serde_json::from_str(text)
            .map_err(|source| FeatureError::Json { what: WHAT, source })?;
        let mut engine = FeatureEngine::new(instrument_id, instrument, config);
        engine.check_same(&state)?;
        if state.tick <= 0 {
            return Err(value(format!("tick must be above 0, not {}", state.tick)));
        }
        engine.units.tick = Price::from_units(state.tick);
        engine.next_grid = state.next_grid;
        engine.last_event = state.last_event;
        engine.synced = state.synced;
        engine.live = state.live;
        engine.after_gap = state.after_gap;
        engine.counters = counters(&state.counters);
        engine.accepted = match &state.accepted {
            Some(saved) => Some(engine.accepted_from(saved)?),
            None if state.live => return Err(value("live without an accepted observation".into())),
            None => None,
        };
        engine.averages = averages(&state.averages);
        engine.flows = flows(&state.flows);
        engine.trades = trades(state.trades);
        let [buy, sell, liquidated] = state.since_sample;
        engine.since_sample = SampleVolumes {
            buy,
            sell,
            liquidated,
        };
        restore_changes(&state.changes.bids, &mut engine.bids);
        restore_changes(&state.changes.asks, &mut engine.asks);
        let book = BookSnapshot {
            bids: levels(&state.book.bids),
            asks: levels(&state.book.asks),
            update_id: None,
        };
        engine
            .book
            .apply_snapshot(&book)
            .map_err(|error| value(error.to_string()))?;
        Ok(engine)
    }

    fn check_same(&self, state: &State) -> Result<(), FeatureError> {
        let ours = &self.config;
        let units = &self.units;
        same("schema", &state.schema.as_str(), &SCHEMA)?;
        same("version", &state.version, &VERSION)?;
        same("mode", &state.mode.as_str(), &ours.mode().letter())?;
        same("interval_ns", &state.interval_ns, &ours.interval_ns())?;
        same("max_quiet_ns", &state.max_quiet_ns, &ours.max_quiet_ns())?;
        same("depth", &state.depth, &ours.depth())?;
        same("venue", &state.venue.as_str(), &&*units.venue)?;
        same("symbol", &state.symbol.as_str(), &&*units.symbol)?;
        let scale = units.price_scale.decimals();
        same("price_scale", &state.price_scale, &scale)?;
        let scale = units.qty_scale.decimals();
        same("qty_scale", &state.qty_scale, &scale)
    }

    fn accepted_from(&self, saved: &AcceptedState) -> Result<Accepted, FeatureError> {
        let (bid, ask) = (level(&saved.bid), level(&saved.ask));
        let prices = [saved.last_bid, saved.bid[0], saved.ask[0], saved.last_ask];
        let ordered = 0 < prices[0] && prices[0] <= prices[1] && prices[1] < prices[2];
        if !ordered || prices[2] > prices[3] || saved.bid[1] <= 0 || saved.ask[1] <= 0 {
            return Err(value(format!(
                "the accepted book must have sizes above 0 and prices that rise from the last bid to the last ask, not {prices:?}"
            )));
        }
        Ok(Accepted {
            ts: saved.ts,
            bid,
            ask,
            last_bid: Price::from_units(saved.last_bid),
            last_ask: Price::from_units(saved.last_ask),
            mid: self.units.mid(bid, ask),
        })
    }
}

fn value(problem: String) -> FeatureError {
    FeatureError::Value {
        what: WHAT,
        problem,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    field: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), FeatureError> {
    FeatureError::unless_same(WHAT, field, found, expected)
}

fn level(saved: &[i64; 2]) -> Level {
    Level::new(Price::from_units(saved[0]), Qty::from_units(saved[1]))
}

fn levels(saved: &[[i64; 2]]) -> Vec<Level> {
    saved.iter().map(level).collect()
}

fn saved_levels(book: &OrderBook, side: Side) -> Vec<[i64; 2]> {
    let levels = book.levels(side);
    levels.map(|l| [l.price.units(), l.qty.units()]).collect()
}

fn saved_changes(changes: &SideChanges) -> Vec<[i64; 3]> {
    let list = changes.list().iter();
    list.map(|c| [c.price, c.before, c.now]).collect()
}

fn restore_changes(saved: &[[i64; 3]], changes: &mut SideChanges) {
    for [price, before, now] in saved {
        changes.push(*price, *before, *now);
    }
}

fn saved_accepted(book: &Accepted) -> AcceptedState {
    AcceptedState {
        ts: book.ts,
        bid: [book.bid.price.units(), book.bid.qty.units()],
        ask: [book.ask.price.units(), book.ask.qty.units()],
        last_bid: book.last_bid.units(),
        last_ask: book.last_ask.units(),
    }
}

/// Two structs of the same fields, one into the other: a field that is forgotten does not compile.
macro_rules! copy_fields {
    ($from:expr => $to:ident { $($field:ident),+ $(,)? }) => {{
        let from = $from;
        $to { $($field: from.$field),+ }
    }};
}

fn saved_counters(from: &Counters) -> CountersState {
    copy_fields!(from => CountersState {
        observations, invalid, late, gaps, resets, levels_dropped, unsynced
    })
}

fn counters(from: &CountersState) -> Counters {
    copy_fields!(from => Counters {
        observations, invalid, late, gaps, resets, levels_dropped, unsynced
    })
}

fn saved_flows(from: &Flows) -> FlowsState {
    copy_fields!(from => FlowsState { ofi_10, passive_30, buy_10, sell_10, net_30, add_15, rem_15 })
}

fn flows(from: &FlowsState) -> Flows {
    copy_fields!(from => Flows { ofi_10, passive_30, buy_10, sell_10, net_30, add_15, rem_15 })
}

fn saved_trades(from: &PendingTrades) -> TradesState {
    let from = from.clone();
    copy_fields!(from => TradesState { buy, sell, liquidated, at_ask, at_bid })
}

fn trades(from: TradesState) -> PendingTrades {
    copy_fields!(from => PendingTrades { buy, sell, liquidated, at_ask, at_bid })
}

fn saved_averages(from: &Averages) -> AveragesState {
    let mid = |sampled: SampledMid| (sampled.ts, sampled.mid);
    let pair = |ema: Ema| [ema.sum, ema.weight];
    AveragesState {
        first: from.first.map(mid),
        previous: from.previous.map(mid),
        length: pair(from.length),
        volume: pair(from.volume),
        variance: pair(from.variance),
        variance_15: pair(from.variance_15),
        log_mid_60: pair(from.log_mid_60),
        queue: pair(from.queue),
        half_far: pair(from.half_far),
        trade_rate: pair(from.trade_rate),
        near: pair(from.near),
        near_bid: pair(from.near_bid),
        near_ask: pair(from.near_ask),
        spread: pair(from.spread),
        cost: pair(from.cost),
    }
}

fn averages(from: &AveragesState) -> Averages {
    let mid = |(ts, mid)| SampledMid { ts, mid };
    let ema = |[sum, weight]: [f64; 2]| Ema { sum, weight };
    Averages {
        first: from.first.map(mid),
        previous: from.previous.map(mid),
        length: ema(from.length),
        volume: ema(from.volume),
        variance: ema(from.variance),
        variance_15: ema(from.variance_15),
        log_mid_60: ema(from.log_mid_60),
        queue: ema(from.queue),
        half_far: ema(from.half_far),
        trade_rate: ema(from.trade_rate),
        near: ema(from.near),
        near_bid: ema(from.near_bid),
        near_ask: ema(from.near_ask),
        spread: ema(from.spread),
        cost: ema(from.cost),
        ..Averages::default()
    }
}
