//! Training: mini-batches over a table of windows, AdamW, warm-up and cosine decay, early stopping.
//!
//! Equal seeds give equal weights, bit for bit, on any number of threads of one instruction set: batches are cut into
//! chunks of a fixed size, random numbers come from counters, and the chunks' gradients are added in a fixed order.
//! Other instruction sets round otherwise.
//!
//! - `source`: where windows come from; `options`: what can be chosen;
//! - `pool`: chunks of windows on several threads; `trainer`: the loop; `state`: stopping and going on.
//!
//! Splitting by time, purging and calibration are left to the caller; files too.

mod options;
mod pool;
mod source;
mod state;
mod trainer;

pub use options::TrainOptions;
pub(crate) use pool::{Pool, in_order};
pub(crate) use source::check as source_check;
pub use source::{Window, WindowSource, WindowTable, WindowTableParts};
pub use trainer::{EpochReport, Progress, StopReason, TrainReport, Trainer};
