//! Laws of the signal path, of training and of backtests, on simulated markets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod bundles;
mod market;
mod signals;
mod slices;
mod trading;
mod training;
