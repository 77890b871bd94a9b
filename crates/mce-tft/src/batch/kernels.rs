//! Inner loops over rows, each compiled for every instruction set.
//!
//! A kernel is a struct of its arguments; `run` is the loop. Rows are contiguous; widths need not be multiples of the
//! vector, the last vector of a row is partial.

pub(crate) mod norm;

use crate::real::Real;
use crate::simd::{Kernel, Simd};

/// Lanes of `row` that the vector at `at` holds.
#[inline(always)]
fn lanes_at<S: Simd>(width: usize, at: usize) -> usize {
    (width - at).min(S::LANES)
}

/// x ← ELU(x), α = 1.
pub(crate) struct Elu<'a, R>(pub(crate) &'a mut [R]);

impl<R: Real> Kernel<R> for Elu<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let mut vectors = self.0.chunks_exact_mut(S::LANES);
        for x in &mut vectors {
            let e = elu(s, s.load(x));
            s.store(e, x);
        }
        let rest = vectors.into_remainder();
        let e = elu(s, s.load_part(rest));
        s.store_part(e, rest);
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
        let slope = |e| s.select_positive(e, one, s.add(e, one));
        let (mut es, mut ds) = (
            self.e.chunks_exact(S::LANES),
            self.d.chunks_exact_mut(S::LANES),
        );
        for (e, d) in es.by_ref().zip(ds.by_ref()) {
            let v = s.mul(s.load(d), slope(s.load(e)));
            s.store(v, d);
        }
        let (e, d) = (es.remainder(), ds.into_remainder());
        let v = s.mul(s.load_part(d), slope(s.load_part(e)));
        s.store_part(v, d);
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
    let shift = s.splat(largest(s, row));
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

/// The largest number of a row.
#[inline(always)]
fn largest<S: Simd>(s: S, row: &[S::R]) -> S::R {
    if row.len() < S::LANES {
        return row[1..].iter().fold(row[0], |largest, x| largest.max(*x));
    }
    // The last vector overlaps the one before it, which does no harm here.
    let mut vector = s.load(&row[row.len() - S::LANES..]);
    for x in row.chunks_exact(S::LANES) {
        vector = s.max(vector, s.load(x));
    }
    s.largest(vector)
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
    let (mut rows_a, mut rows_b) = (a.chunks_exact(S::LANES), b.chunks_exact(S::LANES));
    for (a, b) in rows_a.by_ref().zip(rows_b.by_ref()) {
        sum = s.fma(s.load(a), s.load(b), sum);
    }
    let (a, b) = (rows_a.remainder(), rows_b.remainder());
    if !a.is_empty() {
        sum = s.fma(s.load_part(a), s.load_part(b), sum);
    }
    s.sum(sum)
}

/// y += a·x.
#[inline(always)]
pub(crate) fn axpy<S: Simd>(s: S, a: S::R, x: &[S::R], y: &mut [S::R]) {
    let a = s.splat(a);
    let (mut xs, mut ys) = (x.chunks_exact(S::LANES), y.chunks_exact_mut(S::LANES));
    for (x, y) in xs.by_ref().zip(ys.by_ref()) {
        let v = s.fma(a, s.load(x), s.load(y));
        s.store(v, y);
    }
    let (x, y) = (xs.remainder(), ys.into_remainder());
    if !x.is_empty() {
        let v = s.fma(a, s.load_part(x), s.load_part(y));
        s.store_part(v, y);
    }
}

/// Copies row `index[r]` of `from` to row r of `to`.
pub(super) fn copy_rows<R: Copy>(from: &[R], index: &[u32], to: &mut [R], width: usize) {
    for (index, to) in index.iter().zip(to.chunks_exact_mut(width)) {
        to.copy_from_slice(&from[*index as usize * width..][..width]);
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
