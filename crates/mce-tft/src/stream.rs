//! A window that moves a row at a time: what a live signal is made of.
//!
//! [`TftModel::step`] has exact-window semantics: its output is that of the batch forward on the last L rows, to rounding.
//! What depends on a row alone is kept in a ring: its variable selection and its projection for the LSTM. The LSTM starts
//! anew at the window's first row, so that it, the gate, the enrichment and the scores are computed again over the whole
//! window; the attention has one query. Nothing is allocated.
//!
//! - `weights`: folded weights in the order the step reads them;
//! - `state`: the ring, and the room a step works in; `output`: what a step gives;
//! - `select`, `recur`, `attend`: the kernels of a step, in this order.

mod attend;
mod output;
mod recur;
mod select;
mod state;
mod weights;

pub use output::StreamOutput;
pub use state::{StreamRow, StreamState};
pub(crate) use weights::StreamWeights;

use crate::TftError;
use crate::model::TftModel;
use attend::Attend;
use recur::Recur;
use select::Select;

impl TftModel {
    /// A stream of the symbol with this index (0 for an unknown one), with no rows yet.
    ///
    /// # Errors
    /// [`TftError::StreamDecoderSteps`] for a model with several decoder steps, [`TftError::Symbol`] for an index the
    /// embedding has no row for.
    pub fn stream(&self, symbol: u32) -> Result<StreamState, TftError> {
        let config = self.config();
        if config.decoder_steps() != 1 {
            return Err(TftError::StreamDecoderSteps {
                decoder_steps: config.decoder_steps(),
            });
        }
        let last = config.n_symbols() - 1;
        if symbol as usize > last {
            return Err(TftError::Symbol {
                position: 0,
                last,
                got: symbol as usize,
            });
        }
        Ok(StreamState::new(
            config,
            self.stream.tag(),
            symbol,
            self.stream.contexts(config, symbol),
        ))
    }

    /// A stream that already holds `rows`, oldest first: those of [`StreamState::window`], say. More than L are allowed,
    /// the last L count. The state is bit for bit that of a stream which was given these rows one by one.
    ///
    /// # Errors
    /// As [`stream`](Self::stream) and [`step`](Self::step).
    pub fn stream_from<'a>(
        &self,
        symbol: u32,
        rows: impl IntoIterator<Item = StreamRow<'a>>,
    ) -> Result<StreamState, TftError> {
        let mut state = self.stream(symbol)?;
        for row in rows {
            self.push(&mut state, row.observed, row.known)?;
        }
        Ok(state)
    }

    /// Takes one row in, and gives the output as soon as the window holds L rows.
    ///
    /// `known_now` are the known inputs of this row's time, `known_next` those of the time of the next row (the decoder
    /// step): with a sample every 5 s, sine and cosine of the time of day now and 5 s from now. `known_next` is used for
    /// this output alone and not kept. Known inputs must not depend on the position in the window.
    ///
    /// # Shapes
    /// observed `[V]`, known_now and known_next `[K]`, all finite.
    ///
    /// # Errors
    /// [`TftError::Length`] or [`TftError::InputNotFinite`] for a row that cannot be used, [`TftError::StateOfAnotherModel`]
    /// for a state made by a model with other weights. The state is then as it was.
    pub fn step<'s>(
        &self,
        state: &'s mut StreamState,
        observed: &[f32],
        known_now: &[f32],
        known_next: &[f32],
    ) -> Result<Option<StreamOutput<'s>>, TftError> {
        check("known_next [K]", known_next, self.config().n_known())?;
        self.push(state, observed, known_now)?;
        if !state.is_ready() {
            return Ok(None);
        }
        self.decode(state, known_next);
        Ok(Some(StreamOutput::new(state)))
    }

    /// The output for the rows the state holds, again or with other known inputs of the next row; none before L rows.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn output<'s>(
        &self,
        state: &'s mut StreamState,
        known_next: &[f32],
    ) -> Result<Option<StreamOutput<'s>>, TftError> {
        check("known_next [K]", known_next, self.config().n_known())?;
        self.check_state(state)?;
        if !state.is_ready() {
            return Ok(None);
        }
        self.decode(state, known_next);
        Ok(Some(StreamOutput::new(state)))
    }

    fn check_state(&self, state: &StreamState) -> Result<(), TftError> {
        if state.tag == self.stream.tag() {
            Ok(())
        } else {
            Err(TftError::StateOfAnotherModel)
        }
    }

    /// Takes a row into the ring: selects its variables and projects them for the LSTM.
    fn push(
        &self,
        state: &mut StreamState,
        observed: &[f32],
        known: &[f32],
    ) -> Result<(), TftError> {
        check("observed [V]", observed, self.config().n_observed())?;
        check("known [K]", known, self.config().n_known())?;
        self.check_state(state)?;
        let slot = state.take_row(observed, known);
        let (h, n) = (self.config().hidden(), self.config().n_inputs());
        let kernel = Select {
            weights: self.stream.encoder(),
            weigher_bias: &state.contexts.encoder,
            x: &state.rows[slot * n..][..n],
            scratch: &mut state.scratch,
            weights_out: &mut state.selection,
            selected: &mut state.selected[slot * h..][..h],
            projected: &mut state.projected[slot * 4 * h..][..4 * h],
        };
        kernel.dispatch(self.isa());
        Ok(())
    }

    /// Computes the output of a full window.
    fn decode(&self, state: &mut StreamState, known_next: &[f32]) {
        let (h, l) = (self.config().hidden(), self.config().encoder_len());
        let kernel = Select {
            weights: self.stream.decoder(),
            weigher_bias: &state.contexts.decoder,
            x: known_next,
            scratch: &mut state.scratch,
            weights_out: &mut state.decoder_selection,
            selected: &mut state.selected[l * h..][..h],
            projected: &mut state.projected[l * 4 * h..][..4 * h],
        };
        kernel.dispatch(self.isa());
        let recur = Recur {
            weights: [
                &self.stream.encoder().recurrence_t,
                &self.stream.decoder().recurrence_t,
            ],
            oldest: state.next_slot,
            projected: &state.projected,
            h: &mut state.h,
            c: &mut state.c,
            hidden: &mut state.lstm,
            contexts: (&state.contexts.first_h, &state.contexts.first_c),
        };
        recur.dispatch(self.isa());
        self.stream.enrich(self.isa(), state);
        let attend = Attend {
            weights: &self.stream,
            oldest: state.next_slot,
            enriched: &state.enriched,
            temporal: &state.temporal[l * h..],
            scratch: &mut state.scratch,
            scores: &mut state.scores,
            attention: &mut state.attention,
            y: &mut state.y,
        };
        attend.dispatch(self.isa());
        state.sort_quantiles();
    }
}

/// Refuses a slice of another length, or with a value that is not finite.
fn check(what: &'static str, got: &[f32], expected: usize) -> Result<(), TftError> {
    if got.len() != expected {
        return Err(TftError::Length {
            what,
            expected,
            got: got.len(),
        });
    }
    match got.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(TftError::InputNotFinite {
            what,
            index,
            value: f64::from(got[index]),
        }),
        None => Ok(()),
    }
}
