//! A venue whose true book is known, behind a network that loses, repeats, delays and reorders.
//!
//! Whatever comes, our book equals the venue's book of the same update id or is not live. And once the network behaves
//! and a snapshot is fetched, it is live and equal again.

use mce_market::{
    BookSnapshot, BookState, EventBody, Instrument, InstrumentKind, Level, MarketEvent, OrderBook,
    Price, Qty, Scale, Side, UnixNanos,
};
use mce_venues::{
    FrameKind, InstrumentRule, SnapshotStep, Venue, VenueStream, binance_spot, binance_usdm,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// What the network and the fetcher do next.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// The next frame arrives.
    Deliver,
    /// The next frame is lost.
    Drop,
    /// The next frame arrives twice.
    Duplicate,
    /// A frame of so long ago arrives, again or at last.
    Repeat(usize),
    /// The next two frames arrive in the wrong order.
    Swap,
    /// The answer to a request for the book arrives, made so many frames before or after the last one delivered.
    Answer(i8),
    /// Half of the next frame arrives.
    Cut,
    /// The connection breaks.
    Disconnect,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        30 => Just(Turn::Deliver),
        2 => Just(Turn::Drop),
        2 => Just(Turn::Duplicate),
        2 => (1usize..20).prop_map(Turn::Repeat),
        2 => Just(Turn::Swap),
        8 => (-6i8..4).prop_map(Turn::Answer),
        1 => Just(Turn::Cut),
        1 => Just(Turn::Disconnect),
    ]
}

/// One update of the venue: which prices change to which sizes.
type Update = Vec<(bool, i64, i64)>;

fn update() -> impl Strategy<Value = Update> {
    prop::collection::vec(
        (any::<bool>(), 0i64..12, prop_oneof![Just(0i64), 1i64..9]),
        0..5,
    )
}

/// Bids and asks, size by price.
type TrueBook = (BTreeMap<i64, i64>, BTreeMap<i64, i64>);

/// A venue that has already made all of its updates.
struct MadeUp {
    venue: Venue,
    frames: Vec<Vec<u8>>,
    /// The book after each frame; the first is before any.
    books: Vec<TrueBook>,
    /// Last update id of each book.
    ids: Vec<u64>,
    by_id: HashMap<u64, usize>,
}

const FIRST_ID: u64 = 100;

fn instrument(venue: Venue) -> Instrument {
    let scale = Scale::new(0).expect("a legal scale");
    Instrument::new(
        venue.name(),
        "BTCUSDT",
        InstrumentKind::Spot,
        (scale, Price::from_units(1)),
        (scale, Qty::from_units(1)),
    )
    .expect("a legal instrument")
}

fn levels<'a>(side: impl Iterator<Item = (&'a i64, &'a i64)>) -> Vec<Level> {
    side.map(|(price, qty)| Level::new(Price::from_units(*price), Qty::from_units(*qty)))
        .collect()
}

impl MadeUp {
    /// Each update holds one id a change and `holes` ids of nothing between them on USD-M.
    fn new(venue: Venue, updates: &[(Update, u64)]) -> Self {
        let spot = binance_spot::encode::Encoder::new(&instrument(venue)).expect("it fits");
        let usdm = binance_usdm::encode::Encoder::new(&instrument(venue), 2, 3).expect("it fits");
        let mut made = MadeUp {
            venue,
            frames: Vec::new(),
            books: vec![(BTreeMap::from([(500, 5)]), BTreeMap::from([(600, 5)]))],
            ids: vec![FIRST_ID],
            by_id: HashMap::from([(FIRST_ID, 0)]),
        };
        for (at, (update, holes)) in updates.iter().enumerate() {
            let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
            let mut book = made.books[at].clone();
            for (is_bid, offset, qty) in update {
                let (changed, side, price) = if *is_bid {
                    (&mut bids, &mut book.0, 500 - offset)
                } else {
                    (&mut asks, &mut book.1, 600 + offset)
                };
                changed.insert(price, *qty);
                if *qty == 0 {
                    side.remove(&price);
                } else {
                    side.insert(price, *qty);
                }
            }
            let (bids, asks) = (levels(bids.iter()), levels(asks.iter()));
            let previous = made.ids[at];
            let first = match venue {
                Venue::BinanceSpot => previous + 1,
                Venue::BinanceUsdm => previous + 1 + holes,
            };
            let last = first + update.len() as u64;
            let event_ms = 1_700_000_000_000 + 10 * at as u64;
            let mut frame = Vec::new();
            match venue {
                Venue::BinanceSpot => spot.depth(
                    &binance_spot::encode::DepthUpdate {
                        event_ms,
                        first_update_id: first,
                        last_update_id: last,
                        bids: &bids,
                        asks: &asks,
                    },
                    &mut frame,
                ),
                Venue::BinanceUsdm => usdm.depth(
                    &binance_usdm::encode::DepthUpdate {
                        times: binance_usdm::encode::Times {
                            event_ms,
                            transaction_ms: event_ms,
                        },
                        first_update_id: first,
                        last_update_id: last,
                        previous_update_id: previous,
                        bids: &bids,
                        asks: &asks,
                    },
                    &mut frame,
                ),
            }
            made.frames.push(frame);
            made.books.push(book);
            made.ids.push(last);
            made.by_id.insert(last, at + 1);
        }
        made
    }

    /// The REST answer with the book after so many frames.
    fn answer(&self, frames: usize) -> Vec<u8> {
        let (bids, asks) = &self.books[frames];
        let book = BookSnapshot {
            bids: levels(bids.iter().rev()),
            asks: levels(asks.iter()),
            update_id: None,
        };
        let mut body = Vec::new();
        match self.venue {
            Venue::BinanceSpot => binance_spot::encode::Encoder::new(&instrument(self.venue))
                .expect("it fits")
                .rest_depth(self.ids[frames], &book, &mut body),
            Venue::BinanceUsdm => binance_usdm::encode::Encoder::new(&instrument(self.venue), 2, 3)
                .expect("it fits")
                .rest_depth(
                    binance_usdm::encode::Times {
                        event_ms: 1,
                        transaction_ms: 1,
                    },
                    self.ids[frames],
                    &book,
                    &mut body,
                ),
        }
        body
    }
}

/// Our side: what a consumer of events believes.
struct Consumer {
    stream: VenueStream,
    book: OrderBook,
    live: bool,
    /// Update id of the book as the events say.
    id: u64,
    events: u64,
}

impl Consumer {
    fn new(venue: Venue) -> Self {
        let one = Some("1".parse().expect("a decimal"));
        let rule = InstrumentRule::offline(one, one).expect("a legal rule");
        Consumer {
            stream: VenueStream::new(venue, rule).with_symbol("BTCUSDT"),
            book: OrderBook::new(),
            live: false,
            id: 0,
            events: 0,
        }
    }

    /// Takes events and compares the book with the venue's after each.
    fn take(&mut self, out: Vec<MarketEvent>, truth: &MadeUp) {
        for event in out {
            assert_eq!(event.n, self.events);
            self.events += 1;
            match event.body {
                EventBody::Snapshot(snapshot) => {
                    assert!(!self.live, "a live book is replaced only after a gap");
                    self.book.apply_snapshot(&snapshot).expect("legal levels");
                    self.id = snapshot.update_id.expect("snapshots have ids");
                }
                EventBody::Status(mce_market::Status::Synced) => self.live = true,
                EventBody::Delta(delta) => {
                    assert!(self.live, "updates come to live books alone");
                    self.book.apply_delta(&delta).expect("legal levels");
                    self.id = delta.last_update_id.expect("updates have ids");
                    let at = truth.by_id[&self.id];
                    let (bids, asks) = &truth.books[at];
                    assert!(self.book.levels(Side::Buy).eq(levels(bids.iter().rev())));
                    assert!(self.book.levels(Side::Sell).eq(levels(asks.iter())));
                }
                EventBody::Gap(_) => self.live = false,
                _ => {}
            }
        }
        if let Some(view) = self.stream.symbol("BTCUSDT") {
            assert_eq!(
                view.state == BookState::Live,
                self.live,
                "the events tell the state"
            );
        }
    }

    fn frame(&mut self, frame: &[u8], truth: &MadeUp) -> Option<FrameKind> {
        let mut out = Vec::new();
        let kind = self.stream.on_frame(UnixNanos(1), frame, &mut out);
        self.take(out, truth);
        kind.ok()
    }
}

fn play(venue: Venue, updates: &[(Update, u64)], turns: &[Turn]) {
    let truth = MadeUp::new(venue, updates);
    let mut ours = Consumer::new(venue);
    // One frame is kept back for the end, so that there is one to join.
    let last = truth.frames.len() - 1;
    let mut next = 0;
    for turn in turns {
        if next >= last {
            break;
        }
        match turn {
            Turn::Deliver => {
                ours.frame(&truth.frames[next], &truth);
                next += 1;
            }
            Turn::Drop => next += 1,
            Turn::Duplicate => {
                ours.frame(&truth.frames[next], &truth);
                let live = ours.live;
                ours.frame(&truth.frames[next], &truth);
                assert_eq!(ours.live, live, "a repetition costs nothing");
                next += 1;
            }
            Turn::Repeat(back) => {
                if let Some(at) = next.checked_sub(*back) {
                    // It may be one that was lost, and then a later one than the book's next.
                    let held = ours.live && truth.ids[at + 1] <= ours.id;
                    ours.frame(&truth.frames[at], &truth);
                    assert!(ours.live || !held, "a late copy costs nothing");
                }
            }
            Turn::Swap if next + 1 < last => {
                ours.frame(&truth.frames[next + 1], &truth);
                ours.frame(&truth.frames[next], &truth);
                next += 2;
            }
            Turn::Swap => next += 1,
            Turn::Answer(offset) => {
                let at = (next as i64 + i64::from(*offset)).clamp(0, last as i64) as usize;
                let kind = ours.frame(&truth.answer(at), &truth);
                if let Some(FrameKind::Snapshot(step)) = kind {
                    let wants = ours.stream.symbol("BTCUSDT").map(|s| s.wants_snapshot);
                    assert!(!step.wants_refetch() || wants == Some(true));
                }
            }
            Turn::Cut => {
                let frame = &truth.frames[next];
                assert_eq!(ours.frame(&frame[..frame.len() / 2], &truth), None);
                next += 1;
            }
            Turn::Disconnect => {
                let mut out = Vec::new();
                ours.stream.disconnected(UnixNanos(1), &mut out);
                ours.take(out, &truth);
                assert!(!ours.live);
            }
        }
    }
    // The network behaves, and books are fetched while they are asked for.
    for frame in &truth.frames[next..] {
        ours.frame(frame, &truth);
        let wants = ours
            .stream
            .symbol("BTCUSDT")
            .is_some_and(|s| s.wants_snapshot);
        if wants {
            let kind = ours.frame(&truth.answer(truth.books.len() - 2), &truth);
            assert_ne!(kind, Some(FrameKind::Snapshot(SnapshotStep::Held)));
        }
    }
    assert!(ours.live, "it is live again");
    assert_eq!(ours.id, *truth.ids.last().expect("there are updates"));
}

fn updates() -> impl Strategy<Value = Vec<(Update, u64)>> {
    prop::collection::vec((update(), 0u64..4), 2..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_live_book_of_spot_is_the_venues(updates in updates(), turns in prop::collection::vec(turn(), 0..120)) {
        play(Venue::BinanceSpot, &updates, &turns);
    }

    #[test]
    fn a_live_book_of_usdm_is_the_venues(updates in updates(), turns in prop::collection::vec(turn(), 0..120)) {
        play(Venue::BinanceUsdm, &updates, &turns);
    }
}
