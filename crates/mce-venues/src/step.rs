//! What a sequence rule says about one update or one snapshot.

/// The ids of one book update, in the letters of the venues that number them this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffIds {
    /// First update id in it: `U`.
    pub first: u64,
    /// Last update id in it: `u`.
    pub last: u64,
    /// Last update id of the update before it, where the venue says so: `pu`.
    pub previous: Option<u64>,
    /// The venue's time of it in milliseconds: `E`. Tells a late copy from ids that start over.
    pub time_ms: u64,
}

/// What to do with a book update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Keep it until a snapshot proves where it joins.
    Buffered,
    /// Apply it: it follows.
    Apply,
    /// Drop it: the book already holds it.
    Ignored,
    /// It does not follow. The book is unknown; keep the update, which may be the first after the next snapshot.
    Gap {
        /// The id that had to come.
        expected: u64,
        /// The id that came.
        got: u64,
    },
}

/// What to do with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotStep {
    /// It is the book now; the kept updates follow it.
    Taken,
    /// It does not reach the first update kept: drop it and fetch again.
    TooOld {
        /// The snapshot's update id.
        snapshot: u64,
        /// First id of the first kept update that it does not cover.
        first_kept: u64,
    },
    /// The book is already beyond it: drop it, nothing is wrong.
    Behind {
        /// The snapshot's update id.
        snapshot: u64,
        /// The book's update id.
        book: u64,
    },
    /// It names no symbol and none is known yet: kept until one is.
    Held,
}

impl SnapshotStep {
    /// Whether the snapshot has to be fetched again.
    pub fn wants_refetch(self) -> bool {
        matches!(self, SnapshotStep::TooOld { .. })
    }
}
