//! Vector lanes: which instruction sets there are, which one this machine has, and how a kernel runs on it.
//!
//! A kernel is written once, in safe code, against the [`Simd`] trait of the `lanes` module, and compiled for every
//! instruction set. All `unsafe` of the crate is in the `x86` module, where a vector operation becomes an instruction.
//! What the kernels compute is left to `gemm`, `batch` and `stream`.

mod array;
pub(crate) mod lanes;
pub(crate) mod math;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;

pub(crate) use lanes::{Kernel, Simd};

use crate::real::sealed::Lanes;
use array::{Doubles, PortableFloats, ScalarFloats};

/// An instruction set this machine has: to hold an `Isa` is the proof that its instructions may be used.
///
/// `f64` runs on portable lanes whatever the `Isa`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
}

impl Isa {
    /// One lane, with the standard library's `exp` and `tanh`: the twin that the others are tested against.
    #[must_use]
    pub fn scalar() -> Self {
        Self(Kind::Scalar)
    }

    /// Eight lanes in plain Rust, which the compiler turns into what the target has at least (SSE2, NEON).
    #[must_use]
    pub fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// AVX2 with FMA, if this machine has them.
    #[must_use]
    pub fn avx2() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return x86::Avx2::detect().map(|token| Self(Kind::Avx2(token)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// AVX-512 (the subsets F and DQ), if this machine has it.
    #[must_use]
    pub fn avx512() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return x86::Avx512::detect().map(|token| Self(Kind::Avx512(token)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// The widest instruction set of this machine.
    #[must_use]
    pub fn detect() -> Self {
        Self::avx512()
            .or_else(Self::avx2)
            .unwrap_or_else(Self::portable)
    }

    /// The instruction set called `name`, if this machine has it.
    ///
    /// Names: `scalar`, `portable`, `avx2`, `avx512`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|isa| isa.name() == name)
    }

    /// Every instruction set of this machine, narrowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        [
            Some(Self::scalar()),
            Some(Self::portable()),
            Self::avx2(),
            Self::avx512(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// `scalar`, `portable`, `avx2` or `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
        }
    }
}

impl Default for Isa {
    fn default() -> Self {
        Self::detect()
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Isa({})", self.name())
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Lanes for f32 {
    #[inline]
    fn dispatch<K: Kernel<f32>>(isa: Isa, kernel: K) -> K::Out {
        match isa.0 {
            Kind::Scalar => kernel.run(ScalarFloats::default()),
            Kind::Portable => kernel.run(PortableFloats::default()),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(token) => token.run(kernel),
        }
    }
}

impl Lanes for f64 {
    #[inline]
    fn dispatch<K: Kernel<f64>>(_isa: Isa, kernel: K) -> K::Out {
        kernel.run(Doubles::default())
    }
}

#[cfg(test)]
mod tests;
