use super::*;
use crate::error::FeatureError;
use crate::sample::FEATURE_NAMES;
use mce_market::{InputMode, InstrumentId};
use proptest::prelude::*;
use std::time::Duration;

fn config(interval_s: u64, quiet_s: u64, depth: usize, mode: InputMode) -> FeatureConfig {
    let seconds = Duration::from_secs;
    FeatureConfig::new(seconds(interval_s), seconds(quiet_s), depth, mode).unwrap()
}

fn in_d() -> FeatureConfig {
    config(5, 60, 50, InputMode::Deltas)
}

fn sample(ts: i64, features: [f64; N_FEATURES], mask: u16) -> Sample {
    Sample {
        ts: UnixNanos(ts),
        observed: UnixNanos(ts),
        instrument: InstrumentId(0),
        features,
        mask,
        mid: 1.0,
        spread: 1.0,
        sigma: 1.0,
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

/// Five samples whose first feature is 1 to 5 and whose others are 3, and one that is masked in the first alone.
fn six() -> Vec<Sample> {
    let mut samples: Vec<_> = (1..6)
        .map(|i| {
            let mut features = [3.0; N_FEATURES];
            features[0] = i as f64;
            sample(i, features, 0)
        })
        .collect();
    samples.push(sample(9, [1e9; N_FEATURES], 1));
    samples
}

fn fitted(samples: &[Sample], config: FeatureConfig) -> FeatureNormalizer {
    FeatureNormalizer::fit([("X", samples)], config)
}

#[test]
fn medians_and_deviations_of_what_is_not_masked() {
    let s = six();
    let n = fitted(&s, in_d());
    let fit = n.row("X").feature(0).unwrap();
    assert_eq!((fit.median, fit.mad), (3.0, 1.0));
    for (got, want) in fit.quantiles.iter().zip([1.04, 1.2, 2.0, 4.0, 4.8, 4.96]) {
        assert!((got - want).abs() < 1e-12);
    }
    let z = n.apply("X", &s[4]);
    assert_eq!((z[0], z[1]), ((2.0 / 1.4826) as f32, 0.0));
    // Masked; a MAD of 0 divides by 1, then clipped.
    let z = n.apply("X", &s[5]);
    assert_eq!((z[0], z[1]), (0.0, 6.0));
    assert_eq!(n.span(), Some((UnixNanos(1), UnixNanos(9))));
    assert_eq!((n.row("X").rows(), n.pooled().rows()), (6, 6));
    assert_eq!(n.apply("never seen", &s[4]), n.apply("X", &s[4]));
    assert!(n.row("X").feature(14).is_none());
}

#[test]
fn each_symbol_has_its_own_row_and_others_the_pooled_one() {
    let a: Vec<_> = (0..5)
        .map(|i| sample(i, [i as f64; N_FEATURES], 0))
        .collect();
    let b: Vec<_> = (0..3)
        .map(|i| sample(10 + i, [100.0; N_FEATURES], 0))
        .collect();
    let n = FeatureNormalizer::fit([("B", b.as_slice()), ("A", a.as_slice())], in_d());
    let median = |symbol: &str| n.row(symbol).feature(4).unwrap().median;
    assert_eq!((median("A"), median("B"), median("C")), (2.0, 100.0, 3.5));
    assert_eq!(n.symbols().collect::<Vec<_>>(), ["A", "B"]);
}

#[test]
fn absent_features_are_zero() {
    let s = six();
    let n = fitted(&s, config(5, 60, 50, InputMode::Snapshots));
    let row = n.row("X");
    assert!(row.feature(6).is_none() && row.feature(7).is_none() && row.feature(8).is_some());
    assert_eq!(n.apply("X", &s[5])[5..9], [6.0, 0.0, 0.0, 6.0]);
    // A feature that was masked in every row was never measured.
    let all_masked = [sample(0, [1.0; N_FEATURES], 0b11_1111_1111_1100)];
    let n = fitted(&all_masked, in_d());
    assert!(n.row("X").feature(1).is_some() && n.row("X").feature(2).is_none());
    let n = FeatureNormalizer::fit([], in_d());
    assert_eq!((n.span(), n.apply("X", &s[4])), (None, [0.0; N_FEATURES]));
}

#[test]
fn json_comes_back_the_same_and_refuses_what_differs() {
    let s = six();
    let n = fitted(&s, in_d());
    let text = n.to_json();
    assert_eq!(FeatureNormalizer::from_json(&text, in_d()).unwrap(), n);
    let empty = FeatureNormalizer::fit([], in_d());
    assert_eq!(
        FeatureNormalizer::from_json(&empty.to_json(), in_d()).unwrap(),
        empty
    );

    let check = |text: &str, expected: FeatureConfig, message: &str| {
        let error = FeatureNormalizer::from_json(text, expected).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        error
    };
    let in_t = config(5, 60, 50, InputMode::SnapshotsTrades);
    check(&text, in_t, r#"normaliser refused: mode is "D", not "T""#);
    check(
        &text,
        config(1, 60, 50, InputMode::Deltas),
        "interval_s is 5.0, not 1.0",
    );
    check(
        &text,
        config(5, 40, 50, InputMode::Deltas),
        "max_quiet_s is 60.0, not 40.0",
    );
    check(
        &text,
        config(5, 60, 5, InputMode::Deltas),
        "depth is 50, not 5",
    );
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let other_schema = edited("features/1", "features/0");
    check(
        &other_schema,
        in_d(),
        r#"schema is "mce-features/0", not "mce-features/1""#,
    );
    check(r#"{"schema":"other/3"}"#, in_d(), r#"schema is "other/3""#);
    check(
        &edited("\"mad\": 1.0", "\"mad\": -1.0"),
        in_d(),
        "must be 0 or more, not -1",
    );
    check(
        &edited("\"illiq\"", "\"illiquid\""),
        in_d(),
        "unknown feature \"illiquid\"",
    );
    let error = check("{", in_d(), "is not readable");
    assert!(matches!(error, FeatureError::Json { .. }));
}

#[test]
fn json_has_the_fields_of_the_reference_in_their_order() {
    let text = fitted(&six(), in_d()).to_json();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["interval_s"], 5.0);
    assert_eq!(value["symbols"]["X"]["features"]["spread"]["median"], 3.0);
    assert_eq!(value["symbols"]["X"]["rows"], 6);
    assert_eq!(value["pooled"]["features"]["illiq"]["quantiles"][0], 3.0);
    assert_eq!((&value["from_ts"], &value["to_ts"]), (&1.into(), &9.into()));
    let mut last = 0;
    let fields = "schema mode interval_s max_quiet_s depth from_ts to_ts rows symbols";
    for name in fields.split(' ').chain(FEATURE_NAMES) {
        let at = text.find(&format!("\"{name}\":"));
        assert!(at.is_some_and(|at| at >= last), "{name}");
        last = at.unwrap();
    }
}

proptest! {
    #[test]
    fn inputs_are_finite_and_within_the_clip(
        values in prop::collection::vec((any::<f64>(), 0u16..2), 1..60),
    ) {
        let samples: Vec<_> = values
            .iter()
            .filter(|(v, _)| v.is_finite() && v.abs() < 1e150)
            .map(|(v, mask)| sample(0, [*v; N_FEATURES], *mask))
            .collect();
        let n = fitted(&samples, in_d());
        for s in &samples {
            for z in n.apply("X", s) {
                prop_assert!(z.abs() <= 6.0);
            }
        }
        let back = FeatureNormalizer::from_json(&n.to_json(), in_d()).unwrap();
        prop_assert_eq!(back, n);
    }
}
