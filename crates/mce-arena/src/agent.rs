//! An agent: base signals, rules and a virtual book of its own in one instrument.
//!
//! It decides on every sample what it wants to hold. It sends nothing: [`crate::arena`] nets what all agents want, and
//! books back to each what was executed for it.
//!
//! An entry needs a vote, an unmasked sample, a passing filter, and a size above the minimum. An open position is closed
//! by a fallen stop, a spike of pressure, a stop-loss, a time-out, the opposite vote, or a target below the minimum;
//! otherwise it is brought to its target when that is far enough away. What enlarges a position has to pass what an
//! entry has to pass.

mod judge;
mod params;

use crate::complexity::Complexity;
use crate::decision::{Action, Decision, Pause, Reason, Stop};
use crate::error::ArenaError;
use crate::mid::MidPrice;
use crate::portfolio::{Execution, Portfolio};
use crate::rules::{ExitAlarm, MceRules, MceUse};
use crate::signals::{BaseSignal, Member};
use crate::sizing::{SizeFactors, Sizing};
use crate::view::MarketView;
use crate::vote::{NoVote, Vote};
use judge::{Situation, Verdict};
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
