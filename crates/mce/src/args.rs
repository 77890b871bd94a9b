//! Flags and arguments, as `clap` reads them. What they mean together is checked in `commands`.

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use mce_market::{Decimal, InputMode, UnixNanos};
use std::path::PathBuf;
use std::time::Duration;

/// Watches order books, infers what market makers are about to be forced to do, and trades on it.
#[derive(Parser)]
#[command(name = "mce", version, max_term_width = 110)]
pub struct Args {
    /// Print JSON on standard output and nothing else there.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// The whole line on a built-in simulated market: no config, no network, no data needed.
    Demo(Demo),
    /// Offline conformance: captured frames through decoder, sequencer and book.
    Wire(Wire),
    /// The 14 features (and labels) of stored data, as a table.
    Features(Features),
    /// Trains normaliser, model and calibration into a bundle.
    Train(Train),
    /// Signals for stored data, by the streaming code.
    Predict(Predict),
    /// Out-of-time figures of a bundle next to its baselines.
    Evaluate(Evaluate),
    /// The live step over stored data, with paper fills.
    Backtest(Backtest),
    /// What a bundle is.
    Model(Model),
    /// The built-in benchmarks, as a table.
    Bench(Bench),
    /// Shell completions on standard output.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// File formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines `<ns or µs> <json>` of Binance spot or USD-M, `.gz` allowed.
    BinanceCapture,
    /// SHFE snapshots, 5 levels, Parquet.
    ShfeParquet,
    /// JSON lines of book, trade, clock and gap events.
    EventsJsonl,
}

/// Which stored data to read, and as what.
#[derive(ClapArgs, Clone)]
pub struct Source {
    /// What the files are.
    #[arg(long, value_enum)]
    pub format: Format,
    /// Files in time order; they are read as one recording.
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Venue: decides the decoder of captures, is free text otherwise.
    #[arg(long)]
    pub venue: Option<String>,
    /// Symbol as the venue writes it.
    #[arg(long)]
    pub symbol: String,
    /// Price increment, for example 0.001; its decimals become the price scale.
    #[arg(long, value_name = "DECIMAL")]
    pub tick: Decimal,
    /// Size increment; its decimals become the size scale. Without it sizes have 8 decimals.
    #[arg(long, value_name = "DECIMAL")]
    pub lot: Option<Decimal>,
    /// Only the first N input rows.
    #[arg(long, value_name = "N")]
    pub head: Option<u64>,
}

/// How samples are taken.
#[derive(ClapArgs, Clone)]
pub struct Sampling {
    /// Sampling interval Δ.
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub interval: Duration,
    /// Levels a side.
    #[arg(long, default_value_t = 50)]
    pub depth: usize,
    /// Input mode: S snapshots, T snapshots and trades, D every depth update and trades.
    #[arg(long, default_value = "D", value_parser = mode)]
    pub mode: InputMode,
    /// How long a quiet book stays valid.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub max_quiet: Duration,
}

/// From inclusive, to exclusive.
#[derive(ClapArgs, Clone)]
pub struct Span {
    /// First time: RFC 3339 or a date, UTC; `trained` means where the bundle's training data ended.
    #[arg(long, value_parser = time)]
    pub from: Option<From>,
    /// Time at which to end, exclusive.
    #[arg(long, value_parser = instant)]
    pub to: Option<UnixNanos>,
}

/// A start: a time, or the end of a bundle's training data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// This time.
    Time(UnixNanos),
    /// Where training ended.
    Trained,
}

/// `mce demo`
#[derive(ClapArgs)]
pub struct Demo {
    /// Simulated time, in seconds.
    #[arg(long, default_value_t = 3600)]
    pub seconds: u64,
    /// Seed of the simulated market.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// No page; what is printed is all there is.
    #[arg(long)]
    pub headless: bool,
    /// Keep the frames, tables and the bundle here instead of in a temporary directory.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `mce wire`
#[derive(ClapArgs)]
pub struct Wire {
    /// Venue that sent the frames.
    #[arg(long)]
    pub venue: String,
    /// Only this symbol.
    #[arg(long)]
    pub symbol: Option<String>,
    /// Frames as lines `<recv ns> <frame>`, read as one recording.
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `mce features`
#[derive(ClapArgs)]
pub struct Features {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub sampling: Sampling,
    /// Only every Nth sample.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub every: u64,
    /// Add z_5 z_15 z_30 z_60 and pressure_y.
    #[arg(long)]
    pub labels: bool,
    /// k of the pressure label; without it k is fitted on the whole input.
    #[arg(long, value_name = "K")]
    pub pressure_k: Option<f64>,
    /// Where the table goes: `.csv` or `.parquet`.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `mce train`
#[derive(ClapArgs)]
pub struct Train {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub sampling: Sampling,
    #[command(flatten)]
    pub span: Span,
    /// Train on the first part of the time span, for example 0.7; the rest is never looked at.
    #[arg(long, value_name = "SHARE", conflicts_with_all = ["from", "to"])]
    pub share: Option<f64>,
    /// Bundle directory to write.
    #[arg(long, value_name = "BUNDLE")]
    pub out: PathBuf,
    /// Replace a bundle that is already there.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub fit: Fit,
}

/// Knobs of the training itself.
#[derive(ClapArgs, Clone)]
pub struct Fit {
    /// Hidden width: a multiple of 8, at most 256.
    #[arg(long, default_value_t = 32)]
    pub hidden: usize,
    /// Encoder length in samples.
    #[arg(long, default_value_t = 60)]
    pub encoder: usize,
    /// Passes over the training rows at most; early stopping ends sooner.
    #[arg(long, default_value_t = 30)]
    pub epochs: usize,
    /// Windows a step.
    #[arg(long, default_value_t = 256)]
    pub batch: usize,
    /// Highest learning rate.
    #[arg(long, default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Dropout in training.
    #[arg(long, default_value_t = 0.1)]
    pub dropout: f64,
    /// Steps over which the learning rate rises from 0.
    #[arg(long, default_value_t = 50)]
    pub warm_up: usize,
    /// Epochs without a lower validation loss after which training ends.
    #[arg(long, default_value_t = 8)]
    pub patience: usize,
    /// Neighbouring windows that are drawn together: more is faster, batches are then less varied.
    #[arg(long, default_value_t = 8)]
    pub together: usize,
    /// Do not show each window a second time with bids and asks changed over.
    #[arg(long)]
    pub no_mirror: bool,
    /// Threads; the result does not depend on it.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Seed of weights, dropout and order.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `mce predict`
// With a feature table no source is needed: flattening it as an option does not make its flags optional by itself.
#[derive(ClapArgs)]
#[command(
    mut_arg("format", |arg| arg.required(false).requires_all(["symbol", "tick", "files"])),
    mut_arg("symbol", |arg| arg.required(false).requires("format")),
    mut_arg("tick", |arg| arg.required(false).requires("format")),
    mut_arg("files", |arg| arg.required(false).requires("format"))
)]
pub struct Predict {
    /// Bundle directory.
    #[arg(long)]
    pub bundle: PathBuf,
    /// A feature table made by `mce features`, `.csv` or `.parquet`, instead of the data behind it.
    #[arg(long, value_name = "FILE")]
    pub features: Option<PathBuf>,
    /// Whose rows a feature table has, if it does not say.
    #[arg(long, value_name = "SYMBOL")]
    pub table_symbol: Option<String>,
    #[command(flatten)]
    pub source: Option<Source>,
    #[command(flatten)]
    pub span: Span,
    /// Where the signals go: `.csv` or `.parquet`.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `mce evaluate`
#[derive(ClapArgs)]
pub struct Evaluate {
    /// Bundle directory.
    #[arg(long)]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub span: Span,
}

/// `mce backtest`
#[derive(ClapArgs)]
pub struct Backtest {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub sampling: Sampling,
    #[command(flatten)]
    pub span: Span,
    /// Settings of arena, risk and exchange (`mce.toml`).
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Bundle directory, whose own sampling then holds; without one there is no signal, and agents do as
    /// `when_absent` says.
    #[arg(long)]
    pub bundle: Option<PathBuf>,
    /// Taker fee in basis points.
    #[arg(long, value_name = "BP")]
    pub fees: Option<f64>,
    /// From decision to the exchange.
    #[arg(long, value_parser = duration)]
    pub latency: Option<Duration>,
    /// Whether agents use the signal.
    #[arg(long, value_enum)]
    pub mce: Option<Switch>,
    /// Seed of everything random; goes into the report.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Both, with and without the signal, next to each other.
    #[arg(long, conflicts_with = "mce")]
    pub ab: bool,
    /// The structured log: a line a decision, order and fill.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Used.
    On,
    /// Not used.
    Off,
}

/// `mce model`
#[derive(ClapArgs)]
pub struct Model {
    #[command(subcommand)]
    pub command: ModelCommand,
}

/// What to do with a bundle.
#[derive(Subcommand)]
pub enum ModelCommand {
    /// Prints what a bundle is: schema, data, figures, tensors.
    Show {
        /// Bundle directory.
        bundle: PathBuf,
    },
}

/// `mce bench`
#[derive(ClapArgs)]
pub struct Bench {
    /// Only benchmarks whose name contains one of these.
    pub names: Vec<String>,
    /// Binance USD-M depth messages, one a line, to measure book and wire with, instead of made-up ones.
    #[arg(long, value_name = "FILE")]
    pub depth_file: Option<PathBuf>,
    /// Seconds to spend on each.
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
}

/// A duration such as `250ms`, `5s`, `2m`, `1h`; fractions are fine.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a duration such as 250ms, 5s, 2m or 1h, got {text:?}");
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(wrong)?;
    let number: f64 = text[..split].parse().map_err(|_| wrong())?;
    let unit = match &text[split..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    // Through whole nanoseconds, so that 0.1s is a tenth of a second and not 99,999,999.99 ns of one.
    let nanos = (number * unit * 1e9).round();
    if !(0.0..1e18).contains(&nanos) {
        return Err(wrong());
    }
    Ok(Duration::from_nanos(nanos as u64))
}

fn mode(text: &str) -> Result<InputMode, String> {
    InputMode::from_letter(text).ok_or_else(|| format!("expected S, T or D, got {text:?}"))
}

fn instant(text: &str) -> Result<UnixNanos, String> {
    UnixNanos::parse(text).ok_or_else(|| {
        format!("expected a UTC time such as 2024-07-24T08:00:00Z or 2024-07-24, got {text:?}")
    })
}

fn time(text: &str) -> Result<From, String> {
    if text == "trained" {
        return Ok(From::Trained);
    }
    instant(text).map(From::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0.1s"), Ok(Duration::from_millis(100)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "5", "s", "-1s", "5 parsecs", "NaNs"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
