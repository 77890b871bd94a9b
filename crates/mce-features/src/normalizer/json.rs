//! The normaliser as JSON text, the layout of the schema's reference.

use super::{FeatureFit, FeatureNormalizer, NormalizerRow};
use crate::error::FeatureError;
use crate::sample::{FEATURE_NAMES, FeatureConfig, N_FEATURES, SCHEMA};
use mce_market::UnixNanos;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt::Debug;

const WHAT: &str = "normaliser";

#[derive(Serialize, Deserialize)]
struct NormalizerJson {
    schema: String,
    mode: String,
    interval_s: f64,
    max_quiet_s: f64,
    depth: usize,
    from_ts: Option<i64>,
    to_ts: Option<i64>,
    rows: u64,
    symbols: BTreeMap<String, RowJson>,
    pooled: RowJson,
}

#[derive(Serialize, Deserialize)]
struct RowJson {
    rows: u64,
    #[serde(serialize_with = "in_feature_order")]
    features: BTreeMap<String, Option<FitJson>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct FitJson {
    median: f64,
    mad: f64,
    quantiles: [f64; 6],
}

fn in_feature_order<S: Serializer>(
    features: &BTreeMap<String, Option<FitJson>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(N_FEATURES))?;
    for name in FEATURE_NAMES {
        map.serialize_entry(name, &features.get(name).copied().flatten())?;
    }
    map.end()
}

impl FeatureNormalizer {
    /// The whole normaliser as JSON text.
    pub fn to_json(&self) -> String {
        let json = NormalizerJson {
            schema: SCHEMA.into(),
            mode: self.config.mode().letter().into(),
            interval_s: in_seconds(self.config.interval_ns()),
            max_quiet_s: in_seconds(self.config.max_quiet_ns()),
            depth: self.config.depth(),
            from_ts: self.span.map(|(from, _)| from.0),
            to_ts: self.span.map(|(_, to)| to.0),
            rows: self.pooled.rows,
            symbols: self
                .symbols
                .iter()
                .map(|(symbol, row)| (symbol.clone(), row_json(row)))
                .collect(),
            pooled: row_json(&self.pooled),
        };
        serde_json::to_string_pretty(&json).expect("plain structs with string keys serialise")
    }

    /// The normaliser that `text` says, for use with series made with `expected`.
    ///
    /// # Errors
    /// [`FeatureError::Mismatch`] where schema, mode, Δ, `max_quiet` or depth differ, with both values;
    /// [`FeatureError::Json`] for other text; [`FeatureError::Value`] for a feature that is missing, unknown or has a
    /// MAD below 0.
    pub fn from_json(text: &str, expected: FeatureConfig) -> Result<Self, FeatureError> {
        // The schema first: another one may have another layout, and then that is what is to be said.
        let found: SchemaJson = parse(text)?;
        same("schema", &found.schema.as_str(), &SCHEMA)?;
        let json: NormalizerJson = parse(text)?;
        same("mode", &json.mode.as_str(), &expected.mode().letter())?;
        let interval_s = in_seconds(expected.interval_ns());
        same("interval_s", &json.interval_s, &interval_s)?;
        let max_quiet_s = in_seconds(expected.max_quiet_ns());
        same("max_quiet_s", &json.max_quiet_s, &max_quiet_s)?;
        same("depth", &json.depth, &expected.depth())?;
        let mut symbols = BTreeMap::new();
        for (symbol, row) in json.symbols {
            let row = row_of(&row, &symbol)?;
            symbols.insert(symbol, row);
        }
        let pooled = row_of(&json.pooled, "the pooled row")?;
        same("rows", &json.rows, &pooled.rows)?;
        let times = json.from_ts.zip(json.to_ts);
        Ok(FeatureNormalizer {
            config: expected,
            span: times.map(|(from, to)| (UnixNanos(from), UnixNanos(to))),
            symbols,
            pooled,
        })
    }
}

#[derive(Deserialize)]
struct SchemaJson {
    schema: String,
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, FeatureError> {
    serde_json::from_str(text).map_err(|source| FeatureError::Json { what: WHAT, source })
}

fn same<T: PartialEq + Debug>(
    field: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), FeatureError> {
    FeatureError::unless_same(WHAT, field, found, expected)
}

fn in_seconds(ns: i64) -> f64 {
    ns as f64 / UnixNanos::PER_SECOND as f64
}

fn row_json(row: &NormalizerRow) -> RowJson {
    let fit = |fit: &FeatureFit| FitJson {
        median: fit.median,
        mad: fit.mad,
        quantiles: fit.quantiles,
    };
    RowJson {
        rows: row.rows,
        features: FEATURE_NAMES
            .iter()
            .zip(&row.features)
            .map(|(name, feature)| ((*name).to_owned(), feature.as_ref().map(fit)))
            .collect(),
    }
}

fn row_of(json: &RowJson, whose: &str) -> Result<NormalizerRow, FeatureError> {
    let value = |problem: String| FeatureError::Value {
        what: WHAT,
        problem,
    };
    let unknown = json
        .features
        .keys()
        .find(|name| !FEATURE_NAMES.contains(&name.as_str()));
    if let Some(name) = unknown {
        return Err(value(format!("{whose} has an unknown feature {name:?}")));
    }
    let mut features = [None; N_FEATURES];
    for (feature, name) in features.iter_mut().zip(FEATURE_NAMES) {
        let Some(fit) = json.features.get(name) else {
            return Err(value(format!("{whose} lacks the feature {name:?}")));
        };
        if let Some(fit) = fit {
            if fit.mad < 0.0 {
                let mad = fit.mad;
                let problem =
                    format!("the MAD of {name:?} in {whose} must be 0 or more, not {mad}");
                return Err(value(problem));
            }
            *feature = Some(FeatureFit {
                median: fit.median,
                mad: fit.mad,
                quantiles: fit.quantiles,
            });
        }
    }
    Ok(NormalizerRow {
        rows: json.rows,
        features,
    })
}
