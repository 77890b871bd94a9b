//! Where Binance spot is, what to ask it and how much it bears. Plain data: nothing here connects.

use crate::limits::{ConnectionLimits, DepthRequest, RestBudget};
use std::time::Duration;

/// Websocket base.
pub const STREAMS: &str = "wss://stream.binance.com:9443";
/// Websocket base for market data alone.
pub const STREAMS_DATA_ONLY: &str = "wss://data-stream.binance.vision";
/// Websocket base of the testnet.
pub const STREAMS_TESTNET: &str = "wss://stream.testnet.binance.vision";
/// REST base.
pub const REST: &str = "https://api.binance.com";
/// REST base for market data alone.
pub const REST_DATA_ONLY: &str = "https://data-api.binance.vision";
/// REST base of the testnet.
pub const REST_TESTNET: &str = "https://testnet.binance.vision";
/// Path of the symbols and their filters, and its weight.
pub const EXCHANGE_INFO: (&str, u32) = ("/api/v3/exchangeInfo", 20);

/// What a connection may do.
pub const CONNECTION: ConnectionLimits = ConnectionLimits {
    streams_max: 1024,
    sends: (5, Duration::from_secs(1)),
    connects: Some((300, Duration::from_secs(300))),
    life_max: Duration::from_secs(24 * 3600),
    ping_every: Duration::from_secs(20),
    pong_within: Duration::from_secs(60),
};

/// What an IP address may ask: 429 asks to wait, 418 is a ban.
pub const BUDGET: RestBudget = RestBudget {
    weight_per_minute: 6000,
    stop_statuses: &[429, 418],
};

/// A channel of one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Book updates every 100 ms.
    Depth,
    /// Single trades.
    Trade,
    /// Best bid and ask.
    BookTicker,
}

impl Channel {
    /// Its name after the `@`.
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Depth => "depth@100ms",
            Channel::Trade => "trade",
            Channel::BookTicker => "bookTicker",
        }
    }

    /// The stream of `symbol`: lower case, `btcusdt@depth@100ms`.
    pub fn stream(self, symbol: &str) -> String {
        format!("{}@{}", symbol.to_lowercase(), self.name())
    }
}

/// Address of a combined connection on `base` ([`STREAMS`] or what the configuration says).
pub fn combined_url(base: &str, streams: &[String]) -> String {
    format!("{base}/stream?streams={}", streams.join("/"))
}

/// The request for the book of `symbol` with at least `levels` a side, 5000 at most. A book of fewer levels never shows
/// what lay deeper and does not change.
pub fn depth_request(symbol: &str, levels: u32) -> DepthRequest {
    let limit = levels.clamp(1, 5000);
    let weight = match limit {
        ..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    };
    DepthRequest {
        path: format!("/api/v3/depth?symbol={symbol}&limit={limit}"),
        weight,
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_the_venue_writes_them() {
        let streams = [Channel::Depth, Channel::Trade].map(|c| c.stream("BTCUSDT"));
        assert_eq!(
            combined_url(STREAMS, &streams),
            "wss://stream.binance.com:9443/stream?streams=btcusdt@depth@100ms/btcusdt@trade"
        );
        for (levels, weight, limit) in [
            (5000, 250, 5000),
            (1000, 50, 1000),
            (500, 25, 500),
            (50, 5, 50),
            (9999, 250, 5000),
        ] {
            let request = depth_request("BTCUSDT", levels);
            assert_eq!((request.weight, request.limit), (weight, limit));
            assert_eq!(
                request.path,
                format!("/api/v3/depth?symbol=BTCUSDT&limit={limit}")
            );
        }
    }
}
