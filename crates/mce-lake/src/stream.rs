//! Gives events their ingest numbers and puts the instrument's definition before the first of them.

use mce_market::{EventBody, Instrument, InstrumentId, MarketEvent, UnixNanos};
use std::collections::VecDeque;
use std::sync::Arc;

/// Events of one instrument on their way out of a reader, numbered without a hole from 0.
#[derive(Debug)]
pub(crate) struct EventQueue {
    id: InstrumentId,
    instrument: Arc<Instrument>,
    n: u64,
    waiting: VecDeque<MarketEvent>,
}

impl EventQueue {
    pub(crate) fn new(id: InstrumentId, instrument: Arc<Instrument>) -> Self {
        EventQueue {
            id,
            instrument,
            n: 0,
            waiting: VecDeque::with_capacity(3),
        }
    }

    pub(crate) fn instrument(&self) -> &Arc<Instrument> {
        &self.instrument
    }

    /// Queues an event; the first one puts the definition before it, received at the same time.
    pub(crate) fn push(
        &mut self,
        ts_exchange: Option<UnixNanos>,
        ts_recv: UnixNanos,
        body: EventBody,
    ) {
        if self.n == 0 {
            let definition = EventBody::Instrument(self.instrument.clone());
            self.push_numbered(None, ts_recv, definition);
        }
        self.push_numbered(ts_exchange, ts_recv, body);
    }

    pub(crate) fn pop(&mut self) -> Option<MarketEvent> {
        self.waiting.pop_front()
    }

    fn push_numbered(
        &mut self,
        ts_exchange: Option<UnixNanos>,
        ts_recv: UnixNanos,
        body: EventBody,
    ) {
        self.waiting.push_back(MarketEvent {
            n: self.n,
            instrument: self.id,
            ts_exchange,
            ts_recv,
            body,
        });
        self.n += 1;
    }
}
