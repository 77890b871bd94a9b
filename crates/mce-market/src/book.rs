//! One instrument's order book: exact, unbounded in price, fast where markets are busy.
//!
//! Each side keeps the levels near its best in a window of slots addressed by price, with a bit a slot, and the
//! rest in a sorted map. The window finds its own place, width and price step, so nobody gives bounds
//! beforehand. What the book does not know is whether it is in step with its venue: that is the sequencer's.

mod side;

use crate::decimal::Scale;
use crate::event::{BookDelta, BookSnapshot};
use crate::price::{Level, Price, Qty, Side};
use side::BookSide;
use std::fmt::Write as _;

/// A level whose size changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// Bids or asks.
    pub side: Side,
    /// Price of the level.
    pub price: Price,
    /// Size before, zero if there was no level.
    pub before: Qty,
    /// Size now, zero if there is no level.
    pub now: Qty,
}

/// Why a level was refused. The book is unchanged by the refused update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// A price at or below zero.
    #[error("a book level needs a price above 0, got {units} units on the {side} side")]
    Price {
        /// Bids or asks.
        side: Side,
        /// The refused price in units.
        units: i64,
    },
    /// A size below zero, or zero in a snapshot.
    #[error(
        "a book level needs a size of 0 or more (above 0 in a snapshot), got {units} units at a price of {price} units on the {side} side"
    )]
    Qty {
        /// Bids or asks.
        side: Side,
        /// Its price in units.
        price: i64,
        /// The refused size in units.
        units: i64,
    },
}

/// The order book of one instrument.
///
/// ```
/// use mce_market::{Level, OrderBook, Price, Qty};
/// let level = |price, qty| Level::new(Price::from_units(price), Qty::from_units(qty));
/// let mut book = OrderBook::new();
/// book.apply_levels(&[level(100, 5), level(99, 7)], &[level(102, 3)])?;
/// book.apply_levels(&[level(100, 0)], &[])?;
/// assert_eq!(book.best_bid(), Some(level(99, 7)));
/// assert_eq!(book.best_ask(), Some(level(102, 3)));
/// # Ok::<(), mce_market::BookError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OrderBook {
    bids: BookSide,
    asks: BookSide,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self::new()
    }
}

impl OrderBook {
    /// An empty book.
    pub fn new() -> Self {
        OrderBook {
            bids: BookSide::new(Side::Buy),
            asks: BookSide::new(Side::Sell),
        }
    }

    /// Removes every level.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Makes the book what `snapshot` says, forgetting what was there.
    ///
    /// # Errors
    /// [`BookError`] for a price or a size not above 0; the book is then unchanged.
    pub fn apply_snapshot(&mut self, snapshot: &BookSnapshot) -> Result<(), BookError> {
        for (side, levels) in [(Side::Buy, &snapshot.bids), (Side::Sell, &snapshot.asks)] {
            check(side, levels)?;
            if let Some(level) = levels.iter().find(|l| l.qty.units() == 0) {
                return Err(BookError::Qty {
                    side,
                    price: level.price.units(),
                    units: 0,
                });
            }
        }
        self.bids.replace(&snapshot.bids);
        self.asks.replace(&snapshot.asks);
        Ok(())
    }

    /// Applies changed levels; size zero removes, and removing what is not there is no error (venues do it).
    ///
    /// # Errors
    /// As [`OrderBook::apply_levels`].
    pub fn apply_delta(&mut self, delta: &BookDelta) -> Result<(), BookError> {
        self.apply_levels(&delta.bids, &delta.asks)
    }

    /// Applies changed levels of both sides in the given order.
    ///
    /// # Errors
    /// [`BookError`] for a price at or below 0 or a size below 0; the book is then unchanged.
    pub fn apply_levels(&mut self, bids: &[Level], asks: &[Level]) -> Result<(), BookError> {
        check(Side::Buy, bids)?;
        check(Side::Sell, asks)?;
        for level in bids {
            self.bids.set(level.price.units(), level.qty.units());
        }
        for level in asks {
            self.asks.set(level.price.units(), level.qty.units());
        }
        Ok(())
    }

    /// As [`OrderBook::apply_levels`], telling `on_change` of every level whose size is not what it was.
    ///
    /// # Errors
    /// As [`OrderBook::apply_levels`]; `on_change` is then not called.
    pub fn apply_levels_with(
        &mut self,
        bids: &[Level],
        asks: &[Level],
        mut on_change: impl FnMut(LevelChange),
    ) -> Result<(), BookError> {
        check(Side::Buy, bids)?;
        check(Side::Sell, asks)?;
        for (side, levels, book) in [
            (Side::Buy, bids, &mut self.bids),
            (Side::Sell, asks, &mut self.asks),
        ] {
            for level in levels {
                let before = book.set(level.price.units(), level.qty.units());
                if before != level.qty.units() {
                    on_change(LevelChange {
                        side,
                        price: level.price,
                        before: Qty::from_units(before),
                        now: level.qty,
                    });
                }
            }
        }
        Ok(())
    }

    /// Best bid.
    #[inline]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.best()
    }

    /// Best ask.
    #[inline]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.best()
    }

    /// Size resting at a price, zero if there is no level.
    pub fn qty_at(&self, side: Side, price: Price) -> Qty {
        Qty::from_units(self.side(side).get(price.units()))
    }

    /// Price of the `n`-th best level (n ≥ 1), or of the last one when there are fewer; `None` on an empty side.
    #[inline]
    pub fn nth_price(&self, side: Side, n: usize) -> Option<Price> {
        self.side(side).nth_price(n).map(Price::from_units)
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.side(side).iter()
    }

    /// Puts the best `n` levels of a side into `out`, best first; `out` is cleared before.
    pub fn top_into(&self, side: Side, n: usize, out: &mut Vec<Level>) {
        self.side(side).top_into(n, out);
    }

    /// How many levels a side has.
    pub fn len(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// Whether both sides are empty.
    pub fn is_empty(&self) -> bool {
        self.bids.len() == 0 && self.asks.len() == 0
    }

    /// Whether the best bid is at or above the best ask.
    #[inline]
    pub fn is_crossed(&self) -> bool {
        match (self.bids.best(), self.asks.best()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// The whole book as text: a line `bid <price> <size>` a level, best first, then the asks.
    pub fn print(&self, price_scale: Scale, qty_scale: Scale) -> String {
        let mut text = String::new();
        for (name, side) in [("bid", &self.bids), ("ask", &self.asks)] {
            for level in side.iter() {
                writeln!(
                    text,
                    "{name} {} {}",
                    level.price.decimal(price_scale),
                    level.qty.decimal(qty_scale)
                )
                .expect("writing to a string cannot fail");
            }
        }
        text
    }

    /// xxh3-64 of [`OrderBook::print`]: equal for equal books, whatever scale they are kept at.
    pub fn digest(&self, price_scale: Scale, qty_scale: Scale) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.print(price_scale, qty_scale).as_bytes())
    }

    fn side(&self, side: Side) -> &BookSide {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }
}

impl PartialEq for OrderBook {
    /// Equal levels, wherever they are kept.
    fn eq(&self, other: &Self) -> bool {
        self.bids.iter().eq(other.bids.iter()) && self.asks.iter().eq(other.asks.iter())
    }
}

impl Eq for OrderBook {}

#[inline]
fn check(side: Side, levels: &[Level]) -> Result<(), BookError> {
    for level in levels {
        if level.price.units() <= 0 {
            return Err(BookError::Price {
                side,
                units: level.price.units(),
            });
        }
        if level.qty.units() < 0 {
            return Err(BookError::Qty {
                side,
                price: level.price.units(),
                units: level.qty.units(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
