//! From a stream of market events to what the model sees: the 14 features, the normaliser, labels and bars.
//!
//! Schema `mce-features/1`. Every number is defined by exchange time; nothing here reads a clock, and the same
//! code serves a live stream and a stored one.
#![deny(missing_docs)]

pub mod bars;
pub mod error;
pub mod sample;

pub use bars::{Bar, BarBuilder, FLAT_BARS_MAX};
pub use error::FeatureError;
pub use sample::{FEATURE_NAMES, FeatureConfig, FeatureConfigError, N_FEATURES, SCHEMA, Sample};
