//! Time bars on the UTC grid, from trades or from mids. Which of the two, and what is made of a bar, is the caller's.

use crate::error::FeatureError;
use mce_market::{Side, UnixNanos};
use std::time::Duration;

/// At most this many flat bars in a row: a longer silence gives no further bar until a price comes.
pub const FLAT_BARS_MAX: u32 = 60;

/// What happened to a price in `[open_ts, close_ts)`. It exists only once it is closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Start, a multiple of the interval; included.
    pub open_ts: UnixNanos,
    /// End, one interval later; not included.
    pub close_ts: UnixNanos,
    /// First price; the previous close in a flat bar.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Sum of the sizes, base units.
    pub volume: f64,
    /// The part of it that aggressive buyers took, base units.
    pub buy_volume: f64,
}

/// Makes [`Bar`]s of prices in the order of arrival.
///
/// A bar is closed by the first price or time at or after its end. Once there was a price, an interval without one
/// gives a flat bar at the previous close with volume 0, at most [`FLAT_BARS_MAX`] in a row. A closed bar is never
/// taken back: a price older than the open bar counts in the open bar, as a trade that the venue reported late.
#[derive(Clone, Debug)]
pub struct BarBuilder {
    interval_ns: i64,
    /// The bar that prices go to, not closed yet; flat until one comes.
    open: Option<Bar>,
    /// Whether `open` holds no price of its own.
    flat: bool,
    /// Flat bars closed since the last price.
    flat_in_row: u32,
}

impl BarBuilder {
    /// A builder of bars `interval` long, above 0 and at most a day.
    ///
    /// # Errors
    /// [`FeatureError::BarInterval`] for any other interval.
    pub fn new(interval: Duration) -> Result<Self, FeatureError> {
        if interval.is_zero() || interval > Duration::from_secs(86_400) {
            return Err(FeatureError::BarInterval(interval));
        }
        Ok(BarBuilder {
            interval_ns: interval.as_nanos() as i64,
            open: None,
            flat: false,
            flat_in_row: 0,
        })
    }

    /// Length of a bar, nanoseconds.
    pub fn interval_ns(&self) -> i64 {
        self.interval_ns
    }

    /// Takes a price (finite and above 0) and its size in base units (finite, 0 for a mid), with the side that took
    /// liquidity if there was one. Bars that end at or before `ts` are appended to `out`.
    ///
    /// # Panics
    /// In debug builds, for a price or a size out of range.
    pub fn on_price(
        &mut self,
        ts: UnixNanos,
        price: f64,
        qty: f64,
        aggressor: Option<Side>,
        out: &mut Vec<Bar>,
    ) {
        debug_assert!(price.is_finite() && price > 0.0, "a bar's price is {price}");
        debug_assert!(qty.is_finite() && qty >= 0.0, "a bar's size is {qty}");
        self.on_time(ts, out);
        let bar = self
            .open
            .get_or_insert_with(|| flat_bar(self.interval_ns, ts, price));
        if self.flat {
            *bar = flat_bar(self.interval_ns, bar.open_ts, price);
            self.flat = false;
        }
        bar.high = bar.high.max(price);
        bar.low = bar.low.min(price);
        bar.close = price;
        bar.volume += qty;
        if aggressor == Some(Side::Buy) {
            bar.buy_volume += qty;
        }
        self.flat_in_row = 0;
    }

    /// It is `ts` now: bars that end at or before it are appended to `out`.
    pub fn on_time(&mut self, ts: UnixNanos, out: &mut Vec<Bar>) {
        while let Some(bar) = self.open
            && bar.close_ts <= ts
        {
            out.push(bar);
            self.flat_in_row += u32::from(self.flat);
            self.flat = true;
            self.open = (self.flat_in_row < FLAT_BARS_MAX)
                .then(|| flat_bar(self.interval_ns, bar.close_ts, bar.close));
        }
    }
}

/// A bar without a price of its own around `ts`.
fn flat_bar(interval_ns: i64, ts: UnixNanos, price: f64) -> Bar {
    let open = ts.0.div_euclid(interval_ns).saturating_mul(interval_ns);
    Bar {
        open_ts: UnixNanos(open),
        close_ts: UnixNanos(open.saturating_add(interval_ns)),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 0.0,
        buy_volume: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = UnixNanos::PER_SECOND;

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos(seconds * S)
    }

    fn builder(seconds: u64) -> BarBuilder {
        BarBuilder::new(Duration::from_secs(seconds)).unwrap()
    }

    /// Bars of 10 s from (second, price, size, aggressor), then the time `end`, as
    /// (start, open, high, low, close, volume, bought).
    fn check(
        prices: &[(i64, f64, f64, Option<Side>)],
        end: i64,
        expected: &[(i64, f64, f64, f64, f64, f64, f64)],
    ) {
        let mut builder = builder(10);
        let mut out = Vec::new();
        for (second, price, qty, side) in prices {
            builder.on_price(at(*second), *price, *qty, *side, &mut out);
        }
        builder.on_time(at(end), &mut out);
        let got: Vec<_> = out
            .iter()
            .map(|b| {
                assert_eq!(b.close_ts.0 - b.open_ts.0, 10 * S);
                let start = b.open_ts.0 / S;
                (
                    start,
                    b.open,
                    b.high,
                    b.low,
                    b.close,
                    b.volume,
                    b.buy_volume,
                )
            })
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_bar_exists_once_it_is_closed() {
        let (buy, sell) = (Some(Side::Buy), Some(Side::Sell));
        let prices = [
            (12, 5.0, 1.0, buy),
            (13, 7.0, 2.0, sell),
            (19, 6.0, 4.0, None),
        ];
        check(&prices, 19, &[]);
        check(&prices, 20, &[(10, 5.0, 7.0, 5.0, 6.0, 7.0, 1.0)]);
        // A price at the end belongs to the next bar, and closes this one.
        let next = [prices[0], prices[1], prices[2], (20, 4.0, 1.0, buy)];
        check(&next, 20, &[(10, 5.0, 7.0, 5.0, 6.0, 7.0, 1.0)]);
    }

    #[test]
    fn empty_intervals_are_flat_and_end() {
        let prices = [(-5, 5.0, 1.0, None), (25, 8.0, 1.0, None)];
        let flat = |start| (start, 5.0, 5.0, 5.0, 5.0, 0.0, 0.0);
        let mut want = vec![(-10, 5.0, 5.0, 5.0, 5.0, 1.0, 0.0), flat(0), flat(10)];
        want.push((20, 8.0, 8.0, 8.0, 8.0, 1.0, 0.0));
        check(&prices, 30, &want);

        let mut builder = builder(10);
        let mut out = Vec::new();
        builder.on_price(at(0), 5.0, 1.0, None, &mut out);
        builder.on_time(at(100_000), &mut out);
        assert_eq!(out.len(), 1 + FLAT_BARS_MAX as usize);
        builder.on_price(at(200_005), 6.0, 1.0, None, &mut out);
        builder.on_time(at(200_010), &mut out);
        let last = out.last().unwrap();
        assert_eq!((last.open_ts, last.open), (at(200_000), 6.0));
        assert_eq!(out.len(), 2 + FLAT_BARS_MAX as usize);
        builder.on_time(at(200_020), &mut out);
        assert_eq!(out.last().unwrap().volume, 0.0);
    }

    #[test]
    fn a_late_price_counts_in_the_open_bar() {
        let prices = [
            (12, 5.0, 1.0, None),
            (21, 6.0, 1.0, None),
            (18, 4.0, 3.0, None),
        ];
        let want = [
            (10, 5.0, 5.0, 5.0, 5.0, 1.0, 0.0),
            (20, 6.0, 6.0, 4.0, 4.0, 4.0, 0.0),
        ];
        check(&prices, 30, &want);
    }

    #[test]
    fn an_interval_is_above_zero_and_at_most_a_day() {
        for seconds in [0, 86_401] {
            let error = BarBuilder::new(Duration::from_secs(seconds)).unwrap_err();
            assert!(error.to_string().contains("above 0"), "{error}");
        }
        assert_eq!(builder(86_400).interval_ns(), 86_400 * S);
    }
}
