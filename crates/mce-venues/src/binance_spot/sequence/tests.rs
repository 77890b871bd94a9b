use super::*;
use crate::step::SnapshotStep;
use mce_market::BookState;

fn diff(first: u64, last: u64, time_ms: u64) -> DiffIds {
    DiffIds {
        first,
        last,
        previous: None,
        time_ms,
    }
}

/// A rule that has taken a snapshot with this id and nothing after it.
fn joining(snapshot: u64) -> SpotSequence {
    let mut rule = SpotSequence::new();
    assert_eq!(rule.on_snapshot(snapshot, []), SnapshotStep::Taken);
    rule
}

/// A rule that is live at 110, its last event of time 1000.
fn live() -> SpotSequence {
    let mut rule = joining(100);
    assert_eq!(rule.on_diff(diff(101, 110, 1_000)), Step::Apply);
    rule
}

fn check_first(snapshot: u64, first: u64, last: u64, expected: Step) {
    assert_eq!(joining(snapshot).on_diff(diff(first, last, 1)), expected);
}

fn check_next(first: u64, last: u64, time_ms: u64, expected: Step, state: BookState) {
    let mut rule = live();
    assert_eq!(
        rule.on_diff(diff(first, last, time_ms)),
        expected,
        "{first}..{last}"
    );
    assert_eq!(rule.state(), state, "{first}..{last}");
}

#[test]
fn events_are_buffered_until_a_snapshot() {
    let mut rule = SpotSequence::new();
    assert_eq!(
        (rule.state(), rule.wants_snapshot()),
        (BookState::Unsynced, true)
    );
    assert_eq!(rule.on_diff(diff(5, 9, 1)), Step::Buffered);
    assert_eq!(rule.on_diff(diff(30, 40, 1)), Step::Buffered);
    assert_eq!(
        (rule.state(), rule.wants_snapshot()),
        (BookState::Buffering, true)
    );
}

#[test]
fn a_snapshot_before_the_first_kept_event_is_too_old() {
    for (snapshot, expected) in [
        (
            98,
            SnapshotStep::TooOld {
                snapshot: 98,
                first_kept: 100,
            },
        ),
        (99, SnapshotStep::Taken),
        (100, SnapshotStep::Taken),
        (103, SnapshotStep::Taken),
        (500, SnapshotStep::Taken),
        (109, SnapshotStep::Taken),
        // 105 to 109 never came: a snapshot of before them cannot be joined to what is kept.
        (
            104,
            SnapshotStep::TooOld {
                snapshot: 104,
                first_kept: 110,
            },
        ),
        (
            108,
            SnapshotStep::TooOld {
                snapshot: 108,
                first_kept: 110,
            },
        ),
    ] {
        let mut rule = SpotSequence::new();
        let kept = [diff(100, 104, 1), diff(110, 112, 2)];
        for ids in kept {
            rule.on_diff(ids);
        }
        assert_eq!(rule.on_snapshot(snapshot, kept), expected, "{snapshot}");
        assert_eq!(rule.state(), BookState::Buffering);
        assert_eq!(
            rule.wants_snapshot(),
            expected.wants_refetch(),
            "{snapshot}"
        );
    }
}

#[test]
fn the_first_event_holds_the_id_after_the_snapshot() {
    check_first(100, 95, 99, Step::Ignored);
    check_first(100, 95, 100, Step::Ignored);
    check_first(100, 95, 101, Step::Apply);
    check_first(100, 101, 101, Step::Apply);
    check_first(
        100,
        102,
        109,
        Step::Gap {
            expected: 101,
            got: 102,
        },
    );
}

#[test]
fn then_each_event_follows_the_last_one() {
    let gap = |got| Step::Gap { expected: 111, got };
    check_next(111, 111, 1_100, Step::Apply, BookState::Live);
    check_next(111, 150, 1_000, Step::Apply, BookState::Live);
    // It holds old and new: sizes are absolute, so applying it is right.
    check_next(105, 120, 1_100, Step::Apply, BookState::Live);
    check_next(112, 120, 1_100, gap(112), BookState::Buffering);
    // Repeated, late, and ids that start over.
    check_next(101, 110, 1_000, Step::Ignored, BookState::Live);
    check_next(90, 95, 900, Step::Ignored, BookState::Live);
    check_next(1, 4, 1_100, gap(1), BookState::Buffering);
}

#[test]
fn after_a_gap_events_are_buffered_again() {
    let mut rule = live();
    let after = diff(120, 130, 1_100);
    assert_eq!(
        rule.on_diff(after),
        Step::Gap {
            expected: 111,
            got: 120
        }
    );
    assert_eq!(rule.on_diff(diff(131, 132, 1_200)), Step::Buffered);
    assert!(rule.wants_snapshot());
    assert_eq!(rule.on_snapshot(125, [after]), SnapshotStep::Taken);
    assert_eq!(rule.on_diff(after), Step::Apply);
    assert_eq!(rule.on_diff(diff(131, 132, 1_200)), Step::Apply);
}

#[test]
fn a_snapshot_in_a_live_book_replaces_it_unless_it_is_older() {
    let mut rule = live();
    assert_eq!(
        rule.on_snapshot(109, []),
        SnapshotStep::Behind {
            snapshot: 109,
            book: 110
        }
    );
    assert_eq!(rule.state(), BookState::Live);
    assert_eq!(rule.on_snapshot(115, []), SnapshotStep::Taken);
    assert_eq!(
        (rule.state(), rule.wants_snapshot()),
        (BookState::Buffering, false)
    );
    assert_eq!(rule.on_diff(diff(111, 114, 1_100)), Step::Ignored);
    assert_eq!(rule.on_diff(diff(115, 119, 1_200)), Step::Apply);
}

#[test]
fn a_lost_book_starts_over() {
    let mut rule = live();
    rule.lose();
    assert_eq!(rule.state(), BookState::Unsynced);
    assert_eq!(rule.on_diff(diff(111, 112, 1_100)), Step::Buffered);
}

#[test]
fn the_largest_ids_do_not_overflow() {
    let mut rule = joining(u64::MAX);
    assert_eq!(rule.on_diff(diff(0, u64::MAX, 1)), Step::Ignored);
    assert_eq!(
        rule.on_snapshot(u64::MAX, [diff(1, u64::MAX, 1)]),
        SnapshotStep::Taken
    );
}
