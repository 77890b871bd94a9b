//! `mce wire` on what exchanges sent.

use crate::{all_shared, mce, names, text_of};
use serde_json::Value;

/// What other programs rely on.
const KEYS: [&str; 18] = [
    "symbol",
    "frames",
    "applied",
    "ignored",
    "gaps",
    "resyncs",
    "checksums_ok",
    "checksums_failed",
    "crossed",
    "trades_buy",
    "trades_sell",
    "ticker_checked",
    "ticker_agreed",
    "unparsed",
    "bids",
    "asks",
    "digest",
    "trades_not_market",
];

/// What is known of a capture before it is read.
struct Known {
    venue: &'static str,
    symbol: &'static str,
    /// Applied updates; every one of them follows the one before.
    applied: u64,
    /// Of them, those that a best-bid-and-ask line can be held against, and those that agree with it.
    ticker: [u64; 2],
    /// Trades that are no market trades.
    not_market: u64,
}

/// Reads the files in one go and gives back the report on the one symbol that they hold.
fn check(files: &[&str], known: &Known) -> Option<Value> {
    let files = all_shared(
        &files
            .iter()
            .map(|f| format!("data/{f}"))
            .collect::<Vec<_>>(),
    )?;
    let folder = tempfile::tempdir().unwrap();
    let call = mce("wire --json --venue").words(known.venue).paths(&files);
    let report = call.in_folder(folder.path()).run().json();
    assert!(names(folder.path()).is_empty(), "a reader writes nothing");
    let [symbol] = report["symbols"].as_array().unwrap().as_slice() else {
        panic!("one symbol was expected: {report}");
    };
    for key in KEYS {
        assert!(symbol.get(key).is_some(), "{key} is missing");
    }
    assert_eq!(symbol["symbol"], known.symbol);
    let lines: usize = files.iter().map(|file| text_of(file).lines().count()).sum();
    let [checked, agreed] = known.ticker;
    for (key, expected) in [
        ("frames", lines as u64),
        ("applied", known.applied),
        ("gaps", 0),
        ("resyncs", 0),
        ("crossed", 0),
        ("checksums_failed", 0),
        ("unparsed", 0),
        ("ticker_checked", checked),
        ("ticker_agreed", agreed),
        ("trades_not_market", known.not_market),
    ] {
        assert_eq!(symbol[key].as_u64(), Some(expected), "{key}");
    }
    check_levels(&symbol["bids"], |better, worse| better > worse);
    check_levels(&symbol["asks"], |better, worse| better < worse);
    assert_eq!(symbol["digest"].as_str().unwrap().len(), 16);
    Some(symbol.clone())
}

/// Ten levels as decimal text, best first, nothing empty.
fn check_levels(levels: &Value, in_order: impl Fn(f64, f64) -> bool) {
    let levels = levels.as_array().unwrap();
    assert_eq!(levels.len(), 10);
    let number = |level: &Value, at: usize| level[at].as_str().unwrap().parse::<f64>().unwrap();
    assert!(levels.iter().all(|level| number(level, 1) > 0.0));
    for pair in levels.windows(2) {
        assert!(in_order(number(&pair[0], 0), number(&pair[1], 0)));
    }
}

#[test]
fn spot_btc_of_two_days() {
    let files = [
        "binance_spot_btcusdt/btcusdt_20240808.gz",
        "binance_spot_btcusdt/btcusdt_20240809.gz",
    ];
    let known = Known {
        venue: "binance-spot",
        symbol: "BTCUSDT",
        applied: 6493,
        ticker: [6493, 6491],
        not_market: 0,
    };
    check(&files, &known);
}

#[test]
fn usdm_btc_of_2024() {
    let known = Known {
        venue: "binance-usdm",
        symbol: "BTCUSDT",
        applied: 6547,
        ticker: [6547, 6547],
        not_market: 0,
    };
    check(&["binance_usdm_btcusdt/btcusdt_20240808.gz"], &known);
}

#[test]
fn usdm_btc_of_2023_with_a_trade_of_the_insurance_fund() {
    let files = [
        "binance_usdm_btcusdt/usdm_btcusdt_20230404.dat.gz",
        "binance_usdm_btcusdt/usdm_btcusdt_20230405.dat.gz",
    ];
    let known = Known {
        venue: "binance-usdm",
        symbol: "BTCUSDT",
        applied: 16110,
        ticker: [16110, 16110],
        not_market: 1,
    };
    check(&files, &known);
}

#[test]
fn spot_nexo_of_a_day() {
    let files = [
        "binance_spot_nexousdt/20240723.gz",
        "binance_spot_nexousdt/20240724.gz",
    ];
    let known = Known {
        venue: "binance-spot",
        symbol: "NEXOUSDT",
        applied: 68107,
        ticker: [68105, 68105],
        not_market: 0,
    };
    let Some(report) = check(&files, &known) else {
        return;
    };
    // The same for people, from the same call without the flag.
    let files = files.map(|file| format!("data/{file}"));
    let paths = all_shared(&files).unwrap();
    let said = mce("wire --venue binance-spot --symbol NEXOUSDT")
        .paths(&paths)
        .run()
        .ok()
        .out;
    for part in [
        "ticker agreed 68105 of 68105 (100.000 %)",
        "gaps 0  resyncs 0  crossed 0",
        report["digest"].as_str().unwrap(),
    ] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
}
