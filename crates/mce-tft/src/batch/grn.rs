//! Gated residual networks on rows of width H: ELU(W2·x + b2 + context), then the gate with x as skip.

use super::gate::{GateGrads, GateTile};
use super::kernels::{AddRows, Elu, EluBackward, ScatterRows, SumRows};
use super::{Keep, Pass, Site, TILE};
use crate::buffer::AlignedBuf;
use crate::fold::bias_of;
use crate::fold::plan::Grn;
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::real::Real;

/// Which context each row of a tile takes.
#[derive(Clone, Copy)]
pub(super) struct ContextRows<'a, R> {
    /// Contexts through their matrix, `[contexts, H]`.
    pub(super) rows: &'a [R],
    /// `[rows]`.
    pub(super) index: &'a [u32],
}

/// Room for one tile.
#[derive(Debug)]
pub(super) struct GrnTile<R: Real> {
    gate: GateTile<R>,
    /// After the ELU, `[rows, H]`.
    e: AlignedBuf<R>,
    /// The same after dropout.
    dropped: AlignedBuf<R>,
    /// Gradient of the hidden layer.
    dhidden: AlignedBuf<R>,
}

impl<R: Real> GrnTile<R> {
    pub(super) fn new(h: usize) -> Self {
        let rows = || AlignedBuf::zeroed(TILE * h);
        Self {
            gate: GateTile::new(h),
            e: rows(),
            dropped: rows(),
            dhidden: rows(),
        }
    }

    /// # Shapes
    /// x and out `[rows, H]`, rows ≤ [`TILE`].
    pub(super) fn forward(
        &mut self,
        pass: &Pass<'_, R>,
        grn: &Grn,
        (site, keep): (Site, Keep),
        x: &[R],
        context: Option<ContextRows<'_, R>>,
        out: &mut [R],
    ) {
        let h = grn.fc2.n_out;
        let e = &mut self.e[..out.len()];
        matmul(
            pass.isa(),
            Init::Bias(pass.w(bias_of(&grn.fc2))),
            x,
            pass.t(grn.fc2.t),
            h,
            e,
        );
        if let Some(ContextRows { rows, index }) = context {
            R::dispatch(
                pass.isa(),
                AddRows {
                    from: rows,
                    index,
                    to: e,
                    width: h,
                },
            );
        }
        R::dispatch(pass.isa(), Elu(e));
        let dropped = pass.dropped(site, h, e, &mut self.dropped);
        self.gate.forward(pass, &grn.gate, dropped, x, out, keep);
    }

    /// Backward of the last [`forward`](Self::forward), of which `x` is the input: overwrites `d.x`, adds to `grads` and,
    /// by the same index, to the gradient of the contexts.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        grn: &Grn,
        site: Site,
        x: &[R],
        d: GrnGrads<'_, R>,
        grads: &mut [R],
    ) {
        let h = grn.fc2.n_out;
        let dhidden = &mut self.dhidden[..d.out.len()];
        let dropped = pass.dropped_again(&self.e[..d.out.len()], &self.dropped);
        let ends = GateGrads {
            out: d.out,
            x: dhidden,
            skip: d.x,
        };
        self.gate.backward(pass, &grn.gate, dropped, ends, grads);
        pass.drop_units(site, h, dhidden);
        R::dispatch(
            pass.isa(),
            EluBackward {
                e: &self.e[..d.out.len()],
                d: dhidden,
            },
        );
        R::dispatch(
            pass.isa(),
            SumRows {
                from: dhidden,
                to: &mut grads[bias_of(&grn.fc2).range()],
            },
        );
        matmul_tn_add(
            pass.isa(),
            dhidden,
            x,
            grn.fc2.n_in,
            &mut grads[grn.fc2.w.range()],
        );
        if let Some((index, to)) = d.context {
            R::dispatch(
                pass.isa(),
                ScatterRows {
                    from: dhidden,
                    index,
                    to,
                    width: h,
                },
            );
        }
        matmul(
            pass.isa(),
            Init::Keep,
            dhidden,
            pass.w(grn.fc2.w),
            grn.fc2.n_in,
            d.x,
        );
    }
}

/// Gradients at the ends of a network.
pub(super) struct GrnGrads<'a, R> {
    /// Of the result, `[rows, H]`.
    pub(super) out: &'a [R],
    /// Of the input, `[rows, H]`; overwritten.
    pub(super) x: &'a mut [R],
    /// Which context each row took, and the gradient of the contexts, added to.
    pub(super) context: Option<(&'a [u32], &'a mut [R])>,
}
