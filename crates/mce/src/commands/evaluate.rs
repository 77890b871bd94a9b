//! `mce evaluate`: out-of-time figures of a bundle next to its baselines.

use super::{figure, print_json, replay_spec, series, span};
use crate::args::Evaluate;
use anyhow::Result;
use mce_engine::bundle::Bundle;
use mce_engine::evaluate::{Evaluation, Figures, PressureFigures, SkewFigures, evaluate};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub fn run(args: &Evaluate, as_json: bool) -> Result<()> {
    let bundle = Arc::new(Bundle::load(&args.bundle)?);
    let (from, to) = span(&args.span, Some(&bundle))?;
    let series = series(&replay_spec(&args.source)?, *bundle.config())?;
    let evaluation = evaluate(&bundle, &series, from, to)?;
    if as_json {
        return print_json(&to_json(series.instrument.symbol(), &evaluation));
    }
    print(series.instrument.symbol(), &evaluation);
    Ok(())
}

/// The figures of an evaluation as the JSON that other programs rely on.
pub fn to_json(symbol: &str, evaluation: &Evaluation) -> Value {
    let baselines: Map<String, Value> = evaluation
        .baselines
        .iter()
        .map(|(name, figures)| ((*name).to_string(), figures_json(figures)))
        .collect();
    let mut object = json!({
        "symbol": symbol,
        "from": evaluation.from.to_string(),
        "to": evaluation.to.to_string(),
        "rows_test": evaluation.rows,
        "still_share": evaluation.still,
        "baselines": baselines,
    });
    if let (Some(object), Value::Object(model)) =
        (object.as_object_mut(), figures_json(&evaluation.model))
    {
        object.extend(model);
    }
    object
}

fn figures_json(figures: &Figures) -> Value {
    json!({
        "skew": figures.skew.as_ref().map(skew_json),
        "pressure": figures.pressure.as_ref().map(pressure_json),
    })
}

fn skew_json(skew: &SkewFigures) -> Value {
    json!({
        "rows": skew.rows,
        "ic": skew.ic,
        "rank_ic": skew.rank_ic,
        "nw_t": skew.nw_t,
        "deciles": skew.deciles,
        "coverage": skew.coverage,
    })
}

fn pressure_json(pressure: &PressureFigures) -> Value {
    let reliability: Vec<Value> = pressure
        .reliability
        .iter()
        .map(|bin| json!({"rows": bin.rows, "forecast": bin.forecast, "observed": bin.observed}))
        .collect();
    json!({
        "rows": pressure.rows,
        "auc": pressure.auc,
        "pr_auc": pressure.pr_auc,
        "brier_skill": pressure.brier_skill,
        "ece": pressure.ece,
        "base_rate": pressure.base_rate,
        "reliability": reliability,
    })
}

/// The figures of an evaluation as a table for people.
pub fn print(symbol: &str, evaluation: &Evaluation) {
    println!(
        "{symbol}: {} rows from {} to {}, none of them seen in training",
        evaluation.rows, evaluation.from, evaluation.to
    );
    println!(
        "{:<10} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} {:>8}",
        "", "ic", "rank ic", "nw t", "auc", "pr auc", "brier sk", "ece"
    );
    let model = std::iter::once(("tft", &evaluation.model));
    for (name, figures) in model.chain(evaluation.baselines.iter().map(|(n, f)| (*n, f))) {
        let skew = figures.skew.clone().unwrap_or_default();
        let pressure = figures.pressure.clone().unwrap_or_default();
        println!(
            "{name:<10} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} {:>8}",
            figure(skew.ic),
            figure(skew.rank_ic),
            figure(skew.nw_t),
            figure(pressure.auc),
            figure(pressure.pr_auc),
            figure(pressure.brier_skill),
            figure(pressure.ece)
        );
    }
    println!(
        "rows in which the mid did not move in 30 s: {}",
        figure(evaluation.still)
    );
    if let Some(pressure) = &evaluation.model.pressure {
        println!(
            "pressure events: {} of {} rows",
            figure(pressure.base_rate),
            pressure.rows
        );
    }
    if let Some(verdict) = verdict(evaluation) {
        println!("{verdict}");
    }
}

/// Whether the model beat the best baseline, said plainly.
fn verdict(evaluation: &Evaluation) -> Option<String> {
    let ic = |figures: &Figures| figures.skew.as_ref().and_then(|s| s.ic);
    let own = ic(&evaluation.model)?;
    let (name, best) = evaluation
        .baselines
        .iter()
        .filter(|(name, _)| *name != "tft_mean")
        .filter_map(|(name, figures)| Some((*name, ic(figures)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let word = if own > best { "beats" } else { "does not beat" };
    Some(format!(
        "the TFT's skew {word} the best baseline ({name}): IC {own:.4} against {best:.4}"
    ))
}
