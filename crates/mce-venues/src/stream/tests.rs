//! Frames in, events out: what consumers of a stream rely on.

use super::*;
use crate::error::Action;
use mce_market::{BookState, InstrumentKind, Price, Qty, Scale, Status};
use proptest::prelude::*;

const RECV: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

fn spot() -> VenueStream {
    let rule = InstrumentRule::offline(None, None).expect("a legal rule");
    VenueStream::new(Venue::BinanceSpot, rule)
}

fn usdm(tick: &str, lot: &str) -> VenueStream {
    let decimal = |text: &str| Some(text.parse().expect("a decimal in the test"));
    let rule = InstrumentRule::offline(decimal(tick), decimal(lot)).expect("a legal rule");
    VenueStream::new(Venue::BinanceUsdm, rule)
}

/// A spot update of `symbol` that sets one bid.
fn diff(symbol: &str, first: u64, last: u64) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":{last},"s":"{symbol}","U":{first},"u":{last},"b":[["1","{last}"]],"a":[]}}"#
    )
}

fn rest(last: u64) -> String {
    format!(r#"{{"lastUpdateId":{last},"bids":[["1","5"]],"asks":[["2","5"]]}}"#)
}

fn trade(symbol: &str, price: &str, qty: &str, buyer_is_maker: bool) -> String {
    format!(
        r#"{{"e":"trade","E":7,"s":"{symbol}","t":1,"p":"{price}","q":"{qty}","T":6,"m":{buyer_is_maker},"M":true}}"#
    )
}

/// An event in a few words: `symbol-number kind details`.
fn words(event: &MarketEvent) -> String {
    let id = event.instrument.0;
    match &event.body {
        EventBody::Instrument(i) => format!("{id} instrument {}", i.symbol()),
        EventBody::Snapshot(s) => format!("{id} snapshot {:?}", s.update_id.unwrap_or(0)),
        EventBody::Delta(d) => format!("{id} delta {}", d.last_update_id.unwrap_or(0)),
        EventBody::Trade(t) => format!("{id} trade {}", t.aggressor),
        EventBody::Ticker(t) => format!("{id} ticker {}", t.update_id.unwrap_or(0)),
        EventBody::Liquidation(l) => {
            format!(
                "{id} liquidation {} {} {}",
                l.side,
                l.price.units(),
                l.qty.units()
            )
        }
        EventBody::Gap(g) => format!("{id} gap {}", g.reason),
        EventBody::Status(Status::Synced) => format!("{id} synced"),
        EventBody::Status(s) => format!("{id} {s:?}"),
        EventBody::Clock => format!("{id} clock"),
    }
}

/// Feeds frames (none may fail) and compares the events in words; their numbers must have no hole.
fn check(stream: &mut VenueStream, frames: &[String], expected: &[&str]) {
    let mut out = Vec::new();
    let first = stream.next_n();
    for frame in frames {
        if let Err(error) = stream.on_frame(RECV, frame.as_bytes(), &mut out) {
            panic!("{frame}: {error}");
        }
    }
    let got: Vec<String> = out.iter().map(words).collect();
    assert_eq!(got, expected, "{frames:?}");
    for (at, event) in out.iter().enumerate() {
        assert_eq!(event.n, first + at as u64);
    }
}

fn check_error(stream: &mut VenueStream, frame: &str, action: Action, part: &str) {
    let mut out = Vec::new();
    let before = format!(
        "{:?}",
        stream.symbols().map(|s| s.state).collect::<Vec<_>>()
    );
    let error = stream
        .on_frame(RECV, frame.as_bytes(), &mut out)
        .expect_err(frame);
    let text = error_chain(&error);
    assert!(text.contains(part), "{frame}: {text:?} has no {part:?}");
    assert_eq!(error.action(), action, "{text}");
    let after = format!(
        "{:?}",
        stream.symbols().map(|s| s.state).collect::<Vec<_>>()
    );
    assert!(
        out.iter()
            .all(|e| matches!(e.body, EventBody::Instrument(_))),
        "{out:?}"
    );
    assert!(
        after.starts_with(before.trim_end_matches(']')),
        "{before} {after}"
    );
}

fn error_chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", error_chain(source)),
        None => error.to_string(),
    }
}

#[test]
fn a_book_becomes_live_with_the_first_update_after_its_snapshot() {
    let mut stream = spot();
    let frames = [diff("A", 5, 9), diff("A", 10, 12), rest(10)];
    check(
        &mut stream,
        &frames,
        &["0 instrument A", "0 snapshot 10", "0 synced", "0 delta 12"],
    );
    let view = stream.symbol("A").unwrap();
    assert_eq!((view.state, view.wants_snapshot), (BookState::Live, false));
    assert_eq!((view.counters.applied, view.counters.ignored), (1, 1));
    assert_eq!(view.counters.frames, 3);
    check(
        &mut stream,
        &[diff("A", 13, 13), diff("A", 13, 13)],
        &["0 delta 13"],
    );
}

#[test]
fn a_snapshot_before_any_name_waits_for_one() {
    let mut stream = spot();
    let mut out = Vec::new();
    let kind = stream
        .on_frame(RECV, rest(10).as_bytes(), &mut out)
        .unwrap();
    assert_eq!(kind, FrameKind::Snapshot(SnapshotStep::Held));
    assert_eq!((out.len(), stream.symbols().count()), (0, 0));
    check(
        &mut stream,
        &[diff("A", 11, 12)],
        &["0 instrument A", "0 snapshot 10", "0 synced", "0 delta 12"],
    );
    assert_eq!(stream.symbol("A").unwrap().counters.frames, 2);

    // With the symbol given, it is known at once.
    let mut stream = spot().with_symbol("A");
    check(
        &mut stream,
        &[rest(10)],
        &["0 instrument A", "0 snapshot 10"],
    );
    assert_eq!(stream.symbol("A").unwrap().state, BookState::Buffering);
}

#[test]
fn a_snapshot_among_several_symbols_needs_an_owner() {
    let mut stream = spot();
    check(
        &mut stream,
        &[diff("A", 1, 2), diff("B", 1, 2)],
        &["0 instrument A", "1 instrument B"],
    );
    check_error(
        &mut stream,
        &rest(2),
        Action::Halt,
        "could be any of A, B; give the symbol",
    );
    let mut out = Vec::new();
    let kind = stream.on_rest_depth(RECV, "B", rest(1).as_bytes(), &mut out);
    assert_eq!(kind.unwrap(), FrameKind::Snapshot(SnapshotStep::Taken));
    let got: Vec<String> = out.iter().map(words).collect();
    assert_eq!(got, ["1 snapshot 1", "1 synced", "1 delta 2"]);
    assert_eq!(stream.symbol("A").unwrap().state, BookState::Buffering);
    // A combined frame names it in its stream.
    let named = format!(r#"{{"stream":"a@depthSnapshot","data":{}}}"#, rest(1));
    check(
        &mut stream,
        &[named],
        &["0 snapshot 1", "0 synced", "0 delta 2"],
    );
}

#[test]
fn a_gap_is_told_once_and_ends_with_a_snapshot() {
    let mut stream = spot();
    let frames = [diff("A", 1, 4), rest(3), diff("A", 7, 9), diff("A", 20, 21)];
    check(
        &mut stream,
        &frames,
        &[
            "0 instrument A",
            "0 snapshot 3",
            "0 synced",
            "0 delta 4",
            "0 gap sequence: expected 5, got 7",
        ],
    );
    let view = stream.symbol("A").unwrap();
    assert!(view.wants_snapshot && view.state == BookState::Buffering);
    assert_eq!((view.counters.gaps, view.counters.resyncs), (1, 0));
    // Too old for what is kept; then one that joins, with a hole behind it.
    check(&mut stream, &[rest(5)], &[]);
    check(
        &mut stream,
        &[rest(8)],
        &[
            "0 snapshot 8",
            "0 synced",
            "0 delta 9",
            "0 gap sequence: expected 10, got 20",
        ],
    );
    check(
        &mut stream,
        &[rest(20)],
        &["0 snapshot 20", "0 synced", "0 delta 21"],
    );
    let counters = stream.symbol("A").unwrap().counters.clone();
    assert_eq!(
        (counters.applied, counters.gaps, counters.resyncs),
        (3, 2, 2)
    );
    assert_eq!((counters.snapshots, counters.ignored), (3, 1));
}

#[test]
fn a_snapshot_that_nothing_follows_is_a_gap_but_no_break_of_a_live_book() {
    let mut stream = spot().with_symbol("A");
    check(
        &mut stream,
        &[rest(3), diff("A", 7, 9)],
        &[
            "0 instrument A",
            "0 snapshot 3",
            "0 gap sequence: expected 4, got 7",
        ],
    );
    assert_eq!(stream.symbol("A").unwrap().counters.gaps, 0);
}

#[test]
fn a_snapshot_in_a_live_book_is_announced_as_a_resync() {
    let mut stream = spot().with_symbol("A");
    let frames = [rest(3), diff("A", 4, 4), rest(2), rest(6), diff("A", 5, 7)];
    check(
        &mut stream,
        &frames,
        &[
            "0 instrument A",
            "0 snapshot 3",
            "0 synced",
            "0 delta 4",
            "0 gap resync",
            "0 snapshot 6",
            "0 synced",
            "0 delta 7",
        ],
    );
    let counters = stream.symbol("A").unwrap().counters.clone();
    assert_eq!(
        (counters.gaps, counters.resyncs, counters.ignored),
        (0, 1, 1)
    );
}

#[test]
fn times_are_the_exchanges_and_the_receivers() {
    let mut stream = spot();
    let mut out = Vec::new();
    stream
        .on_frame(UnixNanos(5), diff("A", 4, 4).as_bytes(), &mut out)
        .unwrap();
    stream
        .on_frame(UnixNanos(9), rest(3).as_bytes(), &mut out)
        .unwrap();
    let times: Vec<_> = out
        .iter()
        .map(|e| (e.ts_exchange.map(|t| t.0), e.ts_recv.0))
        .collect();
    // Instrument, snapshot, synced, delta: the kept update keeps the time at which it came.
    assert_eq!(
        times,
        [
            (None, 5),
            (None, 9),
            (Some(4_000_000), 5),
            (Some(4_000_000), 5)
        ]
    );
}

#[test]
fn lines_without_a_stamp_take_the_exchanges_time() {
    let mut stream = spot();
    let mut out = Vec::new();
    for frame in [diff("A", 4, 4), rest(3)] {
        let line = CaptureLine {
            number: 1,
            recv: None,
            frame: frame.as_bytes(),
        };
        stream.on_line(&line, &mut out).unwrap();
    }
    let times: Vec<_> = out.iter().map(|e| e.ts_recv.0).collect();
    assert_eq!(times, [0, 4_000_000, 4_000_000, 4_000_000]);
}

#[test]
fn symbols_that_were_not_asked_for_are_counted_and_dropped() {
    let mut stream = spot().with_symbols(["A", "C"]);
    let frames = [
        diff("B", 1, 1),
        diff("A", 1, 1),
        trade("B", "0.000000001", "1", true),
    ];
    check(&mut stream, &frames, &["0 instrument A"]);
    assert_eq!(stream.counters().other_symbols, 2);
    assert_eq!(stream.counters().frames, 3);
    let error = stream.check_symbols().unwrap_err();
    assert_eq!(
        error.to_string(),
        "binance-spot: no frame of symbol C in the input; symbols seen: A, B"
    );
    assert!(spot().check_symbols().is_ok());
}

#[test]
fn numbers_that_do_not_fit_are_errors_that_name_them() {
    let mut stream = usdm("0.1", "0.001");
    let frame = |price: &str, qty: &str| {
        format!(
            r#"{{"e":"depthUpdate","E":1723161256299,"T":1,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["{price}","{qty}"]],"a":[]}}"#
        )
    };
    check_error(
        &mut stream,
        &frame("61800.35", "1"),
        Action::Halt,
        "binance-usdm BTCUSDT at 2024-08-08T23:54:16.299Z, price 61800.35: the price does not fit the instrument: \
         61800.35 has more than 1 decimals",
    );
    check_error(
        &mut stream,
        &frame("1", "0.0001"),
        Action::Halt,
        "price 1: the size does not fit",
    );
    check_error(
        &mut stream,
        &frame("1", "9223372036854775807"),
        Action::Halt,
        "out of range",
    );
    check_error(
        &mut stream,
        &frame("0", "1"),
        Action::Retry,
        "expected a price above 0, got 0",
    );
    check_error(
        &mut stream,
        &frame("1", "-1"),
        Action::Retry,
        "expected a size above 0, got -1",
    );
    let far = frame("1", "1").replace("1723161256299", "18446744073709551615");
    check_error(&mut stream, &far, Action::Retry, "beyond the year 2262");
    assert_eq!(stream.symbol("BTCUSDT").unwrap().counters.unparsed, 6);
    assert_eq!(stream.counters().unparsed, 0);
    // None of them touched the book: the update they stand for is still the first.
    check(&mut stream, &[frame("61800.3", "0.014")], &[]);
}

#[test]
fn a_snapshot_out_of_order_is_not_taken() {
    let mut stream = spot().with_symbol("A");
    for (bids, part) in [
        (
            r#"[["1","1"],["1.0","2"]]"#,
            "binance-spot A: the snapshot with id 3 has its bids out of order at price 1;",
        ),
        (r#"[["1","1"],["1.5","2"]]"#, "at price 1.5"),
    ] {
        let frame = format!(r#"{{"lastUpdateId":3,"bids":{bids},"asks":[]}}"#);
        check_error(&mut stream, &frame, Action::Resync, part);
    }
    let frame = r#"{"lastUpdateId":3,"bids":[["2","1"],["1.5","0"]],"asks":[]}"#;
    let mut out = Vec::new();
    stream.on_frame(RECV, frame.as_bytes(), &mut out).unwrap();
    let EventBody::Snapshot(snapshot) = &out[0].body else {
        panic!("a snapshot was given: {out:?}");
    };
    assert_eq!(snapshot.bids.len(), 1, "a level without size is no level");
}

#[test]
fn what_belongs_to_no_symbol_is_counted_by_the_stream() {
    let mut stream = spot();
    check_error(&mut stream, "{\"e\":", Action::Retry, "not JSON");
    check_error(
        &mut stream,
        r#"{"jsonrpc":"2.0"}"#,
        Action::Halt,
        "one of deribit",
    );
    check(&mut stream, &[r#"{"result":null,"id":1}"#.to_owned()], &[]);
    let counters = stream.counters();
    assert_eq!(
        (counters.frames, counters.unparsed, counters.acks),
        (3, 2, 1)
    );
}

#[test]
fn trades_tell_the_aggressor_and_market_trades_alone() {
    let mut stream = spot();
    check(
        &mut stream,
        &[trade("A", "1.5", "2", true), trade("A", "1.5", "2", false)],
        &["0 instrument A", "0 trade sell", "0 trade buy"],
    );
    check_error(
        &mut stream,
        &trade("A", "1", "0", true),
        Action::Retry,
        "a size above 0, got 0",
    );
    let counters = stream.symbol("A").unwrap().counters.clone();
    assert_eq!((counters.trades_sell, counters.trades_buy), (1, 1));

    let mut stream = usdm("0.1", "0.001");
    let single = |x: &str, qty: &str| {
        format!(
            r#"{{"e":"trade","E":2,"T":1,"s":"A","t":9,"p":"1","q":"{qty}","X":"{x}","m":true}}"#
        )
    };
    let aggregate =
        r#"{"e":"aggTrade","E":2,"a":3,"s":"A","p":"1","q":"1","f":1,"l":1,"T":1,"m":true}"#;
    check(
        &mut stream,
        &[
            single("INSURANCE_FUND", "1"),
            single("NA", "0"),
            single("MARKET", "1"),
            aggregate.to_owned(),
        ],
        &["0 instrument A", "0 trade sell"],
    );
    let counters = stream.symbol("A").unwrap().counters.clone();
    assert_eq!(
        (counters.trades_not_market, counters.trades_doubled),
        (2, 1)
    );
    assert_eq!((counters.trades_buy, counters.trades_sell), (0, 1));
}

#[test]
fn liquidations_have_the_average_price_to_the_nearest_unit() {
    let mut stream = usdm("0.1", "0.001");
    let order = |price: &str, filled: &str| {
        format!(
            r#"{{"e":"forceOrder","E":2,"o":{{"s":"A","S":"SELL","ap":"{price}","z":"{filled}","T":1}}}}"#
        )
    };
    check(
        &mut stream,
        &[order("4706.04", "0.014"), order("0", "0")],
        &["0 instrument A", "0 liquidation sell 47060 14"],
    );
    check_error(
        &mut stream,
        &order("4706", "0.0001"),
        Action::Halt,
        "the size does not fit",
    );
}

#[test]
fn a_ticker_without_one_side_is_no_ticker() {
    let mut stream = spot();
    let ticker = |ask: &str| format!(r#"{{"u":4,"s":"A","b":"1","B":"1","a":"{ask}","A":"0"}}"#);
    check(
        &mut stream,
        &[ticker("2"), ticker("0.00000000")],
        &["0 instrument A", "0 ticker 4"],
    );
    let counters = stream.symbol("A").unwrap().counters.clone();
    assert_eq!((counters.tickers, counters.unused), (1, 1));
}

#[test]
fn a_frame_without_use_brings_no_symbol_in() {
    let mut stream = spot();
    let kline = |symbol: &str| format!(r#"{{"e":"kline","E":1,"s":"{symbol}","k":{{}}}}"#);
    check(
        &mut stream,
        &[kline("A"), diff("B", 1, 1), kline("B"), kline("A")],
        &["0 instrument B"],
    );
    assert_eq!(stream.symbols().count(), 1);
    assert_eq!(stream.symbol("B").unwrap().counters.unused, 1);
    let mut stream = spot().with_symbol("A");
    check(&mut stream, &[kline("A"), kline("B")], &["0 instrument A"]);
    assert_eq!(stream.counters().other_symbols, 1);
}

#[test]
fn a_shutdown_is_told_to_every_symbol() {
    let mut stream = spot();
    let shutdown = r#"{"e":"serverShutdown","E":5}"#.to_owned();
    check(
        &mut stream,
        &[diff("A", 1, 1), diff("B", 1, 1), shutdown],
        &[
            "0 instrument A",
            "1 instrument B",
            "0 Venue(\"serverShutdown\")",
            "1 Venue(\"serverShutdown\")",
        ],
    );
}

#[test]
fn a_book_is_given_up_on_request() {
    let mut stream = spot();
    let frames = [diff("A", 4, 4), diff("B", 1, 1), diff("A", 5, 5)];
    check(&mut stream, &frames, &["0 instrument A", "1 instrument B"]);
    let mut out = Vec::new();
    stream
        .on_rest_depth(RECV, "A", rest(3).as_bytes(), &mut out)
        .unwrap();
    out.clear();
    stream.resync(RECV, InstrumentId(0), GapReason::Crossed, &mut out);
    stream.disconnected(RECV, &mut out);
    let got: Vec<String> = out.iter().map(words).collect();
    assert_eq!(
        got,
        ["0 gap crossed book"],
        "each book's gap is told once, and only if there was a book"
    );
    assert!(
        stream
            .symbols()
            .all(|s| s.state == BookState::Unsynced && s.wants_snapshot)
    );
    check(&mut stream, &[diff("A", 6, 6)], &[]);
}

#[test]
fn declared_instruments_keep_their_numbers_and_scales() {
    let instrument = |decimals: u8| {
        let scale = Scale::new(decimals).unwrap();
        Arc::new(
            Instrument::new(
                "binance-spot",
                "A",
                InstrumentKind::Spot,
                (scale, Price::from_units(1)),
                (scale, Qty::from_units(1)),
            )
            .unwrap(),
        )
    };
    let mut stream = VenueStream::new(Venue::BinanceSpot, InstrumentRule::Declared);
    stream.declare(InstrumentId(7), instrument(2)).unwrap();
    check_error(
        &mut stream,
        &diff("B", 1, 1),
        Action::Halt,
        "symbol B has no declared instrument",
    );
    check(&mut stream, &[diff("A", 4, 4)], &["7 instrument A"]);
    check(
        &mut stream,
        &[rest(3)],
        &["7 snapshot 3", "7 synced", "7 delta 4"],
    );
    stream.declare(InstrumentId(7), instrument(2)).unwrap();
    check(&mut stream, &[diff("A", 5, 5)], &["7 delta 5"]);
    // Other scales: other units, another book.
    stream.declare(InstrumentId(7), instrument(3)).unwrap();
    check(
        &mut stream,
        &[diff("A", 6, 6)],
        &["7 gap resync", "7 instrument A"],
    );
    check(
        &mut stream,
        &[rest(5)],
        &["7 snapshot 5", "7 synced", "7 delta 6"],
    );
    let error = usdm("1", "1")
        .declare(InstrumentId(0), instrument(2))
        .unwrap_err();
    assert!(
        error.to_string().contains("got one of binance-spot"),
        "{error}"
    );
}

#[test]
fn numbering_goes_on_where_it_is_told_to() {
    let mut stream = spot();
    stream.continue_at(41);
    check(
        &mut stream,
        &[diff("A", 1, 1), trade("A", "1", "1", true)],
        &["0 instrument A", "0 trade sell"],
    );
    assert_eq!(stream.next_n(), 43);
}

#[test]
fn recycled_lists_come_back_empty() {
    let mut stream = spot().with_symbol("A");
    let mut out = Vec::new();
    stream.on_frame(RECV, rest(3).as_bytes(), &mut out).unwrap();
    for id in 4..50 {
        for event in out.drain(..) {
            stream.recycle(event);
        }
        stream
            .on_frame(RECV, diff("A", id, id).as_bytes(), &mut out)
            .unwrap();
        let EventBody::Delta(delta) = &out.last().unwrap().body else {
            panic!("an update was given: {out:?}");
        };
        assert_eq!((delta.bids.len(), delta.asks.len()), (1, 0));
        assert_eq!(delta.bids[0].qty.units(), id as i64 * 100_000_000);
    }
}

proptest! {
    #[test]
    fn no_frames_make_the_stream_panic_or_skip_a_number(
        frames in prop::collection::vec(
            prop_oneof![
                any::<Vec<u8>>(),
                (0u64..20, 0u64..4).prop_map(|(first, more)| diff("A", first, first + more).into_bytes()),
                (0u64..20).prop_map(|id| rest(id).into_bytes()),
                "[AB]".prop_map(|symbol| trade(&symbol, "1", "1", false).into_bytes()),
            ],
            0..60,
        ),
    ) {
        let mut stream = spot();
        let mut out = Vec::new();
        for frame in &frames {
            let _ = stream.on_frame(RECV, frame, &mut out);
        }
        for (at, event) in out.iter().enumerate() {
            prop_assert_eq!(event.n, at as u64);
        }
        prop_assert_eq!(stream.counters().frames, frames.len() as u64);
    }
}
