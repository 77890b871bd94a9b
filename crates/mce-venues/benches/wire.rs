//! How long one book message takes from bytes to a changed book, and how much of that is decoding.
//!
//! The messages are USD-M depth updates of about ten levels and 400 bytes around a wandering mid, three in ten sizes
//! zero: what a busy contract sends.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mce_market::{EventBody, OrderBook, UnixNanos};
use mce_venues::binance::{Decoder, Message};
use mce_venues::{InstrumentRule, Venue, VenueStream, binance_usdm};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;

const MESSAGES: usize = 20_000;
const LEVELS: usize = 10;
const FIRST_ID: u64 = 1_000;

/// A 64-bit linear congruential generator: the same messages on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    /// Trials to the first success of probability 6 %.
    fn geometric(&mut self) -> i64 {
        let mut trials = 1;
        while self.below(100) >= 6 {
            trials += 1;
        }
        trials
    }
}

/// One message each, in the venue's own order of fields.
fn messages() -> Vec<Vec<u8>> {
    let mut random = Random(7);
    let mut mid = 600_000i64; // in ticks of 0.1
    let mut last = FIRST_ID;
    (0..MESSAGES as u64)
        .map(|at| {
            let step = [-1, 0, 0, 0, 0, 0, 0, 0, 1][random.below(9) as usize];
            mid += step;
            let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
            for _ in 0..LEVELS {
                let (is_bid, offset) = (random.below(2) == 0, random.geometric());
                let gone = random.below(10) < 3;
                let size = random.below(49_999) + 1;
                let size = if gone { 0 } else { size };
                if is_bid {
                    bids.insert(mid - offset, size);
                } else {
                    asks.insert(mid + offset, size);
                }
            }
            // What the mid has passed goes, so that the book never crosses.
            match step {
                1 => asks.extend([(mid, 0), (mid - 1, 0)]),
                -1 => bids.extend([(mid, 0), (mid + 1, 0)]),
                _ => {}
            }
            let side = |levels: &BTreeMap<i64, u64>| {
                let mut text = String::new();
                for (price, size) in levels {
                    let comma = if text.is_empty() { "" } else { "," };
                    write!(
                        text,
                        "{comma}[\"{}.{}0\",\"{}.{:03}\"]",
                        price / 10,
                        price % 10,
                        size / 1000,
                        size % 1000
                    )
                    .expect("writing to a string cannot fail");
                }
                text
            };
            let event = 1_700_000_000_000 + at * 10;
            let (first, previous) = (last + 1, last);
            last += (bids.len() + asks.len()) as u64;
            format!(
                "{{\"e\":\"depthUpdate\",\"E\":{event},\"T\":{},\"s\":\"BTCUSDT\",\"U\":{first},\"u\":{last},\
                 \"pu\":{previous},\"b\":[{}],\"a\":[{}]}}",
                event - 3,
                side(&bids),
                side(&asks)
            )
            .into_bytes()
        })
        .collect()
}

fn stream() -> VenueStream {
    let tick = "0.1".parse().expect("a decimal");
    let lot = "0.001".parse().expect("a decimal");
    let rule = InstrumentRule::offline(Some(tick), Some(lot)).expect("legal increments");
    VenueStream::new(Venue::BinanceUsdm, rule).with_symbol("BTCUSDT")
}

fn wire(c: &mut Criterion) {
    let messages = messages();
    let bytes: usize = messages.iter().map(Vec::len).sum();
    println!("{} bytes a message", bytes / MESSAGES);
    let snapshot = format!(
        "{{\"lastUpdateId\":{FIRST_ID},\"E\":1,\"T\":1,\"bids\":[[\"50000.0\",\"1\"]],\"asks\":[[\"70000.0\",\"1\"]]}}"
    );

    let mut group = c.benchmark_group("wire");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function("wire_message_10", |b| {
        b.iter(|| {
            let (mut stream, mut book, mut out) = (stream(), OrderBook::new(), Vec::new());
            let recv = UnixNanos(1_700_000_000_000_000_000);
            for frame in
                std::iter::once(snapshot.as_bytes()).chain(messages.iter().map(Vec::as_slice))
            {
                stream
                    .on_frame(recv, frame, &mut out)
                    .expect("made-up frames are legal");
                for event in out.drain(..) {
                    match &event.body {
                        EventBody::Delta(delta) => book.apply_delta(delta),
                        EventBody::Snapshot(snapshot) => book.apply_snapshot(snapshot),
                        _ => Ok(()),
                    }
                    .expect("made-up levels are legal");
                    stream.recycle(event);
                }
            }
            let view = stream.symbol("BTCUSDT").expect("its frames have come");
            assert_eq!(view.counters.applied, MESSAGES as u64);
            black_box(book.best_bid())
        });
    });
    let mut decode = |name: &str, messages: &[Vec<u8>]| {
        group.bench_function(name, |b| {
            let mut decoder = Decoder::new();
            b.iter(|| {
                let mut levels = 0;
                for frame in messages {
                    if let Ok(Message::Depth(depth)) =
                        binance_usdm::decode::decode(&mut decoder, frame)
                    {
                        levels += depth.bids.len() + depth.asks.len();
                    }
                }
                assert!(levels > MESSAGES);
                levels
            });
        });
    };
    decode("decode_10", &messages);
    // A blank after the brace is enough for the scanner to leave the frame to serde_json.
    let spaced: Vec<Vec<u8>> = messages.iter().map(|m| [b"{ ", &m[1..]].concat()).collect();
    decode("decode_10_by_serde_json", &spaced);
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
