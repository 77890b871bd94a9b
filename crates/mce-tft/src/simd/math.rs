//! eˣ, tanh and the logistic function in single precision, on any lanes.
//!
//! The coefficients are minimax fits made for this crate (relative error, Lawson iteration); what is left is rounding.
//! Stated bounds, which the tests of this module's parent scan for on every instruction set:
//!
//! | function | bound |
//! |---|---|
//! | [`exp`] | 2e-7 relative on [−87, 87]; beyond it stays at e⁻⁸⁷ and e⁸⁷ |
//! | [`tanh`] | 4e-7 absolute |
//! | [`sigmoid`] | 1.5e-7 absolute |
//! | [`sigmoid_of_half`] | 2.5e-7 absolute |

use super::lanes::Simd;

/// eˣ and e⁻ˣ are normal numbers up to here.
const EXP_MAX: f32 = 87.0;
/// ln 2 in two parts: n · `LN2_HI` is exact for |n| < 2¹⁰.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
/// (eʳ − 1 − r)/r² on |r| ≤ ½ ln 2, fit error 3.3e-9 of eʳ; constant term first.
const EXP_P: [f32; 5] = [
    0.499_999_94,
    0.166_665_15,
    0.041_668_456,
    0.008_369_419,
    0.001_381_314_5,
];

/// Beyond this, tanh rounds to ±1.
const TANH_MAX: f32 = 9.0;
/// tanh x ≈ x·P(x²)/Q(x²) on |x| ≤ 9, fit error 2.1e-8; constant term first.
const TANH_P: [f32; 5] = [
    1.0,
    0.133_810_25,
    0.003_495_588,
    2.060_907_9e-5,
    1.335_465_8e-8,
];
const TANH_Q: [f32; 5] = [
    1.0,
    0.467_143_42,
    0.025_876_982,
    3.285_634_4e-4,
    7.776_556_6e-7,
];

#[inline(always)]
fn polynomial<S: Simd<R = f32>>(s: S, x: S::V, coefficients: [f32; 5]) -> S::V {
    let [c0, c1, c2, c3, c4] = coefficients;
    let p = s.fma(s.splat(c4), x, s.splat(c3));
    let p = s.fma(p, x, s.splat(c2));
    let p = s.fma(p, x, s.splat(c1));
    s.fma(p, x, s.splat(c0))
}

/// eˣ = 2ⁿ·eʳ with x = n ln 2 + r.
#[inline(always)]
pub(crate) fn exp<S: Simd<R = f32>>(s: S, x: S::V) -> S::V {
    let x = s.min(s.max(x, s.splat(-EXP_MAX)), s.splat(EXP_MAX));
    let n = s.round(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    let r = s.fnma(n, s.splat(LN2_LO), s.fnma(n, s.splat(LN2_HI), x));
    let p = polynomial(s, r, EXP_P);
    let y = s.fma(s.mul(r, r), p, s.add(r, s.splat(1.0)));
    s.scale(y, n)
}

/// A rational function of degree 9 over 8; may be beyond ±1 by its error.
#[inline(always)]
pub(crate) fn tanh<S: Simd<R = f32>>(s: S, x: S::V) -> S::V {
    let x = s.limit(x, TANH_MAX);
    let u = s.mul(x, x);
    let square = s.mul(u, u);
    let p = s.mul(x, side_by_side(s, (u, square), TANH_P));
    s.quotient(p, side_by_side(s, (u, square), TANH_Q))
}

/// A polynomial in u whose halves do not wait for each other.
#[inline(always)]
fn side_by_side<S: Simd<R = f32>>(s: S, (u, square): (S::V, S::V), coefficients: [f32; 5]) -> S::V {
    let [c0, c1, c2, c3, c4] = coefficients;
    let low = s.fma(s.splat(c1), u, s.splat(c0));
    let high = s.fma(s.splat(c4), square, s.fma(s.splat(c3), u, s.splat(c2)));
    s.fma(high, square, low)
}

/// ½ + ½ tanh(x/2), given x/2: what a recurrence waits for a shorter time than for [`sigmoid`].
#[inline(always)]
pub(crate) fn sigmoid_of_half<S: Simd<R = f32>>(s: S, half_x: S::V) -> S::V {
    let half = s.splat(0.5);
    s.fma(s.tanh(half_x), half, half)
}

/// 1 / (1 + e⁻ˣ): as fast as by way of tanh where many are computed, and more exact.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd<R = f32>>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.recip(s.add(one, exp(s, s.sub(s.splat(0.0), x))))
}
