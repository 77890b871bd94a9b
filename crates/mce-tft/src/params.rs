//! The parameters of a model: one flat, aligned array, with a named view of every tensor.
//!
//! Gradients and the moments of Adam have the same form, so that optimiser, clipping and reduction are loops over flat
//! arrays. Gaps between tensors (each starts on a cache line) hold zeros and stay zero.

mod init;
pub(crate) mod layout;
pub(crate) mod weights;

use std::sync::Arc;

pub use weights::Weights;

use crate::buffer::AlignedBuf;
use crate::config::TftConfig;
use crate::real::Real;
use layout::{Layout, Span};

/// One tensor of a [`Params`], by name.
#[derive(Debug, Clone, Copy)]
pub struct Tensor<'a, R> {
    /// PyTorch's name, for example `vsn_enc.weight_grn.fc1.bias`.
    pub name: &'a str,
    /// PyTorch's shape; a linear weight is `[out, in]`.
    pub shape: &'a [usize],
    /// The values, row-major.
    pub values: &'a [R],
}

/// All parameters of a model (or one number for each: gradients, moments).
///
/// ```
/// use mce_tft::{Params, TftConfig, TftSpec};
///
/// let config = TftConfig::new(TftSpec { hidden: 8, ..TftSpec::default() })?;
/// let params = Params::<f32>::init(&config, 1);
/// let head = params.tensor("head.weight").expect("every model has one");
/// assert_eq!(head.shape, [29, 8]);
/// # Ok::<(), mce_tft::TftError>(())
/// ```
#[derive(Debug)]
pub struct Params<R> {
    layout: Arc<Layout>,
    data: AlignedBuf<R>,
}

impl<R: Real> Clone for Params<R> {
    fn clone(&self) -> Self {
        Self {
            layout: Arc::clone(&self.layout),
            data: self.data.clone(),
        }
    }
}

impl<R: Real> Params<R> {
    /// Zeros for every parameter of `config`.
    #[must_use]
    pub fn zeros(config: &TftConfig) -> Self {
        let layout = Arc::new(Layout::new(config));
        let data = AlignedBuf::zeroed(layout.flat_len());
        Self { layout, data }
    }

    /// Zeros in the form of `self`.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        Self {
            layout: Arc::clone(&self.layout),
            data: AlignedBuf::zeroed(self.data.len()),
        }
    }

    /// Initial values as PyTorch's layers draw them by default, from `seed`: linear layers uniform in ±1/√fan_in
    /// (weight and bias), the LSTM in ±1/√H, the embedding standard normal, layer norms 1 and 0.
    ///
    /// Each tensor has its own stream of numbers, so that a tensor's values depend on the seed, its name and its
    /// shape alone.
    #[must_use]
    pub fn init(config: &TftConfig, seed: u64) -> Self {
        let mut params = Self::zeros(config);
        init::fill(&mut params, seed);
        params
    }

    /// The same values in another precision.
    #[must_use]
    pub fn cast<Q: Real>(&self) -> Params<Q> {
        let mut data = AlignedBuf::zeroed(self.data.len());
        for (to, from) in data.iter_mut().zip(self.data.iter()) {
            *to = Q::from_f64(from.to_f64());
        }
        Params {
            layout: Arc::clone(&self.layout),
            data,
        }
    }

    /// Number of parameters (gaps not counted).
    #[must_use]
    pub fn n_values(&self) -> usize {
        self.layout
            .tensors()
            .iter()
            .map(|tensor| tensor.span.len)
            .sum()
    }

    /// Every tensor, in PyTorch's order.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor<'_, R>> {
        self.layout.tensors().iter().map(|spec| Tensor {
            name: &spec.name,
            shape: &spec.shape,
            values: self.span(spec.span),
        })
    }

    /// The tensor called `name`.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<Tensor<'_, R>> {
        self.tensors().find(|tensor| tensor.name == name)
    }

    /// The values of the tensor called `name`, to be changed.
    pub fn values_mut(&mut self, name: &str) -> Option<&mut [R]> {
        let span = self
            .layout
            .tensors()
            .iter()
            .find(|spec| spec.name == name)?
            .span;
        Some(self.span_mut(span))
    }

    /// All values with the gaps between tensors, for flat loops.
    pub(crate) fn flat(&self) -> &[R] {
        &self.data
    }

    /// As [`flat`](Self::flat), to be changed; gaps must stay zero.
    pub(crate) fn flat_mut(&mut self) -> &mut [R] {
        &mut self.data
    }

    /// Where each tensor lies.
    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The values of a span of the layout.
    pub(crate) fn span(&self, span: Span) -> &[R] {
        &self.data[span.range()]
    }

    /// As [`span`](Self::span), to be changed.
    pub(crate) fn span_mut(&mut self, span: Span) -> &mut [R] {
        &mut self.data[span.range()]
    }

    /// √Σx² over all values, summed in doubles, in a fixed order.
    #[must_use]
    pub fn norm(&self) -> f64 {
        self.data
            .iter()
            .map(|x| x.to_f64() * x.to_f64())
            .sum::<f64>()
            .sqrt()
    }

    /// The name of the first tensor that holds a value which is not finite.
    #[must_use]
    pub fn first_not_finite(&self) -> Option<&str> {
        self.tensors()
            .find(|tensor| tensor.values.iter().any(|x| !x.is_finite()))
            .map(|tensor| tensor.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Head, TftSpec};

    fn reference_config() -> TftConfig {
        let levels = vec![0.1, 0.5, 0.9];
        let head = |name: &str| Head::Quantiles {
            name: name.into(),
            levels: levels.clone(),
        };
        TftConfig::new(TftSpec {
            n_known: 1,
            n_symbols: 8,
            encoder_len: 64,
            heads: vec![head("a"), head("b")],
            ..TftSpec::default()
        })
        .expect("the reference's sizes")
    }

    #[test]
    fn initial_values_follow_pytorchs_bounds() {
        let params = Params::<f64>::init(&reference_config(), 1);
        let check_uniform = |name: &str, bound: f64| {
            let values = params.tensor(name).expect(name).values;
            let largest = values.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
            assert!(
                largest <= bound && largest > 0.8 * bound,
                "{name}: {largest} against {bound}"
            );
        };
        check_uniform("static_grn.fc2.weight", 1.0 / 32_f64.sqrt());
        check_uniform("static_grn.glu.fc.bias", 1.0 / 32_f64.sqrt());
        check_uniform("vsn_enc.weight_grn.fc2.weight", 1.0 / 480_f64.sqrt());
        check_uniform("vsn_enc.emb.3.weight", 1.0);
        check_uniform("lstm_enc.bias_hh_l0", 1.0 / 32_f64.sqrt());
        check_uniform("attn.o.weight", 1.0 / 8_f64.sqrt());
        assert!(
            params
                .tensor("ff.norm.weight")
                .expect("a norm")
                .values
                .iter()
                .all(|x| *x == 1.0)
        );
        assert!(
            params
                .tensor("ff.norm.bias")
                .expect("a norm")
                .values
                .iter()
                .all(|x| *x == 0.0)
        );
    }

    #[test]
    fn seeds_differ_and_repeat() {
        let config = reference_config();
        let of = |seed| Params::<f32>::init(&config, seed);
        assert_eq!(of(1).flat(), of(1).flat());
        assert_ne!(of(1).flat(), of(2).flat());
    }

    #[test]
    fn casting_to_doubles_and_back_changes_nothing() {
        let params = Params::<f32>::init(&reference_config(), 1);
        assert_eq!(params.cast::<f64>().cast::<f32>().flat(), params.flat());
    }

    #[test]
    fn first_not_finite_names_the_tensor() {
        let mut params = Params::<f32>::init(&reference_config(), 1);
        assert_eq!(params.first_not_finite(), None);
        params.values_mut("enrich.ctx.weight").expect("a tensor")[5] = f32::INFINITY;
        assert_eq!(params.first_not_finite(), Some("enrich.ctx.weight"));
    }
}
