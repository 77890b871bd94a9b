//! A day and an evening of a spot market as they were captured: the delta path on what an exchange sent.
//!
//! The reader here knows just what these files hold; the real one is the venues'.

use crate::shared;
use crate::table::{Meta, assert_same, text_of};
use mce_features::{FeatureConfig, FeatureEngine};
use mce_market::{
    BookDelta, BookSnapshot, EventBody, Instrument, InstrumentId, InstrumentKind, Level,
    MarketEvent, Price, Qty, Scale, Side, Trade, UnixNanos,
};
use serde::Deserialize;

const SCALE: Scale = Scale::EIGHT;

#[derive(Deserialize)]
#[serde(untagged)]
enum Message<'a> {
    Stream {
        #[serde(borrow)]
        data: Data<'a>,
    },
    #[serde(borrow)]
    Snapshot(RestSnapshot<'a>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RestSnapshot<'a> {
    last_update_id: u64,
    #[serde(borrow)]
    bids: Vec<[&'a str; 2]>,
    #[serde(borrow)]
    asks: Vec<[&'a str; 2]>,
}

#[derive(Deserialize)]
#[serde(tag = "e")]
enum Data<'a> {
    #[serde(rename = "depthUpdate")]
    Depth {
        #[serde(rename = "E")]
        ms: i64,
        #[serde(rename = "U")]
        first: u64,
        #[serde(rename = "u")]
        last: u64,
        #[serde(borrow)]
        b: Vec<[&'a str; 2]>,
        #[serde(borrow)]
        a: Vec<[&'a str; 2]>,
    },
    #[serde(rename = "trade")]
    Trade {
        #[serde(rename = "E")]
        ms: i64,
        t: u64,
        p: &'a str,
        q: &'a str,
        m: bool,
    },
}

fn levels(texts: &[[&str; 2]]) -> Vec<Level> {
    let level = |[price, qty]: &[&str; 2]| {
        Level::new(
            Price::parse(price.as_bytes(), SCALE).unwrap(),
            Qty::parse(qty.as_bytes(), SCALE).unwrap(),
        )
    };
    texts.iter().map(level).collect()
}

/// The events of a capture whose one snapshot comes first: updates that it holds already are dropped, and every
/// later one must follow the one before.
fn events(text: &str) -> Vec<MarketEvent> {
    let mut events = Vec::new();
    let mut book_id = None;
    for line in text.lines() {
        let (_, json) = line.split_once(' ').unwrap();
        let Ok(message) = serde_json::from_str::<Message<'_>>(json) else {
            assert!(json.contains("bookTicker"), "unknown message {json}");
            continue;
        };
        let (ms, body) = match message {
            Message::Snapshot(snapshot) => {
                assert_eq!(book_id, None, "one snapshot was expected");
                book_id = Some(snapshot.last_update_id);
                let body = EventBody::Snapshot(BookSnapshot {
                    bids: levels(&snapshot.bids),
                    asks: levels(&snapshot.asks),
                    update_id: book_id,
                });
                (None, body)
            }
            Message::Stream {
                data:
                    Data::Depth {
                        ms,
                        first,
                        last,
                        b,
                        a,
                    },
            } => {
                let id = book_id.expect("the snapshot comes first");
                if last <= id {
                    continue;
                }
                assert!(first == id + 1 || events.len() == 1 && first <= id + 1);
                book_id = Some(last);
                let body = EventBody::Delta(BookDelta {
                    bids: levels(&b),
                    asks: levels(&a),
                    first_update_id: Some(first),
                    last_update_id: Some(last),
                });
                (Some(ms), body)
            }
            Message::Stream {
                data: Data::Trade { ms, t, p, q, m },
            } => {
                let body = EventBody::Trade(Trade {
                    id: t,
                    price: Price::parse(p.as_bytes(), SCALE).unwrap(),
                    qty: Qty::parse(q.as_bytes(), SCALE).unwrap(),
                    aggressor: if m { Side::Sell } else { Side::Buy },
                });
                (Some(ms), body)
            }
        };
        let ts = ms.map(|ms| UnixNanos::from_millis(ms).unwrap());
        events.push(MarketEvent {
            n: events.len() as u64,
            instrument: InstrumentId(0),
            ts_exchange: ts,
            ts_recv: ts.unwrap_or(UnixNanos(0)),
            body,
        });
    }
    events
}

fn check(captures: &[&str], golden: &str) {
    let mut text = String::new();
    for capture in captures {
        match shared(&format!("data/binance_spot_nexousdt/{capture}.gz")) {
            Some(file) => text += &text_of(&file),
            None => return,
        }
    }
    let (Some(table), Some(meta)) = (
        shared(&format!("reference/golden/{golden}.csv.gz")),
        shared(&format!("reference/golden/{golden}_meta.json")),
    ) else {
        return;
    };
    let tick = (SCALE, Price::parse(b"0.001", SCALE).unwrap());
    let lot = (SCALE, Qty::from_units(1));
    let instrument =
        Instrument::new("binance-spot", "NEXOUSDT", InstrumentKind::Spot, tick, lot).unwrap();
    let mut engine = FeatureEngine::new(InstrumentId(0), &instrument, FeatureConfig::default());
    let samples = engine.run(&events(&text)).unwrap();
    assert_same(&engine, &samples, &table, &Meta::read(&meta));
}

#[test]
fn a_captured_evening_gives_the_stored_table() {
    check(&["20240723"], "nexo_20240723");
}

#[test]
fn a_captured_day_gives_the_stored_table() {
    check(&["20240723", "20240724"], "nexo_20240723_24_every25");
}
