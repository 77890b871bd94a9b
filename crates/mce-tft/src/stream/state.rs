//! A stream's rows and the room its steps work in.

use std::ops::Range;

use super::weights::Contexts;
use crate::buffer::AlignedBuf;
use crate::config::{Head, TftConfig};

/// One row of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamRow<'a> {
    /// Observed reals, `[V]`.
    pub observed: &'a [f32],
    /// Known reals of the row's time, `[K]`.
    pub known: &'a [f32],
}

/// The state of one symbol's stream. Made by [`TftModel::stream`](crate::TftModel::stream).
///
/// To keep it across processes save the rows of [`window`](Self::window) and give them to
/// [`TftModel::stream_from`](crate::TftModel::stream_from).
#[derive(Debug, Clone)]
pub struct StreamState {
    pub(super) tag: u64,
    pub(super) symbol: u32,
    pub(super) contexts: Contexts,
    n_observed: usize,
    n_inputs: usize,
    encoder_len: usize,
    /// Rows held, at most L.
    filled: usize,
    /// Where the next row goes; in a full ring the oldest row's place.
    pub(super) next_slot: usize,
    /// Rows by slot, `[L, V + K]`.
    pub(super) rows: AlignedBuf<f32>,
    /// Selected variables by slot, the decoder step last, `[L + 1, H]`.
    pub(super) selected: AlignedBuf<f32>,
    /// Projections for the LSTM by slot, the decoder step last, `[L + 1, 4H]`.
    pub(super) projected: AlignedBuf<f32>,
    /// The LSTM's state, `[2, H]` and `[H]`.
    pub(super) h: AlignedBuf<f32>,
    pub(super) c: AlignedBuf<f32>,
    /// By slot, the decoder step last, `[L + 1, H]`: results of the LSTM, the gate, the enrichment.
    pub(super) lstm: AlignedBuf<f32>,
    pub(super) temporal: AlignedBuf<f32>,
    pub(super) enriched: AlignedBuf<f32>,
    /// Scores by head, oldest row first, `[heads, L + 1]`.
    pub(super) scores: AlignedBuf<f32>,
    /// Room of a kernel: a row of every variable, or rows of the window, with their gates.
    pub(super) scratch: Scratch,
    /// What the last step gave.
    pub(super) y: AlignedBuf<f32>,
    pub(super) sorted: AlignedBuf<f32>,
    pub(super) selection: AlignedBuf<f32>,
    pub(super) decoder_selection: AlignedBuf<f32>,
    pub(super) attention: AlignedBuf<f32>,
    pub(super) heads: Vec<(Head, Range<usize>)>,
}

/// Rows of width H in work, and their gates of width 2H.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    pub(super) a: AlignedBuf<f32>,
    pub(super) b: AlignedBuf<f32>,
    pub(super) g: AlignedBuf<f32>,
}

impl StreamState {
    pub(super) fn new(config: &TftConfig, tag: u64, symbol: u32, contexts: Contexts) -> Self {
        let (h, l, n) = (config.hidden(), config.encoder_len(), config.n_inputs());
        let zeroed = AlignedBuf::zeroed;
        let scratch_rows = (l + 1).max(n).max(config.attention_heads());
        let scratch = Scratch {
            a: zeroed(scratch_rows * h),
            b: zeroed(scratch_rows * h),
            g: zeroed(scratch_rows * 2 * h.max(n)),
        };
        let heads = config.heads().iter().cloned().enumerate();
        Self {
            tag,
            symbol,
            contexts,
            n_observed: config.n_observed(),
            n_inputs: n,
            encoder_len: l,
            filled: 0,
            next_slot: 0,
            rows: zeroed(l * n),
            selected: zeroed((l + 1) * h),
            projected: zeroed((l + 1) * 4 * h),
            h: zeroed(2 * h),
            c: zeroed(h),
            lstm: zeroed((l + 1) * h),
            temporal: zeroed((l + 1) * h),
            enriched: zeroed((l + 1) * h),
            scores: zeroed(config.attention_heads() * (l + 1)),
            scratch,
            y: zeroed(config.n_outputs()),
            sorted: zeroed(config.n_outputs()),
            selection: zeroed(n),
            decoder_selection: zeroed(config.n_known()),
            attention: zeroed(l + 1),
            heads: heads
                .map(|(index, head)| (head, config.head_range(index)))
                .collect(),
        }
    }

    /// Forgets all rows; the symbol stays.
    pub fn reset(&mut self) {
        self.filled = 0;
        self.next_slot = 0;
    }

    /// Index of the stream's symbol in the embedding.
    #[must_use]
    pub fn symbol(&self) -> u32 {
        self.symbol
    }

    /// Rows held, at most L.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.filled
    }

    /// The window is full: a step gives an output.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.filled == self.encoder_len
    }

    /// The rows held, oldest first.
    pub fn window(&self) -> impl ExactSizeIterator<Item = StreamRow<'_>> {
        let oldest = self.next_slot + self.encoder_len - self.filled;
        (0..self.filled).map(move |age| {
            let slot = (oldest + age) % self.encoder_len;
            let (observed, known) =
                self.rows[slot * self.n_inputs..][..self.n_inputs].split_at(self.n_observed);
            StreamRow { observed, known }
        })
    }

    /// Puts a row into its slot, which is given back.
    pub(super) fn take_row(&mut self, observed: &[f32], known: &[f32]) -> usize {
        let slot = self.next_slot;
        let row = &mut self.rows[slot * self.n_inputs..][..self.n_inputs];
        row[..self.n_observed].copy_from_slice(observed);
        row[self.n_observed..].copy_from_slice(known);
        self.next_slot = (slot + 1) % self.encoder_len;
        self.filled = (self.filled + 1).min(self.encoder_len);
        slot
    }

    /// Sorts the quantiles of each head: they are few, and nearly sorted.
    pub(super) fn sort_quantiles(&mut self) {
        self.sorted.copy_from_slice(&self.y);
        for (head, range) in &self.heads {
            if matches!(head, Head::Quantiles { .. }) {
                self.sorted[range.clone()].sort_unstable_by(f32::total_cmp);
            }
        }
    }
}
