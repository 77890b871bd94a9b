//! Value traders: they know what it is worth and trade when the price is far enough from it.
//!
//! The value is a random walk that nobody else sees. Their demand grows with the mispricing, as that of the
//! fundamentalists of Chiarella & Iori 2002 and Majewski, Ciliberti & Bouchaud 2020; it is what keeps the footprints
//! of large orders from being a free lunch.

use super::{Action, Pen, View};
use crate::error::{SimError, check};
use crate::matching::{Lots, Owner, Terms};
use crate::rng::Draws;
use mce_market::{Side, UnixNanos};

/// What they know and how hard they trade on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueConfig {
    /// Standard deviation of the value's change in a second, ticks.
    pub sigma: f64,
    /// Mispricing that does not pay their cost, ticks.
    pub threshold: f64,
    /// Lots sent a look and tick of mispricing beyond the threshold.
    pub lots_per_tick: f64,
    /// Largest order, lots.
    pub chunk: Lots,
    /// Mean time between two looks, s.
    pub look_s: f64,
}

impl ValueConfig {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let name = |what: &'static str| move || format!("value {what}");
        let positive = |x: f64| x > 0.0 && x <= 1e6;
        check(name("sigma"), self.sigma, "0 to 1e6 ticks", |x| {
            (0.0..=1e6).contains(&x)
        })?;
        check(name("threshold"), self.threshold, "0 to 1e6 ticks", |x| {
            (0.0..=1e6).contains(&x)
        })?;
        check(
            name("lots_per_tick"),
            self.lots_per_tick,
            "in (0, 1e6]",
            positive,
        )?;
        let chunk = self.chunk.0 as f64;
        check(name("chunk"), chunk, "1 to 1e9 lots", |x| {
            (1.0..=1e9).contains(&x)
        })?;
        check(name("look_s"), self.look_s, "in (0, 1e6] s", positive)
    }
}

/// All value traders of one market.
#[derive(Clone, Debug)]
pub struct Value {
    config: ValueConfig,
    pen: Pen,
    value: f64,
    looked: UnixNanos,
}

impl Value {
    pub(crate) fn new(config: ValueConfig, owner: Owner, view: &View<'_>) -> Self {
        Value {
            config,
            pen: Pen::new(owner),
            value: view.mid(),
            looked: view.now,
        }
    }

    pub(crate) fn wait(&self, draws: &mut Draws) -> f64 {
        draws.exponential(self.config.look_s)
    }

    pub(crate) fn act(&mut self, view: &View<'_>, draws: &mut Draws, actions: &mut Vec<Action>) {
        let age = view.now.seconds_since(self.looked);
        self.looked = view.now;
        self.value += self.config.sigma * age.sqrt() * draws.normal();
        let mispricing = self.value - view.mid();
        let excess = mispricing.abs() - self.config.threshold;
        let lots = (excess * self.config.lots_per_tick) as i64;
        if lots < 1 {
            return;
        }
        let side = if mispricing > 0.0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let lots = Lots(lots.min(self.config.chunk.0));
        actions.push(Action::Submit(self.pen.order(side, lots, Terms::Market)));
    }
}
