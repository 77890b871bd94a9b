//! Whose frame is this? For the message that tells a user that the data is of another venue.

/// The venue that a frame's outermost fields point to, and what points there. `value_of` gives a field's JSON text.
pub(crate) fn recognise<'a>(
    value_of: impl Fn(&str) -> Option<&'a str>,
) -> Option<(&'static str, &'static str)> {
    let has = |field| value_of(field).is_some();
    if has("sequence_num") {
        return Some(("coinbase", "field `sequence_num`"));
    }
    if has("jsonrpc") {
        return Some(("deribit", "field `jsonrpc`"));
    }
    if has("arg") {
        return Some(("okx", "field `arg`"));
    }
    if has("topic") {
        return Some(("bybit", "field `topic`"));
    }
    match value_of("channel")? {
        "\"l2Book\"" | "\"trades\"" | "\"subscriptionResponse\"" => {
            Some(("hyperliquid", "field `channel` of l2Book or trades"))
        }
        _ if has("type") && has("data") => Some(("kraken", "fields `channel`, `type`, `data`")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&str, &str)], venue: Option<&str>) {
        let found = recognise(|name| fields.iter().find(|(f, _)| *f == name).map(|(_, v)| *v));
        assert_eq!(found.map(|(venue, _)| venue), venue, "{fields:?}");
    }

    #[test]
    fn other_venues_are_known_by_their_outermost_fields() {
        check(
            &[("topic", "\"orderbook.50.BTCUSDT\""), ("type", "\"delta\"")],
            Some("bybit"),
        );
        check(&[("arg", "{}"), ("data", "[]")], Some("okx"));
        check(
            &[("channel", "\"l2_data\""), ("sequence_num", "3")],
            Some("coinbase"),
        );
        check(
            &[
                ("channel", "\"book\""),
                ("type", "\"update\""),
                ("data", "[]"),
            ],
            Some("kraken"),
        );
        check(
            &[("channel", "\"l2Book\""), ("data", "{}")],
            Some("hyperliquid"),
        );
        check(&[("jsonrpc", "\"2.0\"")], Some("deribit"));
        check(&[("channel", "\"book\"")], None);
        check(&[("hello", "1")], None);
    }
}
