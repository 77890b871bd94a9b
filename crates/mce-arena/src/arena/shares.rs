//! Who has which share of the account's capital.

use crate::apportion::{share, split};
use mce_market::Money;

/// Shares of the capital in parts of 10⁻⁹, one an agent, summing to 1. Integers, so that capital is split to the unit
/// and a re-allocation is the same on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapitalShares {
    parts: Vec<i64>,
}

/// Parts in the whole.
const WHOLE: i64 = 1_000_000_000;

impl CapitalShares {
    /// Equal shares for `n` agents; the first ones have the parts that do not divide.
    pub fn equal(n: usize) -> Self {
        // More agents than parts would have nothing each; the arena's agents fit memory many times over.
        let count = i64::try_from(n.max(1)).unwrap_or(WHOLE);
        let (each, rest) = (WHOLE / count, WHOLE % count);
        CapitalShares {
            parts: (0..n as i64)
                .map(|at| each + i64::from(at < rest))
                .collect(),
        }
    }

    /// The share of the agent at index `at` in `amount`, cut towards zero; nothing for an index without a share.
    pub fn of(&self, at: usize, amount: Money) -> Money {
        self.parts
            .get(at)
            .map_or(Money::ZERO, |part| share(amount, *part, WHOLE))
    }

    /// `amount` split among all, to the unit.
    pub fn split(&self, amount: Money) -> Vec<Money> {
        split(amount, &self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_are_equal_and_whole() {
        let shares = CapitalShares::equal(3);
        let pieces = shares.split(Money::from_whole(100));
        assert_eq!(
            pieces.iter().copied().sum::<Money>(),
            Money::from_whole(100)
        );
        assert_eq!(pieces[0].to_string(), "33.3333334");
        assert_eq!(
            shares.of(1, Money::from_whole(100)).to_string(),
            "33.3333333"
        );
        assert_eq!(shares.of(3, Money::from_whole(100)), Money::ZERO);
        assert_eq!(
            CapitalShares::equal(1).of(0, Money::from_units(7)),
            Money::from_units(7)
        );
    }
}
