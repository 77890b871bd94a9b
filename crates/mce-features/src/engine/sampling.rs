//! What moves at samples: the averages, and the 14 formulas that read them.

use super::flows::{Decay, Flows};
use super::observe::accepted_top;
use super::top::{Depth, Top};
use super::{Accepted, FeatureEngine, SampleVolumes};
use crate::ema::{Ema, SampleStep};
use crate::kernel::Kernel;
use crate::sample::{N_FEATURES, Sample};
use mce_market::{Side, UnixNanos};
use std::f64::consts::LN_2;

/// σ and `vol_ratio` have at least half a tick in this many seconds.
const FLOOR_S: f64 = 300.0;
/// Longest half-life behind features 3 to 14, and behind σ.
const WARM_UP_NS: i64 = 300 * UnixNanos::PER_SECOND;
/// Features 3 to 14, which averages enter.
const OF_AVERAGES: u16 = 0b11_1111_1111_1100;
/// Features 5 to 8 and 11, masked for one sample after a gap.
const AFTER_GAP: u16 = 0b100_1111_0000;
/// Features 7 and 8, absent in mode S.
const OF_TRADES: u16 = 0b1100_0000;

/// All averages, and the samples that they are relative to. The half-life is 300 s unless the name says another.
#[derive(Clone, Debug, Default)]
pub(super) struct Averages {
    pub(super) first: Option<SampledMid>,
    pub(super) previous: Option<SampledMid>,
    /// The last step's weights, to be used again.
    pub(super) step: SampleStep,
    /// L.
    pub(super) length: Ema,
    /// ½(Σq(b) + Σq(a)); V* is a quarter of it.
    pub(super) volume: Ema,
    /// r²/dt.
    pub(super) variance: Ema,
    pub(super) variance_15: Ema,
    pub(super) log_mid_60: Ema,
    /// ½(q(b_1) + q(a_1)).
    pub(super) queue: Ema,
    /// ½ D_f.
    pub(super) half_far: Ema,
    /// R.
    pub(super) trade_rate: Ema,
    /// D_n.
    pub(super) near: Ema,
    pub(super) near_bid: Ema,
    pub(super) near_ask: Ema,
    pub(super) spread: Ema,
    /// C_a + C_b.
    pub(super) cost: Ema,
}

/// When a sample was, and its mid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SampledMid {
    pub(super) ts: i64,
    pub(super) mid: f64,
}

/// What one sample reads off its book; sizes in base units, prices in price.
struct Sampled<'a> {
    ts: i64,
    mid: f64,
    spread: f64,
    /// Sizes at the best levels.
    queue_bid: f64,
    queue_ask: f64,
    bids: &'a mut Top,
    asks: &'a mut Top,
    /// Volume traded since the previous sample.
    traded: f64,
    /// Size units in 1.
    qty_one: f64,
}

/// Depth and cost to trade, once there is a length scale.
#[derive(Clone, Copy)]
struct Depths {
    bid: Depth,
    ask: Depth,
    cost_ask: f64,
    cost_bid: f64,
}

impl Averages {
    /// Folds a sample into every average. The first one has no dt: it folds nothing in, and nothing comes back.
    fn fold(&mut self, now: &mut Sampled<'_>) -> Option<Depths> {
        let previous = self.previous?;
        self.step = self.step.of(now.ts - previous.ts);
        let SampleStep {
            dt_s,
            left_15,
            left_60,
            left_300: left,
            ..
        } = self.step;
        let half_span = 0.5 * ((now.mid - now.bids.last()) + (now.asks.last() - now.mid));
        self.length.step(left, half_span);
        let total = now.bids.total() + now.asks.total();
        self.volume.step(left, 0.5 * total / now.qty_one);
        self.spread.step(left, now.spread);
        self.log_mid_60.step(left_60, self.log_mid(now.mid));
        let r = (now.mid / previous.mid).ln();
        self.variance.step(left, r * r / dt_s);
        self.variance_15.step(left_15, r * r / dt_s);
        self.trade_rate.step(left, now.traded / dt_s);
        self.queue.step(left, 0.5 * (now.queue_bid + now.queue_ask));

        let length = self.length.value()?;
        let depths = now.depths(length, 0.25 * self.volume.value()?);
        self.near.step(left, depths.bid.near + depths.ask.near);
        self.near_bid.step(left, depths.bid.near);
        self.near_ask.step(left, depths.ask.near);
        self.half_far.step(left, 0.5 * depths.far());
        self.cost.step(left, depths.cost_ask + depths.cost_bid);
        Some(depths)
    }

    /// ln m relative to the first sample's m, so that scaling prices by a power of two changes no bit.
    fn log_mid(&self, mid: f64) -> f64 {
        self.first.map_or(0.0, |first| (mid / first.mid).ln())
    }
}

impl Sampled<'_> {
    /// Depth at the length scale `length`, and the cost of trading `volume`.
    fn depths(&mut self, length: f64, volume: f64) -> Depths {
        let kernel = Kernel::new(length);
        let one = self.qty_one;
        let in_base = |depth: Depth| Depth {
            near: depth.near / one,
            far: depth.far / one,
        };
        Depths {
            bid: in_base(self.bids.depth(&kernel)),
            ask: in_base(self.asks.depth(&kernel)),
            cost_ask: self.asks.cost(volume * one, length),
            cost_bid: self.bids.cost(volume * one, length),
        }
    }
}

impl Depths {
    fn far(&self) -> f64 {
        self.bid.far + self.ask.far
    }
}

impl FeatureEngine {
    /// The sample at `ts` of the last accepted book. Every average takes the sample in first and is read after.
    pub(super) fn sample(&mut self, ts: UnixNanos, book: &Accepted) -> Sample {
        self.fill_tops(book.mid);
        let (bid, ask) = (
            self.units.price(book.bid.price),
            self.units.price(book.ask.price),
        );
        let volumes = std::mem::take(&mut self.since_sample);
        let mid = SampledMid {
            ts: ts.0,
            mid: book.mid,
        };
        let first = *self.averages.first.get_or_insert(mid);
        let mut now = Sampled {
            ts: ts.0,
            mid: book.mid,
            spread: ask - bid,
            queue_bid: book.bid.qty.to_f64(self.units.qty_scale),
            queue_ask: book.ask.qty.to_f64(self.units.qty_scale),
            bids: &mut self.scratch.bids,
            asks: &mut self.scratch.asks,
            traded: volumes.buy + volumes.sell,
            qty_one: self.units.qty_one,
        };
        let depths = self.averages.fold(&mut now);
        self.averages.previous = Some(mid);

        let half_tick = self.units.price(self.units.tick) / (2.0 * now.mid);
        let floor = half_tick * half_tick / FLOOR_S;
        let variance = self.averages.variance.value();
        let sigma = variance.map_or(floor, |v| v.max(floor)).sqrt();
        let mut x = book_features(&now, &self.averages, depths, sigma, floor);
        flow_features(&mut x, &self.flows, &self.averages, ts.0 - book.ts);

        let warm = ts.since(UnixNanos(first.ts)) >= WARM_UP_NS;
        let after_gap = std::mem::take(&mut self.after_gap);
        let mut mask = if warm { 0 } else { OF_AVERAGES };
        if after_gap {
            mask |= AFTER_GAP;
        }
        let mut features = [0.0; N_FEATURES];
        for (n, (feature, x)) in features.iter_mut().zip(x).enumerate() {
            match x.filter(|x| x.is_finite()) {
                Some(x) => *feature = x,
                None => mask |= 1 << n,
            }
        }
        if !self.config.mode().has_trades() {
            features[6] = 0.0;
            features[7] = 0.0;
            mask &= !OF_TRADES;
        }
        let mean = |ema: &Ema| ema.value().unwrap_or(0.0);
        let SampleVolumes {
            buy,
            sell,
            liquidated,
        } = volumes;
        Sample {
            ts,
            observed: UnixNanos(book.ts),
            instrument: self.instrument,
            features,
            mask,
            mid: now.mid,
            spread: now.spread,
            sigma,
            sigma_valid: warm,
            near_bid: depths.map_or(0.0, |d| d.bid.near),
            near_ask: depths.map_or(0.0, |d| d.ask.near),
            ema_near_bid: mean(&self.averages.near_bid),
            ema_near_ask: mean(&self.averages.near_ask),
            ema_spread: mean(&self.averages.spread),
            v_buy: buy,
            v_sell: sell,
            liquidations: liquidated,
            after_gap,
        }
    }

    /// Puts the levels of the last accepted book into the columns.
    fn fill_tops(&mut self, mid: f64) {
        let depth = self.config.depth();
        let price_one = self.units.price_one;
        let scratch = &mut self.scratch;
        let sides = [
            (Side::Buy, &mut self.bids, &mut scratch.bids),
            (Side::Sell, &mut self.asks, &mut scratch.asks),
        ];
        for (side, changes, top) in sides {
            if changes.is_empty() {
                top.fill(self.book.levels(side), depth, price_one, mid);
            } else {
                accepted_top(&self.book, changes, side, depth, &mut scratch.levels);
                top.fill(scratch.levels.iter().copied(), depth, price_one, mid);
            }
        }
    }
}

/// The features that read the book and its averages: 1 to 4, 9, 10, 12 to 14. `None` where a formula gives nothing.
fn book_features(
    now: &Sampled<'_>,
    averages: &Averages,
    depths: Option<Depths>,
    sigma: f64,
    floor: f64,
) -> [Option<f64>; N_FEATURES] {
    let mut x = [None; N_FEATURES];
    x[0] = Some((1e4 * (now.spread / now.mid)).ln());
    x[1] = quotient(now.queue_bid - now.queue_ask, now.queue_bid + now.queue_ask);
    let Some(Depths {
        bid,
        ask,
        cost_ask,
        cost_bid,
    }) = depths
    else {
        return x;
    };
    let near = bid.near + ask.near;
    x[2] = quotient(bid.near - ask.near, near);
    let (shell_bid, shell_ask) = (bid.far - bid.near, ask.far - ask.near);
    x[3] = quotient(shell_bid - shell_ask, shell_bid + shell_ask);
    let mean = averages.log_mid_60.value();
    x[8] = mean.map(|mean| (averages.log_mid(now.mid) - mean) / (sigma * 60f64.sqrt()));
    x[9] = log_ratio(near, averages.near.value());
    let cost = cost_ask + cost_bid;
    x[11] = quotient(cost_ask - cost_bid, cost);
    let floored = |ema: &Ema| ema.value().map(|v| v.max(floor));
    let ratio = floored(&averages.variance_15).zip(floored(&averages.variance));
    x[12] = ratio.map(|(short, long)| 0.5 * (short / long).ln());
    x[13] = log_ratio(cost, averages.cost.value());
    x
}

/// The features that read decayed sums, `age_ns` after the observation that moved them last: 5 to 8 and 11.
fn flow_features(
    x: &mut [Option<f64>; N_FEATURES],
    flows: &Flows,
    averages: &Averages,
    age_ns: i64,
) {
    let Decay {
        left_10, left_30, ..
    } = Decay::over(age_ns);
    x[4] = asinh_ratio(left_10 * flows.ofi_10, averages.queue.value());
    x[5] = asinh_ratio(left_30 * flows.passive_30, averages.half_far.value());
    if let Some(rate) = averages.trade_rate.value() {
        let (buy, sell) = (left_10 * flows.buy_10, left_10 * flows.sell_10);
        // F_10 of all volume at the rate R would be this; a quarter of it is V_0.
        let usual = rate * (10.0 / LN_2);
        let volume = buy + sell + 0.25 * usual;
        x[6] = Some(quotient(buy - sell, volume).unwrap_or(0.0));
        let usual = rate * (30.0 / LN_2);
        let proxy = quotient(-(left_30 * flows.net_30), usual);
        x[7] = Some(proxy.map_or(0.0, |proxy| proxy.clamp(-1.0, 1.0)));
    }
    // A common decay cancels in the ratio.
    let share = quotient(flows.add_15, flows.add_15 + flows.rem_15);
    x[10] = Some(share.map_or(0.0, |share| share - 0.5));
}

/// `a / b` where b is above 0.
fn quotient(a: f64, b: f64) -> Option<f64> {
    (b > 0.0).then(|| a / b)
}

/// ln(a / mean) where both are above 0.
fn log_ratio(a: f64, mean: Option<f64>) -> Option<f64> {
    mean.filter(|mean| a > 0.0 && *mean > 0.0)
        .map(|mean| (a / mean).ln())
}

/// asinh(a / mean) where the mean is above 0.
fn asinh_ratio(a: f64, mean: Option<f64>) -> Option<f64> {
    mean.filter(|mean| *mean > 0.0).map(|mean| asinh(a / mean))
}

/// The standard library's asinh takes a hypotenuse that costs more than all the rest; a square root does, where the
/// square stays finite.
fn asinh(x: f64) -> f64 {
    let size = x.abs();
    if size > 1e8 {
        return (size.ln() + LN_2).copysign(x);
    }
    let square = size * size;
    (size + square / (1.0 + (1.0 + square).sqrt()))
        .ln_1p()
        .copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asinh_is_the_standard_one() {
        for x in [
            0.0,
            1e-300,
            1e-9,
            0.3,
            1.0,
            7.5,
            1e5,
            9.9e7,
            1.1e8,
            1e200,
            f64::MAX,
        ] {
            for x in [x, -x] {
                let (got, want) = (asinh(x), x.asinh());
                assert!(
                    (got - want).abs() <= 4e-16 * want.abs(),
                    "{x}: {got} {want}"
                );
            }
        }
    }
}
