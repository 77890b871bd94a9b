//! The forecasts that the model has to beat: ridge for the skew and logistic regression for the pressure, both on
//! the 14 normalised features, now and as two exponential averages.

use super::linear::{Design, Linear, logistic_regression, ridge};
use super::metrics;
use mce_features::N_FEATURES;

/// Half-lives of the averages, seconds.
const HALF_LIVES_S: [f64; 2] = [30.0, 120.0];
/// Columns of a baseline's row: the features and each average of them.
pub const COLUMNS: usize = N_FEATURES * (1 + HALF_LIVES_S.len());
/// Penalties that are tried; the one that does best on the validation rows is kept.
const PENALTIES: [f64; 6] = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];

/// Makes a baseline's row from each sample in turn; a hole in the grid starts it anew.
#[derive(Clone, Debug)]
pub struct BaselineInputs {
    weights: [f64; HALF_LIVES_S.len()],
    averages: [[f64; N_FEATURES]; HALF_LIVES_S.len()],
    started: bool,
}

impl BaselineInputs {
    /// For samples `interval_s` seconds apart.
    pub fn new(interval_s: f64) -> Self {
        BaselineInputs {
            weights: HALF_LIVES_S.map(|h| (-interval_s / h).exp2()),
            averages: [[0.0; N_FEATURES]; HALF_LIVES_S.len()],
            started: false,
        }
    }

    /// Forgets the past: after a hole in the grid.
    pub fn reset(&mut self) {
        self.started = false;
    }

    /// The row of one sample's normalised features.
    pub fn push(&mut self, x: &[f32; N_FEATURES]) -> [f64; COLUMNS] {
        let mut row = [0.0; COLUMNS];
        for (n, x) in x.iter().enumerate() {
            let x = f64::from(*x);
            row[n] = x;
            for (which, average) in self.averages.iter_mut().enumerate() {
                let weight = self.weights[which];
                average[n] = if self.started {
                    weight * average[n] + (1.0 - weight) * x
                } else {
                    x
                };
                row[(which + 1) * N_FEATURES + n] = average[n];
            }
        }
        self.started = true;
        row
    }
}

/// A fitted baseline with the penalty that was chosen for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The predictor.
    pub linear: Linear,
    /// Its penalty.
    pub penalty: f64,
}

/// Rows and targets of one slice.
#[derive(Clone, Debug)]
pub struct Slice {
    /// One row a sample, [`COLUMNS`] wide.
    pub rows: Design,
    /// z over 30 s, where there is one.
    pub z: Vec<Option<f64>>,
    /// The pressure event, where it is known.
    pub event: Vec<Option<bool>>,
}

impl Default for Slice {
    fn default() -> Self {
        Slice {
            rows: Design::new(COLUMNS),
            z: Vec::new(),
            event: Vec::new(),
        }
    }
}

impl Slice {
    fn known<T: Copy>(&self, values: &[Option<T>]) -> (Design, Vec<T>) {
        let which: Vec<usize> = (0..values.len()).filter(|i| values[*i].is_some()).collect();
        let known = which.iter().filter_map(|i| values[*i]).collect();
        (self.rows.select(&which), known)
    }
}

/// Ridge regression of z, its penalty chosen by the correlation on `valid`.
pub fn fit_ridge(train: &Slice, valid: &Slice) -> Option<Fitted> {
    let (x, z) = train.known(&train.z);
    let (check_x, check_z) = valid.known(&valid.z);
    best(|penalty| {
        let linear = ridge(&x, &z, penalty)?;
        let score: Vec<f64> = (0..check_x.rows())
            .map(|i| linear.score(check_x.row(i)))
            .collect();
        Some((linear, metrics::correlation(&score, &check_z)?))
    })
}

/// Logistic regression of the pressure event, its penalty chosen by the Brier score on `valid`.
pub fn fit_logistic(train: &Slice, valid: &Slice) -> Option<Fitted> {
    let (x, event) = train.known(&train.event);
    let (check_x, check_event) = valid.known(&valid.event);
    best(|penalty| {
        let linear = logistic_regression(&x, &event, penalty)?;
        let p: Vec<f64> = (0..check_x.rows())
            .map(|i| linear.probability(check_x.row(i)))
            .collect();
        Some((linear, -metrics::brier(&p, &check_event)?))
    })
}

fn best(fit: impl Fn(f64) -> Option<(Linear, f64)>) -> Option<Fitted> {
    let mut best: Option<(Fitted, f64)> = None;
    for penalty in PENALTIES {
        if let Some((linear, merit)) = fit(penalty)
            && best.as_ref().is_none_or(|(_, known)| merit > *known)
        {
            best = Some((Fitted { linear, penalty }, merit));
        }
    }
    best.map(|(fitted, _)| fitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_follow_their_half_lives() {
        let mut inputs = BaselineInputs::new(30.0);
        let mut x = [0.0f32; N_FEATURES];
        inputs.push(&x);
        x[3] = 1.0;
        let row = inputs.push(&x);
        assert_eq!(row[3], 1.0);
        assert!((row[N_FEATURES + 3] - 0.5).abs() < 1e-12);
        assert!((row[2 * N_FEATURES + 3] - (1.0 - 0.5f64.powf(0.25))).abs() < 1e-12);
        inputs.reset();
        assert_eq!(inputs.push(&x)[N_FEATURES + 3], 1.0);
    }
}
