//! The complexity manager (KCM): how irregular recent price moves are, and how much of a position that leaves.
//!
//! Measure: Lempel & Ziv 1976, "On the complexity of finite sequences": the number c(n) of components in the exhaustive
//! history of a sequence, counted by the algorithm of Kaspar & Schuster 1987, "Easily calculable measure for the
//! complexity of spatiotemporal patterns". The sequence is the signs of the last n one-bar returns that were not zero: a
//! bar without a move says nothing about direction, and would make a quiet market look regular.
//!
//! The usual normalisation n / log₂ n is a limit that short sequences exceed: 128 tosses of a fair coin average 1.16 of
//! it. Here c(n) is divided by the 99 % quantile of c(n) over fair coin tosses of the same length, so that the
//! *MCI* ∈ [0, 1] says how near the moves come to the most irregular tosses; tosses average 0.87 to 0.92.

use crate::error::{ArenaError, Checks};
use mce_features::Bar;
use std::collections::VecDeque;

/// Window lengths and the 99 % quantile of c(n) over fair coin tosses, by simulation (20 000 sequences each); a test
/// repeats it with a seed of its own.
const COIN_TOSSES: [(usize, usize); 3] = [(64, 15), (128, 24), (256, 39)];

/// Components in the exhaustive history of `bits` (Kaspar & Schuster 1987), O(n²) at worst.
///
/// ```
/// use mce_arena::complexity::lempel_ziv;
/// let bits = |text: &str| text.bytes().map(|b| b == b'1').collect::<Vec<_>>();
/// assert_eq!(lempel_ziv(&bits("0001101001000101")), 6); // 0·001·10·100·1000·101, the example of 1976
/// assert_eq!(lempel_ziv(&bits("0000000000000000")), 2); // 0·000…
/// assert_eq!(lempel_ziv(&bits("0101010101010101")), 3); // 0·1·0101…
/// ```
pub fn lempel_ziv(bits: &[bool]) -> usize {
    let mut components = 0;
    let mut start = 0;
    while start < bits.len() {
        // The component is the shortest continuation that cannot be copied from an earlier place; the copy may run
        // into the component itself.
        let mut longest = 0;
        for from in 0..start {
            let copied = bits[from..]
                .iter()
                .zip(&bits[start..])
                .take_while(|(a, b)| a == b)
                .count();
            longest = longest.max(copied);
        }
        components += 1;
        start += longest + 1;
    }
    components
}

/// Parameters of the complexity manager.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComplexityConfig {
    /// Moves that are looked at: 64, 128 or 256.
    pub window: usize,
    /// MCI up to which nothing is taken away, [0, 1).
    pub calm: f64,
    /// MCI above which nothing new is opened, above `calm` and at most 1.
    pub critical: f64,
    /// What is left of a position at the critical MCI and beyond, (0, 1].
    pub floor: f64,
}

impl Default for ComplexityConfig {
    /// 64 moves; from 1 at 0.6 down to 0.1 at 0.95: about one in seventeen windows of pure coin tosses lies above it.
    /// A thin market takes an hour for 64 moves; a longer window measures better and warms up later.
    fn default() -> Self {
        ComplexityConfig {
            window: 64,
            calm: 0.6,
            critical: 0.95,
            floor: 0.1,
        }
    }
}

/// What the complexity manager says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Complexity {
    /// It is switched off: multiplier 1.
    Off,
    /// It has not seen enough moves yet: nothing new is opened.
    WarmUp {
        /// Moves seen.
        have: usize,
        /// Moves needed.
        need: usize,
    },
    /// It has.
    Known {
        /// MCI ∈ [0, 1].
        mci: f64,
        /// What is left of a size, [floor, 1].
        multiplier: f64,
        /// Whether the MCI is above the critical one.
        critical: bool,
    },
}

impl Complexity {
    /// The factor on sizes; `None` in warm-up.
    pub fn multiplier(&self) -> Option<f64> {
        match self {
            Complexity::Off => Some(1.0),
            Complexity::WarmUp { .. } => None,
            Complexity::Known { multiplier, .. } => Some(*multiplier),
        }
    }
}

/// Measures the complexity of one instrument's bars.
#[derive(Clone, Debug)]
pub struct ComplexityManager {
    config: ComplexityConfig,
    /// Components that count as an MCI of 1.
    scale: f64,
    ups: VecDeque<bool>,
    last_close: Option<f64>,
    reading: Complexity,
}

impl ComplexityManager {
    /// A manager that has seen nothing.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: ComplexityConfig) -> Result<Self, ArenaError> {
        let mut checks = Checks::default();
        let scale = COIN_TOSSES.iter().find(|(n, _)| *n == config.window);
        let windows = "64, 128 or 256";
        checks.require("window", scale.is_some(), windows, config.window);
        checks.within("calm", config.calm, 0.0..=1.0, "a share from 0 to 1");
        checks.require(
            "critical",
            config.critical > config.calm && config.critical <= 1.0,
            "above calm and at most 1",
            config.critical,
        );
        let floor = "a share above 0 and at most 1";
        checks.within("floor", config.floor, f64::MIN_POSITIVE..=1.0, floor);
        checks.finish()?;
        Ok(ComplexityManager {
            config,
            scale: scale.map_or(1.0, |(_, components)| *components as f64),
            ups: VecDeque::with_capacity(config.window),
            last_close: None,
            reading: Complexity::WarmUp {
                have: 0,
                need: config.window,
            },
        })
    }

    /// Takes a closed bar.
    pub fn on_bar(&mut self, bar: &Bar) {
        let before = self.last_close.replace(bar.close);
        let Some(before) = before.filter(|before| *before != bar.close) else {
            return;
        };
        if self.ups.len() == self.config.window {
            self.ups.pop_front();
        }
        self.ups.push_back(bar.close > before);
        self.reading = if self.ups.len() < self.config.window {
            Complexity::WarmUp {
                have: self.ups.len(),
                need: self.config.window,
            }
        } else {
            self.measure()
        };
    }

    /// What it says now.
    pub fn reading(&self) -> Complexity {
        self.reading
    }

    fn measure(&mut self) -> Complexity {
        let components = lempel_ziv(self.ups.make_contiguous());
        let mci = (components as f64 / self.scale).min(1.0);
        let ComplexityConfig {
            calm,
            critical,
            floor,
            ..
        } = self.config;
        let way = ((mci - calm) / (critical - calm)).clamp(0.0, 1.0);
        Complexity::Known {
            mci,
            multiplier: 1.0 - (1.0 - floor) * way,
            critical: mci > critical,
        }
    }
}

#[cfg(test)]
mod tests;
