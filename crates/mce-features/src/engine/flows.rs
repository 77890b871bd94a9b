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

/// What one level change adds to each kernel sum, before its weight; sizes in units.
#[derive(Clone, Copy, Debug)]
struct Term {
    passive: f64,
    add: f64,
    rem: f64,
}

/// The terms of one observation, and beside each its price in units, then its weight.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    terms: Vec<Term>,
    weights: Vec<f64>,
}

/// Terms are filled up to a multiple of this, for the vector loop over their weights.
const BLOCK: usize = 4;

/// What the changes between two accepted observations add to the sums. `terms` is room for it; lists that are not best
/// first are merged.
#[inline]
pub(crate) fn level_flow(
    (before, now): (&Accepted, &Accepted),
    (bids, asks): (&mut SideChanges, &mut SideChanges),
    trades: &PendingTrades,
    scale: &FlowScale,
    terms: &mut Terms,
) -> LevelFlow {
    let mut flow = LevelFlow {
        ofi: ofi_increment(before, now) / scale.qty_one,
        ..LevelFlow::default()
    };
    let Some(length) = scale.length else {
        return flow;
    };
    terms.truncate(0);
    let bid_prices = SidePrices {
        // A price says something only where both books see it: down to the better of the two last levels.
        last: before.last_bid.max(now.last_bid).units(),
        // Passive is what stands behind the present and the previous best.
        worse_best: before.bid.price.min(now.bid.price).units(),
    };
    bid_prices.terms::<1>(bids, &trades.at_bid, scale, terms);
    let ask_prices = SidePrices {
        last: before.last_ask.min(now.last_ask).units(),
        worse_best: before.ask.price.max(now.ask.price).units(),
    };
    ask_prices.terms::<-1>(asks, &trades.at_ask, scale, terms);
    let Terms { terms, weights } = terms;
    weights.resize(weights.len().next_multiple_of(BLOCK), 0.0);
    Kernel::new(length).far_of(weights, |price| (price / scale.price_one - now.mid).abs());
    for (term, w) in terms.iter().zip(weights) {
        flow.passive += *w * term.passive;
        flow.add += *w * term.add;
        flow.rem += *w * term.rem;
    }
    flow.passive /= scale.qty_one;
    flow.add /= scale.qty_one;
    flow.rem /= scale.qty_one;
    flow
}

impl Terms {
    fn truncate(&mut self, count: usize) {
        self.terms.truncate(count);
        self.weights.truncate(count);
    }
}

/// Where on one side changes count, and as what.
struct SidePrices {
    last: i64,
    worse_best: i64,
}

impl SidePrices {
    /// Appends the terms of one side, best first; `SIGN` is +1 for bids and −1 for asks.
    #[inline]
    fn terms<const SIGN: i64>(
        &self,
        changes: &mut SideChanges,
        traded: &[(i64, i64)],
        scale: &FlowScale,
        terms: &mut Terms,
    ) {
        let traded = if scale.trades_lessen { traded } else { &[] };
        let start = terms.terms.len();
        if !self.try_terms::<SIGN>(changes.list(), traded, terms) {
            terms.truncate(start);
            changes.merge();
            self.try_terms::<SIGN>(changes.list(), traded, terms);
        }
    }

    /// As [`SidePrices::terms`]; false when the changes are not best first with each price once.
    #[inline(always)]
    fn try_terms<const SIGN: i64>(
        &self,
        changes: &[Change],
        traded: &[(i64, i64)],
        terms: &mut Terms,
    ) -> bool {
        let mut is_merged = true;
        let mut better = i64::MAX;
        for change in changes {
            let price = change.price * SIGN;
            is_merged &= price < better;
            better = price;
            if price < self.last * SIGN {
                continue;
            }
            let grown = change.now - change.before;
            let taken = if traded.is_empty() {
                0
            } else {
                volume_at(traded, change.price)
            };
            let is_behind = price < self.worse_best * SIGN;
            terms.weights.push(change.price as f64);
            terms.terms.push(Term {
                // Without branches: which way a level changes is a coin toss.
                passive: (grown * SIGN * i64::from(is_behind)) as f64,
                add: grown.max(0) as f64,
                rem: (-grown).saturating_sub(taken).max(0) as f64,
            });
        }
        is_merged
    }
}

/// Volume traded at `price`, units.
fn volume_at(traded: &[(i64, i64)], price: i64) -> i64 {
    match traded.binary_search_by_key(&price, |(price, _)| *price) {
        Ok(at) => traded[at].1,
        Err(_) => 0,
    }
}
