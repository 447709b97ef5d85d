//! Ten minutes in which two providers brown out in turn.

use std::time::Duration;

use tollway_resilience::budget::BudgetSettings;
use tollway_resilience::health::HealthSettings;
use tollway_resilience::outlier::OutlierSettings;
use tollway_resilience::policy::Rules;

use super::{Brownout, Policy, Scenario, Shape};

const SECOND: Duration = Duration::from_secs(1);
/// Requests a second.
const LOAD: f64 = 100.0;
/// The share of the load that one provider takes.
const CAPACITY: f64 = 0.7;

/// What the caller may see at most: failed requests of all, sends for each request, the 99th percentile of the first token.
pub(crate) const FAILED: f64 = 0.005;
pub(crate) const AMPLIFICATION: f64 = 1.2;

/// A healthy provider's 95th and 99th percentile together.
pub(crate) fn first_token() -> Duration {
    let Shape { median, sigma, .. } = shape(Vec::new(), true);
    [1.6449, 2.3263].map(|normal: f64| median.mul_f64((sigma * normal).exp())).iter().sum()
}

/// A minute of health, then a minute in which one of the two is degraded, the one and the other in turn.
pub(crate) fn scenario(seed: u64, policy: Policy, retry_after: bool) -> Scenario {
    let brownout = |at: u64| {
        let [from, to] = [at, at + 60].map(Duration::from_secs);
        Brownout { from, to, limited: 0.3, failed: 0.1, stalled: 0.05, slower: 1.0 }
    };
    let providers = [60, 180].map(|first| shape((first..600).step_by(240).map(brownout).collect(), retry_after));
    Scenario {
        seed,
        load: LOAD,
        length: 600 * SECOND,
        providers: providers.to_vec(),
        policy,
        leavers: 0.0,
        clock_steps: Duration::ZERO,
    }
}

fn shape(brownouts: Vec<Brownout>, retry_after: bool) -> Shape {
    let capacity = CAPACITY * LOAD;
    Shape { median: Duration::from_millis(400), sigma: 0.5, capacity, burst: capacity, retry_after, brownouts }
}

/// From a breaker alone to all that there is. All balance by score.
pub(crate) fn policies() -> [(&'static str, Policy); 4] {
    let alone = Policy {
        health: HealthSettings::default(),
        rules: Rules::default(),
        outliers: OutlierSettings::default(),
        most: 2,
        retries: None,
        hedges: None,
        timeout: 30 * SECOND,
    };
    let budget = BudgetSettings::default();
    let retries = Policy { retries: Some(budget), ..alone.clone() };
    let all = Policy { hedges: Some(BudgetSettings { share: 0.1, ..budget }), ..retries.clone() };
    let soon = Policy { rules: Rules { hedge_quantile: 0.95, ..all.rules }, ..all.clone() };
    [("breaker alone", alone), ("retries", retries), ("retries, hedge at p95", soon), ("retries, hedge at p98", all)]
}
