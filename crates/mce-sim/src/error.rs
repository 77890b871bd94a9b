//! What a simulation can refuse.

use mce_venues::VenueError;

/// Why a market could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A parameter is out of its range.
    #[error("{name} must be {expected}, got {got}")]
    Parameter {
        /// The parameter, with the part of the market it belongs to.
        name: String,
        /// Its range.
        expected: &'static str,
        /// The refused value.
        got: f64,
    },
    /// The instrument's increments are too coarse for the largest price and size of a market in 64 bits.
    #[error(
        "{symbol}: tick and lot must be at most 2^27 units of their scales, got {tick} and {lot}"
    )]
    Increment {
        /// The instrument's symbol.
        symbol: String,
        /// Units of a tick.
        tick: i64,
        /// Units of a lot.
        lot: i64,
    },
    /// The venue cannot show such an instrument.
    #[error(transparent)]
    Venue(#[from] VenueError),
}

/// Refuses a parameter that is not in `range`; NaN is in none.
pub(crate) fn check(
    name: impl FnOnce() -> String,
    got: f64,
    expected: &'static str,
    in_range: impl FnOnce(f64) -> bool,
) -> Result<(), SimError> {
    if got.is_finite() && in_range(got) {
        return Ok(());
    }
    Err(SimError::Parameter {
        name: name(),
        expected,
        got,
    })
}
