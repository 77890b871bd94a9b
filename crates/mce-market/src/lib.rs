//! The market vocabulary: the plain values that every other part of the engine hands around.
//!
//! Prices and sizes are integers at an instrument's own decimal scale, times are integer nanoseconds,
//! and a market is a sequence of [`MarketEvent`]s. Nothing here does I/O, reads a clock or knows a venue's
//! wire format; decoding belongs to `mce-venues`, storage to `mce-lake`.
//!
//! | module | what lives there |
//! |---|---|
//! | [`decimal`] | [`Scale`], [`Decimal`]: exact text ↔ integer |
//! | [`price`] | [`Price`], [`Qty`], [`Level`], [`Side`] |
//! | [`money`] | [`Money`]: notional, cash, fees; [`FeeRate`] |
//! | [`time`] | [`UnixNanos`] |
//! | [`instrument`] | [`Instrument`], [`InstrumentId`], [`Instruments`] |
//! | [`event`] | [`MarketEvent`] and its bodies, [`EventSink`] |
//! | [`book`] | [`OrderBook`] |
//! | [`snapshot`] | [`Snapshot`]: the top of a book as a value |
//! | [`signal`] | [`Signal`], [`Reading`], [`AbsentReason`], [`InputMode`] |
//! | [`quality`] | [`Quality`], [`BookState`] |
//! | [`order`] | [`Order`], [`Fill`] |
#![deny(missing_docs)]

pub mod book;
pub mod decimal;
pub mod event;
pub mod instrument;
pub mod money;
pub mod order;
pub mod price;
pub mod quality;
pub mod signal;
pub mod snapshot;
pub mod time;

pub use book::{BookError, LevelChange, OrderBook};
pub use decimal::{Decimal, DecimalError, Scale};
pub use event::{
    BookDelta, BookSnapshot, EventBody, EventSink, Gap, GapReason, Liquidation, MarketEvent,
    Status, Ticker, Trade,
};
pub use instrument::{Instrument, InstrumentError, InstrumentId, InstrumentKind, Instruments};
pub use money::{FeeRate, Money, MoneyError};
pub use order::{Fill, Liquidity, Order, OrderId, OrderKind, TimeInForce};
pub use price::{Level, Price, Qty, Side};
pub use quality::{BookState, Quality};
pub use signal::{AbsentReason, InputMode, Reading, SKEW_QUANTILES, Signal};
pub use snapshot::Snapshot;
pub use time::UnixNanos;
