//! Opening Parquet files that others may have written, cut off or confused with something else.

use crate::error::LakeError;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

const MAGIC: &[u8] = b"PAR1";

/// Reads the footer. Column types are those of Parquet itself: the Arrow schema that some writers leave in the
/// metadata would make the same text column `Utf8`, `LargeUtf8` or a dictionary, depending on the writer.
///
/// # Errors
/// [`LakeError::Content`] when it does not begin like a Parquet file, [`LakeError::Damaged`] when it does but
/// cannot be read.
pub(crate) fn open<T: ChunkReader + 'static>(
    file: &str,
    input: T,
) -> Result<ParquetRecordBatchReaderBuilder<T>, LakeError> {
    let length = input.len();
    let begins = usize::try_from(length).map_or(MAGIC.len(), |l| l.min(MAGIC.len()));
    let begin = input
        .get_bytes(0, begins)
        .map_err(|e| damaged(file, "start", e))?;
    if begin.is_empty() {
        return Err(LakeError::Damaged {
            file: file.into(),
            place: "start".into(),
            what: "the file is empty".into(),
            source: None,
        });
    }
    if !MAGIC.starts_with(&begin) {
        return Err(LakeError::Content {
            file: file.into(),
            place: "start".into(),
            expected: "a Parquet file, which begins with \"PAR1\"".into(),
            got: format!("\"{}\"", begin.escape_ascii()),
        });
    }
    guarded(file, "footer", || {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        ParquetRecordBatchReaderBuilder::try_new_with_options(input, options)
            .map_err(|e| damaged(file, "footer", e))
    })
}

/// The next batch of rows.
pub(crate) fn next_batch(
    file: &str,
    place: &str,
    rows: &mut ParquetRecordBatchReader,
) -> Result<Option<RecordBatch>, LakeError> {
    guarded(file, place, || {
        let batch = rows.next().transpose();
        batch.map_err(|e| damaged_batch(file, place, e))
    })
}

/// The decoder asserts what it believes of a file, and some changed bytes make it panic instead of giving an error.
/// Such a panic is damage too. What `decode` borrowed must not be used again after an error.
pub(crate) fn guarded<T>(
    file: &str,
    place: &str,
    decode: impl FnOnce() -> Result<T, LakeError>,
) -> Result<T, LakeError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(LakeError::Damaged {
            file: file.into(),
            place: place.into(),
            what: format!(
                "the Parquet decoder gave up: {}",
                text.unwrap_or("no reason")
            ),
            source: None,
        })
    })
}

/// A decoder's error: a failure of the disk where it is one, else damage.
pub(crate) fn damaged(file: &str, place: &str, error: ParquetError) -> LakeError {
    classify(file, place, error.into())
}

/// As [`damaged`], for the errors of record batches.
fn damaged_batch(file: &str, place: &str, error: ArrowError) -> LakeError {
    match error {
        ArrowError::ExternalError(error) => classify(file, place, error),
        ArrowError::IoError(_, error) => classify(file, place, error.into()),
        other => classify(file, place, other.into()),
    }
}

fn classify(file: &str, place: &str, error: Box<dyn Error + Send + Sync>) -> LakeError {
    // Both libraries box the error beneath; a read that the system refused is no damage.
    let error = match error.downcast::<ParquetError>() {
        Ok(parquet) => match *parquet {
            ParquetError::External(inner) => inner,
            other => other.into(),
        },
        Err(error) => error,
    };
    match error.downcast::<io::Error>() {
        Ok(source) => LakeError::Read {
            file: file.into(),
            source: *source,
        },
        Err(source) => LakeError::Damaged {
            file: file.into(),
            place: place.into(),
            what: "not decodable as Parquet".into(),
            source: Some(source),
        },
    }
}

/// The column of a batch, as the array type that the caller proved it to have when it opened the file.
pub(crate) fn column<'a, A: Array + 'static>(
    file: &str,
    batch: &'a RecordBatch,
    name: &str,
    expected: &DataType,
) -> Result<&'a A, LakeError> {
    let found = batch.column_by_name(name);
    found
        .and_then(|array| array.as_any().downcast_ref::<A>())
        .ok_or_else(|| {
            let found = found.map(|array| array.data_type().to_string());
            wrong_column(file, name, &expected.to_string(), found)
        })
}

/// A column that is missing (`found` is `None`) or of another type.
pub(crate) fn wrong_column(
    file: &str,
    name: &str,
    expected: &str,
    found: Option<String>,
) -> LakeError {
    LakeError::Content {
        file: file.into(),
        place: format!("column {name:?}"),
        expected: format!("a column of type {expected}"),
        got: found.unwrap_or_else(|| "no such column".into()),
    }
}
