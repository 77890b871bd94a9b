//! The laws of the schema: mirror, scale, streaming equals batch, prefix, no NaN; and that depth updates and
//! snapshots of the same book say the same.

use super::market::{Market, Trouble, as_deltas, as_snapshots};
use super::*;
use mce_market::BookDelta;
use proptest::prelude::*;

/// Levels looked at: fewer than the made-up books have.
const DEPTH: usize = 5;

fn engine_of(mode: InputMode) -> FeatureEngine {
    engine_scaled(mode, 1)
}

/// An engine whose tick is that of the made-up market times `tick`.
fn engine_scaled(mode: InputMode, tick: i64) -> FeatureEngine {
    let config = config(5.0, 60, DEPTH, mode);
    let scale = |decimals| Scale::new(decimals).unwrap();
    let tick = (scale(2), Price::from_units(50 * tick));
    let lot = (scale(3), Qty::from_units(1));
    let instrument = Instrument::new("v", "s", InstrumentKind::Spot, tick, lot).unwrap();
    FeatureEngine::new(InstrumentId(3), &instrument, config)
}

/// Every event with prices and sizes changed; `mirror` swaps the sides as well.
fn transformed(
    events: &[MarketEvent],
    price: impl Fn(i64) -> i64,
    size: impl Fn(i64) -> i64,
    mirror: bool,
) -> Vec<MarketEvent> {
    let at = |p: Price| Price::from_units(price(p.units()));
    let of = |q: Qty| Qty::from_units(size(q.units()));
    let side = |levels: &[Level]| -> Vec<Level> {
        levels
            .iter()
            .map(|l| Level::new(at(l.price), of(l.qty)))
            .collect()
    };
    let sides = |bids: &[Level], asks: &[Level]| {
        let (bids, asks) = (side(bids), side(asks));
        if mirror { (asks, bids) } else { (bids, asks) }
    };
    let turned = |side: Side| if mirror { side.opposite() } else { side };
    let body = |body: &EventBody| match body {
        EventBody::Snapshot(s) => {
            let (bids, asks) = sides(&s.bids, &s.asks);
            EventBody::Snapshot(BookSnapshot {
                bids,
                asks,
                update_id: None,
            })
        }
        EventBody::Delta(d) => {
            let (bids, asks) = sides(&d.bids, &d.asks);
            EventBody::Delta(BookDelta {
                bids,
                asks,
                ..BookDelta::default()
            })
        }
        EventBody::Trade(t) => EventBody::Trade(Trade {
            price: at(t.price),
            qty: of(t.qty),
            aggressor: turned(t.aggressor),
            ..*t
        }),
        EventBody::Liquidation(l) => EventBody::Liquidation(Liquidation {
            side: turned(l.side),
            price: at(l.price),
            qty: of(l.qty),
        }),
        other => other.clone(),
    };
    events
        .iter()
        .map(|e| MarketEvent {
            body: body(&e.body),
            ..e.clone()
        })
        .collect()
}

fn events_of(seed: u64, trouble: Trouble, mode: InputMode, count: usize) -> Vec<MarketEvent> {
    let mut market = Market::new(seed, trouble);
    let steps = market.steps(count);
    if mode == InputMode::Deltas {
        as_deltas(&market.start, &steps)
    } else {
        as_snapshots(&steps, DEPTH)
    }
}

fn modes() -> impl Strategy<Value = InputMode> {
    prop::sample::select(MODES.to_vec())
}

const ODD: [usize; 9] = [2, 3, 4, 5, 6, 7, 8, 9, 12];

#[track_caller]
fn assert_close(got: f64, want: f64, tolerance: f64, what: &str) {
    let allowed = tolerance.max(tolerance * want.abs());
    assert!((got - want).abs() <= allowed, "{what}: {got}, not {want}");
}

/// Where two series part, in words.
pub(super) fn first_difference(got: &[Sample], want: &[Sample]) -> Option<String> {
    let pairs = got.iter().zip(want);
    let parted = pairs.enumerate().find(|(_, (a, b))| a != b);
    match parted {
        Some((at, (a, b))) => Some(format!("at {at}: {a:?}, not {b:?}")),
        None if got.len() != want.len() => {
            Some(format!("{} samples, not {}", got.len(), want.len()))
        }
        None => None,
    }
}

#[test]
fn the_made_up_market_is_worth_testing_with() {
    let mut counters = crate::engine::Counters::default();
    let (mut samples, mut unmasked) = (0, 0);
    for seed in 0..40 {
        let mut engine = engine_of(InputMode::Deltas);
        let events = events_of(seed, Trouble::Everything, InputMode::Deltas, 600);
        let s = engine.run(&events).unwrap();
        samples += s.len();
        unmasked += s.iter().filter(|x| x.mask == 0).count();
        let c = engine.counters();
        counters.observations += c.observations;
        counters.invalid += c.invalid;
        counters.late += c.late;
        counters.gaps += c.gaps;
        counters.resets += c.resets;
    }
    assert!(samples > 5_000 && unmasked > 2_000, "{samples} {unmasked}");
    assert!(
        counters.observations > 8_000 && counters.invalid > 100,
        "{counters:?}"
    );
    assert!(
        counters.late > 100 && counters.gaps > 300 && counters.resets > 30,
        "{counters:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Depth updates collected level by level, snapshots of the best levels that a book follows, and snapshots that
    /// it does not follow when they are refused: the same samples, bit for bit.
    #[test]
    fn deltas_and_snapshots_say_the_same(seed: u64) {
        let mut market = Market::new(seed, Trouble::Everything);
        let steps = market.steps(400);
        let mut by_delta = engine_of(InputMode::Deltas);
        let want = by_delta.run(&as_deltas(&market.start, &steps)).unwrap();
        for (mode, depth) in [
            (InputMode::Deltas, DEPTH),
            (InputMode::Deltas, usize::MAX),
            (InputMode::SnapshotsTrades, DEPTH),
        ] {
            let mut engine = engine_of(mode);
            let got = engine.run(&as_snapshots(&steps, depth)).unwrap();
            prop_assert_eq!(first_difference(&got, &want), None);
            prop_assert_eq!(engine.counters(), by_delta.counters());
        }
    }

    #[test]
    fn mirrored_markets_have_mirrored_features(seed: u64, mode in modes()) {
        let events = events_of(seed, Trouble::Gaps, mode, 500);
        let a = engine_of(mode).run(&events).unwrap();
        let m = |p: i64| 100_000 - p;
        let b = engine_of(mode).run(&transformed(&events, m, |q| q, true)).unwrap();
        prop_assert_eq!(a.len(), b.len());
        for (x, y) in a.iter().zip(&b) {
            prop_assert_eq!(x.mask, y.mask);
            for n in 1..=14 {
                let sign = if ODD.contains(&n) { -1.0 } else { 1.0 };
                // 1, 9 and 13 see the price level: the mid has moved by some per cent at most.
                let tolerance = if [1, 9, 13].contains(&n) { 0.15 } else { 1e-9 };
                assert_close(y.features[n - 1], sign * x.features[n - 1], tolerance, FEATURE_NAMES[n - 1]);
            }
        }
    }

    #[test]
    fn powers_of_two_change_no_bit_and_other_factors_little(
        seed: u64,
        mode in modes(),
        factor in prop::sample::select(vec![2i64, 1 << 7, 1 << 20, 3, 17, 1_000_003]),
        of_price: bool,
    ) {
        let events = events_of(seed, Trouble::Gaps, mode, 400);
        let base = engine_of(mode).run(&events).unwrap();
        let (price, size) = if of_price { (factor, 1) } else { (1, factor) };
        let events = transformed(&events, |p| p * price, |q| q * size, false);
        let other = engine_scaled(mode, price).run(&events).unwrap();
        prop_assert_eq!(base.len(), other.len());
        for (x, y) in base.iter().zip(&other) {
            prop_assert_eq!(x.mask, y.mask);
            if factor.count_ones() == 1 {
                prop_assert_eq!(x.features.map(f64::to_bits), y.features.map(f64::to_bits));
                prop_assert_eq!(x.sigma.to_bits(), y.sigma.to_bits());
            } else {
                for (n, name) in FEATURE_NAMES.iter().enumerate() {
                    assert_close(y.features[n], x.features[n], 1e-9, name);
                }
                assert_close(y.sigma, x.sigma, 1e-9, "sigma");
            }
        }
    }

    #[test]
    fn the_future_changes_no_settled_sample(seed: u64, mode in modes(), cut in 1usize..400) {
        let events = events_of(seed, Trouble::Everything, mode, 400);
        let cut = cut.min(events.len());
        let whole = engine_of(mode).run(&events).unwrap();
        let part = engine_of(mode).run(&events[..cut]).unwrap();
        // At the very time of the last event a book may still follow, or a gap.
        let last = events[..cut].iter().filter_map(|e| e.ts_exchange).max();
        let settled: Vec<_> = part.iter().filter(|s| Some(s.ts) < last).collect();
        prop_assert!(settled.iter().copied().eq(whole.iter().take(settled.len())));
    }

    /// One call at a time gives what the batch gives; clocks that are not ahead of the events after them settle only
    /// what those would settle as well.
    #[test]
    fn streaming_is_batch_and_clocks_in_step_change_nothing(seed: u64, mode in modes(), ticks in 1u64..4) {
        // An announced gap may take the last sample away unless a clock settled it first.
        let events = events_of(seed, Trouble::Silences, mode, 300);
        let batch = engine_of(mode).run(&events).unwrap();
        let mut least = vec![i64::MAX; events.len() + 1];
        for (at, event) in events.iter().enumerate().rev() {
            let ts = event.ts_exchange.map_or(i64::MAX, |ts| ts.0);
            least[at] = least[at + 1].min(ts);
        }
        let mut engine = engine_of(mode);
        let mut out = Vec::new();
        for (at, event) in events.iter().enumerate() {
            for tick in (0..ticks as i64).rev() {
                if least[at] != i64::MAX {
                    engine.on_event(&clock_ns(least[at] - tick * 700_000_000), &mut out).unwrap();
                }
            }
            engine.on_event(event, &mut out).unwrap();
        }
        engine.finish(&mut out);
        prop_assert_eq!(first_difference(&out, &batch), None);
    }

    #[test]
    fn nothing_is_nan_or_infinite(
        steps in prop::collection::vec(
            (
                prop::sample::select(vec![0i64, 1, 300_000_000, NS, 2 * NS, 59 * NS, 100 * NS, 301 * NS]),
                prop::sample::select(vec![2i64, 1_000, 1 << 40, 1 << 55]),
                prop::collection::vec((1i64..1 << 56, 1i64..i64::MAX), 1..8),
                prop::collection::vec((1i64..1 << 56, 1i64..i64::MAX), 1..8),
                prop::option::of((1i64..i64::MAX, 1i64..i64::MAX, any::<bool>())),
            ),
            1..120,
        ),
        mode in modes(),
    ) {
        let mut engine = FeatureEngine::new(
            InstrumentId(3),
            &instrument(0.01),
            config(1.0, 60, DEPTH, mode),
        );
        let mut out = Vec::new();
        let mut ts = 0;
        for (dt, mid, bids, asks, trade) in steps {
            ts += dt;
            // Prices from a unit to the largest that there are, spreads from a unit to the whole range.
            let side = |offsets: &[(i64, i64)], sign: i64| {
                let mut levels: Vec<_> = offsets
                    .iter()
                    .map(|(o, q)| (mid + sign * (o % (1 + mid / 2) + (sign > 0) as i64), *q))
                    .filter(|(p, _)| *p > 0)
                    .map(|(p, q)| Level::new(Price::from_units(p), Qty::from_units(q)))
                    .collect();
                levels.sort_by_key(|l| sign * l.price.units());
                levels.dedup_by_key(|l| l.price);
                levels
            };
            let (bids, asks) = (side(&bids, -1), side(&asks, 1));
            engine.observe(UnixNanos(ts), &bids, &asks, &mut out).unwrap();
            if let Some((price, qty, buys)) = trade {
                let body = EventBody::Trade(Trade {
                    id: 0,
                    price: Price::from_units(price),
                    qty: Qty::from_units(qty),
                    aggressor: if buys { Side::Buy } else { Side::Sell },
                });
                engine.on_event(&event(Some(ts), body), &mut out).unwrap();
            }
        }
        engine.finish(&mut out);
        for s in out {
            let others = [
                s.mid, s.spread, s.sigma, s.near_bid, s.near_ask, s.ema_near_bid, s.ema_near_ask,
                s.ema_spread, s.v_buy, s.v_sell, s.liquidations,
            ];
            prop_assert!(s.features.iter().chain(&others).all(|v| v.is_finite()), "{s:?}");
            prop_assert!(s.sigma > 0.0);
        }
    }
}
