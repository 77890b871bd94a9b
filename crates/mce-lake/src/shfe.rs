//! Five-level snapshots of the Shanghai Futures Exchange, as Parquet files of one row a snapshot.
//!
//! Columns that are read: `epochTime` (receive time, µs since the epoch, int64), `updateTime` (exchange time, China
//! time of day as text), `bid1`…`bid5`, `ask1`…`ask5`, `bidSize1`…`bidSize5`, `askSize1`…`askSize5` (float64; null or
//! 0 is no level) and, if it is there, `instrumentID` (text): rows of other instruments are passed over. What the
//! rows mean to features, and what happens to a crossed book or a size below zero, is the feature engine's.

mod session;

use crate::error::LakeError;
use crate::parquet_input;
use crate::stream::EventQueue;
use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema};
use mce_market::{
    BookSnapshot, EventBody, Gap, GapReason, Instrument, InstrumentId, Level, MarketEvent, Price,
    Qty, Scale, UnixNanos,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::file::reader::ChunkReader;
use session::ExchangeTime;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Levels a side in a row.
const LEVELS: usize = 5;
/// Rows decoded at once: about 1 MB.
const BATCH_ROWS: usize = 4096;
/// How many other symbols an error lists.
const SYMBOLS_SHOWN: usize = 5;

/// Yields the events of one instrument out of SHFE files, in the files' order and a batch of rows at a time.
///
/// The instrument's definition comes first, then a snapshot a row, with a gap at each end of a session: between rows
/// of two sessions, and after a row at a session's end or in none, be it the last. Several files are one stream: a
/// session that goes on in the next file has no gap. After an error there is nothing more.
pub struct ShfeReader {
    files: VecDeque<OpenFile>,
    first_file: String,
    queue: EventQueue,
    previous: Option<(ExchangeTime, UnixNanos)>,
    matched: bool,
    other_symbols: BTreeSet<String>,
    /// Whether any file names its rows' instruments.
    named: bool,
    done: bool,
}

struct OpenFile {
    name: String,
    rows: ParquetRecordBatchReader,
    has_symbol: bool,
    batch: Option<Batch>,
    /// Row of the file that the next batch begins with, from 0.
    next_row: u64,
}

/// A batch with its columns found.
struct Batch {
    first_row: u64,
    at: usize,
    len: usize,
    epoch: Int64Array,
    update: StringArray,
    symbol: Option<StringArray>,
    bids: [(Float64Array, Float64Array); LEVELS],
    asks: [(Float64Array, Float64Array); LEVELS],
}

impl ShfeReader {
    /// Opens `inputs`, each with the name that errors shall call it by, for the rows of `instrument`, whose events
    /// carry `id`. Only the first `head` rows of all files together are looked at, if given.
    ///
    /// # Errors
    /// [`LakeError`] when a file is not Parquet, is damaged, or lacks a column, before any event is given.
    pub fn open<T: ChunkReader + 'static>(
        inputs: impl IntoIterator<Item = (String, T)>,
        instrument: Arc<Instrument>,
        id: InstrumentId,
        head: Option<u64>,
    ) -> Result<Self, LakeError> {
        let mut left = head.unwrap_or(u64::MAX);
        let mut files = VecDeque::new();
        for (name, input) in inputs {
            let (file, rows) = OpenFile::open(name, input, left)?;
            left -= rows;
            files.push_back(file);
        }
        Ok(ShfeReader {
            first_file: files.front().map_or_else(String::new, |f| f.name.clone()),
            named: files.iter().any(|f| f.has_symbol),
            files,
            queue: EventQueue::new(id, instrument),
            previous: None,
            matched: false,
            other_symbols: BTreeSet::new(),
            done: false,
        })
    }

    /// Queues what the next row gives, or ends the stream.
    fn advance(&mut self) -> Result<(), LakeError> {
        let Some(file) = self.files.front_mut() else {
            return self.finish();
        };
        let Some(batch) = &mut file.batch else {
            match file.next_batch()? {
                Some(batch) => file.batch = Some(batch),
                None => drop(self.files.pop_front()),
            }
            return Ok(());
        };
        let row = batch.at;
        batch.at += 1;
        if let Some(found) = batch.symbol(row)
            && found != &**self.queue.instrument().symbol()
        {
            if self.other_symbols.len() < SYMBOLS_SHOWN {
                self.other_symbols.insert(found.into());
            }
            file.drop_read_batch();
            return Ok(());
        }
        self.matched = true;
        let (received, time) = batch.times(&file.name, row)?;
        let instrument = self.queue.instrument().clone();
        let book = batch.book(&file.name, row, &instrument)?;
        file.drop_read_batch();
        if let Some((last, last_received)) = self.previous
            && (last.last_of_session || last.session != time.session)
        {
            self.queue.push(None, last_received, session_end());
        }
        self.previous = Some((time, received));
        let snapshot = EventBody::Snapshot(book);
        self.queue.push(Some(time.ts), received, snapshot);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), LakeError> {
        self.done = true;
        if self.named && !self.matched {
            let found = match self.other_symbols.len() {
                0 => "no rows".into(),
                _ => Vec::from_iter(self.other_symbols.iter().map(String::as_str)).join(", "),
            };
            return Err(LakeError::SymbolAbsent {
                file: self.first_file.clone(),
                symbol: self.queue.instrument().symbol().to_string(),
                found,
            });
        }
        if let Some((last, received)) = self.previous
            && last.last_of_session
        {
            self.queue.push(None, received, session_end());
        }
        Ok(())
    }
}

impl Iterator for ShfeReader {
    type Item = Result<MarketEvent, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.queue.pop() {
                return Some(Ok(event));
            }
            if self.done {
                return None;
            }
            if let Err(error) = self.advance() {
                self.done = true;
                return Some(Err(error));
            }
        }
    }
}

fn session_end() -> EventBody {
    EventBody::Gap(Gap {
        reason: GapReason::SessionEnd,
    })
}

impl OpenFile {
    /// Opens one file for at most `limit` rows; also gives how many it will yield.
    fn open<T: ChunkReader + 'static>(
        name: String,
        input: T,
        limit: u64,
    ) -> Result<(Self, u64), LakeError> {
        let builder = parquet_input::open(&name, input)?;
        check_columns(&name, builder.schema())?;
        let has_symbol = builder.schema().index_of("instrumentID").is_ok();
        let declared = builder.metadata().file_metadata().num_rows();
        let rows = u64::try_from(declared).unwrap_or(0).min(limit);
        let wanted = wanted_columns();
        let mask = ProjectionMask::columns(
            builder.parquet_schema(),
            wanted.iter().map(|(name, _)| name.as_str()),
        );
        let rows_reader = parquet_input::guarded(&name, "footer", || {
            builder
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .with_limit(usize::try_from(rows).unwrap_or(usize::MAX))
                .build()
                .map_err(|e| parquet_input::damaged(&name, "footer", e))
        })?;
        let file = OpenFile {
            name,
            rows: rows_reader,
            has_symbol,
            batch: None,
            next_row: 0,
        };
        Ok((file, rows))
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, LakeError> {
        let first_row = self.next_row;
        let place = format!("after row {first_row}");
        let Some(batch) = parquet_input::next_batch(&self.name, &place, &mut self.rows)? else {
            return Ok(None);
        };
        self.next_row += batch.num_rows() as u64;
        Batch::new(&self.name, &batch, first_row, self.has_symbol).map(Some)
    }

    fn drop_read_batch(&mut self) {
        self.batch = self.batch.take().filter(|batch| batch.at < batch.len);
    }
}

impl Batch {
    fn new(
        file: &str,
        batch: &RecordBatch,
        first_row: u64,
        has_symbol: bool,
    ) -> Result<Self, LakeError> {
        let text = |name: &str| {
            parquet_input::column::<StringArray>(file, batch, name, &DataType::Utf8).cloned()
        };
        let number = |name: String| {
            parquet_input::column::<Float64Array>(file, batch, &name, &DataType::Float64).cloned()
        };
        let side = |name: &str| -> Result<[(Float64Array, Float64Array); LEVELS], LakeError> {
            let mut levels = Vec::with_capacity(LEVELS);
            for i in 1..=LEVELS {
                levels.push((
                    number(format!("{name}{i}"))?,
                    number(format!("{name}Size{i}"))?,
                ));
            }
            Ok(levels
                .try_into()
                .expect("as many pairs as LEVELS were pushed"))
        };
        Ok(Batch {
            first_row,
            at: 0,
            len: batch.num_rows(),
            epoch: parquet_input::column::<Int64Array>(file, batch, "epochTime", &DataType::Int64)?
                .clone(),
            update: text("updateTime")?,
            symbol: has_symbol.then(|| text("instrumentID")).transpose()?,
            bids: side("bid")?,
            asks: side("ask")?,
        })
    }

    /// The row's instrument, where the file names it.
    fn symbol(&self, row: usize) -> Option<&str> {
        let symbols = self.symbol.as_ref()?;
        Some(match symbols.is_valid(row) {
            true => symbols.value(row),
            false => "null",
        })
    }

    fn times(&self, file: &str, row: usize) -> Result<(UnixNanos, ExchangeTime), LakeError> {
        let wrong = |column: &str, expected: &str, got: String| {
            self.wrong_cell(file, row, column, expected, got)
        };
        let micros = self.epoch.is_valid(row).then(|| self.epoch.value(row));
        let text = self.update.is_valid(row).then(|| self.update.value(row));
        let of_day = text.and_then(session::time_of_day).ok_or_else(|| {
            let got = text.map_or_else(|| "null".into(), |t| format!("{t:?}"));
            wrong("updateTime", "a time of day as HH:MM:SS.mmm", got)
        })?;
        micros
            .and_then(UnixNanos::from_micros)
            .and_then(|received| Some((received, session::exchange_time(received, of_day)?)))
            .ok_or_else(|| {
                let got = micros.map_or_else(|| "null".into(), |m| m.to_string());
                wrong("epochTime", "µs since 1970 of the years 1678 to 2262", got)
            })
    }

    fn book(
        &self,
        file: &str,
        row: usize,
        instrument: &Instrument,
    ) -> Result<BookSnapshot, LakeError> {
        let side = |name: &str, columns: &[(Float64Array, Float64Array); LEVELS]| {
            let mut levels = Vec::with_capacity(LEVELS);
            for (i, (prices, sizes)) in (1..).zip(columns) {
                let price = prices.is_valid(row).then(|| prices.value(row));
                let size = sizes.is_valid(row).then(|| sizes.value(row));
                let (Some(price), Some(size)) = (price, size) else {
                    continue;
                };
                if price == 0.0 || size == 0.0 {
                    continue;
                }
                let units = |value: f64, scale: Scale, what: &str| {
                    to_units(value, scale).ok_or_else(|| {
                        let column = format!("{name}{what}{i}");
                        let expected = format!("below 2^51 units of {} decimals", scale.decimals());
                        self.wrong_cell(file, row, &column, &expected, value.to_string())
                    })
                };
                levels.push(Level::new(
                    Price::from_units(units(price, instrument.price_scale(), "")?),
                    Qty::from_units(units(size, instrument.qty_scale(), "Size")?),
                ));
            }
            Ok::<_, LakeError>(levels)
        };
        Ok(BookSnapshot {
            bids: side("bid", &self.bids)?,
            asks: side("ask", &self.asks)?,
            update_id: None,
        })
    }

    #[cold]
    fn wrong_cell(
        &self,
        file: &str,
        row: usize,
        column: &str,
        expected: &str,
        got: String,
    ) -> LakeError {
        LakeError::Content {
            file: file.into(),
            place: format!("row {}, column {column:?}", self.first_row + row as u64),
            expected: expected.into(),
            got,
        }
    }
}

/// The integer whose decimal at `scale` the float is nearest to, if there is one.
///
/// Below 2^51 units the decimals of a scale lie further apart than the errors of a float and of one product, so a
/// float that was a decimal of at most that many places gives exactly that decimal back, and any other number is
/// refused.
fn to_units(value: f64, scale: Scale) -> Option<i64> {
    let units = (value * scale.units_per_one() as f64).round();
    if units.is_nan() || units.abs() >= (1i64 << 51) as f64 {
        return None;
    }
    let units = units as i64;
    (scale.to_f64(units) == value).then_some(units)
}

/// Every column that must be there, with its type; `instrumentID` is read too where it is.
fn wanted_columns() -> Vec<(String, Option<DataType>)> {
    let mut columns = vec![
        ("epochTime".into(), Some(DataType::Int64)),
        ("updateTime".into(), Some(DataType::Utf8)),
        ("instrumentID".into(), None),
    ];
    for name in ["bid", "bidSize", "ask", "askSize"] {
        for i in 1..=LEVELS {
            columns.push((format!("{name}{i}"), Some(DataType::Float64)));
        }
    }
    columns
}

fn check_columns(file: &str, schema: &Schema) -> Result<(), LakeError> {
    for (name, expected) in wanted_columns() {
        let found = schema.field_with_name(&name).ok().map(|f| f.data_type());
        let expected = match (expected, found) {
            (Some(expected), _) => expected,
            (None, Some(_)) => DataType::Utf8,
            (None, None) => continue,
        };
        if found != Some(&expected) {
            let found = found.map(DataType::to_string);
            return Err(parquet_input::wrong_column(
                file,
                &name,
                &expected.to_string(),
                found,
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
