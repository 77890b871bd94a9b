//! The crowd: many small liquidity providers without a view, who place and cancel at random.

use super::{Action, Pen, SizeConfig, View};
use crate::error::{SimError, check};
use crate::matching::{OrderId, Owner, Terms, Ticks};
use crate::rng::Draws;
use mce_market::Side;

/// How the crowd places and cancels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrowdConfig {
    /// Orders placed a second and side: Poisson arrivals as in Smith, Farmer, Gillemot & Krishnamurthy 2003.
    pub orders_per_s: f64,
    /// μ of the distance Δ from the best of their side: P(Δ) ∝ (Δ₀ + Δ)^−(1+μ); Bouchaud, Mézard & Potters 2002
    /// find 0.6.
    pub tail: f64,
    /// Δ₀, ticks.
    pub offset: f64,
    /// No order is placed further away, ticks.
    pub reach: i64,
    /// Odds, for each free tick in the spread, that an order goes into it: the wider the spread, the more are drawn
    /// inside (Biais, Hillion & Spatt 1995).
    pub inside: f64,
    /// Cancels a second of an order at the best: each order has the same chance, so that cancels are in proportion
    /// to what rests (Smith et al. 2003).
    pub cancels_per_s: f64,
    /// Distance at which that rate has halved, ticks: orders further away live longer (Cont, Stoikov & Talreja 2010).
    pub cancel_half: f64,
    /// Order sizes.
    pub size: SizeConfig,
}

impl CrowdConfig {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let name = |what: &'static str| move || format!("crowd {what}");
        let rate = |x: f64| x > 0.0 && x <= 1e4;
        check(name("orders_per_s"), self.orders_per_s, "in (0, 1e4]", rate)?;
        check(name("tail"), self.tail, "in (0, 10]", |x| {
            x > 0.0 && x <= 10.0
        })?;
        check(name("offset"), self.offset, "in (0, 1e4] ticks", rate)?;
        let reach = self.reach as f64;
        check(name("reach"), reach, "1 to 1e6 ticks", |x| {
            (1.0..=1e6).contains(&x)
        })?;
        check(name("inside"), self.inside, "0 to 1", |x| {
            (0.0..=1.0).contains(&x)
        })?;
        check(
            name("cancels_per_s"),
            self.cancels_per_s,
            "in (0, 1e4]",
            rate,
        )?;
        check(
            name("cancel_half"),
            self.cancel_half,
            "in (0, 1e4] ticks",
            rate,
        )?;
        self.size.check("crowd")
    }

    /// Distance of a new order from the best of its side.
    fn distance(&self, draws: &mut Draws) -> i64 {
        // By inversion of the continuous law, cut off at the reach.
        let at = |d: f64| (1.0 + d / self.offset).powf(-self.tail);
        let beyond = at(self.reach as f64);
        let share = beyond + (1.0 - beyond) * draws.unit();
        let distance = self.offset * (share.powf(-1.0 / self.tail) - 1.0);
        (distance as i64).clamp(0, self.reach)
    }

    /// Chance that a cancel drawn for an order `distance` ticks behind the best is carried out.
    fn cancel_chance(&self, distance: i64) -> f64 {
        1.0 / (1.0 + distance.max(0) as f64 / self.cancel_half)
    }
}

/// The crowd of one market.
#[derive(Clone, Debug)]
pub struct Crowd {
    config: CrowdConfig,
    pen: Pen,
    /// Its orders; those that were filled are found out when they are drawn for a cancel.
    orders: Vec<OrderId>,
}

impl Crowd {
    pub(crate) fn new(config: CrowdConfig, owner: Owner) -> Self {
        Crowd {
            config,
            pen: Pen::new(owner),
            orders: Vec::new(),
        }
    }

    /// The book that its own placing and cancelling would have come to: at each distance as many orders as arrive in
    /// the life of one.
    pub(crate) fn found(&mut self, view: &View<'_>, draws: &mut Draws, actions: &mut Vec<Action>) {
        let config = self.config;
        let survive = |d: f64| (1.0 + d / config.offset).powf(-config.tail);
        let all = 1.0 - survive(config.reach as f64);
        for side in [Side::Buy, Side::Sell] {
            for distance in 0..config.reach {
                let d = distance as f64;
                let share = (survive(d) - survive(d + 1.0)) / all;
                let life = 1.0 / (config.cancels_per_s * config.cancel_chance(distance));
                let expected = config.orders_per_s * share * life;
                // As many as events of a Poisson process of that mean.
                let mut passed = draws.exponential(1.0);
                while passed < expected {
                    self.place(side, behind(view, side, distance), draws, actions);
                    passed += draws.exponential(1.0);
                }
            }
        }
    }

    /// Seconds to its next wake.
    pub(crate) fn wait(&self, draws: &mut Draws) -> f64 {
        draws.exponential(1.0 / self.rate())
    }

    fn rate(&self) -> f64 {
        2.0 * self.config.orders_per_s + self.config.cancels_per_s * self.orders.len() as f64
    }

    pub(crate) fn act(&mut self, view: &View<'_>, draws: &mut Draws, actions: &mut Vec<Action>) {
        if !draws.chance(2.0 * self.config.orders_per_s / self.rate()) {
            return self.cancel(view, draws, actions);
        }
        let side = super::any_side(draws);
        let room = (view.ask.0 - view.bid.0 - 1).max(0);
        let odds = self.config.inside * room as f64;
        let price = if draws.chance(odds / (1.0 + odds)) {
            Ticks(view.bid.0 + 1 + draws.below(room as u64) as i64)
        } else {
            behind(view, side, self.config.distance(draws))
        };
        self.place(side, price, draws, actions);
    }

    fn place(&mut self, side: Side, price: Ticks, draws: &mut Draws, actions: &mut Vec<Action>) {
        let lots = self.config.size.draw(draws);
        if price.0 <= 0 {
            return;
        }
        let order = self.pen.order(side, lots, Terms::Limit(price));
        self.orders.push(order.id);
        actions.push(Action::Submit(order));
    }

    fn cancel(&mut self, view: &View<'_>, draws: &mut Draws, actions: &mut Vec<Action>) {
        if self.orders.is_empty() {
            return;
        }
        let at = draws.below(self.orders.len() as u64) as usize;
        let Some((side, price, _)) = view.book.order(self.orders[at]) else {
            // Filled since: no order to cancel, and none to draw again.
            self.orders.swap_remove(at);
            return;
        };
        let distance = match side {
            Side::Buy => view.bid.0 - price.0,
            Side::Sell => price.0 - view.ask.0,
        };
        if draws.chance(self.config.cancel_chance(distance)) {
            actions.push(Action::Cancel(self.orders.swap_remove(at)));
        }
    }
}

/// The price `distance` ticks behind the best of a side.
fn behind(view: &View<'_>, side: Side, distance: i64) -> Ticks {
    match side {
        Side::Buy => Ticks(view.bid.0 - distance),
        Side::Sell => Ticks(view.ask.0 + distance),
    }
}
