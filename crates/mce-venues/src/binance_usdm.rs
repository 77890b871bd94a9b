//! Binance USD-margined futures. `README.md` in this folder says which field means what and how we know.

pub mod decode;
pub mod encode;
pub mod endpoints;
pub mod sequence;

use crate::binance::{Decoder, Dialect, Message};
use crate::error::VenueError;
use mce_market::InstrumentKind;

/// USD-M's way of speaking Binance.
#[derive(Debug)]
pub(crate) struct Usdm;

impl Dialect for Usdm {
    type Order = sequence::UsdmOrder;

    #[inline]
    fn decode<'a>(decoder: &'a mut Decoder, frame: &'a [u8]) -> Result<Message<'a>, VenueError> {
        decode::decode(decoder, frame)
    }
}

/// A delivery date after an underscore (`BTCUSDT_250926`) makes a future; everything else is perpetual.
pub(crate) fn instrument_kind(symbol: &str) -> InstrumentKind {
    match symbol.rsplit_once('_') {
        Some((_, date)) if date.len() == 6 && date.bytes().all(|b| b.is_ascii_digit()) => {
            InstrumentKind::Future
        }
        _ => InstrumentKind::Perpetual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_makes_a_future() {
        assert_eq!(instrument_kind("BTCUSDT"), InstrumentKind::Perpetual);
        assert_eq!(instrument_kind("BTCUSDT_250926"), InstrumentKind::Future);
        assert_eq!(instrument_kind("A_B"), InstrumentKind::Perpetual);
    }
}
