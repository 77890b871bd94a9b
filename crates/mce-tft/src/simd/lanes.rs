//! The operations a kernel may use: one trait, implemented once for each instruction set.

use crate::gemm::Gemm;
use crate::real::Real;

/// Work that is compiled once for each instruction set.
///
/// `run` and every generic function it calls must be `#[inline(always)]`: only what is inlined into the entry function
/// of an instruction set is compiled with its instructions.
pub trait Kernel<R> {
    /// What the work gives back.
    type Out;
    /// Does the work on the lanes of `s`.
    fn run<S: Simd<R = R>>(self, s: S) -> Self::Out;
}

/// A vector of [`LANES`](Simd::LANES) numbers and what can be done with it. The implementor is a token: to hold one is
/// the proof that the machine has the instructions.
pub trait Simd: Copy {
    /// The number type.
    type R: Real;
    /// A vector.
    type V: Copy;
    /// Numbers in a vector.
    const LANES: usize;

    /// `x` in every lane.
    fn splat(self, x: Self::R) -> Self::V;
    /// The first [`LANES`](Simd::LANES) numbers of `src`. Panics when there are fewer.
    fn load(self, src: &[Self::R]) -> Self::V;
    /// Into the first [`LANES`](Simd::LANES) numbers of `dst`. Panics when there are fewer.
    fn store(self, v: Self::V, dst: &mut [Self::R]);
    /// All of `src`, which is shorter than a vector; zeros behind it.
    fn load_part(self, src: &[Self::R]) -> Self::V;
    /// The first lanes into all of `dst`, which is shorter than a vector.
    fn store_part(self, v: Self::V, dst: &mut [Self::R]);
    /// The first `n` lanes of `v`, zeros behind them.
    fn keep_first(self, v: Self::V, n: usize) -> Self::V;

    /// a + b.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a / b.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b + c, with one or two roundings.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a · b, with one or two roundings.
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger of each lane (no promise for NaN).
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The smaller of each lane (no promise for NaN).
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `yes` where `v` > 0, else `no`.
    fn select_positive(self, v: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// √v.
    fn sqrt(self, v: Self::V) -> Self::V;
    /// 1 / v to about one unit in the last place; v is finite and not 0.
    fn recip(self, v: Self::V) -> Self::V;
    /// The whole number nearest to each lane, |v| < 2²².
    fn round(self, v: Self::V) -> Self::V;
    /// v · 2ⁿ, with `n` whole numbers in [−126, 127].
    fn scale(self, v: Self::V, n: Self::V) -> Self::V;
    /// The sum of the lanes, always in the same order.
    fn sum(self, v: Self::V) -> Self::R;

    /// The sums of the lanes of several vectors. Each is that of [`sum`](Simd::sum) to rounding, and the same for a
    /// vector whatever the others hold.
    #[inline(always)]
    fn sum_each<const N: usize>(self, v: [Self::V; N]) -> [Self::R; N] {
        v.map(|v| self.sum(v))
    }
    /// The largest of the lanes.
    fn largest(self, v: Self::V) -> Self::R;
    /// `v`, or where |v| is larger than `limit` > 0, `limit` with the sign of `v`.
    #[inline(always)]
    fn limit(self, v: Self::V, limit: Self::R) -> Self::V {
        self.min(self.max(v, self.splat(-limit)), self.splat(limit))
    }
    /// p / q to one or two units in the last place; q is finite and not 0.
    #[inline(always)]
    fn quotient(self, p: Self::V, q: Self::V) -> Self::V {
        self.div(p, q)
    }

    /// eᵛ.
    fn exp(self, v: Self::V) -> Self::V;
    /// The hyperbolic tangent.
    fn tanh(self, v: Self::V) -> Self::V;
    /// The hyperbolic tangent of several vectors.
    fn tanh_each<const M: usize, const N: usize>(self, v: [[Self::V; N]; M]) -> [[Self::V; N]; M];
    /// 1 / (1 + e⁻ᵛ).
    fn sigmoid(self, v: Self::V) -> Self::V;

    /// A matrix product, in the block shape that suits the registers of this instruction set.
    fn gemm(self, job: Gemm<'_, Self::R>);

    /// The numbers of `src` from `at` on: a full vector, or what is left of `src` with zeros behind.
    #[inline(always)]
    fn load_at(self, src: &[Self::R], at: usize) -> Self::V {
        let rest = &src[at..];
        if rest.len() >= Self::LANES {
            self.load(rest)
        } else {
            self.load_part(rest)
        }
    }

    /// Into `dst` from `at` on: a full vector, or what `dst` has room for.
    #[inline(always)]
    fn store_at(self, v: Self::V, dst: &mut [Self::R], at: usize) {
        let rest = &mut dst[at..];
        if rest.len() >= Self::LANES {
            self.store(v, rest)
        } else {
            self.store_part(v, rest)
        }
    }
}
