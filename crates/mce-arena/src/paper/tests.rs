use super::*;
use crate::risk::{Intent, RiskGate, RiskLimits, RiskView};
use crate::testing::{ID, SECOND, book, levels, spec};
use mce_market::{
    BookDelta, BookSnapshot, Fill, Gap, GapReason, Liquidity, Money, OrderId, OrderKind, Price,
    Side, TimeInForce, Trade,
};
use proptest::prelude::*;

const MS: i64 = 1_000_000;

/// A paper exchange with its book, driven by events at milliseconds after a start.
struct Venue {
    exchange: PaperExchange,
    book: OrderBook,
    gate: RiskGate,
    n: u64,
}

/// Approvals are the risk gate's alone, so tests go through one that lets everything out.
fn open_gate() -> RiskGate {
    RiskGate::new(RiskLimits {
        position_notional_max: Money::from_whole(1_000_000_000),
        order_notional_max: Money::from_whole(1_000_000_000),
        orders_max: u32::MAX,
        collar: 0.5,
        ..RiskLimits::default()
    })
    .unwrap()
}

impl Venue {
    /// A latency of 100 ms, 1 bp for makers and 5 bp for takers, and a first snapshot at 0 ms.
    fn new(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Self {
        let config = PaperConfig {
            latency: Duration::from_millis(100),
            maker: FeeRate::from_bps(1.0).unwrap(),
            taker: FeeRate::from_bps(5.0).unwrap(),
            orders_max: 4,
        };
        let mut venue = Venue {
            exchange: PaperExchange::new(config).unwrap(),
            book: OrderBook::new(),
            gate: open_gate(),
            n: 0,
        };
        venue.exchange.list(ID, &Arc::new(spec())).unwrap();
        venue.snapshot(0, bids, asks);
        venue
    }

    fn event(&mut self, ms: i64, body: EventBody) {
        let ts = UnixNanos(1000 * SECOND + ms * MS);
        self.n += 1;
        let event = MarketEvent {
            n: self.n,
            instrument: ID,
            ts_exchange: Some(ts),
            ts_recv: ts,
            body,
        };
        self.exchange.advance(ID, ts, &self.book).unwrap();
        match &event.body {
            EventBody::Snapshot(snapshot) => self.book.apply_snapshot(snapshot).unwrap(),
            EventBody::Delta(delta) => self.book.apply_delta(delta).unwrap(),
            _ => {}
        }
        self.exchange.observe(&event, &self.book).unwrap();
    }

    fn snapshot(&mut self, ms: i64, bids: &[(i64, i64)], asks: &[(i64, i64)]) {
        let body = BookSnapshot {
            bids: levels(bids),
            asks: levels(asks),
            update_id: None,
        };
        self.event(ms, EventBody::Snapshot(body));
    }

    fn delta(&mut self, ms: i64, bids: &[(i64, i64)], asks: &[(i64, i64)]) {
        let body = BookDelta {
            bids: levels(bids),
            asks: levels(asks),
            ..BookDelta::default()
        };
        self.event(ms, EventBody::Delta(body));
    }

    fn trade(&mut self, ms: i64, aggressor: Side, price: i64, qty: i64) {
        let body = Trade {
            id: self.n,
            price: Price::from_units(price),
            qty: Qty::from_units(qty),
            aggressor,
        };
        self.event(ms, EventBody::Trade(body));
    }

    fn clock(&mut self, ms: i64) {
        self.event(ms, EventBody::Clock);
    }

    fn order(
        &mut self,
        id: u64,
        ms: i64,
        side: Side,
        qty: i64,
        kind: OrderKind,
        reduce_only: bool,
    ) -> Order {
        Order {
            id: OrderId(id),
            instrument: ID,
            side,
            qty: Qty::from_units(qty),
            kind,
            reduce_only,
            ts: UnixNanos(1000 * SECOND + ms * MS),
        }
    }

    fn submit(&mut self, order: Order) -> Result<(), Full> {
        let wide = book(&[(9_999, i64::MAX / 4)], &[(10_001, i64::MAX / 4)]);
        let position = if order.reduce_only {
            -order.side.sign() * i64::MAX / 4
        } else {
            0
        };
        let view = RiskView {
            ts: order.ts,
            spec: &spec(),
            book: &wide,
            book_age_ns: 0,
            position: Qty::from_units(position),
            open_buys: Qty::ZERO,
            open_sells: Qty::ZERO,
            equity: Money::from_whole(1),
        };
        let intent = Intent {
            order,
            parts: Vec::new(),
        };
        let approved = self.gate.check(&intent, &view).unwrap();
        self.exchange.submit(approved)
    }

    fn send(&mut self, id: u64, ms: i64, side: Side, qty: i64, kind: OrderKind) {
        let order = self.order(id, ms, side, qty, kind, false);
        self.submit(order).unwrap();
    }

    fn send_reducing(&mut self, id: u64, ms: i64, side: Side, qty: i64, kind: OrderKind) {
        let order = self.order(id, ms, side, qty, kind, true);
        self.submit(order).unwrap();
    }

    fn cancel(&mut self, id: u64, ms: i64) {
        self.exchange.cancel(Cancel {
            order: OrderId(id),
            instrument: ID,
            ts: UnixNanos(1000 * SECOND + ms * MS),
        });
    }

    /// Everything reported since the last look: `<ms> #<order> …`.
    #[track_caller]
    fn check(&mut self, expected: &[&str]) {
        let mut reports = Vec::new();
        self.exchange.drain(&mut reports);
        let got: Vec<String> = reports.iter().map(text).collect();
        assert_eq!(got, expected);
    }
}

fn text(report: &Report) -> String {
    let ms = |ts: UnixNanos| (ts.0 - 1000 * SECOND) / MS;
    match report {
        Report::Resting { order, ts } => format!("{} #{} rests", ms(*ts), order.0),
        Report::Fill(fill) => format!(
            "{} #{} {} {}@{} {}",
            ms(fill.ts),
            fill.order.0,
            fill.side,
            fill.qty.units(),
            fill.price.units(),
            match fill.liquidity {
                Liquidity::Maker => "maker",
                Liquidity::Taker => "taker",
            }
        ),
        Report::Done(done) => format!(
            "{} #{} {} with {}",
            ms(done.ts),
            done.order.0,
            done.reason,
            done.filled.units()
        ),
        Report::CancelRejected { order, ts } => format!("{} #{} not there", ms(*ts), order.0),
    }
}

const MARKET: OrderKind = OrderKind::Market;

fn limit(price: i64, time_in_force: TimeInForce) -> OrderKind {
    OrderKind::Limit {
        price: Price::from_units(price),
        time_in_force,
    }
}

fn gtc(price: i64) -> OrderKind {
    limit(price, TimeInForce::GoodTillCancel)
}

fn ioc(price: i64) -> OrderKind {
    limit(price, TimeInForce::ImmediateOrCancel)
}

use Side::{Buy, Sell};

#[test]
fn an_order_meets_the_book_of_its_arrival_and_no_other() {
    let mut venue = Venue::new(&[(9_999, 100)], &[(10_001, 100)]);
    venue.send(1, 0, Buy, 10, MARKET);
    venue.delta(50, &[], &[(10_001, 0), (10_002, 100)]);
    venue.check(&[]);
    // At the very time of the arrival: the order meets what this event leaves.
    venue.delta(100, &[], &[(10_002, 0), (10_003, 100)]);
    venue.check(&[]);
    venue.delta(101, &[], &[(10_003, 0), (10_009, 100)]);
    venue.check(&["100 #1 buy 10@10003 taker", "100 #1 filled with 10"]);
    // Long after: still the book of its arrival, since nothing happened before.
    venue.send(2, 200, Sell, 10, MARKET);
    venue.delta(5_000, &[(9_999, 0), (9_000, 10)], &[]);
    venue.check(&["300 #2 sell 10@9999 taker", "300 #2 filled with 10"]);
}

#[test]
fn orders_arrive_in_the_order_of_sending() {
    let mut venue = Venue::new(&[(9_999, 100)], &[(10_001, 10), (10_002, 10)]);
    venue.send(1, 10, Buy, 10, MARKET);
    venue.send(2, 0, Buy, 10, MARKET);
    venue.send(3, 10, Sell, 10, MARKET);
    assert_eq!(
        venue.exchange.next_due(),
        Some((UnixNanos(1000 * SECOND + 100 * MS), ID))
    );
    venue.clock(200);
    venue.check(&[
        "100 #2 buy 10@10001 taker",
        "100 #2 filled with 10",
        "110 #1 buy 10@10002 taker",
        "110 #1 filled with 10",
        "110 #3 sell 10@9999 taker",
        "110 #3 filled with 10",
    ]);
    assert_eq!(venue.exchange.next_due(), None);
}

#[test]
fn takers_walk_the_levels() {
    let asks = [(10_001, 10), (10_003, 20), (10_007, 30)];
    for (kind, qty, expected) in [
        (MARKET, 20, vec!["10@10001", "10@10003", "filled with 20"]),
        (
            MARKET,
            90,
            vec!["10@10001", "20@10003", "30@10007", "expired with 60"],
        ),
        (
            ioc(10_003),
            50,
            vec!["10@10001", "20@10003", "expired with 30"],
        ),
        (ioc(10_000), 50, vec!["expired with 0"]),
        (
            limit(10_003, TimeInForce::FillOrKill),
            30,
            vec!["10@10001", "20@10003", "filled with 30"],
        ),
        (
            limit(10_003, TimeInForce::FillOrKill),
            40,
            vec!["expired with 0"],
        ),
        (limit(10_000, TimeInForce::PostOnly), 10, vec!["rests"]),
        (
            limit(10_001, TimeInForce::PostOnly),
            10,
            vec!["rejected: a post-only order would have taken with 0"],
        ),
        (gtc(10_003), 50, vec!["10@10001", "20@10003", "rests"]),
    ] {
        for mirrored in [false, true] {
            // Mirrored about 10 000: bids become asks.
            let mirror = |units: i64| if mirrored { 20_000 - units } else { units };
            let ladder: Vec<(i64, i64)> = asks.iter().map(|(p, q)| (mirror(*p), *q)).collect();
            let side = if mirrored { Sell } else { Buy };
            let mut venue = if mirrored {
                Venue::new(&ladder, &[(10_020, 1)])
            } else {
                Venue::new(&[(9_980, 1)], &ladder)
            };
            let kind = match kind {
                OrderKind::Limit {
                    price,
                    time_in_force,
                } => limit(mirror(price.units()), time_in_force),
                OrderKind::Market => MARKET,
            };
            venue.send(1, 0, side, qty, kind);
            venue.clock(101);
            let expected: Vec<String> = expected
                .iter()
                .map(|part| match part.split_once('@') {
                    Some((qty, price)) => {
                        let price = mirror(price.parse().unwrap());
                        format!("100 #1 {side} {qty}@{price} taker")
                    }
                    None => format!("100 #1 {part}"),
                })
                .collect();
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            venue.check(&expected);
        }
    }
}

#[test]
fn the_same_liquidity_is_not_taken_twice() {
    let mut venue = Venue::new(&[(9_999, 100)], &[(10_001, 50), (10_002, 100)]);
    venue.send(1, 0, Buy, 40, MARKET);
    venue.send(2, 1, Buy, 40, MARKET);
    venue.clock(200);
    venue.check(&[
        "100 #1 buy 40@10001 taker",
        "100 #1 filled with 40",
        "101 #2 buy 10@10001 taker",
        "101 #2 buy 30@10002 taker",
        "101 #2 filled with 40",
    ]);
    // The level grows by 20: only those are new. Then it shrinks below what we had: nothing is left.
    venue.delta(210, &[], &[(10_001, 70)]);
    venue.send(3, 210, Buy, 50, ioc(10_001));
    venue.delta(400, &[], &[(10_001, 60)]);
    venue.send(4, 410, Buy, 50, ioc(10_001));
    venue.clock(600);
    venue.check(&[
        "310 #3 buy 20@10001 taker",
        "310 #3 expired with 20",
        "510 #4 expired with 0",
    ]);
    // Once it was gone, what comes is new.
    venue.delta(610, &[], &[(10_001, 0)]);
    venue.delta(620, &[], &[(10_001, 30)]);
    venue.send(5, 620, Buy, 50, ioc(10_001));
    venue.clock(800);
    venue.check(&["720 #5 buy 30@10001 taker", "720 #5 expired with 30"]);
}

#[test]
fn fees_are_those_of_taker_and_maker() {
    let mut venue = Venue::new(&[(9_999, 100)], &[(10_001, 1_000)]);
    venue.send(1, 0, Buy, 1_000, MARKET);
    venue.send(2, 0, Buy, 1_000, gtc(10_000));
    venue.clock(101);
    venue.trade(150, Sell, 10_000, 1_000);
    let mut reports = Vec::new();
    venue.exchange.drain(&mut reports);
    let fills: Vec<&Fill> = reports
        .iter()
        .filter_map(|r| match r {
            Report::Fill(fill) => Some(fill),
            _ => None,
        })
        .collect();
    assert_eq!(fills.len(), 2);
    assert_eq!(fills[0].fee.to_string(), "0.050005"); // 100.01 at 5 bp
    assert_eq!(fills[1].fee.to_string(), "0.01"); // 100.00 at 1 bp
}

#[test]
fn a_resting_order_waits_for_the_queue_ahead() {
    let mut venue = Venue::new(&[(9_999, 30), (9_998, 50)], &[(10_001, 100)]);
    venue.send(1, 0, Buy, 20, gtc(9_999));
    venue.clock(101);
    venue.check(&["100 #1 rests"]);
    venue.trade(110, Sell, 9_999, 10); // 20 ahead
    venue.trade(111, Buy, 9_999, 99); // the wrong way
    venue.trade(112, Sell, 10_000, 99); // above us
    venue.check(&[]);
    venue.trade(120, Sell, 9_999, 25); // 20 of the queue, 5 of us
    venue.check(&["120 #1 buy 5@9999 maker"]);
    venue.trade(130, Sell, 9_999, 99);
    venue.check(&["130 #1 buy 15@9999 maker", "130 #1 filled with 20"]);
}

#[test]
fn the_queue_ahead_is_never_longer_than_the_level() {
    let mut venue = Venue::new(&[(9_999, 30), (9_998, 50)], &[(10_001, 100)]);
    venue.send(1, 0, Buy, 20, gtc(9_999));
    venue.clock(101);
    // Cancelled from 30 to 12: they were behind us as far as that is possible. More that joins is behind us.
    venue.delta(110, &[(9_999, 12)], &[]);
    venue.delta(120, &[(9_999, 40)], &[]);
    venue.trade(130, Sell, 9_999, 12);
    venue.check(&["100 #1 rests"]);
    venue.trade(140, Sell, 9_999, 1);
    venue.check(&["140 #1 buy 1@9999 maker"]);
}

#[test]
fn a_trade_through_the_price_fills_up_to_its_size() {
    let mut venue = Venue::new(&[(9_999, 30), (9_990, 50)], &[(10_001, 100)]);
    venue.send(1, 0, Buy, 20, gtc(9_999));
    venue.send(2, 0, Buy, 20, gtc(9_995));
    venue.clock(101);
    venue.check(&["100 #1 rests", "100 #2 rests"]);
    // One trade of 25: the better price first, and not more in all than was traded.
    venue.trade(110, Sell, 9_990, 25);
    venue.check(&[
        "110 #1 buy 20@9999 maker",
        "110 #1 filled with 20",
        "110 #2 buy 5@9995 maker",
    ]);
}

#[test]
fn own_orders_at_a_price_keep_their_order() {
    let mut venue = Venue::new(&[(9_999, 5), (9_998, 50)], &[(10_001, 100)]);
    venue.send(1, 0, Buy, 20, gtc(9_999));
    venue.clock(101);
    venue.delta(110, &[(9_999, 8)], &[]); // three more join behind the first
    venue.send(2, 110, Buy, 20, gtc(9_999));
    venue.clock(211);
    venue.check(&["100 #1 rests", "210 #2 rests"]);
    // 5 of the queue, 20 of #1, the 3 between, and 2 of #2.
    venue.trade(220, Sell, 9_999, 30);
    venue.check(&[
        "220 #1 buy 20@9999 maker",
        "220 #1 filled with 20",
        "220 #2 buy 2@9999 maker",
    ]);
}

#[test]
fn a_quote_at_or_through_the_price_meets_the_order() {
    let mut venue = Venue::new(&[(9_999, 30)], &[(10_001, 100)]);
    venue.send(1, 0, Buy, 50, gtc(9_999));
    venue.clock(101);
    venue.check(&["100 #1 rests"]);
    // The bids are gone and a seller quotes at our price: he would have met us first.
    venue.delta(110, &[(9_999, 0), (9_990, 5)], &[(9_999, 20)]);
    venue.check(&["110 #1 buy 20@9999 maker"]);
    // The same quote is not met twice; one through our price is, at our price.
    venue.delta(120, &[(9_990, 6)], &[]);
    venue.delta(130, &[], &[(9_998, 99)]);
    venue.check(&["130 #1 buy 30@9999 maker", "130 #1 filled with 50"]);
    // What it met cannot be taken either: 99 less 30 at 9998, nothing at 9999.
    venue.send(2, 130, Buy, 100, ioc(9_999));
    venue.clock(300);
    venue.check(&["230 #2 buy 69@9998 taker", "230 #2 expired with 69"]);
}

#[test]
fn what_is_left_of_a_taker_rests_without_meeting_what_it_took() {
    let mut venue = Venue::new(&[(9_999, 30)], &[(10_001, 20), (10_005, 100)]);
    venue.send(1, 0, Buy, 50, gtc(10_001));
    venue.clock(101);
    venue.delta(110, &[(9_999, 31)], &[]);
    venue.check(&["100 #1 buy 20@10001 taker", "100 #1 rests"]);
    // Ten more are quoted there: they meet us.
    venue.delta(120, &[], &[(10_001, 30)]);
    venue.check(&["120 #1 buy 10@10001 maker"]);
}

#[test]
fn a_price_beyond_the_visible_levels_has_an_unknown_queue() {
    let mut venue = Venue::new(&[(9_999, 30)], &[(10_001, 100)]);
    venue.send(1, 0, Buy, 20, gtc(9_990));
    venue.clock(101);
    venue.trade(110, Sell, 9_990, 500);
    venue.check(&["100 #1 rests"]);
    // Now the level is seen, with 10 on it; all of them are ahead.
    venue.delta(120, &[(9_990, 10)], &[]);
    venue.trade(130, Sell, 9_990, 11);
    venue.check(&["130 #1 buy 1@9990 maker"]);
}

#[test]
fn cancels_take_as_long_as_orders() {
    let mut venue = Venue::new(&[(9_999, 30)], &[(10_001, 100)]);
    venue.send(1, 0, Sell, 20, gtc(10_001));
    venue.clock(101);
    venue.cancel(1, 110);
    venue.cancel(9, 110);
    venue.trade(200, Buy, 10_001, 105); // before the cancel arrives
    venue.clock(300);
    venue.check(&[
        "100 #1 rests",
        "200 #1 sell 5@10001 maker",
        "210 #1 cancelled with 5",
        "210 #9 not there",
    ]);
    venue.cancel(1, 300);
    venue.clock(500);
    venue.check(&["400 #1 not there"]);
}

#[test]
fn reduce_only_orders_reduce_and_no_more() {
    let mut venue = Venue::new(&[(9_999, 300)], &[(10_001, 300)]);
    venue.send_reducing(1, 0, Sell, 10, MARKET);
    venue.clock(101);
    venue.check(&["100 #1 nothing-to-reduce with 0"]);
    venue.send(2, 101, Buy, 50, MARKET);
    venue.send_reducing(3, 102, Buy, 10, MARKET);
    venue.send_reducing(4, 103, Sell, 80, MARKET);
    venue.clock(300);
    venue.check(&[
        "201 #2 buy 50@10001 taker",
        "201 #2 filled with 50",
        "202 #3 nothing-to-reduce with 0",
        "203 #4 sell 50@9999 taker",
        "203 #4 nothing-to-reduce with 50",
    ]);
    // One that rests shrinks with the position.
    venue.send(5, 300, Buy, 50, MARKET);
    venue.send_reducing(6, 301, Sell, 40, gtc(10_002));
    venue.send(7, 302, Sell, 30, MARKET);
    venue.clock(500);
    venue.check(&[
        "400 #5 buy 50@10001 taker",
        "400 #5 filled with 50",
        "401 #6 rests",
        "402 #7 sell 30@9999 taker",
        "402 #7 filled with 30",
    ]);
    venue.trade(510, Buy, 10_003, 99);
    venue.check(&[
        "510 #6 sell 20@10002 maker",
        "510 #6 nothing-to-reduce with 20",
    ]);
}

#[test]
fn an_unknown_book_makes_orders_wait() {
    let mut venue = Venue::new(&[(9_999, 300)], &[(10_001, 300)]);
    let gap = Gap {
        reason: GapReason::Disconnected,
    };
    venue.send(1, 0, Buy, 10, MARKET);
    venue.event(50, EventBody::Gap(gap));
    venue.clock(200);
    venue.check(&[]);
    venue.snapshot(5_000, &[(9_000, 5)], &[(9_001, 5), (9_003, 20)]);
    venue.check(&[]);
    venue.clock(5_001);
    venue.check(&[
        "5000 #1 buy 5@9001 taker",
        "5000 #1 buy 5@9003 taker",
        "5000 #1 filled with 10",
    ]);
    // A crossed book fills nobody.
    venue.send(2, 5_001, Buy, 10, MARKET);
    venue.delta(5_050, &[(9_005, 5)], &[]);
    venue.delta(5_200, &[(9_005, 0)], &[]);
    venue.check(&[]);
    venue.clock(5_300);
    venue.check(&["5200 #2 buy 10@9003 taker", "5200 #2 filled with 10"]);
}

#[test]
fn a_full_exchange_refuses() {
    let mut venue = Venue::new(&[(9_999, 300)], &[(10_001, 300)]);
    for id in 1..=4 {
        venue.send(id, 0, Buy, 10, gtc(9_000));
    }
    let order = venue.order(5, 0, Buy, 10, MARKET, false);
    let full = venue.submit(order).unwrap_err();
    assert!(
        full.to_string()
            .contains("order 5 was not sent: 4 orders are out")
    );
    assert_eq!(
        text(&full.report()),
        "0 #5 rejected: too many orders are out with 0"
    );
    venue.cancel(1, 0);
    venue.clock(200);
    venue
        .submit(Order {
            id: OrderId(6),
            ..order
        })
        .unwrap();
    assert_eq!(venue.exchange.orders_out(), 4);
}

#[test]
fn only_what_is_listed_is_traded() {
    let mut venue = Venue::new(&[(9_999, 300)], &[(10_001, 300)]);
    let mut order = venue.order(1, 0, Buy, 10, MARKET, false);
    order.instrument = InstrumentId(5);
    venue.submit(order).unwrap();
    venue.exchange.cancel(Cancel {
        order: OrderId(1),
        instrument: InstrumentId(5),
        ts: order.ts,
    });
    venue.check(&[
        "100 #1 rejected: the instrument is not listed with 0",
        "100 #1 not there",
    ]);
    let book = OrderBook::new();
    let refused = venue.exchange.advance(InstrumentId(5), UnixNanos(0), &book);
    assert_eq!(
        refused,
        Err(ArenaError::NotListed {
            instrument: InstrumentId(5)
        })
    );
}

#[test]
fn instruments_change_scale_only_with_nothing_out() {
    let scaled = |price: u8, qty: u8| {
        let scale = |d| mce_market::Scale::new(d).unwrap();
        Arc::new(
            Instrument::new(
                "test",
                "X",
                mce_market::InstrumentKind::Spot,
                (scale(price), Price::from_units(1)),
                (scale(qty), Qty::from_units(1)),
            )
            .unwrap(),
        )
    };
    let mut venue = Venue::new(&[(9_999, 300)], &[(10_001, 300)]);
    let refused = venue.exchange.list(InstrumentId(1), &scaled(10, 9));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("10 and 9 decimals")
    );
    venue.exchange.list(ID, &scaled(3, 3)).unwrap();
    venue.exchange.list(ID, &Arc::new(spec())).unwrap();
    venue.send(1, 0, Buy, 10, gtc(9_000));
    let changed = ArenaError::ScaleChanged { instrument: ID };
    assert_eq!(venue.exchange.list(ID, &scaled(3, 3)), Err(changed.clone()));
    assert_eq!(
        venue.exchange.list(ID, &scaled(2, 3)),
        Ok(()),
        "tick and lot may change"
    );
    venue.cancel(1, 0);
    venue.send(2, 0, Buy, 10, MARKET);
    venue.clock(200);
    assert_eq!(venue.exchange.orders_out(), 0);
    assert_eq!(
        venue.exchange.list(ID, &scaled(3, 3)),
        Err(changed),
        "a position is open"
    );
}

#[test]
fn every_bad_value_is_named() {
    let bad = PaperConfig {
        latency: Duration::from_secs(61),
        orders_max: 0,
        ..PaperConfig::default()
    };
    let text = PaperExchange::new(bad).unwrap_err().to_string();
    assert!(
        text.contains("latency: expected at most 60 s, got 61s"),
        "{text}"
    );
    assert!(
        text.contains("orders_max: expected above 0, got 0"),
        "{text}"
    );
}

#[derive(Clone, Debug)]
enum Move {
    Levels {
        bid: bool,
        price: i64,
        qty: i64,
    },
    Trade {
        buy: bool,
        price: i64,
        qty: i64,
    },
    Send {
        buy: bool,
        qty: i64,
        price: Option<i64>,
        terms: u8,
        reduce_only: bool,
    },
    Cancel {
        back: u64,
    },
}

fn moves() -> impl Strategy<Value = Vec<(i64, Move)>> {
    let one = prop_oneof![
        5 => (any::<bool>(), 0i64..12, prop_oneof![Just(0i64), 1i64..60]).prop_map(|(bid, at, qty)| {
            // Bids up to 10 005 and asks down to 9 995: the book crosses at times.
            let price = if bid { 10_005 - at } else { 9_995 + at };
            Move::Levels { bid, price, qty }
        }),
        3 => (any::<bool>(), 9_990i64..10_010, 1i64..80)
            .prop_map(|(buy, price, qty)| Move::Trade { buy, price, qty }),
        3 => (any::<bool>(), 1i64..12, prop::option::of(9_990i64..10_010), 0u8..4, prop::bool::weighted(0.2))
            .prop_map(|(buy, lots, price, terms, reduce_only)| {
                Move::Send { buy, qty: lots * 10, price, terms, reduce_only }
            }),
        1 => (1u64..4).prop_map(|back| Move::Cancel { back }),
    ];
    prop::collection::vec((0i64..150, one), 1..120)
}

/// What the property knows of an order.
#[derive(Clone, Copy)]
struct Sent {
    order: Order,
    filled: i64,
    done: bool,
}

/// Runs moves and holds every report to the rules by a reckoning of its own; counts taker and maker fills.
fn hold_to_the_rules(moves: Vec<(i64, Move)>, seen: &mut [u32; 2]) -> Result<(), TestCaseError> {
    let mut venue = Venue::new(&[(9_998, 50)], &[(10_002, 50)]);
    venue.exchange.config.orders_max = usize::MAX;
    let mut sent: Vec<Sent> = Vec::new();
    let mut position = 0i64;
    // What was filled against each displayed level since it appeared.
    let mut used: BTreeMap<(bool, i64), i64> = BTreeMap::new();
    let mut now = 0;
    for (wait, what) in moves {
        now += wait;
        let before = venue.book.clone();
        let mut trade = None;
        match what {
            Move::Levels { bid, price, qty } => {
                let level = [(price, qty)];
                if bid {
                    venue.delta(now, &level, &[]);
                } else {
                    venue.delta(now, &[], &level);
                }
            }
            Move::Trade { buy, price, qty } => {
                trade = Some((if buy { Buy } else { Sell }, price, qty));
                venue.trade(now, if buy { Buy } else { Sell }, price, qty);
            }
            Move::Send {
                buy,
                qty,
                price,
                terms,
                reduce_only,
            } => {
                let kind = match (price, terms) {
                    (None, _) => MARKET,
                    (Some(price), 0) => gtc(price),
                    (Some(price), 1) => ioc(price),
                    (Some(price), 2) => limit(price, TimeInForce::FillOrKill),
                    (Some(price), _) => limit(price, TimeInForce::PostOnly),
                };
                let id = sent.len() as u64 + 1;
                let order = venue.order(
                    id,
                    now,
                    if buy { Buy } else { Sell },
                    qty,
                    kind,
                    reduce_only,
                );
                venue.submit(order).unwrap();
                sent.push(Sent {
                    order,
                    filled: 0,
                    done: false,
                });
            }
            Move::Cancel { back } => venue.cancel((sent.len() as u64).saturating_sub(back), now),
        }
        let mut reports = Vec::new();
        venue.exchange.drain(&mut reports);
        let mut printed = 0;
        for report in &reports {
            match report {
                Report::Fill(fill) => {
                    let known = &mut sent[fill.order.0 as usize - 1];
                    let (order, qty, price) = (known.order, fill.qty.units(), fill.price.units());
                    prop_assert!(!known.done && qty > 0);
                    known.filled += qty;
                    prop_assert!(known.filled <= order.qty.units());
                    prop_assert!(fill.ts.since(order.ts) >= 100 * MS, "latency");
                    if order.reduce_only {
                        prop_assert!(
                            position.signum() * order.side.sign() < 0 && qty <= position.abs()
                        );
                    }
                    position += qty * order.side.sign();
                    if let OrderKind::Limit { price: limit, .. } = order.kind {
                        prop_assert!(
                            (limit.units() - price) * order.side.sign() >= 0,
                            "through the limit"
                        );
                    }
                    let against = order.side == Sell;
                    if fill.liquidity == Liquidity::Taker {
                        // Arrivals meet the book before this event.
                        seen[0] += 1;
                        let shown = before.qty_at(order.side.opposite(), fill.price).units();
                        let used = used.entry((against, price)).or_insert(0);
                        *used += qty;
                        prop_assert!(*used <= shown, "more than was displayed");
                        prop_assert!(!before.is_crossed());
                    } else {
                        seen[1] += 1;
                        prop_assert_eq!(
                            order.kind,
                            match order.kind {
                                OrderKind::Limit { time_in_force, .. } =>
                                    limit(price, time_in_force),
                                OrderKind::Market => MARKET,
                            }
                        );
                        match trade {
                            Some((aggressor, traded, volume)) => {
                                prop_assert_eq!(aggressor, order.side.opposite());
                                prop_assert!((price - traded) * order.side.sign() >= 0);
                                printed += qty;
                                prop_assert!(printed <= volume, "more than was traded");
                            }
                            None => {
                                // Met by quotes: they are accounted for in the order of the walk.
                                let mut left = qty;
                                for level in venue.book.levels(order.side.opposite()) {
                                    if (price - level.price.units()) * order.side.sign() < 0 {
                                        break;
                                    }
                                    let used =
                                        used.entry((against, level.price.units())).or_insert(0);
                                    let open = (level.qty.units() - *used).max(0).min(left);
                                    *used += open;
                                    left -= open;
                                }
                                prop_assert_eq!(left, 0, "more than was displayed");
                            }
                        }
                    }
                }
                Report::Done(done) => {
                    let known = &mut sent[done.order.0 as usize - 1];
                    prop_assert!(!known.done, "done twice");
                    known.done = true;
                    prop_assert_eq!(done.filled.units(), known.filled);
                    let full = known.filled == known.order.qty.units();
                    prop_assert_eq!(done.reason == DoneReason::Filled, full);
                }
                Report::Resting { .. } | Report::CancelRejected { .. } => {}
            }
        }
        let book = &venue.book;
        used.retain(|(bid, price), _| {
            let side = if *bid { Buy } else { Sell };
            book.qty_at(side, Price::from_units(*price)) != Qty::ZERO
        });
    }
    // Everything comes to an end once everything is cancelled and the book is whole.
    for order in &sent {
        venue.cancel(order.order.id.0, now);
    }
    venue.snapshot(now + 1_000, &[(9_000, 1)], &[(11_000, 1)]);
    venue.clock(now + 2_000);
    let mut reports = Vec::new();
    venue.exchange.drain(&mut reports);
    for report in reports {
        if let Report::Done(done) = report {
            prop_assert!(!std::mem::replace(
                &mut sent[done.order.0 as usize - 1].done,
                true
            ));
        }
    }
    prop_assert!(sent.iter().all(|order| order.done), "an order never ended");
    prop_assert_eq!(venue.exchange.orders_out(), 0);
    Ok(())
}

#[test]
fn no_fill_exceeds_what_was_displayed_or_traded_or_the_limit() {
    let seen = std::cell::RefCell::new([0u32; 2]);
    proptest::test_runner::TestRunner::default()
        .run(&moves(), |moves| {
            hold_to_the_rules(moves, &mut seen.borrow_mut())
        })
        .unwrap();
    assert!(
        seen.borrow().iter().all(|n| *n > 100),
        "{:?}",
        seen.borrow()
    );
}

proptest! {
    #[test]
    fn the_future_changes_no_past_report(moves in moves(), cut in 0usize..120) {
        let run = |moves: &[(i64, Move)]| {
            let mut venue = Venue::new(&[(9_998, 50)], &[(10_002, 50)]);
            let (mut now, mut id) = (0, 0);
            let mut reports = Vec::new();
            for (wait, what) in moves {
                now += wait;
                match what {
                    Move::Levels { bid: true, price, qty } => venue.delta(now, &[(*price, *qty)], &[]),
                    Move::Levels { bid: false, price, qty } => venue.delta(now, &[], &[(*price, *qty)]),
                    Move::Trade { buy, price, qty } => {
                        venue.trade(now, if *buy { Buy } else { Sell }, *price, *qty);
                    }
                    Move::Send { buy, qty, price, .. } => {
                        id += 1;
                        let order = venue.order(id, now, if *buy { Buy } else { Sell }, *qty, price.map_or(MARKET, gtc), false);
                        if let Err(full) = venue.submit(order) {
                            reports.push(full.report());
                        }
                    }
                    Move::Cancel { back } => venue.cancel(id.saturating_sub(*back), now),
                }
                venue.exchange.drain(&mut reports);
            }
            reports
        };
        let whole = run(&moves);
        let part = run(&moves[..cut.min(moves.len())]);
        prop_assert_eq!(&whole[..part.len()], &part[..]);
    }
}
