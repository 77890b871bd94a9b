//! The market as a recorder of Binance spot would have seen it: frames through the venue's encoders, stamped with
//! the time at which they were received.
//!
//! Trades and best prices are sent when they happen, book changes are gathered and sent every 100 ms, and one request
//! for the whole book is answered some time after the first updates, as in any recording. Frames of the socket keep
//! their order and are late by a little, the answer comes over another connection. There are no faults here: cut,
//! reordered and silent streams belong to the venue server.

mod recorder;
mod text;

pub use recorder::BinanceSpotRecorder;
pub use text::CaptureText;

use crate::error::SimError;
use crate::market::{Happening, Market, MarketConfig};
use mce_market::{Instrument, InstrumentKind, Price, Qty, Scale, UnixNanos};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A market and how it is shown.
#[derive(Clone, Debug)]
pub struct CaptureConfig {
    /// The market.
    pub market: MarketConfig,
    /// What one tick and one lot of it are called.
    pub instrument: Arc<Instrument>,
    /// The least time from the venue to the recorder.
    pub latency: Duration,
    /// Mean of the exponential time that comes on top.
    pub jitter: Duration,
    /// When, after the start, the whole book is asked for.
    pub request_after: Duration,
}

impl CaptureConfig {
    /// The symbol of a capture unless told otherwise.
    pub const SYMBOL: &'static str = "SIMUSDT";

    /// The market of [`MarketConfig::new`] as `SIMUSDT` with a tick of 0.01 and a lot of 0.001, received 8 ms or more
    /// later; the book is asked for after a quarter of a second.
    pub fn new(seed: u64, start: UnixNanos) -> Self {
        let scale = |decimals| Scale::new(decimals).expect("below 12 decimals");
        let instrument = Instrument::new(
            mce_venues::Venue::BinanceSpot.name(),
            Self::SYMBOL,
            InstrumentKind::Spot,
            (scale(2), Price::from_units(1)),
            (scale(3), Qty::from_units(1)),
        );
        CaptureConfig {
            market: MarketConfig::new(seed, start),
            instrument: Arc::new(instrument.expect("a printable name and increments above 0")),
            latency: Duration::from_millis(8),
            jitter: Duration::from_millis(2),
            request_after: Duration::from_millis(250),
        }
    }
}

/// Yields the lines of a recording of `duration`, each with the time at which it was received and without its newline:
/// `<recv ns> <json>`. Times never go back. Memory does not grow with the duration, but for the few
/// unwinds that nobody took ([`Capture::take_unwinds`]).
///
/// ```
/// use mce_market::UnixNanos;
/// use mce_sim::frames::{CaptureConfig, capture_lines};
/// use std::time::Duration;
/// let start = UnixNanos(1_700_000_000_000_000_000);
/// let mut capture = capture_lines(CaptureConfig::new(1, start), Duration::from_secs(2))?;
/// let (recv, line) = capture.next().expect("something happens in two seconds");
/// assert!(recv > start && line.starts_with(recv.0.to_string().as_bytes()));
/// assert_eq!(capture.market().truth().count(), 3);
/// # Ok::<(), mce_sim::SimError>(())
/// ```
///
/// # Errors
/// [`SimError`] when a parameter is out of range or the instrument cannot be shown.
pub fn capture_lines(config: CaptureConfig, duration: Duration) -> Result<Capture, SimError> {
    let start = config.market.start;
    let seed = config.market.seed;
    let market = Market::new(config.market)?;
    let mut recorder = BinanceSpotRecorder::new(&config.instrument, &market, seed)?;
    recorder.set_delays(config.latency, config.jitter);
    Ok(Capture {
        recorder,
        market,
        request_at: Some(start.saturating_add(config.request_after)),
        end: start.saturating_add(duration),
        happenings: Vec::new(),
        unseen: Vec::new(),
        answer: None,
        ready: VecDeque::new(),
        done: false,
    })
}

/// A recording in the making, with the market behind it.
pub struct Capture {
    market: Market,
    recorder: BinanceSpotRecorder,
    request_at: Option<UnixNanos>,
    end: UnixNanos,
    happenings: Vec<Happening>,
    /// Unwinds since they were last asked for.
    unseen: Vec<Happening>,
    /// The answer to the request, on its way.
    answer: Option<(UnixNanos, Vec<u8>)>,
    ready: VecDeque<(UnixNanos, Vec<u8>)>,
    done: bool,
}

impl Capture {
    /// The market, as it is once everything in the lines so far has happened, or a moment later.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// Beginnings and ends of forced unwinds since this was last called.
    pub fn take_unwinds(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.unseen)
    }

    /// The lines as one text that can be read like a file.
    pub fn into_text(self) -> CaptureText {
        CaptureText::new(self)
    }

    /// Lets the next thing happen: a wake in the market, a book update sent, the request answered, or the end.
    fn advance(&mut self) {
        let update = self.recorder.next_update();
        let wake = self.market.next_wake().unwrap_or(self.end);
        let request = self.request_at.unwrap_or(self.end);
        let next = wake.min(update).min(request);
        if next >= self.end {
            self.done = true;
            self.ready.extend(self.answer.take());
        } else if self.request_at == Some(next) {
            self.request_at = None;
            self.answer = Some(self.recorder.answer(next));
        } else if update == next {
            let frame = self.recorder.update();
            self.queue(frame);
        } else {
            self.market.step(&mut self.happenings);
            let mut happenings = std::mem::take(&mut self.happenings);
            for happening in happenings.drain(..) {
                let mut frames = Vec::new();
                if !self.recorder.show(&happening, &mut frames) {
                    self.unseen.push(happening);
                }
                self.queue(frames);
            }
            self.happenings = happenings;
        }
    }

    /// Queues frames of the socket, with the answer before the first one that was received after it.
    fn queue(&mut self, frames: impl IntoIterator<Item = (UnixNanos, Vec<u8>)>) {
        for frame in frames {
            self.ready
                .extend(self.answer.take_if(|answer| answer.0 <= frame.0));
            self.ready.push_back(frame);
        }
    }
}

impl Iterator for Capture {
    type Item = (UnixNanos, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.done {
            self.advance();
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests;
