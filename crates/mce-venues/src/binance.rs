//! What Binance spot and USD-M truly share: the shape of their frames and the way a frame becomes events.
//!
//! What differs (which fields a frame must have, how ids follow each other, addresses and limits) is in
//! [`crate::binance_spot`] and [`crate::binance_usdm`].

mod decoder;
mod feed;
mod message;
mod request;
mod scan;
mod sequence;
mod wire;
mod write;

pub use decoder::Decoder;
pub(crate) use feed::{Dialect, Feed};
pub use message::{
    BookTicker, Depth, ForceOrder, Message, RestDepth, Shutdown, TradeKind, TradeMsg,
};
pub use request::{subscribe, unsubscribe};
pub use sequence::{EventOrder, Sequence};
pub(crate) use write::{TextWriter, combined, field};
pub use write::{ack, shutdown};
