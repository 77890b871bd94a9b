//! The made-up stream that tells engines apart: a late book, refused ones, clocks, a quiet book, gaps and a reset.

use crate::shared;
use crate::table::{Meta, assert_same, text_of};
use mce_features::{FeatureConfig, FeatureEngine};
use mce_market::{
    BookSnapshot, EventBody, Gap, GapReason, InputMode, Instrument, InstrumentId, InstrumentKind,
    Level, MarketEvent, Price, Qty, Scale, Side, Trade, UnixNanos,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

#[derive(Deserialize)]
struct Line<'a> {
    t: &'a str,
    #[serde(default)]
    ts: i64,
    #[serde(borrow, default)]
    bids: Vec<[&'a RawValue; 2]>,
    #[serde(borrow, default)]
    asks: Vec<[&'a RawValue; 2]>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    qty: Option<&'a RawValue>,
    buy: Option<bool>,
}

fn event_of(line: &str, n: u64) -> MarketEvent {
    let one = Scale::new(1).unwrap();
    let price = |raw: &RawValue| Price::parse(raw.get().as_bytes(), one).unwrap();
    let qty = |raw: &RawValue| Qty::parse(raw.get().as_bytes(), one).unwrap();
    let side = |levels: &[[&RawValue; 2]]| {
        let level = |l: &[&RawValue; 2]| Level::new(price(l[0]), qty(l[1]));
        levels.iter().map(level).collect()
    };
    let line: Line<'_> = serde_json::from_str(line).unwrap();
    let body = match line.t {
        "book" => EventBody::Snapshot(BookSnapshot {
            bids: side(&line.bids),
            asks: side(&line.asks),
            update_id: None,
        }),
        "trade" => EventBody::Trade(Trade {
            id: n,
            price: price(line.price.unwrap()),
            qty: qty(line.qty.unwrap()),
            aggressor: if line.buy.unwrap() {
                Side::Buy
            } else {
                Side::Sell
            },
        }),
        "clock" => EventBody::Clock,
        "gap" => EventBody::Gap(Gap {
            reason: GapReason::Resync,
        }),
        other => panic!("unknown event {other}"),
    };
    MarketEvent {
        n,
        instrument: InstrumentId(0),
        ts_exchange: (line.t != "gap").then_some(UnixNanos(line.ts)),
        ts_recv: UnixNanos(line.ts),
        body,
    }
}

#[test]
fn the_made_up_stream_gives_the_stored_table() {
    let (Some(input), Some(table), Some(meta)) = (
        shared("reference/golden/tiny_input.jsonl"),
        shared("reference/golden/tiny_expected.csv"),
        shared("reference/golden/tiny_meta.json"),
    ) else {
        return;
    };
    let one = Scale::new(1).unwrap();
    let tick = (one, Price::parse(b"0.5", one).unwrap());
    let lot = (one, Qty::parse(b"0.1", one).unwrap());
    let instrument = Instrument::new("made-up", "TINY", InstrumentKind::Spot, tick, lot).unwrap();
    let seconds = Duration::from_secs;
    let config = FeatureConfig::new(seconds(5), seconds(60), 5, InputMode::Deltas).unwrap();
    let text = text_of(&input);
    let events: Vec<_> = (0..)
        .zip(text.lines())
        .map(|(n, line)| event_of(line, n))
        .collect();
    let mut engine = FeatureEngine::new(InstrumentId(0), &instrument, config);
    let samples = engine.run(&events).unwrap();
    assert_same(&engine, &samples, &table, &Meta::read(&meta));
}
