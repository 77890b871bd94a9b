//! GLU and layer norm of rows, forward and backward.
//!
//! Rows of one, two, four or eight whole vectors are held in registers; others go through memory between passes.

use super::lanes_at;
use crate::real::Real;
use crate::simd::{Kernel, Simd};

/// Added to the variance in every layer norm.
const EPSILON: f64 = 1e-5;

/// γ and β in registers.
type Affine<S, const W: usize> = ([<S as Simd>::V; W], [<S as Simd>::V; W]);

/// Calls `$rows::<S, W>` when a row is `W` whole vectors, else `$any`.
macro_rules! by_vectors {
    ($width:expr, $rows:ident, $any:ident, ($($argument:expr),*)) => {
        match ($width / S::LANES, $width % S::LANES) {
            (1, 0) => $rows::<S, 1>($($argument),*),
            (2, 0) => $rows::<S, 2>($($argument),*),
            (4, 0) => $rows::<S, 4>($($argument),*),
            (8, 0) => $rows::<S, 8>($($argument),*),
            _ => $any($($argument),*),
        }
    };
}

/// A row of `W` vectors.
#[inline(always)]
pub(crate) fn load_row<S: Simd, const W: usize>(s: S, row: &[S::R]) -> [S::V; W] {
    let mut vectors = [s.splat(S::R::ZERO); W];
    for (v, from) in vectors.iter_mut().zip(row.chunks_exact(S::LANES)) {
        *v = s.load(from);
    }
    vectors
}

/// Stores a row of `W` vectors.
#[inline(always)]
pub(crate) fn store_row<S: Simd, const W: usize>(s: S, vectors: &[S::V; W], row: &mut [S::R]) {
    for (v, to) in vectors.iter().zip(row.chunks_exact_mut(S::LANES)) {
        s.store(*v, to);
    }
}

/// The sum of all lanes of a row.
#[inline(always)]
fn sum_row<S: Simd, const W: usize>(s: S, vectors: &[S::V; W]) -> S::R {
    let mut sum = vectors[0];
    for v in &vectors[1..] {
        sum = s.add(sum, *v);
    }
    s.sum(sum)
}

#[allow(clippy::cast_precision_loss)]
fn one_over<R: Real>(width: usize) -> R {
    R::from_f64(1.0 / width as f64)
}

#[inline(always)]
fn inverse_deviation<R: Real>(sum_of_squares: R, per_width: R) -> R {
    R::ONE / (sum_of_squares * per_width + R::from_f64(EPSILON)).sqrt()
}

/// In every row: y = a ⊙ σ(b) + skip with a and b the halves of `g`; x̂ = (y − mean)/√(variance + 1e-5);
/// out = x̂ ⊙ γ + β. Leaves σ(b) in place of b.
pub(in crate::batch) struct GluNorm<'a, R> {
    /// `[rows, 2·width]`.
    pub(in crate::batch) g: &'a mut [R],
    /// `[rows, width]`.
    pub(in crate::batch) skip: &'a [R],
    pub(in crate::batch) gamma: &'a [R],
    pub(in crate::batch) beta: &'a [R],
    /// x̂, `[rows, width]`.
    pub(in crate::batch) normed: &'a mut [R],
    /// 1/√(variance + 1e-5), `[rows]`.
    pub(in crate::batch) inverse: &'a mut [R],
    /// `[rows, width]`.
    pub(in crate::batch) out: &'a mut [R],
}

impl<R: Real> Kernel<R> for GluNorm<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        by_vectors!(self.gamma.len(), forward_rows, forward_any, (s, self));
    }
}

#[inline(always)]
fn forward_rows<S: Simd, const W: usize>(s: S, mut k: GluNorm<'_, S::R>) {
    let affine = (load_row::<S, W>(s, k.gamma), load_row::<S, W>(s, k.beta));
    let mut row = 0;
    while row + 4 <= k.inverse.len() && four_rows_fit::<S, W>() {
        forward_group::<S, W, 4>(s, &mut k, &affine, row);
        row += 4;
    }
    while row < k.inverse.len() {
        forward_group::<S, W, 1>(s, &mut k, &affine, row);
        row += 1;
    }
}

/// Rows in step: what a row waits for is long (its sums, a root, a division), and a processor does not look far enough
/// ahead to overlap rows one by one.
#[inline(always)]
fn forward_group<S: Simd, const W: usize, const G: usize>(
    s: S,
    k: &mut GluNorm<'_, S::R>,
    affine: &Affine<S, W>,
    row: usize,
) {
    let width = W * S::LANES;
    let mut y = [affine.0; G];
    for (r, y) in (row..).zip(&mut y) {
        let (a, b) = k.g[r * 2 * width..][..2 * width].split_at_mut(width);
        *y = load_row(s, &k.skip[r * width..][..width]);
        let (a, mut sigma) = (load_row::<S, W>(s, a), load_row::<S, W>(s, b));
        glu::<S, W>(s, &a, &mut sigma, y);
        store_row(s, &sigma, b);
    }
    let inverse = centre::<S, W, G>(s, &mut y);
    for ((r, y), inverse) in (row..).zip(&mut y).zip(inverse) {
        k.inverse[r] = inverse;
        for y in y.iter_mut() {
            *y = s.mul(*y, s.splat(inverse));
        }
        store_row(s, y, &mut k.normed[r * width..][..width]);
        store_row(
            s,
            &scale_and_shift(s, y, affine),
            &mut k.out[r * width..][..width],
        );
    }
}

/// Whether the registers hold four rows of `W` vectors and some room to work in.
const fn four_rows_fit<S: Simd, const W: usize>() -> bool {
    W <= if S::LANES >= 16 { 4 } else { 2 }
}

/// y += a ⊙ σ(b), leaving σ(b) in b.
#[inline(always)]
fn glu<S: Simd, const W: usize>(s: S, a: &[S::V; W], b: &mut [S::V; W], y: &mut [S::V; W]) {
    for ((y, b), a) in y.iter_mut().zip(b).zip(a) {
        *b = s.sigmoid(*b);
        *y = s.fma(*a, *b, *y);
    }
}

/// Takes its mean away from each row, and gives one over its standard deviation.
#[inline(always)]
fn centre<S: Simd, const W: usize, const G: usize>(s: S, y: &mut [[S::V; W]; G]) -> [S::R; G] {
    let per_width = one_over::<S::R>(W * S::LANES);
    let mut sums = [s.splat(S::R::ZERO); G];
    for (sum, y) in sums.iter_mut().zip(y.iter()) {
        *sum = add_up(s, y);
    }
    let means = s.sum_each(sums);
    for ((y, mean), sum) in y.iter_mut().zip(means).zip(&mut sums) {
        let mean = s.splat(mean * per_width);
        let mut squares = *y;
        for (y, square) in y.iter_mut().zip(&mut squares) {
            *y = s.sub(*y, mean);
            *square = s.mul(*y, *y);
        }
        *sum = add_up(s, &squares);
    }
    s.sum_each(sums)
        .map(|sum| inverse_deviation(sum, per_width))
}

#[inline(always)]
fn add_up<S: Simd, const W: usize>(s: S, vectors: &[S::V; W]) -> S::V {
    let mut sum = vectors[0];
    for v in &vectors[1..] {
        sum = s.add(sum, *v);
    }
    sum
}

/// y ⊙ γ + β.
#[inline(always)]
fn scale_and_shift<S: Simd, const W: usize>(
    s: S,
    y: &[S::V; W],
    (gamma, beta): &Affine<S, W>,
) -> [S::V; W] {
    let mut out = *beta;
    for ((out, y), gamma) in out.iter_mut().zip(y).zip(gamma) {
        *out = s.fma(*y, *gamma, *out);
    }
    out
}

#[inline(always)]
fn forward_any<S: Simd>(s: S, k: GluNorm<'_, S::R>) {
    let width = k.gamma.len();
    let outs = k
        .normed
        .chunks_exact_mut(width)
        .zip(k.out.chunks_exact_mut(width))
        .zip(k.inverse);
    let ins =
        k.g.chunks_exact_mut(2 * width)
            .zip(k.skip.chunks_exact(width));
    for ((g, skip), ((normed, out), inverse)) in ins.zip(outs) {
        let (a, b) = g.split_at_mut(width);
        for at in (0..width).step_by(S::LANES) {
            let sigma = s.sigmoid(s.load_at(b, at));
            s.store_at(sigma, b, at);
            s.store_at(
                s.fma(s.load_at(a, at), sigma, s.load_at(skip, at)),
                normed,
                at,
            );
        }
        *inverse = normalise_any(s, normed);
        for at in (0..width).step_by(S::LANES) {
            let x = s.load_at(normed, at);
            s.store_at(
                s.fma(x, s.load_at(k.gamma, at), s.load_at(k.beta, at)),
                out,
                at,
            );
        }
    }
}

/// Takes the mean away from a row and divides by its standard deviation, of which one over is given back.
#[inline(always)]
fn normalise_any<S: Simd>(s: S, row: &mut [S::R]) -> S::R {
    let width = row.len();
    let per_width = one_over::<S::R>(width);
    let mut sum = s.splat(S::R::ZERO);
    for at in (0..width).step_by(S::LANES) {
        sum = s.add(sum, s.load_at(row, at));
    }
    let mean = s.splat(s.sum(sum) * per_width);
    let mut squares = s.splat(S::R::ZERO);
    for at in (0..width).step_by(S::LANES) {
        let centred = s.sub(s.load_at(row, at), mean);
        s.store_at(centred, row, at);
        let centred = s.keep_first(centred, lanes_at::<S>(width, at));
        squares = s.fma(centred, centred, squares);
    }
    let inverse = inverse_deviation(s.sum(squares), per_width);
    let scale = s.splat(inverse);
    for at in (0..width).step_by(S::LANES) {
        let scaled = s.mul(s.load_at(row, at), scale);
        s.store_at(scaled, row, at);
    }
    inverse
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
        by_vectors!(self.gamma.len(), out_rows, out_any, (s, self));
    }
}

#[inline(always)]
fn out_rows<S: Simd, const W: usize>(s: S, k: GluNormOut<'_, S::R>) {
    let width = W * S::LANES;
    let affine = (load_row::<S, W>(s, k.gamma), load_row::<S, W>(s, k.beta));
    let (mut g, mut skip, mut out) = (k.g, k.skip, k.out);
    while out.len() >= 4 * width && four_rows_fit::<S, W>() {
        out_group::<S, W, 4>(s, g, skip, &[affine; 4], &mut out[..4 * width]);
        (g, skip, out) = (&g[8 * width..], &skip[4 * width..], &mut out[4 * width..]);
    }
    while !out.is_empty() {
        out_group::<S, W, 1>(s, g, skip, &[affine], &mut out[..width]);
        (g, skip, out) = (&g[2 * width..], &skip[width..], &mut out[width..]);
    }
}

/// Rows of [`GluNormOut`] in step, each with its own γ and β.
#[inline(always)]
pub(crate) fn out_group<S: Simd, const W: usize, const G: usize>(
    s: S,
    g: &[S::R],
    skip: &[S::R],
    affine: &[Affine<S, W>; G],
    out: &mut [S::R],
) {
    let width = W * S::LANES;
    let mut y = [affine[0].0; G];
    for (r, y) in y.iter_mut().enumerate() {
        let (a, b) = g[r * 2 * width..][..2 * width].split_at(width);
        *y = load_row(s, &skip[r * width..][..width]);
        glu::<S, W>(s, &load_row(s, a), &mut load_row(s, b), y);
    }
    let inverse = centre::<S, W, G>(s, &mut y);
    for ((y, inverse), (affine, out)) in y
        .iter_mut()
        .zip(inverse)
        .zip(affine.iter().zip(out.chunks_exact_mut(width)))
    {
        for y in y.iter_mut() {
            *y = s.mul(*y, s.splat(inverse));
        }
        store_row(s, &scale_and_shift(s, y, affine), out);
    }
}

/// One row of [`GluNormOut`], whatever its width.
#[inline(always)]
pub(crate) fn glu_norm_one<S: Simd>(
    s: S,
    g: &[S::R],
    skip: &[S::R],
    (gamma, beta): (&[S::R], &[S::R]),
    out: &mut [S::R],
) {
    GluNormOut {
        g,
        skip,
        gamma,
        beta,
        out,
    }
    .run(s);
}

#[inline(always)]
fn out_any<S: Simd>(s: S, k: GluNormOut<'_, S::R>) {
    let width = k.gamma.len();
    let rows = k
        .skip
        .chunks_exact(width)
        .zip(k.out.chunks_exact_mut(width));
    for (g, (skip, out)) in k.g.chunks_exact(2 * width).zip(rows) {
        let (a, b) = g.split_at(width);
        for at in (0..width).step_by(S::LANES) {
            let y = s.fma(
                s.load_at(a, at),
                s.sigmoid(s.load_at(b, at)),
                s.load_at(skip, at),
            );
            s.store_at(y, out, at);
        }
        normalise_any(s, out);
        for at in (0..width).step_by(S::LANES) {
            let y = s.fma(
                s.load_at(out, at),
                s.load_at(k.gamma, at),
                s.load_at(k.beta, at),
            );
            s.store_at(y, out, at);
        }
    }
}

/// Backward of [`GluNorm`]: from `dout` to the gradient of `g` (in place of g), of the skip, and sums over the rows for
/// γ, β and the bias of g.
pub(in crate::batch) struct GluNormBackward<'a, R> {
    /// `[rows, 2·width]`: a and σ(b) in, gradients out.
    pub(in crate::batch) g: &'a mut [R],
    pub(in crate::batch) normed: &'a [R],
    pub(in crate::batch) inverse: &'a [R],
    pub(in crate::batch) gamma: &'a [R],
    /// `[rows, width]`.
    pub(in crate::batch) dout: &'a [R],
    /// `[rows, width]`, overwritten.
    pub(in crate::batch) dskip: &'a mut [R],
    pub(in crate::batch) dgamma: &'a mut [R],
    pub(in crate::batch) dbeta: &'a mut [R],
    /// `[2·width]`.
    pub(in crate::batch) dbias: &'a mut [R],
}

impl<R: Real> Kernel<R> for GluNormBackward<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        by_vectors!(self.gamma.len(), backward_rows, backward_any, (s, self));
    }
}

#[inline(always)]
fn backward_rows<S: Simd, const W: usize>(s: S, k: GluNormBackward<'_, S::R>) {
    let width = W * S::LANES;
    let per_width = one_over::<S::R>(width);
    let one = s.splat(S::R::ONE);
    let (dbias_a, dbias_b) = k.dbias.split_at_mut(width);
    let gamma = load_row::<S, W>(s, k.gamma);
    let (mut dgamma, mut dbeta) = (load_row::<S, W>(s, k.dgamma), load_row::<S, W>(s, k.dbeta));
    let (mut sum_a, mut sum_b) = (load_row::<S, W>(s, dbias_a), load_row::<S, W>(s, dbias_b));
    let ins =
        k.g.chunks_exact_mut(2 * width)
            .zip(k.normed.chunks_exact(width))
            .zip(k.inverse);
    let outs = k
        .dout
        .chunks_exact(width)
        .zip(k.dskip.chunks_exact_mut(width));
    for (((g, normed), inverse), (dout, dskip)) in ins.zip(outs) {
        let (a, b) = g.split_at_mut(width);
        let (x, mut d) = (load_row::<S, W>(s, normed), load_row::<S, W>(s, dout));
        let mut product = d;
        for w in 0..W {
            dbeta[w] = s.add(dbeta[w], d[w]);
            dgamma[w] = s.fma(d[w], x[w], dgamma[w]);
            d[w] = s.mul(d[w], gamma[w]);
            product[w] = s.mul(d[w], x[w]);
        }
        let mean = s.splat(sum_row(s, &d) * per_width);
        let slope = s.splat(sum_row(s, &product) * per_width);
        let scale = s.splat(*inverse);
        let (mut of_a, mut of_b) = (load_row::<S, W>(s, a), load_row::<S, W>(s, b));
        for w in 0..W {
            let dy = s.mul(s.fnma(x[w], slope, s.sub(d[w], mean)), scale);
            d[w] = dy;
            let (a, sigma) = (of_a[w], of_b[w]);
            of_a[w] = s.mul(dy, sigma);
            of_b[w] = s.mul(s.mul(of_a[w], a), s.sub(one, sigma));
            sum_a[w] = s.add(sum_a[w], of_a[w]);
            sum_b[w] = s.add(sum_b[w], of_b[w]);
        }
        store_row(s, &d, dskip);
        store_row(s, &of_a, a);
        store_row(s, &of_b, b);
    }
    store_row(s, &dgamma, k.dgamma);
    store_row(s, &dbeta, k.dbeta);
    store_row(s, &sum_a, dbias_a);
    store_row(s, &sum_b, dbias_b);
}

#[inline(always)]
fn backward_any<S: Simd>(s: S, k: GluNormBackward<'_, S::R>) {
    let width = k.gamma.len();
    let per_width = one_over::<S::R>(width);
    let one = s.splat(S::R::ONE);
    let (dbias_a, dbias_b) = k.dbias.split_at_mut(width);
    let ins =
        k.g.chunks_exact_mut(2 * width)
            .zip(k.normed.chunks_exact(width))
            .zip(k.inverse);
    let outs = k
        .dout
        .chunks_exact(width)
        .zip(k.dskip.chunks_exact_mut(width));
    for (((g, normed), inverse), (dout, dskip)) in ins.zip(outs) {
        let (a, b) = g.split_at_mut(width);
        let (mut sum, mut product) = (s.splat(S::R::ZERO), s.splat(S::R::ZERO));
        for at in (0..width).step_by(S::LANES) {
            let (x, d) = (s.load_at(normed, at), s.load_at(dout, at));
            add_at(s, k.dbeta, at, d);
            add_at(s, k.dgamma, at, s.mul(d, x));
            // Beyond the row γ is 0, so that the sums need no mask.
            let d = s.mul(d, s.load_at(k.gamma, at));
            sum = s.add(sum, d);
            product = s.fma(d, x, product);
        }
        let mean = s.splat(s.sum(sum) * per_width);
        let slope = s.splat(s.sum(product) * per_width);
        let scale = s.splat(*inverse);
        for at in (0..width).step_by(S::LANES) {
            let (x, d) = (s.load_at(normed, at), s.load_at(dout, at));
            let d = s.sub(s.mul(d, s.load_at(k.gamma, at)), mean);
            let dy = s.mul(s.fnma(x, slope, d), scale);
            let sigma = s.load_at(b, at);
            let da = s.mul(dy, sigma);
            let db = s.mul(s.mul(da, s.load_at(a, at)), s.sub(one, sigma));
            s.store_at(dy, dskip, at);
            s.store_at(da, a, at);
            s.store_at(db, b, at);
            add_at(s, dbias_a, at, da);
            add_at(s, dbias_b, at, db);
        }
    }
}

#[inline(always)]
fn add_at<S: Simd>(s: S, to: &mut [S::R], at: usize, v: S::V) {
    let sum = s.add(s.load_at(to, at), v);
    s.store_at(sum, to, at);
}

#[cfg(test)]
mod tests;
