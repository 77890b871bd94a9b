//! From a series to a bundle: split, normaliser, k, model, κ, calibration, baselines.
//!
//! Everything is fitted inside the training and validation slices; what comes after them is never looked at.

use crate::bundle::{Baselines, Bundle, Calibration, Parts, TrainingReport};
use crate::dataset::{Rows, Windows, run_starts};
use crate::error::EngineError;
use crate::evaluate::baseline::{BaselineInputs, Slice, fit_logistic, fit_ridge};
use crate::evaluate::linear::{Design, logistic_regression};
use crate::series::{PressureFit, Series, fit_pressure};
use crate::split::{Split, split};
use mce_features::labels::{Z_CLIP, pressure_y, skew_signal};
use mce_features::{FeatureNormalizer, Label, NormalizerRow};
use mce_market::UnixNanos;
use mce_tft::{
    Head, Params, Progress, StopReason, TftConfig, TftModel, TftSpec, TrainOptions, Trainer,
    Weights, WindowSource,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Share of the time in front of the end that stops and calibrates.
const VALID_SHARE: f64 = 0.2;
/// Standard deviation that MCE_Skew is scaled to on validation rows.
const SKEW_SD: f64 = 0.3;
/// Penalty of the calibration: enough to keep it finite when the classes separate.
const CALIBRATION_PENALTY: f64 = 1e-6;

/// What training is told.
#[derive(Clone, Debug)]
pub struct TrainSpec {
    /// H.
    pub hidden: usize,
    /// L.
    pub encoder: usize,
    /// Dropout.
    pub dropout: f64,
    /// Whether each training window comes a second time with bids and asks changed over.
    pub mirror: bool,
    /// The optimiser's run.
    pub options: TrainOptions,
    /// First time that must not be looked at.
    pub end: UnixNanos,
    /// Hash of the input files.
    pub data_hash: String,
}

/// A trained bundle and how the training went.
#[derive(Debug)]
pub struct Trained {
    /// The bundle.
    pub bundle: Bundle,
    /// Windows a second.
    pub samples_per_s: f64,
    /// Seconds of the optimiser's run.
    pub seconds: f64,
    /// Whether it was asked to stop before its time.
    pub stopped: bool,
}

/// Trains on the part of `series` in front of `spec.end`. `progress` is called after every step and may break.
///
/// # Errors
/// [`EngineError::Data`] when a slice has too few rows or no label, [`EngineError::Tft`] when training fails,
/// [`EngineError::Stopped`] when it was stopped before the first epoch was through: no weights were chosen by then.
pub fn train(
    series: &Series,
    spec: &TrainSpec,
    progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
) -> Result<Trained, EngineError> {
    let interval_ns = series.config.interval_ns();
    let until = series.samples.partition_point(|s| s.ts < spec.end);
    let samples = &series.samples[..until];
    // Labels of a cut series: none of them has looked past the end.
    let labels = mce_features::labels::labels(samples, interval_ns, series.config.mode());
    let slices = split(samples, spec.end, VALID_SHARE, interval_ns, spec.encoder)
        .ok_or_else(|| too_short(series, spec))?;
    let symbol = series.instrument.symbol().to_string();
    let train_samples = &samples[slices.train.clone()];
    let normalizer = FeatureNormalizer::fit([(symbol.as_str(), train_samples)], series.config);
    let pressure = fit_pressure(&labels[slices.train.clone()], None)?;
    let config = TftConfig::new(TftSpec {
        hidden: spec.hidden,
        encoder_len: spec.encoder,
        dropout: spec.dropout,
        n_symbols: 2,
        ..TftSpec::default()
    })?;
    let rows = Rows {
        samples,
        labels: &labels,
        k: pressure.k,
        interval_ns,
        symbol: 1,
    };
    let row = normalizer.row(&symbol);
    let train_set = Windows::build(&config, row, rows, slices.train.clone(), spec.mirror)?;
    let valid_set = Windows::build(&config, row, rows, slices.valid.clone(), false)?;
    if train_set.ends.is_empty() || valid_set.ends.is_empty() {
        return Err(too_short(series, spec));
    }
    let mut params = Params::init(&config, spec.options.seed);
    begin_at_base_rates(&config, &train_set, &mut params);
    let mut trainer = Trainer::new(&config, spec.options.clone(), params)?;
    let fit = trainer.fit(&train_set.table, Some(&valid_set.table), progress)?;
    let best = fit
        .best_epoch
        .and_then(|at| fit.epochs.iter().find(|e| e.epoch == at));
    let Some((best, valid)) = best.and_then(|e| Some((e, e.validation.as_ref()?))) else {
        return Err(EngineError::Stopped);
    };
    let model = TftModel::new(
        config,
        Weights {
            params: trainer.best_params().clone(),
            metadata: BTreeMap::new(),
        },
    );
    let calibration = calibrate(&model, &valid_set, rows, pressure, spec.options.threads)?;
    let training = TrainingReport {
        venue: series.instrument.venue().to_string(),
        from: samples[slices.train.start].ts,
        end: spec.end,
        rows_train: train_set.ends.len(),
        rows_valid: valid_set.table.n_windows(),
        data_hash: spec.data_hash.clone(),
        seed: spec.options.seed,
        epochs: fit.epochs.len(),
        best_epoch: best.epoch,
        loss_train: best.train.total,
        loss_valid: valid.total,
    };
    let baselines = baselines(row, rows, &slices);
    let bundle = Bundle::new(Parts {
        config: series.config,
        model,
        normalizer,
        symbols: vec![symbol],
        calibration,
        baselines,
        training,
    })?;
    Ok(Trained {
        bundle,
        samples_per_s: fit.samples as f64 / fit.seconds.max(1e-9),
        seconds: fit.seconds,
        stopped: fit.stop == StopReason::Asked,
    })
}

/// Share of the head's random weights that is left at the start.
const HEAD_START: f32 = 0.1;

/// Lets training begin at what is known without looking at any input: each quantile head at the quantiles of its labels,
/// the pressure logit at the base rate. Otherwise hundreds of steps go into moving constants there.
fn begin_at_base_rates(config: &TftConfig, train: &Windows, params: &mut Params<f32>) {
    let heads = config.heads().len();
    let labels = &train.table.parts().labels;
    let mut bias = vec![0.0f32; config.n_outputs()];
    for (at, head) in config.heads().iter().enumerate() {
        let mut known: Vec<f32> = labels
            .iter()
            .skip(at)
            .step_by(heads)
            .flatten()
            .copied()
            .collect();
        if known.is_empty() {
            continue;
        }
        let out = &mut bias[config.head_range(at)];
        match head {
            Head::Quantiles { levels, .. } => {
                known.sort_unstable_by(f32::total_cmp);
                for (out, level) in out.iter_mut().zip(levels) {
                    *out = known[((known.len() - 1) as f64 * level).round() as usize];
                }
            }
            Head::Logit { .. } => {
                let ones = known.iter().filter(|y| **y > 0.5).count() as f32;
                let rate = (ones + 0.5) / (known.len() as f32 + 1.0);
                out.fill((rate / (1.0 - rate)).ln());
            }
        }
    }
    if let Some(values) = params.values_mut("head.bias") {
        values.copy_from_slice(&bias);
    }
    if let Some(values) = params.values_mut("head.weight") {
        values.iter_mut().for_each(|w| *w *= HEAD_START);
    }
}

#[cold]
fn too_short(series: &Series, spec: &TrainSpec) -> EngineError {
    let first = series.samples.first().map_or(UnixNanos(0), |s| s.ts);
    EngineError::Data(format!(
        "{} samples from {first} to {} do not make a training and a validation slice with {} quiet seconds between them; \
         give more data or a shorter encoder",
        series.samples.len(),
        spec.end,
        crate::split::quiet_ns(series.config.interval_ns(), spec.encoder) / UnixNanos::PER_SECOND
    ))
}

/// κ and the calibration of the pressure logit, from the validation windows.
fn calibrate(
    model: &TftModel,
    valid: &Windows,
    rows: Rows<'_>,
    pressure: PressureFit,
    threads: usize,
) -> Result<Calibration, EngineError> {
    let outputs = model.predict(&valid.table, threads)?;
    let width = model.config().n_outputs();
    let mut calibration = Calibration {
        kappa: 1.0,
        slope: 1.0,
        intercept: 0.0,
        k: pressure.k,
        pi: pressure.pi,
    };
    let (skew, logit) = crate::bundle::outputs(model.config()).map_err(EngineError::Data)?;
    let mut medians = Vec::with_capacity(valid.ends.len());
    let mut design = Design::new(1);
    let mut events = Vec::new();
    for (at, y) in valid.ends.iter().zip(outputs.chunks_exact(width)) {
        medians.push(crate::bundle::median(&y[skew.clone()]));
        if let Some(event) = pressure_y(rows.labels[*at].pressure, pressure.k) {
            design.push(&[f64::from(y[logit])]);
            events.push(event);
        }
    }
    calibration.kappa = fit_kappa(&medians);
    if let Some(fit) = logistic_regression(&design, &events, CALIBRATION_PENALTY) {
        // Back from standardised units: slope per logit, intercept at logit 0. A slope below 0 would turn the
        // signal around on the strength of a few rows; then the base rate of the slice is all that is said.
        let slope = (fit.score(&[1.0]) - fit.score(&[0.0])).max(0.0);
        calibration.slope = slope;
        calibration.intercept = if slope > 0.0 {
            fit.score(&[0.0])
        } else {
            let rate = events.iter().filter(|e| **e).count() as f64 / events.len() as f64;
            (rate / (1.0 - rate)).ln()
        };
    }
    Ok(calibration)
}

/// κ for which the standard deviation of tanh(κ·ẑ) is 0.3; 1 where ẑ does not vary or is too small for any κ.
fn fit_kappa(medians: &[f64]) -> f64 {
    let sd = |kappa: f64| {
        let n = medians.len() as f64;
        let skews = || medians.iter().map(|z| skew_signal(kappa, *z));
        let mean = skews().sum::<f64>() / n;
        (skews().map(|s| (s - mean).powi(2)).sum::<f64>() / n).sqrt()
    };
    let (mut low, mut high) = (1e-3, 1e3);
    if medians.is_empty() || sd(low) > SKEW_SD || sd(high) < SKEW_SD {
        return 1.0;
    }
    for _ in 0..100 {
        let middle = f64::sqrt(low * high);
        if sd(middle) < SKEW_SD {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::sqrt(low * high)
}

/// Baselines on the same slices, from rows that have no masked feature.
fn baselines(row: &NormalizerRow, rows: Rows<'_>, slices: &Split) -> Baselines {
    let mut inputs = BaselineInputs::new(rows.interval_ns as f64 / UnixNanos::PER_SECOND as f64);
    let starts = run_starts(rows.samples, rows.interval_ns);
    let (mut train, mut valid) = (Slice::default(), Slice::default());
    for (at, sample) in rows.samples.iter().enumerate() {
        if starts[at] == at {
            inputs.reset();
        }
        let x = inputs.push(&row.apply(sample));
        let slice = if slices.train.contains(&at) {
            &mut train
        } else if slices.valid.contains(&at) {
            &mut valid
        } else {
            continue;
        };
        if sample.mask == 0 {
            let label: &Label = &rows.labels[at];
            slice.rows.push(&x);
            slice.z.push(label.z[2].map(|z| z.clamp(-Z_CLIP, Z_CLIP)));
            slice.event.push(pressure_y(label.pressure, rows.k));
        }
    }
    Baselines {
        ridge: fit_ridge(&train, &valid),
        logistic: fit_logistic(&train, &valid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_makes_the_skew_as_wide_as_asked() {
        let medians: Vec<f64> = (0..1000).map(|i| f64::from(i % 21 - 10) / 100.0).collect();
        let kappa = fit_kappa(&medians);
        let skews: Vec<f64> = medians.iter().map(|z| skew_signal(kappa, *z)).collect();
        let mean = skews.iter().sum::<f64>() / 1000.0;
        let sd = (skews.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 1000.0).sqrt();
        assert!((sd - SKEW_SD).abs() < 1e-9, "{sd}");
        assert_eq!(fit_kappa(&[0.0; 10]), 1.0);
        assert_eq!(fit_kappa(&[]), 1.0);
    }
}
