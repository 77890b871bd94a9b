//! Splitters: large orders that are worked in many small ones of the same side.
//!
//! The lengths have a Pareto tail of 1.5, which is what makes the signs of trades remember for so long: Lillo, Mike &
//! Farmer 2005, "Theory for long memory in supply and demand".

use super::{Action, Pen, SizeConfig, any_side};
use crate::error::{SimError, check};
use crate::matching::{Owner, Terms};
use crate::rng::Draws;
use mce_market::Side;

/// How large orders come and are worked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitterConfig {
    /// Mean pause of one splitter between two large orders, s.
    pub pause_s: f64,
    /// Fewest children of a large order.
    pub least: f64,
    /// Tail exponent of the number of children.
    pub tail: f64,
    /// Most children of a large order.
    pub most: f64,
    /// Children a second while one is worked: Poisson.
    pub children_per_s: f64,
    /// Sizes of the children.
    pub size: SizeConfig,
}

impl SplitterConfig {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let name = |what: &'static str| move || format!("splitter {what}");
        let positive = |x: f64| x > 0.0 && x <= 1e6;
        check(name("pause_s"), self.pause_s, "in (0, 1e6] s", positive)?;
        check(name("least"), self.least, "1 to 1e6", |x| {
            (1.0..=1e6).contains(&x)
        })?;
        check(name("tail"), self.tail, "in (0, 10]", |x| {
            x > 0.0 && x <= 10.0
        })?;
        let least = self.least;
        check(name("most"), self.most, "least to 1e6", |x| {
            (least..=1e6).contains(&x)
        })?;
        let rate = |x: f64| x > 0.0 && x <= 1e4;
        check(
            name("children_per_s"),
            self.children_per_s,
            "in (0, 1e4]",
            rate,
        )?;
        self.size.check("splitter")
    }
}

/// One splitter, who works one large order at a time.
#[derive(Clone, Debug)]
pub struct Splitter {
    config: SplitterConfig,
    pen: Pen,
    side: Side,
    children_left: u64,
}

impl Splitter {
    pub(crate) fn new(config: SplitterConfig, owner: Owner) -> Self {
        Splitter {
            config,
            pen: Pen::new(owner),
            side: Side::Buy,
            children_left: 0,
        }
    }

    pub(crate) fn wait(&self, draws: &mut Draws) -> f64 {
        draws.exponential(match self.children_left {
            0 => self.config.pause_s,
            _ => 1.0 / self.config.children_per_s,
        })
    }

    /// The wake after a pause begins a large order with its first child.
    pub(crate) fn act(&mut self, draws: &mut Draws, actions: &mut Vec<Action>) {
        if self.children_left == 0 {
            self.side = any_side(draws);
            let children = draws.pareto(self.config.least, self.config.tail);
            self.children_left = children.min(self.config.most) as u64;
        }
        let lots = self.config.size.draw(draws);
        actions.push(Action::Submit(self.pen.order(
            self.side,
            lots,
            Terms::Market,
        )));
        self.children_left = self.children_left.saturating_sub(1);
    }
}
