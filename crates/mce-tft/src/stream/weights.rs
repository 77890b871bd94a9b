//! Folded weights in the order a step reads them, and what is computed once for a symbol.

use super::state::StreamState;
use crate::batch::contexts::{SymbolContexts, symbol_contexts};
use crate::batch::kernels::Elu;
use crate::batch::kernels::norm::GluNormOut;
use crate::buffer::AlignedBuf;
use crate::config::TftConfig;
use crate::fold::plan::{Gate, Lstm, Vsn};
use crate::fold::{Folded, bias_of};
use crate::gemm::{Init, matmul};
use crate::params::Params;
use crate::params::layout::Span;
use crate::real::Real;
use crate::real::sealed::Lanes;
use crate::rng;
use crate::simd::Isa;

/// Everything a step reads but the state.
#[derive(Debug)]
pub(crate) struct StreamWeights {
    tag: u64,
    folded: Folded<f32>,
    /// For what is computed once for a symbol: in doubles, because all errors of a stream start with its.
    exact: Folded<f64>,
    encoder: SelectWeights,
    decoder: SelectWeights,
    /// Queries over √width, `[H, H]` transposed and `[H]`.
    pub(super) q_t: AlignedBuf<f32>,
    pub(super) q_b: AlignedBuf<f32>,
    /// The attention's value and output matrix and the matrix of the gate behind it in one, `[H, 2H]` transposed and
    /// `[2H]`.
    pub(super) attended_t: AlignedBuf<f32>,
    pub(super) attended_b: AlignedBuf<f32>,
    pub(super) heads: usize,
}

/// A variable selection with the projection behind it, variable by variable.
#[derive(Debug)]
pub(super) struct SelectWeights {
    pub(super) n: usize,
    pub(super) h: usize,
    /// `[n, H]`, as the next five.
    pub(super) u: AlignedBuf<f32>,
    pub(super) v: AlignedBuf<f32>,
    pub(super) w: AlignedBuf<f32>,
    pub(super) b: AlignedBuf<f32>,
    pub(super) gamma: AlignedBuf<f32>,
    pub(super) beta: AlignedBuf<f32>,
    /// `[n, H, 2H]`.
    pub(super) gate_t: AlignedBuf<f32>,
    /// `[n, 2H]`.
    pub(super) gate_b: AlignedBuf<f32>,
    pub(super) weigher: Option<WeigherWeights>,
    /// The LSTM's input matrix and bias and its recurrent matrix, `[H, 4H]`, `[4H]` and `[H, 4H]`; halved where a gate
    /// goes through the logistic function.
    pub(super) projection_t: AlignedBuf<f32>,
    pub(super) projection_b: AlignedBuf<f32>,
    pub(super) recurrence_t: AlignedBuf<f32>,
}

/// The network that weighs the variables.
#[derive(Debug)]
pub(super) struct WeigherWeights {
    /// `[n, H]`.
    pub(super) p: AlignedBuf<f32>,
    /// `[H, 2n]`.
    pub(super) gate_t: AlignedBuf<f32>,
    /// `[2n]`.
    pub(super) gate_b: AlignedBuf<f32>,
    /// `[n, n]`.
    pub(super) s: AlignedBuf<f32>,
    /// `[n]`, as the next two.
    pub(super) s0: AlignedBuf<f32>,
    pub(super) gamma: AlignedBuf<f32>,
    pub(super) beta: AlignedBuf<f32>,
}

/// What depends on the symbol alone, `[H]` each.
#[derive(Debug, Clone)]
pub(super) struct Contexts {
    /// Biases of the weighing networks' hidden layers, contexts included.
    pub(super) encoder: AlignedBuf<f32>,
    pub(super) decoder: AlignedBuf<f32>,
    /// Bias of the enrichment's hidden layer, context included.
    enrichment: AlignedBuf<f32>,
    pub(super) first_h: AlignedBuf<f32>,
    pub(super) first_c: AlignedBuf<f32>,
}

/// A gate's matrix and vectors.
#[derive(Clone, Copy)]
pub(super) struct GateWeights<'a> {
    pub(super) t: &'a [f32],
    pub(super) b: &'a [f32],
    pub(super) gamma: &'a [f32],
    pub(super) beta: &'a [f32],
}

impl StreamWeights {
    /// Folds in doubles, so that every folded weight is rounded once.
    pub(crate) fn new(config: &TftConfig, params: &Params<f32>) -> Self {
        let mut folded = Folded::<f64>::new(config, Isa::portable());
        folded.load(&params.cast());
        let plan = folded.plan();
        let h = plan.hidden;
        #[allow(clippy::cast_precision_loss)]
        let scale = 1.0 / (config.attention_width() as f64).sqrt();
        let scaled = |values: &[f64]| cast(values.iter().map(|x| x * scale));
        let (vo, gate) = (&plan.attn.vo, &plan.gate_attn.dense);
        let mut attended_t = vec![0.0; h * 2 * h];
        matmul(
            Isa::portable(),
            Init::Zero,
            &transposed(folded.w(vo.w), h),
            folded.t(gate.t),
            2 * h,
            &mut attended_t,
        );
        let mut attended_b = folded.w(bias_of(gate)).to_vec();
        matmul(
            Isa::portable(),
            Init::Keep,
            folded.w(bias_of(vo)),
            folded.t(gate.t),
            2 * h,
            &mut attended_b,
        );
        Self {
            tag: tag(params),
            encoder: SelectWeights::new(&folded, &plan.vsn_enc, &plan.lstm_enc),
            decoder: SelectWeights::new(&folded, &plan.vsn_dec, &plan.lstm_dec),
            q_t: scaled(folded.t(plan.attn.q.t)),
            q_b: scaled(folded.w(bias_of(&plan.attn.q))),
            attended_t: cast(attended_t),
            attended_b: cast(attended_b),
            heads: config.attention_heads(),
            folded: folded.cast(),
            exact: folded,
        }
    }

    /// Tells these weights from others.
    pub(super) fn tag(&self) -> u64 {
        self.tag
    }

    pub(super) fn encoder(&self) -> &SelectWeights {
        &self.encoder
    }

    pub(super) fn decoder(&self) -> &SelectWeights {
        &self.decoder
    }

    /// Keys, `[H, H]`, one row for each unit of a query.
    pub(super) fn keys(&self) -> &[f32] {
        self.folded.w(self.folded.plan().attn.k)
    }

    /// The gate behind the attention, with the attention's own matrix in it.
    pub(super) fn gate_attn(&self) -> GateWeights<'_> {
        let gate = &self.folded.plan().gate_attn;
        GateWeights {
            t: &self.attended_t,
            b: &self.attended_b,
            gamma: self.folded.w(gate.gamma),
            beta: self.folded.w(gate.beta),
        }
    }

    /// The feed-forward network's first matrix `[H, H]` and bias, and its gate.
    pub(super) fn ff(&self) -> (&[f32], &[f32], GateWeights<'_>) {
        let ff = &self.folded.plan().ff;
        (
            self.folded.t(ff.fc2.t),
            self.folded.w(bias_of(&ff.fc2)),
            self.gate(&ff.gate),
        )
    }

    pub(super) fn gate_out(&self) -> GateWeights<'_> {
        self.gate(&self.folded.plan().gate_out)
    }

    /// The head, `[H, outputs]` and `[outputs]`.
    pub(super) fn head(&self) -> (&[f32], &[f32]) {
        let head = &self.folded.plan().head;
        (self.folded.t(head.t), self.folded.w(bias_of(head)))
    }

    fn gate(&self, gate: &Gate) -> GateWeights<'_> {
        GateWeights {
            t: self.folded.t(gate.dense.t),
            b: self.folded.w(bias_of(&gate.dense)),
            gamma: self.folded.w(gate.gamma),
            beta: self.folded.w(gate.beta),
        }
    }

    /// What depends on the symbol alone.
    pub(super) fn contexts(&self, config: &TftConfig, symbol: u32) -> Contexts {
        let SymbolContexts {
            encoder,
            decoder,
            enrichment,
            first_h,
            first_c,
        } = symbol_contexts(&self.exact, config, symbol);
        let plan = self.exact.plan();
        let plus = |context: Vec<f64>, bias: Option<Span>| {
            let bias = bias.map_or(&[][..], |bias| self.exact.w(bias));
            let zeros = std::iter::repeat(&0.0);
            cast(
                context
                    .iter()
                    .zip(bias.iter().chain(zeros))
                    .map(|(a, b)| a + b),
            )
        };
        Contexts {
            encoder: plus(
                encoder,
                plan.vsn_enc.weigher.as_ref().map(|weigher| weigher.p0),
            ),
            decoder: plus(
                decoder,
                plan.vsn_dec.weigher.as_ref().map(|weigher| weigher.p0),
            ),
            enrichment: plus(enrichment, plan.enrich.fc2.b),
            first_h: plus(first_h, None),
            first_c: plus(first_c, None),
        }
    }

    /// The gate behind the LSTM and the enrichment, at every position of the window.
    pub(super) fn enrich(&self, isa: Isa, state: &mut StreamState) {
        let plan = self.folded.plan();
        let h = plan.hidden;
        let rows = state.lstm.len() / h;
        let (g, e) = (
            &mut state.scratch.g[..rows * 2 * h],
            &mut state.scratch.a[..rows * h],
        );
        let gate = self.gate(&plan.gate_lstm);
        matmul(isa, Init::Bias(gate.b), &state.lstm, gate.t, 2 * h, g);
        f32::dispatch(isa, gate.norm(g, &state.selected, &mut state.temporal));
        let fc2 = &plan.enrich.fc2;
        let bias = Init::Bias(&state.contexts.enrichment);
        matmul(isa, bias, &state.temporal, self.folded.t(fc2.t), h, e);
        f32::dispatch(isa, Elu(e));
        let gate = self.gate(&plan.enrich.gate);
        matmul(isa, Init::Bias(gate.b), e, gate.t, 2 * h, g);
        f32::dispatch(isa, gate.norm(g, &state.temporal, &mut state.enriched));
    }
}

impl<'a> GateWeights<'a> {
    /// The kernel behind the gate's matrix.
    pub(super) fn norm(
        self,
        g: &'a [f32],
        skip: &'a [f32],
        out: &'a mut [f32],
    ) -> GluNormOut<'a, f32> {
        GluNormOut {
            g,
            skip,
            gamma: self.gamma,
            beta: self.beta,
            out,
        }
    }
}

impl SelectWeights {
    fn new(folded: &Folded<f64>, vsn: &Vsn, lstm: &Lstm) -> Self {
        let all = |span: &dyn Fn(&crate::fold::plan::Var) -> Span| {
            cast(
                vsn.vars
                    .iter()
                    .flat_map(|var| folded.w(span(var)).iter().copied()),
            )
        };
        let weigher = vsn.weigher.as_ref().map(|weigher| WeigherWeights {
            p: copy(folded.w(weigher.p)),
            gate_t: copy(folded.t(weigher.gate.dense.t)),
            gate_b: copy(folded.w(bias_of(&weigher.gate.dense))),
            s: copy(folded.w(weigher.s)),
            s0: copy(folded.w(weigher.s0)),
            gamma: copy(folded.w(weigher.gate.gamma)),
            beta: copy(folded.w(weigher.gate.beta)),
        });
        Self {
            n: vsn.vars.len(),
            h: lstm.ih.n_in,
            u: all(&|var| var.u),
            v: all(&|var| var.v),
            w: all(&|var| var.w),
            b: all(&|var| var.b),
            gamma: all(&|var| var.gate.gamma),
            beta: all(&|var| var.gate.beta),
            gate_t: cast(
                vsn.vars
                    .iter()
                    .flat_map(|var| folded.t(var.gate.dense.t).iter().copied()),
            ),
            gate_b: all(&|var| bias_of(&var.gate.dense)),
            weigher,
            projection_t: halved(folded.t(lstm.ih.t), lstm.ih.n_in),
            projection_b: halved(folded.w(bias_of(&lstm.ih)), lstm.ih.n_in),
            recurrence_t: halved(folded.t(lstm.hh.t), lstm.hh.n_in),
        }
    }
}

/// Rows of the four gates i, f, g, o, each `h` wide: all but g halved.
fn halved(rows: &[f64], h: usize) -> AlignedBuf<f32> {
    cast(
        rows.iter()
            .enumerate()
            .map(|(at, x)| if at / h % 4 == 2 { *x } else { 0.5 * x }),
    )
}

fn copy(values: &[f64]) -> AlignedBuf<f32> {
    cast(values.iter().copied())
}

fn cast(values: impl IntoIterator<Item = f64>) -> AlignedBuf<f32> {
    let values: Vec<f32> = values.into_iter().map(f32::from_f64).collect();
    let mut aligned = AlignedBuf::zeroed(values.len());
    aligned.copy_from_slice(&values);
    aligned
}

fn transposed(square: &[f64], n: usize) -> Vec<f64> {
    (0..square.len())
        .map(|at| square[at % n * n + at / n])
        .collect()
}

/// A number that other weights hardly share.
fn tag(params: &Params<f32>) -> u64 {
    params
        .flat()
        .iter()
        .fold(params.n_values() as u64, |tag, x| {
            rng::mix(tag ^ u64::from(x.to_bits()))
        })
}
