//! Events as JSON lines, the plainest form of a recorded market: one object a line, `"t"` says which.
//!
//! | `t` | other keys |
//! |---|---|
//! | `book` | `ts`, `bids`, `asks`: arrays of `[price, size]`, best first |
//! | `trade` | `ts`, `price`, `qty`, `buy`: whether the aggressor bought |
//! | `clock` | `ts` |
//! | `gap` | none |
//!
//! `ts` is nanoseconds since the epoch and stands for exchange and receive time alike. Numbers are read from their
//! digits, never through a float. Levels and trades are passed on as they are written, a size of zero or below with
//! them: what is done with such is the feature engine's to say.

use crate::error::LakeError;
use crate::stream::EventQueue;
use mce_market::{
    BookSnapshot, EventBody, Gap, GapReason, Instrument, InstrumentId, Level, MarketEvent, Price,
    Qty, Scale, Side, Trade, UnixNanos,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{BufRead, Read};
use std::sync::Arc;

/// A longer line is refused: it is no line of this format, and memory stays bounded.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Reads events of one instrument from lines. The instrument's definition comes before the first of them; after an
/// error there is nothing more.
pub struct EventsJsonl<R> {
    file: String,
    input: R,
    queue: EventQueue,
    line: Vec<u8>,
    line_number: u64,
    last_ts: Option<UnixNanos>,
    /// Gaps before the first event with a time: they take its time.
    early_gaps: u64,
    trades: u64,
    done: bool,
}

/// One line as it is written. Each kind has its own keys, all others absent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    t: Kind,
    ts: Option<i64>,
    #[serde(borrow)]
    bids: Option<Vec<(&'a RawValue, &'a RawValue)>>,
    #[serde(borrow)]
    asks: Option<Vec<(&'a RawValue, &'a RawValue)>>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    qty: Option<&'a RawValue>,
    buy: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Book,
    Trade,
    Clock,
    Gap,
}

impl<R: BufRead> EventsJsonl<R> {
    /// Reads `input`, which errors call `file`, as events of `instrument`, which carry `id`.
    pub fn new(file: &str, input: R, instrument: Arc<Instrument>, id: InstrumentId) -> Self {
        EventsJsonl {
            file: file.into(),
            input,
            queue: EventQueue::new(id, instrument),
            line: Vec::new(),
            line_number: 0,
            last_ts: None,
            early_gaps: 0,
            trades: 0,
            done: false,
        }
    }

    /// Queues what the next line gives, or ends the stream.
    fn advance(&mut self) -> Result<(), LakeError> {
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.line);
        let length = read.map_err(|source| LakeError::Read {
            file: self.file.clone(),
            source,
        })?;
        if length == 0 {
            self.done = true;
            return match self.early_gaps {
                0 => Ok(()),
                _ => Err(self.content("an event with a time beside the gaps", "none".into())),
            };
        }
        self.line_number += 1;
        if length > LINE_BYTES_MAX {
            let got = format!("more than {LINE_BYTES_MAX} bytes without an end of line");
            return Err(self.content("a JSON object on one line", got));
        }
        if self.line.trim_ascii().is_empty() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let queued = self.queue_line(&line);
        self.line = line;
        queued
    }

    fn queue_line(&mut self, text: &[u8]) -> Result<(), LakeError> {
        let line: Line<'_> = serde_json::from_slice(text).map_err(|e| self.refuse(text, e))?;
        let body = match line.t {
            Kind::Gap => {
                match self.last_ts {
                    Some(ts) => self.queue.push(None, ts, gap()),
                    None => self.early_gaps += 1,
                }
                return Ok(());
            }
            Kind::Clock => EventBody::Clock,
            Kind::Book => EventBody::Snapshot(BookSnapshot {
                bids: self.levels(self.required("bids", line.bids)?)?,
                asks: self.levels(self.required("asks", line.asks)?)?,
                update_id: None,
            }),
            Kind::Trade => {
                self.trades += 1;
                let price = self.required("price", line.price)?;
                let qty = self.required("qty", line.qty)?;
                EventBody::Trade(Trade {
                    id: self.trades,
                    price: Price::from_units(self.units(price, self.price_scale())?),
                    qty: Qty::from_units(self.units(qty, self.qty_scale())?),
                    aggressor: match self.required("buy", line.buy)? {
                        true => Side::Buy,
                        false => Side::Sell,
                    },
                })
            }
        };
        let ts = UnixNanos(self.required("ts", line.ts)?);
        for _ in 0..std::mem::take(&mut self.early_gaps) {
            self.queue.push(None, ts, gap());
        }
        self.last_ts = Some(ts);
        self.queue.push(Some(ts), ts, body);
        Ok(())
    }

    fn price_scale(&self) -> Scale {
        self.queue.instrument().price_scale()
    }

    fn qty_scale(&self) -> Scale {
        self.queue.instrument().qty_scale()
    }

    fn levels(&self, pairs: Vec<(&RawValue, &RawValue)>) -> Result<Vec<Level>, LakeError> {
        let mut levels = Vec::with_capacity(pairs.len());
        for (price, qty) in pairs {
            levels.push(Level::new(
                Price::from_units(self.units(price, self.price_scale())?),
                Qty::from_units(self.units(qty, self.qty_scale())?),
            ));
        }
        Ok(levels)
    }

    fn units(&self, number: &RawValue, scale: Scale) -> Result<i64, LakeError> {
        Price::parse(number.get().as_bytes(), scale)
            .map(Price::units)
            .map_err(|error| {
                let expected = format!("a number of at most {} decimals", scale.decimals());
                self.content(&expected, error.to_string())
            })
    }

    fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, LakeError> {
        value.ok_or_else(|| self.content(&format!("the key {key:?}"), "none".into()))
    }

    /// A first line that is no such object is another format's file; a later one that is no JSON is a broken line.
    #[cold]
    fn refuse(&self, text: &[u8], error: serde_json::Error) -> LakeError {
        let cut_off = error.is_eof();
        let no_json = error.is_syntax() && self.line_number > 1;
        if !cut_off && !no_json {
            let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
            let got = format!("{:?}: {error}", shown.trim_end());
            return self.content(
                "an object with \"t\" book, trade, clock or gap and its keys",
                got,
            );
        }
        LakeError::Damaged {
            file: self.file.clone(),
            place: self.place(),
            what: match cut_off {
                true => "the line ends in the middle of an object".into(),
                false => "the line is not JSON".into(),
            },
            source: Some(Box::new(error)),
        }
    }

    #[cold]
    fn content(&self, expected: &str, got: String) -> LakeError {
        LakeError::Content {
            file: self.file.clone(),
            place: self.place(),
            expected: expected.into(),
            got,
        }
    }

    fn place(&self) -> String {
        format!("line {}", self.line_number)
    }
}

impl<R: BufRead> Iterator for EventsJsonl<R> {
    type Item = Result<MarketEvent, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.queue.pop() {
                return Some(Ok(event));
            }
            if self.done {
                return None;
            }
            if let Err(error) = self.advance() {
                self.done = true;
                return Some(Err(error));
            }
        }
    }
}

/// The format does not say why; a consumer does the same whatever the reason.
fn gap() -> EventBody {
    EventBody::Gap(Gap {
        reason: GapReason::Resync,
    })
}

#[cfg(test)]
mod tests;
