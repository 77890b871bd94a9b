//! The same model with fewer products: linear maps that follow each other without a nonlinearity are multiplied out.
//!
//! - W1 of a gated residual network and the gate's matrix become one (dropout lies before them, on the ELU's output);
//! - a scalar's embedding and the matrix behind it become two vectors;
//! - the attention's shared value and output matrices become one.
//!
//! [`Folded::load`] multiplies out, once for each set of weights; [`Folded::unfold`] carries gradients of the folded
//! matrices back to the parameters by the chain rule. Forward and backward passes see folded weights alone.

pub(crate) mod plan;

use crate::buffer::AlignedBuf;
use crate::config::TftConfig;
use crate::gemm::{Init, matmul, matmul_tn_add};
use crate::params::Params;
use crate::params::layout::{
    AttentionPart, GatePart, GrnPart, Layout, LinearPart, LstmPart, NormPart, Span, VsnPart,
};
use crate::real::Real;
use crate::simd::Isa;
use plan::{Dense, Gate, Grn, Lstm, Plan, Vsn};

/// Folded weights and their transposes.
#[derive(Debug)]
pub(crate) struct Folded<R> {
    plan: Plan,
    isa: Isa,
    w: AlignedBuf<R>,
    t: AlignedBuf<R>,
    scratch: AlignedBuf<R>,
}

impl<R: Real> Folded<R> {
    /// Room for the folded weights of `config`; zeros until [`load`](Self::load).
    pub(crate) fn new(config: &TftConfig, isa: Isa) -> Self {
        let plan = Plan::new(config);
        let (w, t) = (
            AlignedBuf::zeroed(plan.w_len),
            AlignedBuf::zeroed(plan.t_len),
        );
        Self {
            plan,
            isa,
            w,
            t,
            scratch: AlignedBuf::default(),
        }
    }

    /// The same folded weights, rounded to another precision.
    pub(crate) fn cast<Q: Real>(&self) -> Folded<Q> {
        let cast = |from: &AlignedBuf<R>| {
            let mut to = AlignedBuf::zeroed(from.len());
            for (to, from) in to.iter_mut().zip(from.iter()) {
                *to = Q::from_f64(from.to_f64());
            }
            to
        };
        let (w, t) = (cast(&self.w), cast(&self.t));
        Folded {
            plan: self.plan.clone(),
            isa: self.isa,
            w,
            t,
            scratch: AlignedBuf::default(),
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// A span of the weights.
    #[inline(always)]
    pub(crate) fn w(&self, span: Span) -> &[R] {
        &self.w[span.range()]
    }

    /// A span of the transposes.
    #[inline(always)]
    pub(crate) fn t(&self, span: Span) -> &[R] {
        &self.t[span.range()]
    }

    /// As [`load`](Self::load), but multiplied out in doubles, so that every folded weight is rounded once: what is
    /// loaded once and used often.
    pub(crate) fn load_rounded_once(&mut self, config: &TftConfig, params: &Params<R>) {
        let mut exact = Folded::<f64>::new(config, self.isa);
        exact.load(&params.cast());
        let rounded: Self = exact.cast();
        (self.w, self.t) = (rounded.w, rounded.t);
    }

    /// Multiplies out the weights of `params`, which must be of the same configuration.
    pub(crate) fn load(&mut self, params: &Params<R>) {
        let plan = self.plan.clone();
        let layout = params.layout().clone();
        let (p, l): (_, &Layout) = (&plan, &layout);
        self.copy(params, l.sym_emb, p.sym_emb);
        for (part, grn) in grns(l, p) {
            self.load_grn(params, part, grn);
        }
        self.load_vsn(params, &l.vsn_enc, &p.vsn_enc);
        self.load_vsn(params, &l.vsn_dec, &p.vsn_dec);
        for (part, lstm) in [(&l.lstm_enc, &p.lstm_enc), (&l.lstm_dec, &p.lstm_dec)] {
            self.load_lstm(params, part, lstm);
        }
        for (part, gate) in gates(l, p) {
            self.load_dense(params, &part.glu, &gate.dense);
            self.load_norm(params, &part.norm, gate);
        }
        self.load_attention(params, &l.attn, &p.attn);
        self.load_dense(params, &l.head, &p.head);
        for dense in plan.denses() {
            transpose(
                &self.w[dense.w.range()],
                dense.n_in,
                &mut self.t[dense.t.range()],
            );
        }
    }

    fn copy(&mut self, params: &Params<R>, from: Span, to: Span) {
        self.w[to.range()].copy_from_slice(params.span(from));
    }

    fn load_dense(&mut self, params: &Params<R>, part: &LinearPart, dense: &Dense) {
        self.copy(params, part.weight, dense.w);
        if let (Some(from), Some(to)) = (part.bias, dense.b) {
            self.copy(params, from, to);
        }
    }

    fn load_norm(&mut self, params: &Params<R>, part: &NormPart, gate: &Gate) {
        self.copy(params, part.weight, gate.gamma);
        self.copy(params, part.bias, gate.beta);
    }

    fn load_grn(&mut self, params: &Params<R>, part: &GrnPart, grn: &Grn) {
        self.load_dense(params, &part.fc2, &grn.fc2);
        if let (Some(part), Some(dense)) = (&part.ctx, &grn.ctx) {
            self.load_dense(params, part, dense);
        }
        self.load_gate_of_grn(params, part, &grn.gate);
    }

    /// Gate matrix times W1, gate matrix times b1 plus the gate's bias.
    fn load_gate_of_grn(&mut self, params: &Params<R>, part: &GrnPart, gate: &Gate) {
        let glu = params.span(part.glu.weight);
        let w1 = params.span(part.fc1.weight);
        matmul(
            self.isa,
            Init::Zero,
            glu,
            w1,
            part.fc1.n_in,
            &mut self.w[gate.dense.w.range()],
        );
        let b = &mut self.w[bias_of(&gate.dense).range()];
        b.copy_from_slice(params.span(bias_of_linear(&part.glu)));
        mat_vec_add(glu, params.span(bias_of_linear(&part.fc1)), b);
        self.load_norm(params, &part.norm, gate);
    }

    fn load_vsn(&mut self, params: &Params<R>, part: &VsnPart, vsn: &Vsn) {
        if let (Some(grn), Some(weigher)) = (&part.weight_grn, &vsn.weigher) {
            self.load_inputs(params, &grn.fc2, &part.emb, weigher.p, weigher.p0);
            let skip = grn
                .skip
                .as_ref()
                .expect("its input is wider than its output: n·H against n");
            self.load_inputs(params, skip, &part.emb, weigher.s, weigher.s0);
            let ctx = grn.ctx.as_ref().expect("a weighing network has a context");
            self.load_dense(params, ctx, &weigher.ctx);
            self.load_gate_of_grn(params, grn, &weigher.gate);
        }
        for ((grn, emb), var) in part.var_grns.iter().zip(&part.emb).zip(&vsn.vars) {
            self.load_inputs(params, &grn.fc2, std::slice::from_ref(emb), var.u, var.v);
            self.copy(params, emb.weight, var.w);
            self.copy(params, bias_of_linear(emb), var.b);
            self.load_gate_of_grn(params, grn, &var.gate);
        }
    }

    /// A linear layer on concatenated scalar embeddings, as a map of the scalars.
    ///
    /// # Shapes
    /// Layer `[out, n·H]` and bias `[out]`, embeddings `n` times `[H]` and `[H]`; `p` `[n, out]`, `p0` `[out]`.
    fn load_inputs(
        &mut self,
        params: &Params<R>,
        part: &LinearPart,
        emb: &[LinearPart],
        p: Span,
        p0: Span,
    ) {
        let weight = params.span(part.weight);
        self.w[p0.range()].copy_from_slice(params.span(bias_of_linear(part)));
        for (i, emb) in emb.iter().enumerate() {
            let (w, b) = (params.span(emb.weight), params.span(bias_of_linear(emb)));
            for (out, row) in weight.chunks_exact(part.n_in).enumerate() {
                let row = &row[i * w.len()..][..w.len()];
                self.w[p.start + i * part.n_out + out] = dot(row, w);
                self.w[p0.start + out] += dot(row, b);
            }
        }
    }

    fn load_lstm(&mut self, params: &Params<R>, part: &LstmPart, lstm: &Lstm) {
        self.copy(params, part.weight_ih, lstm.ih.w);
        self.copy(params, part.weight_hh, lstm.hh.w);
        let bias = bias_of(&lstm.ih);
        self.copy(params, part.bias_ih, bias);
        add(&mut self.w[bias.range()], params.span(part.bias_hh));
    }

    fn load_attention(&mut self, params: &Params<R>, part: &AttentionPart, attn: &plan::Attention) {
        self.load_dense(params, &part.q, &attn.q);
        self.copy(params, part.k.weight, attn.k);
        let (v, o) = (params.span(part.v.weight), params.span(part.o.weight));
        matmul(
            self.isa,
            Init::Zero,
            o,
            v,
            part.v.n_in,
            &mut self.w[attn.vo.w.range()],
        );
        let b = &mut self.w[bias_of(&attn.vo).range()];
        b.fill(R::ZERO);
        mat_vec_add(o, params.span(bias_of_linear(&part.v)), b);
    }

    /// Adds to `grads` what the gradients `d` of the folded weights say about the parameters.
    ///
    /// `d` has the form of the folded weights, `grads` that of `params`, which must be those of the last
    /// [`load`](Self::load).
    pub(crate) fn unfold(&mut self, d: &[R], params: &Params<R>, grads: &mut Params<R>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let layout = params.layout().clone();
        let (p, l): (_, &Layout) = (&self.plan, &layout);
        let mut u = Unfold {
            isa: self.isa,
            d,
            params,
            grads,
            scratch: &mut scratch,
        };
        u.copy(p.sym_emb, l.sym_emb);
        for (part, grn) in grns(l, p) {
            u.grn(part, grn);
        }
        u.vsn(&l.vsn_enc, &p.vsn_enc);
        u.vsn(&l.vsn_dec, &p.vsn_dec);
        for (part, lstm) in [(&l.lstm_enc, &p.lstm_enc), (&l.lstm_dec, &p.lstm_dec)] {
            u.copy(lstm.ih.w, part.weight_ih);
            u.copy(lstm.hh.w, part.weight_hh);
            u.copy(bias_of(&lstm.ih), part.bias_ih);
            u.copy(bias_of(&lstm.ih), part.bias_hh);
        }
        for (part, gate) in gates(l, p) {
            u.dense(&part.glu, &gate.dense);
            u.norm(&part.norm, gate);
        }
        u.attention(&l.attn, &p.attn);
        u.dense(&l.head, &p.head);
        self.scratch = scratch;
    }
}

/// The networks whose input has its own width, with their folded form.
fn grns<'a>(l: &'a Layout, p: &'a Plan) -> [(&'a GrnPart, &'a Grn); 7] {
    [
        (&l.static_grn, &p.static_grn),
        (&l.grn_cs, &p.grn_cs),
        (&l.grn_ce, &p.grn_ce),
        (&l.grn_ch, &p.grn_ch),
        (&l.grn_cc, &p.grn_cc),
        (&l.enrich, &p.enrich),
        (&l.ff, &p.ff),
    ]
}

/// The gates that stand alone, with their folded form.
fn gates<'a>(l: &'a Layout, p: &'a Plan) -> [(&'a GatePart, &'a Gate); 3] {
    [
        (&l.gate_lstm, &p.gate_lstm),
        (&l.gate_attn, &p.gate_attn),
        (&l.gate_out, &p.gate_out),
    ]
}

/// The chain rule through the folding, one part after another.
struct Unfold<'a, R> {
    isa: Isa,
    d: &'a [R],
    params: &'a Params<R>,
    grads: &'a mut Params<R>,
    scratch: &'a mut AlignedBuf<R>,
}

impl<R: Real> Unfold<'_, R> {
    fn copy(&mut self, from: Span, to: Span) {
        add(self.grads.span_mut(to), &self.d[from.range()]);
    }

    fn dense(&mut self, part: &LinearPart, dense: &Dense) {
        self.copy(dense.w, part.weight);
        if let (Some(to), Some(from)) = (part.bias, dense.b) {
            self.copy(from, to);
        }
    }

    fn norm(&mut self, part: &NormPart, gate: &Gate) {
        self.copy(gate.gamma, part.weight);
        self.copy(gate.beta, part.bias);
    }

    fn grn(&mut self, part: &GrnPart, grn: &Grn) {
        self.dense(&part.fc2, &grn.fc2);
        if let (Some(part), Some(dense)) = (&part.ctx, &grn.ctx) {
            self.dense(part, dense);
        }
        self.gate_of_grn(part, &grn.gate);
    }

    /// M = G·W1, m = G·b1 + bG: dG = dM·W1ᵀ + dm·b1ᵀ, dW1 = Gᵀ·dM, db1 = Gᵀ·dm, dbG = dm.
    fn gate_of_grn(&mut self, part: &GrnPart, gate: &Gate) {
        let d = self.d;
        let (dm, db) = (&d[gate.dense.w.range()], &d[bias_of(&gate.dense).range()]);
        let glu = self.params.span(part.glu.weight);
        self.product(dm, part.fc1.weight, part.fc1.n_in, part.glu.weight);
        outer_add(
            db,
            self.params.span(bias_of_linear(&part.fc1)),
            self.grads.span_mut(part.glu.weight),
        );
        matmul_tn_add(
            self.isa,
            glu,
            dm,
            part.fc1.n_in,
            self.grads.span_mut(part.fc1.weight),
        );
        mat_t_vec_add(glu, db, self.grads.span_mut(bias_of_linear(&part.fc1)));
        add(self.grads.span_mut(bias_of_linear(&part.glu)), db);
        self.norm(&part.norm, gate);
    }

    /// Gradient of A in C = A·B: dA += dC·Bᵀ, with B `[k, n]` a parameter.
    fn product(&mut self, dc: &[R], b: Span, n: usize, to: Span) {
        let b = self.params.span(b);
        self.scratch.resize_unspecified(b.len());
        transpose(b, n, self.scratch);
        matmul(
            self.isa,
            Init::Keep,
            dc,
            self.scratch,
            b.len() / n,
            self.grads.span_mut(to),
        );
    }

    fn vsn(&mut self, part: &VsnPart, vsn: &Vsn) {
        if let (Some(grn), Some(weigher)) = (&part.weight_grn, &vsn.weigher) {
            self.inputs(&grn.fc2, &part.emb, weigher.p, weigher.p0);
            let skip = grn
                .skip
                .as_ref()
                .expect("its input is wider than its output: n·H against n");
            self.inputs(skip, &part.emb, weigher.s, weigher.s0);
            self.dense(
                grn.ctx.as_ref().expect("a weighing network has a context"),
                &weigher.ctx,
            );
            self.gate_of_grn(grn, &weigher.gate);
        }
        for ((grn, emb), var) in part.var_grns.iter().zip(&part.emb).zip(&vsn.vars) {
            self.inputs(&grn.fc2, std::slice::from_ref(emb), var.u, var.v);
            self.copy(var.w, emb.weight);
            self.copy(var.b, bias_of_linear(emb));
            self.gate_of_grn(grn, &var.gate);
        }
    }

    /// The chain rule through [`Folded::load_inputs`].
    fn inputs(&mut self, part: &LinearPart, emb: &[LinearPart], p: Span, p0: Span) {
        let d = self.d;
        let d0 = &d[p0.range()];
        let weight = self.params.span(part.weight);
        for (i, emb) in emb.iter().enumerate() {
            let dp = &d[p.start + i * part.n_out..][..part.n_out];
            let (w, b) = (
                self.params.span(emb.weight),
                self.params.span(bias_of_linear(emb)),
            );
            let columns = i * w.len()..(i + 1) * w.len();
            for (out, row) in weight.chunks_exact(part.n_in).enumerate() {
                let dw = &mut self.grads.span_mut(part.weight)[out * part.n_in..][columns.clone()];
                for ((dw, w), b) in dw.iter_mut().zip(w).zip(b) {
                    *dw += dp[out] * *w + d0[out] * *b;
                }
                axpy(
                    dp[out],
                    &row[columns.clone()],
                    self.grads.span_mut(emb.weight),
                );
                axpy(
                    d0[out],
                    &row[columns.clone()],
                    self.grads.span_mut(bias_of_linear(emb)),
                );
            }
        }
        add(self.grads.span_mut(bias_of_linear(part)), d0);
    }

    /// VO = O·V, vo = O·bv.
    fn attention(&mut self, part: &AttentionPart, attn: &plan::Attention) {
        self.dense(&part.q, &attn.q);
        self.copy(attn.k, part.k.weight);
        let d = self.d;
        let (dvo, db) = (&d[attn.vo.w.range()], &d[bias_of(&attn.vo).range()]);
        let o = self.params.span(part.o.weight);
        let bv = bias_of_linear(&part.v);
        self.product(dvo, part.v.weight, part.v.n_in, part.o.weight);
        outer_add(db, self.params.span(bv), self.grads.span_mut(part.o.weight));
        matmul_tn_add(
            self.isa,
            o,
            dvo,
            part.v.n_in,
            self.grads.span_mut(part.v.weight),
        );
        mat_t_vec_add(o, db, self.grads.span_mut(bv));
    }
}

/// The bias of a folded matrix that has one by construction.
pub(crate) fn bias_of(dense: &Dense) -> Span {
    dense.b.expect("the plan gave this matrix a bias")
}

fn bias_of_linear(part: &LinearPart) -> Span {
    part.bias.expect("the layout gave this layer a bias")
}

/// `to[j, i] = from[i, j]`, `from` having `n` columns.
fn transpose<R: Real>(from: &[R], n: usize, to: &mut [R]) {
    let m = from.len() / n;
    for (i, row) in from.chunks_exact(n).enumerate() {
        for (j, value) in row.iter().enumerate() {
            to[j * m + i] = *value;
        }
    }
}

fn add<R: Real>(to: &mut [R], from: &[R]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += *from;
    }
}

fn axpy<R: Real>(a: R, x: &[R], y: &mut [R]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * *x;
    }
}

fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    let mut sum = R::ZERO;
    for (a, b) in a.iter().zip(b) {
        sum += *a * *b;
    }
    sum
}

/// y += A·x.
fn mat_vec_add<R: Real>(a: &[R], x: &[R], y: &mut [R]) {
    for (row, y) in a.chunks_exact(x.len()).zip(y) {
        *y += dot(row, x);
    }
}

/// y += Aᵀ·x.
fn mat_t_vec_add<R: Real>(a: &[R], x: &[R], y: &mut [R]) {
    for (row, x) in a.chunks_exact(y.len()).zip(x) {
        axpy(*x, row, y);
    }
}

/// A += x·yᵀ.
fn outer_add<R: Real>(x: &[R], y: &[R], a: &mut [R]) {
    for (row, x) in a.chunks_exact_mut(y.len()).zip(x) {
        axpy(*x, y, row);
    }
}
