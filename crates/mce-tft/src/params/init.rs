//! Initial values, as PyTorch's layers draw them by default.

use super::Params;
use super::layout::InitRule;
use crate::real::Real;
use crate::rng::Stream;

pub(super) fn fill<R: Real>(params: &mut Params<R>, seed: u64) {
    let layout = params.layout.clone();
    for spec in layout.tensors() {
        let stream = Stream::new(seed).fork(hash(&spec.name));
        let values = params.span_mut(spec.span);
        for (n, value) in (0_u64..).zip(values) {
            *value = R::from_f64(match spec.init {
                InitRule::Uniform(fan_in) => uniform(stream, n, fan_in),
                InitRule::Normal => stream.normal(n),
                InitRule::Constant(constant) => constant,
            });
        }
    }
}

/// Kaiming's uniform rule with a = √5, which PyTorch's linear layers use: ±1/√fan_in.
#[allow(clippy::cast_precision_loss)]
fn uniform(stream: Stream, n: u64, fan_in: usize) -> f64 {
    (2.0 * stream.uniform(n) - 1.0) / (fan_in as f64).sqrt()
}

/// FNV-1a of a tensor's name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
