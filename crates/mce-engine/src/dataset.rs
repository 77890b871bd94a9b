//! A series as windows for the model: normalised rows, time-of-day inputs, labels.

use crate::error::EngineError;
use crate::pipeline::known_inputs;
use mce_features::labels::{Z_CLIP, pressure_y};
use mce_features::{Label, N_FEATURES, NormalizerRow, Sample};
use mce_market::UnixNanos;
use mce_tft::{TftConfig, Window, WindowTable, WindowTableParts};
use std::ops::Range;

/// Windows of one symbol, and which sample each of them ends at.
#[derive(Debug)]
pub struct Windows {
    /// What the model is trained or asked with.
    pub table: WindowTable,
    /// Index of the last sample of each window (mirrored windows end where their originals do).
    pub ends: Vec<usize>,
}

/// What windows are made from.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Samples, oldest first.
    pub samples: &'a [Sample],
    /// Their labels.
    pub labels: &'a [Label],
    /// Threshold of the pressure label.
    pub k: Option<f64>,
    /// Distance of grid times, nanoseconds.
    pub interval_ns: i64,
    /// Index of the symbol in the model's embedding.
    pub symbol: u32,
}

/// Features that change sign when bids and asks change places: indices of the odd ones.
const ODD: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 11];
/// And the displacement of the price, which does so to first order.
const ODD_TO_FIRST_ORDER: usize = 8;

/// The sample as it would be in the mirrored market: bids for asks, buys for sells.
fn mirrored(sample: &Sample) -> Sample {
    let mut mirror = sample.clone();
    for n in ODD.into_iter().chain([ODD_TO_FIRST_ORDER]) {
        mirror.features[n] = -mirror.features[n];
    }
    mirror
}

/// Where the run of consecutive grid times that each sample is part of begins.
pub fn run_starts(samples: &[Sample], interval_ns: i64) -> Vec<usize> {
    let mut starts = Vec::with_capacity(samples.len());
    for (at, sample) in samples.iter().enumerate() {
        let joined = at > 0 && sample.ts.since(samples[at - 1].ts) == interval_ns;
        starts.push(if joined { starts[at - 1] } else { at });
    }
    starts
}

impl Windows {
    /// The windows that end at a sample of `ends` and can be learnt from: encoder-length samples at consecutive grid
    /// times, the last one without a masked feature, at least one label. z is clipped to ±6.
    ///
    /// With `mirror`, each window comes a second time as it would be with bids and asks changed over, z with the other
    /// sign: the market's own symmetry, so that the model does not have to find it in the data.
    ///
    /// # Errors
    /// [`EngineError::Tft`] when the model cannot take them.
    pub fn build(
        config: &TftConfig,
        normalizer: &NormalizerRow,
        rows: Rows<'_>,
        ends: Range<usize>,
        mirror: bool,
    ) -> Result<Self, EngineError> {
        let length = config.encoder_len();
        let starts = run_starts(rows.samples, rows.interval_ns);
        let mut parts = WindowTableParts {
            observed: Vec::with_capacity(rows.samples.len() * N_FEATURES),
            known: Vec::with_capacity(rows.samples.len() * 2),
            ..WindowTableParts::default()
        };
        for sample in rows.samples {
            parts.observed.extend(normalizer.apply(sample));
            parts.known.extend(known_inputs(sample.ts));
        }
        if mirror {
            for sample in rows.samples {
                parts.observed.extend(normalizer.apply(&mirrored(sample)));
                parts.known.extend(known_inputs(sample.ts));
            }
        }
        let mut kept = Vec::new();
        let copies = if mirror { 2 } else { 1 };
        for end in ends {
            let Some(first) = (end + 1).checked_sub(length) else {
                continue;
            };
            let labels = targets(config, &rows.labels[end], rows.k, 1.0);
            let learnable = labels.iter().any(Option::is_some);
            if first < starts[end] || rows.samples[end].mask != 0 || !learnable {
                continue;
            }
            kept.push(end);
        }
        for copy in 0..copies {
            for end in &kept {
                parts.windows.push(Window {
                    first_row: copy * rows.samples.len() + end + 1 - length,
                    symbol: rows.symbol,
                });
                let next = UnixNanos(rows.samples[*end].ts.0 + rows.interval_ns);
                parts.future_known.extend(known_inputs(next));
                let sign = if copy == 0 { 1.0 } else { -1.0 };
                parts
                    .labels
                    .extend(targets(config, &rows.labels[*end], rows.k, sign));
            }
        }
        Ok(Windows {
            table: WindowTable::new(config, parts)?,
            ends: kept,
        })
    }
}

/// The labels of one row in the order of the model's heads, z times `sign`.
fn targets(config: &TftConfig, label: &Label, k: Option<f64>, sign: f32) -> Vec<Option<f32>> {
    let z = |at: usize| label.z[at].map(|z| sign * z.clamp(-Z_CLIP, Z_CLIP) as f32);
    config
        .heads()
        .iter()
        .map(|head| match head.name() {
            "z_5" => z(0),
            "z_15" => z(1),
            "z_30" => z(2),
            "z_60" => z(3),
            "pressure" => pressure_y(label.pressure, k).map(|y| f32::from(u8::from(y))),
            _ => None,
        })
        .collect()
}
