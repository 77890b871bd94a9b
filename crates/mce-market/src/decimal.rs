//! Decimal numbers as venues write them, without a float in between.
//!
//! [`Decimal`] is what a number says by itself (`61837.63000000` is 6183763 at two decimals: trailing zeros never
//! count); [`Scale`] is what an instrument promises. Going from one to the other is exact or an error.

use std::fmt;

/// Number of decimals that one unit of an integer price or size stands for: 0 to 12.
///
/// At scale 2, the integer 6183763 is the decimal 61837.63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scale(u8);

const POW10: [i64; 19] = {
    let mut table = [1i64; 19];
    let mut i = 1;
    while i < 19 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

impl Scale {
    /// The largest scale an instrument may have.
    pub const MAX: u8 = 12;
    /// Eight decimals: what offline input is read with unless a tick or lot says otherwise.
    pub const EIGHT: Scale = Scale(8);

    /// A scale of `decimals` decimals.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] above [`Scale::MAX`].
    pub fn new(decimals: u8) -> Result<Self, DecimalError> {
        if decimals > Self::MAX {
            return Err(DecimalError::Scale { decimals });
        }
        Ok(Scale(decimals))
    }

    /// Number of decimals.
    pub fn decimals(self) -> u8 {
        self.0
    }

    /// Units in 1: 10^decimals.
    pub fn units_per_one(self) -> i64 {
        POW10[usize::from(self.0)]
    }

    /// `units` at this scale as a float. Exactly the float nearest to the decimal while |units| < 2^53.
    pub fn to_f64(self, units: i64) -> f64 {
        units as f64 / self.units_per_one() as f64
    }
}

/// What is wrong with a decimal text or its fit to a scale.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is not a plain decimal number.
    #[error("expected a decimal number such as 61837.63, got {text:?}")]
    Malformed {
        /// The offending text, cut to 40 bytes.
        text: String,
    },
    /// The number does not fit 64 bits at the wanted scale.
    #[error("{text} is out of range: at {decimals} decimals it does not fit 64 bits")]
    Overflow {
        /// The number as text.
        text: String,
        /// The scale it was wanted at.
        decimals: u8,
    },
    /// The number has a non-zero digit beyond the scale.
    #[error(
        "{text} has more than {decimals} decimals: expected a multiple of 10^-{decimals}; give the instrument's tick and lot"
    )]
    Inexact {
        /// The number as text.
        text: String,
        /// The scale it was wanted at.
        decimals: u8,
    },
    /// The scale itself is out of range.
    #[error("a scale of {decimals} decimals is out of range: expected 0 to 12")]
    Scale {
        /// The refused number of decimals.
        decimals: u8,
    },
}

/// A decimal number by its own digits: `mantissa` × 10^−`decimals`, with no trailing zero after the point.
///
/// Two texts of the same number are the same `Decimal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i64,
    decimals: u8,
}

impl Decimal {
    /// Reads a plain decimal: optional `-`, digits, optionally a point and digits; an exponent (`1e-7`, `2.5E3`) is
    /// understood, since venues write it in JSON numbers.
    ///
    /// # Errors
    /// [`DecimalError::Malformed`] when it is no number, [`DecimalError::Overflow`] when its significant digits do
    /// not fit 64 bits or it has more than 18 decimals.
    #[inline]
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.first() {
            Some(b'-') => (true, &text[1..]),
            _ => (false, text),
        };
        // Digits are taken up to the last one that is not zero, so that "0.10000000000000000000" is fine.
        let mut mantissa: u64 = 0;
        let mut kept: u64 = 0; // the mantissa up to the last significant digit seen
        let mut kept_decimals: u32 = 0;
        let mut decimals: u32 = 0;
        let mut seen_point = false;
        let mut seen_digit = false;
        let mut overflow = false;
        let mut at = 0;
        while at < digits.len() {
            let byte = digits[at];
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                seen_digit = true;
                match mantissa
                    .checked_mul(10)
                    .and_then(|m| m.checked_add(u64::from(digit)))
                {
                    Some(m) if !overflow => mantissa = m,
                    _ => {
                        // Zeros after the last significant decimal may run past 64 bits harmlessly.
                        if digit != 0 || !seen_point {
                            return Err(Self::overflow(text, 0));
                        }
                        overflow = true;
                    }
                }
                if seen_point {
                    decimals += 1;
                }
                if digit != 0 || !seen_point {
                    if overflow {
                        return Err(Self::overflow(text, 0));
                    }
                    kept = mantissa;
                    kept_decimals = decimals;
                }
            } else if byte == b'.' && !seen_point && seen_digit {
                seen_point = true;
            } else {
                break;
            }
            at += 1;
        }
        if !seen_digit || digits[at - 1] == b'.' {
            return Err(Self::malformed(text));
        }
        let mantissa = i64::try_from(kept).map_err(|_| Self::overflow(text, 0))?;
        let mantissa = if negative { -mantissa } else { mantissa };
        if at < digits.len() {
            return Self::with_exponent(text, mantissa, kept_decimals, &digits[at..]);
        }
        if kept_decimals > 18 {
            return Err(Self::overflow(text, 18));
        }
        Ok(Decimal {
            mantissa,
            decimals: kept_decimals as u8,
        })
    }

    #[cold]
    fn with_exponent(
        text: &[u8],
        mantissa: i64,
        decimals: u32,
        rest: &[u8],
    ) -> Result<Self, DecimalError> {
        let exponent: i32 = match rest {
            [b'e' | b'E', exponent @ ..] => std::str::from_utf8(exponent)
                .ok()
                .and_then(|e| e.parse().ok())
                .ok_or_else(|| Self::malformed(text))?,
            _ => return Err(Self::malformed(text)),
        };
        if mantissa == 0 {
            return Ok(Decimal {
                mantissa: 0,
                decimals: 0,
            });
        }
        let decimals = i64::from(decimals) - i64::from(exponent);
        let (mantissa, decimals) = if decimals < 0 {
            let up = usize::try_from(-decimals)
                .ok()
                .and_then(|d| POW10.get(d))
                .and_then(|p| mantissa.checked_mul(*p))
                .ok_or_else(|| Self::overflow(text, 0))?;
            (up, 0)
        } else if decimals > 18 {
            return Err(Self::overflow(text, 18));
        } else {
            (mantissa, decimals as u8)
        };
        Ok(Self::from_units(mantissa, decimals))
    }

    /// `units` × 10^−`decimals`, trailing zeros removed.
    pub fn from_units(units: i64, decimals: u8) -> Self {
        let (mut mantissa, mut decimals) = (units, decimals);
        while decimals > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            decimals -= 1;
        }
        Decimal { mantissa, decimals }
    }

    /// Significant digits as an integer.
    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Decimals that the mantissa has.
    pub fn decimals(self) -> u8 {
        self.decimals
    }

    /// The number in units of `scale`.
    ///
    /// # Errors
    /// [`DecimalError::Inexact`] when it has more decimals than the scale, [`DecimalError::Overflow`] when it does
    /// not fit 64 bits there.
    #[inline]
    pub fn to_units(self, scale: Scale) -> Result<i64, DecimalError> {
        let Some(missing) = scale.0.checked_sub(self.decimals) else {
            return Err(DecimalError::Inexact {
                text: self.to_string(),
                decimals: scale.0,
            });
        };
        self.mantissa
            .checked_mul(POW10[usize::from(missing)])
            .ok_or_else(|| DecimalError::Overflow {
                text: self.to_string(),
                decimals: scale.0,
            })
    }

    /// The float nearest to the number while the mantissa is below 2^53.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / POW10[usize::from(self.decimals)] as f64
    }

    /// The smallest scale that holds the number exactly.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] above 12 decimals.
    pub fn scale(self) -> Result<Scale, DecimalError> {
        Scale::new(self.decimals)
    }

    #[cold]
    fn malformed(text: &[u8]) -> DecimalError {
        DecimalError::Malformed {
            text: String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned(),
        }
    }

    #[cold]
    fn overflow(text: &[u8], decimals: u8) -> DecimalError {
        DecimalError::Overflow {
            text: String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned(),
            decimals,
        }
    }
}

impl std::str::FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Decimal::parse(text.as_bytes())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        if self.decimals == 0 {
            return write!(f, "{sign}{digits}");
        }
        let one = POW10[usize::from(self.decimals)].unsigned_abs();
        write!(
            f,
            "{sign}{}.{:0width$}",
            digits / one,
            digits % one,
            width = usize::from(self.decimals)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, decimals: u8, expected: Result<i64, &str>) {
        let scale = Scale::new(decimals).expect("a legal scale in the test");
        let got = text.parse::<Decimal>().and_then(|d| d.to_units(scale));
        match (got, expected) {
            (Ok(units), Ok(want)) => assert_eq!(units, want, "{text}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{text}: {error}");
            }
            (got, want) => panic!("{text}: got {got:?}, expected {want:?}"),
        }
    }

    #[test]
    fn texts_become_units_exactly_or_fail() {
        check("61837.63000000", 2, Ok(6_183_763));
        check("61837.63", 8, Ok(6_183_763_000_000));
        check("0.00000000", 2, Ok(0));
        check("-0.5", 1, Ok(-5));
        check("1e-7", 8, Ok(10));
        check("2.5E3", 0, Ok(2500));
        check("0.10000000000000000000000000", 1, Ok(1));
        check("9223372036854775807", 0, Ok(i64::MAX));
        check("9223372036854775808", 0, Err("out of range"));
        check("92233720368547758.08", 8, Err("out of range"));
        check("0.123", 2, Err("more than 2 decimals"));
        check("0.0000000000000000001", 12, Err("out of range"));
        for bad in [
            "", "-", ".", "1.", ".5", "1.2.3", "abc", "1 ", "+1", "0x10", "1e", "NaN", "--1",
        ] {
            check(bad, 8, Err("expected a decimal number"));
        }
    }

    #[test]
    fn a_scale_has_at_most_twelve_decimals() {
        assert!(Scale::new(12).is_ok());
        assert_eq!(Scale::new(13), Err(DecimalError::Scale { decimals: 13 }));
    }

    proptest! {
        #[test]
        fn text_and_units_are_inverse(units: i64, decimals in 0u8..=12) {
            let scale = Scale::new(decimals).unwrap();
            let text = Decimal::from_units(units, decimals).to_string();
            prop_assert_eq!(text.parse::<Decimal>().unwrap().to_units(scale).unwrap(), units);
        }

        #[test]
        fn floats_of_units_are_the_floats_of_their_text(units in -(1i64 << 53)..(1i64 << 53), decimals in 0u8..=12) {
            let scale = Scale::new(decimals).unwrap();
            let text = Decimal::from_units(units, decimals).to_string();
            prop_assert_eq!(scale.to_f64(units), text.parse::<f64>().unwrap());
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
            let _ = Decimal::parse(&bytes);
        }

        #[test]
        fn numbers_that_rust_reads_are_read_alike(text in "-?[0-9]{1,9}(\\.[0-9]{1,6})?(e-?[0-3])?") {
            let ours = Decimal::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(ours.to_f64(), text.parse::<f64>().unwrap());
        }
    }
}
