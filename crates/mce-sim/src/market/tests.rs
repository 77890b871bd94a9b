use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const START: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

fn after(seconds: i64) -> UnixNanos {
    UnixNanos(START.0 + seconds * UnixNanos::PER_SECOND)
}

fn market(seed: u64) -> Market {
    Market::new(MarketConfig::new(seed, START)).unwrap()
}

fn run(market: &mut Market, seconds: i64) -> Vec<Happening> {
    let mut happenings = Vec::new();
    market.run_until(after(seconds), &mut happenings);
    happenings
}

fn levels(market: &Market, side: Side) -> BTreeMap<Ticks, Lots> {
    market.book().levels(side).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn nothing_is_made_or_lost_and_the_changes_tell_the_book(seed: u64) {
        let mut market = market(seed);
        let mut shown = [Side::Buy, Side::Sell].map(|side| levels(&market, side));
        let (mut update, mut trade, mut ts) = (market.update_id(), None, START);
        for second in 1..=60 {
            for happening in run(&mut market, second) {
                prop_assert!(happening.ts >= ts, "time goes on");
                ts = happening.ts;
                match happening.body {
                    HappeningBody::Level { update_id, side, price, lots } => {
                        prop_assert_eq!(update_id, update + 1, "no change is left out");
                        update = update_id;
                        let levels = &mut shown[usize::from(side == Side::Sell)];
                        match lots {
                            Lots(0) => drop(levels.remove(&price)),
                            _ => drop(levels.insert(price, lots)),
                        }
                        let [bids, asks] = &shown;
                        let best = bids.last_key_value().zip(asks.first_key_value());
                        prop_assert!(best.is_none_or(|(bid, ask)| bid.0 < ask.0), "crossed");
                    }
                    HappeningBody::Trade { number, fill } => {
                        prop_assert!(trade.is_none_or(|last| number == last + 1));
                        trade = Some(number);
                        prop_assert!(fill.lots.0 > 0);
                        prop_assert!(fill.maker.owner != fill.taker.owner, "nobody trades with itself");
                    }
                    HappeningBody::UnwindBegan { .. } | HappeningBody::UnwindEnded { .. } => {}
                }
            }
            prop_assert_eq!(&shown[0], &levels(&market, Side::Buy));
            prop_assert_eq!(&shown[1], &levels(&market, Side::Sell));
            prop_assert_eq!(market.accounts().map(|a| a.position.0).sum::<i64>(), 0);
            prop_assert_eq!(market.accounts().map(|a| a.cash).sum::<i128>(), 0);
        }
        prop_assert!(trade.is_some(), "somebody trades within a minute");
        prop_assert_eq!(market.refused(), 0);
    }
}

#[test]
fn a_seed_is_a_world() {
    let of = |seed| run(&mut market(seed), 30);
    assert_eq!(of(5), of(5));
    assert_ne!(of(5), of(6));
    // Running in pieces changes nothing.
    let mut pieces = market(5);
    let mut happenings = Vec::new();
    for tenth in 1..=300 {
        let until = UnixNanos(START.0 + tenth * 100_000_000);
        pieces.run_until(until, &mut happenings);
        assert_eq!(pieces.now(), until);
    }
    assert_eq!(happenings, of(5));
}

/// Standard deviation in bp of 5 s returns, spreads, and unwinds, of hours of markets of several seeds.
#[test]
fn the_default_market_is_not_absurd() {
    let (hours, mut unwinds, mut open) = (3, 0, BTreeMap::new());
    for seed in 1..=hours {
        let mut market = market(seed);
        let (mut squares, mut last, mut spreads) = (0.0, None, 0);
        for at in 1..=720 {
            for happening in run(&mut market, at * 5) {
                match happening.body {
                    HappeningBody::UnwindBegan { maker, position } => {
                        unwinds += 1;
                        assert!(open.insert((seed, maker), position).is_none());
                    }
                    HappeningBody::UnwindEnded { maker, position } => {
                        let began = open.remove(&(seed, maker)).expect("it had begun");
                        assert!(
                            position.0.abs() < began.0.abs(),
                            "{position} of {began} are left"
                        );
                    }
                    _ => {}
                }
            }
            let view = market.floor.view(Owner(0));
            let spread = view.ask.0 - view.bid.0;
            assert!((1..=100).contains(&spread), "a spread of {spread} ticks");
            spreads += spread;
            let log = view.mid().ln();
            squares += last.map_or(0.0, |last: f64| (log - last).powi(2));
            last = Some(log);
        }
        let deviation = (squares / 719.0).sqrt() * 1e4;
        assert!(
            (0.5..20.0).contains(&deviation),
            "5 s returns of {deviation} bp"
        );
        let spread = spreads as f64 / 720.0;
        assert!((1.0..10.0).contains(&spread), "a spread of {spread} ticks");
    }
    let per_hour = f64::from(unwinds) / hours as f64;
    assert!(
        (0.5..10.0).contains(&per_hour),
        "{per_hour} unwinds an hour"
    );
}

#[test]
fn the_truth_is_the_makers_accounts() {
    let mut market = market(3);
    let truths = |market: &Market| Vec::from_iter(market.truth());
    assert!(
        truths(&market)
            .iter()
            .all(|t| t.position == Lots(0) && t.equity == 0.0)
    );
    run(&mut market, 60);
    let limits = MarketConfig::new(3, START)
        .makers
        .iter()
        .map(|m| m.limit)
        .collect::<Vec<_>>();
    let truths = truths(&market);
    assert_eq!(truths.iter().map(|t| t.limit).collect::<Vec<_>>(), limits);
    for truth in &truths {
        let account = market.accounts().find(|a| a.owner == truth.maker).unwrap();
        assert_eq!(account.position, truth.position);
        assert!(truth.state != MakerState::Quoting || truth.position.0 * (truth.skew as i64) <= 0);
    }
    assert!(
        truths.iter().any(|t| t.position != Lots(0)),
        "makers trade within a minute"
    );
}

/// Breaks one parameter; the error must name it.
fn check_refused(name: &str, change: impl FnOnce(&mut MarketConfig)) {
    let mut config = MarketConfig::new(1, START);
    change(&mut config);
    let error = Market::new(config).map(drop).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{name} must be ")), "{error}");
}

#[test]
fn parameters_out_of_range_are_named() {
    check_refused("founding_price", |c| c.founding_price = Ticks(0));
    check_refused("founding_spread", |c| c.founding_spread = 0);
    check_refused("crowd orders_per_s", |c| c.crowd.orders_per_s = f64::NAN);
    check_refused("crowd size median", |c| c.crowd.size.median = 0.0);
    check_refused("taker chase", |c| c.takers.chase = 1.5);
    check_refused("value lots_per_tick", |c| c.value.lots_per_tick = -1.0);
    check_refused("splitter most", |c| c.splitters[0].most = 1.0);
    check_refused("trend half_life_s", |c| c.trends[1].half_life_s = 0.0);
    check_refused("maker unwind_to", |c| c.makers[2].unwind_to = 1.0);
    check_refused("maker least variance", |c| {
        c.makers[0].variance.0 = f64::INFINITY
    });
    check_refused("number of agents", |c| {
        c.splitters = vec![c.splitters[0]; 60_000]
    });
}

#[test]
fn a_market_of_takers_alone_runs_dry_without_harm() {
    let mut config = MarketConfig::new(1, START);
    config.crowd.orders_per_s = 1e-6;
    config.takers.orders_per_s = 50.0;
    config.makers.clear();
    let mut market = Market::new(config).unwrap();
    run(&mut market, 60);
    assert!(market.book().is_empty());
    assert_eq!(market.accounts().map(|a| a.position.0).sum::<i64>(), 0);
}
