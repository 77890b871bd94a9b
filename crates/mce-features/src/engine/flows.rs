//! What moves at every observation: the decayed sums of order flow, and the trades that wait for their observation.

use super::Accepted;
use super::changes::{Change, SideChanges};
use crate::ema::{left_after, seconds};
use crate::kernel::Kernel;
use mce_market::{Price, Qty, Scale, Side};

/// Half-life of the passive flow and of the net traded volume, seconds. Those of 10 and 15 s are its half and third,
/// so one exponential serves all three.
const LONGEST_S: f64 = 30.0;

/// The decayed sums F_h of the schema, the half-life in the name, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flows {
    pub(crate) ofi_10: f64,
    pub(crate) passive_30: f64,
    pub(crate) buy_10: f64,
    pub(crate) sell_10: f64,
    pub(crate) net_30: f64,
    pub(crate) add_15: f64,
    pub(crate) rem_15: f64,
}

/// What one observation adds to the sums that level changes feed, base units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LevelFlow {
    /// e of Cont, Kukanov & Stoikov at the best levels.
    pub(crate) ofi: f64,
    /// g: kernel-weighted changes behind the best, bids minus asks.
    pub(crate) passive: f64,
    /// Kernel-weighted additions of both sides.
    pub(crate) add: f64,
    /// Kernel-weighted removals of both sides, less what was traded.
    pub(crate) rem: f64,
}

/// What is left of each sum after a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decay {
    pub(crate) left_10: f64,
    pub(crate) left_15: f64,
    pub(crate) left_30: f64,
}

impl Decay {
    #[inline]
    pub(crate) fn over(dt_ns: i64) -> Self {
        let left_30 = left_after(seconds(dt_ns), LONGEST_S);
        let left_15 = left_30 * left_30;
        Decay {
            left_10: left_15 * left_30,
            left_15,
            left_30,
        }
    }
}

impl Flows {
    /// Moves every sum by one observation, `dt_ns` after the one before.
    #[inline]
    pub(crate) fn step(&mut self, dt_ns: i64, levels: &LevelFlow, trades: &PendingTrades) {
        let Decay {
            left_10,
            left_15,
            left_30,
        } = Decay::over(dt_ns);
        self.ofi_10 = left_10 * self.ofi_10 + levels.ofi;
        self.passive_30 = left_30 * self.passive_30 + levels.passive;
        self.add_15 = left_15 * self.add_15 + levels.add;
        self.rem_15 = left_15 * self.rem_15 + levels.rem;
        self.buy_10 = left_10 * self.buy_10 + trades.buy;
        self.sell_10 = left_10 * self.sell_10 + trades.sell;
        self.net_30 = left_30 * self.net_30 + (trades.buy - trades.sell);
    }
}

/// Trades since the last accepted observation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PendingTrades {
    /// Volume of aggressive buys, base units.
    pub(crate) buy: f64,
    /// Volume of aggressive sells, base units.
    pub(crate) sell: f64,
    /// Liquidated volume, base units.
    pub(crate) liquidated: f64,
    /// Bought by price, both in units, sorted by price: lessens removals of asks.
    pub(crate) at_ask: Vec<(i64, i64)>,
    /// Sold by price: lessens removals of bids.
    pub(crate) at_bid: Vec<(i64, i64)>,
}

impl PendingTrades {
    pub(crate) fn add(&mut self, aggressor: Side, price: Price, qty: Qty, qty_scale: Scale) {
        let (volume, by_price) = match aggressor {
            Side::Buy => (&mut self.buy, &mut self.at_ask),
            Side::Sell => (&mut self.sell, &mut self.at_bid),
        };
        *volume += qty.to_f64(qty_scale);
        match by_price.binary_search_by_key(&price.units(), |(price, _)| *price) {
            // A level holds at most what an i64 does, so a saturated sum lessens it as the true one would.
            Ok(at) => by_price[at].1 = by_price[at].1.saturating_add(qty.units()),
            Err(at) => by_price.insert(at, (price.units(), qty.units())),
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.buy = 0.0;
        self.sell = 0.0;
        self.liquidated = 0.0;
        self.at_ask.clear();
        self.at_bid.clear();
    }
}

/// Volume traded at `price`, units.
fn traded(by_price: &[(i64, i64)], price: i64) -> i64 {
    match by_price.binary_search_by_key(&price, |(price, _)| *price) {
        Ok(at) => by_price[at].1,
        Err(_) => 0,
    }
}

/// e at the best levels, in size units.
#[inline]
pub(crate) fn ofi_increment(before: &Accepted, now: &Accepted) -> f64 {
    let size = |qty: Qty| qty.units() as f64;
    let mut e = 0.0;
    if now.bid.price >= before.bid.price {
        e += size(now.bid.qty);
    }
    if now.bid.price <= before.bid.price {
        e -= size(before.bid.qty);
    }
    if now.ask.price <= before.ask.price {
        e -= size(now.ask.qty);
    }
    if now.ask.price >= before.ask.price {
        e += size(before.ask.qty);
    }
    e
}

/// The kernel sums of one side, in size units.
#[derive(Default)]
struct SideFlow {
    passive: f64,
    add: f64,
    rem: f64,
}

/// What the kernel sums are taken with.
pub(crate) struct FlowScale {
    /// The current length scale L; `None` before there is one, when the kernel sums take nothing in.
    pub(crate) length: Option<f64>,
    /// Price units in 1.
    pub(crate) price_one: f64,
    /// Size units in 1.
    pub(crate) qty_one: f64,
    /// Whether trades lessen removals: in modes T and D.
    pub(crate) trades_lessen: bool,
}

/// What the changes between two accepted observations add to the sums. Merges the lists and uses `weights` as room.
#[inline]
pub(crate) fn level_flow(
    (before, now): (&Accepted, &Accepted),
    (bids, asks): (&mut SideChanges, &mut SideChanges),
    trades: &PendingTrades,
    scale: &FlowScale,
    weights: &mut Vec<f64>,
) -> LevelFlow {
    let mut flow = LevelFlow {
        ofi: ofi_increment(before, now) / scale.qty_one,
        ..LevelFlow::default()
    };
    let Some(length) = scale.length else {
        return flow;
    };
    bids.merge();
    asks.merge();
    // A price says something only where both books see it: down to the better of the two last levels.
    let bids = bids.down_to(before.last_bid.max(now.last_bid).units());
    let asks = asks.down_to(before.last_ask.min(now.last_ask).units());
    if bids.is_empty() && asks.is_empty() {
        return flow;
    }
    weights.clear();
    let distance = |c: &Change| (c.price as f64 / scale.price_one - now.mid).abs();
    weights.extend(bids.iter().map(distance));
    weights.extend(asks.iter().map(distance));
    Kernel::new(length).far(weights);
    let (bid_weights, ask_weights) = weights.split_at(bids.len());
    let worse_bid = before.bid.price.min(now.bid.price).units();
    let worse_ask = before.ask.price.max(now.ask.price).units();
    let (at_bid, at_ask): (&[_], &[_]) = if scale.trades_lessen {
        (&trades.at_bid, &trades.at_ask)
    } else {
        (&[], &[])
    };
    let mut sums = SideFlow::default();
    side_flow(bids, bid_weights, at_bid, |p| p < worse_bid, &mut sums);
    let passive_bids = std::mem::take(&mut sums.passive);
    side_flow(asks, ask_weights, at_ask, |p| p > worse_ask, &mut sums);
    flow.passive = (passive_bids - sums.passive) / scale.qty_one;
    flow.add = sums.add / scale.qty_one;
    flow.rem = sums.rem / scale.qty_one;
    flow
}

#[inline]
fn side_flow(
    changes: &[Change],
    weights: &[f64],
    by_price: &[(i64, i64)],
    is_behind: impl Fn(i64) -> bool,
    sums: &mut SideFlow,
) {
    for (change, w) in changes.iter().zip(weights) {
        let grown = change.now - change.before;
        if is_behind(change.price) {
            sums.passive += w * grown as f64;
        }
        if grown > 0 {
            sums.add += w * grown as f64;
        } else {
            let removed = if by_price.is_empty() {
                -grown
            } else {
                (-grown - traded(by_price, change.price)).max(0)
            };
            sums.rem += w * removed as f64;
        }
    }
}
