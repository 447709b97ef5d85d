//! Time and throughput of each step.
#![allow(missing_docs, reason = "the macros' items cannot carry any")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn steps(criterion: &mut Criterion) {
    for mut step in tollway_bench_micro::steps() {
        let mut group = criterion.benchmark_group(step.name);
        group.throughput(Throughput::Bytes(step.bytes as u64));
        group.bench_function("time", |bencher| bencher.iter(&mut step.run));
        group.finish();
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
