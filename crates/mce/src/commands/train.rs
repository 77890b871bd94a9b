//! `mce train`: a bundle from stored data.

use super::{feature_config, print_json, replay_spec, series, span};
use crate::args::{Fit, Train};
use crate::exit::{Interrupted, Usage};
use crate::progress::Progress;
use anyhow::{Context, Result};
use mce_engine::EngineError;
use mce_engine::replay::data_hash;
use mce_engine::series::Series;
use mce_engine::split::time_at_share;
use mce_engine::train::{TrainSpec, Trained, train};
use mce_market::UnixNanos;
use mce_tft::TrainOptions;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub fn run(args: &Train, as_json: bool) -> Result<()> {
    let config = feature_config(&args.sampling)?;
    let spec = replay_spec(&args.source)?;
    if args.out.exists() && !args.force {
        return Err(EngineError::Exists {
            path: args.out.clone(),
        }
        .into());
    }
    if args.fit.epochs == 0 {
        return Err(
            Usage::new("--epochs: expected 1 or more, got 0: nothing would be learnt").into(),
        );
    }
    let (from, to) = span(&args.span, None)?;
    let mut series = series(&spec, config)?;
    let inside = |ts: UnixNanos| from.is_none_or(|f| ts >= f) && to.is_none_or(|t| ts < t);
    series.samples.retain(|s| inside(s.ts));
    let hash = data_hash(&spec.files)?;
    let trained = fit(&series, &args.fit, args.share, to, hash)?;
    let bundle = &trained.bundle;
    bundle.save(&args.out, args.force)?;
    let training = bundle.training();
    if as_json {
        print_json(&json!({
            "bundle": args.out,
            "id": &**bundle.id(),
            "rows": training.rows_train,
            "rows_valid": training.rows_valid,
            "samples_per_s": trained.samples_per_s,
            "epochs": training.epochs,
            "best_epoch": training.best_epoch,
            "loss_train": training.loss_train,
            "loss_valid": training.loss_valid,
            "seconds": trained.seconds,
            "trained_from": training.from.to_string(),
            "trained_until": training.end.to_string(),
        }))?;
    } else {
        report(&args.out, &trained);
    }
    if trained.stopped {
        let kept = format!("the best weights so far are in {}", args.out.display());
        return Err(Interrupted(kept).into());
    }
    Ok(())
}

/// Trains on the part of a series that the flags name.
pub fn fit(
    series: &Series,
    args: &Fit,
    share: Option<f64>,
    to: Option<UnixNanos>,
    data_hash: String,
) -> Result<Trained> {
    let end = match (share, to) {
        (Some(share), _) if !(share > 0.0 && share < 1.0) => {
            return Err(Usage::new(format!(
                "--share: expected a share between 0 and 1, got {share}"
            ))
            .into());
        }
        (Some(share), _) => time_at_share(&series.samples, share),
        (None, Some(to)) => Some(to),
        (None, None) => series.samples.last().map(|s| UnixNanos(s.ts.0 + 1)),
    };
    let end = end.context("the input gives no sample to train on")?;
    let spec = TrainSpec {
        hidden: args.hidden,
        encoder: args.encoder,
        dropout: args.dropout,
        mirror: !args.no_mirror,
        options: TrainOptions {
            epochs: args.epochs,
            batch_windows: args.batch,
            run_windows: args.together,
            warmup_steps: args.warm_up,
            patience: Some(args.patience),
            learning_rate: args.learning_rate,
            seed: args.seed,
            threads: args.threads,
            ..TrainOptions::default()
        },
        end,
        data_hash,
    };
    let asked = Arc::new(AtomicBool::new(false));
    let training = Arc::new(AtomicBool::new(true));
    let (flag, running) = (asked.clone(), training.clone());
    // The first Ctrl-C in training keeps the best weights; the second one, or one outside of training, ends at once.
    let handler = ctrlc::set_handler(move || {
        if !running.load(Ordering::Relaxed) || flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    // Only the first handler of a process takes.
    if let Err(error) = handler {
        tracing::debug!(%error, "Ctrl-C keeps its former handler");
    }
    let mut progress: Option<Progress> = None;
    let trained = train(series, &spec, &mut |step| {
        let total = (step.epochs * step.steps_per_epoch) as u64;
        let done = (step.epoch * step.steps_per_epoch + step.step) as u64;
        let bar = progress.get_or_insert_with(|| Progress::new("training", Some(total)));
        let message = format!("loss {:.4} {:.0} samples/s", step.loss, step.samples_per_s);
        bar.set(done, &message);
        if asked.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    training.store(false, Ordering::Relaxed);
    let trained = trained.map_err(|error| match error {
        EngineError::Stopped => {
            Interrupted("no pass over the data was finished; nothing is kept".into()).into()
        }
        error => anyhow::Error::from(error),
    })?;
    if let Some(bar) = progress {
        bar.finish();
    }
    Ok(trained)
}

fn report(out: &Path, trained: &Trained) {
    let training = trained.bundle.training();
    let calibration = trained.bundle.calibration();
    let text = |x: Option<f64>| x.map_or_else(|| "none".into(), |x| format!("{x:.4}"));
    println!("bundle {} (model {})", out.display(), trained.bundle.id());
    println!(
        "  {} training and {} validation windows from {} until {}",
        training.rows_train, training.rows_valid, training.from, training.end
    );
    println!(
        "  {} epochs in {:.1} s ({:.0} samples/s); best epoch {}: loss {:.4}, validation {:.4}",
        training.epochs,
        trained.seconds,
        trained.samples_per_s,
        training.best_epoch + 1,
        training.loss_train,
        training.loss_valid
    );
    println!(
        "  kappa {:.3}, pressure k {}, base rate {}",
        calibration.kappa,
        text(calibration.k),
        text(calibration.pi)
    );
}
