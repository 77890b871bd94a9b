//! The pressure label: a price that runs with a sign of force, or a liquidation, within its horizon.

use super::{PRESSURE_HORIZON_S, Series};
use crate::quantile::quantile;
use mce_market::{InputMode, UnixNanos};

/// Past windows end within this many seconds before t₀, less their own length.
const PAST_S: i64 = 3600;
/// Fewest past windows for a percentile.
const WINDOWS_MIN: usize = 20;
/// A flow or a liquidation counts from this quantile of the past windows on.
const FORCE_QUANTILE: f64 = 0.95;
/// A move of exactly one spread counts, whatever the rounding of prices.
const SPREAD_SLACK: f64 = 1e-6;

/// What a row's pressure label compares with k; y = 1 when it is k or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PressureMove {
    /// A liquidation decides: y = 1 whatever k is.
    Liquidation,
    /// The largest move over σ√H_p, in either direction and not smaller than the spread at t₀, at a sample of the
    /// window with a sign of force; 0 if there is none.
    Move(f64),
}

/// The windows of length H_p in the hour before each t₀, which slides along with it.
pub(super) struct Windows<'a> {
    series: &'a Series<'a>,
    /// Samples in a window; `None` where the horizon is no whole number of intervals, and nothing has a label.
    length: Option<usize>,
    /// |V_buy − V_sell| and liquidated volume of the window that ends at a sample; `None` across a gap.
    ending_at: Vec<Option<(f64, f64)>>,
    /// Windows that end in `entered - …` are in; samples before `left` have gone out again.
    entered: usize,
    left: usize,
    /// The values of the windows that are in, ascending.
    flows: Vec<f64>,
    liquidations: Vec<f64>,
}

impl<'a> Windows<'a> {
    pub(super) fn new(series: &'a Series<'a>) -> Self {
        let length = series.steps(PRESSURE_HORIZON_S);
        let ending_at = (0..series.samples.len())
            .map(|at| {
                let length = length?;
                // The sample before the window must be of the same run: the first one's flow reaches back to it.
                let before = at.checked_sub(length)?;
                if series.run_start[at] > before {
                    return None;
                }
                let (mut net, mut liquidated) = (0.0, 0.0);
                for sample in &series.samples[before + 1..=at] {
                    net += sample.v_buy - sample.v_sell;
                    liquidated += sample.liquidations;
                }
                Some((net.abs(), liquidated))
            })
            .collect();
        Windows {
            series,
            length,
            ending_at,
            entered: 0,
            left: 0,
            flows: Vec::new(),
            liquidations: Vec::new(),
        }
    }

    /// The pressure move of the sample at `at`; calls come in ascending order.
    pub(super) fn pressure(&mut self, at: usize, mode: InputMode) -> Option<PressureMove> {
        self.length?;
        let (start, end) = self.series.span(at, PRESSURE_HORIZON_S)?;
        self.slide_to(self.series.samples[start].ts);
        let samples = self.series.samples;
        let ahead = &samples[start + 1..=end];
        let uses_flow = mode.has_trades();
        let past_liquidation = self.liquidations.last().is_some_and(|most| *most > 0.0);
        let any_liquidation = past_liquidation || ahead.iter().any(|u| u.liquidations > 0.0);
        if self.flows.len() < WINDOWS_MIN && (uses_flow || any_liquidation) {
            return None;
        }
        if any_liquidation {
            let total: f64 = ahead.iter().map(|u| u.liquidations).sum();
            let usual = quantile(&self.liquidations, FORCE_QUANTILE)?;
            if total > 0.0 && total >= usual {
                return Some(PressureMove::Liquidation);
            }
        }
        let flow_limit = if uses_flow {
            Some(quantile(&self.flows, FORCE_QUANTILE)?)
        } else {
            None
        };
        let scale = samples[at].sigma * (PRESSURE_HORIZON_S as f64).sqrt();
        let from = &samples[start];
        let harmless = from.spread * (1.0 - SPREAD_SLACK);
        let (mut largest, mut net) = (0.0f64, 0.0);
        for u in ahead {
            net += u.v_buy - u.v_sell;
            if (u.mid - from.mid).abs() < harmless {
                continue;
            }
            let wide = u.spread > 2.0 * u.ema_spread;
            let hits = [
                (1.0, u.near_ask, u.ema_near_ask),
                (-1.0, u.near_bid, u.ema_near_bid),
            ];
            for (d, near, usual) in hits {
                let thin = near < 0.5 * usual;
                let pushed = flow_limit.is_some_and(|limit| d * net > 0.0 && d * net >= limit);
                if thin || wide || pushed {
                    largest = largest.max(d * (u.mid / from.mid).ln() / scale);
                }
            }
        }
        Some(PressureMove::Move(largest))
    }

    /// Lets in the windows that end at or before `t0`, and out those that begin more than an hour before it.
    fn slide_to(&mut self, t0: UnixNanos) {
        let samples = self.series.samples;
        while samples.get(self.entered).is_some_and(|s| s.ts <= t0) {
            if let Some((flow, liquidated)) = self.ending_at[self.entered] {
                insert(&mut self.flows, flow);
                insert(&mut self.liquidations, liquidated);
            }
            self.entered += 1;
        }
        let reach_ns = (PAST_S - PRESSURE_HORIZON_S) * UnixNanos::PER_SECOND;
        while self.left < self.entered && t0.since(samples[self.left].ts) > reach_ns {
            if let Some((flow, liquidated)) = self.ending_at[self.left] {
                remove(&mut self.flows, flow);
                remove(&mut self.liquidations, liquidated);
            }
            self.left += 1;
        }
    }
}

fn insert(sorted: &mut Vec<f64>, value: f64) {
    let at = sorted.partition_point(|v| *v < value);
    sorted.insert(at, value);
}

fn remove(sorted: &mut Vec<f64>, value: f64) {
    let at = sorted.partition_point(|v| *v < value);
    sorted.remove(at);
}
