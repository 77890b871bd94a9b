//! Which Binance frames are spot's.

use crate::binance::{Decoder, Message, TradeKind};
use crate::error::VenueError;
use crate::venue::Venue;
use std::borrow::Cow;

const VENUE: Venue = Venue::BinanceSpot;

/// Reads one frame of Binance spot, raw or combined, websocket or REST.
///
/// `aggTrade` is known and not used: the `trade` stream has the same volume.
///
/// ```
/// use mce_venues::binance::{Decoder, Message};
/// let frame = br#"{"u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}"#;
/// let mut decoder = Decoder::new();
/// let Message::Ticker(ticker) = mce_venues::binance_spot::decode::decode(&mut decoder, frame)? else {
///     panic!("this is a book ticker");
/// };
/// assert_eq!(ticker.bid.price.to_string(), "25.35");
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
    match &message {
        Message::Depth(depth) if depth.previous_update_id.is_some() => {
            Err(usdm("a depth update with `pu`"))
        }
        Message::Snapshot(depth) if depth.event_ms.is_some() => {
            Err(usdm("a REST book with an event time `E`"))
        }
        Message::Ticker(ticker) if ticker.event_ms.is_some() => {
            Err(usdm("a book ticker with an event time `E`"))
        }
        Message::Trade(trade) if trade.execution.is_some() => Err(usdm("a trade with `X`")),
        Message::Trade(trade) if trade.kind == TradeKind::Aggregate => {
            if trade.spot_flag.is_none() {
                return Err(usdm("an aggregate trade without `M`"));
            }
            let Message::Trade(trade) = message else {
                unreachable!("the message was matched as a trade just above");
            };
            Ok(Message::Other {
                kind: Cow::Borrowed("aggTrade"),
                symbol: Some(trade.symbol),
            })
        }
        Message::Liquidation(_) => Err(usdm("a liquidation")),
        _ => Ok(message),
    }
}

#[cold]
fn usdm(evidence: &'static str) -> VenueError {
    VenueError::WrongVenue {
        expected: VENUE,
        found: Venue::BinanceUsdm.name(),
        evidence,
    }
}

#[cfg(test)]
mod tests;
