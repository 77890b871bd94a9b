//! The attention's one query over the window, and all that follows it.

use super::state::Scratch;
use super::weights::{GateWeights, StreamWeights};
use crate::batch::kernels::norm::glu_norm_one;
use crate::batch::kernels::{axpy, dot, elu, softmax};
use crate::gemm::matvec;
use crate::real::sealed::Lanes;
use crate::simd::{Isa, Kernel, Simd};

/// From the enriched window to the outputs.
pub(super) struct Attend<'a> {
    pub(super) weights: &'a StreamWeights,
    /// The slot of the oldest row.
    pub(super) oldest: usize,
    /// By slot, the decoder step last, `[L + 1, H]`.
    pub(super) enriched: &'a [f32],
    /// Of the decoder step, `[H]`.
    pub(super) temporal: &'a [f32],
    pub(super) scratch: &'a mut Scratch,
    /// `[heads, L + 1]`, oldest row first.
    pub(super) scores: &'a mut [f32],
    /// `[L + 1]`, oldest row first.
    pub(super) attention: &'a mut [f32],
    /// `[outputs]`.
    pub(super) y: &'a mut [f32],
}

impl Attend<'_> {
    pub(super) fn dispatch(self, isa: Isa) {
        f32::dispatch(isa, self);
    }
}

impl Kernel<f32> for Attend<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = f32>>(self, s: S) {
        let (weights, h) = (self.weights, self.temporal.len());
        let l = self.enriched.len() / h - 1;
        let Scratch { a, b, g } = self.scratch;
        let decoder_row = &self.enriched[l * h..];
        let mean = &mut b[..h];
        {
            let (q, qk) = (&mut g[..h], &mut a[..weights.heads * h]);
            matvec(s, decoder_row, &weights.q_t, &weights.q_b, q);
            through_keys(s, weights, q, qk);
            // In the order of time, not of slots: a window gives the same bits wherever its ring begins.
            let slots = || (self.oldest..l).chain(0..self.oldest).chain([l]);
            for (qk, scores) in qk.chunks_exact(h).zip(self.scores.chunks_exact_mut(l + 1)) {
                for (slot, score) in slots().zip(scores.iter_mut()) {
                    *score = dot(s, qk, &self.enriched[slot * h..][..h]);
                }
                softmax(s, scores);
            }
            self.attention.fill(0.0);
            #[allow(clippy::cast_precision_loss)]
            let share = 1.0 / weights.heads as f32;
            for scores in self.scores.chunks_exact(l + 1) {
                axpy(s, share, scores, self.attention);
            }
            mean.fill(0.0);
            for (slot, weight) in slots().zip(&*self.attention) {
                axpy(s, *weight, &self.enriched[slot * h..][..h], mean);
            }
        }
        let g = &mut g[..2 * h];
        let (attended, rest) = a.split_at_mut(h);
        gate(s, weights.gate_attn(), mean, decoder_row, g, attended);
        // The mean has been used: its place is taken by the hidden layer and then by the last gate's result.
        let (hidden, fed) = (mean, &mut rest[..h]);
        let (fc2, bias, ff_gate) = weights.ff();
        matvec(s, attended, fc2, bias, hidden);
        for at in (0..h).step_by(S::LANES) {
            let v = elu(s, s.load_at(hidden, at));
            s.store_at(v, hidden, at);
        }
        gate(s, ff_gate, hidden, attended, g, fed);
        gate(s, weights.gate_out(), fed, self.temporal, g, hidden);
        let (head, bias) = weights.head();
        matvec(s, hidden, head, bias, self.y);
    }
}

/// Each head's query through its keys: q·(K·x) = (Kᵀq)·x.
#[inline(always)]
fn through_keys<S: Simd<R = f32>>(s: S, weights: &StreamWeights, q: &[f32], qk: &mut [f32]) {
    let h = q.len();
    let width = h / weights.heads;
    qk.fill(0.0);
    let heads = q
        .chunks_exact(width)
        .zip(weights.keys().chunks_exact(width * h));
    for ((q, keys), qk) in heads.zip(qk.chunks_exact_mut(h)) {
        for (q, key) in q.iter().zip(keys.chunks_exact(h)) {
            axpy(s, *q, key, qk);
        }
    }
}

/// A gate on one row.
#[inline(always)]
fn gate<S: Simd<R = f32>>(
    s: S,
    weights: GateWeights<'_>,
    x: &[f32],
    skip: &[f32],
    g: &mut [f32],
    out: &mut [f32],
) {
    matvec(s, x, weights.t, weights.b, g);
    glu_norm_one(s, g, skip, (weights.gamma, weights.beta), out);
}
