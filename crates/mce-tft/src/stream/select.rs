//! The variable selection of one row, and its projection for the LSTM.

use super::state::Scratch;
use super::weights::{SelectWeights, WeigherWeights};
use crate::batch::kernels::norm::glu_norm_one;
use crate::batch::kernels::{axpy, elu, softmax};
use crate::gemm::matvec;
use crate::real::sealed::Lanes;
use crate::simd::{Isa, Kernel, Simd};

/// From the scalars `x` `[n]` to the selection weights `[n]`, the selected row `[H]` and its projection `[4H]`.
pub(super) struct Select<'a> {
    pub(super) weights: &'a SelectWeights,
    /// Bias of the weighing network's hidden layer, context included, `[H]`.
    pub(super) weigher_bias: &'a [f32],
    pub(super) x: &'a [f32],
    pub(super) scratch: &'a mut Scratch,
    pub(super) weights_out: &'a mut [f32],
    pub(super) selected: &'a mut [f32],
    pub(super) projected: &'a mut [f32],
}

impl Select<'_> {
    pub(super) fn dispatch(self, isa: Isa) {
        f32::dispatch(isa, self);
    }
}

impl Kernel<f32> for Select<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = f32>>(self, s: S) {
        let SelectWeights { n, h, .. } = *self.weights;
        let weights = self.weights;
        let Scratch { a, b, g } = self.scratch;
        match &weights.weigher {
            None => self.weights_out.fill(1.0),
            Some(weigher) => {
                let scratch = (&mut a[..h], &mut b[..n], &mut g[..2 * n]);
                weigh(
                    s,
                    weigher,
                    (self.x, self.weigher_bias),
                    scratch,
                    self.weights_out,
                );
            }
        }
        let (e, skip, g) = (&mut a[..n * h], &mut b[..n * h], &mut g[..n * 2 * h]);
        embed(s, weights, self.x, e, skip);
        let gates = weights
            .gate_t
            .chunks_exact(2 * h * h)
            .zip(weights.gate_b.chunks_exact(2 * h));
        for (((t, bias), e), g) in gates.zip(e.chunks_exact(h)).zip(g.chunks_exact_mut(2 * h)) {
            matvec(s, e, t, bias, g);
        }
        let norms = weights
            .gamma
            .chunks_exact(h)
            .zip(weights.beta.chunks_exact(h));
        let rows = g
            .chunks_exact(2 * h)
            .zip(skip.chunks_exact(h))
            .zip(e.chunks_exact_mut(h));
        self.selected.fill(0.0);
        for (((gamma, beta), ((g, skip), out)), weight) in norms.zip(rows).zip(&*self.weights_out) {
            glu_norm_one(s, g, skip, (gamma, beta), out);
            axpy(s, *weight, out, self.selected);
        }
        matvec(
            s,
            self.selected,
            &weights.projection_t,
            &weights.projection_b,
            self.projected,
        );
    }
}

/// Every variable's hidden layer and skip.
#[inline(always)]
fn embed<S: Simd<R = f32>>(
    s: S,
    weights: &SelectWeights,
    x: &[f32],
    e: &mut [f32],
    skip: &mut [f32],
) {
    let h = weights.h;
    for (variable, x) in x.iter().enumerate() {
        let x = s.splat(*x);
        let row = variable * h..(variable + 1) * h;
        let (u, v) = (&weights.u[row.clone()], &weights.v[row.clone()]);
        let (w, b) = (&weights.w[row.clone()], &weights.b[row.clone()]);
        let (e, skip) = (&mut e[row.clone()], &mut skip[row]);
        for at in (0..h).step_by(S::LANES) {
            let hidden = s.fma(x, s.load_at(u, at), s.load_at(v, at));
            s.store_at(elu(s, hidden), e, at);
            s.store_at(s.fma(x, s.load_at(w, at), s.load_at(b, at)), skip, at);
        }
    }
}

/// The selection weights.
#[inline(always)]
fn weigh<S: Simd<R = f32>>(
    s: S,
    weights: &WeigherWeights,
    (x, bias): (&[f32], &[f32]),
    (e, skip, g): (&mut [f32], &mut [f32], &mut [f32]),
    out: &mut [f32],
) {
    matvec(s, x, &weights.p, bias, e);
    for at in (0..e.len()).step_by(S::LANES) {
        let v = elu(s, s.load_at(e, at));
        s.store_at(v, e, at);
    }
    matvec(s, x, &weights.s, &weights.s0, skip);
    matvec(s, e, &weights.gate_t, &weights.gate_b, g);
    glu_norm_one(s, g, skip, (&weights.gamma, &weights.beta), out);
    softmax(s, out);
}
