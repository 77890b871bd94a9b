//! Tables as CSV: full float precision, an empty cell where a value is absent.

use crate::error::EngineError;
use crate::files;
use mce_lake::{Column, Table, TableSchema};
use std::io::Write;
use std::path::Path;

/// Writes a table as CSV with a header line.
///
/// # Errors
/// [`EngineError::Io`] with `path` as the file.
pub fn write(path: &Path, table: &Table, out: &mut impl Write) -> Result<(), EngineError> {
    let failed = |source: csv::Error| EngineError::io(path, "write", source.into());
    let mut writer = csv::Writer::from_writer(out);
    let names = table.columns().map(|(name, _)| name);
    writer.write_record(names).map_err(failed)?;
    let mut cell = String::new();
    for row in 0..table.rows() {
        for (_, column) in table.columns() {
            cell.clear();
            push_cell(column, row, &mut cell);
            writer.write_field(&cell).map_err(failed)?;
        }
        writer.write_record(None::<&[u8]>).map_err(failed)?;
    }
    writer
        .flush()
        .map_err(|source| EngineError::io(path, "write", source))
}

fn push_cell(column: &Column, row: usize, cell: &mut String) {
    use std::fmt::Write as _;
    let written = match column {
        Column::I64(v) => write!(cell, "{}", v[row]),
        Column::U16(v) => write!(cell, "{}", v[row]),
        Column::U32(v) => write!(cell, "{}", v[row]),
        // `{:?}` is the shortest text that reads back as the same float.
        Column::F64(v) => write!(cell, "{:?}", v[row]),
        Column::OptF64(v) => v[row].map_or(Ok(()), |x| write!(cell, "{x:?}")),
        Column::OptU8(v) => v[row].map_or(Ok(()), |x| write!(cell, "{x}")),
        Column::Text(v) => write!(cell, "{}", v[row]),
        Column::OptText(v) => v[row].as_ref().map_or(Ok(()), |x| write!(cell, "{x}")),
    };
    written.expect("writing to a string cannot fail");
}

/// How a column of a CSV file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 64-bit integers.
    I64,
    /// 16-bit masks.
    U16,
    /// Floats, all present.
    F64,
    /// Floats, some absent.
    OptF64,
    /// Small numbers, some absent.
    OptU8,
}

/// Reads the columns that `kind_of` names a kind for; others are passed over.
///
/// # Errors
/// [`EngineError::Data`] naming file, line, column and what was expected; [`EngineError::Io`].
pub fn read(
    path: &Path,
    schema: TableSchema,
    kind_of: impl Fn(&str) -> Option<Kind>,
) -> Result<Table, EngineError> {
    let mut reader = csv::Reader::from_reader(files::open_input(path)?);
    let failed = |error: csv::Error| match error.kind() {
        csv::ErrorKind::Io(_) => EngineError::io(path, "read", error.into()),
        _ => EngineError::Data(format!("{}: {error}", path.display())),
    };
    let header = reader.headers().map_err(failed)?.clone();
    let mut columns: Vec<Option<(String, Column)>> = header
        .iter()
        .map(|name| {
            let column = match kind_of(name)? {
                Kind::I64 => Column::I64(Vec::new()),
                Kind::U16 => Column::U16(Vec::new()),
                Kind::F64 => Column::F64(Vec::new()),
                Kind::OptF64 => Column::OptF64(Vec::new()),
                Kind::OptU8 => Column::OptU8(Vec::new()),
            };
            Some((name.to_string(), column))
        })
        .collect();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(failed)?;
        for (slot, cell) in columns.iter_mut().zip(record.iter()) {
            if let Some((name, column)) = slot {
                parse_cell(column, cell).ok_or_else(|| {
                    EngineError::Data(format!(
                        "{}, line {}, column {name}: expected {}, got {cell:?}",
                        path.display(),
                        row + 2,
                        column.type_name()
                    ))
                })?;
            }
        }
    }
    let mut table = Table::new(schema);
    for (name, column) in columns.into_iter().flatten() {
        table.push(&name, column)?;
    }
    Ok(table)
}

fn parse_cell(column: &mut Column, cell: &str) -> Option<()> {
    let float = |cell: &str| cell.parse::<f64>().ok().filter(|x| x.is_finite());
    match column {
        Column::I64(v) => v.push(cell.parse().ok()?),
        Column::U16(v) => v.push(cell.parse().ok()?),
        Column::U32(v) => v.push(cell.parse().ok()?),
        Column::F64(v) => v.push(float(cell)?),
        Column::OptF64(v) if cell.is_empty() => v.push(None),
        Column::OptF64(v) => v.push(Some(float(cell)?)),
        Column::OptU8(v) if cell.is_empty() => v.push(None),
        Column::OptU8(v) => v.push(Some(cell.parse().ok()?)),
        Column::Text(v) => v.push(cell.into()),
        Column::OptText(v) => v.push((!cell.is_empty()).then(|| cell.into())),
    }
    Some(())
}
