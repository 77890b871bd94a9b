//! The engine against numbers worked out by hand, its treatment of time and of bad input, and the laws of the schema.

mod hand;
mod input;
mod laws;
mod market;
mod restart;
mod time;

use super::FeatureEngine;
use crate::sample::{FEATURE_NAMES, FeatureConfig, Sample};
use mce_market::{
    BookSnapshot, EventBody, Gap, GapReason, InputMode, Instrument, InstrumentId, InstrumentKind,
    Level, Liquidation, MarketEvent, Price, Qty, Scale, Side, Trade, UnixNanos,
};
use std::time::Duration;

const NS: i64 = UnixNanos::PER_SECOND;
const MODES: [InputMode; 3] = [
    InputMode::Deltas,
    InputMode::SnapshotsTrades,
    InputMode::Snapshots,
];

/// The book most hand cases start from: m = 100, s = 2, L = ½(102 − 98) = 2, so w_n = exp(−|p−m|/0.2) and
/// w_f = exp(−|p−m|/1).
const BIDS: [(f64, f64); 2] = [(99.0, 2.0), (98.0, 4.0)];
const ASKS: [(f64, f64); 2] = [(101.0, 1.0), (102.0, 3.0)];

/// An instrument with prices of two decimals and sizes of three.
fn instrument(tick: f64) -> Instrument {
    let scale = |decimals| Scale::new(decimals).unwrap();
    let tick = (scale(2), price(tick));
    Instrument::new(
        "v",
        "s",
        InstrumentKind::Spot,
        tick,
        (scale(3), Qty::from_units(1)),
    )
    .unwrap()
}

fn config(interval_s: f64, max_quiet_s: u64, depth: usize, mode: InputMode) -> FeatureConfig {
    let interval = Duration::from_secs_f64(interval_s);
    FeatureConfig::new(interval, Duration::from_secs(max_quiet_s), depth, mode).unwrap()
}

/// Samples every 10 s, depth 50, a tick of 0.01.
fn engine(mode: InputMode) -> FeatureEngine {
    engine_with(0.01, config(10.0, 60, 50, mode))
}

fn engine_with(tick: f64, config: FeatureConfig) -> FeatureEngine {
    FeatureEngine::new(InstrumentId(3), &instrument(tick), config)
}

fn run(events: &[MarketEvent]) -> Vec<Sample> {
    run_in(InputMode::Deltas, events)
}

fn run_in(mode: InputMode, events: &[MarketEvent]) -> Vec<Sample> {
    engine(mode).run(events).unwrap()
}

fn price(value: f64) -> Price {
    Price::from_units((value * 100.0).round() as i64)
}

fn levels(side: &[(f64, f64)]) -> Vec<Level> {
    let level = |(p, q): &(f64, f64)| Level::new(price(*p), qty(*q));
    side.iter().map(level).collect()
}

fn qty(value: f64) -> Qty {
    Qty::from_units((value * 1000.0).round() as i64)
}

/// A time in seconds as nanoseconds.
fn ns(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

fn event(ts: Option<i64>, body: EventBody) -> MarketEvent {
    MarketEvent {
        n: 0,
        instrument: InstrumentId(3),
        ts_exchange: ts.map(UnixNanos),
        ts_recv: UnixNanos(ts.unwrap_or(0)),
        body,
    }
}

fn book_ns(ts: i64, bids: &[(f64, f64)], asks: &[(f64, f64)]) -> MarketEvent {
    let body = EventBody::Snapshot(BookSnapshot {
        bids: levels(bids),
        asks: levels(asks),
        update_id: None,
    });
    event(Some(ts), body)
}

fn book_of(t: f64, bids: &[(f64, f64)], asks: &[(f64, f64)]) -> MarketEvent {
    book_ns(ns(t), bids, asks)
}

fn book(t: f64) -> MarketEvent {
    book_of(t, &BIDS, &ASKS)
}

/// The usual book around another mid, its sizes times `scale`.
fn moved(t: f64, mid: f64, scale: f64) -> MarketEvent {
    let bids = [(mid - 1.0, 2.0 * scale), (mid - 2.0, 4.0 * scale)];
    let asks = [(mid + 1.0, scale), (mid + 2.0, 3.0 * scale)];
    book_of(t, &bids, &asks)
}

fn trade(t: f64, at: f64, size: f64, aggressor: Side) -> MarketEvent {
    let body = EventBody::Trade(Trade {
        id: 0,
        price: price(at),
        qty: qty(size),
        aggressor,
    });
    event(Some(ns(t)), body)
}

fn liquidation(t: f64, size: f64) -> MarketEvent {
    let body = EventBody::Liquidation(Liquidation {
        side: Side::Sell,
        price: price(100.0),
        qty: qty(size),
    });
    event(Some(ns(t)), body)
}

fn clock(t: f64) -> MarketEvent {
    clock_ns(ns(t))
}

fn clock_ns(ts: i64) -> MarketEvent {
    event(Some(ts), EventBody::Clock)
}

fn gap() -> MarketEvent {
    let reason = GapReason::SessionEnd;
    event(None, EventBody::Gap(Gap { reason }))
}

fn index(name: &str) -> usize {
    FEATURE_NAMES.iter().position(|n| *n == name).unwrap()
}

fn feature(sample: &Sample, name: &str) -> f64 {
    sample.features[index(name)]
}

fn is_masked(sample: &Sample, name: &str) -> bool {
    sample.mask >> index(name) & 1 == 1
}

/// 2^(−dt/h).
fn left(dt: f64, h: f64) -> f64 {
    (-dt / h).exp2()
}

#[track_caller]
fn assert_near(got: f64, want: f64) {
    let tolerance = (1e-12 * want.abs()).max(1e-15);
    assert!((got - want).abs() <= tolerance, "{got}, not {want}");
}

/// Times of the samples in seconds.
fn times(samples: &[Sample]) -> Vec<i64> {
    samples.iter().map(|s| s.ts.0 / NS).collect()
}
