//! Every operation on every instruction set against one lane after another, and the error bounds of the functions.

use super::*;

/// Applies one operation to whole slices, vector by vector, the last one partial.
struct Map<'a, F> {
    a: &'a [f32],
    b: &'a [f32],
    c: &'a [f32],
    out: &'a mut [f32],
    op: F,
}

/// Which operation.
#[derive(Clone, Copy, Debug)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Fma,
    Fnma,
    Max,
    Min,
    SelectPositive,
    Sqrt,
    Recip,
    Round,
    Scale,
    KeepFive,
    Sum,
    SumEach,
    Largest,
    Limit,
    Quotient,
    SigmoidOfTanh,
    Exp,
    Tanh,
    TanhEach,
    Sigmoid,
}

impl Kernel<f32> for Map<'_, Op> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd<R = f32>>(self, s: S) {
        for at in (0..self.a.len()).step_by(S::LANES) {
            let (a, b, c) = (
                s.load_at(self.a, at),
                s.load_at(self.b, at),
                s.load_at(self.c, at),
            );
            let v = match self.op {
                Op::Add => s.add(a, b),
                Op::Sub => s.sub(a, b),
                Op::Mul => s.mul(a, b),
                Op::Div => s.div(a, b),
                Op::Fma => s.fma(a, b, c),
                Op::Fnma => s.fnma(a, b, c),
                Op::Max => s.max(a, b),
                Op::Min => s.min(a, b),
                Op::SelectPositive => s.select_positive(a, b, c),
                Op::Sqrt => s.sqrt(s.mul(b, b)),
                Op::Recip => s.recip(b),
                Op::Round => s.round(a),
                Op::Scale => s.scale(a, s.round(b)),
                Op::KeepFive => s.keep_first(a, 5_usize.saturating_sub(at).min(S::LANES)),
                Op::Sum => s.splat(s.sum(a)),
                Op::SumEach => s.splat(s.sum_each([b, a, c, b, c, a])[1]),
                Op::Largest => s.splat(s.largest(a)),
                Op::Limit => s.limit(a, 3.0),
                Op::Quotient => s.quotient(a, b),
                Op::SigmoidOfTanh => math::sigmoid_of_tanh(s, s.tanh(s.mul(s.splat(0.5), a))),
                Op::Exp => s.exp(a),
                Op::Tanh => s.tanh(a),
                Op::TanhEach => s.tanh_each([[b], [a]])[1][0],
                Op::Sigmoid => s.sigmoid(a),
            };
            s.store_at(v, self.out, at);
        }
    }
}

fn map(isa: Isa, op: Op, a: &[f32], b: &[f32], c: &[f32]) -> Vec<f32> {
    let mut out = vec![f32::NAN; a.len()];
    f32::dispatch(
        isa,
        Map {
            a,
            b,
            c,
            out: &mut out,
            op,
        },
    );
    out
}

fn check(op: Op, tolerance: f64, expected: impl Fn(f64, f64, f64, usize) -> f64) {
    let at = |i: usize, k: f32| ((i as f32 * k).sin() * 8.0, i);
    for len in [1, 3, 8, 15, 16, 17, 31, 64, 100] {
        let a: Vec<f32> = (0..len).map(|i| at(i, 1.7).0).collect();
        let b: Vec<f32> = (0..len).map(|i| at(i, 2.3).0 + 0.5).collect();
        let c: Vec<f32> = (0..len).map(|i| at(i, 0.9).0).collect();
        for isa in Isa::available() {
            let got = map(isa, op, &a, &b, &c);
            for (i, got) in got.iter().enumerate() {
                let expected = expected(f64::from(a[i]), f64::from(b[i]), f64::from(c[i]), i);
                let error = (f64::from(*got) - expected).abs() / (1.0 + expected.abs());
                assert!(
                    error <= tolerance,
                    "{op:?} on {isa}, lane {i} of {len}: {got} against {expected}"
                );
            }
        }
    }
}

#[test]
fn arithmetic_agrees_with_doubles() {
    check(Op::Add, 1e-7, |a, b, _, _| a + b);
    check(Op::Sub, 1e-7, |a, b, _, _| a - b);
    check(Op::Mul, 1e-7, |a, b, _, _| a * b);
    check(Op::Div, 1e-7, |a, b, _, _| a / b);
    check(Op::Fma, 1e-6, |a, b, c, _| a * b + c);
    check(Op::Fnma, 1e-6, |a, b, c, _| c - a * b);
    check(Op::Max, 0.0, |a, b, _, _| a.max(b));
    check(Op::Min, 0.0, |a, b, _, _| a.min(b));
    check(
        Op::SelectPositive,
        0.0,
        |a, b, c, _| if a > 0.0 { b } else { c },
    );
    check(Op::Sqrt, 1e-6, |_, b, _, _| b.abs());
    check(Op::Recip, 2e-7, |_, b, _, _| 1.0 / b);
    check(Op::Quotient, 3e-7, |a, b, _, _| a / b);
    check(Op::Limit, 0.0, |a, _, _, _| a.clamp(-3.0, 3.0));
    check(Op::Round, 0.0, |a, _, _, _| a.round_ties_even());
    check(Op::Scale, 1e-7, |a, b, _, _| {
        a * 2_f64.powi(b.round_ties_even() as i32)
    });
    check(Op::KeepFive, 0.0, |a, _, _, i| if i < 5 { a } else { 0.0 });
}

#[test]
fn sum_adds_all_lanes() {
    let a: Vec<f32> = (1..=64).map(|i| i as f32).collect();
    for isa in Isa::available() {
        let got = map(isa, Op::Sum, &a, &a, &a);
        let lanes = got.iter().take_while(|x| **x == got[0]).count();
        let expected: f32 = a[..lanes].iter().sum();
        assert_eq!(got[0], expected, "{isa}");
        let each = map(isa, Op::SumEach, &a, &a, &a);
        assert_eq!(each, got, "{isa}");
        let largest = map(isa, Op::Largest, &a, &a, &a);
        assert_eq!(largest[0], a[lanes - 1], "{isa}");
    }
}

/// Largest error of `op` over a fine grid on [−span, span].
fn largest_error(isa: Isa, op: Op, span: f32, error: impl Fn(f64, f64) -> f64) -> f64 {
    let n = 400_001;
    let x: Vec<f32> = (0..n)
        .map(|i| span * (2.0 * i as f32 / (n - 1) as f32 - 1.0))
        .collect();
    let got = map(isa, op, &x, &x, &x);
    x.iter()
        .zip(&got)
        .map(|(x, got)| error(f64::from(*x), f64::from(*got)))
        .fold(0.0, f64::max)
}

#[test]
fn functions_keep_their_stated_bounds() {
    for isa in Isa::available() {
        let exp = largest_error(isa, Op::Exp, 87.0, |x, got| (got / x.exp() - 1.0).abs());
        let tanh = largest_error(isa, Op::Tanh, 12.0, |x, got| (got - x.tanh()).abs());
        let sigmoid = largest_error(isa, Op::Sigmoid, 30.0, |x, got| {
            (got - 1.0 / (1.0 + (-x).exp())).abs()
        });
        let each = largest_error(isa, Op::TanhEach, 12.0, |x, got| (got - x.tanh()).abs());
        assert!(each <= 4e-7, "{isa}: {each}");
        let of_half = largest_error(isa, Op::SigmoidOfTanh, 30.0, |x, got| {
            (got - 1.0 / (1.0 + (-x).exp())).abs()
        });
        assert!(of_half <= 2.5e-7, "{isa}: {of_half}");
        println!("{isa}: exp {exp:.2e} relative, tanh {tanh:.2e}, sigmoid {sigmoid:.2e} absolute");
        assert!(
            exp <= 2e-7 && tanh <= 4e-7 && sigmoid <= 1.5e-7,
            "{isa}: exp {exp}, tanh {tanh}, sigmoid {sigmoid}"
        );
    }
}

#[test]
fn functions_stay_finite_far_out() {
    for isa in Isa::available() {
        let x = [-1e30, -1000.0, -100.0, 100.0, 1000.0, 1e30];
        let tanh = map(isa, Op::Tanh, &x, &x, &x);
        let sigmoid = map(isa, Op::Sigmoid, &x, &x, &x);
        for i in 0..3 {
            let near_one = 1.0 - 4e-7..=1.0 + 4e-7;
            assert!(
                near_one.contains(&-tanh[i]) && near_one.contains(&tanh[5 - i]),
                "{isa}: {tanh:?}"
            );
            assert!(
                (0.0..4e-7).contains(&sigmoid[i]) && near_one.contains(&sigmoid[5 - i]),
                "{isa}: {sigmoid:?}"
            );
        }
    }
}

#[test]
fn names_lead_back() {
    for isa in Isa::available() {
        assert_eq!(Isa::named(isa.name()), Some(isa));
    }
    assert_eq!(Isa::named("mmx"), None);
    assert_eq!(Isa::available().last().copied(), Some(Isa::detect()));
}
