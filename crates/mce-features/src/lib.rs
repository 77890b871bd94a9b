//! From a stream of market events to what the model sees: the 14 features, the normaliser, labels and bars.
//!
//! Schema `mce-features/1`. Every number is defined by exchange time; nothing here reads a clock, and the same
//! code serves a live stream and a stored one.
#![deny(missing_docs)]

pub mod bars;
mod ema;
pub mod engine;
pub mod error;
mod kernel;
pub mod labels;
pub mod normalizer;
mod quantile;
pub mod sample;

pub use bars::{Bar, BarBuilder, FLAT_BARS_MAX};
pub use engine::{Counters, FeatureEngine, RESET_NS};
pub use error::{FeatureError, LevelProblem};
pub use labels::{Label, LabelError, PressureMove};
pub use normalizer::{FeatureFit, FeatureNormalizer, NormalizerRow};
pub use sample::{FEATURE_NAMES, FeatureConfig, FeatureConfigError, N_FEATURES, SCHEMA, Sample};
