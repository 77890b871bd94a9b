use super::*;
use proptest::prelude::*;

fn rules(change: impl FnOnce(&mut MceRulesConfig)) -> MceRules {
    let mut config = MceRulesConfig::default();
    change(&mut config);
    MceRules::new(config).unwrap()
}

const LONG: Side = Side::Buy;
const SHORT: Side = Side::Sell;

#[test]
fn the_filter_has_every_combination() {
    // Skew and pressure at, just inside and just outside their thresholds of 0.2 and 0.8.
    let skews = [
        (-1.0, false),
        (0.0, false),
        (0.2, false),
        (0.2f64.next_up(), true),
        (1.0, true),
    ];
    let pressures = [
        (0.0, true),
        (0.8f64.next_down(), true),
        (0.8, false),
        (1.0, false),
    ];
    let off = rules(|c| c.filter = None);
    let and = rules(|_| ());
    let or = rules(|c| c.filter = Some(FilterMode::Or));
    for (skew, supports) in skews {
        for (pressure, low) in pressures {
            // A short is a long in the mirror.
            for (side, skew) in [(LONG, skew), (SHORT, -skew)] {
                let parts = |verdict: FilterVerdict| {
                    assert_eq!(
                        (verdict.skew_supports, verdict.pressure_low),
                        (supports, low)
                    );
                    verdict.passes
                };
                let case = format!("{side} skew {skew} pressure {pressure}");
                assert!(parts(off.filter(side, skew, pressure)), "{case}");
                assert_eq!(
                    parts(and.filter(side, skew, pressure)),
                    supports && low,
                    "{case}"
                );
                assert_eq!(
                    parts(or.filter(side, skew, pressure)),
                    supports || low,
                    "{case}"
                );
            }
        }
    }
}

#[test]
fn sizes_are_scaled_down_and_up() {
    let rules_on = rules(|c| c.agreed_multiplier = 1.5);
    let rules_off = rules(|c| c.scale = false);
    for (support, pressure, expected) in [
        (0.0, 0.5, 1.0),
        (-0.2, 0.8, 1.0), // exactly at both thresholds: neither opposed nor high
        ((-0.2f64).next_down(), 0.8, 0.5),
        (-0.2, 0.8f64.next_up(), 0.3),
        (-1.0, 1.0, 0.15),
        (0.2, 0.0, 1.0),
        (0.2f64.next_up(), 0.0, 1.5),
        (1.0, 1.0, 0.45),
    ] {
        for (side, skew) in [(LONG, support), (SHORT, -support)] {
            let got = rules_on.scale(side, skew, pressure);
            assert!(
                (got - expected).abs() < 1e-15,
                "{side} {skew} {pressure}: {got}"
            );
            assert_eq!(rules_off.scale(side, skew, pressure), 1.0);
        }
    }
    assert_eq!(
        rules(|_| ()).scale(LONG, 1.0, 0.0),
        1.0,
        "agreeing adds nothing by default"
    );
}

#[test]
fn entries_are_scaled_unless_the_filter_is_and() {
    for (filter, expected) in [
        (None, 0.15),
        (Some(FilterMode::Or), 0.15),
        (Some(FilterMode::And), 1.0),
    ] {
        let rules = rules(|c| c.filter = filter);
        for (side, skew) in [(LONG, -0.5), (SHORT, 0.5)] {
            let got = rules.scale_entry(side, skew, 0.85);
            assert!((got - expected).abs() < 1e-15, "{filter:?} {side}: {got}");
            assert!((rules.scale(side, skew, 0.85) - 0.15).abs() < 1e-15);
        }
    }
}

fn absent() -> Reading {
    Reading::Absent(AbsentReason::WarmUp)
}

#[test]
fn absent_readings_block_or_are_ignored_by_the_rules_that_need_them() {
    let here = Reading::Present(0.5);
    let gone = absent();
    let why = AbsentReason::WarmUp;
    let applied = |skew, pressure| MceUse::Applied { skew, pressure };
    for when_absent in [WhenAbsent::Block, WhenAbsent::Trade] {
        let verdict = |why: &AbsentReason| match when_absent {
            WhenAbsent::Block => MceUse::Blocked(why.clone()),
            WhenAbsent::Trade => MceUse::Ignored(why.clone()),
        };
        for filter in [None, Some(FilterMode::And), Some(FilterMode::Or)] {
            for scale in [false, true] {
                for exit in [false, true] {
                    let rules = rules(|c| {
                        (c.filter, c.scale, c.exit) = (filter, scale, exit);
                        c.when_absent = when_absent;
                    });
                    let skew_needed = filter.is_some() || scale;
                    let any = skew_needed || exit;
                    let expect = |skew: &Reading, pressure: &Reading| {
                        if !any {
                            MceUse::Off
                        } else if (skew_needed && skew.value().is_none())
                            || pressure.value().is_none()
                        {
                            verdict(&why)
                        } else {
                            applied(skew.or_zero(), pressure.or_zero())
                        }
                    };
                    for skew in [&here, &gone] {
                        for pressure in [&here, &gone] {
                            assert_eq!(
                                rules.usage(skew, pressure),
                                expect(skew, pressure),
                                "{when_absent:?} {filter:?} {scale} {exit} {skew:?} {pressure:?}"
                            );
                        }
                    }
                }
            }
        }
    }
    assert_eq!(
        MceRules::new(MceRulesConfig::off())
            .unwrap()
            .usage(&gone, &gone),
        MceUse::Off
    );
}

/// Pressures of successive samples (`None` is absent) and whether the alarm rings after each.
fn check_exit(rules: &MceRules, samples: &[(Option<f64>, bool)]) {
    let mut alarm = ExitAlarm::default();
    for (at, (pressure, rings)) in samples.iter().enumerate() {
        let reading = pressure.map_or_else(absent, Reading::Present);
        let cause = alarm.update(rules, &reading);
        assert_eq!(
            cause.is_some(),
            *rings,
            "sample {at} of {samples:?}: {cause:?}"
        );
    }
}

#[test]
fn pressure_closes_positions_with_hysteresis() {
    let on = rules(|_| ());
    let high = 0.9f64.next_down();
    // The level counts from exactly 0.9; then it takes less than 0.8 to calm down.
    check_exit(
        &on,
        &[
            (Some(high), false),
            (Some(0.9), true),
            (Some(high), true),
            (Some(0.8), true),
        ],
    );
    check_exit(
        &on,
        &[
            (Some(0.9), true),
            (Some(0.8f64.next_down()), false),
            (Some(0.85), false),
        ],
    );
    // A rise of more than 0.3 from either of the two samples before; exactly 0.25 + 0.3 is no alarm.
    let rise = rules(|c| c.exit_rise = 0.25);
    check_exit(&rise, &[(Some(0.25), false), (Some(0.5), false)]);
    check_exit(
        &rise,
        &[(Some(0.25), false), (Some(0.5f64.next_up()), true)],
    );
    check_exit(&on, &[(Some(0.2), false), (Some(0.55), true)]);
    check_exit(
        &on,
        &[(Some(0.2), false), (Some(0.4), false), (Some(0.55), true)],
    );
    check_exit(
        &on,
        &[
            (Some(0.2), false),
            (Some(0.3), false),
            (Some(0.4), false),
            (Some(0.55), false),
        ],
    );
    // It ends when the window has moved past the rise, since 0.55 is below 0.8.
    check_exit(
        &on,
        &[
            (Some(0.2), false),
            (Some(0.55), true),
            (Some(0.55), true),
            (Some(0.55), false),
        ],
    );
    // The first sample has nothing to rise from.
    check_exit(&on, &[(Some(0.85), false)]);
}

#[test]
fn an_absent_pressure_is_neither_calm_nor_a_rise() {
    let on = rules(|_| ());
    check_exit(
        &on,
        &[
            (Some(0.95), true),
            (None, true),
            (None, true),
            (Some(0.85), true),
            (Some(0.5), false),
        ],
    );
    check_exit(
        &on,
        &[
            (Some(0.1), false),
            (None, false),
            (None, false),
            (Some(0.85), false),
        ],
    );
    check_exit(
        &on,
        &[(Some(0.1), false), (None, false), (Some(0.85), true)],
    );
    check_exit(
        &rules(|c| c.exit = false),
        &[(Some(0.95), false), (None, false), (Some(1.0), false)],
    );
}

#[test]
fn every_bad_value_is_named() {
    let bad = MceRulesConfig {
        skew_threshold: 0.0,
        pressure_threshold: 1.0,
        opposed_multiplier: -0.1,
        pressure_multiplier: 1.1,
        agreed_multiplier: 0.9,
        exit_pressure: f64::NAN,
        exit_rise: 0.0,
        exit_rearm: 0.95,
        ..MceRulesConfig::default()
    };
    let text = MceRules::new(bad).unwrap_err().to_string();
    for key in [
        "skew_threshold",
        "pressure_threshold",
        "opposed_multiplier",
        "pressure_multiplier",
        "agreed_multiplier",
        "exit_pressure",
        "exit_rise",
        "exit_rearm",
    ] {
        assert!(text.contains(&format!("{key}: expected")), "{key}\n{text}");
    }
    assert_eq!(text.lines().count(), 8);
    assert!(MceRules::new(MceRulesConfig::default()).is_ok());
}

proptest! {
    #[test]
    fn what_passes_and_is_neither_opposed_nor_under_pressure(
        skew in -1.0f64..=1.0, pressure in 0.0f64..=1.0, long: bool,
    ) {
        let side = if long { LONG } else { SHORT };
        let rules = rules(|_| ());
        if rules.filter(side, skew, pressure).passes {
            prop_assert_eq!(rules.scale(side, skew, pressure), 1.0);
        }
        let factor = rules.scale(side, skew, pressure);
        prop_assert!((0.0..=1.0).contains(&factor));
        // Mirror: a short at −skew is a long at skew.
        prop_assert_eq!(factor, rules.scale(side.opposite(), -skew, pressure));
    }
}
