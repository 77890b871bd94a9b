//! What an agent decided and why: a plain record. Nothing is logged here; the record is the log.

use crate::agent::AgentId;
use crate::rules::{ExitCause, FilterVerdict, MceUse};
use crate::sizing::SizeFactors;
use crate::vote::{NoVote, Vote};
use mce_market::{AbsentReason, InstrumentId, Qty, Reading, UnixNanos};
use std::fmt;

/// One decision of one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When, exchange time.
    pub ts: UnixNanos,
    /// Grid time of the sample that it was made on.
    pub sample_ts: UnixNanos,
    /// Whose.
    pub agent: AgentId,
    /// About what.
    pub instrument: InstrumentId,
    /// What its base signals said together.
    pub vote: Result<Vote, NoVote>,
    /// MCE_Skew as it was handed in, or why it was absent.
    pub skew: Reading,
    /// MCE_Pressure as it was handed in, or why it was absent.
    pub pressure: Reading,
    /// What the MCE rules made of the two.
    pub mce: MceUse,
    /// Why this size; `None` where no size was considered.
    pub size: Option<SizeFactors>,
    /// Signed fraction of the agent's capital that it wants to hold without the MCE factor; `None` as above.
    pub target_before_mce: Option<f64>,
    /// Signed fraction of the agent's capital that it wants to hold; `None` when it leaves the position as it is.
    pub target_fraction: Option<f64>,
    /// Signed size that it holds in its virtual book.
    pub position: Qty,
    /// Signed size that it wants to hold, whole lots.
    pub target: Qty,
    /// What it does.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens a position.
    Enter,
    /// Closes its position.
    Exit,
    /// Makes its position larger or smaller.
    Resize,
    /// Leaves everything as it is.
    Hold,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Enter => "enter",
            Action::Exit => "exit",
            Action::Resize => "resize",
            Action::Hold => "hold",
        })
    }
}

/// Why no order may go out at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pause {
    /// An order in the instrument is out and not done.
    OrderOut,
    /// The kill switch was pulled.
    Killed,
}

/// Which stop has fallen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// The agent's own drawdown stop.
    AgentDrawdown,
    /// The account's.
    AccountDrawdown,
}

/// Why an agent does what it does.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// It enters with its vote.
    Vote,
    /// It brings an open position to its new target.
    NewTarget,
    /// It leaves with the opposite vote.
    OppositeVote,
    /// It leaves since pressure spiked, or does not enter while it has not calmed down.
    Pressure(ExitCause),
    /// It leaves since the price moved against it too far, in log price.
    StopLoss {
        /// How far it moved against the position.
        moved: f64,
        /// How far it may.
        limit: f64,
    },
    /// It leaves since it has held for as long as it may.
    TimeOut,
    /// It leaves, or stays out, since a drawdown stop has fallen.
    Stopped(Stop),
    /// Its size is not above the minimum: not opened, or closed.
    BelowMinimum {
        /// The size, a fraction of its capital.
        fraction: f64,
    },
    /// It holds for less time than it must.
    MinimumHold,
    /// It is near enough to its target.
    NearTarget,
    /// No vote.
    NoVote(NoVote),
    /// A vote for neither way.
    FlatVote,
    /// A vote for a short that it may not open.
    ShortNotAllowed,
    /// A sample with a masked feature never opens or enlarges a position; bit n − 1 is feature n.
    Masked(u16),
    /// There is no volatility yet to set a stop by.
    NoVolatility,
    /// It traded too recently.
    CoolDown,
    /// A reading of the model is absent, and that blocks.
    MceAbsent(AbsentReason),
    /// The filter does not pass.
    Filtered(FilterVerdict),
    /// The complexity manager has seen too little.
    ComplexityWarmUp {
        /// Moves seen.
        have: usize,
        /// Moves needed.
        need: usize,
    },
    /// Complexity is above the critical value.
    TooComplex {
        /// MCI.
        mci: f64,
    },
    /// Its target is less than a lot.
    BelowLot,
    /// The book has no mid.
    NoMid,
    /// It has no capital left.
    NoCapital,
    /// Only reductions are allowed at present.
    ReduceOnly,
    /// Nothing may go out at present.
    Paused(Pause),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Vote => f.write_str("vote"),
            Reason::NewTarget => f.write_str("new target"),
            Reason::OppositeVote => f.write_str("opposite vote"),
            Reason::Pressure(cause) => write!(f, "{cause}"),
            Reason::StopLoss { moved, limit } => {
                write!(
                    f,
                    "stop-loss: moved {moved:.6} against it, limit {limit:.6}"
                )
            }
            Reason::TimeOut => f.write_str("time-out"),
            Reason::Stopped(Stop::AgentDrawdown) => f.write_str("the agent's drawdown stop"),
            Reason::Stopped(Stop::AccountDrawdown) => f.write_str("the account's drawdown stop"),
            Reason::BelowMinimum { fraction } => write!(f, "size {fraction:.6} not above minimum"),
            Reason::MinimumHold => f.write_str("minimum hold"),
            Reason::NearTarget => f.write_str("near target"),
            Reason::NoVote(why) => write!(f, "no vote: {why}"),
            Reason::FlatVote => f.write_str("flat vote"),
            Reason::ShortNotAllowed => f.write_str("shorts not allowed"),
            Reason::Masked(mask) => write!(f, "sample masked:{mask}"),
            Reason::NoVolatility => f.write_str("no volatility yet"),
            Reason::CoolDown => f.write_str("cool-down"),
            Reason::MceAbsent(why) => write!(f, "signal absent: {why}"),
            Reason::Filtered(verdict) => write!(
                f,
                "filtered: skew {}, pressure {}",
                if verdict.skew_supports {
                    "supports"
                } else {
                    "does not support"
                },
                if verdict.pressure_low { "low" } else { "high" },
            ),
            Reason::ComplexityWarmUp { have, need } => {
                write!(f, "complexity warm-up: {have} of {need} moves")
            }
            Reason::TooComplex { mci } => write!(f, "complexity {mci:.3} above critical"),
            Reason::BelowLot => f.write_str("less than a lot"),
            Reason::NoMid => f.write_str("no mid"),
            Reason::NoCapital => f.write_str("no capital"),
            Reason::ReduceOnly => f.write_str("reduce-only"),
            Reason::Paused(Pause::OrderOut) => f.write_str("an order is out"),
            Reason::Paused(Pause::Killed) => f.write_str("kill switch"),
        }
    }
}
