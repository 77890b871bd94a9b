//! Linear baselines: ridge regression and logistic regression on standardised columns.
//!
//! They are what the model has to beat. Both are fitted exactly (Cholesky, Newton), so a baseline never looks weak
//! for want of iterations.

/// A linear predictor over standardised columns: intercept + Σ w·(x − mean)/scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    mean: Vec<f64>,
    scale: Vec<f64>,
    weights: Vec<f64>,
    intercept: f64,
}

impl Linear {
    /// The linear score of one row.
    pub fn score(&self, row: &[f64]) -> f64 {
        let mut sum = self.intercept;
        for (((x, m), s), w) in row
            .iter()
            .zip(&self.mean)
            .zip(&self.scale)
            .zip(&self.weights)
        {
            sum += w * (x - m) / s;
        }
        sum
    }

    /// The logistic of [`Linear::score`].
    pub fn probability(&self, row: &[f64]) -> f64 {
        logistic(self.score(row))
    }

    /// Means and scales a column, weights of the standardised columns, intercept.
    pub fn parts(&self) -> (&[f64], &[f64], &[f64], f64) {
        (&self.mean, &self.scale, &self.weights, self.intercept)
    }

    /// The predictor of such parts; `None` unless they are of one width, finite, and every scale above 0.
    pub fn from_parts(
        mean: Vec<f64>,
        scale: Vec<f64>,
        weights: Vec<f64>,
        intercept: f64,
    ) -> Option<Self> {
        let sound = mean.len() == weights.len()
            && scale.len() == weights.len()
            && scale.iter().all(|s| *s > 0.0)
            && mean
                .iter()
                .chain(&scale)
                .chain(&weights)
                .all(|x| x.is_finite())
            && intercept.is_finite();
        sound.then_some(Linear {
            mean,
            scale,
            weights,
            intercept,
        })
    }

    /// Weights of the standardised columns.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
}

/// Columns of equal length as one row-major matrix.
#[derive(Clone, Debug)]
pub struct Design {
    columns: usize,
    values: Vec<f64>,
}

impl Design {
    /// An empty matrix of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Design {
            columns,
            values: Vec::new(),
        }
    }

    /// Adds a row of exactly `columns` values.
    pub fn push(&mut self, row: &[f64]) {
        assert_eq!(row.len(), self.columns, "a row has one value a column");
        self.values.extend_from_slice(row);
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// One row.
    pub fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.columns..(at + 1) * self.columns]
    }

    /// The rows at `which`.
    pub fn select(&self, which: &[usize]) -> Design {
        let mut out = Design::new(self.columns);
        for at in which {
            out.push(self.row(*at));
        }
        out
    }

    /// Mean and standard deviation a column; a column without variation has scale 1.
    fn moments(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.rows() as f64;
        let mut mean = vec![0.0; self.columns];
        for row in self.values.chunks_exact(self.columns) {
            for (m, x) in mean.iter_mut().zip(row) {
                *m += x / n;
            }
        }
        let mut variance = vec![0.0; self.columns];
        for row in self.values.chunks_exact(self.columns) {
            for ((v, x), m) in variance.iter_mut().zip(row).zip(&mean) {
                *v += (x - m) * (x - m) / n;
            }
        }
        let scale = variance
            .iter()
            .map(|v| if *v > 0.0 { v.sqrt() } else { 1.0 })
            .collect();
        (mean, scale)
    }

    fn standardised(&self, mean: &[f64], scale: &[f64]) -> Vec<f64> {
        self.values
            .chunks_exact(self.columns)
            .flat_map(|row| {
                row.iter()
                    .zip(mean)
                    .zip(scale)
                    .map(|((x, m), s)| (x - m) / s)
            })
            .collect()
    }
}

/// Least squares with penalty `lambda`·n·|w|² on standardised columns, intercept free. `None` without rows or with a
/// penalty that leaves the system singular.
pub fn ridge(design: &Design, target: &[f64], lambda: f64) -> Option<Linear> {
    let (n, k) = (design.rows(), design.columns);
    if n == 0 || n != target.len() {
        return None;
    }
    let (mean, scale) = design.moments();
    let x = design.standardised(&mean, &scale);
    let intercept = target.iter().sum::<f64>() / n as f64;
    let mut gram = vec![0.0; k * k];
    let mut right = vec![0.0; k];
    for (row, y) in x.chunks_exact(k).zip(target) {
        for i in 0..k {
            right[i] += row[i] * (y - intercept);
            for j in 0..=i {
                gram[i * k + j] += row[i] * row[j];
            }
        }
    }
    for i in 0..k {
        gram[i * k + i] += lambda * n as f64;
    }
    let weights = solve_symmetric(gram, right)?;
    Some(Linear {
        mean,
        scale,
        weights,
        intercept,
    })
}

/// Logistic regression with penalty `lambda`·n·|w|²/2, by Newton's method. `None` without both classes.
pub fn logistic_regression(design: &Design, event: &[bool], lambda: f64) -> Option<Linear> {
    let (n, k) = (design.rows(), design.columns);
    let positives = event.iter().filter(|e| **e).count();
    if n != event.len() || positives == 0 || positives == n {
        return None;
    }
    let (mean, scale) = design.moments();
    let x = design.standardised(&mean, &scale);
    let width = k + 1; // the intercept is the last one
    let mut beta = vec![0.0; width];
    let base = positives as f64 / n as f64;
    beta[k] = (base / (1.0 - base)).ln();
    for _ in 0..100 {
        let mut hessian = vec![0.0; width * width];
        let mut gradient = vec![0.0; width];
        for (row, e) in x.chunks_exact(k).zip(event) {
            let score: f64 = row.iter().zip(&beta).map(|(x, b)| x * b).sum::<f64>() + beta[k];
            let p = logistic(score);
            let error = p - f64::from(u8::from(*e));
            let weight = (p * (1.0 - p)).max(1e-12);
            for i in 0..width {
                let xi = if i < k { row[i] } else { 1.0 };
                gradient[i] += error * xi;
                for j in 0..=i {
                    let xj = if j < k { row[j] } else { 1.0 };
                    hessian[i * width + j] += weight * xi * xj;
                }
            }
        }
        let penalty = lambda * n as f64;
        for i in 0..k {
            gradient[i] += penalty * beta[i];
            hessian[i * width + i] += penalty;
        }
        let step = solve_symmetric(hessian, gradient)?;
        let mut size = 0.0f64;
        for (b, s) in beta.iter_mut().zip(&step) {
            *b -= s;
            size = size.max(s.abs());
        }
        if size < 1e-9 {
            break;
        }
    }
    let intercept = beta.pop()?;
    beta.iter().all(|b| b.is_finite()).then_some(Linear {
        mean,
        scale,
        weights: beta,
        intercept,
    })
}

/// 1/(1 + e^−x) without overflow.
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// Solves A·x = b for a positive definite A given by its lower triangle, row-major, by Cholesky.
fn solve_symmetric(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for j in 0..n {
        for i in j..n {
            let mut sum = a[i * n + j];
            for l in 0..j {
                sum -= a[i * n + l] * a[j * n + l];
            }
            if i == j {
                if sum <= 0.0 || !sum.is_finite() {
                    return None;
                }
                a[j * n + j] = sum.sqrt();
            } else {
                a[i * n + j] = sum / a[j * n + j];
            }
        }
    }
    for i in 0..n {
        for l in 0..i {
            b[i] -= a[i * n + l] * b[l];
        }
        b[i] /= a[i * n + i];
    }
    for i in (0..n).rev() {
        for l in i + 1..n {
            b[i] -= a[l * n + i] * b[l];
        }
        b[i] /= a[i * n + i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 rows of two columns that are nearly, not exactly, independent.
    fn rows() -> Design {
        let mut design = Design::new(2);
        for i in 0..200 {
            design.push(&[((i * 37) % 101) as f64, ((i * 53) % 97) as f64 / 10.0]);
        }
        design
    }

    #[test]
    fn ridge_without_penalty_finds_the_plane() {
        let design = rows();
        let y: Vec<f64> = (0..200)
            .map(|i| 3.0 + 0.5 * design.row(i)[0] - 2.0 * design.row(i)[1])
            .collect();
        let fit = ridge(&design, &y, 0.0).expect("a fit");
        for (i, y) in y.iter().enumerate() {
            assert!((fit.score(design.row(i)) - y).abs() < 1e-9);
        }
    }

    #[test]
    fn ridge_shrinks() {
        let design = rows();
        let y: Vec<f64> = (0..200).map(|i| design.row(i)[0]).collect();
        let norm = |lambda| {
            ridge(&design, &y, lambda)
                .expect("a fit")
                .weights()
                .iter()
                .map(|w| w * w)
                .sum::<f64>()
        };
        assert!(norm(0.0) > norm(0.1) && norm(0.1) > norm(10.0) && norm(10.0) > 0.0);
    }

    #[test]
    fn logistic_regression_satisfies_its_equations() {
        let design = rows();
        let event: Vec<bool> = (0..200)
            .map(|i| design.row(i)[0] + ((i * 71) % 89) as f64 > 95.0)
            .collect();
        let fit = logistic_regression(&design, &event, 0.0).expect("a fit");
        // At the optimum the mean forecast is the base rate, with each column as weight too.
        for column in 0..2 {
            let (mut constant, mut weighted) = (0.0, 0.0);
            for (i, e) in event.iter().enumerate() {
                let error = fit.probability(design.row(i)) - f64::from(u8::from(*e));
                constant += error;
                weighted += error * design.row(i)[column];
            }
            assert!(
                constant.abs() < 1e-6 && weighted.abs() < 1e-4,
                "{constant} {weighted}"
            );
        }
        assert!(fit.weights()[0] > 0.0);
    }

    #[test]
    fn no_fit_without_both_classes_or_rows() {
        assert_eq!(logistic_regression(&rows(), &[true; 200], 0.1), None);
        assert_eq!(ridge(&Design::new(2), &[], 0.1), None);
    }
}
