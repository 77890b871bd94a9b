//! The stream against the batch forward and against PyTorch.

use mce_tft::{
    Batch, BatchRunner, Head, Isa, Params, StreamOutput, StreamRow, TftConfig, TftError, TftModel,
    TftSpec, Weights,
};
use proptest::prelude::*;

use crate::golden::{self, Io, largest_difference};
use crate::numbers::floats;

fn config(spec: TftSpec) -> TftConfig {
    TftConfig::new(spec).expect("legal")
}

/// A model with norms that are not trivial, and a window's worth of rows and more.
fn model(config: &TftConfig, isa: Isa) -> TftModel {
    let mut params = Params::<f32>::init(config, 3);
    let names: Vec<String> = params
        .tensors()
        .map(|tensor| tensor.name.to_owned())
        .collect();
    for (seed, name) in (10..).zip(names.iter().filter(|name| name.contains(".norm."))) {
        let values = params.values_mut(name).expect("listed");
        let noise = floats(seed, values.len());
        for (value, noise) in values.iter_mut().zip(noise) {
            *value += 0.2 * noise;
        }
    }
    TftModel::with_isa(
        config.clone(),
        Weights {
            params,
            metadata: Default::default(),
        },
        isa,
    )
}

/// Rows of observed and known inputs.
struct Rows {
    config: TftConfig,
    observed: Vec<f32>,
    known: Vec<f32>,
}

impl Rows {
    fn new(config: &TftConfig, n: usize) -> Self {
        let scale = |x: f32| 3.0 * x;
        Self {
            config: config.clone(),
            observed: floats(1, n * config.n_observed())
                .into_iter()
                .map(scale)
                .collect(),
            known: floats(2, (n + 1) * config.n_known()),
        }
    }

    fn observed(&self, row: usize) -> &[f32] {
        &self.observed[row * self.config.n_observed()..][..self.config.n_observed()]
    }

    fn known(&self, row: usize) -> &[f32] {
        &self.known[row * self.config.n_known()..][..self.config.n_known()]
    }

    /// The batch forward, in doubles or not, of the window that ends with row `last`.
    fn batch(&self, runner: &mut BatchRunner<f32>, last: usize, symbol: u32) -> Vec<f32> {
        let first = last + 1 - self.config.encoder_len();
        let (v, k) = (self.config.n_observed(), self.config.n_known());
        let observed = &self.observed[first * v..(last + 1) * v];
        let known = &self.known[first * k..(last + 2) * k];
        let symbols = [symbol];
        runner.forward(&Batch::new(&self.config, observed, known, &symbols).expect("legal"))
    }
}

/// Every output of a stream against the batch forward on its window, one lane at a time.
fn check_sliding(spec: TftSpec, n: usize, tolerance: f64) {
    let config = config(TftSpec {
        n_symbols: 3,
        ..spec
    });
    let rows = Rows::new(&config, n);
    for isa in Isa::available() {
        let model = model(&config, isa);
        let mut runner = BatchRunner::new(&config, Isa::scalar());
        runner.load(model.params());
        let mut state = model.stream(2).expect("a known symbol");
        let mut worst: f64 = 0.0;
        for row in 0..n {
            let output = model
                .step(
                    &mut state,
                    rows.observed(row),
                    rows.known(row),
                    rows.known(row + 1),
                )
                .expect("a legal row");
            assert_eq!(output.is_some(), row + 1 >= config.encoder_len());
            let Some(output) = output else { continue };
            let expected: Vec<f64> = rows
                .batch(&mut runner, row, 2)
                .into_iter()
                .map(f64::from)
                .collect();
            worst = worst.max(largest_difference(output.raw(), &expected));
        }
        println!(
            "{isa}, H = {}, L = {}: {worst:.1e}",
            config.hidden(),
            config.encoder_len()
        );
        assert!(
            worst <= tolerance,
            "{worst:e} on {isa}, {:?}",
            config.spec()
        );
    }
}

#[test]
fn sliding_agrees_with_the_batch_forward() {
    check_sliding(TftSpec::default(), 150, 1e-6);
}

#[test]
fn sliding_agrees_for_other_sizes() {
    let spec = || TftSpec {
        encoder_len: 7,
        ..TftSpec::default()
    };
    for hidden in [8, 16, 24, 40, 64] {
        check_sliding(TftSpec { hidden, ..spec() }, 20, 1e-6);
    }
    // Four times the terms in every sum: what rounds is larger.
    check_sliding(
        TftSpec {
            hidden: 128,
            ..spec()
        },
        12,
        2e-6,
    );
    check_sliding(
        TftSpec {
            n_known: 1,
            n_observed: 3,
            encoder_len: 1,
            ..spec()
        },
        5,
        1e-6,
    );
    check_sliding(
        TftSpec {
            n_known: 5,
            n_observed: 30,
            hidden: 8,
            ..spec()
        },
        9,
        1e-6,
    );
    check_sliding(
        TftSpec {
            attention_heads: 16,
            hidden: 16,
            encoder_len: 2,
            ..spec()
        },
        6,
        1e-6,
    );
}

#[test]
fn one_window_agrees_with_pytorch() {
    let Some(folder) = golden::folder() else {
        return;
    };
    let config = golden::config(1);
    let io = Io::<f32>::read(&folder, 1);
    let expected = io.arrays.get("y");
    let attention = golden::Arrays::read(&folder, "intermediates_L64_H32_T1.npz");
    for isa in Isa::available() {
        let weights = golden::weights::<f32>(&folder, "tft_L64_H32_T1.safetensors", 1);
        let model = TftModel::with_isa(config.clone(), weights, isa);
        let mut worst: f64 = 0.0;
        for (window, symbol) in io.symbols.iter().enumerate() {
            let observed = &io.observed[window * 64 * 14..][..64 * 14];
            let known = &io.known[window * 65..][..65];
            let mut state = model.stream(*symbol).expect("a known symbol");
            for row in 0..64 {
                let output = model
                    .step(
                        &mut state,
                        &observed[row * 14..][..14],
                        &known[row..=row],
                        &known[64..],
                    )
                    .expect("a legal row");
                let Some(output) = output else { continue };
                worst = worst.max(largest_difference(
                    output.raw(),
                    &expected[window * 6..][..6],
                ));
                let weights = &attention.get("attn_weights")[window * 65..][..65];
                assert!(largest_difference(output.attention(), weights) <= 1e-5);
                let weights = &attention.get("vsn_enc_weights")[(window * 64 + row) * 15..][..15];
                assert!(largest_difference(output.selection(), weights) <= 1e-5);
            }
        }
        println!("{isa}: {worst:.1e}");
        assert!(worst <= 1e-5, "{worst:e} on {isa}");
    }
}

#[test]
fn quantiles_rise_and_outputs_are_named() {
    let config = config(TftSpec {
        encoder_len: 3,
        ..TftSpec::default()
    });
    let rows = Rows::new(&config, 40);
    let model = model(&config, Isa::detect());
    let mut state = model.stream(0).expect("a known symbol");
    let mut crossed = 0;
    for row in 0..40 {
        let output = model
            .step(
                &mut state,
                rows.observed(row),
                rows.known(row),
                rows.known(row),
            )
            .expect("legal");
        let Some(output) = output else { continue };
        for (index, head) in config.heads().iter().enumerate() {
            let raw = &output.raw()[config.head_range(index)];
            match head {
                Head::Quantiles { levels, .. } => {
                    let quantiles = output.quantiles(index).expect("a quantile head");
                    assert!(quantiles.is_sorted());
                    let mut sorted = raw.to_vec();
                    crossed += usize::from(!sorted.is_sorted());
                    sorted.sort_unstable_by(f32::total_cmp);
                    assert_eq!(quantiles, sorted);
                    assert_eq!(output.quantile(index, levels[2]), Some(quantiles[2]));
                    assert_eq!(
                        (output.quantile(index, 0.3), output.logit(index)),
                        (None, None)
                    );
                }
                Head::Logit { .. } => {
                    assert_eq!(output.logit(index), Some(raw[0]));
                    assert_eq!(
                        (output.quantiles(index), output.quantile(index, 0.5)),
                        (None, None)
                    );
                }
            }
        }
        assert_eq!((output.quantiles(9), output.logit(9)), (None, None));
        assert!((output.selection().iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((output.attention().iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(
            (output.selection().len(), output.attention().len()),
            (16, 4)
        );
    }
    assert!(
        crossed > 0,
        "an untrained model crosses, or this test shows nothing"
    );
}

#[test]
fn a_saved_window_goes_on_bit_for_bit() {
    let config = config(TftSpec {
        encoder_len: 5,
        ..TftSpec::default()
    });
    let rows = Rows::new(&config, 40);
    let model = model(&config, Isa::detect());
    let step = |state: &mut _, row: usize| {
        let output = model
            .step(
                state,
                rows.observed(row),
                rows.known(row),
                rows.known(row + 1),
            )
            .expect("legal");
        output.map(|output| (output.raw().to_vec(), output.attention().to_vec()))
    };
    let mut state = model.stream(0).expect("a known symbol");
    for row in 0..39 {
        let window: Vec<(Vec<f32>, Vec<f32>)> = state
            .window()
            .map(|row| (row.observed.to_vec(), row.known.to_vec()))
            .collect();
        assert_eq!(window.len(), row.min(5));
        assert_eq!((state.n_rows(), state.is_ready()), (row.min(5), row >= 5));
        let saved = window
            .iter()
            .map(|(observed, known)| StreamRow { observed, known });
        let mut restored = model.stream_from(0, saved).expect("our own rows");
        let mut copy = state.clone();
        let expected = step(&mut state, row);
        assert_eq!(step(&mut restored, row), expected);
        assert_eq!(step(&mut copy, row), expected);
        let again = model
            .output(&mut restored, rows.known(row + 1))
            .expect("legal");
        assert_eq!(
            again.map(|output| output.raw().to_vec()),
            expected.map(|(raw, _)| raw)
        );
    }
    state.reset();
    assert_eq!(
        (state.n_rows(), state.is_ready(), state.symbol()),
        (0, false, 0)
    );
    assert!(
        model
            .output(&mut state, rows.known(0))
            .expect("legal")
            .is_none()
    );
}

fn refused(result: Result<Option<StreamOutput<'_>>, TftError>) -> TftError {
    result.map(|_| ()).expect_err("a refusal")
}

#[test]
fn what_cannot_be_used_is_refused_and_changes_nothing() {
    let spec = TftSpec {
        encoder_len: 2,
        n_symbols: 3,
        ..TftSpec::default()
    };
    let config = config(spec.clone());
    let model = model(&config, Isa::detect());
    assert!(matches!(
        model.stream(3),
        Err(TftError::Symbol {
            last: 2,
            got: 3,
            ..
        })
    ));
    let mut state = model.stream(1).expect("a known symbol");
    let row = [0.5; 14];
    for _ in 0..2 {
        model
            .step(&mut state, &row, &[0.0; 2], &[0.0; 2])
            .expect("a legal row");
    }
    let before: Vec<Vec<f32>> = state.window().map(|row| row.observed.to_vec()).collect();
    let mut bad = row;
    bad[3] = f32::NAN;
    assert!(matches!(
        refused(model.step(&mut state, &row[..13], &[0.0; 2], &[0.0; 2])),
        TftError::Length {
            expected: 14,
            got: 13,
            ..
        }
    ));
    assert!(matches!(
        refused(model.step(&mut state, &bad, &[0.0; 2], &[0.0; 2])),
        TftError::InputNotFinite { index: 3, .. }
    ));
    assert!(matches!(
        refused(model.step(&mut state, &row, &[0.0; 2], &[f32::INFINITY, 0.0])),
        TftError::InputNotFinite { index: 0, .. }
    ));
    let other = TftModel::new(
        config.clone(),
        Weights {
            params: Params::init(&config, 9),
            metadata: Default::default(),
        },
    );
    assert!(matches!(
        refused(other.step(&mut state, &row, &[0.0; 2], &[0.0; 2])),
        TftError::StateOfAnotherModel
    ));
    let after: Vec<Vec<f32>> = state.window().map(|row| row.observed.to_vec()).collect();
    assert_eq!(before, after);

    let config = TftConfig::new(TftSpec {
        decoder_steps: 2,
        ..spec
    })
    .expect("legal");
    let weights = Weights {
        params: Params::init(&config, 1),
        metadata: Default::default(),
    };
    let model = TftModel::new(config, weights);
    assert!(matches!(
        model.stream(0),
        Err(TftError::StreamDecoderSteps { decoder_steps: 2 })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Finite inputs, however large, give finite outputs on every instruction set.
    #[test]
    fn outputs_are_finite(values in prop::collection::vec(-1e6_f32..1e6, 16 * 4)) {
        let config = config(TftSpec { encoder_len: 3, hidden: 8, ..TftSpec::default() });
        for isa in Isa::available() {
            let model = model(&config, isa);
            let mut state = model.stream(0).expect("a known symbol");
            for row in values.chunks_exact(16) {
                let (observed, known) = row.split_at(14);
                if let Some(output) = model.step(&mut state, observed, known, known).expect("finite") {
                    prop_assert!(output.raw().iter().all(|x| x.is_finite()));
                    prop_assert!(output.attention().iter().all(|x| (0.0..=1.0).contains(x)));
                }
            }
        }
    }
}
