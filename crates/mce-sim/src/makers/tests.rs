use super::*;
use crate::market::MarketConfig;
use crate::matching::{Matching, NewOrder, Report};

/// A maker alone with a book that others hold at 9,990 and 10,010.
struct Room {
    book: Matching,
    maker: Maker,
    now: UnixNanos,
    position: i64,
    net_bought: i64,
}

impl Room {
    fn new() -> Self {
        let config = MarketConfig::new(1, UnixNanos(0)).makers[0];
        let (mut book, mut report) = (Matching::new(), Report::default());
        for (number, side, price) in [(1, Side::Buy, 9_990), (2, Side::Sell, 10_010)] {
            let order = NewOrder {
                id: OrderId {
                    owner: Owner(0),
                    number,
                },
                side,
                lots: Lots(100_000),
                terms: Terms::Limit(Ticks(price)),
            };
            book.submit(order, &mut report).unwrap();
        }
        let view = View {
            now: UnixNanos(0),
            book: &book,
            bid: Ticks(9_990),
            ask: Ticks(10_010),
            position: Lots(0),
            net_bought: 0,
        };
        let maker = Maker::new(config, Owner(1), &view);
        Room {
            book,
            maker,
            now: UnixNanos(0),
            position: 0,
            net_bought: 0,
        }
    }

    /// Lets the maker look a second later and does what it wants; its orders that were new.
    fn look(&mut self) -> Vec<NewOrder> {
        self.now.0 += UnixNanos::PER_SECOND;
        let mut actions = Vec::new();
        let view = View {
            now: self.now,
            book: &self.book,
            bid: self.book.best(Side::Buy).unwrap().0,
            ask: self.book.best(Side::Sell).unwrap().0,
            position: Lots(self.position),
            net_bought: self.net_bought,
        };
        self.maker.act(&view, &mut actions);
        let (mut report, mut submitted) = (Report::default(), Vec::new());
        for action in actions {
            match action {
                Action::Submit(order) => {
                    self.book.submit(order, &mut report).unwrap();
                    submitted.push(order);
                }
                Action::Cancel(id) => drop(self.book.cancel(id, &mut report).unwrap()),
            }
        }
        for fill in &report.fills {
            assert_eq!(fill.taker.owner, Owner(1), "only a flush takes");
            self.position += fill.aggressor.sign() * fill.lots.0;
        }
        submitted
    }

    /// Its best bid and ask.
    fn quotes(&self) -> Option<(i64, i64)> {
        let best = |side| self.book.best(side).unwrap().0.0;
        let (bid, ask) = (best(Side::Buy), best(Side::Sell));
        (bid != 9_990 && ask != 10_010).then_some((bid, ask))
    }
}

#[test]
fn without_inventory_quotes_stand_evenly_about_the_price() {
    let mut room = Room::new();
    let placed = room.look();
    assert_eq!(placed.len(), 6);
    assert!(
        placed
            .iter()
            .all(|order| matches!(order.terms, Terms::PostOnly(_)))
    );
    // γσ²τ/2 + ln(1 + γ/k)/γ = 0.05 + 2.47 with the least variance.
    assert_eq!(room.quotes(), Some((9_997, 10_003)));
    assert_eq!(room.look(), [], "what stands at its price stays");
}

#[test]
fn inventory_leans_both_quotes_against_itself() {
    let mut room = Room::new();
    room.look();
    room.position = 5_600; // seven quotes: 0.7 ticks at γσ²τ = 0.1
    room.look();
    assert!(
        (room.maker.skew() + 0.7).abs() < 1e-9,
        "{}",
        room.maker.skew()
    );
    assert_eq!(room.quotes(), Some((9_996, 10_002)));
    room.position = -5_600;
    room.look();
    assert_eq!(room.quotes(), Some((9_998, 10_004)));
}

#[test]
fn a_trade_is_news() {
    let mut room = Room::new();
    room.look();
    room.net_bought = 20_000; // 2.4 ticks at 0.00012 a lot, of which 84 % are left after a second of 4 s half-life
    room.look();
    assert_eq!(room.quotes(), Some((9_999, 10_005)));
}

#[test]
fn past_its_limit_a_maker_flushes_in_chunks_and_stays_away() {
    let mut room = Room::new();
    room.look();
    room.position = 6_001;
    let mut chunks = Vec::new();
    while room.maker.state() != MakerState::Away {
        let before = room.position;
        let orders = room.look();
        assert_eq!(room.quotes(), None, "its quotes are pulled");
        for order in orders {
            assert_eq!((order.side, order.terms), (Side::Sell, Terms::Market));
            chunks.push(before - room.position);
        }
        assert!(chunks.len() < 100, "it comes to an end");
    }
    assert_eq!(chunks, [800; 7], "down to a fifth of the limit of 6,000");
    assert_eq!(room.position, 401);
    room.look();
    assert_eq!(room.maker.state(), MakerState::Quoting);
    assert!(room.quotes().is_some());
}

#[test]
fn a_short_maker_buys_back() {
    let mut room = Room::new();
    room.position = -6_001;
    let orders = room.look();
    assert_eq!(orders.len(), 1);
    assert_eq!((orders[0].side, orders[0].lots), (Side::Buy, Lots(800)));
}
