//! The LSTM over the window, from the symbol's first state to the decoder step.
//!
//! Each step waits for the one before, so that its latency counts: the four gates of a stretch of units are computed side
//! by side in registers, from the recurrent matrix to the new state.

use crate::real::sealed::Lanes;
use crate::simd::{Isa, Kernel, Simd};

/// Vectors of units that are computed side by side: with four gates each, eight sums hide the latency of an addition.
const VECTORS: usize = 2;

/// From projected inputs to the LSTM's results, both by slot with the decoder step last.
pub(super) struct Recur<'a> {
    /// Recurrent matrices of encoder and decoder, `[H, 4H]`.
    pub(super) weights: [&'a [f32]; 2],
    /// The slot of the oldest row.
    pub(super) oldest: usize,
    /// `[L + 1, 4H]`.
    pub(super) projected: &'a [f32],
    /// `[H]`, as the next.
    pub(super) h: &'a mut [f32],
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
        let width = self.h.len();
        let l = self.projected.len() / (4 * width) - 1;
        self.h.copy_from_slice(self.contexts.0);
        self.c.copy_from_slice(self.contexts.1);
        let [encoder, decoder] = self.weights;
        let slots = (self.oldest..l)
            .chain(0..self.oldest)
            .map(|slot| (slot, encoder));
        for (slot, weights) in slots.chain([(l, decoder)]) {
            let projected = &self.projected[slot * 4 * width..][..4 * width];
            let out = &mut self.hidden[slot * width..][..width];
            let mut at = 0;
            while at + VECTORS * S::LANES <= width {
                units::<S, VECTORS, false>(s, (weights, projected), at, self.h, self.c, out);
                at += VECTORS * S::LANES;
            }
            while at + S::LANES <= width {
                units::<S, 1, false>(s, (weights, projected), at, self.h, self.c, out);
                at += S::LANES;
            }
            if at < width {
                units::<S, 1, true>(s, (weights, projected), at, self.h, self.c, out);
            }
            self.h.copy_from_slice(out);
        }
    }
}

/// One step of the units from `at` on, `N` vectors of them, or (`TAIL`) what is left.
#[inline(always)]
fn units<S: Simd<R = f32>, const N: usize, const TAIL: bool>(
    s: S,
    (weights, projected): (&[f32], &[f32]),
    at: usize,
    h: &[f32],
    c: &mut [f32],
    out: &mut [f32],
) {
    let width = h.len();
    let count = if TAIL { width - at } else { N * S::LANES };
    let load = |from: &[f32], v: usize| {
        if TAIL {
            s.load_part(&from[..count])
        } else {
            s.load(&from[v * S::LANES..][..S::LANES])
        }
    };
    let mut gates = [[s.splat(0.0); N]; 4];
    for (gate, sums) in gates.iter_mut().enumerate() {
        let from = &projected[gate * width + at..];
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = load(from, v);
        }
    }
    for (h, weights) in h.iter().zip(weights.chunks_exact(4 * width)) {
        let h = s.splat(*h);
        for (gate, sums) in gates.iter_mut().enumerate() {
            let from = &weights[gate * width + at..][..count];
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = s.fma(h, load(from, v), *sum);
            }
        }
    }
    let [input, forget, candidate, output] = gates;
    for v in 0..N {
        let (i, f) = (s.sigmoid(input[v]), s.sigmoid(forget[v]));
        let (g, o) = (s.tanh(candidate[v]), s.sigmoid(output[v]));
        let range = at + v * S::LANES..at + if TAIL { count } else { (v + 1) * S::LANES };
        let c = &mut c[range.clone()];
        let c_now = s.fma(f, load(c, 0), s.mul(i, g));
        let h_now = s.mul(o, s.tanh(c_now));
        if TAIL {
            s.store_part(c_now, c);
            s.store_part(h_now, &mut out[range]);
        } else {
            s.store(c_now, c);
            s.store(h_now, &mut out[range]);
        }
    }
}
