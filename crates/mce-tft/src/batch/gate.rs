//! The gate: layer norm of GLU(W·x + b) + skip. Every gated residual network ends in one.

use super::kernels::norm::{GluNorm, GluNormBackward, GluNormOut};
use super::{Keep, Pass, TILE, spans_mut};
use crate::buffer::AlignedBuf;
use crate::fold::bias_of;
use crate::fold::plan::Gate;
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::real::Real;

/// What the forward pass of a tile leaves for its backward pass.
#[derive(Debug)]
pub(super) struct GateTile<R: Real> {
    /// `[rows, 2·width]`.
    g: AlignedBuf<R>,
    /// `[rows, width]`.
    normed: AlignedBuf<R>,
    /// `[rows]`.
    inverse: AlignedBuf<R>,
}

impl<R: Real> GateTile<R> {
    /// Room for tiles of a gate up to `width` wide.
    pub(super) fn new(width: usize) -> Self {
        Self {
            g: AlignedBuf::zeroed(TILE * 2 * width),
            normed: AlignedBuf::zeroed(TILE * width),
            inverse: AlignedBuf::zeroed(TILE),
        }
    }

    /// # Shapes
    /// x `[rows, in]`, skip and out `[rows, width]`, rows ≤ [`TILE`].
    pub(super) fn forward(
        &mut self,
        pass: &Pass<'_, R>,
        gate: &Gate,
        x: &[R],
        skip: &[R],
        out: &mut [R],
        keep: Keep,
    ) {
        let rows = out.len() / gate.width;
        let g = &mut self.g[..rows * 2 * gate.width];
        let dense = &gate.dense;
        matmul(
            pass.isa(),
            Init::Bias(pass.w(bias_of(dense))),
            x,
            pass.t(dense.t),
            dense.n_out,
            g,
        );
        let (gamma, beta) = (pass.w(gate.gamma), pass.w(gate.beta));
        if keep == Keep::Nothing {
            R::dispatch(
                pass.isa(),
                GluNormOut {
                    g,
                    skip,
                    gamma,
                    beta,
                    out,
                },
            );
            return;
        }
        let normed = &mut self.normed[..rows * gate.width];
        let inverse = &mut self.inverse[..rows];
        R::dispatch(
            pass.isa(),
            GluNorm {
                g,
                skip,
                gamma,
                beta,
                normed,
                inverse,
                out,
            },
        );
    }

    /// Backward of the last [`forward`](Self::forward), which kept what this needs and of which `x` is the input. Adds to `grads` (the folded weights'
    /// form), overwrites `d.x` and `d.skip`.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        gate: &Gate,
        x: &[R],
        d: GateGrads<'_, R>,
        grads: &mut [R],
    ) {
        let rows = d.out.len() / gate.width;
        let dense = &gate.dense;
        let g = &mut self.g[..rows * 2 * gate.width];
        let [dw, dbias, dgamma, dbeta] =
            spans_mut(grads, [dense.w, bias_of(dense), gate.gamma, gate.beta]);
        let kernel = GluNormBackward {
            g,
            normed: &self.normed[..rows * gate.width],
            inverse: &self.inverse[..rows],
            gamma: pass.w(gate.gamma),
            dout: d.out,
            dskip: d.skip,
            dgamma,
            dbeta,
            dbias,
        };
        R::dispatch(pass.isa(), kernel);
        matmul_tn_add(pass.isa(), g, x, dense.n_in, dw);
        matmul(pass.isa(), Init::Zero, g, pass.w(dense.w), dense.n_in, d.x);
    }
}

/// Gradients at the ends of a gate.
pub(super) struct GateGrads<'a, R> {
    /// Of the result, `[rows, width]`.
    pub(super) out: &'a [R],
    /// Of the input, `[rows, in]`; overwritten.
    pub(super) x: &'a mut [R],
    /// Of the skip, `[rows, width]`; overwritten.
    pub(super) skip: &'a mut [R],
}
