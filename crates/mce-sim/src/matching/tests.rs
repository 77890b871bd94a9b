use super::*;
use proptest::prelude::*;

/// The same rules in the plainest way: one list of orders in order of arrival.
#[derive(Default)]
struct Plain {
    orders: Vec<(OrderId, Side, i64, i64)>,
}

impl Plain {
    /// Position of the order that an incoming one of `side` meets next.
    fn next_met(&self, side: Side) -> Option<usize> {
        let theirs = |o: &&(usize, &(OrderId, Side, i64, i64))| o.1.1 != side;
        let all = Vec::from_iter(self.orders.iter().enumerate());
        // min_by_key gives the first of equals, the oldest.
        let met = all
            .iter()
            .filter(theirs)
            .min_by_key(|(_, o)| rank(o.1, o.2));
        met.map(|(at, _)| *at)
    }

    fn submit(&mut self, order: NewOrder, fills: &mut Vec<Fill>) -> Result<Outcome, Refused> {
        let limit = match order.terms {
            Terms::Limit(price) | Terms::PostOnly(price) => Some(price.0),
            Terms::Market => None,
        };
        if order.lots.0 <= 0 || limit.is_some_and(|price| price <= 0) {
            return Err(Refused::OutOfRange);
        }
        if self.orders.iter().any(|o| o.0 == order.id) {
            return Err(Refused::Duplicate);
        }
        let meets = |price: i64| match (limit, order.side) {
            (None, _) => true,
            (Some(limit), Side::Buy) => price <= limit,
            (Some(limit), Side::Sell) => price >= limit,
        };
        let mut left = order.lots.0;
        while left > 0 {
            let Some(at) = self
                .next_met(order.side)
                .filter(|at| meets(self.orders[*at].2))
            else {
                break;
            };
            if matches!(order.terms, Terms::PostOnly(_)) {
                return Err(Refused::WouldTake);
            }
            let (maker, _, price, lots) = self.orders[at];
            let lots = lots.min(left);
            fills.push(Fill {
                maker,
                taker: order.id,
                aggressor: order.side,
                price: Ticks(price),
                lots: Lots(lots),
            });
            left -= lots;
            self.orders[at].3 -= lots;
            self.orders.retain(|o| o.3 > 0);
        }
        let filled = Lots(order.lots.0 - left);
        if let Some(price) = limit.filter(|_| left > 0) {
            self.orders.push((order.id, order.side, price, left));
            return Ok(Outcome {
                filled,
                rested: Lots(left),
                cancelled: Lots(0),
            });
        }
        Ok(Outcome {
            filled,
            rested: Lots(0),
            cancelled: Lots(left),
        })
    }

    fn cancel(&mut self, id: OrderId) -> Option<Lots> {
        let at = self.orders.iter().position(|o| o.0 == id)?;
        Some(Lots(self.orders.remove(at).3))
    }

    fn levels(&self, side: Side) -> Vec<(Ticks, Lots)> {
        let mut levels = BTreeMap::new();
        for (_, _, price, lots) in self.orders.iter().filter(|o| o.1 == side) {
            *levels.entry(rank(side, *price)).or_insert(0) += lots;
        }
        let price = |rank_of: i64| Ticks(rank(side, rank_of));
        levels
            .into_iter()
            .map(|(r, lots)| (price(r), Lots(lots)))
            .collect()
    }
}

#[derive(Clone, Debug)]
enum Command {
    Submit(NewOrder),
    Cancel(OrderId),
}

fn id(owner: u16, number: u64) -> OrderId {
    OrderId {
        owner: Owner(owner),
        number,
    }
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn any_command() -> impl Strategy<Value = Command> {
    let price = (-1i64..12).prop_map(Ticks);
    let terms = prop_oneof![
        4 => price.clone().prop_map(Terms::Limit),
        2 => price.prop_map(Terms::PostOnly),
        1 => Just(Terms::Market),
    ];
    let name = (0u16..3, 0u64..25).prop_map(|(owner, number)| id(owner, number));
    let order = (name.clone(), any_side(), -1i64..20, terms).prop_map(|(id, side, lots, terms)| {
        Command::Submit(NewOrder {
            id,
            side,
            lots: Lots(lots),
            terms,
        })
    });
    prop_oneof![3 => order, 1 => name.prop_map(Command::Cancel)]
}

proptest! {
    #[test]
    fn orders_meet_as_in_the_plain_model(commands in prop::collection::vec(any_command(), 0..200)) {
        let (mut book, mut plain) = (Matching::new(), Plain::default());
        for command in commands {
            let (mut report, mut fills) = (Report::default(), Vec::new());
            let before = [Side::Buy, Side::Sell].map(|side| plain.levels(side));
            match command {
                Command::Submit(order) => {
                    let got = book.submit(order, &mut report);
                    prop_assert_eq!(got, plain.submit(order, &mut fills));
                    if let Ok(outcome) = got {
                        let parts = outcome.filled.0 + outcome.rested.0 + outcome.cancelled.0;
                        prop_assert_eq!(parts, order.lots.0, "size is conserved");
                        prop_assert_eq!(fills.iter().map(|f| f.lots.0).sum::<i64>(), outcome.filled.0);
                    }
                }
                Command::Cancel(id) => {
                    prop_assert_eq!(book.cancel(id, &mut report), plain.cancel(id));
                }
            }
            prop_assert_eq!(&report.fills, &fills);
            for (side, before) in [Side::Buy, Side::Sell].into_iter().zip(before) {
                let levels = Vec::from_iter(book.levels(side));
                prop_assert_eq!(&levels, &plain.levels(side));
                for price in 0..13 {
                    let price = Ticks(price);
                    let was = before.iter().find(|l| l.0 == price).map_or(0, |l| l.1.0);
                    let changed = book.lots_at(side, price) != Lots(was);
                    prop_assert!(!changed || report.touched.contains(&(side, price)));
                }
            }
            for (id, side, price, lots) in &plain.orders {
                prop_assert_eq!(book.order(*id), Some((*side, Ticks(*price), Lots(*lots))));
            }
            prop_assert_eq!(book.len(), plain.orders.len());
            prop_assert_eq!(book.is_empty(), plain.orders.is_empty());
            if let (Some(bid), Some(ask)) = (book.best(Side::Buy), book.best(Side::Sell)) {
                prop_assert!(bid.0 < ask.0, "crossed: {bid:?} {ask:?}");
            }
        }
    }
}

fn limit(number: u64, side: Side, lots: i64, price: i64) -> NewOrder {
    NewOrder {
        id: id(0, number),
        side,
        lots: Lots(lots),
        terms: Terms::Limit(Ticks(price)),
    }
}

#[test]
fn the_best_price_is_met_first_and_there_the_oldest_order() {
    let (mut book, mut report) = (Matching::new(), Report::default());
    for order in [
        limit(1, Side::Sell, 5, 102),
        limit(2, Side::Sell, 5, 101),
        limit(3, Side::Sell, 5, 101),
    ] {
        book.submit(order, &mut report).unwrap();
    }
    report.clear();
    let outcome = book
        .submit(limit(4, Side::Buy, 14, 101), &mut report)
        .unwrap();
    let met = Vec::from_iter(
        report
            .fills
            .iter()
            .map(|f| (f.maker.number, f.price.0, f.lots.0)),
    );
    assert_eq!(met, [(2, 101, 5), (3, 101, 5)]);
    assert_eq!((outcome.filled, outcome.rested), (Lots(10), Lots(4)));
    assert_eq!(
        report.touched,
        [(Side::Sell, Ticks(101)), (Side::Buy, Ticks(101))]
    );
    assert_eq!(book.best(Side::Buy), Some((Ticks(101), Lots(4))));
    assert_eq!(book.best(Side::Sell), Some((Ticks(102), Lots(5))));
}

#[test]
fn a_cancelled_place_is_used_again_without_mixing_queues_up() {
    let (mut book, mut report) = (Matching::new(), Report::default());
    for number in 0..5 {
        book.submit(limit(number, Side::Buy, 1 + number as i64, 10), &mut report)
            .unwrap();
    }
    for number in [2, 0, 4] {
        book.cancel(id(0, number), &mut report).unwrap();
    }
    for number in 5..8 {
        book.submit(limit(number, Side::Buy, 1, 10), &mut report)
            .unwrap();
    }
    report.clear();
    let all = NewOrder {
        terms: Terms::Market,
        ..limit(9, Side::Sell, 100, 1)
    };
    let outcome = book.submit(all, &mut report).unwrap();
    let met = Vec::from_iter(report.fills.iter().map(|f| f.maker.number));
    assert_eq!(met, [1, 3, 5, 6, 7]);
    assert_eq!(outcome.cancelled, Lots(100 - 2 - 4 - 3));
    assert!(book.is_empty());
}

#[test]
fn neither_prices_nor_levels_grow_out_of_range() {
    let (mut book, mut report) = (Matching::new(), Report::default());
    let most = Matching::MOST;
    book.submit(limit(1, Side::Buy, most - 1, 10), &mut report)
        .unwrap();
    book.submit(limit(2, Side::Buy, 1, 10), &mut report)
        .unwrap();
    for order in [
        limit(3, Side::Buy, 1, 10),
        limit(3, Side::Sell, 1, most + 1),
        limit(3, Side::Sell, most + 1, 11),
        limit(3, Side::Sell, i64::MAX, i64::MAX),
    ] {
        assert_eq!(book.submit(order, &mut report), Err(Refused::OutOfRange));
    }
    assert_eq!(book.lots_at(Side::Buy, Ticks(10)), Lots(most));
}
