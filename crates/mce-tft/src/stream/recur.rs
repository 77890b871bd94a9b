//! The LSTM over the window, from the symbol's first state to the decoder step.
//!
//! Each step waits for the one before, so that its latency counts: the four gates of a stretch of units are computed side
//! by side in registers, from the recurrent matrix to the new state.

use crate::batch::kernels::norm::{load_row, store_row};
use crate::real::sealed::Lanes;
use crate::simd::math::sigmoid_of_tanh;
use crate::simd::{Isa, Kernel, Simd};

/// Vectors of units that are computed side by side: with four gates each, eight sums hide the latency of an addition.
const VECTORS: usize = 2;

/// From projected inputs to the LSTM's results, both by slot with the decoder step last.
pub(super) struct Recur<'a> {
    /// Recurrent matrices of encoder and decoder, `[H, 4H]`. They and the projected inputs are halved where a gate goes
    /// through the logistic function.
    pub(super) weights: [&'a [f32]; 2],
    /// The slot of the oldest row.
    pub(super) oldest: usize,
    /// `[L + 1, 4H]`.
    pub(super) projected: &'a [f32],
    /// The state before and after a step, by turns, `[2, H]`.
    pub(super) h: &'a mut [f32],
    /// `[H]`.
    pub(super) c: &'a mut [f32],
    /// `[L + 1, H]`.
    pub(super) hidden: &'a mut [f32],
    /// First h and c, `[H]`.
    pub(super) contexts: (&'a [f32], &'a [f32]),
}

impl Recur<'_> {
    pub(super) fn dispatch(self, isa: Isa) {
        f32::dispatch(isa, self);
    }
}

impl Kernel<f32> for Recur<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = f32>>(self, s: S) {
        let width = self.c.len();
        let l = self.projected.len() / (4 * width) - 1;
        let (mut before, mut after) = self.h.split_at_mut(width);
        before.copy_from_slice(self.contexts.0);
        self.c.copy_from_slice(self.contexts.1);
        let [encoder, decoder] = self.weights;
        let slots = (self.oldest..l)
            .chain(0..self.oldest)
            .map(|slot| (slot, encoder));
        for (slot, weights) in slots.chain([(l, decoder)]) {
            let mut step = Step {
                weights,
                projected: &self.projected[slot * 4 * width..][..4 * width],
                before,
                after: &mut *after,
                c: self.c,
                out: &mut self.hidden[slot * width..][..width],
            };
            let mut at = 0;
            while at + VECTORS * S::LANES <= width {
                units::<S, VECTORS, false>(s, &mut step, at);
                at += VECTORS * S::LANES;
            }
            while at + S::LANES <= width {
                units::<S, 1, false>(s, &mut step, at);
                at += S::LANES;
            }
            if at < width {
                units::<S, 1, true>(s, &mut step, at);
            }
            std::mem::swap(&mut before, &mut after);
        }
    }
}

/// One step.
struct Step<'a> {
    weights: &'a [f32],
    /// `[4H]`.
    projected: &'a [f32],
    /// h before and after, `[H]`.
    before: &'a [f32],
    after: &'a mut [f32],
    c: &'a mut [f32],
    /// h again, where the rest of the network finds it.
    out: &'a mut [f32],
}

/// One step of the units from `at` on, `N` vectors of them, or (`TAIL`) what is left.
#[inline(always)]
fn units<S: Simd<R = f32>, const N: usize, const TAIL: bool>(s: S, step: &mut Step<'_>, at: usize) {
    let width = step.before.len();
    let count = if TAIL { width - at } else { N * S::LANES };
    let mut gates = [[s.splat(0.0); N]; 4];
    for (gate, sums) in gates.iter_mut().enumerate() {
        load::<S, N, TAIL>(s, &step.projected[gate * width + at..][..count], sums);
    }
    let mut row = [s.splat(0.0); N];
    for (h, weights) in step.before.iter().zip(step.weights.chunks_exact(4 * width)) {
        let h = s.splat(*h);
        for (gate, sums) in gates.iter_mut().enumerate() {
            load::<S, N, TAIL>(s, &weights[gate * width + at..][..count], &mut row);
            for (sum, w) in sums.iter_mut().zip(&row) {
                *sum = s.fma(h, *w, *sum);
            }
        }
    }
    let [input, forget, candidate, output] = gates;
    let mut c = [s.splat(0.0); N];
    load::<S, N, TAIL>(s, &step.c[at..][..count], &mut c);
    let [input, forget, candidate] = s.tanh_each([input, forget, candidate]);
    for (v, c) in c.iter_mut().enumerate() {
        let kept = s.mul(sigmoid_of_tanh(s, forget[v]), *c);
        *c = s.fma(sigmoid_of_tanh(s, input[v]), candidate[v], kept);
    }
    // The output gate is not in a hurry: it goes along with the state.
    let [output, mut h] = s.tanh_each([output, c]);
    for (h, output) in h.iter_mut().zip(output) {
        *h = s.mul(sigmoid_of_tanh(s, output), *h);
    }
    store::<S, N, TAIL>(s, &h, &mut step.after[at..][..count]);
    store::<S, N, TAIL>(s, &c, &mut step.c[at..][..count]);
    store::<S, N, TAIL>(s, &h, &mut step.out[at..][..count]);
}

#[inline(always)]
fn load<S: Simd<R = f32>, const N: usize, const TAIL: bool>(
    s: S,
    from: &[f32],
    to: &mut [S::V; N],
) {
    if TAIL {
        to[0] = s.load_part(from);
    } else {
        *to = load_row(s, from);
    }
}

#[inline(always)]
fn store<S: Simd<R = f32>, const N: usize, const TAIL: bool>(
    s: S,
    from: &[S::V; N],
    to: &mut [f32],
) {
    if TAIL {
        s.store_part(from[0], to)
    } else {
        store_row(s, from, to)
    }
}
