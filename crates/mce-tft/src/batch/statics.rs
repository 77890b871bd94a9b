//! The static part: a symbol's embedding, the four contexts made of it, and the contexts through the matrices of the
//! networks that take them.

use super::grn::GrnGrads;
use super::kernels::ScatterRows;
use super::{Keep, Pass, Site, Tiles, layers, tiles};
use crate::buffer::AlignedBuf;
use crate::fold::plan::{Dense, Grn};
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::real::Real;

/// The four contexts, in the order of the arrays below: for selection, enrichment, and the LSTM's first h and c.
const N_CONTEXTS: usize = 4;
const SELECTION: usize = 0;
const ENRICHMENT: usize = 1;
pub(super) const FIRST_H: usize = 2;
pub(super) const FIRST_C: usize = 3;

/// What the static part holds, all `[rows, H]`; a row for each symbol of the chunk.
#[derive(Debug, Default)]
pub(super) struct StaticRun<R: Real> {
    emb: AlignedBuf<R>,
    pub(super) s: AlignedBuf<R>,
    pub(super) contexts: [AlignedBuf<R>; N_CONTEXTS],
    /// Gradients of the contexts; those of [`FIRST_H`] and [`FIRST_C`] are filled from outside.
    pub(super) dcontexts: [AlignedBuf<R>; N_CONTEXTS],
    /// The contexts through the matrices of the encoder's and decoder's selection and of the enrichment.
    pub(super) encoder: Projected<R>,
    pub(super) decoder: Projected<R>,
    pub(super) enrichment: Projected<R>,
    ds: AlignedBuf<R>,
}

/// A context through a matrix, and its gradient, filled from outside.
#[derive(Debug, Default)]
pub(super) struct Projected<R: Real> {
    pub(super) rows: AlignedBuf<R>,
    pub(super) d: AlignedBuf<R>,
}

/// The networks of the contexts, with the layer each has for dropout.
fn context_grns<'a, R: Real>(pass: &'a Pass<'_, R>) -> [(&'a Grn, u64); N_CONTEXTS] {
    let plan = pass.folded.plan();
    [
        (&plan.grn_cs, layers::GRN_CS),
        (&plan.grn_ce, layers::GRN_CE),
        (&plan.grn_ch, layers::GRN_CH),
        (&plan.grn_cc, layers::GRN_CC),
    ]
}

impl<R: Real> StaticRun<R> {
    pub(super) fn forward(&mut self, pass: &Pass<'_, R>, tile: &mut Tiles<R>, symbols: &[u32]) {
        let plan = pass.folded.plan();
        let h = plan.hidden;
        let len = symbols.len() * h;
        for rows in [&mut self.emb, &mut self.s]
            .into_iter()
            .chain(&mut self.contexts)
        {
            rows.resize_unspecified(len);
        }
        let table = pass.w(plan.sym_emb);
        for (symbol, row) in symbols.iter().zip(self.emb.chunks_exact_mut(h)) {
            row.copy_from_slice(&table[*symbol as usize * h..][..h]);
        }
        for rows in tiles(0..symbols.len()) {
            let site = |layer| Site {
                layer,
                first_row: rows.start,
            };
            let range = rows.start * h..rows.end * h;
            let s = &mut self.s[range.clone()];
            tile.grn.forward(
                pass,
                &plan.static_grn,
                (site(layers::STATIC), Keep::Nothing),
                &self.emb[range.clone()],
                None,
                s,
            );
            for ((grn, layer), context) in context_grns(pass).into_iter().zip(&mut self.contexts) {
                tile.grn.forward(
                    pass,
                    grn,
                    (site(layer), Keep::Nothing),
                    s,
                    None,
                    &mut context[range.clone()],
                );
            }
        }
        if let Some(weigher) = &plan.vsn_enc.weigher {
            self.encoder
                .forward(pass, &weigher.ctx, &self.contexts[SELECTION]);
        }
        if let Some(weigher) = &plan.vsn_dec.weigher {
            self.decoder
                .forward(pass, &weigher.ctx, &self.contexts[SELECTION]);
        }
        if let Some(ctx) = &plan.enrich.ctx {
            self.enrichment
                .forward(pass, ctx, &self.contexts[ENRICHMENT]);
        }
    }

    /// Zeros for all gradients that come from outside.
    pub(super) fn clear_gradients(&mut self) {
        let len = self.s.len();
        let projected = [&mut self.encoder, &mut self.decoder, &mut self.enrichment];
        for d in self
            .dcontexts
            .iter_mut()
            .chain(projected.map(|projected| &mut projected.d))
        {
            d.reset(len);
        }
    }

    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        tile: &mut Tiles<R>,
        symbols: &[u32],
        grads: &mut [R],
    ) {
        let plan = pass.folded.plan();
        let h = plan.hidden;
        let [dselection, denrichment, ..] = &mut self.dcontexts;
        if let Some(weigher) = &plan.vsn_enc.weigher {
            self.encoder.backward(
                pass,
                &weigher.ctx,
                (&self.contexts[SELECTION], dselection),
                grads,
            );
        }
        if let Some(weigher) = &plan.vsn_dec.weigher {
            self.decoder.backward(
                pass,
                &weigher.ctx,
                (&self.contexts[SELECTION], dselection),
                grads,
            );
        }
        if let Some(ctx) = &plan.enrich.ctx {
            self.enrichment
                .backward(pass, ctx, (&self.contexts[ENRICHMENT], denrichment), grads);
        }
        self.ds.reset(symbols.len() * h);
        for rows in tiles(0..symbols.len()) {
            let site = |layer| Site {
                layer,
                first_row: rows.start,
            };
            let range = rows.start * h..rows.end * h;
            let (emb, s, ds) = (
                &self.emb[range.clone()],
                &self.s[range.clone()],
                &mut self.ds[range.clone()],
            );
            let (dx, unused) = (&mut tile.dx[..range.len()], &mut tile.out[..range.len()]);
            for ((grn, layer), dcontext) in context_grns(pass).into_iter().zip(&self.dcontexts) {
                tile.grn
                    .forward(pass, grn, (site(layer), Keep::ForBackward), s, None, unused);
                let ends = GrnGrads {
                    out: &dcontext[range.clone()],
                    x: dx,
                    context: None,
                };
                tile.grn.backward(pass, grn, site(layer), s, ends, grads);
                for (ds, dx) in ds.iter_mut().zip(dx.iter()) {
                    *ds += *dx;
                }
            }
            tile.grn.forward(
                pass,
                &plan.static_grn,
                (site(layers::STATIC), Keep::ForBackward),
                emb,
                None,
                unused,
            );
            let ends = GrnGrads {
                out: ds,
                x: dx,
                context: None,
            };
            tile.grn.backward(
                pass,
                &plan.static_grn,
                site(layers::STATIC),
                emb,
                ends,
                grads,
            );
            let to = &mut grads[plan.sym_emb.range()];
            R::dispatch(
                pass.isa(),
                ScatterRows {
                    from: dx,
                    index: &symbols[rows],
                    to,
                    width: h,
                },
            );
        }
    }
}

impl<R: Real> Projected<R> {
    fn forward(&mut self, pass: &Pass<'_, R>, dense: &Dense, context: &[R]) {
        self.rows.resize_unspecified(context.len());
        matmul(
            pass.isa(),
            Init::Zero,
            context,
            pass.t(dense.t),
            dense.n_out,
            &mut self.rows,
        );
    }

    fn backward(
        &self,
        pass: &Pass<'_, R>,
        dense: &Dense,
        (context, dcontext): (&[R], &mut [R]),
        grads: &mut [R],
    ) {
        matmul_tn_add(
            pass.isa(),
            &self.d,
            context,
            dense.n_in,
            &mut grads[dense.w.range()],
        );
        matmul(
            pass.isa(),
            Init::Keep,
            &self.d,
            pass.w(dense.w),
            dense.n_in,
            dcontext,
        );
    }
}
