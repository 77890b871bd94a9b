//! Averages with a half-life, and the weights of the steps they take.

use mce_market::UnixNanos;

/// `ns` nanoseconds as seconds.
#[inline]
pub(crate) fn seconds(ns: i64) -> f64 {
    ns as f64 / UnixNanos::PER_SECOND as f64
}

/// 2^(−t/h): what is left of a value after `t` seconds with a half-life of `h` seconds.
#[inline]
pub(crate) fn left_after(t: f64, h: f64) -> f64 {
    (-t / h).exp2()
}

/// An exponential average: the weighted sum S and the sum of the weights W, value S/W.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ema {
    pub(crate) sum: f64,
    pub(crate) weight: f64,
}

impl Ema {
    /// Folds `x` in after a step over which the old value keeps the share `left` in (0, 1).
    #[inline]
    pub(crate) fn step(&mut self, left: f64, x: f64) {
        let taken = 1.0 - left;
        self.sum = left * self.sum + taken * x;
        self.weight = left * self.weight + taken;
    }

    /// The average; `None` before anything was folded in.
    #[inline]
    pub(crate) fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// Shares left after one sampling step, for the half-lives that averages have (seconds in the names).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SampleStep {
    dt_ns: i64,
    pub(crate) dt_s: f64,
    pub(crate) left_15: f64,
    pub(crate) left_60: f64,
    pub(crate) left_300: f64,
}

impl SampleStep {
    pub(crate) fn new(dt_ns: i64) -> Self {
        let dt_s = seconds(dt_ns);
        SampleStep {
            dt_ns,
            dt_s,
            left_15: left_after(dt_s, 15.0),
            left_60: left_after(dt_s, 60.0),
            left_300: left_after(dt_s, 300.0),
        }
    }

    /// The step of `dt_ns`: nearly always the one before, so that its weights are there already.
    #[inline]
    pub(crate) fn of(&self, dt_ns: i64) -> Self {
        if dt_ns == self.dt_ns {
            *self
        } else {
            Self::new(dt_ns)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_its_own_mean_and_weights_reach_a_half_in_a_half_life() {
        let mut ema = Ema::default();
        assert_eq!(ema.value(), None);
        let step = SampleStep::new(10 * UnixNanos::PER_SECOND);
        for _ in 0..30 {
            ema.step(step.left_300, 7.0);
            assert!((ema.value().unwrap() - 7.0).abs() < 1e-14);
        }
        assert!((ema.weight - 0.5).abs() < 1e-14, "{}", ema.weight);
    }

    #[test]
    fn half_is_left_after_a_half_life() {
        assert_eq!(left_after(30.0, 30.0), 0.5);
        assert_eq!(left_after(0.0, 30.0), 1.0);
        let step = SampleStep::new(15 * UnixNanos::PER_SECOND);
        assert_eq!((step.dt_s, step.left_15), (15.0, 0.5));
        assert_eq!(step.of(1).dt_s, 1e-9);
    }
}
