//! What the model says about a symbol, or why it says nothing.

use crate::instrument::InstrumentId;
use crate::quality::Quality;
use crate::time::UnixNanos;
use std::fmt;
use std::sync::Arc;

/// Levels of the quantile bands in [`Signal::bands`].
pub const SKEW_QUANTILES: [f32; 7] = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98];

/// What a series is made of; kept with every table, normaliser and model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputMode {
    /// `S`: snapshots only.
    Snapshots,
    /// `T`: snapshots and trades.
    SnapshotsTrades,
    /// `D`: every depth update and trades.
    Deltas,
}

impl InputMode {
    /// The letter of the schema: `S`, `T` or `D`.
    pub fn letter(self) -> &'static str {
        match self {
            InputMode::Snapshots => "S",
            InputMode::SnapshotsTrades => "T",
            InputMode::Deltas => "D",
        }
    }

    /// The mode of a letter.
    pub fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "S" => Some(InputMode::Snapshots),
            "T" => Some(InputMode::SnapshotsTrades),
            "D" => Some(InputMode::Deltas),
            _ => None,
        }
    }

    /// Whether trades are part of it.
    pub fn has_trades(self) -> bool {
        self != InputMode::Snapshots
    }
}

impl fmt::Display for InputMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

/// Why there is no value. "Neutral" and "unknown" are never the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbsentReason {
    /// No model is loaded.
    NoModel,
    /// No book has been seen yet, or the symbol is not followed.
    NoSnapshot,
    /// The model's window is not full, or averages are not valid yet.
    WarmUp,
    /// A feature of the last sample is masked; bit n − 1 is feature n.
    Masked(u16),
    /// The input is older than allowed, or between a gap and the next observation.
    Stale,
    /// Pressure alone: the base rate on the training slice is 0, 1 or unknown.
    NoBaseRate,
    /// Switched off by configuration.
    Disabled,
    /// Something failed; its message.
    Error(Arc<str>),
}

impl fmt::Display for AbsentReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AbsentReason::NoModel => f.write_str("no-model"),
            AbsentReason::NoSnapshot => f.write_str("no-snapshot"),
            AbsentReason::WarmUp => f.write_str("warm-up"),
            AbsentReason::Masked(mask) => write!(f, "masked:{mask}"),
            AbsentReason::Stale => f.write_str("stale"),
            AbsentReason::NoBaseRate => f.write_str("no-base-rate"),
            AbsentReason::Disabled => f.write_str("disabled"),
            AbsentReason::Error(message) => write!(f, "error: {message}"),
        }
    }
}

/// A value or the reason why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// There is one, and it is finite.
    Present(f64),
    /// There is none, because.
    Absent(AbsentReason),
}

impl Reading {
    /// The value, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Reading::Present(value) => Some(*value),
            Reading::Absent(_) => None,
        }
    }

    /// The value, or the 0.0 that agents are handed when there is none.
    pub fn or_zero(&self) -> f64 {
        self.value().unwrap_or(0.0)
    }

    /// The reason, if there is no value.
    pub fn reason(&self) -> Option<&AbsentReason> {
        match self {
            Reading::Present(_) => None,
            Reading::Absent(reason) => Some(reason),
        }
    }
}

/// One symbol's signal at one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Grid time of the sample it was made from.
    pub ts: UnixNanos,
    /// Whose signal.
    pub instrument: InstrumentId,
    /// MCE_Skew ∈ [−1, 1]: positive means that makers must buy, which supports a long.
    pub skew: Reading,
    /// MCE_Pressure ∈ [0, 1]: 0.5 says nothing, 0.8 is four times the usual odds of a forced unwind.
    pub pressure: Reading,
    /// Quantiles of z over the horizon at [`SKEW_QUANTILES`], non-decreasing; absent with the skew.
    pub bands: Option<[f32; 7]>,
    /// Calibrated probability of the pressure event; absent with the pressure.
    pub probability: Option<f64>,
    /// Mask of the sample; bit n − 1 is feature n.
    pub mask: u16,
    /// Quality of the sample.
    pub quality: Quality,
    /// Age of the sample's book at its grid time, nanoseconds.
    pub age_ns: i64,
    /// Input mode of the series.
    pub mode: InputMode,
    /// Which model said so: the bundle's id.
    pub model: Option<Arc<str>>,
    /// Variable-selection weights of the last step, one an input, summing to 1; empty when absent.
    pub variable_weights: Vec<f32>,
    /// Attention over the window, oldest first, summing to 1; empty when absent.
    pub attention: Vec<f32>,
}

impl Signal {
    /// A signal that says nothing, and why.
    pub fn absent(
        ts: UnixNanos,
        instrument: InstrumentId,
        mode: InputMode,
        quality: Quality,
        reason: AbsentReason,
    ) -> Self {
        Signal {
            ts,
            instrument,
            skew: Reading::Absent(reason.clone()),
            pressure: Reading::Absent(reason),
            bands: None,
            probability: None,
            mask: 0,
            quality,
            age_ns: 0,
            mode,
            model: None,
            variable_weights: Vec::new(),
            attention: Vec::new(),
        }
    }
}
