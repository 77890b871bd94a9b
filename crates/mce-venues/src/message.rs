//! What decoders of every venue hand over: numbers as exact decimals, before an instrument gives them scales.

use mce_market::{Decimal, DecimalError, Level, Price, Qty, Scale};

/// A price level as the venue wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalLevel {
    /// Price.
    pub price: Decimal,
    /// Size; zero removes the level in an update.
    pub qty: Decimal,
}

/// The scales of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scales {
    pub(crate) price: Scale,
    pub(crate) qty: Scale,
}

/// Which number of a frame was refused and why; the venue, symbol and time are added by whoever knows them.
#[derive(Debug)]
pub(crate) struct BadNumber {
    pub(crate) field: &'static str,
    pub(crate) price: Decimal,
    pub(crate) problem: NumberProblem,
}

/// What is wrong with a number.
#[derive(Debug)]
pub(crate) enum NumberProblem {
    Decimal(DecimalError),
    Sign(Decimal),
}

impl Scales {
    /// A level at these scales: price above 0, size 0 or more.
    #[inline]
    pub(crate) fn level(self, level: DecimalLevel) -> Result<Level, BadNumber> {
        match (
            level.price.to_units(self.price),
            level.qty.to_units(self.qty),
        ) {
            (Ok(price), Ok(qty)) if price > 0 && qty >= 0 => {
                Ok(Level::new(Price::from_units(price), Qty::from_units(qty)))
            }
            (price, qty) => Err(refused(level, price, qty)),
        }
    }

    /// A level whose size is above 0 too, as of a trade.
    #[inline]
    pub(crate) fn filled_level(self, level: DecimalLevel) -> Result<Level, BadNumber> {
        let filled = self.level(level)?;
        if filled.qty == Qty::ZERO {
            return Err(refused(level, Ok(filled.price.units()), Ok(0)));
        }
        Ok(filled)
    }

    /// A size above 0; the price is there for the message.
    pub(crate) fn filled_qty(self, level: DecimalLevel) -> Result<Qty, BadNumber> {
        match level.qty.to_units(self.qty) {
            Ok(units) if units > 0 => Ok(Qty::from_units(units)),
            qty => Err(refused(level, Ok(1), qty)),
        }
    }

    /// All levels at these scales, appended to `out`.
    #[inline]
    pub(crate) fn levels(
        self,
        levels: &[DecimalLevel],
        out: &mut Vec<Level>,
    ) -> Result<(), BadNumber> {
        out.reserve(levels.len());
        for level in levels {
            out.push(self.level(*level)?);
        }
        Ok(())
    }

    /// A price that is an average of prices, and so need not lie on the scale: rounded to the nearest unit, halves up.
    pub(crate) fn average_price(self, price: Decimal) -> Result<Price, BadNumber> {
        let excess = price.decimals().saturating_sub(self.price.decimals());
        let rounded = if excess == 0 {
            price
        } else {
            let divisor = 10i64.pow(u32::from(excess));
            let half_up = price.mantissa().div_euclid(divisor)
                + i64::from(price.mantissa().rem_euclid(divisor) >= divisor / 2);
            Decimal::from_units(half_up, self.price.decimals())
        };
        match rounded.to_units(self.price) {
            Ok(units) if units > 0 => Ok(Price::from_units(units)),
            Ok(_) => Err(BadNumber {
                field: "average price",
                price,
                problem: NumberProblem::Sign(price),
            }),
            Err(error) => Err(BadNumber {
                field: "average price",
                price,
                problem: NumberProblem::Decimal(error),
            }),
        }
    }
}

#[cold]
fn refused(
    level: DecimalLevel,
    price: Result<i64, DecimalError>,
    qty: Result<i64, DecimalError>,
) -> BadNumber {
    let (field, problem) = match (price, qty) {
        (Err(error), _) => ("price", NumberProblem::Decimal(error)),
        (Ok(units), _) if units <= 0 => ("price", NumberProblem::Sign(level.price)),
        (_, Err(error)) => ("size", NumberProblem::Decimal(error)),
        (_, Ok(_)) => ("size", NumberProblem::Sign(level.qty)),
    };
    BadNumber {
        field,
        price: level.price,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALES: Scales = Scales {
        price: Scale::EIGHT,
        qty: Scale::EIGHT,
    };

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn averages_round_to_the_nearest_unit() {
        let one_decimal = Scales {
            price: Scale::new(1).unwrap(),
            qty: Scale::EIGHT,
        };
        for (text, units) in [
            ("4706.04", 47060),
            ("4706.05", 47061),
            ("4706.1", 47061),
            ("4706", 47060),
        ] {
            let price = one_decimal.average_price(decimal(text)).unwrap();
            assert_eq!(price.units(), units, "{text}");
        }
        assert!(one_decimal.average_price(decimal("0.04")).is_err());
        assert!(SCALES.average_price(decimal("-1")).is_err());
    }

    #[test]
    fn levels_need_a_price_above_0_and_a_size_of_0_or_more() {
        for (price, qty, field) in [
            ("0", "1", "price"),
            ("-1", "1", "price"),
            ("1", "-1", "size"),
            ("0.000000001", "1", "price"),
            ("1", "0.000000001", "size"),
            ("92233720368547758", "1", "price"),
        ] {
            let level = DecimalLevel {
                price: decimal(price),
                qty: decimal(qty),
            };
            assert_eq!(SCALES.level(level).unwrap_err().field, field);
        }
        let gone = DecimalLevel {
            price: decimal("1"),
            qty: decimal("0"),
        };
        assert!(SCALES.level(gone).is_ok());
        assert_eq!(SCALES.filled_level(gone).unwrap_err().field, "size");
    }
}
