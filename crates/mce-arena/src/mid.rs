//! The mid price of a book, exact: what positions are marked at.

use crate::error::ArenaError;
use mce_market::{Instrument, InstrumentId, Money, OrderBook, Price, Qty};

/// Half-way between best bid and best ask. Kept as their sum, since a mid may lie between two price units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MidPrice {
    /// Twice the mid in price units, above 0.
    twice: i128,
}

impl MidPrice {
    /// The mid of a book; `None` when a side is empty or the book is crossed.
    pub fn of(book: &OrderBook) -> Option<Self> {
        let (bid, ask) = (book.best_bid()?, book.best_ask()?);
        (bid.price < ask.price).then(|| MidPrice {
            twice: i128::from(bid.price.units()) + i128::from(ask.price.units()),
        })
    }

    /// A price as if it were a mid; `None` unless it is above 0.
    pub fn from_price(price: Price) -> Option<Self> {
        (price.units() > 0).then(|| MidPrice {
            twice: 2 * i128::from(price.units()),
        })
    }

    /// Twice the mid, in price units.
    pub fn twice_units(self) -> i128 {
        self.twice
    }

    /// As a float in the quote currency.
    pub fn to_f64(self, spec: &Instrument) -> f64 {
        self.twice as f64 / 2.0 / spec.price_scale().units_per_one() as f64
    }

    /// How far `price` is from the mid, as a share of the mid; 0 or more.
    pub fn distance(self, price: Price) -> f64 {
        (2 * i128::from(price.units()) - self.twice).abs() as f64 / self.twice as f64
    }

    /// What `qty` (signed) is worth at the mid. Where half a price unit times the size has a digit beyond money's 18
    /// decimals it is cut off: a mark is an estimate, an execution never goes through here but for internal crosses.
    ///
    /// # Errors
    /// [`ArenaError::Overflow`] beyond the range of money.
    pub fn value(
        self,
        qty: Qty,
        spec: &Instrument,
        instrument: InstrumentId,
    ) -> Result<Money, ArenaError> {
        let overflow = ArenaError::Overflow {
            instrument,
            what: "value of a position",
        };
        let decimals =
            u32::from(spec.price_scale().decimals()) + u32::from(spec.qty_scale().decimals());
        let twice = self.twice.checked_mul(i128::from(qty.units()));
        let units = if decimals < 18 {
            // 10^(18 − decimals) / 2 is whole, so nothing is cut off.
            twice.and_then(|t| t.checked_mul(10i128.pow(18 - decimals) / 2))
        } else {
            twice.map(|t| t / (2 * 10i128.pow(decimals - 18)))
        };
        units.map(Money::from_units).ok_or(overflow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mce_market::{InstrumentKind, Level, Scale};

    fn spec(price_decimals: u8, qty_decimals: u8) -> Instrument {
        let scale = |d| Scale::new(d).unwrap();
        Instrument::new(
            "test",
            "X",
            InstrumentKind::Spot,
            (scale(price_decimals), Price::from_units(1)),
            (scale(qty_decimals), Qty::from_units(1)),
        )
        .unwrap()
    }

    fn book(bid: i64, ask: i64) -> OrderBook {
        let level = |p| [Level::new(Price::from_units(p), Qty::from_units(1))];
        let mut book = OrderBook::new();
        book.apply_levels(&level(bid), &level(ask)).unwrap();
        book
    }

    fn check(decimals: (u8, u8), bid: i64, ask: i64, qty: i64, expected: &str) {
        let spec = spec(decimals.0, decimals.1);
        let mid = MidPrice::of(&book(bid, ask)).unwrap();
        let value = mid.value(Qty::from_units(qty), &spec, InstrumentId(0));
        assert_eq!(value.unwrap().to_string(), expected);
    }

    #[test]
    fn a_mid_between_units_is_exact() {
        check((2, 0), 100, 101, 3, "3.015");
        check((2, 0), 100, 101, -3, "-3.015");
        check((8, 10), 1, 2, 1, "0.000000000000000001");
        check(
            (12, 12),
            1_000_000,
            1_000_000 + 1,
            2,
            "0.000000000000000002",
        );
        assert_eq!(
            MidPrice::of(&book(100, 101)).unwrap().to_f64(&spec(2, 0)),
            1.005
        );
    }

    #[test]
    fn no_mid_without_two_sides_in_order() {
        assert_eq!(MidPrice::of(&OrderBook::new()), None);
        assert_eq!(MidPrice::of(&book(101, 101)), None);
        assert_eq!(MidPrice::of(&book(102, 101)), None);
        assert_eq!(MidPrice::from_price(Price::ZERO), None);
    }

    #[test]
    fn distance_is_a_share_of_the_mid() {
        let mid = MidPrice::of(&book(99, 101)).unwrap();
        assert_eq!(mid.distance(Price::from_units(101)), 0.01);
        assert_eq!(mid.distance(Price::from_units(98)), 0.02);
    }

    #[test]
    fn a_value_beyond_money_is_an_error() {
        let mid = MidPrice::of(&book(i64::MAX - 1, i64::MAX)).unwrap();
        let value = mid.value(Qty::from_units(i64::MAX), &spec(0, 0), InstrumentId(3));
        assert!(value.unwrap_err().to_string().contains("instrument 3"));
    }
}
