//! Where each folded matrix lies. The parts mirror those of `params::layout`.

use crate::config::TftConfig;
use crate::params::layout::{ALIGN, Span};

/// x ↦ W·x + b.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dense {
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
    /// `[out, in]`, in the weights.
    pub(crate) w: Span,
    /// `[out]`, in the weights.
    pub(crate) b: Option<Span>,
    /// `[in, out]`, in the transposes.
    pub(crate) t: Span,
}

/// Layer norm of GLU(W·x + b) + skip.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    /// Width of the result.
    pub(crate) width: usize,
    /// To twice the width.
    pub(crate) dense: Dense,
    pub(crate) gamma: Span,
    pub(crate) beta: Span,
}

/// A gated residual network whose input has its own width (no skip matrix).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grn {
    pub(crate) fc2: Dense,
    pub(crate) ctx: Option<Dense>,
    pub(crate) gate: Gate,
}

/// One variable of a selection network: hidden = ELU(x·u + v), skip = x·w + b.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Var {
    pub(crate) u: Span,
    pub(crate) v: Span,
    pub(crate) w: Span,
    pub(crate) b: Span,
    pub(crate) gate: Gate,
}

/// The network that weighs the variables: hidden = ELU(x·P + p0 + context), skip = x·S + s0, with x the `n` scalars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weigher {
    /// `[n, H]`.
    pub(crate) p: Span,
    pub(crate) p0: Span,
    pub(crate) ctx: Dense,
    /// `[n, n]`, input first.
    pub(crate) s: Span,
    pub(crate) s0: Span,
    pub(crate) gate: Gate,
}

/// A variable selection network.
#[derive(Debug, Clone)]
pub(crate) struct Vsn {
    pub(crate) vars: Vec<Var>,
    pub(crate) weigher: Option<Weigher>,
}

/// A one-layer LSTM; both biases are in `ih`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lstm {
    pub(crate) ih: Dense,
    pub(crate) hh: Dense,
}

/// The attention: queries, keys without their bias (it cancels in the softmax), value and output in one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    pub(crate) q: Dense,
    /// `[H, H]`: the rows of a head turn a key input into that head's key.
    pub(crate) k: Span,
    pub(crate) vo: Dense,
}

/// Every folded matrix of a model.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) hidden: usize,
    /// `[symbols, H]`.
    pub(crate) sym_emb: Span,
    pub(crate) static_grn: Grn,
    pub(crate) grn_cs: Grn,
    pub(crate) grn_ce: Grn,
    pub(crate) grn_ch: Grn,
    pub(crate) grn_cc: Grn,
    pub(crate) vsn_enc: Vsn,
    pub(crate) vsn_dec: Vsn,
    pub(crate) lstm_enc: Lstm,
    pub(crate) lstm_dec: Lstm,
    pub(crate) gate_lstm: Gate,
    pub(crate) enrich: Grn,
    pub(crate) attn: Attention,
    pub(crate) gate_attn: Gate,
    pub(crate) ff: Grn,
    pub(crate) gate_out: Gate,
    pub(crate) head: Dense,
    /// Length of the flat array of weights.
    pub(crate) w_len: usize,
    /// Length of the flat array of transposes.
    pub(crate) t_len: usize,
    denses: Vec<Dense>,
}

impl Plan {
    pub(crate) fn new(config: &TftConfig) -> Self {
        let h = config.hidden();
        let mut b = Builder {
            w_next: 0,
            t_next: 0,
            denses: Vec::new(),
        };
        let sym_emb = b.span(config.n_symbols() * h);
        let static_grn = b.grn(h, false);
        let grn_cs = b.grn(h, false);
        let grn_ce = b.grn(h, false);
        let grn_ch = b.grn(h, false);
        let grn_cc = b.grn(h, false);
        let vsn_enc = b.vsn(config.n_inputs(), h);
        let vsn_dec = b.vsn(config.n_known(), h);
        let lstm_enc = b.lstm(h);
        let lstm_dec = b.lstm(h);
        let gate_lstm = b.gate(h, h);
        let enrich = b.grn(h, true);
        let attn = Attention {
            q: b.dense(h, h, true),
            k: b.span(h * h),
            vo: b.dense(h, h, true),
        };
        let gate_attn = b.gate(h, h);
        let ff = b.grn(h, false);
        let gate_out = b.gate(h, h);
        let head = b.dense(h, config.n_outputs(), true);
        Self {
            hidden: h,
            sym_emb,
            static_grn,
            grn_cs,
            grn_ce,
            grn_ch,
            grn_cc,
            vsn_enc,
            vsn_dec,
            lstm_enc,
            lstm_dec,
            gate_lstm,
            enrich,
            attn,
            gate_attn,
            ff,
            gate_out,
            head,
            w_len: b.w_next,
            t_len: b.t_next,
            denses: b.denses,
        }
    }

    /// Every matrix that has a transpose.
    pub(crate) fn denses(&self) -> &[Dense] {
        &self.denses
    }
}

struct Builder {
    w_next: usize,
    t_next: usize,
    denses: Vec<Dense>,
}

impl Builder {
    fn span(&mut self, len: usize) -> Span {
        let span = Span {
            start: self.w_next,
            len,
        };
        self.w_next = (span.start + len).next_multiple_of(ALIGN);
        span
    }

    fn dense(&mut self, n_in: usize, n_out: usize, bias: bool) -> Dense {
        let w = self.span(n_in * n_out);
        let b = bias.then(|| self.span(n_out));
        let t = Span {
            start: self.t_next,
            len: n_in * n_out,
        };
        self.t_next = (t.start + t.len).next_multiple_of(ALIGN);
        let dense = Dense {
            n_in,
            n_out,
            w,
            b,
            t,
        };
        self.denses.push(dense);
        dense
    }

    fn gate(&mut self, n_in: usize, width: usize) -> Gate {
        let dense = self.dense(n_in, 2 * width, true);
        Gate {
            width,
            dense,
            gamma: self.span(width),
            beta: self.span(width),
        }
    }

    fn grn(&mut self, h: usize, ctx: bool) -> Grn {
        let fc2 = self.dense(h, h, true);
        let ctx = ctx.then(|| self.dense(h, h, false));
        Grn {
            fc2,
            ctx,
            gate: self.gate(h, h),
        }
    }

    fn vsn(&mut self, n: usize, h: usize) -> Vsn {
        let weigher = (n > 1).then(|| Weigher {
            p: self.span(n * h),
            p0: self.span(h),
            ctx: self.dense(h, h, false),
            s: self.span(n * n),
            s0: self.span(n),
            gate: self.gate(h, n),
        });
        let var = |_| Var {
            u: self.span(h),
            v: self.span(h),
            w: self.span(h),
            b: self.span(h),
            gate: self.gate(h, h),
        };
        Vsn {
            vars: (0..n).map(var).collect(),
            weigher,
        }
    }

    fn lstm(&mut self, h: usize) -> Lstm {
        Lstm {
            ih: self.dense(h, 4 * h, true),
            hh: self.dense(h, 4 * h, false),
        }
    }
}
