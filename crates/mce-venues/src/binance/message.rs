//! Binance frames as values: numbers exact, names borrowed, everything else as the venue wrote it.

use crate::message::DecimalLevel;
use mce_market::{Decimal, Side};
use std::borrow::Cow;

/// One frame. Field names in brackets are the venue's.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// A book update of the diff stream.
    Depth(Depth<'a>),
    /// A REST answer with a whole book, or a recorder's copy of one.
    Snapshot(RestDepth<'a>),
    /// A trade, single or aggregate.
    Trade(TradeMsg<'a>),
    /// Best bid and ask.
    Ticker(BookTicker<'a>),
    /// A liquidation.
    Liquidation(ForceOrder<'a>),
    /// The answer to a request of ours.
    Ack {
        /// The request's id, where it was a number.
        id: Option<u64>,
    },
    /// The venue is about to close the connection.
    Shutdown(Shutdown),
    /// A frame that is known and not used.
    Other {
        /// What it is.
        kind: Cow<'a, str>,
        /// Its symbol, where it names one.
        symbol: Option<Cow<'a, str>>,
    },
}

/// `depthUpdate`.
#[derive(Clone, Debug, PartialEq)]
pub struct Depth<'a> {
    /// Symbol (`s`).
    pub symbol: Cow<'a, str>,
    /// Event time in ms (`E`).
    pub event_ms: u64,
    /// Transaction time in ms (`T`), USD-M alone.
    pub transaction_ms: Option<u64>,
    /// First update id in it (`U`).
    pub first_update_id: u64,
    /// Last update id in it (`u`).
    pub last_update_id: u64,
    /// Last update id of the frame before (`pu`), USD-M alone.
    pub previous_update_id: Option<u64>,
    /// Changed bids (`b`), absolute sizes.
    pub bids: &'a [DecimalLevel],
    /// Changed asks (`a`).
    pub asks: &'a [DecimalLevel],
}

/// A whole book.
#[derive(Clone, Debug, PartialEq)]
pub struct RestDepth<'a> {
    /// The symbol, where something around the answer names it; the answer itself does not.
    pub symbol: Option<Cow<'a, str>>,
    /// Event time in ms (`E`), USD-M alone.
    pub event_ms: Option<u64>,
    /// Transaction time in ms (`T`), USD-M alone.
    pub transaction_ms: Option<u64>,
    /// Update id of this state (`lastUpdateId`).
    pub last_update_id: u64,
    /// Bids, highest first.
    pub bids: &'a [DecimalLevel],
    /// Asks, lowest first.
    pub asks: &'a [DecimalLevel],
}

/// Which of the two trade streams a trade is from. The same volume is in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeKind {
    /// `trade`: one fill.
    Single,
    /// `aggTrade`: the fills of one taker order at one price.
    Aggregate,
}

/// `trade` or `aggTrade`.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeMsg<'a> {
    /// Which of the two.
    pub kind: TradeKind,
    /// Symbol (`s`).
    pub symbol: Cow<'a, str>,
    /// Event time in ms (`E`).
    pub event_ms: u64,
    /// Trade time in ms (`T`).
    pub trade_ms: u64,
    /// Trade id (`t`, or `a` of an aggregate).
    pub id: u64,
    /// Price (`p`).
    pub price: Decimal,
    /// Base size (`q`).
    pub qty: Decimal,
    /// Whether the buyer's order rested in the book (`m`).
    pub buyer_is_maker: bool,
    /// How it came about (`X`), USD-M alone: `MARKET`, or `INSURANCE_FUND`, `ADL`, `NA`.
    pub execution: Option<Cow<'a, str>>,
    /// A field without meaning (`M`), spot alone.
    pub spot_flag: Option<bool>,
}

impl TradeMsg<'_> {
    /// Whether it happened between market participants. Without `X` it did.
    pub fn is_market(&self) -> bool {
        self.execution.as_deref().is_none_or(|x| x == "MARKET")
    }

    /// The side that took liquidity.
    pub fn aggressor(&self) -> Side {
        if self.buyer_is_maker {
            Side::Sell
        } else {
            Side::Buy
        }
    }
}

/// `bookTicker`; spot sends it without a name and without times.
#[derive(Clone, Debug, PartialEq)]
pub struct BookTicker<'a> {
    /// Symbol (`s`).
    pub symbol: Cow<'a, str>,
    /// Event time in ms (`E`), USD-M alone.
    pub event_ms: Option<u64>,
    /// Transaction time in ms (`T`), USD-M alone.
    pub transaction_ms: Option<u64>,
    /// The book update it belongs to (`u`).
    pub update_id: u64,
    /// Best bid (`b`, `B`); price 0 when there is none.
    pub bid: DecimalLevel,
    /// Best ask (`a`, `A`); price 0 when there is none.
    pub ask: DecimalLevel,
}

/// `forceOrder`: a liquidation order, at most one a symbol and second.
#[derive(Clone, Debug, PartialEq)]
pub struct ForceOrder<'a> {
    /// Symbol (`o.s`).
    pub symbol: Cow<'a, str>,
    /// Event time in ms (`E`).
    pub event_ms: u64,
    /// Trade time in ms (`o.T`).
    pub trade_ms: u64,
    /// Side of the order (`o.S`): a sell closes a long.
    pub side: Side,
    /// Average price of what was filled (`o.ap`), 0 while nothing was. Need not be a multiple of the tick.
    pub average_price: Decimal,
    /// What was filled (`o.z`).
    pub filled: Decimal,
}

/// `serverShutdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// Event time in ms (`E`), where it is said.
    pub event_ms: Option<u64>,
}
