//! An agent: base signals, rules and a virtual book of its own in one instrument.
//!
//! It decides on every sample what it wants to hold. It sends nothing: [`crate::arena`] nets what all agents want, and
//! books back to each what was executed for it.
//!
//! An entry needs a vote, an unmasked sample, a passing filter, and a size above the minimum. An open position is closed
//! by a fallen stop, a spike of pressure, a stop-loss, a time-out, the opposite vote, or a target below the minimum;
//! otherwise it is brought to its target when that is far enough away. What enlarges a position has to pass what an
//! entry has to pass.

mod params;

use crate::complexity::Complexity;
use crate::decision::{Action, Decision, Pause, Reason, Stop};
use crate::error::ArenaError;
use crate::mid::MidPrice;
use crate::portfolio::{Execution, Portfolio};
use crate::rules::{ExitAlarm, ExitCause, MceRules, MceUse};
use crate::signals::{BaseSignal, Member};
use crate::sizing::{SizeFactors, Sizing};
use crate::view::MarketView;
use crate::vote::{Direction, NoVote, Vote};
use mce_market::{Instrument, InstrumentId, Money, Qty, Reading, Side, UnixNanos};
pub use params::{AgentConfig, AgentParams};
use std::sync::Arc;

/// Number of an agent within one arena, given by whoever configures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(pub u32);

/// What the arena grants an agent for one decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Desk {
    /// Capital that fractions are of: the agent's share of the account's equity.
    pub capital: Money,
    /// What it may do.
    pub permission: Permission,
    /// The complexity of its instrument.
    pub complexity: Complexity,
}

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Anything.
    Trade,
    /// Make positions smaller.
    ReduceOnly,
    /// Close what it holds.
    Close(Stop),
    /// Nothing.
    Pause(Pause),
}

/// An open position's history.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Open {
    side: Side,
    since: UnixNanos,
    /// Volatility per √second when it was opened.
    sigma: f64,
    /// The size that it was last given, before scaling: what a re-scaling begins from.
    size: SizeFactors,
}

/// What an entry that was decided, and may be filled later, was based on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Plan {
    sigma: f64,
    size: SizeFactors,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct Agent {
    id: AgentId,
    name: Arc<str>,
    instrument: InstrumentId,
    members: Vec<Member>,
    params: AgentParams,
    rules: MceRules,
    sizing: Sizing,
    alarm: ExitAlarm,
    book: Portfolio,
    open: Option<Open>,
    plan: Option<Plan>,
    last_execution: Option<UnixNanos>,
}

/// What is to be done, before it is made a record.
struct Verdict {
    action: Action,
    reason: Reason,
    /// Signed units to hold; `None` leaves the position.
    target: Option<i64>,
    size: Option<SizeFactors>,
    side: Option<Side>,
}

impl Verdict {
    fn hold(reason: Reason) -> Self {
        Verdict {
            action: Action::Hold,
            reason,
            target: None,
            size: None,
            side: None,
        }
    }

    fn exit(reason: Reason) -> Self {
        Verdict {
            action: Action::Exit,
            target: Some(0),
            ..Verdict::hold(reason)
        }
    }

    fn sized(self, side: Side, size: SizeFactors) -> Self {
        Verdict {
            size: Some(size),
            side: Some(side),
            ..self
        }
    }
}

/// Everything that a decision is made from.
struct Situation<'a> {
    view: &'a MarketView<'a>,
    desk: &'a Desk,
    mid: MidPrice,
    vote: Result<Vote, NoVote>,
    mce: &'a MceUse,
    alarm: Option<ExitCause>,
}

impl Agent {
    /// An agent of a configuration with `initial` in its virtual book.
    ///
    /// # Errors
    /// [`ArenaError::Config`] names every value out of range.
    pub fn new(config: AgentConfig, initial: Money) -> Result<Self, ArenaError> {
        config.validate()?;
        Ok(Agent {
            id: config.id,
            name: config.name.into(),
            instrument: config.instrument,
            members: config.members,
            params: config.params,
            rules: MceRules::new(config.rules)?,
            sizing: Sizing::new(config.sizing)?,
            alarm: ExitAlarm::default(),
            book: Portfolio::new(initial),
            open: None,
            plan: None,
            last_execution: None,
        })
    }

    /// Its number.
    pub fn id(&self) -> AgentId {
        self.id
    }

    /// Its name, for reports.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it trades.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Its virtual book.
    pub fn book(&self) -> &Portfolio {
        &self.book
    }

    /// Signed size that it holds in its virtual book.
    pub fn position(&self) -> Qty {
        self.book.qty(self.instrument)
    }

    /// Marks its virtual book.
    ///
    /// # Errors
    /// As [`Portfolio::mark`].
    pub fn mark(&mut self, mid: MidPrice, spec: &Instrument) -> Result<(), ArenaError> {
        self.book.mark(self.instrument, mid, spec)
    }

    /// Books what was executed for it.
    ///
    /// # Errors
    /// As [`Portfolio::execute`].
    pub fn on_execution(
        &mut self,
        execution: &Execution,
        ts: UnixNanos,
        spec: &Instrument,
    ) -> Result<(), ArenaError> {
        self.book.execute(execution, spec)?;
        self.last_execution = Some(ts);
        let side = side_held(self.position(), spec);
        debug_assert!(
            side.is_none() || self.plan.is_some(),
            "a position is opened by an entry"
        );
        if self.open.map(|open| open.side) != side {
            self.open = side.zip(self.plan).map(|(side, plan)| Open {
                side,
                since: ts,
                sigma: plan.sigma,
                size: plan.size,
            });
        }
        Ok(())
    }

    /// Takes what happened since the last call and decides what to hold. To be called once a sample, with the readings
    /// of that sample's signal.
    pub fn decide_and_execute(
        &mut self,
        view: &MarketView<'_>,
        mce_skew: &Reading,
        mce_pressure: &Reading,
        desk: &Desk,
    ) -> Decision {
        for member in &mut self.members {
            for bar in view.bars {
                member.on_bar(bar);
            }
            member.on_sample(view.sample);
        }
        let vote = self.vote();
        let mce = self.rules.usage(mce_skew, mce_pressure);
        let rings = self.alarm.update(&self.rules, mce_pressure);
        // Going on without the signal means without the memory of its last alarm, too.
        let deaf = matches!(mce, MceUse::Ignored(_)) && mce_pressure.value().is_none();
        let alarm = rings.filter(|_| !deaf);

        let verdict = match (desk.permission, view.mid()) {
            (Permission::Pause(why), _) => Verdict::hold(Reason::Paused(why)),
            (_, None) => Verdict::hold(Reason::NoMid),
            (_, Some(mid)) => {
                let situation = Situation {
                    view,
                    desk,
                    mid,
                    vote,
                    mce: &mce,
                    alarm,
                };
                match (self.open, side_held(self.position(), view.spec)) {
                    (Some(open), Some(_)) => self.manage(open, &situation),
                    _ => self.consider_entry(&situation),
                }
            }
        };
        let position = self.position();
        let sign = verdict.side.map_or(0.0, |side| side.sign() as f64);
        Decision {
            ts: view.ts,
            sample_ts: view.sample.ts,
            agent: self.id,
            instrument: self.instrument,
            vote,
            skew: mce_skew.clone(),
            pressure: mce_pressure.clone(),
            mce,
            size: verdict.size,
            target_before_mce: verdict.size.map(|size| sign * size.before_mce),
            target_fraction: match verdict.action {
                Action::Hold => None,
                Action::Exit => Some(0.0),
                Action::Enter | Action::Resize => verdict.size.map(|size| sign * size.fraction),
            },
            position,
            target: verdict.target.map_or(position, Qty::from_units),
            action: verdict.action,
            reason: verdict.reason,
        }
    }

    /// The members' votes as one: the mean of direction × confidence over all members, those without a vote counting
    /// as nothing. Without any vote, the first member's reason.
    fn vote(&self) -> Result<Vote, NoVote> {
        let mut sum = 0.0;
        let mut none = Err(NoVote::WarmUp);
        let mut any = false;
        for member in self.members.iter().rev() {
            match member.vote() {
                Ok(vote) => {
                    sum += vote.score();
                    any = true;
                }
                Err(why) => none = Err(why),
            }
        }
        if !any {
            return none;
        }
        let score = sum / self.members.len() as f64;
        Ok(Vote::from_score(score, self.params.confidence_min, 1.0))
    }

    fn consider_entry(&mut self, now: &Situation<'_>) -> Verdict {
        match now.desk.permission {
            Permission::Close(stop) => return Verdict::hold(Reason::Stopped(stop)),
            Permission::ReduceOnly => return Verdict::hold(Reason::ReduceOnly),
            Permission::Trade | Permission::Pause(_) => {}
        }
        let vote = match now.vote {
            _ if now.view.sample.mask != 0 => {
                return Verdict::hold(Reason::Masked(now.view.sample.mask));
            }
            Err(why) => return Verdict::hold(Reason::NoVote(why)),
            Ok(vote) => vote,
        };
        let side = match vote.direction() {
            Direction::Flat => return Verdict::hold(Reason::FlatVote),
            Direction::Short if !self.params.allow_short => {
                return Verdict::hold(Reason::ShortNotAllowed);
            }
            Direction::Short => Side::Sell,
            Direction::Long => Side::Buy,
        };
        if self.within(self.last_execution, self.params.cool_down, now.view.ts) {
            return Verdict::hold(Reason::CoolDown);
        }
        if !now.view.sample.sigma_valid {
            return Verdict::hold(Reason::NoVolatility);
        }
        if let Some(why) = self.entry_obstacle(side, now) {
            return Verdict::hold(why);
        }
        let mce = match now.mce {
            MceUse::Applied { skew, pressure } => self.rules.scale_entry(side, *skew, *pressure),
            MceUse::Off | MceUse::Ignored(_) | MceUse::Blocked(_) => 1.0,
        };
        let complexity = now.desk.complexity.multiplier().unwrap_or(0.0);
        let size = self.sizing.size(vote.confidence(), complexity, mce);
        let verdict = match self.sized_target(side, &size, now) {
            Err(why) => Verdict::hold(why),
            Ok(target) => {
                self.plan = Some(Plan {
                    sigma: now.view.sample.sigma,
                    size,
                });
                Verdict {
                    action: Action::Enter,
                    target: Some(target),
                    ..Verdict::hold(Reason::Vote)
                }
            }
        };
        verdict.sized(side, size)
    }

    /// What forbids to open or enlarge a position of `side`, beside the vote.
    fn entry_obstacle(&self, side: Side, now: &Situation<'_>) -> Option<Reason> {
        if now.view.sample.mask != 0 {
            return Some(Reason::Masked(now.view.sample.mask));
        }
        if now.desk.permission == Permission::ReduceOnly {
            return Some(Reason::ReduceOnly);
        }
        if let Some(cause) = now.alarm {
            return Some(Reason::Pressure(cause));
        }
        match now.mce {
            MceUse::Blocked(why) => return Some(Reason::MceAbsent(why.clone())),
            MceUse::Applied { skew, pressure } => {
                let verdict = self.rules.filter(side, *skew, *pressure);
                if !verdict.passes {
                    return Some(Reason::Filtered(verdict));
                }
            }
            MceUse::Off | MceUse::Ignored(_) => {}
        }
        match now.desk.complexity {
            Complexity::WarmUp { have, need } => Some(Reason::ComplexityWarmUp { have, need }),
            Complexity::Known {
                critical: true,
                mci,
                ..
            } => Some(Reason::TooComplex { mci }),
            Complexity::Known { .. } | Complexity::Off => None,
        }
    }

    fn manage(&mut self, open: Open, now: &Situation<'_>) -> Verdict {
        if let Some(reason) = self.exit_reason(&open, now) {
            return Verdict::exit(reason);
        }
        let side = open.side;
        let mce = match now.mce {
            MceUse::Applied { skew, pressure } => self.rules.scale(side, *skew, *pressure),
            MceUse::Off | MceUse::Ignored(_) | MceUse::Blocked(_) => 1.0,
        };
        let settling = self.within(Some(open.since), self.params.hold_min, now.view.ts);
        // What the model takes away is taken at once; votes have to wait.
        if settling && mce >= open.size.mce {
            return Verdict::hold(Reason::MinimumHold);
        }
        let vote = now.vote.ok().filter(|_| !settling);
        let direction = vote.and_then(|vote| vote.direction().side());
        if direction == Some(side.opposite()) {
            return Verdict::exit(Reason::OppositeVote);
        }
        // A vote that still supports the position gives it a size anew; without one the last size stays.
        let size = match (vote, now.desk.complexity.multiplier()) {
            (Some(vote), Some(complexity)) if direction == Some(side) => {
                self.sizing.size(vote.confidence(), complexity, mce)
            }
            _ => self.sizing.rescale(&open.size, mce),
        };
        self.open = Some(Open { size, ..open });
        self.resize(side, &size, now).sized(side, size)
    }

    /// What closes a position whatever its votes say.
    fn exit_reason(&self, open: &Open, now: &Situation<'_>) -> Option<Reason> {
        if let Permission::Close(stop) = now.desk.permission {
            return Some(Reason::Stopped(stop));
        }
        if let Some(cause) = now.alarm {
            return Some(Reason::Pressure(cause));
        }
        let entry = self
            .book
            .position(self.instrument)
            .and_then(|p| p.entry_price());
        if let Some(entry) = entry.filter(|price| *price > 0.0) {
            let up = (now.mid.to_f64(now.view.spec) / entry).ln();
            let moved = -up * open.side.sign() as f64;
            let horizon = self.params.time_out.as_secs_f64();
            let limit = self.params.stop_sigmas * open.sigma * horizon.sqrt();
            if moved > limit {
                return Some(Reason::StopLoss { moved, limit });
            }
        }
        let held_on = self.within(Some(open.since), self.params.time_out, now.view.ts);
        (!held_on).then_some(Reason::TimeOut)
    }

    fn resize(&self, side: Side, size: &SizeFactors, now: &Situation<'_>) -> Verdict {
        let capital = now.desk.capital.to_f64();
        if capital <= 0.0 {
            return Verdict::exit(Reason::NoCapital);
        }
        let units = now.view.spec.qty_scale().to_f64(self.position().units());
        let current = (units * now.mid.to_f64(now.view.spec)).abs() / capital;
        let target = match self.sized_target(side, size, now) {
            Err(why) => return Verdict::exit(why),
            Ok(target) => target,
        };
        let change = size.fraction - current;
        let band = self
            .sizing
            .config()
            .fraction_min
            .max(self.params.resize_band * current);
        if change.abs() <= band || target == self.position().units() {
            return Verdict::hold(Reason::NearTarget);
        }
        if change > 0.0
            && let Some(why) = self.entry_obstacle(side, now)
        {
            return Verdict::hold(why);
        }
        Verdict {
            action: Action::Resize,
            target: Some(target),
            ..Verdict::hold(Reason::NewTarget)
        }
    }

    /// Signed units, whole lots, of a size that is worth trading.
    fn sized_target(
        &self,
        side: Side,
        size: &SizeFactors,
        now: &Situation<'_>,
    ) -> Result<i64, Reason> {
        if !self.sizing.is_worthwhile(size.fraction) {
            return Err(Reason::BelowMinimum {
                fraction: size.fraction,
            });
        }
        let capital = now.desk.capital.to_f64();
        if capital <= 0.0 {
            return Err(Reason::NoCapital);
        }
        let spec = now.view.spec;
        let amount = size.fraction * capital / now.mid.to_f64(spec);
        // A float beyond 64 bits becomes the largest integer, which no risk gate lets out.
        let units = (amount * spec.qty_scale().units_per_one() as f64) as i64;
        let lot = spec.lot().units();
        match units / lot * lot {
            0 => Err(Reason::BelowLot),
            units => Ok(units * side.sign()),
        }
    }

    /// Whether `ts` is less than `span` after `since`.
    fn within(&self, since: Option<UnixNanos>, span: std::time::Duration, ts: UnixNanos) -> bool {
        since.is_some_and(|since| ts < since.saturating_add(span))
    }
}

/// Which way a signed size is held; less than a lot is nothing.
fn side_held(position: Qty, spec: &Instrument) -> Option<Side> {
    let (units, lot) = (position.units(), spec.lot().units());
    if units >= lot {
        Some(Side::Buy)
    } else if units <= -lot {
        Some(Side::Sell)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
