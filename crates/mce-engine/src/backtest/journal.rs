//! What happened in a run, one JSON line a decision, order, refusal, trade between agents, fill and end of an order.
//!
//! Two runs did the same when their lines are the same; the digest of the lines says so in sixteen digits.

use crate::error::EngineError;
use crate::step::Action;
use mce_arena::rules::MceUse;
use mce_arena::{Action as Move, Decision, Report};
use mce_market::{Fill, InstrumentId, Liquidity, Order, OrderKind, Reading};
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::Write;
use std::path::PathBuf;
use xxhash_rust::xxh3::Xxh3;

/// The lines of a run: hashed always, written where a writer was given.
pub struct Journal<'w> {
    out: Option<(PathBuf, &'w mut dyn Write)>,
    hash: Xxh3,
    line: Vec<u8>,
}

#[derive(Serialize)]
struct DecisionLine<'a> {
    t: &'static str,
    ts: i64,
    sample_ts: i64,
    instrument: u32,
    agent: u32,
    action: String,
    reason: String,
    vote: Option<i8>,
    confidence: Option<f64>,
    no_vote: Option<String>,
    mce_skew: f64,
    mce_pressure: f64,
    mce_absent: Option<String>,
    mce_use: &'a str,
    kelly: Option<f64>,
    complexity: Option<f64>,
    before_mce: Option<f64>,
    mce_factor: Option<f64>,
    cap: Option<f64>,
    fraction: Option<f64>,
    target_fraction: Option<f64>,
    position: i64,
    target: i64,
}

#[derive(Serialize)]
struct OrderLine {
    t: &'static str,
    ts: i64,
    instrument: u32,
    order: u64,
    side: String,
    qty: i64,
    limit: Option<i64>,
    reduce_only: bool,
    refused: Option<String>,
}

#[derive(Serialize)]
struct FillLine<'a> {
    t: &'static str,
    ts: i64,
    instrument: u32,
    order: u64,
    side: String,
    price: i64,
    qty: i64,
    fee: Box<RawValue>,
    liquidity: &'a str,
}

#[derive(Serialize)]
struct DoneLine {
    t: &'static str,
    ts: i64,
    instrument: u32,
    order: u64,
    filled: i64,
    reason: String,
}

#[derive(Serialize)]
struct CrossLine {
    t: &'static str,
    ts: i64,
    instrument: u32,
    agent: u32,
    qty: i64,
}

impl<'w> Journal<'w> {
    /// A journal that only hashes.
    pub fn hashed() -> Self {
        Journal {
            out: None,
            hash: Xxh3::new(),
            line: Vec::new(),
        }
    }

    /// A journal that also writes its lines; `path` is what errors call them.
    pub fn written(path: PathBuf, out: &'w mut dyn Write) -> Self {
        Journal {
            out: Some((path, out)),
            ..Journal::hashed()
        }
    }

    /// Notes what the step gave. Signals are not repeated here: every decision carries its own.
    ///
    /// # Errors
    /// [`EngineError::Io`] when a line cannot be written.
    pub fn action(&mut self, action: &Action) -> Result<(), EngineError> {
        match action {
            Action::Signal(_) | Action::Intent(_) => Ok(()),
            Action::Decision(decision) => self.put(&decision_line(decision)),
            Action::Cross(cross) => self.put(&CrossLine {
                t: "cross",
                ts: cross.ts.0,
                instrument: cross.instrument.0,
                agent: cross.agent.0,
                qty: cross.qty.units(),
            }),
            Action::Submit(order) => self.put(&order_line("order", order.get(), None)),
            Action::Refused(refused) => {
                let why = refused.why.to_string();
                self.put(&order_line("refused", &refused.order, Some(why)))
            }
        }
    }

    /// Notes what the exchange said.
    ///
    /// # Errors
    /// [`EngineError::Io`] when a line cannot be written.
    pub fn report(&mut self, instrument: InstrumentId, report: &Report) -> Result<(), EngineError> {
        match report {
            Report::Fill(fill) => self.put(&fill_line(fill)),
            Report::Done(done) => self.put(&DoneLine {
                t: "done",
                ts: done.ts.0,
                instrument: instrument.0,
                order: done.order.0,
                filled: done.filled.units(),
                reason: done.reason.to_string(),
            }),
            Report::Resting { order, ts } | Report::CancelRejected { order, ts } => {
                let t = match report {
                    Report::Resting { .. } => "resting",
                    _ => "cancel-rejected",
                };
                self.put(&DoneLine {
                    t,
                    ts: ts.0,
                    instrument: instrument.0,
                    order: order.0,
                    filled: 0,
                    reason: String::new(),
                })
            }
        }
    }

    fn put(&mut self, line: &impl Serialize) -> Result<(), EngineError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)
            .expect("a line holds numbers and text alone, and a vector takes any bytes");
        self.line.push(b'\n');
        self.hash.update(&self.line);
        match &mut self.out {
            Some((path, out)) => out
                .write_all(&self.line)
                .map_err(|source| EngineError::io(path, "write", source)),
            None => Ok(()),
        }
    }

    /// xxh3-64 of all lines.
    pub(super) fn digest(self) -> u64 {
        self.hash.digest()
    }
}

fn decision_line(decision: &Decision) -> DecisionLine<'static> {
    let absent = |reading: &Reading| reading.reason().map(ToString::to_string);
    let (vote, no_vote) = match &decision.vote {
        Ok(vote) => (Some(*vote), None),
        Err(why) => (None, Some(why.to_string())),
    };
    DecisionLine {
        t: "decision",
        ts: decision.ts.0,
        sample_ts: decision.sample_ts.0,
        instrument: decision.instrument.0,
        agent: decision.agent.0,
        action: decision.action.to_string(),
        reason: decision.reason.to_string(),
        vote: vote.map(|v| v.direction().sign()),
        confidence: vote.map(|v| v.confidence()),
        no_vote,
        mce_skew: decision.skew.or_zero(),
        mce_pressure: decision.pressure.or_zero(),
        mce_absent: absent(&decision.skew).or_else(|| absent(&decision.pressure)),
        mce_use: match decision.mce {
            MceUse::Off => "off",
            MceUse::Applied { .. } => "applied",
            MceUse::Blocked(_) => "blocked",
            MceUse::Ignored(_) => "ignored",
        },
        kelly: decision.size.map(|s| s.kelly),
        complexity: decision.size.map(|s| s.complexity),
        before_mce: decision.size.map(|s| s.before_mce),
        mce_factor: decision.size.map(|s| s.mce),
        cap: decision.size.map(|s| s.cap),
        fraction: decision.size.map(|s| s.fraction),
        target_fraction: decision.target_fraction,
        position: decision.position.units(),
        target: match decision.action {
            Move::Hold => decision.position.units(),
            Move::Enter | Move::Exit | Move::Resize => decision.target.units(),
        },
    }
}

fn order_line(t: &'static str, order: &Order, refused: Option<String>) -> OrderLine {
    OrderLine {
        t,
        ts: order.ts.0,
        instrument: order.instrument.0,
        order: order.id.0,
        side: order.side.to_string(),
        qty: order.qty.units(),
        limit: match order.kind {
            OrderKind::Market => None,
            OrderKind::Limit { price, .. } => Some(price.units()),
        },
        reduce_only: order.reduce_only,
        refused,
    }
}

fn fill_line(fill: &Fill) -> FillLine<'static> {
    FillLine {
        t: "fill",
        ts: fill.ts.0,
        instrument: fill.instrument.0,
        order: fill.order.0,
        side: fill.side.to_string(),
        price: fill.price.units(),
        qty: fill.qty.units(),
        // Exact decimal text, which a float would not be.
        fee: RawValue::from_string(fill.fee.to_string()).expect("money prints as a JSON number"),
        liquidity: match fill.liquidity {
            Liquidity::Maker => "maker",
            Liquidity::Taker => "taker",
        },
    }
}
