//! Inner loops over rows, each compiled for every instruction set.
//!
//! A kernel is a struct of its arguments; `run` is the loop. Rows are contiguous; widths need not be multiples of the
//! vector, the last vector of a row is partial.

use crate::real::Real;
use crate::simd::{Kernel, Simd};

/// Lanes of `row` that the vector at `at` holds.
#[inline(always)]
fn lanes_at<S: Simd>(width: usize, at: usize) -> usize {
    (width - at).min(S::LANES)
}

/// In every row: y = a ⊙ σ(b) + skip with a and b the halves of `g`; x̂ = (y − mean)/√(variance + 1e-5);
/// out = x̂ ⊙ γ + β. Leaves σ(b) in place of b.
pub(super) struct GluNorm<'a, R> {
    /// `[rows, 2·width]`.
    pub(super) g: &'a mut [R],
    /// `[rows, width]`.
    pub(super) skip: &'a [R],
    pub(super) gamma: &'a [R],
    pub(super) beta: &'a [R],
    /// `[rows, width]`.
    pub(super) normed: &'a mut [R],
    /// `[rows]`, 1/√(variance + 1e-5).
    pub(super) inverse: &'a mut [R],
    /// `[rows, width]`.
    pub(super) out: &'a mut [R],
}

/// Added to the variance in every layer norm.
pub(crate) const NORM_EPSILON: f64 = 1e-5;

impl<R: Real> Kernel<R> for GluNorm<'_, R> {
    type Out = ();

    #[inline(always)]
    #[allow(clippy::cast_precision_loss)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let width = self.gamma.len();
        let per_width = R::from_f64(1.0 / width as f64);
        let epsilon = R::from_f64(NORM_EPSILON);
        let rows = self
            .g
            .chunks_exact_mut(2 * width)
            .zip(self.skip.chunks_exact(width))
            .zip(
                self.normed
                    .chunks_exact_mut(width)
                    .zip(self.out.chunks_exact_mut(width))
                    .zip(self.inverse),
            );
        for ((g, skip), ((normed, out), inverse)) in rows {
            let (a, b) = g.split_at_mut(width);
            let mut sum = s.splat(R::ZERO);
            for at in (0..width).step_by(S::LANES) {
                let sigma = s.sigmoid(s.load_at(b, at));
                s.store_at(sigma, b, at);
                let y = s.fma(s.load_at(a, at), sigma, s.load_at(skip, at));
                s.store_at(y, normed, at);
                sum = s.add(sum, y);
            }
            let mean = s.splat(s.sum(sum) * per_width);
            let mut squares = s.splat(R::ZERO);
            for at in (0..width).step_by(S::LANES) {
                let centred = s.sub(s.load_at(normed, at), mean);
                s.store_at(centred, normed, at);
                let centred = s.keep_first(centred, lanes_at::<S>(width, at));
                squares = s.fma(centred, centred, squares);
            }
            *inverse = R::ONE / (s.sum(squares) * per_width + epsilon).sqrt();
            let scale = s.splat(*inverse);
            for at in (0..width).step_by(S::LANES) {
                let x = s.mul(s.load_at(normed, at), scale);
                s.store_at(x, normed, at);
                let y = s.fma(x, s.load_at(self.gamma, at), s.load_at(self.beta, at));
                s.store_at(y, out, at);
            }
        }
    }
}

/// [`GluNorm`] that keeps nothing for a backward pass.
pub(crate) struct GluNormOut<'a, R> {
    /// `[rows, 2·width]`.
    pub(crate) g: &'a [R],
    /// `[rows, width]`.
    pub(crate) skip: &'a [R],
    pub(crate) gamma: &'a [R],
    pub(crate) beta: &'a [R],
    /// `[rows, width]`.
    pub(crate) out: &'a mut [R],
}

impl<R: Real> Kernel<R> for GluNormOut<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let width = self.gamma.len();
        let rows = self
            .skip
            .chunks_exact(width)
            .zip(self.out.chunks_exact_mut(width));
        for (g, (skip, out)) in self.g.chunks_exact(2 * width).zip(rows) {
            glu_norm_row(s, g, skip, (self.gamma, self.beta), out);
        }
    }
}

/// One row of [`GluNormOut`].
#[inline(always)]
#[allow(clippy::cast_precision_loss)]
pub(crate) fn glu_norm_row<S: Simd>(
    s: S,
    g: &[S::R],
    skip: &[S::R],
    (gamma, beta): (&[S::R], &[S::R]),
    out: &mut [S::R],
) {
    let width = gamma.len();
    let per_width = S::R::from_f64(1.0 / width as f64);
    let (a, b) = g.split_at(width);
    let mut sum = s.splat(S::R::ZERO);
    for at in (0..width).step_by(S::LANES) {
        let y = s.fma(
            s.load_at(a, at),
            s.sigmoid(s.load_at(b, at)),
            s.load_at(skip, at),
        );
        s.store_at(y, out, at);
        sum = s.add(sum, y);
    }
    let mean = s.splat(s.sum(sum) * per_width);
    let mut squares = s.splat(S::R::ZERO);
    for at in (0..width).step_by(S::LANES) {
        let centred = s.sub(s.load_at(out, at), mean);
        let centred = s.keep_first(centred, lanes_at::<S>(width, at));
        squares = s.fma(centred, centred, squares);
    }
    let inverse = S::R::ONE / (s.sum(squares) * per_width + S::R::from_f64(NORM_EPSILON)).sqrt();
    let scale = s.splat(inverse);
    for at in (0..width).step_by(S::LANES) {
        let x = s.mul(s.sub(s.load_at(out, at), mean), scale);
        s.store_at(s.fma(x, s.load_at(gamma, at), s.load_at(beta, at)), out, at);
    }
}

/// Backward of [`GluNorm`]: from `dout` to the gradient of `g` (in place of g), of the skip, and sums over the rows for
/// γ, β and the bias of g.
pub(super) struct GluNormBackward<'a, R> {
    /// `[rows, 2·width]`: a and σ(b) in, gradients out.
    pub(super) g: &'a mut [R],
    pub(super) normed: &'a [R],
    pub(super) inverse: &'a [R],
    pub(super) gamma: &'a [R],
    /// `[rows, width]`.
    pub(super) dout: &'a [R],
    /// `[rows, width]`, overwritten.
    pub(super) dskip: &'a mut [R],
    pub(super) dgamma: &'a mut [R],
    pub(super) dbeta: &'a mut [R],
    /// `[2·width]`.
    pub(super) dbias: &'a mut [R],
}

impl<R: Real> Kernel<R> for GluNormBackward<'_, R> {
    type Out = ();

    #[inline(always)]
    #[allow(clippy::cast_precision_loss)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let width = self.gamma.len();
        let per_width = R::from_f64(1.0 / width as f64);
        let one = s.splat(R::ONE);
        let (dbias_a, dbias_b) = self.dbias.split_at_mut(width);
        let rows = self
            .g
            .chunks_exact_mut(2 * width)
            .zip(self.normed.chunks_exact(width))
            .zip(
                self.dout
                    .chunks_exact(width)
                    .zip(self.dskip.chunks_exact_mut(width))
                    .zip(self.inverse),
            );
        for ((g, normed), ((dout, dskip), inverse)) in rows {
            let (a, b) = g.split_at_mut(width);
            let (mut sum, mut product) = (s.splat(R::ZERO), s.splat(R::ZERO));
            for at in (0..width).step_by(S::LANES) {
                let (x, d) = (s.load_at(normed, at), s.load_at(dout, at));
                add_at(s, self.dbeta, at, d);
                let dgamma = s.fma(d, x, s.load_at(self.dgamma, at));
                s.store_at(dgamma, self.dgamma, at);
                // Beyond the row γ is 0, so that the sums need no mask.
                let d = s.mul(d, s.load_at(self.gamma, at));
                sum = s.add(sum, d);
                product = s.fma(d, x, product);
            }
            let mean = s.splat(s.sum(sum) * per_width);
            let slope = s.splat(s.sum(product) * per_width);
            let scale = s.splat(*inverse);
            for at in (0..width).step_by(S::LANES) {
                let (x, d) = (s.load_at(normed, at), s.load_at(dout, at));
                let d = s.sub(s.mul(d, s.load_at(self.gamma, at)), mean);
                let dy = s.mul(s.fnma(x, slope, d), scale);
                s.store_at(dy, dskip, at);
                let sigma = s.load_at(b, at);
                let da = s.mul(dy, sigma);
                let db = s.mul(s.mul(da, s.load_at(a, at)), s.sub(one, sigma));
                s.store_at(da, a, at);
                s.store_at(db, b, at);
                add_at(s, dbias_a, at, da);
                add_at(s, dbias_b, at, db);
            }
        }
    }
}

#[inline(always)]
fn add_at<S: Simd>(s: S, to: &mut [S::R], at: usize, v: S::V) {
    let sum = s.add(s.load_at(to, at), v);
    s.store_at(sum, to, at);
}

/// x ← ELU(x), α = 1.
pub(crate) struct Elu<'a, R>(pub(crate) &'a mut [R]);

impl<R: Real> Kernel<R> for Elu<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        for at in (0..self.0.len()).step_by(S::LANES) {
            let e = elu(s, s.load_at(self.0, at));
            s.store_at(e, self.0, at);
        }
    }
}

/// max(x, 0) + e^min(x, 0) − 1.
#[inline(always)]
pub(crate) fn elu<S: Simd>(s: S, x: S::V) -> S::V {
    let (zero, one) = (s.splat(S::R::ZERO), s.splat(S::R::ONE));
    s.add(s.max(x, zero), s.sub(s.exp(s.min(x, zero)), one))
}

/// d ← d · ELU′(h), told from e = ELU(h): 1 where e > 0, else e + 1.
pub(super) struct EluBackward<'a, R> {
    pub(super) e: &'a [R],
    pub(super) d: &'a mut [R],
}

impl<R: Real> Kernel<R> for EluBackward<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let one = s.splat(R::ONE);
        for at in (0..self.d.len()).step_by(S::LANES) {
            let e = s.load_at(self.e, at);
            let slope = s.select_positive(e, one, s.add(e, one));
            let d = s.mul(s.load_at(self.d, at), slope);
            s.store_at(d, self.d, at);
        }
    }
}

/// Column `column` of `x` through a variable's two maps: e = ELU(x·u + v), skip = x·w + b.
pub(super) struct Embed<'a, R> {
    /// `[rows, n]`.
    pub(super) x: &'a [R],
    pub(super) n: usize,
    pub(super) column: usize,
    pub(super) u: &'a [R],
    pub(super) v: &'a [R],
    pub(super) w: &'a [R],
    pub(super) b: &'a [R],
    /// `[rows, H]`.
    pub(super) e: &'a mut [R],
    /// `[rows, H]`.
    pub(super) skip: &'a mut [R],
}

impl<R: Real> Kernel<R> for Embed<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let width = self.u.len();
        let rows = self
            .e
            .chunks_exact_mut(width)
            .zip(self.skip.chunks_exact_mut(width));
        for (x, (e, skip)) in self.x.chunks_exact(self.n).zip(rows) {
            let x = s.splat(x[self.column]);
            for at in (0..width).step_by(S::LANES) {
                let hidden = s.fma(x, s.load_at(self.u, at), s.load_at(self.v, at));
                s.store_at(elu(s, hidden), e, at);
                s.store_at(
                    s.fma(x, s.load_at(self.w, at), s.load_at(self.b, at)),
                    skip,
                    at,
                );
            }
        }
    }
}

/// Sums over the rows of d and of x·d, with x a column: the gradients of `b` and `w` in x·w + b.
pub(super) struct EmbedBackward<'a, R> {
    /// `[rows, n]`.
    pub(super) x: &'a [R],
    pub(super) n: usize,
    pub(super) column: usize,
    /// `[rows, H]`.
    pub(super) d: &'a [R],
    pub(super) dw: &'a mut [R],
    pub(super) db: &'a mut [R],
}

impl<R: Real> Kernel<R> for EmbedBackward<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let width = self.dw.len();
        for at in (0..width).step_by(S::LANES) {
            let (mut dw, mut db) = (s.load_at(self.dw, at), s.load_at(self.db, at));
            for (x, d) in self.x.chunks_exact(self.n).zip(self.d.chunks_exact(width)) {
                let d = s.load_at(d, at);
                dw = s.fma(s.splat(x[self.column]), d, dw);
                db = s.add(db, d);
            }
            s.store_at(dw, self.dw, at);
            s.store_at(db, self.db, at);
        }
    }
}

/// out += weight · x, the weight being column `column` of `weights`.
pub(super) struct Mix<'a, R> {
    /// `[rows, n]`.
    pub(super) weights: &'a [R],
    pub(super) n: usize,
    pub(super) column: usize,
    /// `[rows, H]`.
    pub(super) x: &'a [R],
    /// `[rows, H]`.
    pub(super) out: &'a mut [R],
    pub(super) width: usize,
}

impl<R: Real> Kernel<R> for Mix<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let rows = self
            .x
            .chunks_exact(self.width)
            .zip(self.out.chunks_exact_mut(self.width));
        for (weights, (x, out)) in self.weights.chunks_exact(self.n).zip(rows) {
            let weight = s.splat(weights[self.column]);
            for at in (0..self.width).step_by(S::LANES) {
                let y = s.fma(weight, s.load_at(x, at), s.load_at(out, at));
                s.store_at(y, out, at);
            }
        }
    }
}

/// Backward of [`Mix`]: dweight = dout · x, dx = weight · dout (in place of x).
pub(super) struct MixBackward<'a, R> {
    pub(super) weights: &'a [R],
    pub(super) n: usize,
    pub(super) column: usize,
    /// `[rows, H]`: x in, its gradient out.
    pub(super) x: &'a mut [R],
    pub(super) dout: &'a [R],
    /// `[rows, n]`.
    pub(super) dweights: &'a mut [R],
    pub(super) width: usize,
}

impl<R: Real> Kernel<R> for MixBackward<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let weights = self
            .weights
            .chunks_exact(self.n)
            .zip(self.dweights.chunks_exact_mut(self.n));
        let rows = self
            .x
            .chunks_exact_mut(self.width)
            .zip(self.dout.chunks_exact(self.width));
        for ((weights, dweights), (x, dout)) in weights.zip(rows) {
            let weight = s.splat(weights[self.column]);
            let mut product = s.splat(R::ZERO);
            for at in (0..self.width).step_by(S::LANES) {
                let d = s.load_at(dout, at);
                product = s.fma(d, s.load_at(x, at), product);
                s.store_at(s.mul(weight, d), x, at);
            }
            dweights[self.column] = s.sum(product);
        }
    }
}

/// Softmax of every row, in place.
pub(super) struct Softmax<'a, R> {
    pub(super) x: &'a mut [R],
    pub(super) width: usize,
}

impl<R: Real> Kernel<R> for Softmax<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        for row in self.x.chunks_exact_mut(self.width) {
            softmax(s, row);
        }
    }
}

/// Softmax of one row, in place.
#[inline(always)]
pub(crate) fn softmax<S: Simd>(s: S, row: &mut [S::R]) {
    let width = row.len();
    let largest = row[1..].iter().fold(row[0], |largest, x| largest.max(*x));
    let shift = s.splat(largest);
    let mut sum = s.splat(S::R::ZERO);
    for at in (0..width).step_by(S::LANES) {
        let e = s.exp(s.sub(s.load_at(row, at), shift));
        s.store_at(e, row, at);
        sum = s.add(sum, s.keep_first(e, lanes_at::<S>(width, at)));
    }
    let scale = s.splat(S::R::ONE / s.sum(sum));
    for at in (0..width).step_by(S::LANES) {
        let y = s.mul(s.load_at(row, at), scale);
        s.store_at(y, row, at);
    }
}

/// Backward of the softmax, rows of probabilities `y`: d ← y ⊙ (d − Σ d·y).
pub(super) struct SoftmaxBackward<'a, R> {
    pub(super) y: &'a [R],
    pub(super) d: &'a mut [R],
    pub(super) width: usize,
}

impl<R: Real> Kernel<R> for SoftmaxBackward<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        for (y, d) in self
            .y
            .chunks_exact(self.width)
            .zip(self.d.chunks_exact_mut(self.width))
        {
            softmax_backward(s, y, d);
        }
    }
}

/// Backward of the softmax of one row.
#[inline(always)]
pub(super) fn softmax_backward<S: Simd>(s: S, y: &[S::R], d: &mut [S::R]) {
    let mean = s.splat(dot(s, y, d));
    for at in (0..y.len()).step_by(S::LANES) {
        let v = s.mul(s.load_at(y, at), s.sub(s.load_at(d, at), mean));
        s.store_at(v, d, at);
    }
}

/// Σ a·b.
#[inline(always)]
pub(crate) fn dot<S: Simd>(s: S, a: &[S::R], b: &[S::R]) -> S::R {
    let mut sum = s.splat(S::R::ZERO);
    for at in (0..a.len()).step_by(S::LANES) {
        sum = s.fma(s.load_at(a, at), s.load_at(b, at), sum);
    }
    s.sum(sum)
}

/// y += a·x.
#[inline(always)]
pub(crate) fn axpy<S: Simd>(s: S, a: S::R, x: &[S::R], y: &mut [S::R]) {
    let a = s.splat(a);
    for at in (0..x.len()).step_by(S::LANES) {
        let v = s.fma(a, s.load_at(x, at), s.load_at(y, at));
        s.store_at(v, y, at);
    }
}

/// Adds row `index[r]` of `from` to row r of `to`.
pub(super) struct AddRows<'a, R> {
    pub(super) from: &'a [R],
    pub(super) index: &'a [u32],
    pub(super) to: &'a mut [R],
    pub(super) width: usize,
}

impl<R: Real> Kernel<R> for AddRows<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        for (index, to) in self.index.iter().zip(self.to.chunks_exact_mut(self.width)) {
            axpy(
                s,
                R::ONE,
                &self.from[*index as usize * self.width..][..self.width],
                to,
            );
        }
    }
}

/// Adds row r of `from` to row `index[r]` of `to`, in rising r.
pub(super) struct ScatterRows<'a, R> {
    pub(super) from: &'a [R],
    pub(super) index: &'a [u32],
    pub(super) to: &'a mut [R],
    pub(super) width: usize,
}

impl<R: Real> Kernel<R> for ScatterRows<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        for (index, from) in self.index.iter().zip(self.from.chunks_exact(self.width)) {
            axpy(
                s,
                R::ONE,
                from,
                &mut self.to[*index as usize * self.width..][..self.width],
            );
        }
    }
}

/// Adds every row of `from` to `to`.
pub(super) struct SumRows<'a, R> {
    pub(super) from: &'a [R],
    pub(super) to: &'a mut [R],
}

impl<R: Real> Kernel<R> for SumRows<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let width = self.to.len();
        for at in (0..width).step_by(S::LANES) {
            let mut sum = s.load_at(self.to, at);
            for from in self.from.chunks_exact(width) {
                sum = s.add(sum, s.load_at(from, at));
            }
            s.store_at(sum, self.to, at);
        }
    }
}
