//! The same input gives the same bytes, whatever the number of threads.

use crate::simulated::{SMALL, SOURCE, simulated};
use crate::{contents, mce, names};
use serde_json::Value;
use std::fs;

#[test]
fn a_backtest_repeats_to_the_byte() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let run = |log: &str, flags: &str| {
        let path = folder.path().join(log);
        let call = mce("backtest --json --fees 2 --bundle").path(&fixture.bundle);
        let call = call.words(SOURCE).words(flags).path("--log").path(&path);
        let ran = call.path(&fixture.today).run().ok();
        (ran.out, fs::read(path).unwrap())
    };
    let (first, second) = (run("a.jsonl", "--mce off"), run("b.jsonl", "--mce off"));
    assert_eq!(first.0, second.0);
    assert!(first.1 == second.1, "the logs differ");
    let report: Value = serde_json::from_str(&first.0).unwrap();
    let (trades, fees) = (report["trades"].as_u64(), report["fees"].as_str());
    assert!(
        trades > Some(0) && fees != Some("0"),
        "nothing was traded: {report}"
    );
    // Another latency is another run, and both the digest and the log say so.
    let other = run("c.jsonl", "--mce off --latency 1s");
    let digest = |out: &str| serde_json::from_str::<Value>(out).unwrap()["digest"].clone();
    assert_ne!(digest(&other.0), digest(&first.0));
    assert!(other.1 != first.1, "the logs are the same");
    assert_eq!(names(folder.path()), ["a.jsonl", "b.jsonl", "c.jsonl"]);
}

#[test]
fn a_log_is_json_lines_and_changes_nothing() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let call = || {
        let call = mce("backtest --json --mce off --bundle").path(&fixture.bundle);
        call.words(SOURCE).path(&fixture.today)
    };
    let silent = call().run().json();
    let logged = call().path("--log").path(&log).run().json();
    assert_eq!(silent, logged);
    let (mut kinds, mut filled) = (Vec::new(), std::collections::BTreeSet::new());
    for line in fs::read_to_string(&log).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["ts"].is_i64() && line["instrument"] == 0, "{line}");
        if line["t"] == "fill" {
            filled.insert(line["order"].as_u64());
        }
        kinds.push(line["t"].as_str().unwrap().to_string());
    }
    let count = |kind: &str| kinds.iter().filter(|k| *k == kind).count() as u64;
    assert_eq!(logged["fills"], count("fill"));
    assert_eq!(logged["trades"], filled.len());
    assert_eq!(logged["gate"]["refused"], count("refused"));
    assert!(count("decision") > 0 && count("order") >= filled.len() as u64);
}

#[test]
fn both_variants_at_once_are_each_of_them_alone() {
    let fixture = simulated();
    let run = |flags: &str| {
        let call = mce("backtest --json --bundle").path(&fixture.bundle);
        call.words(SOURCE)
            .words(flags)
            .path(&fixture.today)
            .run()
            .json()
    };
    let both = run("--ab");
    assert_eq!(both["runs"][0], run("--mce on"));
    assert_eq!(both["runs"][1], run("--mce off"));
    assert_ne!(both["runs"][0]["digest"], both["runs"][1]["digest"]);
}

#[test]
fn training_does_not_depend_on_the_number_of_threads() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, flags: &str| {
        let out = folder.path().join(name);
        let call = mce("train").words(SOURCE).words(SMALL).words(flags);
        call.path("--out").path(&out).path(&fixture.past).run().ok();
        contents(&out)
    };
    let (one, two) = (run("one", "--threads 1"), run("two", "--threads 2"));
    let expected = ["bundle.json", "normalizer.json", "weights.safetensors"];
    assert_eq!(
        one.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        expected
    );
    assert!(one == two, "the bundles differ");
    assert!(one == contents(&fixture.bundle), "the fixture's differs");
    let other = run("other", "--seed 2");
    assert!(
        one[2].1 != other[2].1,
        "another seed gives the same weights"
    );
    assert!(one[1].1 == other[1].1, "the normaliser depends on the seed");
    assert_eq!(names(folder.path()), ["one", "other", "two"]);
}
