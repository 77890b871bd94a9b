use super::*;
use arrow_array::{ArrayRef, Int32Array};
use arrow_schema::Field;
use bytes::Bytes;
use mce_market::InstrumentKind;
use parquet::arrow::ArrowWriter;
use std::collections::BTreeMap;

/// A row: receive time in UTC, China time of day, symbol, best bid and ask, the size of both.
#[derive(Clone, Copy)]
struct Row(&'static str, &'static str, &'static str, f64, f64, f64);

fn row(received: &'static str, of_day: &'static str) -> Row {
    Row(received, of_day, "rb2510", 2974.0, 2975.0, 305.0)
}

/// The columns of rows whose levels 2 to 5 are null, 0, null, 0.
fn columns(rows: &[Row]) -> BTreeMap<String, ArrayRef> {
    let mut columns: BTreeMap<String, ArrayRef> = BTreeMap::new();
    let micros = |r: &Row| UnixNanos::parse(r.0).unwrap().0 / 1000;
    let epoch = Int64Array::from_iter_values(rows.iter().map(micros));
    columns.insert("epochTime".into(), Arc::new(epoch));
    let text = |get: fn(&Row) -> &'static str| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(get))) as ArrayRef
    };
    columns.insert("updateTime".into(), text(|r| r.1));
    columns.insert("instrumentID".into(), text(|r| r.2));
    type Cell = fn(&Row) -> f64;
    let best: [(&str, Cell); 4] = [
        ("bid", |r| r.3),
        ("ask", |r| r.4),
        ("bidSize", |r| r.5),
        ("askSize", |r| r.5),
    ];
    for (name, get) in best {
        let first = Float64Array::from_iter_values(rows.iter().map(get));
        columns.insert(format!("{name}1"), Arc::new(first));
        for i in 2..=LEVELS {
            let value = (i % 2 == 1).then_some(0.0);
            let others = Float64Array::from_iter(rows.iter().map(|_| value));
            columns.insert(format!("{name}{i}"), Arc::new(others));
        }
    }
    columns
}

fn parquet(columns: &BTreeMap<String, ArrayRef>) -> Bytes {
    let fields = columns
        .iter()
        .map(|(n, a)| Field::new(n, a.data_type().clone(), true));
    let schema = Arc::new(Schema::new(Vec::from_iter(fields)));
    let batch = RecordBatch::try_new(schema.clone(), columns.values().cloned().collect()).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

fn instrument(symbol: &str) -> Arc<Instrument> {
    let one = Scale::new(0).unwrap();
    let tick = (one, Price::from_units(1));
    let lot = (one, Qty::from_units(1));
    Arc::new(Instrument::new("shfe", symbol, InstrumentKind::Future, tick, lot).unwrap())
}

fn open(files: &[Bytes], head: Option<u64>) -> Result<ShfeReader, LakeError> {
    let named = files
        .iter()
        .enumerate()
        .map(|(i, f)| (format!("file {i}"), f.clone()));
    ShfeReader::open(named, instrument("rb2510"), InstrumentId(7), head)
}

fn read(files: &[Bytes], head: Option<u64>) -> Vec<MarketEvent> {
    let events = open(files, head).unwrap().map(|event| event.unwrap());
    let events = Vec::from_iter(events);
    for (n, event) in (0..).zip(&events) {
        assert_eq!((event.n, event.instrument), (n, InstrumentId(7)));
    }
    events
}

/// The stream in letters: I a definition, S a snapshot, G a gap.
fn letters(events: &[MarketEvent]) -> String {
    let letter = |event: &MarketEvent| match &event.body {
        EventBody::Instrument(_) => 'I',
        EventBody::Snapshot(_) => 'S',
        EventBody::Gap(gap) => {
            assert_eq!(gap.reason, GapReason::SessionEnd);
            'G'
        }
        other => panic!("unexpected {other:?}"),
    };
    events.iter().map(letter).collect()
}

fn check_letters(rows: &[Row], expected: &str) {
    assert_eq!(letters(&read(&[parquet(&columns(rows))], None)), expected);
}

#[test]
fn gaps_stand_at_the_ends_of_sessions() {
    let auction = row("2025-06-04T12:59:00.518402Z", "20:59:00.500");
    let evening = row("2025-06-04T13:00:00.5Z", "21:00:00.500");
    let late = row("2025-06-04T14:59:59.9Z", "22:59:59.800");
    let close = row("2025-06-04T15:00:00.1Z", "23:00:00.0");
    let morning = row("2025-06-05T01:00:00.1Z", "09:00:00.0");
    let next_evening = row("2025-06-05T13:00:00.5Z", "21:00:00.500");
    check_letters(&[evening], "IS");
    check_letters(&[auction], "ISG");
    check_letters(&[auction, evening, late], "ISGSS");
    check_letters(&[evening, late, close], "ISSSG");
    check_letters(&[evening, close, morning], "ISSGS");
    check_letters(&[late, morning], "ISGS");
    check_letters(&[evening, next_evening], "ISGS");
    // Two rows at the very end: the first of them might have been the last.
    check_letters(&[close, close], "ISGSG");
}

#[test]
fn several_files_are_one_stream() {
    let file = |rows: &[Row]| parquet(&columns(rows));
    let evening = row("2025-06-04T13:00:00.5Z", "21:00:00.500");
    let late = row("2025-06-04T14:59:59.9Z", "22:59:59.800");
    let morning = row("2025-06-05T01:00:00.1Z", "09:00:00.0");
    assert_eq!(
        letters(&read(&[file(&[evening]), file(&[late])], None)),
        "ISS"
    );
    assert_eq!(
        letters(&read(&[file(&[late]), file(&[morning])], None)),
        "ISGS"
    );
    assert_eq!(letters(&read(&[], None)), "");
}

#[test]
fn head_counts_rows_of_all_files() {
    let mut rows = vec![row("2025-06-04T13:00:00.5Z", "21:00:00.500"); 3];
    rows[0].2 = "rb2601";
    let file = parquet(&columns(&rows));
    let files = [file.clone(), file];
    assert_eq!(letters(&read(&files, None)), "ISSSS");
    assert_eq!(letters(&read(&files, Some(2))), "IS");
    assert_eq!(letters(&read(&files, Some(5))), "ISSS");
    assert_eq!(letters(&read(&files, Some(99))), "ISSSS");
    let error = open(&files, Some(1))
        .unwrap()
        .find_map(Result::err)
        .unwrap();
    assert!(
        error.to_string().contains("the file holds rb2601"),
        "{error}"
    );
}

#[test]
fn a_row_becomes_a_snapshot_exactly() {
    let mut rows = [row("2025-06-04T13:00:00.513174Z", "21:00:00.500")];
    rows[0].5 = -3.0;
    let events = read(&[parquet(&columns(&rows))], None);
    let EventBody::Instrument(definition) = &events[0].body else {
        panic!("expected the definition first, got {:?}", events[0]);
    };
    assert_eq!(**definition, *instrument("rb2510"));
    assert_eq!(events[0].ts_exchange, None);
    let event = &events[1];
    assert_eq!(
        event.ts_exchange,
        UnixNanos::parse("2025-06-04T13:00:00.5Z")
    );
    assert_eq!(
        Some(event.ts_recv),
        UnixNanos::parse("2025-06-04T13:00:00.513174Z")
    );
    let level = |price| vec![Level::new(Price::from_units(price), Qty::from_units(-3))];
    let expected = BookSnapshot {
        bids: level(2974),
        asks: level(2975),
        update_id: None,
    };
    assert_eq!(event.body, EventBody::Snapshot(expected));
}

#[test]
fn floats_are_exact_decimals_or_refused() {
    let check = |value: f64, decimals: u8, expected: Option<i64>| {
        let got = to_units(value, Scale::new(decimals).unwrap());
        assert_eq!(got, expected, "{value} at {decimals}");
    };
    check(2974.0, 0, Some(2974));
    check(2974.5, 0, None);
    check(2974.5, 1, Some(29745));
    check(0.1 + 0.2, 1, None);
    check(0.3, 1, Some(3));
    check(-1.05, 2, Some(-105));
    check(1e-9, 8, None);
    check(2_251_799_813_685_247.0, 0, Some(2_251_799_813_685_247));
    check(2_251_799_813_685_248.0, 0, None);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
        check(bad, 8, None);
    }
}

proptest::proptest! {
    #[test]
    fn every_decimal_that_a_float_can_hold_comes_back(
        units in -(1i64 << 51) + 1..1i64 << 51,
        decimals in 0u8..=12,
    ) {
        let scale = Scale::new(decimals).unwrap();
        proptest::prop_assert_eq!(to_units(scale.to_f64(units), scale), Some(units));
    }
}

fn check_refused(columns: &BTreeMap<String, ArrayRef>, expected: &str) {
    let error = match open(&[parquet(columns)], None) {
        Err(error) => error,
        // It must be the last thing that comes.
        Ok(reader) => reader
            .map(Result::err)
            .last()
            .flatten()
            .expect("an error at the end"),
    };
    assert!(error.to_string().contains(expected), "{error}");
    assert!(!error.is_damage(), "{error}");
}

#[test]
fn wrong_columns_and_cells_are_named() {
    let good = columns(&[row("2025-06-04T13:00:00.5Z", "21:00:00.500")]);
    let with = |name: &str, array: ArrayRef| {
        let mut columns = good.clone();
        columns.insert(name.into(), array);
        columns
    };
    let mut without = good.clone();
    without.remove("askSize3");
    check_refused(
        &without,
        "\"askSize3\": expected a column of type Float64, got no such column",
    );
    let int: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    check_refused(
        &with("bid2", int.clone()),
        "file 0, column \"bid2\": expected a column of type Float64, got Int32",
    );
    check_refused(
        &with("instrumentID", int),
        "column \"instrumentID\": expected a column of type Utf8",
    );
    let price: ArrayRef = Arc::new(Float64Array::from(vec![2974.5]));
    check_refused(
        &with("ask1", price),
        "row 0, column \"ask1\": expected below 2^51 units of 0 decimals, got 2974.5",
    );
    let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    check_refused(
        &with("bidSize1", nan),
        "column \"bidSize1\": expected below 2^51 units of 0 decimals, got NaN",
    );
    let time: ArrayRef = Arc::new(StringArray::from(vec!["21.00"]));
    check_refused(
        &with("updateTime", time),
        "expected a time of day as HH:MM:SS.mmm, got \"21.00\"",
    );
    let null: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    check_refused(&with("updateTime", null.clone()), "HH:MM:SS.mmm, got null");
    check_refused(
        &with("instrumentID", null),
        "no row of the symbol \"rb2510\"; the file holds null",
    );
    let epoch: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX]));
    check_refused(
        &with("epochTime", epoch),
        "column \"epochTime\": expected µs since 1970",
    );
}

#[test]
fn other_files_are_told_from_damaged_ones() {
    let check = |bytes: &[u8], damage: bool| {
        let error = open(&[Bytes::copy_from_slice(bytes)], None)
            .err()
            .expect("an error");
        assert_eq!(error.is_damage(), damage, "{error}");
    };
    let good = parquet(&columns(&[row("2025-06-04T13:00:00.5Z", "21:00:00.500")]));
    check(b"{\"t\":\"gap\"}\n", false);
    check(&[0x1f, 0x8b, 8, 0], false);
    check(b"", true);
    check(b"PA", true);
    check(&good[..good.len() - 1], true);
    check(&good[..good.len() / 2], true);
    let mut wrong_end = good.to_vec();
    let end = wrong_end.len();
    wrong_end[end - 20..end - 8].fill(0xff);
    check(&wrong_end, true);
}
