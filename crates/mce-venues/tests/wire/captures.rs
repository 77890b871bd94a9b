//! Long recordings: every frame is read, no update is missed, and our book is the venue's own best bid and ask.

use super::{lines, shared};
use mce_market::{BookState, EventBody, Level, OrderBook};
use mce_venues::{Counters, FrameKind, InstrumentRule, Venue, VenueError, VenueStream};

/// What a run over captures found.
struct Found {
    counters: Counters,
    state: BookState,
    crossed: u64,
    ticker_checked: u64,
    ticker_agreed: u64,
    events: u64,
}

/// Runs `files` as one recording; `None` when they are not here.
fn run(venue: Venue, symbol: &str, files: &[&str]) -> Option<Found> {
    let paths: Vec<_> = files.iter().filter_map(|file| shared(file)).collect();
    if paths.len() < files.len() {
        return None;
    }
    let rule = InstrumentRule::offline(None, None).expect("a legal rule");
    let mut stream = VenueStream::new(venue, rule).with_symbol(symbol);
    let mut book = OrderBook::new();
    let mut out = Vec::new();
    let (mut crossed, mut events) = (0, 0);
    let mut tickers: Vec<(u64, Level, Level)> = Vec::new();
    let mut bests: Vec<(u64, Option<Level>, Option<Level>)> = Vec::new();
    for path in &paths {
        let mut reader = lines(path);
        while let Some(line) = reader.next_line().expect("captures are whole") {
            let number = line.number;
            if let Err(error) = stream.on_line(&line, &mut out) {
                panic!("{} line {number}: {error}", path.display());
            }
            for event in out.drain(..) {
                assert_eq!(event.n, events, "events are numbered without a hole");
                events += 1;
                match &event.body {
                    EventBody::Snapshot(snapshot) => {
                        assert_eq!(event.ts_exchange, None);
                        book.apply_snapshot(snapshot).expect("levels are legal");
                    }
                    EventBody::Delta(delta) => {
                        assert!(event.ts_exchange.is_some());
                        book.apply_delta(delta).expect("levels are legal");
                        crossed += u64::from(book.is_crossed());
                        let last = delta.last_update_id.expect("Binance numbers its updates");
                        bests.push((last, book.best_bid(), book.best_ask()));
                    }
                    EventBody::Ticker(ticker) => {
                        let id = ticker.update_id.expect("Binance numbers its tickers");
                        tickers.push((id, ticker.bid, ticker.ask));
                    }
                    _ => {}
                }
                stream.recycle(event);
            }
        }
    }
    stream
        .check_symbols()
        .expect("the symbol is in its capture");
    assert_eq!(stream.counters().unparsed, 0);
    tickers.sort_by_key(|(id, ..)| *id);
    let (mut ticker_checked, mut ticker_agreed) = (0, 0);
    for (id, bid, ask) in bests {
        let at = tickers.partition_point(|(ticker, ..)| *ticker <= id);
        if let Some((_, ticker_bid, ticker_ask)) = at.checked_sub(1).map(|at| tickers[at]) {
            ticker_checked += 1;
            ticker_agreed += u64::from((bid, ask) == (Some(ticker_bid), Some(ticker_ask)));
        }
    }
    let view = stream.symbol(symbol).expect("its frames have come");
    Some(Found {
        counters: view.counters.clone(),
        state: view.state,
        crossed,
        ticker_checked,
        ticker_agreed,
        events,
    })
}

/// Applied and ignored updates, tickers checked and agreed; nothing may be missing, crossed or unread.
fn check(
    venue: Venue,
    symbol: &str,
    files: &[&str],
    (applied, ignored): (u64, u64),
    (checked, agreed): (u64, u64),
) -> Option<Found> {
    let found = run(venue, symbol, files)?;
    let counters = &found.counters;
    assert_eq!(
        (counters.applied, counters.ignored),
        (applied, ignored),
        "{files:?}"
    );
    assert_eq!(
        (counters.gaps, counters.resyncs, counters.snapshots),
        (0, 0, 1),
        "{files:?}"
    );
    assert_eq!((counters.unparsed, found.crossed), (0, 0), "{files:?}");
    assert_eq!(
        (found.ticker_checked, found.ticker_agreed),
        (checked, agreed),
        "{files:?}"
    );
    assert_eq!(found.state, BookState::Live);
    Some(found)
}

#[test]
fn spot_btcusdt() {
    let files = [
        "data/binance_spot_btcusdt/btcusdt_20240808.gz",
        "data/binance_spot_btcusdt/btcusdt_20240809.gz",
    ];
    let found = check(
        Venue::BinanceSpot,
        "BTCUSDT",
        &files,
        (6_493, 2),
        (6_493, 6_491),
    );
    if let Some(found) = found {
        let counters = &found.counters;
        assert_eq!(counters.frames, 41_249 + 58_325);
        assert_eq!(counters.trades_buy + counters.trades_sell, 9_757 + 10_147);
        assert_eq!(counters.tickers, 28_040 + 45_134);
        // Everything but the two old updates, and two events more: the instrument and that the book is live.
        assert_eq!(found.events, counters.frames);
    }
}

#[test]
fn spot_nexousdt() {
    let files = [
        "data/binance_spot_nexousdt/20240723.gz",
        "data/binance_spot_nexousdt/20240724.gz",
    ];
    check(
        Venue::BinanceSpot,
        "NEXOUSDT",
        &files,
        (68_107, 0),
        (68_105, 68_105),
    );
    check(
        Venue::BinanceSpot,
        "NEXOUSDT",
        &files[..1],
        (1_188, 0),
        (1_186, 1_186),
    );
}

#[test]
fn usdm_btcusdt_2024() {
    let files = ["data/binance_usdm_btcusdt/btcusdt_20240808.gz"];
    check(
        Venue::BinanceUsdm,
        "BTCUSDT",
        &files,
        (6_547, 4),
        (6_547, 6_547),
    );
}

#[test]
fn usdm_btcusdt_2023_has_a_trade_of_the_insurance_fund() {
    let files = [
        "data/binance_usdm_btcusdt/usdm_btcusdt_20230404.dat.gz",
        "data/binance_usdm_btcusdt/usdm_btcusdt_20230405.dat.gz",
    ];
    if let Some(found) = run(Venue::BinanceUsdm, "BTCUSDT", &files) {
        let c = &found.counters;
        assert_eq!((c.gaps, c.resyncs, c.unparsed, found.crossed), (0, 0, 0, 0));
        assert_eq!(c.applied + c.ignored, 4_322 + 11_788);
        assert_eq!(
            (c.trades_not_market, c.trades_buy + c.trades_sell),
            (1, 2_197 + 10_737)
        );
        assert_eq!(c.unused, 99 + 415, "mark prices");
        assert!(
            found.ticker_agreed * 1_000 >= found.ticker_checked * 999
                && found.ticker_checked > 16_000
        );
    }
}

/// The first error of a capture read as another venue's.
fn first_error(venue: Venue, file: &str) -> Option<VenueError> {
    let path = shared(file)?;
    let rule = InstrumentRule::offline(None, None).expect("a legal rule");
    let mut stream = VenueStream::new(venue, rule);
    let mut reader = lines(&path);
    let mut out = Vec::new();
    while let Some(line) = reader.next_line().expect("captures are whole") {
        if let Err(error) = stream.on_line(&line, &mut out) {
            assert!(
                line.number < 20,
                "a wrong venue shows at once, not at line {}",
                line.number
            );
            return Some(error);
        }
    }
    panic!("{file} was read as {venue}");
}

#[test]
fn another_venues_capture_is_refused_at_once() {
    for (venue, file, found) in [
        (
            Venue::BinanceSpot,
            "data/binance_usdm_btcusdt/btcusdt_20240808.gz",
            "binance-usdm",
        ),
        (
            Venue::BinanceSpot,
            "data/binance_usdm_btcusdt/usdm_btcusdt_20230404.dat.gz",
            "binance-usdm",
        ),
        (
            Venue::BinanceUsdm,
            "data/binance_spot_btcusdt/btcusdt_20240808.gz",
            "binance-spot",
        ),
        (
            Venue::BinanceUsdm,
            "data/binance_spot_nexousdt/20240723.gz",
            "binance-spot",
        ),
        (
            Venue::BinanceSpot,
            "wire/bybit/linear_btc_eth_2026-08-09.gz",
            "bybit",
        ),
        (
            Venue::BinanceUsdm,
            "wire/hyperliquid/hftbacktest_btcusd_20250126.gz",
            "hyperliquid",
        ),
        (
            Venue::BinanceUsdm,
            "wire/coinbase/tickvault_coinbase_l2_2026-08-24.jsonl",
            "coinbase",
        ),
        (
            Venue::BinanceUsdm,
            "wire/kraken/tickvault_kraken_book_v2_2026-08-24.jsonl",
            "kraken",
        ),
        (
            Venue::BinanceUsdm,
            "wire/okx/tickvault_okx_books_2026-08-24.jsonl",
            "okx",
        ),
    ] {
        if let Some(error) = first_error(venue, file) {
            let text = error.to_string();
            assert!(
                text.contains(&format!("got one of {found}")),
                "{file} as {venue}: {text}"
            );
        }
    }
}

#[test]
fn a_symbol_that_is_not_there_is_missed_at_the_end() {
    let Some(path) = shared("data/binance_spot_nexousdt/20240723.gz") else {
        return;
    };
    let rule = InstrumentRule::offline(None, None).expect("a legal rule");
    let mut stream = VenueStream::new(Venue::BinanceSpot, rule).with_symbol("BTCUSDT");
    let mut reader = lines(&path);
    let mut out = Vec::new();
    let mut others = 0;
    while let Some(line) = reader.next_line().expect("captures are whole") {
        let kind = stream
            .on_line(&line, &mut out)
            .expect("frames of others are dropped");
        others += u64::from(kind == FrameKind::OtherSymbol);
    }
    assert_eq!(others, 1_803);
    let error = stream.check_symbols().unwrap_err().to_string();
    assert!(
        error.contains("no frame of symbol BTCUSDT in the input; symbols seen: NEXOUSDT"),
        "{error}"
    );
}

#[test]
fn a_price_with_more_decimals_than_the_tick_is_named() {
    let Some(path) = shared("data/binance_spot_btcusdt/btcusdt_20240808.gz") else {
        return;
    };
    let tick = Some("0.1".parse().expect("a decimal"));
    let rule = InstrumentRule::offline(tick, None).expect("a legal rule");
    let mut stream = VenueStream::new(Venue::BinanceSpot, rule);
    let mut reader = lines(&path);
    let line = reader
        .next_line()
        .expect("captures are whole")
        .expect("there is a line");
    let error = stream.on_line(&line, &mut Vec::new()).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert!(
        error
            .to_string()
            .contains("binance-spot BTCUSDT at 2024-08-08T"),
        "{error}"
    );
    assert!(source.is_some_and(|s| s.contains("61737.63 has more than 1 decimals")));
}

#[test]
fn a_capture_cut_anywhere_ends_in_an_error_or_between_lines() {
    let Some(path) = shared("data/binance_spot_nexousdt/20240723.gz") else {
        return;
    };
    // The snapshot and the updates after it, whole.
    let mut text = Vec::new();
    let mut reader = lines(&path);
    for _ in 0..4 {
        let line = reader
            .next_line()
            .expect("captures are whole")
            .expect("there are lines");
        text.extend_from_slice(b"1721749182850494 ");
        text.extend_from_slice(line.frame);
        text.push(b'\n');
    }
    for cut in (0..text.len())
        .step_by(97)
        .chain(text.len() - 3..text.len())
    {
        let whole_lines = text[..cut].iter().filter(|b| **b == b'\n').count();
        let mut reader = mce_venues::CaptureReader::new(&text[..cut]);
        let mut read = 0;
        let error = loop {
            match reader.next_line() {
                Ok(Some(_)) => read += 1,
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let ends_whole = cut == 0 || text[cut - 1] == b'\n' || text[cut] == b'\n';
        assert_eq!(error.is_none(), ends_whole, "cut at {cut}: {error:?}");
        assert!(read >= whole_lines, "cut at {cut}");
        assert!(error.is_none_or(|e| e.is_damage()));
    }
}

#[test]
fn a_cut_archive_is_damage_at_the_line_where_it_ends() {
    use flate2::{Compression, read::GzDecoder, write::GzEncoder};
    use std::io::{BufReader, Write};
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    for id in 0..200_000u64 {
        // Numbers without a pattern, so that the archive has several blocks.
        let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(packed, "1721749182850494 {{\"u\":{mixed}}}").expect("memory does not fail");
    }
    let packed = packed.finish().expect("memory does not fail");
    let cut = &packed[..packed.len() / 2];
    let mut reader = mce_venues::CaptureReader::new(BufReader::new(GzDecoder::new(cut)));
    let mut read = 0u64;
    let error = loop {
        match reader.next_line() {
            Ok(Some(line)) => read = line.number,
            Ok(None) => panic!("half an archive is no archive"),
            Err(error) => break error,
        }
    };
    assert!(read > 1_000, "what is before the cut is read");
    assert!(error.is_damage(), "{error}");
    assert!(
        error
            .to_string()
            .starts_with(&format!("line {} ", read + 1)),
        "{error}"
    );
}
