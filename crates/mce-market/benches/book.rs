//! How fast level changes are applied, near the best and over a wide range.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mce_market::{Level, OrderBook, Price, Qty};
use std::hint::black_box;

/// Changes within `reach` ticks of a wandering mid, 30 % of them deletes, ten to a message.
fn messages(count: usize, reach: u64) -> Vec<(Vec<Level>, Vec<Level>)> {
    let mut state = 7u64;
    let mut next = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut mid = 600_000i64;
    (0..count)
        .map(|_| {
            mid += next(3) as i64 - 1;
            let (mut bids, mut asks) = (Vec::new(), Vec::new());
            for _ in 0..10 {
                let offset = 1 + next(reach).min(next(reach)) as i64;
                let qty = if next(10) < 3 {
                    0
                } else {
                    1 + next(50_000) as i64
                };
                let (side, price) = if next(2) == 0 {
                    (&mut bids, mid - offset)
                } else {
                    (&mut asks, mid + offset)
                };
                side.push(Level::new(Price::from_units(price), Qty::from_units(qty)));
            }
            (bids, asks)
        })
        .collect()
}

fn apply(c: &mut Criterion) {
    let mut group = c.benchmark_group("book_apply");
    for (name, reach) in [
        ("within_50_ticks", 50),
        ("within_1000_ticks", 1_000),
        ("within_100000_ticks", 100_000),
    ] {
        let messages = messages(10_000, reach);
        group.throughput(Throughput::Elements(messages.len() as u64 * 10));
        group.bench_function(name, |b| {
            let mut book = OrderBook::new();
            b.iter(|| {
                for (bids, asks) in &messages {
                    book.apply_levels(bids, asks)
                        .expect("made-up levels are legal");
                }
                black_box(book.best_bid())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, apply);
criterion_main!(benches);
