//! Nothing looks ahead: what is made of a market up to a time does not depend on what comes after it.
//!
//! The audit is itself put to the test, with learners and traders that do look ahead and must be caught.

use crate::market::{Run, at, learn, n_lines, scaling, series};
use mce_arena::MceRulesConfig;
use mce_engine::evaluate::predict;
use mce_engine::series::Series;
use mce_features::labels::labels;
use mce_features::{FeatureNormalizer, Sample};
use mce_market::UnixNanos;
use std::sync::Arc;

/// The series as it was known at `end`.
fn cut(series: &Series, end: UnixNanos) -> Series {
    let mut series = series.clone();
    series.samples.retain(|sample| sample.ts < end);
    series
}

/// The series with another future: from `end` on, prices and features are other ones.
fn disturbed(series: &Series, end: UnixNanos) -> Series {
    let mut series = series.clone();
    for sample in series.samples.iter_mut().filter(|s| s.ts >= end) {
        sample.mid *= 1.01 + (sample.ts.0 % 7) as f64 / 100.0;
        sample.features = sample.features.map(|x| 3.0 - x);
        sample.sigma *= 2.0;
    }
    series
}

/// What `learn` makes of the series must be the same whatever lies after `end`.
fn audit(learn: impl Fn(&Series, UnixNanos) -> Vec<u8>, end: UnixNanos) -> Result<(), String> {
    let whole = learn(series(), end);
    if learn(&cut(series(), end), end) != whole {
        return Err(format!("cutting off what lies after {end} changes it"));
    }
    if learn(&disturbed(series(), end), end) != whole {
        return Err(format!("another future after {end} changes it"));
    }
    Ok(())
}

/// A bundle's files, one after another.
fn learned(series: &Series, end: UnixNanos) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    learn(series, end).save(&path, false).unwrap();
    let mut bytes = Vec::new();
    for name in ["bundle.json", "normalizer.json", "weights.safetensors"] {
        bytes.extend(std::fs::read(path.join(name)).unwrap());
    }
    bytes
}

#[test]
fn training_does_not_look_ahead() {
    for seconds in [3_600, 3_777] {
        assert_eq!(audit(learned, at(seconds)), Ok(()));
    }
}

#[test]
fn training_that_looks_ahead_is_caught() {
    let end = at(3_600);
    let forgets_the_end = |series: &Series, _| {
        let last = series.samples[series.samples.len() - 1].ts;
        learned(series, UnixNanos(last.0 + 1))
    };
    assert!(audit(forgets_the_end, end).is_err());
    let normalises_with_everything = |series: &Series, _| {
        let samples = [("SIMUSDT", series.samples.as_slice())];
        FeatureNormalizer::fit(samples, series.config)
            .to_json()
            .into_bytes()
    };
    assert!(audit(normalises_with_everything, end).is_err());
    // The labels of the last minute before the end look past it.
    let labels_before_cutting = |series: &Series, end| {
        let all = series.labels();
        let known = series.samples.partition_point(|s| s.ts < end);
        format!("{:?}", &all[..known]).into_bytes()
    };
    assert!(audit(labels_before_cutting, end).is_err());
    let labels_after_cutting = |series: &Series, end| {
        let samples = cut(series, end).samples;
        let config = series.config;
        format!(
            "{:?}",
            labels(&samples, config.interval_ns(), config.mode())
        )
        .into_bytes()
    };
    assert_eq!(audit(labels_after_cutting, end), Ok(()));
}

/// Lines of a run on part of the input must begin the lines of a run on all of it. Only what follows from the last
/// sample of the part may differ: with more input, an event of the very same time may still belong to it.
fn audit_lines(part: &[String], whole: &[String], last_sample: UnixNanos) -> Result<(), String> {
    let same = part.iter().zip(whole).take_while(|(a, b)| a == b).count();
    let stamp = |line: &String| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let sample = line["sample_ts"].as_i64();
        sample.or(line["ts"].as_i64()).unwrap()
    };
    match part[same..].iter().find(|line| stamp(line) < last_sample.0) {
        None => Ok(()),
        Some(line) => Err(format!(
            "line {same} of {} is not {line:?} but {:?}",
            part.len(),
            whole.get(same)
        )),
    }
}

/// Holds a run on part of the input against the lines of the same run on all of it.
fn check_part(part: &Run, whole: &[String]) {
    let (report, lines) = part.run();
    assert!(lines.len() > 100 && lines.len() < whole.len());
    assert_eq!(audit_lines(&lines, whole, report.to.unwrap()), Ok(()));
}

#[test]
fn a_backtest_does_not_look_ahead() {
    let end = at(3_300);
    let model = Arc::new(learn(series(), end));
    for (bundle, rules) in [
        (None, MceRulesConfig::off()),
        (Some(model.clone()), scaling()),
    ] {
        let run = Run {
            bundle,
            rules,
            ..Run::default()
        };
        let (_, whole) = run.run();
        assert!(whole.iter().any(|line| line.contains("\"t\":\"fill\"")));
        for share in [0.31, 0.5, 0.77, 0.99] {
            let head = Some((n_lines() as f64 * share) as u64);
            check_part(
                &Run {
                    head,
                    ..run.clone()
                },
                &whole,
            );
        }
        // The end of the span cuts like the end of the input.
        let to = Some(at(2_000));
        check_part(&Run { to, ..run.clone() }, &whole);
    }
}

/// A journal of decisions that follow the mid `ahead` samples later, as far as it is known.
fn trades_on_the_future(samples: &[Sample], ahead: usize) -> Vec<String> {
    let line = |(n, sample): (usize, &Sample)| {
        let later = samples[(n + ahead).min(samples.len() - 1)].mid;
        let vote = (later - sample.mid).partial_cmp(&0.0).unwrap() as i8;
        format!(
            "{{\"t\":\"decision\",\"sample_ts\":{},\"vote\":{vote}}}",
            sample.ts.0
        )
    };
    samples.iter().enumerate().map(line).collect()
}

#[test]
fn a_trader_that_looks_ahead_is_caught() {
    let (whole, part) = (&series().samples, cut(series(), at(2_003)).samples);
    let last = part[part.len() - 1].ts;
    let check = |ahead| {
        let (part, whole) = (
            trades_on_the_future(&part, ahead),
            trades_on_the_future(whole, ahead),
        );
        audit_lines(&part, &whole, last)
    };
    assert_eq!(check(0), Ok(()));
    for ahead in [6, 60] {
        assert!(check(ahead).is_err(), "{ahead} samples ahead");
    }
}

#[test]
fn signals_do_not_look_ahead() {
    let model = Arc::new(learn(series(), at(3_300)));
    let whole = predict(&model, series()).unwrap();
    for seconds in [400, 1_001, 3_999] {
        let known = cut(series(), at(seconds));
        let part = predict(&model, &known).unwrap();
        assert_eq!(part, whole[..part.len()]);
        let other = predict(&model, &disturbed(series(), at(seconds))).unwrap();
        assert_eq!(other[..part.len()], part);
        assert_ne!(other, whole, "another future gives other signals then");
    }
}
