//! Reversion: a price pushed away from its recent mean by makers' inventories tends to come back (Hendershott &
//! Menkveld 2014, "Price pressures").

use super::{BaseSignal, Closes, Thresholds, checked};
use crate::error::{ArenaError, Checks};
use crate::vote::{NoVote, Vote};
use mce_features::{Bar, Sample};

/// Index of `price_disp` among the features, and its mask bit.
const DISPLACEMENT: usize = 8;
const MASK: u16 = 1 << DISPLACEMENT;

/// What a displacement is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReversionOn {
    /// Feature 9, `price_disp`: distance of the mid from its one-minute mean in standard deviations of a minute.
    PriceDisplacement,
    /// Distance of the last close from the mean of the last so many closes, 3 to 10 000, in their standard deviations.
    Closes(usize),
}

/// Parameters of [`Reversion`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReversionConfig {
    /// What the displacement is measured by.
    pub on: ReversionOn,
    /// When it votes; scores are standard deviations, against the displacement.
    pub thresholds: Thresholds,
}

impl Default for ReversionConfig {
    /// On the displacement feature, votes from 1, sure from 3.
    fn default() -> Self {
        ReversionConfig {
            on: ReversionOn::PriceDisplacement,
            thresholds: Thresholds {
                threshold: 1.0,
                saturation: 3.0,
            },
        }
    }
}

/// Votes against the displacement of the price.
#[derive(Clone, Debug)]
pub struct Reversion {
    config: ReversionConfig,
    closes: Closes,
    stale: bool,
    /// Displacement of the last sample, or its mask.
    displacement: Option<Result<f64, u16>>,
}

impl Reversion {
    /// A signal that has seen nothing.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: ReversionConfig) -> Result<Self, ArenaError> {
        let mut checks = Checks::default();
        let window = match config.on {
            ReversionOn::Closes(window) => {
                let ok = (3..=10_000).contains(&window);
                checks.require("closes", ok, "3 to 10000", window);
                window
            }
            ReversionOn::PriceDisplacement => 1,
        };
        config.thresholds.check(&mut checks);
        checked(checks, || Reversion {
            config,
            closes: Closes::new(window),
            stale: false,
            displacement: None,
        })
    }

    fn z_of_closes(&self) -> Result<f64, NoVote> {
        if !self.closes.is_full() {
            return Err(NoVote::WarmUp);
        }
        if self.stale {
            return Err(NoVote::Stale);
        }
        let closes = &self.closes.closes;
        let n = closes.len() as f64;
        let mean = closes.iter().sum::<f64>() / n;
        let variance = closes.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / n;
        // Below the rounding of the mean itself there is no deviation to speak of.
        if variance.sqrt() <= mean.abs() * f64::EPSILON * n {
            return Err(NoVote::NoMovement);
        }
        Ok((closes[closes.len() - 1] - mean) / variance.sqrt())
    }
}

impl BaseSignal for Reversion {
    fn name(&self) -> &'static str {
        "reversion"
    }

    fn on_bar(&mut self, bar: &Bar) {
        self.closes.push(bar);
    }

    fn on_sample(&mut self, sample: &Sample) {
        self.stale = self.closes.is_stale(sample);
        self.displacement = Some(match sample.mask & MASK {
            0 => Ok(sample.features[DISPLACEMENT]),
            masked => Err(masked),
        });
    }

    fn vote(&self) -> Result<Vote, NoVote> {
        let displacement = match self.config.on {
            ReversionOn::Closes(_) => self.z_of_closes()?,
            ReversionOn::PriceDisplacement => match self.displacement {
                None => return Err(NoVote::WarmUp),
                Some(Err(masked)) => return Err(NoVote::Masked(masked)),
                Some(Ok(displacement)) => displacement,
            },
        };
        Ok(self.config.thresholds.vote(-displacement))
    }
}
