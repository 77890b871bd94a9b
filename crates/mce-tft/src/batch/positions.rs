//! What happens at every position of a window alike: the gate behind the LSTM, and the enrichment.

use std::ops::Range;

use super::gate::GateGrads;
use super::grn::{ContextRows, GrnGrads};
use super::kernels::{ScatterRows, copy_rows};
use super::{Keep, Pass, Site, Tiles, layers, tiles};
use crate::buffer::AlignedBuf;
use crate::real::Real;

/// What the positions hold, rows `[positions, windows, H]`.
#[derive(Debug, Default)]
pub(super) struct PositionRun<R: Real> {
    pub(super) temporal: AlignedBuf<R>,
    pub(super) enriched: AlignedBuf<R>,
    pub(super) denriched: AlignedBuf<R>,
}

/// A stretch of positions and where their inputs come from.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a, R> {
    /// The first row of the stretch among all rows.
    pub(super) first_row: usize,
    /// Results of the LSTM at the stretch's rows.
    pub(super) lstm: &'a [R],
    /// Results of the variable selection, and which row of them each row of the stretch takes.
    pub(super) selected: &'a [R],
    pub(super) selected_index: &'a [u32],
    /// The enrichment's context of each row of the stretch.
    pub(super) context: ContextRows<'a, R>,
}

impl<R> Stretch<'_, R> {
    fn rows(&self) -> Range<usize> {
        0..self.selected_index.len()
    }
}

/// Gradients of a stretch. All but `temporal` are added to or overwritten.
pub(super) struct StretchGrads<'a, R> {
    /// Of `temporal`, from further on than the enrichment; none but at decoder positions.
    pub(super) temporal: Option<&'a [R]>,
    /// Of the LSTM's results; overwritten.
    pub(super) lstm: &'a mut [R],
    /// Of the variable selection's results; added to.
    pub(super) selected: &'a mut [R],
    /// Of the enrichment's contexts; added to.
    pub(super) context: &'a mut [R],
}

impl<R: Real> PositionRun<R> {
    /// Makes room for `len` values.
    pub(super) fn resize(&mut self, len: usize) {
        self.temporal.resize_unspecified(len);
        self.enriched.resize_unspecified(len);
    }

    pub(super) fn forward(
        &mut self,
        pass: &Pass<'_, R>,
        tile: &mut Tiles<R>,
        stretch: Stretch<'_, R>,
    ) {
        let plan = pass.folded.plan();
        let h = plan.hidden;
        for rows in tiles(stretch.rows()) {
            let first = stretch.first_row + rows.start;
            let range = first * h..(first + rows.len()) * h;
            gate_inputs(pass, tile, &stretch, rows.clone());
            let (x, skip) = (&tile.x[..range.len()], &tile.skip[..range.len()]);
            let temporal = &mut self.temporal[range.clone()];
            tile.gate
                .forward(pass, &plan.gate_lstm, x, skip, temporal, Keep::Nothing);
            let site = Site {
                layer: layers::ENRICH,
                first_row: first,
            };
            let context = ContextRows {
                index: &stretch.context.index[rows],
                ..stretch.context
            };
            let enriched = &mut self.enriched[range];
            tile.grn.forward(
                pass,
                &plan.enrich,
                (site, Keep::Nothing),
                temporal,
                Some(context),
                enriched,
            );
        }
    }

    /// From `denriched` (and the gradient of `temporal`) back to the inputs of the stretch.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        tile: &mut Tiles<R>,
        stretch: Stretch<'_, R>,
        d: StretchGrads<'_, R>,
        grads: &mut [R],
    ) {
        let plan = pass.folded.plan();
        let h = plan.hidden;
        for rows in tiles(stretch.rows()) {
            let first = stretch.first_row + rows.start;
            let (all, own) = (
                first * h..(first + rows.len()) * h,
                rows.start * h..rows.end * h,
            );
            let len = own.len();
            let site = Site {
                layer: layers::ENRICH,
                first_row: first,
            };
            let index = &stretch.context.index[rows.clone()];
            let context = ContextRows {
                index,
                ..stretch.context
            };
            let temporal = &self.temporal[all.clone()];
            tile.grn.forward(
                pass,
                &plan.enrich,
                (site, Keep::ForBackward),
                temporal,
                Some(context),
                &mut tile.out[..len],
            );
            let dtemporal = &mut tile.out[..len];
            let ends = GrnGrads {
                out: &self.denriched[all],
                x: dtemporal,
                context: Some((index, &mut *d.context)),
            };
            tile.grn
                .backward(pass, &plan.enrich, site, temporal, ends, grads);
            if let Some(from_tail) = d.temporal {
                for (to, from) in dtemporal.iter_mut().zip(&from_tail[own.clone()]) {
                    *to += *from;
                }
            }
            gate_inputs(pass, tile, &stretch, rows.clone());
            let (x, skip) = (&tile.x[..len], &tile.skip[..len]);
            tile.gate.forward(
                pass,
                &plan.gate_lstm,
                x,
                skip,
                &mut tile.dx[..len],
                Keep::ForBackward,
            );
            let (dx, dskip) = (&mut d.lstm[own], &mut tile.dskip[..len]);
            let ends = GateGrads {
                out: &tile.out[..len],
                x: dx,
                skip: dskip,
            };
            tile.gate.backward(pass, &plan.gate_lstm, x, ends, grads);
            pass.drop_units(
                Site {
                    layer: layers::GATE_LSTM,
                    first_row: first,
                },
                h,
                dx,
            );
            let index = &stretch.selected_index[rows];
            R::dispatch(
                pass.isa(),
                ScatterRows {
                    from: dskip,
                    index,
                    to: d.selected,
                    width: h,
                },
            );
        }
    }
}

/// Puts the gate's input and skip into the tile.
fn gate_inputs<R: Real>(
    pass: &Pass<'_, R>,
    tile: &mut Tiles<R>,
    stretch: &Stretch<'_, R>,
    rows: Range<usize>,
) {
    let h = pass.folded.plan().hidden;
    let own = rows.start * h..rows.end * h;
    let x = &mut tile.x[..own.len()];
    x.copy_from_slice(&stretch.lstm[own.clone()]);
    let site = Site {
        layer: layers::GATE_LSTM,
        first_row: stretch.first_row + rows.start,
    };
    pass.drop_units(site, h, x);
    let skip = &mut tile.skip[..own.len()];
    copy_rows(stretch.selected, &stretch.selected_index[rows], skip, h);
}
