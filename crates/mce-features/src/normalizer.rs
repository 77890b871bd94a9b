//! The normaliser: per symbol and feature, median and MAD of a training slice, and values brought to that scale.
//!
//! Fitting is exact whatever the number of rows: one feature's values at a time are gathered and sorted, 8 bytes a
//! row, which the samples themselves outweigh thirty times. Files are the caller's; here it turns to JSON text and
//! back.

mod json;

use crate::quantile::quantile;
use crate::sample::{FeatureConfig, N_FEATURES, Sample};
use mce_market::UnixNanos;
use std::collections::BTreeMap;

/// Normalised values are clipped to ± this.
pub const CLIP: f64 = 6.0;
/// MAD times this is the standard deviation of a normal distribution.
const MAD_TO_SD: f64 = 1.4826;
/// The quantiles that a normaliser keeps of each feature, for people and drift checks.
pub const QUANTILES: [f64; 6] = [0.01, 0.05, 0.25, 0.75, 0.95, 0.99];
/// Features 7 and 8, absent in mode S.
const OF_TRADES: [usize; 2] = [6, 7];

/// What was measured of one feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureFit {
    /// Median.
    pub median: f64,
    /// Median absolute deviation from the median, 0 or more.
    pub mad: f64,
    /// Quantiles at [`QUANTILES`].
    pub quantiles: [f64; 6],
}

/// What was measured on one symbol's samples, or on all: what the live path applies without looking a name up.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalizerRow {
    rows: u64,
    /// `None` where no value was there to be measured.
    features: [Option<FeatureFit>; N_FEATURES],
}

impl NormalizerRow {
    /// Exact medians of the values that are neither masked nor absent.
    fn fit<'a>(samples: impl Iterator<Item = &'a Sample> + Clone, has_trades: bool) -> Self {
        let mut features = [None; N_FEATURES];
        let mut values = Vec::new();
        for (n, feature) in features.iter_mut().enumerate() {
            if !has_trades && OF_TRADES.contains(&n) {
                continue;
            }
            values.clear();
            values.extend(
                samples
                    .clone()
                    .filter(|s| s.mask >> n & 1 == 0)
                    .map(|s| s.features[n]),
            );
            *feature = FeatureFit::of(&mut values);
        }
        NormalizerRow {
            rows: samples.count() as u64,
            features,
        }
    }

    /// Samples it was fitted on.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What was measured of the feature at `index` (feature n is at n − 1).
    pub fn feature(&self, index: usize) -> Option<&FeatureFit> {
        self.features.get(index)?.as_ref()
    }

    /// The model's input: (x − median)/(1.4826·MAD), a MAD of 0 dividing by 1, clipped to ± [`CLIP`]; 0 where the
    /// feature is masked, absent, or was never measured.
    #[inline]
    pub fn apply(&self, sample: &Sample) -> [f32; N_FEATURES] {
        let mut out = [0.0; N_FEATURES];
        for (n, (out, fit)) in out.iter_mut().zip(&self.features).enumerate() {
            if let Some(fit) = fit
                && sample.mask >> n & 1 == 0
            {
                let scale = if fit.mad > 0.0 {
                    MAD_TO_SD * fit.mad
                } else {
                    1.0
                };
                let z = (sample.features[n] - fit.median) / scale;
                *out = z.clamp(-CLIP, CLIP) as f32;
            }
        }
        out
    }
}

impl FeatureFit {
    /// Measures `values`, which it leaves in another order; `None` without any.
    fn of(values: &mut [f64]) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let median = quantile(values, 0.5)?;
        let mut quantiles = [0.0; QUANTILES.len()];
        for (value, q) in quantiles.iter_mut().zip(QUANTILES) {
            *value = quantile(values, q)?;
        }
        for value in values.iter_mut() {
            *value = (*value - median).abs();
        }
        values.sort_unstable_by(f64::total_cmp);
        Some(FeatureFit {
            median,
            mad: quantile(values, 0.5)?,
            quantiles,
        })
    }
}

/// Medians and MADs of every symbol of a training slice, and pooled ones for symbols never seen.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureNormalizer {
    config: FeatureConfig,
    span: Option<(UnixNanos, UnixNanos)>,
    symbols: BTreeMap<String, NormalizerRow>,
    pooled: NormalizerRow,
}

impl FeatureNormalizer {
    /// Fits on the training slice: samples by symbol, all made with `config`. A symbol named twice keeps its last
    /// samples alone.
    pub fn fit<'a>(
        samples: impl IntoIterator<Item = (&'a str, &'a [Sample])>,
        config: FeatureConfig,
    ) -> Self {
        let by_symbol: BTreeMap<&str, &[Sample]> = samples.into_iter().collect();
        let has_trades = config.mode().has_trades();
        let all = by_symbol.values().flat_map(|samples| samples.iter());
        let times = || all.clone().map(|s| s.ts);
        FeatureNormalizer {
            config,
            span: times().min().zip(times().max()),
            pooled: NormalizerRow::fit(all.clone(), has_trades),
            symbols: by_symbol
                .iter()
                .map(|(symbol, samples)| {
                    let row = NormalizerRow::fit(samples.iter(), has_trades);
                    ((*symbol).to_owned(), row)
                })
                .collect(),
        }
    }

    /// The row of a symbol: its own, or the pooled one where the symbol was never seen.
    pub fn row(&self, symbol: &str) -> &NormalizerRow {
        self.symbols.get(symbol).unwrap_or(&self.pooled)
    }

    /// The model's input of one sample; see [`NormalizerRow::apply`].
    pub fn apply(&self, symbol: &str, sample: &Sample) -> [f32; N_FEATURES] {
        self.row(symbol).apply(sample)
    }

    /// The parameters of the series that it was fitted on.
    pub fn config(&self) -> &FeatureConfig {
        &self.config
    }

    /// Times of the first and the last sample that it was fitted on.
    pub fn span(&self) -> Option<(UnixNanos, UnixNanos)> {
        self.span
    }

    /// The symbols that have a row of their own, in order.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.symbols.keys().map(String::as_str)
    }

    /// The row of symbols never seen, measured on all samples together.
    pub fn pooled(&self) -> &NormalizerRow {
        &self.pooled
    }
}

#[cfg(test)]
mod tests;
