//! The crate against its reference: a PyTorch implementation's numbers, finite differences, and itself.

mod allocations;
mod differences;
mod golden;
mod numbers;
mod parity;
mod stream;
mod training;
