//! The loop: batches, steps, epochs, validation, the best weights so far.

use std::ops::ControlFlow;
use std::time::Instant;

use super::options::TrainOptions;
use super::pool::{Planned, Pool};
use super::source::{self, WindowSource};
use crate::TftError;
use crate::adam::Adam;
use crate::config::TftConfig;
use crate::fold::Folded;
use crate::loss::{Loss, LossSums, TaskWeights};
use crate::params::Params;
use crate::rng::Stream;

/// Sub-streams of the seed.
const ORDER: u64 = 1;
const DROPOUT: u64 = 2;
/// Windows that are evaluated in one go; a multiple of the chunk.
const EVALUATED_TOGETHER: usize = 4_096;

/// What happened in an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport {
    /// From 0.
    pub epoch: usize,
    /// Mean loss over the epoch's batches, each before its step, with units dropped.
    pub train: Loss,
    /// Loss on the validation set after the epoch.
    pub validation: Option<Loss>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// No epoch before had a lower validation loss (or there is no validation set).
    pub is_best: bool,
}

/// How far a run is, after a step.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Epoch in work, from 0.
    pub epoch: usize,
    /// Epochs of the run, at most.
    pub epochs: usize,
    /// Steps done in this epoch.
    pub step: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: usize,
    /// Loss of the step's batch, before the step.
    pub loss: f64,
    /// Length of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Windows a second since this call of [`Trainer::fit`] began, validation included.
    pub samples_per_s: f64,
    /// The report of the epoch, after its last step.
    pub epoch_end: Option<&'a EpochReport>,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// All epochs are done.
    Finished,
    /// The validation loss did not fall for as many epochs as patience allows.
    NoGain,
    /// The progress callback asked for it; [`Trainer::fit`] goes on where it stopped.
    Asked,
}

/// What a call of [`Trainer::fit`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainReport {
    /// The epochs that ended in this call.
    pub epochs: Vec<EpochReport>,
    /// The epoch of the best weights, of all calls.
    pub best_epoch: Option<usize>,
    /// Why it ended.
    pub stop: StopReason,
    /// Windows learnt from in this call.
    pub samples: u64,
    /// Seconds this call took.
    pub seconds: f64,
}

/// The weights with the lowest validation loss.
#[derive(Debug, Clone)]
pub(super) struct Best {
    pub(super) params: Params<f32>,
    pub(super) epoch: usize,
    pub(super) loss: Option<f64>,
}

/// A training run, and everything needed to go on with it.
pub struct Trainer {
    pub(super) config: TftConfig,
    pub(super) options: TrainOptions,
    tasks: TaskWeights,
    pub(super) params: Params<f32>,
    pub(super) adam: Adam<f32>,
    gradient: Params<f32>,
    folded: Folded<f32>,
    pool: Pool,
    pub(super) best: Option<Best>,
    pub(super) epochs_without_gain: usize,
    /// Epoch in work and steps done in it.
    pub(super) epoch: usize,
    pub(super) step: usize,
    /// Losses of this epoch's batches.
    pub(super) epoch_loss: LossSums,
    pub(super) epoch_sums: Vec<f64>,
    /// Windows of the training set that a saved state was made with.
    pub(super) n_windows: Option<usize>,
}

impl Trainer {
    /// A run that starts from `params`.
    ///
    /// # Errors
    /// [`TftError::TrainOptions`] with every rule that is broken.
    pub fn new(
        config: &TftConfig,
        options: TrainOptions,
        params: Params<f32>,
    ) -> Result<Self, TftError> {
        let tasks = options.check(config)?;
        Ok(Self {
            config: config.clone(),
            adam: Adam::new(&params, options.adam),
            gradient: params.zeros_like(),
            folded: Folded::new(config, options.isa),
            pool: Pool::new(config, options.threads),
            best: None,
            epochs_without_gain: 0,
            epoch: 0,
            step: 0,
            epoch_loss: LossSums::new(config, &tasks),
            epoch_sums: vec![0.0; config.heads().len()],
            n_windows: None,
            params,
            tasks,
            options,
        })
    }

    /// The weights after the last step.
    #[must_use]
    pub fn params(&self) -> &Params<f32> {
        &self.params
    }

    /// The weights of the epoch with the lowest validation loss; without a validation set those of the last whole epoch,
    /// before the end of the first epoch those of the last step.
    #[must_use]
    pub fn best_params(&self) -> &Params<f32> {
        self.best.as_ref().map_or(&self.params, |best| &best.params)
    }

    /// Trains until all epochs are done, patience is over, or `progress` (called after every step) breaks. May be called
    /// again after that last case, with the same data, and then gives the weights of a run that was never stopped.
    ///
    /// # Errors
    /// [`TftError::TrainData`] when the data cannot be used, [`TftError::NotFinite`] when a loss or gradient is not
    /// finite (the weights are then those before that step).
    pub fn fit(
        &mut self,
        train: &dyn WindowSource,
        validation: Option<&dyn WindowSource>,
        progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<TrainReport, TftError> {
        self.check_data(train, validation)?;
        let mut report = TrainReport {
            epochs: Vec::new(),
            best_epoch: None,
            stop: StopReason::Finished,
            samples: 0,
            seconds: 0.0,
        };
        let start = Instant::now();
        while self.epoch < self.options.epochs {
            if self
                .options
                .patience
                .is_some_and(|patience| self.epochs_without_gain >= patience)
            {
                report.stop = StopReason::NoGain;
                break;
            }
            if self
                .run_epoch(train, validation, (start, &mut report), progress)?
                .is_break()
            {
                report.stop = StopReason::Asked;
                break;
            }
        }
        report.best_epoch = self.best.as_ref().map(|best| best.epoch);
        report.seconds = start.elapsed().as_secs_f64();
        Ok(report)
    }

    /// The steps of the epoch in work that are not done yet.
    fn run_epoch(
        &mut self,
        train: &dyn WindowSource,
        validation: Option<&dyn WindowSource>,
        (start, report): (Instant, &mut TrainReport),
        progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, TftError> {
        let order = plan(&self.options, train.n_windows(), self.epoch);
        let epoch = self.epoch;
        let steps_per_epoch = order.len().div_ceil(self.options.batch_windows);
        let total_steps = (self.options.epochs * steps_per_epoch) as u64;
        let mut flow = ControlFlow::Continue(());
        while self.epoch == epoch && flow.is_continue() {
            let first = self.step * self.options.batch_windows;
            let windows = &order[first..order.len().min(first + self.options.batch_windows)];
            let learning_rate = self
                .options
                .learning_rate_at(self.adam.steps(), total_steps);
            let (loss, gradient_norm) = self.one_step(train, windows, learning_rate)?;
            self.step += 1;
            report.samples += windows.len() as u64;
            let step = self.step;
            let epoch_end = if step == steps_per_epoch {
                Some(self.end_epoch(validation, learning_rate)?)
            } else {
                None
            };
            #[allow(clippy::cast_precision_loss)]
            let samples_per_s = report.samples as f64 / start.elapsed().as_secs_f64();
            flow = progress(&Progress {
                epoch,
                epochs: self.options.epochs,
                step,
                steps_per_epoch,
                loss,
                gradient_norm,
                learning_rate,
                samples_per_s,
                epoch_end: epoch_end.as_ref(),
            });
            report.epochs.extend(epoch_end);
        }
        Ok(flow)
    }

    fn check_data(
        &mut self,
        train: &dyn WindowSource,
        validation: Option<&dyn WindowSource>,
    ) -> Result<(), TftError> {
        source::check(&self.config, train)?;
        if let Some(validation) = validation {
            source::check(&self.config, validation)?;
            if validation.n_windows() == 0 {
                return source::refuse(
                    "the validation set has no window; pass none at all instead".into(),
                );
            }
        }
        let n = train.n_windows();
        if n == 0 {
            return source::refuse("the training set has no window".into());
        }
        if let Some(before) = self.n_windows.filter(|before| *before != n) {
            let problem = format!("it was made with {before} training windows, this set has {n}");
            return Err(TftError::Resume { problem });
        }
        self.n_windows = Some(n);
        Ok(())
    }

    /// One optimiser step; gives the batch's loss before it, and the gradient's length.
    fn one_step(
        &mut self,
        source: &dyn WindowSource,
        windows: &[Planned],
        learning_rate: f64,
    ) -> Result<(f64, f64), TftError> {
        let mut batch = LossSums::new(&self.config, &self.tasks);
        count_labels(&self.config, source, windows, &mut batch);
        let dropout = Stream::new(self.options.seed)
            .fork(DROPOUT)
            .fork(self.adam.steps());
        self.folded.load(&self.params);
        let mut sums = vec![0.0; self.config.heads().len()];
        let (loss, grads) =
            self.pool
                .learn(&self.folded, source, windows, &batch, dropout, &mut sums);
        self.gradient.flat_mut().fill(0.0);
        self.folded.unfold(grads, &self.params, &mut self.gradient);
        let norm = self.gradient.norm();
        if !loss.total.is_finite() || !norm.is_finite() {
            let what = match self.gradient.first_not_finite() {
                Some(tensor) if loss.total.is_finite() => format!("the gradient of {tensor}"),
                Some(tensor) => format!("the loss, and first of all gradients that of {tensor},"),
                None => "the loss".to_owned(),
            };
            return Err(TftError::NotFinite {
                epoch: self.epoch,
                step: self.step,
                what,
            });
        }
        let scale = match self.options.clip_norm {
            Some(longest) if norm > longest => longest / norm,
            _ => 1.0,
        };
        self.adam
            .step(&mut self.params, &self.gradient, scale, learning_rate);
        self.epoch_loss.add_counts(&batch);
        for (to, from) in self.epoch_sums.iter_mut().zip(&sums) {
            *to += *from;
        }
        Ok((loss.total, norm))
    }

    /// Validation, the best weights, and the next epoch.
    fn end_epoch(
        &mut self,
        validation: Option<&dyn WindowSource>,
        learning_rate: f64,
    ) -> Result<EpochReport, TftError> {
        let train = self.epoch_loss.finish(&self.epoch_sums);
        let validation = validation.map(|source| self.evaluate(source)).transpose()?;
        let loss = validation.as_ref().map(|loss| loss.total);
        if loss.is_some_and(|loss| !loss.is_finite()) {
            let what = "the validation loss".to_owned();
            return Err(TftError::NotFinite {
                epoch: self.epoch,
                step: self.step,
                what,
            });
        }
        let before = self.best.as_ref().and_then(|best| best.loss);
        let is_best = match (loss, before) {
            (Some(loss), Some(before)) => loss < before,
            _ => true,
        };
        if is_best {
            self.best = Some(Best {
                params: self.params.clone(),
                epoch: self.epoch,
                loss,
            });
            self.epochs_without_gain = 0;
        } else {
            self.epochs_without_gain += 1;
        }
        let report = EpochReport {
            epoch: self.epoch,
            train,
            validation,
            learning_rate,
            is_best,
        };
        self.epoch += 1;
        self.step = 0;
        self.epoch_loss.clear();
        self.epoch_sums.fill(0.0);
        Ok(report)
    }

    /// The loss of the weights after the last step on `source`, no unit dropped.
    ///
    /// # Errors
    /// [`TftError::TrainData`] when the data cannot be used.
    pub fn evaluate(&mut self, source: &dyn WindowSource) -> Result<Loss, TftError> {
        source::check(&self.config, source)?;
        let order: Vec<Planned> = super::pool::in_order(source.n_windows());
        let mut total = LossSums::new(&self.config, &self.tasks);
        count_labels(&self.config, source, &order, &mut total);
        let mut sums = vec![0.0; self.config.heads().len()];
        self.folded.load(&self.params);
        for windows in order.chunks(EVALUATED_TOGETHER) {
            self.pool
                .evaluate(&self.folded, source, windows, &total, &mut sums);
        }
        Ok(total.finish(&sums))
    }
}

/// The order of an epoch's windows: runs of windows, shuffled.
#[allow(clippy::cast_possible_truncation)]
fn plan(options: &TrainOptions, n: usize, epoch: usize) -> Vec<Planned> {
    let run = options.run_windows;
    let stream = Stream::new(options.seed).fork(ORDER).fork(epoch as u64);
    // The first run is cut short at random, so that runs differ from epoch to epoch.
    let cut = run - stream.fork(0).below(0, run);
    let starts = std::iter::once(0).chain((cut..n).step_by(run));
    let mut runs: Vec<(usize, usize)> = starts
        .map(|start| {
            (
                start,
                if start == 0 {
                    cut.min(n)
                } else {
                    n.min(start + run)
                },
            )
        })
        .collect();
    stream.fork(1).shuffle(&mut runs);
    let mut order = Vec::with_capacity(n);
    for (index, (start, end)) in (0_u64..).zip(runs) {
        let unknown_symbol = stream.fork(2).uniform(index) < options.unknown_symbol_rate;
        order.extend((start..end).map(|window| Planned {
            window: window as u32,
            unknown_symbol,
        }));
    }
    order
}

/// Counts the labels of a batch: every gradient is divided by their number.
fn count_labels(
    config: &TftConfig,
    source: &dyn WindowSource,
    windows: &[Planned],
    loss: &mut LossSums,
) {
    let mut labels = vec![None; config.decoder_steps() * config.heads().len()];
    for planned in windows {
        source.labels(planned.window as usize, &mut labels);
        loss.count(&labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(run_windows: usize, n: usize, epoch: usize) -> Vec<u32> {
        let options = TrainOptions {
            run_windows,
            ..TrainOptions::default()
        };
        plan(&options, n, epoch)
            .into_iter()
            .map(|planned| planned.window)
            .collect()
    }

    #[test]
    fn an_epoch_sees_every_window_once() {
        for run_windows in [1, 2, 16, 1000] {
            for n in [1, 2, 15, 16, 17, 333] {
                let mut windows = order(run_windows, n, 3);
                windows.sort_unstable();
                assert!(
                    windows.into_iter().eq(0..n as u32),
                    "runs of {run_windows}, {n} windows"
                );
            }
        }
    }

    #[test]
    fn runs_stay_together_and_epochs_differ() {
        let windows = order(16, 1600, 0);
        let breaks = windows
            .windows(2)
            .filter(|pair| pair[1] != pair[0] + 1)
            .count();
        assert!((90..=100).contains(&breaks), "{breaks} breaks");
        assert_ne!(windows, order(16, 1600, 1));
        assert_ne!(order(1, 100, 0), order(1, 100, 1));
    }
}
