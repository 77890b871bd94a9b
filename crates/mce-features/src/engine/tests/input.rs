//! What is refused, dropped or passed over, and what stays of it.

use super::*;
use crate::engine::Counters;
use mce_market::BookDelta;
use std::sync::Arc;

fn delta(t: Option<f64>, bids: &[(f64, f64)], asks: &[(f64, f64)]) -> MarketEvent {
    let body = EventBody::Delta(BookDelta {
        bids: levels(bids),
        asks: levels(asks),
        ..BookDelta::default()
    });
    event(t.map(ns), body)
}

fn without_time(mut event: MarketEvent) -> MarketEvent {
    event.ts_exchange = None;
    event
}

fn take(engine: &mut FeatureEngine, events: &[MarketEvent]) -> Vec<Sample> {
    let mut out = Vec::new();
    for event in events {
        engine.on_event(event, &mut out).unwrap();
    }
    out
}

#[track_caller]
fn refused(engine: &mut FeatureEngine, event: &MarketEvent, message: &str) {
    let error = engine.on_event(event, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn bad_books_are_counted_or_refused() {
    for mode in MODES {
        let mut e = engine(mode);
        take(
            &mut e,
            &[
                book(5.0),
                book_of(6.0, &BIDS, &[]),
                book_of(6.0, &[(101.0, 1.0)], &[(101.0, 1.0)]),
                book_of(6.0, &[(99.0, 0.0)], &ASKS), // its only bid has no size
                book_of(4.0, &BIDS, &ASKS),
            ],
        );
        let counters = Counters {
            observations: 1,
            invalid: 3,
            late: 1,
            levels_dropped: 1,
            ..Counters::default()
        };
        assert_eq!(e.counters(), counters);
        assert_eq!(e.last_observation(), Some(UnixNanos(5 * NS)));
        assert!(e.book_usable());
        for (bids, message) in [
            (
                &[(99.0, 1.0), (99.0, 2.0)][..],
                "v s ts 7000000000 price 99: levels must come best first",
            ),
            (
                &[(98.0, 1.0), (99.0, 1.0)],
                "v s ts 7000000000 price 99: levels must come best first",
            ),
            (
                &[(0.0, 1.0)],
                "v s ts 7000000000 price 0: a level needs a price above 0 on the buy side",
            ),
            (&[(-0.5, 0.0)], "v s ts 7000000000 price -0.5: "),
        ] {
            refused(&mut e, &book_of(7.0, bids, &ASKS), message);
        }
        let asks = [(101.0, 1.0), (100.5, 1.0)];
        refused(
            &mut e,
            &book_of(7.0, &BIDS, &asks),
            "price 100.5: levels must come best first",
        );
        refused(
            &mut e,
            &trade(7.0, 0.0, 1.0, Side::Buy),
            "price 0: a trade needs a price above 0",
        );
        assert_eq!(e.counters(), counters);
        // The time is looked at first: a late book is not even checked, where nothing builds upon it.
        let late = e.on_event(&book_of(4.0, &[(0.0, 1.0)], &ASKS), &mut Vec::new());
        assert_eq!(late.is_err(), mode == InputMode::Deltas);
        assert_eq!(e.counters().late, 2);
    }
}

#[test]
fn a_refused_book_leaves_the_samples_those_of_the_one_before() {
    for mode in MODES {
        let refused = [
            book(0.0),
            book_of(11.0, &[(100.0, 8.0)], &[]),
            book_of(12.0, &[(105.0, 8.0), (99.0, 1.0)], &[(99.5, 1.0)]),
            book_of(13.0, &[(99.0, 2.0), (98.0, 6.0)], &ASKS),
            book_of(12.5, &[(50.0, 2.0)], &[(60.0, 2.0)]),
            book(40.0),
        ];
        let kept = [refused[0].clone(), refused[3].clone(), refused[5].clone()];
        assert_eq!(run_in(mode, &refused), run_in(mode, &kept));
    }
}

#[test]
fn only_depth_updates_make_a_book_follow_what_is_refused() {
    let one_sided = book_of(6.0, &BIDS, &[]);
    for mode in MODES {
        let mut e = engine(mode);
        take(&mut e, &[book(5.0), one_sided.clone()]);
        let asks = e.book().len(Side::Sell);
        assert_eq!(asks, if mode == InputMode::Deltas { 0 } else { 2 });
    }
    // What a delta adds to the one-sided book is an observation again.
    let mut e = engine(InputMode::Deltas);
    take(
        &mut e,
        &[book(5.0), one_sided, delta(Some(7.0), &[], &[(101.0, 1.0)])],
    );
    assert_eq!((e.counters().observations, e.counters().invalid), (2, 1));
}

#[test]
fn trades_before_the_first_book_do_not_count() {
    let s = run(&[
        trade(-5.0, 101.0, 9.0, Side::Buy),
        book(0.0),
        book(10.0),
        book(11.0),
    ]);
    assert_eq!((feature(&s[1], "tfi"), s[1].v_buy), (0.0, 0.0));
}

#[test]
fn deltas_need_mode_d_and_a_snapshot() {
    let change = delta(Some(6.0), &[(99.0, 1.0)], &[]);
    for mode in [InputMode::Snapshots, InputMode::SnapshotsTrades] {
        let mut e = engine(mode);
        take(&mut e, &[book(5.0)]);
        refused(&mut e, &change, "v s: a depth update came in input mode");
    }
    let mut e = engine(InputMode::Deltas);
    take(&mut e, std::slice::from_ref(&change));
    assert_eq!((e.counters().unsynced, e.book().is_empty()), (1, true));
    // A snapshot without an exchange time sets the book and is no observation.
    take(&mut e, &[without_time(book(0.0))]);
    assert_eq!((e.counters().observations, e.book_usable()), (0, false));
    take(&mut e, std::slice::from_ref(&change));
    assert_eq!((e.counters().observations, e.book_usable()), (1, true));
    // After a gap the book is unknown until the next snapshot; that one is no gap of its own.
    take(&mut e, &[gap(), change.clone()]);
    assert_eq!((e.counters().unsynced, e.book_usable()), (2, false));
    take(
        &mut e,
        &[
            without_time(book(0.0)),
            delta(Some(7.0), &[(98.5, 1.0)], &[]),
        ],
    );
    assert_eq!((e.counters().observations, e.counters().gaps), (2, 1));
    // A new snapshot in the middle of a live book is one.
    take(&mut e, &[without_time(book(0.0))]);
    assert_eq!((e.counters().gaps, e.book_usable()), (2, false));
}

#[test]
fn a_delta_without_a_time_changes_the_book_and_no_more() {
    let steps = [
        book(0.0),
        delta(None, &[(98.0, 6.0)], &[]),
        clock(11.0),
        delta(Some(12.0), &[(99.0, 3.0)], &[]),
        clock(21.0),
    ];
    let s = run(&steps);
    let whole = [
        book(0.0),
        clock(11.0),
        delta(Some(12.0), &[(98.0, 6.0), (99.0, 3.0)], &[]),
        clock(21.0),
    ];
    assert_eq!(s, run(&whole));
    // At 10 it is not seen yet: ½(6 + 4) is all there is.
    assert_eq!(s[1].near_bid, run(&[book(0.0), book(10.0)])[1].near_bid);
}

#[test]
fn sizes_below_zero_drop_a_level_and_prices_at_zero_are_refused() {
    let mut e = engine(InputMode::Deltas);
    take(
        &mut e,
        &[
            book(0.0),
            delta(Some(1.0), &[(98.0, -1.0), (97.0, 2.0)], &[]),
        ],
    );
    let bids: Vec<_> = e.book().levels(Side::Buy).collect();
    assert_eq!(bids, levels(&[(99.0, 2.0), (97.0, 2.0)]));
    assert_eq!(
        (e.counters().levels_dropped, e.counters().observations),
        (1, 2)
    );
    let before = e.book().clone();
    let bad = delta(Some(2.0), &[(98.0, -1.0)], &[(102.0, 5.0), (0.0, 1.0)]);
    refused(
        &mut e,
        &bad,
        "v s ts 2000000000 price 0: a level needs a price above 0 on the sell side",
    );
    assert_eq!((e.book(), e.counters().levels_dropped), (&before, 1));
}

#[test]
fn a_trade_without_a_time_counts_and_moves_no_grid() {
    let mut e = engine(InputMode::Deltas);
    let mut late = without_time(trade(0.0, 101.0, 3.0, Side::Buy));
    late.ts_recv = UnixNanos(50 * NS);
    let mut out = take(&mut e, &[book(0.0), clock(1.0), late]);
    assert_eq!(times(&out), [0]);
    out = take(&mut e, &[book(10.0), clock(11.0)]);
    assert_eq!((out[0].v_buy, times(&out)), (3.0, vec![10]));
    refused(
        &mut e,
        &without_time(clock(0.0)),
        "v s: a clock event needs an exchange time",
    );
}

#[test]
fn a_new_definition_changes_the_tick_or_makes_the_book_unknown() {
    let define = |tick: f64| event(None, EventBody::Instrument(Arc::new(instrument(tick))));
    let s = run(&[book(0.0), clock(1.0), define(12.0), book(10.0)]);
    let floor = |tick: f64| tick / 200.0 / 300f64.sqrt();
    assert_near(s[0].sigma, floor(0.01));
    assert_near(s[1].sigma, floor(12.0));

    let scale = |decimals| Scale::new(decimals).unwrap();
    let tick = (scale(3), Price::from_units(10));
    let lot = (scale(3), Qty::from_units(1));
    let finer = Instrument::new("v", "s", InstrumentKind::Spot, tick, lot).unwrap();
    let mut e = engine(InputMode::Deltas);
    take(
        &mut e,
        &[
            book(0.0),
            event(None, EventBody::Instrument(Arc::new(finer))),
        ],
    );
    assert!(!e.book_usable() && e.book().is_empty());
    assert_eq!(e.counters().gaps, 1);
}

#[test]
fn tickers_and_statuses_say_nothing() {
    let ticker = EventBody::Ticker(mce_market::Ticker {
        update_id: None,
        bid: levels(&[(1.0, 1.0)])[0],
        ask: levels(&[(2.0, 1.0)])[0],
    });
    let status = EventBody::Status(mce_market::Status::Connected);
    let mut e = engine(InputMode::Deltas);
    let out = take(
        &mut e,
        &[
            book(0.0),
            event(Some(50 * NS), ticker),
            event(Some(60 * NS), status),
        ],
    );
    assert!(out.is_empty());
    assert_eq!(e.book().best_bid(), Some(levels(&BIDS)[0]));
}
