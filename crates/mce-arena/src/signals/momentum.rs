//! Momentum of bars: a return that is large for its own volatility tends to go on (Moskowitz, Ooi & Pedersen 2012,
//! "Time series momentum", in its scaled form).

use super::{BaseSignal, Closes, Thresholds, checked};
use crate::error::{ArenaError, Checks};
use crate::vote::{NoVote, Vote};
use mce_features::{Bar, Sample};

/// Parameters of [`Momentum`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentumConfig {
    /// Bars that the return spans, 1 to 1000.
    pub bars: usize,
    /// Bars that the volatility is measured over, not fewer than `bars` and at most 10 000.
    pub volatility_bars: usize,
    /// When it votes; scores are returns in standard deviations.
    pub thresholds: Thresholds,
}

impl Default for MomentumConfig {
    /// 12 bars against the volatility of 60, votes from 1.25, sure from 3.
    fn default() -> Self {
        MomentumConfig {
            bars: 12,
            volatility_bars: 60,
            thresholds: Thresholds {
                threshold: 1.25,
                saturation: 3.0,
            },
        }
    }
}

/// Votes with the log return over the last `bars` bars, over the root mean square of one-bar log returns × √`bars`.
#[derive(Clone, Debug)]
pub struct Momentum {
    config: MomentumConfig,
    closes: Closes,
    stale: bool,
}

impl Momentum {
    /// A signal that has seen nothing.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: MomentumConfig) -> Result<Self, ArenaError> {
        let mut checks = Checks::default();
        checks.require(
            "bars",
            (1..=1000).contains(&config.bars),
            "1 to 1000",
            config.bars,
        );
        checks.require(
            "volatility_bars",
            config.volatility_bars >= config.bars && config.volatility_bars <= 10_000,
            "not fewer than bars and at most 10000",
            config.volatility_bars,
        );
        config.thresholds.check(&mut checks);
        checked(checks, || Momentum {
            config,
            closes: Closes::new(config.volatility_bars + 1),
            stale: false,
        })
    }
}

impl BaseSignal for Momentum {
    fn name(&self) -> &'static str {
        "momentum"
    }

    fn on_bar(&mut self, bar: &Bar) {
        self.closes.push(bar);
    }

    fn on_sample(&mut self, sample: &Sample) {
        self.stale = self.closes.is_stale(sample);
    }

    fn vote(&self) -> Result<Vote, NoVote> {
        if !self.closes.is_full() {
            return Err(NoVote::WarmUp);
        }
        if self.stale {
            return Err(NoVote::Stale);
        }
        let closes = &self.closes.closes;
        let squares: f64 = closes
            .iter()
            .zip(closes.iter().skip(1))
            .map(|(before, now)| (now / before).ln().powi(2))
            .sum();
        let one_bar = (squares / self.config.volatility_bars as f64).sqrt();
        if one_bar == 0.0 {
            return Err(NoVote::NoMovement);
        }
        let last = closes.len() - 1;
        let total = (closes[last] / closes[last - self.config.bars]).ln();
        let score = total / (one_bar * (self.config.bars as f64).sqrt());
        Ok(self.config.thresholds.vote(score))
    }
}
