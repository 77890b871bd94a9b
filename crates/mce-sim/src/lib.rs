//! A simulated market: a limit order book with people in it, whose makers' inventories are known.
//!
//! Real venues never show who was forced to trade; this market does. [`Market`] is a pure state machine on a virtual
//! clock: agents wake, look at the book, send orders to the [`Matching`] engine, and what happened comes out as plain
//! values. [`BinanceSpotRecorder`] turns that into the frames a recorder of Binance spot would have written, through
//! the venue's own encoders, and [`capture_lines`] joins the two.
//!
//! | module | what lives there |
//! |---|---|
//! | [`rng`] | randomness by counter: the same (seed, agent, step, draw), the same number |
//! | [`matching`] | price-time priority, exact in ticks and lots |
//! | [`participants`] | the crowd that gives liquidity, takers, value traders, splitters of large orders, trend followers |
//! | [`makers`] | market makers with inventory limits, and their forced unwinds |
//! | [`market`] | the clock, the accounts, what happened, the truth behind it |
//! | [`frames`] | captures of the market in a venue's protocol |
//!
//! Prices and sizes of orders are integers throughout; floats appear in what agents believe, never in what they send.
//! Sockets and files belong to others.
#![deny(missing_docs)]

pub mod error;
pub mod frames;
pub mod makers;
pub mod market;
pub mod matching;
pub mod participants;
pub mod rng;

pub use error::SimError;
pub use frames::{BinanceSpotRecorder, Capture, CaptureConfig, CaptureText, capture_lines};
pub use makers::{MakerConfig, MakerState};
pub use market::{Happening, HappeningBody, MakerTruth, Market, MarketConfig};
pub use matching::{Fill, Lots, Matching, NewOrder, OrderId, Owner, Terms, Ticks};
