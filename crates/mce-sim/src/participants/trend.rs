//! Trend followers: they buy what has risen and sell what has fallen, up to a size, and get out when it turns.

use super::{Action, Pen, View};
use crate::error::{SimError, check};
use crate::matching::{Lots, Owner, Terms};
use crate::rng::Draws;
use mce_market::{Side, UnixNanos};

/// What a trend follower calls a trend and how far it goes along (Majewski, Ciliberti & Bouchaud 2020 model their
/// demand as a saturating function of an exponential average of returns).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendConfig {
    /// Half-life of the average that the mid is compared with, s.
    pub half_life_s: f64,
    /// Displacement from the average at which the position is full, ticks.
    pub full_at: f64,
    /// The full position, lots.
    pub most: Lots,
    /// Largest order, lots; smaller changes than a quarter of it are not worth their cost.
    pub chunk: Lots,
    /// Mean time between two looks, s.
    pub look_s: f64,
}

impl TrendConfig {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let name = |what: &'static str| move || format!("trend {what}");
        let positive = |x: f64| x > 0.0 && x <= 1e6;
        check(
            name("half_life_s"),
            self.half_life_s,
            "in (0, 1e6] s",
            positive,
        )?;
        check(name("full_at"), self.full_at, "in (0, 1e6] ticks", positive)?;
        let size = |x: f64| (1.0..=1e9).contains(&x);
        check(name("most"), self.most.0 as f64, "1 to 1e9 lots", size)?;
        check(name("chunk"), self.chunk.0 as f64, "1 to 1e9 lots", size)?;
        check(name("look_s"), self.look_s, "in (0, 1e6] s", positive)
    }
}

/// One trend follower.
#[derive(Clone, Debug)]
pub struct Trend {
    config: TrendConfig,
    pen: Pen,
    average: f64,
    looked: UnixNanos,
}

impl Trend {
    pub(crate) fn new(config: TrendConfig, owner: Owner, view: &View<'_>) -> Self {
        Trend {
            config,
            pen: Pen::new(owner),
            average: view.mid(),
            looked: view.now,
        }
    }

    pub(crate) fn wait(&self, draws: &mut Draws) -> f64 {
        draws.exponential(self.config.look_s)
    }

    pub(crate) fn act(&mut self, view: &View<'_>, actions: &mut Vec<Action>) {
        let age = view.now.seconds_since(self.looked);
        let keep = (-age / self.config.half_life_s).exp2();
        self.looked = view.now;
        self.average = keep * self.average + (1.0 - keep) * view.mid();
        let trend = ((view.mid() - self.average) / self.config.full_at).clamp(-1.0, 1.0);
        let wanted = (trend * self.config.most.0 as f64) as i64;
        let missing = wanted - view.position.0;
        if missing.abs() * 4 < self.config.chunk.0 {
            return;
        }
        let side = if missing > 0 { Side::Buy } else { Side::Sell };
        let lots = Lots(missing.abs().min(self.config.chunk.0));
        actions.push(Action::Submit(self.pen.order(side, lots, Terms::Market)));
    }
}
