//! Book updates and whole books: what the rule says is done.

use super::buffer::KeptDiff;
use super::{Books, HeldSnapshot};
use crate::binance::message::{Depth, RestDepth};
use crate::binance::sequence::EventOrder;
use crate::error::VenueError;
use crate::message::DecimalLevel;
use crate::step::{DiffIds, SnapshotStep, Step};
use crate::stream::{Context, FrameKind};
use mce_market::{BookDelta, BookSnapshot, EventBody, Gap, GapReason, Level, Status, UnixNanos};

impl<O: EventOrder> Books<O> {
    /// A book update.
    #[inline]
    pub(super) fn depth(
        &mut self,
        context: &mut Context<'_>,
        depth: &Depth<'_>,
    ) -> Result<FrameKind, VenueError> {
        let Some(at) = self.enter(context, &depth.symbol)? else {
            return Ok(FrameKind::OtherSymbol);
        };
        let ts = context.symbols.time(&depth.symbol, depth.event_ms)?;
        let recv = context.symbols.received(context.recv, Some(ts));
        let (bids, asks) = levels(context, at, Some(ts), (depth.bids, depth.asks))?;
        let diff = KeptDiff {
            ids: DiffIds {
                first: depth.first_update_id,
                last: depth.last_update_id,
                previous: depth.previous_update_id,
                time_ms: depth.event_ms,
            },
            delta: BookDelta {
                bids,
                asks,
                first_update_id: Some(depth.first_update_id),
                last_update_id: Some(depth.last_update_id),
            },
            ts,
            recv,
        };
        Ok(FrameKind::Diff(self.step(context, at, diff)))
    }

    /// Does with an update what the rule says.
    #[inline]
    fn step(&mut self, context: &mut Context<'_>, at: usize, diff: KeptDiff) -> Step {
        let book = &mut self.list[at];
        let before = book.sequence.state();
        let step = book.sequence.on_diff(diff.ids);
        let slot = context.symbols.slot(at);
        match step {
            Step::Apply => {
                slot.counters.applied += 1;
                let id = slot.id;
                if book.sequence.state() != before {
                    book.was_live = true;
                    let synced = EventBody::Status(Status::Synced);
                    (context.emitter).emit(context.out, id, Some(diff.ts), diff.recv, synced);
                    book.report(slot);
                }
                let body = EventBody::Delta(diff.delta);
                (context.emitter).emit(context.out, id, Some(diff.ts), diff.recv, body);
            }
            Step::Ignored => {
                slot.counters.ignored += 1;
                context.emitter.recycle(diff.delta.bids);
                context.emitter.recycle(diff.delta.asks);
            }
            Step::Buffered => {
                slot.counters.buffer_dropped += book.kept.push(diff);
                book.report(slot);
            }
            Step::Gap { expected, got } => {
                slot.counters.gaps += u64::from(book.was_live);
                if std::mem::take(&mut book.based) {
                    let reason = GapReason::Sequence { expected, got };
                    let gap = EventBody::Gap(Gap { reason });
                    (context.emitter).emit(context.out, slot.id, Some(diff.ts), diff.recv, gap);
                }
                slot.counters.buffer_dropped += book.kept.push(diff);
                book.report(slot);
            }
        }
        step
    }

    /// A whole book.
    pub(super) fn rest_depth(
        &mut self,
        context: &mut Context<'_>,
        owner: Option<&str>,
        depth: &RestDepth<'_>,
    ) -> Result<FrameKind, VenueError> {
        let recv = context.symbols.received(context.recv, None);
        let at = match owner.or(depth.symbol.as_deref()) {
            Some(symbol) => match self.enter(context, symbol)? {
                Some(at) => at,
                None => return Ok(FrameKind::OtherSymbol),
            },
            None => match context.symbols.enter_nameless()? {
                Some(at) => {
                    self.announce(context, at)?;
                    at
                }
                None => {
                    self.held = Some(HeldSnapshot {
                        bids: depth.bids.to_vec(),
                        asks: depth.asks.to_vec(),
                        last_update_id: depth.last_update_id,
                        recv,
                    });
                    return Ok(FrameKind::Snapshot(SnapshotStep::Held));
                }
            },
        };
        let levels = (depth.bids, depth.asks);
        let step = self.snapshot(context, at, levels, depth.last_update_id, recv)?;
        Ok(FrameKind::Snapshot(step))
    }

    /// Joins a whole book and the updates that wait for it.
    pub(super) fn snapshot(
        &mut self,
        context: &mut Context<'_>,
        at: usize,
        sides: (&[DecimalLevel], &[DecimalLevel]),
        update_id: u64,
        recv: UnixNanos,
    ) -> Result<SnapshotStep, VenueError> {
        let (mut bids, mut asks) = levels(context, at, None, sides)?;
        bids.retain(|level| level.qty.units() > 0);
        asks.retain(|level| level.qty.units() > 0);
        check_order(context, at, update_id, ("bids", &bids), |a, b| {
            a.price > b.price
        })?;
        check_order(context, at, update_id, ("asks", &asks), |a, b| {
            a.price < b.price
        })?;

        let book = &mut self.list[at];
        let step = book.sequence.on_snapshot(update_id, book.kept.ids());
        let slot = context.symbols.slot(at);
        if step != SnapshotStep::Taken {
            slot.counters.ignored += 1;
            return Ok(step);
        }
        let id = slot.id;
        slot.counters.resyncs += u64::from(slot.counters.snapshots > 0);
        slot.counters.snapshots += 1;
        if std::mem::replace(&mut book.based, true) {
            let reason = GapReason::Resync;
            let gap = EventBody::Gap(Gap { reason });
            context.emitter.emit(context.out, id, None, recv, gap);
        }
        let body = EventBody::Snapshot(BookSnapshot {
            bids,
            asks,
            update_id: Some(update_id),
        });
        context.emitter.emit(context.out, id, None, recv, body);
        book.report(slot);
        // After a gap among the kept updates the rest is kept again, the one that did not follow first.
        for diff in book.kept.take() {
            self.step(context, at, diff);
        }
        Ok(step)
    }
}

/// Both sides in the instrument's units.
#[inline]
fn levels(
    context: &mut Context<'_>,
    at: usize,
    ts: Option<UnixNanos>,
    (bids, asks): (&[DecimalLevel], &[DecimalLevel]),
) -> Result<(Vec<Level>, Vec<Level>), VenueError> {
    let scales = context.symbols.slot(at).scales;
    let (mut out_bids, mut out_asks) = (context.emitter.list(), context.emitter.list());
    let done = scales
        .levels(bids, &mut out_bids)
        .and_then(|()| scales.levels(asks, &mut out_asks));
    match done {
        Ok(()) => Ok((out_bids, out_asks)),
        Err(bad) => Err(context.symbols.bad_number(at, ts, bad)),
    }
}

/// That each level is strictly worse than the one before.
fn check_order(
    context: &mut Context<'_>,
    at: usize,
    update_id: u64,
    (side, levels): (&'static str, &[Level]),
    better: impl Fn(&Level, &Level) -> bool,
) -> Result<(), VenueError> {
    let Some(pair) = levels.windows(2).find(|pair| !better(&pair[0], &pair[1])) else {
        return Ok(());
    };
    let venue = context.symbols.venue();
    let instrument = &context.symbols.slot(at).instrument;
    Err(VenueError::SnapshotOrder {
        venue,
        symbol: instrument.symbol().to_string(),
        update_id,
        side,
        price: pair[1].price.decimal(instrument.price_scale()).to_string(),
    })
}
