//! Table formats: market events out of other tools' files, and derived tables in Parquet.
//!
//! The only crate that knows Parquet. It reads and writes bytes it is handed; opening files, decompressing them and
//! putting finished ones in place by rename belong to the engine, and so does what the columns mean.
//!
//! | module | what lives there |
//! |---|---|
//! | [`events_jsonl`] | [`EventsJsonl`]: events as JSON lines, one object a line |
//! | [`shfe`] | [`ShfeReader`]: five-level snapshots of the Shanghai Futures Exchange in Parquet |
//! | [`table`] | [`Table`], [`TableWriter`], [`TableReader`]: typed columns with a schema, a digest and metadata |
//! | [`error`] | [`LakeError`] |
#![deny(missing_docs)]

pub mod error;
pub mod events_jsonl;
mod parquet_input;
pub mod shfe;
mod stream;
pub mod table;

pub use error::LakeError;
pub use events_jsonl::EventsJsonl;
pub use shfe::ShfeReader;
pub use table::{
    Column, Table, TableReader, TableSchema, TableWriter, read_parquet, write_parquet,
};
