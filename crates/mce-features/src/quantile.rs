//! Quantiles by linear interpolation between order statistics.

/// The `q` quantile (0 ≤ q ≤ 1) of values in ascending order, at position q·(n − 1); `None` without any.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q * last as f64;
    let low = (position.floor() as usize).min(last);
    let high = (low + 1).min(last);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (position - low as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sorted: &[f64], q: f64, expected: Option<f64>) {
        assert_eq!(quantile(sorted, q), expected, "{sorted:?} {q}");
    }

    #[test]
    fn quantiles_are_linear_between_order_statistics() {
        check(&[], 0.5, None);
        check(&[3.0], 0.95, Some(3.0));
        check(&[1.0, 2.0, 4.0, 8.0], 0.0, Some(1.0));
        check(&[1.0, 2.0, 4.0, 8.0], 1.0, Some(8.0));
        check(&[1.0, 2.0, 4.0, 8.0], 0.5, Some(3.0));
        check(&[1.0, 2.0, 4.0, 8.0, 16.0], 0.25, Some(2.0));
    }
}
