//! Losses of the heads: pinball for quantiles, binary cross-entropy for logits, and their gradients.
//!
//! The loss of a batch is Σ w·L / Σ w over the heads, with w the head's task weight and L the head's mean over the labels
//! that are there and, for quantiles, over the levels. A head without any label in the batch adds nothing. With equal
//! weights and all labels this is the mean over everything.

use crate::TftError;
use crate::config::{Head, TftConfig};
use crate::real::Real;

/// How much each head counts, in the order of the configuration's heads.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskWeights {
    weights: Vec<f64>,
}

impl TaskWeights {
    /// Every head counts the same.
    #[must_use]
    pub fn equal(config: &TftConfig) -> Self {
        Self {
            weights: vec![1.0; config.heads().len()],
        }
    }

    /// Weights by head, finite and not negative, at least one positive.
    ///
    /// # Errors
    /// [`TftError::TrainOptions`] when there is another number of them than heads, or a rule is broken.
    pub fn new(config: &TftConfig, weights: Vec<f64>) -> Result<Self, TftError> {
        let n_heads = config.heads().len();
        let mut problems = Vec::new();
        if weights.len() != n_heads {
            problems.push(format!(
                "expected {n_heads} task weights, one a head, got {}",
                weights.len()
            ));
        }
        if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || weights.iter().all(|w| *w == 0.0) {
            problems.push(format!(
                "task weights must be finite, not negative and not all 0, got {weights:?}"
            ));
        }
        if problems.is_empty() {
            Ok(Self { weights })
        } else {
            Err(TftError::TrainOptions { problems })
        }
    }

    /// The weights, in the order of the heads.
    #[must_use]
    pub fn by_head(&self) -> &[f64] {
        &self.weights
    }
}

/// The loss of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// Weighted mean over the heads; what is minimised.
    pub total: f64,
    /// Mean loss of each head, unweighted; absent when the batch has no label for it.
    pub by_head: Vec<Option<f64>>,
}

/// Sums the loss of a batch part by part. The counts of labels come first, because every gradient is divided by them.
#[derive(Debug, Clone)]
pub(crate) struct LossSums {
    heads: Vec<Head>,
    weights: Vec<f64>,
    counts: Vec<usize>,
}

impl LossSums {
    /// Starts a batch.
    pub(crate) fn new(config: &TftConfig, weights: &TaskWeights) -> Self {
        Self {
            heads: config.heads().to_vec(),
            weights: weights.weights.clone(),
            counts: vec![0; config.heads().len()],
        }
    }

    /// Forgets the labels counted.
    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// Counts the labels of a part, `[rows, heads]`.
    pub(crate) fn count<R>(&mut self, labels: &[Option<R>]) {
        for row in labels.chunks_exact(self.counts.len()) {
            for (count, label) in self.counts.iter_mut().zip(row) {
                *count += usize::from(label.is_some());
            }
        }
    }

    /// Adds the labels that `other` counted.
    pub(crate) fn add_counts(&mut self, other: &Self) {
        for (to, from) in self.counts.iter_mut().zip(&other.counts) {
            *to += *from;
        }
    }

    /// Labels counted, by head.
    pub(crate) fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Goes on from counts that were saved.
    pub(crate) fn set_counts(&mut self, counts: &[usize]) {
        self.counts.copy_from_slice(counts);
    }

    /// Adds the losses of a part to `sums` (one a head, a sum over labels and levels), and writes the gradient of the
    /// whole batch's loss by the outputs.
    ///
    /// # Shapes
    /// y and dy `[rows, outputs]`, labels `[rows, heads]`.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn part<R: Real>(
        &self,
        y: &[R],
        labels: &[Option<R>],
        dy: &mut [R],
        sums: &mut [f64],
    ) {
        let n_outputs: usize = self.heads.iter().map(Head::n_outputs).sum();
        let total_weight: f64 = self.weights.iter().sum();
        let rows = y
            .chunks_exact(n_outputs)
            .zip(dy.chunks_exact_mut(n_outputs));
        for ((y, dy), labels) in rows.zip(labels.chunks_exact(self.heads.len())) {
            let mut at = 0;
            for (index, (head, label)) in self.heads.iter().zip(labels).enumerate() {
                let range = at..at + head.n_outputs();
                at = range.end;
                let (y, dy) = (&y[range.clone()], &mut dy[range]);
                let Some(label) = label else {
                    dy.fill(R::ZERO);
                    continue;
                };
                let share =
                    self.weights[index] / total_weight / (self.counts[index] * y.len()) as f64;
                let share = R::from_f64(share);
                sums[index] += match head {
                    Head::Quantiles { levels, .. } => pinball(levels, y, *label, share, dy),
                    Head::Logit { .. } => cross_entropy(y[0], *label, share, &mut dy[0]),
                };
            }
        }
    }

    /// The loss of the batch from the sums of all its parts.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn finish(&self, sums: &[f64]) -> Loss {
        let total_weight: f64 = self.weights.iter().sum();
        let mean = |index: usize| {
            let n = self.counts[index] * self.heads[index].n_outputs();
            (n > 0).then(|| sums[index] / n as f64)
        };
        let by_head: Vec<Option<f64>> = (0..self.heads.len()).map(mean).collect();
        let weighted = by_head
            .iter()
            .zip(&self.weights)
            .map(|(loss, weight)| loss.unwrap_or(0.0) * weight);
        Loss {
            total: weighted.sum::<f64>() / total_weight,
            by_head,
        }
    }
}

/// Σ max(q·e, (q − 1)·e) over the levels, e = label − y (Koenker & Bassett 1978). At e = 0 the slope is the mean of both
/// sides, as in PyTorch's maximum.
fn pinball<R: Real>(levels: &[f64], y: &[R], label: R, share: R, dy: &mut [R]) -> f64 {
    let mut sum = 0.0;
    for ((level, y), dy) in levels.iter().zip(y).zip(dy) {
        let q = R::from_f64(*level);
        let e = label - *y;
        let (above, below) = (q * e, (q - R::ONE) * e);
        sum += above.max(below).to_f64();
        let slope = if above > below {
            -q
        } else if above < below {
            R::ONE - q
        } else {
            (R::ONE - q - q) * R::from_f64(0.5)
        };
        *dy = slope * share;
    }
    sum
}

/// −label·ln p − (1 − label)·ln(1 − p) with p the logistic of the logit, in the form that never overflows.
fn cross_entropy<R: Real>(logit: R, label: R, share: R, dlogit: &mut R) -> f64 {
    let small = (-logit.abs()).exp();
    let p = if logit > R::ZERO {
        R::ONE / (R::ONE + small)
    } else {
        small / (R::ONE + small)
    };
    *dlogit = (p - label) * share;
    (logit.max(R::ZERO) - logit * label + small.ln_1p()).to_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TftSpec;

    fn config() -> TftConfig {
        let heads = vec![
            Head::Quantiles {
                name: "z".into(),
                levels: vec![0.1, 0.5, 0.9],
            },
            Head::logit("p"),
        ];
        TftConfig::new(TftSpec {
            heads,
            ..TftSpec::default()
        })
        .expect("legal")
    }

    fn loss(weights: &[f64], y: &[f64], labels: &[Option<f64>]) -> (Loss, Vec<f64>) {
        let weights = TaskWeights::new(&config(), weights.to_vec()).expect("legal");
        let mut batch = LossSums::new(&config(), &weights);
        batch.count(labels);
        let (mut dy, mut sums) = (vec![f64::NAN; y.len()], vec![0.0; 2]);
        batch.part(y, labels, &mut dy, &mut sums);
        (batch.finish(&sums), dy)
    }

    #[test]
    fn by_hand() {
        let (loss, dy) = loss(&[1.0, 1.0], &[0.0, 1.0, 3.0, 0.5], &[Some(1.0), Some(1.0)]);
        let pinball = (0.1 * 1.0 + 0.0 + 0.1 * 2.0) / 3.0;
        let entropy = (1.0 + (-0.5_f64).exp()).ln();
        assert!((loss.by_head[0].expect("a label") - pinball).abs() < 1e-15);
        assert!((loss.by_head[1].expect("a label") - entropy).abs() < 1e-15);
        assert!((loss.total - 0.5 * (pinball + entropy)).abs() < 1e-15);
        let p = 1.0 / (1.0 + (-0.5_f64).exp());
        for (got, expected) in dy.iter().zip([-0.1 / 6.0, 0.0, 0.1 / 6.0, (p - 1.0) / 2.0]) {
            assert!((got - expected).abs() < 1e-15, "{dy:?}");
        }
    }

    #[test]
    fn labels_that_are_missing_change_nothing_else() {
        let y = [0.0, 1.0, 3.0, 0.5, 1.0, 2.0, 3.0, -1.0];
        let (both, dy) = loss(&[1.0, 2.0], &y, &[Some(1.0), None, None, Some(0.0)]);
        let (first, _) = loss(&[1.0, 2.0], &y[..4], &[Some(1.0), None]);
        let (second, _) = loss(&[1.0, 2.0], &y[4..], &[None, Some(0.0)]);
        assert_eq!(both.by_head, [first.by_head[0], second.by_head[1]]);
        assert_eq!(dy[3..7], [0.0; 4]);
        assert_eq!(first.by_head[1], None);
        assert!((both.total - (first.total + second.total)).abs() < 1e-15);
    }

    #[test]
    fn gradient_agrees_with_differences() {
        let y = [0.3, -1.0, 2.0, 4.0, 0.1, 0.2, 0.3, -30.0];
        let labels = [Some(0.5), Some(1.0), Some(-0.5), Some(0.25)];
        let (_, dy) = loss(&[1.0, 3.0], &y, &labels);
        for (i, dy) in dy.iter().enumerate() {
            let at = |step: f64| {
                let mut y = y;
                y[i] += step;
                loss(&[1.0, 3.0], &y, &labels).0.total
            };
            let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!(
                (difference - dy).abs() < 1e-8,
                "output {i}: {difference} against {dy}"
            );
        }
    }

    #[test]
    fn far_out_logits_stay_finite() {
        for logit in [-1e30, -800.0, 800.0, 1e30] {
            let mut d = 0.0;
            assert!(cross_entropy(logit, 1.0, 1.0, &mut d).is_finite() && d.is_finite());
        }
    }

    #[test]
    fn weights_are_checked() {
        for weights in [
            vec![1.0],
            vec![1.0, -1.0],
            vec![0.0, 0.0],
            vec![f64::NAN, 1.0],
        ] {
            assert!(TaskWeights::new(&config(), weights).is_err());
        }
    }
}
