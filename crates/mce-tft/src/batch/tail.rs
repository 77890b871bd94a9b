//! What follows the attention, at decoder positions only: gate, feed-forward network, gate, linear head.

use super::gate::GateGrads;
use super::grn::GrnGrads;
use super::kernels::SumRows;
use super::{Keep, Pass, Site, Tiles, layers, tiles};
use crate::buffer::AlignedBuf;
use crate::fold::bias_of;
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::real::Real;

/// What the tail holds, rows `[decoder steps, windows]`.
#[derive(Debug, Default)]
pub(super) struct TailRun<R: Real> {
    /// The attention's result through the value and output matrix, `[rows, H]`.
    attended: AlignedBuf<R>,
    /// `[rows, H]`.
    pub(super) attn_gated: AlignedBuf<R>,
    /// The feed-forward network's result, `[rows, H]`.
    fed: AlignedBuf<R>,
    /// `[rows, H]`.
    pub(super) pre_head: AlignedBuf<R>,
    /// `[rows, outputs]`.
    pub(super) y: AlignedBuf<R>,
    /// Gradient of `y`, filled from outside.
    pub(super) dy: AlignedBuf<R>,
    /// Gradient of the skip of the last gate, `[rows, H]`.
    pub(super) dtemporal: AlignedBuf<R>,
}

/// What the tail takes in, all `[rows, H]`.
#[derive(Clone, Copy)]
pub(super) struct TailInputs<'a, R> {
    /// Weighted means of the attention.
    pub(super) mean: &'a [R],
    pub(super) enriched: &'a [R],
    pub(super) temporal: &'a [R],
}

impl<R: Real> TailRun<R> {
    /// Makes room.
    pub(super) fn resize(&mut self, rows: usize, h: usize, n_outputs: usize) {
        let hidden = [
            &mut self.attended,
            &mut self.attn_gated,
            &mut self.fed,
            &mut self.pre_head,
        ];
        for buffer in hidden {
            buffer.resize_unspecified(rows * h);
        }
        self.dtemporal.resize_unspecified(rows * h);
        self.y.resize_unspecified(rows * n_outputs);
        self.dy.resize_unspecified(rows * n_outputs);
    }

    pub(super) fn forward(
        &mut self,
        pass: &Pass<'_, R>,
        tile: &mut Tiles<R>,
        inputs: TailInputs<'_, R>,
    ) {
        let plan = pass.folded.plan();
        let h = plan.hidden;
        let vo = &plan.attn.vo;
        matmul(
            pass.isa(),
            Init::Bias(pass.w(bias_of(vo))),
            inputs.mean,
            pass.t(vo.t),
            h,
            &mut self.attended,
        );
        let n_rows = self.attended.len() / h;
        pass.drop_units(
            Site {
                layer: layers::GATE_ATTN,
                first_row: 0,
            },
            h,
            &mut self.attended,
        );
        for rows in tiles(0..n_rows) {
            let range = rows.start * h..rows.end * h;
            let gated = &mut self.attn_gated[range.clone()];
            let attended = &self.attended[range.clone()];
            tile.gate.forward(
                pass,
                &plan.gate_attn,
                attended,
                &inputs.enriched[range.clone()],
                gated,
                Keep::Nothing,
            );
            let site = |layer| Site {
                layer,
                first_row: rows.start,
            };
            let fed = &mut self.fed[range.clone()];
            tile.grn.forward(
                pass,
                &plan.ff,
                (site(layers::FF), Keep::Nothing),
                gated,
                None,
                fed,
            );
            pass.drop_units(site(layers::GATE_OUT), h, fed);
            let out = &mut self.pre_head[range.clone()];
            tile.gate.forward(
                pass,
                &plan.gate_out,
                fed,
                &inputs.temporal[range],
                out,
                Keep::Nothing,
            );
        }
        let head = &plan.head;
        let bias = Init::Bias(pass.w(bias_of(head)));
        matmul(
            pass.isa(),
            bias,
            &self.pre_head,
            pass.t(head.t),
            head.n_out,
            &mut self.y,
        );
    }

    /// From `dy` to the gradients of the attention's means and of the enriched rows (overwritten), and to `dtemporal`.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        tile: &mut Tiles<R>,
        inputs: TailInputs<'_, R>,
        (dmean, denriched): (&mut [R], &mut [R]),
        grads: &mut [R],
    ) {
        let plan = pass.folded.plan();
        let (h, isa) = (plan.hidden, pass.isa());
        let (head, vo) = (&plan.head, &plan.attn.vo);
        matmul_tn_add(isa, &self.dy, &self.pre_head, h, &mut grads[head.w.range()]);
        R::dispatch(
            isa,
            SumRows {
                from: &self.dy,
                to: &mut grads[bias_of(head).range()],
            },
        );
        for rows in tiles(0..inputs.mean.len() / h) {
            let (range, site) = (rows.start * h..rows.end * h, |layer| Site {
                layer,
                first_row: rows.start,
            });
            let len = range.len();
            let (gated, fed) = (&self.attn_gated[range.clone()], &self.fed[range.clone()]);
            let dtemporal = &mut self.dtemporal[range.clone()];
            // Of the head, then of the last gate, whose forward pass is done again for what it leaves in the tile.
            let dy = &self.dy[rows.start * head.n_out..rows.end * head.n_out];
            let (out, dx) = (&mut tile.out[..len], &mut tile.dx[..len]);
            tile.gate.forward(
                pass,
                &plan.gate_out,
                fed,
                &inputs.temporal[range.clone()],
                out,
                Keep::ForBackward,
            );
            matmul(isa, Init::Zero, dy, pass.w(head.w), h, out);
            tile.gate.backward(
                pass,
                &plan.gate_out,
                fed,
                GateGrads {
                    out,
                    x: dx,
                    skip: dtemporal,
                },
                grads,
            );
            pass.drop_units(site(layers::GATE_OUT), h, dx);
            tile.grn.forward(
                pass,
                &plan.ff,
                (site(layers::FF), Keep::ForBackward),
                gated,
                None,
                out,
            );
            let ends = GrnGrads {
                out: dx,
                x: out,
                context: None,
            };
            tile.grn
                .backward(pass, &plan.ff, site(layers::FF), gated, ends, grads);
            let attended = &self.attended[range.clone()];
            tile.gate.forward(
                pass,
                &plan.gate_attn,
                attended,
                &inputs.enriched[range.clone()],
                dx,
                Keep::ForBackward,
            );
            let ends = GateGrads {
                out,
                x: dx,
                skip: &mut denriched[range.clone()],
            };
            tile.gate
                .backward(pass, &plan.gate_attn, attended, ends, grads);
            pass.drop_units(site(layers::GATE_ATTN), h, dx);
            matmul_tn_add(
                isa,
                dx,
                &inputs.mean[range.clone()],
                h,
                &mut grads[vo.w.range()],
            );
            R::dispatch(
                isa,
                SumRows {
                    from: dx,
                    to: &mut grads[bias_of(vo).range()],
                },
            );
            matmul(isa, Init::Zero, dx, pass.w(vo.w), h, &mut dmean[range]);
        }
    }
}
