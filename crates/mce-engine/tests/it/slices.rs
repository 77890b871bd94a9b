//! Slices by time never overlap, keep their distance, and do not know what comes after the end.

use mce_engine::split::{Split, quiet_ns, split, time_at_share};
use mce_features::{N_FEATURES, Sample};
use mce_market::{InstrumentId, UnixNanos};
use proptest::prelude::*;

const SECOND: i64 = UnixNanos::PER_SECOND;

fn sample(ts: i64) -> Sample {
    Sample {
        ts: UnixNanos(ts),
        observed: UnixNanos(ts),
        instrument: InstrumentId(0),
        features: [0.0; N_FEATURES],
        mask: 0,
        mid: 1.0,
        spread: 0.1,
        sigma: 1e-4,
        sigma_valid: true,
        near_bid: 1.0,
        near_ask: 1.0,
        ema_near_bid: 1.0,
        ema_near_ask: 1.0,
        ema_spread: 0.1,
        v_buy: 0.0,
        v_sell: 0.0,
        liquidations: 0.0,
        after_gap: false,
    }
}

/// Samples on the grid with holes in it.
fn samples() -> impl Strategy<Value = (Vec<Sample>, i64)> {
    let steps = prop::collection::vec(prop_oneof![9 => Just(1i64), 1 => 2..400i64], 1..1_500);
    (steps, 1..20i64).prop_map(|(steps, seconds)| {
        let interval = seconds * SECOND;
        let mut ts = 1_000_000 * interval;
        let samples = steps.iter().map(|step| {
            ts += step * interval;
            sample(ts)
        });
        (samples.collect(), interval)
    })
}

/// What must hold of any split, from FEATURES §5 and not from the code.
fn check(samples: &[Sample], split: &Split, end: UnixNanos, interval: i64, encoder: i64) {
    let Split {
        train,
        valid,
        end: kept,
    } = split;
    assert_eq!(*kept, end);
    assert!(train.start < train.end && train.end <= valid.start && valid.start < valid.end);
    assert!(valid.end <= samples.len());
    let ts = |at: usize| samples[at].ts.0;
    // The embargo, and the label window: it begins one interval late and is 60 s long at most.
    let quiet = (encoder * interval + 3 * 300 * SECOND).max(interval + 60 * SECOND);
    assert!(ts(valid.start) - ts(train.end - 1) >= quiet);
    assert!(end.0 - ts(valid.end - 1) >= quiet);
    assert_eq!(quiet_ns(interval, encoder as usize), quiet);
}

proptest! {
    #[test]
    fn slices_keep_their_distance(
        (samples, interval) in samples(),
        share in 0.0f64..1.0,
        encoder in 1usize..100,
        end in 0.0f64..1.5,
    ) {
        let (first, last) = (samples[0].ts.0, samples[samples.len() - 1].ts.0);
        let end = UnixNanos(first + ((last - first) as f64 * end) as i64);
        let made = split(&samples, end, share, interval, encoder);
        if let Some(made) = &made {
            check(&samples, made, end, interval, encoder as i64);
        }
        // What lies at the end or after it changes nothing.
        let before = &samples[..samples.partition_point(|s| s.ts < end)];
        prop_assert_eq!(split(before, end, share, interval, encoder), made);
    }

    #[test]
    fn long_series_have_both_slices(encoder in 1usize..60, share in 0.1f64..0.9) {
        let samples: Vec<Sample> = (0..4_000).map(|n| sample(n * 5 * SECOND)).collect();
        let end = UnixNanos(20_000 * SECOND);
        let made = split(&samples, end, share, 5 * SECOND, encoder).unwrap();
        check(&samples, &made, end, 5 * SECOND, encoder as i64);
        // The share is that of the time that can be used, to a sample.
        let quiet = quiet_ns(5 * SECOND, encoder);
        let usable = (end.0 - quiet) as f64 * share;
        let valid = (made.valid.len() as i64 * 5 * SECOND) as f64;
        prop_assert!((valid - usable).abs() <= 10.0 * SECOND as f64, "{} {}", valid, usable);
    }
}

#[test]
fn what_is_too_short_has_no_slices() {
    let samples: Vec<Sample> = (0..300).map(|n| sample(n * 5 * SECOND)).collect();
    let end = UnixNanos(1_500 * SECOND);
    assert_eq!(split(&samples, end, 0.2, 5 * SECOND, 60), None);
    assert_eq!(split(&[], end, 0.2, 5 * SECOND, 60), None);
    assert_eq!(split(&samples, UnixNanos(-5), 0.2, 5 * SECOND, 60), None);
}

#[test]
fn a_share_is_of_time_and_not_of_rows() {
    let times = [0, 1, 2, 3, 100];
    let samples: Vec<Sample> = times.iter().map(|t| sample(t * SECOND)).collect();
    assert_eq!(time_at_share(&samples, 0.7), Some(UnixNanos(70 * SECOND)));
    assert_eq!(time_at_share(&[], 0.7), None);
}
