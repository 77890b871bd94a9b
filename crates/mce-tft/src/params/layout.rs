//! Which tensors a model has, with PyTorch's names and shapes, and where each lies in the flat array.
//!
//! The parts mirror the modules of the model, so that the rest of the crate never looks a tensor up by name.

use std::ops::Range;

use crate::config::TftConfig;

/// Tensors start at multiples of this many values: a cache line of `f32`.
pub(crate) const ALIGN: usize = 16;

/// A stretch of a flat array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.start + self.len
    }
}

/// How a tensor is drawn at the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum InitRule {
    /// Uniform in ±1/√n.
    Uniform(usize),
    /// Standard normal.
    Normal,
    /// The same value everywhere.
    Constant(f64),
}

/// One tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TensorSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) span: Span,
    pub(crate) init: InitRule,
    /// Weight decay acts on it: matrices, not biases, norms or the embedding.
    pub(crate) decays: bool,
}

/// `weight` `[out, in]` and, for most, `bias` `[out]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinearPart {
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
    pub(crate) weight: Span,
    pub(crate) bias: Option<Span>,
}

/// Scale and shift of a layer norm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormPart {
    pub(crate) weight: Span,
    pub(crate) bias: Span,
}

/// A gated residual network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrnPart {
    pub(crate) fc2: LinearPart,
    pub(crate) ctx: Option<LinearPart>,
    pub(crate) fc1: LinearPart,
    pub(crate) glu: LinearPart,
    pub(crate) skip: Option<LinearPart>,
    pub(crate) norm: NormPart,
}

/// A variable selection network.
#[derive(Debug, Clone)]
pub(crate) struct VsnPart {
    pub(crate) weight_grn: Option<GrnPart>,
    pub(crate) emb: Vec<LinearPart>,
    pub(crate) var_grns: Vec<GrnPart>,
}

/// A one-layer LSTM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LstmPart {
    pub(crate) weight_ih: Span,
    pub(crate) weight_hh: Span,
    pub(crate) bias_ih: Span,
    pub(crate) bias_hh: Span,
}

/// A gate with its norm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatePart {
    pub(crate) glu: LinearPart,
    pub(crate) norm: NormPart,
}

/// The interpretable attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionPart {
    pub(crate) q: LinearPart,
    pub(crate) k: LinearPart,
    pub(crate) v: LinearPart,
    pub(crate) o: LinearPart,
}

/// Every tensor of a model.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    tensors: Vec<TensorSpec>,
    flat_len: usize,
    pub(crate) sym_emb: Span,
    pub(crate) static_grn: GrnPart,
    pub(crate) grn_cs: GrnPart,
    pub(crate) grn_ce: GrnPart,
    pub(crate) grn_ch: GrnPart,
    pub(crate) grn_cc: GrnPart,
    pub(crate) vsn_enc: VsnPart,
    pub(crate) vsn_dec: VsnPart,
    pub(crate) lstm_enc: LstmPart,
    pub(crate) lstm_dec: LstmPart,
    pub(crate) gate_lstm: GatePart,
    pub(crate) enrich: GrnPart,
    pub(crate) attn: AttentionPart,
    pub(crate) gate_attn: GatePart,
    pub(crate) ff: GrnPart,
    pub(crate) gate_out: GatePart,
    pub(crate) head: LinearPart,
}

impl Layout {
    pub(crate) fn new(config: &TftConfig) -> Self {
        let h = config.hidden();
        let mut b = Builder {
            tensors: Vec::new(),
            next: 0,
        };
        let sym_emb = b.tensor(
            "sym_emb.weight",
            &[config.n_symbols(), h],
            InitRule::Normal,
            false,
        );
        let static_grn = b.grn("static_grn", h, h, h, false);
        let grn_cs = b.grn("grn_cs", h, h, h, false);
        let grn_ce = b.grn("grn_ce", h, h, h, false);
        let grn_ch = b.grn("grn_ch", h, h, h, false);
        let grn_cc = b.grn("grn_cc", h, h, h, false);
        let vsn_enc = b.vsn("vsn_enc", config.n_inputs(), h);
        let vsn_dec = b.vsn("vsn_dec", config.n_known(), h);
        let lstm_enc = b.lstm("lstm_enc", h);
        let lstm_dec = b.lstm("lstm_dec", h);
        let gate_lstm = b.gate("gate_lstm", h);
        let enrich = b.grn("enrich", h, h, h, true);
        let width = config.attention_width();
        let attn = AttentionPart {
            q: b.linear("attn.q", h, h, true),
            k: b.linear("attn.k", h, h, true),
            v: b.linear("attn.v", h, width, true),
            o: b.linear("attn.o", width, h, false),
        };
        let gate_attn = b.gate("gate_attn", h);
        let ff = b.grn("ff", h, h, h, false);
        let gate_out = b.gate("gate_out", h);
        let head = b.linear("head", h, config.n_outputs(), true);
        Self {
            flat_len: b.next,
            tensors: b.tensors,
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
        }
    }

    /// Every tensor, in PyTorch's order.
    pub(crate) fn tensors(&self) -> &[TensorSpec] {
        &self.tensors
    }

    /// Length of the flat array, gaps included.
    pub(crate) fn flat_len(&self) -> usize {
        self.flat_len
    }
}

struct Builder {
    tensors: Vec<TensorSpec>,
    next: usize,
}

impl Builder {
    fn tensor(&mut self, name: &str, shape: &[usize], init: InitRule, decays: bool) -> Span {
        let span = Span {
            start: self.next,
            len: shape.iter().product(),
        };
        self.next = (span.start + span.len).next_multiple_of(ALIGN);
        self.tensors.push(TensorSpec {
            name: name.to_owned(),
            shape: shape.to_vec(),
            span,
            init,
            decays,
        });
        span
    }

    fn linear(&mut self, name: &str, n_in: usize, n_out: usize, bias: bool) -> LinearPart {
        let init = InitRule::Uniform(n_in);
        let weight = self.tensor(&format!("{name}.weight"), &[n_out, n_in], init, true);
        let bias = bias.then(|| self.tensor(&format!("{name}.bias"), &[n_out], init, false));
        LinearPart {
            n_in,
            n_out,
            weight,
            bias,
        }
    }

    fn norm(&mut self, name: &str, width: usize) -> NormPart {
        NormPart {
            weight: self.tensor(
                &format!("{name}.weight"),
                &[width],
                InitRule::Constant(1.0),
                false,
            ),
            bias: self.tensor(
                &format!("{name}.bias"),
                &[width],
                InitRule::Constant(0.0),
                false,
            ),
        }
    }

    fn grn(&mut self, name: &str, n_in: usize, hidden: usize, n_out: usize, ctx: bool) -> GrnPart {
        GrnPart {
            fc2: self.linear(&format!("{name}.fc2"), n_in, hidden, true),
            ctx: ctx.then(|| self.linear(&format!("{name}.ctx"), hidden, hidden, false)),
            fc1: self.linear(&format!("{name}.fc1"), hidden, hidden, true),
            glu: self.linear(&format!("{name}.glu.fc"), hidden, 2 * n_out, true),
            skip: (n_in != n_out).then(|| self.linear(&format!("{name}.skip"), n_in, n_out, true)),
            norm: self.norm(&format!("{name}.norm"), n_out),
        }
    }

    fn vsn(&mut self, name: &str, n: usize, h: usize) -> VsnPart {
        VsnPart {
            weight_grn: (n > 1).then(|| self.grn(&format!("{name}.weight_grn"), n * h, h, n, true)),
            emb: (0..n)
                .map(|i| self.linear(&format!("{name}.emb.{i}"), 1, h, true))
                .collect(),
            var_grns: (0..n)
                .map(|i| self.grn(&format!("{name}.var_grns.{i}"), h, h, h, false))
                .collect(),
        }
    }

    fn lstm(&mut self, name: &str, h: usize) -> LstmPart {
        let init = InitRule::Uniform(h);
        LstmPart {
            weight_ih: self.tensor(&format!("{name}.weight_ih_l0"), &[4 * h, h], init, true),
            weight_hh: self.tensor(&format!("{name}.weight_hh_l0"), &[4 * h, h], init, true),
            bias_ih: self.tensor(&format!("{name}.bias_ih_l0"), &[4 * h], init, false),
            bias_hh: self.tensor(&format!("{name}.bias_hh_l0"), &[4 * h], init, false),
        }
    }

    fn gate(&mut self, name: &str, h: usize) -> GatePart {
        GatePart {
            glu: self.linear(&format!("{name}.glu.fc"), h, 2 * h, true),
            norm: self.norm(&format!("{name}.norm"), h),
        }
    }
}
