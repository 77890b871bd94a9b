//! The symbols of one stream: who they are, which were asked for, what was counted.

use super::FrameKind;
use super::rule::InstrumentRule;
use crate::error::VenueError;
use crate::message::{BadNumber, NumberProblem, Scales};
use crate::venue::Venue;
use mce_market::{BookState, Instrument, InstrumentId, UnixNanos};
use std::collections::HashMap;
use std::sync::Arc;

/// Names of symbols that were not asked for, kept for the message that one is absent.
const NAMES_KEPT: usize = 16;

/// What was counted of one symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames of the symbol, whatever they were.
    pub frames: u64,
    /// Book updates applied.
    pub applied: u64,
    /// Book updates and snapshots dropped: the book held them already, or the snapshot was too old.
    pub ignored: u64,
    /// Book updates lost because too many waited for a snapshot: the oldest ones.
    pub buffer_dropped: u64,
    /// Snapshots taken.
    pub snapshots: u64,
    /// Breaks in the ids of a book that had been live.
    pub gaps: u64,
    /// Snapshots taken after the first one.
    pub resyncs: u64,
    /// Checksums that agreed; 0 where the venue sends none.
    pub checksums_ok: u64,
    /// Checksums that did not.
    pub checksums_failed: u64,
    /// Market trades whose aggressor bought.
    pub trades_buy: u64,
    /// Market trades whose aggressor sold.
    pub trades_sell: u64,
    /// Trades that were not made in the market (insurance fund, ADL).
    pub trades_not_market: u64,
    /// Trades of a second trade stream of the same symbol, whose volume the first one has.
    pub trades_doubled: u64,
    /// Best bid and ask frames.
    pub tickers: u64,
    /// Liquidations.
    pub liquidations: u64,
    /// Frames known and not used.
    pub unused: u64,
    /// Frames of the symbol that could not be used because of what is in them.
    pub unparsed: u64,
}

/// What was counted of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamCounters {
    /// Frames given to the stream.
    pub frames: u64,
    /// Frames of symbols that were not asked for.
    pub other_symbols: u64,
    /// Answers to requests.
    pub acks: u64,
    /// Frames that gave an error and belong to no known symbol; those of a symbol are in its own counters.
    pub unparsed: u64,
}

/// A symbol as it stands.
#[derive(Clone, Copy, Debug)]
pub struct SymbolView<'a> {
    /// Its number in events.
    pub id: InstrumentId,
    /// Its definition.
    pub instrument: &'a Arc<Instrument>,
    /// Where its book stands.
    pub state: BookState,
    /// Whether its book waits for a snapshot to be fetched.
    pub wants_snapshot: bool,
    /// What was counted.
    pub counters: &'a Counters,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: InstrumentId,
    pub(crate) instrument: Arc<Instrument>,
    pub(crate) scales: Scales,
    /// Whether the instrument event has yet to be given.
    pub(crate) unannounced: bool,
    /// Whether the units of the book are of an older definition.
    pub(crate) outdated: bool,
    pub(crate) state: BookState,
    pub(crate) wants_snapshot: bool,
    pub(crate) counters: Counters,
    /// Whether a frame named the symbol.
    named: bool,
}

/// What a symbol in a frame turned out to be.
pub(crate) enum Entry {
    /// The symbol at this place.
    Slot(usize),
    /// One that was not asked for.
    Unwanted,
}

#[derive(Debug)]
pub(crate) struct Symbols {
    venue: Venue,
    rule: InstrumentRule,
    /// Empty: every symbol.
    wanted: Vec<Box<str>>,
    slots: Vec<Slot>,
    by_name: HashMap<Arc<str>, usize>,
    /// The place found last: frames of one symbol come in runs.
    last: usize,
    /// The slot that the present frame belongs to.
    current: Option<usize>,
    next_id: u32,
    others: Vec<Box<str>>,
    counters: StreamCounters,
    /// The latest exchange time, for lines without a stamp.
    latest: UnixNanos,
}

impl Symbols {
    pub(super) fn new(venue: Venue, rule: InstrumentRule) -> Self {
        Symbols {
            venue,
            rule,
            wanted: Vec::new(),
            slots: Vec::new(),
            by_name: HashMap::new(),
            last: 0,
            current: None,
            next_id: 0,
            others: Vec::new(),
            counters: StreamCounters::default(),
            latest: UnixNanos(0),
        }
    }

    pub(crate) fn venue(&self) -> Venue {
        self.venue
    }

    pub(super) fn want(&mut self, symbols: impl Iterator<Item = Box<str>>) {
        self.wanted.extend(symbols);
    }

    pub(super) fn declare(
        &mut self,
        id: InstrumentId,
        instrument: Arc<Instrument>,
    ) -> Result<(), VenueError> {
        if **instrument.venue() != *self.venue.name() {
            let found = Venue::ALL
                .into_iter()
                .find(|venue| venue.name() == &**instrument.venue())
                .map_or("another venue", Venue::name);
            return Err(VenueError::WrongVenue {
                expected: self.venue,
                found,
                evidence: "a declared instrument",
            });
        }
        self.next_id = self.next_id.max(id.0.saturating_add(1));
        let Some(at) = self.by_name.get(instrument.symbol()) else {
            self.add(id, instrument);
            return Ok(());
        };
        let slot = &mut self.slots[*at];
        let scales = scales_of(&instrument);
        slot.outdated |= slot.scales != scales;
        slot.unannounced |= slot.instrument != instrument;
        (slot.id, slot.instrument, slot.scales) = (id, instrument, scales);
        Ok(())
    }

    fn add(&mut self, id: InstrumentId, instrument: Arc<Instrument>) -> usize {
        let at = self.slots.len();
        self.by_name.insert(instrument.symbol().clone(), at);
        self.slots.push(Slot {
            id,
            scales: scales_of(&instrument),
            instrument,
            unannounced: true,
            outdated: false,
            state: BookState::Unsynced,
            wants_snapshot: true,
            counters: Counters::default(),
            named: false,
        });
        at
    }

    /// The place of a symbol that a frame names, counting the frame.
    #[inline]
    pub(crate) fn enter(&mut self, symbol: &str) -> Result<Entry, VenueError> {
        let at = match self.slots.get(self.last) {
            Some(slot) if slot.named && **slot.instrument.symbol() == *symbol => self.last,
            _ => match self.find(symbol)? {
                Some(at) => at,
                None => return Ok(Entry::Unwanted),
            },
        };
        self.last = at;
        self.current = Some(at);
        self.slots[at].counters.frames += 1;
        Ok(Entry::Slot(at))
    }

    /// Whether a frame of this symbol that has no use is worth counting: it came before, or symbols were asked for.
    pub(crate) fn expects(&self, symbol: &str) -> bool {
        !self.wanted.is_empty() || self.by_name.contains_key(symbol)
    }

    fn find(&mut self, symbol: &str) -> Result<Option<usize>, VenueError> {
        if !self.wanted.is_empty() && !self.wanted.iter().any(|wanted| **wanted == *symbol) {
            self.counters.other_symbols += 1;
            if self.others.len() < NAMES_KEPT && !self.others.iter().any(|o| **o == *symbol) {
                self.others.push(symbol.into());
            }
            return Ok(None);
        }
        let at = self.find_or_add(symbol)?;
        self.slots[at].named = true;
        Ok(Some(at))
    }

    fn find_or_add(&mut self, symbol: &str) -> Result<usize, VenueError> {
        if let Some(at) = self.by_name.get(symbol) {
            return Ok(*at);
        }
        let instrument = self.rule.instrument(self.venue, symbol)?;
        let id = InstrumentId(self.next_id);
        self.next_id += 1;
        Ok(self.add(id, instrument))
    }

    /// The place of the symbol that a frame without a name belongs to, counting the frame; `None` while none is known.
    pub(crate) fn enter_nameless(&mut self) -> Result<Option<usize>, VenueError> {
        let at = match self.wanted.as_slice() {
            [symbol] => {
                let symbol = symbol.clone();
                self.find_or_add(&symbol)?
            }
            [] => {
                let mut named = (0..self.slots.len()).filter(|at| self.slots[*at].named);
                match (named.next(), named.next()) {
                    (None, _) => return Ok(None),
                    (Some(at), None) => at,
                    (Some(_), Some(_)) => {
                        return Err(
                            self.ambiguous(self.slots.iter().map(|s| &**s.instrument.symbol()))
                        );
                    }
                }
            }
            several => return Err(self.ambiguous(several.iter().map(|s| &**s))),
        };
        self.current = Some(at);
        self.slots[at].counters.frames += 1;
        Ok(Some(at))
    }

    fn ambiguous<'a>(&self, symbols: impl Iterator<Item = &'a str>) -> VenueError {
        VenueError::SnapshotSymbol {
            venue: self.venue,
            symbols: symbols.take(NAMES_KEPT).collect::<Vec<_>>().join(", "),
        }
    }

    /// Counts what became of a frame.
    #[inline]
    pub(super) fn count_frame(&mut self, result: &Result<FrameKind, VenueError>) {
        self.counters.frames += 1;
        match result {
            Ok(FrameKind::Ack(_)) => self.counters.acks += 1,
            Ok(_) => {}
            Err(_) => match self.current {
                Some(at) => self.slots[at].counters.unparsed += 1,
                None => self.counters.unparsed += 1,
            },
        }
        self.current = None;
    }

    pub(crate) fn slot(&mut self, at: usize) -> &mut Slot {
        &mut self.slots[at]
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn slot_of(&self, id: InstrumentId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.id == id)
    }

    /// `ms` as a time of the frame of `symbol`.
    #[inline]
    pub(crate) fn time(&mut self, symbol: &str, ms: u64) -> Result<UnixNanos, VenueError> {
        match i64::try_from(ms).ok().and_then(UnixNanos::from_millis) {
            Some(time) => {
                self.latest = self.latest.max(time);
                Ok(time)
            }
            None => Err(VenueError::Time {
                venue: self.venue,
                symbol: symbol.to_owned(),
                ms,
            }),
        }
    }

    /// When a frame was received: as stamped, else its own exchange time, else the latest there was.
    #[inline]
    pub(crate) fn received(
        &self,
        recv: Option<UnixNanos>,
        exchange: Option<UnixNanos>,
    ) -> UnixNanos {
        recv.or(exchange).unwrap_or(self.latest)
    }

    /// The error of a number of the symbol at this place.
    #[cold]
    pub(crate) fn bad_number(
        &self,
        at: usize,
        ts: Option<UnixNanos>,
        bad: BadNumber,
    ) -> VenueError {
        let venue = self.venue;
        let symbol = self.slots[at].instrument.symbol().as_ref().into();
        let price = bad.price.to_string().into();
        match bad.problem {
            NumberProblem::Decimal(source) => VenueError::Number {
                venue,
                symbol,
                ts,
                price,
                field: bad.field,
                source,
            },
            NumberProblem::Sign(value) => VenueError::Sign {
                venue,
                symbol,
                ts,
                price,
                field: bad.field,
                value: value.to_string().into(),
            },
        }
    }

    pub(super) fn views(&self) -> impl Iterator<Item = SymbolView<'_>> {
        self.slots
            .iter()
            .filter(|slot| slot.counters.frames > 0)
            .map(|slot| SymbolView {
                id: slot.id,
                instrument: &slot.instrument,
                state: slot.state,
                wants_snapshot: slot.wants_snapshot,
                counters: &slot.counters,
            })
    }

    pub(super) fn stream_counters(&self) -> &StreamCounters {
        &self.counters
    }

    pub(super) fn check_wanted(&self) -> Result<(), VenueError> {
        let seen = |symbol: &str| {
            self.by_name
                .get(symbol)
                .is_some_and(|at| self.slots[*at].named)
        };
        let Some(absent) = self.wanted.iter().find(|symbol| !seen(symbol)) else {
            return Ok(());
        };
        let named = self.slots.iter().filter(|slot| slot.named);
        let names: Vec<&str> = named
            .map(|slot| &**slot.instrument.symbol())
            .chain(self.others.iter().map(|name| &**name))
            .take(NAMES_KEPT)
            .collect();
        Err(VenueError::SymbolAbsent {
            venue: self.venue,
            symbol: absent.to_string(),
            seen: if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
        })
    }
}

fn scales_of(instrument: &Instrument) -> Scales {
    Scales {
        price: instrument.price_scale(),
        qty: instrument.qty_scale(),
    }
}
