//! How good a signal was on rows that no fitting has seen, next to forecasts that cost nothing.

pub mod baseline;
pub mod linear;
pub mod metrics;
mod run;

use mce_market::UnixNanos;
use metrics::ReliabilityBin;
pub use run::{Evaluation, evaluate, predict, predict_stored, signal_table};

/// One row that can be scored: what was said, and what came.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Grid time.
    pub ts: UnixNanos,
    /// What was forecast for z over 30 s, in any unit that orders rows.
    pub skew: f64,
    /// Calibrated probability of the pressure event, where there is a pressure signal.
    pub probability: Option<f64>,
    /// Quantiles of z, where the forecaster gives them.
    pub bands: Option<[f32; 7]>,
    /// z over 30 s as it came, where the label is known.
    pub z: Option<f64>,
    /// Whether the pressure event came, where the label is known.
    pub event: Option<bool>,
}

/// Figures of a skew forecast. `None` where undefined (no variation, too few rows).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SkewFigures {
    /// Rows with forecast and label.
    pub rows: usize,
    /// Pearson correlation with z over 30 s.
    pub ic: Option<f64>,
    /// Spearman correlation.
    pub rank_ic: Option<f64>,
    /// Newey–West t of the correlation's numerator, lags as many as labels overlap.
    pub nw_t: Option<f64>,
    /// Mean z by decile of the forecast.
    pub deciles: Option<[f64; 10]>,
    /// Share of z below each quantile of the bands.
    pub coverage: Option<[f64; 7]>,
}

/// Figures of a pressure forecast.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PressureFigures {
    /// Rows with forecast and label.
    pub rows: usize,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Average precision.
    pub pr_auc: Option<f64>,
    /// 1 − Brier / Brier of the training slice's base rate.
    pub brier_skill: Option<f64>,
    /// Calibration error, 15 bins of equal mass.
    pub ece: Option<f64>,
    /// Share of rows in which the event came.
    pub base_rate: Option<f64>,
    /// Ten bins by forecast.
    pub reliability: Vec<ReliabilityBin>,
}

/// Figures of one forecaster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Of its skew, if it has one.
    pub skew: Option<SkewFigures>,
    /// Of its pressure, if it has one.
    pub pressure: Option<PressureFigures>,
}

/// Scores one forecaster's skew. `interval_ns` tells how many neighbouring labels overlap.
pub fn score_skew(rows: &[Scored], interval_ns: i64) -> SkewFigures {
    let known: Vec<(&Scored, f64)> = rows.iter().filter_map(|r| Some((r, r.z?))).collect();
    let x: Vec<f64> = known.iter().map(|(r, _)| r.skew).collect();
    let z: Vec<f64> = known.iter().map(|(_, z)| *z).collect();
    // A label of 30 s overlaps with those of the next 30 s.
    let lags = usize::try_from(30_000_000_000 / interval_ns).unwrap_or(0);
    let coverage = known
        .iter()
        .map(|(r, z)| {
            r.bands
                .map(|b| b.map(|q| f64::from(u8::from(*z < f64::from(q)))))
        })
        .collect::<Option<Vec<_>>>()
        .filter(|below| !below.is_empty())
        .map(|below| {
            let mut share = [0.0; 7];
            for row in &below {
                for (s, b) in share.iter_mut().zip(row) {
                    *s += b / below.len() as f64;
                }
            }
            share
        });
    SkewFigures {
        rows: known.len(),
        ic: metrics::correlation(&x, &z),
        rank_ic: metrics::rank_correlation(&x, &z),
        nw_t: metrics::newey_west_t(&x, &z, lags),
        deciles: metrics::deciles(&x, &z),
        coverage,
    }
}

/// Scores one forecaster's pressure against `trained_rate`, π of the training slice.
pub fn score_pressure(rows: &[Scored], trained_rate: f64) -> PressureFigures {
    let known: Vec<(f64, bool)> = rows
        .iter()
        .filter_map(|r| Some((r.probability?, r.event?)))
        .collect();
    let p: Vec<f64> = known.iter().map(|(p, _)| *p).collect();
    let event: Vec<bool> = known.iter().map(|(_, e)| *e).collect();
    let came = event.iter().filter(|e| **e).count();
    PressureFigures {
        rows: known.len(),
        auc: metrics::roc_auc(&p, &event),
        pr_auc: metrics::pr_auc(&p, &event),
        brier_skill: metrics::brier_skill(&p, &event, trained_rate),
        ece: metrics::calibration_error(&p, &event),
        base_rate: (!known.is_empty()).then(|| came as f64 / known.len() as f64),
        reliability: metrics::reliability(&p, &event, 10),
    }
}
