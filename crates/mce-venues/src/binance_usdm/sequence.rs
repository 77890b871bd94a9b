//! USD-M's rule for joining a REST book and the diff stream.

use crate::binance::{EventOrder, Sequence};
use crate::step::{DiffIds, Step};

/// Where one book stands, by ids alone; whoever owns it keeps the updates themselves.
///
/// The venue's page, "How to manage a local order book correctly", and where it is here:
///
/// 1. Open the diff stream and buffer its events: [`Step::Buffered`].
/// 2. Fetch a REST book with `lastUpdateId` L. Drop any event whose `u` is below L: [`Step::Ignored`].
/// 3. The first event applied has `U` ≤ L ≤ `u`, or a `pu` equal to L (nothing lies between the two). When an event
///    that is kept cannot be that one, the book is too old: [`TooOld`](crate::SnapshotStep::TooOld).
/// 4. Then each event's `pu` is the previous event's `u`; otherwise start over from step 2: [`Step::Gap`], this event
///    being the first one buffered. Sizes are absolute.
///
/// Ids are not consecutive: `U` is not the previous `u` + 1, only `pu` tells. One thing less strict than the page: an
/// event that repeats what the book holds (`u` not above the book's, time not later than the last one's) is ignored,
/// so that a second connection or a repeated frame costs no resync. Old ids in a later event are a gap, as the page says.
pub type UsdmSequence = Sequence<UsdmOrder>;

/// USD-M's ids have holes: an event says by `pu` which one it follows.
#[derive(Clone, Debug)]
pub struct UsdmOrder;

impl EventOrder for UsdmOrder {
    fn is_inside(snapshot: u64, ids: DiffIds) -> bool {
        ids.last < snapshot
    }

    fn joins(snapshot: u64, ids: DiffIds) -> bool {
        (ids.first <= snapshot && snapshot <= ids.last) || ids.previous == Some(snapshot)
    }

    fn follows(book: u64, ids: DiffIds) -> bool {
        ids.previous == Some(book) && ids.last >= book
    }

    fn gap(book: u64, ids: DiffIds) -> Step {
        Step::Gap {
            expected: book,
            // An event without `pu` follows nothing; its first id is what there is to tell.
            got: ids.previous.unwrap_or(ids.first),
        }
    }
}

#[cfg(test)]
mod tests;
