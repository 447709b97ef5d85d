//! Two providers that brown out in turn, in simulated time, under policies from a breaker alone to hedging.
//!
//! `cargo run --release -p tollway-resilience --example brownout -- 20` takes the worst of 20 seeds.
#![allow(clippy::print_stdout, reason = "a report for a reader")]

#[path = "../tests/world/mod.rs"]
mod world;

use world::brownout::{AMPLIFICATION, FAILED, first_token, policies, scenario};
use world::{World, quantile};

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|seeds| seeds.parse().ok()).unwrap_or(5);
    println!("The worst of {seeds} seeds      failed %  sends for each  first token, p50 and p99 in ms");
    for (name, policy) in policies() {
        for (retry_after, says) in [(true, "retry-after"), (false, "bare 429")] {
            let [mut failed, mut sends, mut p50, mut p99] = [0.0_f64; 4];
            for seed in 1..=seeds {
                let mut world = World::new(scenario(seed, policy.clone(), retry_after));
                let report = world.run();
                let mut first_tokens = report.first_tokens.clone();
                let mut at = |q: f64| 1000.0 * quantile(&mut first_tokens, q).as_secs_f64();
                (p50, p99) = (p50.max(at(0.5)), p99.max(at(0.99)));
                (failed, sends) = (failed.max(report.failed()), sends.max(report.amplification()));
            }
            println!("{name:22} {says:12} {:6.3} {sends:12.3} {p50:16.0} {p99:8.0}", 100.0 * failed);
        }
    }
    let goal = 1000.0 * first_token().as_secs_f64();
    println!("{:35} {:6.3} {AMPLIFICATION:12.3} {goal:25.0}", "goal", 100.0 * FAILED);
}
