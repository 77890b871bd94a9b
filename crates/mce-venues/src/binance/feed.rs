//! From a Binance message to events: the symbol's book is kept in step by its venue's rule.

mod book;
mod buffer;
mod prints;

use super::decoder::Decoder;
use super::message::{Message, TradeKind};
use super::sequence::{EventOrder, Sequence};
use crate::error::VenueError;
use crate::message::DecimalLevel;
use crate::stream::{Context, Entry, FrameKind, Slot};
use buffer::DiffBuffer;
use mce_market::{EventBody, Gap, GapReason, Status, UnixNanos};

/// What differs between the Binance markets.
pub(crate) trait Dialect {
    /// How its events follow each other.
    type Order: EventOrder;

    /// Reads one frame.
    fn decode<'a>(decoder: &'a mut Decoder, frame: &'a [u8]) -> Result<Message<'a>, VenueError>;
}

/// The state of one Binance stream.
#[derive(Debug)]
pub(crate) struct Feed<D: Dialect> {
    decoder: Decoder,
    books: Books<D::Order>,
}

/// The books of all symbols, by the symbols' places.
#[derive(Debug)]
struct Books<O> {
    list: Vec<Book<O>>,
    /// A REST book that came before any symbol was named.
    held: Option<HeldSnapshot>,
}

/// What is kept of one symbol.
#[derive(Debug)]
struct Book<O> {
    sequence: Sequence<O>,
    kept: DiffBuffer,
    /// A snapshot event was given and no gap since.
    based: bool,
    /// The book has been live.
    was_live: bool,
    /// The trade stream whose trades are told.
    trades: Option<TradeKind>,
}

impl<O> Default for Book<O> {
    fn default() -> Self {
        Book {
            sequence: Sequence::default(),
            kept: DiffBuffer::default(),
            based: false,
            was_live: false,
            trades: None,
        }
    }
}

#[derive(Debug)]
struct HeldSnapshot {
    bids: Vec<DecimalLevel>,
    asks: Vec<DecimalLevel>,
    last_update_id: u64,
    recv: UnixNanos,
}

impl<D: Dialect> Feed<D> {
    pub(crate) fn new() -> Self {
        Feed {
            decoder: Decoder::new(),
            books: Books {
                list: Vec::new(),
                held: None,
            },
        }
    }

    /// Takes one frame; `owner` names the symbol of a REST book where the caller knows it.
    #[inline]
    pub(crate) fn on_frame(
        &mut self,
        context: &mut Context<'_>,
        owner: Option<&str>,
        frame: &[u8],
    ) -> Result<FrameKind, VenueError> {
        let Feed { decoder, books } = self;
        match D::decode(decoder, frame)? {
            Message::Depth(depth) => books.depth(context, &depth),
            Message::Ticker(ticker) => books.ticker(context, &ticker),
            Message::Trade(trade) => books.trade(context, &trade),
            Message::Snapshot(depth) => books.rest_depth(context, owner, &depth),
            Message::Liquidation(order) => books.liquidation(context, &order),
            Message::Ack { id } => Ok(FrameKind::Ack(id)),
            Message::Shutdown(shutdown) => books.shutdown(context, shutdown.event_ms),
            Message::Other { symbol, .. } => {
                // A frame without use neither brings a symbol in nor is a reason to refuse it.
                if let Some(symbol) = symbol.filter(|s| context.symbols.expects(s)) {
                    match books.enter(context, &symbol)? {
                        Some(at) => context.symbols.slot(at).counters.unused += 1,
                        None => return Ok(FrameKind::OtherSymbol),
                    }
                }
                Ok(FrameKind::Unused)
            }
        }
    }

    /// Gives up one book.
    pub(crate) fn lose(&mut self, context: &mut Context<'_>, at: usize, reason: GapReason) {
        let recv = context.symbols.received(context.recv, None);
        self.books.book(at);
        self.books.lose(context, at, recv, reason);
    }
}

impl<O: EventOrder> Books<O> {
    fn book(&mut self, at: usize) -> &mut Book<O> {
        if at >= self.list.len() {
            self.list.resize_with(at + 1, Book::default);
        }
        &mut self.list[at]
    }

    /// The place of the symbol that a frame names, its instrument announced; `None` when it was not asked for.
    #[inline]
    fn enter(
        &mut self,
        context: &mut Context<'_>,
        symbol: &str,
    ) -> Result<Option<usize>, VenueError> {
        let at = match context.symbols.enter(symbol)? {
            Entry::Slot(at) => at,
            Entry::Unwanted => return Ok(None),
        };
        if context.symbols.slot(at).unannounced || self.held.is_some() {
            self.announce(context, at)?;
        }
        Ok(Some(at))
    }

    #[cold]
    fn announce(&mut self, context: &mut Context<'_>, at: usize) -> Result<(), VenueError> {
        let recv = context.symbols.received(context.recv, None);
        self.book(at);
        let slot = context.symbols.slot(at);
        if slot.unannounced {
            let (id, instrument) = (slot.id, slot.instrument.clone());
            let outdated = std::mem::take(&mut slot.outdated);
            slot.unannounced = false;
            if outdated {
                self.lose(context, at, recv, GapReason::Resync);
            }
            let body = EventBody::Instrument(instrument);
            context.emitter.emit(context.out, id, None, recv, body);
        }
        if let Some(held) = self.held.take() {
            context.symbols.slot(at).counters.frames += 1;
            self.snapshot(
                context,
                at,
                (&held.bids, &held.asks),
                held.last_update_id,
                held.recv,
            )?;
        }
        Ok(())
    }

    fn shutdown(
        &mut self,
        context: &mut Context<'_>,
        event_ms: Option<u64>,
    ) -> Result<FrameKind, VenueError> {
        let ts = match event_ms {
            Some(ms) => Some(context.symbols.time("serverShutdown", ms)?),
            None => None,
        };
        let recv = context.symbols.received(context.recv, ts);
        for at in 0..context.symbols.len() {
            let slot = context.symbols.slot(at);
            if !slot.unannounced {
                let body = EventBody::Status(Status::Venue("serverShutdown".into()));
                (context.emitter).emit(context.out, slot.id, ts, recv, body);
            }
        }
        Ok(FrameKind::Shutdown)
    }

    fn lose(&mut self, context: &mut Context<'_>, at: usize, recv: UnixNanos, reason: GapReason) {
        let book = &mut self.list[at];
        let slot = context.symbols.slot(at);
        book.sequence.lose();
        for diff in book.kept.take() {
            context.emitter.recycle(diff.delta.bids);
            context.emitter.recycle(diff.delta.asks);
        }
        if std::mem::take(&mut book.based) {
            let gap = EventBody::Gap(Gap { reason });
            (context.emitter).emit(context.out, slot.id, None, recv, gap);
        }
        book.report(slot);
    }
}

impl<O: EventOrder> Book<O> {
    /// Tells the symbol's slot where the book stands.
    fn report(&self, slot: &mut Slot) {
        slot.state = self.sequence.state();
        slot.wants_snapshot = self.sequence.wants_snapshot();
    }
}
