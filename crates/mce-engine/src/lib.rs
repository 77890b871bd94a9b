//! The engine: everything between stored or live events and orders.
//!
//! | module | what lives there |
//! |---|---|
//! | [`files`], [`table_csv`] | files in and out, outputs by rename |
//! | [`replay`] | stored data as events |
//! | [`conformance`] | captured frames against the venue's own words |
//! | [`series`] | a stored market as samples and labels |
//! | [`stored`] | feature tables read back |
//! | [`split`] | slices by time, with purge and embargo |
//! | [`dataset`], [`train`], [`bundle`] | from a series to a model with everything a signal needs |
//! | [`pipeline`] | events → samples → signals |
//! | [`step`] | events → decisions and orders: the same step everywhere |
//! | [`backtest`] | the step over stored events with a paper exchange, and what it came to |
//! | [`evaluate`] | figures of merit and baselines |
#![deny(missing_docs)]

pub mod backtest;
pub mod bundle;
pub mod conformance;
pub mod dataset;
mod error;
pub mod evaluate;
pub mod files;
pub mod pipeline;
pub mod replay;
pub mod series;
pub mod split;
pub mod step;
pub mod stored;
pub mod table_csv;
pub mod train;

pub use error::EngineError;
