//! The two number types the model can be computed in: `f32` in production, `f64` to prove the arithmetic.

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::simd::{Isa, Kernel};

pub(crate) mod sealed {
    use super::{Isa, Kernel};

    /// Keeps [`super::Real`] closed, and runs a kernel on the lanes of an instruction set.
    pub trait Lanes: Sized {
        /// Runs `kernel` on the widest lanes `isa` offers for this type.
        fn dispatch<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Out;
    }
}

/// `f32` or `f64`. Closed: every kernel is written for these two.
pub trait Real:
    sealed::Lanes
    + Copy
    + Debug
    + Default
    + Display
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;

    /// A number so large that adding and taking it away again rounds to whole numbers (1.5 times 2 to the mantissa bits).
    const ROUND_SHIFT: Self;

    /// The nearest value to `x`.
    fn from_f64(x: f64) -> Self;
    /// This value as a double, exactly.
    fn to_f64(self) -> f64;
    /// Square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// eˣ by the standard library.
    #[must_use]
    fn exp(self) -> Self;
    /// Hyperbolic tangent by the standard library.
    #[must_use]
    fn tanh(self) -> Self;
    /// ln(1 + x) by the standard library.
    #[must_use]
    fn ln_1p(self) -> Self;
    /// |x|.
    #[must_use]
    fn abs(self) -> Self;
    /// The larger of two values that are not NaN.
    #[must_use]
    fn max(self, other: Self) -> Self;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// 2 to the power of this whole number, which lies in [−126, 127].
    #[must_use]
    fn pow2(self) -> Self;
}

macro_rules! impl_real {
    ($t:ty, $mantissa:expr, $bias:expr) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const ROUND_SHIFT: Self = (3_u64 << ($mantissa - 1)) as Self;

            #[allow(clippy::cast_possible_truncation)]
            fn from_f64(x: f64) -> Self {
                x as Self
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn exp(self) -> Self {
                self.exp()
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                self.tanh()
            }
            fn ln_1p(self) -> Self {
                self.ln_1p()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn pow2(self) -> Self {
                // The low bits of n + shift are n in two's complement; moved up they are the exponent.
                let n = (self + Self::ROUND_SHIFT).to_bits();
                Self::from_bits(n.wrapping_add($bias) << $mantissa)
            }
        }
    };
}

impl_real!(f32, 23, 127);
impl_real!(f64, 52, 1023);
