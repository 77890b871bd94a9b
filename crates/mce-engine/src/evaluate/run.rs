//! A bundle's signals over stored data, and their figures next to the baselines'.

use super::baseline::BaselineInputs;
use super::{Figures, Scored, score_pressure, score_skew};
use crate::bundle::Bundle;
use crate::dataset::run_starts;
use crate::error::EngineError;
use crate::pipeline::{RealtimePipeline, Update};
use crate::series::Series;
use crate::stored::StoredRows;
use mce_features::labels::{labels, pressure_y};
use mce_features::{Label, Sample};
use mce_lake::{Column, Table, TableSchema};
use mce_market::{Instrument, Signal, UnixNanos};
use std::sync::Arc;

/// The signal of every sample, by the streaming code.
///
/// # Errors
/// [`EngineError::Tft`] when the model cannot take a row.
pub fn predict(bundle: &Arc<Bundle>, series: &Series) -> Result<Vec<Signal>, EngineError> {
    signals(bundle, &series.instrument, &series.samples)
}

/// As [`predict`] for the rows of a feature table.
///
/// # Errors
/// [`EngineError::Tft`] when the model cannot take a row.
pub fn predict_stored(bundle: &Arc<Bundle>, rows: &StoredRows) -> Result<Vec<Signal>, EngineError> {
    signals(bundle, &rows.instrument, rows.samples())
}

fn signals(
    bundle: &Arc<Bundle>,
    instrument: &Instrument,
    samples: &[Sample],
) -> Result<Vec<Signal>, EngineError> {
    let mut pipeline = RealtimePipeline::new(bundle.clone());
    let mut updates: Vec<Update> = Vec::with_capacity(samples.len());
    for sample in samples {
        pipeline.process_sample(sample, instrument, &mut updates)?;
    }
    Ok(updates.into_iter().map(|u| u.signal).collect())
}

/// A table of signals: ts, symbol, skew, pressure, quantiles of z, p, mask, reason; what is absent is empty, and the
/// reason says why.
///
/// # Errors
/// [`EngineError::Lake`] when a value is not finite, which no signal has.
pub fn signal_table(
    symbol: &str,
    signals: &[&Signal],
    bundle: &Bundle,
) -> Result<Table, EngineError> {
    let mut table = Table::new(TableSchema::new("mce-signal-table", 1)?);
    table.set_metadata("model", bundle.id())?;
    table.set_metadata("symbol", symbol)?;
    table.push("ts", Column::I64(signals.iter().map(|s| s.ts.0).collect()))?;
    table.push(
        "symbol",
        Column::Text(vec![symbol.to_string(); signals.len()]),
    )?;
    let column = |value: &dyn Fn(&Signal) -> Option<f64>| {
        Column::OptF64(signals.iter().map(|s| value(s)).collect())
    };
    table.push("skew", column(&|s| s.skew.value()))?;
    table.push("pressure", column(&|s| s.pressure.value()))?;
    for (at, name) in [
        "z_q02", "z_q10", "z_q25", "z_q50", "z_q75", "z_q90", "z_q98",
    ]
    .iter()
    .enumerate()
    {
        table.push(name, column(&|s| s.bands.map(|b| f64::from(b[at]))))?;
    }
    table.push("p", column(&|s| s.probability))?;
    table.push(
        "mask",
        Column::U16(signals.iter().map(|s| s.mask).collect()),
    )?;
    let reason = |s: &&Signal| {
        let reason = s.skew.reason().or_else(|| s.pressure.reason())?;
        Some(reason.to_string())
    };
    table.push(
        "reason",
        Column::OptText(signals.iter().map(reason).collect()),
    )?;
    Ok(table)
}

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// First sample that was scored.
    pub from: UnixNanos,
    /// Last sample that was scored.
    pub to: UnixNanos,
    /// Rows with a skew signal.
    pub rows: usize,
    /// Share of labelled rows in which the mid did not move at all: where it is large, any median is 0.
    pub still: Option<f64>,
    /// The model's figures.
    pub model: Figures,
    /// Each baseline's, in the order in which they are shown.
    pub baselines: Vec<(&'static str, Figures)>,
}

/// Scores a bundle on the samples of [from, to) where it gives a signal and no feature is masked; the baselines on the
/// same rows.
///
/// # Errors
/// [`EngineError::Data`] when no row can be scored, or the span reaches into what the bundle was trained on.
pub fn evaluate(
    bundle: &Arc<Bundle>,
    series: &Series,
    from: Option<UnixNanos>,
    to: Option<UnixNanos>,
) -> Result<Evaluation, EngineError> {
    let inside = |s: &Sample| from.is_none_or(|f| s.ts >= f) && to.is_none_or(|t| s.ts < t);
    let training = bundle.training();
    let seen = |s: &&Sample| inside(s) && s.ts >= training.from && s.ts < training.end;
    let same_data = training.venue == **series.instrument.venue()
        && bundle.symbol_index(series.instrument.symbol()) != 0;
    if let Some(sample) = series.samples.iter().find(seen)
        && same_data
    {
        return Err(EngineError::Data(format!(
            "the span holds {}, which lies in the bundle's training data ({} to {}); figures would not be out of time: \
             begin at the end of training (--from trained)",
            sample.ts, training.from, training.end
        )));
    }
    let signals = predict(bundle, series)?;
    let interval_ns = series.config.interval_ns();
    let labels = labels(&series.samples, interval_ns, series.config.mode());
    let mut rows = Rows::new(bundle, series);
    let starts = run_starts(&series.samples, interval_ns);
    for (at, (sample, signal)) in series.samples.iter().zip(&signals).enumerate() {
        rows.push(
            sample,
            signal,
            &labels[at],
            starts[at] == at,
            inside(sample),
        );
    }
    rows.figures(bundle, interval_ns)
}

/// The mean of a distribution that is linear between its quantiles: each stands for the probability around it.
fn mean_of_bands(bands: &[f32; 7]) -> f64 {
    const MASS: [f64; 7] = [0.06, 0.115, 0.2, 0.25, 0.2, 0.115, 0.06];
    bands
        .iter()
        .zip(MASS)
        .map(|(q, mass)| f64::from(*q) * mass)
        .sum()
}

fn still(rows: &[Scored]) -> Option<f64> {
    let known: Vec<f64> = rows.iter().filter_map(|r| r.z).collect();
    let zeros = known.iter().filter(|z| **z == 0.0).count();
    (!known.is_empty()).then(|| zeros as f64 / known.len() as f64)
}

/// The scored rows of the model and of each baseline.
struct Rows<'a> {
    inputs: BaselineInputs,
    normalizer: mce_features::NormalizerRow,
    bundle: &'a Bundle,
    model: Vec<Scored>,
    /// The mean of the model's quantiles instead of their median.
    mean: Vec<Scored>,
    queue: Vec<Scored>,
    ridge: Vec<Scored>,
    logistic: Vec<Scored>,
    zero: Vec<Scored>,
}

impl<'a> Rows<'a> {
    fn new(bundle: &'a Bundle, series: &Series) -> Self {
        Rows {
            inputs: BaselineInputs::new(series.config.interval_ns() as f64 / 1e9),
            normalizer: bundle.normalizer().row(series.instrument.symbol()).clone(),
            bundle,
            model: Vec::new(),
            mean: Vec::new(),
            queue: Vec::new(),
            ridge: Vec::new(),
            logistic: Vec::new(),
            zero: Vec::new(),
        }
    }

    fn push(&mut self, sample: &Sample, signal: &Signal, label: &Label, fresh: bool, inside: bool) {
        if fresh {
            self.inputs.reset();
        }
        let x = self.normalizer.apply(sample);
        let row = self.inputs.push(&x);
        let Some(skew) = signal.skew.value() else {
            return;
        };
        if !inside || sample.mask != 0 {
            return;
        }
        let scored = |skew: f64, probability: Option<f64>, bands: Option<[f32; 7]>| Scored {
            ts: sample.ts,
            skew,
            probability,
            bands,
            z: label.z[2],
            event: pressure_y(label.pressure, self.bundle.calibration().k),
        };
        self.model
            .push(scored(skew, signal.probability, signal.bands));
        if let Some(bands) = signal.bands {
            self.mean.push(scored(mean_of_bands(&bands), None, None));
        }
        self.zero
            .push(scored(0.0, self.bundle.calibration().pi, None));
        self.queue.push(scored(f64::from(x[1]), None, None));
        if let Some(ridge) = &self.bundle.baselines().ridge {
            self.ridge
                .push(scored(ridge.linear.score(&row), None, None));
        }
        if let Some(logistic) = &self.bundle.baselines().logistic {
            let p = logistic.linear.probability(&row);
            self.logistic.push(scored(0.0, Some(p), None));
        }
    }

    fn figures(self, bundle: &Bundle, interval_ns: i64) -> Result<Evaluation, EngineError> {
        let (Some(first), Some(last)) = (self.model.first(), self.model.last()) else {
            return Err(EngineError::Data(
                "no sample of the span has a signal and no masked feature: nothing can be scored"
                    .into(),
            ));
        };
        let (from, to, rows) = (first.ts, last.ts, self.model.len());
        let pi = bundle.calibration().pi.unwrap_or(0.0);
        let both = |rows: &[Scored]| Figures {
            skew: Some(score_skew(rows, interval_ns)),
            pressure: Some(score_pressure(rows, pi)),
        };
        let skew = |rows: &[Scored]| Figures {
            skew: Some(score_skew(rows, interval_ns)),
            pressure: None,
        };
        let pressure = |rows: &[Scored]| Figures {
            skew: None,
            pressure: Some(score_pressure(rows, pi)),
        };
        Ok(Evaluation {
            from,
            to,
            rows,
            still: still(&self.model),
            model: both(&self.model),
            baselines: vec![
                ("tft_mean", skew(&self.mean)),
                ("zero", both(&self.zero)),
                ("queue_imb", skew(&self.queue)),
                ("ridge", skew(&self.ridge)),
                ("logistic", pressure(&self.logistic)),
            ],
        })
    }
}
