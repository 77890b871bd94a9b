//! One number for all that a table says, however its rows were cut into chunks.

use super::{Column, Table, TableSchema};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::Xxh3;

/// Folds a table's rows in as they pass, a running xxh3-64 a column.
pub(super) struct Digest {
    columns: Vec<Xxh3>,
}

impl Digest {
    /// Of a table with the columns of `layout`, whose rows are not folded in.
    pub(super) fn new(layout: &Table) -> Self {
        let columns = layout.columns().map(|(name, column)| {
            let mut hash = Xxh3::new();
            text(&mut hash, name);
            text(&mut hash, column.type_name());
            hash
        });
        Digest {
            columns: columns.collect(),
        }
    }

    /// Folds in the rows of a chunk with the same columns.
    pub(super) fn update(&mut self, chunk: &Table) {
        for (hash, (_, column)) in self.columns.iter_mut().zip(chunk.columns()) {
            fold(hash, column);
        }
    }

    /// The digest of the rows so far under this schema and metadata, as 16 hex digits.
    pub(super) fn finish(
        &self,
        schema: &TableSchema,
        metadata: &BTreeMap<String, String>,
    ) -> String {
        let mut hash = Xxh3::new();
        text(&mut hash, &schema.to_string());
        for (key, value) in metadata {
            text(&mut hash, key);
            text(&mut hash, value);
        }
        for column in &self.columns {
            hash.update(&column.digest().to_le_bytes());
        }
        format!("{:016x}", hash.digest())
    }
}

/// Text with its length before it, so that no two sequences of texts look alike.
fn text(hash: &mut Xxh3, text: &str) {
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

fn fold(hash: &mut Xxh3, column: &Column) {
    /// Whether there is a value, then the value.
    fn present(hash: &mut Xxh3, is_present: bool) -> bool {
        hash.update(&[u8::from(is_present)]);
        is_present
    }
    match column {
        Column::I64(v) => v.iter().for_each(|x| hash.update(&x.to_le_bytes())),
        Column::F64(v) => v.iter().for_each(|x| hash.update(&x.to_le_bytes())),
        Column::U16(v) => v.iter().for_each(|x| hash.update(&x.to_le_bytes())),
        Column::U32(v) => v.iter().for_each(|x| hash.update(&x.to_le_bytes())),
        Column::OptF64(v) => v.iter().for_each(|x| {
            present(hash, x.is_some());
            hash.update(&x.unwrap_or(0.0).to_le_bytes());
        }),
        Column::OptU8(v) => v.iter().for_each(|x| {
            present(hash, x.is_some());
            hash.update(&[x.unwrap_or(0)]);
        }),
        Column::Text(v) => v.iter().for_each(|x| text(hash, x)),
        Column::OptText(v) => v.iter().for_each(|x| {
            if present(hash, x.is_some()) {
                text(hash, x.as_deref().unwrap_or_default());
            }
        }),
    }
}
