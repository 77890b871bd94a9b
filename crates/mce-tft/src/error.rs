//! The one error of this crate.

use crate::config::problems_text;

/// What can go wrong in this crate. Every message says what was expected, what came, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TftError {
    /// A configuration breaks one or more rules; all of them are listed.
    #[error("model configuration refused: {}", problems_text(.problems))]
    Config {
        /// One line for each rule that is broken.
        problems: Vec<String>,
    },
    /// The text of a configuration is not the JSON that was expected.
    #[error("model configuration is not readable as JSON of the expected form")]
    ConfigJson(#[source] serde_json::Error),
    /// The bytes are not a safetensors file.
    #[error("the weights are not a readable safetensors file")]
    WeightsFile(#[source] safetensors::SafeTensorError),
    /// A safetensors file holds other tensors than the configuration asks for; all differences are listed.
    #[error("the weights do not fit the model: {}", problems_text(.problems))]
    WeightsMismatch {
        /// One line for each missing, extra or misshapen tensor.
        problems: Vec<String>,
    },
    /// A slice has another length than the shape asks for.
    #[error("{what}: expected {expected} values, got {got}")]
    Length {
        /// Which slice, with its shape.
        what: &'static str,
        /// The number of values expected.
        expected: usize,
        /// The number of values that came.
        got: usize,
    },
    /// A symbol index lies outside the embedding.
    #[error("symbol index {got} at position {position}: the model knows 0 (unknown) to {last}")]
    Symbol {
        /// Where in the batch.
        position: usize,
        /// The largest index the model has a row for.
        last: usize,
        /// The index that came.
        got: usize,
    },
    /// An input value is not finite.
    #[error("{what}: value {index} is {value}; inputs must be finite (mask a missing one as 0)")]
    InputNotFinite {
        /// Which input.
        what: &'static str,
        /// Index of the value in it.
        index: usize,
        /// The value, as a double.
        value: f64,
    },
    /// Streaming was asked of a model with several decoder steps.
    #[error(
        "streaming needs a model with one decoder step, this one has {decoder_steps}; use the batch forward"
    )]
    StreamDecoderSteps {
        /// The decoder steps of the model.
        decoder_steps: usize,
    },
    /// A stream state was given to a model with other weights than the one that made it.
    #[error(
        "this stream state was made by a model with other weights; make a new one and rebuild it from its window"
    )]
    StateOfAnotherModel,
    /// Training met a loss, gradient or parameter that is not finite.
    #[error(
        "training stopped at epoch {epoch}, step {step}: {what} is not finite (lower the learning rate, or look for \
         unclipped inputs or labels)"
    )]
    NotFinite {
        /// Epoch, from 0.
        epoch: usize,
        /// Optimiser step, from 0.
        step: usize,
        /// The loss, or the tensor by name.
        what: String,
    },
    /// Training options break one or more rules; all of them are listed.
    #[error("training options refused: {}", problems_text(.problems))]
    TrainOptions {
        /// One line for each rule that is broken.
        problems: Vec<String>,
    },
    /// A training set cannot be used.
    #[error("training data refused: {problem}")]
    TrainData {
        /// What is wrong, where, and what was expected.
        problem: String,
    },
    /// A saved training state does not fit the trainer that should go on from it.
    #[error("the saved training state cannot be resumed: {problem}")]
    Resume {
        /// What differs.
        problem: String,
    },
}
