//! Small cases worked out by hand for every feature.

use super::*;
use crate::engine::Accepted;
use crate::engine::flows::ofi_increment;
use std::f64::consts::LN_2;

fn e(x: f64) -> f64 {
    x.exp()
}

#[test]
fn features_of_a_book_that_does_not_move() {
    let s = run(&[book(0.0), book(10.0)]);
    let (a, b) = (&s[0], &s[1]);
    // 1: s/m = 2/100, ln(10⁴·0.02) = ln 200.  2: (2 − 1)/(2 + 1).
    assert_near(feature(a, "spread"), 200f64.ln());
    assert_near(feature(b, "spread"), 200f64.ln());
    assert_near(feature(b, "queue_imb"), 1.0 / 3.0);
    // 3: near bids 2e⁻⁵ + 4e⁻¹⁰, asks e⁻⁵ + 3e⁻¹⁰; divided by e⁻⁵: (1 + e⁻⁵)/(3 + 7e⁻⁵).
    assert_near(
        feature(b, "imb_near"),
        (1.0 + e(-5.0)) / (3.0 + 7.0 * e(-5.0)),
    );
    // 4: far bids 2e⁻¹ + 4e⁻², asks e⁻¹ + 3e⁻², near ones taken off.
    let top = e(-1.0) + e(-2.0) - e(-5.0) - e(-10.0);
    let bottom = 3.0 * e(-1.0) + 7.0 * e(-2.0) - 3.0 * e(-5.0) - 7.0 * e(-10.0);
    assert_near(feature(b, "imb_shell"), top / bottom);
    // 12: V* = ¼·½(6 + 4) = 1.25. Buying: 1 at distance 1 and 0.25 at 2, so C_a = 1.5/1.25 = 1.2; selling: C_b = 1.
    //     (1.2 − 1)/2.2 = 1/11 > 0: asks are thinner.
    assert_near(feature(b, "ctt_asym"), 1.0 / 11.0);
    // 9, 10, 13, 14: nothing moved, so every value is its own mean.
    for name in ["price_disp", "depth_ratio", "vol_ratio", "illiq"] {
        assert!(feature(b, name).abs() <= 1e-15, "{name}");
    }
    // The first sample has no L: only 1 and 2 exist, everything else is 0 and masked.
    assert_eq!(a.mask, 0b11_1111_1111_1100);
    assert_eq!(a.features[2..], [0.0; 12]);
    assert_eq!((a.near_bid, a.ema_spread, a.after_gap), (0.0, 0.0, true));
    assert_eq!((a.instrument, a.age_ns()), (InstrumentId(3), 0));
}

#[test]
fn ofi_l1_decays_from_its_observation() {
    // Best bid 2 → 5 at t = 15: e = +5 − 2 − 1 + 1 = 3. At sample 20 it is 5 s old: F = 3·2^(−5/10).
    // Mean queue: sample 10 gives 1.5, sample 20 gives 3; the first sample folds nothing: (1.5w + 3)/(1 + w).
    let bids = [(99.0, 5.0), (98.0, 4.0)];
    let s = run(&[
        book(0.0),
        book(10.0),
        book_of(15.0, &bids, &ASKS),
        book(21.0),
    ]);
    let w = left(10.0, 300.0);
    let mean = (1.5 * w + 3.0) / (1.0 + w);
    assert_near(
        feature(&s[2], "ofi_l1"),
        (3.0 * 0.5f64.sqrt() / mean).asinh(),
    );
}

#[test]
fn ofi_increments_at_the_best() {
    let accepted = |bid: (f64, f64), ask: (f64, f64)| {
        let (bid, ask) = (levels(&[bid])[0], levels(&[ask])[0]);
        let (last_bid, last_ask) = (bid.price, ask.price);
        Accepted {
            ts: 0,
            bid,
            ask,
            last_bid,
            last_ask,
            mid: 0.0,
        }
    };
    let check = |bid, ask, units: f64| {
        let before = accepted(BIDS[0], ASKS[0]);
        assert_eq!(ofi_increment(&before, &accepted(bid, ask)), 1000.0 * units);
    };
    // The bid improves: + its size; the ask is as before: −1 + 1.
    check((99.5, 7.0), ASKS[0], 7.0);
    // The best bid is gone: − the old size.
    check((98.0, 4.0), ASKS[0], -2.0);
    // The best ask is gone: + the old size.
    check(BIDS[0], (102.0, 3.0), 1.0);
    // The ask improves: − its size.
    check(BIDS[0], (100.5, 6.0), -6.0);
}

#[test]
fn passive_flow_and_resiliency() {
    // Bid 98: 4 → 7, behind the best, w_f = e⁻²; ask 102: 3 → 1, behind too. g = 3e⁻² − (−2e⁻²) = 5e⁻².
    // ½D_f at sample 10: ½(3e⁻¹ + 7e⁻²); at 20: ½(3e⁻¹ + 8e⁻²).
    let later = book_of(
        20.0,
        &[(99.0, 2.0), (98.0, 7.0)],
        &[(101.0, 1.0), (102.0, 1.0)],
    );
    let s = run(&[book(0.0), book(10.0), later, book(21.0)]);
    let k = left(10.0, 300.0);
    let mean =
        0.5 * ((3.0 * e(-1.0) + 7.0 * e(-2.0)) * k + 3.0 * e(-1.0) + 8.0 * e(-2.0)) / (1.0 + k);
    assert_near(
        feature(&s[2], "ofi_passive"),
        (5.0 * e(-2.0) / mean).asinh(),
    );
    // 11: add = 3e⁻², rem = 2e⁻²: 3/5 − ½ = 0.1.
    assert_near(feature(&s[2], "resiliency"), 0.1);
}

#[test]
fn flows_are_as_old_as_their_observation() {
    // Bid 98: 4 → 7 at 15, read at 20: F_30 = 3e⁻²·2^(−5/30). ½D_f at 10: ½(3e⁻¹ + 7e⁻²), at 20: ½(3e⁻¹ + 10e⁻²).
    let more = [(99.0, 2.0), (98.0, 7.0)];
    let s = run(&[
        book(0.0),
        book(10.0),
        trade(12.0, 101.0, 3.0, Side::Buy),
        book_of(15.0, &more, &ASKS),
        book_of(30.0, &more, &[(101.0, 1.0), (102.0, 1.0)]),
        book(31.0),
    ]);
    let k = left(10.0, 300.0);
    let mean =
        0.5 * ((3.0 * e(-1.0) + 7.0 * e(-2.0)) * k + 3.0 * e(-1.0) + 10.0 * e(-2.0)) / (1.0 + k);
    let flow = 3.0 * e(-2.0) * left(5.0, 30.0);
    assert_near(feature(&s[2], "ofi_passive"), (flow / mean).asinh());
    // Bought 3 at 12, folded in at 15: F_30 = 3·2^(−5/30) at 20; R = (0k + 0.3)/(1 + k).
    let inventory = -3.0 * left(5.0, 30.0) * LN_2 / 30.0 * (1.0 + k) / 0.3;
    assert_near(feature(&s[2], "inv_proxy"), inventory);
    // At 30 the addition is one half-life old, 1.5e⁻², and ask 102 lost 2: 1.5/3.5 − ½ = −1/14.
    assert_near(feature(&s[3], "resiliency"), -1.0 / 14.0);
}

#[test]
fn changes_at_the_touch_are_not_passive_but_count_for_resiliency() {
    let check = |bids: &[(f64, f64)], resiliency: f64| {
        let s = run(&[
            book(0.0),
            book(10.0),
            book_of(20.0, bids, &ASKS),
            book(21.0),
        ]);
        assert_eq!(feature(&s[2], "ofi_passive"), 0.0);
        assert_eq!(feature(&s[2], "resiliency"), resiliency);
    };
    // The best bid vanishes whole: strictly behind both bests is only p < 98: nothing. rem = 2e⁻¹, add = 0: −½.
    check(&[(98.0, 4.0)], -0.5);
    // A better bid 99.5 is inside the previous spread, where the book was visibly empty: an addition. +½.
    check(&[(99.5, 1.0), (99.0, 2.0), (98.0, 4.0)], 0.5);
}

#[test]
fn traded_volume_is_not_a_removal() {
    let check = |mode, size: f64, aggressor, resiliency: f64| {
        let s = run_in(
            mode,
            &[
                book(0.0),
                book(10.0),
                trade(12.0, 102.0, size, aggressor),
                book_of(
                    20.0,
                    &[(99.0, 2.0), (98.0, 5.5)],
                    &[(101.0, 1.0), (102.0, 1.0)],
                ),
                book(21.0),
            ],
        );
        assert_near(feature(&s[2], "resiliency"), resiliency);
    };
    // Ask 102: 3 → 1 while 1.5 was bought there: rem = 0.5e⁻²; bid 98: 4 → 5.5: add = 1.5e⁻². 1.5/2 − ½ = ¼.
    check(InputMode::Deltas, 1.5, Side::Buy, 0.25);
    check(InputMode::SnapshotsTrades, 1.5, Side::Buy, 0.25);
    // In mode S the trade is unknown: 1.5/3.5 − ½ = −1/14. A sale at 102, where no bid is, lessens nothing.
    check(InputMode::Snapshots, 1.5, Side::Buy, -1.0 / 14.0);
    check(InputMode::Deltas, 1.5, Side::Sell, -1.0 / 14.0);
    // 5 bought where only 2 went: rem = 0, not less. ½.
    check(InputMode::Deltas, 5.0, Side::Buy, 0.5);
}

#[test]
fn a_price_counts_only_where_both_books_see_it() {
    let check = |bids: &[(f64, f64)], asks: &[(f64, f64)], resiliency: f64| {
        let s = run(&[book(0.0), book(10.0), book_of(20.0, bids, asks), book(21.0)]);
        assert_near(feature(&s[2], "resiliency"), resiliency);
    };
    // Bids end at 97.5 now and ended at 98 before: 97.5 says nothing, 98 lost its 4 and 99 gained 1:
    // e⁻¹/(e⁻¹ + 4e⁻²) − ½.
    let share = e(-1.0) / (e(-1.0) + 4.0 * e(-2.0));
    check(&[(99.0, 3.0), (97.5, 8.0)], &ASKS, share - 0.5);
    // Ask 102 fell out of view: of asks, 101.5 alone changed. Nothing was removed.
    check(&BIDS, &[(101.0, 1.0), (101.5, 2.0)], 0.5);
}

#[test]
fn traded_flow_and_inventory() {
    let s = run(&[
        book(0.0),
        trade(5.0, 101.0, 3.0, Side::Buy),
        book(10.0),
        trade(20.0, 99.0, 1.0, Side::Sell),
        book(20.0),
        book(21.0),
    ]);
    // At sample 10: bought 3, R = 3/10 = 0.3, V_0 = ¼·0.3·10/ln 2 = 0.75/ln 2: 3/(3 + V_0) = 1/(1 + ¼/ln 2).
    assert_near(feature(&s[1], "tfi"), 1.0 / (1.0 + 0.25 / LN_2));
    // 8: F_30 = 3: −3/(0.3·30/ln 2) = −ln 2/3.
    assert_near(feature(&s[1], "inv_proxy"), -LN_2 / 3.0);
    // At 20, sold 1: R = (0.3k + 0.1)/(1 + k); F_10: 3·½ = 1.5 and 1; F_30 = 3·2^(−1/3) − 1.
    let k = left(10.0, 300.0);
    let rate = (0.3 * k + 0.1) / (1.0 + k);
    assert_near(feature(&s[2], "tfi"), 0.5 / (2.5 + 2.5 * rate / LN_2));
    let net = 3.0 * left(10.0, 30.0) - 1.0;
    assert_near(feature(&s[2], "inv_proxy"), -net * LN_2 / 30.0 / rate);
    assert_eq!(
        (s[1].v_buy, s[1].v_sell, s[2].v_buy, s[2].v_sell),
        (3.0, 0.0, 0.0, 1.0)
    );
    // No trades: 0. Without R, at the first sample, neither exists.
    let s = run(&[book(0.0), book(10.0), book(11.0)]);
    assert_eq!(
        (feature(&s[1], "tfi"), feature(&s[1], "inv_proxy")),
        (0.0, 0.0)
    );
    let s = run(&[
        book(1.0),
        trade(5.0, 101.0, 3.0, Side::Buy),
        book(9.0),
        book(11.0),
    ]);
    assert!(feature(&s[0], "tfi") == 0.0 && is_masked(&s[0], "tfi"));
}

#[test]
fn traded_flow_fades_when_trading_stops() {
    // Bought 3 at 10, then nothing, first with a live book and then with a quiet one (from 40 on). n half-lives later
    // F_10 is 3·2^(−n) and R the mean of one 0.3 and n zeros: 0.3k^n/(1 + k + … + k^n).
    let mut events = vec![book(0.0), trade(5.0, 101.0, 3.0, Side::Buy)];
    events.extend([10.0, 20.0, 30.0, 40.0, 91.0].map(book));
    let s = run(&events);
    let k = left(10.0, 300.0);
    let mut before = f64::INFINITY;
    for (n, sample) in (0..9).zip(&s[1..10]) {
        let rate = 0.3 * k.powi(n) / (0..=n).map(|i| k.powi(i)).sum::<f64>();
        let flow = 3.0 * 2f64.powi(-n);
        let tfi = feature(sample, "tfi");
        assert_near(tfi, flow / (flow + 2.5 * rate / LN_2));
        // From the first to the second R halves as well, and the share stays about where it is.
        assert!(n <= 1 || tfi < before, "{n}");
        before = tfi;
    }
    assert!(feature(&s[1], "tfi") > 0.7 && before < 0.15);
}

#[test]
fn features_of_a_moving_price() {
    let at = |events: &[MarketEvent], tick: f64| {
        let config = config(10.0, 60, 50, InputMode::Deltas);
        engine_with(tick, config).run(events).unwrap()
    };
    // Mids 100, 101, 102 at samples 0, 10, 20: r1 = ln 1.01, r2 = ln(102/101).
    let steps = [(0.0, 100.0), (10.0, 101.0), (20.0, 102.0), (21.0, 102.0)]
        .map(|(t, mid)| moved(t, mid, 1.0));
    let s = at(&steps, 0.01);
    let (r1, r2) = (1.01f64.ln(), (102.0 / 101.0f64).ln());
    let (k300, k60, k15) = (left(10.0, 300.0), left(10.0, 60.0), left(10.0, 15.0));
    let sigma = ((k300 * r1 * r1 + r2 * r2) / (1.0 + k300) / 10.0).sqrt();
    assert_near(s[2].sigma, sigma);
    // 9: the mean of ln m over samples 10 and 20 is (k60·ln 1.01 + ln 1.02)/(1 + k60) above the first.
    let mean = (k60 * 1.01f64.ln() + 1.02f64.ln()) / (1.0 + k60);
    let displaced = (1.02f64.ln() - mean) / (sigma * 60f64.sqrt());
    assert_near(feature(&s[2], "price_disp"), displaced);
    let short = (k15 * r1 * r1 + r2 * r2) / (1.0 + k15) / 10.0;
    assert_near(
        feature(&s[2], "vol_ratio"),
        0.5 * (short / (sigma * sigma)).ln(),
    );
    // r² is 1e-4 in 10 s: half a tick in 300 s is more from (τ/204)²/300 = 1e-5 on, τ = 11.2.
    assert_near(at(&steps, 11.0)[2].sigma, sigma);
    let s = at(&steps, 12.0);
    assert_near(s[0].sigma, 12.0 / 200.0 / 300f64.sqrt());
    assert_near(s[2].sigma, 12.0 / 204.0 / 300f64.sqrt());
    assert_eq!(feature(&s[2], "vol_ratio"), 0.0);
    // f is the same in 13: one step of a tick, then 40 quiet samples: r² = (0.02/100)² in 10 s, EMA_15 is below f,
    // EMA_300 above.
    let mut steps = vec![moved(0.0, 100.0, 1.0), moved(10.0, 100.02, 1.0)];
    steps.extend((2..42).map(|i| moved(f64::from(i) * 10.0, 100.02, 1.0)));
    let s = at(&steps, 0.02);
    let floor = (0.01 / 100.02f64).powi(2) / 300.0;
    let r = (100.02 / 100.0f64).ln();
    let mean = |k: f64| r * r / 10.0 * k.powi(39) / (0..40).map(|i| k.powi(i)).sum::<f64>();
    let (long, short) = (mean(k300), mean(k15));
    assert!(s[40].ts.0 == 400 * NS && short < floor && floor < long);
    let close = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 1e-9, "{got} {want}");
    close(s[40].sigma, long.sqrt());
    close(feature(&s[40], "vol_ratio"), 0.5 * (floor / long).ln());
}

#[test]
fn depth_against_its_mean() {
    // Depth D, then 2D (same prices): ln(2D/((kD + 2D)/(1 + k))).
    let s = run(&[
        moved(0.0, 100.0, 1.0),
        moved(10.0, 100.0, 1.0),
        moved(20.0, 100.0, 2.0),
        moved(21.0, 100.0, 1.0),
    ]);
    let k = left(10.0, 300.0);
    assert_near(
        feature(&s[2], "depth_ratio"),
        (2.0 * (1.0 + k) / (k + 2.0)).ln(),
    );
}

#[test]
fn cost_against_its_mean() {
    // Sizes halve at 20. V* = ¼·(5k + 2.5)/(1 + k); the asks hold 0.5 at distance 1 and 1.5 at 2, the bids 1 and 2.
    // k = 0.977: V* = 0.9429, so C_a = (0.5 + 2(V* − 0.5))/V*, C_b = 1 (1 ≥ V*). At sample 10: 1.2 + 1 = 2.2.
    let s = run(&[
        moved(0.0, 100.0, 1.0),
        moved(10.0, 100.0, 1.0),
        moved(20.0, 100.0, 0.5),
        moved(21.0, 100.0, 1.0),
    ]);
    let k = left(10.0, 300.0);
    let v = 0.25 * (5.0 * k + 2.5) / (1.0 + k);
    let now = (0.5 + 2.0 * (v - 0.5)) / v + 1.0;
    assert_near(
        feature(&s[2], "illiq"),
        (now * (1.0 + k) / (2.2 * k + now)).ln(),
    );
}

#[test]
fn averages_are_valid_after_their_half_life() {
    let mut events: Vec<_> = (0..34).map(|i| book(f64::from(i) * 10.0)).collect();
    events.push(book(331.0));
    let s = run(&events);
    let at = |t: i64| s.iter().find(|x| x.ts.0 == t * NS).unwrap();
    assert!(is_masked(at(290), "depth_ratio") && !is_masked(at(300), "depth_ratio"));
    assert!(!at(290).sigma_valid && at(300).sigma_valid);
    assert_eq!(at(300).mask, 0);
    assert_eq!(at(0).mask >> 4 & 0b100_1111, 0b100_1111);
    // 7 waits for R.
    assert!(is_masked(at(290), "tfi") && !is_masked(at(10), "queue_imb"));
}

#[test]
fn liquidations_are_summed_between_samples() {
    let s = run_in(
        InputMode::Snapshots,
        &[
            liquidation(-1.0, 9.0),
            book(0.0),
            liquidation(3.0, 2.0),
            liquidation(4.0, 0.5),
            book(10.0),
            liquidation(11.0, 1.0),
            book(20.0),
        ],
    );
    let volumes: Vec<f64> = s.iter().map(|x| x.liquidations).collect();
    assert_eq!(volumes, [0.0, 2.5, 1.0]);
}
