//! What the model learns to say: the skew label z and the pressure label y, made of samples alone; and the two
//! signals that its answers become.
//!
//! All labels start one sample late, at t₀ = t + Δ, and none crosses a gap. Fitting k belongs to the training slice;
//! splits, purge and embargo are the caller's.

mod pressure;

pub use pressure::PressureMove;

use crate::sample::Sample;
use mce_market::{AbsentReason, InputMode, Reading, UnixNanos};
use pressure::Windows;

/// Horizons of the skew label, seconds; the order of [`Label::z`].
pub const HORIZONS_S: [i64; 4] = [5, 15, 30, 60];
/// Horizon of the pressure label, seconds.
pub const PRESSURE_HORIZON_S: i64 = 30;
/// In training z is clipped to ± this.
pub const Z_CLIP: f64 = 6.0;
/// The share of y = 1 that k is fitted for.
pub const BASE_RATE: f64 = 0.05;
/// k is never fitted below this.
pub const K_MIN: f64 = 0.5;

/// The labels of one sample; `None` where missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Label {
    /// z over the horizons of [`HORIZONS_S`]: the log move of the mid over σ√H. Not clipped.
    pub z: [Option<f64>; 4],
    /// What the pressure label compares with k.
    pub pressure: Option<PressureMove>,
}

/// Why k could not be fitted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LabelError {
    /// Liquidations alone decide as many rows as k is fitted for, or more.
    #[error(
        "k would be infinite: liquidations alone decide {liquidations} of {rows} rows, at least the {:.0} % that k is fitted for; use a longer slice",
        BASE_RATE * 100.0
    )]
    InfiniteK {
        /// Rows that a liquidation decides.
        liquidations: usize,
        /// Rows that have a label.
        rows: usize,
    },
}

/// The labels of `samples`: one series of one instrument at one interval, in the order of time.
///
/// The windows of the past hour slide along as a sorted list: about 10 ms a day of samples at 5 s.
pub fn labels(samples: &[Sample], interval_ns: i64, mode: InputMode) -> Vec<Label> {
    let series = Series::new(samples, interval_ns);
    let mut windows = Windows::new(&series);
    (0..samples.len())
        .map(|at| {
            let mut label = Label::default();
            for (z, horizon) in label.z.iter_mut().zip(HORIZONS_S) {
                *z = series.z(at, horizon);
            }
            label.pressure = windows.pressure(at, mode);
            label
        })
        .collect()
}

/// Samples of one series, and how far back each one's unbroken run goes.
struct Series<'a> {
    samples: &'a [Sample],
    interval_ns: i64,
    /// Index of the first sample of the run without a gap or a missing grid time that a sample is part of.
    run_start: Vec<usize>,
}

impl<'a> Series<'a> {
    fn new(samples: &'a [Sample], interval_ns: i64) -> Self {
        let mut run_start = Vec::with_capacity(samples.len());
        for (at, sample) in samples.iter().enumerate() {
            let joined =
                at > 0 && sample.ts.since(samples[at - 1].ts) == interval_ns && !sample.after_gap;
            run_start.push(if joined { run_start[at - 1] } else { at });
        }
        Series {
            samples,
            interval_ns,
            run_start,
        }
    }

    /// Samples in `seconds`, where that is a whole number of intervals.
    fn steps(&self, seconds: i64) -> Option<usize> {
        let ns = seconds * UnixNanos::PER_SECOND;
        (ns % self.interval_ns == 0).then(|| (ns / self.interval_ns) as usize)
    }

    /// Indices of the samples at t₀ and at t₀ + `horizon_s` of the sample at `at`, if σ is valid there and no gap lies
    /// between.
    fn span(&self, at: usize, horizon_s: i64) -> Option<(usize, usize)> {
        if !self.samples[at].sigma_valid {
            return None;
        }
        let end = at + 1 + self.steps(horizon_s)?;
        (*self.run_start.get(end)? <= at).then_some((at + 1, end))
    }

    fn z(&self, at: usize, horizon_s: i64) -> Option<f64> {
        let (start, end) = self.span(at, horizon_s)?;
        let log_move = (self.samples[end].mid / self.samples[start].mid).ln();
        Some(log_move / (self.samples[at].sigma * (horizon_s as f64).sqrt()))
    }
}

/// k of the pressure label, for which 5 % of the rows get y = 1: half-way between the j-th and the next largest move,
/// j = ⌈0.05 n⌉, but never below [`K_MIN`], where fewer rows get it. `None` without any row that has a label.
///
/// # Errors
/// [`LabelError::InfiniteK`] when liquidations alone decide j rows or more.
pub fn fit_k(
    pressures: impl IntoIterator<Item = Option<PressureMove>>,
) -> Result<Option<f64>, LabelError> {
    let mut moves = Vec::new();
    let mut liquidations = 0;
    for pressure in pressures.into_iter().flatten() {
        match pressure {
            PressureMove::Liquidation => liquidations += 1,
            PressureMove::Move(x) => moves.push(x),
        }
    }
    let rows = moves.len() + liquidations;
    if rows == 0 {
        return Ok(None);
    }
    let j = (BASE_RATE * rows as f64).ceil() as usize;
    // Liquidations count as larger than any move, so the j-th largest is this one of the moves.
    let Some(nth) = j.checked_sub(liquidations + 1) else {
        return Err(LabelError::InfiniteK { liquidations, rows });
    };
    moves.sort_unstable_by(|a, b| b.total_cmp(a));
    let upper = moves[nth];
    let lower = moves.get(nth + 1).copied().unwrap_or(upper);
    Ok(Some((0.5 * (upper + lower)).max(K_MIN)))
}

/// y: whether the move reaches k. `None` where the row has no label or there is no k.
pub fn pressure_y(pressure: Option<PressureMove>, k: Option<f64>) -> Option<bool> {
    let k = k?;
    Some(match pressure? {
        PressureMove::Liquidation => true,
        PressureMove::Move(x) => x >= k,
    })
}

/// π: the share of y = 1 among the rows that have a label; `None` without any.
pub fn realised_rate(
    pressures: impl IntoIterator<Item = Option<PressureMove>>,
    k: Option<f64>,
) -> Option<f64> {
    let (mut ones, mut rows) = (0u64, 0u64);
    for y in pressures.into_iter().filter_map(|p| pressure_y(p, k)) {
        ones += u64::from(y);
        rows += 1;
    }
    (rows > 0).then(|| ones as f64 / rows as f64)
}

/// `MCE_Skew` of ẑ, the median head of z: tanh(κ·ẑ), in [−1, 1].
pub fn skew_signal(kappa: f64, z: f64) -> f64 {
    (kappa * z).tanh()
}

/// `MCE_Pressure` of a calibrated probability `p` in [0, 1]: logistic(logit p − logit π), without logits so that p may
/// be 0 or 1. Absent where π, the base rate on the training slice, is unknown, 0 or 1.
pub fn pressure_signal(p: f64, pi: Option<f64>) -> Reading {
    match pi {
        Some(pi) if pi > 0.0 && pi < 1.0 => {
            let (odds_for, odds_against) = (p * (1.0 - pi), (1.0 - p) * pi);
            Reading::Present(odds_for / (odds_for + odds_against))
        }
        _ => Reading::Absent(AbsentReason::NoBaseRate),
    }
}

#[cfg(test)]
mod tests;
