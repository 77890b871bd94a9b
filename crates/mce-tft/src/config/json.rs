//! The JSON text of a [`TftSpec`]. Owns the wire form, so that the library types are free to change.

use serde::{Deserialize, Serialize};

use super::{Head, TftSpec};
use crate::TftError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecJson {
    n_observed: usize,
    n_known: usize,
    n_symbols: usize,
    encoder_len: usize,
    decoder_steps: usize,
    hidden: usize,
    attention_heads: usize,
    dropout: f64,
    heads: Vec<HeadJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum HeadJson {
    Quantiles { name: String, levels: Vec<f64> },
    Logit { name: String },
}

pub(super) fn parse(text: &str) -> Result<TftSpec, TftError> {
    let json: SpecJson = serde_json::from_str(text).map_err(TftError::ConfigJson)?;
    let heads = json.heads.into_iter().map(|head| match head {
        HeadJson::Quantiles { name, levels } => Head::Quantiles { name, levels },
        HeadJson::Logit { name } => Head::Logit { name },
    });
    Ok(TftSpec {
        n_observed: json.n_observed,
        n_known: json.n_known,
        n_symbols: json.n_symbols,
        encoder_len: json.encoder_len,
        decoder_steps: json.decoder_steps,
        hidden: json.hidden,
        attention_heads: json.attention_heads,
        dropout: json.dropout,
        heads: heads.collect(),
    })
}

pub(super) fn write(spec: &TftSpec) -> String {
    let heads = spec.heads.iter().cloned().map(|head| match head {
        Head::Quantiles { name, levels } => HeadJson::Quantiles { name, levels },
        Head::Logit { name } => HeadJson::Logit { name },
    });
    let json = SpecJson {
        n_observed: spec.n_observed,
        n_known: spec.n_known,
        n_symbols: spec.n_symbols,
        encoder_len: spec.encoder_len,
        decoder_steps: spec.decoder_steps,
        hidden: spec.hidden,
        attention_heads: spec.attention_heads,
        dropout: spec.dropout,
        heads: heads.collect(),
    };
    serde_json::to_string(&json)
        .expect("plain numbers and strings, all finite: the configuration was checked")
}
