use super::*;

fn read(frame: &str) -> String {
    let mut decoder = Decoder::new();
    match decode(&mut decoder, frame.as_bytes()) {
        Ok(Message::Depth(d)) => format!("depth {} {:?}", d.symbol, d.previous_update_id),
        Ok(Message::Snapshot(d)) => format!("snapshot {} {:?}", d.last_update_id, d.event_ms),
        Ok(Message::Trade(t)) => format!("{:?} trade {} market {}", t.kind, t.id, t.is_market()),
        Ok(Message::Ticker(t)) => format!("ticker {} {:?}", t.update_id, t.event_ms),
        Ok(Message::Liquidation(o)) => {
            format!(
                "liquidation {} {} {} {}",
                o.symbol, o.side, o.average_price, o.filled
            )
        }
        Ok(Message::Other { kind, symbol }) => format!("other {kind} {symbol:?}"),
        Ok(message) => format!("{message:?}"),
        Err(error) => error.to_string(),
    }
}

fn check(frame: &str, part: &str) {
    let got = read(frame);
    assert!(
        got.contains(part),
        "{frame}\n  gave {got:?},\n  which has no {part:?}"
    );
}

#[test]
fn frames_of_usdm_are_read() {
    check(
        r#"{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSDT","ps":"BTCUSDT","st":1,"U":157,"u":160,"pu":149,"b":[["0.0024","10"]],"a":[]}"#,
        "depth BTCUSDT Some(149)",
    );
    check(
        r#"{"lastUpdateId":7,"E":2,"T":1,"bids":[],"asks":[]}"#,
        "snapshot 7 Some(2)",
    );
    check(
        r#"{"lastUpdateId":7,"bids":[],"asks":[]}"#,
        "snapshot 7 None",
    );
    check(
        r#"{"e":"trade","E":2,"T":1,"s":"B","t":9,"p":"1","q":"1","X":"MARKET","m":true}"#,
        "Single trade 9 market true",
    );
    check(
        r#"{"e":"trade","E":2,"T":1,"s":"B","t":9,"p":"1","q":"1","m":true}"#,
        "Single trade 9 market true",
    );
    check(
        r#"{"e":"trade","E":2,"T":1,"s":"B","t":9,"p":"1","q":"1","X":"INSURANCE_FUND","m":true}"#,
        "Single trade 9 market false",
    );
    check(
        r#"{"e":"aggTrade","E":2,"a":5933014,"s":"B","p":"1","q":"1","nq":"1","f":100,"l":105,"T":1,"m":true,"st":1}"#,
        "Aggregate trade 5933014 market true",
    );
    check(
        r#"{"e":"bookTicker","u":4,"E":2,"T":1,"s":"B","b":"1","B":"1","a":"2","A":"1"}"#,
        "ticker 4 Some(2)",
    );
    check(
        r#"{"e":"forceOrder","E":2,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.015","p":"9910","ap":"9910.5","X":"FILLED","l":"0.014","z":"0.014","T":1}}"#,
        "liquidation BTCUSDT sell 9910.5 0.014",
    );
    check(
        r#"{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1"}"#,
        "other markPriceUpdate Some(\"BTCUSDT\")",
    );
    check(
        r#"{"stream":"btcusdt@openInterest","generated":true,"data":{"symbol":"BTCUSDT","openInterest":"1"}}"#,
        "other openInterest Some(\"BTCUSDT\")",
    );
}

#[test]
fn frames_of_other_venues_are_refused_by_name() {
    check(
        r#"{"e":"depthUpdate","E":1,"s":"BNBBTC","U":157,"u":160,"b":[],"a":[]}"#,
        "expected frames of binance-usdm, got one of binance-spot (a depth update without `pu`)",
    );
    check(
        r#"{"u":4,"s":"BNBUSDT","b":"25.3","B":"31","a":"25.4","A":"40"}"#,
        "one of binance-spot",
    );
    check(
        r#"{"e":"trade","E":2,"s":"B","t":1,"p":"1","q":"1","T":1,"m":true,"M":true}"#,
        "one of binance-spot (a trade with `M`)",
    );
    check(
        r#"{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSD_PERP","ps":"BTCUSD","U":1,"u":2,"pu":0,"b":[],"a":[]}"#,
        "one of binance-coinm",
    );
    check(
        r#"{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSD_250926","ps":"BTCUSD","st":2,"U":1,"u":2,"pu":0,"b":[],"a":[]}"#,
        "one of binance-coinm (field `st` of 2)",
    );
    check(
        r#"{"topic":"publicTrade.BTCUSDT","data":[]}"#,
        "one of bybit",
    );
}

#[test]
fn a_liquidation_has_a_side() {
    check(
        r#"{"e":"forceOrder","E":2,"o":{"s":"B","S":"HOLD","ap":"1","z":"1","T":1}}"#,
        "expected a side of BUY or SELL, got \"HOLD\"",
    );
}
