//! Forward and backward over many windows at once.
//!
//! Windows are worked on in chunks; within a chunk all steps of the network run over all its rows, in tiles that stay in
//! the first-level cache. What is cheap to compute again is not kept for the backward pass: of the variable selection,
//! the gates and the enrichment only inputs and outputs are stored. All sums over rows have a fixed order.
//!
//! - `chunk`: what a chunk is made of, and the whole passes over it;
//! - `statics`, `vsn`, `selection`, `lstm`, `positions`, `attention`, `tail`: its parts, in the order of the forward pass;
//! - `gate`, `grn`: what the parts are made of;
//! - `kernels`: their inner loops; `dropout`: masks from a counter;
//! - `runner`: the public face; `contexts`: what a stream needs of a symbol.
//!
//! Losses are left to `loss`, parameters and their folding to `params` and `fold`, threads to `train`.

mod attention;
pub(crate) mod chunk;
pub(crate) mod contexts;
pub(crate) mod dropout;
mod gate;
mod grn;
pub(crate) mod kernels;
mod lstm;
mod positions;
pub(crate) mod runner;
mod selection;
mod statics;
mod tail;
mod vsn;

use std::ops::Range;

use dropout::{Dropout, Site};

use crate::buffer::AlignedBuf;
use crate::fold::Folded;
use crate::params::layout::Span;
use crate::real::Real;
use crate::simd::Isa;

/// Rows of a tile.
const TILE: usize = 32;

/// The layers that drop units, by number.
mod layers {
    pub(super) const STATIC: u64 = 0;
    pub(super) const GRN_CS: u64 = 1;
    pub(super) const GRN_CE: u64 = 2;
    pub(super) const GRN_CH: u64 = 3;
    pub(super) const GRN_CC: u64 = 4;
    pub(super) const GATE_LSTM: u64 = 5;
    pub(super) const ENRICH: u64 = 6;
    pub(super) const GATE_ATTN: u64 = 7;
    pub(super) const FF: u64 = 8;
    pub(super) const GATE_OUT: u64 = 9;
    /// The first of the encoder's variable selection, which has one more than there are variables.
    pub(super) const VSN_ENC: u64 = 1 << 16;
    /// The first of the decoder's.
    pub(super) const VSN_DEC: u64 = 2 << 16;
}

/// Room for one tile of every part.
#[derive(Debug)]
struct Tiles<R: Real> {
    vsn: vsn::VsnTile<R>,
    grn: grn::GrnTile<R>,
    gate: gate::GateTile<R>,
    /// Rows of width H that are in work: input, skip, result, and gradients.
    x: AlignedBuf<R>,
    skip: AlignedBuf<R>,
    out: AlignedBuf<R>,
    dx: AlignedBuf<R>,
    dskip: AlignedBuf<R>,
}

impl<R: Real> Tiles<R> {
    fn new(n_inputs: usize, h: usize) -> Self {
        let rows = || AlignedBuf::zeroed(TILE * h);
        Self {
            vsn: vsn::VsnTile::new(n_inputs, h),
            grn: grn::GrnTile::new(h),
            gate: gate::GateTile::new(h),
            x: rows(),
            skip: rows(),
            out: rows(),
            dx: rows(),
            dskip: rows(),
        }
    }
}

/// Whether a tile's forward pass will be followed by its backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Only the result counts.
    Nothing,
    /// The tile keeps what the backward pass needs.
    ForBackward,
}

/// `rows` in tiles.
fn tiles(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    rows.clone()
        .step_by(TILE)
        .map(move |start| start..rows.end.min(start + TILE))
}

/// What every part of a pass needs: the weights, and whether units are dropped.
struct Pass<'a, R> {
    folded: &'a Folded<R>,
    dropout: Option<Dropout<'a, R>>,
}

impl<R: Real> Pass<'_, R> {
    fn isa(&self) -> Isa {
        self.folded.isa()
    }

    fn w(&self, span: Span) -> &[R] {
        self.folded.w(span)
    }

    fn t(&self, span: Span) -> &[R] {
        self.folded.t(span)
    }

    /// `x` with units dropped, in `room`; outside training `x` itself.
    fn dropped<'x>(&self, site: Site, width: usize, x: &'x [R], room: &'x mut [R]) -> &'x [R] {
        let Some(dropout) = &self.dropout else {
            return x;
        };
        let room = &mut room[..x.len()];
        room.copy_from_slice(x);
        dropout.apply(self.isa(), site, width, room);
        room
    }

    /// What [`dropped`](Self::dropped) gave the last time it was called with the same arguments.
    fn dropped_again<'x>(&self, x: &'x [R], room: &'x [R]) -> &'x [R] {
        if self.dropout.is_some() {
            &room[..x.len()]
        } else {
            x
        }
    }

    /// Drops units of `x`, whose rows are `width` wide; nothing outside training.
    fn drop_units(&self, site: Site, width: usize, x: &mut [R]) {
        if let Some(dropout) = &self.dropout {
            dropout.apply(self.isa(), site, width, x);
        }
    }
}

/// Several spans of one array at once, to be changed. They must come in rising order.
fn spans_mut<R, const N: usize>(array: &mut [R], spans: [Span; N]) -> [&mut [R]; N] {
    let mut rest = array;
    let mut taken = 0;
    spans.map(|span| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(span.start + span.len - taken);
        let slice = &mut head[span.start - taken..];
        taken = span.start + span.len;
        rest = tail;
        slice
    })
}
