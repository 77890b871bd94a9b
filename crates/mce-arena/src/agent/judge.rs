//! What an agent makes of a situation: enter, leave, re-size or hold, and why.

use super::{Agent, Desk, Open, Permission, Plan};
use crate::complexity::Complexity;
use crate::decision::{Action, Reason};
use crate::mid::MidPrice;
use crate::rules::{ExitCause, MceUse};
use crate::sizing::SizeFactors;
use crate::view::MarketView;
use crate::vote::{Direction, NoVote, Vote};
use mce_market::{Side, UnixNanos};
use std::time::Duration;

/// What is to be done, before it is made a record.
pub(super) struct Verdict {
    pub(super) action: Action,
    pub(super) reason: Reason,
    /// Signed units to hold; `None` leaves the position.
    pub(super) target: Option<i64>,
    pub(super) size: Option<SizeFactors>,
    pub(super) side: Option<Side>,
}

impl Verdict {
    pub(super) fn hold(reason: Reason) -> Self {
        Verdict {
            action: Action::Hold,
            reason,
            target: None,
            size: None,
            side: None,
        }
    }

    pub(super) fn exit(reason: Reason) -> Self {
        Verdict {
            action: Action::Exit,
            target: Some(0),
            ..Verdict::hold(reason)
        }
    }

    pub(super) fn sized(self, side: Side, size: SizeFactors) -> Self {
        Verdict {
            size: Some(size),
            side: Some(side),
            ..self
        }
    }
}

/// Everything that a decision is made from.
pub(super) struct Situation<'a> {
    pub(super) view: &'a MarketView<'a>,
    pub(super) desk: &'a Desk,
    pub(super) mid: MidPrice,
    pub(super) vote: Result<Vote, NoVote>,
    pub(super) mce: &'a MceUse,
    pub(super) alarm: Option<ExitCause>,
}

impl Agent {
    pub(super) fn consider_entry(&mut self, now: &Situation<'_>) -> Verdict {
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

    pub(super) fn manage(&mut self, open: Open, now: &Situation<'_>) -> Verdict {
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
    fn within(&self, since: Option<UnixNanos>, span: Duration, ts: UnixNanos) -> bool {
        since.is_some_and(|since| ts < since.saturating_add(span))
    }
}
