//! Books: what is checked and refused, and what is taken as an observation.

use super::flows::{FlowScale, LevelFlow, level_flow};
use super::{Accepted, FeatureEngine, RESET_NS, SampleVolumes, Units};
use crate::error::{FeatureError, LevelProblem};
use crate::sample::Sample;
use mce_market::{
    BookDelta, BookError, BookSnapshot, InputMode, Level, OrderBook, Price, Qty, Side, UnixNanos,
};

impl FeatureEngine {
    /// Takes a plain snapshot as an observation at `ts`, each side best first: what a snapshot event with an exchange
    /// time does.
    ///
    /// # Errors
    /// [`FeatureError::Level`] for a price of 0 or below, and for levels out of order or twice on a side.
    pub fn observe(
        &mut self,
        ts: UnixNanos,
        bids: &[Level],
        asks: &[Level],
        out: &mut Vec<Sample>,
    ) -> Result<(), FeatureError> {
        self.advance(ts.0, out);
        let late = self.is_late(ts.0);
        let follows = self.config.mode() == InputMode::Deltas;
        if late {
            self.counters.late += 1;
            if !follows {
                return Ok(());
            }
        }
        let dropped = self.clean(ts, bids, asks)?;
        if !late {
            self.counters.levels_dropped += dropped;
        }
        let clean = &self.scratch.clean;
        let best = uncrossed(clean.bids.first().copied(), clean.asks.first().copied());
        if best.is_none() && !late {
            self.counters.invalid += 1;
        }
        match best.filter(|_| !late) {
            Some((bid, ask)) => {
                self.compare_with_clean();
                self.take_clean();
                self.accept(ts.0, bid, ask);
            }
            None if follows => {
                // The samples to come are still those of the last accepted book: what differs is kept, to be undone.
                if self.live {
                    let new = &self.scratch.clean;
                    self.bids
                        .compare(self.book.levels(Side::Buy), new.bids.iter().copied());
                    self.asks
                        .compare(self.book.levels(Side::Sell), new.asks.iter().copied());
                    self.bids.bound();
                    self.asks.bound();
                }
                self.take_clean();
            }
            None => {}
        }
        Ok(())
    }

    /// A snapshot without an exchange time: the book is what it says, and no observation.
    pub(super) fn set_book(
        &mut self,
        received: UnixNanos,
        snapshot: &BookSnapshot,
    ) -> Result<(), FeatureError> {
        let dropped = self.clean(received, &snapshot.bids, &snapshot.asks)?;
        self.counters.levels_dropped += dropped;
        if self.live {
            self.gap();
        }
        self.take_clean();
        Ok(())
    }

    /// A depth update: the hot path, whose work grows with the number of changed levels and not with the book.
    #[inline]
    pub(super) fn on_delta(
        &mut self,
        ts: Option<UnixNanos>,
        received: UnixNanos,
        delta: &BookDelta,
        out: &mut Vec<Sample>,
    ) -> Result<(), FeatureError> {
        self.advance_to(ts, out);
        if self.config.mode() != InputMode::Deltas {
            return Err(FeatureError::DeltaInMode {
                venue: self.units.venue.clone(),
                symbol: self.units.symbol.clone(),
                mode: self.config.mode(),
            });
        }
        if !self.synced {
            self.counters.unsynced += 1;
            return Ok(());
        }
        if self.apply(&delta.bids, &delta.asks).is_err() {
            self.apply_without_negative(ts.unwrap_or(received), delta)?;
        }
        let best = match ts {
            Some(ts) if self.is_late(ts.0) => {
                self.counters.late += 1;
                None
            }
            Some(ts) => {
                let best = uncrossed(self.book.best_bid(), self.book.best_ask());
                self.counters.invalid += u64::from(best.is_none());
                best.map(|(bid, ask)| (ts, bid, ask))
            }
            None => None,
        };
        match best {
            Some((ts, bid, ask)) => self.accept(ts.0, bid, ask),
            None => {
                self.bids.bound();
                self.asks.bound();
            }
        }
        Ok(())
    }

    /// Applies changed levels to the book, remembering what changed while that may be compared with.
    #[inline]
    fn apply(&mut self, bids: &[Level], asks: &[Level]) -> Result<(), BookError> {
        if !self.live {
            return self.book.apply_levels(bids, asks);
        }
        let (bid_changes, ask_changes) = (&mut self.bids, &mut self.asks);
        self.book.apply_levels_with(bids, asks, |change| {
            let changes = match change.side {
                Side::Buy => &mut *bid_changes,
                Side::Sell => &mut *ask_changes,
            };
            changes.push(
                change.price.units(),
                change.before.units(),
                change.now.units(),
            );
        })
    }

    /// A size below 0 is a level to drop: what it replaces goes, and it is counted.
    #[cold]
    fn apply_without_negative(
        &mut self,
        ts: UnixNanos,
        delta: &BookDelta,
    ) -> Result<(), FeatureError> {
        let mut dropped = 0;
        let mut clean = |levels: &[Level]| -> Vec<Level> {
            let levels = levels.iter().map(|level| {
                dropped += u64::from(level.qty.units() < 0);
                Level::new(level.price, level.qty.max(Qty::ZERO))
            });
            levels.collect()
        };
        let (bids, asks) = (clean(&delta.bids), clean(&delta.asks));
        self.apply(&bids, &asks).map_err(|error| match error {
            BookError::Price { side, units }
            | BookError::Qty {
                side, price: units, ..
            } => {
                let price = Price::from_units(units);
                level_error(&self.units, ts, price, side, LevelProblem::Price)
            }
        })?;
        self.counters.levels_dropped += dropped;
        Ok(())
    }

    #[inline]
    fn is_late(&self, ts: i64) -> bool {
        self.accepted.is_some_and(|book| ts < book.ts)
    }

    /// Checks a snapshot's levels and keeps those with a size above 0 in the scratch; how many were dropped.
    fn clean(
        &mut self,
        ts: UnixNanos,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<u64, FeatureError> {
        let clean = &mut self.scratch.clean;
        let bids = (Side::Buy, bids, &mut clean.bids);
        let asks = (Side::Sell, asks, &mut clean.asks);
        let mut dropped = 0;
        for (side, levels, kept) in [bids, asks] {
            kept.clear();
            for level in levels {
                let problem = if level.price.units() <= 0 {
                    LevelProblem::Price
                } else if level.qty.units() <= 0 {
                    dropped += 1;
                    continue;
                } else if kept.last().is_some_and(|last: &Level| match side {
                    Side::Buy => level.price >= last.price,
                    Side::Sell => level.price <= last.price,
                }) {
                    LevelProblem::Order
                } else {
                    kept.push(*level);
                    continue;
                };
                return Err(level_error(&self.units, ts, level.price, side, problem));
            }
        }
        Ok(dropped)
    }

    /// Makes the lists of changes those between the last accepted book and the clean snapshot.
    fn compare_with_clean(&mut self) {
        if !self.live {
            return;
        }
        let depth = self.config.depth();
        let new = &self.scratch.clean;
        let sides = [
            (Side::Buy, &mut self.bids, &new.bids),
            (Side::Sell, &mut self.asks, &new.asks),
        ];
        let old = &mut self.scratch.levels;
        for (side, changes, new) in sides {
            accepted_top(&self.book, changes, side, depth, old);
            changes.clear();
            changes.compare(old.iter().copied(), new.iter().take(depth).copied());
        }
    }

    /// The book is the clean snapshot.
    fn take_clean(&mut self) {
        self.book
            .apply_snapshot(&self.scratch.clean)
            .expect("prices and sizes of 0 or below were refused or dropped before");
        self.synced = true;
    }

    /// Takes the book as an observation at `ts`, not before the last one; `bid` and `ask` are its best levels.
    #[inline]
    fn accept(&mut self, ts: i64, bid: Level, ask: Level) {
        let depth = self.config.depth();
        let now = Accepted {
            ts,
            bid,
            ask,
            last_bid: self.book.nth_price(Side::Buy, depth).unwrap_or(bid.price),
            last_ask: self.book.nth_price(Side::Sell, depth).unwrap_or(ask.price),
            mid: self.units.mid(bid, ask),
        };
        if let Some(before) = self.accepted {
            let dt_ns = ts.saturating_sub(before.ts);
            if dt_ns > RESET_NS {
                self.counters.resets += 1;
                self.reset();
            } else {
                if dt_ns > self.config.max_quiet_ns() {
                    // An announced gap is not counted twice.
                    self.counters.gaps += u64::from(self.live);
                    self.live = false;
                    self.after_gap = true;
                }
                self.fold(dt_ns, &before, &now);
            }
        }
        self.bids.clear();
        self.asks.clear();
        self.accepted = Some(now);
        self.live = true;
        self.counters.observations += 1;
        if self.next_grid.is_none_or(|grid| grid < ts) {
            self.next_grid = Some(self.grid_at_or_after(ts));
        }
    }

    /// Moves every sum by one observation. Across a gap there are no level changes, only decay and trades.
    #[inline]
    fn fold(&mut self, dt_ns: i64, before: &Accepted, now: &Accepted) {
        let levels = if self.live {
            let scale = FlowScale {
                length: self.averages.length.value(),
                price_one: self.units.price_one,
                qty_one: self.units.qty_one,
                trades_lessen: self.config.mode().has_trades(),
            };
            level_flow(
                (before, now),
                (&mut self.bids, &mut self.asks),
                &self.trades,
                &scale,
                &mut self.scratch.terms,
            )
        } else {
            LevelFlow::default()
        };
        self.flows.step(dt_ns, &levels, &self.trades);
        let SampleVolumes {
            buy,
            sell,
            liquidated,
        } = &mut self.since_sample;
        *buy += self.trades.buy;
        *sell += self.trades.sell;
        *liquidated += self.trades.liquidated;
        self.trades.clear();
    }
}

/// The best `depth` levels of a side of the last accepted book. Where refused updates changed the book since, they are
/// undone.
pub(super) fn accepted_top(
    book: &OrderBook,
    changes: &mut super::SideChanges,
    side: Side,
    depth: usize,
    out: &mut Vec<Level>,
) {
    if changes.is_empty() {
        book.top_into(side, depth, out);
    } else {
        changes.undone_into(book, depth, out);
    }
}

/// Best bid and ask of a book that has both and is not crossed.
#[inline]
fn uncrossed(bid: Option<Level>, ask: Option<Level>) -> Option<(Level, Level)> {
    bid.zip(ask).filter(|(bid, ask)| bid.price < ask.price)
}

#[cold]
fn level_error(
    units: &Units,
    ts: UnixNanos,
    price: Price,
    side: Side,
    problem: LevelProblem,
) -> FeatureError {
    FeatureError::Level {
        venue: units.venue.clone(),
        symbol: units.symbol.clone(),
        ts: ts.0,
        price: price.decimal(units.price_scale),
        side,
        problem,
    }
}
