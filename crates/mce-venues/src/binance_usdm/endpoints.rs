//! Where Binance USD-M is, what to ask it and how much it bears. Plain data: nothing here connects.

use crate::limits::{ConnectionLimits, DepthRequest, RestBudget};
use std::time::Duration;

/// Websocket base; a route follows it.
pub const STREAMS: &str = "wss://fstream.binance.com";
/// Websocket base of the testnet, with the same routes.
pub const STREAMS_TESTNET: &str = "wss://fstream.binancefuture.com";
/// REST base.
pub const REST: &str = "https://fapi.binance.com";
/// REST base of the testnet.
pub const REST_TESTNET: &str = "https://demo-fapi.binance.com";
/// Path of the symbols and their filters, and its weight.
pub const EXCHANGE_INFO: (&str, u32) = ("/fapi/v1/exchangeInfo", 1);

/// What a connection may do. The venue's pages say 200 or 1024 streams, by age: the lower holds everywhere.
pub const CONNECTION: ConnectionLimits = ConnectionLimits {
    streams_max: 200,
    sends: (10, Duration::from_secs(1)),
    connects: None,
    life_max: Duration::from_secs(24 * 3600),
    ping_every: Duration::from_secs(180),
    pong_within: Duration::from_secs(600),
};

/// What an IP address may ask: 429 asks to wait, 418 is a ban.
pub const BUDGET: RestBudget = RestBudget {
    weight_per_minute: 2400,
    stop_statuses: &[429, 418],
};

/// Where on the venue a stream is served. A stream asked for on another route, or on none, is acknowledged and silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Books.
    Public,
    /// Trades, marks, liquidations.
    Market,
    /// The account.
    Private,
}

impl Route {
    /// Its name in the address.
    pub const fn name(self) -> &'static str {
        match self {
            Route::Public => "public",
            Route::Market => "market",
            Route::Private => "private",
        }
    }
}

/// A channel of one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Book updates every 100 ms.
    Depth,
    /// Best bid and ask.
    BookTicker,
    /// Trades, the fills of one order at one price together.
    AggTrade,
    /// Liquidations, the last one of each second.
    ForceOrder,
}

impl Channel {
    /// Its name after the `@`.
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Depth => "depth@100ms",
            Channel::BookTicker => "bookTicker",
            Channel::AggTrade => "aggTrade",
            Channel::ForceOrder => "forceOrder",
        }
    }

    /// The route that serves it.
    pub const fn route(self) -> Route {
        match self {
            Channel::Depth | Channel::BookTicker => Route::Public,
            Channel::AggTrade | Channel::ForceOrder => Route::Market,
        }
    }

    /// The stream of `symbol`: lower case, `btcusdt@depth@100ms`.
    pub fn stream(self, symbol: &str) -> String {
        format!("{}@{}", symbol.to_lowercase(), self.name())
    }
}

/// Address of a combined connection on `base` ([`STREAMS`] or what the configuration says), all `streams` of one route.
pub fn combined_url(base: &str, route: Route, streams: &[String]) -> String {
    format!(
        "{base}/{}/stream?streams={}",
        route.name(),
        streams.join("/")
    )
}

/// The request for the book of `symbol` with at least `levels` a side, 1000 at most: the venue takes certain numbers only.
pub fn depth_request(symbol: &str, levels: u32) -> DepthRequest {
    const LIMITS: [(u32, u32); 7] = [
        (5, 2),
        (10, 2),
        (20, 2),
        (50, 2),
        (100, 5),
        (500, 10),
        (1000, 20),
    ];
    let (limit, weight) = LIMITS
        .into_iter()
        .find(|(limit, _)| *limit >= levels)
        .unwrap_or((1000, 20));
    DepthRequest {
        path: format!("/fapi/v1/depth?symbol={symbol}&limit={limit}"),
        weight,
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_the_venue_writes_them() {
        for (channel, url) in [
            (
                Channel::Depth,
                "wss://fstream.binance.com/public/stream?streams=btcusdt@depth@100ms",
            ),
            (
                Channel::AggTrade,
                "wss://fstream.binance.com/market/stream?streams=btcusdt@aggTrade",
            ),
        ] {
            let streams = [channel.stream("BTCUSDT")];
            assert_eq!(combined_url(STREAMS, channel.route(), &streams), url);
        }
        for (levels, weight, limit) in [
            (1, 2, 5),
            (50, 2, 50),
            (51, 5, 100),
            (1000, 20, 1000),
            (5000, 20, 1000),
        ] {
            let request = depth_request("BTCUSDT", levels);
            assert_eq!((request.weight, request.limit), (weight, limit));
            assert_eq!(
                request.path,
                format!("/fapi/v1/depth?symbol=BTCUSDT&limit={limit}")
            );
        }
    }
}
