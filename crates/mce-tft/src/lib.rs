//! The Temporal Fusion Transformer: streaming forward, batch forward and backward, training.
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
