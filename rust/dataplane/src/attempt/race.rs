//! One send, and, where the route has hedges and the first is slow, another beside it. The first answer wins.

use std::pin::pin;
use std::time::Duration;

use tollway_resilience::breaker::Pass;
use tollway_resilience::policy::View;

use crate::accept::Call;
use crate::alert;
use crate::clock::now;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::route::Reason;
use crate::snapshot::Target;
use crate::telemetry::AttemptClass;

use super::Run;
use super::once::Reply;
use super::tried::{self, Held, Sent, Tried};

/// What a race brought: the send that serves, or the last to fail, which decides what comes next.
pub(super) type Raced = Result<(Sent, Reply, Held), Lost>;

/// A send that failed. Its failure is kept in [`Run::failures`].
pub(super) struct Lost {
    pub(super) class: AttemptClass,
    /// None where nothing was sent.
    pub(super) sent: Option<Box<Sent>>,
}

/// Sends `call` to the target `index`. Every send is counted in `run`, every failure kept there.
///
/// # Errors
/// What is wrong with the request itself, found when it was translated.
pub(super) async fn race(exchange: &Exchange, call: &Call, run: &mut Run<'_>, index: usize) -> Result<Raced, Error> {
    let Some(pass) = run.admit(exchange, index) else {
        return Ok(Err(Lost { class: AttemptClass::Cancelled, sent: None }));
    };
    let Some(target) = run.target(index) else { return Ok(Err(Lost { class: AttemptClass::Cancelled, sent: None })) };
    let left = exchange.deadline.map(|deadline| deadline.saturating_duration_since(now()));
    let late = run.late_after(exchange, index).filter(|late| left.is_none_or(|left| *late < left));
    match late {
        None => {
            let tried = tried::send(exchange, call, (index, target), pass).await?;
            Ok(run.keep(tried))
        }
        // In a box: an idle stream's connection keeps the room of what served it, and two sends are twice as much.
        Some(late) => Box::pin(hedged(exchange, call, run, (index, target, pass), late)).await,
    }
}

/// Sends to `target`, and beside it to another if no answer has come after `late`.
async fn hedged(
    exchange: &Exchange,
    call: &Call,
    run: &mut Run<'_>,
    (index, target, pass): (usize, &Target, Option<Pass>),
    late: Duration,
) -> Result<Raced, Error> {
    let moment = || exchange.worker.moment();
    let began = moment();
    let mut first = pin!(tried::send(exchange, call, (index, target), pass));
    tokio::select! {
        biased;
        tried = &mut first => return Ok(run.keep(tried?)),
        () = tokio::time::sleep(late) => {}
    }
    let Some((other, pass)) = run.hedge(exchange) else { return Ok(run.keep(first.await?)) };
    let Some(beside) = run.target(other) else { return Ok(run.keep(first.await?)) };
    let hedged = moment();
    let mut second = pin!(tried::send(exchange, call, (other, beside), pass));
    // Whoever fails first leaves the field to the other.
    let (tried, first_ended) = tokio::select! {
        biased;
        tried = &mut first => (tried, true),
        tried = &mut second => (tried, false),
    };
    let raced = run.keep(tried?);
    if raced.is_err() {
        let tried = if first_ended { second.await } else { first.await };
        return Ok(run.keep(tried?));
    }
    let late_too = run.late_after(exchange, other).unwrap_or(late);
    match first_ended {
        true => beside.health.outrun(moment() - hedged, late_too, moment()),
        false => target.health.outrun(moment() - began, late, moment()),
    }
    Ok(raced)
}

impl<'r> Run<'r> {
    /// Leave to send to the target `index`: none where its breaker refuses and another is ready.
    fn admit(&mut self, exchange: &Exchange, index: usize) -> Option<Option<Pass>> {
        self.tries.sent(index);
        let target = self.target(index)?;
        match target.health.breaker().admit(exchange.worker.moment()) {
            Ok(pass) => {
                alert::breaker(&exchange.worker.shared, target, pass.transition);
                Some(Some(pass))
            }
            Err(_) if self.panic || !self.others_ready(index, exchange.worker.moment()) => Some(None),
            Err(_) => {
                exchange.leave_out(index, Reason::Open);
                None
            }
        }
    }

    /// When a send to the target `index` is late, on a route that has hedges.
    fn late_after(&self, exchange: &Exchange, index: usize) -> Option<Duration> {
        let hedge = self.route.hedge.as_ref().filter(|_| exchange.upload.is_none())?;
        let health = &self.target(index)?.health;
        hedge.delay.or_else(|| self.rules.hedge_after(health, exchange.worker.moment()))
    }

    /// The target of a hedge, and leave to send to it.
    fn hedge(&mut self, exchange: &Exchange) -> Option<(usize, Option<Pass>)> {
        let hedge = self.route.hedge.as_ref()?;
        let moment = exchange.worker.moment();
        let view = View { order: &self.order, chance: |index| self.chance(exchange, index), now: moment };
        let index = self.rules.hedge(&self.tries, &view, &hedge.budget)?;
        let pass = self.admit(exchange, index)?;
        Some((index, pass))
    }

    fn keep(&mut self, Tried { sent, answer, held }: Tried) -> Raced {
        match answer {
            Ok(reply) => Ok((sent, reply, held)),
            Err(failure) => {
                let class = failure.class;
                self.failures.push((failure, sent.index));
                Err(Lost { class, sent: Some(Box::new(sent)) })
            }
        }
    }
}
