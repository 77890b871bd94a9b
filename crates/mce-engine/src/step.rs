//! The step: one event in, what follows from it out. The same for a backtest, paper and live trading.
//!
//! It owns everything that decides (features, model, arena, risk gate) and nothing that acts: orders come out as
//! [`Action::Submit`], and whoever owns the exchange hands its reports back by [`Step::on_report`].

use crate::error::EngineError;
use crate::pipeline::{RealtimePipeline, Update};
use mce_arena::{
    Approved, ArenaManager, ArenaOutput, Cross, Decision, Intent, MarketView, MidPrice, Refused,
    Report,
};
use mce_features::{Bar, BarBuilder, Sample};
use mce_market::{
    EventBody, Instrument, InstrumentId, MarketEvent, Order, OrderBook, Signal, UnixNanos,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a step gave.
#[derive(Debug)]
pub enum Action {
    /// A sample was made, and this is what the model says of it.
    Signal(Box<(Sample, Signal)>),
    /// An agent decided.
    Decision(Box<Decision>),
    /// Agents traded with each other.
    Cross(Cross),
    /// The arena wants to send something.
    Intent(Box<Intent>),
    /// Send this.
    Submit(Approved<Order>),
    /// This was wanted and is not sent.
    Refused(Box<Refused>),
}

/// Everything that decides.
#[derive(Debug)]
pub struct Step {
    pipeline: RealtimePipeline,
    arena: ArenaManager,
    bar_interval: Duration,
    markets: BTreeMap<InstrumentId, Market>,
    updates: Vec<Update>,
    output: ArenaOutput,
}

/// What the step itself keeps of an instrument.
#[derive(Debug)]
struct Market {
    spec: Arc<Instrument>,
    bars: BarBuilder,
    /// Closed and not shown to the arena yet.
    closed: Vec<Bar>,
    /// Exchange time of the newest event.
    now: Option<UnixNanos>,
}

impl Step {
    /// A step of this pipeline and arena, whose agents see bars of `bar_interval`.
    ///
    /// # Errors
    /// [`EngineError::Feature`] when the interval is not above 0 and at most a day.
    pub fn new(
        pipeline: RealtimePipeline,
        arena: ArenaManager,
        bar_interval: Duration,
    ) -> Result<Self, EngineError> {
        BarBuilder::new(bar_interval)?;
        Ok(Step {
            pipeline,
            arena,
            bar_interval,
            markets: BTreeMap::new(),
            updates: Vec::new(),
            output: ArenaOutput::default(),
        })
    }

    /// Takes one event, in the order of arrival, and appends what follows from it.
    ///
    /// # Errors
    /// Input that the feature engine refuses, or a value that the arena cannot book. The event then counts as far as
    /// [`mce_features::FeatureEngine::on_event`] says.
    pub fn step(&mut self, event: &MarketEvent, out: &mut Vec<Action>) -> Result<(), EngineError> {
        self.update_market(event)?;
        let mut updates = std::mem::take(&mut self.updates);
        updates.clear();
        let taken = self.pipeline.process_update(event, &mut updates);
        let decided = self.decide(event.instrument, &mut updates, out);
        self.updates = updates;
        taken.and(decided)
    }

    /// Takes one event for features, model and bars alone: nothing is decided. What comes before a backtest's first
    /// decision, or out of a lake before live data.
    ///
    /// # Errors
    /// Input that the feature engine refuses.
    pub fn warm(&mut self, event: &MarketEvent) -> Result<(), EngineError> {
        self.update_market(event)?;
        self.updates.clear();
        self.pipeline.process_update(event, &mut self.updates)
    }

    /// The stream of an instrument ends: its last sample is final.
    ///
    /// # Errors
    /// As [`Step::step`].
    pub fn finish(&mut self, out: &mut Vec<Action>) -> Result<(), EngineError> {
        let instruments: Vec<InstrumentId> = self.markets.keys().copied().collect();
        for instrument in instruments {
            let mut updates = Vec::new();
            self.pipeline.finish(instrument, &mut updates)?;
            self.decide(instrument, &mut updates, out)?;
        }
        Ok(())
    }

    fn update_market(&mut self, event: &MarketEvent) -> Result<(), EngineError> {
        if let EventBody::Instrument(spec) = &event.body {
            match self.markets.get_mut(&event.instrument) {
                Some(market) => market.spec = spec.clone(),
                None => {
                    let market = Market {
                        spec: spec.clone(),
                        bars: BarBuilder::new(self.bar_interval)?,
                        closed: Vec::new(),
                        now: None,
                    };
                    self.markets.insert(event.instrument, market);
                }
            }
            return Ok(());
        }
        let Some(market) = self.markets.get_mut(&event.instrument) else {
            return Ok(()); // the pipeline says what is wrong with an event before its instrument
        };
        if let Some(ts) = event.ts_exchange {
            market.now = market.now.max(Some(ts));
            market.bars.on_time(ts, &mut market.closed);
            if let EventBody::Trade(trade) = &event.body {
                market.bars.on_price(
                    ts,
                    trade.price.to_f64(market.spec.price_scale()),
                    trade.qty.to_f64(market.spec.qty_scale()),
                    Some(trade.aggressor),
                    &mut market.closed,
                );
            }
        }
        Ok(())
    }

    fn decide(
        &mut self,
        instrument: InstrumentId,
        updates: &mut Vec<Update>,
        out: &mut Vec<Action>,
    ) -> Result<(), EngineError> {
        for update in updates.drain(..) {
            let (Some(market), Some(engine)) = (
                self.markets.get_mut(&instrument),
                self.pipeline.features(instrument),
            ) else {
                continue; // no sample comes from an instrument without a definition
            };
            let now = market.now.unwrap_or(update.sample.ts);
            let view = MarketView {
                ts: now,
                instrument,
                spec: &market.spec,
                book: engine.book(),
                book_age_ns: engine
                    .last_observation()
                    .map_or(0, |ts| now.since(ts).max(0)),
                sample: &update.sample,
                bars: &market.closed,
            };
            self.output.clear();
            let done = self
                .arena
                .process_data(&view, &update.signal, &mut self.output);
            market.closed.clear();
            out.push(Action::Signal(Box::new((update.sample, update.signal))));
            let output = &mut self.output;
            out.extend(
                output
                    .decisions
                    .drain(..)
                    .map(|d| Action::Decision(Box::new(d))),
            );
            out.extend(output.crosses.drain(..).map(Action::Cross));
            out.extend(
                output
                    .intents
                    .drain(..)
                    .map(|i| Action::Intent(Box::new(i))),
            );
            out.extend(output.orders.drain(..).map(Action::Submit));
            out.extend(
                output
                    .refused
                    .drain(..)
                    .map(|r| Action::Refused(Box::new(r))),
            );
            done?;
        }
        Ok(())
    }

    /// Takes what an exchange says of an order.
    ///
    /// # Errors
    /// [`EngineError::Arena`] for a fill of no order that is out.
    pub fn on_report(&mut self, report: &Report) -> Result<(), EngineError> {
        Ok(self.arena.on_report(report)?)
    }

    /// Values the account at the present mid of an instrument.
    ///
    /// # Errors
    /// [`EngineError::Arena`] when a value is beyond the range of accounts.
    pub fn mark(&mut self, instrument: InstrumentId) -> Result<(), EngineError> {
        if let (Some(market), Some(engine)) = (
            self.markets.get(&instrument),
            self.pipeline.features(instrument),
        ) {
            let mid = MidPrice::of(engine.book());
            self.arena.mark(instrument, mid, &market.spec)?;
        }
        Ok(())
    }

    /// The order book of an instrument, once its definition has come.
    pub fn book(&self, instrument: InstrumentId) -> Option<&OrderBook> {
        Some(self.pipeline.features(instrument)?.book())
    }

    /// The arena: agents, account, risk gate.
    pub fn arena(&self) -> &ArenaManager {
        &self.arena
    }

    /// The pipeline: features and model.
    pub fn pipeline(&self) -> &RealtimePipeline {
        &self.pipeline
    }
}
