//! The trading floor: the book, the accounts and what everyone is shown, moved by actions alone.

use super::ledger::Ledger;
use super::{Happening, HappeningBody};
use crate::matching::{Matching, Owner, Report, Ticks};
use crate::participants::{Action, View};
use mce_market::{Side, UnixNanos};

/// Update ids and trade numbers begin above 0, as those of a venue that has been open for long.
const FIRST_ID: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub(super) struct Floor {
    pub(super) now: UnixNanos,
    pub(super) book: Matching,
    /// Best bid and ask, or the last ones there were.
    pub(super) best: (Ticks, Ticks),
    pub(super) ledger: Ledger,
    pub(super) update_id: u64,
    pub(super) refused: u64,
    trades: u64,
    net_bought: i64,
    /// Kept for its memory.
    report: Report,
}

impl Floor {
    pub(super) fn new(now: UnixNanos, best: (Ticks, Ticks)) -> Self {
        Floor {
            now,
            book: Matching::new(),
            best,
            ledger: Ledger::default(),
            update_id: FIRST_ID,
            refused: 0,
            trades: FIRST_ID,
            net_bought: 0,
            report: Report::default(),
        }
    }

    /// What the agent of an account sees now.
    pub(super) fn view(&self, owner: Owner) -> View<'_> {
        View {
            now: self.now,
            book: &self.book,
            bid: self.best.0,
            ask: self.best.1,
            position: self.ledger.position(owner),
            net_bought: self.net_bought,
        }
    }

    /// Does one thing and tells what it did: trades first, then the level changes that they and the order made.
    pub(super) fn execute(&mut self, action: Action, happenings: &mut Vec<Happening>) {
        self.report.clear();
        match action {
            Action::Submit(order) => {
                let outcome = self.book.submit(order, &mut self.report);
                self.refused += u64::from(outcome.is_err());
            }
            Action::Cancel(id) => drop(self.book.cancel(id, &mut self.report)),
        }
        let ts = self.now;
        for fill in &self.report.fills {
            self.ledger.settle(fill);
            self.net_bought += fill.aggressor.sign() * fill.lots.0;
            self.trades += 1;
            let body = HappeningBody::Trade {
                number: self.trades,
                fill: *fill,
            };
            happenings.push(Happening { ts, body });
        }
        for (side, price) in &self.report.touched {
            self.update_id += 1;
            let body = HappeningBody::Level {
                update_id: self.update_id,
                side: *side,
                price: *price,
                lots: self.book.lots_at(*side, *price),
            };
            happenings.push(Happening { ts, body });
        }
        let best = |side, last: Ticks| self.book.best(side).map_or(last, |(price, _)| price);
        self.best = (best(Side::Buy, self.best.0), best(Side::Sell, self.best.1));
    }
}
