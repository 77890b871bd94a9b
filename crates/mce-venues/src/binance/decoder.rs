//! Bytes to [`Message`]: the fast scanner first, serde_json for whatever it does not know.

use super::message::Message;
use super::{scan, wire};
use crate::error::VenueError;
use crate::message::DecimalLevel;
use crate::venue::Venue;

/// Decodes frames of one Binance venue, keeping its level buffers from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    bids: Vec<DecimalLevel>,
    asks: Vec<DecimalLevel>,
}

impl Decoder {
    /// A decoder with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one frame's shape; whether the venue sends such a frame is for `decode` of the venue.
    #[inline]
    pub(crate) fn parse<'a>(
        &'a mut self,
        venue: Venue,
        frame: &'a [u8],
    ) -> Result<Message<'a>, VenueError> {
        let Decoder { bids, asks } = self;
        let message = match scan::scan(frame, bids, asks) {
            Some(message) => message,
            None => wire::parse(venue, frame, bids, asks)?,
        };
        Ok(with_levels(message, bids, asks))
    }

    /// As [`Decoder::parse`], by serde_json alone: what the scanner must agree with.
    #[cfg(test)]
    pub(crate) fn parse_slowly<'a>(
        &'a mut self,
        venue: Venue,
        frame: &'a [u8],
    ) -> Result<Message<'a>, VenueError> {
        let Decoder { bids, asks } = self;
        let message = wire::parse(venue, frame, bids, asks)?;
        Ok(with_levels(message, bids, asks))
    }

    /// As [`Decoder::parse`], by the scanner alone; `None` when it leaves the frame to serde_json.
    #[cfg(test)]
    pub(crate) fn parse_fast<'a>(&'a mut self, frame: &'a [u8]) -> Option<Message<'a>> {
        let Decoder { bids, asks } = self;
        let message = scan::scan(frame, bids, asks)?;
        Some(with_levels(message, bids, asks))
    }
}

/// The parsers put levels into the buffers and leave the message's own slices empty.
fn with_levels<'a>(
    mut message: Message<'a>,
    bids: &'a [DecimalLevel],
    asks: &'a [DecimalLevel],
) -> Message<'a> {
    match &mut message {
        Message::Depth(depth) => (depth.bids, depth.asks) = (bids, asks),
        Message::Snapshot(depth) => (depth.bids, depth.asks) = (bids, asks),
        _ => {}
    }
    message
}
