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
mod params;
mod real;
mod rng;
mod simd;

pub use adam::{Adam, AdamOptions};
pub use batch::runner::{Batch, BatchRunner, Dropping, Intermediates};
pub use config::{DEFAULT_LEVELS, Head, TftConfig, TftSpec};
pub use error::TftError;
pub use loss::{Loss, TaskWeights};
pub use params::{Params, Tensor, Weights};
pub use real::Real;
pub use simd::Isa;
