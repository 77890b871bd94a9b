//! One module a command; here is what they share.

mod backtest;
mod bench;
mod demo;
mod evaluate;
mod features;
mod model;
mod predict;
mod train;
mod wire;

use crate::args::{Args, Command, Format, From, Sampling, Source, Span};
use crate::exit::Usage;
use crate::progress::Progress;
use anyhow::Result;
use clap::CommandFactory;
use mce_engine::bundle::Bundle;
use mce_engine::replay::{self, ReplaySpec};
use mce_engine::series::Series;
use mce_engine::{files, table_csv};
use mce_features::FeatureConfig;
use mce_lake::Table;
use mce_market::UnixNanos;
use std::io::Write;
use std::path::Path;

/// Runs a command.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Demo(demo) => demo::run(&demo, args.json),
        Command::Wire(wire) => wire::run(&wire, args.json),
        Command::Features(features) => features::run(&features, args.json),
        Command::Train(train) => train::run(&train, args.json),
        Command::Predict(predict) => predict::run(&predict, args.json),
        Command::Evaluate(evaluate) => evaluate::run(&evaluate, args.json),
        Command::Backtest(backtest) => backtest::run(&backtest, args.json),
        Command::Model(model) => model::run(&model, args.json),
        Command::Bench(bench) => bench::run(&bench, args.json),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "mce", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// The flags of a source as the engine wants them.
fn replay_spec(source: &Source) -> Result<ReplaySpec> {
    let format = match source.format {
        Format::BinanceCapture => replay::Format::Capture,
        Format::ShfeParquet => replay::Format::ShfeParquet,
        Format::EventsJsonl => replay::Format::EventsJsonl,
    };
    let venue = match (&source.venue, source.format) {
        (Some(venue), _) => venue.clone(),
        (None, Format::BinanceCapture) => {
            return Err(Usage::new(
                "--format binance-capture needs --venue binance-spot or --venue binance-usdm",
            )
            .into());
        }
        (None, Format::ShfeParquet) => "shfe".into(),
        (None, Format::EventsJsonl) => "events".into(),
    };
    Ok(ReplaySpec {
        format,
        files: source.files.clone(),
        venue,
        symbol: source.symbol.clone(),
        tick: Some(source.tick),
        lot: source.lot,
        head: source.head,
    })
}

/// The flags of sampling as the engine wants them.
fn feature_config(sampling: &Sampling) -> Result<FeatureConfig> {
    FeatureConfig::new(
        sampling.interval,
        sampling.max_quiet,
        sampling.depth,
        sampling.mode,
    )
    .map_err(|error| Usage::new(error.to_string()).into())
}

/// Reads a source into samples, with progress.
fn series(spec: &ReplaySpec, config: FeatureConfig) -> Result<Series> {
    let mut progress = Progress::new("reading", None);
    let series = Series::build(spec, config, |events| {
        if events % 1024 == 0 {
            progress.set(events, "events");
        }
    })?;
    progress.finish();
    Ok(series)
}

/// Where a span begins and ends; `trained` is looked up in the bundle.
fn span(span: &Span, bundle: Option<&Bundle>) -> Result<(Option<UnixNanos>, Option<UnixNanos>)> {
    let from = match (span.from, bundle) {
        (None, _) => None,
        (Some(From::Time(ts)), _) => Some(ts),
        (Some(From::Trained), Some(bundle)) => Some(bundle.trained_until()),
        (Some(From::Trained), None) => {
            return Err(
                Usage::new("--from trained needs a --bundle to look the time up in").into(),
            );
        }
    };
    if let (Some(from), Some(to)) = (from, span.to)
        && from >= to
    {
        return Err(Usage::new(format!("the span from {from} to {to} is empty")).into());
    }
    Ok((from, span.to))
}

/// What an output file is, by its name.
#[derive(Clone, Copy)]
enum TableFormat {
    Csv,
    Parquet,
}

impl TableFormat {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("csv") => Ok(TableFormat::Csv),
            Some("parquet") => Ok(TableFormat::Parquet),
            _ => Err(Usage::new(format!(
                "--out {}: expected a name that ends in .csv or .parquet",
                path.display()
            ))
            .into()),
        }
    }

    fn write(self, path: &Path, table: &Table) -> Result<()> {
        files::write_file(path, |file| match self {
            TableFormat::Csv => table_csv::write(path, table, file),
            TableFormat::Parquet => {
                let name = path.display().to_string();
                mce_lake::write_parquet(&name, file, table)?;
                Ok(())
            }
        })?;
        Ok(())
    }
}

/// Prints one JSON object on standard output.
fn print_json(value: &serde_json::Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// A figure that may be undefined, for a table.
fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |v| format!("{v:.4}"))
}
