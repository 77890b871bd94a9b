//! Updates that wait for a snapshot.

use crate::step::DiffIds;
use mce_market::{BookDelta, UnixNanos};
use std::collections::VecDeque;

/// Updates kept of one symbol: a quarter of an hour of the 100 ms stream.
const MOST_DIFFS: usize = 10_000;
/// Levels in them: 16 MB.
const MOST_LEVELS: usize = 1 << 20;

/// An update and what its event will need.
#[derive(Debug)]
pub(super) struct KeptDiff {
    pub(super) ids: DiffIds,
    pub(super) delta: BookDelta,
    pub(super) ts: UnixNanos,
    pub(super) recv: UnixNanos,
}

impl KeptDiff {
    fn levels(&self) -> usize {
        self.delta.bids.len() + self.delta.asks.len()
    }
}

/// A queue that forgets its oldest updates when it is full. Nothing is lost silently by that: a snapshot that would have
/// needed them is then found too old and fetched again.
#[derive(Debug, Default)]
pub(super) struct DiffBuffer {
    diffs: VecDeque<KeptDiff>,
    levels: usize,
}

impl DiffBuffer {
    /// Keeps an update, and gives back how many old ones were forgotten for it.
    pub(super) fn push(&mut self, diff: KeptDiff) -> u64 {
        self.levels += diff.levels();
        self.diffs.push_back(diff);
        let mut forgotten = 0;
        while self.diffs.len() > MOST_DIFFS || (self.levels > MOST_LEVELS && self.diffs.len() > 1) {
            let Some(oldest) = self.diffs.pop_front() else {
                break;
            };
            self.levels -= oldest.levels();
            forgotten += 1;
        }
        forgotten
    }

    /// Ids of what is kept, oldest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = DiffIds> + '_ {
        self.diffs.iter().map(|diff| diff.ids)
    }

    /// All of it, oldest first; the buffer is empty after.
    pub(super) fn take(&mut self) -> VecDeque<KeptDiff> {
        self.levels = 0;
        std::mem::take(&mut self.diffs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mce_market::Level;

    fn diff(first: u64, levels: usize) -> KeptDiff {
        KeptDiff {
            ids: DiffIds {
                first,
                last: first,
                previous: None,
                time_ms: 0,
            },
            delta: BookDelta {
                bids: vec![Level::default(); levels],
                ..BookDelta::default()
            },
            ts: UnixNanos(0),
            recv: UnixNanos(0),
        }
    }

    #[test]
    fn a_full_buffer_forgets_its_oldest_updates() {
        let mut buffer = DiffBuffer::default();
        for first in 0..MOST_DIFFS as u64 {
            assert_eq!(buffer.push(diff(first, 1)), 0);
        }
        assert_eq!(buffer.push(diff(MOST_DIFFS as u64, 1)), 1);
        assert_eq!(buffer.ids().next().map(|ids| ids.first), Some(1));
        assert_eq!(buffer.take().len(), MOST_DIFFS);

        assert_eq!(buffer.push(diff(0, MOST_LEVELS)), 0);
        assert_eq!(buffer.push(diff(1, MOST_LEVELS)), 1);
        assert_eq!(buffer.push(diff(2, 1)), 1);
        assert_eq!(buffer.ids().map(|ids| ids.first).collect::<Vec<_>>(), [2]);
    }
}
