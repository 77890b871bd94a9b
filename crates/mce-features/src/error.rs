//! What this crate refuses, and why.

use std::time::Duration;

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    /// The length of a bar.
    #[error("a bar must be above 0 and at most a day long, got {0:?}")]
    BarInterval(Duration),
}
