//! One send, and, where the route has hedges and the first is slow, another beside it. The first answer wins.

use std::pin::pin;
use std::time::Duration;

use tollway_resilience::breaker::Pass;

use crate::accept::Call;
use crate::clock::{Instant, now};
use crate::error::Error;
use crate::exchange::Exchange;
use crate::route::Reason;
use crate::telemetry::AttemptClass;

use super::Run;
use super::tried::{self, Tried};

/// What a race brought: the send that serves, or the class of the failure that decides what comes next.
pub(super) type Raced = Result<Tried, AttemptClass>;

/// Sends `call` to the target `index`. Every send is counted in `run`, every failure kept there.
///
/// # Errors
/// What is wrong with the request itself, found when it was translated.
pub(super) async fn race(exchange: &Exchange, call: &Call, run: &mut Run<'_>, index: usize) -> Result<Raced, Error> {
    let Some(pass) = run.admit(exchange, index) else { return Ok(Err(AttemptClass::Cancelled)) };
    let Some((target, patience)) = run.target(index).map(|target| (target, run.patience(exchange, index))) else {
        return Ok(Err(AttemptClass::Cancelled));
    };
    let (deadline, left) = (patience, patience.map(|until| until.saturating_duration_since(now())));
    let first = pin!(tried::send(exchange, call, (index, target), pass, deadline));
    let delay = run.hedge_delay(exchange, index).filter(|delay| left.is_none_or(|left| *delay < left));
    let Some(delay) = delay else {
        let tried = first.await?;
        return Ok(run.keep(tried));
    };
    let mut first = first;
    tokio::select! {
        biased;
        tried = &mut first => return Ok(run.keep(tried?)),
        () = tokio::time::sleep(delay) => {}
    }
    let Some((other, pass)) = run.hedge(exchange) else {
        let tried = first.await?;
        return Ok(run.keep(tried));
    };
    let Some(target) = run.target(other) else { return Ok(run.keep(first.await?)) };
    let deadline = run.patience(exchange, other);
    let mut second = pin!(tried::send(exchange, call, (other, target), pass, deadline));
    // Whoever fails first leaves the field to the other.
    let (tried, first_ended) = tokio::select! {
        biased;
        tried = &mut first => (tried, true),
        tried = &mut second => (tried, false),
    };
    let raced = run.keep(tried?);
    if raced.is_ok() {
        return Ok(raced);
    }
    let tried = if first_ended { second.await } else { first.await };
    Ok(run.keep(tried?))
}

impl<'r> Run<'r> {
    /// Leave to send to the target `index`: none where its breaker refuses and another is ready.
    fn admit(&mut self, exchange: &Exchange, index: usize) -> Option<Option<Pass>> {
        self.tries.sent(index);
        let target = self.target(index)?;
        match target.health.breaker().admit(exchange.worker.moment()) {
            Ok(pass) => {
                crate::alert::breaker(exchange, target, pass.transition);
                Some(Some(pass))
            }
            Err(_) if self.panic || !self.others_ready(index, exchange.worker.moment()) => Some(None),
            Err(_) => {
                exchange.leave_out(index, Reason::Open);
                None
            }
        }
    }

    /// How long to wait before a hedge, on a route that has them.
    fn hedge_delay(&self, exchange: &Exchange, index: usize) -> Option<Duration> {
        let hedge = self.route.hedge.as_ref()?;
        let health = &self.target(index)?.health;
        hedge.delay.or_else(|| self.rules.hedge_after(health, exchange.worker.moment()))
    }

    /// The target of a hedge, and leave to send to it.
    fn hedge(&mut self, exchange: &Exchange) -> Option<(usize, Option<Pass>)> {
        let hedge = self.route.hedge.as_ref()?;
        let moment = exchange.worker.moment();
        let chance = |index| self.chance(exchange, index);
        let index = self.rules.hedge(&self.tries, &self.order, chance, &hedge.budget, moment)?;
        let pass = self.admit(exchange, index)?;
        Some((index, pass))
    }

    /// When a send to the target `index` has stalled, on a route that has hedges; when the request must be over.
    fn patience(&self, exchange: &Exchange, index: usize) -> Option<Instant> {
        let stalled = self.route.hedge.as_ref().and_then(|_| {
            let after = self.rules.give_up_after(&self.target(index)?.health, exchange.worker.moment())?;
            Some(now() + after)
        });
        match (stalled, exchange.deadline) {
            (Some(stalled), Some(deadline)) => Some(stalled.min(deadline)),
            (stalled, deadline) => stalled.or(deadline),
        }
    }

    fn keep(&mut self, tried: Tried) -> Raced {
        match tried.answer {
            Ok(_) => Ok(tried),
            Err(failure) => {
                let class = failure.class;
                self.failures.push((failure, tried.index));
                Err(class)
            }
        }
    }
}
