//! Variable selection: every scalar through its own network, mixed by softmax weights.
//!
//! The inputs are data, so that no gradient flows further back than the embeddings. The backward pass computes a tile's
//! networks again from the scalars: that costs less than writing and reading what they hold.

use super::gate::{GateGrads, GateTile};
use super::grn::ContextRows;
use super::kernels::{
    AddRows, Elu, EluBackward, Embed, EmbedBackward, Mix, MixBackward, ScatterRows, Softmax,
    SoftmaxBackward, SumRows,
};
use super::{Keep, Pass, Site, TILE, spans_mut};
use crate::buffer::AlignedBuf;
use crate::fold::plan::{Var, Vsn, Weigher};
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::real::Real;

/// Room for one tile.
#[derive(Debug)]
pub(super) struct VsnTile<R: Real> {
    h: usize,
    gate: GateTile<R>,
    /// After the ELU, `[rows, H]`.
    e: AlignedBuf<R>,
    /// The same after dropout.
    dropped: AlignedBuf<R>,
    /// `[rows, H]` for a variable, `[rows, n]` for the weighing network.
    skip: AlignedBuf<R>,
    /// A variable's result, then its gradient, `[rows, H]`.
    result: AlignedBuf<R>,
    /// Gradient of the hidden layer, `[rows, H]`.
    dhidden: AlignedBuf<R>,
    /// Gradient of the weights, `[rows, n]`.
    dweights: AlignedBuf<R>,
}

/// The rows of a tile.
#[derive(Clone, Copy)]
pub(super) struct VsnRows<'a, R> {
    /// Layer (one for the weighing network, the next ones for the variables) and first row, for dropout.
    pub(super) site: Site,
    /// Scalars, `[rows, n]`.
    pub(super) x: &'a [R],
    /// Contexts of the weighing network.
    pub(super) context: ContextRows<'a, R>,
}

impl<R: Real> VsnTile<R> {
    /// Room for tiles of a network with up to `n` variables.
    pub(super) fn new(n: usize, h: usize) -> Self {
        let rows = |width| AlignedBuf::zeroed(TILE * width);
        Self {
            h,
            gate: GateTile::new(h.max(n)),
            e: rows(h),
            dropped: rows(h),
            skip: rows(h.max(n)),
            result: rows(h),
            dhidden: rows(h),
            dweights: rows(n),
        }
    }

    /// # Shapes
    /// weights `[rows, n]`, out `[rows, H]`, rows ≤ [`TILE`].
    pub(super) fn forward(
        &mut self,
        pass: &Pass<'_, R>,
        vsn: &Vsn,
        rows: VsnRows<'_, R>,
        weights: &mut [R],
        out: &mut [R],
    ) {
        let (n, h) = (vsn.vars.len(), self.h);
        let Some(weigher) = &vsn.weigher else {
            weights.fill(R::ONE);
            self.variable(pass, &vsn.vars[0], (1, 0), rows, Keep::Nothing);
            out.copy_from_slice(&self.result[..out.len()]);
            return;
        };
        self.weigh(pass, weigher, rows, weights, Keep::Nothing);
        R::dispatch(
            pass.isa(),
            Softmax {
                x: weights,
                width: n,
            },
        );
        out.fill(R::ZERO);
        for (column, var) in vsn.vars.iter().enumerate() {
            self.variable(pass, var, (n, column), rows, Keep::Nothing);
            let x = &self.result[..out.len()];
            R::dispatch(
                pass.isa(),
                Mix {
                    weights,
                    n,
                    column,
                    x,
                    out,
                    width: h,
                },
            );
        }
    }

    /// The result of variable `column` of `n`, into `self.result`.
    fn variable(
        &mut self,
        pass: &Pass<'_, R>,
        var: &Var,
        (n, column): (usize, usize),
        rows: VsnRows<'_, R>,
        keep: Keep,
    ) {
        let len = rows.x.len() / n * self.h;
        let kernel = Embed {
            x: rows.x,
            n,
            column,
            u: pass.w(var.u),
            v: pass.w(var.v),
            w: pass.w(var.w),
            b: pass.w(var.b),
            e: &mut self.e[..len],
            skip: &mut self.skip[..len],
        };
        R::dispatch(pass.isa(), kernel);
        let site = layer(rows.site, column + 1);
        let dropped = pass.dropped(site, self.h, &self.e[..len], &mut self.dropped);
        self.gate.forward(
            pass,
            &var.gate,
            dropped,
            &self.skip[..len],
            &mut self.result[..len],
            keep,
        );
    }

    /// The weights before the softmax, into `logits`.
    fn weigh(
        &mut self,
        pass: &Pass<'_, R>,
        weigher: &Weigher,
        rows: VsnRows<'_, R>,
        logits: &mut [R],
        keep: Keep,
    ) {
        let (n, h) = (weigher.gate.width, self.h);
        let len = logits.len() / n * h;
        let e = &mut self.e[..len];
        matmul(
            pass.isa(),
            Init::Bias(pass.w(weigher.p0)),
            rows.x,
            pass.w(weigher.p),
            h,
            e,
        );
        let ContextRows { rows: from, index } = rows.context;
        R::dispatch(
            pass.isa(),
            AddRows {
                from,
                index,
                to: e,
                width: h,
            },
        );
        R::dispatch(pass.isa(), Elu(e));
        let dropped = pass.dropped(rows.site, h, e, &mut self.dropped);
        let skip = &mut self.skip[..logits.len()];
        matmul(
            pass.isa(),
            Init::Bias(pass.w(weigher.s0)),
            rows.x,
            pass.w(weigher.s),
            n,
            skip,
        );
        self.gate
            .forward(pass, &weigher.gate, dropped, skip, logits, keep);
    }

    /// From the gradient of the result to those of the weights and the contexts; `weights` are those of the forward pass.
    ///
    /// # Shapes
    /// weights `[rows, n]`, dout `[rows, H]`, dcontext `[contexts, H]`, grads in the folded weights' form.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        vsn: &Vsn,
        rows: VsnRows<'_, R>,
        (weights, dout): (&[R], &[R]),
        dcontext: &mut [R],
        grads: &mut [R],
    ) {
        let (n, h) = (vsn.vars.len(), self.h);
        let mut dweights = std::mem::take(&mut self.dweights);
        for (column, var) in vsn.vars.iter().enumerate() {
            self.variable(pass, var, (n, column), rows, Keep::ForBackward);
            let x = &mut self.result[..dout.len()];
            if vsn.weigher.is_some() {
                let dweights = &mut dweights[..weights.len()];
                R::dispatch(
                    pass.isa(),
                    MixBackward {
                        weights,
                        n,
                        column,
                        x,
                        dout,
                        dweights,
                        width: h,
                    },
                );
            } else {
                x.copy_from_slice(dout);
            }
            self.variable_backward(pass, var, (n, column), rows, grads);
        }
        if let Some(weigher) = &vsn.weigher {
            let d = &mut dweights[..weights.len()];
            R::dispatch(
                pass.isa(),
                SoftmaxBackward {
                    y: weights,
                    d,
                    width: n,
                },
            );
            self.weigh_backward(pass, weigher, rows, d, dcontext, grads);
        }
        self.dweights = dweights;
    }

    /// Backward of [`variable`](Self::variable), from the gradient in `self.result`.
    fn variable_backward(
        &mut self,
        pass: &Pass<'_, R>,
        var: &Var,
        (n, column): (usize, usize),
        VsnRows { site, x, .. }: VsnRows<'_, R>,
        grads: &mut [R],
    ) {
        let len = x.len() / n * self.h;
        let (dhidden, dskip) = (&mut self.dhidden[..len], &mut self.skip[..len]);
        let ends = GateGrads {
            out: &self.result[..len],
            x: dhidden,
            skip: dskip,
        };
        let dropped = pass.dropped_again(&self.e[..len], &self.dropped);
        self.gate.backward(pass, &var.gate, dropped, ends, grads);
        pass.drop_units(layer(site, column + 1), self.h, dhidden);
        R::dispatch(
            pass.isa(),
            EluBackward {
                e: &self.e[..len],
                d: dhidden,
            },
        );
        let [du, dv, dw, db] = spans_mut(grads, [var.u, var.v, var.w, var.b]);
        R::dispatch(
            pass.isa(),
            EmbedBackward {
                x,
                n,
                column,
                d: dhidden,
                dw: du,
                db: dv,
            },
        );
        R::dispatch(
            pass.isa(),
            EmbedBackward {
                x,
                n,
                column,
                d: dskip,
                dw,
                db,
            },
        );
    }

    /// Backward of [`weigh`](Self::weigh), which is done again first.
    fn weigh_backward(
        &mut self,
        pass: &Pass<'_, R>,
        weigher: &Weigher,
        rows: VsnRows<'_, R>,
        dlogits: &[R],
        dcontext: &mut [R],
        grads: &mut [R],
    ) {
        let (n, h) = (weigher.gate.width, self.h);
        let len = dlogits.len() / n * h;
        let mut logits = std::mem::take(&mut self.result);
        logits.resize_unspecified(logits.len().max(dlogits.len()));
        self.weigh(
            pass,
            weigher,
            rows,
            &mut logits[..dlogits.len()],
            Keep::ForBackward,
        );
        self.result = logits;
        let (dhidden, dskip) = (&mut self.dhidden[..len], &mut self.skip[..dlogits.len()]);
        let ends = GateGrads {
            out: dlogits,
            x: dhidden,
            skip: dskip,
        };
        let dropped = pass.dropped_again(&self.e[..len], &self.dropped);
        self.gate
            .backward(pass, &weigher.gate, dropped, ends, grads);
        pass.drop_units(rows.site, h, dhidden);
        R::dispatch(
            pass.isa(),
            EluBackward {
                e: &self.e[..len],
                d: dhidden,
            },
        );
        let [dp, dp0] = spans_mut(grads, [weigher.p, weigher.p0]);
        matmul_tn_add(pass.isa(), rows.x, dhidden, h, dp);
        R::dispatch(
            pass.isa(),
            SumRows {
                from: dhidden,
                to: dp0,
            },
        );
        let [ds, ds0] = spans_mut(grads, [weigher.s, weigher.s0]);
        matmul_tn_add(pass.isa(), rows.x, dskip, n, ds);
        R::dispatch(
            pass.isa(),
            SumRows {
                from: dskip,
                to: ds0,
            },
        );
        let index = rows.context.index;
        R::dispatch(
            pass.isa(),
            ScatterRows {
                from: dhidden,
                index,
                to: dcontext,
                width: h,
            },
        );
    }
}

/// The layer `offset` behind that of `site`.
fn layer(site: Site, offset: usize) -> Site {
    Site {
        layer: site.layer + offset as u64,
        ..site
    }
}
