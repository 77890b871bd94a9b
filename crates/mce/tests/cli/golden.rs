//! `mce features --labels` against the stored tables of the slow reference, and the same table as Parquet.

use crate::tables::{Cells, assert_close, read_table};
use crate::{all_shared, mce, shared, text_of};
use serde_json::Value;
use std::path::PathBuf;

/// A stored table and the input that it was made of.
struct Golden {
    /// Name of the table without its ending.
    name: &'static str,
    table: &'static str,
    /// Where the meta file's input files lie, and the flags that say what they are.
    folder: &'static str,
    source: &'static str,
}

/// Nothing of a shape is taken from anywhere but the meta file.
fn call(golden: &Golden, meta: &Value) -> Option<(String, Vec<PathBuf>)> {
    let text = |key: &str| match &meta[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut words = format!(
        "features --json --labels {} --symbol {} --tick {} --interval {}s --max-quiet {}s --depth {} --mode {} --every {}",
        golden.source,
        text("symbol"),
        text("tick"),
        text("interval_s"),
        text("max_quiet_s"),
        text("depth"),
        text("mode"),
        text("every"),
    );
    if !meta["head"].is_null() {
        words += &format!(" --head {}", meta["head"]);
    }
    if meta["k_fitted"] == false {
        words += &format!(" --pressure-k {}", meta["k"]);
    }
    let files = meta["files"].as_object().unwrap();
    let paths: Vec<String> = files
        .keys()
        .map(|name| format!("{}/{name}", golden.folder))
        .collect();
    Some((words, all_shared(&paths)?))
}

fn check(golden: &Golden) {
    let name = golden.name;
    let (Some(table), Some(meta)) = (
        shared(&format!("reference/golden/{}", golden.table)),
        shared(&format!("reference/golden/{name}_meta.json")),
    ) else {
        return;
    };
    let meta: Value = serde_json::from_str(&text_of(&meta)).unwrap();
    let Some((words, files)) = call(golden, &meta) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("table.csv");
    let said = mce(&words)
        .path("--out")
        .path(&out)
        .paths(&files)
        .run()
        .json();
    for key in ["samples", "unmasked", "labelled", "counters", "k_fitted"] {
        assert_eq!(said[key], meta[key], "{name}: {key}");
    }
    for key in ["k", "base_rate"] {
        let place = format!("{name}: {key}");
        assert_close(
            said[key].as_f64().unwrap(),
            meta[key].as_f64().unwrap(),
            &place,
        );
    }
    let (got, want) = (read_table(&out), read_table(&table));
    assert_eq!(said["rows"], want.rows.len(), "{name}");
    assert_same(name, &got, &want);
}

/// The same columns; ts, mask and `pressure_y` as they are, values to 1e-9 relative or 1e-12 absolute.
fn assert_same(name: &str, got: &Cells, want: &Cells) {
    assert_eq!(got.header, want.header, "{name}");
    assert_eq!(got.rows.len(), want.rows.len(), "{name}");
    for (got_row, want_row) in got.rows.iter().zip(&want.rows) {
        assert_eq!(got_row.len(), want.header.len());
        for ((column, got), want) in want.header.iter().zip(got_row).zip(want_row) {
            let place = format!("{name}: {column} at {}", want_row[0]);
            let exact = ["ts", "mask", "pressure_y"].contains(&column.as_str());
            if exact || want.is_empty() {
                assert_eq!(got, want, "{place}");
            } else {
                let number = |cell: &str| cell.parse::<f64>().expect(&place);
                assert_close(number(got), number(want), &place);
            }
        }
    }
}

#[test]
fn the_made_up_stream() {
    check(&Golden {
        name: "tiny",
        table: "tiny_expected.csv",
        folder: "reference/golden",
        source: "--format events-jsonl",
    });
}

#[test]
fn spot_nexo_of_an_evening() {
    check(&Golden {
        name: "nexo_20240723",
        table: "nexo_20240723.csv.gz",
        folder: "data/binance_spot_nexousdt",
        source: "--format binance-capture --venue binance-spot",
    });
}

#[test]
fn spot_nexo_of_a_day() {
    check(&Golden {
        name: "nexo_20240723_24_every25",
        table: "nexo_20240723_24_every25.csv.gz",
        folder: "data/binance_spot_nexousdt",
        source: "--format binance-capture --venue binance-spot",
    });
}

#[test]
fn spot_btc() {
    check(&Golden {
        name: "btcusdt_spot_20240808",
        table: "btcusdt_spot_20240808.csv.gz",
        folder: "data/binance_spot_btcusdt",
        source: "--format binance-capture --venue binance-spot",
    });
}

#[test]
fn usdm_btc() {
    check(&Golden {
        name: "usdm_btcusdt_20240808",
        table: "usdm_btcusdt_20240808.csv.gz",
        folder: "data/binance_usdm_btcusdt",
        source: "--format binance-capture --venue binance-usdm",
    });
}

#[test]
fn shanghai_rebar() {
    check(&Golden {
        name: "rb_20250605_head",
        table: "rb_20250605_head.csv.gz",
        folder: "data/shfe_rb",
        source: "--format shfe-parquet",
    });
}
