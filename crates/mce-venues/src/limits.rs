//! What venues allow, as plain data: the connection runner keeps to it.

use std::time::Duration;

/// What one websocket connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Streams (symbol × channel) on one connection.
    pub streams_max: u32,
    /// Messages that we may send on one connection, and in which time; pings and pongs count.
    pub sends: (u32, Duration),
    /// Connections that one IP address may open, and in which time; `None` where the venue does not say.
    pub connects: Option<(u32, Duration)>,
    /// The venue closes every connection after this time.
    pub life_max: Duration,
    /// The venue's pings come this far apart.
    pub ping_every: Duration,
    /// It closes the connection when no pong came for this long.
    pub pong_within: Duration,
}

/// REST requests are weighed; one IP address may spend so much a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestBudget {
    /// Weight a minute.
    pub weight_per_minute: u32,
    /// HTTP statuses that mean: stop, and obey `Retry-After`.
    pub stop_statuses: &'static [u16],
}

/// A REST book request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthRequest {
    /// Path and query, to append to the REST base.
    pub path: String,
    /// What it costs of the [`RestBudget`].
    pub weight: u32,
    /// Levels a side that the venue will give at most.
    pub limit: u32,
}
