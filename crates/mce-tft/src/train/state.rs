//! A training run as bytes, so that it can go on in another process exactly where it stopped.
//!
//! One safetensors file: weights, moments and best weights behind prefixes, all else as JSON in the metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::options::TrainOptions;
use super::trainer::{Best, Trainer};
use crate::TftError;
use crate::config::TftConfig;
use crate::params::Params;
use crate::params::weights::{read, write};

const KEY: &str = "training_state";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateJson {
    config: String,
    options: String,
    n_windows: Option<usize>,
    epoch: usize,
    step: usize,
    adam_steps: u64,
    epochs_without_gain: usize,
    epoch_counts: Vec<usize>,
    epoch_sums: Vec<f64>,
    best: Option<BestJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BestJson {
    epoch: usize,
    loss: Option<f64>,
}

impl Trainer {
    /// Everything needed to go on with this run, for [`Trainer::resume`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = StateJson {
            config: self.config.to_json(),
            options: self.options.fingerprint(),
            n_windows: self.n_windows,
            epoch: self.epoch,
            step: self.step,
            adam_steps: self.adam.steps,
            epochs_without_gain: self.epochs_without_gain,
            epoch_counts: self.epoch_loss.counts().to_vec(),
            epoch_sums: self.epoch_sums.clone(),
            best: self.best.as_ref().map(|best| BestJson {
                epoch: best.epoch,
                loss: best.loss,
            }),
        };
        let json = serde_json::to_string(&state).expect("plain numbers and text, all finite");
        let metadata = BTreeMap::from([(KEY.to_owned(), json)]);
        let best = self.best_params();
        write(
            &[
                ("params.", &self.params),
                ("first.", &self.adam.first),
                ("second.", &self.adam.second),
                ("best.", best),
            ],
            &metadata,
        )
    }

    /// Goes on with the run that [`Trainer::to_bytes`] saved. Configuration, options (but for the number of threads) and
    /// data must be the same.
    ///
    /// # Errors
    /// [`TftError::Resume`] when configuration or options differ, which are named; [`TftError::WeightsFile`] and
    /// [`TftError::WeightsMismatch`] when the bytes are not such a state; [`TftError::TrainOptions`] as
    /// [`Trainer::new`].
    pub fn resume(
        config: &TftConfig,
        options: TrainOptions,
        bytes: &[u8],
    ) -> Result<Self, TftError> {
        let mut params = Params::<f32>::zeros(config);
        let (mut first, mut second, mut best) = (params.clone(), params.clone(), params.clone());
        let parts: &mut [_] = &mut [
            ("params.", &mut params),
            ("first.", &mut first),
            ("second.", &mut second),
            ("best.", &mut best),
        ];
        let metadata = read(bytes, parts)?;
        let resume = |problem: String| TftError::Resume { problem };
        let json = metadata
            .get(KEY)
            .ok_or_else(|| resume(format!("its metadata has no {KEY:?}")))?;
        let state: StateJson = serde_json::from_str(json)
            .map_err(|error| resume(format!("its {KEY:?} is not readable: {error}")))?;
        for (what, saved, now) in [
            ("config", &state.config, &config.to_json()),
            ("options", &state.options, &options.fingerprint()),
        ] {
            if saved != now {
                return Err(resume(format!("its {what} is {saved}, now it is {now}")));
            }
        }
        let n_heads = config.heads().len();
        if state.epoch_counts.len() != n_heads || state.epoch_sums.len() != n_heads {
            return Err(resume(format!(
                "it has losses of another number of heads than {n_heads}"
            )));
        }
        let mut trainer = Self::new(config, options, params)?;
        (trainer.adam.first, trainer.adam.second, trainer.adam.steps) =
            (first, second, state.adam_steps);
        trainer.best = state.best.map(|BestJson { epoch, loss }| Best {
            params: best,
            epoch,
            loss,
        });
        trainer.epochs_without_gain = state.epochs_without_gain;
        (trainer.epoch, trainer.step) = (state.epoch, state.step);
        trainer.epoch_loss.set_counts(&state.epoch_counts);
        trainer.epoch_sums = state.epoch_sums;
        trainer.n_windows = state.n_windows;
        Ok(trainer)
    }
}
