//! A seeded market to run the arena on: a book that wanders, trades that hit it, gaps now and then.

use mce_market::{
    BookDelta, BookSnapshot, EventBody, Gap, GapReason, Instrument, InstrumentId, InstrumentKind,
    Level, MarketEvent, OrderBook, Price, Qty, Scale, Side, Trade, UnixNanos,
};
use std::sync::Arc;

pub(crate) const ID: InstrumentId = InstrumentId(0);

/// Prices in hundredths, sizes in thousandths by tens.
pub(crate) fn spec() -> Arc<Instrument> {
    Arc::new(
        Instrument::new(
            "test",
            "X",
            InstrumentKind::Perpetual,
            (Scale::new(2).unwrap(), Price::from_units(1)),
            (Scale::new(3).unwrap(), Qty::from_units(10)),
        )
        .unwrap(),
    )
}

/// SplitMix64 (Steele, Lea & Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, n).
    pub(crate) fn below(&mut self, n: i64) -> i64 {
        (self.next() % n as u64) as i64
    }
}

/// `n` events about a third of a second apart. The mid moves in waves under noise, so that there is something to trade on.
pub(crate) fn events(seed: u64, n: u64) -> Vec<MarketEvent> {
    let mut random = Random(seed);
    let mut book = OrderBook::new();
    let mut mid = 10_000i64;
    let mut ts = 1_000_000_000_000i64;
    let mut out = Vec::new();
    let mut push = |ts: i64, body: EventBody| {
        let ts = UnixNanos(ts);
        out.push(MarketEvent {
            n: out.len() as u64,
            instrument: ID,
            ts_exchange: Some(ts),
            ts_recv: ts,
            body,
        });
    };
    push(ts, EventBody::Instrument(spec()));
    for i in 0..n {
        ts += 50_000_000 + random.below(550_000_000);
        let wave = ((i as f64 / 300.0).sin() * 3.0) as i64;
        mid = (mid + random.below(5) - 2 + wave.signum() * random.below(2)).clamp(5_000, 20_000);
        match random.below(400) {
            0 => {
                book.clear();
                let reason = GapReason::Disconnected;
                push(ts, EventBody::Gap(Gap { reason }));
            }
            1..100 => {
                let aggressor = if random.below(2) == 0 {
                    Side::Buy
                } else {
                    Side::Sell
                };
                let best = match aggressor {
                    Side::Buy => book.best_ask(),
                    Side::Sell => book.best_bid(),
                };
                if let Some(best) = best {
                    let qty = Qty::from_units(10 + 10 * random.below(300));
                    push(
                        ts,
                        EventBody::Trade(Trade {
                            id: i,
                            price: best.price,
                            qty,
                            aggressor,
                        }),
                    );
                }
            }
            _ => {
                let target = ladder(&mut random, mid);
                if book.is_empty() {
                    let [bids, asks] = target;
                    let snapshot = BookSnapshot {
                        bids,
                        asks,
                        update_id: None,
                    };
                    book.apply_snapshot(&snapshot).unwrap();
                    push(ts, EventBody::Snapshot(snapshot));
                } else {
                    let delta = difference(&book, target);
                    book.apply_delta(&delta).unwrap();
                    push(ts, EventBody::Delta(delta));
                }
            }
        }
    }
    out
}

fn ladder(random: &mut Random, mid: i64) -> [Vec<Level>; 2] {
    [-1i64, 1].map(|sign| {
        (0..8)
            .map(|i| {
                let price = mid + sign * (1 + i + random.below(2) * i);
                Level::new(
                    Price::from_units(price),
                    Qty::from_units(10 + 10 * random.below(400)),
                )
            })
            .fold(Vec::new(), |mut levels: Vec<Level>, level| {
                if levels.iter().all(|other| other.price != level.price) {
                    levels.push(level);
                }
                levels
            })
    })
}

/// The delta that makes `book` the target: what is not in it goes.
fn difference(book: &OrderBook, [bids, asks]: [Vec<Level>; 2]) -> BookDelta {
    let side = |side: Side, target: Vec<Level>| {
        let mut changes: Vec<Level> = book
            .levels(side)
            .filter(|level| target.iter().all(|t| t.price != level.price))
            .map(|level| Level::new(level.price, Qty::ZERO))
            .collect();
        changes.extend(target);
        changes
    };
    BookDelta {
        bids: side(Side::Buy, bids),
        asks: side(Side::Sell, asks),
        ..BookDelta::default()
    }
}
