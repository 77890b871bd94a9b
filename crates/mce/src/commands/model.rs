//! `mce model`: what a bundle is.

use super::print_json;
use crate::args::{Model, ModelCommand};
use anyhow::Result;
use mce_engine::bundle::Bundle;
use serde_json::{Value, json};
use std::path::Path;

pub fn run(args: &Model, as_json: bool) -> Result<()> {
    match &args.command {
        ModelCommand::Show { bundle } => show(bundle, as_json),
    }
}

fn show(path: &Path, as_json: bool) -> Result<()> {
    let bundle = Bundle::load(path)?;
    let (config, model) = (bundle.config(), bundle.model());
    let shape = model.config();
    let (training, calibration) = (bundle.training(), bundle.calibration());
    let heads: Vec<Value> = shape
        .heads()
        .iter()
        .map(|head| json!({"name": head.name(), "outputs": head.n_outputs()}))
        .collect();
    let tensors: Vec<Value> = model
        .params()
        .tensors()
        .map(|tensor| json!({"name": tensor.name, "shape": tensor.shape}))
        .collect();
    if as_json {
        return print_json(&json!({
            "bundle": path,
            "id": &**bundle.id(),
            "schema": mce_features::SCHEMA,
            "mode": config.mode().letter(),
            "interval_s": config.interval_ns() as f64 / 1e9,
            "max_quiet_s": config.max_quiet_ns() as f64 / 1e9,
            "depth": config.depth(),
            "symbols": bundle.symbols(),
            "hidden": shape.hidden(),
            "encoder": shape.encoder_len(),
            "parameters": model.params().n_values(),
            "heads": heads,
            "kappa": calibration.kappa,
            "slope": calibration.slope,
            "intercept": calibration.intercept,
            "k": calibration.k,
            "pi": calibration.pi,
            "venue": training.venue,
            "trained_from": training.from.to_string(),
            "trained_until": training.end.to_string(),
            "rows": training.rows_train,
            "rows_valid": training.rows_valid,
            "data_hash": training.data_hash,
            "seed": training.seed,
            "epochs": training.epochs,
            "loss_train": training.loss_train,
            "loss_valid": training.loss_valid,
            "tensors": tensors,
        }));
    }
    let text = |x: Option<f64>| x.map_or_else(|| "none".into(), |x| format!("{x:.4}"));
    println!("{} (model {})", path.display(), bundle.id());
    println!(
        "  features {} mode {}, every {} s, {} levels, max_quiet {} s",
        mce_features::SCHEMA,
        config.mode(),
        config.interval_ns() as f64 / 1e9,
        config.depth(),
        config.max_quiet_ns() as f64 / 1e9
    );
    println!(
        "  TFT with H = {}, L = {}, {} parameters; symbols {}",
        shape.hidden(),
        shape.encoder_len(),
        model.params().n_values(),
        bundle.symbols().join(", ")
    );
    println!(
        "  kappa {:.3}; calibrated logit {:.3}·x {:+.3}; pressure k {}, base rate {}",
        calibration.kappa,
        calibration.slope,
        calibration.intercept,
        text(calibration.k),
        text(calibration.pi)
    );
    println!(
        "  trained on {} from {} until {}: {} windows, {} to validate; seed {}, data {}",
        training.venue,
        training.from,
        training.end,
        training.rows_train,
        training.rows_valid,
        training.seed,
        training.data_hash
    );
    println!(
        "  {} epochs, best {}: loss {:.4}, validation {:.4}",
        training.epochs,
        training.best_epoch + 1,
        training.loss_train,
        training.loss_valid
    );
    println!("  {:<44} shape", "tensor");
    for tensor in model.params().tensors() {
        println!("  {:<44} {:?}", tensor.name, tensor.shape);
    }
    Ok(())
}
