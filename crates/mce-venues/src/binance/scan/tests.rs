//! The scanner may leave a frame to serde_json, and must never read one differently.

use super::super::decoder::Decoder;
use super::super::message::Message;
use super::Channel;
use crate::venue::Venue;
use proptest::prelude::*;

const DEPTH_USDM: &str = r#"{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123,"u":5150,"pu":5100,"b":[["58710.20","0.014"],["61510.90","0.000"]],"a":[["61800.30","3.330"]]}"#;
const DEPTH_SPOT: &str = r#"{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":500,"u":502,"b":[],"a":[["61837.64000000","1.54698000"]]}"#;
const TRADE_SPOT: &str = r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","b":88,"a":50,"T":1723161255342,"m":true,"M":true}"#;
const TRADE_USDM: &str = r#"{"e":"trade","E":1680652700455,"T":1680652700452,"s":"BTCUSDT","t":3535186032,"p":"28145.10","q":"0.002","X":"MARKET","m":true}"#;
const AGG_TRADE: &str = r#"{"e":"aggTrade","E":1616202009196,"a":389551486,"s":"BTCUSDT","p":"58665.00","q":"0.043","f":621622993,"l":621622993,"T":1616202009188,"m":false}"#;
const TICKER_SPOT: &str =
    r#"{"u":500,"s":"BTCUSDT","b":"61837.63","B":"3.78826","a":"61837.64","A":"1.54698"}"#;
const TICKER_USDM: &str = r#"{"e":"bookTicker","u":2710246762461,"s":"BTCUSDT","b":"28145.10","B":"3.868","a":"28145.20","A":"6.887","T":1680652700430,"E":1680652700435}"#;
const REST_SPOT: &str =
    r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"],["0.0027","1"]]}"#;
const REST_USDM: &str = r#"{"lastUpdateId":160,"E":1723161256501,"T":1723161256493,"bids":[["0.0024","10"]],"asks":[]}"#;

const FRAMES: [&str; 9] = [
    DEPTH_USDM,
    DEPTH_SPOT,
    TRADE_SPOT,
    TRADE_USDM,
    AGG_TRADE,
    TICKER_SPOT,
    TICKER_USDM,
    REST_SPOT,
    REST_USDM,
];

fn combined(stream: &str, frame: &str) -> String {
    format!("{{\"stream\":\"{stream}\",\"data\":{frame}}}")
}

/// Whether the scanner took the frame, after checking that serde_json agrees.
fn agrees(frame: &[u8]) -> bool {
    let (mut fast, mut slow) = (Decoder::new(), Decoder::new());
    let slow = slow.parse_slowly(Venue::BinanceUsdm, frame);
    match fast.parse_fast(frame) {
        None => false,
        Some(message) => {
            let slow = slow.expect("what the scanner reads, serde_json reads");
            assert_eq!(message, slow, "{}", String::from_utf8_lossy(frame));
            true
        }
    }
}

#[test]
fn the_frequent_frames_are_read_by_the_scanner() {
    for frame in FRAMES {
        assert!(agrees(frame.as_bytes()), "{frame}");
    }
    for frame in &FRAMES[..7] {
        assert!(
            agrees(combined("btcusdt@depth@100ms", frame).as_bytes()),
            "{frame}"
        );
    }
}

#[test]
fn levels_are_read_exactly() {
    let mut decoder = Decoder::new();
    let Some(Message::Depth(depth)) = decoder.parse_fast(DEPTH_USDM.as_bytes()) else {
        panic!("the scanner reads depth updates");
    };
    let texts = |levels: &[crate::message::DecimalLevel]| {
        levels
            .iter()
            .map(|l| (l.price.to_string(), l.qty.to_string()))
            .collect::<Vec<_>>()
    };
    let pair = |price: &str, qty: &str| (price.to_owned(), qty.to_owned());
    assert_eq!(
        texts(depth.bids),
        [pair("58710.2", "0.014"), pair("61510.9", "0")]
    );
    assert_eq!(texts(depth.asks), [pair("61800.3", "3.33")]);
}

#[test]
fn unusual_frames_are_left_to_serde_json() {
    for (from, to) in [
        ("\"E\":", "\"E\": "),
        ("\"s\":\"BTC", "\"s\":\"\\u0042TC"),
        ("\"s\":\"BTC", "\"s\":\"币"),
        ("\"58710.20\"", "\"5871020e-2\""),
        ("\"58710.20\"", "\"0058710.2000000000000000000\""),
        ("\"pu\":5100", "\"pu\":5100,\"st\":1"),
        ("\"U\":5123", "\"new\":[1,{}],\"U\":5123"),
    ] {
        let frame = DEPTH_USDM.replace(from, to);
        assert_ne!(frame, DEPTH_USDM);
        assert!(!agrees(frame.as_bytes()), "{frame}");
        let mut decoder = Decoder::new();
        let message = decoder.parse(Venue::BinanceUsdm, frame.as_bytes());
        assert!(
            matches!(message, Ok(Message::Depth(_))),
            "{frame}: {message:?}"
        );
    }
}

#[test]
fn broken_frames_are_read_by_neither() {
    for (from, to) in [
        ("\"U\":5123,", ""),
        ("\"U\":5123", "\"U\":05123"),
        ("\"U\":5123", "\"U\":-1"),
        ("\"U\":5123", "\"U\":5.5"),
        ("\"U\":5123", "\"U\":99999999999999999999"),
        ("\"U\":5123", "\"U\":5123,\"U\":5123"),
        ("[\"58710.20\",\"0.014\"]", "[\"58710.20\"]"),
        ("\"58710.20\"", "58710.20"),
        ("\"58710.20\"", "\"58710.\""),
        ("\"58710.20\"", "\"1.2.3\""),
        ("\"58710.20\"", "\"\""),
        ("]]}", "]]}}"),
        ("]]}", "]],}"),
        ("]]}", "]]"),
        ("\"b\":[[", "\"b\":[,["),
        ("\"E\":", "\"E\""),
    ] {
        let frame = DEPTH_USDM.replacen(from, to, 1);
        assert_ne!(frame, DEPTH_USDM);
        let mut decoder = Decoder::new();
        let message = decoder.parse(Venue::BinanceUsdm, frame.as_bytes());
        assert!(message.is_err(), "{frame}: {message:?}");
    }
}

#[test]
fn channels_tell_diffs_from_other_books() {
    for (stream, expected) in [
        ("btcusdt@depth", Channel::DiffOrOther),
        ("btcusdt@depth@100ms", Channel::DiffOrOther),
        ("btcusdt@depth@0ms", Channel::DiffOrOther),
        ("btcusdt@depthSnapshot", Channel::DiffOrOther),
        ("btcusdt@trade", Channel::DiffOrOther),
        ("btcusdt@depth5", Channel::OtherBook),
        ("btcusdt@depth20@100ms", Channel::OtherBook),
        ("btcusdt@rpiDepth@500ms", Channel::OtherBook),
    ] {
        assert_eq!(Channel::of_stream(stream), expected, "{stream}");
        let mut decoder = Decoder::new();
        let frame = combined(stream, DEPTH_USDM);
        let message = decoder.parse(Venue::BinanceUsdm, frame.as_bytes()).unwrap();
        let unused = matches!(message, Message::Other { .. });
        assert_eq!(unused, expected == Channel::OtherBook, "{stream}");
    }
}

/// One change to a frame: at a place, of a kind, with a byte.
type Change = (prop::sample::Index, u8, u8);

fn change(frame: &mut Vec<u8>, (place, kind, byte): &Change) {
    if frame.is_empty() {
        return;
    }
    let at = place.index(frame.len());
    match kind % 5 {
        0 => frame[at] = *byte,
        1 => frame.insert(at, *byte),
        2 => drop(frame.remove(at)),
        3 => frame.truncate(at),
        _ => {
            // A piece of itself, as a lost part of a stream would look.
            let piece = frame[at..frame.len().min(at + usize::from(*byte))].to_vec();
            frame.splice(at..at, piece);
        }
    }
}

/// Bytes that matter to JSON more often than chance has them.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        prop::sample::select(b"{}[],:\"0123456789.-eE\\ tfnuUbaTs".to_vec()),
        any::<u8>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_frames_are_read_alike_or_left(
        which in 0..FRAMES.len(),
        wrap: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), byte()), 0..4),
    ) {
        let mut frame = FRAMES[which].to_owned();
        if wrap {
            frame = combined("btcusdt@depth@100ms", &frame);
        }
        let mut frame = frame.into_bytes();
        for c in &changes {
            change(&mut frame, c);
        }
        agrees(&frame);
    }

    #[test]
    fn numbers_are_read_alike_or_left(price in "[0-9]{0,20}\\.?[0-9]{0,20}", qty in "-?[0-9]{1,20}(\\.[0-9]{1,9})?(e-?[0-9])?") {
        let frame = DEPTH_USDM.replace("58710.20", &price).replace("3.330", &qty);
        agrees(frame.as_bytes());
    }

    #[test]
    fn fields_may_come_in_any_order(order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle()) {
        let fields = [
            "\"E\":3", "\"T\":2", "\"s\":\"A\"", "\"U\":5", "\"u\":6", "\"pu\":4",
            "\"b\":[[\"1\",\"2\"]]", "\"a\":[]",
        ];
        let rest: Vec<&str> = order.iter().map(|at| fields[*at]).collect();
        let frame = format!("{{\"e\":\"depthUpdate\",{}}}", rest.join(","));
        prop_assert!(agrees(frame.as_bytes()));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
        let _ = Decoder::new().parse(Venue::BinanceSpot, &bytes);
        agrees(&bytes);
    }
}
