//! A made-up market with everything that a stream may hold: an order book whose updates, late and crossed ones among
//! them, are told both as deltas and as snapshots.

use super::*;
use mce_market::{BookDelta, OrderBook};

/// One thing that happens.
pub(super) struct Step {
    /// Exchange time; a book update without one only changes the book.
    pub(super) ts: Option<i64>,
    pub(super) what: What,
}

pub(super) enum What {
    /// Changed levels, and the whole book after them.
    Update {
        delta: BookDelta,
        book: Box<OrderBook>,
    },
    Trade(Trade),
    Liquidation(Liquidation),
    Gap,
    Clock,
}

/// What happens beside ordinary updates, trades, liquidations and clocks.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Trouble {
    /// Silences beyond max_quiet, and beyond a reset.
    Silences,
    /// Also announced gaps.
    Gaps,
    /// Also late, crossed, one-sided and timeless books.
    Everything,
}

pub(super) struct Market {
    state: u64,
    ts: i64,
    trouble: Trouble,
    pub(super) start: OrderBook,
    book: OrderBook,
    mid: i64,
}

/// Prices are multiples of this many units, so that they may be scaled and mirrored at will.
const TICK: i64 = 50;

impl Market {
    pub(super) fn new(seed: u64, trouble: Trouble) -> Self {
        let mut market = Market {
            state: seed,
            ts: 1_700_000_000 * NS,
            trouble,
            start: OrderBook::new(),
            book: OrderBook::new(),
            mid: 1_000,
        };
        let changes = market.around(12, 1);
        market.apply(&changes);
        market.start = market.book.clone();
        market
    }

    /// A number below `n` (SplitMix64).
    fn below(&mut self, n: u64) -> i64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n) as i64
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn size(&mut self) -> i64 {
        let most = if self.one_in(8) { 90_000 } else { 900 };
        1 + self.below(most)
    }

    /// Sizes for some of the levels within `reach` ticks of the mid; a level is left out once in `skip`.
    fn around(&mut self, reach: i64, keep_one_in: u64) -> BookDelta {
        let mut delta = BookDelta::default();
        for offset in 1..=reach {
            for side in [Side::Buy, Side::Sell] {
                if !self.one_in(keep_one_in) {
                    continue;
                }
                let price = Price::from_units((self.mid - side.sign() * offset) * TICK);
                let size = if self.one_in(3) { 0 } else { self.size() };
                let level = Level::new(price, Qty::from_units(size));
                match side {
                    Side::Buy => delta.bids.push(level),
                    Side::Sell => delta.asks.push(level),
                }
            }
        }
        delta
    }

    fn apply(&mut self, delta: &BookDelta) {
        self.book.apply_delta(delta).unwrap();
    }

    /// Removals of what stands on the wrong side of the mid.
    fn uncross(&mut self, delta: &mut BookDelta) {
        let mid = self.mid * TICK;
        let gone = |level: Level| Level::new(level.price, Qty::ZERO);
        let bids = self.book.levels(Side::Buy);
        let wrong = bids.take_while(|l| l.price.units() >= mid).map(gone);
        delta.bids.splice(0..0, wrong.collect::<Vec<_>>());
        let asks = self.book.levels(Side::Sell);
        let wrong = asks.take_while(|l| l.price.units() <= mid).map(gone);
        delta.asks.splice(0..0, wrong.collect::<Vec<_>>());
    }

    fn update(&mut self) -> Step {
        self.mid = (self.mid + self.below(3) - 1).max(900);
        let troubled = self.trouble == Trouble::Everything;
        let reach = 1 + self.below(20);
        let mut delta = self.around(reach, 4);
        if !(troubled && self.one_in(20)) {
            self.uncross(&mut delta);
        }
        if troubled && self.one_in(30) {
            // One side goes altogether, now and then.
            let all: Vec<_> = self.book.levels(Side::Sell).collect();
            delta.asks = all.iter().map(|l| Level::new(l.price, Qty::ZERO)).collect();
        } else if self.book.len(Side::Sell) < 3 || self.book.len(Side::Buy) < 3 {
            let more = self.around(12, 1);
            delta.bids.extend(more.bids);
            delta.asks.extend(more.asks);
        }
        if troubled && self.one_in(6) {
            // Venues do not promise an order, nor each price once.
            delta.bids.reverse();
            let again: Vec<_> = delta
                .asks
                .iter()
                .take(2)
                .map(|l| Level::new(l.price, Qty::from_units(7)))
                .collect();
            delta.asks.extend(again);
        }
        self.apply(&delta);
        let ts = match troubled.then(|| self.below(16)) {
            Some(0) => None,
            Some(1) => Some(self.ts - self.below(3_000_000_000)),
            _ => Some(self.ts),
        };
        Step {
            ts,
            what: What::Update {
                delta,
                book: Box::new(self.book.clone()),
            },
        }
    }

    fn trade(&mut self) -> Step {
        let aggressor = if self.one_in(2) {
            Side::Buy
        } else {
            Side::Sell
        };
        let offset = aggressor.sign() * (1 + self.below(4));
        let trade = Trade {
            id: 0,
            price: Price::from_units((self.mid + offset) * TICK),
            qty: Qty::from_units(self.size()),
            aggressor,
        };
        // Trades carry slightly older times.
        let ts = self.ts - self.below(200_000_000);
        Step {
            ts: Some(ts),
            what: What::Trade(trade),
        }
    }

    fn step(&mut self) -> Step {
        self.ts += match self.below(40) {
            0 => 0,
            1 => 1,
            _ => self.below(2_600_000_000),
        };
        if self.one_in(60) {
            self.ts += (61 + self.below(30)) * NS;
        } else if self.one_in(250) {
            self.ts += 301 * NS;
        } else if self.trouble >= Trouble::Gaps && self.one_in(50) {
            return Step {
                ts: None,
                what: What::Gap,
            };
        }
        match self.below(12) {
            0..=3 => self.trade(),
            4 => Step {
                ts: Some(self.ts - self.below(1_000_000_000)),
                what: What::Clock,
            },
            5 => {
                let qty = Qty::from_units(self.size());
                let liquidation = Liquidation {
                    side: Side::Sell,
                    price: Price::from_units(self.mid * TICK),
                    qty,
                };
                Step {
                    ts: Some(self.ts),
                    what: What::Liquidation(liquidation),
                }
            }
            _ => self.update(),
        }
    }

    pub(super) fn steps(&mut self, count: usize) -> Vec<Step> {
        (0..count).map(|_| self.step()).collect()
    }
}

fn snapshot_of(book: &OrderBook, depth: usize) -> EventBody {
    EventBody::Snapshot(BookSnapshot {
        bids: book.levels(Side::Buy).take(depth).collect(),
        asks: book.levels(Side::Sell).take(depth).collect(),
        update_id: None,
    })
}

fn other(step: &Step) -> MarketEvent {
    let body = match &step.what {
        What::Trade(trade) => EventBody::Trade(*trade),
        What::Liquidation(liquidation) => EventBody::Liquidation(*liquidation),
        What::Clock => EventBody::Clock,
        What::Gap | What::Update { .. } => gap().body,
    };
    event(step.ts, body)
}

/// The steps as a stream of depth updates, after a snapshot without a time. After a gap another one comes.
pub(super) fn as_deltas(start: &OrderBook, steps: &[Step]) -> Vec<MarketEvent> {
    let mut events = vec![event(None, snapshot_of(start, usize::MAX))];
    let mut last = start;
    for step in steps {
        match &step.what {
            What::Update { delta, book } => {
                events.push(event(step.ts, EventBody::Delta(delta.clone())));
                last = book;
            }
            What::Gap => events.extend([other(step), event(None, snapshot_of(last, usize::MAX))]),
            _ => events.push(other(step)),
        }
    }
    events
}

/// The steps as a stream of snapshots of the best `depth` levels; what has no time says nothing.
pub(super) fn as_snapshots(steps: &[Step], depth: usize) -> Vec<MarketEvent> {
    let mut events = Vec::new();
    for step in steps {
        match &step.what {
            What::Update { book, .. } if step.ts.is_some() => {
                events.push(event(step.ts, snapshot_of(book, depth)));
            }
            What::Update { .. } => {}
            _ => events.push(other(step)),
        }
    }
    events
}
