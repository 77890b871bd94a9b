//! Prices and sizes as integers at an instrument's own scale, and the level that joins them.

use crate::decimal::{Decimal, DecimalError, Scale};
use std::fmt;

macro_rules! scaled_integer {
    ($name:ident, $what:literal) => {
        #[doc = concat!("A ", $what, " in units of its instrument's scale; the scale travels with the instrument.")]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: $name = $name(0);

            /// From units of the instrument's scale.
            #[inline]
            pub const fn from_units(units: i64) -> Self {
                $name(units)
            }

            /// Units of the instrument's scale.
            #[inline]
            pub const fn units(self) -> i64 {
                self.0
            }

            /// Reads decimal text at `scale`.
            ///
            /// # Errors
            /// As [`Decimal::parse`] and [`Decimal::to_units`]: malformed, out of range or inexact.
            #[inline]
            pub fn parse(text: &[u8], scale: Scale) -> Result<Self, DecimalError> {
                Decimal::parse(text)?.to_units(scale).map($name)
            }

            /// The decimal it stands for at `scale`.
            pub fn decimal(self, scale: Scale) -> Decimal {
                Decimal::from_units(self.0, scale.decimals())
            }

            /// As a float: where features begin. Nearest to the decimal while |units| < 2^53.
            #[inline]
            pub fn to_f64(self, scale: Scale) -> f64 {
                scale.to_f64(self.0)
            }

            /// Sum, or `None` beyond 64 bits.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map($name)
            }

            /// Difference, or `None` beyond 64 bits.
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map($name)
            }
        }

        impl fmt::Display for $name {
            /// Units, since the scale is not known here; use [`Self::decimal`] for people.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} units", self.0)
            }
        }
    };
}

scaled_integer!(Price, "price");
scaled_integer!(Qty, "size");

/// Which side of the book, or of a trade: a buyer's or a seller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Bids; a buy.
    Buy,
    /// Asks; a sell.
    Sell,
}

impl Side {
    /// The other side.
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// +1 for a buy, −1 for a sell.
    pub fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        })
    }
}

/// One price level: total size resting at a price. In a delta, size zero means that the level is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Level {
    /// Price in units of the instrument's price scale.
    pub price: Price,
    /// Size in units of the instrument's size scale.
    pub qty: Qty,
}

impl Level {
    /// A level from its parts.
    pub const fn new(price: Price, qty: Qty) -> Self {
        Level { price, qty }
    }
}
