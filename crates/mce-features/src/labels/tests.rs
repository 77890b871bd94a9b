use super::*;
use crate::sample::N_FEATURES;
use mce_market::InstrumentId;

const NS: i64 = UnixNanos::PER_SECOND;
const MODES: [InputMode; 3] = [
    InputMode::Deltas,
    InputMode::SnapshotsTrades,
    InputMode::Snapshots,
];

/// A calm sample at a time in seconds: mid 100, spread 1, no flow.
fn sample(ts: i64) -> Sample {
    Sample {
        ts: UnixNanos(ts * NS),
        observed: UnixNanos(ts * NS),
        instrument: InstrumentId(0),
        features: [0.0; N_FEATURES],
        mask: 0,
        mid: 100.0,
        spread: 1.0,
        sigma: 0.001,
        sigma_valid: true,
        near_bid: 1.0,
        near_ask: 1.0,
        ema_near_bid: 1.0,
        ema_near_ask: 1.0,
        ema_spread: 1.0,
        v_buy: 0.0,
        v_sell: 0.0,
        liquidations: 0.0,
        after_gap: false,
    }
}

/// A calm series, every 5 s, up to 700 s; the sample at `t` is at index t/5.
fn calm() -> Vec<Sample> {
    (0..700).step_by(5).map(sample).collect()
}

fn labels_of(samples: &[Sample], mode: InputMode) -> Vec<Label> {
    labels(samples, 5 * NS, mode)
}

/// What a move of 1 % up is over σ√30.
fn hit() -> f64 {
    1.01f64.ln() / (0.001 * 30f64.sqrt())
}

/// The same for 1 % down.
fn hit_down() -> f64 {
    -0.99f64.ln() / (0.001 * 30f64.sqrt())
}

#[track_caller]
fn assert_move(got: Option<PressureMove>, want: f64) {
    match got {
        Some(PressureMove::Move(x)) if (x - want).abs() <= 1e-12 * want => {}
        got => panic!("{got:?}, not {want}"),
    }
}

#[test]
fn skew_labels_start_one_sample_late_and_cross_no_gap() {
    // t = 0, t₀ = 5, H = 15: ln(m_20/m_5)/(σ√15) = ln(101/100)/(0.001·√15).
    let mut s: Vec<Sample> = calm()[..40].to_vec();
    for s in &mut s[4..] {
        s.mid = 101.0;
    }
    let z = |label: &Label, horizon: i64| {
        label.z[HORIZONS_S.iter().position(|h| *h == horizon).unwrap()]
    };
    let near = |got: Option<f64>, want: f64| assert!((got.unwrap() - want).abs() < 1e-12);
    let l = labels_of(&s, InputMode::Snapshots);
    near(z(&l[0], 15), 1.01f64.ln() / (0.001 * 15f64.sqrt()));
    assert_eq!((z(&l[0], 5), z(&l[3], 5)), (Some(0.0), Some(0.0)));
    near(z(&l[2], 5), 1.01f64.ln() / (0.001 * 5f64.sqrt()));
    // It needs t + Δ + H.
    assert!(z(&l[39], 5).is_none() && z(&l[37], 5).is_some());
    // The first after a gap, at 50.
    s[10].after_gap = true;
    let l = labels_of(&s, InputMode::Snapshots);
    let known: Vec<_> = (7..11).map(|at| z(&l[at], 5).is_some()).collect();
    assert_eq!(known, [true, false, false, true]);
    // A grid time without a sample is a gap as well.
    let mut holed = s.clone();
    holed.remove(20);
    let l = labels_of(&holed, InputMode::Snapshots);
    let known: Vec<_> = (17..21).map(|at| z(&l[at], 5).is_some()).collect();
    assert_eq!(known, [true, false, false, true]);
    // So does a σ that is not valid; and at 10 s no horizon of 5 or 15 s ends on the grid.
    s[3].sigma_valid = false;
    assert_eq!(labels_of(&s, InputMode::Snapshots)[3], Label::default());
    let s: Vec<_> = (0..200).step_by(10).map(sample).collect();
    let l = labels(&s, 10 * NS, InputMode::Snapshots);
    assert_eq!(l[0].z.map(|z| z.is_some()), [false, false, true, true]);
}

/// The pressure move of the sample at `t`, window (t + 5, t + 35], where only the sample at `at` differs. Windows of
/// 30 s hold 6 samples that bought 1, 2 or 3 each.
fn pressure(mode: InputMode, at: i64, t: i64, edit: impl Fn(&mut Sample)) -> Option<PressureMove> {
    let mut s = calm();
    for s in &mut s {
        s.v_buy = 1.0 + (s.ts.0 / NS % 3) as f64;
    }
    edit(&mut s[at as usize / 5]);
    labels_of(&s, mode)[t as usize / 5].pressure
}

#[test]
fn pressure_needs_a_move_and_one_sign_of_force() {
    for mode in MODES {
        let at_600 = |edit: &dyn Fn(&mut Sample)| pressure(mode, 600, 575, edit);
        let up = |edit: &dyn Fn(&mut Sample)| {
            at_600(&|s| {
                (s.mid, s.v_buy) = (101.0, 0.0);
                edit(s);
            })
        };
        let down = |edit: &dyn Fn(&mut Sample)| {
            at_600(&|s| {
                (s.mid, s.v_buy) = (99.0, 0.0);
                edit(s);
            })
        };
        // No sign of force.
        assert_move(up(&|_| {}), 0.0);
        assert_move(down(&|_| {}), 0.0);
        // (ii-a): the side that is hit, by its own mean.
        assert_move(up(&|s| s.near_ask = 0.49), hit());
        assert_move(up(&|s| s.near_ask = 0.5), 0.0);
        assert_move(up(&|s| s.near_bid = 0.49), 0.0);
        assert_move(up(&|s| (s.near_ask, s.ema_near_ask) = (0.9, 2.0)), hit());
        assert_move(down(&|s| s.near_bid = 0.49), hit_down());
        assert_move(down(&|s| s.near_ask = 0.49), 0.0);
        // (ii-b): either way.
        assert_move(up(&|s| s.spread = 2.01), hit());
        assert_move(down(&|s| s.spread = 2.01), hit_down());
        assert_move(up(&|s| s.spread = 2.0), 0.0);
        // No move, no label, whatever the force.
        let forced = |s: &mut Sample| {
            (s.near_ask, s.near_bid, s.spread, s.v_buy) = (0.1, 0.1, 9.0, 99.0);
        };
        assert_move(at_600(&forced), 0.0);
        // The sign must be there at u, where the price is: (580, 610], and the price back at 100 at 605.
        assert_move(pressure(mode, 605, 575, forced), 0.0);
    }
}

#[test]
fn pressure_sees_flow_beyond_all_windows_and_with_the_price() {
    let push = |s: &mut Sample| (s.mid, s.v_buy) = (101.0, 20.0);
    let in_d = InputMode::Deltas;
    assert_move(pressure(in_d, 600, 575, push), hit());
    assert_move(pressure(InputMode::SnapshotsTrades, 600, 575, push), hit());
    assert_move(pressure(InputMode::Snapshots, 600, 575, push), 0.0);
    // Against the price it says nothing.
    assert_move(
        pressure(in_d, 600, 575, |s| (s.mid, s.v_buy) = (99.0, 20.0)),
        0.0,
    );
    assert_move(
        pressure(in_d, 600, 575, |s| (s.mid, s.v_sell) = (99.0, 40.0)),
        hit_down(),
    );
    // t₀ itself is outside (t₀, t₀ + H_p], t₀ + H_p inside: t = 595 has the window (600, 630], 565 has (570, 600].
    assert_move(pressure(in_d, 600, 595, push), 0.0);
    assert_move(pressure(in_d, 600, 560, push), 0.0);
    assert_move(pressure(in_d, 600, 565, push), hit());
    // A liquidation needs neither.
    let liquidated = pressure(in_d, 600, 575, |s| s.liquidations = 1.0);
    assert_eq!(liquidated, Some(PressureMove::Liquidation));
    // 20 windows are needed where flow counts: they end in 30..125.
    assert_eq!(pressure(in_d, 600, 115, push), None);
    assert_move(pressure(in_d, 600, 120, push), 0.0);
    assert_move(pressure(InputMode::Snapshots, 600, 115, push), 0.0);
}

#[test]
fn pressure_needs_a_move_of_the_spread_at_t0() {
    // The spread that counts is that of t₀, 580: not that of t, of u or of any other.
    let at_t0 = |spread: f64, t: usize, mid: f64| {
        let mut s = calm();
        s[580 / 5].spread = spread;
        (s[120].mid, s[120].near_ask, s[120].near_bid) = (mid, 0.1, 0.1);
        labels_of(&s, InputMode::Snapshots)[t / 5].pressure
    };
    assert_move(at_t0(1.0, 575, 101.0), hit());
    assert_move(at_t0(0.25, 575, 101.0), hit());
    assert_move(at_t0(1.01, 575, 101.0), 0.0);
    assert_move(at_t0(1.0, 575, 99.0), hit_down());
    assert_move(at_t0(1.01, 575, 99.0), 0.0);
    // t₀ = 575, 585.
    assert_move(at_t0(9.0, 570, 101.0), hit());
    assert_move(at_t0(9.0, 580, 101.0), hit());
    // At u it is larger than the move.
    let mut s = calm();
    (s[120].mid, s[120].near_ask, s[120].spread) = (101.0, 0.1, 1.9);
    assert_move(labels_of(&s, InputMode::Snapshots)[115].pressure, hit());
    // Exactly one spread counts, though 0.3 − 0.2 < 0.1 in doubles; half a tick less does not.
    let mut s = calm();
    for s in &mut s {
        (s.mid, s.spread) = (0.2, 0.1);
    }
    for (mid, is_hit) in [(0.3, true), (0.2995, false)] {
        (s[120].mid, s[120].near_ask) = (mid, 0.1);
        let got = labels_of(&s, InputMode::Snapshots)[115].pressure;
        assert_eq!(pressure_y(got, Some(1e-9)), Some(is_hit));
    }
    // A smaller move is not made good by a larger one against it; both sides are thin here.
    let mut s = calm();
    (s[119].mid, s[119].near_ask) = (100.9, 0.1);
    assert_move(labels_of(&s, InputMode::Snapshots)[115].pressure, 0.0);
    // No sign of force there.
    s[120].mid = 98.0;
    assert_move(labels_of(&s, InputMode::Snapshots)[115].pressure, 0.0);
    // A liquidation decides without any move.
    let mut s = calm();
    (s[116].spread, s[120].liquidations) = (9.0, 1.0);
    let got = labels_of(&s, InputMode::Snapshots)[115].pressure;
    assert_eq!(got, Some(PressureMove::Liquidation));
}

#[test]
fn the_flow_limit_is_a_quantile_of_the_past_hour() {
    // 111 windows end in 30..580; one trade of 10 at 300 is in 6 of them: position 0.95·110 = 104.5, half-way from
    // 0 to 10: 5.
    let mut s = calm();
    s[60].v_sell = 10.0;
    for (bought, x) in [(4.9, 0.0), (5.0, hit())] {
        (s[120].mid, s[120].v_buy) = (101.0, bought);
        assert_move(labels_of(&s, InputMode::Deltas)[115].pressure, x);
        assert_move(labels_of(&s, InputMode::Snapshots)[115].pressure, 0.0);
    }
    // The flow is that of (t₀, u]: 3 at 590 and 3 at 600 pass the limit of 5 together, from t₀ = 580 on.
    (s[118].v_buy, s[120].v_buy) = (3.0, 3.0);
    let l = labels_of(&s, InputMode::Deltas);
    assert_move(l[115].pressure, hit());
    // t₀ = 590 sees 3; two windows more, ending in 585 and 590 with 0 and 3: position 106.4 lies between 3 and 10:
    // 5.8 (not 6).
    assert_move(l[117].pressure, 0.0);
    // A limit of 0 is not enough by itself.
    let mut s = calm();
    s[120].mid = 101.0;
    assert_move(labels_of(&s, InputMode::Deltas)[115].pressure, 0.0);
}

/// The windows slide: every row's past is what a search through all windows finds.
#[test]
fn windows_older_than_an_hour_leave() {
    let mut s: Vec<_> = (0..60_000).step_by(5).map(sample).collect();
    for (at, s) in s.iter_mut().enumerate() {
        s.v_buy = ((at * at * 7919) % 100_003) as f64;
        s.after_gap = at % 190 == 100;
        s.liquidations = f64::from(u8::from(at % 97 == 0));
        s.mid = 100.0 + at as f64;
        s.spread = 0.5;
        s.ema_spread = 0.5;
    }
    let rows = labels_of(&s, InputMode::Deltas);
    let mut decided = [0; 4];
    for (at, row) in rows.iter().enumerate() {
        let (start, end) = (at + 1, at + 7);
        let joined = |from: usize, to: usize| {
            from < to && to < s.len() && s[from + 1..=to].iter().all(|s| !s.after_gap)
        };
        if !joined(at, end) {
            assert_eq!(row.pressure, None);
            decided[0] += 1;
            continue;
        }
        let t0 = s[start].ts.0;
        let windows: Vec<usize> = (6..=start)
            .filter(|i| joined(i - 6, *i) && s[*i].ts.0 - 30 * NS >= t0 - 3600 * NS)
            .collect();
        let sorted = |of: &dyn Fn(&Sample) -> f64| {
            let sum = |i: &usize| s[i - 5..=*i].iter().map(of).sum::<f64>();
            let mut values: Vec<f64> = windows.iter().map(sum).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let quantile = |v: &[f64]| crate::quantile::quantile(v, 0.95).unwrap();
        let (flows, liquidations) = (sorted(&|s| s.v_buy), sorted(&|s| s.liquidations));
        let ahead = &s[start + 1..=end];
        if windows.len() < 20 {
            assert_eq!(row.pressure, None);
            decided[1] += 1;
            continue;
        }
        let total: f64 = ahead.iter().map(|s| s.liquidations).sum();
        if total > 0.0 && total >= quantile(&liquidations) {
            assert_eq!(row.pressure, Some(PressureMove::Liquidation));
            decided[2] += 1;
            continue;
        }
        let limit = quantile(&flows);
        let mut net = 0.0;
        let mut hit = 0.0f64;
        for u in ahead {
            net += u.v_buy;
            if u.mid > s[start].mid && net >= limit {
                hit = hit.max((u.mid / s[start].mid).ln() / (0.001 * 30f64.sqrt()));
            }
        }
        assert_move(row.pressure, hit);
        decided[3] += usize::from(hit > 0.0);
    }
    assert!(decided.iter().all(|n| *n > 0), "{decided:?}");
}

fn moves(xs: impl IntoIterator<Item = f64>) -> Vec<Option<PressureMove>> {
    xs.into_iter()
        .map(|x| Some(PressureMove::Move(x)))
        .collect()
}

#[test]
fn k_is_fitted_for_one_row_in_twenty() {
    let fit = |xs: &[Option<PressureMove>]| fit_k(xs.iter().copied()).unwrap();
    let rate = |xs: &[Option<PressureMove>], k| realised_rate(xs.iter().copied(), k);
    // 100 rows, π = 5 %: k half-way between the 5th and 6th largest.
    let mut xs = moves((0..100).map(|i| f64::from(i) / 100.0));
    xs.push(None);
    let k = fit(&xs);
    assert!((k.unwrap() - 0.945).abs() < 1e-12);
    assert_eq!(rate(&xs, k), Some(0.05));
    assert_eq!(pressure_y(None, k), None);
    assert_eq!(pressure_y(k.map(PressureMove::Move), k), Some(true));
    assert_eq!(pressure_y(xs[0], None), None);
    assert_eq!(rate(&[None], k), None);
    // Never below ½: the realised rate is what it is.
    let xs = moves([0.0; 97].into_iter().chain([0.49, 0.5, 3.0]));
    assert_eq!(fit(&xs), Some(K_MIN));
    let ys: Vec<_> = xs[96..]
        .iter()
        .map(|x| pressure_y(*x, Some(K_MIN)))
        .collect();
    assert_eq!(ys, [Some(false), Some(false), Some(true), Some(true)]);
    assert_eq!(rate(&xs, Some(K_MIN)), Some(0.02));
    assert_eq!(fit(&moves([0.0; 10])), Some(K_MIN));
    assert_eq!(rate(&moves([0.0; 10]), Some(K_MIN)), Some(0.0));
    assert_eq!(fit(&[None]), None);
    assert_eq!(fit(&moves([2.0])), Some(2.0));
    // Liquidations alone reach 5 %: k would be infinite, which no JSON holds.
    let liquidated = |n| [Some(PressureMove::Liquidation)].repeat(n);
    let mut xs = liquidated(5);
    xs.extend(moves([1.0; 95]));
    let error = fit_k(xs.iter().copied()).unwrap_err();
    assert!(error.to_string().contains("infinite"), "{error}");
    assert!(
        error
            .to_string()
            .contains(" 5 of 100 rows, at least the 5 %"),
        "{error}"
    );
    let mut xs = liquidated(4);
    xs.extend(moves([3.0, 1.0].into_iter().chain([0.0; 94])));
    assert_eq!((fit(&xs), rate(&xs, Some(2.0))), (Some(2.0), Some(0.05)));
}

#[test]
fn signals() {
    let near = |got: Reading, want: f64| assert!((got.value().unwrap() - want).abs() < 1e-12);
    near(pressure_signal(0.05, Some(0.05)), 0.5);
    // Odds 4/19, four times 1/19.
    near(pressure_signal(4.0 / 23.0, Some(0.05)), 0.8);
    near(pressure_signal(0.0, Some(0.05)), 0.0);
    near(pressure_signal(1.0, Some(0.05)), 1.0);
    for rate in [None, Some(0.0), Some(1.0)] {
        assert_eq!(
            pressure_signal(0.5, rate),
            Reading::Absent(AbsentReason::NoBaseRate)
        );
    }
    assert_eq!(skew_signal(0.7, 0.0), 0.0);
    assert_eq!(skew_signal(0.5, 2.0), 1f64.tanh());
    assert_eq!(skew_signal(0.5, -1e9), -1.0);
}
