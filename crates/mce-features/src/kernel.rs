//! Distance kernels: how much a level counts by its distance from the mid.
//!
//! Both kernels of the schema are exponentials, and the near one, exp(−d/(0.1 L)), is the fifth power of the far
//! one, exp(−d/(0.5 L)); so one exponential a level serves both. It is a polynomial without branches that the
//! compiler turns into vector code, the same bits on every machine and in every loop.

/// Coefficients of 2^f on [−½, ½]: interpolation at the eleven Chebyshev nodes, relative error below 3·10⁻¹⁶
/// before rounding, and exactly 1 at 0.
#[expect(
    clippy::approx_constant,
    reason = "the coefficient beside ln 2 is not ln 2"
)]
const EXP2: [f64; 11] = [
    1.0,
    0.693_147_180_559_95,
    0.240_226_506_959_100_97,
    0.055_504_108_664_447_72,
    0.009_618_129_107_606_888,
    0.001_333_355_823_016_497_4,
    0.000_154_035_304_417_360_5,
    1.525_265_726_020_083_7e-5,
    1.321_544_258_792_169e-6,
    1.020_869_029_995_830_6e-7,
    7.072_585_949_269_223e-9,
];

/// 1.5·2^52: adding it to a number below 2^51 in size rounds that number to an integer, which then stands in the
/// low bits of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// 2^t for t ≤ 0; relative error below 5·10⁻¹⁶. Below 2^−1022, where floats lose their precision, it is 0; a NaN
/// gives 0 as well.
#[inline(always)]
fn exp2(t: f64) -> f64 {
    let shifted = t + ROUND;
    let f = t - (shifted - ROUND);
    let mut p = EXP2[10];
    for c in EXP2[..10].iter().rev() {
        p = p * f + c;
    }
    let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if t >= -1022.0 { p * scale } else { 0.0 }
}

/// The two kernels at one length scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    /// Exponent of 2 a unit of distance, in the far kernel.
    per_distance: f64,
}

impl Kernel {
    /// Kernels at the length scale `length`, in price.
    pub(crate) fn new(length: f64) -> Self {
        Kernel {
            per_distance: -std::f64::consts::LOG2_E / (0.5 * length),
        }
    }

    /// Turns distances from the mid (0 or more, in price) into far weights.
    #[inline]
    pub(crate) fn far(&self, distances: &mut [f64]) {
        self.far_of(distances, |distance| distance);
    }

    /// Turns values into the far weights of the distances that they stand for.
    #[inline(always)]
    pub(crate) fn far_of(&self, values: &mut [f64], distance: impl Fn(f64) -> f64) {
        for value in values {
            *value = exp2(distance(*value) * self.per_distance);
        }
    }
}

/// The near weight that belongs to a far weight.
#[inline(always)]
pub(crate) fn near_of(far: f64) -> f64 {
    let square = far * far;
    square * square * far
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_within_two_units_in_the_last_place() {
        let mut worst = 0.0f64;
        for i in 0..=2_044_000 {
            let t = f64::from(i) / -2000.0 + 0.0003 * f64::from(i % 3);
            if t <= 0.0 {
                worst = worst.max((exp2(t) / t.exp2() - 1.0).abs());
            }
        }
        assert!(worst < 5e-16, "{worst}");
        for k in 0..=1022 {
            assert_eq!(exp2(f64::from(-k)), f64::from(-k).exp2());
        }
        for t in [-1022.1, -1e9, -1e300, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(exp2(t), 0.0, "{t}");
        }
    }

    #[test]
    fn both_kernels_are_the_exponentials_of_the_schema() {
        let (length, mut weights) = (0.37, [0.0, 1e-9, 0.05, 0.4, 3.0, 7.0]);
        let distances = weights;
        Kernel::new(length).far(&mut weights);
        for (d, w) in distances.into_iter().zip(weights) {
            let relative = |got: f64, want: f64| (got / want - 1.0).abs();
            assert!(relative(w, (-d / (0.5 * length)).exp()) < 1e-14, "{d}");
            assert!(
                relative(near_of(w), (-d / (0.1 * length)).exp()) < 1e-13,
                "{d}"
            );
        }
    }

    #[test]
    fn scaling_prices_by_a_power_of_two_changes_no_bit() {
        let base = [0.013, 0.02, 0.5, 1.7];
        let mut want = base;
        Kernel::new(0.3).far(&mut want);
        for factor in [2f64.powi(40), 2f64.powi(-40)] {
            let mut got = base.map(|d| d * factor);
            Kernel::new(0.3 * factor).far(&mut got);
            assert_eq!(got, want);
        }
    }
}
