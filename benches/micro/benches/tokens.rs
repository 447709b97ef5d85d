//! How long counting takes, for 10,000 tokens of prose and of code.
#![allow(missing_docs, reason = "the macros' items cannot carry any")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollway_tokens::count_text;

/// English, and Rust: this workspace's own.
const TEXTS: [(&str, &str); 2] =
    [("prose", include_str!("../../../CONTRIBUTING.md")), ("code", include_str!("../src/steps.rs"))];

fn tokens(criterion: &mut Criterion) {
    for (model, vocabulary) in [("gpt-4o", "o200k"), ("gpt-4", "cl100k"), ("claude-sonnet-4-5", "approximate")] {
        for (name, text) in TEXTS {
            let each = count_text("gpt-4o", text);
            let text = text.repeat(usize::try_from(10_000 / each).unwrap_or(1) + 1);
            let mut group = criterion.benchmark_group(format!("{vocabulary}_{name}"));
            group.throughput(Throughput::Elements(count_text(model, &text)));
            group.bench_function("tokens", |bencher| bencher.iter(|| count_text(model, black_box(&text))));
            group.finish();
        }
    }
}

criterion_group!(benches, tokens);
criterion_main!(benches);
