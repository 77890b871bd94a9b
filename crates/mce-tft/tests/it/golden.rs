//! Reads the reference's files, which are not part of the repository.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use mce_tft::{Head, Params, Real, TftConfig, TftSpec, Weights};
use npyz::npz::NpzArchive;

/// The folder with the reference's numbers. Without it a test is skipped, which it says; in CI it fails.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/tft/golden");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is missing: in CI the reference must be there",
        folder.display()
    );
    println!("skipped: the reference is not there ({})", folder.display());
    None
}

/// The reference's model for `decoder_steps` steps.
pub(crate) fn config(decoder_steps: usize) -> TftConfig {
    let head = |name: &str| Head::Quantiles {
        name: name.into(),
        levels: vec![0.1, 0.5, 0.9],
    };
    TftConfig::new(TftSpec {
        n_observed: 14,
        n_known: 1,
        n_symbols: 8,
        encoder_len: 64,
        decoder_steps,
        hidden: 32,
        attention_heads: 4,
        dropout: 0.0,
        heads: vec![head("first"), head("second")],
    })
    .expect("the reference's sizes are legal")
}

/// A weights file of the reference.
pub(crate) fn weights<R: Real>(folder: &Path, file: &str, decoder_steps: usize) -> Weights<R> {
    let bytes = std::fs::read(folder.join(file)).expect("a file of the reference");
    Weights::from_safetensors(&config(decoder_steps), &bytes).expect("a file of the reference")
}

/// Every array of an archive, as doubles.
pub(crate) struct Arrays(HashMap<String, Vec<f64>>);

impl Arrays {
    pub(crate) fn read(folder: &Path, file: &str) -> Self {
        let mut archive = NpzArchive::open(folder.join(file)).expect("a file of the reference");
        let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
        let read = |name: String| {
            let array = archive.by_name(&name).expect("readable").expect("listed");
            let values = match array.dtype().descr() {
                descr if descr.contains("<f4") => array
                    .into_vec::<f32>()
                    .expect("floats")
                    .into_iter()
                    .map(f64::from)
                    .collect(),
                descr if descr.contains("<f8") => array.into_vec::<f64>().expect("doubles"),
                descr if descr.contains("<i8") => array
                    .into_vec::<i64>()
                    .expect("integers")
                    .into_iter()
                    .map(|x| x as f64)
                    .collect(),
                other => panic!("{name} has dtype {other}"),
            };
            (name, values)
        };
        Self(names.into_iter().map(read).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &[f64] {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("the reference has no array {name}"))
    }

    pub(crate) fn real<R: Real>(&self, name: &str) -> Vec<R> {
        self.get(name).iter().map(|x| R::from_f64(*x)).collect()
    }
}

/// Inputs and targets of the reference.
pub(crate) struct Io<R> {
    pub(crate) observed: Vec<R>,
    pub(crate) known: Vec<R>,
    pub(crate) symbols: Vec<u32>,
    pub(crate) labels: Vec<Option<R>>,
    pub(crate) arrays: Arrays,
}

impl<R: Real> Io<R> {
    pub(crate) fn read(folder: &Path, decoder_steps: usize) -> Self {
        let arrays = Arrays::read(folder, &format!("io_L64_H32_T{decoder_steps}.npz"));
        Self {
            observed: arrays.real("x_obs"),
            known: arrays.real("x_known"),
            symbols: arrays.get("sym").iter().map(|x| *x as u32).collect(),
            labels: arrays.real("target").into_iter().map(Some).collect(),
            arrays,
        }
    }
}

/// Largest |a − b|.
pub(crate) fn largest_difference<R: Real>(got: &[R], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    got.iter()
        .zip(expected)
        .map(|(got, expected)| (got.to_f64() - expected).abs())
        .fold(0.0, f64::max)
}

/// ‖a − b‖ and ‖b‖ of one tensor.
pub(crate) fn distance<R: Real>(got: &Params<R>, expected: &Params<R>, name: &str) -> (f64, f64) {
    let (got, expected) = (
        got.tensor(name).expect(name).values,
        expected.tensor(name).expect(name).values,
    );
    let square = |x: f64| x * x;
    let difference: f64 = got
        .iter()
        .zip(expected)
        .map(|(a, b)| square(a.to_f64() - b.to_f64()))
        .sum();
    let norm: f64 = expected.iter().map(|b| square(b.to_f64())).sum();
    (difference.sqrt(), norm.sqrt())
}
