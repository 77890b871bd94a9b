//! How long does one step of a stream take, on each instruction set?

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mce_tft::Isa;
use mce_tft::workload::StepWorkload;

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    for hidden in [32, 64] {
        for isa in Isa::available() {
            let mut workload = StepWorkload::new(hidden, 60, isa).expect("legal sizes");
            let id = BenchmarkId::new(isa.name(), format!("h{hidden}_l60"));
            group.bench_function(id, |b| b.iter(|| workload.step()));
        }
    }
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
