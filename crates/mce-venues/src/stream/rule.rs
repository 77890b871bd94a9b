//! Where the scales, tick and lot of a symbol come from.

use crate::error::VenueError;
use crate::venue::Venue;
use mce_market::{Decimal, Instrument, Price, Qty, Scale};
use std::sync::Arc;

/// What a stream does with a symbol that nobody has declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstrumentRule {
    /// It is an error: live, every instrument is loaded from the venue first.
    Declared,
    /// It gets these scales: offline, where there is no venue to ask. Made by [`InstrumentRule::offline`].
    Offline(OfflineScales),
}

/// Scales and increments of every symbol of an offline input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineScales {
    price: (Scale, Price),
    qty: (Scale, Qty),
}

impl InstrumentRule {
    /// The rule for captures: a given tick or lot makes the scale as many decimals as it has, and 8 decimals without;
    /// an increment that is not given is one unit.
    ///
    /// # Errors
    /// [`VenueError::Increment`] when one is not above 0 or has more than 12 decimals.
    pub fn offline(tick: Option<Decimal>, lot: Option<Decimal>) -> Result<Self, VenueError> {
        let (price_scale, tick) = increment("tick", tick)?;
        let (qty_scale, lot) = increment("lot", lot)?;
        Ok(InstrumentRule::Offline(OfflineScales {
            price: (price_scale, Price::from_units(tick)),
            qty: (qty_scale, Qty::from_units(lot)),
        }))
    }

    /// The instrument of a symbol that was not declared.
    pub(super) fn instrument(
        &self,
        venue: Venue,
        symbol: &str,
    ) -> Result<Arc<Instrument>, VenueError> {
        match self {
            InstrumentRule::Declared => Err(VenueError::Undeclared {
                venue,
                symbol: symbol.to_owned(),
            }),
            InstrumentRule::Offline(scales) => Ok(Arc::new(Instrument::new(
                venue.name(),
                symbol,
                venue.instrument_kind(symbol),
                scales.price,
                scales.qty,
            )?)),
        }
    }
}

fn increment(what: &'static str, value: Option<Decimal>) -> Result<(Scale, i64), VenueError> {
    let Some(value) = value else {
        return Ok((Scale::EIGHT, 1));
    };
    let refused = |source| VenueError::Increment {
        what,
        value: value.to_string(),
        source,
    };
    let scale = value.scale().map_err(|e| refused(Some(e)))?;
    match value.mantissa() {
        units @ 1.. => Ok((scale, units)),
        _ => Err(refused(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tick: Option<&str>, lot: Option<&str>, expected: Result<(u8, i64, u8, i64), &str>) {
        let decimal = |text: Option<&str>| text.map(|t| t.parse::<Decimal>().unwrap());
        let made = InstrumentRule::offline(decimal(tick), decimal(lot))
            .and_then(|rule| rule.instrument(Venue::BinanceSpot, "X"));
        match (made, expected) {
            (Ok(i), Ok(want)) => assert_eq!(
                (
                    i.price_scale().decimals(),
                    i.tick().units(),
                    i.qty_scale().decimals(),
                    i.lot().units()
                ),
                want
            ),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
            }
            (made, want) => panic!("{tick:?} {lot:?}: got {made:?}, expected {want:?}"),
        }
    }

    #[test]
    fn scales_come_from_tick_and_lot() {
        check(None, None, Ok((8, 1, 8, 1)));
        check(Some("0.10"), Some("0.001"), Ok((1, 1, 3, 1)));
        check(Some("0.05"), Some("100"), Ok((2, 5, 0, 100)));
        check(Some("0"), None, Err("a tick such as 0.01, got 0"));
        check(None, Some("-1"), Err("a lot such as"));
        check(Some("0.0000000000001"), None, Err("tick"));
    }

    #[test]
    fn without_an_offline_rule_instruments_must_be_declared() {
        let error = InstrumentRule::Declared
            .instrument(Venue::BinanceUsdm, "BTCUSDT")
            .unwrap_err();
        assert!(
            error.to_string().contains("binance-usdm: symbol BTCUSDT"),
            "{error}"
        );
    }
}
