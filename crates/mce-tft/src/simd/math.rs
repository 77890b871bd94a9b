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
//! | [`sigmoid_of_tanh`] | 2.5e-7 absolute |

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
    let [[y]] = tanh_each(s, [[x]]);
    y
}

/// [`tanh`] of several vectors in step: a processor does not look far enough ahead to overlap them one by one.
#[inline(always)]
pub(crate) fn tanh_each<S: Simd<R = f32>, const M: usize, const N: usize>(
    s: S,
    mut x: [[S::V; N]; M],
) -> [[S::V; N]; M] {
    let [p0, p1, p2, p3, p4] = TANH_P.map(|c| s.splat(c));
    let [q0, q1, q2, q3, q4] = TANH_Q.map(|c| s.splat(c));
    let (mut u, mut square, mut p, mut q) = (x, x, x, x);
    for m in 0..M {
        for n in 0..N {
            x[m][n] = s.limit(x[m][n], TANH_MAX);
            u[m][n] = s.mul(x[m][n], x[m][n]);
        }
    }
    // Both polynomials in halves that do not wait for each other.
    for m in 0..M {
        for n in 0..N {
            let u = u[m][n];
            square[m][n] = s.mul(u, u);
            p[m][n] = s.fma(p4, square[m][n], s.fma(p3, u, p2));
            q[m][n] = s.fma(q4, square[m][n], s.fma(q3, u, q2));
        }
    }
    for m in 0..M {
        for n in 0..N {
            let (u, square) = (u[m][n], square[m][n]);
            p[m][n] = s.fma(p[m][n], square, s.fma(p1, u, p0));
            q[m][n] = s.fma(q[m][n], square, s.fma(q1, u, q0));
            p[m][n] = s.mul(p[m][n], x[m][n]);
        }
    }
    for m in 0..M {
        for n in 0..N {
            x[m][n] = s.quotient(p[m][n], q[m][n]);
        }
    }
    x
}

/// ½ + ½ tanh(x/2), given tanh(x/2): what a recurrence waits for a shorter time than for [`sigmoid`].
#[inline(always)]
pub(crate) fn sigmoid_of_tanh<S: Simd<R = f32>>(s: S, tanh: S::V) -> S::V {
    let half = s.splat(0.5);
    s.fma(tanh, half, half)
}

/// 1 / (1 + e⁻ˣ): as fast as by way of tanh where many are computed, and more exact.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd<R = f32>>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.recip(s.add(one, exp(s, s.sub(s.splat(0.0), x))))
}
