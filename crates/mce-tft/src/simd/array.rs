//! Lanes in plain Rust: an array of numbers, and loops that the compiler may vectorise.

use std::array::from_fn;
use std::marker::PhantomData;

use super::lanes::Simd;
use super::math;
use crate::gemm::{self, Gemm};
use crate::real::Real;

/// How the lanes of an [`Array`] compute eˣ, tanh and the logistic function.
pub(crate) trait LaneMath: Copy + Default {
    /// The number type.
    type R: Real;
    /// eˣ in every lane.
    fn exp<const N: usize>(v: [Self::R; N]) -> [Self::R; N];
    /// tanh in every lane.
    fn tanh<const N: usize>(v: [Self::R; N]) -> [Self::R; N];
    /// The logistic function in every lane.
    fn sigmoid<const N: usize>(v: [Self::R; N]) -> [Self::R; N];
}

/// The standard library's functions: exact to the last place or so, one lane after another.
#[derive(Clone, Copy, Default)]
pub(crate) struct Standard<R>(PhantomData<R>);

/// The vector functions of [`math`].
#[derive(Clone, Copy, Default)]
pub(crate) struct Vectorised;

/// Lanes of the scalar twin.
pub(super) type ScalarFloats = Array<Standard<f32>, 1>;
/// Lanes for any machine.
pub(super) type PortableFloats = Array<Vectorised, 8>;
/// Lanes for double precision.
pub(super) type Doubles = Array<Standard<f64>, 4>;

impl<R: Real> LaneMath for Standard<R> {
    type R = R;

    #[inline(always)]
    fn exp<const N: usize>(v: [R; N]) -> [R; N] {
        v.map(Real::exp)
    }
    #[inline(always)]
    fn tanh<const N: usize>(v: [R; N]) -> [R; N] {
        v.map(Real::tanh)
    }
    #[inline(always)]
    fn sigmoid<const N: usize>(v: [R; N]) -> [R; N] {
        v.map(|x| R::ONE / (R::ONE + Real::exp(-x)))
    }
}

impl LaneMath for Vectorised {
    type R = f32;

    #[inline(always)]
    fn exp<const N: usize>(v: [f32; N]) -> [f32; N] {
        math::exp(Array::<Self, N>::default(), v)
    }
    #[inline(always)]
    fn tanh<const N: usize>(v: [f32; N]) -> [f32; N] {
        math::tanh(Array::<Self, N>::default(), v)
    }
    #[inline(always)]
    fn sigmoid<const N: usize>(v: [f32; N]) -> [f32; N] {
        math::sigmoid(Array::<Self, N>::default(), v)
    }
}

/// The token of `N` lanes in an array.
#[derive(Clone, Copy, Default)]
pub(crate) struct Array<M, const N: usize>(PhantomData<M>);

impl<M: LaneMath, const N: usize> Simd for Array<M, N> {
    type R = M::R;
    type V = [M::R; N];
    const LANES: usize = N;

    #[inline(always)]
    fn splat(self, x: Self::R) -> Self::V {
        [x; N]
    }
    #[inline(always)]
    fn load(self, src: &[Self::R]) -> Self::V {
        from_fn(|i| src[..N][i])
    }
    #[inline(always)]
    fn store(self, v: Self::V, dst: &mut [Self::R]) {
        dst[..N].copy_from_slice(&v);
    }
    #[inline(always)]
    fn load_part(self, src: &[Self::R]) -> Self::V {
        from_fn(|i| if i < src.len() { src[i] } else { Self::R::ZERO })
    }
    #[inline(always)]
    fn store_part(self, v: Self::V, dst: &mut [Self::R]) {
        for (to, from) in dst.iter_mut().zip(v) {
            *to = from;
        }
    }
    #[inline(always)]
    fn keep_first(self, v: Self::V, n: usize) -> Self::V {
        from_fn(|i| if i < n { v[i] } else { Self::R::ZERO })
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        from_fn(|i| a[i] / b[i])
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        from_fn(|i| c[i] - a[i] * b[i])
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn select_positive(self, v: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        from_fn(|i| if v[i] > Self::R::ZERO { yes[i] } else { no[i] })
    }
    #[inline(always)]
    fn sqrt(self, v: Self::V) -> Self::V {
        v.map(Real::sqrt)
    }
    #[inline(always)]
    fn recip(self, v: Self::V) -> Self::V {
        from_fn(|i| Self::R::ONE / v[i])
    }
    #[inline(always)]
    fn round(self, v: Self::V) -> Self::V {
        let shift = Self::R::ROUND_SHIFT;
        from_fn(|i| (v[i] + shift) - shift)
    }
    #[inline(always)]
    fn scale(self, v: Self::V, n: Self::V) -> Self::V {
        from_fn(|i| v[i] * n[i].pow2())
    }
    #[inline(always)]
    fn sum(self, v: Self::V) -> Self::R {
        let mut total = v[0];
        for x in &v[1..] {
            total += *x;
        }
        total
    }
    #[inline(always)]
    fn largest(self, v: Self::V) -> Self::R {
        v[1..].iter().fold(v[0], |largest, x| largest.max(*x))
    }
    #[inline(always)]
    fn exp(self, v: Self::V) -> Self::V {
        M::exp(v)
    }
    #[inline(always)]
    fn tanh(self, v: Self::V) -> Self::V {
        M::tanh(v)
    }
    #[inline(always)]
    fn tanh_each<const K: usize, const L: usize>(self, v: [[Self::V; L]; K]) -> [[Self::V; L]; K] {
        v.map(|v| v.map(M::tanh))
    }
    #[inline(always)]
    fn sigmoid(self, v: Self::V) -> Self::V {
        M::sigmoid(v)
    }
    #[inline(always)]
    fn gemm(self, job: Gemm<'_, Self::R>) {
        gemm::run_blocks::<Self, 4, 1>(self, job);
    }
}
