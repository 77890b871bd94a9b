//! Randomness by counter: a number is a function of (seed, agent, step, draw) and of nothing else.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the seed is
//! the key, agent, step and draw are the counter. No state is shared, so two worlds that differ in one intervention
//! see the same noise wherever they do the same, and the order in which agents run changes nothing.
//!
//! Floats made from the bits go through the platform's `ln` and `cos`: equal seeds give equal bytes on one platform.

/// The noise of one world.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    key: [u32; 2],
}

impl Noise {
    /// The noise of a seed.
    pub const fn new(seed: u64) -> Self {
        Noise {
            key: [seed as u32, (seed >> 32) as u32],
        }
    }

    /// The draws of an agent's step, from the first one on.
    pub const fn draws(self, agent: u32, step: u64) -> Draws {
        Draws {
            noise: self,
            agent,
            step,
            draw: 0,
        }
    }

    /// 64 random bits of a counter.
    fn bits(self, agent: u32, step: u64, draw: u32) -> u64 {
        let counter = [step as u32, (step >> 32) as u32, draw, agent];
        let [a, b, ..] = philox4x32_10(counter, self.key);
        u64::from(a) | u64::from(b) << 32
    }
}

/// Draws one number after the other within one step of one agent.
#[derive(Clone, Debug)]
pub struct Draws {
    noise: Noise,
    agent: u32,
    step: u64,
    draw: u32,
}

impl Draws {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let bits = self.noise.bits(self.agent, self.step, self.draw);
        self.draw = self.draw.wrapping_add(1);
        bits
    }

    /// Uniform on the open interval (0, 1), in steps of 2⁻⁵².
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }

    /// True with a probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform on 0..n, n > 0: the high word of bits × n (Lemire 2019, without rejection: off by less than n/2⁶⁴).
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Exponential of the given mean: the wait for the next event of a Poisson process.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    /// Standard normal (Box & Muller 1958; the second number is not kept, so that a draw is a draw).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normal around a median, with `spread` the standard deviation of its logarithm.
    pub fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        median * (spread * self.normal()).exp()
    }

    /// Pareto: at least `least`, P(X > x) = (least/x)^tail.
    pub fn pareto(&mut self, least: f64, tail: f64) -> f64 {
        least * self.unit().powf(-1.0 / tail)
    }
}

/// Ten rounds of Philox on four 32-bit words.
fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
    // The golden ratio and √3 − 1, as the paper has them.
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for _ in 0..10 {
        let first = MULTIPLIERS[0] * u64::from(counter[0]);
        let second = MULTIPLIERS[1] * u64::from(counter[2]);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_vectors_of_its_authors() {
        // Random123, kat_vectors: philox4x32 10.
        let check = |counter, key, expected| assert_eq!(philox4x32_10(counter, key), expected);
        let ones = u32::MAX;
        check(
            [0; 4],
            [0; 2],
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
        );
        check(
            [ones; 4],
            [ones; 2],
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
        );
        check(
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        );
    }

    #[test]
    fn a_number_depends_on_its_whole_key_and_on_nothing_else() {
        let base = Noise::new(7).bits(1, 2, 3);
        assert_eq!(base, Noise::new(7).bits(1, 2, 3));
        for other in [
            Noise::new(8).bits(1, 2, 3),
            Noise::new(7 | 1 << 40).bits(1, 2, 3),
            Noise::new(7).bits(2, 2, 3),
            Noise::new(7).bits(1, 3, 3),
            Noise::new(7).bits(1, 2 | 1 << 40, 3),
            Noise::new(7).bits(1, 2, 4),
        ] {
            assert_ne!(base, other);
        }
        let mut draws = Noise::new(7).draws(1, 2);
        let run = [draws.bits(), draws.bits(), draws.bits(), draws.bits()];
        assert_eq!(run[3], base);
    }

    /// Mean and variance of 10,000 draws, each from another step.
    fn moments(draw: impl Fn(&mut Draws) -> f64) -> (f64, f64) {
        let n = 10_000u32;
        let values = (0..n).map(|step| draw(&mut Noise::new(1).draws(9, step.into())));
        let (sum, squares) = values.fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
        let mean = sum / f64::from(n);
        (mean, squares / f64::from(n) - mean * mean)
    }

    #[test]
    fn distributions_have_their_moments() {
        // Tolerances are five standard errors.
        let check = |(mean, variance): (f64, f64), expected: (f64, f64), tolerance: (f64, f64)| {
            assert!(
                (mean - expected.0).abs() < tolerance.0,
                "mean {mean}, not {}",
                expected.0
            );
            let off = (variance - expected.1).abs();
            assert!(off < tolerance.1, "variance {variance}, not {}", expected.1);
        };
        check(moments(|d| d.unit()), (0.5, 1.0 / 12.0), (0.0145, 0.004));
        check(moments(|d| d.exponential(2.0)), (2.0, 4.0), (0.1, 0.57));
        check(moments(|d| d.normal()), (0.0, 1.0), (0.05, 0.071));
        check(moments(|d| d.below(10) as f64), (4.5, 8.25), (0.144, 0.37));
        check(
            moments(|d| f64::from(d.chance(0.25))),
            (0.25, 0.1875),
            (0.022, 0.011),
        );
        check(
            moments(|d| d.log_normal(3.0, 0.5).ln()),
            (3f64.ln(), 0.25),
            (0.025, 0.018),
        );
        // P(X > 2) = 2^-1.5 for a Pareto of tail 1.5 from 1 on.
        let tail = moments(|d| f64::from(d.pareto(1.0, 1.5) > 2.0));
        check(tail, (2f64.powf(-1.5), 0.2286), (0.024, 0.011));
    }

    #[test]
    fn uniform_draws_never_reach_their_ends() {
        let lowest = 0.5 / (1u64 << 52) as f64;
        assert!(lowest > 0.0 && lowest.ln().is_finite());
        assert!(((1u64 << 52) as f64 - 0.5) / ((1u64 << 52) as f64) < 1.0);
    }
}
