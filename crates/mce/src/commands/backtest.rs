//! `mce backtest`: the live step over stored data, with paper fills.

use super::{feature_config, print_json, replay_spec, span};
use crate::args::{Backtest, Switch};
use crate::config::Config;
use crate::exit::Usage;
use crate::progress::Progress;
use anyhow::Result;
use mce_arena::{ArenaManager, MceRulesConfig, PaperExchange};
use mce_engine::backtest::{self, BacktestReport, Journal};
use mce_engine::bundle::Bundle;
use mce_engine::pipeline::RealtimePipeline;
use mce_engine::replay::{Replay, ReplaySpec};
use mce_engine::step::Step;
use mce_engine::{EngineError, files};
use mce_features::FeatureConfig;
use mce_market::{FeeRate, InstrumentId, UnixNanos};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// One run's settings.
pub struct RunSpec<'a> {
    /// What is replayed.
    pub replay: &'a ReplaySpec,
    /// How features are taken when there is no bundle.
    pub features: FeatureConfig,
    /// The model, if there is one.
    pub bundle: Option<Arc<Bundle>>,
    /// Settings of arena and exchange.
    pub config: &'a Config,
    /// First decision.
    pub from: Option<UnixNanos>,
    /// End of the data, exclusive.
    pub to: Option<UnixNanos>,
    /// Where the journal goes.
    pub log: Option<&'a Path>,
}

pub fn run(args: &Backtest, as_json: bool) -> Result<()> {
    let mut config = match &args.config {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    if let Some(bps) = args.fees {
        let wrong = || {
            Usage::new(format!(
                "--fees: expected -1000 to 1000 basis points, got {bps}"
            ))
        };
        config.paper.taker = FeeRate::from_bps(bps).ok_or_else(wrong)?;
    }
    if let Some(latency) = args.latency {
        config.paper.latency = latency;
    }
    let bundle = match &args.bundle {
        Some(path) => Some((Arc::new(Bundle::load(path)?), path)),
        None => None,
    };
    let features = match &bundle {
        // How features are taken is the model's to say.
        Some((bundle, _)) => *bundle.config(),
        None => feature_config(&args.sampling)?,
    };
    let bundle = bundle.map(|(bundle, _)| bundle);
    let (from, to) = span(&args.span, bundle.as_deref())?;
    let replay = replay_spec(&args.source)?;
    let spec = RunSpec {
        replay: &replay,
        features,
        bundle,
        config: &config,
        from,
        to,
        log: args.log.as_deref(),
    };
    let variants: &[bool] = match (args.ab, args.mce) {
        (true, _) => &[true, false],
        (false, Some(Switch::Off)) => &[false],
        (false, _) => &[true],
    };
    if args.ab && args.log.is_some() {
        return Err(
            Usage::new("--log takes one run: give --mce on or --mce off instead of --ab").into(),
        );
    }
    let mut reports = Vec::new();
    for mce in variants {
        reports.push((*mce, once(&spec, *mce)?));
    }
    if as_json {
        let objects: Vec<Value> = reports
            .iter()
            .map(|(mce, report)| to_json(report, *mce, args.seed))
            .collect();
        return match objects.as_slice() {
            [one] => print_json(one),
            _ => print_json(&json!({ "runs": objects })),
        };
    }
    print(&reports);
    Ok(())
}

/// One run, with the MCE rules as configured or off.
pub fn once(spec: &RunSpec<'_>, mce: bool) -> Result<BacktestReport> {
    let report = match spec.log {
        None => execute(spec, mce, Journal::hashed())?,
        Some(path) => {
            let mut report = None;
            files::write_file(path, |file| {
                let journal = Journal::written(path.into(), file);
                report = Some(execute(spec, mce, journal)?);
                Ok(())
            })?;
            report.ok_or_else(|| anyhow::anyhow!("the journal was written without a run"))?
        }
    };
    Ok(report)
}

fn execute(
    spec: &RunSpec<'_>,
    mce: bool,
    journal: Journal<'_>,
) -> Result<BacktestReport, EngineError> {
    let pipeline = match &spec.bundle {
        Some(bundle) => RealtimePipeline::new(bundle.clone()),
        None => RealtimePipeline::without_model(spec.features),
    };
    let mut config = spec.config.clone();
    if !mce {
        config.rules = MceRulesConfig::off();
    }
    // A replay is of one instrument, which its reader numbers 0.
    let arena = ArenaManager::new(config.arena.clone(), config.agent_configs(InstrumentId(0))?)?;
    let step = Step::new(pipeline, arena, config.bars)?;
    let exchange = PaperExchange::new(config.paper)?;
    let mut replay = Replay::open(spec.replay)?;
    let mut progress = Progress::new("backtest", None);
    let report = backtest::Backtest::new(step, exchange, journal, spec.from).run(
        &mut replay,
        spec.to,
        |events| {
            if events % 1024 == 0 {
                progress.set(events, "events");
            }
        },
    )?;
    progress.finish();
    Ok(report)
}

/// A report as the JSON that other programs rely on. Amounts are decimal text.
pub fn to_json(report: &BacktestReport, mce: bool, seed: u64) -> Value {
    let time = |ts: Option<UnixNanos>| ts.map(|ts| ts.to_string());
    let agents: Vec<Value> = report
        .agents
        .iter()
        .map(|agent| {
            json!({
                "name": agent.name,
                "trades": agent.trades,
                "turnover": agent.turnover.to_string(),
                "pnl_gross": agent.pnl_gross.to_string(),
                "fees": agent.fees.to_string(),
                "pnl_net": agent.pnl_net.to_string(),
            })
        })
        .collect();
    json!({
        "from": time(report.from),
        "to": time(report.to),
        "seed": seed,
        "mce": if mce { "on" } else { "off" },
        "trades": report.trades,
        "fills": report.fills,
        "turnover": report.turnover.to_string(),
        "pnl_gross": report.pnl_gross.to_string(),
        "fees": report.fees.to_string(),
        "pnl_net": report.pnl_net.to_string(),
        "sharpe": report.sharpe,
        "max_drawdown": report.max_drawdown,
        "digest": format!("{:016x}", report.digest),
        "gate": {
            "entered": report.gate.entered,
            "filtered": report.gate.filtered,
            "absent": report.gate.absent,
            "pressure": report.gate.pressure,
            "scaled": report.gate.scaled,
            "refused": report.gate.refused,
        },
        "agents": agents,
    })
}

/// Reports next to each other.
pub fn print(reports: &[(bool, BacktestReport)]) {
    let Some((_, first)) = reports.first() else {
        return;
    };
    if let (Some(from), Some(to)) = (first.from, first.to) {
        println!("decisions from {from} to {to}");
    }
    let row = |name: &str, value: &dyn Fn(&BacktestReport) -> String| {
        let cells: Vec<String> = reports
            .iter()
            .map(|(_, r)| format!("{:>18}", value(r)))
            .collect();
        println!("{name:<22}{}", cells.join(""));
    };
    let amount = |money: mce_market::Money| format!("{:.2}", money.to_f64());
    let heads: Vec<String> = reports
        .iter()
        .map(|(mce, _)| format!("{:>18}", if *mce { "MCE on" } else { "MCE off" }))
        .collect();
    println!("{:<22}{}", "", heads.join(""));
    row("orders filled", &|r| r.trades.to_string());
    row("fills", &|r| r.fills.to_string());
    row("turnover", &|r| amount(r.turnover));
    row("profit before fees", &|r| amount(r.pnl_gross));
    row("fees", &|r| amount(r.fees));
    row("profit", &|r| amount(r.pnl_net));
    row("sharpe (annualised)", &|r| {
        r.sharpe.map_or_else(|| "-".into(), |s| format!("{s:.2}"))
    });
    row("max drawdown", &|r| {
        format!("{:.3} %", 100.0 * r.max_drawdown)
    });
    row("entries", &|r| r.gate.entered.to_string());
    row("filtered by MCE", &|r| r.gate.filtered.to_string());
    row("blocked, no signal", &|r| r.gate.absent.to_string());
    row("pressure exits", &|r| r.gate.pressure.to_string());
    row("scaled by MCE", &|r| r.gate.scaled.to_string());
    row("refused by risk gate", &|r| r.gate.refused.to_string());
    row("digest", &|r| format!("{:016x}", r.digest));
    for at in 0..first.agents.len() {
        let name = format!("  {} profit", first.agents[at].name);
        row(&name, &|r| {
            r.agents
                .get(at)
                .map_or_else(String::new, |a| amount(a.pnl_net))
        });
    }
}
