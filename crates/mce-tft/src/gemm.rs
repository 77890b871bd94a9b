//! Small dense matrix products on slices: C = init + A·B, in blocks that stay in registers.
//!
//! All matrices are row-major and contiguous. Every element of C is summed over k in rising order, whatever the block it
//! falls into: a row gives the same bits alone as in a batch.

use crate::real::Real;
use crate::simd::{Isa, Kernel, Simd};

/// What C holds before the product is added to it.
#[derive(Clone, Copy)]
pub(crate) enum Init<'a, R> {
    /// Zeros.
    Zero,
    /// What it holds already.
    Keep,
    /// This row, `[n]`, in every row.
    Bias(&'a [R]),
}

/// How A is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// `[m, k]`.
    Rows,
    /// `[k, m]`: A is used transposed.
    Columns,
}

/// One product.
pub struct Gemm<'a, R> {
    m: usize,
    n: usize,
    k: usize,
    a: &'a [R],
    order: Order,
    b: &'a [R],
    c: &'a mut [R],
    init: Init<'a, R>,
}

impl<R: Real> Kernel<R> for Gemm<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        s.gemm(self);
    }
}

/// C = init + A·B.
///
/// # Shapes
/// a `[m, k]`, b `[k, n]`, c `[m, n]`; m follows from `c`, k from `b`.
pub(crate) fn matmul<R: Real>(
    isa: Isa,
    init: Init<'_, R>,
    a: &[R],
    b: &[R],
    n: usize,
    c: &mut [R],
) {
    let (m, k) = (c.len() / n, b.len() / n);
    debug_assert!(c.len() == m * n && b.len() == k * n && a.len() == m * k);
    R::dispatch(
        isa,
        Gemm {
            m,
            n,
            k,
            a,
            order: Order::Rows,
            b,
            c,
            init,
        },
    );
}

/// C += Aᵀ·B: the gradient of a weight matrix, summed over k rows.
///
/// # Shapes
/// a `[k, m]`, b `[k, n]`, c `[m, n]`.
pub(crate) fn matmul_tn_add<R: Real>(isa: Isa, a: &[R], b: &[R], n: usize, c: &mut [R]) {
    let (m, k) = (c.len() / n, b.len() / n);
    debug_assert!(c.len() == m * n && b.len() == k * n && a.len() == m * k);
    R::dispatch(
        isa,
        Gemm {
            m,
            n,
            k,
            a,
            order: Order::Columns,
            b,
            c,
            init: Init::Keep,
        },
    );
}

/// Runs `job` in blocks of `MR` rows by `NV` vectors, with smaller blocks at the edges.
#[inline(always)]
pub(crate) fn run_blocks<S: Simd, const MR: usize, const NV: usize>(s: S, mut job: Gemm<'_, S::R>) {
    let mut j = 0;
    while j + NV * S::LANES <= job.n {
        columns::<S, MR, NV, false>(s, &mut job, j);
        j += NV * S::LANES;
    }
    while j + S::LANES <= job.n {
        columns::<S, MR, 1, false>(s, &mut job, j);
        j += S::LANES;
    }
    if j < job.n {
        columns::<S, MR, 1, true>(s, &mut job, j);
    }
}

/// All rows of the columns from `j` on, `NV` vectors wide, or (`TAIL`) the columns left.
#[inline(always)]
fn columns<S: Simd, const MR: usize, const NV: usize, const TAIL: bool>(
    s: S,
    job: &mut Gemm<'_, S::R>,
    j: usize,
) {
    let mut i = 0;
    while i + MR <= job.m {
        block::<S, MR, NV, TAIL>(s, job, i, j);
        i += MR;
    }
    if MR > 4 && i + 4 <= job.m {
        block::<S, 4, NV, TAIL>(s, job, i, j);
        i += 4;
    }
    if i + 2 <= job.m {
        block::<S, 2, NV, TAIL>(s, job, i, j);
        i += 2;
    }
    while i < job.m {
        block::<S, 1, NV, TAIL>(s, job, i, j);
        i += 1;
    }
}

/// One block of C: rows `i..i + MR`, columns from `j` on.
#[inline(always)]
fn block<S: Simd, const MR: usize, const NV: usize, const TAIL: bool>(
    s: S,
    job: &mut Gemm<'_, S::R>,
    i: usize,
    j: usize,
) {
    let (m, n, k) = (job.m, job.n, job.k);
    let width = if TAIL { n - j } else { NV * S::LANES };
    let mut acc = [[s.splat(S::R::ZERO); NV]; MR];
    match job.init {
        Init::Zero => {}
        Init::Keep => {
            for (row, acc) in acc.iter_mut().enumerate() {
                load_row::<S, NV, TAIL>(s, &job.c[(i + row) * n + j..][..width], acc);
            }
        }
        Init::Bias(bias) => {
            for acc in &mut acc {
                load_row::<S, NV, TAIL>(s, &bias[j..][..width], acc);
            }
        }
    }
    let mut b = [s.splat(S::R::ZERO); NV];
    match job.order {
        Order::Rows => {
            let mut rows: [&[S::R]; MR] = [&[]; MR];
            for (row, slot) in rows.iter_mut().enumerate() {
                *slot = &job.a[(i + row) * k..][..k];
            }
            for kk in 0..k {
                load_row::<S, NV, TAIL>(s, &job.b[kk * n + j..][..width], &mut b);
                for (row, acc) in rows.iter().zip(acc.iter_mut()) {
                    multiply_add(s, row[kk], &b, acc);
                }
            }
        }
        Order::Columns => {
            for kk in 0..k {
                load_row::<S, NV, TAIL>(s, &job.b[kk * n + j..][..width], &mut b);
                let column = &job.a[kk * m + i..][..MR];
                for (a, acc) in column.iter().zip(acc.iter_mut()) {
                    multiply_add(s, *a, &b, acc);
                }
            }
        }
    }
    for (row, acc) in acc.iter().enumerate() {
        let to = &mut job.c[(i + row) * n + j..][..width];
        if TAIL {
            s.store_part(acc[0], to);
        } else {
            for (v, to) in acc.iter().zip(to.chunks_exact_mut(S::LANES)) {
                s.store(*v, to);
            }
        }
    }
}

/// Vectors of the result that [`matvec`] computes side by side.
const MATVEC_VECTORS: usize = 4;

/// y = bias + x·B, for one row. Even and odd k are summed apart, which halves the wait for additions.
///
/// # Shapes
/// x `[k]`, b `[k, n]`, bias and y `[n]`.
#[inline(always)]
pub(crate) fn matvec<S: Simd>(s: S, x: &[S::R], b: &[S::R], bias: &[S::R], y: &mut [S::R]) {
    let n = y.len();
    let mut j = 0;
    while j + MATVEC_VECTORS * S::LANES <= n {
        matvec_columns::<S, MATVEC_VECTORS, false>(s, x, b, bias, y, j);
        j += MATVEC_VECTORS * S::LANES;
    }
    while j + S::LANES <= n {
        matvec_columns::<S, 1, false>(s, x, b, bias, y, j);
        j += S::LANES;
    }
    if j < n {
        matvec_columns::<S, 1, true>(s, x, b, bias, y, j);
    }
}

#[inline(always)]
fn matvec_columns<S: Simd, const NV: usize, const TAIL: bool>(
    s: S,
    x: &[S::R],
    b: &[S::R],
    bias: &[S::R],
    y: &mut [S::R],
    j: usize,
) {
    let n = y.len();
    let width = if TAIL { n - j } else { NV * S::LANES };
    let mut even = [s.splat(S::R::ZERO); NV];
    let mut odd = even;
    let mut row = even;
    load_row::<S, NV, TAIL>(s, &bias[j..][..width], &mut even);
    let (pairs, last) = x.as_chunks::<2>();
    let rows = b.chunks_exact(2 * n);
    if let [last] = last {
        load_row::<S, NV, TAIL>(s, &rows.remainder()[j..][..width], &mut row);
        multiply_add(s, *last, &row, &mut odd);
    }
    for ([x0, x1], rows) in pairs.iter().zip(rows) {
        load_row::<S, NV, TAIL>(s, &rows[j..][..width], &mut row);
        multiply_add(s, *x0, &row, &mut even);
        load_row::<S, NV, TAIL>(s, &rows[n + j..][..width], &mut row);
        multiply_add(s, *x1, &row, &mut odd);
    }
    let y = &mut y[j..][..width];
    if TAIL {
        s.store_part(s.add(even[0], odd[0]), y);
    } else {
        for ((even, odd), y) in even.iter().zip(&odd).zip(y.chunks_exact_mut(S::LANES)) {
            s.store(s.add(*even, *odd), y);
        }
    }
}

#[inline(always)]
fn load_row<S: Simd, const NV: usize, const TAIL: bool>(s: S, from: &[S::R], to: &mut [S::V; NV]) {
    if TAIL {
        to[0] = s.load_part(from);
    } else {
        for (v, from) in to.iter_mut().zip(from.chunks_exact(S::LANES)) {
            *v = s.load(from);
        }
    }
}

#[inline(always)]
fn multiply_add<S: Simd, const NV: usize>(s: S, a: S::R, b: &[S::V; NV], acc: &mut [S::V; NV]) {
    let a = s.splat(a);
    for (acc, b) in acc.iter_mut().zip(b) {
        *acc = s.fma(a, *b, *acc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn numbers(id: u64, len: usize) -> Vec<f64> {
        let stream = Stream::new(3).fork(id);
        (0..len as u64)
            .map(|i| 2.0 * stream.uniform(i) - 1.0)
            .collect()
    }

    fn naive(
        init: &[f64],
        a: &[f64],
        a_at: impl Fn(usize, usize) -> usize,
        b: &[f64],
        (m, n, k): (usize, usize, usize),
    ) -> Vec<f64> {
        let at = |i: usize, j: usize| {
            init[i * n + j] + (0..k).map(|kk| a[a_at(i, kk)] * b[kk * n + j]).sum::<f64>()
        };
        (0..m * n).map(|ij| at(ij / n, ij % n)).collect()
    }

    fn check_close<R: Real>(got: &[R], expected: &[f64], tolerance: f64) {
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (got.to_f64() - expected).abs() <= tolerance,
                "{got} against {expected}"
            );
        }
    }

    fn check<R: Real>(isa: Isa, (m, n, k): (usize, usize, usize), tolerance: f64) {
        let real = |x: &[f64]| x.iter().map(|x| R::from_f64(*x)).collect::<Vec<R>>();
        let double = |x: &[R]| x.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
        let (a, b, c) = (
            real(&numbers(1, m * k)),
            real(&numbers(2, k * n)),
            real(&numbers(3, m * n)),
        );
        let (a64, b64, c64) = (double(&a), double(&b), double(&c));

        let mut got = c.clone();
        matmul(isa, Init::Keep, &a, &b, n, &mut got);
        check_close(
            &got,
            &naive(&c64, &a64, |i, kk| i * k + kk, &b64, (m, n, k)),
            tolerance,
        );

        matmul(isa, Init::Zero, &a, &b, n, &mut got);
        check_close(
            &got,
            &naive(&vec![0.0; m * n], &a64, |i, kk| i * k + kk, &b64, (m, n, k)),
            tolerance,
        );

        let bias: Vec<f64> = (0..m * n).map(|ij| c64[ij % n]).collect();
        matmul(isa, Init::Bias(&c[..n]), &a, &b, n, &mut got);
        check_close(
            &got,
            &naive(&bias, &a64, |i, kk| i * k + kk, &b64, (m, n, k)),
            tolerance,
        );

        let mut got = c.clone();
        matmul_tn_add(isa, &a, &b, n, &mut got);
        check_close(
            &got,
            &naive(&c64, &a64, |i, kk| kk * m + i, &b64, (m, n, k)),
            tolerance,
        );
    }

    #[test]
    fn agrees_with_the_sum_written_out() {
        for isa in Isa::available() {
            for m in [1, 2, 3, 5, 8, 13, 33] {
                for n in [1, 7, 8, 15, 16, 17, 24, 30, 32, 40, 64] {
                    for k in [1, 2, 9, 32] {
                        check::<f32>(isa, (m, n, k), 1e-5);
                        check::<f64>(isa, (m, n, k), 1e-13);
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_alone_gives_the_same_bits_as_in_a_batch() {
        for isa in Isa::available() {
            let (m, n, k) = (13, 40, 24);
            let real = |x: Vec<f64>| x.into_iter().map(f32::from_f64).collect::<Vec<f32>>();
            let (a, b) = (real(numbers(1, m * k)), real(numbers(2, k * n)));
            let mut all = vec![0.0; m * n];
            matmul(isa, Init::Zero, &a, &b, n, &mut all);
            for (i, row) in all.chunks_exact(n).enumerate() {
                let mut one = vec![0.0; n];
                matmul(isa, Init::Zero, &a[i * k..][..k], &b, n, &mut one);
                assert_eq!(row, one);
            }
        }
    }
}
