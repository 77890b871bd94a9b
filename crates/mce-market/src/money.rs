//! Money in the quote currency: notional, cash, profit and fees, as integers.
//!
//! One unit is 10⁻¹⁸ of the quote currency, wide enough (128 bits) for 10²⁰ of it. A price times a size is
//! exact whenever the two scales have at most 18 decimals together or the product's digits allow it.

use crate::decimal::Scale;
use crate::price::{Price, Qty};
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// An amount of the quote currency in units of 10⁻¹⁸.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

const DECIMALS: u32 = 18;

/// Why a price times a size could not be made into money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The product has a digit beyond 18 decimals.
    #[error(
        "{price_units} x {qty_units} units at {decimals} decimals together is not a multiple of 10^-18"
    )]
    Inexact {
        /// Price in units.
        price_units: i64,
        /// Size in units.
        qty_units: i64,
        /// Decimals of price and size together.
        decimals: u32,
    },
}

impl Money {
    /// None of it.
    pub const ZERO: Money = Money(0);

    /// From units of 10⁻¹⁸.
    pub const fn from_units(units: i128) -> Self {
        Money(units)
    }

    /// Units of 10⁻¹⁸.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// A whole number of the currency.
    pub const fn from_whole(whole: i64) -> Self {
        Money(whole as i128 * 10i128.pow(DECIMALS))
    }

    /// `price` × `qty`; the sign is the size's.
    ///
    /// # Errors
    /// [`MoneyError::Inexact`] when the product has a digit beyond 18 decimals.
    pub fn notional(
        price: Price,
        price_scale: Scale,
        qty: Qty,
        qty_scale: Scale,
    ) -> Result<Self, MoneyError> {
        let decimals = u32::from(price_scale.decimals()) + u32::from(qty_scale.decimals());
        let product = i128::from(price.units()) * i128::from(qty.units());
        if decimals <= DECIMALS {
            // At most 2^126 · 10^18 would overflow, but a scale of few decimals leaves room: checked all the same.
            return product
                .checked_mul(10i128.pow(DECIMALS - decimals))
                .map(Money)
                .ok_or(MoneyError::Inexact {
                    price_units: price.units(),
                    qty_units: qty.units(),
                    decimals,
                });
        }
        let divisor = 10i128.pow(decimals - DECIMALS);
        if product % divisor != 0 {
            return Err(MoneyError::Inexact {
                price_units: price.units(),
                qty_units: qty.units(),
                decimals,
            });
        }
        Ok(Money(product / divisor))
    }

    /// As a float, for ratios and reports.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e18
    }

    /// The nearest amount to a finite float, `None` for one that is not finite or beyond range. For configuration
    /// and sizing; never for accounting.
    pub fn from_f64(amount: f64) -> Option<Self> {
        let units = amount * 1e18;
        (units.is_finite() && units.abs() < 1.7e38).then(|| Money(units.round() as i128))
    }

    /// Its absolute amount.
    pub fn abs(self) -> Self {
        Money(self.0.abs())
    }

    /// The fee on an amount of |self| at `rate`, rounded away from zero so that a charge is never understated.
    pub fn fee(self, rate: FeeRate) -> Self {
        let product = self.0.abs() * i128::from(rate.0);
        let whole = FeeRate::ONE as i128;
        let fee = product / whole;
        let rest = product % whole;
        Money(fee + rest.signum())
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        self.0 -= other.0;
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Money>>(iter: I) -> Money {
        iter.fold(Money::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Exact decimal text without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10u128.pow(DECIMALS);
        let units = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", units / one)?;
        let rest = units % one;
        if rest != 0 {
            let text = format!("{rest:018}");
            write!(f, ".{}", text.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// A proportional fee in units of 10⁻⁸ of the notional (1 basis point = 10,000 units). Negative is a rebate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeeRate(i32);

impl FeeRate {
    /// No fee.
    pub const ZERO: FeeRate = FeeRate(0);
    const ONE: i64 = 100_000_000;

    /// A rate in basis points, to the nearest 10⁻⁴ bp; `None` unless within ±1000 bp.
    pub fn from_bps(bps: f64) -> Option<Self> {
        (bps.is_finite() && bps.abs() <= 1000.0).then(|| FeeRate((bps * 10_000.0).round() as i32))
    }

    /// The rate in basis points.
    pub fn bps(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scale(decimals: u8) -> Scale {
        Scale::new(decimals).unwrap()
    }

    #[test]
    fn notional_is_exact() {
        let money = Money::notional(
            Price::from_units(6_183_763),
            scale(2),
            Qty::from_units(-154_698_000),
            scale(8),
        )
        .unwrap();
        assert_eq!(money.to_string(), "-95661.5768574");
        assert_eq!(
            Money::notional(
                Price::from_units(1),
                scale(12),
                Qty::from_units(1),
                scale(12)
            ),
            Err(MoneyError::Inexact {
                price_units: 1,
                qty_units: 1,
                decimals: 24
            })
        );
    }

    #[test]
    fn fees_are_rounded_against_the_payer() {
        let rate = FeeRate::from_bps(10.0).unwrap();
        assert_eq!(Money::from_whole(1000).fee(rate), Money::from_whole(1));
        assert_eq!(Money::from_units(1).fee(rate), Money::from_units(1));
        assert_eq!(Money::from_units(1).fee(FeeRate::ZERO), Money::ZERO);
        let rebate = FeeRate::from_bps(-1.0).unwrap();
        assert_eq!(
            Money::from_whole(-10_000).fee(rebate),
            Money::from_whole(-1)
        );
    }

    proptest! {
        #[test]
        fn notional_is_linear_in_size(price in 1i64..1_000_000_000_000, a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000) {
            let n = |q| Money::notional(Price::from_units(price), scale(8), Qty::from_units(q), scale(8)).unwrap();
            prop_assert_eq!(n(a) + n(b), n(a + b));
        }
    }
}
