//! The public face of the batch passes: plain arrays in, plain arrays out, chunk after chunk on one thread.

use super::chunk::{ChunkInput, Work};
use super::dropout::{Dropout, Strip};
use crate::TftError;
use crate::config::TftConfig;
use crate::fold::Folded;
use crate::loss::{Loss, LossSums, TaskWeights};
use crate::params::Params;
use crate::real::Real;
use crate::rng::Stream;
use crate::simd::Isa;

/// Windows of a chunk.
pub(crate) const CHUNK_WINDOWS: usize = 16;

/// Inputs of some windows.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a, R> {
    windows: usize,
    observed: &'a [R],
    known: &'a [R],
    symbols: &'a [u32],
}

impl<'a, R: Real> Batch<'a, R> {
    /// Checks lengths, symbols and that every value is finite.
    ///
    /// # Shapes
    /// observed `[B, L, V]`, known `[B, L + T, K]`, symbols `[B]`; B ≥ 0 follows from `symbols`.
    ///
    /// # Errors
    /// [`TftError::Length`], [`TftError::Symbol`] or [`TftError::InputNotFinite`].
    pub fn new(
        config: &TftConfig,
        observed: &'a [R],
        known: &'a [R],
        symbols: &'a [u32],
    ) -> Result<Self, TftError> {
        let windows = symbols.len();
        let check = |what, got: &[R], per_window: usize| {
            let expected = windows * per_window;
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
                    value: got[index].to_f64(),
                }),
                None => Ok(()),
            }
        };
        check(
            "observed [B, L, V]",
            observed,
            config.encoder_len() * config.n_observed(),
        )?;
        check(
            "known [B, L + T, K]",
            known,
            config.n_positions() * config.n_known(),
        )?;
        let last = config.n_symbols() - 1;
        match symbols.iter().position(|symbol| *symbol as usize > last) {
            Some(position) => Err(TftError::Symbol {
                position,
                last,
                got: symbols[position] as usize,
            }),
            None => Ok(Self {
                windows,
                observed,
                known,
                symbols,
            }),
        }
    }

    /// B, the number of windows.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows
    }
}

/// Whether hidden units are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropping {
    /// All units are kept, as in inference.
    Off,
    /// Units are dropped with the configuration's probability; equal seeds give equal masks.
    On {
        /// Seed of the masks.
        seed: u64,
    },
}

/// Every intermediate result of a forward pass, by the names of the reference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intermediates<R> {
    /// Static representation, `[B, H]`.
    pub static_: Vec<R>,
    /// Context of the variable selection, `[B, H]`.
    pub c_s: Vec<R>,
    /// Context of the enrichment, `[B, H]`.
    pub c_e: Vec<R>,
    /// First h of the LSTM, `[B, H]`.
    pub c_h: Vec<R>,
    /// First c of the LSTM, `[B, H]`.
    pub c_c: Vec<R>,
    /// Variable selection weights, `[B, L, V + K]`, observed variables first.
    pub vsn_enc_weights: Vec<R>,
    /// `[B, L, H]`.
    pub vsn_enc_out: Vec<R>,
    /// `[B, T, H]`.
    pub vsn_dec_out: Vec<R>,
    /// `[B, L, H]`.
    pub lstm_enc_out: Vec<R>,
    /// `[B, T, H]`.
    pub lstm_dec_out: Vec<R>,
    /// `[B, L + T, H]`.
    pub temporal: Vec<R>,
    /// `[B, L + T, H]`.
    pub enriched: Vec<R>,
    /// Mean over the heads, `[B, T, L + T]`.
    pub attn_weights: Vec<R>,
    /// `[B, T, H]`.
    pub attn_gated: Vec<R>,
    /// `[B, T, H]`.
    pub pre_head: Vec<R>,
    /// `[B, T, outputs]`.
    pub y: Vec<R>,
}

/// Forward and backward passes over batches, with all their memory kept between calls.
///
/// ```
/// use mce_tft::{Batch, BatchRunner, Isa, Params, TftConfig, TftSpec};
///
/// let config = TftConfig::new(TftSpec { hidden: 8, encoder_len: 4, ..TftSpec::default() })?;
/// let mut runner = BatchRunner::new(&config, Isa::detect());
/// runner.load(&Params::<f32>::init(&config, 1));
/// let (observed, known) = (vec![0.5; 3 * 4 * 14], vec![0.1; 3 * 5 * 2]);
/// let y = runner.forward(&Batch::new(&config, &observed, &known, &[0, 0, 0])?);
/// assert_eq!(y.len(), 3 * 29);
/// # Ok::<(), mce_tft::TftError>(())
/// ```
#[derive(Debug)]
pub struct BatchRunner<R: Real> {
    config: TftConfig,
    folded: Folded<R>,
    work: Work<R>,
    input: ChunkInput<R>,
    labels: Vec<Option<R>>,
    strip: Strip<R>,
    folded_grads: Vec<R>,
}

impl<R: Real> BatchRunner<R> {
    /// A runner without weights; [`load`](Self::load) some before the first pass.
    #[must_use]
    pub fn new(config: &TftConfig, isa: Isa) -> Self {
        Self {
            config: config.clone(),
            folded: Folded::new(config, isa),
            work: Work::new(config),
            input: ChunkInput::default(),
            labels: Vec::new(),
            strip: Strip::default(),
            folded_grads: Vec::new(),
        }
    }

    /// Takes the weights of `params`, which must be of the same configuration.
    ///
    /// # Panics
    /// When `params` is of a configuration with other shapes.
    pub fn load(&mut self, params: &Params<R>) {
        self.folded.load_rounded_once(&self.config, params);
    }

    /// The outputs of `batch`, `[B, T, outputs]`.
    pub fn forward(&mut self, batch: &Batch<'_, R>) -> Vec<R> {
        let mut y = Vec::with_capacity(
            batch.windows * self.config.decoder_steps() * self.config.n_outputs(),
        );
        for first in (0..batch.windows).step_by(CHUNK_WINDOWS) {
            self.forward_chunk(batch, first, None);
            self.append_future(self.work.y(), &mut y);
        }
        y
    }

    /// As [`forward`](Self::forward), with every intermediate result.
    pub fn forward_traced(&mut self, batch: &Batch<'_, R>) -> Intermediates<R> {
        let mut out = Intermediates::default();
        for first in (0..batch.windows).step_by(CHUNK_WINDOWS) {
            self.forward_chunk(batch, first, None);
            let windows = self.input.n_windows();
            let chunk = self.work.intermediates();
            let statics = [
                &mut out.static_,
                &mut out.c_s,
                &mut out.c_e,
                &mut out.c_h,
                &mut out.c_c,
            ];
            for (to, from) in statics.into_iter().zip(chunk.statics) {
                to.extend_from_slice(from);
            }
            let past = self.config.encoder_len() * windows * self.config.hidden();
            let (lstm_past, lstm_future) = chunk.lstm.split_at(past);
            append_by_window(
                windows,
                chunk.encoder.1,
                &mut out.vsn_enc_weights,
                self.config.encoder_len(),
            );
            append_by_window(
                windows,
                chunk.encoder.0,
                &mut out.vsn_enc_out,
                self.config.encoder_len(),
            );
            append_by_window(
                windows,
                lstm_past,
                &mut out.lstm_enc_out,
                self.config.encoder_len(),
            );
            append_by_window(
                windows,
                chunk.temporal,
                &mut out.temporal,
                self.config.n_positions(),
            );
            append_by_window(
                windows,
                chunk.enriched,
                &mut out.enriched,
                self.config.n_positions(),
            );
            self.append_future(lstm_future, &mut out.lstm_dec_out);
            self.append_future(chunk.decoder, &mut out.vsn_dec_out);
            self.append_future(chunk.attention, &mut out.attn_weights);
            self.append_future(chunk.attn_gated, &mut out.attn_gated);
            self.append_future(chunk.pre_head, &mut out.pre_head);
            self.append_future(self.work.y(), &mut out.y);
        }
        out
    }

    /// The loss of `batch` and its gradient by every parameter, which replaces what `gradient` held.
    ///
    /// `params` must be those of the last [`load`](Self::load).
    ///
    /// # Shapes
    /// labels `[B, T, heads]`; a missing label counts nowhere.
    ///
    /// # Errors
    /// [`TftError::Length`] when there is another number of labels.
    pub fn gradient(
        &mut self,
        params: &Params<R>,
        batch: &Batch<'_, R>,
        labels: &[Option<R>],
        weights: &TaskWeights,
        dropping: Dropping,
        gradient: &mut Params<R>,
    ) -> Result<Loss, TftError> {
        let mut batch_loss = LossSums::new(&self.config, weights);
        let mut folded_grads = std::mem::take(&mut self.folded_grads);
        folded_grads.clear();
        folded_grads.resize(self.folded.plan().w_len, R::ZERO);
        let loss = self.passes(
            batch,
            labels,
            &mut batch_loss,
            dropping,
            Some(&mut folded_grads),
        );
        if loss.is_ok() {
            gradient.flat_mut().fill(R::ZERO);
            self.folded.unfold(&folded_grads, params, gradient);
        }
        self.folded_grads = folded_grads;
        loss
    }

    /// The loss of `batch`, as [`gradient`](Self::gradient) gives it, by forward passes alone.
    ///
    /// # Errors
    /// [`TftError::Length`] when there is another number of labels.
    pub fn loss(
        &mut self,
        batch: &Batch<'_, R>,
        labels: &[Option<R>],
        weights: &TaskWeights,
        dropping: Dropping,
    ) -> Result<Loss, TftError> {
        let mut batch_loss = LossSums::new(&self.config, weights);
        self.passes(batch, labels, &mut batch_loss, dropping, None)
    }

    /// Forward over all chunks and, where gradients are wanted, backward; gradients of the folded weights are added.
    fn passes(
        &mut self,
        batch: &Batch<'_, R>,
        labels: &[Option<R>],
        batch_loss: &mut LossSums,
        dropping: Dropping,
        mut folded_grads: Option<&mut [R]>,
    ) -> Result<Loss, TftError> {
        let n_heads = self.config.heads().len();
        let expected = batch.windows * self.config.decoder_steps() * n_heads;
        if labels.len() != expected {
            return Err(TftError::Length {
                what: "labels [B, T, heads]",
                expected,
                got: labels.len(),
            });
        }
        batch_loss.count(labels);
        let mut sums = vec![0.0; n_heads];
        let mut strip = std::mem::take(&mut self.strip);
        let dropout = match dropping {
            Dropping::Off => None,
            Dropping::On { seed } => strip.draw(self.config.dropout(), Stream::new(seed)),
        };
        for (chunk, first) in (0..batch.windows).step_by(CHUNK_WINDOWS).enumerate() {
            let dropout = dropout.map(|dropout| dropout.of_chunk(chunk));
            self.forward_chunk(batch, first, dropout);
            self.chunk_labels(labels, first);
            self.work.loss(batch_loss, &self.labels, &mut sums);
            if let Some(grads) = &mut folded_grads {
                self.work
                    .backward(&self.folded, dropout, &self.input, grads);
            }
        }
        self.strip = strip;
        Ok(batch_loss.finish(&sums))
    }

    fn forward_chunk(
        &mut self,
        batch: &Batch<'_, R>,
        first: usize,
        dropout: Option<Dropout<'_, R>>,
    ) {
        fill_chunk(&self.config, batch, first, &mut self.input);
        self.work.forward(&self.folded, dropout, &self.input);
    }

    /// The labels of the chunk in work, time-major.
    fn chunk_labels(&mut self, labels: &[Option<R>], first: usize) {
        let (n_heads, steps) = (self.config.heads().len(), self.config.decoder_steps());
        self.labels.clear();
        for step in 0..steps {
            for window in first..first + self.input.n_windows() {
                self.labels
                    .extend_from_slice(&labels[(window * steps + step) * n_heads..][..n_heads]);
            }
        }
    }

    fn append_future(&self, from: &[R], to: &mut Vec<R>) {
        append_by_window(
            self.input.n_windows(),
            from,
            to,
            self.config.decoder_steps(),
        );
    }
}

/// Appends time-major rows `[steps, windows, …]` window by window.
pub(crate) fn append_by_window<R: Copy>(windows: usize, from: &[R], to: &mut Vec<R>, steps: usize) {
    let width = from.len() / (steps * windows);
    for window in 0..windows {
        for step in 0..steps {
            to.extend_from_slice(&from[(step * windows + window) * width..][..width]);
        }
    }
}

/// The windows from `first` on as a chunk in which every row is distinct.
fn fill_chunk<R: Real>(
    config: &TftConfig,
    batch: &Batch<'_, R>,
    first: usize,
    input: &mut ChunkInput<R>,
) {
    let (l, v, k) = (config.encoder_len(), config.n_observed(), config.n_known());
    let windows = first..batch.windows.min(first + CHUNK_WINDOWS);
    input.clear();
    input
        .symbols
        .extend_from_slice(&batch.symbols[windows.clone()]);
    input.window_symbol.extend((0_u32..).take(windows.len()));
    for step in 0..l {
        for window in windows.clone() {
            input
                .rows
                .extend_from_slice(&batch.observed[(window * l + step) * v..][..v]);
            input
                .rows
                .extend_from_slice(&batch.known[(window * config.n_positions() + step) * k..][..k]);
        }
        input.row_symbol.extend((0_u32..).take(windows.len()));
    }
    input.window_rows.extend((0_u32..).take(l * windows.len()));
    for step in l..config.n_positions() {
        for window in windows.clone() {
            input
                .future
                .extend_from_slice(&batch.known[(window * config.n_positions() + step) * k..][..k]);
        }
    }
}
