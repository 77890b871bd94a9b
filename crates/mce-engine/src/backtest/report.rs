//! What a run came to: trades, turnover, profit and fees, drawdown, and what the MCE rules did.

use super::Journal;
use crate::error::EngineError;
use crate::step::Action;
use mce_arena::rules::MceUse;
use mce_arena::{Action as Move, ArenaManager, Reason, Report};
use mce_market::{Money, UnixNanos};
use std::collections::BTreeSet;

/// Equity is looked at this often for the Sharpe ratio.
const SHARPE_NS: i64 = 300 * UnixNanos::PER_SECOND;
/// Fewer changes of equity than this give no Sharpe ratio.
const SHARPE_MIN: usize = 30;
/// Periods of [`SHARPE_NS`] in a year of 365 days.
const PERIODS_A_YEAR: f64 = 365.0 * 24.0 * 12.0;

/// What the MCE rules did to decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateReport {
    /// Decisions to enter that were carried out.
    pub entered: u64,
    /// Entries that the filter stopped.
    pub filtered: u64,
    /// Entries that an absent signal stopped.
    pub absent: u64,
    /// Positions closed, or entries stopped, by pressure.
    pub pressure: u64,
    /// Sizes that the rules made smaller or larger.
    pub scaled: u64,
    /// Orders that the risk gate refused.
    pub refused: u64,
}

/// One agent's share of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentReport {
    /// Its name.
    pub name: String,
    /// Executions, those with other agents included.
    pub trades: u64,
    /// Value traded.
    pub turnover: Money,
    /// Profit before fees.
    pub pnl_gross: Money,
    /// Fees.
    pub fees: Money,
    /// Profit after fees.
    pub pnl_net: Money,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestReport {
    /// First sample that was decided on.
    pub from: Option<UnixNanos>,
    /// Last one.
    pub to: Option<UnixNanos>,
    /// Orders that were filled at least in part.
    pub trades: u64,
    /// Executions: a market order may have several.
    pub fills: u64,
    /// Value traded.
    pub turnover: Money,
    /// Profit before fees, open positions valued at the mid.
    pub pnl_gross: Money,
    /// Fees.
    pub fees: Money,
    /// Profit after fees.
    pub pnl_net: Money,
    /// Annualised Sharpe ratio of five-minute changes of equity; `None` below 30 of them or without variation.
    pub sharpe: Option<f64>,
    /// Largest fall of equity from a peak, as a share of the peak.
    pub max_drawdown: f64,
    /// xxh3-64 of the journal: equal runs have equal digests.
    pub digest: u64,
    /// What the MCE rules did.
    pub gate: GateReport,
    /// By agent, in the order of the configuration.
    pub agents: Vec<AgentReport>,
}

/// Counts along the way.
#[derive(Debug, Default)]
pub(super) struct Tally {
    from: Option<UnixNanos>,
    to: Option<UnixNanos>,
    filled: BTreeSet<u64>,
    fills: u64,
    gate: GateReport,
    peak: Option<f64>,
    max_drawdown: f64,
    /// Equity at the end of each five minutes.
    equity: Vec<(i64, f64)>,
}

impl Tally {
    pub(super) fn action(&mut self, action: &Action, arena: &ArenaManager) {
        match action {
            Action::Signal(update) => {
                let (sample, equity) = (&update.0, arena.account().equity().to_f64());
                self.from = self.from.or(Some(sample.ts));
                self.to = Some(sample.ts);
                let peak = self.peak.map_or(equity, |p| p.max(equity));
                self.peak = Some(peak);
                self.max_drawdown = self.max_drawdown.max((peak - equity) / peak);
                let period = sample.ts.0.div_euclid(SHARPE_NS);
                match self.equity.last_mut() {
                    Some(last) if last.0 == period => last.1 = equity,
                    _ => self.equity.push((period, equity)),
                }
            }
            Action::Decision(decision) => {
                let gate = &mut self.gate;
                match &decision.reason {
                    Reason::Filtered(_) => gate.filtered += 1,
                    Reason::MceAbsent(_) => gate.absent += 1,
                    Reason::Pressure(_) => gate.pressure += 1,
                    _ => {}
                }
                gate.entered += u64::from(decision.action == Move::Enter);
                let scaled = decision.size.is_some_and(|s| s.mce != 1.0)
                    && matches!(decision.mce, MceUse::Applied { .. })
                    && decision.action != Move::Hold;
                gate.scaled += u64::from(scaled);
            }
            Action::Refused(_) => self.gate.refused += 1,
            Action::Cross(_) | Action::Intent(_) | Action::Submit(_) => {}
        }
    }

    pub(super) fn report(&mut self, report: &Report) {
        if let Report::Fill(fill) = report {
            self.filled.insert(fill.order.0);
            self.fills += 1;
        }
    }

    pub(super) fn finish(
        self,
        arena: &ArenaManager,
        journal: Journal<'_>,
    ) -> Result<BacktestReport, EngineError> {
        let account = arena.account();
        let pnl_net = account.equity() - account.initial();
        if !account.balances() {
            return Err(EngineError::Data(
                "the account does not balance: cash, positions and fees do not sum to the fills; this is a defect".into(),
            ));
        }
        Ok(BacktestReport {
            from: self.from,
            to: self.to,
            trades: self.filled.len() as u64,
            fills: self.fills,
            turnover: account.turnover(),
            pnl_gross: pnl_net + account.fees(),
            fees: account.fees(),
            pnl_net,
            sharpe: sharpe(&self.equity),
            max_drawdown: self.max_drawdown,
            digest: journal.digest(),
            gate: self.gate,
            agents: arena
                .agents()
                .iter()
                .map(|agent| {
                    let book = agent.book();
                    let net = book.equity() - book.initial();
                    AgentReport {
                        name: agent.name().to_string(),
                        trades: book.executions(),
                        turnover: book.turnover(),
                        pnl_gross: net + book.fees(),
                        fees: book.fees(),
                        pnl_net: net,
                    }
                })
                .collect(),
        })
    }
}

fn sharpe(equity: &[(i64, f64)]) -> Option<f64> {
    let changes: Vec<f64> = equity.windows(2).map(|w| w[1].1 - w[0].1).collect();
    if changes.len() < SHARPE_MIN {
        return None;
    }
    let n = changes.len() as f64;
    let mean = changes.iter().sum::<f64>() / n;
    let variance = changes.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance > 0.0).then(|| mean / variance.sqrt() * PERIODS_A_YEAR.sqrt())
}
