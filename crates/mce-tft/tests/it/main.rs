//! The crate against its reference: a PyTorch implementation's numbers, finite differences, and itself.

mod differences;
mod golden;
mod parity;
