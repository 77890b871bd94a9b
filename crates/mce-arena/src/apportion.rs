//! Splitting whole things among several without losing a unit.

use mce_market::Money;

/// `amount` × `part` / `whole`, cut towards zero, without overflow on the way; 0 ≤ `part` ≤ `whole`, `whole` > 0.
pub(crate) fn share(amount: Money, part: i64, whole: i64) -> Money {
    debug_assert!(0 <= part && part <= whole && whole > 0);
    let (amount, part, whole) = (amount.units(), i128::from(part), i128::from(whole));
    // The rest is below 2^63, so its product is below 2^126; the quotient's product is below |amount|.
    Money::from_units(amount / whole * part + amount % whole * part / whole)
}

/// Splits `total` (≥ 0) in proportion to `weights` (≥ 0, their sum ≥ `total`) in steps of `step` (> 0), by largest
/// remainder, ties to the first. Nobody gets more than his weight; the parts sum to `total`. What of `total` is no
/// whole step goes to the first who has room for it.
pub(crate) fn apportion(total: i64, weights: &[i64], step: i64) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|w| i128::from(*w)).sum();
    debug_assert!(total >= 0 && step > 0 && i128::from(total) <= sum);
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let steps = i128::from(total / step);
    let mut parts = Vec::with_capacity(weights.len());
    let mut rests: Vec<(i128, usize)> = Vec::with_capacity(weights.len());
    for (at, weight) in weights.iter().enumerate() {
        let scaled = steps * i128::from(*weight);
        // Both factors are below 2^63.
        parts.push((scaled / sum) as i64 * step);
        rests.push((scaled % sum, at));
    }
    let mut left = total - parts.iter().sum::<i64>();
    rests.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, at) in &rests {
        if left >= step && parts[*at] + step <= weights[*at] {
            parts[*at] += step;
            left -= step;
        }
    }
    for (part, weight) in parts.iter_mut().zip(weights) {
        let room = (weight - *part).min(left);
        *part += room;
        left -= room;
    }
    debug_assert_eq!(left, 0);
    parts
}

/// Splits `amount` in proportion to `parts` (≥ 0, not all 0); the last who has a part takes what rounding leaves, so
/// that the pieces sum to `amount`.
pub(crate) fn split(amount: Money, parts: &[i64]) -> Vec<Money> {
    let mut whole: i64 = parts.iter().sum();
    let mut left = amount;
    parts
        .iter()
        .map(|part| {
            if *part == 0 {
                return Money::ZERO;
            }
            let piece = share(left, *part, whole);
            whole -= part;
            left -= piece;
            piece
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_go_to_the_largest_remainder() {
        for (total, weights, step, expected) in [
            (10, vec![10, 10, 10], 1, vec![4, 3, 3]),
            (10, vec![30, 10], 1, vec![8, 2]),
            (100, vec![300, 100, 200], 100, vec![100, 0, 0]),
            (500, vec![300, 100, 200], 100, vec![200, 100, 200]),
            (25, vec![20, 20], 10, vec![15, 10]),
            (0, vec![5, 0], 1, vec![0, 0]),
            (0, vec![0], 1, vec![0]),
        ] {
            assert_eq!(
                apportion(total, &weights, step),
                expected,
                "{total} {weights:?}"
            );
        }
    }

    #[test]
    fn a_share_needs_no_wider_integer() {
        let all = Money::from_units(i128::MAX);
        assert_eq!(share(all, i64::MAX, i64::MAX), all);
        assert_eq!(share(Money::from_units(-7), 1, 2), Money::from_units(-3));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            weights in prop::collection::vec(0i64..1_000_000, 1..8),
            step in 1i64..50,
            pick in 0.0f64..=1.0,
            amount in any::<i64>(),
        ) {
            let sum: i64 = weights.iter().sum();
            let total = (sum as f64 * pick) as i64;
            let parts = apportion(total, &weights, step);
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(*part >= 0 && part <= weight);
            }
            let amount = Money::from_units(i128::from(amount));
            if parts.iter().any(|p| *p > 0) {
                prop_assert_eq!(split(amount, &parts).into_iter().sum::<Money>(), amount);
            }
        }
    }
}
