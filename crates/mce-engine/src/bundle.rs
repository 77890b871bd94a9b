//! A bundle: one directory with everything that a signal needs.
//!
//! `weights.safetensors` (PyTorch's names), `normalizer.json`, and `bundle.json`, the index: schema, sampling, model
//! shape, symbols, κ, π, k, calibration, baselines, what it was trained on, and the hashes of the other two. Loading
//! checks all of it and refuses a bundle with every difference named.

mod card;

use crate::error::EngineError;
use crate::evaluate::baseline::Fitted;
use crate::evaluate::linear::logistic;
use crate::files;
use mce_features::{FeatureConfig, FeatureNormalizer};
use mce_market::UnixNanos;
use mce_tft::{StreamState, TftConfig, TftModel};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// File of the weights.
pub const WEIGHTS: &str = "weights.safetensors";
/// File of the normaliser.
pub const NORMALIZER: &str = "normalizer.json";
/// File of the index.
pub const INDEX: &str = "bundle.json";

/// How outputs become signals; all of it fitted on training and validation rows alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// κ of MCE_Skew = tanh(κ·ẑ).
    pub kappa: f64,
    /// Slope of the calibrated logit.
    pub slope: f64,
    /// Intercept of the calibrated logit.
    pub intercept: f64,
    /// Threshold k of the pressure label; `None` where no training row had a label.
    pub k: Option<f64>,
    /// Base rate π of the pressure label on the training slice.
    pub pi: Option<f64>,
}

/// Forecasts that cost nothing, fitted on the same rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baselines {
    /// Ridge regression of z.
    pub ridge: Option<Fitted>,
    /// Logistic regression of the pressure event.
    pub logistic: Option<Fitted>,
}

/// What it was trained on, and how that went.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingReport {
    /// Venue of the data.
    pub venue: String,
    /// First sample of the training slice.
    pub from: UnixNanos,
    /// First time that no slice has seen.
    pub end: UnixNanos,
    /// Windows that were trained on.
    pub rows_train: usize,
    /// Windows that stopped and calibrated.
    pub rows_valid: usize,
    /// xxh3-128 of the input files.
    pub data_hash: String,
    /// Seed of weights, dropout and order.
    pub seed: u64,
    /// Epochs that were run.
    pub epochs: usize,
    /// Epoch whose weights were kept, from 0.
    pub best_epoch: usize,
    /// Loss on training windows in that epoch.
    pub loss_train: f64,
    /// Loss on validation windows in that epoch.
    pub loss_valid: f64,
}

/// The median of z and the rest of one model output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// ẑ over 30 s: the median.
    pub z: f64,
    /// Quantiles of z over 30 s, non-decreasing.
    pub bands: [f32; 7],
    /// Calibrated probability of the pressure event.
    pub probability: f64,
}

/// A loaded or freshly trained bundle.
#[derive(Debug)]
pub struct Bundle {
    id: Arc<str>,
    config: FeatureConfig,
    model: TftModel,
    normalizer: FeatureNormalizer,
    symbols: Vec<String>,
    calibration: Calibration,
    baselines: Baselines,
    training: TrainingReport,
    /// Outputs of the z over 30 s, lowest quantile first.
    skew_outputs: std::ops::Range<usize>,
    /// Output of the pressure logit.
    pressure_output: usize,
}

/// The parts of a bundle before they are one.
#[derive(Debug)]
pub struct Parts {
    /// How features are taken.
    pub config: FeatureConfig,
    /// The model.
    pub model: TftModel,
    /// The normaliser.
    pub normalizer: FeatureNormalizer,
    /// Symbols of the embedding from index 1 on; 0 is the unknown symbol.
    pub symbols: Vec<String>,
    /// How outputs become signals.
    pub calibration: Calibration,
    /// What it has to beat.
    pub baselines: Baselines,
    /// What it was trained on.
    pub training: TrainingReport,
}

/// The heads that a signal is read from: name, and where they lie among the outputs.
pub(crate) fn outputs(config: &TftConfig) -> Result<(std::ops::Range<usize>, usize), String> {
    let range = |name: &str, width: usize| {
        let index = config
            .head_index(name)
            .ok_or_else(|| format!("the model has no head {name:?}"))?;
        let range = config.head_range(index);
        if range.len() != width {
            return Err(format!(
                "head {name:?} has {} outputs, not {width}",
                range.len()
            ));
        }
        Ok(range)
    };
    if config.decoder_steps() != 1 {
        let steps = config.decoder_steps();
        return Err(format!(
            "the model has {steps} decoder steps, signals need 1"
        ));
    }
    Ok((range("z_30", 7)?, range("pressure", 1)?.start))
}

/// The middle of the quantiles once they are in order.
pub(crate) fn median(quantiles: &[f32]) -> f64 {
    let mut sorted = quantiles.to_vec();
    sorted.sort_by(f32::total_cmp);
    f64::from(sorted[sorted.len() / 2])
}

impl Bundle {
    /// Joins parts that were made together.
    ///
    /// # Errors
    /// [`EngineError::Data`] when the model has not the heads that signals are read from.
    pub fn new(parts: Parts) -> Result<Self, EngineError> {
        let (skew_outputs, pressure_output) =
            outputs(parts.model.config()).map_err(EngineError::Data)?;
        let mut bundle = Bundle {
            id: "".into(),
            config: parts.config,
            model: parts.model,
            normalizer: parts.normalizer,
            symbols: parts.symbols,
            calibration: parts.calibration,
            baselines: parts.baselines,
            training: parts.training,
            skew_outputs,
            pressure_output,
        };
        let files = bundle.files();
        bundle.id = card::identity(&files).into();
        Ok(bundle)
    }

    /// Its id: a hash over its files, so that a signal says exactly which model made it.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// How features are taken.
    pub fn config(&self) -> &FeatureConfig {
        &self.config
    }

    /// The model.
    pub fn model(&self) -> &TftModel {
        &self.model
    }

    /// The normaliser.
    pub fn normalizer(&self) -> &FeatureNormalizer {
        &self.normalizer
    }

    /// How outputs become signals.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// What it has to beat.
    pub fn baselines(&self) -> &Baselines {
        &self.baselines
    }

    /// What it was trained on.
    pub fn training(&self) -> &TrainingReport {
        &self.training
    }

    /// Symbols that the model knows, in the order of the embedding from index 1.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// First time that no training or validation row has seen.
    pub fn trained_until(&self) -> UnixNanos {
        self.training.end
    }

    /// Index of a symbol in the model's embedding; 0 for one never seen.
    pub fn symbol_index(&self, symbol: &str) -> u32 {
        let row = (1..).zip(&self.symbols).find(|(_, s)| *s == symbol);
        row.map_or(0, |(row, _)| row)
    }

    /// An empty window for a symbol.
    pub fn new_state(&self, symbol: &str) -> StreamState {
        self.model
            .stream(self.symbol_index(symbol))
            .expect("loading checked that the model streams and has a row for every symbol")
    }

    /// Reads one output of the model, [`TftConfig::n_outputs`] values.
    pub fn read_output(&self, values: &[f32]) -> Said {
        let mut bands = [0.0; 7];
        bands.copy_from_slice(&values[self.skew_outputs.clone()]);
        bands.sort_by(f32::total_cmp);
        let logit = f64::from(values[self.pressure_output]);
        let Calibration {
            slope, intercept, ..
        } = self.calibration;
        Said {
            z: f64::from(bands[3]),
            bands,
            probability: logistic(slope * logit + intercept),
        }
    }

    fn files(&self) -> [(&'static str, Vec<u8>); 3] {
        let weights = self.model.to_safetensors();
        let normalizer = self.normalizer.to_json().into_bytes();
        let index = card::to_json(self, &weights, &normalizer).into_bytes();
        [(WEIGHTS, weights), (NORMALIZER, normalizer), (INDEX, index)]
    }

    /// Writes the bundle as one directory that appears as a whole. With `replace`, another *bundle* that is there gives
    /// way; anything else never does.
    ///
    /// # Errors
    /// [`EngineError::Exists`], [`EngineError::Io`].
    pub fn save(&self, path: &Path, replace: bool) -> Result<(), EngineError> {
        let is_bundle = |path: &Path| path.join(INDEX).is_file();
        files::write_directory(path, &self.files(), |path| replace && is_bundle(path))
    }

    /// Loads a bundle.
    ///
    /// # Errors
    /// [`EngineError::Io`] when a file is not there, [`EngineError::BundleDamaged`] when one is not what the index says,
    /// [`EngineError::Bundle`] listing every difference when it is of another schema.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        let read = |name: &str| {
            let at = path.join(name);
            fs::read(&at).map_err(|source| EngineError::io(&at, "read", source))
        };
        card::load(path, read(INDEX)?, read(WEIGHTS)?, read(NORMALIZER)?)
    }

    /// Refuses a bundle whose features are taken in another way than a series.
    ///
    /// # Errors
    /// [`EngineError::Bundle`] listing every difference.
    pub fn require(&self, config: &FeatureConfig, path: &Path) -> Result<(), EngineError> {
        let mut differences = Vec::new();
        let (own, other) = (&self.config, config);
        let seconds = |ns: i64| format!("{} s", ns as f64 / 1e9);
        for (what, ours, theirs) in [
            ("mode", own.mode().to_string(), other.mode().to_string()),
            (
                "interval",
                seconds(own.interval_ns()),
                seconds(other.interval_ns()),
            ),
            (
                "max_quiet",
                seconds(own.max_quiet_ns()),
                seconds(other.max_quiet_ns()),
            ),
            ("depth", own.depth().to_string(), other.depth().to_string()),
        ] {
            if ours != theirs {
                differences.push(format!("{what} is {ours}, the data's is {theirs}"));
            }
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(EngineError::Bundle {
            path: path.into(),
            differences,
        })
    }
}
