//! The arena end to end: a seeded market, samples made of its book, agents, the risk gate, the exchange on paper.
#![allow(clippy::unwrap_used)] // helpers of tests are tests, which Clippy does not see

mod market;

use market::{ID, Random, events, spec};
use mce_arena::*;
use mce_features::{Bar, BarBuilder, N_FEATURES, Sample};
use mce_market::{
    AbsentReason, EventBody, FeeRate, InputMode, MarketEvent, Money, OrderBook, Quality, Reading,
    Signal, UnixNanos,
};
use std::time::Duration;

const INTERVAL_NS: i64 = 5_000_000_000;

/// The step that an engine makes of these parts, with a log line for everything that happened.
struct Loop {
    arena: ArenaManager,
    exchange: PaperExchange,
    book: OrderBook,
    bars: BarBuilder,
    closed: Vec<Bar>,
    mids: Vec<f64>,
    next_sample: Option<i64>,
    signals: Random,
    reports: Vec<Report>,
    out: ArenaOutput,
    log: Vec<String>,
    orders: usize,
    fills: usize,
}

fn agents(rules: MceRulesConfig) -> Vec<AgentConfig> {
    let thresholds = |threshold, saturation| Thresholds {
        threshold,
        saturation,
    };
    let members = [
        (
            "imbalance",
            Member::BookImbalance(
                BookImbalance::new(BookImbalanceConfig {
                    thresholds: thresholds(0.05, 0.3),
                    ..BookImbalanceConfig::default()
                })
                .unwrap(),
            ),
        ),
        (
            "momentum",
            Member::Momentum(
                Momentum::new(MomentumConfig {
                    bars: 4,
                    volatility_bars: 16,
                    thresholds: thresholds(0.5, 2.0),
                })
                .unwrap(),
            ),
        ),
        (
            "reversion",
            Member::Reversion(
                Reversion::new(ReversionConfig {
                    on: ReversionOn::Closes(12),
                    thresholds: thresholds(0.5, 2.0),
                })
                .unwrap(),
            ),
        ),
    ];
    members
        .into_iter()
        .enumerate()
        .map(|(at, (name, member))| {
            let mut agent = AgentConfig::new(AgentId(at as u32), name, ID, member);
            agent.rules = rules;
            agent.params.hold_min = Duration::from_secs(10);
            agent.params.cool_down = Duration::from_secs(10);
            agent.params.time_out = Duration::from_secs(120);
            agent
        })
        .collect()
}

impl Loop {
    fn new(rules: MceRulesConfig) -> Self {
        let config = ArenaConfig {
            initial: Money::from_whole(10_000),
            ..ArenaConfig::default()
        };
        Loop {
            arena: ArenaManager::new(config, agents(rules)).unwrap(),
            exchange: PaperExchange::new(PaperConfig {
                taker: FeeRate::from_bps(2.0).unwrap(),
                ..PaperConfig::default()
            })
            .unwrap(),
            book: OrderBook::new(),
            bars: BarBuilder::new(Duration::from_secs(5)).unwrap(),
            closed: Vec::new(),
            mids: Vec::new(),
            next_sample: None,
            signals: Random(99),
            reports: Vec::new(),
            out: ArenaOutput::default(),
            log: Vec::new(),
            orders: 0,
            fills: 0,
        }
    }

    fn step(&mut self, event: &MarketEvent) {
        let ts = event.ts_exchange.unwrap();
        if !matches!(event.body, EventBody::Instrument(_)) {
            self.exchange.advance(ID, ts, &self.book).unwrap();
        }
        match &event.body {
            EventBody::Snapshot(snapshot) => self.book.apply_snapshot(snapshot).unwrap(),
            EventBody::Delta(delta) => self.book.apply_delta(delta).unwrap(),
            EventBody::Gap(_) => self.book.clear(),
            _ => {}
        }
        self.exchange.observe(event, &self.book).unwrap();
        self.exchange.drain(&mut self.reports);
        for report in std::mem::take(&mut self.reports) {
            self.log.push(format!("{report:?}"));
            self.fills += usize::from(matches!(report, Report::Fill(_)));
            self.arena.on_report(&report).unwrap();
        }
        if let Some(mid) = MidPrice::of(&self.book) {
            self.mids.push(mid.to_f64(&spec()));
            self.bars
                .on_price(ts, mid.to_f64(&spec()), 0.0, None, &mut self.closed);
            let due = *self.next_sample.get_or_insert(ts.ceil_to(INTERVAL_NS).0);
            if ts.0 > due {
                self.next_sample = Some(ts.ceil_to(INTERVAL_NS).0);
                self.decide(ts, UnixNanos(due));
            }
        }
    }

    fn decide(&mut self, ts: UnixNanos, grid: UnixNanos) {
        let sample = self.sample(grid);
        let signal = self.signal(grid);
        let spec = spec();
        let view = MarketView {
            ts,
            instrument: ID,
            spec: &spec,
            book: &self.book,
            book_age_ns: 0,
            sample: &sample,
            bars: &self.closed,
        };
        self.out.clear();
        self.arena
            .process_data(&view, &signal, &mut self.out)
            .unwrap();
        self.closed.clear();
        self.log
            .extend(self.out.decisions.iter().map(|d| format!("{d:?}")));
        self.log
            .extend(self.out.crosses.iter().map(|c| format!("{c:?}")));
        self.log
            .extend(self.out.refused.iter().map(|r| format!("{r:?}")));
        for order in self.out.orders.drain(..) {
            self.orders += 1;
            self.log.push(format!("{:?}", order.get()));
            self.exchange.submit(order).unwrap();
        }
        self.audit();
    }

    /// Features 2, 3 and 9 and σ of the book as it is; the rest is not read by the agents.
    fn sample(&self, grid: UnixNanos) -> Sample {
        let (bid, ask) = (self.book.best_bid().unwrap(), self.book.best_ask().unwrap());
        let (bid_qty, ask_qty) = (bid.qty.units() as f64, ask.qty.units() as f64);
        let mut features = [0.0; N_FEATURES];
        features[1] = (bid_qty - ask_qty) / (bid_qty + ask_qty);
        features[2] = features[1];
        let mid = *self.mids.last().unwrap();
        Sample {
            ts: grid,
            observed: grid,
            instrument: ID,
            features,
            mask: if self.mids.len() < 100 {
                0b10_0000_0000
            } else {
                0
            },
            mid,
            spread: 0.02,
            sigma: 3e-4,
            sigma_valid: true,
            near_bid: 1.0,
            near_ask: 1.0,
            ema_near_bid: 1.0,
            ema_near_ask: 1.0,
            ema_spread: 0.02,
            v_buy: 0.0,
            v_sell: 0.0,
            liquidations: 0.0,
            after_gap: false,
        }
    }

    /// A signal of its own seed: mostly there, at times absent, at times under pressure.
    fn signal(&mut self, grid: UnixNanos) -> Signal {
        let reason = AbsentReason::Masked(1);
        let mut signal = Signal::absent(grid, ID, InputMode::Deltas, Quality::Good, reason);
        let draw = self.signals.below(1_000);
        let skew = self.signals.below(2_001) as f64 / 1_000.0 - 1.0;
        let pressure = self.signals.below(1_000) as f64 / 1_100.0 + f64::from(draw < 15) * 0.05;
        if !(15..50).contains(&draw) {
            signal.skew = Reading::Present(skew);
            signal.pressure =
                Reading::Present(pressure.min(1.0) * if draw < 700 { 0.5 } else { 1.0 });
        }
        signal
    }

    /// The agents' books sum to the account, and both balance.
    fn audit(&self) {
        let (account, agents) = (self.arena.account(), self.arena.agents());
        assert!(account.balances() && agents.iter().all(|a| a.book().balances()));
        let sum = |of: fn(&Portfolio) -> Money| agents.iter().map(|a| of(a.book())).sum::<Money>();
        assert_eq!(sum(Portfolio::cash), account.cash());
        assert_eq!(sum(Portfolio::fees), account.fees());
        let held: i64 = agents.iter().map(|a| a.position().units()).sum();
        assert_eq!(held, account.qty(ID).units());
        // Marks are cut to 10⁻¹⁸ each; at these scales nothing is cut.
        assert_eq!(sum(Portfolio::equity), account.equity());
    }

    fn run(rules: MceRulesConfig, events: &[MarketEvent]) -> Self {
        let mut this = Loop::new(rules);
        for event in events {
            this.step(event);
        }
        this
    }
}

#[test]
fn the_same_events_give_the_same_decisions_orders_and_fills() {
    let events = events(1, 20_000);
    let (a, b) = (
        Loop::run(MceRulesConfig::default(), &events),
        Loop::run(MceRulesConfig::default(), &events),
    );
    assert_eq!(a.log, b.log);
    assert_eq!(a.arena.account(), b.arena.account());
    assert!(
        a.orders > 50 && a.fills >= a.orders / 2,
        "{} {}",
        a.orders,
        a.fills
    );
    let other = Loop::run(MceRulesConfig::default(), &self::events(2, 20_000));
    assert_ne!(a.log, other.log);
}

#[test]
fn what_comes_later_changes_nothing_before() {
    let events = events(3, 6_000);
    let whole = Loop::run(MceRulesConfig::default(), &events);
    for cut in [100, 1_000, 2_345, 5_900] {
        let part = Loop::run(MceRulesConfig::default(), &events[..cut]);
        assert_eq!(whole.log[..part.log.len()], part.log, "cut at {cut}");
    }
}

#[test]
fn the_model_changes_what_agents_do_and_off_means_off() {
    let events = events(4, 20_000);
    let on = Loop::run(MceRulesConfig::default(), &events);
    let off = Loop::run(MceRulesConfig::off(), &events);
    assert!(
        on.orders > 20 && off.orders > on.orders,
        "{} {}",
        on.orders,
        off.orders
    );
    // With the rules off the signal is not read: another one leaves every trade as it was.
    let mut deaf = Loop::new(MceRulesConfig::off());
    deaf.signals = Random(12345);
    for event in &events {
        deaf.step(event);
    }
    assert_eq!(deaf.arena.account(), off.arena.account());
    assert!(off.arena.account().executions() > 50);
}

#[test]
fn nothing_is_left_out_of_the_books_at_the_end() {
    let events = events(5, 20_000);
    let mut run = Loop::run(MceRulesConfig::off(), &events);
    // Everything is closed: the account's equity is its cash, and what was won or lost is in it.
    run.arena
        .gate_mut()
        .mark_account(Money::from_whole(1_000_000));
    let last = events.last().unwrap().ts_exchange.unwrap();
    for i in 1..40u64 {
        let ts = UnixNanos(last.0 + i as i64 * INTERVAL_NS);
        let event = MarketEvent {
            n: events.len() as u64 + i,
            instrument: ID,
            ts_exchange: Some(ts),
            ts_recv: ts,
            body: EventBody::Clock,
        };
        run.step(&event);
    }
    let account = run.arena.account();
    assert_eq!(account.qty(ID).units(), 0, "{}", run.log.last().unwrap());
    assert_eq!(account.equity(), account.cash());
    assert_eq!(
        account.cash(),
        account.initial() + account.realised() - account.fees()
    );
    for agent in run.arena.agents() {
        assert_eq!(agent.position().units(), 0);
        assert!(agent.book().executions() > 10, "{} trades", agent.name());
    }
}
