use super::*;
use crate::binance::{Decoder, Message, TradeKind};
use crate::binance_usdm::decode::decode;
use crate::message::DecimalLevel;
use mce_market::{Decimal, InstrumentKind, Price, Qty, Scale};
use proptest::prelude::*;

/// BTCUSDT as the venue lists it: a tick of 0.1, sizes of 0.001, prices written with two decimals.
fn encoder() -> Encoder {
    let scale = |decimals| Scale::new(decimals).expect("a legal scale in the test");
    let instrument = Instrument::new(
        "binance-usdm",
        "BTCUSDT",
        InstrumentKind::Perpetual,
        (scale(1), Price::from_units(1)),
        (scale(3), Qty::from_units(1)),
    )
    .expect("a legal instrument in the test");
    Encoder::new(&instrument, 2, 3).expect("the decimals hold the scales")
}

fn level(price: i64, qty: i64) -> Level {
    Level::new(Price::from_units(price), Qty::from_units(qty))
}

fn decimal_level(level: Level) -> DecimalLevel {
    DecimalLevel {
        price: Decimal::from_units(level.price.units(), 1),
        qty: Decimal::from_units(level.qty.units(), 3),
    }
}

const TIMES: Times = Times {
    event_ms: 1_723_161_256_299,
    transaction_ms: 1_723_161_256_298,
};

fn check(encode: impl FnOnce(&Encoder, &mut Vec<u8>), expected: &str) {
    let mut out = Vec::new();
    encode(&encoder(), &mut out);
    assert_eq!(String::from_utf8(out).expect("frames are text"), expected);
}

#[test]
fn frames_look_like_the_venues() {
    let update = DepthUpdate {
        times: TIMES,
        first_update_id: 5_123,
        last_update_id: 5_150,
        previous_update_id: 5_100,
        bids: &[level(587_102, 14)],
        asks: &[level(618_003, 0), level(618_046, 3_330)],
    };
    check(
        |encoder, out| encoder.depth(&update, out),
        r#"{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123,"u":5150,"pu":5100,"b":[["58710.20","0.014"]],"a":[["61800.30","0.000"],["61804.60","3.330"]]}"#,
    );
    let trade = Trade {
        id: 9,
        price: Price::from_units(281_451),
        qty: Qty::from_units(2),
        aggressor: Side::Buy,
    };
    check(
        |encoder, out| encoder.trade(TIMES, &trade, out),
        r#"{"e":"trade","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","t":9,"p":"28145.10","q":"0.002","X":"MARKET","m":false}"#,
    );
    let order = Liquidation {
        side: Side::Sell,
        price: Price::from_units(99_100),
        qty: Qty::from_units(14),
    };
    check(
        |encoder, out| {
            encoder.combined("forceOrder", out, |out| {
                encoder.force_order(TIMES, &order, out)
            });
        },
        r#"{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1723161256299,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"9910.00","ap":"9910.00","X":"FILLED","l":"0.014","z":"0.014","T":1723161256298}}}"#,
    );
}

prop_compose! {
    fn any_level(least: i64)(price in 1i64.., qty in least..) -> Level {
        level(price, qty)
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        bids in prop::collection::vec(any_level(0), 0..12),
        asks in prop::collection::vec(any_level(0), 0..12),
        (event_ms, transaction_ms) in any::<(u64, u64)>(),
        (first, last, previous) in any::<(u64, u64, u64)>(),
        (bid, ask) in (any_level(1), any_level(1)),
        buy: bool,
    ) {
        let encoder = encoder();
        let times = Times { event_ms, transaction_ms };
        let side = if buy { Side::Buy } else { Side::Sell };
        let mut decoder = Decoder::new();
        let mut out = Vec::new();
        let decimals = |levels: &[Level]| levels.iter().copied().map(decimal_level).collect::<Vec<_>>();

        let update = DepthUpdate {
            times, first_update_id: first, last_update_id: last, previous_update_id: previous, bids: &bids, asks: &asks,
        };
        encoder.depth(&update, &mut out);
        let Ok(Message::Depth(got)) = decode(&mut decoder, &out) else { panic!("a depth update was encoded") };
        prop_assert_eq!((got.event_ms, got.transaction_ms), (event_ms, Some(transaction_ms)));
        prop_assert_eq!((got.first_update_id, got.last_update_id, got.previous_update_id), (first, last, Some(previous)));
        prop_assert_eq!(got.bids, decimals(&bids));
        prop_assert_eq!(got.asks, decimals(&asks));

        out.clear();
        let book = BookSnapshot { bids, asks, update_id: Some(last) };
        encoder.rest_depth(times, last, &book, &mut out);
        let Ok(Message::Snapshot(got)) = decode(&mut decoder, &out) else { panic!("a REST book was encoded") };
        prop_assert_eq!((got.last_update_id, got.event_ms, got.transaction_ms), (last, Some(event_ms), Some(transaction_ms)));
        prop_assert_eq!(got.bids, decimals(&book.bids));

        for kind in [TradeKind::Single, TradeKind::Aggregate] {
            out.clear();
            let trade = Trade { id: first, price: bid.price, qty: bid.qty, aggressor: side };
            match kind {
                TradeKind::Single => encoder.trade(times, &trade, &mut out),
                TradeKind::Aggregate => encoder.agg_trade(times, (last, last), &trade, &mut out),
            }
            let Ok(Message::Trade(got)) = decode(&mut decoder, &out) else { panic!("a trade was encoded") };
            prop_assert_eq!((got.kind, got.id, got.event_ms, got.trade_ms), (kind, first, event_ms, transaction_ms));
            prop_assert_eq!((got.aggressor(), got.is_market()), (side, true));
            prop_assert_eq!(DecimalLevel { price: got.price, qty: got.qty }, decimal_level(bid));
        }

        out.clear();
        let ticker = Ticker { update_id: Some(last), bid, ask };
        encoder.ticker(times, last, &ticker, &mut out);
        let Ok(Message::Ticker(got)) = decode(&mut decoder, &out) else { panic!("a ticker was encoded") };
        prop_assert_eq!((got.update_id, got.event_ms, got.transaction_ms), (last, Some(event_ms), Some(transaction_ms)));
        prop_assert_eq!((got.bid, got.ask), (decimal_level(bid), decimal_level(ask)));

        out.clear();
        let order = Liquidation { side, price: bid.price, qty: bid.qty };
        encoder.force_order(times, &order, &mut out);
        let Ok(Message::Liquidation(got)) = decode(&mut decoder, &out) else { panic!("a liquidation was encoded") };
        prop_assert_eq!((got.side, got.event_ms, got.trade_ms), (side, event_ms, transaction_ms));
        prop_assert_eq!(DecimalLevel { price: got.average_price, qty: got.filled }, decimal_level(bid));
    }
}
