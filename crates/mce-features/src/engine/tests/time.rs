//! The grid, quiet books, gaps, clocks and resets.

use super::*;
use crate::engine::Counters;

#[test]
fn a_sample_is_the_last_observation_at_or_before_its_grid_time() {
    // Quiet grid times repeat it for 60 s, here until 70.5; 80 and 90 are missing. 10.5 → 99 is more than max_quiet.
    let s = run(&[
        book(3.0),
        moved(10.0, 101.0, 1.0),
        moved(10.5, 102.0, 1.0),
        moved(99.0, 103.0, 1.0),
        moved(110.0, 104.0, 1.0),
    ]);
    let got: Vec<_> = s
        .iter()
        .map(|x| (x.ts.0 / NS, x.mid, x.after_gap))
        .collect();
    let mut want = vec![(10, 101.0, true)];
    want.extend((2..8).map(|i| (10 * i, 102.0, false)));
    want.extend([(100, 103.0, true), (110, 104.0, false)]);
    assert_eq!(got, want);
}

/// Whatever Δ is, a book lives for max_quiet, to the ns, and what comes later is the first after a gap.
#[test]
fn quiet_is_not_a_gap() {
    let thicker = [(99.0, 5.0), (98.0, 4.0)];
    for interval in [1, 5, 10] {
        for quiet in [60, 40, 300] {
            for (late_ns, fresh) in [(0, false), (1, true)] {
                let back = (400 + quiet) * NS + late_ns;
                let mut events: Vec<_> = (0..41).map(|i| book(f64::from(i) * 10.0)).collect();
                events.push(book_ns(back, &thicker, &ASKS));
                events.push(event(Some(back + 12 * NS), EventBody::Clock));
                let config = config(interval as f64, quiet as u64, 50, InputMode::Deltas);
                let mut engine = engine_with(0.01, config);
                let s = engine.run(&events).unwrap();
                let Counters { gaps, resets, .. } = engine.counters();
                assert_eq!(gaps, u64::from(fresh && quiet < 300));
                assert_eq!(resets, u64::from(fresh && quiet == 300));
                // None is missing: 60, 40 and 300 are multiples of every Δ.
                let grid: Vec<_> = (0..400 + quiet + 13).step_by(interval as usize).collect();
                assert_eq!(times(&s), grid);
                let settled = s
                    .iter()
                    .filter(|x| (300 * NS..(400 + quiet) * NS).contains(&x.ts.0));
                for x in settled {
                    assert!(x.mask == 0 && !x.after_gap, "{}", x.ts);
                }
                let x = s.iter().find(|x| x.ts.0 >= back).unwrap();
                assert_eq!(x.after_gap, fresh);
                assert_eq!(x.mask != 0, fresh);
                assert_eq!(feature(x, "ofi_l1") > 0.0, !fresh);
            }
        }
    }
}

#[test]
fn ages_are_exact_in_todays_epoch() {
    // 60 s and 1 ns is too old, 60 s is not, although a double cannot tell such times apart.
    let start = 1_700_000_000 * NS;
    for (late_ns, last) in [(-1, 50), (0, 60), (1, 60)] {
        let s = run(&[
            book_ns(start + late_ns, &BIDS, &ASKS),
            book_ns(start + 200 * NS, &BIDS, &ASKS),
        ]);
        let of_first = s.iter().filter(|x| x.observed.0 < start + NS);
        assert_eq!(of_first.map(|x| x.ts.0).max(), Some(start + last * NS));
    }
}

#[test]
fn an_announced_gap_ends_a_quiet_book() {
    let s = run(&[
        book(0.0),
        book(10.0),
        trade(35.0, 101.0, 1.0, Side::Buy),
        gap(),
        trade(55.0, 101.0, 1.0, Side::Buy),
        book(58.0),
        book(61.0),
    ]);
    let got: Vec<_> = s.iter().map(|x| (x.ts.0 / NS, x.after_gap)).collect();
    assert_eq!(
        got,
        [(0, true), (10, false), (20, false), (30, false), (60, true)]
    );
}

#[test]
fn emission_waits_for_a_later_event() {
    let mut engine = engine(InputMode::Deltas);
    let mut take = |event: &MarketEvent| {
        let mut out = Vec::new();
        engine.on_event(event, &mut out).unwrap();
        (times(&out), engine.counters().late)
    };
    assert_eq!(take(&book(10.0)), (vec![], 0));
    // It still could be replaced.
    assert_eq!(take(&book(10.0)), (vec![], 0));
    assert_eq!(take(&clock_ns(10 * NS + 1)), (vec![10], 0));
    // Older than the sample, not than the book.
    assert_eq!(take(&book(10.0)), (vec![], 0));
    assert_eq!(take(&book(20.0)), (vec![], 0));
    let mut out = Vec::new();
    engine.finish(&mut out);
    assert_eq!(times(&out), [20]);
}

#[test]
fn a_clock_moves_the_grid_and_nothing_else() {
    let mut engine = engine(InputMode::Deltas);
    let mut take = |event: MarketEvent| {
        let mut out = Vec::new();
        engine.on_event(&event, &mut out).unwrap();
        out
    };
    // Nothing is known yet.
    assert!(take(clock(5.0)).is_empty());
    assert!(take(book(10.0)).is_empty() && take(clock(10.0)).is_empty());
    // A clock at 10 does not settle the sample at 10.
    assert!(take(book_of(10.0, &BIDS, &[(101.0, 9.0)])).is_empty());
    let out = take(clock_ns(10 * NS + 1));
    assert_eq!(times(&out), [10]);
    assert_eq!(feature(&out[0], "queue_imb"), -7.0 / 11.0);
    assert!(take(clock_ns(10 * NS + 1)).is_empty() && take(clock(3.0)).is_empty());
    let out = take(clock(35.0));
    assert_eq!(times(&out), [20, 30]);
    assert!(out.iter().all(|x| x.observed.0 == 10 * NS));
    // Older than the sample at 30, not than the book: it serves later samples.
    assert!(take(book(25.0)).is_empty());
    // A clock keeps no book alive: 25 + 60 = 85.
    let out = take(clock(86.0));
    assert_eq!(times(&out), [40, 50, 60, 70, 80]);
    assert!(out.iter().all(|x| x.observed.0 == 25 * NS));
    assert!(take(clock(200.0)).is_empty());
    let observed_thrice = Counters {
        observations: 3,
        ..Counters::default()
    };
    assert_eq!(engine.counters(), observed_thrice);
    // The stream ends at its last event, which may be a clock; what a clock settled, a gap does not take back.
    assert_eq!(times(&run(&[book(0.0), clock(30.0)])), [0, 10, 20, 30]);
    let settled = [book(0.0), clock(25.0), gap(), book(31.0), book(41.0)];
    assert_eq!(times(&run(&settled)), [0, 10, 20, 40]);
    assert_eq!(
        times(&run(&[book(0.0), gap(), book(31.0), book(41.0)])),
        [40]
    );
}

#[test]
fn a_quiet_book_decays_flows() {
    // e = 3 at t = 15; read at 20, 30, 40: 5, 15 and 25 s old. The sums themselves move at observations only.
    let thicker = [(99.0, 5.0), (98.0, 4.0)];
    let s = run(&[
        book(0.0),
        book(10.0),
        book_of(15.0, &thicker, &ASKS),
        book_of(41.0, &thicker, &ASKS),
    ]);
    let k = left(10.0, 300.0);
    for (n, x) in (1..4).zip(&s[2..5]) {
        let sum = |to: i32| (0..to).map(|i| k.powi(i)).sum::<f64>();
        let mean = (1.5 * k.powi(n) + 3.0 * sum(n)) / sum(n + 1);
        let age = f64::from(10 * n - 5);
        assert_near(feature(x, "ofi_l1"), (3.0 * left(age, 10.0) / mean).asinh());
    }
}

#[test]
fn the_same_time_replaces_the_book_and_flows_count() {
    // 2 → 5 and 5 → 4 at one time: e = 3 − 1 = 2, no decay in between.
    let s = run(&[
        book(0.0),
        book(10.0),
        book_of(20.0, &[(99.0, 5.0), (98.0, 4.0)], &ASKS),
        book_of(20.0, &[(99.0, 4.0), (98.0, 4.0)], &ASKS),
        book(21.0),
    ]);
    let w = left(10.0, 300.0);
    let mean = (1.5 * w + 2.5) / (1.0 + w);
    assert_near(feature(&s[2], "ofi_l1"), (2.0 / mean).asinh());
}

#[test]
fn a_gap_masks_flows_for_one_sample() {
    let events: Vec<_> = (0..40).map(|i| book(f64::from(i) * 10.0)).collect();
    let mut gapped = events.clone();
    gapped.insert(35, gap()); // between 340 and 350
    let mask = |samples: &[Sample], t: i64| {
        let found = samples.iter().find(|x| x.ts.0 == t * NS);
        found.map(|x| (x.mask, x.after_gap))
    };
    let (clean, with_gap) = (run(&events), run(&gapped));
    // 340 was not emitted yet when its book became unknown.
    assert_eq!(mask(&with_gap, 340), None);
    assert_eq!(mask(&with_gap, 350), Some((0b100_1111_0000, true)));
    assert_eq!(mask(&with_gap, 360), Some((0, false)));
    assert_eq!(mask(&clean, 350), Some((0, false)));
    // In mode S, 7 and 8 are absent, not masked.
    let in_s = run_in(InputMode::Snapshots, &gapped);
    assert_eq!(mask(&in_s, 350), Some((0b100_0011_0000, true)));
    assert_eq!(mask(&in_s, 330), Some((0, false)));
}

#[test]
fn across_a_gap_trades_count_and_level_changes_do_not() {
    let s = run(&[
        book(0.0),
        book(10.0),
        gap(),
        trade(12.0, 101.0, 1.0, Side::Buy),
        book_of(19.0, &[(99.0, 9.0), (97.0, 9.0)], &ASKS),
        book(21.0),
    ]);
    assert_eq!(
        (feature(&s[1], "ofi_l1"), feature(&s[1], "resiliency")),
        (0.0, 0.0)
    );
    // Bought 1, folded in at 19, read at 20 (10 was not emitted): R = 1/20, V_0 = 0.125/ln 2.
    let f = left(1.0, 10.0);
    assert_eq!(s[1].ts.0, 20 * NS);
    assert_near(
        feature(&s[1], "tfi"),
        f / (f + 0.125 / std::f64::consts::LN_2),
    );
}

#[test]
fn a_long_silence_starts_the_warm_up_again() {
    let mut events = vec![
        book(0.0),
        trade(3.0, 101.0, 5.0, Side::Buy),
        book(10.0),
        book(20.0),
        trade(300.0, 101.0, 2.0, Side::Buy),
    ];
    let again = [(321.0, 105.0), (330.0, 105.0), (341.0, 106.0)].map(|(t, m)| moved(t, m, 1.0));
    events.extend(again.clone());
    let (s, fresh) = (run(&events), run(&again));
    assert_eq!(s[s.len() - fresh.len()..], fresh);
}
