//! Single frames and short streams that other projects kept: each is read, or refused for a stated reason.

use super::shared;
use mce_market::{BookState, OrderBook, UnixNanos};
use mce_venues::binance::{Decoder, Message};
use mce_venues::{InstrumentRule, Venue, VenueError, VenueStream, binance_spot, binance_usdm};
use serde_json::Value;

fn read_text(path: &str) -> Option<String> {
    let path = shared(path)?;
    Some(std::fs::read_to_string(path).expect("the file was found"))
}

fn decode(venue: Venue, frame: &str) -> Result<String, VenueError> {
    let mut decoder = Decoder::new();
    let message = match venue {
        Venue::BinanceSpot => binance_spot::decode::decode(&mut decoder, frame.as_bytes()),
        Venue::BinanceUsdm => binance_usdm::decode::decode(&mut decoder, frame.as_bytes()),
    }?;
    Ok(match message {
        Message::Depth(_) => "depth".to_owned(),
        Message::Snapshot(_) => "snapshot".to_owned(),
        Message::Trade(_) => "trade".to_owned(),
        Message::Ticker(_) => "ticker".to_owned(),
        Message::Liquidation(_) => "liquidation".to_owned(),
        Message::Ack { .. } => "ack".to_owned(),
        Message::Shutdown(_) => "shutdown".to_owned(),
        Message::Other { .. } => "other".to_owned(),
    })
}

/// A diff stream and its REST book from a Binance sister venue, in today's protocol.
#[test]
fn a_rest_book_joins_the_diffs_around_it() {
    let (Some(diffs), Some(rest)) = (
        read_text("wire/binance_spot/binance_us_depth.jsonl"),
        read_text("wire/binance_spot/binance_us_snapshot.json"),
    ) else {
        return;
    };
    let diffs: Vec<&str> = diffs.lines().collect();
    // The answer may come at any moment after the request: what is applied must not depend on it.
    let mut digests = Vec::new();
    for answer_at in 0..=diffs.len() {
        let rule = InstrumentRule::offline(None, None).expect("a legal rule");
        let mut stream = VenueStream::new(Venue::BinanceSpot, rule).with_symbol("BTCUSDT");
        let mut book = OrderBook::new();
        let mut out = Vec::new();
        let mut frames = diffs.clone();
        frames.insert(answer_at, &rest);
        for frame in frames {
            stream
                .on_frame(UnixNanos(0), frame.as_bytes(), &mut out)
                .expect("the frames are of today");
        }
        for event in &out {
            match &event.body {
                mce_market::EventBody::Snapshot(s) => book.apply_snapshot(s).expect("legal"),
                mce_market::EventBody::Delta(d) => book.apply_delta(d).expect("legal"),
                mce_market::EventBody::Gap(gap) => panic!("answer at {answer_at}: {gap:?}"),
                _ => {}
            }
        }
        let view = stream.symbol("BTCUSDT").expect("its frames have come");
        assert_eq!(view.state, BookState::Live);
        assert_eq!((view.counters.applied, view.counters.ignored), (16, 9));
        let instrument = view.instrument;
        digests.push(book.digest(instrument.price_scale(), instrument.qty_scale()));
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

/// Frames by kind, and for those that are refused, why.
fn check(venue: Venue, file: &str, key: Option<&str>, expected: &[(&str, usize)]) {
    let Some(text) = read_text(file) else {
        return;
    };
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    for line in text.lines() {
        let frame = match key {
            None => line.to_owned(),
            Some(key) => {
                let line: Value = serde_json::from_str(line).expect("the container is JSON");
                line[key].as_str().expect("the frame is text").to_owned()
            }
        };
        let kind = match decode(venue, &frame) {
            Ok(kind) => kind,
            Err(VenueError::WrongVenue { found, .. }) => found.to_owned(),
            Err(VenueError::UnknownKind { what, .. }) => what,
            Err(VenueError::Malformed { reason, .. }) => reason,
            Err(error) => panic!("{frame}: {error}"),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    let expected: Vec<(String, usize)> = expected
        .iter()
        .map(|(k, n)| ((*k).to_owned(), *n))
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected, "{file}");
}

#[test]
fn frames_that_other_projects_kept() {
    let (spot, usdm) = (Venue::BinanceSpot, Venue::BinanceUsdm);
    check(
        spot,
        "wire/binance_spot/tardis-node_binance.jsonl",
        None,
        &[
            ("depth", 4),
            ("other", 1),
            ("snapshot", 2),
            ("ticker", 1),
            ("trade", 2),
        ],
    );
    check(
        spot,
        "wire/binance_spot/gocryptotrader_wsHandleData.json",
        None,
        &[("depth", 1), ("other", 6), ("trade", 1)],
    );
    // Spot, both kinds of futures and options of 2021 to 2023 in one file.
    let mixed = "wire/binance_spot/crypto-msg-parser_binance.jsonl";
    let options = [
        ("an event \"ticker_all\"", 1),
        ("an event \"trade_all\"", 1),
    ];
    let as_spot = [
        ("binance-usdm", 16),
        ("depth", 1),
        ("other", 30),
        ("snapshot", 1),
        ("ticker", 1),
    ];
    check(spot, mixed, Some("raw"), &[&options[..], &as_spot].concat());
    let as_usdm = [
        ("binance-coinm", 5),
        ("binance-spot", 3),
        ("depth", 3),
        ("other", 29),
        ("snapshot", 4),
        ("ticker", 2),
        ("trade", 3),
    ];
    check(usdm, mixed, Some("raw"), &[&options[..], &as_usdm].concat());
    check(
        usdm,
        "wire/binance_usdm/tardis-node_binance_futures.jsonl",
        None,
        // An aggregate trade of 2019 had no id of its own.
        &[
            ("depth", 2),
            ("liquidation", 1),
            ("no trade id", 1),
            ("other", 6),
            ("snapshot", 1),
            ("ticker", 1),
            ("trade", 3),
        ],
    );
}

#[test]
fn documented_shapes_of_usdm_are_read() {
    for (file, kind) in [
        ("agg_trade_stream", "trade"),
        ("book_ticker_stream", "ticker"),
        ("depth_update_stream", "depth"),
        ("kline_stream_closed", "other"),
        ("kline_stream_open", "other"),
        ("liquidation_stream", "liquidation"),
        ("mark_price_stream", "other"),
        ("ticker_stream", "other"),
        ("trade_stream", "trade"),
    ] {
        let path =
            format!("wire/binance_usdm/user_data_shapes/futures/market_data_json/{file}.json");
        if let Some(frame) = read_text(&path) {
            assert_eq!(
                decode(Venue::BinanceUsdm, &frame).expect("it is USD-M's"),
                kind,
                "{file}"
            );
        }
    }
}
