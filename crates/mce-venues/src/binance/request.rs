//! Requests that are sent over the websocket.

/// Asks for more streams on an open connection; the answer carries `id`.
///
/// ```
/// let text = mce_venues::binance::subscribe(&["btcusdt@trade".to_owned()], 1);
/// assert_eq!(text, r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#);
/// ```
pub fn subscribe(streams: &[String], id: u64) -> String {
    request("SUBSCRIBE", streams, id)
}

/// Asks for streams to end.
pub fn unsubscribe(streams: &[String], id: u64) -> String {
    request("UNSUBSCRIBE", streams, id)
}

fn request(method: &str, streams: &[String], id: u64) -> String {
    let params = serde_json::to_string(streams).expect("strings are always written as JSON");
    format!("{{\"method\":\"{method}\",\"params\":{params},\"id\":{id}}}")
}
