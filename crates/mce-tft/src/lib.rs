//! The Temporal Fusion Transformer (Lim, Arik, Loeff & Pfister, arXiv 1912.09363): streaming forward, batch forward and
//! backward, training. Plain arrays in and out: this crate knows nothing of order books.
//!
//! One shape is used everywhere, with PyTorch's names and layouts for all weights, so that a model trained here is read
//! there and the other way round.
//!
//! - [`TftConfig`]: the sizes and heads of a model; [`Params`] and [`Weights`]: its numbers, and their safetensors bytes.
//! - [`TftModel`]: a trained model; [`TftModel::stream`] and [`TftModel::step`] for live use, [`TftModel::predict`] for
//!   tables.
//! - [`Trainer`]: training over a [`WindowSource`].
//! - [`BatchRunner`], [`Adam`]: passes and steps by hand, in `f32` or `f64`.
//! - [`Isa`]: the instruction set all of it runs on; [`workload`]: work of a fixed size for benchmarks.
//!
//! What the inputs and heads mean, normalising, calibration, files and threads' owners are left to the caller.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use mce_tft::{
//!     Params, TftConfig, TftModel, TftSpec, TrainOptions, Trainer, Weights, Window, WindowTable, WindowTableParts,
//! };
//!
//! // A model of two inputs, and a table of 50 rows with a window that ends at each row from the fifth on.
//! let config = TftConfig::new(TftSpec { n_observed: 2, encoder_len: 5, hidden: 8, ..TftSpec::default() })?;
//! let table = WindowTable::new(
//!     &config,
//!     WindowTableParts {
//!         observed: (0..50 * 2).map(|i| (i as f32).sin()).collect(),
//!         known: vec![0.5; 50 * 2],
//!         windows: (0..46).map(|first_row| Window { first_row, symbol: 0 }).collect(),
//!         future_known: vec![0.5; 46 * 2],
//!         labels: (0..46 * 5).map(|i| (i % 9 != 0).then_some(1.0)).collect(),
//!     },
//! )?;
//!
//! // Train it, and step it along the last rows.
//! let options = TrainOptions { epochs: 2, ..TrainOptions::default() };
//! let mut trainer = Trainer::new(&config, options, Params::init(&config, 1))?;
//! let report = trainer.fit(&table, None, &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(report.epochs.len(), 2);
//!
//! let weights = Weights { params: trainer.best_params().clone(), metadata: Default::default() };
//! let model = TftModel::new(config, weights);
//! let mut stream = model.stream(0)?;
//! for row in table.parts().observed.chunks(2).skip(40) {
//!     if let Some(output) = model.step(&mut stream, row, &[0.5, 0.5], &[0.5, 0.5])? {
//!         assert!(output.quantile(0, 0.5).is_some() && output.logit(4).is_some());
//!     }
//! }
//! # Ok::<(), mce_tft::TftError>(())
//! ```
#![deny(missing_docs)]

mod adam;
mod batch;
mod buffer;
mod config;
mod error;
mod fold;
mod gemm;
mod loss;
mod model;
mod params;
mod real;
mod rng;
mod simd;
mod stream;
mod train;
pub mod workload;

pub use adam::{Adam, AdamOptions};
pub use batch::runner::{Batch, BatchRunner, Dropping, Intermediates};
pub use config::{DEFAULT_LEVELS, Head, TftConfig, TftSpec};
pub use error::TftError;
pub use loss::{Loss, TaskWeights};
pub use model::TftModel;
pub use params::{Params, Tensor, Weights};
pub use real::Real;
pub use simd::Isa;
pub use stream::{StreamOutput, StreamRow, StreamState};
pub use train::{
    EpochReport, Progress, StopReason, TrainOptions, TrainReport, Trainer, Window, WindowSource,
    WindowTable, WindowTableParts,
};
