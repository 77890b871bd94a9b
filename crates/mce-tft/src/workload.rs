//! Work of a fixed size on made-up numbers, for benchmarks: the crate's own and those of programs that use it.
//!
//! Nothing here measures time. Inputs are deterministic and not trivial; weights are those of an untrained model, which
//! changes no instruction.

use std::ops::ControlFlow;

use crate::TftError;
use crate::config::{TftConfig, TftSpec};
use crate::model::TftModel;
use crate::params::{Params, Weights};
use crate::rng::Stream;
use crate::simd::Isa;
use crate::stream::StreamState;
use crate::train::{TrainOptions, Trainer, Window, WindowTable, WindowTableParts};

/// Rows a [`StepWorkload`] goes through before it starts again.
const ROWS: usize = 1_024;

/// A stream whose window is full, and rows to step it with.
#[derive(Debug)]
pub struct StepWorkload {
    model: TftModel,
    state: StreamState,
    rows: Vec<f32>,
    next: usize,
}

impl StepWorkload {
    /// A stream of the default model with this hidden width and encoder length.
    ///
    /// # Errors
    /// [`TftError::Config`] when the sizes are not legal.
    pub fn new(hidden: usize, encoder_len: usize, isa: Isa) -> Result<Self, TftError> {
        let config = TftConfig::new(TftSpec {
            hidden,
            encoder_len,
            ..TftSpec::default()
        })?;
        let rows = numbers(1, ROWS * (config.n_observed() + 2 * config.n_known()));
        let weights = Weights {
            params: Params::init(&config, 1),
            metadata: Default::default(),
        };
        let model = TftModel::with_isa(config, weights, isa);
        let state = model.stream(0)?;
        let mut workload = Self {
            model,
            state,
            rows,
            next: 0,
        };
        for _ in 0..encoder_len {
            workload.step();
        }
        Ok(workload)
    }

    /// One step, always with a full window. Gives its first output, so that no compiler can leave the step out.
    pub fn step(&mut self) -> f32 {
        let (v, k) = (
            self.model.config().n_observed(),
            self.model.config().n_known(),
        );
        let row = &self.rows[self.next * (v + 2 * k)..][..v + 2 * k];
        self.next = (self.next + 1) % ROWS;
        let (observed, known) = row.split_at(v);
        let (now, next) = known.split_at(k);
        let output = self.model.step(&mut self.state, observed, now, next);
        let output = output.expect("rows of the model's own width, all finite");
        output.map_or(0.0, |output| output.raw()[0])
    }
}

/// A trainer and one batch of windows that have no row in common.
pub struct TrainWorkload {
    trainer: Trainer,
    batch: WindowTable,
}

impl TrainWorkload {
    /// A batch of `windows` windows for the default model with this hidden width and encoder length, no unit dropped, on
    /// one thread.
    ///
    /// # Errors
    /// [`TftError::Config`] or [`TftError::TrainOptions`] when the sizes are not legal.
    pub fn new(
        hidden: usize,
        encoder_len: usize,
        windows: usize,
        isa: Isa,
    ) -> Result<Self, TftError> {
        Self::with_distance(hidden, encoder_len, windows, encoder_len, isa)
    }

    /// As [`new`](Self::new), with windows whose first rows are `distance` rows apart: at 1 they share all but one.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_distance(
        hidden: usize,
        encoder_len: usize,
        windows: usize,
        distance: usize,
        isa: Isa,
    ) -> Result<Self, TftError> {
        let config = TftConfig::new(TftSpec {
            hidden,
            encoder_len,
            dropout: 0.0,
            ..TftSpec::default()
        })?;
        let rows = windows.saturating_sub(1) * distance + encoder_len;
        let labels = numbers(5, windows * config.heads().len())
            .into_iter()
            .map(|x| Some(x.abs()));
        let parts = WindowTableParts {
            observed: numbers(2, rows * config.n_observed()),
            known: numbers(3, rows * config.n_known()),
            windows: (0..windows)
                .map(|i| Window {
                    first_row: i * distance,
                    symbol: 0,
                })
                .collect(),
            future_known: numbers(4, windows * config.n_known()),
            labels: labels.collect(),
        };
        let batch = WindowTable::new(&config, parts)?;
        // Windows keep their order, and the learning rate hardly moves: every step is the same work.
        let options = TrainOptions {
            isa,
            epochs: usize::MAX,
            batch_windows: windows,
            run_windows: windows,
            ..TrainOptions::default()
        };
        let trainer = Trainer::new(&config, options, Params::init(&config, 1))?;
        Ok(Self { trainer, batch })
    }

    /// One forward and backward pass over the batch and one step of the optimiser. Gives the number of windows.
    ///
    /// # Errors
    /// [`TftError::NotFinite`] should the loss explode.
    pub fn step(&mut self) -> Result<u64, TftError> {
        let report = self
            .trainer
            .fit(&self.batch, None, &mut |_| ControlFlow::Break(()))?;
        Ok(report.samples)
    }
}

/// Numbers in [−1, 1).
#[allow(clippy::cast_possible_truncation)]
fn numbers(id: u64, len: usize) -> Vec<f32> {
    let stream = Stream::new(1).fork(id);
    (0..len as u64)
        .map(|n| (2.0 * stream.uniform(n) - 1.0) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_gives_an_output() {
        let mut workload = StepWorkload::new(8, 5, Isa::detect()).expect("legal");
        let outputs: Vec<f32> = (0..2_000).map(|_| workload.step()).collect();
        assert!(outputs.iter().all(|y| *y != 0.0));
        // The rows start again after ROWS steps, and so do the outputs.
        assert_eq!(outputs[0], outputs[ROWS]);
        assert_ne!(outputs[0], outputs[1]);
    }

    #[test]
    fn every_step_learns_the_whole_batch() {
        for distance in [1, 5] {
            let mut workload =
                TrainWorkload::with_distance(8, 5, 40, distance, Isa::detect()).expect("legal");
            let before = workload.trainer.params().clone();
            for _ in 0..3 {
                assert_eq!(workload.step().expect("finite"), 40);
            }
            assert_ne!(before.flat(), workload.trainer.params().flat());
        }
    }
}
