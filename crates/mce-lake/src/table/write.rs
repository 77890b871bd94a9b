//! Tables into Parquet. Every writer option is named here, so that no upgrade of the library changes a file.

use super::digest::Digest;
use super::{Column, DIGEST_KEY, SCHEMA_KEY, Table};
use crate::error::LakeError;
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, UInt8Array,
    UInt16Array, UInt32Array,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterVersion,
};
use parquet::schema::types::ColumnPath;
use std::io::Write;
use std::sync::Arc;

/// Rows of a row group: what a reader must hold of one column at least.
const ROW_GROUP_ROWS: usize = 131_072;
const PAGE_BYTES: usize = 1 << 20;
const PAGE_ROWS: usize = 20_000;
const ZSTD_LEVEL: i32 = 3;
/// Statistics of longer text keep its beginning.
const STATISTICS_BYTES: usize = 64;

/// Writes one table to `sink` as a Parquet file; `file` is what errors call it.
///
/// # Errors
/// [`LakeError::Write`]; what the sink has taken by then is no file.
pub fn write_parquet<W: Write + Send>(file: &str, sink: W, table: &Table) -> Result<W, LakeError> {
    TableWriter::begin(file, sink, table)?.finish()
}

/// Writes a table chunk by chunk, holding no more than a row group.
pub struct TableWriter<W: Write + Send> {
    file: String,
    writer: ArrowWriter<W>,
    arrow: Arc<Schema>,
    /// The table without its rows.
    layout: Table,
    digest: Digest,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a file with the schema, metadata, columns and rows of `first`.
    ///
    /// # Errors
    /// [`LakeError::Write`].
    pub fn begin(file: &str, sink: W, first: &Table) -> Result<Self, LakeError> {
        let arrow = Arc::new(arrow_schema(first));
        let options = ArrowWriterOptions::new()
            .with_properties(properties(first))
            .with_skip_arrow_metadata(true)
            .with_schema_root("schema".into());
        let failed = |source| write_error(file, source);
        let writer =
            ArrowWriter::try_new_with_options(sink, arrow.clone(), options).map_err(failed)?;
        let mut this = TableWriter {
            file: file.into(),
            writer,
            arrow,
            layout: first.without_rows(),
            digest: Digest::new(first),
        };
        this.write_rows(first)?;
        Ok(this)
    }

    /// Writes the rows of `chunk` behind those before.
    ///
    /// # Errors
    /// [`LakeError::Table`] when it has other columns, [`LakeError::Write`].
    pub fn append(&mut self, chunk: &Table) -> Result<(), LakeError> {
        self.layout.check_same_columns(chunk)?;
        self.write_rows(chunk)
    }

    /// Completes the file and gives the sink back. A file that is dropped before this cannot be read.
    ///
    /// # Errors
    /// [`LakeError::Write`].
    pub fn finish(mut self) -> Result<W, LakeError> {
        let digest = self
            .digest
            .finish(&self.layout.schema, &self.layout.metadata);
        let own = [
            (SCHEMA_KEY, self.layout.schema.to_string()),
            (DIGEST_KEY, digest),
        ];
        let callers = self.layout.metadata.clone();
        for (key, value) in own
            .map(|(k, v)| (k.to_string(), v))
            .into_iter()
            .chain(callers)
        {
            self.writer
                .append_key_value_metadata(KeyValue::new(key, value));
        }
        let file = self.file;
        self.writer
            .into_inner()
            .map_err(|source| write_error(&file, source))
    }

    fn write_rows(&mut self, chunk: &Table) -> Result<(), LakeError> {
        self.digest.update(chunk);
        let arrays = Vec::from_iter(chunk.columns().map(|(_, column)| array(column)));
        let options = RecordBatchOptions::new().with_row_count(Some(chunk.rows()));
        RecordBatch::try_new_with_options(self.arrow.clone(), arrays, &options)
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|source| write_error(&self.file, source))
    }
}

fn write_error(file: &str, source: ParquetError) -> LakeError {
    LakeError::Write {
        file: file.into(),
        source,
    }
}

fn arrow_schema(table: &Table) -> Schema {
    let fields = table.columns().map(|(name, column)| {
        let (data_type, nullable) = match column {
            Column::I64(_) => (DataType::Int64, false),
            Column::F64(_) => (DataType::Float64, false),
            Column::U16(_) => (DataType::UInt16, false),
            Column::U32(_) => (DataType::UInt32, false),
            Column::OptF64(_) => (DataType::Float64, true),
            Column::OptU8(_) => (DataType::UInt8, true),
            Column::Text(_) => (DataType::Utf8, false),
            Column::OptText(_) => (DataType::Utf8, true),
        };
        Field::new(name, data_type, nullable)
    });
    Schema::new(Vec::from_iter(fields))
}

fn array(column: &Column) -> ArrayRef {
    match column {
        Column::I64(v) => Arc::new(Int64Array::from_iter_values(v.iter().copied())),
        Column::F64(v) => Arc::new(Float64Array::from_iter_values(v.iter().copied())),
        Column::U16(v) => Arc::new(UInt16Array::from_iter_values(v.iter().copied())),
        Column::U32(v) => Arc::new(UInt32Array::from_iter_values(v.iter().copied())),
        Column::OptF64(v) => Arc::new(Float64Array::from_iter(v.iter().copied())),
        Column::OptU8(v) => Arc::new(UInt8Array::from_iter(v.iter().copied())),
        Column::Text(v) => Arc::new(StringArray::from_iter_values(v)),
        Column::OptText(v) => Arc::new(StringArray::from_iter(v)),
    }
}

fn properties(table: &Table) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("3 is a level of zstd");
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("mce-lake ", env!("CARGO_PKG_VERSION")).into())
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(None)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_v2_compression_ratio_threshold(1.0)
        .set_write_batch_size(1024)
        .set_dictionary_enabled(false)
        .set_dictionary_page_size_limit(PAGE_BYTES)
        .set_encoding(Encoding::PLAIN)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_column_index_truncate_length(Some(STATISTICS_BYTES))
        .set_write_page_header_statistics(false)
        .set_offset_index_disabled(false)
        .set_bloom_filter_enabled(false)
        .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup)
        .set_content_defined_chunking(None)
        .set_coerce_types(false)
        .set_write_path_in_schema(true)
        .set_sorting_columns(None)
        .set_key_value_metadata(None);
    for (name, column) in table.columns() {
        let path = ColumnPath::new(vec![name.into()]);
        builder = match column {
            // Times and counts go up in small steps.
            Column::I64(_) | Column::U16(_) | Column::U32(_) | Column::OptU8(_) => {
                builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
            }
            Column::F64(_) | Column::OptF64(_) => builder,
            // Symbols and reasons come again and again.
            Column::Text(_) | Column::OptText(_) => {
                builder.set_column_dictionary_enabled(path, true)
            }
        };
    }
    builder.build()
}
