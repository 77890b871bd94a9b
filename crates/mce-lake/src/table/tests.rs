use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::io;

fn schema() -> TableSchema {
    TableSchema::new("mce-features", 2).unwrap()
}

fn sample() -> Table {
    let mut table = Table::new(schema());
    let columns = [
        ("ts", Column::I64(vec![i64::MIN, 0, i64::MAX])),
        (
            "spread",
            Column::F64(vec![-0.0, f64::MIN_POSITIVE, f64::MAX]),
        ),
        ("mask", Column::U16(vec![0, 1, u16::MAX])),
        ("count", Column::U32(vec![0, 1, u32::MAX])),
        ("z_30", Column::OptF64(vec![None, Some(0.1), None])),
        (
            "pressure_y",
            Column::OptU8(vec![Some(0), None, Some(u8::MAX)]),
        ),
        (
            "symbol",
            Column::Text(vec!["".into(), "BTCUSDT".into(), "née".into()]),
        ),
        (
            "reason",
            Column::OptText(vec![None, Some("".into()), Some("stale".into())]),
        ),
    ];
    for (name, column) in columns {
        table.push(name, column).unwrap();
    }
    table.set_metadata("mode", "D").unwrap();
    table.set_metadata("interval_ns", "5000000000").unwrap();
    table
}

fn written(table: &Table) -> Vec<u8> {
    write_parquet("t.parquet", Vec::new(), table).unwrap()
}

fn read(bytes: &[u8]) -> Result<Table, LakeError> {
    read_parquet("t.parquet", Bytes::copy_from_slice(bytes), &schema())
}

#[test]
fn a_table_comes_back_as_it_was_and_the_same_bytes_each_time() {
    let table = sample();
    let bytes = written(&table);
    assert_eq!(read(&bytes).unwrap(), table);
    assert_eq!(bytes, written(&table));
    let first = table.f64s("spread").unwrap()[0];
    assert!(first.is_sign_negative(), "the sign of zero is kept");
}

#[test]
fn an_empty_table_keeps_its_columns() {
    for table in [sample().without_rows(), Table::new(schema())] {
        assert_eq!(read(&written(&table)).unwrap(), table);
    }
}

#[test]
fn chunks_make_the_same_table_as_one_piece() {
    let rows = 70_000u32; // more than a chunk of the reader
    let part = |range: std::ops::Range<u32>| {
        let mut table = Table::new(schema());
        table
            .push("n", Column::U32(range.clone().collect()))
            .unwrap();
        let halves = range.map(|i| (i % 3 != 0).then(|| f64::from(i) / 2.0));
        table
            .push("half", Column::OptF64(halves.collect()))
            .unwrap();
        table
    };
    let mut writer = TableWriter::begin("t", Vec::new(), &part(0..1)).unwrap();
    writer.append(&part(1..1)).unwrap();
    writer.append(&part(1..40_000)).unwrap();
    writer.append(&part(40_000..rows)).unwrap();
    let bytes = writer.finish().unwrap();
    assert_eq!(read(&bytes).unwrap(), part(0..rows));
    let reader = TableReader::open("t", Bytes::from(bytes), &schema()).unwrap();
    let sizes = Vec::from_iter(reader.map(|chunk| chunk.unwrap().rows()));
    assert!(
        sizes.len() > 1 && sizes.iter().sum::<usize>() == rows as usize,
        "{sizes:?}"
    );
}

#[test]
fn a_chunk_of_other_columns_is_refused() {
    let mut writer = TableWriter::begin("t", Vec::new(), &sample()).unwrap();
    let mut other = Table::new(schema());
    other.push("ts", Column::I64(vec![1])).unwrap();
    other.push("spread", Column::OptF64(vec![None])).unwrap();
    let error = writer.append(&other).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected spread f64, got spread f64?"),
        "{error}"
    );
    assert_eq!(read(&writer.finish().unwrap()).unwrap(), sample());
}

fn check_push(name: &str, column: Column, expected: &str) {
    let error = sample().push(name, column).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(!error.is_damage());
}

#[test]
fn columns_that_cannot_be_are_refused() {
    check_push("x", Column::I64(vec![1]), "expected 3 rows, got 1");
    check_push("ts", Column::I64(vec![1, 2, 3]), "the name is taken");
    check_push("", Column::I64(vec![1, 2, 3]), "needs a name");
    check_push(
        "x",
        Column::F64(vec![0.0, f64::NAN, 0.0]),
        "row 1 is not finite",
    );
    let infinite = Column::OptF64(vec![None, None, Some(f64::INFINITY)]);
    check_push("x", infinite, "row 2 is not finite");
    assert!(sample().set_metadata("mce.xxh3", "0").is_err());
}

#[test]
fn a_column_is_asked_for_by_name_and_type() {
    let table = sample();
    assert_eq!(table.u16s("mask").unwrap(), [0, 1, u16::MAX]);
    assert_eq!(table.opt_u8s("pressure_y").unwrap()[1], None);
    assert_eq!(table.texts("symbol").unwrap()[1], "BTCUSDT");
    let error = table.i64s("spread").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected i64, the table has f64"),
        "{error}"
    );
    let error = table.f64s("tfi").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no such column but ts, spread, mask"),
        "{error}"
    );
}

#[test]
fn schemas_are_compared_by_name_and_version() {
    let bytes = written(&sample());
    let read_as = |name, version| {
        let known = TableSchema::new(name, version).unwrap();
        read_parquet("t", Bytes::from(bytes.clone()), &known)
    };
    assert_eq!(
        read_as("mce-features", 3).unwrap().schema(),
        &schema(),
        "an older one is read"
    );
    let newer = read_as("mce-features", 1).unwrap_err();
    assert!(matches!(newer, LakeError::NewerSchema { .. }), "{newer}");
    assert!(
        newer
            .to_string()
            .contains("mce-features/2, newer than the mce-features/1"),
        "{newer}"
    );
    let other = read_as("mce-signals", 2).unwrap_err();
    assert!(
        other
            .to_string()
            .contains("mce-signals/2, as mce writes it, got"),
        "{other}"
    );
    assert!(!other.is_damage());
    for bad in ["", "a/b", "a\n"] {
        assert!(TableSchema::new(bad, 1).is_err(), "{bad:?}");
    }
    assert_eq!(TableSchema::parse("mce-features/2"), Some(schema()));
    for bad in ["mce-features", "mce-features/", "mce-features/x", "/1"] {
        assert_eq!(TableSchema::parse(bad), None, "{bad}");
    }
}

#[test]
fn files_that_are_no_tables_are_refused() {
    let check = |bytes: &[u8], expected: &str, damage: bool| {
        let error = read(bytes).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.is_damage(), damage, "{error}");
    };
    let bytes = written(&sample());
    check(b"ts,spread\n", "which begins with \"PAR1\"", false);
    check(b"", "the file is empty", true);
    check(&bytes[..bytes.len() - 3], "damaged", true);
    check(&bytes[..bytes.len() / 2], "damaged", true);
}

#[test]
fn a_failing_sink_is_a_write_error() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = write_parquet("t", Full, &sample()).map(drop).unwrap_err();
    assert!(
        matches!(error, LakeError::Write { .. }) && !error.is_damage(),
        "{error}"
    );
}

#[test]
fn no_flipped_byte_is_read_silently() {
    let table = sample();
    let bytes = written(&table);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            if let Ok(got) = read(&damaged) {
                // What nobody reads may change: statistics, sizes for planning, the name of the writer.
                assert_eq!(got, table, "byte {at} ^ {flip:#x}");
            }
        }
    }
}

fn any_table() -> impl Strategy<Value = Table> {
    (0usize..50).prop_flat_map(|rows| {
        let finite = || prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL;
        let column = prop_oneof![
            prop::collection::vec(any::<i64>(), rows).prop_map(Column::I64),
            prop::collection::vec(finite(), rows).prop_map(Column::F64),
            prop::collection::vec(any::<u16>(), rows).prop_map(Column::U16),
            prop::collection::vec(any::<u32>(), rows).prop_map(Column::U32),
            prop::collection::vec(prop::option::of(finite()), rows).prop_map(Column::OptF64),
            prop::collection::vec(any::<Option<u8>>(), rows).prop_map(Column::OptU8),
            prop::collection::vec(any::<String>(), rows).prop_map(Column::Text),
            prop::collection::vec(any::<Option<String>>(), rows).prop_map(Column::OptText),
        ];
        let columns = prop::collection::btree_map("[a-z_.]{1,8}|é", column, 0..6);
        let metadata = prop::collection::btree_map("[a-l]{0,4}", any::<String>(), 0..4);
        (columns, metadata).prop_map(|(columns, metadata)| {
            let mut table = Table::new(schema());
            for (name, column) in columns {
                table.push(&name, column).unwrap();
            }
            for (key, value) in metadata {
                table.set_metadata(&key, &value).unwrap();
            }
            table
        })
    })
}

proptest! {
    #[test]
    fn any_table_comes_back(table in any_table()) {
        prop_assert_eq!(read(&written(&table)).unwrap(), table);
    }

    #[test]
    fn cut_or_changed_files_give_an_error_or_the_same_table(
        table in any_table(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = written(&table);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(got) = read(&bytes) {
            prop_assert_eq!(got, table);
        }
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(read(&bytes).is_err());
    }
}
