//! A scanner for the frames that come by the thousand, in the compact form in which the venue writes them.
//!
//! It knows depth updates, trades and book tickers, raw or combined, and REST books, without blanks or escapes; fields
//! may come in any order after the first. For anything else it gives `None`, and serde_json reads the frame again: the
//! scanner can be slow to recognise a frame, but never wrong about one. Tests hold both to the same answers.

mod cursor;

use super::message::{BookTicker, Depth, Message, RestDepth, TradeKind, TradeMsg};
use crate::message::DecimalLevel;
use cursor::Cursor;
use std::borrow::Cow;

/// What a stream's name says about the book in its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// A raw frame.
    Unnamed,
    /// `@depth`, `@depth@100ms`: the diff stream; or a stream of something else.
    DiffOrOther,
    /// `@depth5`, `@depth10`, `@depth20`, `@rpiDepth`: books that must not be mixed with the diff stream's.
    OtherBook,
}

impl Channel {
    pub(super) fn of_stream(stream: &str) -> Self {
        let channel = stream.split_once('@').map_or("", |(_, channel)| channel);
        let partial = channel
            .strip_prefix("depth")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if partial || channel.starts_with("rpiDepth") {
            Channel::OtherBook
        } else {
            Channel::DiffOrOther
        }
    }
}

/// Reads `frame` if it is one of the frames this module knows; levels go to `bids` and `asks`.
#[inline]
pub(super) fn scan<'a>(
    frame: &'a [u8],
    bids: &mut Vec<DecimalLevel>,
    asks: &mut Vec<DecimalLevel>,
) -> Option<Message<'a>> {
    let mut cursor = Cursor::new(frame);
    let combined = cursor.eat(b"{\"stream\":\"");
    if combined {
        let stream = cursor.rest_of_text()?;
        if Channel::of_stream(stream) == Channel::OtherBook || !cursor.eat(b",\"data\":") {
            return None;
        }
    }
    let message = if cursor.eat(b"{\"e\":\"depthUpdate\"") {
        depth(&mut cursor, bids, asks)?
    } else if cursor.eat(b"{\"e\":\"bookTicker\"") {
        ticker(&mut cursor, Once::new())?
    } else if cursor.eat(b"{\"e\":\"trade\"") {
        trade(&mut cursor, TradeKind::Single)?
    } else if cursor.eat(b"{\"e\":\"aggTrade\"") {
        trade(&mut cursor, TradeKind::Aggregate)?
    } else if cursor.eat(b"{\"u\":") {
        let update_id = cursor.integer()?;
        ticker(&mut cursor, Once(Some(update_id)))?
    } else if !combined && cursor.eat(b"{\"lastUpdateId\":") {
        rest_depth(&mut cursor, bids, asks)?
    } else {
        return None;
    };
    if combined {
        cursor.expect(b'}')?;
    }
    cursor.at_end().then_some(message)
}

/// A field that must come once.
struct Once<T>(Option<T>);

impl<T> Once<T> {
    const fn new() -> Self {
        Once(None)
    }

    /// `None` when it came before: serde_json refuses such a frame, with words.
    #[inline]
    fn set(&mut self, value: T) -> Option<()> {
        if self.0.is_some() {
            return None;
        }
        self.0 = Some(value);
        Some(())
    }
}

fn depth<'a>(
    cursor: &mut Cursor<'a>,
    bids: &mut Vec<DecimalLevel>,
    asks: &mut Vec<DecimalLevel>,
) -> Option<Message<'a>> {
    let (mut event, mut transaction, mut first, mut last, mut previous) = (
        Once::new(),
        Once::new(),
        Once::new(),
        Once::new(),
        Once::new(),
    );
    let mut symbol = Once::new();
    let (mut has_bids, mut has_asks) = (Once::new(), Once::new());
    while let Some(name) = cursor.next_field()? {
        match name {
            b"E" => event.set(cursor.integer()?)?,
            b"T" => transaction.set(cursor.integer()?)?,
            b"s" => symbol.set(cursor.text()?)?,
            b"U" => first.set(cursor.integer()?)?,
            b"u" => last.set(cursor.integer()?)?,
            b"pu" => previous.set(cursor.integer()?)?,
            b"b" => {
                has_bids.set(())?;
                cursor.levels(bids)?;
            }
            b"a" => {
                has_asks.set(())?;
                cursor.levels(asks)?;
            }
            // `e` again, `st` (which can make it another venue's) and what is new.
            _ => return None,
        }
    }
    has_bids.0.and(has_asks.0)?;
    Some(Message::Depth(Depth {
        symbol: Cow::Borrowed(symbol.0?),
        event_ms: event.0?,
        transaction_ms: transaction.0,
        first_update_id: first.0?,
        last_update_id: last.0?,
        previous_update_id: previous.0,
        bids: &[],
        asks: &[],
    }))
}

fn trade<'a>(cursor: &mut Cursor<'a>, kind: TradeKind) -> Option<Message<'a>> {
    let (mut event, mut time, mut id) = (Once::new(), Once::new(), Once::new());
    let (mut symbol, mut price, mut qty) = (Once::new(), Once::new(), Once::new());
    let (mut maker, mut execution, mut flag) = (Once::new(), Once::new(), Once::new());
    let mut seller = Once::new();
    while let Some(name) = cursor.next_field()? {
        match (name, kind) {
            (b"E", _) => event.set(cursor.integer()?)?,
            (b"T", _) => time.set(cursor.integer()?)?,
            (b"s", _) => symbol.set(cursor.text()?)?,
            (b"t", TradeKind::Single) | (b"a", TradeKind::Aggregate) => {
                id.set(cursor.integer()?)?;
            }
            (b"a", TradeKind::Single) => seller.set(cursor.integer()?)?,
            (b"p", _) => price.set(cursor.decimal()?)?,
            (b"q", _) => qty.set(cursor.decimal()?)?,
            (b"m", _) => maker.set(cursor.boolean()?)?,
            (b"X", _) => execution.set(Cow::Borrowed(cursor.text()?))?,
            (b"M", _) => flag.set(cursor.boolean()?)?,
            // First and last trade of an aggregate, the buyer's order.
            (b"f" | b"l" | b"b", _) => {
                cursor.integer()?;
            }
            _ => return None,
        }
    }
    Some(Message::Trade(TradeMsg {
        kind,
        symbol: Cow::Borrowed(symbol.0?),
        event_ms: event.0?,
        trade_ms: time.0?,
        id: id.0?,
        price: price.0?,
        qty: qty.0?,
        buyer_is_maker: maker.0?,
        execution: execution.0,
        spot_flag: flag.0,
    }))
}

/// Spot's ticker has no name and begins with its id, which is then given.
fn ticker<'a>(cursor: &mut Cursor<'a>, mut update_id: Once<u64>) -> Option<Message<'a>> {
    let (mut event, mut transaction, mut symbol) = (Once::new(), Once::new(), Once::new());
    let (mut bid, mut bid_qty) = (Once::new(), Once::new());
    let (mut ask, mut ask_qty) = (Once::new(), Once::new());
    while let Some(name) = cursor.next_field()? {
        match name {
            b"u" => update_id.set(cursor.integer()?)?,
            b"s" => symbol.set(cursor.text()?)?,
            b"b" => bid.set(cursor.decimal()?)?,
            b"B" => bid_qty.set(cursor.decimal()?)?,
            b"a" => ask.set(cursor.decimal()?)?,
            b"A" => ask_qty.set(cursor.decimal()?)?,
            b"T" => transaction.set(cursor.integer()?)?,
            b"E" => event.set(cursor.integer()?)?,
            _ => return None,
        }
    }
    Some(Message::Ticker(BookTicker {
        symbol: Cow::Borrowed(symbol.0?),
        event_ms: event.0,
        transaction_ms: transaction.0,
        update_id: update_id.0?,
        bid: DecimalLevel {
            price: bid.0?,
            qty: bid_qty.0?,
        },
        ask: DecimalLevel {
            price: ask.0?,
            qty: ask_qty.0?,
        },
    }))
}

fn rest_depth<'a>(
    cursor: &mut Cursor<'a>,
    bids: &mut Vec<DecimalLevel>,
    asks: &mut Vec<DecimalLevel>,
) -> Option<Message<'a>> {
    let last_update_id = cursor.integer()?;
    let (mut event, mut transaction) = (Once::new(), Once::new());
    let (mut has_bids, mut has_asks) = (Once::new(), Once::new());
    while let Some(name) = cursor.next_field()? {
        match name {
            b"E" => event.set(cursor.integer()?)?,
            b"T" => transaction.set(cursor.integer()?)?,
            b"bids" => {
                has_bids.set(())?;
                cursor.levels(bids)?;
            }
            b"asks" => {
                has_asks.set(())?;
                cursor.levels(asks)?;
            }
            _ => return None,
        }
    }
    has_bids.0.and(has_asks.0)?;
    Some(Message::Snapshot(RestDepth {
        symbol: None,
        event_ms: event.0,
        transaction_ms: transaction.0,
        last_update_id,
        bids: &[],
        asks: &[],
    }))
}

#[cfg(test)]
mod tests;
