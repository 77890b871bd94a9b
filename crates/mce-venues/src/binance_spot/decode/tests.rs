use super::*;

/// What the frame is, in a word, or what the error says.
fn read(frame: &str) -> String {
    let mut decoder = Decoder::new();
    match decode(&mut decoder, frame.as_bytes()) {
        Ok(Message::Depth(d)) => format!("depth {} {}", d.symbol, d.last_update_id),
        Ok(Message::Snapshot(d)) => format!("snapshot {:?} {}", d.symbol, d.last_update_id),
        Ok(Message::Trade(t)) => format!("trade {} {} {}", t.symbol, t.price, t.aggressor()),
        Ok(Message::Ticker(t)) => format!("ticker {} {}", t.symbol, t.update_id),
        Ok(Message::Liquidation(o)) => format!("liquidation {}", o.symbol),
        Ok(Message::Ack { id }) => format!("ack {id:?}"),
        Ok(Message::Shutdown(s)) => format!("shutdown {:?}", s.event_ms),
        Ok(Message::Other { kind, symbol }) => format!("other {kind} {symbol:?}"),
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
fn frames_of_spot_are_read() {
    check(
        r#"{"e":"depthUpdate","E":1,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[]}"#,
        "depth BNBBTC 160",
    );
    check(
        r#"{"stream":"BNBBTC@depth","data":{"e": "depthUpdate","E": 1,"s": "BNBBTC","U": 157,"u": 160,"b": [["6621.45", "0.3"]],"a": [["6622.46", "1.5"]]}}"#,
        "depth BNBBTC 160",
    );
    check(
        r#"{"lastUpdateId": 160, "bids": [["1", "2"]], "asks": []}"#,
        "snapshot None 160",
    );
    check(
        r#"{"stream":"btcusdc@depthSnapshot","generated":true,"data":{"lastUpdateId":16,"bids":[],"asks":[]}}"#,
        "snapshot Some(\"BTCUSDC\") 16",
    );
    check(
        r#"{"e":"trade","E":2,"s":"BNBBTC","t":12345,"p":"0.0010","q":"100","T":1,"m":true,"M":true}"#,
        "trade BNBBTC 0.001 sell",
    );
    check(
        r#"{"e":"trade","E":2,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","b":88,"a":50,"T":1,"m":false,"M":true}"#,
        "trade BNBBTC 0.001 buy",
    );
    check(
        r#"{"u":400900217,"s":"BNBUSDT","b":"25.3","B":"31","a":"25.4","A":"40"}"#,
        "ticker BNBUSDT 400900217",
    );
    check(r#"{"result":null,"id":312}"#, "ack Some(312)");
    check(r#"{"result":["btcusdt@depth"],"id":"x"}"#, "ack None");
    check(
        r#"{"e":"serverShutdown","E":1770123456789}"#,
        "shutdown Some(1770123456789)",
    );
    check(
        r#"{"stream":"btcusdt@depth","data":{"e":"serverShutdown","E":5}}"#,
        "shutdown Some(5)",
    );
}

#[test]
fn known_frames_without_use_are_named() {
    check(
        r#"{"e":"aggTrade","E":1,"s":"BTCUSDT","a":1,"p":"1","q":"1","f":1,"l":1,"T":1,"m":true,"M":true}"#,
        "other aggTrade Some(\"BTCUSDT\")",
    );
    check(
        r#"{"stream":"bnbbtc@kline_1m","data":{"e":"kline","E":1,"s":"BNBBTC","k":{"t":1}}}"#,
        "other kline Some(\"BNBBTC\")",
    );
    check(
        r#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker"}]}"#,
        "other !ticker@arr None",
    );
    check(r#"[{"e":"24hrTicker"}]"#, "other array");
    check(
        r#"{"stream":"ethusdt@depth20","data":{"lastUpdateId":1,"bids":[],"asks":[]}}"#,
        "other partial book",
    );
    check(
        r#"{"timezone":"UTC","serverTime":1,"rateLimits":[],"symbols":[]}"#,
        "other exchangeInfo",
    );
    check(
        r#"{"e":"executionReport","E":1,"s":"BNBBTC"}"#,
        "other executionReport",
    );
}

#[test]
fn frames_of_other_venues_are_refused_by_name() {
    check(
        r#"{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}"#,
        "expected frames of binance-spot, got one of binance-usdm (a depth update with `pu`)",
    );
    check(
        r#"{"lastUpdateId":1,"E":2,"T":1,"bids":[],"asks":[]}"#,
        "one of binance-usdm",
    );
    check(
        r#"{"e":"bookTicker","u":1,"s":"B","b":"1","B":"1","a":"1","A":"1","T":1,"E":1}"#,
        "one of binance-usdm",
    );
    check(
        r#"{"e":"trade","E":1,"T":1,"s":"B","t":1,"p":"1","q":"1","X":"MARKET","m":true}"#,
        "one of binance-usdm (a trade with `X`)",
    );
    check(
        r#"{"e":"aggTrade","E":1,"a":1,"s":"B","p":"1","q":"1","f":1,"l":1,"T":1,"m":true}"#,
        "one of binance-usdm",
    );
    check(
        r#"{"e":"forceOrder","E":1,"o":{"s":"B","S":"SELL","ap":"1","z":"1","T":1}}"#,
        "one of binance-usdm (a liquidation)",
    );
    for (frame, venue) in [
        (
            r#"{"topic":"orderbook.50.BTCUSDT","type":"delta","data":{}}"#,
            "bybit",
        ),
        (
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"data":[]}"#,
            "okx",
        ),
        (
            r#"{"channel":"l2_data","sequence_num":0,"events":[]}"#,
            "coinbase",
        ),
        (r#"{"channel":"book","type":"update","data":[]}"#, "kraken"),
        (
            r#"{"channel":"l2Book","data":{"coin":"BTC"}}"#,
            "hyperliquid",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"subscription","params":{}}"#,
            "deribit",
        ),
    ] {
        check(
            frame,
            &format!("expected frames of binance-spot, got one of {venue}"),
        );
    }
}

#[test]
fn broken_frames_are_refused_with_place_and_text() {
    check("", "not JSON: EOF while parsing a value at byte 0");
    check(
        r#"{"e":"depthUpdate","E":17231612"#,
        "not JSON: EOF while parsing an object at byte 30, near \"{\\\"e\\\":\\\"depthUpdate\\\",\\\"E\\\":17231612\"",
    );
    check("pong", "not JSON");
    check("17", "JSON that is no object");
    check(
        r#"{"hello":1}"#,
        "an object of an unknown kind: \"{\\\"hello\\\":1}\"",
    );
    check(r#"{"e":"newThing","E":1}"#, "an event \"newThing\"");
    check(
        r#"{"e":"depthUpdate","E":1,"s":"B","U":1,"u":2,"b":[]}"#,
        "expected a depthUpdate frame: missing field `a`",
    );
    check(
        r#"{"e":"depthUpdate","E":1,"s":"B","U":1,"u":2,"b":[["1,5","2"]],"a":[]}"#,
        "expected a decimal number such as 61837.63, got \"1,5\" at byte",
    );
    check(
        r#"{"e":"depthUpdate","E":1,"s":"B","U":1,"u":2,"b":[[1.5,"2"]],"a":[]}"#,
        "expected a decimal number in a string",
    );
    check(
        "{\"stream\":\"b@depth\",\n\"data\":{\"e\":\"depthUpdate\",\n\"E\":x}}",
        "not JSON: expected value at byte 52",
    );
}

#[test]
fn refusals_of_the_venue_are_errors_with_its_words() {
    check(
        r#"{"error":{"code":2,"msg":"Invalid request: unknown stream"},"id":3}"#,
        "binance-spot refused a request: code 2, \"Invalid request: unknown stream\"",
    );
    check(
        r#"{"code":-1121,"msg":"Invalid symbol."}"#,
        "code -1121, \"Invalid symbol.\"",
    );
    let mut decoder = Decoder::new();
    for (code, action) in [(-1121, crate::Action::Halt), (-1003, crate::Action::Retry)] {
        let frame = format!("{{\"code\":{code},\"msg\":\"x\"}}");
        let error = decode(&mut decoder, frame.as_bytes()).unwrap_err();
        assert_eq!(error.action(), action);
    }
}
