//! The venues that this crate speaks.

use crate::error::VenueError;
use mce_market::InstrumentKind;
use std::fmt;
use std::str::FromStr;

/// A venue: one matching engine with one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Binance spot, `binance-spot`.
    BinanceSpot,
    /// Binance USD-margined futures, `binance-usdm`.
    BinanceUsdm,
}

impl Venue {
    /// Every venue there is.
    pub const ALL: [Venue; 2] = [Venue::BinanceSpot, Venue::BinanceUsdm];

    /// The name used in configuration, files and events.
    pub const fn name(self) -> &'static str {
        match self {
            Venue::BinanceSpot => "binance-spot",
            Venue::BinanceUsdm => "binance-usdm",
        }
    }

    /// The venue of a name.
    ///
    /// # Errors
    /// [`VenueError::UnknownVenue`], which names the known ones.
    pub fn from_name(name: &str) -> Result<Self, VenueError> {
        Self::ALL
            .into_iter()
            .find(|venue| venue.name() == name)
            .ok_or_else(|| VenueError::UnknownVenue {
                name: name.chars().take(40).collect(),
                known: Self::ALL.map(Venue::name).join(", "),
            })
    }

    /// What kind of contract a symbol of this venue is.
    pub(crate) fn instrument_kind(self, symbol: &str) -> InstrumentKind {
        match self {
            Venue::BinanceSpot => InstrumentKind::Spot,
            Venue::BinanceUsdm => crate::binance_usdm::instrument_kind(symbol),
        }
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Venue {
    type Err = VenueError;

    fn from_str(name: &str) -> Result<Self, VenueError> {
        Venue::from_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_venues_are_inverse() {
        for venue in Venue::ALL {
            assert_eq!(Venue::from_name(venue.name()).unwrap(), venue);
        }
        let error = Venue::from_name("binance").unwrap_err().to_string();
        assert!(
            error.contains("\"binance\"") && error.contains("binance-spot, binance-usdm"),
            "{error}"
        );
    }
}
