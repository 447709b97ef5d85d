//! The rules, over thousands of simulated worlds. A failure names its seed; `TOLLWAY_SEED=n` runs that one alone.

mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use tollway_resilience::breaker::{BreakerSettings, Standing};
use tollway_resilience::budget::BudgetSettings;
use tollway_resilience::health::HealthSettings;
use tollway_resilience::outlier::OutlierSettings;
use tollway_resilience::policy::Rules;
use world::brownout::{self, AMPLIFICATION, FAILED};
use world::{Brownout, Policy, Rng, Scenario, Shape, World, quantile};

const WORLDS: u64 = 2000;
/// How long a world is troubled; then its providers are well again.
const TROUBLED: Duration = Duration::from_secs(10);

#[test]
fn whatever_happens_the_rules_hold_and_breakers_recover() {
    let only = std::env::var("TOLLWAY_SEED").ok().map(|seed| seed.parse().unwrap());
    for seed in only.map_or(0..WORLDS, |seed| seed..seed + 1) {
        if let Err(failure) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            println!("TOLLWAY_SEED={seed}");
            resume_unwind(failure);
        }
    }
}

fn run(seed: u64) {
    let mut rng = Rng(seed);
    let scenario = scenario(&mut rng);
    let mut world = World::new(scenario);
    world.run();
    let report = &world.report;
    let ended = report.failures + report.left + report.first_tokens.len() as u64;
    assert_eq!(ended, report.requests, "each request ends once");
    for (index, health) in world.health.iter().enumerate() {
        assert_eq!(health.in_flight(), 0, "{index} has requests for ever");
    }
    // All are well for a while, and asked: none may stay away.
    world.heal();
    for health in &world.health {
        assert_eq!(health.breaker().state(world.now()), Standing::Closed);
        assert!(health.success_rate(world.now()) > 0.9);
    }
}

fn scenario(rng: &mut Rng) -> Scenario {
    let mut chance = |share: f64| rng.unit() <= share;
    let (steps, leave, retry, hedge) = (chance(0.3), chance(0.5), chance(0.8), chance(0.6));
    let count = 1 + rng.below(5);
    let providers = (0..count).map(|_| shape(rng)).collect();
    let budget = |rng: &mut Rng| BudgetSettings {
        share: 0.5 * rng.unit(),
        floor: 2.0 * rng.unit(),
        window: Duration::from_secs(1 + rng.below(30)),
    };
    let policy = Policy {
        health: HealthSettings { breaker: breaker(rng), success_power: 2.0 * rng.unit(), ..HealthSettings::default() },
        rules: Rules { most_sends: 1 + rng.below(6) as u32, ..Rules::default() },
        outliers: OutlierSettings { hold: Duration::from_secs(1 + rng.below(9)), ..OutlierSettings::default() },
        most: 1 + rng.below(3) as u32,
        retries: retry.then(|| budget(rng)),
        hedges: hedge.then(|| budget(rng)),
        timeout: Duration::from_secs(2 + rng.below(5)),
    };
    Scenario {
        seed: rng.word(),
        load: 1.0 + 20.0 * rng.unit(),
        length: TROUBLED,
        providers,
        policy,
        leavers: if leave { 0.3 * rng.unit() } else { 0.0 },
        clock_steps: Duration::from_secs(if steps { rng.below(20) } else { 0 }),
    }
}

fn breaker(rng: &mut Rng) -> BreakerSettings {
    BreakerSettings {
        consecutive: rng.below(6) as u32,
        ratio: 0.1 + rng.unit(),
        window: Duration::from_secs(1 + rng.below(30)),
        min_requests: 1 + rng.below(20) as u32,
        cooldown: Duration::from_millis(100 + rng.below(5000)),
        max_cooldown: Duration::from_secs(5 + rng.below(20)),
        probes: rng.below(4) as u32,
        successes: rng.below(4) as u32,
        ..BreakerSettings::default()
    }
}

fn shape(rng: &mut Rng) -> Shape {
    let brownouts = (0..rng.below(4)).map(|_| {
        let from = TROUBLED.mul_f64(rng.unit());
        let to = from + TROUBLED.mul_f64(0.5 * rng.unit());
        let slower = 1.0 + rng.below(2) as f64 * 9.0;
        let [limited, failed, stalled] = [0.4 * rng.unit(), 0.8 * rng.unit(), 0.2 * rng.unit()];
        Brownout { from, to, limited, failed, stalled, slower }
    });
    Shape {
        brownouts: brownouts.collect(),
        median: Duration::from_millis(20 + rng.below(400)),
        sigma: rng.unit(),
        capacity: 1.0 + 20.0 * rng.unit(),
        burst: 1.0 + rng.below(9) as f64,
        retry_after: rng.below(2) == 0,
    }
}

#[test]
fn a_seed_gives_the_same_world_again() {
    let run = || {
        let mut world = World::new(scenario(&mut Rng(7)));
        world.run();
        (world.report.requests, world.report.sends, world.report.failures, world.report.first_tokens)
    };
    assert_eq!(run(), run());
}

/// The goals, at one seed; `examples/brownout.rs` prints more, beside weaker policies.
#[test]
fn brownouts_stay_from_the_callers() {
    let [(_, alone), .., (_, policy)] = brownout::policies();
    for retry_after in [true, false] {
        let mut world = World::new(brownout::scenario(1, policy.clone(), retry_after));
        let report = world.run();
        assert!(report.failed() < FAILED, "{} failed", report.failed());
        assert!(report.amplification() <= AMPLIFICATION, "{} sends for each request", report.amplification());
        let p99 = quantile(&mut report.first_tokens.clone(), 0.99);
        assert!(p99 <= brownout::first_token(), "{p99:?} to the first token");
    }
    // The goals say something: without retries and hedges they are missed by far.
    let mut world = World::new(brownout::scenario(1, alone, true));
    assert!(world.run().failed() > 10.0 * FAILED);
}
