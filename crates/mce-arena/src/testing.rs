//! What the unit tests of several modules build their cases from.

use mce_features::{Bar, N_FEATURES, Sample};
use mce_market::{
    Instrument, InstrumentId, InstrumentKind, Level, OrderBook, Price, Qty, Scale, UnixNanos,
};

pub(crate) const ID: InstrumentId = InstrumentId(0);
pub(crate) const SECOND: i64 = UnixNanos::PER_SECOND;

pub(crate) fn at(seconds: i64) -> UnixNanos {
    UnixNanos(seconds * SECOND)
}

/// Prices in cents in steps of a cent, sizes in thousandths in steps of ten of them.
pub(crate) fn spec() -> Instrument {
    Instrument::new(
        "test",
        "X",
        InstrumentKind::Perpetual,
        (Scale::new(2).unwrap(), Price::from_units(1)),
        (Scale::new(3).unwrap(), Qty::from_units(10)),
    )
    .unwrap()
}

pub(crate) fn levels(pairs: &[(i64, i64)]) -> Vec<Level> {
    pairs
        .iter()
        .map(|(price, qty)| Level::new(Price::from_units(*price), Qty::from_units(*qty)))
        .collect()
}

/// A book of (price, size) in units.
pub(crate) fn book(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> OrderBook {
    let mut book = OrderBook::new();
    book.apply_levels(&levels(bids), &levels(asks)).unwrap();
    book
}

/// An unmasked sample in which nothing happens.
pub(crate) fn sample(ts: UnixNanos) -> Sample {
    Sample {
        ts,
        observed: ts,
        instrument: ID,
        features: [0.0; N_FEATURES],
        mask: 0,
        mid: 100.0,
        spread: 0.01,
        sigma: 1e-4,
        sigma_valid: true,
        near_bid: 1.0,
        near_ask: 1.0,
        ema_near_bid: 1.0,
        ema_near_ask: 1.0,
        ema_spread: 0.01,
        v_buy: 0.0,
        v_sell: 0.0,
        liquidations: 0.0,
        after_gap: false,
    }
}

/// A bar of ten seconds that ends at `close_seconds` with this close.
pub(crate) fn bar(close_seconds: i64, close: f64) -> Bar {
    Bar {
        open_ts: at(close_seconds - 10),
        close_ts: at(close_seconds),
        open: close,
        high: close,
        low: close,
        close,
        volume: 1.0,
        buy_volume: 0.5,
    }
}
