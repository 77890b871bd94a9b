//! `mce predict`: signals for stored data, by the streaming code.

use super::{TableFormat, print_json, replay_spec, series, span};
use crate::args::Predict;
use crate::exit::Usage;
use anyhow::Result;
use mce_engine::bundle::Bundle;
use mce_engine::evaluate::{predict, predict_stored, signal_table};
use mce_engine::stored::StoredRows;
use mce_market::Signal;
use serde_json::json;
use std::sync::Arc;

pub fn run(args: &Predict, as_json: bool) -> Result<()> {
    let format = TableFormat::of(&args.out)?;
    let bundle = Arc::new(Bundle::load(&args.bundle)?);
    let (from, to) = span(&args.span, Some(&bundle))?;
    let (instrument, signals) = match (&args.features, &args.source) {
        (Some(features), None) => {
            let rows = StoredRows::read(features, args.table_symbol.as_deref(), &bundle)?;
            (rows.instrument.clone(), predict_stored(&bundle, &rows)?)
        }
        (None, Some(source)) => {
            let series = series(&replay_spec(source)?, *bundle.config())?;
            (series.instrument.clone(), predict(&bundle, &series)?)
        }
        _ => {
            let problem =
                "give either --features FILE, or --format F FILE… with its symbol and tick";
            return Err(Usage::new(problem).into());
        }
    };
    let rows: Vec<&Signal> = signals
        .iter()
        .filter(|s| from.is_none_or(|f| s.ts >= f) && to.is_none_or(|t| s.ts < t))
        .collect();
    let symbol = instrument.symbol().to_string();
    let table = signal_table(&symbol, &rows, &bundle)?;
    format.write(&args.out, &table)?;
    let present = rows.iter().filter(|s| s.skew.value().is_some()).count();
    if as_json {
        return print_json(&json!({
            "out": args.out, "rows": rows.len(), "present": present, "symbol": symbol, "model": &**bundle.id(),
        }));
    }
    println!(
        "{}: {} rows of {symbol}, {present} with a signal",
        args.out.display(),
        rows.len()
    );
    Ok(())
}
