//! What a feature engine is told and what it gives: its parameters and one sample.

use mce_market::{InputMode, InstrumentId, Quality, UnixNanos};
use std::time::Duration;

/// Name of the feature schema; kept with every table, normaliser and model.
pub const SCHEMA: &str = "mce-features/1";

/// Number of features.
pub const N_FEATURES: usize = 14;

/// Names of the features in their order: feature n is at index n − 1.
pub const FEATURE_NAMES: [&str; N_FEATURES] = [
    "spread",
    "queue_imb",
    "imb_near",
    "imb_shell",
    "ofi_l1",
    "ofi_passive",
    "tfi",
    "inv_proxy",
    "price_disp",
    "depth_ratio",
    "resiliency",
    "ctt_asym",
    "vol_ratio",
    "illiq",
];

/// Parameters of a feature series: the same for the table, the normaliser and the model made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureConfig {
    interval_ns: i64,
    max_quiet_ns: i64,
    depth: usize,
    mode: InputMode,
}

/// Why feature parameters were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeatureConfigError {
    /// The sampling interval.
    #[error("the interval must be above 0 and at most 300 s, got {0:?}")]
    Interval(Duration),
    /// How long a quiet book stays valid.
    #[error("max_quiet must be above 0 and at most 300 s, got {0:?}")]
    MaxQuiet(Duration),
    /// Levels a side.
    #[error("the depth must be 1 to 1000 levels, got {0}")]
    Depth(usize),
}

impl FeatureConfig {
    /// Sampling interval Δ in (0, 300] s, `max_quiet` in (0, 300] s, `depth` K levels a side (1 to 1000), input mode.
    ///
    /// # Errors
    /// [`FeatureConfigError`] names the parameter that is out of range.
    pub fn new(
        interval: Duration,
        max_quiet: Duration,
        depth: usize,
        mode: InputMode,
    ) -> Result<Self, FeatureConfigError> {
        let limit = Duration::from_secs(300);
        if interval.is_zero() || interval > limit {
            return Err(FeatureConfigError::Interval(interval));
        }
        if max_quiet.is_zero() || max_quiet > limit {
            return Err(FeatureConfigError::MaxQuiet(max_quiet));
        }
        if depth == 0 || depth > 1000 {
            return Err(FeatureConfigError::Depth(depth));
        }
        Ok(FeatureConfig {
            interval_ns: interval.as_nanos() as i64,
            max_quiet_ns: max_quiet.as_nanos() as i64,
            depth,
            mode,
        })
    }

    /// Sampling interval Δ in nanoseconds.
    pub fn interval_ns(&self) -> i64 {
        self.interval_ns
    }

    /// Longest age of an observation that still gives samples, nanoseconds.
    pub fn max_quiet_ns(&self) -> i64 {
        self.max_quiet_ns
    }

    /// Levels a side that are looked at.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Input mode.
    pub fn mode(&self) -> InputMode {
        self.mode
    }
}

impl Default for FeatureConfig {
    /// 5 s, 60 s, 50 levels, every depth update and trades.
    fn default() -> Self {
        FeatureConfig {
            interval_ns: 5_000_000_000,
            max_quiet_ns: 60_000_000_000,
            depth: 50,
            mode: InputMode::Deltas,
        }
    }
}

/// One sample: the features at a grid time and what labels are made of.
///
/// No field is ever NaN or infinite.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Grid time, a multiple of the interval.
    pub ts: UnixNanos,
    /// Exchange time of the observation it reads.
    pub observed: UnixNanos,
    /// Whose sample.
    pub instrument: InstrumentId,
    /// The features in the order of [`FEATURE_NAMES`]; 0 where masked for want of a value, or absent.
    pub features: [f64; N_FEATURES],
    /// Validity mask: bit n − 1 is set when feature n must not be used.
    pub mask: u16,
    /// Mid price m.
    pub mid: f64,
    /// Spread s in price.
    pub spread: f64,
    /// Volatility σ per √second.
    pub sigma: f64,
    /// Whether σ is valid: its average has a full half-life behind it.
    pub sigma_valid: bool,
    /// Near bid depth D_n^b; 0 before the length scale exists.
    pub near_bid: f64,
    /// Near ask depth D_n^a; 0 before the length scale exists.
    pub near_ask: f64,
    /// EMA_300 of the near bid depth; 0 before anything was folded in.
    pub ema_near_bid: f64,
    /// EMA_300 of the near ask depth; 0 before anything was folded in.
    pub ema_near_ask: f64,
    /// EMA_300 of the spread in price; 0 before anything was folded in.
    pub ema_spread: f64,
    /// Volume of aggressive buys since the previous sample, base units.
    pub v_buy: f64,
    /// Volume of aggressive sells since the previous sample, base units.
    pub v_sell: f64,
    /// Liquidated volume since the previous sample, base units.
    pub liquidations: f64,
    /// Whether it is the first sample after a gap or after the start.
    pub after_gap: bool,
}

impl Sample {
    /// Age of the observation at the grid time, nanoseconds; 0 or more.
    pub fn age_ns(&self) -> i64 {
        self.ts.since(self.observed)
    }

    /// Quality of the sample: [`Quality::Masked`] when any feature is.
    pub fn quality(&self) -> Quality {
        if self.mask == 0 {
            Quality::Good
        } else {
            Quality::Masked
        }
    }
}
