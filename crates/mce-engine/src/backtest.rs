//! A backtest: the live step over stored events, with a paper exchange around it.

mod journal;
mod report;

pub use journal::Journal;
pub use report::{AgentReport, BacktestReport, GateReport};

use crate::error::EngineError;
use crate::replay::Replay;
use crate::step::{Action, Step};
use mce_arena::{Exchange, PaperExchange, Report};
use mce_market::{InstrumentId, MarketEvent, UnixNanos};
use report::Tally;

/// The step, the paper exchange and the journal of one run.
pub struct Backtest<'w> {
    step: Step,
    exchange: PaperExchange,
    journal: Journal<'w>,
    tally: Tally,
    /// Trading begins here: what comes before only warms features and the model up.
    from: Option<UnixNanos>,
    actions: Vec<Action>,
    reports: Vec<Report>,
}

impl<'w> Backtest<'w> {
    /// A run that writes every decision, order and fill to `journal`. Orders of decisions made before `from` are not sent.
    pub fn new(
        step: Step,
        exchange: PaperExchange,
        journal: Journal<'w>,
        from: Option<UnixNanos>,
    ) -> Self {
        Backtest {
            step,
            exchange,
            journal,
            tally: Tally::default(),
            from,
            actions: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Runs to the end of the replay, or to the first event at `to` or later.
    ///
    /// # Errors
    /// Whatever reading, the step or the exchange refuses.
    pub fn run(
        mut self,
        replay: &mut Replay,
        to: Option<UnixNanos>,
        mut progress: impl FnMut(u64),
    ) -> Result<BacktestReport, EngineError> {
        let mut events = Vec::new();
        let mut count = 0;
        'read: while replay.next(&mut events)? {
            for event in events.drain(..) {
                if let (Some(ts), Some(to)) = (event.ts_exchange, to)
                    && ts >= to
                {
                    break 'read;
                }
                self.on_event(&event)?;
                count += 1;
                replay.recycle(event);
            }
            progress(count);
        }
        self.step.finish(&mut self.actions)?;
        self.act()?;
        self.tally.finish(self.step.arena(), self.journal)
    }

    /// One event: what reached the venue before it, then the step, then the exchange sees it too.
    fn on_event(&mut self, event: &MarketEvent) -> Result<(), EngineError> {
        if let (Some(ts), Some(book)) = (event.ts_exchange, self.step.book(event.instrument)) {
            self.exchange.advance(event.instrument, ts, book)?;
            self.take_reports(event.instrument)?;
        }
        let before = self
            .from
            .is_some_and(|from| event.ts_exchange.is_none_or(|ts| ts < from));
        if before {
            self.step.warm(event)?;
        } else {
            self.step.step(event, &mut self.actions)?;
        }
        if let Some(book) = self.step.book(event.instrument) {
            self.exchange.observe(event, book)?;
            self.take_reports(event.instrument)?;
        }
        self.act()
    }

    fn take_reports(&mut self, instrument: InstrumentId) -> Result<(), EngineError> {
        self.exchange.drain(&mut self.reports);
        for report in self.reports.drain(..) {
            self.step.on_report(&report)?;
            self.tally.report(&report);
            self.journal.report(instrument, &report)?;
        }
        Ok(())
    }

    fn act(&mut self) -> Result<(), EngineError> {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            self.journal.action(&action)?;
            self.tally.action(&action, self.step.arena());
            if let Action::Submit(order) = action
                && let Err(full) = self.exchange.submit(order)
            {
                let report = full.report();
                self.step.on_report(&report)?;
                self.tally.report(&report);
            }
        }
        self.actions = actions;
        Ok(())
    }
}
