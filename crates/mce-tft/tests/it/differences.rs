//! Gradients against finite differences in doubles, for sizes and heads the reference does not cover.

use crate::numbers::numbers;
use mce_tft::{Batch, BatchRunner, Dropping, Head, Isa, Params, TaskWeights, TftConfig, TftSpec};

struct Problem {
    config: TftConfig,
    params: Params<f64>,
    observed: Vec<f64>,
    known: Vec<f64>,
    symbols: Vec<u32>,
    labels: Vec<Option<f64>>,
    tasks: TaskWeights,
    dropping: Dropping,
    runner: BatchRunner<f64>,
}

impl Problem {
    fn new(spec: TftSpec, windows: usize, dropping: Dropping) -> Self {
        let heads = vec![
            Head::Quantiles {
                name: "z".into(),
                levels: vec![0.1, 0.5, 0.8],
            },
            Head::logit("p"),
            Head::Quantiles {
                name: "aux".into(),
                levels: vec![0.5],
            },
        ];
        let config = TftConfig::new(TftSpec {
            n_symbols: 3,
            heads,
            ..spec
        })
        .expect("legal");
        let mut params = Params::init(&config, 5);
        // Norms start at 1 and 0; other values show a wrong or missing scale or shift.
        let names: Vec<String> = params
            .tensors()
            .map(|tensor| tensor.name.to_owned())
            .collect();
        for (seed, name) in (100..).zip(names.iter().filter(|name| name.contains(".norm."))) {
            let values = params.values_mut(name).expect("listed");
            let noise = numbers(seed, values.len());
            for (value, noise) in values.iter_mut().zip(noise) {
                *value += 0.3 * noise;
            }
        }
        let (l, t) = (config.encoder_len(), config.decoder_steps());
        let labels =
            numbers(4, windows * t * 3)
                .into_iter()
                .enumerate()
                .map(|(i, label)| match i {
                    5 => None,
                    i if i % 3 == 1 => Some(f64::from(u8::from(label > 0.0))),
                    _ => Some(label),
                });
        Self {
            observed: numbers(1, windows * l * config.n_observed()),
            known: numbers(2, windows * (l + t) * config.n_known()),
            symbols: (0..windows as u32).map(|i| i % 3).collect(),
            labels: labels.collect(),
            tasks: TaskWeights::new(&config, vec![1.0, 0.5, 0.25]).expect("legal"),
            dropping,
            runner: BatchRunner::new(&config, Isa::portable()),
            params,
            config,
        }
    }

    fn gradient(&mut self) -> Params<f64> {
        let batch =
            Batch::new(&self.config, &self.observed, &self.known, &self.symbols).expect("legal");
        let (params, mut gradient) = (&self.params, self.params.zeros_like());
        self.runner.load(params);
        self.runner
            .gradient(
                params,
                &batch,
                &self.labels,
                &self.tasks,
                self.dropping,
                &mut gradient,
            )
            .expect("legal");
        gradient
    }

    fn loss(&mut self, params: &Params<f64>) -> f64 {
        let batch =
            Batch::new(&self.config, &self.observed, &self.known, &self.symbols).expect("legal");
        self.runner.load(params);
        self.runner
            .loss(&batch, &self.labels, &self.tasks, self.dropping)
            .expect("legal")
            .total
    }

    /// Compares, tensor by tensor, the gradient along a random direction with a central difference.
    fn check(&mut self) {
        let params = self.params.clone();
        let gradient = self.gradient();
        for (seed, tensor) in (1000..).zip(params.tensors()) {
            let direction = numbers(seed, tensor.values.len());
            let along = gradient
                .tensor(tensor.name)
                .expect("the same tensors")
                .values;
            let along: f64 = along.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let mut at = |step: f64| {
                let mut moved = params.clone();
                let values = moved.values_mut(tensor.name).expect("listed");
                for (value, d) in values.iter_mut().zip(&direction) {
                    *value += step * d;
                }
                self.loss(&moved)
            };
            // A step so small that hardly any pinball crosses its kink.
            let step = 3e-5 / (tensor.values.len() as f64).sqrt();
            let difference = (at(step) - at(-step)) / (2.0 * step);
            assert!(
                (difference - along).abs() <= 1e-7 + 1e-5 * along.abs(),
                "{}: {difference:e} by differences, {along:e} by the backward pass ({:?})",
                tensor.name,
                self.config.spec(),
            );
        }
    }
}

fn check_sizes(hidden: usize, windows: usize) {
    for encoder_len in [1, 7, 60] {
        let spec = TftSpec {
            hidden,
            encoder_len,
            n_observed: 3,
            ..TftSpec::default()
        };
        Problem::new(spec, windows, Dropping::Off).check();
    }
}

#[test]
fn hidden_8() {
    check_sizes(8, 3);
}

#[test]
fn hidden_16() {
    check_sizes(16, 2);
}

#[test]
fn hidden_32() {
    check_sizes(32, 2);
}

#[test]
fn hidden_64() {
    check_sizes(64, 1);
}

#[test]
fn two_decoder_steps_and_the_full_number_of_inputs() {
    let spec = TftSpec {
        hidden: 8,
        encoder_len: 7,
        decoder_steps: 2,
        ..TftSpec::default()
    };
    Problem::new(spec, 3, Dropping::Off).check();
}

#[test]
fn one_known_input() {
    let spec = TftSpec {
        hidden: 8,
        encoder_len: 7,
        n_known: 1,
        n_observed: 2,
        ..TftSpec::default()
    };
    Problem::new(spec, 2, Dropping::Off).check();
}

#[test]
fn more_windows_than_a_chunk() {
    let spec = TftSpec {
        hidden: 8,
        encoder_len: 3,
        n_observed: 2,
        ..TftSpec::default()
    };
    Problem::new(spec, 37, Dropping::Off).check();
}

#[test]
fn more_inputs_than_hidden_units() {
    let spec = TftSpec {
        hidden: 8,
        encoder_len: 3,
        n_observed: 11,
        attention_heads: 2,
        ..TftSpec::default()
    };
    Problem::new(spec, 2, Dropping::Off).check();
}

#[test]
fn with_units_dropped() {
    let spec = TftSpec {
        hidden: 16,
        encoder_len: 7,
        decoder_steps: 2,
        dropout: 0.3,
        ..TftSpec::default()
    };
    Problem::new(spec, 3, Dropping::On { seed: 11 }).check();
}
