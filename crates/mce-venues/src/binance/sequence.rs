//! The state machine that both rules share; which event follows which is the venue's own.

use crate::step::{DiffIds, SnapshotStep, Step};
use mce_market::BookState;
use std::marker::PhantomData;

/// How a venue numbers its events.
pub trait EventOrder {
    /// Whether the snapshot already holds all of the event.
    fn is_inside(snapshot: u64, ids: DiffIds) -> bool;
    /// Whether the event can be the first one applied after the snapshot.
    fn joins(snapshot: u64, ids: DiffIds) -> bool;
    /// Whether the event follows on a book whose last event ended at `book`.
    fn follows(book: u64, ids: DiffIds) -> bool;
    /// What was expected after `book`, and what came.
    fn gap(book: u64, ids: DiffIds) -> Step;
}

/// Where one book stands, by ids alone; whoever owns it keeps the updates themselves.
#[derive(Clone, Debug)]
pub struct Sequence<O> {
    phase: Phase,
    order: PhantomData<O>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Unsynced,
    Buffering,
    /// A snapshot was taken; the first event after it has yet to come.
    Joining {
        snapshot: u64,
    },
    Live {
        book: u64,
        time_ms: u64,
    },
}

impl<O> Default for Sequence<O> {
    fn default() -> Self {
        Sequence {
            phase: Phase::Unsynced,
            order: PhantomData,
        }
    }
}

impl<O: EventOrder> Sequence<O> {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the book stands. A snapshot alone does not make it live: the first event after it does.
    pub fn state(&self) -> BookState {
        match self.phase {
            Phase::Unsynced => BookState::Unsynced,
            Phase::Buffering | Phase::Joining { .. } => BookState::Buffering,
            Phase::Live { .. } => BookState::Live,
        }
    }

    /// Whether nothing goes on until a snapshot comes.
    pub fn wants_snapshot(&self) -> bool {
        matches!(self.phase, Phase::Unsynced | Phase::Buffering)
    }

    /// A snapshot with its `lastUpdateId` came, and `kept` are the events buffered so far, oldest first. When it is
    /// taken, hand every kept event to [`Sequence::on_diff`] again, in order.
    pub fn on_snapshot(
        &mut self,
        last_update_id: u64,
        kept: impl IntoIterator<Item = DiffIds>,
    ) -> SnapshotStep {
        let snapshot = last_update_id;
        if let Phase::Joining { snapshot: book } | Phase::Live { book, .. } = self.phase
            && snapshot < book
        {
            return SnapshotStep::Behind { snapshot, book };
        }
        let first = kept.into_iter().find(|ids| !O::is_inside(snapshot, *ids));
        if let Some(ids) = first
            && !O::joins(snapshot, ids)
        {
            return SnapshotStep::TooOld {
                snapshot,
                first_kept: ids.first,
            };
        }
        self.phase = Phase::Joining { snapshot };
        SnapshotStep::Taken
    }

    /// An event came.
    #[inline]
    pub fn on_diff(&mut self, ids: DiffIds) -> Step {
        match self.phase {
            Phase::Live { book, .. } if O::follows(book, ids) => self.apply(ids),
            Phase::Unsynced | Phase::Buffering => {
                self.phase = Phase::Buffering;
                Step::Buffered
            }
            Phase::Joining { snapshot } if O::is_inside(snapshot, ids) => Step::Ignored,
            Phase::Joining { snapshot } if O::joins(snapshot, ids) => self.apply(ids),
            Phase::Live { book, time_ms } if ids.last <= book && ids.time_ms <= time_ms => {
                Step::Ignored
            }
            Phase::Joining { snapshot: book } | Phase::Live { book, .. } => {
                self.phase = Phase::Buffering;
                O::gap(book, ids)
            }
        }
    }

    #[inline]
    fn apply(&mut self, ids: DiffIds) -> Step {
        self.phase = Phase::Live {
            book: ids.last,
            time_ms: ids.time_ms,
        };
        Step::Apply
    }

    /// The book is given up: a lost connection, a crossed book, a changed definition.
    pub fn lose(&mut self) {
        self.phase = Phase::Unsynced;
    }
}
