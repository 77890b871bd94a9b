//! How long does one step of a stream take, on each instruction set?

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mce_tft::{Isa, Params, TftConfig, TftModel, TftSpec, Weights};

/// Numbers in [−1, 1) that look random.
fn numbers(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i as f32 * 12.9898).sin() * 43_758.547).fract())
        .collect()
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    for hidden in [32, 64] {
        let config = TftConfig::new(TftSpec {
            hidden,
            ..TftSpec::default()
        })
        .expect("legal");
        for isa in Isa::available() {
            let weights = Weights {
                params: Params::init(&config, 1),
                metadata: Default::default(),
            };
            let model = TftModel::with_isa(config.clone(), weights, isa);
            let mut state = model.stream(0).expect("symbol 0 is always known");
            let rows = numbers(1024 * 14);
            let mut rows = rows.chunks_exact(14).cycle();
            for _ in 0..60 {
                let row = rows.next().expect("endless");
                model
                    .step(&mut state, row, &[0.1, 0.9], &[0.2, 0.8])
                    .expect("a legal row");
            }
            group.bench_function(
                BenchmarkId::new(isa.name(), format!("h{hidden}_l60")),
                |b| {
                    b.iter(|| {
                        let row = rows.next().expect("endless");
                        let output =
                            model.step(&mut state, black_box(row), &[0.1, 0.9], &[0.2, 0.8]);
                        output.expect("a legal row").expect("a full window").raw()[0]
                    });
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
