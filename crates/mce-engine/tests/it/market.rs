//! A simulated market that every test shares: its capture, its samples, and a model that learnt from it.

use mce_arena::{
    AgentConfig, AgentId, ArenaConfig, ArenaManager, BookImbalance, MceRulesConfig, Member,
    Momentum, PaperConfig, PaperExchange, Reversion,
};
use mce_engine::backtest::{Backtest, BacktestReport, Journal};
use mce_engine::bundle::Bundle;
use mce_engine::pipeline::RealtimePipeline;
use mce_engine::replay::{Format, Replay, ReplaySpec};
use mce_engine::series::Series;
use mce_engine::step::Step;
use mce_engine::train::{TrainSpec, train};
use mce_features::FeatureConfig;
use mce_market::{FeeRate, InstrumentId, MarketEvent, UnixNanos};
use mce_sim::frames::{CaptureConfig, capture_lines};
use mce_tft::TrainOptions;
use std::fs;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// When the market opens.
pub(crate) const START: UnixNanos = UnixNanos(1_767_225_600_000_000_000);
/// Encoder length of the model.
pub(crate) const ENCODER: usize = 12;
/// Simulated seconds: two quiet stretches of 16 minutes, and something to learn from.
const SECONDS: u64 = 4200;

/// A time of the market, seconds after it opened.
pub(crate) fn at(seconds: i64) -> UnixNanos {
    UnixNanos(START.0 + seconds * UnixNanos::PER_SECOND)
}

/// The capture, as a file would hold it.
fn capture() -> &'static [u8] {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut text = Vec::new();
        let config = CaptureConfig::new(11, START);
        for (_, line) in capture_lines(config, Duration::from_secs(SECONDS)).unwrap() {
            text.extend(line);
            text.push(b'\n');
        }
        text
    })
}

/// Lines of the capture.
pub(crate) fn n_lines() -> u64 {
    static COUNTED: OnceLock<u64> = OnceLock::new();
    *COUNTED.get_or_init(|| capture().iter().filter(|b| **b == b'\n').count() as u64)
}

/// The capture as a file, there as long as the folder is.
pub(crate) fn recorded() -> (TempDir, ReplaySpec) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.jsonl");
    fs::write(&path, capture()).unwrap();
    let spec = ReplaySpec {
        format: Format::Capture,
        files: vec![path],
        venue: "binance-spot".into(),
        symbol: CaptureConfig::SYMBOL.into(),
        tick: Some("0.01".parse().unwrap()),
        lot: Some("0.001".parse().unwrap()),
        head: None,
    };
    (folder, spec)
}

/// Its events.
pub(crate) fn events() -> Vec<MarketEvent> {
    let (_folder, spec) = recorded();
    let mut replay = Replay::open(&spec).unwrap();
    let mut events = Vec::new();
    while replay.next(&mut events).unwrap() {}
    events
}

/// Its samples, 5 s apart.
pub(crate) fn series() -> &'static Series {
    static MADE: OnceLock<Series> = OnceLock::new();
    MADE.get_or_init(|| {
        let (_folder, spec) = recorded();
        Series::build(&spec, FeatureConfig::default(), |_| {}).unwrap()
    })
}

/// How the model is made in a moment.
pub(crate) fn spec(end: UnixNanos) -> TrainSpec {
    TrainSpec {
        hidden: 8,
        encoder: ENCODER,
        dropout: 0.1,
        mirror: true,
        options: TrainOptions {
            epochs: 2,
            run_windows: 8,
            warmup_steps: 2,
            ..TrainOptions::default()
        },
        end,
        data_hash: "0123".into(),
    }
}

/// What [`train`] makes of a series.
pub(crate) fn learn(series: &Series, end: UnixNanos) -> Bundle {
    let go_on = &mut |_: &mce_tft::Progress<'_>| ControlFlow::Continue(());
    train(series, &spec(end), go_on).unwrap().bundle
}

/// A model that learnt from all of the market but the last five minutes.
pub(crate) fn bundle() -> Arc<Bundle> {
    static MADE: OnceLock<Arc<Bundle>> = OnceLock::new();
    MADE.get_or_init(|| Arc::new(learn(series(), at(3900))))
        .clone()
}

/// How a backtest is run.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) bundle: Option<Arc<Bundle>>,
    pub(crate) rules: MceRulesConfig,
    pub(crate) fee_bps: f64,
    pub(crate) from: Option<UnixNanos>,
    pub(crate) to: Option<UnixNanos>,
    /// Only the first lines of the capture.
    pub(crate) head: Option<u64>,
}

impl Default for Run {
    /// Everything, without a model, its rules off, and a fee of 2 bp.
    fn default() -> Self {
        Run {
            bundle: None,
            rules: MceRulesConfig::off(),
            fee_bps: 2.0,
            from: None,
            to: None,
            head: None,
        }
    }
}

impl Run {
    /// The report, and the lines of the journal.
    pub(crate) fn run(&self) -> (BacktestReport, Vec<String>) {
        let (_folder, mut spec) = recorded();
        spec.head = self.head;
        let pipeline = match &self.bundle {
            Some(bundle) => RealtimePipeline::new(bundle.clone()),
            None => RealtimePipeline::without_model(FeatureConfig::default()),
        };
        let arena = ArenaManager::new(ArenaConfig::default(), agents(self.rules)).unwrap();
        let step = Step::new(pipeline, arena, Duration::from_secs(5)).unwrap();
        let exchange = PaperExchange::new(PaperConfig {
            taker: FeeRate::from_bps(self.fee_bps).unwrap(),
            ..PaperConfig::default()
        });
        let mut text = Vec::new();
        let journal = Journal::written("journal".into(), &mut text);
        let backtest = Backtest::new(step, exchange.unwrap(), journal, self.from);
        let mut replay = Replay::open(&spec).unwrap();
        let report = backtest.run(&mut replay, self.to, |_| {}).unwrap();
        let text = String::from_utf8(text).unwrap();
        (report, text.lines().map(String::from).collect())
    }
}

/// Rules that follow any model: sizes go by the sign of the skew, and no entry is filtered away.
pub(crate) fn scaling() -> MceRulesConfig {
    MceRulesConfig {
        filter: None,
        skew_threshold: 0.001,
        ..MceRulesConfig::default()
    }
}

/// One agent of each kind.
fn agents(rules: MceRulesConfig) -> Vec<AgentConfig> {
    let members = [
        Member::BookImbalance(BookImbalance::new(Default::default()).unwrap()),
        Member::Momentum(Momentum::new(Default::default()).unwrap()),
        Member::Reversion(Reversion::new(Default::default()).unwrap()),
    ];
    let config = |(id, member)| AgentConfig {
        rules,
        ..AgentConfig::new(AgentId(id), &format!("agent {id}"), InstrumentId(0), member)
    };
    (1..).zip(members).map(config).collect()
}
