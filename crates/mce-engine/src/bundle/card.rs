//! `bundle.json`: the text form of a bundle's index.

use super::{Baselines, Bundle, Calibration, NORMALIZER, Parts, TrainingReport, WEIGHTS};
use crate::error::EngineError;
use crate::evaluate::baseline::{COLUMNS, Fitted};
use crate::evaluate::linear::Linear;
use mce_features::{FeatureConfig, FeatureNormalizer, SCHEMA};
use mce_market::{InputMode, UnixNanos};
use mce_tft::{TftConfig, TftModel};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

/// Version of this text. An older one is read, a newer one refused.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    format: u32,
    schema: String,
    mode: String,
    interval_ns: u64,
    max_quiet_ns: u64,
    depth: usize,
    symbols: Vec<String>,
    model: Box<RawValue>,
    calibration: CardCalibration,
    training: CardTraining,
    baselines: CardBaselines,
    hashes: Hashes,
}

/// Read first, to tell another version from damage.
#[derive(Deserialize)]
struct Version {
    format: u32,
    schema: Option<String>,
}

/// What the normaliser says it was fitted on. Its own reader stops at the first difference; here all are named.
#[derive(Deserialize)]
struct NormalizerHead {
    mode: String,
    interval_s: f64,
    max_quiet_s: f64,
    depth: usize,
    symbols: BTreeMap<String, IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardCalibration {
    kappa: f64,
    slope: f64,
    intercept: f64,
    k: Option<f64>,
    pi: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardTraining {
    venue: String,
    from_ns: i64,
    end_ns: i64,
    from: String,
    end: String,
    rows_train: usize,
    rows_valid: usize,
    data_hash: String,
    seed: u64,
    epochs: usize,
    best_epoch: usize,
    loss_train: f64,
    loss_valid: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardBaselines {
    ridge: Option<CardLinear>,
    logistic: Option<CardLinear>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardLinear {
    penalty: f64,
    intercept: f64,
    mean: Vec<f64>,
    scale: Vec<f64>,
    weights: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hashes {
    weights: String,
    normalizer: String,
}

fn hash(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// Twelve hex digits over all files.
pub(super) fn identity(files: &[(&str, Vec<u8>)]) -> String {
    let mut all = Vec::new();
    for (_, bytes) in files {
        all.extend_from_slice(hash(bytes).as_bytes());
    }
    hash(&all)[..12].to_string()
}

impl Card {
    /// Where index and normaliser disagree on what the features are of and how they were taken.
    fn differences(&self, head: &NormalizerHead) -> Vec<String> {
        let seconds = |ns: u64| format!("{} s", ns as f64 / 1e9);
        let mut symbols = self.symbols.clone();
        symbols.sort();
        let known: Vec<&str> = head.symbols.keys().map(String::as_str).collect();
        [
            ("mode is", self.mode.clone(), head.mode.clone()),
            (
                "interval is",
                seconds(self.interval_ns),
                format!("{} s", head.interval_s),
            ),
            (
                "max_quiet is",
                seconds(self.max_quiet_ns),
                format!("{} s", head.max_quiet_s),
            ),
            ("depth is", self.depth.to_string(), head.depth.to_string()),
            ("list of symbols is", symbols.join(", "), known.join(", ")),
        ]
        .into_iter()
        .filter(|(_, own, other)| own != other)
        .map(|(what, own, other)| format!("{what} {own}, the normaliser's is {other}"))
        .collect()
    }
}

impl From<&Fitted> for CardLinear {
    fn from(fitted: &Fitted) -> Self {
        let (mean, scale, weights, intercept) = fitted.linear.parts();
        CardLinear {
            penalty: fitted.penalty,
            intercept,
            mean: mean.to_vec(),
            scale: scale.to_vec(),
            weights: weights.to_vec(),
        }
    }
}

impl CardLinear {
    fn fitted(self, name: &str) -> Result<Fitted, String> {
        let (mean, scale, weights) = (self.mean, self.scale, self.weights);
        let widths = [mean.len(), scale.len(), weights.len()];
        if widths != [COLUMNS; 3] {
            return Err(format!(
                "baseline {name} has {widths:?} columns, not {COLUMNS}"
            ));
        }
        let linear = Linear::from_parts(mean, scale, weights, self.intercept)
            .ok_or_else(|| format!("baseline {name} has a scale that is not above 0"))?;
        Ok(Fitted {
            linear,
            penalty: self.penalty,
        })
    }
}

pub(super) fn to_json(bundle: &Bundle, weights: &[u8], normalizer: &[u8]) -> String {
    let (config, training, calibration) = (&bundle.config, &bundle.training, bundle.calibration);
    let model = RawValue::from_string(bundle.model.config().to_json())
        .expect("a model configuration prints as JSON");
    let card = Card {
        format: FORMAT,
        schema: SCHEMA.to_string(),
        mode: config.mode().letter().to_string(),
        interval_ns: config.interval_ns().unsigned_abs(),
        max_quiet_ns: config.max_quiet_ns().unsigned_abs(),
        depth: config.depth(),
        symbols: bundle.symbols.clone(),
        model,
        calibration: CardCalibration {
            kappa: calibration.kappa,
            slope: calibration.slope,
            intercept: calibration.intercept,
            k: calibration.k,
            pi: calibration.pi,
        },
        training: CardTraining {
            venue: training.venue.clone(),
            from_ns: training.from.0,
            end_ns: training.end.0,
            from: training.from.to_string(),
            end: training.end.to_string(),
            rows_train: training.rows_train,
            rows_valid: training.rows_valid,
            data_hash: training.data_hash.clone(),
            seed: training.seed,
            epochs: training.epochs,
            best_epoch: training.best_epoch,
            loss_train: training.loss_train,
            loss_valid: training.loss_valid,
        },
        baselines: CardBaselines {
            ridge: bundle.baselines.ridge.as_ref().map(CardLinear::from),
            logistic: bundle.baselines.logistic.as_ref().map(CardLinear::from),
        },
        hashes: Hashes {
            weights: hash(weights),
            normalizer: hash(normalizer),
        },
    };
    serde_json::to_string_pretty(&card).expect("a card holds finite numbers and text alone")
}

pub(super) fn load(
    path: &Path,
    index: Vec<u8>,
    weights: Vec<u8>,
    normalizer: Vec<u8>,
) -> Result<Bundle, EngineError> {
    let index_path = path.join(super::INDEX);
    let damaged = |what: String, name: &str| EngineError::BundleDamaged {
        path: path.join(name),
        what,
    };
    let refused = |differences: Vec<String>| EngineError::Bundle {
        path: path.into(),
        differences,
    };
    let unreadable = |error: serde_json::Error| EngineError::BundleDamaged {
        path: index_path.clone(),
        what: format!("not the JSON of a bundle: {error}"),
    };
    let version: Version = serde_json::from_slice(&index).map_err(unreadable)?;
    let mut differences = Vec::new();
    if let Some(schema) = version.schema.filter(|schema| schema != SCHEMA) {
        differences.push(format!("schema is {schema}, not {SCHEMA}"));
    }
    if version.format != FORMAT {
        let difference = format!("format is {}, this program reads {FORMAT}", version.format);
        differences.insert(0, difference);
        return Err(refused(differences));
    }
    let card: Card = serde_json::from_slice(&index).map_err(unreadable)?;
    for (name, bytes, expected) in [
        (WEIGHTS, &weights, &card.hashes.weights),
        (NORMALIZER, &normalizer, &card.hashes.normalizer),
    ] {
        let got = hash(bytes);
        if got != *expected {
            return Err(damaged(
                format!("its hash is {got}, the index says {expected}"),
                name,
            ));
        }
    }
    let text =
        String::from_utf8(normalizer).map_err(|_| damaged("not UTF-8 text".into(), NORMALIZER))?;
    match serde_json::from_str::<NormalizerHead>(&text) {
        Ok(head) => differences.extend(card.differences(&head)),
        Err(error) => differences.push(format!("{NORMALIZER} is not a normaliser: {error}")),
    }
    let mode = InputMode::from_letter(&card.mode);
    if mode.is_none() {
        differences.push(format!("mode is {:?}, not S, T or D", card.mode));
    }
    let config = FeatureConfig::new(
        Duration::from_nanos(card.interval_ns),
        Duration::from_nanos(card.max_quiet_ns),
        card.depth,
        mode.unwrap_or(InputMode::Deltas),
    );
    let mut keep = |problem: String| differences.push(problem);
    let config = config.map_err(|e| keep(e.to_string())).ok();
    let model_config = TftConfig::from_json(card.model.get())
        .map_err(|e| keep(e.to_string()))
        .ok();
    let ridge = card
        .baselines
        .ridge
        .map(|l| l.fitted("ridge"))
        .transpose()
        .map_err(&mut keep);
    let logistic = card
        .baselines
        .logistic
        .map(|l| l.fitted("logistic"))
        .transpose()
        .map_err(&mut keep);
    if let Some(problem) = model_config.as_ref().and_then(|m| super::outputs(m).err()) {
        keep(problem);
    }
    if let Some(model) = &model_config
        && model.n_symbols() != card.symbols.len() + 1
    {
        keep(format!(
            "the model has {} symbol rows, {} symbols are named (row 0 is the unknown symbol)",
            model.n_symbols(),
            card.symbols.len()
        ));
    }
    let (Some(config), Some(model_config), Ok(ridge), Ok(logistic), true) = (
        config,
        model_config,
        ridge,
        logistic,
        differences.is_empty(),
    ) else {
        return Err(refused(differences));
    };
    let normalizer = FeatureNormalizer::from_json(&text, config)
        .map_err(|error| refused(vec![error.to_string()]))?;
    let model = TftModel::from_safetensors(model_config, &weights)
        .map_err(|error| refused(vec![error.to_string()]))?;
    Bundle::new(Parts {
        config,
        model,
        normalizer,
        symbols: card.symbols,
        calibration: Calibration {
            kappa: card.calibration.kappa,
            slope: card.calibration.slope,
            intercept: card.calibration.intercept,
            k: card.calibration.k,
            pi: card.calibration.pi,
        },
        baselines: Baselines { ridge, logistic },
        training: TrainingReport {
            venue: card.training.venue,
            from: UnixNanos(card.training.from_ns),
            end: UnixNanos(card.training.end_ns),
            rows_train: card.training.rows_train,
            rows_valid: card.training.rows_valid,
            data_hash: card.training.data_hash,
            seed: card.training.seed,
            epochs: card.training.epochs,
            best_epoch: card.training.best_epoch,
            loss_train: card.training.loss_train,
            loss_valid: card.training.loss_valid,
        },
    })
}
