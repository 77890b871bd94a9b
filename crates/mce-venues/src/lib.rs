//! Venue protocols without I/O: frames in, market events out, and back.
//!
//! A venue is a folder of the same shape: `decode` (bytes → message), `sequence` (the venue's rule for joining a
//! snapshot and its updates, written above the code in the order of the venue's page), `encode` (what the simulated
//! venue sends) and `endpoints` (addresses, subscriptions and limits as plain data), with a `README.md` that says
//! which field means what and how we know. [`VenueStream`] puts them together: one per connection or recording.
//!
//! ```text
//! frame ──decode──▶ message ──symbol, scales──▶ sequence rule ──▶ MarketEvent
//! ```
//!
//! Nothing here opens a socket or a file, reads a clock or spawns anything; that a book is crossed or that nothing
//! has come for too long is for the owner of the book to see, who then calls [`VenueStream::resync`].
#![deny(missing_docs)]

pub mod binance;
pub mod binance_spot;
pub mod binance_usdm;
pub mod capture;
mod error;
mod foreign;
pub mod limits;
mod message;
mod step;
mod stream;
mod venue;

pub use capture::{CaptureLine, CaptureReader};
pub use error::{Action, VenueError};
pub use message::DecimalLevel;
pub use step::{DiffIds, SnapshotStep, Step};
pub use stream::{Counters, FrameKind, InstrumentRule, StreamCounters, SymbolView, VenueStream};
pub use venue::Venue;
