//! What a backtest comes to: books that add up, and no order before its time.

use crate::market::{Run, at, bundle, scaling};
use mce_arena::MceRulesConfig;
use mce_engine::backtest::BacktestReport;
use mce_market::{Money, UnixNanos};
use serde_json::Value;
use std::collections::BTreeSet;

/// The lines of one kind.
fn of_kind(lines: &[String], kind: &str) -> Vec<Value> {
    let parsed = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    parsed.filter(|line: &Value| line["t"] == kind).collect()
}

fn ts(line: &Value) -> UnixNanos {
    UnixNanos(line["ts"].as_i64().unwrap())
}

/// Holds a report against the journal and against itself, to the last unit.
fn check_books(report: &BacktestReport, lines: &[String]) {
    assert_eq!(report.pnl_gross - report.fees, report.pnl_net);
    let sum = |of: fn(&mce_engine::backtest::AgentReport) -> Money| {
        report.agents.iter().map(of).sum::<Money>()
    };
    assert_eq!(sum(|agent| agent.pnl_net), report.pnl_net);
    assert_eq!(sum(|agent| agent.pnl_gross), report.pnl_gross);
    assert_eq!(sum(|agent| agent.fees), report.fees);
    for agent in &report.agents {
        assert_eq!(
            agent.pnl_gross - agent.fees,
            agent.pnl_net,
            "{}",
            agent.name
        );
    }
    let fills = of_kind(lines, "fill");
    assert_eq!(report.fills, fills.len() as u64);
    let orders: BTreeSet<u64> = fills.iter().map(|f| f["order"].as_u64().unwrap()).collect();
    assert_eq!(report.trades, orders.len() as u64);
    // Prices have 2 decimals and sizes 3, money has 18.
    let value = |fill: &Value| {
        let units = |key: &str| i128::from(fill[key].as_i64().unwrap());
        Money::from_units(units("price") * units("qty") * 10i128.pow(13))
    };
    assert_eq!(fills.iter().map(value).sum::<Money>(), report.turnover);
    let refused = of_kind(lines, "refused").len() as u64;
    assert_eq!(report.gate.refused, refused);
}

#[test]
fn the_books_add_up_to_the_unit() {
    for (fee_bps, with_model) in [
        (0.0, false),
        (2.0, false),
        (7.3, false),
        (-0.5, false),
        (2.0, true),
    ] {
        let mut run = Run {
            fee_bps,
            ..Run::default()
        };
        if with_model {
            run.bundle = Some(bundle());
            run.rules = scaling();
        }
        let (report, lines) = run.run();
        assert!(report.fills > 2, "{} fills", report.fills);
        check_books(&report, &lines);
        let signs = (fee_bps.partial_cmp(&0.0), report.fees.cmp(&Money::ZERO));
        assert_eq!(signs.0, Some(signs.1), "{}", report.fees);
    }
}

#[test]
fn fees_are_the_fills_fees() {
    let (report, lines) = Run::default().run();
    let mut fees = Money::ZERO;
    for fill in of_kind(&lines, "fill") {
        let units = |key: &str| i128::from(fill[key].as_i64().unwrap());
        // 2 bp of price × size is exact in 18 decimals.
        fees += Money::from_units(units("price") * units("qty") * 2 * 10i128.pow(9));
    }
    assert_eq!(report.fees, fees);
    let free = Run {
        fee_bps: 0.0,
        ..Run::default()
    };
    let (free, _) = free.run();
    assert_eq!((free.fees, free.pnl_net), (Money::ZERO, free.pnl_gross));
}

#[test]
fn the_same_run_twice_is_the_same_to_the_byte() {
    let run = Run {
        bundle: Some(bundle()),
        rules: scaling(),
        ..Run::default()
    };
    let (first, second) = (run.run(), run.run());
    assert_eq!(first, second);
    assert!(first.0.gate.scaled > 0, "the model was not asked");
}

#[test]
fn orders_wait_for_the_first_decision() {
    let from = at(1_502);
    let whole = Run::default();
    let (report, lines) = whole.run();
    let early = of_kind(&lines, "order")
        .iter()
        .any(|order| ts(order) < from);
    assert!(early, "without a start there are orders before it");
    assert!(report.from.unwrap() < from);

    let run = Run {
        bundle: Some(bundle()),
        rules: scaling(),
        from: Some(from),
        ..Run::default()
    };
    let (report, lines) = run.run();
    for line in &lines {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(ts(&line) >= from, "{line}");
    }
    assert!(!of_kind(&lines, "order").is_empty());
    check_books(&report, &lines);
    // Features and model were warm by then: the first decision has a signal and no masked feature.
    let decisions = of_kind(&lines, "decision");
    let first = &decisions[0];
    assert_eq!(first["sample_ts"].as_i64(), Some(at(1_505).0));
    assert_eq!(report.from, Some(at(1_505)));
    assert_eq!(first["mce_absent"], Value::Null, "{first}");
    assert!(first["reason"] != "masked", "{first}");
    // Whereas one that begins with the data begins blind.
    let cold = Run { from: None, ..run };
    let decisions = of_kind(&cold.run().1, "decision");
    assert_eq!(decisions[0]["mce_absent"], "warm-up");
}

#[test]
fn a_span_has_an_end() {
    let to = at(1_000);
    let run = Run {
        to: Some(to),
        ..Run::default()
    };
    let (report, lines) = run.run();
    assert!(report.to.unwrap() < to && report.to.unwrap() >= at(990));
    for line in &lines {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(ts(&line) < to, "{line}");
    }
}

#[test]
fn without_a_signal_the_rules_block_and_off_means_off() {
    let blocked = Run {
        rules: MceRulesConfig::default(),
        ..Run::default()
    };
    let (report, lines) = blocked.run();
    assert_eq!((report.fills, report.gate.entered), (0, 0));
    assert!(report.gate.absent > 0);
    assert_eq!(report.pnl_net, Money::ZERO);
    let decisions = of_kind(&lines, "decision");
    assert!(decisions.iter().all(|d| d["mce_absent"] == "no-model"));
    // With the rules off, what the model says moves nobody.
    let deaf = Run {
        bundle: Some(bundle()),
        ..Run::default()
    };
    let (with, without) = (deaf.run().0, Run::default().run().0);
    assert_eq!(with.pnl_net, without.pnl_net);
    assert_eq!(with.agents, without.agents);
    assert!(with.gate.entered > 0);
}

#[test]
fn fills_come_after_the_latency_and_follow_their_orders() {
    let (_, lines) = Run::default().run();
    let orders = of_kind(&lines, "order");
    let latency = 100_000_000;
    let mut filled = 0;
    for fill in of_kind(&lines, "fill") {
        let of = |order: &&Value| order["order"] == fill["order"];
        let order = orders.iter().find(of).unwrap();
        assert!(ts(&fill).0 >= ts(order).0 + latency, "{fill} of {order}");
        assert_eq!(fill["side"], order["side"]);
        filled += 1;
    }
    assert!(filled > 2);
    for order in &orders {
        let of = |fill: &&Value| fill["order"] == order["order"];
        let qty: i64 = of_kind(&lines, "fill")
            .iter()
            .filter(of)
            .map(|fill| fill["qty"].as_i64().unwrap())
            .sum();
        assert!(qty <= order["qty"].as_i64().unwrap(), "{order}");
    }
}
