//! Order book and wire: level changes applied, and messages from text to book.

use super::Setting;
use super::measure::{Figure, figure};
use anyhow::{Context, Result};
use mce_market::{BookDelta, EventBody, MarketEvent, OrderBook, UnixNanos};
use mce_venues::{InstrumentRule, Venue, VenueStream};
use std::hint::black_box;

/// Scales of the made-up messages, and of BTCUSDT.
const TICK: &str = "0.1";
const LOT: &str = "0.001";

fn stream() -> Result<VenueStream> {
    let rule = InstrumentRule::offline(Some(TICK.parse()?), Some(LOT.parse()?))?;
    Ok(VenueStream::new(Venue::BinanceUsdm, rule))
}

/// An empty book that the first message follows.
fn snapshot(first: &[u8]) -> Result<Vec<u8>> {
    let message: serde_json::Value =
        serde_json::from_slice(first).context("the first depth message is not JSON")?;
    let message = message.get("data").unwrap_or(&message);
    let previous = message.get("pu").and_then(serde_json::Value::as_u64);
    let previous = previous
        .context("the first depth message has no `pu`: these are not USD-M depth messages")?;
    Ok(format!(r#"{{"lastUpdateId":{previous},"bids":[],"asks":[]}}"#).into_bytes())
}

/// All messages as deltas, decoded before anything is timed.
pub fn deltas(setting: &Setting) -> Result<Vec<BookDelta>> {
    let mut stream = stream()?;
    let mut events: Vec<MarketEvent> = Vec::new();
    let lines = &setting.depth.lines;
    let first = lines
        .first()
        .context("there is no depth message to measure with")?;
    for line in std::iter::once(&snapshot(first)?).chain(lines) {
        stream.on_frame(UnixNanos(0), line, &mut events)?;
    }
    Ok(events
        .into_iter()
        .filter_map(|event| match event.body {
            EventBody::Delta(delta) => Some(delta),
            _ => None,
        })
        .collect())
}

/// Level changes a second, in millions.
pub fn apply(setting: &Setting) -> Result<Option<Figure>> {
    let deltas = deltas(setting)?;
    let changes: usize = deltas.iter().map(|d| d.bids.len() + d.asks.len()).sum();
    let mut book = OrderBook::new();
    let run = || {
        for delta in &deltas {
            book.apply_delta(delta)
                .expect("the decoder lets only legal levels through");
        }
        black_box(book.best_bid());
    };
    let rate = |s: f64| changes as f64 / s / 1e6;
    Ok(Some(figure(
        "book_apply",
        "M_changes/s",
        setting.budget,
        run,
        rate,
    )))
}

/// Microseconds from a message's text to a changed book: parsed, sequence checked, applied.
pub fn wire_message(setting: &Setting) -> Result<Option<Figure>> {
    let lines = &setting.depth.lines;
    let first = snapshot(
        lines
            .first()
            .context("there is no depth message to measure with")?,
    )?;
    let mut events = Vec::new();
    let mut broken = None;
    let run = || {
        let mut book = OrderBook::new();
        let Ok(mut stream) = stream() else { return };
        for line in std::iter::once(&first).chain(lines) {
            if let Err(error) = stream.on_frame(UnixNanos(0), line, &mut events) {
                broken = Some(error);
                return;
            }
            for event in events.drain(..) {
                if let EventBody::Delta(delta) = &event.body {
                    book.apply_delta(delta)
                        .expect("the decoder lets only legal levels through");
                }
                stream.recycle(event);
            }
        }
        black_box(book.best_bid());
    };
    let made = figure("wire_message_10", "us", setting.budget, run, |s| {
        s * 1e6 / lines.len() as f64
    });
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(Some(made)),
    }
}
