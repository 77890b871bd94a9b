use super::*;
use crate::decision::{Action, Reason};
use crate::exchange::{Done, DoneReason};
use crate::risk::{Refusal, RiskLimits};
use crate::rules::{MceRulesConfig, MceUse};
use crate::signals::{
    BookImbalance, BookImbalanceConfig, Member, Reversion, ReversionConfig, ReversionOn, Thresholds,
};
use crate::testing::{ID, at, book, sample, spec};
use mce_market::{InputMode, Liquidity, Quality, UnixNanos};
use std::time::Duration;

const THRESHOLDS: Thresholds = Thresholds {
    threshold: 0.1,
    saturation: 1.0,
};

/// Agent 1 votes as feature 9 says, turned round; agent 2 as features 2 and 3 say.
fn agents(rules: MceRulesConfig) -> Vec<AgentConfig> {
    let reversion = ReversionConfig {
        on: ReversionOn::PriceDisplacement,
        thresholds: THRESHOLDS,
    };
    let imbalance = BookImbalanceConfig {
        weight_best: 0.5,
        half_life: Duration::from_nanos(1), // the last sample alone
        thresholds: THRESHOLDS,
    };
    let members = [
        Member::Reversion(Reversion::new(reversion).unwrap()),
        Member::BookImbalance(BookImbalance::new(imbalance).unwrap()),
    ];
    let agent = |(id, member)| {
        let mut config = AgentConfig::new(AgentId(id), "test", ID, member);
        config.rules = rules;
        config.params.confidence_min = 0.1;
        config.params.stop_sigmas = 1000.0;
        config.params.hold_min = Duration::ZERO;
        config.params.cool_down = Duration::ZERO;
        config
    };
    [1, 2].into_iter().zip(members).map(agent).collect()
}

struct Run {
    arena: ArenaManager,
    seconds: i64,
    out: ArenaOutput,
    mid: i64,
    book_age_ns: i64,
    signal: Option<Signal>,
}

/// Two agents with 10 000 each, market orders, no complexity manager, the MCE rules off.
fn run(change: impl FnOnce(&mut ArenaConfig)) -> Run {
    with_rules(MceRulesConfig::off(), change)
}

fn with_rules(rules: MceRulesConfig, change: impl FnOnce(&mut ArenaConfig)) -> Run {
    let mut config = ArenaConfig {
        initial: Money::from_whole(20_000),
        style: OrderStyle::Market,
        complexity: None,
        limits: RiskLimits::default(),
    };
    change(&mut config);
    let mut run = Run {
        arena: ArenaManager::new(config, agents(rules)).unwrap(),
        seconds: 0,
        out: ArenaOutput::default(),
        mid: 10_000,
        book_age_ns: 0,
        signal: None,
    };
    run.decide(0.0, 0.0); // the imbalance needs two samples
    run
}

impl Run {
    /// One sample with these votes; gives the actions.
    fn decide(&mut self, first: f64, second: f64) -> [Action; 2] {
        let mut sample = sample(at(self.seconds));
        sample.features[8] = -first;
        (sample.features[1], sample.features[2]) = (second, second);
        let book = book(&[(self.mid - 1, 100_000)], &[(self.mid + 1, 100_000)]);
        let spec = spec();
        let view = MarketView {
            ts: UnixNanos(at(self.seconds).0 + 7),
            instrument: ID,
            spec: &spec,
            book: &book,
            book_age_ns: self.book_age_ns,
            sample: &sample,
            bars: &[],
        };
        let reason = AbsentReason::NoModel;
        let absent = Signal::absent(sample.ts, ID, InputMode::Deltas, Quality::Good, reason);
        let signal = self.signal.take().unwrap_or(absent);
        self.out.clear();
        self.arena
            .process_data(&view, &signal, &mut self.out)
            .unwrap();
        self.seconds += 5;
        self.audit();
        [self.out.decisions[0].action, self.out.decisions[1].action]
    }

    /// The one order that was approved.
    fn order(&mut self) -> Order {
        assert_eq!(self.out.orders.len(), 1, "{:?}", self.out.refused);
        self.out.orders.pop().unwrap().into_inner()
    }

    fn fill(&mut self, order: &Order, price: i64, qty: i64, fee: i128) -> Result<(), ArenaError> {
        let fill = Fill {
            order: order.id,
            instrument: ID,
            side: order.side,
            price: Price::from_units(price),
            qty: Qty::from_units(qty),
            fee: Money::from_units(fee),
            liquidity: Liquidity::Taker,
            ts: order.ts,
        };
        let booked = self.arena.on_report(&Report::Fill(fill));
        self.audit();
        booked
    }

    fn done(&mut self, order: &Order) {
        let done = Done {
            order: order.id,
            ts: order.ts,
            filled: Qty::ZERO,
            reason: DoneReason::Expired,
        };
        self.arena.on_report(&Report::Done(done)).unwrap();
    }

    /// Fills the approved order at the mid and ends it.
    fn fill_all(&mut self) {
        let order = self.order();
        self.fill(&order, self.mid, order.qty.units(), 0).unwrap();
        self.done(&order);
    }

    fn held(&self) -> [i64; 2] {
        [0, 1].map(|at| self.arena.agents()[at].position().units())
    }

    /// The agents' books sum to the account.
    fn audit(&self) {
        let account = self.arena.account();
        let books = || self.arena.agents().iter().map(Agent::book);
        assert_eq!(self.held().iter().sum::<i64>(), account.qty(ID).units());
        assert_eq!(books().map(Portfolio::cash).sum::<Money>(), account.cash());
        assert_eq!(books().map(Portfolio::fees).sum::<Money>(), account.fees());
        assert_eq!(
            books().map(Portfolio::equity).sum::<Money>(),
            account.equity()
        );
    }
}

use Action::{Enter, Exit, Hold};

#[test]
fn wishes_become_one_order_and_its_fills_are_shared() {
    let mut run = run(|_| ());
    assert_eq!(run.decide(0.5, 0.25), [Enter, Enter]);
    assert_eq!(run.out.crosses, []);
    let order = run.order();
    assert_eq!(
        (order.side, order.qty.units(), order.reduce_only),
        (Side::Buy, 7_500, false)
    );
    assert_eq!(
        order.ts,
        UnixNanos(at(5).0 + 7),
        "decided now, not at the sample's time"
    );
    let parts: Vec<_> = run.out.intents[0]
        .parts
        .iter()
        .map(|p| (p.agent.0, p.qty.units()))
        .collect();
    assert_eq!(parts, [(1, 5_000), (2, 2_500)]);
    // Two thirds to one third, in lots of 10; fees too, to the unit.
    run.fill(&order, 10_001, 100, 7).unwrap();
    assert_eq!(run.held(), [70, 30]);
    let fees = [0, 1].map(|at| run.arena.agents()[at].book().fees().units());
    assert_eq!(fees, [4, 3]);
    // Nothing is decided while it is out.
    assert_eq!(run.decide(-1.0, -1.0), [Hold, Hold]);
    assert_eq!(run.out.decisions[0].reason, Reason::Paused(Pause::OrderOut));
    assert!(run.out.intents.is_empty());
    run.fill(&order, 10_001, 7_400, 0).unwrap();
    assert_eq!(run.held(), [5_000, 2_500]);
    run.done(&order);
    assert_eq!(run.arena.order_out(ID), None);
    assert_eq!(run.decide(-0.5, 0.25), [Exit, Hold]);
    let order = run.order();
    assert_eq!(
        (order.side, order.qty.units(), order.reduce_only),
        (Side::Sell, 5_000, true)
    );
}

#[test]
fn agents_trade_with_each_other_at_the_mid() {
    let mut run = run(|_| ());
    assert_eq!(run.decide(0.5, -0.5), [Enter, Enter]);
    assert!(run.out.intents.is_empty(), "the account has nothing to do");
    assert_eq!(run.held(), [5_000, -5_000]);
    let crosses: Vec<_> = run
        .out
        .crosses
        .iter()
        .map(|c| (c.agent.0, c.qty.units(), c.notional.to_string()))
        .collect();
    assert_eq!(
        crosses,
        [
            (1, 5_000, "500".to_string()),
            (2, -5_000, "500".to_string())
        ]
    );
    assert_eq!(
        run.arena.account(),
        &Portfolio::new(Money::from_whole(20_000))
    );
    // The price rises by 1 %: the one's profit is the other's loss.
    run.mid = 10_100;
    run.decide(0.5, -0.5);
    let equity = [0, 1].map(|at| run.arena.agents()[at].book().equity().to_string());
    assert_eq!(equity, ["10005", "9995"]);
    // Both turn: what they have cancels out again, what they want does not follow at once.
    assert_eq!(run.decide(-0.5, 0.5), [Exit, Exit]);
    assert_eq!(run.held(), [0, 0]);
    let unequal = run.decide(1.0, -0.25);
    assert_eq!(unequal, [Enter, Enter]);
    let wanted = run.out.intents[0].order.qty.units();
    assert_eq!(run.out.crosses.len(), 2);
    assert_eq!(run.held()[0], -run.held()[1]);
    assert_eq!(wanted, run.out.decisions[0].target.units() - run.held()[0]);
}

#[test]
fn an_order_is_cut_to_what_the_gate_has_room_for() {
    let mut run = run(|c| c.limits.order_notional_max = Money::from_whole(300));
    run.decide(0.5, 0.25);
    let order = run.order();
    // 300 at a collar of 1 % above a mid of 100 are 2.970 of it, shared two to one.
    assert_eq!(order.qty.units(), 2_970);
    let parts: Vec<_> = run.out.intents[0]
        .parts
        .iter()
        .map(|p| p.qty.units())
        .collect();
    assert_eq!(parts, [1_980, 990]);
    // What was not sent is asked for again.
    run.fill(&order, 10_000, 2_970, 0).unwrap();
    run.done(&order);
    run.decide(0.5, 0.25);
    assert_eq!(run.order().qty.units(), 2_970);
}

#[test]
fn a_refused_order_changes_nothing() {
    let mut run = run(|_| ());
    run.book_age_ns = 10_000_000_001;
    assert_eq!(run.decide(0.5, 0.25), [Enter, Enter]);
    assert!(run.out.orders.is_empty());
    assert!(matches!(run.out.refused[0].why, Refusal::StaleBook { .. }));
    assert_eq!(run.held(), [0, 0]);
    // And it can be tried again, under another number.
    run.book_age_ns = 0;
    run.decide(0.5, 0.25);
    assert!(run.order().id > OrderId(1));
}

#[test]
fn no_room_at_all_is_refused_with_the_reason() {
    let mut run = run(|c| c.limits.position_notional_max = Money::from_whole(100));
    run.decide(0.5, 0.25);
    assert_eq!(run.order().qty.units(), 990, "a position of 99.90 at most");
    let mut run = self::run(|c| c.limits.position_notional_max = Money::from_units(1));
    run.decide(0.5, 0.25);
    let refused = &run.out.refused[0];
    assert!(
        matches!(refused.why, Refusal::PositionNotional { .. }),
        "{refused}"
    );
    assert_eq!(refused.order.qty.units(), 7_500);
}

#[test]
fn a_stopped_agent_closes_and_the_others_go_on() {
    let mut run = run(|c| {
        c.limits.agent_drawdown_max = 0.001;
        c.limits.account_drawdown_max = 0.5;
    });
    run.decide(1.0, 0.25);
    run.fill_all();
    assert_eq!(run.held(), [10_000, 2_500]);
    run.mid = 9_890; // 11 of 10 000 lost by the first, 2.75 by the second
    assert_eq!(run.decide(1.0, 0.25), [Exit, Hold]);
    assert_eq!(
        run.out.decisions[0].reason,
        Reason::Stopped(Stop::AgentDrawdown)
    );
    run.fill_all();
    assert_eq!(run.held(), [0, 2_500]);
    assert_eq!(run.decide(1.0, 0.25), [Hold, Hold]);
    assert_eq!(
        run.out.decisions[0].reason,
        Reason::Stopped(Stop::AgentDrawdown)
    );
}

#[test]
fn a_stopped_account_closes_everything() {
    let mut run = run(|c| c.limits.account_drawdown_max = 0.001);
    run.decide(1.0, -0.25);
    run.fill_all();
    assert_eq!(run.held(), [10_000, -2_500]);
    run.mid = 9_700;
    assert_eq!(run.decide(1.0, -0.25), [Exit, Exit]);
    let order = run.order();
    assert_eq!((order.qty.units(), order.reduce_only), (7_500, true));
    run.fill(&order, 9_700, 7_500, 0).unwrap();
    run.done(&order);
    assert_eq!(run.held(), [0, 0]);
    assert_eq!(run.decide(1.0, -0.25), [Hold, Hold]);
    run.arena.gate_mut().rearm();
    assert_eq!(run.decide(1.0, -0.25), [Enter, Enter]);
}

#[test]
fn in_reduce_only_mode_an_order_only_reduces() {
    let mut run = run(|_| ());
    run.decide(0.5, -0.25);
    run.fill_all();
    assert_eq!(run.held(), [5_000, -2_500]);
    run.arena.gate_mut().set_reduce_only(true);
    // The second closes its short, which the account, long 2 500, would have to buy for: refused, and said so.
    assert_eq!(run.decide(0.5, 0.5), [Hold, Exit]);
    assert_eq!(run.out.refused[0].why, Refusal::ReduceOnly);
    assert_eq!(run.decide(-0.5, -0.25), [Exit, Hold]);
    let order = run.order();
    assert_eq!(
        (order.qty.units(), order.reduce_only),
        (2_500, true),
        "cut to the account's position"
    );
    run.arena.gate_mut().kill();
    run.done(&order);
    assert_eq!(run.decide(-0.5, -0.25), [Hold, Hold]);
    assert_eq!(run.out.decisions[0].reason, Reason::Paused(Pause::Killed));
}

#[test]
fn a_signal_of_another_sample_is_stale_and_one_that_is_no_number_is_an_error() {
    let readings = |change: fn(&mut Signal)| {
        let mut run = with_rules(MceRulesConfig::default(), |_| ());
        let reason = AbsentReason::NoModel;
        let mut signal = Signal::absent(at(5), ID, InputMode::Deltas, Quality::Good, reason);
        signal.skew = Reading::Present(0.5);
        signal.pressure = Reading::Present(0.5);
        change(&mut signal);
        run.signal = Some(signal);
        run.decide(0.5, 0.5);
        run.out.decisions.remove(0)
    };
    assert_eq!(
        readings(|_| ()).mce,
        MceUse::Applied {
            skew: 0.5,
            pressure: 0.5
        }
    );
    assert_eq!(readings(|_| ()).action, Enter);
    for stale in [
        readings(|s| s.ts = at(0)),
        readings(|s| s.instrument = InstrumentId(1)),
    ] {
        assert_eq!(stale.mce, MceUse::Blocked(AbsentReason::Stale));
        assert_eq!(stale.skew, Reading::Absent(AbsentReason::Stale));
    }
    let broken = readings(|s| s.pressure = Reading::Present(f64::NAN));
    assert_eq!(
        broken.reason.to_string(),
        "signal absent: error: MCE_Pressure is NaN"
    );
}

#[test]
fn reports_that_do_not_fit_are_errors() {
    let mut run = run(|_| ());
    run.decide(0.5, 0.25);
    let order = run.order();
    let stranger = Order {
        id: OrderId(99),
        ..order
    };
    let unknown = run.fill(&stranger, 10_000, 10, 0).unwrap_err();
    assert_eq!(unknown, ArenaError::UnknownOrder { order: OrderId(99) });
    let over = run.fill(&order, 10_000, 7_510, 0).unwrap_err().to_string();
    assert!(
        over.contains("a fill of 7510 units came when 7500 units were left"),
        "{over}"
    );
    assert_eq!(run.held(), [0, 0]);
    let late = Report::CancelRejected {
        order: order.id,
        ts: order.ts,
    };
    run.arena.on_report(&late).unwrap();
    assert!(run.arena.order_out(ID).is_some());
}

#[test]
fn protected_limits_lie_on_ticks_at_most_so_far_beyond_the_best() {
    for (best, side, bps, tick, expected) in [
        (10_000, Side::Buy, 0, 1, 10_000),
        (10_000, Side::Buy, 10, 1, 10_010),
        (10_000, Side::Sell, 10, 1, 9_990),
        (10_000, Side::Buy, 10, 4, 10_008),
        (10_000, Side::Sell, 10, 4, 9_992),
        (10_000, Side::Buy, 10, 100, 10_000),
        (10_001, Side::Buy, 10, 4, 10_008),
        (10_001, Side::Sell, 10, 4, 9_996),
        (i64::MAX, Side::Buy, 1000, 1, i64::MAX),
    ] {
        let got = protected(Price::from_units(best), side, bps, Price::from_units(tick));
        assert_eq!(got.units(), expected, "{side} {best} {bps} bp tick {tick}");
    }
    let mut run = run(|c| c.style = OrderStyle::Protected { slippage_bps: 10 });
    run.decide(0.5, 0.5);
    assert_eq!(
        run.order().kind,
        OrderKind::Limit {
            price: Price::from_units(10_011),
            time_in_force: TimeInForce::ImmediateOrCancel
        }
    );
}

#[test]
fn every_bad_value_is_named() {
    let config = ArenaConfig {
        initial: Money::ZERO,
        style: OrderStyle::Protected { slippage_bps: 1001 },
        ..ArenaConfig::default()
    };
    let mut twice = agents(MceRulesConfig::off());
    twice[1].id = AgentId(1);
    let text = ArenaManager::new(config.clone(), twice)
        .unwrap_err()
        .to_string();
    for problem in [
        "agents: expected ids that are all different, got 1 ids for 2 agents",
        "initial: expected an amount above 0, got 0",
        "slippage_bps: expected 0 to 1000, got 1001",
    ] {
        assert!(text.contains(problem), "{text}");
    }
    let text = ArenaManager::new(config, Vec::new())
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("agents: expected at least one agent, got 0"),
        "{text}"
    );
}
