//! Bad input: the exit code, one message that says what and where, and nothing at the output's place.

use crate::simulated::{SMALL, SOURCE, short, simulated};
use crate::{Call, contents, mce, names, refused, shared};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A file that lives as long as its folder.
struct Input {
    _folder: TempDir,
    path: PathBuf,
}

fn input(name: &str, bytes: impl AsRef<[u8]>) -> Input {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Input {
        _folder: folder,
        path,
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A call that reads `file` as a capture of the simulated symbol and would write `out.csv`.
fn features(file: &Path) -> Call {
    mce("features --out out.csv").words(SOURCE).path(file)
}

/// Every command that reads captures refuses `name` in the same way.
fn check(name: &str, bytes: impl AsRef<[u8]>, code: i32, says: &[&str]) {
    let input = input(name, bytes);
    let says: Vec<&str> = says.iter().copied().chain([name]).collect();
    let file = &input.path;
    refused(mce("wire --venue binance-spot").path(file), code, &says);
    refused(features(file), code, &says);
    let train = mce("train --out bundle").words(SOURCE).words(SMALL);
    refused(train.path(file), code, &says);
    let backtest = mce("backtest --json --log log.jsonl").words(SOURCE);
    refused(backtest.path(file), code, &says);
}

#[test]
fn damaged_captures_end_with_3() {
    let text = short();
    let whole = packed(text);
    check("cut.gz", &whole[..whole.len() / 2], 3, &["damaged", "copy"]);
    check("headless.gz", b"this was never packed", 3, &["damaged"]);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    check("flipped.gz", &flipped, 3, &["flipped.gz"]);

    let last = text.trim_end().rfind('\n').unwrap() + 1;
    let number = format!("line {} ", text.lines().count());
    let half = &text[..last + (text.len() - last) / 2];
    check(
        "half.jsonl",
        half,
        3,
        &["half a line", &number, "cut the line off"],
    );
    check("half.gz", packed(half), 3, &["half a line", &number]);

    let lines: Vec<&str> = text.lines().take(100).collect();
    let broken = format!(
        "{}\n1767225600123456789 {{\"stream\":\n{}\n",
        lines.join("\n"),
        lines[99]
    );
    check("broken.jsonl", broken, 3, &["line 101", "not JSON"]);
    let words = format!("{}\nonce upon a time\n", lines.join("\n"));
    check("words.jsonl", words, 3, &["line 101 ", "once upon a time"]);
}

#[test]
fn a_place_is_told_once() {
    let text = short();
    let half = input("half.jsonl", &text[..text.len() - 10]);
    let place = format!("line {} ", text.lines().count());
    let ran = mce("wire --venue binance-spot").path(&half.path).run();
    assert_eq!(ran.err.matches(&place).count(), 1, "{}", ran.err);
}

#[test]
fn another_venues_file_ends_with_1() {
    let future = "1723161253937085768 {\"stream\":\"simusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\
                  \"E\":1723161255208,\"T\":1723161255200,\"s\":\"SIMUSDT\",\"U\":10,\"u\":12,\"pu\":9,\"b\":[],\"a\":[]}}\n";
    check(
        "future.jsonl",
        future,
        1,
        &["line 1:", "binance-usdm", "binance-spot"],
    );
    let other =
        "1723161253937085768 {\"topic\":\"orderbook.50.SIMUSDT\",\"type\":\"delta\",\"data\":{}}\n";
    check("bybit.jsonl", other, 1, &["line 1:", "bybit"]);
    let spot = input("spot.jsonl", short());
    let wire = mce("wire --venue binance-usdm").path(&spot.path);
    refused(wire, 1, &["spot.jsonl, line ", "binance-spot"]);
}

#[test]
fn an_absent_symbol_ends_with_1_and_says_which_came() {
    let capture = input("capture.jsonl", short());
    let words = "--format binance-capture --venue binance-spot --symbol NOSUCH --tick 0.01";
    let says = ["NOSUCH", "symbols seen: SIMUSDT"];
    let wire = mce("wire --venue binance-spot --symbol NOSUCH");
    refused(wire.path(&capture.path), 1, &says);
    let features = mce("features --out out.parquet").words(words);
    refused(features.path(&capture.path), 1, &says);
    let backtest = mce("backtest --log log.jsonl").words(words);
    refused(backtest.path(&capture.path), 1, &says);
    let empty = input("empty.jsonl", "");
    let says = ["symbol SIMUSDT", "symbols seen: none"];
    refused(self::features(&empty.path), 1, &says);
}

#[test]
fn a_number_off_the_scale_ends_with_1_and_names_its_price() {
    let capture = input("capture.jsonl", short());
    let call = |scale: &str| {
        let words =
            "features --out out.csv --format binance-capture --venue binance-spot --symbol SIMUSDT";
        mce(words).words(scale).path(&capture.path)
    };
    let place = [
        "capture.jsonl, line ",
        "SIMUSDT",
        "price ",
        "the price does not fit",
    ];
    refused(call("--tick 1"), 1, &place);
    let says = ["more than 1 decimals", "tick and lot"];
    refused(call("--tick 0.1"), 1, &says);
    let size = ["capture.jsonl, line ", "price ", "the size does not fit"];
    refused(call("--tick 0.01 --lot 1"), 1, &size);
}

#[test]
fn files_and_venues_that_are_not_there_end_with_1() {
    let capture = input("capture.jsonl", short());
    refused(
        features(Path::new("/no/such.gz")),
        1,
        &["/no/such.gz", "No such file"],
    );
    // A later file is missed before an hour is spent on the first one.
    refused(
        features(&capture.path).path("/no/such.gz"),
        1,
        &["/no/such.gz"],
    );
    let known = ["nowhere", "binance-spot", "binance-usdm"];
    refused(mce("wire --venue nowhere").path(&capture.path), 1, &known);
    let words = "--format binance-capture --venue nowhere --symbol SIMUSDT --tick 0.01";
    let train = mce("train --out bundle").words(words);
    refused(train.path(&capture.path), 1, &known);
    let into = mce("features --out no/such/out.csv").words(SOURCE);
    refused(into.path(&capture.path), 1, &["no/such"]);
    refused(mce("model show no-bundle"), 1, &["no-bundle"]);
}

#[test]
fn flags_that_cannot_work_end_with_2() {
    let capture = input("capture.jsonl", short());
    let file = &capture.path;
    for (flags, says) in [
        ("--interval 0s", "interval must be above 0"),
        ("--interval 301s", "at most 300 s"),
        ("--interval 5", "expected a duration such as"),
        ("--interval=-5s", "--interval"),
        ("--max-quiet 0s", "max_quiet must be above 0"),
        ("--depth 0", "depth must be 1 to 1000"),
        ("--mode X", "expected S, T or D"),
        ("--every 0", "--every"),
        ("--head ten", "--head"),
        ("--no-such-flag", "--no-such-flag"),
    ] {
        refused(features(file).words(flags), 2, &[says]);
    }
    for name in ["out.xls", "out", "out.csv.gz", "parquet"] {
        let call = mce("features --out").path(name).words(SOURCE);
        refused(call.path(file), 2, &[".csv or .parquet", name]);
        let call = mce("predict --bundle b --out").path(name).words(SOURCE);
        refused(call.path(file), 2, &[".csv or .parquet", name]);
    }
    for tick in ["x", "0", "-0.01", "0.0000000000001"] {
        let words = "features --out out.csv --format binance-capture --venue binance-spot --symbol SIMUSDT --tick";
        refused(mce(words).path(tick).path(file), 2, &["tick"]);
    }
    let words = "features --out out.csv --format binance-capture --symbol SIMUSDT --tick 0.01";
    refused(mce(words).path(file), 2, &["--venue"]);
    refused(mce("wire --venue binance-spot"), 2, &["FILE"]);
    refused(mce("no-such-command"), 2, &["no-such-command"]);
    refused(mce("demo --seconds 5"), 2, &["900"]);
}

#[test]
fn flags_of_training_and_trading_that_cannot_work_end_with_2() {
    let fixture = simulated();
    let train = |flags: &str| {
        let call = mce("train --out bundle").words(SOURCE).words(flags);
        call.path(&fixture.past)
    };
    for (flags, says) in [
        ("--share 1.5", "--share"),
        ("--share 0.5 --to 2026-01-01", "--share"),
        ("--hidden 12 --encoder 12", "multiple of 8"),
        ("--encoder 0", "encoder"),
        ("--encoder 12 --epochs 0", "epochs"),
        ("--encoder 12 --threads 0", "threads"),
        ("--encoder 12 --dropout 1.5", "dropout"),
        ("--from 2026-01-01 --to 2025-01-01", "empty"),
        ("--from yesterday", "expected a UTC time"),
        ("--from trained", "--bundle"),
    ] {
        refused(train(flags), 2, &[says]);
    }
    let backtest = |flags: &str| {
        let call = mce("backtest --json").words(SOURCE).words(flags);
        call.path(&fixture.today)
    };
    for (flags, says) in [
        ("--from trained", "--bundle"),
        ("--from 2026-01-02 --to 2026-01-01", "empty"),
        ("--fees=-2000", "--fees"),
        ("--latency 90s", "latency"),
        ("--latency 5", "expected a duration such as"),
        ("--ab --mce on", "--mce"),
        ("--ab --log log.jsonl", "--log"),
    ] {
        refused(backtest(flags), 2, &[says]);
    }
}

#[test]
fn every_problem_of_a_config_is_told_with_its_line() {
    let fixture = simulated();
    let text = "[arena]\nfliter = \"or\"\nskew = \"high\"\n\n[exchange]\ntaker_bps = 5000\n";
    let config = input("mce.toml", text);
    let call = |path: &Path| {
        let call = mce("backtest --log log.jsonl").words(SOURCE).path("-c");
        call.path(path).path(&fixture.today)
    };
    let says = [
        "mce.toml: line 2: unknown key arena.fliter; did you mean filter?",
        "mce.toml: line 3: arena.skew: expected a number",
        "mce.toml: line 6: exchange.taker_bps: expected -1000 to 1000 basis points",
    ];
    refused(call(&config.path), 2, &says);
    refused(call(Path::new("no.toml")), 2, &["no.toml"]);
    let broken = input("mce.toml", "[arena]\n\nskew = \n");
    refused(call(&broken.path), 2, &["mce.toml: line 3"]);
    let beyond = input("mce.toml", "[arena]\nskew = 7\n");
    refused(call(&beyond.path), 2, &["mce.toml", "skew"]);
}

#[test]
fn too_little_data_to_learn_from_ends_with_1() {
    let fixture = simulated();
    let call = mce("train --out bundle").words(SOURCE).words(SMALL);
    let says = [
        "samples from",
        "quiet seconds",
        "more data or a shorter encoder",
    ];
    refused(call.path(&fixture.today), 1, &says);
}

#[test]
fn what_was_there_before_stays_when_a_call_fails() {
    let folder = tempfile::tempdir().unwrap();
    let text = short();
    let half = input("half.jsonl", &text[..text.len() - 10]);
    fs::write(folder.path().join("out.csv"), "old").unwrap();
    fs::create_dir(folder.path().join("folder.csv")).unwrap();
    let run = |call: Call| call.in_folder(folder.path()).run();
    run(features(&half.path)).refused(3, &["half.jsonl"]);
    let whole = input("whole.jsonl", text);
    let into_folder = mce("features --out folder.csv").words(SOURCE);
    run(into_folder.path(&whole.path)).refused(1, &["folder.csv"]);
    let old = fs::read(folder.path().join("out.csv")).unwrap();
    assert_eq!(old, b"old");
    assert_eq!(names(folder.path()), ["folder.csv", "out.csv"]);
    // And is replaced as a whole when one succeeds.
    run(features(&whole.path)).ok();
    assert_eq!(names(folder.path()), ["folder.csv", "out.csv"]);
    let new = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert!(new.starts_with("ts,spread,"));
}

#[test]
fn a_bundle_gives_way_to_force_and_nothing_else_does() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.txt"), "years of work").unwrap();
    let train = |out: &Path, flags: &str| {
        let call = mce("train").words(SOURCE).words(SMALL).words(flags);
        call.path("--out").path(out).path(&fixture.past)
    };
    let taken = ["already exists", "--force"];
    train(&fixture.bundle, "").run().refused(1, &taken);
    train(&mine, "").run().refused(1, &taken);
    train(&mine, "--force").run().refused(1, &taken);
    assert_eq!(names(&mine), ["thesis.txt"]);
    assert_eq!(names(folder.path()), ["mine"]);
    let copy = folder.path().join("copy");
    train(&copy, "--seed 2").run().ok();
    let seed_2 = contents(&copy);
    train(&copy, "--force").run().ok();
    assert_ne!(contents(&copy), seed_2);
    assert_eq!(contents(&copy), contents(&fixture.bundle));
    assert_eq!(names(folder.path()), ["copy", "mine"]);
}

#[test]
fn other_formats_are_told_apart_too() {
    let words = "--format shfe-parquet --symbol rb2510 --tick 1 --mode S --out out.csv";
    let call = |path: &Path| mce("features").words(words).path(path);
    let text = input("capture.parquet", short());
    refused(call(&text.path), 1, &["capture.parquet", "Parquet"]);
    let jsonl = "features --format events-jsonl --symbol T --tick 1 --out out.csv";
    refused(mce(jsonl).path(&text.path), 1, &["capture.parquet, line 1"]);
    let cut = input("events.jsonl", "{\"t\":\"clock\",\"ts\":5}\n{\"t\":\"clo");
    refused(mce(jsonl).path(&cut.path), 3, &["events.jsonl, line 2"]);
    let Some(rebar) = shared("data/shfe_rb/rb_20250605.parquet") else {
        return;
    };
    let bytes = fs::read(&rebar).unwrap();
    let cut = input("cut.parquet", &bytes[..bytes.len() / 2]);
    refused(call(&cut.path), 3, &["cut.parquet", "damaged"]);
    let words = "features --format shfe-parquet --symbol rb9999 --tick 1 --mode S --out out.csv";
    refused(mce(words).path(&rebar), 1, &["rb9999", "rb2510"]);
}
