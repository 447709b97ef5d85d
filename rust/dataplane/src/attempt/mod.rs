//! Attempt: sends until a target answers, or none is left.
//!
//! Built so far: retries on a target with full jitter, and the next target in the plan. Breakers, hedges and retry
//! budgets come here.

mod failure;
mod once;

use std::time::Duration;

use crate::accept::Call;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::route::Plan;
use crate::snapshot::Target;
use crate::translate;

pub(crate) use failure::Failure;
pub(crate) use once::{Opened, Reply};

/// The longest wait before a retry on the same target; who wants more is answered by the next target, or the caller.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The wait that the first retry may take, doubled for each after it.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Sends `call` along `plan`.
///
/// # Errors
/// The last failure, or the shortest rate limit where all targets are rate limited.
pub(crate) async fn run(exchange: &mut Exchange, call: &Call, plan: &Plan) -> Result<Reply, Error> {
    let mut failures = Vec::new();
    for (index, target) in plan.targets() {
        let outbound = translate::request(exchange, call, target)?;
        let mut retries = 0;
        loop {
            exchange.attempt(index);
            let failure = match once::send(exchange, target, &outbound).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure.without_secrets_of(&target.provider),
            };
            exchange.attempted(failure.class);
            if failure.is_callers_fault() {
                return Err(failure.into_error(&target.provider.name));
            }
            let wait = wait_before_retry(&failure, retries, target, exchange.worker.random());
            failures.push((failure, &target.provider.name));
            let Some(wait) = wait else { break };
            retries += 1;
            tokio::time::sleep(wait).await;
        }
    }
    Err(Failure::of_all(failures))
}

/// How long to wait before the same target is tried again; `None` to leave it.
fn wait_before_retry(failure: &Failure, retries: u32, target: &Target, draw: u64) -> Option<Duration> {
    if retries >= target.max_retries || !failure.may_pass_soon() {
        return None;
    }
    if let Some(asked) = failure.retry_after {
        return (asked <= LONGEST_WAIT).then_some(asked);
    }
    let most = LONGEST_WAIT.min(FIRST_WAIT.saturating_mul(1 << retries.min(16)));
    // Full jitter: all callers of a failed upstream would otherwise come back together.
    Some(most.mul_f64((draw >> 11) as f64 / (1_u64 << 53) as f64))
}
