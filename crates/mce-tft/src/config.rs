//! What a model is made of: sizes, heads, dropout. Checked once, then trusted by everything else.
//!
//! [`TftSpec`] is the plain form that anyone may fill in, [`TftConfig`] the checked one. The JSON text of a
//! configuration is in the child module; what the heads *mean* is left to the caller.

mod json;

use std::ops::Range;

use crate::TftError;

/// Quantile levels of the default skew heads.
pub const DEFAULT_LEVELS: [f64; 7] = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98];

/// One task of the model: a slice of the outputs of the one linear layer named `head`.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// Quantiles of a real target, trained with the pinball loss.
    Quantiles {
        /// Name of the target, unique among the heads.
        name: String,
        /// Levels in (0, 1), strictly rising; one output each, in this order.
        levels: Vec<f64>,
    },
    /// The logit of a probability, trained with binary cross-entropy; one output.
    Logit {
        /// Name of the target, unique among the heads.
        name: String,
    },
}

impl Head {
    /// Quantiles of `name` at the seven default levels.
    #[must_use]
    pub fn quantiles(name: &str) -> Self {
        Self::Quantiles {
            name: name.to_owned(),
            levels: DEFAULT_LEVELS.to_vec(),
        }
    }

    /// The logit of `name`.
    #[must_use]
    pub fn logit(name: &str) -> Self {
        Self::Logit {
            name: name.to_owned(),
        }
    }

    /// Name of the target.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Quantiles { name, .. } | Self::Logit { name } => name,
        }
    }

    /// Number of outputs this head takes.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        match self {
            Self::Quantiles { levels, .. } => levels.len(),
            Self::Logit { .. } => 1,
        }
    }
}

/// The sizes of a model, unchecked. [`TftConfig::new`] checks them.
#[derive(Debug, Clone, PartialEq)]
pub struct TftSpec {
    /// V, observed reals a step (known for the past only).
    pub n_observed: usize,
    /// K, known reals a step (known for past and future). Streaming needs them free of the position in the window.
    pub n_known: usize,
    /// Rows of the symbol embedding; index 0 is the unknown symbol.
    pub n_symbols: usize,
    /// L, encoder steps.
    pub encoder_len: usize,
    /// T, decoder steps.
    pub decoder_steps: usize,
    /// H, width of every hidden layer: a multiple of 8 from 8 to 256.
    pub hidden: usize,
    /// Attention heads; divides H.
    pub attention_heads: usize,
    /// Probability that a hidden unit is dropped in training, in [0, 1).
    pub dropout: f64,
    /// The tasks, in the order of the outputs.
    pub heads: Vec<Head>,
}

impl Default for TftSpec {
    /// 14 observed and 2 known reals, 60 steps, H = 32, 4 attention heads, dropout 0.1, quantiles of `z_30`, `z_5`,
    /// `z_15`, `z_60` and the logit of `pressure`; one embedding row, that of the unknown symbol.
    fn default() -> Self {
        Self {
            n_observed: 14,
            n_known: 2,
            n_symbols: 1,
            encoder_len: 60,
            decoder_steps: 1,
            hidden: 32,
            attention_heads: 4,
            dropout: 0.1,
            heads: vec![
                Head::quantiles("z_30"),
                Head::quantiles("z_5"),
                Head::quantiles("z_15"),
                Head::quantiles("z_60"),
                Head::logit("pressure"),
            ],
        }
    }
}

/// A checked [`TftSpec`].
///
/// ```
/// use mce_tft::{TftConfig, TftSpec};
///
/// let config = TftConfig::new(TftSpec { n_symbols: 3, hidden: 16, ..TftSpec::default() })?;
/// assert_eq!(config.n_outputs(), 4 * 7 + 1);
/// assert!(TftConfig::new(TftSpec { hidden: 12, ..TftSpec::default() }).is_err());
/// # Ok::<(), mce_tft::TftError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TftConfig {
    spec: TftSpec,
}

impl TftConfig {
    /// Checks `spec`.
    ///
    /// # Errors
    /// [`TftError::Config`] with every rule that is broken.
    pub fn new(spec: TftSpec) -> Result<Self, TftError> {
        let problems = problems_of(&spec);
        if problems.is_empty() {
            Ok(Self { spec })
        } else {
            Err(TftError::Config { problems })
        }
    }

    /// Reads the JSON text written by [`TftConfig::to_json`] and checks it.
    ///
    /// # Errors
    /// [`TftError::ConfigJson`] when the text has another form (unknown keys included), [`TftError::Config`] when a rule
    /// is broken.
    pub fn from_json(text: &str) -> Result<Self, TftError> {
        Self::new(json::parse(text)?)
    }

    /// The configuration as one JSON object, with all keys.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::write(&self.spec)
    }

    /// All sizes at once.
    #[must_use]
    pub fn spec(&self) -> &TftSpec {
        &self.spec
    }

    /// V, observed reals a step.
    #[must_use]
    pub fn n_observed(&self) -> usize {
        self.spec.n_observed
    }

    /// K, known reals a step.
    #[must_use]
    pub fn n_known(&self) -> usize {
        self.spec.n_known
    }

    /// V + K, variables of the encoder's selection network.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.spec.n_observed + self.spec.n_known
    }

    /// Rows of the symbol embedding.
    #[must_use]
    pub fn n_symbols(&self) -> usize {
        self.spec.n_symbols
    }

    /// L, encoder steps.
    #[must_use]
    pub fn encoder_len(&self) -> usize {
        self.spec.encoder_len
    }

    /// T, decoder steps.
    #[must_use]
    pub fn decoder_steps(&self) -> usize {
        self.spec.decoder_steps
    }

    /// L + T, positions of a window.
    #[must_use]
    pub fn n_positions(&self) -> usize {
        self.spec.encoder_len + self.spec.decoder_steps
    }

    /// H, width of every hidden layer.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.spec.hidden
    }

    /// Attention heads.
    #[must_use]
    pub fn attention_heads(&self) -> usize {
        self.spec.attention_heads
    }

    /// H / heads, width of one attention head.
    #[must_use]
    pub fn attention_width(&self) -> usize {
        self.spec.hidden / self.spec.attention_heads
    }

    /// Probability that a hidden unit is dropped in training.
    #[must_use]
    pub fn dropout(&self) -> f64 {
        self.spec.dropout
    }

    /// The tasks, in the order of the outputs.
    #[must_use]
    pub fn heads(&self) -> &[Head] {
        &self.spec.heads
    }

    /// Outputs a decoder step: the sum over the heads.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        self.spec.heads.iter().map(Head::n_outputs).sum()
    }

    /// Where the outputs of head `index` lie among the [`n_outputs`](Self::n_outputs).
    ///
    /// # Panics
    /// When there is no such head.
    #[must_use]
    pub fn head_range(&self, index: usize) -> Range<usize> {
        let start = self.spec.heads[..index].iter().map(Head::n_outputs).sum();
        start..start + self.spec.heads[index].n_outputs()
    }

    /// Index of the head called `name`.
    #[must_use]
    pub fn head_index(&self, name: &str) -> Option<usize> {
        self.spec.heads.iter().position(|head| head.name() == name)
    }
}

/// Largest value of each size. They keep every product of sizes far from overflow, whatever a file says.
const N_INPUTS_MAX: usize = 1_024;
const N_SYMBOLS_MAX: usize = 1_000_000;
const N_STEPS_MAX: usize = 4_096;
const N_OUTPUTS_MAX: usize = 4_096;

fn problems_of(spec: &TftSpec) -> Vec<String> {
    let mut problems = Vec::new();
    let mut in_range = |name: &str, value: usize, min: usize, max: usize| {
        if !(min..=max).contains(&value) {
            problems.push(format!("{name} must lie in {min}..={max}, got {value}"));
        }
    };
    in_range("n_observed", spec.n_observed, 1, N_INPUTS_MAX);
    in_range("n_known", spec.n_known, 1, N_INPUTS_MAX);
    in_range("n_symbols", spec.n_symbols, 1, N_SYMBOLS_MAX);
    in_range("encoder_len", spec.encoder_len, 1, N_STEPS_MAX);
    in_range("decoder_steps", spec.decoder_steps, 1, N_STEPS_MAX);
    in_range("hidden", spec.hidden, 8, 256);
    in_range("attention_heads", spec.attention_heads, 1, 256);
    in_range("number of heads", spec.heads.len(), 1, N_OUTPUTS_MAX);
    if !spec.hidden.is_multiple_of(8) {
        problems.push(format!(
            "hidden must be a multiple of 8, got {}",
            spec.hidden
        ));
    }
    if spec.attention_heads > 0 && !spec.hidden.is_multiple_of(spec.attention_heads) {
        problems.push(format!(
            "attention_heads ({}) must divide hidden ({})",
            spec.attention_heads, spec.hidden
        ));
    }
    if !(0.0..1.0).contains(&spec.dropout) {
        problems.push(format!("dropout must lie in [0, 1), got {}", spec.dropout));
    }
    problems_of_heads(&spec.heads, &mut problems);
    problems
}

fn problems_of_heads(heads: &[Head], problems: &mut Vec<String>) {
    for (index, head) in heads.iter().enumerate() {
        let name = head.name();
        if name.is_empty() {
            problems.push(format!("head {index} has no name"));
        }
        if heads[..index].iter().any(|other| other.name() == name) {
            problems.push(format!("two heads are called {name:?}"));
        }
        let Head::Quantiles { levels, .. } = head else {
            continue;
        };
        if levels.is_empty() || levels.len() > N_OUTPUTS_MAX {
            problems.push(format!(
                "head {name:?} must have 1 to {N_OUTPUTS_MAX} levels, got {}",
                levels.len()
            ));
        }
        if levels.iter().any(|level| !(*level > 0.0 && *level < 1.0)) {
            problems.push(format!(
                "head {name:?}: levels must lie in (0, 1), got {levels:?}"
            ));
        }
        if levels.windows(2).any(|pair| pair[0] >= pair[1]) {
            problems.push(format!("head {name:?}: levels must rise, got {levels:?}"));
        }
    }
}

/// Joins the problems of an error into one line.
pub(crate) fn problems_text(problems: &[String]) -> String {
    problems.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(change: impl FnOnce(&mut TftSpec), expected: &str) {
        let mut spec = TftSpec::default();
        change(&mut spec);
        let text = TftConfig::new(spec).expect_err("a broken rule").to_string();
        assert!(
            text.contains(expected),
            "{text:?} should contain {expected:?}"
        );
    }

    #[test]
    fn default_is_legal() {
        let config = TftConfig::new(TftSpec::default()).expect("the default");
        assert_eq!(
            (config.n_inputs(), config.n_positions(), config.n_outputs()),
            (16, 61, 29)
        );
        assert_eq!(config.head_range(4), 28..29);
        assert_eq!(config.head_index("z_15"), Some(2));
        assert_eq!(config.head_index("z_16"), None);
    }

    #[test]
    fn every_rule_is_checked() {
        check_refused(|s| s.hidden = 12, "multiple of 8, got 12");
        check_refused(|s| s.hidden = 264, "hidden must lie in 8..=256, got 264");
        check_refused(
            |s| s.attention_heads = 3,
            "attention_heads (3) must divide hidden (32)",
        );
        check_refused(
            |s| s.attention_heads = 0,
            "attention_heads must lie in 1..=256, got 0",
        );
        check_refused(|s| s.n_known = 0, "n_known must lie in");
        check_refused(|s| s.n_observed = 0, "n_observed must lie in");
        check_refused(|s| s.n_symbols = 0, "n_symbols must lie in");
        check_refused(|s| s.encoder_len = 0, "encoder_len must lie in");
        check_refused(|s| s.decoder_steps = 0, "decoder_steps must lie in");
        check_refused(|s| s.dropout = 1.0, "dropout must lie in [0, 1), got 1");
        check_refused(
            |s| s.dropout = f64::NAN,
            "dropout must lie in [0, 1), got NaN",
        );
        check_refused(|s| s.heads.clear(), "number of heads");
        check_refused(
            |s| s.heads[1] = Head::logit("z_30"),
            "two heads are called \"z_30\"",
        );
        check_refused(|s| s.heads[1] = Head::logit(""), "head 1 has no name");
        let levels = |levels: &[f64]| Head::Quantiles {
            name: "q".into(),
            levels: levels.to_vec(),
        };
        check_refused(|s| s.heads[0] = levels(&[]), "levels, got 0");
        check_refused(|s| s.heads[0] = levels(&[0.5, 0.5]), "levels must rise");
        check_refused(
            |s| s.heads[0] = levels(&[0.0, 0.5]),
            "levels must lie in (0, 1)",
        );
    }

    #[test]
    fn all_problems_are_reported_together() {
        let spec = TftSpec {
            hidden: 12,
            dropout: -1.0,
            n_known: 0,
            ..TftSpec::default()
        };
        let Err(TftError::Config { problems }) = TftConfig::new(spec) else {
            panic!("expected a refusal")
        };
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn json_round_trip() {
        let config = TftConfig::new(TftSpec {
            n_symbols: 5,
            ..TftSpec::default()
        })
        .expect("legal");
        assert_eq!(
            TftConfig::from_json(&config.to_json()).expect("our own text"),
            config
        );
    }

    #[test]
    fn json_refuses_unknown_keys_and_broken_rules() {
        let text = TftConfig::new(TftSpec::default()).expect("legal").to_json();
        let unknown = text.replacen("{", "{\"n_layers\":2,", 1);
        assert!(matches!(
            TftConfig::from_json(&unknown),
            Err(TftError::ConfigJson(_))
        ));
        let broken = text.replace("\"hidden\":32", "\"hidden\":31");
        assert!(matches!(
            TftConfig::from_json(&broken),
            Err(TftError::Config { .. })
        ));
    }
}
