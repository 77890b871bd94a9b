//! The market itself: a virtual clock, the agents that wake on it, their accounts, and what happened.
//!
//! Agents wake one at a time, in the order of their times and, at the same time, of their numbers. A wake is one step:
//! its actions are matched at once and in order, and everything they did comes out as [`Happening`]s of that instant.
//! Whoever shows the market to the world (a venue's frames, a lake) is elsewhere.

mod config;
mod floor;
mod ledger;

pub use config::MarketConfig;
pub use ledger::Account;

use crate::error::SimError;
use crate::makers::{Maker, MakerState};
use crate::matching::{Fill, Lots, Matching, Owner, Ticks};
use crate::participants::{Action, Crowd, Splitter, Taker, Trend, Value, View};
use crate::rng::{Draws, Noise};
use floor::Floor;
use mce_market::{Side, UnixNanos};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Something that happened in the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When, by the market's clock.
    pub ts: UnixNanos,
    /// What.
    pub body: HappeningBody,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HappeningBody {
    /// The size at a price changed.
    Level {
        /// Number of this change, gapless; the next one has one more.
        update_id: u64,
        /// Bids or asks.
        side: Side,
        /// Where.
        price: Ticks,
        /// What rests there now; 0 when the level is gone.
        lots: Lots,
    },
    /// A resting and an incoming order met.
    Trade {
        /// Number of the trade, gapless.
        number: u64,
        /// The execution. The level change follows it.
        fill: Fill,
    },
    /// A maker breached its limit and began to flush.
    UnwindBegan {
        /// Which maker.
        maker: Owner,
        /// Its position at that moment.
        position: Lots,
    },
    /// The maker is small again and stays away for a while.
    UnwindEnded {
        /// Which maker.
        maker: Owner,
        /// Its position at that moment.
        position: Lots,
    },
}

/// The truth about one maker at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MakerTruth {
    /// Which maker.
    pub maker: Owner,
    /// Its inventory; below 0 is short.
    pub position: Lots,
    /// The limit beyond which it must unwind.
    pub limit: Lots,
    /// What it is doing.
    pub state: MakerState,
    /// How far its quotes lean, or leaned when it last had any, ticks: above 0 it wants to buy.
    pub skew: f64,
    /// Cash and inventory at the mid since the start, ticks × lots.
    pub equity: f64,
}

/// A market and everyone in it.
///
/// ```
/// use mce_market::UnixNanos;
/// use mce_sim::{Market, MarketConfig};
/// let mut market = Market::new(MarketConfig::new(7, UnixNanos(0)))?;
/// let mut happenings = Vec::new();
/// market.run_until(UnixNanos(1_000_000_000), &mut happenings);
/// assert!(!happenings.is_empty());
/// assert_eq!(market.accounts().map(|a| a.position.0).sum::<i64>(), 0);
/// # Ok::<(), mce_sim::SimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Market {
    noise: Noise,
    floor: Floor,
    seats: Vec<Seat>,
    wakes: BinaryHeap<Reverse<(UnixNanos, usize)>>,
    /// Kept for its memory.
    actions: Vec<Action>,
}

/// An agent and how often it woke. Its number is its account and the name of its noise.
#[derive(Clone, Debug)]
struct Seat {
    agent: Agent,
    steps: u64,
}

#[derive(Clone, Debug)]
enum Agent {
    Crowd(Crowd),
    Taker(Taker),
    Value(Value),
    Splitter(Splitter),
    Trend(Trend),
    Maker(Box<Maker>),
}

/// The crowd's seat, and the step of its noise that lays the first book: no wake gets there.
const CROWD: usize = 0;
const FOUNDING_STEP: u64 = u64::MAX;

impl Market {
    /// A market with the crowd's book in it, in which nobody has woken yet.
    ///
    /// # Errors
    /// [`SimError::Parameter`] names the parameter that is out of range.
    pub fn new(config: MarketConfig) -> Result<Self, SimError> {
        config.check()?;
        let bid = Ticks(config.founding_price.0 - config.founding_spread / 2);
        let ask = Ticks(bid.0 + config.founding_spread);
        let mut market = Market {
            noise: Noise::new(config.seed),
            floor: Floor::new(config.start, (bid, ask)),
            seats: Vec::new(),
            wakes: BinaryHeap::new(),
            actions: Vec::new(),
        };
        market.seat(|owner, _| Agent::Crowd(Crowd::new(config.crowd, owner)));
        market.seat(|owner, _| Agent::Taker(Taker::new(config.takers, owner)));
        market.seat(|owner, view| Agent::Value(Value::new(config.value, owner, view)));
        for splitter in config.splitters {
            market.seat(|owner, _| Agent::Splitter(Splitter::new(splitter, owner)));
        }
        for trend in config.trends {
            market.seat(|owner, view| Agent::Trend(Trend::new(trend, owner, view)));
        }
        for maker in config.makers {
            market.seat(|owner, view| Agent::Maker(Box::new(Maker::new(maker, owner, view))));
        }
        market.found();
        for number in 0..market.seats.len() {
            market.schedule(number, &mut market.noise.draws(number as u32, 0));
        }
        Ok(market)
    }

    fn seat(&mut self, agent: impl FnOnce(Owner, &View<'_>) -> Agent) {
        let owner = owner(self.seats.len());
        let agent = agent(owner, &self.floor.view(owner));
        self.seats.push(Seat { agent, steps: 0 });
        self.floor.ledger.open();
    }

    /// Lays the crowd's orders of before the start. Nobody was there to see them come.
    fn found(&mut self) {
        let draws = &mut self.noise.draws(CROWD as u32, FOUNDING_STEP);
        let mut actions = Vec::new();
        if let Agent::Crowd(crowd) = &mut self.seats[CROWD].agent {
            crowd.found(&self.floor.view(owner(CROWD)), draws, &mut actions);
        }
        for action in actions {
            self.floor.execute(action, &mut Vec::new());
        }
    }

    /// The market's time: that of the last wake, or the last time it was run until.
    pub fn now(&self) -> UnixNanos {
        self.floor.now
    }

    /// The orders that rest.
    pub fn book(&self) -> &Matching {
        &self.floor.book
    }

    /// Number of the last level change.
    pub fn update_id(&self) -> u64 {
        self.floor.update_id
    }

    /// Everyone's account. Positions and cash add up to 0, always.
    pub fn accounts(&self) -> impl Iterator<Item = Account> + '_ {
        self.floor.ledger.accounts()
    }

    /// Orders that were refused, as a post-only order that would have taken.
    pub fn refused(&self) -> u64 {
        self.floor.refused
    }

    /// What nobody in the market can see of another: the makers' inventories and states, now.
    pub fn truth(&self) -> impl Iterator<Item = MakerTruth> + '_ {
        let mid = self.floor.view(owner(CROWD)).mid();
        let makers = self.seats.iter().zip(self.accounts());
        makers.filter_map(move |(seat, account)| {
            let Agent::Maker(maker) = &seat.agent else {
                return None;
            };
            Some(MakerTruth {
                maker: account.owner,
                position: account.position,
                limit: maker.config().limit,
                state: maker.state(),
                skew: maker.skew(),
                equity: account.cash as f64 + account.position.0 as f64 * mid,
            })
        })
    }

    /// Lets everyone act whose time comes before or at `until`; what happened is appended to `happenings`.
    pub fn run_until(&mut self, until: UnixNanos, happenings: &mut Vec<Happening>) {
        while self.next_wake().is_some_and(|ts| ts <= until) {
            self.step(happenings);
        }
        self.floor.now = self.floor.now.max(until);
    }

    /// When the next agent wakes.
    pub fn next_wake(&self) -> Option<UnixNanos> {
        self.wakes.peek().map(|Reverse((ts, _))| *ts)
    }

    /// Lets the next agent act; what happened is appended to `happenings`.
    pub fn step(&mut self, happenings: &mut Vec<Happening>) {
        let Some(Reverse((ts, number))) = self.wakes.pop() else {
            return;
        };
        self.floor.now = ts;
        let mut actions = std::mem::take(&mut self.actions);
        let mut draws = self.act(number, &mut actions, happenings);
        for action in actions.drain(..) {
            self.floor.execute(action, happenings);
        }
        self.actions = actions;
        self.schedule(number, &mut draws);
    }

    /// Asks one agent what it wants; the rest of its draws are for the time of its next wake.
    fn act(
        &mut self,
        number: usize,
        actions: &mut Vec<Action>,
        happenings: &mut Vec<Happening>,
    ) -> Draws {
        let view = self.floor.view(owner(number));
        let seat = &mut self.seats[number];
        seat.steps += 1;
        let mut draws = self.noise.draws(number as u32, seat.steps);
        match &mut seat.agent {
            Agent::Crowd(crowd) => crowd.act(&view, &mut draws, actions),
            Agent::Taker(taker) => taker.act(&view, &mut draws, actions),
            Agent::Value(value) => value.act(&view, &mut draws, actions),
            Agent::Splitter(splitter) => splitter.act(&mut draws, actions),
            Agent::Trend(trend) => trend.act(&view, actions),
            Agent::Maker(maker) => {
                let before = maker.state();
                maker.act(&view, actions);
                let (maker, position, after) = (owner(number), view.position, maker.state());
                let body = match (before, after) {
                    (MakerState::Quoting, MakerState::Unwinding) => {
                        HappeningBody::UnwindBegan { maker, position }
                    }
                    (MakerState::Unwinding, MakerState::Away) => {
                        HappeningBody::UnwindEnded { maker, position }
                    }
                    _ => return draws,
                };
                happenings.push(Happening { ts: view.now, body });
            }
        }
        draws
    }

    fn schedule(&mut self, number: usize, draws: &mut Draws) {
        let seconds = match &self.seats[number].agent {
            Agent::Crowd(crowd) => crowd.wait(draws),
            Agent::Taker(taker) => taker.wait(draws),
            Agent::Value(value) => value.wait(draws),
            Agent::Splitter(splitter) => splitter.wait(draws),
            Agent::Trend(trend) => trend.wait(draws),
            Agent::Maker(maker) => maker.wait(draws),
        };
        // At least a nanosecond later, so that every step moves the clock.
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let wait = wait.max(Duration::from_nanos(1));
        self.wakes
            .push(Reverse((self.now().saturating_add(wait), number)));
    }
}

/// The account of a seat. A config has fewer seats than there are accounts.
fn owner(seat: usize) -> Owner {
    Owner(seat as u16)
}

#[cfg(test)]
mod tests;
