//! What a decision for ten targets takes: ranked by score, the healthy first, one admitted, its hedge timed, all told.
//!
//! `cargo run --release -p tollway-resilience --example decision`
#![allow(clippy::print_stdout, clippy::expect_used, clippy::indexing_slicing, reason = "a report for a reader")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollway_resilience::Moment;
use tollway_resilience::balance::{Smooth, first, hash, healthy_first, rank, rendezvous, two_choices};
use tollway_resilience::budget::{Budget, BudgetSettings};
use tollway_resilience::health::{Health, HealthSettings};
use tollway_resilience::policy::Rules;

const TARGETS: usize = 10;
/// Few enough that some rounds run undisturbed on a busy machine.
const TIMES: u64 = 1000;

fn main() {
    let targets: Vec<_> = (0..TARGETS).map(|_| Arc::new(Health::new(&HealthSettings::default()).watched())).collect();
    for n in 0..10_000_u64 {
        let now = Moment(n * 1000);
        let target = &targets[n as usize % TARGETS];
        target.answered(Duration::from_millis(100 + hash(&n.to_le_bytes()) % 900), now);
        target.failed(None, now);
    }
    let [retries, hedges] = [(); 2].map(|()| Budget::new(BudgetSettings::default()));
    let (rules, smooth) = (Rules::default(), Smooth::new([1; TARGETS]));
    let mut order = Vec::new();
    let score = |index: usize, now| targets[index].score(now);

    measure("scores of ten targets, ranked", |now, _| rank(&mut order, TARGETS, |index| score(index, now)));
    measure("two choices of ten", |now, draw| black_box(two_choices(draw, TARGETS, |index| score(index, now))));
    measure("rendezvous of ten", |_, draw| rank(&mut order, TARGETS, |index| rendezvous(draw, index as u64, 1.0)));
    measure("smooth round robin of ten", |_, _| black_box(smooth.pick(|_| true)));
    measure("readiness of ten", |now, _| healthy_first(&mut order, 0.5, |index| targets[index].readiness(now)));
    let hedge = |now: Moment| rules.hedge_after(&targets[0], Moment(now.0 % 10_000_000));
    measure("when to hedge", |now, _| black_box(hedge(now)));
    measure("one request, whole", |now, draw| {
        retries.deposit(now);
        hedges.deposit(now);
        rank(&mut order, TARGETS, |index| score(index, now));
        if let Some(best) = two_choices(draw, TARGETS, |index| score(index, now)) {
            first(&mut order, best);
        }
        healthy_first(&mut order, 0.5, |index| targets[index].readiness(now));
        let health = &targets[order[0].index];
        let guard = health.enter();
        let pass = health.breaker().admit(now).expect("all are well");
        black_box(rules.hedge_after(health, now));
        health.answered(Duration::from_millis(100 + draw % 900), now);
        let _ = health.breaker().succeed(pass, now);
        drop(guard);
    });
}

fn measure<T>(name: &str, mut what: impl FnMut(Moment, u64) -> T) {
    let mut best = Duration::MAX;
    for round in 0..500 {
        let began = Instant::now();
        for n in 0..TIMES {
            // A thousand requests a second.
            black_box(what(Moment(10_000_000 + (round * TIMES + n) * 1000), hash(&n.to_le_bytes())));
        }
        best = best.min(began.elapsed());
    }
    println!("{name:32} {:7.0} ns", best.as_secs_f64() * 1e9 / TIMES as f64);
}
