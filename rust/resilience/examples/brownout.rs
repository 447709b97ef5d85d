//! Two providers that brown out in turn, in simulated time, under policies from a breaker alone to hedging.
//!
//! `cargo run --release -p tollway-resilience --example brownout`
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a report for a reader")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::Duration;

use tollway_resilience::budget::BudgetSettings;
use tollway_resilience::health::HealthSettings;
use tollway_resilience::outlier::OutlierSettings;
use tollway_resilience::policy::Rules;
use world::{Brownout, Policy, Scenario, Shape, World, quantile};

const SECOND: Duration = Duration::from_secs(1);
const LOAD: f64 = 100.0;

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|seeds| seeds.parse().ok()).unwrap_or(5);
    println!("{:28} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  stops", "policy", "failed %", "sends", "in trouble", "p50 ms", "p99 ms", "goal ms");
    for (name, policy) in policies() {
        for retry_after in [true, false] {
            for seed in 1..=seeds {
                let mut world = World::new(scenario(seed, policy.clone(), retry_after));
                let mut report = world.run().clone();
                let [p50, p99] = [0.5, 0.99].map(|q| quantile(&mut report.first_tokens, q).as_millis());
                println!(
                    "{name:28} {:8.3} {:8.3} {p50:8} {p99:8} {:8} {:?} {:?} opened {} hedges {} {retry_after}",
                    100.0 * report.failed(), report.amplification(), goal().as_millis(), report.stopped, report.to, report.opened, report.hedges,
                );
            }
        }
    }
}
fn var(name: &str, or: f64) -> f64 { std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(or) }

/// Healthy p95 and healthy p99 together.
fn goal() -> Duration {
    let shape = shape(Vec::new(), true);
    let at = |normal: f64| shape.median.mul_f64((shape.sigma * normal).exp());
    at(1.6449) + at(2.3263)
}

fn shape(brownouts: Vec<Brownout>, retry_after: bool) -> Shape {
    Shape { median: Duration::from_millis(400), sigma: 0.5, capacity: 0.7 * LOAD, burst: 0.7 * LOAD, retry_after, brownouts }
}

/// Ten minutes: a minute of health, then a minute in which one of the two is degraded, the one and the other in turn.
fn scenario(seed: u64, policy: Policy, retry_after: bool) -> Scenario {
    let brownouts = |first: u32| {
        let brownout = |at: u32| Brownout { from: at * SECOND, to: (at + 60) * SECOND, limited: 0.3, failed: 0.1, stalled: 0.05, slower: 1.0 };
        (first..600).step_by(240).map(brownout).collect()
    };
    let providers = vec![shape(brownouts(60), retry_after), shape(brownouts(180), retry_after)];
    Scenario { seed, load: LOAD, length: 600 * SECOND, providers, policy, leavers: 0.0, clock_steps: Duration::ZERO }
}

fn policies() -> [(&'static str, Policy); 3] {
    let mut health = HealthSettings::default();
    health.success_power = var("POWER", health.success_power);
    health.success_tau = Duration::from_secs_f64(var("STAU", 10.0));
    health.latency_tau = Duration::from_secs_f64(var("LTAU", 10.0));
    let mut rules = Rules::default();
    rules.hedge_quantile = var("HQ", 0.95);
    rules.most_sends = var("SENDS", 4.0) as u32;
    let alone = Policy {
        health,
        rules,
        outliers: OutlierSettings::default(),
        retries: None,
        hedges: None,
        most: 2,
        timeout: 30 * SECOND,
    };
    let budget = BudgetSettings { share: var("SHARE", 0.2), floor: 1.0, window: Duration::from_secs_f64(var("WINDOW", 120.0)) };
    let retries = Policy { retries: Some(budget), ..alone.clone() };
    let hedging = Policy { hedges: Some(BudgetSettings { share: var("HSHARE", 0.1), ..budget }), ..retries.clone() };
    [("breaker alone", alone), ("with retries", retries), ("with retries and hedging", hedging)]
}
