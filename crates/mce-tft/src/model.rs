//! A trained model: configuration and weights, ready to predict.
//!
//! Streaming is in `stream`; what the outputs mean, and their calibration, is left to the caller.

use std::collections::BTreeMap;

use crate::TftError;
use crate::batch::runner::{Batch, BatchRunner};
use crate::config::TftConfig;
use crate::fold::Folded;
use crate::params::{Params, Weights};
use crate::simd::Isa;
use crate::stream::StreamWeights;
use crate::train::{Pool, WindowSource, in_order, source_check};

/// Windows that are predicted in one go; a multiple of the chunk.
const PREDICTED_TOGETHER: usize = 4_096;

/// Configuration and weights, ready to predict: a window at a time as a stream, or many at once.
///
/// ```
/// use mce_tft::{Params, TftConfig, TftModel, TftSpec, Weights};
///
/// let config = TftConfig::new(TftSpec { encoder_len: 3, hidden: 8, ..TftSpec::default() })?;
/// let weights = Weights { params: Params::init(&config, 1), metadata: Default::default() };
/// let model = TftModel::new(config, weights);
///
/// let mut state = model.stream(0)?;
/// let (row, known) = ([0.5; 14], [0.0, 1.0]);
/// assert!(model.step(&mut state, &row, &known, &known)?.is_none());
/// assert!(model.step(&mut state, &row, &known, &known)?.is_none());
/// let output = model.step(&mut state, &row, &known, &known)?.expect("three rows fill the window");
/// let z_30 = output.quantiles(0).expect("the first head gives quantiles");
/// assert!(z_30.is_sorted());
/// # Ok::<(), mce_tft::TftError>(())
/// ```
#[derive(Debug)]
pub struct TftModel {
    config: TftConfig,
    weights: Weights<f32>,
    isa: Isa,
    pub(crate) stream: StreamWeights,
}

impl TftModel {
    /// A model on the widest instruction set of this machine.
    ///
    /// # Panics
    /// When the weights are of another configuration.
    #[must_use]
    pub fn new(config: TftConfig, weights: Weights<f32>) -> Self {
        Self::with_isa(config, weights, Isa::detect())
    }

    /// A model on a chosen instruction set.
    ///
    /// # Panics
    /// When the weights are of another configuration.
    #[must_use]
    pub fn with_isa(config: TftConfig, weights: Weights<f32>, isa: Isa) -> Self {
        let stream = StreamWeights::new(&config, &weights.params);
        Self {
            config,
            weights,
            isa,
            stream,
        }
    }

    /// A model from the bytes of a safetensors file.
    ///
    /// # Errors
    /// As [`Weights::from_safetensors`].
    pub fn from_safetensors(config: TftConfig, bytes: &[u8]) -> Result<Self, TftError> {
        let weights = Weights::from_safetensors(&config, bytes)?;
        Ok(Self::new(config, weights))
    }

    /// The weights as the bytes of a safetensors file, with its metadata.
    #[must_use]
    pub fn to_safetensors(&self) -> Vec<u8> {
        self.weights.to_safetensors()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &TftConfig {
        &self.config
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &Params<f32> {
        &self.weights.params
    }

    /// The metadata of the weights' file.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.weights.metadata
    }

    /// The instruction set everything runs on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The raw outputs of a batch, `[B, T, outputs]`. For many batches keep a [`BatchRunner`] instead.
    #[must_use]
    pub fn forward(&self, batch: &Batch<'_, f32>) -> Vec<f32> {
        let mut runner = BatchRunner::new(&self.config, self.isa);
        runner.load(&self.weights.params);
        runner.forward(batch)
    }

    /// The raw outputs of every window of `source`, `[windows, T, outputs]`, on `threads` threads (at least one).
    ///
    /// Windows that share rows and follow each other are several times cheaper than windows that do not.
    ///
    /// # Errors
    /// [`TftError::TrainData`] when the data cannot be used.
    pub fn predict(&self, source: &dyn WindowSource, threads: usize) -> Result<Vec<f32>, TftError> {
        source_check(&self.config, source)?;
        let mut folded = Folded::new(&self.config, self.isa);
        folded.load_rounded_once(&self.config, &self.weights.params);
        let mut pool = Pool::new(&self.config, threads.max(1));
        let per_window = self.config.decoder_steps() * self.config.n_outputs();
        let mut y = Vec::with_capacity(source.n_windows() * per_window);
        for windows in in_order(source.n_windows()).chunks(PREDICTED_TOGETHER) {
            pool.predict(&folded, source, windows, &mut y);
        }
        Ok(y)
    }
}
