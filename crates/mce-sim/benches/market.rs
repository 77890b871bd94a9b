//! How fast a market runs: orders through the matching engine, a minute of the default market, a minute of frames.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mce_market::{Side, UnixNanos};
use mce_sim::frames::CaptureConfig;
use mce_sim::matching::Report;
use mce_sim::rng::Noise;
use mce_sim::{
    Lots, Market, MarketConfig, Matching, NewOrder, OrderId, Owner, Terms, Ticks, capture_lines,
};
use std::hint::black_box;
use std::time::Duration;

const START: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

/// Orders around a fixed price, one in ten at the market; every third one is cancelled when 100 more have come.
fn matching(c: &mut Criterion) {
    let orders = Vec::from_iter((1..=10_000u64).map(|number| {
        let mut draws = Noise::new(1).draws(0, number);
        let side = if draws.chance(0.5) {
            Side::Buy
        } else {
            Side::Sell
        };
        let distance = draws.pareto(1.0, 0.8).min(500.0) as i64 - 2;
        let terms = match draws.below(10) {
            0 => Terms::Market,
            _ => Terms::Limit(Ticks(10_000 - side.sign() * distance)),
        };
        let id = OrderId {
            owner: Owner(0),
            number,
        };
        NewOrder {
            id,
            side,
            lots: Lots(1 + draws.below(100) as i64),
            terms,
        }
    }));
    let mut group = c.benchmark_group("matching");
    group.throughput(Throughput::Elements(orders.len() as u64));
    group.bench_function("submit_and_cancel", |b| {
        b.iter(|| {
            let (mut book, mut report) = (Matching::new(), Report::default());
            for order in &orders {
                report.clear();
                let _ = black_box(book.submit(*order, &mut report));
                if order.id.number > 100 && order.id.number.is_multiple_of(3) {
                    let number = order.id.number - 100;
                    black_box(book.cancel(OrderId { number, ..order.id }, &mut report));
                }
            }
            book.len()
        });
    });
    group.finish();
}

fn minute(c: &mut Criterion) {
    let mut group = c.benchmark_group("simulated_minute");
    group.throughput(Throughput::Elements(60));
    group.bench_function("market", |b| {
        b.iter(|| {
            let mut market = Market::new(MarketConfig::new(1, START)).expect("a sound config");
            let mut happenings = Vec::new();
            market.run_until(
                START.saturating_add(Duration::from_secs(60)),
                &mut happenings,
            );
            happenings.len()
        });
    });
    group.bench_function("binance_frames", |b| {
        b.iter(|| {
            let config = CaptureConfig::new(1, START);
            let lines = capture_lines(config, Duration::from_secs(60)).expect("a sound config");
            lines.map(|(_, line)| line.len()).sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, matching, minute);
criterion_main!(benches);
