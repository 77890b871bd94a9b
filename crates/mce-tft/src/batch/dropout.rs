//! Dropout masks that are a function of where they apply: seed, step, chunk, layer and row.
//!
//! So the backward pass makes the same mask again instead of keeping it, and the masks do not depend on threads. To draw
//! a number for every unit would cost as much as the network itself: a step draws a strip of 2¹⁵ factors, and every row
//! of every layer takes its mask from a place on the strip that a counter chooses. Each mask alone is as if drawn unit by
//! unit; two rows of a step have overlapping masks about once in 500 times.

use crate::buffer::AlignedBuf;
use crate::real::Real;
use crate::rng::Stream;
use crate::simd::{Isa, Kernel, Simd};

/// Places on the strip.
const PLACES: usize = 1 << 15;
/// The widest layer that drops units.
const WIDTH_MAX: usize = 256;
/// Units that share one draw of 64 bits.
const UNITS_PER_DRAW: usize = 4;

/// Where units are dropped: which layer, and which of its rows comes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) layer: u64,
    pub(crate) first_row: usize,
}

/// The factors of a step: 0 or one over the probability of being kept.
#[derive(Debug, Default)]
pub(crate) struct Strip<R: Real> {
    factors: AlignedBuf<R>,
}

impl<R: Real> Strip<R> {
    /// Draws the factors of a step, with probability `p` of 0 (to the nearest of 2⁻¹⁶). None when that is 0.
    pub(crate) fn draw(&mut self, p: f64, stream: Stream) -> Option<Dropout<'_, R>> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let threshold = (p * 65_536.0).round().clamp(0.0, 65_535.0) as u16;
        if threshold == 0 {
            return None;
        }
        let scale = R::from_f64(1.0 / (1.0 - f64::from(threshold) / 65_536.0));
        self.factors.resize_unspecified(PLACES + WIDTH_MAX);
        let strip = stream.fork(0);
        for (draw, factors) in (0_u64..).zip(self.factors.chunks_mut(UNITS_PER_DRAW)) {
            let mut bits = strip.bits(draw);
            for factor in factors {
                #[allow(clippy::cast_possible_truncation)]
                let kept = bits as u16 >= threshold;
                *factor = if kept { scale } else { R::ZERO };
                bits >>= 16;
            }
        }
        Some(Dropout {
            stream: stream.fork(1),
            factors: &self.factors,
        })
    }
}

/// The masks of a step, or of one of its chunks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout<'a, R> {
    stream: Stream,
    factors: &'a [R],
}

impl<R: Real> Dropout<'_, R> {
    /// The masks of chunk number `chunk`.
    pub(crate) fn of_chunk(self, chunk: usize) -> Self {
        Self {
            stream: self.stream.fork(chunk as u64),
            ..self
        }
    }

    /// Multiplies the rows of `x`, `width` wide, by their masks.
    pub(crate) fn apply(self, isa: Isa, site: Site, width: usize, x: &mut [R]) {
        let rows = self.stream.fork(site.layer);
        let Site { first_row, .. } = site;
        R::dispatch(
            isa,
            Mask {
                rows,
                first_row,
                factors: self.factors,
                width,
                x,
            },
        );
    }
}

struct Mask<'a, R> {
    rows: Stream,
    first_row: usize,
    factors: &'a [R],
    width: usize,
    x: &'a mut [R],
}

impl<R: Real> Kernel<R> for Mask<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        for (row, x) in (self.first_row as u64..).zip(self.x.chunks_exact_mut(self.width)) {
            let mask = &self.factors[self.rows.below(row, PLACES)..][..self.width];
            let (mut xs, mut masks) = (x.chunks_exact_mut(S::LANES), mask.chunks_exact(S::LANES));
            for (x, mask) in xs.by_ref().zip(masks.by_ref()) {
                let v = s.mul(s.load(x), s.load(mask));
                s.store(v, x);
            }
            let (x, mask) = (xs.into_remainder(), masks.remainder());
            if !x.is_empty() {
                let v = s.mul(s.load_part(x), s.load_part(mask));
                s.store_part(v, x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(p: f64, layer: u64, first_row: usize, rows: usize) -> Vec<f32> {
        let mut x = vec![1.0; rows * 24];
        let mut strip = Strip::default();
        if let Some(dropout) = strip.draw(p, Stream::new(9)) {
            dropout
                .of_chunk(3)
                .apply(Isa::detect(), Site { layer, first_row }, 24, &mut x);
        }
        x
    }

    #[test]
    fn mean_is_kept_and_share_dropped_is_right() {
        for p in [0.0, 0.1, 0.5, 0.9] {
            let x = mask(p, 1, 0, 4_000);
            let n = x.len() as f64;
            let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
            let dropped = x.iter().filter(|x| **x == 0.0).count() as f64 / n;
            assert!((mean - 1.0).abs() < 0.03, "p = {p}: mean {mean}");
            assert!((dropped - p).abs() < 0.01, "p = {p}: dropped {dropped}");
        }
    }

    #[test]
    fn a_row_has_the_same_mask_in_any_tile() {
        let all = mask(0.3, 2, 0, 10);
        assert_eq!(all[4 * 24..], mask(0.3, 2, 4, 6));
        assert_ne!(all, mask(0.3, 3, 0, 10));
    }

    #[test]
    fn neighbouring_rows_and_layers_hardly_agree() {
        let (a, b) = (mask(0.5, 1, 0, 500), mask(0.5, 2, 0, 500));
        let agree = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
        };
        assert!((agree(&a, &b) - 0.5).abs() < 0.05);
        assert!((agree(&a[24..], &a[..a.len() - 24]) - 0.5).abs() < 0.05);
    }
}
