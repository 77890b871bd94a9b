//! Which Binance frames are USD-M's.

use crate::binance::{Decoder, Message, RestDepth};
use crate::error::VenueError;
use crate::venue::Venue;

const VENUE: Venue = Venue::BinanceUsdm;

/// Reads one frame of Binance USD-M, raw or combined, websocket or REST.
///
/// A REST book without an event time is taken: recorders of before 2020 have them.
///
/// ```
/// use mce_venues::binance::{Decoder, Message};
/// let frame = br#"{"e":"depthUpdate","E":123,"T":122,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[["0.1","10"]],"a":[]}"#;
/// let mut decoder = Decoder::new();
/// let Message::Depth(depth) = mce_venues::binance_usdm::decode::decode(&mut decoder, frame)? else {
///     panic!("this is a depth update");
/// };
/// assert_eq!((depth.previous_update_id, depth.bids.len()), (Some(149), 1));
/// # Ok::<(), mce_venues::VenueError>(())
/// ```
///
/// # Errors
/// [`VenueError::WrongVenue`] for a frame with the marks of another venue, [`VenueError::NotJson`],
/// [`VenueError::Malformed`] and [`VenueError::UnknownKind`] for what is no frame of Binance, and
/// [`VenueError::Refused`] for the venue's own errors.
#[inline]
pub fn decode<'a>(decoder: &'a mut Decoder, frame: &'a [u8]) -> Result<Message<'a>, VenueError> {
    let message = decoder.parse(VENUE, frame)?;
    let symbol = match &message {
        Message::Depth(depth) => {
            if depth.previous_update_id.is_none() {
                return Err(spot("a depth update without `pu`"));
            }
            &depth.symbol
        }
        Message::Ticker(ticker) => {
            if ticker.event_ms.is_none() {
                return Err(spot("a book ticker without an event time `E`"));
            }
            &ticker.symbol
        }
        Message::Trade(trade) => {
            if trade.spot_flag.is_some() {
                return Err(spot("a trade with `M`"));
            }
            &trade.symbol
        }
        Message::Liquidation(order) => &order.symbol,
        Message::Snapshot(RestDepth {
            symbol: Some(symbol),
            ..
        }) => symbol,
        _ => return Ok(message),
    };
    // A contract's size there is in dollars or coins' worth, not in base: it must not be taken for one.
    if symbol.ends_with("_PERP") {
        return Err(VenueError::WrongVenue {
            expected: VENUE,
            found: "binance-coinm",
            evidence: "a symbol that ends in `_PERP`",
        });
    }
    Ok(message)
}

#[cold]
fn spot(evidence: &'static str) -> VenueError {
    VenueError::WrongVenue {
        expected: VENUE,
        found: Venue::BinanceSpot.name(),
        evidence,
    }
}

#[cfg(test)]
mod tests;
