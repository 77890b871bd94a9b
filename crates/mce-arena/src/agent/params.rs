//! What an agent is told when it is made.

use super::AgentId;
use crate::error::{ArenaError, Checks};
use crate::rules::MceRulesConfig;
use crate::signals::Member;
use crate::sizing::SizingConfig;
use mce_market::InstrumentId;
use std::time::Duration;

/// An agent's habits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgentParams {
    /// Least confidence of the members together that counts as a vote, (0, 1].
    pub confidence_min: f64,
    /// Whether it may go short.
    pub allow_short: bool,
    /// A position is closed when the log price has moved against it by more than so many standard deviations of its
    /// move over the whole time-out, by the volatility at entry; above 0.
    pub stop_sigmas: f64,
    /// A position is closed after this time; above 0.
    pub time_out: Duration,
    /// Votes change a position only after this time; stops, pressure and what the model takes away do at once. Below
    /// `time_out`.
    pub hold_min: Duration,
    /// Time without an entry after any execution.
    pub cool_down: Duration,
    /// A position is re-sized when its target is away by more than this share of it (and by more than the
    /// smallest size worth trading), 0 or more.
    pub resize_band: f64,
}

impl Default for AgentParams {
    /// Votes from 0.2, both ways, a stop at 1.5 standard deviations, 15 minutes at most and one at least, a minute of
    /// cool-down, re-sized from a quarter of the position on.
    fn default() -> Self {
        AgentParams {
            confidence_min: 0.2,
            allow_short: true,
            stop_sigmas: 1.5,
            time_out: Duration::from_secs(900),
            hold_min: Duration::from_secs(60),
            cool_down: Duration::from_secs(60),
            resize_band: 0.25,
        }
    }
}

/// Everything that an agent is made of.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Its number, unique in its arena.
    pub id: AgentId,
    /// Its name, for reports.
    pub name: String,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its base signals, at least one.
    pub members: Vec<Member>,
    /// Its habits.
    pub params: AgentParams,
    /// The MCE rules that it follows.
    pub rules: MceRulesConfig,
    /// How it sizes positions.
    pub sizing: SizingConfig,
}

impl AgentConfig {
    /// An agent with one base signal and everything else at its default.
    pub fn new(id: AgentId, name: &str, instrument: InstrumentId, member: Member) -> Self {
        AgentConfig {
            id,
            name: name.to_owned(),
            instrument,
            members: vec![member],
            params: AgentParams::default(),
            rules: MceRulesConfig::default(),
            sizing: SizingConfig::default(),
        }
    }

    /// Whether the agent's own values are in range; rules and sizing check theirs.
    pub(super) fn validate(&self) -> Result<(), ArenaError> {
        let mut checks = Checks::default();
        let AgentParams {
            confidence_min,
            stop_sigmas,
            time_out,
            hold_min,
            resize_band,
            ..
        } = self.params;
        checks.require(
            "members",
            !self.members.is_empty(),
            "at least one base signal",
            self.members.len(),
        );
        checks.within(
            "confidence_min",
            confidence_min,
            f64::MIN_POSITIVE..=1.0,
            "above 0 and at most 1",
        );
        checks.within(
            "stop_sigmas",
            stop_sigmas,
            f64::MIN_POSITIVE..=1000.0,
            "above 0 and at most 1000",
        );
        checks.require(
            "time_out",
            !time_out.is_zero(),
            "a time above 0",
            format_args!("{time_out:?}"),
        );
        checks.require(
            "hold_min",
            hold_min < time_out,
            "less than time_out",
            format_args!("{hold_min:?}"),
        );
        checks.within("resize_band", resize_band, 0.0..=1000.0, "0 to 1000");
        checks.finish()
    }
}
