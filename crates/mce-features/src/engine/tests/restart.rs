//! An engine restored from its saved state is the engine that never stopped.

use super::laws::first_difference;
use super::market::{Market, Trouble, as_deltas, as_snapshots};
use super::*;
use crate::error::FeatureError;
use proptest::prelude::*;

fn restored(engine: &FeatureEngine, text: &str) -> Result<FeatureEngine, FeatureError> {
    FeatureEngine::restore(InstrumentId(3), &instrument(0.5), *engine.config(), text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_restart_changes_no_bit(
        seed: u64,
        by_delta: bool,
        cuts in prop::collection::btree_set(0usize..400, 1..5),
    ) {
        let mut market = Market::new(seed, Trouble::Everything);
        let steps = market.steps(400);
        let (mode, events) = if by_delta {
            (InputMode::Deltas, as_deltas(&market.start, &steps))
        } else {
            (InputMode::SnapshotsTrades, as_snapshots(&steps, 7))
        };
        let config = config(5.0, 60, 5, mode);
        let mut whole = engine_with(0.5, config);
        let want = whole.run(&events).unwrap();
        let mut engine = engine_with(0.5, config);
        let mut got = Vec::new();
        for (at, event) in events.iter().enumerate() {
            if cuts.contains(&at) {
                let text = engine.save();
                engine = restored(&engine, &text).unwrap();
                prop_assert_eq!(engine.save(), text);
            }
            engine.on_event(event, &mut got).unwrap();
        }
        engine.finish(&mut got);
        prop_assert_eq!(first_difference(&got, &want), None);
        prop_assert_eq!(engine.save(), whole.save());
        prop_assert_eq!(engine.book(), whole.book());
    }
}

#[test]
fn the_tick_of_the_stream_survives_a_restart() {
    let mut engine = engine(InputMode::Deltas);
    let wider = EventBody::Instrument(std::sync::Arc::new(instrument(12.0)));
    let mut out = Vec::new();
    for event in [book(0.0), event(None, wider)] {
        engine.on_event(&event, &mut out).unwrap();
    }
    let mut again = restored(&engine, &engine.save()).unwrap();
    again.finish(&mut out);
    assert_near(out[0].sigma, 12.0 / 200.0 / 300f64.sqrt());
}

#[test]
fn a_state_of_something_else_is_refused_and_says_what_differs() {
    let mut source = engine(InputMode::Deltas);
    source.on_event(&book(0.0), &mut Vec::new()).unwrap();
    let text = source.save();
    let check = |from: &str, to: &str, message: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        let error = restored(&source, &text.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    };
    check(
        "features/1",
        "features/0",
        r#"schema is "mce-features/0", not "mce-features/1""#,
    );
    check(r#""version":1"#, r#""version":9"#, "version is 9, not 1");
    check(r#""mode":"D""#, r#""mode":"T""#, r#"mode is "T", not "D""#);
    check(
        "10000000000",
        "5000000000",
        "interval_ns is 5000000000, not 10000000000",
    );
    check(
        "60000000000",
        "40000000000",
        "max_quiet_ns is 40000000000, not 60000000000",
    );
    check(r#""depth":50"#, r#""depth":5"#, "depth is 5, not 50");
    check(
        r#""venue":"v""#,
        r#""venue":"w""#,
        r#"venue is "w", not "v""#,
    );
    check(
        r#""symbol":"s""#,
        r#""symbol":"t""#,
        r#"symbol is "t", not "s""#,
    );
    check(
        r#""price_scale":2"#,
        r#""price_scale":4"#,
        "price_scale is 4, not 2",
    );
    check(
        r#""qty_scale":3"#,
        r#""qty_scale":0"#,
        "qty_scale is 0, not 3",
    );
    check(r#""tick":1,"#, r#""tick":0,"#, "tick must be above 0");
    check(r#""bid":[9900,"#, r#""bid":[-1,"#, "prices that rise");
    check(r#""bids":[[9900,2000]"#, r#""bids":[[9900,0]"#, "size");
    check(r#"{"schema""#, r#"{"schemes""#, "is not readable");
}
