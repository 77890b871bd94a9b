//! The readers on files that an exchange and the reference made, which lie beside the repository where they are at
//! hand. Without them the tests say that they were skipped; in CI they fail.

#![allow(clippy::unwrap_used)] // helpers of tests are tests, which clippy cannot see

use mce_lake::{EventsJsonl, LakeError, ShfeReader};
use mce_market::{
    EventBody, GapReason, Instrument, InstrumentId, InstrumentKind, MarketEvent, Price, Qty, Scale,
    UnixNanos,
};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

/// A file of the shared folder, or `None` after saying that the test is skipped.
fn shared(path: &str) -> Option<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let path = PathBuf::from(folder).join(path);
    if path.exists() {
        return Some(path);
    }
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!in_ci, "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}

fn instrument(symbol: &str, price_decimals: u8, qty_decimals: u8) -> Arc<Instrument> {
    let price_scale = Scale::new(price_decimals).unwrap();
    let qty_scale = Scale::new(qty_decimals).unwrap();
    let tick = (price_scale, Price::from_units(1));
    let lot = (qty_scale, Qty::from_units(1));
    Arc::new(Instrument::new("test", symbol, InstrumentKind::Future, tick, lot).unwrap())
}

/// What a stream holds, after checking what every stream must keep.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    snapshots: usize,
    trades: usize,
    clocks: usize,
    /// Positions of the gaps among snapshots, trades, clocks and gaps.
    gaps: Vec<usize>,
    levels: usize,
    /// Sum of price × size over all levels, in units.
    notional: i128,
    /// Sum of the exchange times of the snapshots, ns.
    times: i128,
}

fn tally(events: impl Iterator<Item = Result<MarketEvent, LakeError>>, sorted: bool) -> Tally {
    let mut tally = Tally::default();
    let mut last = UnixNanos(i64::MIN);
    for (at, event) in events.enumerate() {
        let event = event.unwrap();
        assert_eq!(event.n, at as u64, "ingest numbers have no hole");
        if let Some(ts) = event.ts_exchange.filter(|_| sorted) {
            assert!(ts >= last, "{ts} came after {last}");
            last = ts;
        }
        match event.body {
            EventBody::Instrument(_) => assert_eq!(at, 0),
            EventBody::Snapshot(book) => {
                tally.snapshots += 1;
                tally.times += i128::from(event.ts_exchange.unwrap().0);
                tally.levels += book.bids.len() + book.asks.len();
                for level in book.bids.iter().chain(&book.asks) {
                    let (price, qty) = (level.price.units(), level.qty.units());
                    tally.notional += i128::from(price) * i128::from(qty);
                }
            }
            EventBody::Trade(_) => tally.trades += 1,
            EventBody::Clock => tally.clocks += 1,
            EventBody::Gap(_) => tally.gaps.push(at - 1),
            other => panic!("unexpected {other:?}"),
        }
    }
    tally
}

fn shfe(files: &[&str], head: Option<u64>) -> Option<ShfeReader> {
    let mut inputs = Vec::new();
    for file in files {
        let path = shared(&format!("data/shfe_rb/{file}"))?;
        inputs.push((file.to_string(), File::open(path).unwrap()));
    }
    Some(ShfeReader::open(inputs, instrument("rb2510", 0, 0), InstrumentId(0), head).unwrap())
}

/// Expected figures are the reference reader's on the same file.
fn check_shfe(files: &[&str], head: Option<u64>, expected: Tally) {
    if let Some(reader) = shfe(files, head) {
        assert_eq!(tally(reader, true), expected, "{files:?} {head:?}");
    }
}

#[test]
fn shfe_days_are_read_as_the_reference_reads_them() {
    let tally = |snapshots, gaps: &[usize], notional, times| Tally {
        snapshots,
        gaps: gaps.into(),
        levels: snapshots * 10,
        notional,
        times,
        ..Tally::default()
    };
    check_shfe(
        &["rb_20250605.parquet"],
        Some(5000),
        tally(5000, &[1], 297_725_810_934, 8_745_216_248_713_000_000_000),
    );
    check_shfe(
        &["rb_20250605.parquet"],
        None,
        tally(
            41_201,
            &[1, 14_282, 14_284, 23_243, 30_433, 41_206],
            2_455_930_673_402,
            72_063_769_207_979_000_000_000,
        ),
    );
    check_shfe(
        &["rb_20250606.parquet"],
        None,
        tally(
            41_230,
            &[1, 14_292, 14_294, 23_291, 30_477, 41_235],
            2_253_265_230_492,
            72_118_054_246_265_500_000_000,
        ),
    );
    // The gap at the end of the first day stands between the two, once.
    check_shfe(
        &["rb_20250605.parquet", "rb_20250606.parquet"],
        Some(41_202),
        tally(
            41_202,
            &[1, 14_282, 14_284, 23_243, 30_433, 41_206, 41_208],
            2_455_930_673_402 + 17_138_129,
            72_063_769_207_979_000_000_000 + 1_749_128_340_500_000_000,
        ),
    );
}

#[test]
fn an_absent_symbol_is_named_with_those_that_are_there() {
    let Some(path) = shared("data/shfe_rb/rb_20250605.parquet") else {
        return;
    };
    let input = [("rb.parquet".to_string(), File::open(path).unwrap())];
    let asked = instrument("rb2601", 0, 0);
    let mut reader = ShfeReader::open(input, asked, InstrumentId(0), None).unwrap();
    let error = reader.next().expect("an error").expect_err("an error");
    assert_eq!(
        error.to_string(),
        "rb.parquet: no row of the symbol \"rb2601\"; the file holds rb2510"
    );
    assert!(!error.is_damage());
    assert!(reader.next().is_none());
}

#[test]
fn a_jsonl_file_is_no_parquet_file() {
    let Some(path) = shared("reference/golden/tiny_input.jsonl") else {
        return;
    };
    let input = [("tiny.jsonl".to_string(), File::open(path).unwrap())];
    let opened = ShfeReader::open(input, instrument("TINY", 1, 1), InstrumentId(0), None);
    let error = opened.err().expect("an error");
    assert!(
        error.to_string().contains("expected a Parquet file"),
        "{error}"
    );
    assert!(!error.is_damage());
}

#[test]
fn the_tiny_fixture_is_read_whole() {
    let Some(path) = shared("reference/golden/tiny_input.jsonl") else {
        return;
    };
    let open = |decimals| {
        let input = BufReader::new(File::open(&path).unwrap());
        EventsJsonl::new(
            "tiny",
            input,
            instrument("TINY", decimals, decimals),
            InstrumentId(0),
        )
    };
    let got = tally(open(1), false);
    assert_eq!((got.snapshots, got.trades, got.clocks), (315, 123, 8));
    assert_eq!(got.gaps.len(), 1);
    let reasons = open(1).filter_map(|event| match event.unwrap().body {
        EventBody::Gap(gap) => Some(gap.reason),
        _ => None,
    });
    assert_eq!(Vec::from_iter(reasons), [GapReason::Resync]);
    let finer = tally(open(8), false);
    assert_eq!(
        finer.notional,
        got.notional * 10i128.pow(14),
        "the scale changes no value"
    );
    let error = open(0).find_map(Result::err).expect("an error");
    assert!(error.to_string().contains("at most 0 decimals"), "{error}");
}
