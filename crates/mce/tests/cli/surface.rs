//! What every command has: help, JSON on request, and the keys that other programs rely on.

use crate::simulated::{SMALL, SOURCE, simulated};
use crate::{mce, names};
use serde_json::Value;

/// All of them, as they are typed.
const COMMANDS: [&str; 11] = [
    "demo",
    "wire",
    "features",
    "train",
    "predict",
    "evaluate",
    "backtest",
    "model",
    "model show",
    "bench",
    "completions",
];

fn check_keys(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object.get(key).is_some(), "no {key:?} in {object}");
    }
}

/// The figures of one forecaster.
fn check_figures(figures: &Value) {
    if figures["skew"].is_object() {
        check_keys(&figures["skew"], &["ic", "rank_ic", "nw_t"]);
    }
    if figures["pressure"].is_object() {
        let keys = ["auc", "pr_auc", "brier_skill", "ece", "base_rate"];
        check_keys(&figures["pressure"], &keys);
    }
}

fn check_evaluation(evaluation: &Value) {
    check_keys(evaluation, &["symbol", "rows_test", "skew", "pressure"]);
    check_figures(evaluation);
    for name in ["zero", "queue_imb", "ridge", "logistic"] {
        check_figures(&evaluation["baselines"][name]);
        assert!(evaluation["baselines"][name].is_object(), "{name}");
    }
}

fn check_backtest(report: &Value) {
    let keys = [
        "from",
        "to",
        "seed",
        "trades",
        "turnover",
        "pnl_gross",
        "fees",
        "pnl_net",
        "sharpe",
        "max_drawdown",
        "digest",
    ];
    check_keys(report, &keys);
    let agents = report["agents"].as_array().unwrap();
    assert!(!agents.is_empty());
    for agent in agents {
        check_keys(
            agent,
            &["name", "trades", "turnover", "pnl_gross", "fees", "pnl_net"],
        );
    }
}

#[test]
fn every_command_has_help() {
    for command in COMMANDS {
        let said = mce(command).path("--help").run().ok();
        assert!(said.out.contains("Usage: mce"), "{command}: {}", said.out);
        assert_eq!(said.err, "", "{command}");
    }
    let all = mce("--help").run().ok().out;
    for command in COMMANDS {
        let first = command.split(' ').next().unwrap();
        assert!(all.contains(&format!("\n  {first} ")), "{command}");
    }
    let version = mce("--version").run().ok().out;
    assert_eq!(version, format!("mce {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_can_complete() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = mce("completions").path(shell).run().ok();
        assert_eq!(script.err, "", "{shell}");
        for command in ["backtest", "features"] {
            assert!(script.out.contains(command), "{shell}: no {command}");
        }
    }
    mce("completions dos").run().refused(2, &["dos"]);
}

#[test]
fn json_is_one_object_with_the_keys_that_are_relied_on() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let json = |words: &str| {
        let call = mce(words).path("--json").words(SOURCE);
        call.path(&fixture.today)
            .in_folder(folder.path())
            .run()
            .json()
    };
    let bundle = fixture.bundle.to_str().unwrap();
    check_keys(
        &json("features --out f.csv --labels"),
        &["out", "rows", "k", "base_rate"],
    );
    let keys = [
        "bundle",
        "rows",
        "samples_per_s",
        "epochs",
        "loss_train",
        "loss_valid",
        "seconds",
    ];
    check_keys(&fixture.trained, &keys);
    assert_eq!(fixture.trained["epochs"], 2);
    let predicted = json(&format!("predict --out p.csv --bundle {bundle}"));
    check_keys(&predicted, &["out", "rows", "model"]);
    check_evaluation(&json(&format!("evaluate --bundle {bundle}")));
    check_backtest(&json("backtest"));
    let both = json(&format!("backtest --ab --bundle {bundle}"));
    both["runs"]
        .as_array()
        .unwrap()
        .iter()
        .for_each(check_backtest);
    let wire = mce("wire --json --venue binance-spot").path(&fixture.today);
    let wire = wire.run().json();
    assert_eq!(wire["symbols"][0]["symbol"], "SIMUSDT");
    assert_eq!(names(folder.path()), ["f.csv", "p.csv"]);
}

#[test]
fn benches_give_their_figures_as_json() {
    let all = [
        "tft_step_h32_l60_avx512",
        "tft_step_h32_l60_avx2",
        "tft_step_h32_l60_portable",
        "train_h32_l64_b256",
        "book_apply",
        "wire_message_10",
        "feature_sample_50",
        "feature_delta",
    ];
    mce("bench no-such-bench").run().refused(2, &all);
    // The training's takes seconds however few are asked for.
    let chosen = mce("bench --json --seconds 0.01 book_apply wire feature portable");
    let said = chosen.run().json();
    assert!(said["machine"].is_string());
    let benches = said["benches"].as_array().unwrap();
    let named = benches.iter().map(|bench| &bench["name"]);
    assert!(
        named
            .clone()
            .all(|name| all.contains(&name.as_str().unwrap()))
    );
    assert!(named.count() >= 5, "{said}");
    for bench in benches {
        check_keys(bench, &["unit", "value", "min", "max", "n"]);
        let number = |key: &str| bench[key].as_f64().unwrap();
        let (min, value, max) = (number("min"), number("value"), number("max"));
        assert!(0.0 < min && min <= value && value <= max, "{bench}");
    }
}

#[test]
fn people_are_told_what_was_done() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let check = |words: &str, input: &std::path::Path, says: &[&str]| {
        let call = mce(words)
            .words(SOURCE)
            .path(input)
            .in_folder(folder.path());
        let said = call.run().ok().out;
        for part in says {
            assert!(said.contains(part), "{words}: no {part:?} in\n{said}");
        }
    };
    let (past, today) = (&fixture.past, &fixture.today);
    let features = "features --labels --out f.csv";
    check(features, today, &["f.csv: ", "pressure k ", "(fitted)"]);
    let train = format!("train --out b {SMALL}");
    check(&train, past, &["bundle b (model ", "2 epochs", "kappa"]);
    check(
        "predict --bundle b --out p.csv",
        today,
        &["p.csv: ", "with a signal"],
    );
    check(
        "evaluate --bundle b",
        today,
        &["none of them seen in training", "ridge"],
    );
    check(
        "backtest --bundle b --ab",
        today,
        &["MCE on", "MCE off", "profit"],
    );
}
