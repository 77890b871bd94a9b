//! AVX2 with FMA, and AVX-512, as [`Simd`] tokens. The only module of the crate with `unsafe` code.
//!
//! A token can be made by [`Avx2::detect`] and [`Avx512::detect`] alone, which ask the processor. Holding one is the
//! proof every SAFETY comment below leans on.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::lanes::{Kernel, Simd};
use super::math;
use crate::gemm::{self, Gemm};

/// Proof that this processor has AVX2 and FMA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx2(());

/// Proof that this processor has AVX-512F and DQ (and AVX2 and FMA).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx2 {
    /// The token, if the processor has the instructions.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    /// Runs `kernel`, compiled with AVX2 and FMA.
    #[inline]
    pub(super) fn run<K: Kernel<f32>>(self, kernel: K) -> K::Out {
        #[target_feature(enable = "avx2,fma")]
        fn entry<K: Kernel<f32>>(token: Avx2, kernel: K) -> K::Out {
            kernel.run(token)
        }
        // SAFETY: the token proves that the processor has AVX2 and FMA.
        unsafe { entry(self, kernel) }
    }
}

impl Avx512 {
    /// The token, if the processor has the instructions.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
        (has && Avx2::detect().is_some()).then_some(Self(()))
    }

    /// Runs `kernel`, compiled with AVX-512F and DQ, AVX2 and FMA.
    #[inline]
    pub(super) fn run<K: Kernel<f32>>(self, kernel: K) -> K::Out {
        #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
        fn entry<K: Kernel<f32>>(token: Avx512, kernel: K) -> K::Out {
            kernel.run(token)
        }
        // SAFETY: the token proves that the processor has AVX-512F and DQ, AVX2 and FMA.
        unsafe { entry(self, kernel) }
    }
}

/// Sixteen words, eight of them set and eight clear: eight from 8 − n on are the mask of the first n lanes.
static AVX2_MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Avx2 {
    /// The mask of the first `n` lanes, n ≤ 8.
    #[inline(always)]
    fn mask(self, n: usize) -> __m256i {
        let words = &AVX2_MASKS[8 - n..][..8];
        // SAFETY: `words` has eight words, unaligned loads are allowed, and the token proves AVX2.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }
}

impl Avx2 {
    /// The sums of the lanes of four vectors.
    #[inline(always)]
    fn sum_four(self, [a, b, c, d]: [__m256; 4]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        // SAFETY: the token proves AVX2, and `sums` has room for four numbers.
        unsafe {
            let ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
            let (ab, cd) = (_mm256_castps_pd(ab), _mm256_castps_pd(cd));
            let low = _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd));
            let high = _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd));
            let abcd = _mm256_add_ps(low, high);
            let high = _mm256_extractf128_ps::<1>(abcd);
            _mm_storeu_ps(
                sums.as_mut_ptr(),
                _mm_add_ps(_mm256_castps256_ps128(abcd), high),
            );
        }
        sums
    }
}

impl Simd for Avx2 {
    type R = f32;
    type V = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    fn load(self, src: &[f32]) -> __m256 {
        let src = &src[..8];
        // SAFETY: `src` has eight numbers, and the token proves AVX2.
        unsafe { _mm256_loadu_ps(src.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, v: __m256, dst: &mut [f32]) {
        let dst = &mut dst[..8];
        // SAFETY: `dst` has room for eight numbers, and the token proves AVX2.
        unsafe { _mm256_storeu_ps(dst.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn load_part(self, src: &[f32]) -> __m256 {
        let mask = self.mask(src.len());
        // SAFETY: only the lanes of `src` are read (`mask` panics beyond eight), and the token proves AVX2.
        unsafe { _mm256_maskload_ps(src.as_ptr(), mask) }
    }
    #[inline(always)]
    fn store_part(self, v: __m256, dst: &mut [f32]) {
        let mask = self.mask(dst.len());
        // SAFETY: only the lanes of `dst` are written (`mask` panics beyond eight), and the token proves AVX2.
        unsafe { _mm256_maskstore_ps(dst.as_mut_ptr(), mask, v) }
    }
    #[inline(always)]
    fn keep_first(self, v: __m256, n: usize) -> __m256 {
        let mask = self.mask(n);
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_and_ps(v, _mm256_castsi256_ps(mask)) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token proves FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn fnma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token proves FMA.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    fn select_positive(self, v: __m256, yes: __m256, no: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(v, _mm256_setzero_ps())) }
    }
    #[inline(always)]
    fn sqrt(self, v: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sqrt_ps(v) }
    }
    #[inline(always)]
    fn recip(self, v: __m256) -> __m256 {
        self.div(self.splat(1.0), v)
    }
    #[inline(always)]
    fn round(self, v: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v) }
    }
    #[inline(always)]
    fn scale(self, v: __m256, n: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_mul_ps(v, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        }
    }
    #[inline(always)]
    fn sum(self, v: __m256) -> f32 {
        // SAFETY: the token proves AVX2.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
    #[inline(always)]
    fn sum_each<const N: usize>(self, v: [__m256; N]) -> [f32; N] {
        let mut sums = [0.0; N];
        for at in (0..N).step_by(4) {
            // What is missing to four is zero, so that a vector is summed in the same order whatever its neighbours are.
            let mut four = [self.splat(0.0); 4];
            for (n, v) in v.iter().enumerate().skip(at).take(4) {
                four[n - at] = *v;
            }
            for (n, sum) in self.sum_four(four).into_iter().enumerate() {
                if at + n < N {
                    sums[at + n] = sum;
                }
            }
        }
        sums
    }
    #[inline(always)]
    fn largest(self, v: __m256) -> f32 {
        // SAFETY: the token proves AVX2.
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
    #[inline(always)]
    fn exp(self, v: __m256) -> __m256 {
        math::exp(self, v)
    }
    #[inline(always)]
    fn tanh(self, v: __m256) -> __m256 {
        math::tanh(self, v)
    }
    #[inline(always)]
    fn tanh_each<const M: usize, const N: usize>(self, v: [[__m256; N]; M]) -> [[__m256; N]; M] {
        math::tanh_each(self, v)
    }
    #[inline(always)]
    fn sigmoid(self, v: __m256) -> __m256 {
        math::sigmoid(self, v)
    }
    #[inline(always)]
    fn gemm(self, job: Gemm<'_, f32>) {
        gemm::run_blocks::<Self, 6, 2>(self, job);
    }
}

impl Avx512 {
    /// The mask of the first `n` lanes, n ≤ 16.
    #[inline(always)]
    fn mask(self, n: usize) -> __mmask16 {
        assert!(n <= 16, "a vector has 16 lanes");
        #[allow(clippy::cast_possible_truncation)]
        let mask = ((1_u32 << n) - 1) as __mmask16;
        mask
    }
}

impl Avx512 {
    /// The sums of the lanes of four vectors.
    #[inline(always)]
    fn sum_four(self, [a, b, c, d]: [__m512; 4]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        // SAFETY: the token proves AVX-512F and AVX2, and `sums` has room for four numbers.
        unsafe {
            let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
            let low = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
            let high = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
            let abcd = _mm512_add_ps(low, high);
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(abcd)));
            let abcd = _mm256_add_ps(_mm512_castps512_ps256(abcd), high);
            let high = _mm256_extractf128_ps::<1>(abcd);
            _mm_storeu_ps(
                sums.as_mut_ptr(),
                _mm_add_ps(_mm256_castps256_ps128(abcd), high),
            );
        }
        sums
    }
}

impl Simd for Avx512 {
    type R = f32;
    type V = __m512;
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    fn load(self, src: &[f32]) -> __m512 {
        let src = &src[..16];
        // SAFETY: `src` has sixteen numbers, and the token proves AVX-512F.
        unsafe { _mm512_loadu_ps(src.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, v: __m512, dst: &mut [f32]) {
        let dst = &mut dst[..16];
        // SAFETY: `dst` has room for sixteen numbers, and the token proves AVX-512F.
        unsafe { _mm512_storeu_ps(dst.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn load_part(self, src: &[f32]) -> __m512 {
        let mask = self.mask(src.len());
        // SAFETY: only the lanes of `src` are read (`mask` panics beyond sixteen), and the token proves AVX-512F.
        unsafe { _mm512_maskz_loadu_ps(mask, src.as_ptr()) }
    }
    #[inline(always)]
    fn store_part(self, v: __m512, dst: &mut [f32]) {
        let mask = self.mask(dst.len());
        // SAFETY: only the lanes of `dst` are written (`mask` panics beyond sixteen), and the token proves AVX-512F.
        unsafe { _mm512_mask_storeu_ps(dst.as_mut_ptr(), mask, v) }
    }
    #[inline(always)]
    fn keep_first(self, v: __m512, n: usize) -> __m512 {
        let mask = self.mask(n);
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_maskz_mov_ps(mask, v) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn fnma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn select_positive(self, v: __m512, yes: __m512, no: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe {
            _mm512_mask_blend_ps(
                _mm512_cmp_ps_mask::<_CMP_GT_OQ>(v, _mm512_setzero_ps()),
                no,
                yes,
            )
        }
    }
    #[inline(always)]
    fn sqrt(self, v: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_sqrt_ps(v) }
    }
    #[inline(always)]
    fn recip(self, v: __m512) -> __m512 {
        // A 14-bit estimate and one Newton step: 28 bits before rounding, for an eighth of the time of a division.
        // SAFETY: the token proves AVX-512F.
        unsafe {
            let estimate = _mm512_rcp14_ps(v);
            let error = _mm512_fnmadd_ps(v, estimate, _mm512_set1_ps(1.0));
            _mm512_fmadd_ps(estimate, error, estimate)
        }
    }
    #[inline(always)]
    fn round(self, v: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v) }
    }
    #[inline(always)]
    fn scale(self, v: __m512, n: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_scalef_ps(v, n) }
    }
    #[inline(always)]
    fn sum(self, v: __m512) -> f32 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_reduce_add_ps(v) }
    }
    #[inline(always)]
    fn sum_each<const N: usize>(self, v: [__m512; N]) -> [f32; N] {
        let mut sums = [0.0; N];
        for at in (0..N).step_by(4) {
            // What is missing to four is zero, so that a vector is summed in the same order whatever its neighbours are.
            let mut four = [self.splat(0.0); 4];
            for (n, v) in v.iter().enumerate().skip(at).take(4) {
                four[n - at] = *v;
            }
            for (n, sum) in self.sum_four(four).into_iter().enumerate() {
                if at + n < N {
                    sums[at + n] = sum;
                }
            }
        }
        sums
    }
    #[inline(always)]
    fn largest(self, v: __m512) -> f32 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_reduce_max_ps(v) }
    }
    #[inline(always)]
    fn limit(self, v: __m512, limit: f32) -> __m512 {
        // The smaller magnitude with the sign of the first operand.
        const SMALLER_MAGNITUDE: i32 = 0b0010;
        // SAFETY: the token proves AVX-512DQ.
        unsafe { _mm512_range_ps::<SMALLER_MAGNITUDE>(v, _mm512_set1_ps(limit)) }
    }
    #[inline(always)]
    fn quotient(self, p: __m512, q: __m512) -> __m512 {
        // As `recip`, with the Newton step's two factors side by side.
        // SAFETY: the token proves AVX-512F.
        unsafe {
            let estimate = _mm512_rcp14_ps(q);
            let correction = _mm512_fnmadd_ps(q, estimate, _mm512_set1_ps(2.0));
            _mm512_mul_ps(_mm512_mul_ps(p, estimate), correction)
        }
    }
    #[inline(always)]
    fn exp(self, v: __m512) -> __m512 {
        math::exp(self, v)
    }
    #[inline(always)]
    fn tanh(self, v: __m512) -> __m512 {
        math::tanh(self, v)
    }
    #[inline(always)]
    fn tanh_each<const M: usize, const N: usize>(self, v: [[__m512; N]; M]) -> [[__m512; N]; M] {
        math::tanh_each(self, v)
    }
    #[inline(always)]
    fn sigmoid(self, v: __m512) -> __m512 {
        math::sigmoid(self, v)
    }
    #[inline(always)]
    fn gemm(self, job: Gemm<'_, f32>) {
        gemm::run_blocks::<Self, 8, 2>(self, job);
    }
}
