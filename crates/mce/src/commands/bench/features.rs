//! The feature engine: one depth update observed, one sample made.

use super::Setting;
use super::measure::{Figure, cpu_seconds, figure};
use anyhow::Result;
use mce_features::{FeatureConfig, FeatureEngine, Sample};
use mce_market::{
    BookSnapshot, EventBody, Instrument, InstrumentId, InstrumentKind, Level, MarketEvent, Price,
    Qty, Scale, UnixNanos,
};
use std::hint::black_box;

const START: i64 = 1_700_000_000_000_000_000;
/// Updates are 10 ms apart, as the made-up messages are.
const BETWEEN_NS: i64 = 10_000_000;

fn engine() -> Result<FeatureEngine> {
    let one = (Scale::new(1)?, Price::from_units(1));
    let lot = (Scale::new(3)?, Qty::from_units(1));
    let instrument = Instrument::new(
        "binance-usdm",
        "BTCUSDT",
        InstrumentKind::Perpetual,
        one,
        lot,
    )?;
    Ok(FeatureEngine::new(
        InstrumentId(0),
        &instrument,
        FeatureConfig::default(),
    ))
}

fn event(ts: i64, body: EventBody) -> MarketEvent {
    MarketEvent {
        n: 0,
        instrument: InstrumentId(0),
        ts_exchange: Some(UnixNanos(ts)),
        ts_recv: UnixNanos(ts),
        body,
    }
}

/// A book of 200 levels a side around the mid of the made-up messages.
fn book() -> BookSnapshot {
    let level =
        |price: i64, at: i64| Level::new(Price::from_units(price), Qty::from_units(1_000 + at));
    BookSnapshot {
        bids: (1..=200).map(|at| level(600_000 - at, at)).collect(),
        asks: (1..=200).map(|at| level(600_000 + at, at)).collect(),
        update_id: None,
    }
}

/// Microseconds of one depth update of about ten levels: book and flows, samples not counted in.
pub fn delta(setting: &Setting) -> Result<Option<Figure>> {
    let deltas = super::books::deltas(setting)?;
    // One grid interval holds all updates of a run, so that no sample is made while it is timed.
    let events: Vec<MarketEvent> = (0..)
        .zip(deltas)
        .map(|(at, delta)| event(START + at * 1_000, EventBody::Delta(delta)))
        .collect();
    let mut engine = engine()?;
    let mut samples: Vec<Sample> = Vec::new();
    warm_up(&mut engine, &mut samples)?;
    let mut now = START + 400 * UnixNanos::PER_SECOND;
    let count = events.len() as f64;
    let mut events = events;
    let run = || {
        // The messages begin where their mid began: from the book that they left they would cross for a while.
        now += 1_000;
        let fresh = event(now, EventBody::Snapshot(book()));
        engine
            .on_event(&fresh, &mut samples)
            .expect("the book is legal");
        for event in &mut events {
            now += 1_000;
            event.ts_exchange = Some(UnixNanos(now));
            engine
                .on_event(event, &mut samples)
                .expect("made-up updates are legal");
        }
        samples.clear();
    };
    let each = |s: f64| s * 1e6 / count;
    let made = figure("feature_delta", "us", setting.budget, run, each);
    Ok(Some(made))
}

/// Takes the engine past its warm-up: a sample every 5 s for 400 s.
fn warm_up(engine: &mut FeatureEngine, samples: &mut Vec<Sample>) -> Result<()> {
    for at in 0..=80 {
        let ts = START + at * 5 * UnixNanos::PER_SECOND;
        engine.on_event(&event(ts, EventBody::Snapshot(book())), samples)?;
    }
    samples.clear();
    Ok(())
}

/// Microseconds of one sample at 50 levels: a clock that settles a grid time, less nothing.
pub fn sample(setting: &Setting) -> Result<Option<Figure>> {
    const SAMPLES: i64 = 10;
    let mut engine = engine()?;
    let mut samples = Vec::new();
    warm_up(&mut engine, &mut samples)?;
    let mut now = START + 400 * UnixNanos::PER_SECOND;
    let mut spent = Vec::new();
    // A book's life is 60 s, so every ten samples it is confirmed, and that is not timed.
    let run = || {
        let mut seconds = 0.0;
        for _ in 0..100 {
            now += BETWEEN_NS;
            let confirmed = engine.on_event(&event(now, EventBody::Snapshot(book())), &mut samples);
            confirmed.expect("the book is legal");
            let before = cpu_seconds();
            for _ in 0..SAMPLES {
                now += 5 * UnixNanos::PER_SECOND;
                engine
                    .on_event(&event(now, EventBody::Clock), &mut samples)
                    .expect("clocks are legal");
            }
            seconds += cpu_seconds() - before;
        }
        black_box(samples.last());
        samples.clear();
        spent.push(seconds);
    };
    let whole = figure("feature_sample_50", "us", setting.budget, run, |s| s);
    // The first call warmed up; of the others the samples' own time counts.
    let mut values: Vec<f64> = spent[1..]
        .iter()
        .map(|s| s * 1e6 / (100 * SAMPLES) as f64)
        .collect();
    values.sort_by(f64::total_cmp);
    Ok(Some(Figure {
        value: values[values.len() / 2],
        min: values[0],
        max: values[values.len() - 1],
        ..whole
    }))
}
