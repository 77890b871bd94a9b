use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn level(price: i64, qty: i64) -> Level {
    Level::new(Price::from_units(price), Qty::from_units(qty))
}

/// The obvious book, to compare with.
#[derive(Default)]
struct Plain {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Plain {
    fn apply(&mut self, bids: &[Level], asks: &[Level]) {
        for (map, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for l in levels {
                if l.qty.units() == 0 {
                    map.remove(&l.price.units());
                } else {
                    map.insert(l.price.units(), l.qty.units());
                }
            }
        }
    }

    fn levels(&self, side: Side) -> Vec<Level> {
        let pair = |(p, q): (&i64, &i64)| level(*p, *q);
        match side {
            Side::Buy => self.bids.iter().rev().map(pair).collect(),
            Side::Sell => self.asks.iter().map(pair).collect(),
        }
    }
}

fn assert_same(book: &OrderBook, plain: &Plain) {
    let mut top = Vec::new();
    for side in [Side::Buy, Side::Sell] {
        let want = plain.levels(side);
        assert_eq!(book.levels(side).collect::<Vec<_>>(), want);
        for n in [0, 3, 50, usize::MAX] {
            book.top_into(side, n, &mut top);
            assert_eq!(top, want[..n.min(want.len())]);
        }
        assert_eq!(book.len(side), want.len());
        for n in [1, 2, 3, 7, 20, 50] {
            let last = want.get(n - 1).or(want.last()).map(|l| l.price);
            assert_eq!(book.nth_price(side, n), last);
        }
        for l in &want {
            assert_eq!(book.qty_at(side, l.price), l.qty);
        }
    }
    assert_eq!(book.best_bid(), plain.levels(Side::Buy).first().copied());
    assert_eq!(book.best_ask(), plain.levels(Side::Sell).first().copied());
}

#[test]
fn a_book_of_any_price_range_needs_no_bounds() {
    let mut book = OrderBook::new();
    let mut plain = Plain::default();
    let far = [1, 5_000, 1 << 40, i64::MAX / 2, i64::MAX];
    for (i, price) in far
        .into_iter()
        .chain([6_000_000, 6_000_100, 6_000_003])
        .enumerate()
    {
        let l = [level(price, i as i64 + 1)];
        book.apply_levels(&l, &l).unwrap();
        plain.apply(&l, &l);
        assert_same(&book, &plain);
    }
    for price in far {
        let l = [level(price, 0)];
        book.apply_levels(&l, &l).unwrap();
        plain.apply(&l, &l);
        assert_same(&book, &plain);
    }
}

#[test]
fn a_bad_level_changes_nothing() {
    let mut book = OrderBook::new();
    book.apply_levels(&[level(10, 1)], &[level(12, 1)]).unwrap();
    let before = book.clone();
    let price = book.apply_levels(&[level(11, 4), level(0, 1)], &[]);
    assert_eq!(
        price,
        Err(BookError::Price {
            side: Side::Buy,
            units: 0
        })
    );
    let qty = book.apply_levels(&[level(11, 4)], &[level(13, -1)]);
    assert_eq!(
        qty,
        Err(BookError::Qty {
            side: Side::Sell,
            price: 13,
            units: -1
        })
    );
    let zero = BookSnapshot {
        bids: vec![level(9, 0)],
        ..BookSnapshot::default()
    };
    assert!(book.apply_snapshot(&zero).is_err());
    assert_eq!(book, before);
}

#[test]
fn removing_what_is_not_there_is_fine() {
    let mut book = OrderBook::new();
    book.apply_levels(&[level(7, 0)], &[level(9, 0)]).unwrap();
    assert!(book.is_empty());
    book.apply_levels(&[level(100, 2)], &[]).unwrap();
    book.apply_levels(&[level(7, 0), level(1_000_000_007, 0)], &[])
        .unwrap();
    assert_eq!(book.levels(Side::Buy).collect::<Vec<_>>(), [level(100, 2)]);
}

#[test]
fn a_digest_tells_books_apart_and_not_scales() {
    let scale = |d| Scale::new(d).unwrap();
    let mut coarse = OrderBook::new();
    coarse
        .apply_levels(&[level(1010, 5)], &[level(1020, 7)])
        .unwrap();
    let mut fine = OrderBook::new();
    fine.apply_levels(&[level(101_000, 500)], &[level(102_000, 700)])
        .unwrap();
    assert_eq!(coarse.print(scale(2), scale(0)), "bid 10.1 5\nask 10.2 7\n");
    assert_eq!(
        coarse.digest(scale(2), scale(0)),
        fine.digest(scale(4), scale(2))
    );
    fine.apply_levels(&[level(101_000, 501)], &[]).unwrap();
    assert_ne!(
        coarse.digest(scale(2), scale(0)),
        fine.digest(scale(4), scale(2))
    );
}

/// Updates that live near a wandering price, with rare ones far off or between the ticks.
fn updates() -> impl Strategy<Value = Vec<(bool, i64, i64)>> {
    let price = prop_oneof![
        20 => (0i64..60, 0i64..9_000).prop_map(|(a, walk)| 500_000 + walk * 10 + a * 10),
        2 => 1i64..2_000_000,
        1 => 1i64..i64::MAX,
    ];
    let qty = prop_oneof![2 => 1i64..1_000, 1 => Just(0i64)];
    prop::collection::vec((any::<bool>(), price, qty), 0..400)
}

proptest! {
    #[test]
    fn it_is_the_obvious_book_but_faster(updates in updates(), cut in 0usize..400) {
        let mut book = OrderBook::new();
        let mut plain = Plain::default();
        for (i, (is_bid, price, qty)) in updates.into_iter().enumerate() {
            let one = [level(price, qty)];
            let (bids, asks): (&[Level], &[Level]) = if is_bid { (&one, &[]) } else { (&[], &one) };
            let side = if is_bid { Side::Buy } else { Side::Sell };
            let before = book.qty_at(side, one[0].price);
            let mut changes = Vec::new();
            book.apply_levels_with(bids, asks, |c| changes.push(c)).unwrap();
            plain.apply(bids, asks);
            let want = LevelChange { side, price: one[0].price, before, now: one[0].qty };
            prop_assert_eq!(changes, if before == one[0].qty { vec![] } else { vec![want] });
            if i == cut {
                let snapshot = BookSnapshot { bids: plain.levels(Side::Buy), asks: plain.levels(Side::Sell), update_id: None };
                book.apply_snapshot(&snapshot).unwrap();
            }
        }
        assert_same(&book, &plain);
    }

    #[test]
    fn a_sweep_through_many_windows_loses_nothing(steps in prop::collection::vec((-3000i64..3000, 1i64..5), 1..60)) {
        let mut book = OrderBook::new();
        let mut plain = Plain::default();
        let mut at = 10_000_000i64;
        for (step, qty) in steps {
            at += step;
            let bids: Vec<Level> = plain.bids.range(at..).map(|(p, _)| level(*p, 0)).chain([level(at - 1, qty)]).collect();
            let asks: Vec<Level> = plain.asks.range(..=at).map(|(p, _)| level(*p, 0)).chain([level(at + 1, qty)]).collect();
            book.apply_levels(&bids, &asks).unwrap();
            plain.apply(&bids, &asks);
            prop_assert!(!book.is_crossed());
            assert_same(&book, &plain);
        }
    }
}
