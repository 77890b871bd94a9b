//! What a base signal says: a direction with a confidence, or why it says nothing.

use mce_market::Side;
use std::fmt;

/// Which way a signal points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// −1: down.
    Short,
    /// 0: neither.
    Flat,
    /// +1: up.
    Long,
}

impl Direction {
    /// −1, 0 or +1.
    pub fn sign(self) -> i8 {
        match self {
            Direction::Short => -1,
            Direction::Flat => 0,
            Direction::Long => 1,
        }
    }

    /// The side that opens a position this way; `None` for flat.
    pub fn side(self) -> Option<Side> {
        match self {
            Direction::Short => Some(Side::Sell),
            Direction::Flat => None,
            Direction::Long => Some(Side::Buy),
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Short => "short",
            Direction::Flat => "flat",
            Direction::Long => "long",
        })
    }
}

/// A direction and how sure the signal is of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vote {
    direction: Direction,
    confidence: f64,
}

impl Vote {
    /// Neither way.
    pub const FLAT: Vote = Vote {
        direction: Direction::Flat,
        confidence: 0.0,
    };

    /// The vote of a finite score: flat below `threshold` in absolute value, else the score's sign with confidence
    /// |score| / `saturation`, at most 1. A score of exactly the threshold votes. 0 < `threshold` ≤ `saturation`.
    pub fn from_score(score: f64, threshold: f64, saturation: f64) -> Self {
        debug_assert!(score.is_finite() && 0.0 < threshold && threshold <= saturation);
        if score.abs() < threshold {
            return Vote::FLAT;
        }
        Vote {
            direction: if score > 0.0 {
                Direction::Long
            } else {
                Direction::Short
            },
            confidence: (score.abs() / saturation).min(1.0),
        }
    }

    /// The direction.
    pub fn direction(self) -> Direction {
        self.direction
    }

    /// How sure, [0, 1]; 0 when flat.
    pub fn confidence(self) -> f64 {
        self.confidence
    }

    /// Direction × confidence, [−1, 1].
    pub fn score(self) -> f64 {
        f64::from(self.direction.sign()) * self.confidence
    }
}

/// Why there is no vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoVote {
    /// It has seen too little.
    WarmUp,
    /// A feature that it reads is masked; bit n − 1 is feature n.
    Masked(u16),
    /// Nothing moved over its window, so that a move cannot be measured.
    NoMovement,
    /// Its last bar is too old.
    Stale,
}

impl fmt::Display for NoVote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoVote::WarmUp => f.write_str("warm-up"),
            NoVote::Masked(mask) => write!(f, "masked:{mask}"),
            NoVote::NoMovement => f.write_str("no-movement"),
            NoVote::Stale => f.write_str("stale"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(score: f64, expected: (i8, f64)) {
        let vote = Vote::from_score(score, 0.5, 2.0);
        assert_eq!(
            (vote.direction().sign(), vote.confidence()),
            expected,
            "{score}"
        );
        assert_eq!(vote.score(), f64::from(expected.0) * expected.1);
    }

    #[test]
    fn scores_become_votes() {
        check(0.0, (0, 0.0));
        check(0.49, (0, 0.0));
        check(0.5, (1, 0.25));
        check(-0.5, (-1, 0.25));
        check(1.0, (1, 0.5));
        check(2.0, (1, 1.0));
        check(-9.0, (-1, 1.0));
    }
}
