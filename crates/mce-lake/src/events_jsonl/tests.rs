use super::*;
use mce_market::InstrumentKind;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::io;

fn instrument(decimals: u8) -> Arc<Instrument> {
    let scale = Scale::new(decimals).unwrap();
    let tick = (scale, Price::from_units(1));
    let lot = (scale, Qty::from_units(1));
    Arc::new(Instrument::new("tiny", "TINY", InstrumentKind::Spot, tick, lot).unwrap())
}

fn reader(text: &[u8]) -> EventsJsonl<&[u8]> {
    EventsJsonl::new("tiny.jsonl", text, instrument(2), InstrumentId(3))
}

fn read(text: &str) -> Vec<MarketEvent> {
    let events = Vec::from_iter(reader(text.as_bytes()).map(|event| event.unwrap()));
    for (n, event) in (0..).zip(&events) {
        assert_eq!((event.n, event.instrument), (n, InstrumentId(3)));
    }
    events
}

fn level(price: i64, qty: i64) -> Level {
    Level::new(Price::from_units(price), Qty::from_units(qty))
}

#[test]
fn every_kind_of_line_becomes_its_event() {
    let events = read(concat!(
        "{\"t\":\"book\",\"ts\":5,\"bids\":[[499.5,4.6],[498.50,0]],\"asks\":[[5.005e2,-1]]}\n",
        "{\"t\":\"trade\",\"ts\":4,\"price\":500.5,\"qty\":3,\"buy\":true}\n",
        "\n",
        "{\"qty\":1.25,\"price\":500,\"t\":\"trade\",\"buy\":false,\"ts\":6}\n",
        "{\"t\":\"gap\"}\n",
        "{\"t\":\"clock\",\"ts\":7}",
    ));
    let got = Vec::from_iter(
        events
            .into_iter()
            .map(|e| (e.ts_exchange, e.ts_recv, e.body)),
    );
    let trade = |id, price, qty, aggressor| {
        EventBody::Trade(Trade {
            id,
            price: Price::from_units(price),
            qty: Qty::from_units(qty),
            aggressor,
        })
    };
    let at = |ts| (Some(UnixNanos(ts)), UnixNanos(ts));
    let book = BookSnapshot {
        bids: vec![level(49950, 460), level(49850, 0)],
        asks: vec![level(50050, -100)],
        update_id: None,
    };
    let expected = [
        (None, UnixNanos(5), EventBody::Instrument(instrument(2))),
        (at(5).0, at(5).1, EventBody::Snapshot(book)),
        (at(4).0, at(4).1, trade(1, 50050, 300, Side::Buy)),
        (at(6).0, at(6).1, trade(2, 50000, 125, Side::Sell)),
        (None, UnixNanos(6), gap()),
        (at(7).0, at(7).1, EventBody::Clock),
    ];
    assert_eq!(got, expected);
}

#[test]
fn gaps_before_the_first_time_take_it() {
    let events = read("{\"t\":\"gap\"}\n{\"t\":\"gap\"}\n{\"t\":\"clock\",\"ts\":9}\n");
    let got = Vec::from_iter(events.iter().map(|e| (e.ts_recv.0, &e.body)));
    let (instrument, gap) = (EventBody::Instrument(instrument(2)), gap());
    assert_eq!(
        got,
        [
            (9, &instrument),
            (9, &gap),
            (9, &gap),
            (9, &EventBody::Clock)
        ]
    );
    assert!(read("").is_empty());
    assert!(read("\n \n").is_empty());
}

/// Reads good lines and then `line`, which must be refused with these words at its number.
fn check_refused(before: usize, line: &str, expected: &str, damage: bool) {
    let text = format!("{}{line}", "{\"t\":\"clock\",\"ts\":1}\n".repeat(before));
    let mut reader = reader(text.as_bytes());
    let error = reader.by_ref().find_map(Result::err).expect("an error");
    let text = error.to_string();
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains(&format!("tiny.jsonl, line {}", before + 1)),
        "{text}"
    );
    assert_eq!(error.is_damage(), damage, "{text}");
    assert!(reader.next().is_none(), "nothing comes after an error");
}

#[test]
fn other_formats_broken_lines_and_wrong_values_are_told_apart() {
    let object = "expected an object with \"t\"";
    check_refused(0, "1723161255208 {\"stream\":\"x\"}\n", object, false);
    check_refused(0, "ts,bid,ask\n", object, false);
    check_refused(0, "[1]\n", object, false);
    check_refused(0, "{\"t\":\"clo", "ends in the middle", true);
    check_refused(2, "{\"t\":\"clock\",\"ts\":", "ends in the middle", true);
    check_refused(2, "\u{fffd}garbage\n", "not JSON", true);
    check_refused(2, "{\"t\":\"clock\",\"ts\":2}{}\n", "not JSON", true);
    check_refused(
        2,
        "{\"t\":\"candle\",\"ts\":2}\n",
        "unknown variant `candle`",
        false,
    );
    check_refused(2, "{\"t\":\"clock\",\"ts\":1.5}\n", object, false);
    check_refused(2, "{\"t\":\"clock\"}\n", "the key \"ts\", got none", false);
    check_refused(
        2,
        "{\"t\":\"clock\",\"ts\":2,\"x\":1}\n",
        "unknown field `x`",
        false,
    );
    check_refused(
        0,
        "{\"t\":\"book\",\"ts\":2,\"bids\":[]}\n",
        "the key \"asks\", got none",
        false,
    );
    check_refused(
        0,
        "{\"t\":\"book\",\"ts\":2,\"bids\":[[1,2,3]],\"asks\":[]}\n",
        object,
        false,
    );
    check_refused(
        1,
        "{\"t\":\"book\",\"ts\":2,\"bids\":[[1.005,2]],\"asks\":[]}\n",
        "at most 2 decimals, got 1.005 has more than 2 decimals",
        false,
    );
    check_refused(
        1,
        "{\"t\":\"trade\",\"ts\":2,\"price\":\"1\",\"qty\":1,\"buy\":true}\n",
        "a decimal number",
        false,
    );
}

#[test]
fn gaps_alone_have_no_time() {
    let error = reader(b"{\"t\":\"gap\"}\n{\"t\":\"gap\"}")
        .next()
        .unwrap()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("an event with a time beside the gaps"),
        "{error}"
    );
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let endless = io::BufReader::new(io::repeat(b' '));
    let mut reader = EventsJsonl::new("endless", endless, instrument(2), InstrumentId(0));
    let error = reader.next().expect("an error").expect_err("an error");
    assert!(
        error.to_string().contains("without an end of line"),
        "{error}"
    );
}

#[test]
fn a_decompressor_that_finds_its_input_cut_off_is_damage() {
    struct CutOff;
    impl io::Read for CutOff {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let input = io::BufReader::new(CutOff);
    let mut reader = EventsJsonl::new("x", input, instrument(2), InstrumentId(0));
    let error = reader.next().expect("an error").expect_err("an error");
    assert!(error.is_damage(), "{error}");
}

proptest! {
    #[test]
    fn written_events_are_read_back(
        events in prop::collection::vec(
            (any::<i64>(), prop::option::of((any::<i32>(), any::<i32>(), any::<bool>()))),
            0..20,
        )
    ) {
        let mut text = String::new();
        let decimal = |units: i32| Price::from_units(units.into()).decimal(Scale::new(2).unwrap());
        for (ts, trade) in &events {
            match trade {
                None => writeln!(text, "{{\"t\":\"clock\",\"ts\":{ts}}}").unwrap(),
                Some((price, qty, buy)) => writeln!(
                    text,
                    "{{\"t\":\"trade\",\"ts\":{ts},\"price\":{},\"qty\":{},\"buy\":{buy}}}",
                    decimal(*price),
                    decimal(*qty),
                ).unwrap(),
            }
        }
        let got = read(&text);
        prop_assert_eq!(got.len(), events.len() + usize::from(!events.is_empty()));
        for (event, (ts, trade)) in got.iter().skip(1).zip(&events) {
            prop_assert_eq!(event.ts_exchange, Some(UnixNanos(*ts)));
            match (&event.body, trade) {
                (EventBody::Clock, None) => {}
                (EventBody::Trade(got), Some((price, qty, buy))) => {
                    prop_assert_eq!(got.price.units(), i64::from(*price));
                    prop_assert_eq!(got.qty.units(), i64::from(*qty));
                    prop_assert_eq!(got.aggressor == Side::Buy, *buy);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        let mut errors = 0;
        for event in reader(&bytes) {
            prop_assert_eq!(errors, 0);
            errors += usize::from(event.is_err());
        }
    }
}
