//! Dropout masks that are a function of where they apply: seed, step, chunk, layer, row and unit.
//!
//! So the backward pass makes the same mask again instead of keeping it, and the masks do not depend on threads.

use crate::real::Real;
use crate::rng::Stream;

/// Units that share one draw of 64 bits.
const UNITS_PER_DRAW: usize = 4;

/// Where units are dropped: which layer, and which of its rows comes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) layer: u64,
    pub(crate) first_row: usize,
}

/// The masks of one chunk in one training step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    stream: Stream,
    /// A unit is dropped when its 16 bits are below this.
    threshold: u16,
    /// One over the probability of being kept.
    scale: f64,
}

impl Dropout {
    /// Masks with probability `p` (to the nearest of 2⁻¹⁶), none when that is 0.
    pub(crate) fn new(p: f64, stream: Stream) -> Option<Self> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let threshold = (p * 65_536.0).round().clamp(0.0, 65_535.0) as u16;
        let kept = 1.0 - f64::from(threshold) / 65_536.0;
        (threshold > 0).then_some(Self {
            stream,
            threshold,
            scale: 1.0 / kept,
        })
    }

    /// Multiplies each unit of `x`, whose rows are `width` wide and start at row `first_row` of layer `layer`, by 0 or
    /// by one over the probability of being kept.
    pub(crate) fn apply<R: Real>(
        &self,
        Site { layer, first_row }: Site,
        width: usize,
        x: &mut [R],
    ) {
        let layer = self.stream.fork(layer);
        let scale = R::from_f64(self.scale);
        for (row, units) in x.chunks_exact_mut(width).enumerate() {
            let stream = layer.fork((first_row + row) as u64);
            for (draw, units) in (0_u64..).zip(units.chunks_mut(UNITS_PER_DRAW)) {
                let mut bits = stream.bits(draw);
                for unit in units {
                    #[allow(clippy::cast_possible_truncation)]
                    let kept = bits as u16 >= self.threshold;
                    *unit *= if kept { scale } else { R::ZERO };
                    bits >>= 16;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(p: f64, layer: u64, first_row: usize, rows: usize) -> Vec<f32> {
        let mut x = vec![1.0; rows * 24];
        if let Some(dropout) = Dropout::new(p, Stream::new(9)) {
            dropout.apply(Site { layer, first_row }, 24, &mut x);
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
}
