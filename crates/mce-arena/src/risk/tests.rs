use super::*;
use crate::testing::{ID, at, book, levels, spec};
use mce_market::{Level, TimeInForce};
use proptest::prelude::*;
use std::time::Duration;

const AGENT: AgentId = AgentId(7);

/// Limits in which one lot too much shows: a mid of 100, an order of 10 000 and a position of 50 000 at most.
fn limits() -> RiskLimits {
    RiskLimits {
        account_drawdown_max: 0.1,
        agent_drawdown_max: 0.2,
        position_notional_max: Money::from_whole(50_000),
        order_notional_max: Money::from_whole(10_000),
        order_notional_min: Money::from_whole(10),
        orders_max: 3,
        orders_interval: Duration::from_secs(10),
        collar: 0.01,
        book_age_max: Duration::from_secs(5),
    }
}

/// 99.99 to 100.01 with much size, and more at 101.00 and 101.01.
fn deep_book() -> OrderBook {
    book(
        &[(9_999, 200_000), (9_900, 900_000), (9_899, 900_000)],
        &[(10_001, 200_000), (10_100, 900_000), (10_101, 900_000)],
    )
}

struct Case {
    gate: RiskGate,
    order: Order,
    position: i64,
    open_buys: i64,
    open_sells: i64,
    book: OrderBook,
    book_age_ns: i64,
    equity: Money,
    /// What the one agent behind the order holds.
    agent_position: i64,
}

fn case() -> Case {
    Case {
        gate: RiskGate::new(limits()).unwrap(),
        order: Order {
            id: OrderId(1),
            instrument: ID,
            side: Side::Buy,
            qty: Qty::from_units(1_000),
            kind: OrderKind::Market,
            reduce_only: false,
            ts: at(100),
        },
        position: 0,
        open_buys: 0,
        open_sells: 0,
        book: deep_book(),
        book_age_ns: 0,
        equity: Money::from_whole(100_000),
        agent_position: 0,
    }
}

impl Case {
    fn run(&mut self) -> Result<Approved<Order>, Refusal> {
        let spec = spec();
        let view = RiskView {
            ts: self.order.ts,
            spec: &spec,
            book: &self.book,
            book_age_ns: self.book_age_ns,
            position: Qty::from_units(self.position),
            open_buys: Qty::from_units(self.open_buys),
            open_sells: Qty::from_units(self.open_sells),
            equity: self.equity,
        };
        let intent = Intent {
            order: self.order,
            parts: vec![Part {
                agent: AGENT,
                qty: Qty::from_units(self.order.qty.units() * self.order.side.sign()),
                position: Qty::from_units(self.agent_position),
            }],
        };
        self.gate
            .check(&intent, &view)
            .map_err(|refused| refused.why)
    }
}

fn limit(price: i64) -> OrderKind {
    OrderKind::Limit {
        price: Price::from_units(price),
        time_in_force: TimeInForce::ImmediateOrCancel,
    }
}

/// Changes a case that is approved as it stands; `expected` is a part of the refusal, `None` an approval.
fn check(change: impl FnOnce(&mut Case), expected: Option<&str>) {
    let mut case = case();
    change(&mut case);
    match (case.run(), expected) {
        (Ok(approved), None) => assert_eq!(approved.into_inner(), case.order),
        (Err(why), Some(part)) => assert!(why.to_string().contains(part), "{why}"),
        (got, expected) => panic!("got {got:?}, expected {expected:?}"),
    }
}

fn sell(case: &mut Case) {
    case.order.side = Side::Sell;
}

#[test]
fn orders_must_be_well_formed() {
    check(|_| (), None);
    for bad in [0, -10, 1_005] {
        check(
            |c| c.order.qty = Qty::from_units(bad),
            Some("multiple of the lot of 10 units, got"),
        );
    }
    check(|c| c.order.kind = limit(10_050), None);
    check(
        |c| c.order.kind = limit(0),
        Some("limit price must be above 0"),
    );
    let mut twice = case();
    assert!(twice.run().is_ok());
    assert_eq!(
        twice.run(),
        Err(Refusal::OrderIdReused {
            last: OrderId(1),
            got: OrderId(1)
        })
    );
}

#[test]
fn a_tick_of_its_own_is_kept() {
    let spec = Instrument::new(
        "test",
        "X",
        mce_market::InstrumentKind::Spot,
        (mce_market::Scale::new(2).unwrap(), Price::from_units(50)),
        (mce_market::Scale::new(3).unwrap(), Qty::from_units(10)),
    )
    .unwrap();
    let gate = RiskGate::new(limits()).unwrap();
    let mut order = case().order;
    order.kind = limit(10_050);
    assert_eq!(gate.badly_formed(&order, &spec), None);
    order.kind = limit(10_051);
    let refusal = gate.badly_formed(&order, &spec).unwrap().to_string();
    assert!(refusal.contains("multiple of the tick of 50 units, got 10051"));
}

#[test]
fn data_must_be_fresh_and_whole() {
    check(|c| c.book_age_ns = 5_000_000_000, None);
    check(
        |c| c.book_age_ns = 5_000_000_001,
        Some("the book is 5000000001 ns old, at most 5000000000"),
    );
    check(|c| c.book = book(&[(9_999, 10)], &[]), Some("no mid"));
    check(
        |c| c.book = book(&[(9_999, 10)], &[(9_999, 10)]),
        Some("no mid"),
    );
}

#[test]
fn prices_stay_within_the_collar() {
    for (kind, expected) in [
        (limit(10_100), None),
        (limit(10_101), Some("worst price, 10101 units")),
        (limit(9_900), None),
        (limit(9_899), Some("at most 0.01")),
    ] {
        check(|c| c.order.kind = kind, expected);
    }
    // A market order is judged by the last level it would touch.
    let small_top = |asks: &[(i64, i64)]| book(&[(9_999, 10)], asks);
    check(|c| c.book = small_top(&[(10_001, 10), (10_100, 990)]), None);
    check(
        |c| c.book = small_top(&[(10_001, 10), (10_100, 980), (10_101, 10)]),
        Some("away from it"),
    );
    check(
        |c| c.book = small_top(&[(10_001, 990)]),
        Some("shows 990 units where the order wants 1000 units"),
    );
}

#[test]
fn sizes_stay_within_their_limits() {
    // 100 of it at a worst price of 100.01 are 10 001; at 100.00 they would be 10 000.
    check(
        |c| c.order.qty = Qty::from_units(100_000),
        Some("order is worth 10001, at most 10000"),
    );
    check(|c| c.order.qty = Qty::from_units(99_990), None);
    check(
        |c| (c.order.qty, c.order.kind) = (Qty::from_units(100_000), limit(9_990)),
        None,
    );
    check(
        |c| (c.order.qty, c.order.kind) = (Qty::from_units(100_010), limit(9_990)),
        Some("order is worth 10001"),
    );
    check(
        |c| c.order.qty = Qty::from_units(90),
        Some("at least 10 is required"),
    );
    check(
        |c| {
            sell(c);
            (c.order.qty, c.position) = (Qty::from_units(90), 90);
        },
        None,
    );
    // 500 of it at the mid are 50 000.
    check(|c| c.position = 499_000, None);
    check(
        |c| c.position = 499_010,
        Some("position would be worth 50001, at most 50000"),
    );
    check(
        |c| (c.position, c.open_buys) = (490_000, 9_010),
        Some("position would be worth 50001"),
    );
    check(|c| (c.position, c.open_sells) = (499_000, 10_000), None);
    check(
        |c| {
            sell(c);
            c.position = -499_010;
        },
        Some("position would be worth 50001"),
    );
    // What reduces is not held against the position's limit, however large it has become.
    check(
        |c| {
            sell(c);
            c.position = 900_000;
        },
        None,
    );
    check(
        |c| c.order.qty = Qty::from_units(i64::MAX / 10 * 10),
        Some("shows"),
    );
    check(
        |c| (c.order.qty, c.order.kind) = (Qty::from_units(i64::MAX / 10 * 10), limit(10_000)),
        Some("at most 10000"),
    );
}

#[test]
fn orders_come_no_faster_than_allowed() {
    let mut case = case();
    let mut send = |id, seconds| {
        case.order.id = OrderId(id);
        case.order.ts = at(seconds);
        case.run().map(|_| ())
    };
    for (id, seconds) in [(1, 100), (2, 101), (3, 109)] {
        assert_eq!(send(id, seconds), Ok(()));
    }
    let rate = Refusal::Rate {
        limit: 3,
        interval: Duration::from_secs(10),
    };
    assert_eq!(send(4, 109), Err(rate));
    assert_eq!(send(4, 110), Ok(()), "the first is ten seconds ago");
    assert_eq!(send(5, 110), Err(rate), "refused orders do not count");
    assert_eq!(send(5, 111), Ok(()));
}

#[test]
fn the_kill_switch_stops_everything_until_rearmed() {
    let mut case = case();
    case.gate.kill();
    assert_eq!(case.gate.mode(), TradingMode::Killed);
    assert_eq!(case.run(), Err(Refusal::Killed));
    case.gate.rearm();
    assert!(case.run().is_ok());
}

#[test]
fn reduce_only_lets_out_what_only_reduces() {
    let reduce = |c: &mut Case| c.order.reduce_only = true;
    check(reduce, Some("does not only reduce"));
    for (position, open_sells, expected) in [
        (1_000, 0, None),
        (990, 0, Some("does not only reduce a position of 990 units")),
        (1_500, 500, None),
        (1_500, 510, Some("does not only reduce")),
        (-1_000, 0, Some("does not only reduce")),
    ] {
        check(
            |c| {
                sell(c);
                reduce(c);
                (c.position, c.open_sells) = (position, open_sells);
            },
            expected,
        );
    }
    let mode = |c: &mut Case| c.gate.set_reduce_only(true);
    check(mode, Some("only reduce-only orders"));
    check(
        |c| {
            mode(c);
            sell(c);
            c.position = 5_000;
        },
        Some("only reduce-only orders"), // the flag must be there, so that the venue holds it to it too
    );
    check(
        |c| {
            mode(c);
            sell(c);
            reduce(c);
            c.position = 5_000;
        },
        None,
    );
}

#[test]
fn the_accounts_stop_falls_and_stays() {
    let mut case = case();
    case.gate.mark_account(Money::from_whole(200_000));
    case.equity = Money::from_whole(180_000);
    assert!(case.run().is_ok(), "exactly a tenth is allowed");
    case.equity = Money::from_whole(179_999);
    case.order.id = OrderId(2);
    let why = case.run().unwrap_err();
    assert!(matches!(why, Refusal::AccountDrawdown { limit, .. } if limit == 0.1));
    assert!(why.to_string().contains("lost 0.1000 of its peak"));
    assert_eq!(case.gate.mode(), TradingMode::Stopped);
    case.equity = Money::from_whole(250_000);
    assert!(matches!(case.run(), Err(Refusal::AccountDrawdown { .. })));
    (case.position, case.order.side, case.order.reduce_only) = (1_000, Side::Sell, true);
    assert!(case.run().is_ok(), "closing is allowed");
    case.gate.rearm();
    (case.position, case.order.reduce_only, case.order.id) = (0, false, OrderId(3));
    assert!(case.run().is_ok());
}

#[test]
fn an_agents_stop_binds_its_own_part() {
    let mut case = case();
    case.gate.mark_agent(AGENT, Money::from_whole(1000));
    case.gate.mark_agent(AGENT, Money::from_whole(800));
    assert!(!case.gate.agent_stopped(AGENT));
    case.gate.mark_agent(AGENT, Money::from_whole(799));
    assert!(case.gate.agent_stopped(AGENT));
    assert_eq!(case.gate.mode(), TradingMode::Normal);
    let why = case.run().unwrap_err();
    assert!(matches!(
        why,
        Refusal::AgentDrawdown {
            agent: AGENT,
            limit: 0.2,
            ..
        }
    ));
    // Buying back a short of its own is closing, whatever it does to the account.
    for (held, allowed) in [(-990, false), (-1_000, true), (1_000, false)] {
        case.agent_position = held;
        assert_eq!(case.run().is_ok(), allowed, "{held}");
    }
}

#[test]
fn an_account_without_anything_to_lose_is_stopped() {
    let mut case = case();
    case.equity = Money::ZERO;
    assert!(matches!(case.run(), Err(Refusal::AccountDrawdown { .. })));
}

#[test]
fn every_bad_limit_is_named() {
    let bad = RiskLimits {
        account_drawdown_max: 0.0,
        agent_drawdown_max: 1.5,
        position_notional_max: Money::ZERO,
        order_notional_max: Money::from_whole(-1),
        order_notional_min: Money::from_whole(5),
        orders_max: 0,
        orders_interval: Duration::ZERO,
        collar: f64::NAN,
        book_age_max: Duration::ZERO,
    };
    let text = RiskGate::new(bad).unwrap_err().to_string();
    for key in [
        "account_drawdown_max",
        "agent_drawdown_max",
        "position_notional_max",
        "order_notional_max",
        "order_notional_min",
        "orders_max",
        "orders_interval",
        "collar",
    ] {
        assert!(text.contains(&format!("{key}: expected")), "{key}\n{text}");
    }
}

#[derive(Clone, Debug)]
struct Step {
    advance_ns: i64,
    buy: bool,
    qty: i64,
    price: Option<i64>,
    reduce_only: bool,
    id_step: u64,
    age_ns: i64,
    equity: i64,
    agent_equity: i64,
    asks: Vec<(i64, i64)>,
    bids: Vec<(i64, i64)>,
    switch: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly books and orders that could pass, so that every limit is met from both sides.
    let side = |near: std::ops::Range<i64>| prop::collection::vec((near, 0i64..200_000), 1..5);
    let price = prop_oneof![
        6 => Just(None),
        5 => (9_880i64..10_120).prop_map(Some),
        1 => (9_700i64..10_300).prop_map(Some),
    ];
    let qty = prop_oneof![
        10 => 1i64..4_000,
        4 => 1i64..12_000,
        1 => -2i64..30_000,
    ];
    let step = (
        (
            0i64..6_000_000_000,
            any::<bool>(),
            qty,
            price,
            any::<bool>(),
            0u64..9,
        ),
        (0i64..5_400_000_000, 96i64..110, 85i64..110),
        (side(9_995..10_120), side(9_880..10_005), 0u8..60),
    );
    let step = step.prop_map(|(order, data, (asks, bids, switch))| Step {
        advance_ns: order.0,
        buy: order.1,
        qty: order.2 * 10 + i64::from(order.2 % 17 == 0),
        price: order.3,
        reduce_only: order.4,
        id_step: order.5,
        age_ns: data.0,
        equity: data.1,
        agent_equity: data.2,
        asks,
        bids,
        switch,
    });
    prop::collection::vec(step, 1..80)
}

#[test]
fn what_is_approved_satisfies_every_limit() {
    let seen = std::cell::RefCell::new([0u32; 4]);
    proptest::test_runner::TestRunner::default()
        .run(&steps(), |steps| {
            hold_to_the_limits(steps, &mut seen.borrow_mut())
        })
        .unwrap();
    // Market and limit orders, those that close and those that do not: the property was about something.
    assert!(
        seen.borrow().iter().all(|n| *n > 100),
        "{:?}",
        seen.borrow()
    );
}

/// Runs a sequence of orders and switches through a gate, and holds every approval to the limits by a reckoning of its own.
fn hold_to_the_limits(steps: Vec<Step>, seen: &mut [u32; 4]) -> Result<(), TestCaseError> {
    let (limits, spec) = (limits(), spec());
    let mut gate = RiskGate::new(limits.clone()).unwrap();
    let (mut now, mut id, mut position, mut agent_position) = (0i64, 1u64, 0i64, 0i64);
    let (mut peak, mut agent_peak) = (0i64, 0i64);
    let (mut killed, mut reduce_only, mut stopped, mut agent_stopped) =
        (false, false, false, false);
    let mut approved_at: Vec<i64> = Vec::new();
    let mut last_id = 0;
    for step in steps {
        now += step.advance_ns;
        id += step.id_step;
        match step.switch {
            0 => {
                gate.kill();
                killed = true;
            }
            1 => {
                gate.set_reduce_only(true);
                reduce_only = true;
            }
            2 => {
                gate.set_reduce_only(false);
                reduce_only = false;
            }
            3..9 => {
                gate.rearm();
                (killed, stopped, agent_stopped, peak, agent_peak) = (false, false, false, 0, 0);
            }
            _ => {}
        }
        peak = peak.max(step.equity);
        stopped |= (peak - step.equity) as f64 / peak as f64 > limits.account_drawdown_max;
        agent_peak = agent_peak.max(step.agent_equity);
        agent_stopped |=
            (agent_peak - step.agent_equity) as f64 / agent_peak as f64 > limits.agent_drawdown_max;
        gate.mark_agent(AGENT, Money::from_whole(step.agent_equity));
        let book = book(&step.bids, &step.asks);
        let side = if step.buy { Side::Buy } else { Side::Sell };
        let order = Order {
            id: OrderId(id),
            instrument: ID,
            side,
            qty: Qty::from_units(step.qty),
            kind: step.price.map_or(OrderKind::Market, limit),
            reduce_only: step.reduce_only,
            ts: UnixNanos(now),
        };
        let view = RiskView {
            ts: UnixNanos(now),
            spec: &spec,
            book: &book,
            book_age_ns: step.age_ns,
            position: Qty::from_units(position),
            open_buys: Qty::ZERO,
            open_sells: Qty::ZERO,
            equity: Money::from_whole(step.equity),
        };
        let signed = step.qty * side.sign();
        let part = Part {
            agent: AGENT,
            qty: Qty::from_units(signed),
            position: Qty::from_units(agent_position),
        };
        let room = gate.room(side, &view);
        let intent = Intent {
            order,
            parts: vec![part],
        };
        let Ok(approved) = gate.check(&intent, &view) else {
            continue;
        };
        prop_assert_eq!(
            approved.get(),
            &order,
            "an order goes out as it was or not at all"
        );

        let order = approved.into_inner();
        let after = position + signed;
        let closes = position.signum() * signed < 0 && after.signum() * position.signum() >= 0;
        let agent_closes =
            agent_position.signum() * signed < 0 && signed.abs() <= agent_position.abs();
        prop_assert!(!killed);
        prop_assert!(order.qty.units() > 0 && order.qty.units() % 10 == 0);
        prop_assert!(id > last_id);
        prop_assert!(step.age_ns <= 5_000_000_000);
        let (bid, ask) = (
            book.best_bid().unwrap().price.units(),
            book.best_ask().unwrap().price.units(),
        );
        prop_assert!(bid < ask);
        let mid = (bid + ask) as f64 / 200.0;
        let worst = match order.kind {
            OrderKind::Limit { price, .. } => price.units(),
            OrderKind::Market => {
                let mut left = order.qty.units();
                let mut levels = book.levels(side.opposite());
                loop {
                    let level: Level = levels
                        .next()
                        .expect("the book shows the size of an approved market order");
                    left -= level.qty.units();
                    if left <= 0 {
                        break level.price.units();
                    }
                }
            }
        };
        let worst = worst as f64 / 100.0;
        prop_assert!((worst - mid).abs() / mid <= 0.01 + 1e-12);
        let notional = order.qty.units() as f64 / 1000.0 * worst.max(mid);
        prop_assert!(notional <= 10_000.0 + 1e-9);
        prop_assert!(closes || notional >= 10.0 - 1e-9);
        prop_assert!(closes || after.abs() as f64 / 1000.0 * mid <= 50_000.0 + 1e-9);
        prop_assert!(!order.reduce_only || closes);
        prop_assert!(!(reduce_only || stopped) || (order.reduce_only && closes));
        prop_assert!(!agent_stopped || agent_closes);
        approved_at.push(now);
        let recent = approved_at
            .iter()
            .filter(|then| now - **then < 10_000_000_000)
            .count();
        prop_assert!(recent <= 3);
        // What there is room for is within the same limits; only a limit order may be larger, at its better price.
        prop_assert!(room % 10 == 0);
        if order.kind == OrderKind::Market && !closes {
            let slack = 10_000.0 / (mid * 1.01) * 1000.0;
            prop_assert!(order.qty.units() <= room || order.qty.units() as f64 > slack - 10.0);
        }
        (position, agent_position, last_id) = (after, agent_position + signed, id);
        seen[usize::from(order.kind == OrderKind::Market) * 2 + usize::from(closes)] += 1;
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_market_order_of_the_room_there_is_passes_its_limits(
        asks in prop::collection::vec((10_001i64..10_200, 1i64..300_000), 1..6),
        position in -600_000i64..600_000,
        buy: bool,
    ) {
        let bids: Vec<(i64, i64)> = asks.iter().map(|(price, qty)| (20_000 - price, *qty)).collect();
        let mut case = case();
        case.book = OrderBook::new();
        case.book.apply_levels(&levels(&bids), &levels(&asks)).unwrap();
        case.position = position / 10 * 10;
        case.order.side = if buy { Side::Buy } else { Side::Sell };
        let spec = spec();
        let view = RiskView {
            ts: at(100), spec: &spec, book: &case.book, book_age_ns: 0, position: Qty::from_units(case.position),
            open_buys: Qty::ZERO, open_sells: Qty::ZERO, equity: case.equity,
        };
        let room = case.gate.room(case.order.side, &view);
        case.order.qty = Qty::from_units(room);
        if room >= 1000 {
            prop_assert_eq!(case.run().map(|_| ()), Ok(()));
        }
    }
}
