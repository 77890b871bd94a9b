//! A stored market as a series of samples: the batch form of the streaming path, and the same code.

use crate::error::EngineError;
use crate::replay::{Replay, ReplaySpec};
use mce_features::labels::{HORIZONS_S, fit_k, labels, pressure_y, realised_rate};
use mce_features::{Counters, FEATURE_NAMES, FeatureConfig, FeatureEngine, Label, SCHEMA, Sample};
use mce_lake::{Column, Table, TableSchema};
use mce_market::{EventBody, Instrument, UnixNanos};
use std::sync::Arc;

/// Samples of one instrument, oldest first.
#[derive(Clone, Debug)]
pub struct Series {
    /// Whose samples.
    pub instrument: Arc<Instrument>,
    /// How they were taken.
    pub config: FeatureConfig,
    /// The samples.
    pub samples: Vec<Sample>,
    /// What the engine counted on the way.
    pub counters: Counters,
}

impl Series {
    /// Replays `spec` through a feature engine. `progress` is told the number of events so far.
    ///
    /// # Errors
    /// Whatever reading or the feature engine refuses; [`EngineError::Data`] when the input holds no event at all.
    pub fn build(
        spec: &ReplaySpec,
        config: FeatureConfig,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, EngineError> {
        let mut replay = Replay::open(spec)?;
        let mut engine: Option<(FeatureEngine, Arc<Instrument>)> = None;
        let mut samples = Vec::new();
        let mut events = Vec::new();
        let mut count = 0;
        while replay.next(&mut events)? {
            for event in events.drain(..) {
                if engine.is_none()
                    && let EventBody::Instrument(instrument) = &event.body
                {
                    let made = FeatureEngine::new(event.instrument, instrument, config);
                    engine = Some((made, instrument.clone()));
                }
                if let Some((engine, _)) = &mut engine {
                    engine.on_event(&event, &mut samples)?;
                }
                count += 1;
                replay.recycle(event);
            }
            progress(count);
        }
        let Some((mut engine, instrument)) = engine else {
            let files: Vec<String> = spec.files.iter().map(|f| f.display().to_string()).collect();
            return Err(EngineError::Data(format!(
                "{}: no event of {} in the input",
                files.join(", "),
                spec.symbol
            )));
        };
        engine.finish(&mut samples);
        Ok(Series {
            instrument,
            config,
            samples,
            counters: engine.counters(),
        })
    }

    /// The labels of all samples.
    pub fn labels(&self) -> Vec<Label> {
        labels(&self.samples, self.config.interval_ns(), self.config.mode())
    }

    /// The samples of [from, to).
    pub fn between(&self, from: Option<UnixNanos>, to: Option<UnixNanos>) -> &[Sample] {
        let index = |ts: Option<UnixNanos>, otherwise| {
            ts.map_or(otherwise, |ts| self.samples.partition_point(|s| s.ts < ts))
        };
        let end = index(to, self.samples.len());
        &self.samples[index(from, 0).min(end)..end]
    }
}

/// k of the pressure label and the base rate π that it gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PressureFit {
    /// Threshold k; `None` without any labelled row.
    pub k: Option<f64>,
    /// Share of y = 1; `None` without any labelled row.
    pub pi: Option<f64>,
}

/// Fits k on `rows`, or takes the one given, and measures π.
///
/// # Errors
/// [`EngineError::Data`] when liquidations alone decide so many rows that k would be infinite.
pub fn fit_pressure(rows: &[Label], given: Option<f64>) -> Result<PressureFit, EngineError> {
    let moves = || rows.iter().map(|l| l.pressure);
    let k = match given {
        Some(k) => Some(k),
        None => fit_k(moves()).map_err(|error| EngineError::Data(error.to_string()))?,
    };
    Ok(PressureFit {
        k,
        pi: realised_rate(moves(), k),
    })
}

/// Version of the feature table's columns.
const TABLE_VERSION: u32 = 1;

/// Name and version of the feature table's layout.
///
/// # Errors
/// Never for this name.
pub fn table_schema() -> Result<TableSchema, EngineError> {
    Ok(TableSchema::new("mce-feature-table", TABLE_VERSION)?)
}

/// The feature table: ts, the 14 features, mask, mid, sigma, and with labels z_5 z_15 z_30 z_60 pressure_y; every
/// `every`-th sample.
///
/// # Errors
/// [`EngineError::Lake`] when a value is not finite, which no sample has.
pub fn feature_table(
    series: &Series,
    labels: Option<(&[Label], Option<f64>)>,
    every: usize,
) -> Result<Table, EngineError> {
    let samples = || series.samples.iter().step_by(every.max(1));
    let mut table = Table::new(table_schema()?);
    let config = series.config;
    for (key, value) in [
        ("schema", SCHEMA.to_string()),
        ("venue", series.instrument.venue().to_string()),
        ("symbol", series.instrument.symbol().to_string()),
        ("mode", config.mode().letter().to_string()),
        ("interval_ns", config.interval_ns().to_string()),
        ("max_quiet_ns", config.max_quiet_ns().to_string()),
        ("depth", config.depth().to_string()),
        ("every", every.to_string()),
    ] {
        table.set_metadata(key, &value)?;
    }
    table.push("ts", Column::I64(samples().map(|s| s.ts.0).collect()))?;
    for (n, name) in FEATURE_NAMES.iter().enumerate() {
        table.push(
            name,
            Column::F64(samples().map(|s| s.features[n]).collect()),
        )?;
    }
    table.push("mask", Column::U16(samples().map(|s| s.mask).collect()))?;
    table.push("mid", Column::F64(samples().map(|s| s.mid).collect()))?;
    table.push("sigma", Column::F64(samples().map(|s| s.sigma).collect()))?;
    if let Some((labels, k)) = labels {
        let labels = || labels.iter().step_by(every.max(1));
        for (at, horizon) in HORIZONS_S.iter().enumerate() {
            let z = labels().map(|l| l.z[at]).collect();
            table.push(&format!("z_{horizon}"), Column::OptF64(z))?;
        }
        let y = labels()
            .map(|l| pressure_y(l.pressure, k).map(u8::from))
            .collect();
        table.push("pressure_y", Column::OptU8(y))?;
        if let Some(k) = k {
            table.set_metadata("pressure_k", &format!("{k:?}"))?;
        }
    }
    Ok(table)
}
