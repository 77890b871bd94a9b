//! Tables out of Parquet: only those that were written here, whole, and of a schema that is known.

use super::digest::Digest;
use super::{Column, DIGEST_KEY, RESERVED, SCHEMA_KEY, Table, TableSchema};
use crate::error::LakeError;
use crate::parquet_input;
use arrow_array::{
    Array, Float64Array, Int64Array, RecordBatch, StringArray, UInt8Array, UInt16Array, UInt32Array,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::file::metadata::KeyValue;
use parquet::file::reader::ChunkReader;

/// Rows of a chunk.
const CHUNK_ROWS: usize = 65_536;

/// Reads a whole table; `file` is what errors call it.
///
/// # Errors
/// As [`TableReader`].
pub fn read_parquet<T: ChunkReader + 'static>(
    file: &str,
    input: T,
    known: &TableSchema,
) -> Result<Table, LakeError> {
    let reader = TableReader::open(file, input, known)?;
    let mut table = reader.layout().clone();
    for chunk in reader {
        table.append(chunk?)?;
    }
    Ok(table)
}

/// Yields a table's rows in chunks, each a table of its own with the same schema, metadata and columns.
///
/// The digest can only be compared at the end: what came before counts when the iterator has ended without an error.
/// After an error there is nothing more.
pub struct TableReader {
    file: String,
    rows: ParquetRecordBatchReader,
    layout: Table,
    digest: Digest,
    /// The digest that the file says it has.
    expected: String,
    rows_read: u64,
    done: bool,
}

impl TableReader {
    /// Opens a file of the `known` schema's name, of its version or an older one.
    ///
    /// # Errors
    /// [`LakeError::Content`] when it is no such table, [`LakeError::NewerSchema`] when its version is newer,
    /// [`LakeError::Damaged`] when it cannot be decoded. Reading on gives [`LakeError::Damaged`] where the file is.
    pub fn open<T: ChunkReader + 'static>(
        file: &str,
        input: T,
        known: &TableSchema,
    ) -> Result<Self, LakeError> {
        let builder = parquet_input::open(file, input)?;
        let pairs = builder.metadata().file_metadata().key_value_metadata();
        let pairs = pairs.map_or(&[][..], Vec::as_slice);
        let schema = read_schema(file, pairs, known)?;
        let mut layout = Table::new(schema);
        for field in builder.schema().fields() {
            layout.push(field.name(), empty_column(file, field)?)?;
        }
        for pair in pairs.iter().filter(|pair| !pair.key.starts_with(RESERVED)) {
            layout.set_metadata(&pair.key, pair.value.as_deref().unwrap_or_default())?;
        }
        let expected = own_value(pairs, DIGEST_KEY).unwrap_or_default().to_string();
        let rows = parquet_input::guarded(file, "footer", || {
            let builder = builder.with_batch_size(CHUNK_ROWS);
            builder
                .build()
                .map_err(|e| parquet_input::damaged(file, "footer", e))
        })?;
        Ok(TableReader {
            file: file.into(),
            rows,
            digest: Digest::new(&layout),
            layout,
            expected,
            rows_read: 0,
            done: false,
        })
    }

    /// The table without its rows: schema, metadata and columns.
    pub fn layout(&self) -> &Table {
        &self.layout
    }

    fn next_chunk(&mut self) -> Result<Option<Table>, LakeError> {
        let place = format!("after row {}", self.rows_read);
        let Some(batch) = parquet_input::next_batch(&self.file, &place, &mut self.rows)? else {
            return self.check_digest().map(|()| None);
        };
        let mut chunk = Table {
            schema: self.layout.schema.clone(),
            metadata: self.layout.metadata.clone(),
            columns: Vec::with_capacity(self.layout.columns.len()),
        };
        for (name, empty) in self.layout.columns() {
            chunk.push(name, read_column(&self.file, &batch, name, empty)?)?;
        }
        self.digest.update(&chunk);
        self.rows_read += chunk.rows() as u64;
        Ok(Some(chunk))
    }

    fn check_digest(&self) -> Result<(), LakeError> {
        let found = self
            .digest
            .finish(&self.layout.schema, &self.layout.metadata);
        if found == self.expected {
            return Ok(());
        }
        Err(LakeError::Damaged {
            file: self.file.clone(),
            place: "content".into(),
            what: format!("xxh3 is {found}, the file says {:?}", self.expected),
            source: None,
        })
    }
}

impl Iterator for TableReader {
    type Item = Result<Table, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_chunk().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

fn own_value<'a>(pairs: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|pair| pair.key == key)?;
    pair.value.as_deref()
}

fn read_schema(
    file: &str,
    pairs: &[KeyValue],
    known: &TableSchema,
) -> Result<TableSchema, LakeError> {
    let text = own_value(pairs, SCHEMA_KEY);
    let found = text.and_then(TableSchema::parse);
    match found {
        Some(found) if found.name == known.name && found.version <= known.version => Ok(found),
        Some(found) if found.name == known.name => Err(LakeError::NewerSchema {
            file: file.into(),
            found: found.to_string(),
            known: known.to_string(),
        }),
        _ => Err(LakeError::Content {
            file: file.into(),
            place: format!("metadata {SCHEMA_KEY:?}"),
            expected: format!("a table of the schema {known}, as mce writes it"),
            got: text.map_or_else(|| "none".into(), |t| format!("{t:?}")),
        }),
    }
}

fn empty_column(file: &str, field: &Field) -> Result<Column, LakeError> {
    Ok(match (field.data_type(), field.is_nullable()) {
        (DataType::Int64, false) => Column::I64(Vec::new()),
        (DataType::Float64, false) => Column::F64(Vec::new()),
        (DataType::UInt16, false) => Column::U16(Vec::new()),
        (DataType::UInt32, false) => Column::U32(Vec::new()),
        (DataType::Float64, true) => Column::OptF64(Vec::new()),
        (DataType::UInt8, true) => Column::OptU8(Vec::new()),
        (DataType::Utf8, false) => Column::Text(Vec::new()),
        (DataType::Utf8, true) => Column::OptText(Vec::new()),
        (other, nullable) => {
            let found = format!("{other}{}", if nullable { ", nullable" } else { "" });
            let expected = "i64, f64, u16, u32, text, or nullable f64, u8, text";
            return Err(parquet_input::wrong_column(
                file,
                field.name(),
                expected,
                Some(found),
            ));
        }
    })
}

/// The values of a column of the same type as `empty`.
fn read_column(
    file: &str,
    batch: &RecordBatch,
    name: &str,
    empty: &Column,
) -> Result<Column, LakeError> {
    fn values<'a, A: Array + 'static>(
        file: &str,
        batch: &'a RecordBatch,
        name: &str,
        data_type: &DataType,
    ) -> Result<&'a A, LakeError> {
        parquet_input::column::<A>(file, batch, name, data_type)
    }
    Ok(match empty {
        Column::I64(_) => {
            let array: &Int64Array = values(file, batch, name, &DataType::Int64)?;
            Column::I64(array.values().to_vec())
        }
        Column::F64(_) => {
            let array: &Float64Array = values(file, batch, name, &DataType::Float64)?;
            Column::F64(array.values().to_vec())
        }
        Column::U16(_) => {
            let array: &UInt16Array = values(file, batch, name, &DataType::UInt16)?;
            Column::U16(array.values().to_vec())
        }
        Column::U32(_) => {
            let array: &UInt32Array = values(file, batch, name, &DataType::UInt32)?;
            Column::U32(array.values().to_vec())
        }
        Column::OptF64(_) => {
            let array: &Float64Array = values(file, batch, name, &DataType::Float64)?;
            Column::OptF64(array.iter().collect())
        }
        Column::OptU8(_) => {
            let array: &UInt8Array = values(file, batch, name, &DataType::UInt8)?;
            Column::OptU8(array.iter().collect())
        }
        Column::Text(_) => {
            let array: &StringArray = values(file, batch, name, &DataType::Utf8)?;
            let texts = array
                .iter()
                .map(|text| text.unwrap_or_default().to_string());
            Column::Text(texts.collect())
        }
        Column::OptText(_) => {
            let array: &StringArray = values(file, batch, name, &DataType::Utf8)?;
            Column::OptText(array.iter().map(|text| text.map(str::to_string)).collect())
        }
    })
}
