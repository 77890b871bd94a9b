//! The LSTM over a stretch of positions, all windows of a chunk in step. PyTorch's gate order: i, f, g, o.

use std::ops::Range;

use super::kernels::{ScatterRows, copy_rows};
use super::{Pass, tiles};
use crate::buffer::AlignedBuf;
use crate::fold::plan::Lstm;
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::real::Real;
use crate::simd::{Kernel, Simd};

/// What the recurrence holds at every position, time-major.
///
/// `h`, `c` and their gradients have one block of `[windows, H]` more than there are positions: block 0 is the state
/// before the first.
#[derive(Debug, Default)]
pub(super) struct LstmRun<R: Real> {
    pub(super) windows: usize,
    /// Gates after their functions, later the gradients before them, `[positions, windows, 4H]`.
    pub(super) gates: AlignedBuf<R>,
    /// `[1 + positions, windows, H]`.
    pub(super) h: AlignedBuf<R>,
    /// `[1 + positions, windows, H]`.
    pub(super) c: AlignedBuf<R>,
    /// tanh(c), `[positions, windows, H]`.
    tanh_c: AlignedBuf<R>,
    /// Gradient of `h`, `[1 + positions, windows, H]`.
    pub(super) dh: AlignedBuf<R>,
    /// Gradient of `c` at the position in work, in the end that of the first state, `[windows, H]`.
    pub(super) dc: AlignedBuf<R>,
}

impl<R: Real> LstmRun<R> {
    /// Makes room.
    pub(super) fn resize(&mut self, positions: usize, windows: usize, h: usize) {
        self.windows = windows;
        self.gates.resize_unspecified(positions * windows * 4 * h);
        self.tanh_c.resize_unspecified(positions * windows * h);
        for states in [&mut self.h, &mut self.c, &mut self.dh] {
            states.resize_unspecified((1 + positions) * windows * h);
        }
        self.dc.resize_unspecified(windows * h);
    }

    /// Runs `positions`; the gates hold the projected inputs with their bias.
    pub(super) fn forward(&mut self, pass: &Pass<'_, R>, lstm: &Lstm, positions: Range<usize>) {
        let h = lstm.hh.n_in;
        let block = self.windows * h;
        for p in positions {
            let gates = &mut self.gates[p * 4 * block..][..4 * block];
            let (h_before, h_now) = self.h[p * block..].split_at_mut(block);
            let (c_before, c_now) = self.c[p * block..].split_at_mut(block);
            matmul(
                pass.isa(),
                Init::Keep,
                h_before,
                pass.t(lstm.hh.t),
                4 * h,
                gates,
            );
            let kernel = Cell {
                width: h,
                gates,
                c_before,
                c: &mut c_now[..block],
                tanh_c: &mut self.tanh_c[p * block..][..block],
                h: &mut h_now[..block],
            };
            R::dispatch(pass.isa(), kernel);
        }
    }

    /// Runs `positions` backward. `dh` of block `p + 1` holds what came from outside; `dc` what comes from later.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        lstm: &Lstm,
        positions: Range<usize>,
        grads: &mut [R],
    ) {
        let h = lstm.hh.n_in;
        let block = self.windows * h;
        for p in positions.clone().rev() {
            let gates = &mut self.gates[p * 4 * block..][..4 * block];
            let (dh_before, dh) = self.dh[p * block..].split_at_mut(block);
            let kernel = CellBackward {
                width: h,
                gates,
                c_before: &self.c[p * block..][..block],
                tanh_c: &self.tanh_c[p * block..][..block],
                dh: &dh[..block],
                dc: &mut self.dc,
            };
            R::dispatch(pass.isa(), kernel);
            matmul(
                pass.isa(),
                Init::Keep,
                gates,
                pass.w(lstm.hh.w),
                h,
                dh_before,
            );
        }
        for rows in tiles(positions.start * self.windows..positions.end * self.windows) {
            let gates = &self.gates[rows.start * 4 * h..rows.end * 4 * h];
            let h_before = &self.h[rows.start * h..rows.end * h];
            matmul_tn_add(
                pass.isa(),
                gates,
                h_before,
                h,
                &mut grads[lstm.hh.w.range()],
            );
        }
    }
}

/// Puts the projected input of every window into the gates of its positions.
pub(super) fn gather<R: Real>(projected: &[R], index: &[u32], gates: &mut [R]) {
    copy_rows(projected, index, gates, gates.len() / index.len());
}

/// The other way round, for gradients.
pub(super) fn scatter<R: Real>(
    pass: &Pass<'_, R>,
    gates: &[R],
    index: &[u32],
    dprojected: &mut [R],
) {
    let width = gates.len() / index.len();
    R::dispatch(
        pass.isa(),
        ScatterRows {
            from: gates,
            index,
            to: dprojected,
            width,
        },
    );
}

/// One step of every window.
struct Cell<'a, R> {
    width: usize,
    gates: &'a mut [R],
    c_before: &'a [R],
    c: &'a mut [R],
    tanh_c: &'a mut [R],
    h: &'a mut [R],
}

impl<R: Real> Kernel<R> for Cell<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let w = self.width;
        for (row, gates) in self.gates.chunks_exact_mut(4 * w).enumerate() {
            let (input, rest) = gates.split_at_mut(w);
            let (forget, rest) = rest.split_at_mut(w);
            let (candidate, output) = rest.split_at_mut(w);
            let row = row * w..(row + 1) * w;
            let (c_before, c) = (&self.c_before[row.clone()], &mut self.c[row.clone()]);
            let (tanh_c, h) = (&mut self.tanh_c[row.clone()], &mut self.h[row]);
            for at in (0..w).step_by(S::LANES) {
                let i = s.sigmoid(s.load_at(input, at));
                let f = s.sigmoid(s.load_at(forget, at));
                let g = s.tanh(s.load_at(candidate, at));
                let o = s.sigmoid(s.load_at(output, at));
                let c_now = s.fma(f, s.load_at(c_before, at), s.mul(i, g));
                let t = s.tanh(c_now);
                s.store_at(i, input, at);
                s.store_at(f, forget, at);
                s.store_at(g, candidate, at);
                s.store_at(o, output, at);
                s.store_at(c_now, c, at);
                s.store_at(t, tanh_c, at);
                s.store_at(s.mul(o, t), h, at);
            }
        }
    }
}

/// Backward of [`Cell`]: the gates become gradients before their functions, `dc` that of the state before.
struct CellBackward<'a, R> {
    width: usize,
    gates: &'a mut [R],
    c_before: &'a [R],
    tanh_c: &'a [R],
    dh: &'a [R],
    dc: &'a mut [R],
}

impl<R: Real> Kernel<R> for CellBackward<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let w = self.width;
        let one = s.splat(R::ONE);
        for (row, gates) in self.gates.chunks_exact_mut(4 * w).enumerate() {
            let (input, rest) = gates.split_at_mut(w);
            let (forget, rest) = rest.split_at_mut(w);
            let (candidate, output) = rest.split_at_mut(w);
            let row = row * w..(row + 1) * w;
            let (c_before, tanh_c) = (&self.c_before[row.clone()], &self.tanh_c[row.clone()]);
            let (dh, dc) = (&self.dh[row.clone()], &mut self.dc[row]);
            for at in (0..w).step_by(S::LANES) {
                let (i, f) = (s.load_at(input, at), s.load_at(forget, at));
                let (g, o) = (s.load_at(candidate, at), s.load_at(output, at));
                let (t, dh) = (s.load_at(tanh_c, at), s.load_at(dh, at));
                let through_tanh = s.mul(s.mul(dh, o), s.fnma(t, t, one));
                let dc_now = s.add(s.load_at(dc, at), through_tanh);
                let of_sigmoid = |d, y| s.mul(s.mul(d, y), s.sub(one, y));
                s.store_at(of_sigmoid(s.mul(dc_now, g), i), input, at);
                s.store_at(
                    of_sigmoid(s.mul(dc_now, s.load_at(c_before, at)), f),
                    forget,
                    at,
                );
                s.store_at(s.mul(s.mul(dc_now, i), s.fnma(g, g, one)), candidate, at);
                s.store_at(of_sigmoid(s.mul(dh, t), o), output, at);
                s.store_at(s.mul(dc_now, f), dc, at);
            }
        }
    }
}
