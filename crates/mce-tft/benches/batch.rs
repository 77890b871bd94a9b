//! How many windows a second does one core predict, and how many does it learn from?

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mce_tft::workload::TrainWorkload;
use mce_tft::{Batch, BatchRunner, Isa, Params, TftConfig, TftSpec};

const L: usize = 64;
const WINDOWS: usize = 256;

/// Numbers in [−1, 1) that look random.
fn numbers(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i as f32 * 12.9898).sin() * 43_758.547).fract())
        .collect()
}

fn forward(c: &mut Criterion) {
    let mut group = c.benchmark_group("forward_h32_l64_b256");
    group
        .throughput(Throughput::Elements(WINDOWS as u64))
        .sample_size(20);
    let config = TftConfig::new(TftSpec {
        encoder_len: L,
        ..TftSpec::default()
    })
    .expect("legal");
    let (observed, known) = (numbers(WINDOWS * L * 14), numbers(WINDOWS * (L + 1) * 2));
    let symbols = [0; WINDOWS];
    let batch = Batch::new(&config, &observed, &known, &symbols).expect("legal");
    for isa in Isa::available() {
        let mut runner = BatchRunner::new(&config, isa);
        runner.load(&Params::<f32>::init(&config, 1));
        group.bench_function(isa.name(), |b| b.iter(|| runner.forward(black_box(&batch))));
    }
    group.finish();
}

fn train(c: &mut Criterion) {
    let mut group = c.benchmark_group("train_h32_l64_b256");
    group
        .throughput(Throughput::Elements(WINDOWS as u64))
        .sample_size(10);
    for (name, distance) in [("windows_apart", L), ("windows_in_a_row", 1)] {
        for isa in Isa::available() {
            let mut workload =
                TrainWorkload::with_distance(32, L, WINDOWS, distance, isa).expect("legal sizes");
            group.bench_function(format!("{name}/{isa}"), |b| {
                b.iter(|| workload.step().expect("finite"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, forward, train);
criterion_main!(benches);
