//! Interpretable multi-head attention: own queries and keys per head, one shared value, heads averaged, causal.
//!
//! Only decoder positions ask. A head's key matrix is folded into its query, q·(K·x) = (Kᵀq)·x, so that no keys are
//! computed: with T queries against L + T positions that is the cheaper way round. The keys' bias shifts all scores of a
//! query alike and cancels in the softmax; its gradient is zero.

use super::Pass;
use super::kernels::{axpy, dot, softmax, softmax_backward};
use crate::buffer::AlignedBuf;
use crate::fold::plan::Attention;
use crate::real::Real;
use crate::simd::{Kernel, Simd};

/// Sizes of a chunk's attention.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sizes {
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) windows: usize,
    pub(super) encoder_len: usize,
    pub(super) decoder_steps: usize,
}

impl Sizes {
    fn positions(self) -> usize {
        self.encoder_len + self.decoder_steps
    }
}

/// What the attention holds. Rows are queries: decoder step times window, time-major.
#[derive(Debug, Default)]
pub(super) struct AttentionRun<R: Real> {
    sizes: Sizes,
    /// Queries, `[rows, H]`.
    pub(super) q: AlignedBuf<R>,
    /// Queries through the heads' keys, over √width, `[rows, heads, H]`.
    qk: AlignedBuf<R>,
    /// Weights by head, `[rows, heads, positions]`; 0 where a query may not look.
    by_head: AlignedBuf<R>,
    /// Mean over the heads, `[rows, positions]`.
    pub(super) weights: AlignedBuf<R>,
    /// Weighted mean of the positions, `[rows, H]`.
    pub(super) mean: AlignedBuf<R>,
    /// Room for the gradients of `mean` and `q`, `[rows, H]`.
    pub(super) dmean: AlignedBuf<R>,
    pub(super) dq: AlignedBuf<R>,
    /// Gradients of one query: by head and position, and of `qk`.
    dscores: AlignedBuf<R>,
    dqk: AlignedBuf<R>,
}

impl<R: Real> AttentionRun<R> {
    /// Makes room.
    pub(super) fn resize(&mut self, sizes: Sizes) {
        self.sizes = sizes;
        let rows = sizes.decoder_steps * sizes.windows;
        for rows_of_h in [&mut self.q, &mut self.mean, &mut self.dmean, &mut self.dq] {
            rows_of_h.resize_unspecified(rows * sizes.hidden);
        }
        self.qk
            .resize_unspecified(rows * sizes.heads * sizes.hidden);
        self.by_head
            .resize_unspecified(rows * sizes.heads * sizes.positions());
        self.weights.resize_unspecified(rows * sizes.positions());
        self.dscores
            .resize_unspecified(sizes.heads * sizes.positions());
        self.dqk.resize_unspecified(sizes.heads * sizes.hidden);
    }

    /// From the queries `q` to the weighted means of `x`, `[positions, windows, H]`.
    pub(super) fn forward(&mut self, pass: &Pass<'_, R>, attention: &Attention, x: &[R]) {
        R::dispatch(
            pass.isa(),
            Forward {
                run: self,
                k: pass.w(attention.k),
                x,
            },
        );
    }

    /// From the gradient of `mean` to that of `q`, adding to those of `x` and of the key matrix.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, R>,
        attention: &Attention,
        x: &[R],
        d: AttentionGrads<'_, R>,
    ) {
        R::dispatch(
            pass.isa(),
            Backward {
                run: self,
                k: pass.w(attention.k),
                x,
                d,
            },
        );
    }
}

/// Gradients at the ends of the attention.
pub(super) struct AttentionGrads<'a, R> {
    /// Of the weighted means, `[rows, H]`.
    pub(super) mean: &'a [R],
    /// Of the queries, `[rows, H]`; overwritten.
    pub(super) q: &'a mut [R],
    /// Of what is looked at, `[positions, windows, H]`; added to.
    pub(super) x: &'a mut [R],
    /// Of the key matrix, `[H, H]`; added to.
    pub(super) k: &'a mut [R],
}

/// 1/√(width of a head).
#[allow(clippy::cast_precision_loss)]
fn score_scale<R: Real>(width: usize) -> R {
    R::from_f64(1.0 / (width as f64).sqrt())
}

struct Forward<'a, R: Real> {
    run: &'a mut AttentionRun<R>,
    k: &'a [R],
    x: &'a [R],
}

impl<R: Real> Kernel<R> for Forward<'_, R> {
    type Out = ();

    #[inline(always)]
    #[allow(clippy::cast_precision_loss)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let Self { run, k, x } = self;
        let sizes = run.sizes;
        let (h, heads, positions) = (sizes.hidden, sizes.heads, sizes.positions());
        let width = h / heads;
        let scale = score_scale::<R>(width);
        let share = R::from_f64(1.0 / heads as f64);
        run.qk.fill(R::ZERO);
        run.by_head.fill(R::ZERO);
        run.weights.fill(R::ZERO);
        run.mean.fill(R::ZERO);
        for row in 0..sizes.decoder_steps * sizes.windows {
            let (step, window) = (row / sizes.windows, row % sizes.windows);
            let visible = sizes.encoder_len + step + 1;
            let x_at = |p: usize| &x[(p * sizes.windows + window) * h..][..h];
            let weights = &mut run.weights[row * positions..][..visible];
            for head in 0..heads {
                let q = &run.q[row * h + head * width..][..width];
                let qk = &mut run.qk[(row * heads + head) * h..][..h];
                for (q, k) in q.iter().zip(k[head * width * h..].chunks_exact(h)) {
                    axpy(s, *q * scale, k, qk);
                }
                let scores = &mut run.by_head[(row * heads + head) * positions..][..visible];
                for (p, score) in scores.iter_mut().enumerate() {
                    *score = dot(s, qk, x_at(p));
                }
                softmax(s, scores);
                axpy(s, share, scores, weights);
            }
            let mean = &mut run.mean[row * h..][..h];
            for (p, weight) in weights.iter().enumerate() {
                axpy(s, *weight, x_at(p), mean);
            }
        }
    }
}

struct Backward<'a, R: Real> {
    run: &'a mut AttentionRun<R>,
    k: &'a [R],
    x: &'a [R],
    d: AttentionGrads<'a, R>,
}

impl<R: Real> Kernel<R> for Backward<'_, R> {
    type Out = ();

    #[inline(always)]
    #[allow(clippy::cast_precision_loss)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let Self {
            run,
            k,
            x,
            d:
                AttentionGrads {
                    mean: dmean,
                    q: dq,
                    x: dx,
                    k: dk,
                },
        } = self;
        let sizes = run.sizes;
        let (h, heads, positions) = (sizes.hidden, sizes.heads, sizes.positions());
        let width = h / heads;
        let scale = score_scale::<R>(width);
        let share = R::from_f64(1.0 / heads as f64);
        for row in 0..sizes.decoder_steps * sizes.windows {
            let (step, window) = (row / sizes.windows, row % sizes.windows);
            let visible = sizes.encoder_len + step + 1;
            let at =
                |p: usize| (p * sizes.windows + window) * h..(p * sizes.windows + window + 1) * h;
            let dmean = &dmean[row * h..][..h];
            let weights = &run.weights[row * positions..][..visible];
            let dweights = &mut run.dscores[..heads * positions];
            for (p, weight) in weights.iter().enumerate() {
                let d = dot(s, dmean, &x[at(p)]) * share;
                for head in 0..heads {
                    dweights[head * positions + p] = d;
                }
                axpy(s, *weight, dmean, &mut dx[at(p)]);
            }
            for head in 0..heads {
                let dscores = &mut run.dscores[head * positions..][..visible];
                let by_head = &run.by_head[(row * heads + head) * positions..][..visible];
                softmax_backward(s, by_head, dscores);
                let qk = &run.qk[(row * heads + head) * h..][..h];
                let dqk = &mut run.dqk[head * h..][..h];
                dqk.fill(R::ZERO);
                for (p, d) in dscores.iter().enumerate() {
                    axpy(s, *d, &x[at(p)], dqk);
                    axpy(s, *d, qk, &mut dx[at(p)]);
                }
                let rows = head * width * h..(head + 1) * width * h;
                let q = &run.q[row * h + head * width..][..width];
                let dq = &mut dq[row * h + head * width..][..width];
                let keys = k[rows.clone()]
                    .chunks_exact(h)
                    .zip(dk[rows].chunks_exact_mut(h));
                for ((q, dq), (k, dk)) in q.iter().zip(dq).zip(keys) {
                    *dq = dot(s, k, dqk) * scale;
                    axpy(s, *q * scale, dqk, dk);
                }
            }
        }
    }
}
