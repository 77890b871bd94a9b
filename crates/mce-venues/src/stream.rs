//! One connection or one recording of one venue: frames in, numbered market events out.

mod emitter;
mod rule;
mod symbols;

use crate::binance::Feed;
use crate::binance_spot::Spot;
use crate::binance_usdm::Usdm;
use crate::capture::CaptureLine;
use crate::error::VenueError;
use crate::step::{SnapshotStep, Step};
use crate::venue::Venue;
pub(crate) use emitter::Emitter;
use mce_market::{EventBody, GapReason, Instrument, InstrumentId, MarketEvent, UnixNanos};
pub use rule::InstrumentRule;
use std::sync::Arc;
pub use symbols::{Counters, StreamCounters, SymbolView};
pub(crate) use symbols::{Entry, Slot, Symbols};

/// What a frame was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A book update, and what became of it.
    Diff(Step),
    /// A whole book, and what became of it.
    Snapshot(SnapshotStep),
    /// A market trade.
    Trade,
    /// A trade that was not made in the market: the insurance fund, auto-deleveraging.
    TradeNotMarket,
    /// A trade of a second trade stream, whose volume the first one has told.
    TradeDoubled,
    /// Best bid and ask.
    Ticker,
    /// A liquidation.
    Liquidation,
    /// The answer to a request, with its number.
    Ack(Option<u64>),
    /// The venue says that it is about to close the connection: open another one.
    Shutdown,
    /// Known and not used.
    Unused,
    /// Of a symbol that was not asked for.
    OtherSymbol,
}

/// Turns the frames of one venue, from one connection or one recording, into events.
///
/// Symbols keep apart: a gap of one leaves the others alone. For each the events are, in this order: its
/// [`EventBody::Instrument`], then trades, tickers and liquidations as they come, and for the book a
/// [`EventBody::Snapshot`], `Synced` when the first update proved to follow it, [`EventBody::Delta`]s, and an
/// [`EventBody::Gap`] whenever it is unknown from there to the next snapshot. A snapshot has no exchange time on either
/// Binance market: it sets the book and is no observation. Updates that waited for a snapshot come out after it with
/// the times at which they were received, so `ts_recv` may step back there; `n` never does.
///
/// A REST book names no symbol. It belongs to the symbol asked for when that is one; else to the only one seen so far;
/// when none was seen it is kept until one is; among several it is an error. Live code knows whose it is and says so
/// ([`VenueStream::on_rest_depth`]).
///
/// ```
/// use mce_market::{EventBody, UnixNanos};
/// use mce_venues::{InstrumentRule, Venue, VenueStream};
/// let mut stream = VenueStream::new(Venue::BinanceSpot, InstrumentRule::offline(None, None)?);
/// let mut events = Vec::new();
/// for frame in [
///     r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}"#,
///     r#"{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":161,"u":163,"b":[],"a":[["0.0026","0"]]}"#,
/// ] {
///     stream.on_frame(UnixNanos(1_672_515_782_200_000_000), frame.as_bytes(), &mut events)?;
/// }
/// assert!(matches!(events[1].body, EventBody::Snapshot(_)));
/// assert!(matches!(events[3].body, EventBody::Delta(_)));
/// assert_eq!(events.iter().map(|e| e.n).collect::<Vec<_>>(), [0, 1, 2, 3]);
/// # Ok::<(), mce_venues::VenueError>(())
/// ```
#[derive(Debug)]
pub struct VenueStream {
    venue: Venue,
    protocol: Protocol,
    symbols: Symbols,
    emitter: Emitter,
}

#[derive(Debug)]
enum Protocol {
    BinanceSpot(Feed<Spot>),
    BinanceUsdm(Feed<Usdm>),
}

/// What a protocol needs beside the frame.
pub(crate) struct Context<'a> {
    pub(crate) symbols: &'a mut Symbols,
    pub(crate) emitter: &'a mut Emitter,
    /// When the frame was received, where that is known.
    pub(crate) recv: Option<UnixNanos>,
    pub(crate) out: &'a mut Vec<MarketEvent>,
}

impl VenueStream {
    /// A stream of `venue` whose instruments come from `rule`. Every symbol is taken.
    pub fn new(venue: Venue, rule: InstrumentRule) -> Self {
        VenueStream {
            venue,
            protocol: match venue {
                Venue::BinanceSpot => Protocol::BinanceSpot(Feed::new()),
                Venue::BinanceUsdm => Protocol::BinanceUsdm(Feed::new()),
            },
            symbols: Symbols::new(venue, rule),
            emitter: Emitter::new(),
        }
    }

    /// Takes these symbols alone, written as the venue writes them; frames of others are counted and dropped.
    #[must_use]
    pub fn with_symbols<S: AsRef<str>>(mut self, symbols: impl IntoIterator<Item = S>) -> Self {
        self.symbols
            .want(symbols.into_iter().map(|s| s.as_ref().into()));
        self
    }

    /// As [`VenueStream::with_symbols`] for one symbol.
    #[must_use]
    pub fn with_symbol(self, symbol: &str) -> Self {
        self.with_symbols([symbol])
    }

    /// Gives a symbol its instrument, or a changed one; the event that says so comes with its next frame. When the
    /// scales changed, so do the units of the book: it is given up then, and announced as a gap.
    ///
    /// # Errors
    /// [`VenueError::WrongVenue`] when the instrument is of another venue.
    pub fn declare(
        &mut self,
        id: InstrumentId,
        instrument: Arc<Instrument>,
    ) -> Result<(), VenueError> {
        self.symbols.declare(id, instrument)
    }

    /// The venue.
    pub fn venue(&self) -> Venue {
        self.venue
    }

    /// The number that the next event gets.
    pub fn next_n(&self) -> u64 {
        self.emitter.next_n()
    }

    /// Numbers the next event `n`: where several streams share one recording, each goes on where the last one stopped.
    pub fn continue_at(&mut self, n: u64) {
        self.emitter.continue_at(n);
    }

    /// Decodes one frame received at `recv` and appends its events to `out`.
    ///
    /// # Errors
    /// Any [`VenueError`] of decoding or of numbers that do not fit; the frame then changed no book, and
    /// [`VenueError::action`] says what to do.
    #[inline]
    pub fn on_frame(
        &mut self,
        recv: UnixNanos,
        frame: &[u8],
        out: &mut Vec<MarketEvent>,
    ) -> Result<FrameKind, VenueError> {
        self.frame(Some(recv), frame, out)
    }

    /// As [`VenueStream::on_frame`] for a line of a capture. A line without a stamp counts as received at its frame's
    /// exchange time, or, if the frame has none, at the latest exchange time seen (the epoch before the first).
    ///
    /// # Errors
    /// As [`VenueStream::on_frame`].
    #[inline]
    pub fn on_line(
        &mut self,
        line: &CaptureLine<'_>,
        out: &mut Vec<MarketEvent>,
    ) -> Result<FrameKind, VenueError> {
        self.frame(line.recv, line.frame, out)
    }

    #[inline]
    fn frame(
        &mut self,
        recv: Option<UnixNanos>,
        frame: &[u8],
        out: &mut Vec<MarketEvent>,
    ) -> Result<FrameKind, VenueError> {
        let mut context = Context {
            symbols: &mut self.symbols,
            emitter: &mut self.emitter,
            recv,
            out,
        };
        let result = match &mut self.protocol {
            Protocol::BinanceSpot(feed) => feed.on_frame(&mut context, None, frame),
            Protocol::BinanceUsdm(feed) => feed.on_frame(&mut context, None, frame),
        };
        self.symbols.count_frame(&result);
        result
    }

    /// Takes the answer to a request for the book of `symbol`.
    ///
    /// # Errors
    /// As [`VenueStream::on_frame`].
    pub fn on_rest_depth(
        &mut self,
        recv: UnixNanos,
        symbol: &str,
        body: &[u8],
        out: &mut Vec<MarketEvent>,
    ) -> Result<FrameKind, VenueError> {
        let mut context = Context {
            symbols: &mut self.symbols,
            emitter: &mut self.emitter,
            recv: Some(recv),
            out,
        };
        let result = match &mut self.protocol {
            Protocol::BinanceSpot(feed) => feed.on_frame(&mut context, Some(symbol), body),
            Protocol::BinanceUsdm(feed) => feed.on_frame(&mut context, Some(symbol), body),
        };
        self.symbols.count_frame(&result);
        result
    }

    /// Gives up the book of one symbol for a reason that the ids do not show: it crossed, or went stale. It waits for a
    /// snapshot from here on. The gap is announced when there was a book.
    pub fn resync(
        &mut self,
        recv: UnixNanos,
        id: InstrumentId,
        reason: GapReason,
        out: &mut Vec<MarketEvent>,
    ) {
        if let Some(slot) = self.symbols.slot_of(id) {
            self.lose(recv, slot, reason, out);
        }
    }

    /// The connection is gone: every book waits for a snapshot from here on.
    pub fn disconnected(&mut self, recv: UnixNanos, out: &mut Vec<MarketEvent>) {
        for slot in 0..self.symbols.len() {
            self.lose(recv, slot, GapReason::Disconnected, out);
        }
    }

    fn lose(
        &mut self,
        recv: UnixNanos,
        slot: usize,
        reason: GapReason,
        out: &mut Vec<MarketEvent>,
    ) {
        let mut context = Context {
            symbols: &mut self.symbols,
            emitter: &mut self.emitter,
            recv: Some(recv),
            out,
        };
        match &mut self.protocol {
            Protocol::BinanceSpot(feed) => feed.lose(&mut context, slot, reason),
            Protocol::BinanceUsdm(feed) => feed.lose(&mut context, slot, reason),
        }
    }

    /// Takes back an event that is no longer needed, to use its level lists again. Worth it where events are consumed
    /// on the thread that made them.
    #[inline]
    pub fn recycle(&mut self, event: MarketEvent) {
        match event.body {
            EventBody::Delta(delta) => {
                self.emitter.recycle(delta.bids);
                self.emitter.recycle(delta.asks);
            }
            EventBody::Snapshot(snapshot) => {
                self.emitter.recycle(snapshot.bids);
                self.emitter.recycle(snapshot.asks);
            }
            _ => {}
        }
    }

    /// The symbols that have come so far, with their books' states and counters, in the order in which they came.
    pub fn symbols(&self) -> impl Iterator<Item = SymbolView<'_>> {
        self.symbols.views()
    }

    /// One symbol, once a frame of it has come.
    pub fn symbol(&self, symbol: &str) -> Option<SymbolView<'_>> {
        self.symbols
            .views()
            .find(|view| &**view.instrument.symbol() == symbol)
    }

    /// Counters of the stream as a whole.
    pub fn counters(&self) -> &StreamCounters {
        self.symbols.stream_counters()
    }

    /// That every symbol that was asked for has come, to be called when the input has ended.
    ///
    /// # Errors
    /// [`VenueError::SymbolAbsent`] for the first one that has not, naming what came instead.
    pub fn check_symbols(&self) -> Result<(), VenueError> {
        self.symbols.check_wanted()
    }
}

#[cfg(test)]
mod tests;
