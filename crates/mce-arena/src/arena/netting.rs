//! What cancels out between agents, and what is left to trade.

use crate::apportion::apportion;

/// The wishes of agents, split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Netting {
    /// Units that buyers and sellers trade with each other.
    pub(super) crossed: i64,
    /// Signed units that each agent trades with the others; they sum to 0.
    pub(super) crosses: Vec<i64>,
    /// Signed units left of each wish, all of one sign.
    pub(super) left: Vec<i64>,
}

/// Nets signed wishes, each a whole number of lots, their absolute sum 64 bits at most. The smaller side is served in
/// full, the larger one pro rata in lots.
pub(super) fn net(wishes: &[i64], lot: i64) -> Netting {
    let side = |sign: i64| -> Vec<i64> { wishes.iter().map(|wish| (wish * sign).max(0)).collect() };
    let (buys, sells) = (side(1), side(-1));
    let crossed = buys.iter().sum::<i64>().min(sells.iter().sum());
    let buys_crossed = apportion(crossed, &buys, lot);
    let sells_crossed = apportion(crossed, &sells, lot);
    let crosses: Vec<i64> = buys_crossed
        .iter()
        .zip(&sells_crossed)
        .map(|(buy, sell)| buy - sell)
        .collect();
    let left = wishes.iter().zip(&crosses).map(|(w, c)| w - c).collect();
    Netting {
        crossed,
        crosses,
        left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(wishes: &[i64], lot: i64, crosses: &[i64], left: &[i64]) {
        let got = net(wishes, lot);
        assert_eq!(
            (got.crosses.as_slice(), got.left.as_slice()),
            (crosses, left),
            "{wishes:?}"
        );
    }

    #[test]
    fn the_smaller_side_is_served_in_full() {
        check(&[10, -4], 1, &[4, -4], &[6, 0]);
        check(&[-10, 4, 2], 1, &[-6, 4, 2], &[-4, 0, 0]);
        check(&[30, 10, -20], 10, &[20, 0, -20], &[10, 10, 0]);
        check(&[5, 0, 5], 1, &[0, 0, 0], &[5, 0, 5]);
        check(&[], 1, &[], &[]);
    }

    proptest! {
        #[test]
        fn netting_keeps_every_unit(
            lots in prop::collection::vec(-1_000_000i64..1_000_000, 0..8), lot in 1i64..1000,
        ) {
            let wishes: Vec<i64> = lots.iter().map(|n| n * lot).collect();
            let got = net(&wishes, lot);
            prop_assert_eq!(got.crosses.iter().sum::<i64>(), 0);
            prop_assert_eq!(got.left.iter().sum::<i64>(), wishes.iter().sum::<i64>());
            let buys = got.left.iter().any(|units| *units > 0);
            let sells = got.left.iter().any(|units| *units < 0);
            prop_assert!(!(buys && sells));
            for ((wish, cross), left) in wishes.iter().zip(&got.crosses).zip(&got.left) {
                prop_assert_eq!(cross + left, *wish);
                prop_assert!(cross.signum() * wish.signum() >= 0 && cross.abs() <= wish.abs());
                prop_assert_eq!((cross % lot, left % lot), (0, 0));
            }
        }
    }
}
