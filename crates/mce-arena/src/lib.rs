//! Agents on one account: base signals, the MCE rules, sizing, the arena that nets them, the risk gate that every order
//! passes, and the exchange on paper.
//!
//! Everything here is pure: no clock, no I/O, no threads, no randomness. Live trading and a backtest make the same calls
//! in the same order and get the same decisions. Money and sizes are integers; floats are votes, factors and shares.
//!
//! ```text
//! MarketView + Signal ─► ArenaManager::process_data
//!     every Agent::decide_and_execute ─► Decision      (signals, rules, complexity, sizing)
//!     what cancels out between agents ─► Cross
//!     the rest ─► Intent ─► RiskGate ─► Approved<Order> or Refused
//! Approved<Order> ─► Exchange::submit        Exchange::drain ─► Report ─► ArenaManager::on_report
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`arena`] | [`ArenaManager`]: asks, nets, sends, books back |
//! | [`agent`] | [`Agent`]: entry, exit, re-size |
//! | [`decision`] | [`Decision`]: the record of one |
//! | [`signals`] | [`signals::BaseSignal`] and the three that there are |
//! | [`vote`] | [`Vote`], [`NoVote`] |
//! | [`rules`] | [`MceRules`]: filter, scale, exit |
//! | [`sizing`] | Kelly × complexity × MCE, capped |
//! | [`complexity`] | the complexity manager |
//! | [`risk`] | [`RiskGate`], [`Approved`], [`Refusal`] |
//! | [`exchange`] | the [`Exchange`] trait and its reports |
//! | [`paper`] | [`PaperExchange`] |
//! | [`portfolio`] | [`Portfolio`]: an account to the unit |
//! | [`mid`] | [`MidPrice`]: what positions are marked at |
//! | [`view`] | [`MarketView`] |
//! | [`error`] | [`ArenaError`] |
#![deny(missing_docs)]

pub mod agent;
mod apportion;
pub mod arena;
pub mod complexity;
pub mod decision;
pub mod error;
pub mod exchange;
pub mod mid;
pub mod paper;
pub mod portfolio;
pub mod risk;
pub mod rules;
pub mod signals;
pub mod sizing;
#[cfg(test)]
mod testing;
pub mod view;
pub mod vote;

pub use agent::{Agent, AgentConfig, AgentId, AgentParams, Desk, Permission};
pub use arena::{ArenaConfig, ArenaManager, ArenaOutput, CapitalShares, Cross, OrderStyle};
pub use complexity::{Complexity, ComplexityConfig, ComplexityManager};
pub use decision::{Action, Decision, Pause, Reason, Stop};
pub use error::{ArenaError, ConfigProblem};
pub use exchange::{Cancel, Done, DoneReason, Exchange, Full, Rejection, Report};
pub use mid::MidPrice;
pub use paper::{PaperConfig, PaperExchange};
pub use portfolio::{Execution, Portfolio, Position};
pub use risk::{
    Approved, Intent, Part, Refusal, Refused, RiskGate, RiskLimits, RiskView, TradingMode,
};
pub use rules::{
    ExitCause, FilterMode, FilterVerdict, MceRules, MceRulesConfig, MceUse, WhenAbsent,
};
pub use signals::{
    BookImbalance, BookImbalanceConfig, Member, Momentum, MomentumConfig, Reversion,
    ReversionConfig, ReversionOn, Thresholds,
};
pub use sizing::{SizeFactors, Sizing, SizingConfig};
pub use view::MarketView;
pub use vote::{Direction, NoVote, Vote};
