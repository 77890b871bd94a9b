use super::*;
use crate::rules::{FilterMode, MceRulesConfig, WhenAbsent};
use crate::signals::{Reversion, ReversionConfig, ReversionOn, Thresholds};
use crate::sizing::SizingConfig;
use crate::testing::{ID, SECOND, at, book, sample, spec};
use crate::vote::Direction;
use mce_features::Sample;
use mce_market::AbsentReason;
use std::time::Duration;

/// A signal whose score is minus the displacement that a sample is given: tests say the vote that they want.
fn member() -> Member {
    let config = ReversionConfig {
        on: ReversionOn::PriceDisplacement,
        thresholds: Thresholds {
            threshold: 0.1,
            saturation: 1.0,
        },
    };
    Member::Reversion(Reversion::new(config).unwrap())
}

/// What an agent is shown at one sample.
struct Shown {
    vote: f64,
    skew: Reading,
    pressure: Reading,
    mid: i64,
    mask: u16,
    sigma_valid: bool,
    desk: Desk,
    empty_book: bool,
}

fn shown() -> Shown {
    Shown {
        vote: 0.5,
        skew: Reading::Present(0.5),
        pressure: Reading::Present(0.5),
        mid: 10_000,
        mask: 0,
        sigma_valid: true,
        desk: Desk {
            capital: Money::from_whole(10_000),
            permission: Permission::Trade,
            complexity: Complexity::Off,
        },
        empty_book: false,
    }
}

/// An agent and the seconds that went by. Half Kelly with an edge of 0.2: a vote of 0.5 is 5 % of 10 000, 5 000 units at
/// a mid of 100.
struct Run {
    agent: Agent,
    seconds: i64,
    size: Option<SizeFactors>,
}

fn run(change: impl FnOnce(&mut AgentConfig)) -> Run {
    let mut config = AgentConfig::new(AgentId(1), "test", ID, member());
    config.params.confidence_min = 0.1;
    config.params.stop_sigmas = 1.0;
    change(&mut config);
    Run {
        agent: Agent::new(config, Money::from_whole(10_000)).unwrap(),
        seconds: 0,
        size: None,
    }
}

impl Run {
    fn decide(&mut self, change: impl FnOnce(&mut Shown)) -> Decision {
        let mut shown = shown();
        change(&mut shown);
        let mut sample: Sample = sample(at(self.seconds));
        sample.features[8] = -shown.vote;
        (sample.mask, sample.sigma_valid) = (shown.mask, shown.sigma_valid);
        let (bid, ask) = ((shown.mid - 1, 100_000), (shown.mid + 1, 100_000));
        let book = if shown.empty_book {
            book(&[bid], &[])
        } else {
            book(&[bid], &[ask])
        };
        let spec = spec();
        let view = MarketView {
            ts: UnixNanos(self.seconds * SECOND + 7),
            instrument: ID,
            spec: &spec,
            book: &book,
            book_age_ns: 0,
            sample: &sample,
            bars: &[],
        };
        let decision =
            self.agent
                .decide_and_execute(&view, &shown.skew, &shown.pressure, &shown.desk);
        self.size = decision.size;
        self.seconds += 5;
        decision
    }

    /// Decides and compares `<action> <target>: <reason>`.
    #[track_caller]
    fn check(&mut self, change: impl FnOnce(&mut Shown), expected: &str) {
        let got = self.decide(change);
        let text = format!("{} {}: {}", got.action, got.target.units(), got.reason);
        assert_eq!(text, expected);
    }

    /// As [`Run::check`], and what was wanted is executed at the mid.
    #[track_caller]
    fn check_filled(&mut self, change: impl FnOnce(&mut Shown), expected: &str) {
        let before = self.agent.position().units();
        self.check(change, expected);
        let target: i64 = expected
            .split([' ', ':'])
            .nth(1)
            .and_then(|target| target.parse().ok())
            .unwrap();
        self.execute(target - before);
    }

    fn execute(&mut self, units: i64) {
        let side = if units > 0 { Side::Buy } else { Side::Sell };
        let execution = Execution {
            instrument: ID,
            side,
            qty: Qty::from_units(units.abs()),
            notional: Money::from_units(i128::from(units.abs()) * 10i128.pow(17)),
            fee: Money::ZERO,
        };
        let ts = at(self.seconds - 5);
        self.agent.on_execution(&execution, ts, &spec()).unwrap();
    }

    fn wait(&mut self, seconds: i64) -> &mut Self {
        self.seconds += seconds;
        self
    }
}

fn absent(shown: &mut Shown) {
    shown.skew = Reading::Absent(AbsentReason::WarmUp);
    shown.pressure = Reading::Absent(AbsentReason::WarmUp);
}

fn short(shown: &mut Shown) {
    shown.vote = -0.5;
    shown.skew = Reading::Present(-0.5);
}

fn off(config: &mut AgentConfig) {
    config.rules = MceRulesConfig::off();
}

#[test]
fn an_entry_passes_every_gate() {
    let enter = |change: fn(&mut Shown), expected: &str| run(|_| ()).check(change, expected);
    enter(|_| (), "enter 5000: vote");
    enter(short, "enter -5000: vote");
    enter(|s| s.vote = 1.0, "enter 10000: vote");
    enter(|s| s.vote = 0.09, "hold 0: flat vote");
    enter(|s| s.mask = 1 << 4, "hold 0: sample masked:16");
    enter(|s| s.sigma_valid = false, "hold 0: no volatility yet");
    enter(|s| s.empty_book = true, "hold 0: no mid");
    enter(
        |s| s.skew = Reading::Present(0.2),
        "hold 0: filtered: skew does not support, pressure low",
    );
    enter(
        |s| s.pressure = Reading::Present(0.8),
        "hold 0: filtered: skew supports, pressure high",
    );
    enter(absent, "hold 0: signal absent: warm-up");
    enter(
        |s| s.pressure = Reading::Present(0.95),
        "hold 0: pressure 0.950",
    );
    enter(
        |s| s.desk.permission = Permission::ReduceOnly,
        "hold 0: reduce-only",
    );
    enter(
        |s| s.desk.permission = Permission::Close(Stop::AgentDrawdown),
        "hold 0: the agent's drawdown stop",
    );
    enter(
        |s| s.desk.permission = Permission::Pause(Pause::OrderOut),
        "hold 0: an order is out",
    );
    enter(
        |s| s.desk.permission = Permission::Pause(Pause::Killed),
        "hold 0: kill switch",
    );
    enter(
        |s| s.desk.complexity = Complexity::WarmUp { have: 3, need: 64 },
        "hold 0: complexity warm-up: 3 of 64 moves",
    );
    let known = |multiplier, critical| Complexity::Known {
        mci: 0.9,
        multiplier,
        critical,
    };
    let run_known = |multiplier, critical, expected: &str| {
        run(|_| ()).check(
            |s| s.desk.complexity = known(multiplier, critical),
            expected,
        );
    };
    run_known(0.5, false, "enter 2500: vote");
    run_known(0.5, true, "hold 0: complexity 0.900 above critical");
    run_known(0.199, false, "hold 0: size 0.009950 not above minimum");
    enter(
        |s| s.desk.capital = Money::from_whole(10),
        "enter 0: vote"
            .replace("enter 0: vote", "hold 0: less than a lot")
            .as_str(),
    );
    enter(|s| s.desk.capital = Money::ZERO, "hold 0: no capital");
    enter(
        |s| s.desk.capital = Money::from_whole(-5),
        "hold 0: no capital",
    );
    run(|c| c.params.allow_short = false).check(short, "hold 0: shorts not allowed");
}

#[test]
fn without_the_model_agents_trade_by_themselves_only_where_they_are_told_to() {
    run(off).check(absent, "enter 5000: vote");
    let mut trade = run(|c| c.rules.when_absent = WhenAbsent::Trade);
    let decision = trade.decide(absent);
    assert_eq!(decision.action, Action::Enter);
    assert_eq!(decision.mce, MceUse::Ignored(AbsentReason::WarmUp));
    assert_eq!(decision.skew, Reading::Absent(AbsentReason::WarmUp));
    // A masked sample opens nothing, whatever is absent.
    for change in [off, |c: &mut AgentConfig| {
        c.rules.when_absent = WhenAbsent::Trade
    }] {
        let masked = |s: &mut Shown| {
            absent(s);
            s.mask = 1;
        };
        run(change).check(masked, "hold 0: sample masked:1");
    }
}

#[test]
fn an_entry_is_scaled_unless_the_filter_is_and() {
    let opposed = |s: &mut Shown| {
        s.vote = 1.0;
        s.skew = Reading::Present(-0.3);
    };
    let high = |s: &mut Shown| {
        s.vote = 1.0;
        s.pressure = Reading::Present(0.85);
    };
    for filter in [None, Some(FilterMode::Or)] {
        run(|c| c.rules.filter = filter).check(opposed, "enter 5000: vote");
        run(|c| c.rules.filter = filter).check(high, "enter 3000: vote");
    }
    // The whole record of one.
    let mut one = run(|c| c.rules.filter = None);
    let decision = one.decide(opposed);
    assert_eq!(decision.ts, UnixNanos(7));
    assert_eq!((decision.sample_ts, decision.agent), (at(0), AgentId(1)));
    assert_eq!(decision.vote.unwrap().direction(), Direction::Long);
    assert_eq!(
        decision.mce,
        MceUse::Applied {
            skew: -0.3,
            pressure: 0.5
        }
    );
    let size = decision.size.unwrap();
    assert!((size.kelly - 0.1).abs() < 1e-15 && size.mce == 0.5);
    assert!((decision.target_before_mce.unwrap() - 0.1).abs() < 1e-15);
    assert!((decision.target_fraction.unwrap() - 0.05).abs() < 1e-15);
    let short = one.decide(|s| {
        s.vote = -1.0;
        s.skew = Reading::Present(0.3);
    });
    assert!((short.target_fraction.unwrap() + 0.05).abs() < 1e-15);
}

#[test]
fn a_position_is_closed_by_stop_time_vote_and_pressure() {
    let opened = || {
        let mut run = run(|c| c.rules.filter = None);
        run.check_filled(|_| (), "enter 5000: vote");
        run
    };
    // One standard deviation of 900 s at 1e-4 per √s is 0.003.
    opened().check(
        |s| s.mid = 9_969,
        "exit 0: stop-loss: moved 0.003105 against it, limit 0.003000",
    );
    opened().check(|s| s.mid = 9_971, "hold 5000: minimum hold");
    let mut short_run = run(|_| ());
    short_run.check_filled(short, "enter -5000: vote");
    short_run.check(
        |s| s.mid = 10_031,
        "exit 0: stop-loss: moved 0.003095 against it, limit 0.003000",
    );
    opened().wait(895).check(|_| (), "exit 0: time-out");
    let turned = |s: &mut Shown| {
        s.vote = -0.5;
        s.skew = Reading::Present(0.0);
    };
    opened().wait(50).check(turned, "hold 5000: minimum hold");
    opened().wait(55).check(turned, "exit 0: opposite vote");
    // The vote's turn closes; the other side is opened only after a cool-down.
    let mut run = opened();
    run.wait(60).check_filled(turned, "exit 0: opposite vote");
    run.check(turned, "hold 0: cool-down");
    run.wait(45).check(turned, "hold 0: cool-down");
    run.check_filled(turned, "enter -5000: vote");
    // Pressure closes at once, and keeps closed until it is calm.
    let mut run = opened();
    let at_level = |pressure: f64| move |s: &mut Shown| s.pressure = Reading::Present(pressure);
    run.check_filled(at_level(0.9), "exit 0: pressure 0.900");
    run.wait(100).check(
        at_level(0.85),
        "hold 0: pressure 0.850 after a rise of 0.350",
    );
    run.check(at_level(0.85), "hold 0: pressure 0.850 not calm yet");
    run.check(at_level(0.75), "enter 5000: vote");
    opened().check(
        at_level(0.81),
        "exit 0: pressure 0.810 after a rise of 0.310",
    );
    opened().check(
        |s| s.desk.permission = Permission::Close(Stop::AccountDrawdown),
        "exit 0: the account's drawdown stop",
    );
    opened().check(
        |s| s.desk.permission = Permission::Pause(Pause::OrderOut),
        "hold 5000: an order is out",
    );
}

#[test]
fn what_the_model_takes_away_is_taken_at_once() {
    let opened = |vote: f64| {
        let mut run = run(|c| c.rules.exit = false);
        let target = format!("enter {}: vote", (vote * 10_000.0) as i64);
        run.check_filled(|s| s.vote = vote, &target);
        run
    };
    let opposed = |s: &mut Shown| s.skew = Reading::Present(-0.3);
    let high = |s: &mut Shown| s.pressure = Reading::Present(0.85);
    let mut run = opened(0.5);
    run.check_filled(opposed, "resize 2500: new target");
    // The size before the model stays what it was: it does not shrink again, and grows back with the model's consent
    // once the minimum hold is over.
    run.check(opposed, "hold 2500: minimum hold");
    run.wait(60).check(
        |s| {
            s.vote = 0.0;
            s.skew = Reading::Present(-0.1);
        },
        "hold 2500: filtered: skew does not support, pressure low",
    );
    run.check_filled(
        |s| {
            s.vote = 0.0;
            s.skew = Reading::Present(0.3);
        },
        "resize 5000: new target",
    );
    opened(0.5).check(high, "resize 1500: new target");
    // 0.05 × 0.5 × 0.3 is not above 1 %.
    opened(0.5).check(
        |s| {
            opposed(s);
            high(s);
        },
        "exit 0: size 0.007500 not above minimum",
    );
    // With scaling off nothing is taken.
    let mut run = self::run(|c| (c.rules.exit, c.rules.scale) = (false, false));
    run.check_filled(|_| (), "enter 5000: vote");
    run.wait(60).check(
        |s| {
            opposed(s);
            high(s);
        },
        "hold 5000: near target",
    );
}

#[test]
fn a_position_follows_its_vote_only_far_enough() {
    let mut run = run(|c| c.rules.exit = false);
    run.check_filled(|s| s.vote = 0.4, "enter 4000: vote");
    run.wait(60)
        .check(|s| s.vote = 0.45, "hold 4000: near target");
    run.check(
        |s| {
            s.vote = 0.6;
            s.mask = 1;
        },
        "hold 4000: sample masked:1",
    );
    run.check(
        |s| {
            s.vote = 0.6;
            absent(s);
        },
        "hold 4000: signal absent: warm-up",
    );
    run.check(
        |s| {
            s.vote = 0.6;
            s.desk.permission = Permission::ReduceOnly;
        },
        "hold 4000: reduce-only",
    );
    run.check_filled(|s| s.vote = 0.6, "resize 6000: new target");
    // Smaller may be had under any of these.
    run.check(
        |s| {
            s.vote = 0.2;
            s.mask = 1;
            absent(s);
            s.desk.permission = Permission::ReduceOnly;
        },
        "resize 2000: new target",
    );
    run.check(
        |s| {
            s.vote = 0.1;
            s.desk.complexity = Complexity::Known {
                mci: 0.7,
                multiplier: 0.9,
                critical: false,
            };
        },
        "exit 0: size 0.009000 not above minimum",
    );
    assert!(
        run.size.is_some(),
        "the record says the size that was too small"
    );
}

#[test]
fn a_partial_fill_is_a_position() {
    let mut run = run(|c| c.rules.exit = false);
    run.check(|_| (), "enter 5000: vote");
    run.execute(1_000);
    run.check(|_| (), "hold 1000: minimum hold");
    run.wait(60).check(|_| (), "resize 5000: new target");
    // Less than a lot is none: the agent is free to enter again after its cool-down.
    run.execute(-995);
    run.wait(60).check(|_| (), "enter 5000: vote");
}

#[test]
fn an_ensemble_votes_with_its_mean() {
    // A second member that never votes halves the score, one that repeats the first does not.
    let silent = Member::Reversion(
        Reversion::new(ReversionConfig {
            on: ReversionOn::Closes(3),
            ..ReversionConfig::default()
        })
        .unwrap(),
    );
    run(|c| c.members.push(silent.clone())).check(|s| s.vote = 1.0, "enter 5000: vote");
    run(|c| c.members.push(member())).check(|s| s.vote = 1.0, "enter 10000: vote");
    run(|c| c.members = vec![silent.clone()]).check(|_| (), "hold 0: no vote: warm-up");
}

#[test]
fn an_alarm_is_forgotten_where_absence_is_ignored() {
    let spike = |s: &mut Shown| s.pressure = Reading::Present(0.95);
    for (when_absent, expected) in [
        (WhenAbsent::Block, "hold 0: pressure unknown since a spike"),
        (WhenAbsent::Trade, "enter 5000: vote"),
    ] {
        let mut run = run(|c| c.rules.when_absent = when_absent);
        run.check(spike, "hold 0: pressure 0.950");
        run.check(absent, expected);
    }
}

#[test]
fn every_bad_value_is_named() {
    let mut config = AgentConfig::new(AgentId(1), "test", ID, member());
    config.members.clear();
    config.params = AgentParams {
        confidence_min: 0.0,
        allow_short: true,
        stop_sigmas: 0.0,
        time_out: Duration::ZERO,
        hold_min: Duration::ZERO,
        cool_down: Duration::ZERO,
        resize_band: -1.0,
    };
    let text = Agent::new(config, Money::ZERO).unwrap_err().to_string();
    for key in [
        "members",
        "confidence_min",
        "stop_sigmas",
        "time_out",
        "hold_min",
        "resize_band",
    ] {
        assert!(text.contains(&format!("{key}: expected")), "{key}\n{text}");
    }
    let mut config = AgentConfig::new(AgentId(1), "test", ID, member());
    config.sizing = SizingConfig {
        kelly_part: 2.0,
        ..SizingConfig::default()
    };
    let text = Agent::new(config, Money::ZERO).unwrap_err().to_string();
    assert!(text.contains("kelly_part"));
}
