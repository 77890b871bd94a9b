//! How far data can be trusted, said in a word that travels with it.

use std::fmt;

/// Where a book stands between its venue and us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BookState {
    /// No snapshot since the start or since a gap.
    #[default]
    Unsynced,
    /// Updates are kept until a snapshot proves where they join.
    Buffering,
    /// Every update since the snapshot was applied in order. Only this state gives observations.
    Live,
    /// It was live, and nothing has come for too long.
    Stale,
}

impl fmt::Display for BookState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BookState::Unsynced => "unsynced",
            BookState::Buffering => "buffering",
            BookState::Live => "live",
            BookState::Stale => "stale",
        })
    }
}

/// Quality of one snapshot, sample or signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Quality {
    /// From a live book, everything that enters it known.
    #[default]
    Good,
    /// From a live book, but some feature is masked: warm-up, or the first sample after a gap.
    Masked,
    /// The book's last observation is older than the limit.
    Stale,
    /// The book is unknown.
    Unsynced,
    /// The observation was refused: a side missing or the book crossed.
    Invalid,
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quality::Good => "good",
            Quality::Masked => "masked",
            Quality::Stale => "stale",
            Quality::Unsynced => "unsynced",
            Quality::Invalid => "invalid",
        })
    }
}
