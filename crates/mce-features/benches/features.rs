//! How long a sample takes at depth 50, and how long an observation of about ten changed levels does.
//!
//! Books have about 200 levels a side: in one kind each tick is a level, in the other levels are 1 to 40 ticks apart.
//! A delta is timed whole: the order book's part, the level changes and the sums. Samples are driven by clocks over a
//! book that a delta has just changed at its start.

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use mce_features::{FeatureConfig, FeatureEngine};
use mce_market::{
    BookDelta, BookSnapshot, EventBody, InputMode, Instrument, InstrumentId, InstrumentKind, Level,
    MarketEvent, Price, Qty, Scale, UnixNanos,
};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

const EVENTS: usize = 10_000;
const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;

/// A made-up market with its whole book.
struct Market {
    state: u64,
    /// Ticks between neighbouring levels, at most.
    apart: i64,
    mid: i64,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Market {
    fn new(apart: i64) -> Self {
        let mut market = Market {
            state: 7,
            apart,
            mid: 6_000_000,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
        };
        let (mut bid, mut ask) = (market.mid, market.mid);
        for _ in 0..200 {
            bid -= 1 + market.below(apart);
            ask += 1 + market.below(apart);
            let (bid_size, ask_size) = (market.size(), market.size());
            market.bids.insert(bid, bid_size);
            market.asks.insert(ask, ask_size);
        }
        market
    }

    fn below(&mut self, n: i64) -> i64 {
        let step = self.state.wrapping_mul(6_364_136_223_846_793_005);
        self.state = step.wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as i64 % n
    }

    fn size(&mut self) -> i64 {
        1 + self.below(50_000)
    }

    fn snapshot(&self) -> EventBody {
        let level = |(p, q): (&i64, &i64)| Level::new(Price::from_units(*p), Qty::from_units(*q));
        EventBody::Snapshot(BookSnapshot {
            bids: self.bids.iter().rev().map(level).collect(),
            asks: self.asks.iter().map(level).collect(),
            update_id: None,
        })
    }

    /// About ten changed levels around the touch, best first: a third of them go, a third come, a third change.
    fn delta(&mut self) -> EventBody {
        self.mid += self.below(3) - 1;
        let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
        let crossed: Vec<i64> = self.bids.range(self.mid..).map(|(p, _)| *p).collect();
        bids.extend(crossed.iter().map(|p| (*p, 0)));
        let crossed: Vec<i64> = self.asks.range(..=self.mid).map(|(p, _)| *p).collect();
        asks.extend(crossed.iter().map(|p| (*p, 0)));
        while bids.len() + asks.len() < 10 {
            let near = self.below(30).min(self.below(30));
            let is_bid = self.below(2) == 0;
            let (comes, goes) = (self.below(3) == 0, self.below(2) == 0);
            let side = if is_bid { &self.bids } else { &self.asks };
            let known = near as usize % side.len();
            let price = if comes {
                let offset = 1 + near * (1 + self.apart) / 2;
                self.mid + if is_bid { -offset } else { offset }
            } else if is_bid {
                *side.keys().nth_back(known).expect("known < len")
            } else {
                *side.keys().nth(known).expect("known < len")
            };
            let gone = goes && side.len() > 150 && side.contains_key(&price);
            let size = if gone { 0 } else { self.size() };
            let changed = if is_bid { &mut bids } else { &mut asks };
            changed.insert(price, size);
        }
        for (book, changed) in [(&mut self.bids, &bids), (&mut self.asks, &asks)] {
            for (price, size) in changed {
                if *size == 0 {
                    book.remove(price);
                } else {
                    book.insert(*price, *size);
                }
            }
        }
        let level = |(p, q): (&i64, &i64)| Level::new(Price::from_units(*p), Qty::from_units(*q));
        EventBody::Delta(BookDelta {
            bids: bids.iter().rev().map(level).collect(),
            asks: asks.iter().map(level).collect(),
            first_update_id: None,
            last_update_id: None,
        })
    }
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

/// An engine that has taken a snapshot and a thousand deltas over ten samples, and the time it is at.
fn warm(market: &mut Market, interval: i64) -> (FeatureEngine, i64) {
    let scale = |decimals| Scale::new(decimals).expect("a legal scale");
    let tick = (scale(2), Price::from_units(1));
    let lot = (scale(5), Qty::from_units(1));
    let instrument = Instrument::new("made-up", "BENCH", InstrumentKind::Spot, tick, lot)
        .expect("a legal instrument");
    let interval_s = Duration::from_nanos(interval as u64);
    let quiet = Duration::from_secs(300);
    let config = FeatureConfig::new(interval_s, quiet, 50, InputMode::Deltas)
        .expect("a legal configuration");
    let mut engine = FeatureEngine::new(InstrumentId(0), &instrument, config);
    let mut out = Vec::new();
    let mut take = |event: &MarketEvent| {
        engine
            .on_event(event, &mut out)
            .expect("made-up events are legal");
    };
    let start = 1_700_000_000 * UnixNanos::PER_SECOND;
    take(&event(start, market.snapshot()));
    let mut ts = start;
    for _ in 0..1_000 {
        ts += interval / 100;
        take(&event(ts, market.delta()));
    }
    assert_eq!(engine.counters().observations, 1_001);
    (engine, ts)
}

/// Times `events` one after the other, from a fresh copy of `engine` each time.
fn feed(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    engine: &FeatureEngine,
    events: &[MarketEvent],
    samples: usize,
) {
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function(name, |b| {
        b.iter_batched(
            || (engine.clone(), Vec::with_capacity(samples)),
            |(mut engine, mut out)| {
                for event in events {
                    engine
                        .on_event(event, &mut out)
                        .expect("made-up events are legal");
                }
                assert_eq!(out.len(), samples);
                black_box((engine, out))
            },
            BatchSize::PerIteration,
        );
    });
}

const BOOKS: [(&str, i64); 2] = [("tick_dense", 1), ("sparse", 40)];

fn delta(c: &mut Criterion) {
    let mut group = c.benchmark_group("feature_delta");
    for (name, apart) in BOOKS {
        let mut market = Market::new(apart);
        let (engine, start) = warm(&mut market, 5 * UnixNanos::PER_SECOND);
        // The grid time that waits at the start becomes final with the first of them, and no other does.
        let events: Vec<_> = (1..=EVENTS as i64)
            .map(|i| event(start + i * MICROSECOND, market.delta()))
            .collect();
        feed(&mut group, name, &engine, &events, 1);
    }
}

fn sample(c: &mut Criterion) {
    let mut group = c.benchmark_group("feature_sample_50");
    for (name, apart) in BOOKS {
        let (engine, start) = warm(&mut Market::new(apart), MILLISECOND);
        let events: Vec<_> = (1..=EVENTS as i64)
            .map(|i| event(start + i * MILLISECOND, EventBody::Clock))
            .collect();
        feed(&mut group, name, &engine, &events, EVENTS);
    }
}

criterion_group!(benches, sample, delta);
criterion_main!(benches);
