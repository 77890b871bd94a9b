//! Splitting a series by time, so that nothing that is scored was seen in training.
//!
//! A row of the training slice whose label looks into the next slice would leak it; a row of the next slice whose
//! features remember the training slice would be too easy. So between two slices lies a quiet stretch: the longer
//! of the label window and the embargo (encoder + 3 × 300 s, FEATURES §5), all taken from the earlier slice.

use mce_features::Sample;
use mce_market::UnixNanos;
use std::ops::Range;

/// Longest label window: one late interval and 60 s.
const LABEL_NS: i64 = 60_000_000_000;
/// Three half-lives of the slowest average.
const MEMORY_NS: i64 = 3 * 300_000_000_000;

/// Rows for fitting and rows for choosing: normaliser, model and k come from `train`, early stopping, κ and
/// calibration from `valid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows to fit on.
    pub train: Range<usize>,
    /// Rows to stop and calibrate on.
    pub valid: Range<usize>,
    /// First time that no slice has seen: what is scored begins here.
    pub end: UnixNanos,
}

/// The quiet stretch between two slices, nanoseconds.
pub fn quiet_ns(interval_ns: i64, encoder: usize) -> i64 {
    let label = interval_ns + LABEL_NS;
    let embargo = encoder as i64 * interval_ns + MEMORY_NS;
    label.max(embargo)
}

/// Splits `samples` (by time, oldest first) in front of `end`: the last `valid_share` of the time is for choosing, what
/// comes before it, less the quiet stretch, for fitting; another quiet stretch lies in front of `end`.
///
/// `None` when either slice would be empty.
pub fn split(
    samples: &[Sample],
    end: UnixNanos,
    valid_share: f64,
    interval_ns: i64,
    encoder: usize,
) -> Option<Split> {
    let first = samples.first()?.ts;
    let quiet = quiet_ns(interval_ns, encoder);
    let index = |ts: i64| samples.partition_point(|s| s.ts.0 < ts);
    let stop = end.0.saturating_sub(quiet);
    let middle = stop - ((stop - first.0) as f64 * valid_share) as i64;
    let split = Split {
        train: 0..index(middle.saturating_sub(quiet)),
        valid: index(middle)..index(stop),
        end,
    };
    (!split.train.is_empty() && !split.valid.is_empty()).then_some(split)
}

/// The time at `share` of the span from the first to the last sample.
pub fn time_at_share(samples: &[Sample], share: f64) -> Option<UnixNanos> {
    let (first, last) = (samples.first()?.ts, samples.last()?.ts);
    Some(UnixNanos(
        first.0 + (last.since(first) as f64 * share) as i64,
    ))
}
