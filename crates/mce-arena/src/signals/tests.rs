use super::*;
use crate::testing::{at, bar, sample};
use std::time::Duration;

fn thresholds(threshold: f64, saturation: f64) -> Thresholds {
    Thresholds {
        threshold,
        saturation,
    }
}

/// Direction × confidence of a vote, or why there is none.
fn score(signal: &dyn BaseSignal) -> Result<f64, NoVote> {
    signal.vote().map(Vote::score)
}

#[test]
fn a_heavier_side_of_the_book_is_voted_for_once_smoothed() {
    let config = BookImbalanceConfig {
        weight_best: 0.25,
        half_life: Duration::from_secs(10),
        thresholds: thresholds(0.3, 0.8),
    };
    let mut signal = BookImbalance::new(config).unwrap();
    let mut feed = |seconds, queue: f64, near: f64, mask: u16| {
        let mut sample = sample(at(seconds));
        sample.features[1] = queue;
        sample.features[2] = near;
        sample.mask = mask;
        signal.on_sample(&sample);
        score(&signal)
    };
    assert_eq!(feed(0, 1.0, 1.0, 0), Err(NoVote::WarmUp));
    assert_eq!(feed(5, 0.8, 0.4, 0), Err(NoVote::WarmUp));
    // A half-life after the first sample; always 0.25·0.8 + 0.75·0.4 = 0.5.
    let vote = feed(10, 0.8, 0.4, 0).unwrap();
    assert!((vote - 0.5 / 0.8).abs() < 1e-12, "{vote}");
    // Masked features give no vote, other masks do not matter, and the mean is where it was.
    assert_eq!(feed(15, -1.0, -1.0, 0b100), Err(NoVote::Masked(0b100)));
    assert_eq!(feed(15, -1.0, -1.0, 0b010), Err(NoVote::Masked(0b010)));
    let vote = feed(20, 0.8, 0.4, 0b1000).unwrap();
    assert!((vote - 0.5 / 0.8).abs() < 1e-12, "{vote}");
    // One half-life of the opposite halves and turns it: mean = (0.75·0.5 − 0.25·1)… at 20 s the weight is ¾.
    let vote = feed(30, -1.0, -1.0, 0).unwrap();
    let expected = (0.75 * 0.5 * 0.5 - 0.5) / (0.75 * 0.5 + 0.5);
    assert!((vote - expected / 0.8).abs() < 1e-12, "{vote}");
    assert_eq!(
        feed(31, 1.0, 1.0, 0),
        Ok(0.0),
        "back between the thresholds"
    );
}

#[test]
fn momentum_is_a_return_in_its_own_volatility() {
    let config = MomentumConfig {
        bars: 2,
        volatility_bars: 4,
        thresholds: thresholds(1.0, 2.0),
    };
    // Log returns in units of a thousandth; one close before the first.
    let run = |returns: &[i32]| {
        let mut signal = Momentum::new(config).unwrap();
        let mut close = 100.0f64;
        signal.on_bar(&bar(10, close));
        for (i, r) in returns.iter().enumerate() {
            close *= (f64::from(*r) / 1000.0).exp();
            signal.on_bar(&bar(20 + 10 * i as i64, close));
        }
        signal.on_sample(&sample(at(20 + 10 * returns.len() as i64)));
        score(&signal)
    };
    let check = |returns: &[i32], expected: f64| {
        let got = run(returns).unwrap();
        assert!((got - expected).abs() < 1e-9, "{returns:?}: {got}");
    };
    assert_eq!(run(&[1, 1, 1]), Err(NoVote::WarmUp));
    assert_eq!(run(&[0, 0, 0, 0]), Err(NoVote::NoMovement));
    // 2 / (1·√2) = √2, over a saturation of 2.
    check(&[1, 1, 1, 1], 2f64.sqrt() / 2.0);
    check(&[-1, 1, -1, -1], -(2f64.sqrt()) / 2.0);
    check(&[1, -1, 1, -1], 0.0);
    // 4 / (√(10/4)·√2) = 1.788…
    check(&[1, 1, 2, 2], 4.0 / (2.5f64 * 2.0).sqrt() / 2.0);
    check(&[9, -9, 1, 1], 0.0);
    // The oldest return has left the window.
    check(&[50, 1, 1, 1, 1], 2f64.sqrt() / 2.0);
}

#[test]
fn bars_that_do_not_follow_begin_anew_and_old_ones_are_stale() {
    let config = MomentumConfig {
        bars: 1,
        volatility_bars: 2,
        thresholds: thresholds(0.5, 2.0),
    };
    let mut signal = Momentum::new(config).unwrap();
    for (seconds, close) in [(10, 100.0), (20, 101.0), (30, 102.0)] {
        signal.on_bar(&bar(seconds, close));
    }
    signal.on_sample(&sample(at(50)));
    assert!(score(&signal).is_ok());
    signal.on_sample(&sample(at(51)));
    assert_eq!(score(&signal), Err(NoVote::Stale));
    signal.on_bar(&bar(60, 103.0));
    signal.on_sample(&sample(at(60)));
    assert_eq!(score(&signal), Err(NoVote::WarmUp));
}

#[test]
fn a_displaced_price_is_voted_against() {
    let config = ReversionConfig {
        on: ReversionOn::PriceDisplacement,
        thresholds: thresholds(1.0, 4.0),
    };
    let mut signal = Reversion::new(config).unwrap();
    assert_eq!(score(&signal), Err(NoVote::WarmUp));
    let mut feed = |displacement: f64, mask: u16| {
        let mut sample = sample(at(5));
        sample.features[8] = displacement;
        sample.mask = mask;
        signal.on_sample(&sample);
        score(&signal)
    };
    assert_eq!(feed(2.0, 0), Ok(-0.5));
    assert_eq!(feed(-1.0, 0), Ok(0.25));
    assert_eq!(feed(0.99, 0), Ok(0.0));
    assert_eq!(feed(2.0, 1 << 8), Err(NoVote::Masked(1 << 8)));
    assert_eq!(feed(2.0, 1 << 7), Ok(-0.5));
}

#[test]
fn closes_are_displaced_from_their_mean() {
    let config = ReversionConfig {
        on: ReversionOn::Closes(4),
        thresholds: thresholds(1.0, 2.0),
    };
    let run = |closes: &[f64]| {
        let mut signal = Reversion::new(config).unwrap();
        for (i, close) in closes.iter().enumerate() {
            signal.on_bar(&bar(10 + 10 * i as i64, *close));
        }
        signal.on_sample(&sample(at(10 * closes.len() as i64)));
        score(&signal)
    };
    assert_eq!(run(&[1.0, 1.0, 1.0]), Err(NoVote::WarmUp));
    assert_eq!(run(&[0.1, 0.1, 0.1, 0.1]), Err(NoVote::NoMovement));
    // Mean 1, deviation √3 above a mean square of 3: z = 3/√3 = √3.
    let got = run(&[0.0, 0.0, 0.0, 4.0]).unwrap();
    assert!((got + 3f64.sqrt() / 2.0).abs() < 1e-12, "{got}");
    let got = run(&[4.0, 4.0, 4.0, 0.0]).unwrap();
    assert!((got - 3f64.sqrt() / 2.0).abs() < 1e-12, "{got}");
}

#[test]
fn every_bad_value_is_named() {
    let bad = thresholds(0.0, -1.0);
    let check = |error: Result<Member, ArenaError>, keys: &[&str]| {
        let text = error.unwrap_err().to_string();
        for key in keys {
            assert!(text.contains(&format!("{key}: expected")), "{key}\n{text}");
        }
    };
    let imbalance = BookImbalanceConfig {
        weight_best: 1.5,
        half_life: Duration::ZERO,
        thresholds: bad,
    };
    check(
        BookImbalance::new(imbalance).map(Member::BookImbalance),
        &["weight_best", "half_life", "threshold", "saturation"],
    );
    let momentum = MomentumConfig {
        bars: 0,
        volatility_bars: 20_000,
        thresholds: bad,
    };
    check(
        Momentum::new(momentum).map(Member::Momentum),
        &["bars", "volatility_bars", "threshold", "saturation"],
    );
    let reversion = ReversionConfig {
        on: ReversionOn::Closes(2),
        thresholds: thresholds(2.0, 1.0),
    };
    check(
        Reversion::new(reversion).map(Member::Reversion),
        &["closes", "saturation"],
    );
    assert_eq!(
        [
            BookImbalance::new(BookImbalanceConfig::default()).map(Member::BookImbalance),
            Momentum::new(MomentumConfig::default()).map(Member::Momentum),
            Reversion::new(ReversionConfig::default()).map(Member::Reversion),
        ]
        .map(|member| member.unwrap().name()),
        ["book-imbalance", "momentum", "reversion"]
    );
}
