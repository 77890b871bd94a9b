//! Base signals: what agents trade on by themselves, before the model is asked.
//!
//! | signal | reads | says |
//! |---|---|---|
//! | [`BookImbalance`] | the book's imbalance, smoothed | with the heavier side |
//! | [`Momentum`] | bars | with a move that is large for its volatility |
//! | [`Reversion`] | the price's displacement | against it |
//!
//! They know no position, size or risk; what is made of a vote is [`crate::agent`]'s.

mod book_imbalance;
mod momentum;
mod reversion;

use crate::error::{ArenaError, Checks};
use crate::vote::{NoVote, Vote};
pub use book_imbalance::{BookImbalance, BookImbalanceConfig};
use mce_features::{Bar, Sample};
pub use momentum::{Momentum, MomentumConfig};
pub use reversion::{Reversion, ReversionConfig, ReversionOn};

/// A signal with a state of its own. It is shown every closed bar and every sample of one instrument in the order of
/// time, bars before the sample that came with them.
pub trait BaseSignal {
    /// Its kind, as reports name it.
    fn name(&self) -> &'static str;

    /// A bar was closed.
    fn on_bar(&mut self, bar: &Bar);

    /// A sample was made.
    fn on_sample(&mut self, sample: &Sample);

    /// What it says after the last sample.
    ///
    /// # Errors
    /// [`NoVote`] when it has nothing to say, which is not the same as voting flat.
    fn vote(&self) -> Result<Vote, NoVote>;
}

/// One of the base signals: what an agent's ensemble is made of.
#[derive(Clone, Debug)]
pub enum Member {
    /// Imbalance of the book.
    BookImbalance(BookImbalance),
    /// Momentum of bars.
    Momentum(Momentum),
    /// Reversion of a displaced price.
    Reversion(Reversion),
}

impl Member {
    fn inner(&self) -> &dyn BaseSignal {
        match self {
            Member::BookImbalance(signal) => signal,
            Member::Momentum(signal) => signal,
            Member::Reversion(signal) => signal,
        }
    }

    fn inner_mut(&mut self) -> &mut dyn BaseSignal {
        match self {
            Member::BookImbalance(signal) => signal,
            Member::Momentum(signal) => signal,
            Member::Reversion(signal) => signal,
        }
    }
}

impl BaseSignal for Member {
    fn name(&self) -> &'static str {
        self.inner().name()
    }

    fn on_bar(&mut self, bar: &Bar) {
        self.inner_mut().on_bar(bar);
    }

    fn on_sample(&mut self, sample: &Sample) {
        self.inner_mut().on_sample(sample);
    }

    fn vote(&self) -> Result<Vote, NoVote> {
        self.inner().vote()
    }
}

/// From which score on a signal votes, and from which on it is sure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Least absolute score that votes, above 0.
    pub threshold: f64,
    /// Absolute score of confidence 1, not below the threshold.
    pub saturation: f64,
}

impl Thresholds {
    pub(crate) fn check(&self, checks: &mut Checks) {
        let number = "a number above 0 and at most 1e6";
        checks.within("threshold", self.threshold, f64::MIN_POSITIVE..=1e6, number);
        checks.within(
            "saturation",
            self.saturation,
            f64::MIN_POSITIVE..=1e6,
            number,
        );
        checks.require(
            "saturation",
            self.saturation >= self.threshold,
            "not below the threshold",
            self.saturation,
        );
    }

    fn vote(&self, score: f64) -> Vote {
        Vote::from_score(score, self.threshold, self.saturation)
    }
}

/// The last closes of contiguous bars, oldest first.
#[derive(Clone, Debug)]
struct Closes {
    capacity: usize,
    closes: std::collections::VecDeque<f64>,
    last: Option<Bar>,
}

impl Closes {
    fn new(capacity: usize) -> Self {
        Closes {
            capacity,
            closes: std::collections::VecDeque::with_capacity(capacity),
            last: None,
        }
    }

    /// Takes a bar; one that does not begin where the last ended begins anew.
    fn push(&mut self, bar: &Bar) {
        if self.last.is_some_and(|last| last.close_ts != bar.open_ts) {
            self.closes.clear();
        }
        if self.closes.len() == self.capacity {
            self.closes.pop_front();
        }
        self.closes.push_back(bar.close);
        self.last = Some(*bar);
    }

    fn is_full(&self) -> bool {
        self.closes.len() == self.capacity
    }

    /// Whether the last bar ended more than two bars before `sample`.
    fn is_stale(&self, sample: &Sample) -> bool {
        self.last.is_some_and(|last| {
            let interval = last.close_ts.since(last.open_ts);
            sample.ts.since(last.close_ts) > interval.saturating_mul(2)
        })
    }
}

fn checked<T>(checks: Checks, make: impl FnOnce() -> T) -> Result<T, ArenaError> {
    checks.finish().map(|()| make())
}

#[cfg(test)]
mod tests;
