//! Binance spot. `README.md` in this folder says which field means what and how we know.

pub mod decode;
pub mod encode;
pub mod endpoints;
pub mod sequence;

use crate::binance::{Decoder, Dialect, Message};
use crate::error::VenueError;

/// Spot's way of speaking Binance.
#[derive(Debug)]
pub(crate) struct Spot;

impl Dialect for Spot {
    type Order = sequence::SpotOrder;

    #[inline]
    fn decode<'a>(decoder: &'a mut Decoder, frame: &'a [u8]) -> Result<Message<'a>, VenueError> {
        decode::decode(decoder, frame)
    }
}
