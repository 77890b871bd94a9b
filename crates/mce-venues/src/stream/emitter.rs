//! Numbers events, and keeps used level lists for the next ones.

use mce_market::{EventBody, InstrumentId, Level, MarketEvent, UnixNanos};

/// Lists that are kept; more than this are freed.
const SPARE_LISTS: usize = 64;
/// A list with more room than this is freed: a snapshot's list would otherwise live on as a two-level update.
const SPARE_LEVELS: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Emitter {
    next_n: u64,
    spare: Vec<Vec<Level>>,
}

impl Emitter {
    pub(super) fn new() -> Self {
        Emitter {
            next_n: 0,
            spare: Vec::with_capacity(SPARE_LISTS),
        }
    }

    pub(super) fn next_n(&self) -> u64 {
        self.next_n
    }

    pub(super) fn continue_at(&mut self, n: u64) {
        self.next_n = n;
    }

    /// An empty list.
    #[inline]
    pub(crate) fn list(&mut self) -> Vec<Level> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a list back.
    #[inline]
    pub(crate) fn recycle(&mut self, mut list: Vec<Level>) {
        let room = list.capacity();
        if room > 0 && room <= SPARE_LEVELS && self.spare.len() < SPARE_LISTS {
            list.clear();
            self.spare.push(list);
        }
    }

    /// Appends the next event to `out`.
    #[inline]
    pub(crate) fn emit(
        &mut self,
        out: &mut Vec<MarketEvent>,
        instrument: InstrumentId,
        ts_exchange: Option<UnixNanos>,
        ts_recv: UnixNanos,
        body: EventBody,
    ) {
        out.push(MarketEvent {
            n: self.next_n,
            instrument,
            ts_exchange,
            ts_recv,
            body,
        });
        self.next_n += 1;
    }
}
