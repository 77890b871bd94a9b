//! Derived tables (features, signals) as typed columns in memory, and their Parquet files.
//!
//! A table has a schema (a name and a version), columns of equal length in a fixed order, and free metadata as text.
//! Its file carries the schema and an xxh3 of everything in it, since Parquet readers let a flipped byte pass. What
//! the columns mean, and which metadata must be there, is the caller's.

mod digest;
mod read;
mod write;

use crate::error::LakeError;
use std::collections::BTreeMap;
use std::fmt;

pub use read::{TableReader, read_parquet};
pub use write::{TableWriter, write_parquet};

/// Metadata keys that begin so are this module's own.
const RESERVED: &str = "mce.";
const SCHEMA_KEY: &str = "mce.schema";
const DIGEST_KEY: &str = "mce.xxh3";

/// What kind of table it is and which version of that kind, written `mce-features/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    name: String,
    version: u32,
}

impl TableSchema {
    /// A schema called `name`, which must be of printable characters without `/`; versions count up from 1.
    ///
    /// # Errors
    /// [`LakeError::Table`] for a name that could not be read back.
    pub fn new(name: &str, version: u32) -> Result<Self, LakeError> {
        if name.is_empty() || name.contains(|c: char| c.is_control() || c == '/') {
            return Err(LakeError::Table {
                schema: format!("{name:?}"),
                column: String::new(),
                what: "a schema's name must be printable, without '/'".into(),
            });
        }
        Ok(TableSchema {
            name: name.into(),
            version,
        })
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.rsplit_once('/')?;
        TableSchema::new(name, version.parse().ok()?).ok()
    }

    /// The kind of table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of that kind.
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl fmt::Display for TableSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

/// The values of one column. Floats are finite: what is absent is `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// 64-bit integers: times in ns, prices and sizes in units.
    I64(Vec<i64>),
    /// Finite floats.
    F64(Vec<f64>),
    /// 16-bit masks.
    U16(Vec<u16>),
    /// 32-bit counts.
    U32(Vec<u32>),
    /// Finite floats, some absent.
    OptF64(Vec<Option<f64>>),
    /// Small numbers or flags, some absent.
    OptU8(Vec<Option<u8>>),
    /// Text.
    Text(Vec<String>),
    /// Text, some absent.
    OptText(Vec<Option<String>>),
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::I64(v) => v.len(),
            Column::F64(v) => v.len(),
            Column::U16(v) => v.len(),
            Column::U32(v) => v.len(),
            Column::OptF64(v) => v.len(),
            Column::OptU8(v) => v.len(),
            Column::Text(v) => v.len(),
            Column::OptText(v) => v.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type as people read it in errors, `?` for columns with absent values.
    pub fn type_name(&self) -> &'static str {
        match self {
            Column::I64(_) => "i64",
            Column::F64(_) => "f64",
            Column::U16(_) => "u16",
            Column::U32(_) => "u32",
            Column::OptF64(_) => "f64?",
            Column::OptU8(_) => "u8?",
            Column::Text(_) => "text",
            Column::OptText(_) => "text?",
        }
    }

    /// Row of the first float that is not finite.
    fn first_not_finite(&self) -> Option<usize> {
        match self {
            Column::F64(v) => v.iter().position(|x| !x.is_finite()),
            Column::OptF64(v) => v.iter().position(|x| x.is_some_and(|x| !x.is_finite())),
            _ => None,
        }
    }

    /// Puts the rows of `more` behind its own; `false`, and nothing done, when it is of another type.
    fn append(&mut self, more: Column) -> bool {
        match (self, more) {
            (Column::I64(v), Column::I64(m)) => v.extend(m),
            (Column::F64(v), Column::F64(m)) => v.extend(m),
            (Column::U16(v), Column::U16(m)) => v.extend(m),
            (Column::U32(v), Column::U32(m)) => v.extend(m),
            (Column::OptF64(v), Column::OptF64(m)) => v.extend(m),
            (Column::OptU8(v), Column::OptU8(m)) => v.extend(m),
            (Column::Text(v), Column::Text(m)) => v.extend(m),
            (Column::OptText(v), Column::OptText(m)) => v.extend(m),
            _ => return false,
        }
        true
    }
}

/// A table in memory: columns of equal length, each name once.
///
/// ```
/// use mce_lake::{Column, Table, TableSchema};
/// let mut table = Table::new(TableSchema::new("mce-features", 1)?);
/// table.push("ts", Column::I64(vec![5, 10]))?;
/// table.push("spread", Column::F64(vec![0.5, 0.25]))?;
/// assert_eq!(table.rows(), 2);
/// assert_eq!(table.f64s("spread")?, [0.5, 0.25]);
/// # Ok::<(), mce_lake::LakeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    schema: TableSchema,
    metadata: BTreeMap<String, String>,
    columns: Vec<(String, Column)>,
}

impl Table {
    /// A table without columns.
    pub fn new(schema: TableSchema) -> Self {
        Table {
            schema,
            metadata: BTreeMap::new(),
            columns: Vec::new(),
        }
    }

    /// Adds a column behind the others.
    ///
    /// # Errors
    /// [`LakeError::Table`] when the name is taken or empty, the length is not the others', or a float is not finite.
    pub fn push(&mut self, name: &str, column: Column) -> Result<(), LakeError> {
        if name.is_empty() {
            return Err(self.wrong(name, "a column needs a name".into()));
        }
        if self.columns.iter().any(|(taken, _)| taken == name) {
            return Err(self.wrong(name, "the name is taken".into()));
        }
        if !self.columns.is_empty() && column.len() != self.rows() {
            let (rows, got) = (self.rows(), column.len());
            return Err(self.wrong(name, format!("expected {rows} rows, got {got}")));
        }
        if let Some(row) = column.first_not_finite() {
            let what = format!("row {row} is not finite; what is absent must be of type f64?");
            return Err(self.wrong(name, what));
        }
        self.columns.push((name.into(), column));
        Ok(())
    }

    /// Sets a metadata entry.
    ///
    /// # Errors
    /// [`LakeError::Table`] for a key that begins with `mce.`, which is this module's own.
    pub fn set_metadata(&mut self, key: &str, value: &str) -> Result<(), LakeError> {
        if key.starts_with(RESERVED) {
            let what = format!("metadata keys must not begin with {RESERVED:?}");
            return Err(self.wrong(key, what));
        }
        self.metadata.insert(key.into(), value.into());
        Ok(())
    }

    /// Its schema.
    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// Its metadata.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Its columns in order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (&**name, column))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let mut columns = self.columns.iter();
        columns.find(|(n, _)| n == name).map(|(_, column)| column)
    }

    /// Puts the rows of `more` behind its own.
    ///
    /// # Errors
    /// [`LakeError::Table`] when `more` has other columns; nothing is then changed.
    pub fn append(&mut self, more: Table) -> Result<(), LakeError> {
        self.check_same_columns(&more)?;
        for ((_, column), (_, rows)) in self.columns.iter_mut().zip(more.columns) {
            let same_type = column.append(rows);
            debug_assert!(same_type, "the types were compared above");
        }
        Ok(())
    }

    fn without_rows(&self) -> Table {
        let columns = self.columns.iter().map(|(name, column)| {
            let empty = match column {
                Column::I64(_) => Column::I64(Vec::new()),
                Column::F64(_) => Column::F64(Vec::new()),
                Column::U16(_) => Column::U16(Vec::new()),
                Column::U32(_) => Column::U32(Vec::new()),
                Column::OptF64(_) => Column::OptF64(Vec::new()),
                Column::OptU8(_) => Column::OptU8(Vec::new()),
                Column::Text(_) => Column::Text(Vec::new()),
                Column::OptText(_) => Column::OptText(Vec::new()),
            };
            (name.clone(), empty)
        });
        Table {
            schema: self.schema.clone(),
            metadata: self.metadata.clone(),
            columns: columns.collect(),
        }
    }

    fn check_same_columns(&self, other: &Table) -> Result<(), LakeError> {
        let names = |table: &Table| {
            let columns = table.columns();
            Vec::from_iter(columns.map(|(name, c)| format!("{name} {}", c.type_name())))
        };
        let (expected, got) = (names(self), names(other));
        if expected == got {
            return Ok(());
        }
        let at = expected
            .iter()
            .zip(&got)
            .take_while(|(a, b)| a == b)
            .count();
        let show = |list: &[String]| list.get(at).cloned().unwrap_or_else(|| "no more".into());
        let what = format!("expected {}, got {}", show(&expected), show(&got));
        Err(self.wrong(&format!("number {at}"), what))
    }

    #[cold]
    fn wrong(&self, column: &str, what: String) -> LakeError {
        LakeError::Table {
            schema: self.schema.to_string(),
            column: column.into(),
            what,
        }
    }

    #[cold]
    fn wrong_type(&self, name: &str, expected: &str) -> LakeError {
        let what = match self.column(name) {
            Some(column) => format!("expected {expected}, the table has {}", column.type_name()),
            None => {
                let names = Vec::from_iter(self.columns().map(|(name, _)| name)).join(", ");
                format!("expected {expected}, the table has no such column but {names}")
            }
        };
        self.wrong(name, what)
    }
}

macro_rules! typed_column {
    ($getter:ident, $variant:ident, $item:ty, $type_name:literal) => {
        impl Table {
            #[doc = concat!("The values of a column of type `", $type_name, "`.")]
            ///
            /// # Errors
            /// [`LakeError::Table`] when there is no such column, or one of another type.
            pub fn $getter(&self, name: &str) -> Result<&[$item], LakeError> {
                match self.column(name) {
                    Some(Column::$variant(values)) => Ok(values),
                    _ => Err(self.wrong_type(name, $type_name)),
                }
            }
        }
    };
}

typed_column!(i64s, I64, i64, "i64");
typed_column!(f64s, F64, f64, "f64");
typed_column!(u16s, U16, u16, "u16");
typed_column!(u32s, U32, u32, "u32");
typed_column!(opt_f64s, OptF64, Option<f64>, "f64?");
typed_column!(opt_u8s, OptU8, Option<u8>, "u8?");
typed_column!(texts, Text, String, "text");
typed_column!(opt_texts, OptText, Option<String>, "text?");

#[cfg(test)]
mod tests;
