//! The variable selection of all encoder (or decoder) rows of a chunk, and their projection for the LSTM.

use super::grn::ContextRows;
use super::kernels::SumRows;
use super::vsn::VsnRows;
use super::{Pass, Site, Tiles, tiles};
use crate::buffer::AlignedBuf;
use crate::fold::bias_of;
use crate::fold::plan::{Lstm, Vsn};
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::real::Real;

/// What the selection of some rows holds.
#[derive(Debug, Default)]
pub(super) struct SelectionRun<R: Real> {
    /// `[rows, H]`.
    pub(super) selected: AlignedBuf<R>,
    /// `[rows, n]`.
    pub(super) weights: AlignedBuf<R>,
    /// `[rows, 4H]`.
    pub(super) projected: AlignedBuf<R>,
    /// Gradients, added to from outside.
    pub(super) dselected: AlignedBuf<R>,
    pub(super) dprojected: AlignedBuf<R>,
}

impl<R: Real> SelectionRun<R> {
    pub(super) fn forward(
        &mut self,
        pass: &Pass<'_, R>,
        tile: &mut Tiles<R>,
        (vsn, lstm): (&Vsn, &Lstm),
        rows: VsnRows<'_, R>,
    ) {
        let (n, h) = (vsn.vars.len(), lstm.ih.n_in);
        let n_rows = rows.x.len() / n;
        self.selected.resize_unspecified(n_rows * h);
        self.weights.resize_unspecified(n_rows * n);
        self.projected.resize_unspecified(n_rows * 4 * h);
        for some in tiles(0..n_rows) {
            let weights = &mut self.weights[some.start * n..some.end * n];
            let out = &mut self.selected[some.start * h..some.end * h];
            tile.vsn
                .forward(pass, vsn, part(rows, n, some), weights, out);
        }
        let bias = Init::Bias(pass.w(bias_of(&lstm.ih)));
        matmul(
            pass.isa(),
            bias,
            &self.selected,
            pass.t(lstm.ih.t),
            4 * h,
            &mut self.projected,
        );
    }

    /// Zeros for the gradients that come from outside.
    pub(super) fn clear_gradients(&mut self) {
        self.dselected.reset(self.selected.len());
        self.dprojected.reset(self.projected.len());
    }

    /// From the gradients of `projected` and `selected` to those of the weights, and of the contexts (added to).
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        tile: &mut Tiles<R>,
        (vsn, lstm): (&Vsn, &Lstm),
        rows: VsnRows<'_, R>,
        dcontext: &mut [R],
        grads: &mut [R],
    ) {
        let (n, h) = (vsn.vars.len(), lstm.ih.n_in);
        R::dispatch(
            pass.isa(),
            SumRows {
                from: &self.dprojected,
                to: &mut grads[bias_of(&lstm.ih).range()],
            },
        );
        for some in tiles(0..rows.x.len() / n) {
            let (own, gates) = (
                some.start * h..some.end * h,
                some.start * 4 * h..some.end * 4 * h,
            );
            let (selected, dprojected) = (&self.selected[own.clone()], &self.dprojected[gates]);
            let dselected = &mut self.dselected[own];
            matmul_tn_add(
                pass.isa(),
                dprojected,
                selected,
                h,
                &mut grads[lstm.ih.w.range()],
            );
            matmul(
                pass.isa(),
                Init::Keep,
                dprojected,
                pass.w(lstm.ih.w),
                h,
                dselected,
            );
            let weights = &self.weights[some.start * n..some.end * n];
            tile.vsn.backward(
                pass,
                vsn,
                part(rows, n, some),
                (weights, dselected),
                dcontext,
                grads,
            );
        }
    }
}

/// Some of the rows.
fn part<R>(rows: VsnRows<'_, R>, n: usize, some: std::ops::Range<usize>) -> VsnRows<'_, R> {
    VsnRows {
        site: Site {
            first_row: some.start,
            ..rows.site
        },
        x: &rows.x[some.start * n..some.end * n],
        context: ContextRows {
            index: &rows.context.index[some],
            ..rows.context
        },
    }
}
