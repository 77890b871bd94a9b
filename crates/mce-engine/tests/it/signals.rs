//! From events to signals: the stream, the series and the batch say the same, and what is unknown says why.

use crate::market::{ENCODER, bundle, events, series};
use mce_engine::evaluate::predict;
use mce_engine::pipeline::{RealtimePipeline, Update, known_inputs};
use mce_features::labels::skew_signal;
use mce_features::{FeatureConfig, N_FEATURES, Sample};
use mce_market::{
    AbsentReason, InstrumentId, Level, Price, Qty, Quality, Reading, Signal, Snapshot, UnixNanos,
};
use mce_tft::{Window, WindowTable, WindowTableParts};
use std::time::Duration;

const ID: InstrumentId = InstrumentId(0);

fn absent(reason: AbsentReason) -> [Reading; 2] {
    [Reading::Absent(reason.clone()), Reading::Absent(reason)]
}

fn readings(signal: &Signal) -> [Reading; 2] {
    [signal.skew.clone(), signal.pressure.clone()]
}

/// The updates of a pipeline on the market's events.
fn streamed(mut pipeline: RealtimePipeline) -> Vec<Update> {
    let mut updates = Vec::new();
    for event in events() {
        pipeline.process_update(&event, &mut updates).unwrap();
    }
    pipeline.finish(ID, &mut updates).unwrap();
    updates
}

/// The signals of a pipeline on samples.
fn signals(samples: &[Sample]) -> Vec<Signal> {
    let mut pipeline = RealtimePipeline::new(bundle());
    let mut updates = Vec::new();
    for sample in samples {
        let instrument = &series().instrument;
        pipeline
            .process_sample(sample, instrument, &mut updates)
            .unwrap();
    }
    updates.into_iter().map(|update| update.signal).collect()
}

#[test]
fn the_stream_says_what_the_series_says() {
    let updates = streamed(RealtimePipeline::new(bundle()));
    let (samples, said): (Vec<Sample>, Vec<Signal>) =
        updates.into_iter().map(|u| (u.sample, u.signal)).unzip();
    assert!(samples.len() > 800, "{} samples", samples.len());
    assert_eq!(samples, series().samples);
    assert_eq!(said, predict(&bundle(), series()).unwrap());
}

#[test]
fn the_stream_says_what_the_batch_says() {
    let (bundle, series) = (bundle(), series());
    let (model, samples) = (bundle.model(), &series.samples);
    let config = model.config();
    let row = bundle.normalizer().row(series.instrument.symbol());
    let mut parts = WindowTableParts::default();
    for sample in samples {
        parts.observed.extend(row.apply(sample));
        parts.known.extend(known_inputs(sample.ts));
    }
    for (first_row, window) in samples.windows(ENCODER).enumerate() {
        let last = window[ENCODER - 1].ts;
        assert_eq!(
            last.since(window[0].ts),
            5_000_000_000 * (ENCODER as i64 - 1)
        );
        parts.windows.push(Window {
            first_row,
            symbol: 1,
        });
        let next = known_inputs(last.saturating_add(Duration::from_secs(5)));
        parts.future_known.extend(next);
        parts.labels.extend(vec![None; config.heads().len()]);
    }
    let table = WindowTable::new(config, parts).unwrap();
    let batch = model.predict(&table, 2).unwrap();
    let said = predict(&bundle, series).unwrap();
    let outputs = batch.chunks_exact(config.n_outputs());
    assert_eq!(outputs.len(), said.len() - (ENCODER - 1));
    let kappa = bundle.calibration().kappa;
    for (signal, output) in said[ENCODER - 1..].iter().zip(outputs) {
        let batch = bundle.read_output(output);
        for (stream, batch) in signal.bands.unwrap().iter().zip(batch.bands) {
            assert!((stream - batch).abs() <= 1e-6, "{stream}, {batch}");
        }
        let skew = signal.skew.value().unwrap();
        assert!((skew - skew_signal(kappa, batch.z)).abs() <= 1e-6 * kappa.max(1.0));
        if let Some(probability) = signal.probability {
            assert!((probability - batch.probability).abs() <= 1e-6);
        }
    }
}

#[test]
fn a_signal_comes_with_everything_that_it_was_made_of() {
    let bundle = bundle();
    for (signal, sample) in predict(&bundle, series())
        .unwrap()
        .iter()
        .zip(&series().samples)
    {
        assert_eq!((signal.ts, signal.age_ns), (sample.ts, sample.age_ns()));
        let Some(skew) = signal.skew.value() else {
            assert_eq!((signal.bands, &signal.model), (None, &None));
            continue;
        };
        assert!(skew.abs() <= 1.0);
        assert!(
            signal
                .pressure
                .value()
                .is_none_or(|p| (0.0..=1.0).contains(&p))
        );
        assert!(signal.bands.unwrap().is_sorted());
        assert_eq!(signal.model.as_ref(), Some(bundle.id()));
        for weights in [&signal.variable_weights, &signal.attention] {
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        // The step ahead looks at itself too.
        assert_eq!(signal.attention.len(), ENCODER + 1);
        assert_eq!(signal.variable_weights.len(), N_FEATURES + 2);
    }
}

#[test]
fn without_a_model_every_signal_says_so() {
    let updates = streamed(RealtimePipeline::without_model(FeatureConfig::default()));
    assert_eq!(updates.len(), series().samples.len());
    for (update, sample) in updates.iter().zip(&series().samples) {
        assert_eq!(&update.sample, sample);
        assert_eq!(readings(&update.signal), absent(AbsentReason::NoModel));
        assert_eq!(
            (update.signal.mask, &update.signal.model),
            (sample.mask, &None)
        );
    }
}

#[test]
fn a_window_that_is_not_full_is_warm_up() {
    let said = predict(&bundle(), series()).unwrap();
    let (warm_up, rest) = said.split_at(ENCODER - 1);
    for signal in warm_up {
        assert_eq!(readings(signal), absent(AbsentReason::WarmUp));
    }
    assert!(rest.iter().all(|signal| signal.skew.value().is_some()));
}

#[test]
fn a_masked_sample_keeps_its_mask() {
    let said = predict(&bundle(), series()).unwrap();
    let mut masked = 0;
    for (signal, sample) in said.iter().zip(&series().samples) {
        assert_eq!(signal.mask, sample.mask);
        let quality = if sample.mask == 0 {
            Quality::Good
        } else {
            Quality::Masked
        };
        assert_eq!(signal.quality, quality);
        masked += usize::from(sample.mask != 0 && signal.skew.value().is_some());
    }
    assert!(masked > 0 && said.iter().any(|signal| signal.mask == 0));
}

#[test]
fn a_masked_feature_does_not_reach_the_model() {
    let samples = &series().samples[100..200];
    let masked = |value: f64| {
        let mut samples = samples.to_vec();
        for sample in &mut samples[50..] {
            sample.mask = 0b100;
            sample.features[2] = value;
        }
        signals(&samples)
    };
    assert_eq!(masked(0.0), masked(0.9));
    assert_ne!(masked(0.0), signals(samples));
}

#[test]
fn a_hole_in_the_grid_begins_the_window_anew() {
    let samples = &series().samples[100..300];
    let (before, after) = samples.split_at(70);
    let after = &after[1..];
    let broken = signals(&[before, after].concat());
    assert_eq!(broken[..70], signals(before));
    // What follows the hole knows nothing of what was before it.
    assert_eq!(broken[70..], signals(after));
    for signal in &broken[70..70 + ENCODER - 1] {
        assert_eq!(readings(signal), absent(AbsentReason::WarmUp));
    }
    assert!(broken[70 + ENCODER - 1].skew.value().is_some());
    // And without one, it does.
    assert_ne!(signals(samples)[71..], broken[70..]);
}

#[test]
fn a_sample_that_comes_twice_begins_the_window_anew() {
    let samples = &series().samples[100..160];
    let mut twice = samples[..30].to_vec();
    twice.extend_from_slice(&samples[29..]);
    let said = signals(&twice);
    assert!(said[29].skew.value().is_some());
    assert_eq!(readings(&said[30]), absent(AbsentReason::WarmUp));
    assert_eq!(said[30..], signals(&samples[29..]));
}

#[test]
fn instruments_do_not_touch_each_other() {
    let mut pipeline = RealtimePipeline::new(bundle());
    let events = events();
    let mut both = Vec::new();
    // The second one is behind the first, so that nothing of the two coincides.
    let behind = 5_000;
    for at in 0..events.len() + behind {
        if let Some(event) = events.get(at) {
            pipeline.process_update(event, &mut both).unwrap();
        }
        if let Some(event) = at.checked_sub(behind).map(|at| &events[at]) {
            let mut event = event.clone();
            event.instrument = InstrumentId(7);
            pipeline.process_update(&event, &mut both).unwrap();
        }
    }
    for id in [ID, InstrumentId(7)] {
        pipeline.finish(id, &mut both).unwrap();
        let own: Vec<Update> = both
            .iter()
            .filter(|update| update.sample.instrument == id)
            .cloned()
            .map(|mut update| {
                (update.sample.instrument, update.signal.instrument) = (ID, ID);
                update
            })
            .collect();
        let alone = predict(&bundle(), series()).unwrap();
        assert_eq!(own.len(), alone.len());
        for ((update, sample), signal) in own.iter().zip(&series().samples).zip(&alone) {
            assert_eq!((&update.sample, &update.signal), (sample, signal));
        }
    }
}

/// A book of one level a side at a time.
fn snapshot(ts: UnixNanos) -> Snapshot {
    let level = |price, qty| vec![Level::new(Price::from_units(price), Qty::from_units(qty))];
    Snapshot {
        instrument: ID,
        ts,
        bids: level(9_999, 100),
        asks: level(10_001, 100),
        update_id: None,
        quality: Quality::Good,
    }
}

#[test]
fn polling_says_why_there_is_nothing() {
    let mut pipeline = RealtimePipeline::new(bundle());
    let event_first = pipeline.process_snapshot(ID, Some(&snapshot(UnixNanos(1))));
    assert!(event_first.is_err(), "the instrument is not defined");
    pipeline.define(ID, &series().instrument);
    let none = pipeline.process_snapshot(ID, None).unwrap();
    assert_eq!(readings(&none), absent(AbsentReason::NoSnapshot));
    assert_eq!(none.quality, Quality::Unsynced);
    let at = |seconds: i64| snapshot(UnixNanos(seconds * UnixNanos::PER_SECOND));
    let first = pipeline.process_snapshot(ID, Some(&at(1_001))).unwrap();
    assert_eq!(readings(&first), absent(AbsentReason::WarmUp));
    for seconds in 1_002..=1_100 {
        let signal = pipeline.process_snapshot(ID, Some(&at(seconds))).unwrap();
        assert_eq!(signal.skew.value().is_some(), seconds > 1_060, "{seconds}");
    }
    // Nobody asked for so long that the latest signal is of a market that is gone.
    let stale = pipeline.process_snapshot(ID, Some(&at(1_300))).unwrap();
    assert_eq!(readings(&stale), absent(AbsentReason::Stale));
}

#[test]
fn an_event_before_its_instrument_is_refused() {
    let events = events();
    let trade = events.iter().find(|e| e.ts_exchange.is_some()).unwrap();
    let mut pipeline = RealtimePipeline::without_model(FeatureConfig::default());
    let error = pipeline.process_update(trade, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("before its definition"));
    assert!(pipeline.finish(ID, &mut Vec::new()).is_err());
    assert!(pipeline.latest(ID).is_none());
    let book = series().instrument.clone();
    pipeline.define(ID, &book);
    assert!(pipeline.features(ID).unwrap().book().is_empty());
}
