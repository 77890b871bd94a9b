//! `mce features`: the feature table of stored data.

use super::{TableFormat, feature_config, print_json, replay_spec, series};
use crate::args::Features;
use anyhow::Result;
use mce_engine::series::{feature_table, fit_pressure};
use serde_json::json;

pub fn run(args: &Features, as_json: bool) -> Result<()> {
    let format = TableFormat::of(&args.out)?;
    let config = feature_config(&args.sampling)?;
    let spec = replay_spec(&args.source)?;
    let series = series(&spec, config)?;
    let labels = args.labels.then(|| series.labels());
    let fit = match &labels {
        Some(labels) => Some(fit_pressure(labels, args.pressure_k)?),
        None => None,
    };
    let table = feature_table(
        &series,
        labels.as_deref().map(|l| (l, fit.and_then(|f| f.k))),
        usize::try_from(args.every)?,
    )?;
    format.write(&args.out, &table)?;
    let counters = series.counters;
    let unmasked = series.samples.iter().filter(|s| s.mask == 0).count();
    let labelled = labels
        .iter()
        .flatten()
        .filter(|l| l.pressure.is_some())
        .count();
    if as_json {
        return print_json(&json!({
            "out": args.out,
            "rows": table.rows(),
            "samples": series.samples.len(),
            "unmasked": unmasked,
            "labelled": labelled,
            "k": fit.and_then(|f| f.k),
            "k_fitted": args.labels && args.pressure_k.is_none(),
            "base_rate": fit.and_then(|f| f.pi),
            "counters": {
                "observations": counters.observations,
                "invalid": counters.invalid,
                "late": counters.late,
                "gaps": counters.gaps,
                "resets": counters.resets,
                "levels_dropped": counters.levels_dropped,
            },
        }));
    }
    println!("{}: {} rows", args.out.display(), table.rows());
    println!(
        "samples {} ({unmasked} unmasked) from {} observations; invalid {}, late {}, gaps {}, resets {}, levels dropped {}",
        series.samples.len(),
        counters.observations,
        counters.invalid,
        counters.late,
        counters.gaps,
        counters.resets,
        counters.levels_dropped
    );
    if let Some(fit) = fit {
        let text = |x: Option<f64>| x.map_or_else(|| "none".into(), |x| format!("{x:?}"));
        let how = if args.pressure_k.is_some() {
            "given"
        } else {
            "fitted"
        };
        println!(
            "pressure k {} ({how}), base rate {} over {labelled} labelled rows",
            text(fit.k),
            text(fit.pi)
        );
    }
    Ok(())
}
