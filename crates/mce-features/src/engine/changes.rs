//! Which levels of a book changed since the last accepted observation.
//!
//! Two ways lead to the same list: collecting what a depth update changed, and comparing two snapshots. What is
//! made of the list is the flows' affair; here it is only kept in order, and undone where the book of the last
//! accepted observation is wanted back.

use mce_market::{Level, OrderBook, Price, Qty, Side};
use std::cmp::Ordering;

/// Lists shorter than this are not worth merging early.
const MERGE_FROM: usize = 1024;

/// A level whose size changed; sizes in units, 0 where there is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) price: i64,
    pub(crate) before: i64,
    pub(crate) now: i64,
}

/// Changes of one side of the book.
#[derive(Clone, Debug)]
pub(crate) struct SideChanges {
    side: Side,
    /// +1 for bids, −1 for asks: price × sign grows with the price's quality.
    sign: i64,
    list: Vec<Change>,
    merge_at: usize,
}

impl SideChanges {
    pub(crate) fn new(side: Side) -> Self {
        SideChanges {
            side,
            sign: side.sign(),
            list: Vec::new(),
            merge_at: MERGE_FROM,
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[inline]
    pub(crate) fn push(&mut self, price: i64, before: i64, now: i64) {
        self.list.push(Change { price, before, now });
    }

    /// All of them in the order they were made, or best first after [`SideChanges::merge`].
    pub(crate) fn list(&self) -> &[Change] {
        &self.list
    }

    /// Makes the list best first with each price once: its first size before and its last size now.
    #[inline]
    pub(crate) fn merge(&mut self) {
        let sign = self.sign;
        if !self
            .list
            .is_sorted_by(|a, b| a.price * sign > b.price * sign)
        {
            self.sort_and_merge();
        }
    }

    fn sort_and_merge(&mut self) {
        let sign = self.sign;
        // Stable: changes of one price stay in the order in which they were made.
        self.list.sort_by_key(|c| -(c.price * sign));
        self.list.dedup_by(|later, first| {
            let same = later.price == first.price;
            if same {
                first.now = later.now;
            }
            same
        });
        self.list.retain(|c| c.before != c.now);
    }

    /// Keeps the list of a book that is refused again and again no longer than twice its distinct prices.
    pub(crate) fn bound(&mut self) {
        if self.list.len() >= self.merge_at {
            self.merge();
            self.merge_at = MERGE_FROM.max(2 * self.list.len());
        }
    }

    /// Appends what changed between the levels `old` and `new`, both best first.
    pub(crate) fn compare(
        &mut self,
        old: impl Iterator<Item = Level>,
        new: impl Iterator<Item = Level>,
    ) {
        let (mut old, mut new) = (old.peekable(), new.peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Greater,
                (None, Some(_)) => Ordering::Less,
                (Some(o), Some(n)) => {
                    (o.price.units() * self.sign).cmp(&(n.price.units() * self.sign))
                }
            };
            let gone = if order.is_ge() { old.next() } else { None };
            let come = if order.is_le() { new.next() } else { None };
            let units = |level: Option<Level>| level.map_or(0, |l| l.qty.units());
            if let Some(level) = gone.or(come)
                && units(gone) != units(come)
            {
                self.push(level.price.units(), units(gone), units(come));
            }
        }
    }

    /// The best `count` levels that `book` had before these changes were made to it.
    pub(crate) fn undone_into(&mut self, book: &OrderBook, count: usize, out: &mut Vec<Level>) {
        self.merge();
        out.clear();
        let mut undone = self.list.iter().peekable();
        let mut kept = book.levels(self.side).peekable();
        while out.len() < count {
            let better = |a: i64, b: i64| a * self.sign >= b * self.sign;
            match (undone.peek(), kept.peek()) {
                (Some(change), level)
                    if level.is_none_or(|l| better(change.price, l.price.units())) =>
                {
                    if level.is_some_and(|l| l.price.units() == change.price) {
                        kept.next();
                    }
                    if change.before != 0 {
                        out.push(Level::new(
                            Price::from_units(change.price),
                            Qty::from_units(change.before),
                        ));
                    }
                    undone.next();
                }
                (_, Some(level)) => {
                    out.push(*level);
                    kept.next();
                }
                (_, None) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: i64, qty: i64) -> Level {
        Level::new(Price::from_units(price), Qty::from_units(qty))
    }

    fn changes(side: Side, list: &[(i64, i64, i64)]) -> SideChanges {
        let mut changes = SideChanges::new(side);
        for (price, before, now) in list {
            changes.push(*price, *before, *now);
        }
        changes
    }

    fn listed(changes: &SideChanges) -> Vec<(i64, i64, i64)> {
        let list = changes.list().iter();
        list.map(|c| (c.price, c.before, c.now)).collect()
    }

    #[test]
    fn merging_keeps_the_first_before_and_the_last_now() {
        let made = [(99, 1, 5), (98, 0, 4), (99, 5, 3), (97, 2, 0), (98, 4, 0)];
        let mut bids = changes(Side::Buy, &made);
        bids.merge();
        assert_eq!(listed(&bids), [(99, 1, 3), (97, 2, 0)]);
        let mut asks = changes(Side::Sell, &made);
        asks.merge();
        assert_eq!(listed(&asks), [(97, 2, 0), (99, 1, 3)]);
    }

    #[test]
    fn comparing_books_lists_what_differs_best_first() {
        let (old, new) = (
            [(101, 1), (103, 2), (104, 6)],
            [(100, 4), (101, 1), (103, 5)],
        );
        let mut asks = SideChanges::new(Side::Sell);
        let levels = |l: &[(i64, i64)]| l.iter().map(|(p, q)| level(*p, *q)).collect::<Vec<_>>();
        asks.compare(levels(&old).into_iter(), levels(&new).into_iter());
        assert_eq!(listed(&asks), [(100, 0, 4), (103, 2, 5), (104, 6, 0)]);
    }

    #[test]
    fn undoing_brings_the_old_levels_back() {
        let mut book = OrderBook::new();
        let old = [level(99, 1), level(98, 2), level(95, 3), level(90, 4)];
        book.apply_levels(&old, &[]).unwrap();
        let mut bids = SideChanges::new(Side::Buy);
        let edits = [
            level(100, 7),
            level(98, 0),
            level(99, 5),
            level(98, 9),
            level(80, 1),
            level(98, 2),
        ];
        for edit in edits {
            book.apply_levels_with(&[edit], &[], |c| {
                bids.push(c.price.units(), c.before.units(), c.now.units());
            })
            .unwrap();
        }
        let mut out = Vec::new();
        for count in [1, 3, 4, 9] {
            bids.undone_into(&book, count, &mut out);
            assert_eq!(out, old[..count.min(4)]);
        }
    }

    #[test]
    fn a_list_that_is_never_taken_stays_short() {
        let mut bids = SideChanges::new(Side::Buy);
        for i in 0..100_000 {
            bids.push(1 + i % 10, i, i + 1);
            bids.bound();
        }
        assert!(bids.list().len() <= MERGE_FROM);
    }
}
