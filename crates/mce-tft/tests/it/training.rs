//! The trainer: it learns, repeats itself, stops and goes on.

use std::ops::ControlFlow;

use mce_tft::{
    Batch, BatchRunner, Head, Isa, Params, Progress, StopReason, TftConfig, TftError, TftModel,
    TftSpec, TrainOptions, TrainReport, Trainer, Weights, Window, WindowSource, WindowTable,
    WindowTableParts,
};

use crate::numbers::floats;

const L: usize = 6;

fn config(dropout: f64) -> TftConfig {
    TftConfig::new(TftSpec {
        n_observed: 3,
        n_symbols: 3,
        encoder_len: L,
        hidden: 8,
        attention_heads: 2,
        dropout,
        heads: vec![Head::quantiles("z"), Head::logit("p")],
        ..TftSpec::default()
    })
    .expect("legal")
}

/// Windows whose labels follow from the last row's first input and the mean of the second.
fn table(config: &TftConfig, seed: u64, n: usize) -> WindowTable {
    let rows = n + L;
    let observed = floats(seed, rows * 3);
    let noise = floats(seed + 1, n);
    let labels = (0..n).flat_map(|window| {
        let column = |row: usize, column: usize| observed[(window + row) * 3 + column];
        let mean = (0..L).map(|row| column(row, 1)).sum::<f32>() / L as f32;
        let z = 2.0 * column(L - 1, 0) + mean + 0.1 * noise[window];
        [
            Some(z).filter(|_| window % 11 != 3),
            Some(f32::from(z > 0.5)).filter(|_| window % 7 != 2),
        ]
    });
    let parts = WindowTableParts {
        labels: labels.collect(),
        known: floats(seed + 2, rows * 2),
        future_known: floats(seed + 3, n * 2),
        windows: (0..n)
            .map(|i| Window {
                first_row: i,
                symbol: 1 + (i / 50 % 2) as u32,
            })
            .collect(),
        observed,
    };
    WindowTable::new(config, parts).expect("legal")
}

fn options() -> TrainOptions {
    TrainOptions {
        epochs: 6,
        batch_windows: 50,
        learning_rate: 5e-3,
        warmup_steps: 10,
        ..TrainOptions::default()
    }
}

fn go_on(_: &Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn train(options: TrainOptions, dropout: f64) -> (Trainer, TrainReport) {
    let config = config(dropout);
    let (learn, check) = (table(&config, 1, 500), table(&config, 100, 150));
    let mut trainer = Trainer::new(&config, options, Params::init(&config, 1)).expect("legal");
    let report = trainer
        .fit(&learn, Some(&check), &mut go_on)
        .expect("finite");
    (trainer, report)
}

fn values(params: &Params<f32>) -> Vec<u32> {
    params
        .tensors()
        .flat_map(|tensor| tensor.values)
        .map(|x| x.to_bits())
        .collect()
}

#[test]
fn it_learns() {
    let (mut trainer, report) = train(
        TrainOptions {
            epochs: 15,
            ..options()
        },
        0.05,
    );
    let losses: Vec<f64> = report
        .epochs
        .iter()
        .map(|epoch| epoch.validation.as_ref().expect("a validation set").total)
        .collect();
    println!("{losses:?}");
    assert_eq!(
        (losses.len(), report.stop, report.samples),
        (15, StopReason::Finished, 15 * 500)
    );
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(best < 0.5 * losses[0], "{losses:?}");
    assert_eq!(losses[report.best_epoch.expect("an epoch ended")], best);
    let again = trainer
        .evaluate(&table(&config(0.05), 100, 150))
        .expect("legal");
    assert_eq!(again.total, losses[14]);
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    let of = |threads, seed, run_windows| {
        let options = TrainOptions {
            threads,
            seed,
            run_windows,
            epochs: 2,
            ..options()
        };
        let (trainer, report) = train(options, 0.2);
        (values(trainer.params()), report.epochs)
    };
    for run_windows in [1, 16] {
        let one = of(1, 1, run_windows);
        assert_eq!(one, of(2, 1, run_windows));
        assert_eq!(one, of(5, 1, run_windows));
        assert_ne!(one.0, of(1, 2, run_windows).0);
    }
    assert_ne!(of(1, 1, 1).0, of(1, 1, 16).0);
}

#[test]
fn a_run_that_was_stopped_and_resumed_is_a_run_that_was_not() {
    let config = config(0.2);
    let (learn, check) = (table(&config, 1, 300), table(&config, 100, 80));
    let options = TrainOptions {
        epochs: 3,
        threads: 2,
        ..options()
    };
    let (whole, _) = {
        let mut trainer =
            Trainer::new(&config, options.clone(), Params::init(&config, 1)).expect("legal");
        let report = trainer
            .fit(&learn, Some(&check), &mut go_on)
            .expect("finite");
        (trainer, report)
    };
    // Stopped after every fourth step, saved, and resumed with another number of threads.
    let mut bytes = Trainer::new(&config, options.clone(), Params::init(&config, 1))
        .expect("legal")
        .to_bytes();
    let mut epochs = 0;
    let resumed = loop {
        let options = TrainOptions {
            threads: 1,
            ..options.clone()
        };
        let mut trainer = Trainer::resume(&config, options, &bytes).expect("our own bytes");
        let mut steps = 0;
        let report = trainer
            .fit(&learn, Some(&check), &mut |_| {
                steps += 1;
                if steps < 4 {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })
            .expect("finite");
        epochs += report.epochs.len();
        if report.stop != StopReason::Asked {
            break trainer;
        }
        assert_eq!(steps, 4);
        bytes = trainer.to_bytes();
    };
    assert_eq!(epochs, 3);
    assert_eq!(values(resumed.params()), values(whole.params()));
    assert_eq!(values(resumed.best_params()), values(whole.best_params()));
}

#[test]
fn resuming_something_else_is_refused() {
    let config = config(0.0);
    let bytes = Trainer::new(&config, options(), Params::init(&config, 1))
        .expect("legal")
        .to_bytes();
    let other = TrainOptions {
        learning_rate: 1e-4,
        ..options()
    };
    let Err(TftError::Resume { problem }) = Trainer::resume(&config, other, &bytes) else {
        panic!("a refusal")
    };
    assert!(
        problem.contains("0.005") && problem.contains("0.0001"),
        "{problem}"
    );
    let weights = Weights {
        params: Params::<f32>::init(&config, 1),
        metadata: Default::default(),
    };
    let refused = Trainer::resume(&config, options(), &weights.to_safetensors());
    assert!(matches!(refused, Err(TftError::WeightsMismatch { .. })));
}

#[test]
fn patience_ends_a_run_and_keeps_the_best() {
    // A learning rate that destroys what was learnt: the first epochs are the best.
    let options = TrainOptions {
        patience: Some(2),
        epochs: 50,
        learning_rate: 0.5,
        ..options()
    };
    let (trainer, report) = train(options, 0.0);
    assert_eq!(report.stop, StopReason::NoGain);
    let best = report.best_epoch.expect("an epoch ended");
    assert_eq!(report.epochs.len(), best + 3);
    assert_ne!(values(trainer.params()), values(trainer.best_params()));
}

#[test]
fn a_loss_that_explodes_is_named() {
    let config = config(0.0);
    let options = TrainOptions {
        learning_rate: 1e30,
        warmup_steps: 0,
        clip_norm: None,
        ..options()
    };
    let mut trainer = Trainer::new(&config, options, Params::init(&config, 1)).expect("legal");
    match trainer.fit(&table(&config, 1, 200), None, &mut go_on) {
        Err(TftError::NotFinite {
            epoch: 0,
            step,
            what,
        }) => {
            assert!(
                step > 0 && what.contains("gradient") && what.contains('.'),
                "step {step}: {what}"
            );
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
    assert_eq!(trainer.params().first_not_finite(), None);
}

#[test]
fn data_that_cannot_be_used_is_refused() {
    let config = config(0.0);
    let mut trainer = Trainer::new(&config, options(), Params::init(&config, 1)).expect("legal");
    let empty =
        WindowTable::new(&config, WindowTableParts::default()).expect("legal, if of no use");
    let full = table(&config, 1, 100);
    assert!(matches!(
        trainer.fit(&empty, None, &mut go_on),
        Err(TftError::TrainData { .. })
    ));
    assert!(matches!(
        trainer.fit(&full, Some(&empty), &mut go_on),
        Err(TftError::TrainData { .. })
    ));
}

#[test]
fn progress_is_reported_after_every_step() {
    let config = config(0.0);
    let options = TrainOptions {
        epochs: 2,
        ..options()
    };
    let mut trainer = Trainer::new(&config, options, Params::init(&config, 1)).expect("legal");
    let mut seen = Vec::new();
    let report = trainer
        .fit(&table(&config, 1, 120), None, &mut |progress| {
            assert!(
                progress.loss > 0.0 && progress.gradient_norm > 0.0 && progress.samples_per_s > 0.0
            );
            seen.push((progress.epoch, progress.step, progress.epoch_end.is_some()));
            ControlFlow::Continue(())
        })
        .expect("finite");
    assert_eq!(
        seen,
        [
            (0, 1, false),
            (0, 2, false),
            (0, 3, true),
            (1, 1, false),
            (1, 2, false),
            (1, 3, true)
        ]
    );
    assert!(
        report
            .epochs
            .iter()
            .all(|epoch| epoch.is_best && epoch.validation.is_none())
    );
    assert_eq!(values(trainer.params()), values(trainer.best_params()));
}

#[test]
fn predicting_a_table_is_the_batch_forward_and_the_stream() {
    let config = config(0.3);
    let table = table(&config, 1, 100);
    let weights = Weights {
        params: Params::init(&config, 4),
        metadata: Default::default(),
    };
    let model = TftModel::with_isa(config.clone(), weights, Isa::detect());
    let y = model.predict(&table, 1).expect("legal");
    assert_eq!(y, model.predict(&table, 3).expect("legal"));
    let mut runner = BatchRunner::new(&config, Isa::detect());
    runner.load(model.params());
    for window in [0, 1, 49, 50, 99] {
        let Window { first_row, symbol } = table.window(window);
        let observed = &table.observed()[first_row * 3..][..L * 3];
        let past = &table.known()[first_row * 2..][..L * 2];
        let future = &table.parts().future_known[window * 2..][..2];
        let known = [past, future].concat();
        let expected = &y[window * 8..][..8];
        let batch =
            Batch::new(&config, observed, &known, std::slice::from_ref(&symbol)).expect("legal");
        assert_eq!(runner.forward(&batch), expected);
        let mut state = model.stream(symbol).expect("a known symbol");
        for row in 0..L {
            let known = &past[row * 2..][..2];
            let output = model
                .step(&mut state, &observed[row * 3..][..3], known, future)
                .expect("legal");
            if let Some(output) = output {
                for (got, expected) in output.raw().iter().zip(expected) {
                    assert!((got - expected).abs() <= 1e-6);
                }
            }
        }
    }
}

#[test]
fn several_decoder_steps_keep_their_places() {
    let spec = config(0.0).spec().clone();
    let config = TftConfig::new(TftSpec {
        decoder_steps: 2,
        ..spec
    })
    .expect("legal");
    let parts = WindowTableParts {
        observed: floats(1, 60 * 3),
        known: floats(2, 60 * 2),
        windows: (0..40)
            .map(|i| Window {
                first_row: (i * 7) % 50,
                symbol: i as u32 % 3,
            })
            .collect(),
        future_known: floats(3, 40 * 2 * 2),
        labels: (0..40 * 2 * 2)
            .map(|i| (i % 5 != 1).then_some((i % 2) as f32))
            .collect(),
    };
    let table = WindowTable::new(&config, parts).expect("legal");
    let weights = Weights {
        params: Params::init(&config, 4),
        metadata: Default::default(),
    };
    let model = TftModel::new(config.clone(), weights);
    let y = model.predict(&table, 2).expect("legal");
    let mut observed = Vec::new();
    let mut known = Vec::new();
    for (i, window) in table.parts().windows.iter().enumerate() {
        observed.extend_from_slice(&table.observed()[window.first_row * 3..][..L * 3]);
        known.extend_from_slice(&table.known()[window.first_row * 2..][..L * 2]);
        known.extend_from_slice(&table.parts().future_known[i * 4..][..4]);
    }
    let symbols: Vec<u32> = table
        .parts()
        .windows
        .iter()
        .map(|window| window.symbol)
        .collect();
    let batch = Batch::new(&config, &observed, &known, &symbols).expect("legal");
    assert_eq!(model.forward(&batch), y);

    // The loss is that of the same labels, window by window.
    let mut trainer = Trainer::new(&config, options(), model.params().clone()).expect("legal");
    let mut runner = BatchRunner::new(&config, Isa::detect());
    runner.load(model.params());
    let tasks = mce_tft::TaskWeights::equal(&config);
    let expected = runner
        .loss(
            &batch,
            &table.parts().labels,
            &tasks,
            mce_tft::Dropping::Off,
        )
        .expect("legal");
    let got = trainer.evaluate(&table).expect("legal");
    assert!(
        (got.total - expected.total).abs() < 1e-6,
        "{} against {}",
        got.total,
        expected.total
    );
}

#[test]
fn the_unknown_symbol_learns_from_runs_that_hide_theirs() {
    let config = config(0.0);
    let embedding = |rate: f64| {
        let options = TrainOptions {
            unknown_symbol_rate: rate,
            epochs: 1,
            ..options()
        };
        let mut trainer = Trainer::new(&config, options, Params::init(&config, 1)).expect("legal");
        trainer
            .fit(&table(&config, 1, 200), None, &mut go_on)
            .expect("finite");
        trainer
            .params()
            .tensor("sym_emb.weight")
            .expect("a tensor")
            .values
            .to_vec()
    };
    let start = Params::<f32>::init(&config, 1);
    let start = start.tensor("sym_emb.weight").expect("a tensor").values;
    let (never, always, sometimes) = (embedding(0.0), embedding(1.0), embedding(0.3));
    assert_eq!(never[..8], start[..8]);
    assert_ne!(never[8..], start[8..]);
    assert_ne!(always[..8], start[..8]);
    assert_eq!(always[8..], start[8..]);
    assert!(sometimes[..8] != start[..8] && sometimes[8..16] != start[8..16]);
}
