use super::*;
use crate::binance::{Decoder, Message, TradeKind};
use crate::binance_spot::decode::decode;
use crate::message::DecimalLevel;
use mce_market::{Decimal, InstrumentKind, Price, Qty, Scale};
use proptest::prelude::*;

fn instrument(price_decimals: u8, qty_decimals: u8) -> Instrument {
    let scale = |decimals| Scale::new(decimals).expect("a legal scale in the test");
    Instrument::new(
        "binance-spot",
        "BTCUSDT",
        InstrumentKind::Spot,
        (scale(price_decimals), Price::from_units(1)),
        (scale(qty_decimals), Qty::from_units(1)),
    )
    .expect("a legal instrument in the test")
}

fn text(encode: impl FnOnce(&Encoder, &mut Vec<u8>)) -> String {
    let encoder = Encoder::new(&instrument(2, 5)).expect("eight decimals hold it");
    let mut out = Vec::new();
    encode(&encoder, &mut out);
    String::from_utf8(out).expect("frames are text")
}

fn level(price: i64, qty: i64) -> Level {
    Level::new(Price::from_units(price), Qty::from_units(qty))
}

#[test]
fn frames_look_like_the_venues() {
    let frame = text(|encoder, out| {
        let update = DepthUpdate {
            event_ms: 1_723_161_255_208,
            first_update_id: 50_093_239_189,
            last_update_id: 50_093_239_202,
            bids: &[level(6_173_763, 0), level(6_173_017, 12_345)],
            asks: &[],
        };
        encoder.combined("depth@100ms", out, |out| encoder.depth(&update, out));
    });
    assert_eq!(
        frame,
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[["61737.63000000","0.00000000"],["61730.17000000","0.12345000"]],"a":[]}}"#
    );
    let trade = Trade {
        id: 5,
        price: Price::from_units(6_183_763),
        qty: Qty::from_units(2_000),
        aggressor: Side::Sell,
    };
    assert_eq!(
        text(|encoder, out| encoder.trade(9, 8, &trade, out)),
        r#"{"e":"trade","E":9,"s":"BTCUSDT","t":5,"p":"61837.63000000","q":"0.02000000","T":8,"m":true,"M":true}"#
    );
}

#[test]
fn a_finer_scale_than_eight_decimals_is_refused() {
    let error = Encoder::new(&instrument(9, 8)).unwrap_err().to_string();
    assert!(
        error.contains("a price of 9 decimals cannot be written with 8"),
        "{error}"
    );
}

prop_compose! {
    fn levels()(pairs in prop::collection::vec((1i64.., 0i64..), 0..12)) -> Vec<Level> {
        pairs.into_iter().map(|(price, qty)| level(price, qty)).collect()
    }
}

/// What a decoder must make of `levels` at these scales.
fn decimals(levels: &[Level], price: u8, qty: u8) -> Vec<DecimalLevel> {
    levels
        .iter()
        .map(|l| DecimalLevel {
            price: Decimal::from_units(l.price.units(), price),
            qty: Decimal::from_units(l.qty.units(), qty),
        })
        .collect()
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        (price, qty) in (0u8..=8, 0u8..=8),
        (bids, asks) in (levels(), levels()),
        (event_ms, first, last) in any::<(u64, u64, u64)>(),
        (combined, buy) in any::<(bool, bool)>(),
        best in (level_strategy(), level_strategy()),
    ) {
        let encoder = Encoder::new(&instrument(price, qty)).unwrap();
        let mut decoder = Decoder::new();
        let mut out = Vec::new();

        let update = DepthUpdate { event_ms, first_update_id: first, last_update_id: last, bids: &bids, asks: &asks };
        if combined {
            encoder.combined("depth@100ms", &mut out, |out| encoder.depth(&update, out));
        } else {
            encoder.depth(&update, &mut out);
        }
        let Ok(Message::Depth(depth)) = decode(&mut decoder, &out) else { panic!("a depth update was encoded") };
        prop_assert_eq!((depth.event_ms, depth.first_update_id, depth.last_update_id), (event_ms, first, last));
        prop_assert_eq!((depth.previous_update_id, &*depth.symbol), (None, "BTCUSDT"));
        prop_assert_eq!(depth.bids, decimals(&bids, price, qty));
        prop_assert_eq!(depth.asks, decimals(&asks, price, qty));

        out.clear();
        let book = BookSnapshot { bids, asks, update_id: Some(last) };
        encoder.rest_depth(last, &book, &mut out);
        let Ok(Message::Snapshot(depth)) = decode(&mut decoder, &out) else { panic!("a REST book was encoded") };
        prop_assert_eq!((depth.last_update_id, depth.event_ms), (last, None));
        prop_assert_eq!(depth.bids, decimals(&book.bids, price, qty));
        prop_assert_eq!(depth.asks, decimals(&book.asks, price, qty));

        out.clear();
        let aggressor = if buy { Side::Buy } else { Side::Sell };
        let trade = Trade { id: first, price: best.0.price, qty: best.0.qty, aggressor };
        encoder.trade(event_ms, last, &trade, &mut out);
        let Ok(Message::Trade(got)) = decode(&mut decoder, &out) else { panic!("a trade was encoded") };
        prop_assert_eq!((got.kind, got.id, got.event_ms, got.trade_ms), (TradeKind::Single, first, event_ms, last));
        prop_assert_eq!((got.aggressor(), got.is_market()), (aggressor, true));
        prop_assert_eq!(DecimalLevel { price: got.price, qty: got.qty }, decimals(&[best.0], price, qty)[0]);

        out.clear();
        let ticker = Ticker { update_id: Some(last), bid: best.0, ask: best.1 };
        encoder.ticker(last, &ticker, &mut out);
        let Ok(Message::Ticker(got)) = decode(&mut decoder, &out) else { panic!("a ticker was encoded") };
        prop_assert_eq!((got.update_id, got.event_ms), (last, None));
        prop_assert_eq!(vec![got.bid, got.ask], decimals(&[best.0, best.1], price, qty));

        out.clear();
        crate::binance::ack(first, &mut out);
        prop_assert_eq!(decode(&mut decoder, &out).unwrap(), Message::Ack { id: Some(first) });
        out.clear();
        crate::binance::shutdown(event_ms, &mut out);
        let shutdown = crate::binance::Shutdown { event_ms: Some(event_ms) };
        prop_assert_eq!(decode(&mut decoder, &out).unwrap(), Message::Shutdown(shutdown));
    }
}

fn level_strategy() -> impl Strategy<Value = Level> {
    (1i64.., 1i64..).prop_map(|(price, qty)| level(price, qty))
}
