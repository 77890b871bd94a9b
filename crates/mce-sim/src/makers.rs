//! Market makers with an inventory limit, and what happens when it is breached.
//!
//! A maker quotes around a reservation price that leans against its inventory (Avellaneda & Stoikov 2008,
//! "High-frequency trading in a limit order book", equations 29 and 30, with a rolling horizon):
//!
//! ```text
//! r = s − q·γ·σ²·τ        half-spread = γ·σ²·τ/2 + ln(1 + γ/k)/γ
//! ```
//!
//! s is its own idea of the price, which goes to the mid slowly and moves with each trade at once, q its inventory in
//! quotes, σ² the variance it measures. Past its limit it pulls its quotes and flushes with market orders in chunks
//! until it is small again, then stays away for a while: the forced unwind. Nobody else sees q; [`MakerState`] and the market's truth tell it to those who evaluate.

use crate::error::{SimError, check};
use crate::matching::{Lots, OrderId, Owner, Terms, Ticks};
use crate::participants::{Action, Pen, View};
use crate::rng::Draws;
use mce_market::{Side, UnixNanos};

/// Parameters of one maker. The size of one quote is the unit of inventory in γ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MakerConfig {
    /// Size of each quote, lots.
    pub quote: Lots,
    /// Quotes a side.
    pub levels: usize,
    /// Ticks between two of them.
    pub step: i64,
    /// Inventory beyond which it must unwind, lots.
    pub limit: Lots,
    /// Risk aversion γ, per tick and quote.
    pub gamma: f64,
    /// Horizon τ, s: how long it expects to hold what it has.
    pub tau_s: f64,
    /// k: how fast the chance of a fill falls with distance, per tick.
    pub decay: f64,
    /// λ: ticks by which a lot that an aggressor buys moves its idea of the price at once (Kyle 1985; Glosten &
    /// Milgrom 1985: a trade is news).
    pub impact: f64,
    /// Half-life of its idea s of the price going to the mid, s.
    pub fair_half_life_s: f64,
    /// Half-life of its idea of the variance, s.
    pub sigma_half_life_s: f64,
    /// The variance it assumes at least and at most, ticks² a second: a quiet minute is no promise, and a wild one
    /// must not make it lean out of sight.
    pub variance: (f64, f64),
    /// Mean time between two looks, s.
    pub look_s: f64,
    /// Size of a market order of an unwind, lots.
    pub chunk: Lots,
    /// Mean time between two of them, s.
    pub chunk_s: f64,
    /// The unwind ends at this share of the limit.
    pub unwind_to: f64,
    /// Mean time it stays away afterwards, s.
    pub cool_s: f64,
}

impl MakerConfig {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let name = |what: &'static str| move || format!("maker {what}");
        let size = |x: f64| (1.0..=1e9).contains(&x);
        let positive = |x: f64| x > 0.0 && x <= 1e6;
        check(name("quote"), self.quote.0 as f64, "1 to 1e9 lots", size)?;
        check(name("levels"), self.levels as f64, "1 to 100", |x| {
            (1.0..=100.0).contains(&x)
        })?;
        check(name("step"), self.step as f64, "1 to 1e6 ticks", |x| {
            (1.0..=1e6).contains(&x)
        })?;
        check(name("limit"), self.limit.0 as f64, "1 to 1e9 lots", size)?;
        check(name("gamma"), self.gamma, "in (0, 1e6]", positive)?;
        check(name("tau_s"), self.tau_s, "in (0, 1e6] s", positive)?;
        check(name("decay"), self.decay, "in (0, 1e6]", positive)?;
        check(
            name("fair_half_life_s"),
            self.fair_half_life_s,
            "in (0, 1e6] s",
            positive,
        )?;
        check(
            name("sigma_half_life_s"),
            self.sigma_half_life_s,
            "in (0, 1e6] s",
            positive,
        )?;
        let (least, most) = self.variance;
        check(
            name("least variance"),
            least,
            "in (0, 1e6] ticks²/s",
            positive,
        )?;
        check(name("most variance"), most, "least to 1e6 ticks²/s", |x| {
            (least..=1e6).contains(&x)
        })?;
        check(name("look_s"), self.look_s, "in (0, 1e6] s", positive)?;
        check(name("chunk"), self.chunk.0 as f64, "1 to 1e9 lots", size)?;
        check(name("chunk_s"), self.chunk_s, "in (0, 1e6] s", positive)?;
        check(name("unwind_to"), self.unwind_to, "in [0, 1)", |x| {
            (0.0..1.0).contains(&x)
        })?;
        check(name("cool_s"), self.cool_s, "in (0, 1e6] s", positive)
    }
}

/// What a maker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MakerState {
    /// Quoting both sides.
    Quoting,
    /// Its limit was breached: flushing with market orders.
    Unwinding,
    /// Staying away after an unwind.
    Away,
}

/// One maker.
#[derive(Clone, Debug)]
pub struct Maker {
    config: MakerConfig,
    pen: Pen,
    state: MakerState,
    fair: f64,
    variance: f64,
    seen_mid: f64,
    seen_net_bought: i64,
    seen: UnixNanos,
    /// How far it leans, ticks: reservation price less its idea of the price.
    skew: f64,
    /// Its quotes, bids then asks, best first.
    quotes: [Vec<Option<OrderId>>; 2],
}

impl Maker {
    pub(crate) fn new(config: MakerConfig, owner: Owner, view: &View<'_>) -> Self {
        let none = vec![None; config.levels];
        Maker {
            config,
            pen: Pen::new(owner),
            state: MakerState::Quoting,
            fair: view.mid(),
            variance: config.variance.0,
            seen_mid: view.mid(),
            seen_net_bought: view.net_bought,
            seen: view.now,
            skew: 0.0,
            quotes: [none.clone(), none],
        }
    }

    /// Its parameters.
    pub fn config(&self) -> &MakerConfig {
        &self.config
    }

    /// What it is doing.
    pub fn state(&self) -> MakerState {
        self.state
    }

    /// How far its quotes lean, or leaned when it last had any, ticks: above 0 it wants to buy.
    pub fn skew(&self) -> f64 {
        self.skew
    }

    /// Seconds to its next wake.
    pub(crate) fn wait(&self, draws: &mut Draws) -> f64 {
        match self.state {
            // Half of it is the machine's own time, which does not scatter.
            MakerState::Quoting => {
                0.5 * self.config.look_s + draws.exponential(0.5 * self.config.look_s)
            }
            MakerState::Unwinding => draws.exponential(self.config.chunk_s),
            MakerState::Away => draws.exponential(self.config.cool_s),
        }
    }

    pub(crate) fn act(&mut self, view: &View<'_>, actions: &mut Vec<Action>) {
        self.learn(view);
        let inventory = view.position.0;
        self.state = match self.state {
            MakerState::Quoting if inventory.abs() > self.config.limit.0 => MakerState::Unwinding,
            MakerState::Unwinding if self.is_small(inventory) => MakerState::Away,
            MakerState::Away => MakerState::Quoting,
            same => same,
        };
        match self.state {
            MakerState::Quoting => self.quote(view, actions),
            MakerState::Unwinding => {
                self.pull(actions);
                let side = if inventory > 0 { Side::Sell } else { Side::Buy };
                let lots = Lots(inventory.abs().min(self.config.chunk.0));
                actions.push(Action::Submit(self.pen.order(side, lots, Terms::Market)));
            }
            MakerState::Away => {}
        }
    }

    fn is_small(&self, inventory: i64) -> bool {
        inventory.abs() as f64 <= self.config.unwind_to * self.config.limit.0 as f64
    }

    /// Takes the present mid into its ideas of price and variance.
    fn learn(&mut self, view: &View<'_>) {
        let (mid, age) = (view.mid(), view.now.seconds_since(self.seen));
        if age <= 0.0 {
            return;
        }
        let keep = (-age / self.config.fair_half_life_s).exp2();
        let news = (view.net_bought - self.seen_net_bought) as f64 * self.config.impact;
        self.fair = keep * (self.fair + news) + (1.0 - keep) * mid;
        let keep = (-age / self.config.sigma_half_life_s).exp2();
        let measured = (mid - self.seen_mid).powi(2) / age;
        self.variance = keep * self.variance + (1.0 - keep) * measured;
        (self.seen_mid, self.seen) = (mid, view.now);
        self.seen_net_bought = view.net_bought;
    }

    fn quote(&mut self, view: &View<'_>, actions: &mut Vec<Action>) {
        let config = self.config;
        let (least, most) = config.variance;
        let risk = config.gamma * self.variance.clamp(least, most) * config.tau_s;
        self.skew = -risk * view.position.0 as f64 / config.quote.0 as f64;
        let reservation = self.fair + self.skew;
        let half = 0.5 * risk + (config.gamma / config.decay).ln_1p() / config.gamma;
        // Never across the book: it gives liquidity, and what it wants beyond that must wait for its next look.
        let bid = ((reservation - half).floor() as i64).min(view.ask.0 - 1);
        let ask = ((reservation + half).ceil() as i64).max(view.bid.0 + 1);
        let mut submits = Vec::new();
        for (side, best) in [(Side::Buy, bid), (Side::Sell, ask)] {
            for level in 0..config.levels {
                let price = Ticks(best - side.sign() * level as i64 * config.step);
                self.place(view, side, level, price, actions, &mut submits);
            }
        }
        // All cancels come first, so that no new quote meets an old one of its own.
        actions.extend(submits);
    }

    /// Keeps the quote of a level if it stands at the price and is mostly there, and replaces it if not.
    fn place(
        &mut self,
        view: &View<'_>,
        side: Side,
        level: usize,
        price: Ticks,
        cancels: &mut Vec<Action>,
        submits: &mut Vec<Action>,
    ) {
        let slot = &mut self.quotes[usize::from(side == Side::Sell)][level];
        let standing = slot.and_then(|id| Some((id, view.book.order(id)?)));
        if let Some((id, (_, at, lots))) = standing {
            if at == price && lots.0 * 2 > self.config.quote.0 {
                return;
            }
            cancels.push(Action::Cancel(id));
        }
        *slot = None;
        if price.0 > 0 {
            let order = self
                .pen
                .order(side, self.config.quote, Terms::PostOnly(price));
            *slot = Some(order.id);
            submits.push(Action::Submit(order));
        }
    }

    fn pull(&mut self, actions: &mut Vec<Action>) {
        let standing = self.quotes.iter_mut().flatten();
        actions.extend(standing.filter_map(Option::take).map(Action::Cancel));
    }
}

#[cfg(test)]
mod tests;
