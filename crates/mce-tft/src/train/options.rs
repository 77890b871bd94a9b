//! What can be chosen about a training run.

use crate::TftError;
use crate::adam::AdamOptions;
use crate::config::TftConfig;
use crate::loss::TaskWeights;
use crate::simd::Isa;

/// Choices of a training run. [`Trainer::new`](super::Trainer::new) checks them.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// Times every window is seen, at most.
    pub epochs: usize,
    /// Windows of a mini-batch.
    pub batch_windows: usize,
    /// Windows drawn together: runs of this many windows that follow each other are shuffled, not windows. More than 1
    /// shares the work on common rows (16 is several times faster than 1) at the price of batches whose windows are alike.
    pub run_windows: usize,
    /// Learning rate after warm-up.
    pub learning_rate: f64,
    /// Learning rate at the end, as a share of `learning_rate`, in [0, 1].
    pub final_share: f64,
    /// Steps over which the learning rate rises in a straight line from 0.
    pub warmup_steps: usize,
    /// The optimiser's constants, weight decay among them.
    pub adam: AdamOptions,
    /// Gradients longer than this are shortened to it; absent: never.
    pub clip_norm: Option<f64>,
    /// Stop after this many epochs without a lower validation loss; absent: never.
    pub patience: Option<usize>,
    /// Probability that a run of windows is shown as the unknown symbol, in [0, 1]: what row 0 of the embedding learns from.
    pub unknown_symbol_rate: f64,
    /// Weight of each head in the loss, in the order of the heads; absent: all the same.
    pub task_weights: Option<Vec<f64>>,
    /// Seed of batches and dropout. Initial weights have their own.
    pub seed: u64,
    /// Threads; changes nothing but time.
    pub threads: usize,
    /// Instruction set of the passes.
    pub isa: Isa,
}

impl Default for TrainOptions {
    /// 20 epochs of batches of 256, learning rate 1e-3 with 200 steps of warm-up down to 1 %, weight decay 1e-4, clipping
    /// at 1, patience 5, unknown symbol 5 %, seed 1, one thread on the widest instruction set.
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_windows: 256,
            run_windows: 1,
            learning_rate: 1e-3,
            final_share: 0.01,
            warmup_steps: 200,
            adam: AdamOptions {
                weight_decay: 1e-4,
                ..AdamOptions::default()
            },
            clip_norm: Some(1.0),
            patience: Some(5),
            unknown_symbol_rate: 0.05,
            task_weights: None,
            seed: 1,
            threads: 1,
            isa: Isa::detect(),
        }
    }
}

impl TrainOptions {
    /// Checks every rule and gives the task weights.
    pub(super) fn check(&self, config: &TftConfig) -> Result<TaskWeights, TftError> {
        let mut problems = Vec::new();
        let mut rule = |holds: bool, text: String| {
            if !holds {
                problems.push(text);
            }
        };
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let positive = |x: f64| x.is_finite() && x > 0.0;
        rule(
            self.batch_windows > 0,
            "batch_windows must be at least 1, got 0".into(),
        );
        rule(
            self.run_windows > 0,
            "run_windows must be at least 1, got 0".into(),
        );
        rule(self.threads > 0, "threads must be at least 1, got 0".into());
        rule(
            positive(self.learning_rate),
            format!("learning_rate must be positive, got {}", self.learning_rate),
        );
        rule(
            share(self.final_share),
            format!("final_share must lie in [0, 1], got {}", self.final_share),
        );
        rule(
            share(self.unknown_symbol_rate),
            format!(
                "unknown_symbol_rate must lie in [0, 1], got {}",
                self.unknown_symbol_rate
            ),
        );
        rule(
            self.clip_norm.is_none_or(positive),
            format!("clip_norm must be positive, got {:?}", self.clip_norm),
        );
        let AdamOptions {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = self.adam;
        let beta = |x: f64| (0.0..1.0).contains(&x);
        rule(
            beta(beta1) && beta(beta2),
            format!("betas must lie in [0, 1), got {beta1} and {beta2}"),
        );
        rule(
            positive(epsilon),
            format!("epsilon must be positive, got {epsilon}"),
        );
        rule(
            weight_decay.is_finite() && weight_decay >= 0.0,
            format!("weight_decay must not be negative, got {weight_decay}"),
        );
        let weights = match &self.task_weights {
            None => Ok(TaskWeights::equal(config)),
            Some(weights) => TaskWeights::new(config, weights.clone()),
        };
        match weights {
            Err(TftError::TrainOptions { problems: more }) => problems.extend(more),
            other if problems.is_empty() => return other,
            _ => {}
        }
        Err(TftError::TrainOptions { problems })
    }

    /// The learning rate of step `step` of `total`, both from 0: a straight rise, then half a cosine.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn learning_rate_at(&self, step: u64, total: u64) -> f64 {
        let warmup = self.warmup_steps as u64;
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / warmup as f64;
        }
        let length = total.saturating_sub(warmup).max(1);
        let progress = ((step - warmup) as f64 / length as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.learning_rate * (self.final_share + (1.0 - self.final_share) * cosine)
    }

    /// All that changes the numbers of a run, as text; threads do not.
    pub(super) fn fingerprint(&self) -> String {
        format!(
            "{:?}",
            Self {
                threads: 0,
                ..self.clone()
            }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TftSpec;

    #[test]
    fn all_problems_are_named() {
        let config = TftConfig::new(TftSpec::default()).expect("legal");
        let options = TrainOptions {
            batch_windows: 0,
            learning_rate: -1.0,
            clip_norm: Some(0.0),
            task_weights: Some(vec![1.0]),
            ..TrainOptions::default()
        };
        let Err(TftError::TrainOptions { problems }) = options.check(&config) else {
            panic!("a refusal")
        };
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(TrainOptions::default().check(&config).is_ok());
    }

    #[test]
    fn learning_rate_rises_then_falls_to_its_end() {
        let options = TrainOptions {
            warmup_steps: 10,
            learning_rate: 2.0,
            ..TrainOptions::default()
        };
        let at = |step| options.learning_rate_at(step, 110);
        assert!(
            (at(0) - 0.2).abs() < 1e-12
                && (at(9) - 2.0).abs() < 1e-12
                && (at(10) - 2.0).abs() < 1e-12
        );
        assert!((at(60) - 2.0 * 0.505).abs() < 1e-12);
        assert!((at(110) - 0.02).abs() < 1e-12 && (at(500) - 0.02).abs() < 1e-12);
    }
}
