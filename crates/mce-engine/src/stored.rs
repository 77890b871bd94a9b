//! Feature tables read back, for predicting from them.

use crate::bundle::Bundle;
use crate::error::EngineError;
use crate::series::table_schema;
use crate::table_csv::{self, Kind};
use mce_features::{FEATURE_NAMES, FeatureConfig, N_FEATURES, SCHEMA, Sample};
use mce_lake::Table;
use mce_market::{
    InputMode, Instrument, InstrumentId, InstrumentKind, Price, Qty, Scale, UnixNanos,
};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Rows of a feature table. They hold what a model is asked with, not what labels are made of.
#[derive(Clone, Debug)]
pub struct StoredRows {
    /// Whose rows; tick and lot are not in a table and stand at one unit.
    pub instrument: Arc<Instrument>,
    /// How they were taken.
    pub config: FeatureConfig,
    samples: Vec<Sample>,
}

impl StoredRows {
    /// The rows, oldest first.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Reads a `.parquet` table, which says how it was made, or a `.csv` one, which does not: that is taken to be made
    /// as the bundle wants it. Without `symbol`, it is the table's, or the bundle's only one.
    ///
    /// # Errors
    /// [`EngineError::Lake`], [`EngineError::Io`] and [`EngineError::Data`] naming file and column;
    /// [`EngineError::Bundle`] when the table was made in another way than the bundle wants.
    pub fn read(path: &Path, symbol: Option<&str>, bundle: &Bundle) -> Result<Self, EngineError> {
        let is_parquet = path.extension().is_some_and(|e| e == "parquet");
        let table = if is_parquet {
            let file = File::open(path).map_err(|source| EngineError::io(path, "open", source))?;
            let name = path.display().to_string();
            mce_lake::read_parquet(&name, file, &table_schema()?)?
        } else {
            table_csv::read(path, table_schema()?, |name| match name {
                "ts" => Some(Kind::I64),
                "mask" => Some(Kind::U16),
                name if FEATURE_NAMES.contains(&name) => Some(Kind::F64),
                _ => None,
            })?
        };
        let config = if is_parquet {
            made_with(&table, path)?
        } else {
            *bundle.config()
        };
        bundle.require(&config, path)?;
        let known = table.metadata().get("symbol").map(String::as_str);
        let only = match bundle.symbols() {
            [only] => Some(only.as_str()),
            _ => None,
        };
        let symbol = symbol.or(known).or(only).ok_or_else(|| {
            EngineError::Data(format!(
                "{}: say whose rows these are (--table-symbol)",
                path.display()
            ))
        })?;
        let venue = table
            .metadata()
            .get("venue")
            .map_or("table", String::as_str);
        let one = (Scale::EIGHT, Price::from_units(1));
        let lot = (Scale::EIGHT, Qty::from_units(1));
        let instrument = Instrument::new(venue, symbol, InstrumentKind::Spot, one, lot)
            .map_err(|error| EngineError::Data(format!("{}: {error}", path.display())))?;
        Ok(StoredRows {
            instrument: Arc::new(instrument),
            config,
            samples: samples(&table)?,
        })
    }
}

/// How a table says that it was made.
fn made_with(table: &Table, path: &Path) -> Result<FeatureConfig, EngineError> {
    let metadata = table.metadata();
    let wrong = |key: &str| {
        EngineError::Data(format!(
            "{}: its metadata has no {key:?} that can be read; it is no feature table of this program",
            path.display()
        ))
    };
    let text = |key: &str| metadata.get(key).ok_or_else(|| wrong(key));
    let number = |key: &str| text(key)?.parse::<u64>().map_err(|_| wrong(key));
    if text("schema")? != SCHEMA {
        let difference = format!("schema is {}, not {SCHEMA}", text("schema")?);
        return Err(EngineError::Data(format!(
            "{}: {difference}",
            path.display()
        )));
    }
    if number("every")? != 1 {
        return Err(EngineError::Data(format!(
            "{}: it holds only every {}th sample; a window needs all of them",
            path.display(),
            number("every")?
        )));
    }
    Ok(FeatureConfig::new(
        Duration::from_nanos(number("interval_ns")?),
        Duration::from_nanos(number("max_quiet_ns")?),
        usize::try_from(number("depth")?).map_err(|_| wrong("depth"))?,
        InputMode::from_letter(text("mode")?).ok_or_else(|| wrong("mode"))?,
    )?)
}

fn samples(table: &Table) -> Result<Vec<Sample>, EngineError> {
    let (ts, mask) = (table.i64s("ts")?, table.u16s("mask")?);
    let columns: Vec<&[f64]> = FEATURE_NAMES
        .iter()
        .map(|name| table.f64s(name))
        .collect::<Result<_, _>>()?;
    Ok((0..table.rows())
        .map(|row| {
            let mut features = [0.0; N_FEATURES];
            for (feature, column) in features.iter_mut().zip(&columns) {
                *feature = column[row];
            }
            let ts = UnixNanos(ts[row]);
            Sample {
                ts,
                observed: ts,
                instrument: InstrumentId(0),
                features,
                mask: mask[row],
                mid: 0.0,
                spread: 0.0,
                sigma: 0.0,
                sigma_valid: false,
                near_bid: 0.0,
                near_ask: 0.0,
                ema_near_bid: 0.0,
                ema_near_ask: 0.0,
                ema_spread: 0.0,
                v_buy: 0.0,
                v_sell: 0.0,
                liquidations: 0.0,
                after_gap: false,
            }
        })
        .collect())
}
