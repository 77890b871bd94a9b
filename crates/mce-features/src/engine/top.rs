//! One side of a sampled book as columns, and what is measured on them.

use crate::kernel::{Kernel, near_of};
use mce_market::Level;

/// Sums run in this many lanes side by side, so that no addition waits for the one before.
const LANES: usize = 4;

/// Near and far depth of one side: Σ q w_n and Σ q w_f.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Depth {
    pub(super) near: f64,
    pub(super) far: f64,
}

/// The levels of one side, best first. Sizes are in units of the instrument, prices in price.
#[derive(Clone, Debug, Default)]
pub(super) struct Top {
    /// |p − m|.
    distance: Vec<f64>,
    qty: Vec<f64>,
    weight: Vec<f64>,
    /// Price of the last level; the mid on an empty side.
    last: f64,
}

impl Top {
    /// Takes the first `depth` of `levels`, whose prices are in units of `1 / price_one`.
    #[inline]
    pub(super) fn fill(
        &mut self,
        levels: impl Iterator<Item = Level>,
        depth: usize,
        price_one: f64,
        mid: f64,
    ) {
        self.distance.resize(depth, 0.0);
        self.qty.resize(depth, 0.0);
        let mut count = 0;
        let columns = self.distance.iter_mut().zip(&mut self.qty);
        for ((price, qty), level) in columns.zip(levels) {
            *price = level.price.units() as f64;
            *qty = level.qty.units() as f64;
            count += 1;
        }
        self.distance.truncate(count);
        self.qty.truncate(count);
        for price in &mut self.distance {
            *price /= price_one;
        }
        self.last = self.distance.last().copied().unwrap_or(mid);
        for price in &mut self.distance {
            *price = (*price - mid).abs();
        }
    }

    /// Price of the last level.
    pub(super) fn last(&self) -> f64 {
        self.last
    }

    /// Σ q, units.
    pub(super) fn total(&self) -> f64 {
        let (chunks, rest) = self.qty.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for chunk in chunks {
            for lane in 0..LANES {
                sums[lane] += chunk[lane];
            }
        }
        for (sum, q) in sums.iter_mut().zip(rest) {
            *sum += q;
        }
        joined(sums)
    }

    /// Near and far depth, units.
    #[inline]
    pub(super) fn depth(&mut self, kernel: &Kernel) -> Depth {
        self.weight.clear();
        self.weight.extend_from_slice(&self.distance);
        kernel.far(&mut self.weight);
        let (q_chunks, q_rest) = self.qty.as_chunks::<LANES>();
        let (w_chunks, w_rest) = self.weight.as_chunks::<LANES>();
        let (mut near, mut far) = ([0.0; LANES], [0.0; LANES]);
        for (q, w) in q_chunks.iter().zip(w_chunks) {
            for lane in 0..LANES {
                near[lane] += q[lane] * near_of(w[lane]);
                far[lane] += q[lane] * w[lane];
            }
        }
        for (lane, (q, w)) in q_rest.iter().zip(w_rest).enumerate() {
            near[lane] += q * near_of(*w);
            far[lane] += q * w;
        }
        Depth {
            near: joined(near),
            far: joined(far),
        }
    }

    /// Mean distance from the mid paid for `volume` (units, above 0), walking the levels. What they cannot fill costs
    /// the last level's distance + L · (share unfilled).
    pub(super) fn cost(&self, volume: f64, length: f64) -> f64 {
        let mut left = volume;
        let mut cost = 0.0;
        let mut last = 0.0;
        for (distance, qty) in self.distance.iter().zip(&self.qty) {
            let take = qty.min(left);
            cost += take * distance;
            left -= take;
            if left <= 0.0 {
                return cost / volume;
            }
            last = *distance;
        }
        (cost + left * (last + length * (left / volume))) / volume
    }
}

fn joined(lanes: [f64; LANES]) -> f64 {
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use mce_market::{Price, Qty};

    fn top(levels: &[(i64, i64)], mid: f64) -> Top {
        let mut top = Top::default();
        let level = |(p, q): &(i64, i64)| Level::new(Price::from_units(*p), Qty::from_units(*q));
        top.fill(levels.iter().map(level), 50, 10.0, mid);
        top
    }

    #[test]
    fn sums_count_every_level_once() {
        let kernel = Kernel::new(2.0);
        for count in 0..11 {
            let levels: Vec<_> = (0..count).map(|i| (1010 + 3 * i, 1 + i * i)).collect();
            let mut top = top(&levels, 100.0);
            let q = |i: i64| (1 + i * i) as f64;
            let d = |i: i64| (1010 + 3 * i) as f64 / 10.0 - 100.0;
            let sum = |weight: &dyn Fn(f64) -> f64| -> f64 {
                (0..count).map(|i| q(i) * weight(d(i))).sum()
            };
            let close = |got: f64, want: f64| (got - want).abs() <= 1e-14 * want;
            assert!(close(top.total(), sum(&|_| 1.0)));
            let depth = top.depth(&kernel);
            assert!(close(depth.far, sum(&|d| (-d).exp())), "{count}");
            assert!(close(depth.near, sum(&|d| (-d / 0.2).exp())), "{count}");
        }
    }

    #[test]
    fn cost_beyond_the_visible_book() {
        // 1 filled at distance 1; 3 of 4 left: each at 1 + L·¾ = 2.5. (1 + 7.5)/4 = 2.125.
        assert_eq!(top(&[(1010, 1)], 100.0).cost(4.0, 2.0), 2.125);
        // 1.25 of (1 at 1, 3 at 2): 1.5/1.25.
        assert_eq!(top(&[(1010, 1), (1020, 3)], 100.0).cost(1.25, 2.0), 1.2);
        assert_eq!(
            top(&[(1010, 1), (1020, 3)], 100.0).cost(4.0, 2.0),
            7.0 / 4.0
        );
    }
}
