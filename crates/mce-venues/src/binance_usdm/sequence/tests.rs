use super::*;
use crate::step::SnapshotStep;
use mce_market::BookState;

fn diff(first: u64, last: u64, previous: u64, time_ms: u64) -> DiffIds {
    DiffIds {
        first,
        last,
        previous: Some(previous),
        time_ms,
    }
}

fn joining(snapshot: u64) -> UsdmSequence {
    let mut rule = UsdmSequence::new();
    assert_eq!(rule.on_snapshot(snapshot, []), SnapshotStep::Taken);
    rule
}

/// A rule that is live at 110, its last event of time 1000.
fn live() -> UsdmSequence {
    let mut rule = joining(100);
    assert_eq!(rule.on_diff(diff(98, 110, 90, 1_000)), Step::Apply);
    rule
}

fn check_first(snapshot: u64, ids: DiffIds, expected: Step) {
    assert_eq!(joining(snapshot).on_diff(ids), expected, "{ids:?}");
}

fn check_next(ids: DiffIds, expected: Step, state: BookState) {
    let mut rule = live();
    assert_eq!(rule.on_diff(ids), expected, "{ids:?}");
    assert_eq!(rule.state(), state, "{ids:?}");
}

#[test]
fn the_first_event_spans_the_snapshot_or_follows_it() {
    check_first(100, diff(90, 99, 80, 1), Step::Ignored);
    check_first(100, diff(90, 100, 80, 1), Step::Apply);
    check_first(100, diff(100, 100, 80, 1), Step::Apply);
    check_first(100, diff(95, 120, 80, 1), Step::Apply);
    check_first(100, diff(105, 120, 100, 1), Step::Apply);
    check_first(
        100,
        diff(101, 120, 99, 1),
        Step::Gap {
            expected: 100,
            got: 99,
        },
    );
}

#[test]
fn then_each_event_names_the_last_one() {
    let gap = |got| Step::Gap { expected: 110, got };
    check_next(diff(115, 120, 110, 1_100), Step::Apply, BookState::Live);
    check_next(diff(111, 120, 109, 1_100), gap(109), BookState::Buffering);
    check_next(diff(130, 140, 120, 1_100), gap(120), BookState::Buffering);
    // Repeated, late, and ids that start over.
    check_next(diff(98, 110, 90, 1_000), Step::Ignored, BookState::Live);
    check_next(diff(80, 90, 70, 900), Step::Ignored, BookState::Live);
    check_next(diff(3, 4, 2, 1_100), gap(2), BookState::Buffering);
    let silent = DiffIds {
        previous: None,
        ..diff(111, 120, 0, 1_100)
    };
    check_next(silent, gap(111), BookState::Buffering);
}

#[test]
fn a_snapshot_that_no_kept_event_joins_is_too_old() {
    for (snapshot, expected) in [
        (
            94,
            SnapshotStep::TooOld {
                snapshot: 94,
                first_kept: 100,
            },
        ),
        (95, SnapshotStep::Taken),
        (
            97,
            SnapshotStep::TooOld {
                snapshot: 97,
                first_kept: 100,
            },
        ),
        (100, SnapshotStep::Taken),
        (104, SnapshotStep::Taken),
        (
            106,
            SnapshotStep::TooOld {
                snapshot: 106,
                first_kept: 110,
            },
        ),
        (109, SnapshotStep::Taken),
        (112, SnapshotStep::Taken),
        (500, SnapshotStep::Taken),
    ] {
        let mut rule = UsdmSequence::new();
        let kept = [diff(100, 104, 95, 1), diff(110, 112, 109, 2)];
        for ids in kept {
            assert_eq!(rule.on_diff(ids), Step::Buffered);
        }
        assert_eq!(rule.on_snapshot(snapshot, kept), expected, "{snapshot}");
        assert_eq!(
            rule.wants_snapshot(),
            expected.wants_refetch(),
            "{snapshot}"
        );
    }
}

#[test]
fn after_a_gap_events_are_buffered_again() {
    let mut rule = live();
    let after = diff(120, 130, 115, 1_100);
    assert_eq!(
        rule.on_diff(after),
        Step::Gap {
            expected: 110,
            got: 115
        }
    );
    assert_eq!(rule.on_diff(diff(131, 132, 130, 1_200)), Step::Buffered);
    assert_eq!(rule.on_snapshot(125, [after]), SnapshotStep::Taken);
    assert_eq!(rule.on_diff(after), Step::Apply);
    assert_eq!(rule.on_diff(diff(131, 132, 130, 1_200)), Step::Apply);
    assert_eq!(
        rule.on_snapshot(131, []),
        SnapshotStep::Behind {
            snapshot: 131,
            book: 132
        }
    );
}
