//! The kernels on every instruction set against the formulas written out in doubles.

use super::*;
use crate::real::sealed::Lanes;
use crate::rng::Stream;
use crate::simd::Isa;

const ROWS: usize = 3;

/// Inputs of all kernels, and what the formulas make of them.
struct Case {
    width: usize,
    g: Vec<f32>,
    skip: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    dout: Vec<f32>,
}

impl Case {
    fn new(width: usize) -> Self {
        let numbers = |id, len: usize| {
            let stream = Stream::new(5).fork(id);
            (0..len as u64)
                .map(|i| (4.0 * stream.uniform(i) - 2.0) as f32)
                .collect()
        };
        Self {
            width,
            g: numbers(0, ROWS * 2 * width),
            skip: numbers(1, ROWS * width),
            gamma: numbers(2, width),
            beta: numbers(3, width),
            dout: numbers(4, ROWS * width),
        }
    }

    /// out, of one row as a function of g and skip in doubles.
    fn row(&self, g: &[f64], skip: &[f64]) -> Vec<f64> {
        let n = self.width as f64;
        let (a, b) = g.split_at(self.width);
        let y: Vec<f64> = (0..self.width)
            .map(|i| a[i] / (1.0 + (-b[i]).exp()) + skip[i])
            .collect();
        let mean = y.iter().sum::<f64>() / n;
        let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n;
        let scale = 1.0 / (variance + EPSILON).sqrt();
        let affine =
            |i: usize| (y[i] - mean) * scale * f64::from(self.gamma[i]) + f64::from(self.beta[i]);
        (0..self.width).map(affine).collect()
    }

    fn doubles(&self, row: usize) -> (Vec<f64>, Vec<f64>) {
        let double = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect();
        let w = self.width;
        (
            double(&self.g[row * 2 * w..][..2 * w]),
            double(&self.skip[row * w..][..w]),
        )
    }

    fn check(&self, isa: Isa) {
        let w = self.width;
        let (mut g, mut normed) = (self.g.clone(), vec![0.0; ROWS * w]);
        let (mut inverse, mut out) = (vec![0.0; ROWS], vec![0.0; ROWS * w]);
        let kernel = GluNorm {
            g: &mut g,
            skip: &self.skip,
            gamma: &self.gamma,
            beta: &self.beta,
            normed: &mut normed,
            inverse: &mut inverse,
            out: &mut out,
        };
        f32::dispatch(isa, kernel);
        let mut without = vec![0.0; ROWS * w];
        let (skip, gamma, beta) = (&self.skip, &self.gamma, &self.beta);
        f32::dispatch(
            isa,
            GluNormOut {
                g: &self.g,
                skip,
                gamma,
                beta,
                out: &mut without,
            },
        );
        for row in 0..ROWS {
            let (g, skip) = self.doubles(row);
            for (i, expected) in self.row(&g, &skip).into_iter().enumerate() {
                for got in [out[row * w + i], without[row * w + i]] {
                    assert!(
                        (f64::from(got) - expected).abs() < 5e-6,
                        "{isa}, width {w}: {got} against {expected}"
                    );
                }
            }
        }
        self.check_backward(isa, g, &normed, &inverse);
    }

    fn check_backward(&self, isa: Isa, mut g: Vec<f32>, normed: &[f32], inverse: &[f32]) {
        let w = self.width;
        let mut dskip = vec![0.0; ROWS * w];
        let (mut dgamma, mut dbeta, mut dbias) = (vec![1.0; w], vec![1.0; w], vec![1.0; 2 * w]);
        let kernel = GluNormBackward {
            g: &mut g,
            normed,
            inverse,
            gamma: &self.gamma,
            dout: &self.dout,
            dskip: &mut dskip,
            dgamma: &mut dgamma,
            dbeta: &mut dbeta,
            dbias: &mut dbias,
        };
        f32::dispatch(isa, kernel);
        let close = |got: f32, expected: f64, what: &str| {
            let error = (f64::from(got) - expected).abs();
            assert!(
                error < 2e-5 * (1.0 + expected.abs()),
                "{isa}, width {w}, {what}: {got} against {expected}"
            );
        };
        let mut expected_bias = vec![1.0; 2 * w];
        for row in 0..ROWS {
            let loss = |g: &[f64], skip: &[f64]| -> f64 {
                let out = self.row(g, skip);
                out.iter()
                    .zip(&self.dout[row * w..])
                    .map(|(out, d)| out * f64::from(*d))
                    .sum()
            };
            let (g64, skip64) = self.doubles(row);
            for i in 0..2 * w {
                let at = |step: f64| {
                    let mut g = g64.clone();
                    g[i] += step;
                    loss(&g, &skip64)
                };
                let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
                expected_bias[i] += expected;
                close(g[row * 2 * w + i], expected, "dg");
            }
            for i in 0..w {
                let at = |step: f64| {
                    let mut skip = skip64.clone();
                    skip[i] += step;
                    loss(&g64, &skip)
                };
                close(dskip[row * w + i], (at(1e-5) - at(-1e-5)) / 2e-5, "dskip");
            }
        }
        for i in 0..w {
            let sum =
                |f: &dyn Fn(usize) -> f64| 1.0 + (0..ROWS).map(|row| f(row * w + i)).sum::<f64>();
            close(dbeta[i], sum(&|at| f64::from(self.dout[at])), "dβ");
            close(
                dgamma[i],
                sum(&|at| f64::from(self.dout[at]) * f64::from(normed[at])),
                "dγ",
            );
        }
        for (got, expected) in dbias.iter().zip(expected_bias) {
            close(*got, expected, "dbias");
        }
    }
}

#[test]
fn every_width_on_every_instruction_set() {
    for width in [2, 7, 8, 15, 16, 24, 32, 40, 64, 128] {
        for isa in Isa::available() {
            Case::new(width).check(isa);
        }
    }
}

#[test]
fn a_row_alone_gives_the_same_bits_as_among_others() {
    for width in [7, 16, 32, 64] {
        let case = Case::new(width);
        let rows = |n: usize| {
            (0..n)
                .flat_map(|i| case.g[i % ROWS * 2 * width..][..2 * width].to_vec())
                .collect()
        };
        let skips = |n: usize| {
            (0..n)
                .flat_map(|i| case.skip[i % ROWS * width..][..width].to_vec())
                .collect()
        };
        let (g, skip): (Vec<f32>, Vec<f32>) = (rows(11), skips(11));
        let (gamma, beta) = (&case.gamma, &case.beta);
        for isa in Isa::available() {
            let mut all = vec![0.0; 11 * width];
            f32::dispatch(
                isa,
                GluNormOut {
                    g: &g,
                    skip: &skip,
                    gamma,
                    beta,
                    out: &mut all,
                },
            );
            for (row, all) in all.chunks_exact(width).enumerate() {
                let mut out = vec![0.0; width];
                let g = &g[row * 2 * width..][..2 * width];
                let skip = &skip[row * width..][..width];
                f32::dispatch(
                    isa,
                    GluNormOut {
                        g,
                        skip,
                        gamma,
                        beta,
                        out: &mut out,
                    },
                );
                assert_eq!(out, all, "{isa}, width {width}, row {row}");
            }
        }
    }
}
