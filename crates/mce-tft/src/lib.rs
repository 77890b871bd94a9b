//! The Temporal Fusion Transformer: streaming forward, batch forward and backward, training.
#![deny(missing_docs)]

mod buffer;
mod config;
mod error;
mod gemm;
mod params;
mod real;
mod rng;
mod simd;

pub use config::{DEFAULT_LEVELS, Head, TftConfig, TftSpec};
pub use error::TftError;
pub use params::{Params, Tensor, Weights};
pub use real::Real;
pub use simd::Isa;
