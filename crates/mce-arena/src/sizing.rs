//! How large a position is: a fraction of the agent's capital, factor by factor.
//!
//! ```text
//! fraction = min( kelly × complexity × mce, cap ),   nothing unless above the minimum
//! ```
//!
//! - **kelly**: Kelly 1956, "A new interpretation of information rate". A vote of confidence c is taken as a bet won with
//!   probability p = (1 + e·c)/2, e being the edge 2p − 1 that full confidence has, and paying b for 1:
//!   f* = p − (1 − p)/b. Of f* only a part is bet (Thorp 2006: half of Kelly keeps three quarters of the growth at half
//!   the spread), since e is a guess. The whole position is taken as the stake, which is cautious: a stop leaves
//!   less to lose.
//! - **complexity**: [`crate::complexity`].
//! - **mce**: [`crate::rules`].
//!
//! Every factor is kept beside the result, so that a decision says why it has its size.

use crate::error::{ArenaError, Checks};

/// Parameters of sizing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizingConfig {
    /// Part of the Kelly fraction that is bet, (0, 1].
    pub kelly_part: f64,
    /// Edge 2p − 1 of a vote of confidence 1, (0, 1).
    pub edge_at_full_confidence: f64,
    /// Win of a bet for a stake of 1, (0, 100].
    pub payoff: f64,
    /// Largest fraction of the capital in one position, (0, 1].
    pub fraction_max: f64,
    /// A fraction at or below this is not traded, [0, fraction_max).
    pub fraction_min: f64,
}

impl Default for SizingConfig {
    /// Half Kelly, an edge of 0.2 at full confidence, even bets, at most 20 %, nothing under 1 %.
    fn default() -> Self {
        SizingConfig {
            kelly_part: 0.5,
            edge_at_full_confidence: 0.2,
            payoff: 1.0,
            fraction_max: 0.2,
            fraction_min: 0.01,
        }
    }
}

/// Why a size is what it is. All are fractions of the agent's capital or factors on them, 0 or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeFactors {
    /// The part of Kelly's fraction.
    pub kelly: f64,
    /// The complexity manager's factor.
    pub complexity: f64,
    /// kelly × complexity: the size before the model is asked.
    pub before_mce: f64,
    /// The MCE rules' factor.
    pub mce: f64,
    /// The largest fraction allowed.
    pub cap: f64,
    /// The result; whether it is above the minimum is the decision's.
    pub fraction: f64,
}

/// Sizing with checked parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizing {
    config: SizingConfig,
}

impl Sizing {
    /// Sizing by these parameters.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: SizingConfig) -> Result<Self, ArenaError> {
        let mut checks = Checks::default();
        let share = f64::MIN_POSITIVE..=1.0;
        for (key, value) in [
            ("kelly_part", config.kelly_part),
            ("fraction_max", config.fraction_max),
        ] {
            checks.within(key, value, share.clone(), "a share above 0 and at most 1");
        }
        checks.within(
            "edge_at_full_confidence",
            config.edge_at_full_confidence,
            f64::MIN_POSITIVE..=1.0 - f64::EPSILON,
            "above 0 and below 1",
        );
        checks.within(
            "payoff",
            config.payoff,
            f64::MIN_POSITIVE..=100.0,
            "above 0 and at most 100",
        );
        checks.require(
            "fraction_min",
            config.fraction_min >= 0.0 && config.fraction_min < config.fraction_max,
            "0 or more and below fraction_max",
            config.fraction_min,
        );
        checks.finish()?;
        Ok(Sizing { config })
    }

    /// The parameters.
    pub fn config(&self) -> &SizingConfig {
        &self.config
    }

    /// The part of Kelly's fraction for a confidence in [0, 1]; 0 where the bet is not worth taking.
    pub fn kelly(&self, confidence: f64) -> f64 {
        let edge = self.config.edge_at_full_confidence * confidence;
        let payoff = self.config.payoff;
        // p − (1 − p)/b with p = (1 + e)/2, so that even bets give exactly e.
        let full = (edge * (payoff + 1.0) + (payoff - 1.0)) / (2.0 * payoff);
        (self.config.kelly_part * full).max(0.0)
    }

    /// The size of a confidence in [0, 1] under the two factors.
    pub fn size(&self, confidence: f64, complexity: f64, mce: f64) -> SizeFactors {
        let kelly = self.kelly(confidence);
        self.scaled(kelly, complexity, kelly * complexity, mce)
    }

    /// The size of an open position whose size before the model was decided earlier.
    pub fn rescale(&self, earlier: &SizeFactors, mce: f64) -> SizeFactors {
        self.scaled(earlier.kelly, earlier.complexity, earlier.before_mce, mce)
    }

    fn scaled(&self, kelly: f64, complexity: f64, before_mce: f64, mce: f64) -> SizeFactors {
        let cap = self.config.fraction_max;
        SizeFactors {
            kelly,
            complexity,
            before_mce,
            mce,
            cap,
            fraction: (before_mce * mce).min(cap),
        }
    }

    /// Whether a fraction is worth trading: strictly above the minimum.
    pub fn is_worthwhile(&self, fraction: f64) -> bool {
        fraction > self.config.fraction_min
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sizing(change: impl FnOnce(&mut SizingConfig)) -> Sizing {
        let mut config = SizingConfig::default();
        change(&mut config);
        Sizing::new(config).unwrap()
    }

    #[test]
    fn kelly_is_the_closed_form() {
        // p = 0.6, even bets: f* = 2p − 1 = 0.2, half of it.
        assert!((sizing(|_| ()).kelly(1.0) - 0.1).abs() < 1e-15);
        assert_eq!(sizing(|_| ()).kelly(0.0), 0.0);
        // p = 0.55, pays 2: f* = 0.55 − 0.45/2 = 0.325, all of it.
        let two = sizing(|c| (c.payoff, c.kelly_part) = (2.0, 1.0));
        assert!((two.kelly(0.5) - 0.325).abs() < 1e-15);
        // p = 0.6, pays 0.5: f* = 0.6 − 0.8 < 0, no bet.
        assert_eq!(sizing(|c| c.payoff = 0.5).kelly(1.0), 0.0);
    }

    #[test]
    fn factors_multiply_and_are_capped_last() {
        let got = sizing(|_| ()).size(1.0, 0.5, 0.3);
        let expected = SizeFactors {
            kelly: 0.1,
            complexity: 0.5,
            before_mce: 0.05,
            mce: 0.3,
            cap: 0.2,
            fraction: 0.015,
        };
        assert!((got.fraction - expected.fraction).abs() < 1e-15);
        assert!((got.before_mce - expected.before_mce).abs() < 1e-15);
        assert_eq!((got.complexity, got.mce, got.cap), (0.5, 0.3, 0.2));
        let capped = sizing(|c| c.fraction_max = 0.08).size(1.0, 1.0, 2.0);
        assert_eq!(capped.fraction, 0.08);
        assert_eq!(sizing(|_| ()).rescale(&got, 0.3), got);
    }

    #[test]
    fn a_hundredth_is_not_enough() {
        let sizing = sizing(|_| ());
        assert!(!sizing.is_worthwhile(0.01));
        assert!(sizing.is_worthwhile(0.01f64.next_up()));
    }

    #[test]
    fn every_bad_value_is_named() {
        let bad = SizingConfig {
            kelly_part: 0.0,
            edge_at_full_confidence: 1.0,
            payoff: f64::INFINITY,
            fraction_max: f64::NAN,
            fraction_min: -0.01,
        };
        let text = Sizing::new(bad).unwrap_err().to_string();
        for key in [
            "kelly_part",
            "edge_at_full_confidence",
            "payoff",
            "fraction_max",
            "fraction_min",
        ] {
            assert!(text.contains(&format!("{key}: expected")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn sizes_rise_with_confidence_and_stay_in_bounds(
            a in 0.0f64..=1.0, b in 0.0f64..=1.0, complexity in 0.0f64..=1.0, mce in 0.0f64..=2.0,
        ) {
            let sizing = sizing(|_| ());
            let (low, high) = (a.min(b), a.max(b));
            let (low, high) = (sizing.size(low, complexity, mce), sizing.size(high, complexity, mce));
            prop_assert!(low.fraction <= high.fraction);
            prop_assert!((0.0..=0.2).contains(&high.fraction));
        }
    }
}
