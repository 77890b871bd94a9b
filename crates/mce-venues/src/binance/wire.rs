//! The private serde side: any well-formed Binance frame, in any order of fields and with any blanks.
//!
//! The first pass splits the outermost object into fields; what they are called says what the frame is, and a second
//! pass reads it as that.

mod shapes;

use super::message::{
    BookTicker, Depth, ForceOrder, Message, RestDepth, Shutdown, TradeKind, TradeMsg,
};
use super::scan::Channel;
use crate::error::{VenueError, near};
use crate::foreign;
use crate::message::DecimalLevel;
use crate::venue::Venue;
use serde::Deserialize;
use serde_json::error::Category;
use shapes::{
    Fields, ObjectFields, Text, WireDepth, WireError, WireForceOrder, WireRestDepth, WireShutdown,
    WireTicker, WireTrade,
};
use std::borrow::Cow;

/// Frames that are known and not used, by their `e`.
const UNUSED: [&str; 29] = [
    "24hrMiniTicker",
    "24hrTicker",
    "1dTicker",
    "1hTicker",
    "4hTicker",
    "avgPrice",
    "kline",
    "continuous_kline",
    "markPriceUpdate",
    "compositeIndex",
    "contractInfo",
    "assetIndexUpdate",
    "tradingSession",
    "ACCOUNT_CONFIG_UPDATE",
    "ACCOUNT_UPDATE",
    "ALGO_UPDATE",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "GRID_UPDATE",
    "MARGIN_CALL",
    "ORDER_TRADE_UPDATE",
    "STRATEGY_UPDATE",
    "TRADE_LITE",
    "balanceUpdate",
    "eventStreamTerminated",
    "executionReport",
    "externalLockUpdate",
    "listStatus",
    "listenKeyExpired",
    "outboundAccountPosition",
];

/// Request errors that go away by waiting: too many requests, timeouts, overload.
const RETRY_CODES: [i64; 6] = [-1000, -1001, -1003, -1007, -1008, -1015];

/// Reads `frame`; the levels of a book go to `bids` and `asks` and the message's own are empty.
pub(super) fn parse<'a>(
    venue: Venue,
    frame: &'a [u8],
    bids: &mut Vec<DecimalLevel>,
    asks: &mut Vec<DecimalLevel>,
) -> Result<Message<'a>, VenueError> {
    let reader = Reader { venue, frame };
    let outer: Fields<'a> = serde_json::from_slice(frame).map_err(|e| reader.not_json(&e))?;
    let Fields::Object(outer) = outer else {
        return Ok(other("array", None));
    };
    let (Some(stream), Some(data)) = (outer.get("stream"), outer.get("data")) else {
        let text = std::str::from_utf8(frame)
            .map_err(|e| reader.unknown_at(e.valid_up_to(), "text that is not UTF-8"))?;
        return reader.object(text, &outer, None, bids, asks);
    };
    let Text(stream) = reader.read("stream", stream)?;
    let inner: Fields<'a> = reader.read("stream", data)?;
    match inner {
        Fields::Object(fields) => reader.object(data, &fields, Some(&stream), bids, asks),
        Fields::Array => Ok(Message::Other {
            kind: stream,
            symbol: None,
        }),
    }
}

fn other<'a>(kind: &'static str, symbol: Option<Cow<'a, str>>) -> Message<'a> {
    Message::Other {
        kind: Cow::Borrowed(kind),
        symbol,
    }
}

struct Reader<'a> {
    venue: Venue,
    frame: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads one object, the frame itself or the `data` of a combined frame.
    fn object(
        &self,
        text: &'a str,
        fields: &ObjectFields<'a>,
        stream: Option<&str>,
        bids: &mut Vec<DecimalLevel>,
        asks: &mut Vec<DecimalLevel>,
    ) -> Result<Message<'a>, VenueError> {
        let channel = stream.map_or(Channel::Unnamed, Channel::of_stream);
        if let Some(event) = fields.get("e") {
            let Text(event) = self.read("event", event)?;
            return self.event(event, text, fields, channel, bids, asks);
        }
        if fields.get("lastUpdateId").is_some() {
            if channel == Channel::OtherBook {
                return Ok(other("partial book", None));
            }
            return self.rest_depth(text, stream, bids, asks);
        }
        if fields.get("u").is_some() && fields.get("B").is_some() {
            return self.ticker(text);
        }
        if let Some(error) = fields.get("error").or(fields.get("code").and(Some(text))) {
            let error: WireError<'a> = self.read("error", error)?;
            return Err(VenueError::Refused {
                venue: self.venue,
                code: error.code,
                message: error.msg.0.into_owned(),
                retry: RETRY_CODES.contains(&error.code),
            });
        }
        if fields.get("result").is_some() && fields.only(&["result", "id"]) {
            let id = fields.get("id").and_then(|id| id.parse().ok());
            return Ok(Message::Ack { id });
        }
        if fields.get("openInterest").is_some() {
            return Ok(other("openInterest", self.symbol(fields, "symbol")));
        }
        if fields.get("symbols").is_some() && fields.get("serverTime").is_some() {
            return Ok(other("exchangeInfo", None));
        }
        Err(match foreign::recognise(|name| fields.get(name)) {
            Some((found, evidence)) => VenueError::WrongVenue {
                expected: self.venue,
                found,
                evidence,
            },
            None => self.unknown_at(0, "an object of an unknown kind"),
        })
    }

    fn event(
        &self,
        event: Cow<'a, str>,
        text: &'a str,
        fields: &ObjectFields<'a>,
        channel: Channel,
        bids: &mut Vec<DecimalLevel>,
        asks: &mut Vec<DecimalLevel>,
    ) -> Result<Message<'a>, VenueError> {
        match event.as_ref() {
            "depthUpdate" if channel == Channel::OtherBook => {
                Ok(other("partial book", self.symbol(fields, "s")))
            }
            "depthUpdate" => {
                let wire: WireDepth<'a> = self.read("depthUpdate", text)?;
                self.not_coin_margined(wire.st)?;
                (*bids, *asks) = (wire.b.0, wire.a.0);
                Ok(Message::Depth(Depth {
                    symbol: wire.s.0,
                    event_ms: wire.event,
                    transaction_ms: wire.transaction,
                    first_update_id: wire.first,
                    last_update_id: wire.last,
                    previous_update_id: wire.pu,
                    bids: &[],
                    asks: &[],
                }))
            }
            "trade" => self.trade(TradeKind::Single, text),
            "aggTrade" => self.trade(TradeKind::Aggregate, text),
            "bookTicker" => self.ticker(text),
            "forceOrder" => self.force_order(text),
            "serverShutdown" => {
                let wire: WireShutdown = self.read("serverShutdown", text)?;
                Ok(Message::Shutdown(Shutdown {
                    event_ms: wire.event,
                }))
            }
            kind if UNUSED.contains(&kind) => Ok(Message::Other {
                symbol: self.symbol(fields, "s"),
                kind: event,
            }),
            kind => Err(VenueError::UnknownKind {
                venue: self.venue,
                what: format!("an event {:?}", kind.chars().take(40).collect::<String>()),
                near: near(self.frame, 30),
            }),
        }
    }

    fn trade(&self, kind: TradeKind, text: &'a str) -> Result<Message<'a>, VenueError> {
        let name = match kind {
            TradeKind::Single => "trade",
            TradeKind::Aggregate => "aggTrade",
        };
        let wire: WireTrade<'a> = self.read(name, text)?;
        self.not_coin_margined(wire.st)?;
        let id = match kind {
            TradeKind::Single => wire.t.map(|t| t.get()),
            TradeKind::Aggregate => wire.a.map(|a| a.get()),
        };
        let id = id.and_then(|id| id.parse().ok());
        let Some(id) = id else {
            return Err(self.malformed(name, text, 0, "no trade id".to_owned()));
        };
        Ok(Message::Trade(TradeMsg {
            kind,
            symbol: wire.s.0,
            event_ms: wire.event,
            trade_ms: wire.time,
            id,
            price: wire.p.0,
            qty: wire.q.0,
            buyer_is_maker: wire.m,
            execution: wire.x.map(|x| x.0),
            spot_flag: wire.flag,
        }))
    }

    fn ticker(&self, text: &'a str) -> Result<Message<'a>, VenueError> {
        let wire: WireTicker<'a> = self.read("bookTicker", text)?;
        self.not_coin_margined(wire.st)?;
        Ok(Message::Ticker(BookTicker {
            symbol: wire.s.0,
            event_ms: wire.event,
            transaction_ms: wire.transaction,
            update_id: wire.u,
            bid: DecimalLevel {
                price: wire.bid.0,
                qty: wire.bid_qty.0,
            },
            ask: DecimalLevel {
                price: wire.ask.0,
                qty: wire.ask_qty.0,
            },
        }))
    }

    fn force_order(&self, text: &'a str) -> Result<Message<'a>, VenueError> {
        let wire: WireForceOrder<'a> = self.read("forceOrder", text)?;
        self.not_coin_margined(wire.st)?;
        Ok(Message::Liquidation(ForceOrder {
            symbol: wire.o.s.0,
            event_ms: wire.event,
            trade_ms: wire.o.time,
            side: wire.o.side.into(),
            average_price: wire.o.ap.0,
            filled: wire.o.z.0,
        }))
    }

    fn rest_depth(
        &self,
        text: &'a str,
        stream: Option<&str>,
        bids: &mut Vec<DecimalLevel>,
        asks: &mut Vec<DecimalLevel>,
    ) -> Result<Message<'a>, VenueError> {
        let wire: WireRestDepth<'a> = self.read("REST depth", text)?;
        (*bids, *asks) = (wire.bids.0, wire.asks.0);
        let from_stream = stream
            .and_then(|stream| stream.split_once('@'))
            .map(|(symbol, _)| Cow::Owned(symbol.to_uppercase()));
        Ok(Message::Snapshot(RestDepth {
            symbol: wire.symbol.map(|s| s.0).or(from_stream),
            event_ms: wire.event,
            transaction_ms: wire.transaction,
            last_update_id: wire.last_update_id,
            bids: &[],
            asks: &[],
        }))
    }

    fn symbol(&self, fields: &ObjectFields<'a>, name: &str) -> Option<Cow<'a, str>> {
        let text: Text<'a> = serde_json::from_str(fields.get(name)?).ok()?;
        Some(text.0)
    }

    /// `st` tells USD-M (1) from COIN-M (2) where the venue sends both on one socket.
    fn not_coin_margined(&self, st: Option<u64>) -> Result<(), VenueError> {
        match st {
            Some(2) => Err(VenueError::WrongVenue {
                expected: self.venue,
                found: "binance-coinm",
                evidence: "field `st` of 2",
            }),
            _ => Ok(()),
        }
    }

    fn read<T: Deserialize<'a>>(&self, kind: &str, text: &'a str) -> Result<T, VenueError> {
        serde_json::from_str(text)
            .map_err(|e| self.malformed(kind, text, offset(text.as_bytes(), &e), reason(&e)))
    }

    #[cold]
    fn malformed(&self, kind: &str, text: &str, at: usize, reason: String) -> VenueError {
        // `text` is a part of the frame: its address tells where.
        let start = (text.as_ptr() as usize).saturating_sub(self.frame.as_ptr() as usize);
        VenueError::Malformed {
            venue: self.venue,
            kind: kind.to_owned(),
            offset: start + at,
            reason,
            near: near(self.frame, start + at),
        }
    }

    #[cold]
    fn not_json(&self, error: &serde_json::Error) -> VenueError {
        let at = offset(self.frame, error);
        match error.classify() {
            Category::Data => self.unknown_at(at, "JSON that is no object"),
            _ => VenueError::NotJson {
                venue: self.venue,
                offset: at,
                reason: reason(error),
                near: near(self.frame, at),
            },
        }
    }

    #[cold]
    fn unknown_at(&self, at: usize, what: &str) -> VenueError {
        VenueError::UnknownKind {
            venue: self.venue,
            what: what.to_owned(),
            near: near(self.frame, at + 30),
        }
    }
}

/// Byte at which serde_json stopped.
fn offset(text: &[u8], error: &serde_json::Error) -> usize {
    let line_start = text
        .split_inclusive(|b| *b == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>();
    (line_start + error.column().saturating_sub(1)).min(text.len())
}

/// serde_json's words without its own line and column.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
