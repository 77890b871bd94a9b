//! A counter-based generator: the n-th number of a stream is a pure function of (key, n).
//!
//! That is what makes initial weights, shuffles and dropout masks the same on any number of threads. The function is
//! the output permutation of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators",
//! OOPSLA 2014) applied to `key + n · 0x9E3779B97F4A7C15`. It is not for cryptography.

/// Weyl increment of SplitMix64: 2⁶⁴ over the golden ratio, odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The output permutation of SplitMix64.
#[inline(always)]
pub(crate) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A stream of numbers: pure, copied freely, with sub-streams by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            key: mix(seed ^ GOLDEN),
        }
    }

    /// The sub-stream number `id`, unrelated to the others and to this one.
    #[inline(always)]
    pub(crate) fn fork(self, id: u64) -> Self {
        Self {
            key: mix(self.key ^ mix(id.wrapping_add(1).wrapping_mul(GOLDEN))),
        }
    }

    /// The n-th 64 random bits.
    #[inline(always)]
    pub(crate) fn bits(self, n: u64) -> u64 {
        mix(self.key.wrapping_add(n.wrapping_mul(GOLDEN)))
    }

    /// The n-th number, uniform in [0, 1), a multiple of 2⁻⁵³.
    #[inline(always)]
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn uniform(self, n: u64) -> f64 {
        (self.bits(n) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// The n-th standard normal number (Box–Muller on two numbers of the stream).
    pub(crate) fn normal(self, n: u64) -> f64 {
        let u = 1.0 - self.uniform(2 * n);
        let angle = std::f64::consts::TAU * self.uniform(2 * n + 1);
        (-2.0 * u.ln()).sqrt() * angle.cos()
    }

    /// A whole number in [0, bound), from the n-th number. The bias is below `bound`/2⁶⁴.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn below(self, n: u64, bound: usize) -> usize {
        ((u128::from(self.bits(n)) * bound as u128) >> 64) as usize
    }

    /// Shuffles `items` (Fisher–Yates), using the numbers 0, 1, 2, … of this stream.
    pub(crate) fn shuffle<T>(self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64, last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_splitmix64() {
        // First outputs of SplitMix64 seeded with 0, from the reference implementation by S. Vigna.
        let stream = Stream { key: 0 };
        assert_eq!(stream.bits(1), 0xE220_A839_7B1D_CDAF);
        assert_eq!(stream.bits(2), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let stream = Stream::new(7);
        let n = 100_000;
        let mean = |f: &dyn Fn(u64) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        assert!((mean(&|i| stream.uniform(i)) - 0.5).abs() < 0.005);
        assert!((mean(&|i| stream.uniform(i).powi(2)) - 1.0 / 3.0).abs() < 0.005);
        assert!(mean(&|i| stream.normal(i)).abs() < 0.015);
        assert!((mean(&|i| stream.normal(i).powi(2)) - 1.0).abs() < 0.02);
    }

    #[test]
    fn shuffle_is_a_permutation_and_depends_on_the_stream() {
        let shuffled = |id| {
            let mut items: Vec<u32> = (0..50).collect();
            Stream::new(1).fork(id).shuffle(&mut items);
            items
        };
        assert_ne!(shuffled(0), shuffled(1));
        assert_eq!(shuffled(0), shuffled(0));
        let mut sorted = shuffled(0);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..50));
    }
}
