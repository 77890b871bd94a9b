//! What training gives when it is asked to stop, and when there is too little to learn from.

use crate::market::{at, bundle, series, spec};
use mce_engine::EngineError;
use mce_engine::train::{Trained, train};
use std::ops::ControlFlow;

/// Trains, asking to stop after so many steps.
fn stopped_after(steps: usize) -> Result<Trained, EngineError> {
    let mut left = steps;
    train(series(), &spec(at(3_900)), &mut |_| {
        left = left.saturating_sub(1);
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
}

#[test]
fn what_was_stopped_early_is_what_was_chosen_by_then_or_nothing() {
    // Nothing was chosen on validation rows yet: no model, and no loss that was never measured.
    match stopped_after(1) {
        Err(EngineError::Stopped) => {}
        other => panic!(
            "{:?}",
            other.map(|trained| trained.bundle.training().clone())
        ),
    }
    let mut steps = 0;
    let whole = train(series(), &spec(at(3_900)), &mut |_| {
        steps += 1;
        ControlFlow::Continue(())
    });
    let whole = whole.unwrap();
    assert!(!whole.stopped && whole.bundle.id() == bundle().id());
    assert!(steps > 2 && steps % 2 == 0, "{steps} steps in two epochs");
    // In the second of two epochs: the first one's weights.
    let part = stopped_after(steps / 2 + 1).unwrap();
    assert!(part.stopped);
    let training = part.bundle.training();
    assert_eq!((training.epochs, training.best_epoch), (1, 0));
    for loss in [training.loss_train, training.loss_valid] {
        assert!((0.0..10.0).contains(&loss), "{loss}");
    }
}

#[test]
fn too_little_to_learn_from_is_said() {
    let go_on = &mut |_: &mce_tft::Progress<'_>| ControlFlow::Continue(());
    for seconds in [-1, 0, 600, 2_000] {
        let error = train(series(), &spec(at(seconds)), go_on).unwrap_err();
        assert!(matches!(error, EngineError::Data(_)), "{error}");
        assert!(error.to_string().contains("quiet seconds"), "{error}");
    }
}
