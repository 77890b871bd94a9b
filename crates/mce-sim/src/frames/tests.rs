use super::*;
use crate::matching::{Lots, Ticks};
use mce_market::{BookState, EventBody, MarketEvent, OrderBook, Side};
use mce_venues::{CaptureReader, InstrumentRule, Venue, VenueStream};
use proptest::prelude::*;
use std::io::Read;

const START: UnixNanos = UnixNanos(1_700_000_000_000_000_000);
const SECONDS: u64 = 60;

fn config(seed: u64) -> CaptureConfig {
    CaptureConfig::new(seed, START)
}

fn lines(seed: u64, seconds: u64) -> Vec<(UnixNanos, Vec<u8>)> {
    capture_lines(config(seed), Duration::from_secs(seconds))
        .unwrap()
        .collect()
}

/// The lines through the venue's stream, as offline tools read them, with a tick and lot that are the market's.
fn events(lines: &[(UnixNanos, Vec<u8>)]) -> (Vec<MarketEvent>, VenueStream) {
    let decimals = |text: &str| Some(text.parse().unwrap());
    let rule = InstrumentRule::offline(decimals("0.01"), decimals("0.001")).unwrap();
    let mut stream = VenueStream::new(Venue::BinanceSpot, rule).with_symbol(CaptureConfig::SYMBOL);
    let mut events = Vec::new();
    for (recv, line) in lines {
        let mut reader = CaptureReader::new(&line[..]);
        let read = reader.next_line().unwrap().unwrap();
        assert_eq!(read.recv, Some(*recv));
        stream.on_line(&read, &mut events).unwrap();
    }
    (events, stream)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_venues_own_reader_finds_an_unbroken_uncrossed_true_book(seed: u64) {
        let lines = lines(seed, SECONDS);
        let (events, stream) = events(&lines);
        let symbol = stream.symbol(CaptureConfig::SYMBOL).unwrap();
        prop_assert_eq!(symbol.state, BookState::Live);
        let counters = symbol.counters;
        prop_assert_eq!((counters.gaps, counters.resyncs, counters.unparsed), (0, 0, 0));
        prop_assert_eq!(counters.snapshots, 1);
        prop_assert!(counters.ignored > 0, "updates come before the book, as in any recording");
        prop_assert!(counters.applied > 500, "{} updates", counters.applied);
        prop_assert!(counters.trades_buy > 10 && counters.trades_sell > 10);

        let mut book = OrderBook::new();
        let mut tickers = Vec::new();
        let (mut checked, mut last_update) = (0, None);
        for event in &events {
            match &event.body {
                EventBody::Snapshot(snapshot) => book.apply_snapshot(snapshot).unwrap(),
                EventBody::Ticker(ticker) => tickers.push(*ticker),
                EventBody::Delta(delta) => {
                    book.apply_delta(delta).unwrap();
                    prop_assert!(!book.is_crossed());
                    let u = delta.last_update_id.unwrap();
                    let before = tickers.iter().filter(|t| t.update_id.unwrap() <= u);
                    if let Some(ticker) = before.max_by_key(|t| t.update_id) {
                        checked += 1;
                        prop_assert_eq!(book.best_bid(), Some(ticker.bid));
                        prop_assert_eq!(book.best_ask(), Some(ticker.ask));
                    }
                    last_update = event.ts_exchange;
                }
                _ => {}
            }
        }
        prop_assert!(checked > 500);

        let mut market = Market::new(config(seed).market).unwrap();
        market.run_until(last_update.unwrap(), &mut Vec::new());
        for side in [Side::Buy, Side::Sell] {
            let rebuilt = book.levels(side).map(|l| (Ticks(l.price.units()), Lots(l.qty.units())));
            prop_assert!(rebuilt.eq(market.book().levels(side)), "{side}: not the engine's book");
        }
    }
}

#[test]
fn a_seed_is_a_file_and_time_never_goes_back() {
    let first = lines(5, 20);
    assert_eq!(first, lines(5, 20));
    assert_ne!(first, lines(6, 20));
    assert!(first.is_sorted_by_key(|(recv, _)| *recv));
    assert!(
        first
            .iter()
            .all(|(recv, line)| *recv > START && !line.contains(&b'\n'))
    );
    let longer = lines(5, 21);
    assert!(longer.len() > first.len());
    assert_eq!(
        longer[..first.len()],
        first,
        "a longer recording begins with the shorter one"
    );
}

#[test]
fn frames_are_late_by_what_was_said() {
    let mut still = config(5);
    (still.latency, still.jitter) = (Duration::from_millis(40), Duration::ZERO);
    let capture = capture_lines(still, Duration::from_secs(20)).unwrap();
    let (events, _) = events(&Vec::from_iter(capture));
    let mut seen = 0;
    for event in events
        .iter()
        .filter(|e| matches!(e.body, EventBody::Delta(_)))
    {
        let late = event.ts_recv.since(event.ts_exchange.unwrap());
        // Updates that waited for the book come out with the times at which they were received.
        assert_eq!(late, 40_000_000);
        seen += 1;
    }
    assert!(seen > 150);
}

#[test]
fn the_text_is_the_lines() {
    let capture = capture_lines(config(9), Duration::from_secs(5)).unwrap();
    let mut text = Vec::new();
    capture.into_text().read_to_end(&mut text).unwrap();
    let joined = lines(9, 5)
        .into_iter()
        .flat_map(|(_, line)| [line, b"\n".to_vec()].concat());
    assert_eq!(text, Vec::from_iter(joined));
}

#[test]
fn unwinds_are_told_beside_the_frames() {
    let mut forced = config(1);
    for maker in &mut forced.market.makers {
        maker.limit = Lots(1000);
    }
    let mut capture = capture_lines(forced, Duration::from_secs(120)).unwrap();
    let frames = capture.by_ref().count();
    let unwinds = capture.take_unwinds();
    assert!(frames > 1000 && !unwinds.is_empty());
    assert!(unwinds.is_sorted_by_key(|happening| happening.ts));
    assert!(capture.take_unwinds().is_empty());
}

#[test]
fn increments_that_could_overflow_are_refused() {
    let scale = Scale::new(12).unwrap();
    let huge = (scale, Price::from_units(1 << 28));
    let lot = (scale, Qty::from_units(1));
    let mut config = config(1);
    config.instrument =
        Arc::new(Instrument::new("x", "X", InstrumentKind::Spot, huge, lot).unwrap());
    let error = capture_lines(config, Duration::from_secs(1))
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(
            error,
            SimError::Increment {
                tick: 268_435_456,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn decimals_that_the_venue_cannot_show_are_refused() {
    let scale = Scale::new(9).unwrap();
    let (tick, lot) = ((scale, Price::from_units(1)), (scale, Qty::from_units(1)));
    let mut config = config(1);
    config.instrument =
        Arc::new(Instrument::new("x", "X", InstrumentKind::Spot, tick, lot).unwrap());
    let error = capture_lines(config, Duration::from_secs(1))
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, SimError::Venue(_)), "{error}");
}
