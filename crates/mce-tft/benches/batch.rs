//! How many windows a second does one core predict, and how many does it learn from?

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mce_tft::{
    Batch, BatchRunner, Isa, Params, TftConfig, TftModel, TftSpec, TrainOptions, Trainer, Weights,
    Window, WindowTable, WindowTableParts,
};

const L: usize = 64;
const WINDOWS: usize = 256;

/// Numbers in [−1, 1) that look random.
fn numbers(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i as f32 * 12.9898).sin() * 43_758.547).fract())
        .collect()
}

fn config() -> TftConfig {
    TftConfig::new(TftSpec {
        encoder_len: L,
        dropout: 0.0,
        ..TftSpec::default()
    })
    .expect("legal")
}

/// One batch of windows, `stride` rows apart.
fn table(stride: usize) -> WindowTable {
    let rows = (WINDOWS - 1) * stride + L;
    let parts = WindowTableParts {
        observed: numbers(rows * 14),
        known: numbers(rows * 2),
        windows: (0..WINDOWS)
            .map(|i| Window {
                first_row: i * stride,
                symbol: 0,
            })
            .collect(),
        future_known: numbers(WINDOWS * 2),
        labels: numbers(WINDOWS * 5)
            .into_iter()
            .map(|x| Some(x.abs()))
            .collect(),
    };
    WindowTable::new(&config(), parts).expect("legal")
}

fn forward(c: &mut Criterion) {
    let mut group = c.benchmark_group("forward");
    group
        .throughput(Throughput::Elements(WINDOWS as u64))
        .sample_size(20);
    let config = config();
    let (observed, known) = (numbers(WINDOWS * L * 14), numbers(WINDOWS * (L + 1) * 2));
    let symbols = [0; WINDOWS];
    let batch = Batch::new(&config, &observed, &known, &symbols).expect("legal");
    for isa in Isa::available() {
        let mut runner = BatchRunner::new(&config, isa);
        runner.load(&Params::<f32>::init(&config, 1));
        group.bench_function(isa.name(), |b| b.iter(|| runner.forward(black_box(&batch))));
    }
    let weights = Weights {
        params: Params::init(&config, 1),
        metadata: Default::default(),
    };
    let model = TftModel::new(config, weights);
    let table = table(1);
    group.bench_function("windows_in_a_row", |b| {
        b.iter(|| model.predict(black_box(&table), 1))
    });
    group.finish();
}

fn train(c: &mut Criterion) {
    let mut group = c.benchmark_group("train_h32_l64_b256");
    group
        .throughput(Throughput::Elements(WINDOWS as u64))
        .sample_size(10);
    let config = config();
    for (name, stride) in [("windows_apart", L), ("windows_in_a_row", 1)] {
        let table = table(stride);
        for isa in Isa::available() {
            let options = TrainOptions {
                isa,
                run_windows: WINDOWS,
                epochs: usize::MAX,
                ..TrainOptions::default()
            };
            let mut trainer =
                Trainer::new(&config, options, Params::init(&config, 1)).expect("legal");
            group.bench_function(format!("{name}/{isa}"), |b| {
                b.iter(|| {
                    trainer
                        .fit(&table, None, &mut |_| ControlFlow::Break(()))
                        .expect("finite")
                        .samples
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, forward, train);
criterion_main!(benches);
