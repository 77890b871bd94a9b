//! How many events a second does a paper exchange follow, book included, with a two-sided requote every 100 ms?

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mce_arena::{
    Cancel, Exchange, Intent, PaperConfig, PaperExchange, Report, RiskGate, RiskLimits, RiskView,
};
use mce_market::{
    BookDelta, BookSnapshot, EventBody, FeeRate, Instrument, InstrumentId, InstrumentKind, Level,
    MarketEvent, Money, Order, OrderBook, OrderId, OrderKind, Price, Qty, Scale, Side, TimeInForce,
    Trade, UnixNanos,
};
use std::sync::Arc;
use std::time::Duration;

const ID: InstrumentId = InstrumentId(0);
const MS: i64 = 1_000_000;

fn spec() -> Arc<Instrument> {
    let scale = |d| Scale::new(d).expect("a legal scale");
    Arc::new(
        Instrument::new(
            "bench",
            "X",
            InstrumentKind::Perpetual,
            (scale(2), Price::from_units(1)),
            (scale(3), Qty::from_units(1)),
        )
        .expect("a legal instrument"),
    )
}

/// A snapshot of 200 levels a side, then one event a millisecond: nine deltas of one level to one trade.
fn events(n: i64) -> Vec<MarketEvent> {
    let mut state = 7u64;
    let mut draw = |n: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as i64) % n
    };
    let level = |price, qty| Level::new(Price::from_units(price), Qty::from_units(qty));
    let snapshot = BookSnapshot {
        bids: (0..200).map(|i| level(100_000 - i, 1_000)).collect(),
        asks: (0..200).map(|i| level(100_001 + i, 1_000)).collect(),
        update_id: None,
    };
    let mut bodies = vec![EventBody::Snapshot(snapshot)];
    for i in 1..n {
        bodies.push(if i % 10 == 0 {
            let aggressor = if draw(2) == 0 { Side::Buy } else { Side::Sell };
            let price = if aggressor == Side::Buy {
                100_001
            } else {
                100_000
            };
            EventBody::Trade(Trade {
                id: i as u64,
                price: Price::from_units(price),
                qty: Qty::from_units(1 + draw(50)),
                aggressor,
            })
        } else {
            let depth = draw(20);
            let change = [level(
                if draw(2) == 0 {
                    100_000 - depth
                } else {
                    100_001 + depth
                },
                1 + draw(2_000),
            )];
            let bid = change[0].price.units() <= 100_000;
            EventBody::Delta(BookDelta {
                bids: if bid { change.to_vec() } else { Vec::new() },
                asks: if bid { Vec::new() } else { change.to_vec() },
                ..BookDelta::default()
            })
        });
    }
    bodies
        .into_iter()
        .enumerate()
        .map(|(i, body)| MarketEvent {
            n: i as u64,
            instrument: ID,
            ts_exchange: Some(UnixNanos(i as i64 * MS)),
            ts_recv: UnixNanos(i as i64 * MS),
            body,
        })
        .collect()
}

/// Runs all events; `requote` sends and cancels an order a side every 100 events. Gives the number of reports.
fn run(events: &[MarketEvent], requote: bool) -> usize {
    let spec = spec();
    let mut gate = RiskGate::new(RiskLimits {
        orders_max: u32::MAX,
        orders_interval: Duration::from_millis(1),
        position_notional_max: Money::from_whole(1_000_000_000),
        ..RiskLimits::default()
    })
    .expect("legal limits");
    let mut exchange = PaperExchange::new(PaperConfig {
        latency: Duration::from_millis(5),
        maker: FeeRate::ZERO,
        taker: FeeRate::from_bps(5.0).expect("a legal rate"),
        orders_max: 1024,
    })
    .expect("a legal configuration");
    exchange.list(ID, &spec).expect("scales that money holds");
    let mut book = OrderBook::new();
    let mut reports: Vec<Report> = Vec::new();
    let mut id = 0;
    for event in events {
        let ts = event.ts_exchange.expect("every event has one");
        exchange
            .advance(ID, ts, &book)
            .expect("the instrument is listed");
        match &event.body {
            EventBody::Snapshot(snapshot) => book.apply_snapshot(snapshot).expect("sound levels"),
            EventBody::Delta(delta) => book.apply_delta(delta).expect("sound levels"),
            _ => {}
        }
        exchange
            .observe(event, &book)
            .expect("the instrument is listed");
        if requote && event.n % 100 == 50 {
            let view = RiskView {
                ts,
                spec: &spec,
                book: &book,
                book_age_ns: 0,
                position: Qty::ZERO,
                open_buys: Qty::ZERO,
                open_sells: Qty::ZERO,
                equity: Money::from_whole(1_000_000),
            };
            for (side, price) in [(Side::Buy, 99_999), (Side::Sell, 100_002)] {
                if id >= 2 {
                    let cancel = Cancel {
                        order: OrderId(id - 1),
                        instrument: ID,
                        ts,
                    };
                    exchange.cancel(cancel);
                }
                id += 1;
                let order = Order {
                    id: OrderId(id),
                    instrument: ID,
                    side,
                    qty: Qty::from_units(10),
                    kind: OrderKind::Limit {
                        price: Price::from_units(price),
                        time_in_force: TimeInForce::GoodTillCancel,
                    },
                    reduce_only: false,
                    ts,
                };
                let intent = Intent {
                    order,
                    parts: Vec::new(),
                };
                let approved = gate.check(&intent, &view).expect("within the limits");
                exchange.submit(approved).expect("room for the order");
            }
        }
    }
    exchange.drain(&mut reports);
    reports.len()
}

fn bench(criterion: &mut Criterion) {
    let events = events(100_000);
    let mut group = criterion.benchmark_group("paper");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.sample_size(20);
    group.bench_function("book_alone", |bencher| {
        bencher.iter(|| {
            let mut book = OrderBook::new();
            for event in &events {
                match &event.body {
                    EventBody::Snapshot(snapshot) => {
                        book.apply_snapshot(snapshot).expect("sound levels")
                    }
                    EventBody::Delta(delta) => book.apply_delta(delta).expect("sound levels"),
                    _ => {}
                }
            }
            book.best_bid()
        });
    });
    group.bench_function("idle", |bencher| bencher.iter(|| run(&events, false)));
    group.bench_function("requote", |bencher| bencher.iter(|| run(&events, true)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
