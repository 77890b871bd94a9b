//! Spot's rule for joining a REST book and the diff stream.

use crate::binance::{EventOrder, Sequence};
use crate::step::{DiffIds, Step};

/// Where one book stands, by ids alone; whoever owns it keeps the updates themselves.
///
/// The venue's page, "How to manage a local order book correctly", and where it is here:
///
/// 1. Open the diff stream, buffer its events, note the first one's `U`: [`Step::Buffered`].
/// 2. Fetch a REST book. If its `lastUpdateId` L is below that `U`, fetch again: [`TooOld`](crate::SnapshotStep::TooOld). A book with
///    L + 1 = `U` is taken, though the page would fetch it again: nothing lies between them, and the page's own step 4
///    holds for it.
/// 3. Discard buffered events with `u` ≤ L: [`Step::Ignored`].
/// 4. The first event applied has `U` ≤ L + 1 ≤ `u`. Any other is a [`Step::Gap`].
/// 5. Then for each event: if its `u` is below the book's id it is old, ignore it (an exact repetition of the last one
///    is old too); if its `U` is above the book's id + 1, events were missed: [`Step::Gap`], start over, this event
///    being the first one buffered. Otherwise apply it (`U` is normally the previous `u` + 1), sizes being absolute.
///
/// One thing more than the page: an event whose ids are old but whose time is later than the last one's means that the
/// venue's ids start over. It is a gap; the page's step 5 would ignore such events for ever.
pub type SpotSequence = Sequence<SpotOrder>;

/// Spot's ids are consecutive: an event holds all of `U` to `u`.
#[derive(Clone, Debug)]
pub struct SpotOrder;

impl EventOrder for SpotOrder {
    fn is_inside(snapshot: u64, ids: DiffIds) -> bool {
        ids.last <= snapshot
    }

    fn joins(snapshot: u64, ids: DiffIds) -> bool {
        let next = snapshot.saturating_add(1);
        ids.first <= next && next <= ids.last
    }

    fn follows(book: u64, ids: DiffIds) -> bool {
        Self::joins(book, ids)
    }

    fn gap(book: u64, ids: DiffIds) -> Step {
        Step::Gap {
            expected: book.saturating_add(1),
            got: ids.first,
        }
    }
}

#[cfg(test)]
mod tests;
