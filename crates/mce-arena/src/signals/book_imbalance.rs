//! The book's imbalance: a heavier bid side tends to push the price up (Gould & Bonart 2016, "Queue imbalance as a
//! one-tick-ahead price predictor in a limit order book"; Cartea, Donnelly & Jaimungal 2018, "Enhancing trading
//! strategies with order book signals").

use super::{BaseSignal, Thresholds, checked};
use crate::error::{ArenaError, Checks};
use crate::vote::{NoVote, Vote};
use mce_features::{Bar, Sample};
use mce_market::UnixNanos;
use std::time::Duration;

/// Index of `queue_imb` and `imb_near` among the features, and their mask bits.
const QUEUE: usize = 1;
const NEAR: usize = 2;
const MASK: u16 = 1 << QUEUE | 1 << NEAR;

/// Parameters of [`BookImbalance`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BookImbalanceConfig {
    /// Weight of the best levels' imbalance (`queue_imb`) against that of the near book (`imb_near`), [0, 1].
    pub weight_best: f64,
    /// Half-life of the smoothing, above 0.
    pub half_life: Duration,
    /// When it votes; scores are in [−1, 1].
    pub thresholds: Thresholds,
}

impl Default for BookImbalanceConfig {
    /// Even weights, 10 s, votes from 0.25, sure from 0.75.
    fn default() -> Self {
        BookImbalanceConfig {
            weight_best: 0.5,
            half_life: Duration::from_secs(10),
            thresholds: Thresholds {
                threshold: 0.25,
                saturation: 0.75,
            },
        }
    }
}

/// Votes with the heavier side of the book. The score is an exponentially weighted mean of the imbalance over samples
/// at their true distance in time; it counts from a half-life after the first one on. A sample that masks the imbalance gives no
/// vote and leaves the mean as it was.
#[derive(Clone, Debug)]
pub struct BookImbalance {
    config: BookImbalanceConfig,
    sum: f64,
    weight: f64,
    first: Option<UnixNanos>,
    previous: Option<UnixNanos>,
    masked: u16,
}

impl BookImbalance {
    /// A signal that has seen nothing.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: BookImbalanceConfig) -> Result<Self, ArenaError> {
        let mut checks = Checks::default();
        let share = "a share from 0 to 1";
        checks.within("weight_best", config.weight_best, 0.0..=1.0, share);
        checks.require(
            "half_life",
            !config.half_life.is_zero(),
            "a time above 0",
            format_args!("{:?}", config.half_life),
        );
        config.thresholds.check(&mut checks);
        checked(checks, || BookImbalance {
            config,
            sum: 0.0,
            weight: 0.0,
            first: None,
            previous: None,
            masked: 0,
        })
    }
}

impl BaseSignal for BookImbalance {
    fn name(&self) -> &'static str {
        "book-imbalance"
    }

    fn on_bar(&mut self, _: &Bar) {}

    fn on_sample(&mut self, sample: &Sample) {
        self.masked = sample.mask & MASK;
        if self.masked != 0 {
            return;
        }
        if let Some(previous) = self.previous {
            let seconds = sample.ts.seconds_since(previous).max(0.0);
            let keep = (-seconds / self.config.half_life.as_secs_f64()).exp2();
            let best = self.config.weight_best;
            let now = best * sample.features[QUEUE] + (1.0 - best) * sample.features[NEAR];
            self.sum = keep * self.sum + (1.0 - keep) * now;
            self.weight = keep * self.weight + (1.0 - keep);
        }
        self.first.get_or_insert(sample.ts);
        self.previous = Some(sample.ts);
    }

    fn vote(&self) -> Result<Vote, NoVote> {
        if self.masked != 0 {
            return Err(NoVote::Masked(self.masked));
        }
        // By integer times, so that rounding of the weights decides nothing.
        let warm = match (self.first, self.previous) {
            (Some(first), Some(last)) => last >= first.saturating_add(self.config.half_life),
            _ => false,
        };
        if !warm {
            return Err(NoVote::WarmUp);
        }
        Ok(self.config.thresholds.vote(self.sum / self.weight))
    }
}
