//! The model: one streaming step per instruction set, and training.

use super::Setting;
use super::measure::{Figure, cpu_seconds, figure};
use anyhow::Result;
use mce_tft::{
    Isa, Params, TftConfig, TftModel, TftSpec, TrainOptions, Trainer, Weights, Window, WindowTable,
    WindowTableParts,
};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::ControlFlow;

pub fn step_avx512(setting: &Setting) -> Result<Option<Figure>> {
    step("tft_step_h32_l60_avx512", "avx512", setting)
}

pub fn step_avx2(setting: &Setting) -> Result<Option<Figure>> {
    step("tft_step_h32_l60_avx2", "avx2", setting)
}

pub fn step_portable(setting: &Setting) -> Result<Option<Figure>> {
    step("tft_step_h32_l60_portable", "portable", setting)
}

/// Inputs that look like normalised features.
fn row(at: usize) -> [f32; 14] {
    std::array::from_fn(|n| ((at * 31 + n * 17) % 41) as f32 / 10.0 - 2.0)
}

fn known(at: usize) -> [f32; 2] {
    let angle = at as f32 / 100.0;
    [angle.sin(), angle.cos()]
}

/// Microseconds of a step, if this processor has the instruction set.
fn step(name: &str, isa: &str, setting: &Setting) -> Result<Option<Figure>> {
    const STEPS: usize = 1_000;
    let Some(isa) = Isa::named(isa) else {
        return Ok(None);
    };
    let config = TftConfig::new(TftSpec::default())?;
    let weights = Weights {
        params: Params::init(&config, 1),
        metadata: BTreeMap::new(),
    };
    let model = TftModel::with_isa(config, weights, isa);
    let mut state = model.stream(0)?;
    let mut at = 0;
    let run = || {
        for _ in 0..STEPS {
            at += 1;
            let said = model.step(&mut state, &row(at), &known(at), &known(at + 1));
            black_box(
                said.expect("the rows are finite")
                    .map(|output| output.raw()[0]),
            );
        }
    };
    let each = |s: f64| s * 1e6 / STEPS as f64;
    Ok(Some(figure(name, "us", setting.budget, run, each)))
}

/// Samples a CPU second: forward, backward and AdamW at L = 64, H = 32, batches of 256, dropout off.
pub fn train(setting: &Setting) -> Result<Option<Figure>> {
    const WINDOWS: usize = 2_048;
    let config = TftConfig::new(TftSpec {
        encoder_len: 64,
        dropout: 0.0,
        ..TftSpec::default()
    })?;
    let rows = WINDOWS + 64;
    let heads = config.heads().len();
    let table = WindowTable::new(
        &config,
        WindowTableParts {
            observed: (0..rows).flat_map(row).collect(),
            known: (0..rows).flat_map(known).collect(),
            windows: (0..WINDOWS)
                .map(|first_row| Window {
                    first_row,
                    symbol: 0,
                })
                .collect(),
            future_known: (0..WINDOWS).flat_map(|at| known(at + 64)).collect(),
            labels: (0..WINDOWS * heads)
                .map(|at| Some((at % 2) as f32))
                .collect(),
        },
    )?;
    let options = TrainOptions {
        epochs: 1_000_000,
        ..TrainOptions::default()
    };
    let mut trainer = Trainer::new(&config, options, Params::init(&config, 1))?;
    let steps = WINDOWS / 256;
    let mut failed = None;
    let run = || {
        let mut left = steps;
        let fit = trainer.fit(&table, None, &mut |_| {
            left -= 1;
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        failed = failed.take().or(fit.err());
    };
    let before = cpu_seconds();
    let made = figure(
        "train_h32_l64_b256",
        "samples/cpu_s",
        setting.budget,
        run,
        |s| WINDOWS as f64 / s,
    );
    tracing::debug!(cpu_seconds = cpu_seconds() - before, "training measured");
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Some(made)),
    }
}
