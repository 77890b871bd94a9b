//! Figures of merit, from plain slices. All of them are `None` where they are not defined (too few rows, no
//! variation, one class only), never NaN.

/// Pearson correlation: the information coefficient of a forecast.
pub fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    debug_assert_eq!(x.len(), y.len());
    let n = x.len() as f64;
    if x.len() < 3 {
        return None;
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (mx, my) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        let (a, b) = (a - mx, b - my);
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Spearman correlation: Pearson's of the ranks, ties at their mean rank.
pub fn rank_correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    correlation(&ranks(x), &ranks(y))
}

/// Ranks from 1, ties at their mean.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let value = values[order[from]];
        let to = from
            + order[from..]
                .iter()
                .take_while(|i| values[**i] == value)
                .count();
        let rank = (from + to + 1) as f64 / 2.0;
        for index in &order[from..to] {
            ranks[*index] = rank;
        }
        from = to;
    }
    ranks
}

/// t statistic of the mean of x·y (both centred and scaled) with Newey & West (1987) standard errors over `lags`
/// lags and Bartlett weights: labels of neighbouring rows overlap, so plain standard errors would be too small.
pub fn newey_west_t(x: &[f64], y: &[f64], lags: usize) -> Option<f64> {
    let n = x.len();
    if n <= lags + 2 {
        return None;
    }
    correlation(x, y)?;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n as f64;
    let (mx, my) = (mean(x), mean(y));
    let product: Vec<f64> = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).collect();
    let m = mean(&product);
    let centred: Vec<f64> = product.iter().map(|p| p - m).collect();
    let autocovariance = |lag: usize| {
        centred[lag..]
            .iter()
            .zip(&centred)
            .map(|(a, b)| a * b)
            .sum::<f64>()
            / n as f64
    };
    let mut variance = autocovariance(0);
    for lag in 1..=lags {
        variance += 2.0 * (1.0 - lag as f64 / (lags + 1) as f64) * autocovariance(lag);
    }
    (variance > 0.0).then(|| m / (variance / n as f64).sqrt())
}

/// Area under the ROC curve of `score` for `event`, ties counted half (Mann & Whitney).
pub fn roc_auc(score: &[f64], event: &[bool]) -> Option<f64> {
    let positives = event.iter().filter(|e| **e).count();
    let negatives = event.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let rank_sum: f64 = ranks(score)
        .iter()
        .zip(event)
        .filter(|(_, e)| **e)
        .map(|(r, _)| r)
        .sum();
    let positives = positives as f64;
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives as f64))
}

/// Average precision: area under the precision-recall curve as a step function, ties taken together.
pub fn pr_auc(score: &[f64], event: &[bool]) -> Option<f64> {
    let positives = event.iter().filter(|e| **e).count();
    if positives == 0 || positives == event.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|a, b| score[*b].total_cmp(&score[*a]));
    let (mut hits, mut seen, mut area) = (0usize, 0usize, 0.0);
    let mut from = 0;
    while from < order.len() {
        let value = score[order[from]];
        let to = from
            + order[from..]
                .iter()
                .take_while(|i| score[**i] == value)
                .count();
        let new = order[from..to].iter().filter(|i| event[**i]).count();
        hits += new;
        seen = to;
        area += new as f64 / positives as f64 * (hits as f64 / seen as f64);
        from = to;
    }
    debug_assert_eq!(seen, score.len());
    Some(area)
}

/// Mean squared error of a probability.
pub fn brier(probability: &[f64], event: &[bool]) -> Option<f64> {
    if probability.is_empty() {
        return None;
    }
    let sum: f64 = probability
        .iter()
        .zip(event)
        .map(|(p, e)| (p - f64::from(u8::from(*e))).powi(2))
        .sum();
    Some(sum / probability.len() as f64)
}

/// 1 − Brier / Brier of always saying `base_rate`: above 0 is better than knowing the base rate alone.
pub fn brier_skill(probability: &[f64], event: &[bool], base_rate: f64) -> Option<f64> {
    let reference = brier(&vec![base_rate; event.len()], event)?;
    let own = brier(probability, event)?;
    (reference > 0.0).then(|| 1.0 - own / reference)
}

/// One bin of a reliability table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// Rows in it.
    pub rows: usize,
    /// Mean forecast probability.
    pub forecast: f64,
    /// Share of rows in which the event came.
    pub observed: f64,
}

/// Rows sorted by probability in `bins` parts of (nearly) equal size.
pub fn reliability(probability: &[f64], event: &[bool], bins: usize) -> Vec<ReliabilityBin> {
    let mut order: Vec<usize> = (0..probability.len()).collect();
    order.sort_by(|a, b| probability[*a].total_cmp(&probability[*b]).then(a.cmp(b)));
    let n = order.len();
    (0..bins)
        .map(|bin| &order[bin * n / bins..(bin + 1) * n / bins])
        .filter(|part| !part.is_empty())
        .map(|part| {
            let rows = part.len() as f64;
            ReliabilityBin {
                rows: part.len(),
                forecast: part.iter().map(|i| probability[*i]).sum::<f64>() / rows,
                observed: part.iter().filter(|i| event[**i]).count() as f64 / rows,
            }
        })
        .collect()
}

/// Expected calibration error over 15 bins of equal mass: mean of |forecast − observed| weighted by rows.
pub fn calibration_error(probability: &[f64], event: &[bool]) -> Option<f64> {
    if probability.is_empty() {
        return None;
    }
    let n = probability.len() as f64;
    Some(
        reliability(probability, event, 15)
            .iter()
            .map(|bin| bin.rows as f64 / n * (bin.forecast - bin.observed).abs())
            .sum(),
    )
}

/// Mean of `y` in ten parts of equal size by `x`, lowest first; `None` below 100 rows.
pub fn deciles(x: &[f64], y: &[f64]) -> Option<[f64; 10]> {
    let n = x.len();
    if n < 100 {
        return None;
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]).then(a.cmp(b)));
    let mut means = [0.0; 10];
    for (bin, mean) in means.iter_mut().enumerate() {
        let part = &order[bin * n / 10..(bin + 1) * n / 10];
        *mean = part.iter().map(|i| y[*i]).sum::<f64>() / part.len() as f64;
    }
    Some(means)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: Option<f64>, want: f64) {
        let got = got.expect("a figure");
        assert!((got - want).abs() < 1e-12, "got {got}, expected {want}");
    }

    #[test]
    fn correlations_of_known_series() {
        let x = [1.0, 2.0, 3.0, 4.0];
        close(correlation(&x, &[2.0, 4.0, 6.0, 8.0]), 1.0);
        close(correlation(&x, &[4.0, 3.0, 2.0, 1.0]), -1.0);
        close(rank_correlation(&x, &[1.0, 10.0, 100.0, 1000.0]), 1.0);
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(correlation(&x, &[5.0; 4]), None);
        assert_eq!(correlation(&[], &[]), None);
    }

    #[test]
    fn curves_of_known_scores() {
        let event = [false, false, true, true];
        close(roc_auc(&[0.1, 0.4, 0.35, 0.8], &event), 0.75);
        close(
            pr_auc(&[0.1, 0.4, 0.35, 0.8], &event),
            0.5 + 0.5 * 2.0 / 3.0,
        );
        close(roc_auc(&[0.5; 4], &event), 0.5);
        close(pr_auc(&[0.5; 4], &event), 0.5);
        assert_eq!(roc_auc(&[0.1], &[true]), None);
    }

    #[test]
    fn probabilities_are_scored_against_the_base_rate() {
        let event = [true, false, false, false];
        close(brier(&[1.0, 0.0, 0.0, 0.0], &event), 0.0);
        close(brier_skill(&[1.0, 0.0, 0.0, 0.0], &event, 0.25), 1.0);
        close(brier_skill(&[0.25; 4], &event, 0.25), 0.0);
        close(calibration_error(&[0.0; 2], &[true, false]), 0.5);
    }

    #[test]
    fn overlapping_labels_widen_the_error() {
        // Each value twice: twice the rows, but no more knowledge than half of them.
        let single: Vec<f64> = (0..200).map(|i| ((i * 7919) % 101) as f64 - 50.0).collect();
        let y: Vec<f64> = single
            .iter()
            .enumerate()
            .map(|(i, x)| x + ((i * 104_729) % 97) as f64)
            .collect();
        let twice = |v: &[f64]| v.iter().flat_map(|x| [*x, *x]).collect::<Vec<_>>();
        let plain = newey_west_t(&twice(&single), &twice(&y), 0).expect("a figure");
        let robust = newey_west_t(&twice(&single), &twice(&y), 2).expect("a figure");
        assert!(robust < 0.9 * plain, "robust {robust}, plain {plain}");
    }

    proptest! {
        #[test]
        fn auc_is_the_share_of_pairs_in_order(rows in prop::collection::vec((0u8..10, any::<bool>()), 2..60)) {
            let score: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let event: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let (mut won, mut pairs) = (0.0, 0.0);
            for (a, _) in score.iter().zip(&event).filter(|(_, e)| **e) {
                for (b, _) in score.iter().zip(&event).filter(|(_, e)| !**e) {
                    pairs += 1.0;
                    won += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
                }
            }
            match roc_auc(&score, &event) {
                Some(auc) => prop_assert!((auc - won / pairs).abs() < 1e-12),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }
    }
}
