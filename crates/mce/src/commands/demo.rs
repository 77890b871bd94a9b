//! `mce demo`: the whole line on a built-in simulated market. No config, no network, no data.
//!
//! A market with market makers of limited inventory is simulated; its frames go through the venue's encoders into a
//! capture, and from there on everything is what a user's own data meets: decoder, book, features, a model trained here
//! on another simulated market, signals, agents, paper fills.

use super::backtest::{RunSpec, once};
use super::{backtest, evaluate, print_json, series};
use crate::args::{Demo, Fit};
use crate::config::Config;
use crate::exit::{Interrupted, Usage};
use crate::progress::Progress;
use anyhow::{Context, Result};
use mce_engine::conformance::check_wire;
use mce_engine::files;
use mce_engine::replay::{Format, ReplaySpec, data_hash};
use mce_features::FeatureConfig;
use mce_market::{Decimal, FeeRate, UnixNanos};
use mce_sim::frames::{CaptureConfig, capture_lines};
use mce_venues::Venue;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// When the simulated day begins: a date like any other. What is learnt from is the day before.
const START: UnixNanos = UnixNanos(1_767_225_600_000_000_000);
const DAY_BEFORE: UnixNanos = UnixNanos(START.0 - 86_400 * UnixNanos::PER_SECOND);
/// Simulated time that the model is trained on.
const TRAINING: Duration = Duration::from_secs(12 * 3600);
/// What the seed of the training market is xored with, so that it is another market.
const OTHER_MARKET: u64 = 0x5eed;
/// Taker fee of the paper exchange, basis points.
const FEE_BPS: f64 = 2.0;

pub fn run(args: &Demo, as_json: bool) -> Result<()> {
    if args.seconds < 900 {
        let problem = format!(
            "--seconds: expected 900 or more, got {}: averages need minutes to warm up",
            args.seconds
        );
        return Err(Usage::new(problem).into());
    }
    let temporary;
    let folder: &Path = match &args.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{}: could not make it", folder.display()))?;
            folder
        }
        None => {
            temporary = tempfile::tempdir().context("no temporary directory")?;
            temporary.path()
        }
    };
    let say = |text: String| {
        if !as_json {
            println!("{text}");
        }
    };
    let duration = Duration::from_secs(args.seconds);
    let training = record(
        folder,
        "training.jsonl",
        args.seed ^ OTHER_MARKET,
        DAY_BEFORE,
        TRAINING,
    )?;
    let today = record(folder, "today.jsonl", args.seed, START, duration)?;
    say(format!(
        "1. simulated {} h to learn from and {:.2} h to trade, as Binance spot frames of {}",
        TRAINING.as_secs() / 3600,
        duration.as_secs_f64() / 3600.0,
        CaptureConfig::SYMBOL
    ));

    let wire = check_wire(
        Venue::BinanceSpot,
        Some(CaptureConfig::SYMBOL),
        &today.files,
        |_| {},
    )?;
    for symbol in &wire.symbols {
        say(format!(
            "2. frames {}, book updates {}, gaps {}, crossed {}, trades {}; best prices agree in {} of {}",
            symbol.counters.frames,
            symbol.counters.applied,
            symbol.counters.gaps,
            symbol.crossed,
            symbol.counters.trades_buy + symbol.counters.trades_sell,
            symbol.ticker_agreed,
            symbol.ticker_checked
        ));
    }

    let features = FeatureConfig::default();
    let past = series(&training, features)?;
    let fit = Fit {
        hidden: 32,
        encoder: 60,
        epochs: 12,
        batch: 256,
        learning_rate: 2e-3,
        dropout: 0.1,
        warm_up: 50,
        patience: 8,
        together: 8,
        no_mirror: false,
        threads: 2,
        seed: args.seed,
    };
    let trained = super::train::fit(&past, &fit, None, None, data_hash(&training.files)?)?;
    if trained.stopped {
        return Err(Interrupted("the demo ends here".into()).into());
    }
    let bundle = Arc::new(trained.bundle);
    if args.keep.is_some() {
        bundle.save(&folder.join("bundle"), true)?;
    }
    say(format!(
        "3. a TFT of {} parameters learnt from {} windows in {:.1} s ({:.0} samples/s)",
        bundle.model().params().n_values(),
        bundle.training().rows_train,
        trained.seconds,
        trained.samples_per_s
    ));

    let evaluation =
        mce_engine::evaluate::evaluate(&bundle, &series(&today, features)?, None, None)?;
    say("4. its signals on the market that it has not seen".into());
    if !as_json {
        evaluate::print(CaptureConfig::SYMBOL, &evaluation);
    }

    let mut config = Config::default();
    config.paper.taker = FeeRate::from_bps(FEE_BPS).context("the demo's fee is in range")?;
    let log = folder.join("decisions.jsonl");
    let spec = |log| RunSpec {
        replay: &today,
        features,
        bundle: Some(bundle.clone()),
        config: &config,
        from: None,
        to: None,
        log,
    };
    let reports = vec![
        (
            true,
            once(&spec(args.keep.is_some().then_some(&log)), true)?,
        ),
        (false, once(&spec(None), false)?),
    ];
    if as_json {
        let runs: Vec<_> = reports
            .iter()
            .map(|(mce, r)| backtest::to_json(r, *mce, args.seed))
            .collect();
        return print_json(&json!({
            "evaluation": evaluate::to_json(CaptureConfig::SYMBOL, &evaluation),
            "runs": runs,
        }));
    }
    println!("5. three agents on paper, {FEE_BPS} bp taker fee, with and without the signal");
    backtest::print(&reports);
    if let Some(keep) = &args.keep {
        println!("kept in {}: frames, bundle, decisions", keep.display());
    }
    println!("This is a simulation: what pays here need not pay anywhere else.");
    Ok(())
}

/// Simulates a market and writes what a recorder would have.
fn record(
    folder: &Path,
    name: &str,
    seed: u64,
    start: UnixNanos,
    duration: Duration,
) -> Result<ReplaySpec> {
    let path: PathBuf = folder.join(name);
    let config = CaptureConfig::new(seed, start);
    let tick = config
        .instrument
        .tick()
        .decimal(config.instrument.price_scale());
    let lot = config
        .instrument
        .lot()
        .decimal(config.instrument.qty_scale());
    let mut progress = Progress::new("simulating", Some(duration.as_secs()));
    let lines = capture_lines(config, duration)?;
    files::write_file(&path, |file| {
        for (recv, line) in lines {
            let written = file.write_all(&line).and_then(|()| file.write_all(b"\n"));
            written.map_err(|source| mce_engine::EngineError::io(&path, "write", source))?;
            progress.set(
                (recv.since(start) / UnixNanos::PER_SECOND).unsigned_abs(),
                "s",
            );
        }
        Ok(())
    })?;
    progress.finish();
    Ok(spec(path, tick, lot))
}

fn spec(path: PathBuf, tick: Decimal, lot: Decimal) -> ReplaySpec {
    ReplaySpec {
        format: Format::Capture,
        files: vec![path],
        venue: Venue::BinanceSpot.name().into(),
        symbol: CaptureConfig::SYMBOL.into(),
        tick: Some(tick),
        lot: Some(lot),
        head: None,
    }
}
