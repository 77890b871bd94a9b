//! A chunk of windows, and the forward and backward pass over it.
//!
//! Rows are shared: a chunk lists the distinct encoder rows once and every window points at its own, so that what depends
//! on a row alone (variable selection, the LSTM's projected input) is computed once however many windows hold it.

use super::attention::{AttentionGrads, AttentionRun, Sizes};
use super::dropout::Dropout;
use super::grn::ContextRows;
use super::kernels::SumRows;
use super::lstm::{self, LstmRun};
use super::positions::{PositionRun, Stretch, StretchGrads};
use super::selection::SelectionRun;
use super::statics::{FIRST_C, FIRST_H, StaticRun};
use super::tail::{TailInputs, TailRun};
use super::vsn::VsnRows;
use super::{Pass, Site, Tiles, layers};
use crate::config::TftConfig;
use crate::fold::{Folded, bias_of};
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::loss::LossSums;
use crate::real::Real;

/// What goes into a chunk. Index arrays point into the rows named.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChunkInput<R> {
    /// The symbols, `[symbols]`.
    pub(crate) symbols: Vec<u32>,
    /// Distinct encoder rows: observed reals, then known ones, `[rows, V + K]`.
    pub(crate) rows: Vec<R>,
    /// Which symbol each row is of, `[rows]`.
    pub(crate) row_symbol: Vec<u32>,
    /// Which symbol each window is of, `[windows]`.
    pub(crate) window_symbol: Vec<u32>,
    /// Which row each window has at each encoder position, `[L, windows]`.
    pub(crate) window_rows: Vec<u32>,
    /// Known reals of the decoder steps, `[T, windows, K]`.
    pub(crate) future: Vec<R>,
}

impl<R> ChunkInput<R> {
    /// Empties everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.symbols.clear();
        self.rows.clear();
        self.row_symbol.clear();
        self.window_symbol.clear();
        self.window_rows.clear();
        self.future.clear();
    }

    pub(crate) fn n_windows(&self) -> usize {
        self.window_symbol.len()
    }
}

/// Intermediate results of a chunk, rows time-major.
pub(crate) struct ChunkIntermediates<'a, R> {
    /// Static representation and the contexts c_s, c_e, c_h, c_c, `[symbols, H]`.
    pub(crate) statics: [&'a [R]; 5],
    /// Selection of the encoder rows, `[rows, H]` and `[rows, n]`.
    pub(crate) encoder: (&'a [R], &'a [R]),
    /// Selection of the decoder rows, `[T, windows, H]`.
    pub(crate) decoder: &'a [R],
    /// `[positions, windows, H]`, as the next two.
    pub(crate) lstm: &'a [R],
    pub(crate) temporal: &'a [R],
    pub(crate) enriched: &'a [R],
    /// `[T, windows, positions]`.
    pub(crate) attention: &'a [R],
    /// `[T, windows, H]`, as the next.
    pub(crate) attn_gated: &'a [R],
    pub(crate) pre_head: &'a [R],
}

/// Everything a pass over a chunk holds; memory is kept from chunk to chunk.
#[derive(Debug)]
pub(crate) struct Work<R: Real> {
    sizes: Sizes,
    n_outputs: usize,
    tiles: Tiles<R>,
    statics: StaticRun<R>,
    encoder: SelectionRun<R>,
    decoder: SelectionRun<R>,
    /// The row of each decoder position is its own: 0, 1, 2, …
    identity: Vec<u32>,
    /// Symbol of each row `[positions, windows]`.
    position_symbol: Vec<u32>,
    lstm: LstmRun<R>,
    positions: PositionRun<R>,
    attention: AttentionRun<R>,
    tail: TailRun<R>,
}

impl<R: Real> Work<R> {
    pub(crate) fn new(config: &TftConfig) -> Self {
        let sizes = Sizes {
            hidden: config.hidden(),
            heads: config.attention_heads(),
            windows: 0,
            encoder_len: config.encoder_len(),
            decoder_steps: config.decoder_steps(),
        };
        Self {
            sizes,
            n_outputs: config.n_outputs(),
            tiles: Tiles::new(config.n_inputs(), config.hidden()),
            statics: StaticRun::default(),
            encoder: SelectionRun::default(),
            decoder: SelectionRun::default(),
            identity: Vec::new(),
            position_symbol: Vec::new(),
            lstm: LstmRun::default(),
            positions: PositionRun::default(),
            attention: AttentionRun::default(),
            tail: TailRun::default(),
        }
    }

    /// Outputs of the last forward pass, `[T, windows, outputs]`.
    pub(crate) fn y(&self) -> &[R] {
        &self.tail.y
    }

    /// Adds the losses of the last forward pass to `sums` and keeps the gradient of the outputs for
    /// [`backward`](Self::backward).
    ///
    /// # Shapes
    /// labels `[T, windows, heads]`, sums `[heads]`.
    pub(crate) fn loss(&mut self, batch: &LossSums, labels: &[Option<R>], sums: &mut [f64]) {
        batch.part(&self.tail.y, labels, &mut self.tail.dy, sums);
    }

    /// Intermediate results of the last forward pass, by the reference's names; rows as each part holds them.
    pub(crate) fn intermediates(&self) -> ChunkIntermediates<'_, R> {
        let first = self.sizes.windows * self.sizes.hidden;
        let [c_s, c_e, c_h, c_c] = &self.statics.contexts;
        ChunkIntermediates {
            statics: [&self.statics.s, c_s, c_e, c_h, c_c],
            encoder: (&self.encoder.selected, &self.encoder.weights),
            decoder: &self.decoder.selected,
            lstm: &self.lstm.h[first..],
            temporal: &self.positions.temporal,
            enriched: &self.positions.enriched,
            attention: &self.attention.weights,
            attn_gated: &self.tail.attn_gated,
            pre_head: &self.tail.pre_head,
        }
    }

    fn resize(&mut self, input: &ChunkInput<R>) {
        let windows = input.n_windows();
        self.sizes.windows = windows;
        let Sizes {
            hidden: h,
            encoder_len,
            decoder_steps,
            ..
        } = self.sizes;
        let positions = encoder_len + decoder_steps;
        let future_rows = decoder_steps * windows;
        self.lstm.resize(positions, windows, h);
        self.positions.resize(positions * windows * h);
        self.attention.resize(self.sizes);
        self.tail.resize(future_rows, h, self.n_outputs);
        self.identity.clear();
        self.identity.extend((0_u32..).take(future_rows));
        self.position_symbol.clear();
        for _ in 0..positions {
            self.position_symbol.extend_from_slice(&input.window_symbol);
        }
    }

    /// The forward pass.
    pub(crate) fn forward(
        &mut self,
        folded: &Folded<R>,
        dropout: Option<Dropout<'_, R>>,
        input: &ChunkInput<R>,
    ) {
        let pass = &Pass { folded, dropout };
        let plan = folded.plan();
        self.resize(input);
        let Sizes {
            hidden: h,
            encoder_len,
            decoder_steps,
            windows,
            ..
        } = self.sizes;
        let tile = &mut self.tiles;
        self.statics.forward(pass, tile, &input.symbols);
        let (encoder, decoder) = selection_rows(&self.statics, input, &self.position_symbol);
        self.encoder
            .forward(pass, tile, (&plan.vsn_enc, &plan.lstm_enc), encoder);
        self.decoder
            .forward(pass, tile, (&plan.vsn_dec, &plan.lstm_dec), decoder);

        let block = windows * h;
        for (state, context) in [(&mut self.lstm.h, FIRST_H), (&mut self.lstm.c, FIRST_C)] {
            lstm::gather(
                &self.statics.contexts[context],
                &input.window_symbol,
                &mut state[..block],
            );
        }
        let (encoder_gates, decoder_gates) = self.lstm.gates.split_at_mut(4 * encoder_len * block);
        lstm::gather(&self.encoder.projected, &input.window_rows, encoder_gates);
        lstm::gather(&self.decoder.projected, &self.identity, decoder_gates);
        self.lstm.forward(pass, &plan.lstm_enc, 0..encoder_len);
        self.lstm.forward(
            pass,
            &plan.lstm_dec,
            encoder_len..encoder_len + decoder_steps,
        );

        let selections = (&self.encoder, &self.decoder);
        let indices = (&*input.window_rows, &*self.identity, &*self.position_symbol);
        for stretch in stretches(&self.lstm.h[block..], selections, &self.statics, indices) {
            self.positions.forward(pass, tile, stretch);
        }
        let future = encoder_len * block;
        let q = &plan.attn.q;
        let bias = Init::Bias(pass.w(bias_of(q)));
        matmul(
            pass.isa(),
            bias,
            &self.positions.enriched[future..],
            pass.t(q.t),
            h,
            &mut self.attention.q,
        );
        self.attention
            .forward(pass, &plan.attn, &self.positions.enriched);
        let inputs = tail_inputs(&self.attention, &self.positions, future);
        self.tail.forward(pass, tile, inputs);
    }

    /// The backward pass of the last [`forward`](Self::forward), whose arguments it takes again: from
    /// [`loss`](Self::loss) to the gradients of the folded weights, added to `grads`.
    pub(crate) fn backward(
        &mut self,
        folded: &Folded<R>,
        dropout: Option<Dropout<'_, R>>,
        input: &ChunkInput<R>,
        grads: &mut [R],
    ) {
        let pass = &Pass { folded, dropout };
        let (plan, isa) = (folded.plan(), folded.isa());
        let Sizes {
            hidden: h,
            encoder_len,
            decoder_steps,
            windows,
            ..
        } = self.sizes;
        let block = windows * h;
        let future = encoder_len * block;
        self.statics.clear_gradients();
        self.encoder.clear_gradients();
        self.decoder.clear_gradients();
        self.positions
            .denriched
            .reset(self.positions.enriched.len());
        let tile = &mut self.tiles;

        let (mut dmean, mut dq) = (
            std::mem::take(&mut self.attention.dmean),
            std::mem::take(&mut self.attention.dq),
        );
        let mut denriched = std::mem::take(&mut self.positions.denriched);
        let inputs = tail_inputs(&self.attention, &self.positions, future);
        self.tail.backward(
            pass,
            tile,
            inputs,
            (&mut dmean, &mut denriched[future..]),
            grads,
        );
        let d = AttentionGrads {
            mean: &dmean,
            q: &mut dq,
            x: &mut denriched,
            k: &mut grads[plan.attn.k.range()],
        };
        self.attention
            .backward(pass, &plan.attn, &self.positions.enriched, d);
        let q = &plan.attn.q;
        let enriched = &self.positions.enriched[future..];
        matmul_tn_add(isa, &dq, enriched, h, &mut grads[q.w.range()]);
        R::dispatch(
            isa,
            SumRows {
                from: &dq,
                to: &mut grads[bias_of(q).range()],
            },
        );
        matmul(
            isa,
            Init::Keep,
            &dq,
            pass.w(q.w),
            h,
            &mut denriched[future..],
        );
        (
            self.attention.dmean,
            self.attention.dq,
            self.positions.denriched,
        ) = (dmean, dq, denriched);

        self.positions_backward(pass, input, grads);
        self.lstm.dh[..block].fill(R::ZERO);
        self.lstm.dc.fill(R::ZERO);
        for (lstm, range) in [
            (&plan.lstm_dec, encoder_len..encoder_len + decoder_steps),
            (&plan.lstm_enc, 0..encoder_len),
        ] {
            self.lstm.backward(pass, lstm, range, grads);
        }
        for (d, context) in [
            (&self.lstm.dh[..block], FIRST_H),
            (&self.lstm.dc[..], FIRST_C),
        ] {
            lstm::scatter(
                pass,
                d,
                &input.window_symbol,
                &mut self.statics.dcontexts[context],
            );
        }
        let (encoder_gates, decoder_gates) = self.lstm.gates.split_at(4 * future);
        lstm::scatter(
            pass,
            encoder_gates,
            &input.window_rows,
            &mut self.encoder.dprojected,
        );
        lstm::scatter(
            pass,
            decoder_gates,
            &self.identity,
            &mut self.decoder.dprojected,
        );
        self.selections_backward(pass, input, grads);
        self.statics
            .backward(pass, &mut self.tiles, &input.symbols, grads);
    }

    fn positions_backward(&mut self, pass: &Pass<'_, R>, input: &ChunkInput<R>, grads: &mut [R]) {
        let block = self.sizes.windows * self.sizes.hidden;
        let mut dselected = [
            std::mem::take(&mut self.encoder.dselected),
            std::mem::take(&mut self.decoder.dselected),
        ];
        let mut dcontext = std::mem::take(&mut self.statics.enrichment.d);
        let (dencoder, ddecoder) =
            self.lstm.dh[block..].split_at_mut(self.sizes.encoder_len * block);
        let selections = (&self.encoder, &self.decoder);
        let indices = (&*input.window_rows, &*self.identity, &*self.position_symbol);
        let stretches = stretches(&self.lstm.h[block..], selections, &self.statics, indices);
        let temporal = [None, Some(&self.tail.dtemporal[..])];
        let ends = stretches
            .into_iter()
            .zip([dencoder, ddecoder])
            .zip(&mut dselected)
            .zip(temporal);
        for (((stretch, lstm), selected), temporal) in ends {
            let d = StretchGrads {
                temporal,
                lstm,
                selected,
                context: &mut dcontext,
            };
            self.positions
                .backward(pass, &mut self.tiles, stretch, d, grads);
        }
        [self.encoder.dselected, self.decoder.dselected] = dselected;
        self.statics.enrichment.d = dcontext;
    }

    fn selections_backward(&mut self, pass: &Pass<'_, R>, input: &ChunkInput<R>, grads: &mut [R]) {
        let plan = pass.folded.plan();
        let mut dcontexts =
            [&mut self.statics.encoder.d, &mut self.statics.decoder.d].map(std::mem::take);
        let (encoder, decoder) = selection_rows(&self.statics, input, &self.position_symbol);
        let tile = &mut self.tiles;
        let parts = (&plan.vsn_enc, &plan.lstm_enc);
        self.encoder
            .backward(pass, tile, parts, encoder, &mut dcontexts[0], grads);
        let parts = (&plan.vsn_dec, &plan.lstm_dec);
        self.decoder
            .backward(pass, tile, parts, decoder, &mut dcontexts[1], grads);
        [self.statics.encoder.d, self.statics.decoder.d] = dcontexts;
    }
}

/// The rows of the encoder's and the decoder's selection.
fn selection_rows<'a, R: Real>(
    statics: &'a StaticRun<R>,
    input: &'a ChunkInput<R>,
    position_symbol: &'a [u32],
) -> (VsnRows<'a, R>, VsnRows<'a, R>) {
    let rows = |layer, x, rows, index| VsnRows {
        site: Site {
            layer,
            first_row: 0,
        },
        x,
        context: ContextRows { rows, index },
    };
    let of_future = &position_symbol[input.window_rows.len()..];
    (
        rows(
            layers::VSN_ENC,
            &*input.rows,
            &*statics.encoder.rows,
            &*input.row_symbol,
        ),
        rows(
            layers::VSN_DEC,
            &*input.future,
            &*statics.decoder.rows,
            of_future,
        ),
    )
}

/// The encoder's and the decoder's positions.
fn stretches<'a, R: Real>(
    lstm: &'a [R],
    (encoder, decoder): (&'a SelectionRun<R>, &'a SelectionRun<R>),
    statics: &'a StaticRun<R>,
    (window_rows, identity, position_symbol): (&'a [u32], &'a [u32], &'a [u32]),
) -> [Stretch<'a, R>; 2] {
    let past = window_rows.len();
    let h = lstm.len() / position_symbol.len();
    let (encoder_lstm, decoder_lstm) = lstm.split_at(past * h);
    let (encoder_symbol, decoder_symbol) = position_symbol.split_at(past);
    let context = |index| ContextRows {
        rows: &statics.enrichment.rows[..],
        index,
    };
    [
        Stretch {
            first_row: 0,
            lstm: encoder_lstm,
            selected: &encoder.selected,
            selected_index: window_rows,
            context: context(encoder_symbol),
        },
        Stretch {
            first_row: past,
            lstm: decoder_lstm,
            selected: &decoder.selected,
            selected_index: identity,
            context: context(decoder_symbol),
        },
    ]
}

fn tail_inputs<'a, R: Real>(
    attention: &'a AttentionRun<R>,
    positions: &'a PositionRun<R>,
    future: usize,
) -> TailInputs<'a, R> {
    TailInputs {
        mean: &attention.mean,
        enriched: &positions.enriched[future..],
        temporal: &positions.temporal[future..],
    }
}
