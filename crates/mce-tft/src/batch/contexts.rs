//! What depends on a symbol alone, for streams.

use super::statics::{FIRST_C, FIRST_H, StaticRun};
use super::{Pass, Tiles};
use crate::config::TftConfig;
use crate::fold::Folded;
use crate::real::Real;

/// The contexts of one symbol, as the parts that take them need them, `[H]` each.
pub(crate) struct SymbolContexts<R> {
    /// Through the matrices of the encoder's and the decoder's weighing networks; empty where there is none.
    pub(crate) encoder: Vec<R>,
    pub(crate) decoder: Vec<R>,
    /// Through the enrichment's matrix.
    pub(crate) enrichment: Vec<R>,
    /// The LSTM's first state.
    pub(crate) first_h: Vec<R>,
    pub(crate) first_c: Vec<R>,
}

/// Computes the contexts of `symbol`, which must be in the embedding.
pub(crate) fn symbol_contexts<R: Real>(
    folded: &Folded<R>,
    config: &TftConfig,
    symbol: u32,
) -> SymbolContexts<R> {
    let pass = Pass {
        folded,
        dropout: None,
    };
    let mut run = StaticRun::default();
    run.forward(
        &pass,
        &mut Tiles::new(config.n_inputs(), config.hidden()),
        &[symbol],
    );
    SymbolContexts {
        encoder: run.encoder.rows.to_vec(),
        decoder: run.decoder.rows.to_vec(),
        enrichment: run.enrichment.rows.to_vec(),
        first_h: run.contexts[FIRST_H].to_vec(),
        first_c: run.contexts[FIRST_C].to_vec(),
    }
}
