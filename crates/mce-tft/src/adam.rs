//! Adam with decoupled weight decay, as PyTorch's `Adam` and `AdamW` compute it.
//!
//! Kingma & Ba 2015; Loshchilov & Hutter 2019. The loops run over flat arrays.

use crate::params::Params;
use crate::params::layout::Span;
use crate::real::Real;
use crate::simd::{Isa, Kernel, Simd};

/// The constants of the optimiser. Defaults: β 0.9 and 0.999, ε 1e-8, no decay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamOptions {
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of squared gradients, in [0, 1).
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Share of a weight taken away each step, times the learning rate. Acts on matrices: not on biases, norms or the
    /// symbol embedding.
    pub weight_decay: f64,
}

impl Default for AdamOptions {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// The state of the optimiser: two moments for each parameter, and the number of steps taken.
#[derive(Debug, Clone)]
pub struct Adam<R: Real> {
    options: AdamOptions,
    pub(crate) first: Params<R>,
    pub(crate) second: Params<R>,
    pub(crate) steps: u64,
}

impl<R: Real> Adam<R> {
    /// The state before the first step, for parameters in the form of `params`.
    #[must_use]
    pub fn new(params: &Params<R>, options: AdamOptions) -> Self {
        Self {
            options,
            first: params.zeros_like(),
            second: params.zeros_like(),
            steps: 0,
        }
    }

    /// Steps taken so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Changes `params` by one step of size `learning_rate` along `gradient` times `scale` (for clipping).
    pub fn step(
        &mut self,
        params: &mut Params<R>,
        gradient: &Params<R>,
        scale: f64,
        learning_rate: f64,
    ) {
        self.steps += 1;
        let AdamOptions {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = self.options;
        #[allow(clippy::cast_precision_loss)]
        let steps = self.steps as f64;
        let (correction1, correction2) = (1.0 - beta1.powf(steps), 1.0 - beta2.powf(steps));
        let layout = params.layout().clone();
        for tensor in layout.tensors() {
            let Span { start, len } = tensor.span;
            let range = start..start + len;
            let kernel = Step {
                decay: R::from_f64(if tensor.decays {
                    1.0 - learning_rate * weight_decay
                } else {
                    1.0
                }),
                beta1: R::from_f64(beta1),
                one_minus_beta1: R::from_f64(1.0 - beta1),
                beta2: R::from_f64(beta2),
                one_minus_beta2: R::from_f64(1.0 - beta2),
                epsilon: R::from_f64(epsilon),
                scale: R::from_f64(scale),
                step: R::from_f64(learning_rate / correction1),
                root_correction: R::from_f64(1.0 / correction2.sqrt()),
                gradient: &gradient.flat()[range.clone()],
                first: &mut self.first.flat_mut()[range.clone()],
                second: &mut self.second.flat_mut()[range.clone()],
                params: &mut params.flat_mut()[range],
            };
            R::dispatch(Isa::detect(), kernel);
        }
    }
}

struct Step<'a, R> {
    decay: R,
    beta1: R,
    one_minus_beta1: R,
    beta2: R,
    one_minus_beta2: R,
    epsilon: R,
    scale: R,
    step: R,
    root_correction: R,
    gradient: &'a [R],
    first: &'a mut [R],
    second: &'a mut [R],
    params: &'a mut [R],
}

impl<R: Real> Kernel<R> for Step<'_, R> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = R>>(self, s: S) {
        let [beta1, one_minus_beta1] = [self.beta1, self.one_minus_beta1].map(|x| s.splat(x));
        let [beta2, one_minus_beta2] = [self.beta2, self.one_minus_beta2].map(|x| s.splat(x));
        let [decay, epsilon, scale] = [self.decay, self.epsilon, self.scale].map(|x| s.splat(x));
        let [step, root_correction] = [self.step, self.root_correction].map(|x| s.splat(x));
        for at in (0..self.params.len()).step_by(S::LANES) {
            let g = s.mul(s.load_at(self.gradient, at), scale);
            let m = s.fma(beta1, s.load_at(self.first, at), s.mul(one_minus_beta1, g));
            let v = s.fma(
                beta2,
                s.load_at(self.second, at),
                s.mul(one_minus_beta2, s.mul(g, g)),
            );
            let root = s.fma(s.sqrt(v), root_correction, epsilon);
            let x = s.mul(s.load_at(self.params, at), decay);
            let x = s.fnma(step, s.div(m, root), x);
            s.store_at(m, self.first, at);
            s.store_at(v, self.second, at);
            s.store_at(x, self.params, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TftConfig, TftSpec};

    #[test]
    fn first_step_is_the_learning_rate_along_the_sign() {
        let config = TftConfig::new(TftSpec::default()).expect("legal");
        let start = Params::<f64>::init(&config, 1);
        let mut gradient = start.zeros_like();
        for (i, g) in gradient
            .values_mut("head.weight")
            .expect("a tensor")
            .iter_mut()
            .enumerate()
        {
            *g = if i % 2 == 0 { 3.0 } else { -1e-3 };
        }
        let mut params = start.clone();
        Adam::new(&params, AdamOptions::default()).step(&mut params, &gradient, 0.5, 0.01);
        for tensor in start.tensors() {
            let after = params.tensor(tensor.name).expect("the same tensors").values;
            for (i, (before, after)) in tensor.values.iter().zip(after).enumerate() {
                let expected = match tensor.name {
                    "head.weight" if i % 2 == 0 => -0.01,
                    "head.weight" => 0.01,
                    _ => 0.0,
                };
                assert!(
                    (after - before - expected).abs() < 1e-6,
                    "{}: {}",
                    tensor.name,
                    after - before
                );
            }
        }
    }

    #[test]
    fn decay_acts_on_matrices_alone() {
        let config = TftConfig::new(TftSpec::default()).expect("legal");
        let start = Params::<f64>::init(&config, 1);
        let gradient = start.zeros_like();
        let mut params = start.clone();
        let options = AdamOptions {
            weight_decay: 0.1,
            ..AdamOptions::default()
        };
        Adam::new(&params, options).step(&mut params, &gradient, 1.0, 0.5);
        for tensor in start.tensors() {
            let after = params.tensor(tensor.name).expect("the same tensors").values;
            let matrix = tensor.shape.len() == 2 && tensor.name != "sym_emb.weight";
            let factor = if matrix { 0.95 } else { 1.0 };
            for (before, after) in tensor.values.iter().zip(after) {
                assert!((after - before * factor).abs() < 1e-15, "{}", tensor.name);
            }
        }
    }
}
