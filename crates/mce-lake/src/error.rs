//! The one error of this crate: which file, where in it, what was expected and what came.

use parquet::errors::ParquetError;
use std::error::Error;
use std::io;

/// Why a table or an event file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Reading failed beneath the format: the disk, or a decompressor that found its input cut off.
    #[error("{file}: reading failed")]
    Read {
        /// Name of the file as the caller gave it.
        file: String,
        /// What failed.
        #[source]
        source: io::Error,
    },
    /// Writing failed.
    #[error("{file}: writing failed")]
    Write {
        /// Name of the file as the caller gave it.
        file: String,
        /// What failed.
        #[source]
        source: ParquetError,
    },
    /// It began as the format it should be and is broken further on: cut off, or with changed bytes.
    #[error("{file}, {place}: damaged: {what}; copy or make the file again")]
    Damaged {
        /// Name of the file as the caller gave it.
        file: String,
        /// Where in it: a line, a row, the footer.
        place: String,
        /// What is wrong there.
        what: String,
        /// The decoder's own error, where it had one.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// A sound file, but not one of these: another format, a missing column, a number off the instrument's scale.
    #[error("{file}, {place}: expected {expected}, got {got}")]
    Content {
        /// Name of the file as the caller gave it.
        file: String,
        /// Where in it: a line, a row and column.
        place: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// No row of the asked symbol.
    #[error("{file}: no row of the symbol {symbol:?}; the file holds {found}")]
    SymbolAbsent {
        /// Name of the file, or of the first one when there are several.
        file: String,
        /// The asked symbol.
        symbol: String,
        /// The symbols that are there, or "no rows".
        found: String,
    },
    /// Written by a later version of this program.
    #[error("{file}: schema {found}, newer than the {known} known here; read it with a newer mce")]
    NewerSchema {
        /// Name of the file as the caller gave it.
        file: String,
        /// The file's schema.
        found: String,
        /// The newest one known here.
        known: String,
    },
    /// A table that cannot be: columns of different lengths, a name twice, a number that is not finite.
    #[error("table {schema}, column {column:?}: {what}")]
    Table {
        /// The table's schema.
        schema: String,
        /// The column at fault.
        column: String,
        /// What is wrong with it.
        what: String,
    },
}

impl LakeError {
    /// Whether the file is damaged (cut off, flipped bytes), as against a sound file with the wrong content or a
    /// failure of the machine. The command line tells the two apart by exit code.
    pub fn is_damage(&self) -> bool {
        match self {
            // What a decompressor reports for input that is cut off or not its own.
            LakeError::Read { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
            ),
            LakeError::Damaged { .. } => true,
            LakeError::Write { .. }
            | LakeError::Content { .. }
            | LakeError::SymbolAbsent { .. }
            | LakeError::NewerSchema { .. }
            | LakeError::Table { .. } => false,
        }
    }
}
