//! Tables as files: CSV and Parquet hold the same, and signals do not depend on how features were stored.

use crate::simulated::{SOURCE, simulated};
use crate::{mce, refused, shared, text_of};
use mce_lake::{Column, Table, TableSchema};
use std::fs::File;
use std::path::Path;

/// A CSV file.
pub(crate) struct Cells {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Reads a CSV file without quotes, which tables of numbers do not need.
pub(crate) fn read_table(path: &Path) -> Cells {
    let text = text_of(path);
    let mut lines = text
        .lines()
        .map(|line| line.split(',').map(String::from).collect());
    Cells {
        header: lines.next().unwrap(),
        rows: lines.collect(),
    }
}

/// Equal to 1e-9 relative or 1e-12 absolute.
pub(crate) fn assert_close(got: f64, want: f64, place: &str) {
    let tolerance = (1e-9 * want.abs()).max(1e-12);
    assert!(
        (got - want).abs() <= tolerance,
        "{place}: {got}, not {want}"
    );
}

fn read_parquet(path: &Path, schema: &str) -> Table {
    let schema = TableSchema::new(schema, 1).unwrap();
    mce_lake::read_parquet("table", File::open(path).unwrap(), &schema).unwrap()
}

/// Bit for bit: a float's shortest text reads back as the same float.
fn assert_same(csv: &Cells, parquet: &Table) {
    let names: Vec<&str> = parquet.columns().map(|(name, _)| name).collect();
    assert_eq!(csv.header, names);
    assert_eq!(csv.rows.len(), parquet.rows());
    assert!(parquet.rows() > 0);
    let float = |cell: &str| cell.parse::<f64>().unwrap().to_bits();
    let present = |cell: &str| (!cell.is_empty()).then(|| cell.to_string());
    for (at, (name, column)) in parquet.columns().enumerate() {
        for (row, cells) in csv.rows.iter().enumerate() {
            let cell = cells[at].as_str();
            let place = format!("{name}, row {row}");
            match column {
                Column::I64(v) => assert_eq!(cell.parse(), Ok(v[row]), "{place}"),
                Column::U16(v) => assert_eq!(cell.parse(), Ok(v[row]), "{place}"),
                Column::U32(v) => assert_eq!(cell.parse(), Ok(v[row]), "{place}"),
                Column::F64(v) => assert_eq!(float(cell), v[row].to_bits(), "{place}"),
                Column::OptF64(v) => {
                    let bits = present(cell).map(|cell| float(&cell));
                    assert_eq!(bits, v[row].map(f64::to_bits), "{place}");
                }
                Column::OptU8(v) => {
                    let got = present(cell).map(|cell| cell.parse().unwrap());
                    assert_eq!(got, v[row], "{place}");
                }
                Column::Text(v) => assert_eq!(cell, v[row], "{place}"),
                Column::OptText(v) => assert_eq!(present(cell), v[row], "{place}"),
            }
        }
    }
}

#[test]
fn features_are_the_same_as_csv_and_as_parquet() {
    let Some(capture) = shared("data/binance_spot_nexousdt/20240723.gz") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [csv, parquet] = ["table.csv", "table.parquet"].map(|name| folder.path().join(name));
    let words = "features --json --labels --format binance-capture --venue binance-spot \
                 --symbol NEXOUSDT --tick 0.001 --every 3 --out";
    let said = [&csv, &parquet].map(|out| mce(words).path(out).path(&capture).run().json());
    assert_eq!(said[0]["k"], said[1]["k"]);
    let table = read_parquet(&parquet, "mce-feature-table");
    assert_same(&read_table(&csv), &table);
    for (key, value) in [
        ("schema", "mce-features/1"),
        ("venue", "binance-spot"),
        ("symbol", "NEXOUSDT"),
        ("mode", "D"),
        ("interval_ns", "5000000000"),
        ("max_quiet_ns", "60000000000"),
        ("depth", "50"),
        ("every", "3"),
    ] {
        assert_eq!(table.metadata().get(key).map(String::as_str), Some(value));
    }
}

#[test]
fn signals_are_the_same_from_a_capture_and_from_its_features() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for table in ["features.csv", "features.parquet"] {
        let features = mce("features").words(SOURCE).path("--out").path(at(table));
        features.path(&fixture.today).run().ok();
    }
    let predict = |out: &str| {
        let call = mce("predict --json --bundle").path(&fixture.bundle);
        call.path("--out").path(at(out))
    };
    let direct = predict("direct.csv").words(SOURCE).path(&fixture.today);
    let said = direct.run().json();
    assert_eq!(said["symbol"], "SIMUSDT");
    // Half an hour of samples 5 s apart; eleven of them fill the window of the twelfth.
    let (rows, present) = (said["rows"].as_u64(), said["present"].as_u64());
    assert!(
        rows > Some(350) && present == rows.map(|rows| rows - 11),
        "{said}"
    );
    for (out, table) in [("a.csv", "features.csv"), ("b.csv", "features.parquet")] {
        predict(out).path("--features").path(at(table)).run().json();
        assert_eq!(text_of(&at(out)), text_of(&at("direct.csv")), "{table}");
    }
    predict("d.parquet")
        .words(SOURCE)
        .path(&fixture.today)
        .run()
        .ok();
    let signals = read_table(&at("direct.csv"));
    assert_same(
        &signals,
        &read_parquet(&at("d.parquet"), "mce-signal-table"),
    );
    let columns = "ts,symbol,skew,pressure,z_q02,z_q10,z_q25,z_q50,z_q75,z_q90,z_q98,p,mask,reason";
    assert_eq!(signals.header.join(","), columns);
    for (n, row) in signals.rows.iter().enumerate() {
        let absent = n < 11;
        assert_eq!(row[2].is_empty(), absent, "row {n}");
        assert_eq!(row[13], if absent { "warm-up" } else { "" }, "row {n}");
    }
}

#[test]
fn a_table_made_in_another_way_is_refused() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let check = |how: &str, name: &str, says: &[&str]| {
        let table = folder.path().join(name);
        let features = mce("features").words(SOURCE).words(how);
        let made = features.path("--out").path(&table).path(&fixture.today);
        made.run().ok();
        let predict = mce("predict --out out.csv --bundle").path(&fixture.bundle);
        refused(predict.path("--features").path(&table), 1, says);
    };
    check(
        "--interval 1s --depth 20 --max-quiet 30s",
        "another.parquet",
        &[
            "another.parquet",
            "interval is 5 s, the data's is 1 s",
            "depth is 50, the data's is 20",
            "max_quiet is 60 s, the data's is 30 s",
        ],
    );
    check(
        "--every 4",
        "thinned.parquet",
        &["thinned.parquet", "every 4th sample"],
    );
}

#[test]
fn a_table_of_something_else_is_refused() {
    let fixture = simulated();
    let folder = tempfile::tempdir().unwrap();
    let signals = folder.path().join("signals.csv");
    let predict = || mce("predict --bundle").path(&fixture.bundle);
    let made = predict().path("--out").path(&signals).words(SOURCE);
    made.path(&fixture.today).run().ok();
    let from = |table: &Path| {
        let call = predict().words("--out out.csv --features");
        call.path(table)
    };
    refused(from(&signals), 1, &["spread"]);
    refused(from(&folder.path().join("none.csv")), 1, &["none.csv"]);
    refused(predict().words("--out out.csv"), 2, &["--features"]);
    let both = from(&signals).words(SOURCE).path(&fixture.today);
    refused(both, 2, &["--features"]);
}
