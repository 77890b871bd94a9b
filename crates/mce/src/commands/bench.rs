//! `mce bench`: the built-in benchmarks. CPU time, one thread, median over runs; never a test.

mod books;
mod depth;
mod features;
mod measure;
mod model;

use super::print_json;
use crate::args::Bench;
use crate::exit::Usage;
use anyhow::Result;
use depth::DepthMessages;
use measure::{Figure, machine};
use serde_json::{Value, json};
use std::time::Duration;

/// A benchmark: its name, and what makes its figure where the processor can.
type Entry = (&'static str, fn(&Setting) -> Result<Option<Figure>>);

/// What benchmarks share.
pub struct Setting {
    /// Depth messages to apply.
    pub depth: DepthMessages,
    /// How long each may take.
    pub budget: Duration,
}

/// All of them, in the order in which they are shown.
const ALL: &[Entry] = &[
    ("book_apply", books::apply),
    ("wire_message_10", books::wire_message),
    ("feature_delta", features::delta),
    ("feature_sample_50", features::sample),
    ("tft_step_h32_l60_avx512", model::step_avx512),
    ("tft_step_h32_l60_avx2", model::step_avx2),
    ("tft_step_h32_l60_portable", model::step_portable),
    ("train_h32_l64_b256", model::train),
];

pub fn run(args: &Bench, as_json: bool) -> Result<()> {
    if !(args.seconds > 0.0 && args.seconds < 3600.0) {
        return Err(Usage::new(format!(
            "--seconds: expected above 0 and below 3600, got {}",
            args.seconds
        ))
        .into());
    }
    let wanted =
        |name: &str| args.names.is_empty() || args.names.iter().any(|part| name.contains(part));
    let chosen: Vec<&Entry> = ALL.iter().filter(|(name, _)| wanted(name)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        return Err(Usage::new(format!(
            "no benchmark is called so; there are {}",
            known.join(", ")
        ))
        .into());
    }
    let setting = Setting {
        depth: match &args.depth_file {
            Some(path) => DepthMessages::read(path)?,
            None => DepthMessages::made_up(),
        },
        budget: Duration::from_secs_f64(args.seconds),
    };
    if !as_json {
        println!("{}; CPU time of one thread, median of n runs", machine());
        println!(
            "{:<28} {:>10} {:>10} {:>10} {:>5}  unit",
            "name", "median", "min", "max", "n"
        );
    }
    let mut figures = Vec::new();
    for (name, run) in chosen {
        let Some(figure) = run(&setting)? else {
            if !as_json {
                println!("{name:<28} not on this processor");
            }
            continue;
        };
        if !as_json {
            println!(
                "{:<28} {:>10.3} {:>10.3} {:>10.3} {:>5}  {}",
                figure.name, figure.value, figure.min, figure.max, figure.n, figure.unit
            );
        }
        figures.push(figure);
    }
    if as_json {
        let benches: Vec<Value> = figures
            .iter()
            .map(|f| json!({"name": f.name, "unit": f.unit, "value": f.value, "min": f.min, "max": f.max, "n": f.n}))
            .collect();
        print_json(&json!({ "machine": machine(), "benches": benches }))?;
    }
    Ok(())
}
