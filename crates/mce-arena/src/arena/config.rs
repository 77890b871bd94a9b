//! What the arena is told when it is made, and what it gives back.

use crate::agent::{AgentConfig, AgentId};
use crate::complexity::ComplexityConfig;
use crate::decision::Decision;
use crate::error::{ArenaError, Checks};
use crate::risk::{Approved, Intent, Refused, RiskLimits};
use mce_market::{InstrumentId, Money, Order, Qty, UnixNanos};
use std::collections::BTreeSet;

/// How the arena trades the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderStyle {
    /// At any price that the risk gate's collar allows when the order is sent.
    Market,
    /// Immediate or cancel, at most so many basis points beyond the best price of the other side, 0 to 1000: what
    /// the market does during the latency cannot cost more. What is not filled is asked for again at the next sample.
    Protected {
        /// Basis points beyond the best price.
        slippage_bps: u32,
    },
}

/// Parameters of the arena.
#[derive(Clone, Debug, PartialEq)]
pub struct ArenaConfig {
    /// Cash that the account begins with, above 0.
    pub initial: Money,
    /// How orders are sent.
    pub style: OrderStyle,
    /// The complexity manager; `None` switches it off.
    pub complexity: Option<ComplexityConfig>,
    /// The risk gate's limits.
    pub limits: RiskLimits,
}

impl Default for ArenaConfig {
    /// 100 000, protected by 10 bp, complexity on, the gate's default limits.
    fn default() -> Self {
        ArenaConfig {
            initial: Money::from_whole(100_000),
            style: OrderStyle::Protected { slippage_bps: 10 },
            complexity: Some(ComplexityConfig::default()),
            limits: RiskLimits::default(),
        }
    }
}

impl ArenaConfig {
    /// Whether the arena's own values are in range; agents, complexity and limits check theirs.
    pub(super) fn validate(&self, agents: &[AgentConfig]) -> Result<(), ArenaError> {
        let mut checks = Checks::default();
        let ids: BTreeSet<AgentId> = agents.iter().map(|agent| agent.id).collect();
        checks.require("agents", !agents.is_empty(), "at least one agent", 0);
        checks.require(
            "agents",
            ids.len() == agents.len(),
            "ids that are all different",
            format_args!("{} ids for {} agents", ids.len(), agents.len()),
        );
        checks.require(
            "initial",
            self.initial > Money::ZERO,
            "an amount above 0",
            self.initial,
        );
        if let OrderStyle::Protected { slippage_bps } = self.style {
            let ok = slippage_bps <= 1000;
            checks.require("slippage_bps", ok, "0 to 1000", slippage_bps);
        }
        checks.finish()
    }
}

/// What one call of [`super::ArenaManager::process_data`] gave.
#[derive(Debug, Default)]
pub struct ArenaOutput {
    /// One a agent of the instrument, in the order of the configuration.
    pub decisions: Vec<Decision>,
    /// What agents traded with each other.
    pub crosses: Vec<Cross>,
    /// What the arena wanted to send, approved or not.
    pub intents: Vec<Intent>,
    /// What goes to the exchange.
    pub orders: Vec<Approved<Order>>,
    /// What does not.
    pub refused: Vec<Refused>,
}

impl ArenaOutput {
    /// Empties it for another call, keeping its memory.
    pub fn clear(&mut self) {
        self.decisions.clear();
        self.crosses.clear();
        self.intents.clear();
        self.orders.clear();
        self.refused.clear();
    }
}

/// One agent's side of an internal trade at the mid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cross {
    /// When, exchange time.
    pub ts: UnixNanos,
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Which agent.
    pub agent: AgentId,
    /// Signed size.
    pub qty: Qty,
    /// Size × mid, 0 or more.
    pub notional: Money,
}
