//! Takers: market orders at random times, with an eye on the queues at best.

use super::{Action, Pen, SizeConfig, View};
use crate::error::{SimError, check};
use crate::matching::{Owner, Terms};
use crate::rng::Draws;
use mce_market::Side;

/// How often and how much they take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TakerConfig {
    /// Market orders a second: Poisson arrivals (Smith et al. 2003).
    pub orders_per_s: f64,
    /// How much they look at the queues: a buy has the odds (1 + chase·I) to (1 − chase·I), I the imbalance of the
    /// best queues, since a thin queue is about to be gone (Gould & Bonart 2016).
    pub chase: f64,
    /// Order sizes.
    pub size: SizeConfig,
}

impl TakerConfig {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let rate = |x: f64| x > 0.0 && x <= 1e4;
        let name = || "taker orders_per_s".to_string();
        check(name, self.orders_per_s, "in (0, 1e4]", rate)?;
        let share = |x: f64| (0.0..=1.0).contains(&x);
        check(|| "taker chase".to_string(), self.chase, "0 to 1", share)?;
        self.size.check("taker")
    }
}

/// All such takers of one market.
#[derive(Clone, Debug)]
pub struct Taker {
    config: TakerConfig,
    pen: Pen,
}

impl Taker {
    pub(crate) fn new(config: TakerConfig, owner: Owner) -> Self {
        Taker {
            config,
            pen: Pen::new(owner),
        }
    }

    pub(crate) fn wait(&self, draws: &mut Draws) -> f64 {
        draws.exponential(1.0 / self.config.orders_per_s)
    }

    pub(crate) fn act(&mut self, view: &View<'_>, draws: &mut Draws, actions: &mut Vec<Action>) {
        let buys = 0.5 * (1.0 + self.config.chase * view.imbalance());
        let side = if draws.chance(buys) {
            Side::Buy
        } else {
            Side::Sell
        };
        let lots = self.config.size.draw(draws);
        actions.push(Action::Submit(self.pen.order(side, lots, Terms::Market)));
    }
}
