//! Where windows come from: a table of rows that windows share, start rows, symbols and labels.

use crate::TftError;
use crate::config::TftConfig;

/// One window: L rows of the table, one after another, all of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first of its L rows.
    pub first_row: usize,
    /// Index of its symbol in the embedding; 0 is the unknown symbol.
    pub symbol: u32,
}

/// Windows over a table in memory. Rows are shared: window i and i + 1 usually have all but one row in common.
///
/// Windows that follow each other in time should follow each other in index, for
/// [`run_windows`](super::TrainOptions::run_windows) and for speed in evaluation.
pub trait WindowSource: Sync {
    /// Number of windows.
    fn n_windows(&self) -> usize;
    /// Normalised observed reals of all rows, finite, `[rows, V]`.
    fn observed(&self) -> &[f32];
    /// Known reals of all rows, finite, `[rows, K]`.
    fn known(&self) -> &[f32];
    /// Window `index`.
    fn window(&self, index: usize) -> Window;
    /// Known reals of the decoder steps of window `index`, finite, into `out`, `[T, K]`.
    fn future_known(&self, index: usize, out: &mut [f32]);
    /// Labels of window `index` in the order of the heads, into `out`, `[T, heads]`; absent where there is none.
    fn labels(&self, index: usize, out: &mut [Option<f32>]);
}

/// What a [`WindowTable`] is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowTableParts {
    /// `[rows, V]`.
    pub observed: Vec<f32>,
    /// `[rows, K]`.
    pub known: Vec<f32>,
    /// `[windows]`.
    pub windows: Vec<Window>,
    /// Known reals of the decoder steps, `[windows, T, K]`.
    pub future_known: Vec<f32>,
    /// `[windows, T, heads]`.
    pub labels: Vec<Option<f32>>,
}

/// A checked [`WindowSource`] that owns its arrays.
#[derive(Debug, Clone)]
pub struct WindowTable {
    parts: WindowTableParts,
    future_len: usize,
    labels_len: usize,
}

impl WindowTable {
    /// Checks `parts` against `config`.
    ///
    /// # Errors
    /// [`TftError::TrainData`] when a length does not fit, a value is not finite, a window reaches beyond the table, or
    /// a symbol is not in the embedding.
    pub fn new(config: &TftConfig, parts: WindowTableParts) -> Result<Self, TftError> {
        let future_len = config.decoder_steps() * config.n_known();
        let labels_len = config.decoder_steps() * config.heads().len();
        let n = parts.windows.len();
        check_len(
            "future_known [windows, T, K]",
            parts.future_known.len(),
            n * future_len,
        )?;
        check_len(
            "labels [windows, T, heads]",
            parts.labels.len(),
            n * labels_len,
        )?;
        if let Some(at) = parts
            .labels
            .iter()
            .position(|label| label.is_some_and(|x| !x.is_finite()))
        {
            return refuse(format!(
                "label {at} is {:?}; a missing label is None",
                parts.labels[at]
            ));
        }
        let table = Self {
            parts,
            future_len,
            labels_len,
        };
        check(config, &table)?;
        Ok(table)
    }

    /// What the table is made of.
    #[must_use]
    pub fn parts(&self) -> &WindowTableParts {
        &self.parts
    }
}

impl WindowSource for WindowTable {
    fn n_windows(&self) -> usize {
        self.parts.windows.len()
    }

    fn observed(&self) -> &[f32] {
        &self.parts.observed
    }

    fn known(&self) -> &[f32] {
        &self.parts.known
    }

    fn window(&self, index: usize) -> Window {
        self.parts.windows[index]
    }

    fn future_known(&self, index: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.parts.future_known[index * self.future_len..][..self.future_len]);
    }

    fn labels(&self, index: usize, out: &mut [Option<f32>]) {
        out.copy_from_slice(&self.parts.labels[index * self.labels_len..][..self.labels_len]);
    }
}

/// Checks all that would otherwise go wrong in the middle of a training run.
pub(crate) fn check(config: &TftConfig, source: &dyn WindowSource) -> Result<(), TftError> {
    let (observed, known) = (source.observed(), source.known());
    let rows = observed.len() / config.n_observed();
    check_len(
        "observed [rows, V]",
        observed.len(),
        rows * config.n_observed(),
    )?;
    check_len("known [rows, K]", known.len(), rows * config.n_known())?;
    check_finite("observed", observed, config.n_observed())?;
    check_finite("known", known, config.n_known())?;
    if u32::try_from(rows.max(source.n_windows())).is_err() {
        return refuse(format!(
            "at most {} rows and windows, got {rows} and {}",
            u32::MAX,
            source.n_windows()
        ));
    }
    let mut future = vec![0.0; config.decoder_steps() * config.n_known()];
    for index in 0..source.n_windows() {
        let Window { first_row, symbol } = source.window(index);
        let end = first_row.saturating_add(config.encoder_len());
        if end > rows {
            return refuse(format!(
                "window {index} covers rows {first_row}..{end} of a table of {rows}"
            ));
        }
        if symbol as usize >= config.n_symbols() {
            let last = config.n_symbols() - 1;
            return refuse(format!(
                "window {index} has symbol {symbol}, the model knows 0 to {last}"
            ));
        }
        source.future_known(index, &mut future);
        check_finite("future_known", &future, future.len()).or_else(|_| {
            refuse(format!(
                "future_known of window {index} holds {future:?}, expected finite numbers"
            ))
        })?;
    }
    Ok(())
}

fn check_len(what: &str, got: usize, expected: usize) -> Result<(), TftError> {
    if got == expected {
        Ok(())
    } else {
        refuse(format!("{what}: expected {expected} values, got {got}"))
    }
}

fn check_finite(what: &str, values: &[f32], width: usize) -> Result<(), TftError> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(at) => refuse(format!(
            "{what}, row {}, column {}: {}, expected a finite number (a masked value is 0)",
            at / width,
            at % width,
            values[at]
        )),
        None => Ok(()),
    }
}

pub(super) fn refuse<T>(problem: String) -> Result<T, TftError> {
    Err(TftError::TrainData { problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TftSpec;

    fn config() -> TftConfig {
        let spec = TftSpec {
            n_observed: 2,
            n_known: 1,
            encoder_len: 3,
            n_symbols: 2,
            ..TftSpec::default()
        };
        TftConfig::new(spec).expect("legal")
    }

    fn parts() -> WindowTableParts {
        WindowTableParts {
            observed: vec![0.5; 5 * 2],
            known: vec![0.1; 5],
            windows: (0..3)
                .map(|i| Window {
                    first_row: i,
                    symbol: 1,
                })
                .collect(),
            future_known: vec![0.2; 3],
            labels: vec![Some(1.0); 3 * 5],
        }
    }

    fn check_refused(change: impl FnOnce(&mut WindowTableParts), expected: &str) {
        let mut parts = parts();
        change(&mut parts);
        let text = WindowTable::new(&config(), parts)
            .expect_err("a broken rule")
            .to_string();
        assert!(
            text.contains(expected),
            "{text:?} should contain {expected:?}"
        );
    }

    #[test]
    fn what_fits_is_taken() {
        let table = WindowTable::new(&config(), parts()).expect("legal");
        assert_eq!(table.n_windows(), 3);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_named() {
        check_refused(
            |p| p.observed.push(0.0),
            "observed [rows, V]: expected 10 values, got 11",
        );
        check_refused(
            |p| p.known.truncate(4),
            "known [rows, K]: expected 5 values, got 4",
        );
        check_refused(
            |p| p.future_known.truncate(2),
            "future_known [windows, T, K]: expected 3 values, got 2",
        );
        check_refused(
            |p| p.labels.truncate(2),
            "labels [windows, T, heads]: expected 15 values, got 2",
        );
        check_refused(
            |p| p.observed[7] = f32::NAN,
            "observed, row 3, column 1: NaN",
        );
        check_refused(
            |p| p.future_known[1] = f32::INFINITY,
            "future_known of window 1 holds [inf]",
        );
        check_refused(|p| p.labels[4] = Some(f32::NAN), "label 4 is Some(NaN)");
        check_refused(
            |p| p.windows[2].first_row = 3,
            "window 2 covers rows 3..6 of a table of 5",
        );
        check_refused(
            |p| p.windows[1].symbol = 2,
            "window 1 has symbol 2, the model knows 0 to 1",
        );
    }
}
