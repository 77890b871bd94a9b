//! Bundles that do not fit or are not what they were: which exit code, and every difference named.

use crate::simulated::{SOURCE, simulated};
use crate::{mce, refused};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A copy of the fixture's bundle to do harm to.
fn copy() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    fs::create_dir(&bundle).unwrap();
    for (name, bytes) in crate::contents(&simulated().bundle) {
        fs::write(bundle.join(name), bytes).unwrap();
    }
    (folder, bundle)
}

/// Every command that loads a bundle refuses this one in the same way.
fn check_refused(bundle: &Path, code: i32, says: &[&str]) {
    let today = &simulated().today;
    refused(mce("model show --json").path(bundle), code, says);
    let predict = mce("predict --out out.csv --bundle").path(bundle);
    refused(predict.words(SOURCE).path(today), code, says);
    let evaluate = mce("evaluate --json --bundle").path(bundle);
    refused(evaluate.words(SOURCE).path(today), code, says);
    let backtest = mce("backtest --log log.jsonl --bundle").path(bundle);
    refused(backtest.words(SOURCE).path(today), code, says);
}

/// Edits texts of `bundle.json`, each of which must be there.
fn edited(edits: &[(&str, &str)], code: i32, says: &[&str]) {
    let (_folder, bundle) = copy();
    let index = bundle.join("bundle.json");
    let mut text = fs::read_to_string(&index).unwrap();
    for (old, new) in edits {
        assert!(text.contains(old), "no {old:?} in {text}");
        text = text.replacen(old, new, 1);
    }
    fs::write(&index, text).unwrap();
    check_refused(&bundle, code, says);
}

#[test]
fn another_format_schema_or_sampling_ends_with_1() {
    let format = ("\"format\": 1", "\"format\": 2");
    let schema = ("mce-features/1", "mce-features/2");
    let mode = ("\"mode\": \"D\"", "\"mode\": \"T\"");
    let interval = ("\"interval_ns\": 5000000000", "\"interval_ns\": 1000000000");
    let quiet = (
        "\"max_quiet_ns\": 60000000000",
        "\"max_quiet_ns\": 30000000000",
    );
    let depth = ("\"depth\": 50", "\"depth\": 20");
    edited(&[format], 1, &["format is 2, this program reads 1"]);
    edited(
        &[schema],
        1,
        &["schema is mce-features/2, not mce-features/1"],
    );
    edited(&[mode], 1, &["mode is T, the normaliser's is D"]);
    edited(
        &[interval],
        1,
        &["interval is 1 s, the normaliser's is 5 s"],
    );
    edited(
        &[quiet],
        1,
        &["max_quiet is 30 s, the normaliser's is 60 s"],
    );
    edited(&[depth], 1, &["depth is 20, the normaliser's is 50"]);
    edited(
        &[format, schema],
        1,
        &["format is 2", "schema is mce-features/2"],
    );
    edited(
        &[schema, mode, interval, quiet, depth],
        1,
        &[
            "schema is mce-features/2",
            "mode is T",
            "interval is 1 s",
            "max_quiet is 30 s",
            "depth is 20",
        ],
    );
}

#[test]
fn values_that_cannot_be_end_with_1() {
    edited(
        &[
            ("\"mode\": \"D\"", "\"mode\": \"X\""),
            ("\"interval_ns\": 5000000000", "\"interval_ns\": 0"),
        ],
        1,
        &["mode is \"X\", not S, T or D", "interval must be above 0"],
    );
    edited(&[("\"hidden\":8", "\"hidden\":9")], 1, &["hidden"]);
    edited(
        &[("\"n_symbols\":2", "\"n_symbols\":5")],
        1,
        &["5 symbol rows", "1 symbols"],
    );
}

#[test]
fn symbols_that_the_model_or_the_normaliser_has_no_row_for_end_with_1() {
    let more = ("\"symbols\": [", "\"symbols\": [\"OTHER\",");
    edited(&[more], 1, &["2 symbol rows, 2 symbols are named", "OTHER"]);
    edited(
        &[("\"SIMUSDT\"", "\"OTHER\"")],
        1,
        &["OTHER", "SIMUSDT", "normaliser"],
    );
}

#[test]
fn files_that_are_not_what_the_index_says_end_with_3() {
    for (name, at) in [
        ("weights.safetensors", 9_000),
        ("weights.safetensors", 100),
        ("normalizer.json", 500),
    ] {
        let (_folder, bundle) = copy();
        let path = bundle.join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        check_refused(&bundle, 3, &[name, "damaged", "copy or train"]);
    }
    for name in ["weights.safetensors", "normalizer.json", "bundle.json"] {
        let (_folder, bundle) = copy();
        let path = bundle.join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        check_refused(&bundle, 3, &[name, "damaged", "copy or train"]);
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    for name in ["weights.safetensors", "normalizer.json", "bundle.json"] {
        let (_folder, bundle) = copy();
        fs::remove_file(bundle.join(name)).unwrap();
        check_refused(&bundle, 1, &[name, "No such file"]);
    }
}

#[test]
fn what_a_bundle_is_can_be_shown() {
    let fixture = simulated();
    let shown = mce("model show --json").path(&fixture.bundle).run().json();
    assert_eq!(shown["id"], fixture.trained["id"]);
    assert_eq!(shown["rows"], fixture.trained["rows"]);
    for (key, expected) in [
        ("schema", serde_json::json!("mce-features/1")),
        ("mode", serde_json::json!("D")),
        ("interval_s", serde_json::json!(5.0)),
        ("depth", serde_json::json!(50)),
        ("hidden", serde_json::json!(8)),
        ("encoder", serde_json::json!(12)),
        ("symbols", serde_json::json!(["SIMUSDT"])),
        ("venue", serde_json::json!("binance-spot")),
    ] {
        assert_eq!(shown[key], expected, "{key}");
    }
    let said = mce("model show").path(&fixture.bundle).run().ok().out;
    assert!(said.contains(shown["id"].as_str().unwrap()), "{said}");
}

#[test]
fn figures_on_rows_that_it_learnt_from_are_refused() {
    let fixture = simulated();
    let evaluate = || mce("evaluate --json --bundle").path(&fixture.bundle);
    let says = ["training data", "--from trained"];
    refused(evaluate().words(SOURCE).path(&fixture.past), 1, &says);
    // And those of another day are not.
    evaluate().words(SOURCE).path(&fixture.today).run().json();
}
