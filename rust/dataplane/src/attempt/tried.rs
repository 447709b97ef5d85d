//! One send with all that goes with it: leave of the breaker, a credential of the pool, its place among the requests in
//! flight; and what its end tells the health of the deployment.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use tollway_protocol::canonical::Usage;
use tollway_resilience::Moment;
use tollway_resilience::breaker::Pass;
use tollway_resilience::health::InFlight;

use crate::accept::Call;
use crate::accept::upload::Upload;
use crate::alert;
use crate::clock::now;
use crate::error::Error;
use crate::exchange::{Exchange, Findings};
use crate::snapshot::route::Target;
use crate::snapshot::spec::OnDrift;
use crate::telemetry::AttemptClass;
use crate::translate;
use crate::upstream::credential::Credential;
use crate::upstream::send::Sending;

use super::failure::Failure;
use super::once::{self, Reply};

/// How long a quota that is used up is not asked again, where the upstream does not say.
const EXHAUSTED: Duration = Duration::from_secs(300);
/// How long a rate limit holds, where the upstream does not say.
const LIMITED: Duration = Duration::from_secs(1);

/// A send that has ended.
pub(crate) struct Tried {
    pub(crate) sent: Sent,
    pub(crate) answer: Result<Reply, Failure>,
    pub(crate) held: Held,
}

/// What is known of a send, however it ended.
pub(crate) struct Sent {
    /// The target.
    pub(crate) index: usize,
    /// Its place among the sends.
    pub(crate) place: usize,
    pub(crate) findings: Findings,
    /// What of the request was lost in translation.
    pub(crate) losses: Vec<String>,
    /// The request, where the answer is to repeat it.
    pub(crate) asked: Option<Bytes>,
}

/// What the send that serves holds of its deployment until its answer has gone out.
pub(crate) struct Held {
    /// Counts it among the deployment's requests.
    _busy: InFlight,
    /// What the breaker is still to be told of: a stream is judged by its end.
    pass: Cell<Option<Pass>>,
    ended: Cell<bool>,
}

/// Tells the deployment that serves `exchange` how its answer ended, of which the beginning was good. A caller who left says
/// nothing against it; a second end is none.
pub(crate) fn ended(exchange: &Exchange, class: AttemptClass) {
    let (Some(held), Some(target)) = (&exchange.held, exchange.target()) else { return };
    if held.ended.replace(true) {
        return;
    }
    let (health, now, pass) = (&target.health, exchange.worker.moment(), held.pass.take());
    let fails = matches!(class, AttemptClass::ServerError | AttemptClass::Malformed | AttemptClass::Broken);
    let changed = if fails || (class == AttemptClass::Timeout && !is_impatient(exchange)) {
        health.failed(None, now);
        // A probe was judged by its beginning: this is another word on what it let through.
        pass.or_else(|| health.breaker().admit(now).ok()).and_then(|pass| health.breaker().fail(pass, now, None))
    } else {
        pass.and_then(|pass| health.breaker().succeed(pass, now))
    };
    alert::breaker(&exchange.worker.shared, target, changed);
}

/// Whether the caller's own deadline is what has passed: no deployment is to blame for that, or any caller could open its
/// breaker for all.
fn is_impatient(exchange: &Exchange) -> bool {
    let own = exchange.route.as_ref().and_then(|route| route.deadline);
    exchange.deadline.is_some_and(|deadline| deadline <= now())
        && own.is_none_or(|own| exchange.started.elapsed() < own)
}

/// Notes a send that is dropped before it has ended: its caller left, or another answered first.
struct Noted<'e> {
    exchange: &'e Exchange,
    place: usize,
    target: &'e Target,
    call: &'e Call,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.exchange.end_send(self.place, AttemptClass::Cancelled);
        // Whatever it would have answered, what it was asked has been read.
        let usage = Usage { input: Some(self.call.about_tokens()), output: Some(0), ..Usage::default() };
        let cost = self.target.prices.as_ref().and_then(|prices| prices.cost(&usage, self.exchange.accepted));
        self.exchange.has_cost(self.place, cost.map(|cost| cost.nano));
    }
}

/// Sends `call` once to the target `index`. Without a `pass` its breaker is
/// not asked and not told.
///
/// # Errors
/// Those of [`translate::request`]: the request is at fault, and no target is.
pub(crate) async fn send(
    exchange: &Exchange,
    call: &Call,
    (index, target): (usize, &Target),
    pass: Option<Pass>,
) -> Result<Tried, Error> {
    let outbound = translate::request(exchange, call, target)?;
    let worker = &exchange.worker;
    let started = worker.moment();
    let credential = target.provider.credential(started, worker.random());
    let place = exchange.begin_send(index);
    let noted = Noted { exchange, place, target, call };
    let busy = target.health.enter();
    let mut sending = Sending { exchange, place, credential, given: 0, ahead: None, findings: Findings::default() };
    let answer = once::send(&mut sending, target, &outbound, exchange.deadline).await;
    if let Some(fault) = exchange.upload.as_ref().and_then(Upload::take_fault) {
        // Of what the caller sent: whatever the upstream made of it, no deployment is to blame.
        return Err(fault);
    }
    let (findings, given) = (sending.findings, sending.given);
    let answer = answer.and_then(|reply| pinned(exchange, target, &findings).map(|()| reply));
    let answer = answer.map_err(|failure| failure.without_secrets_of(&target.provider));
    if let Err(failure) = &answer {
        exchange.end_send(place, failure.class);
    }
    let pass = judge(exchange, target, credential.map(|one| (one, given)), (started, pass), &answer);
    std::mem::forget(noted);
    let held = Held { _busy: busy, pass: Cell::new(pass), ended: Cell::new(false) };
    let sent = Sent { index, place, findings, losses: outbound.losses, asked: outbound.asked };
    Ok(Tried { sent, answer, held })
}

/// Whether the model that answered is the one that the target is pinned to. One that is not raises an alert.
fn pinned(exchange: &Exchange, target: &Target, findings: &Findings) -> Result<(), Failure> {
    let (Some(pin), Some(served)) = (&target.pin, &findings.told.model) else { return Ok(()) };
    if served.is_empty() || served == pin {
        return Ok(());
    }
    let message = format!("It is pinned to the model {pin:?} and was answered by {served:?}.");
    exchange.worker.shared.alerts.raise(alert::Kind::PinDrift, &target.deployment(), &message);
    match target.on_drift {
        OnDrift::Alert => Ok(()),
        OnDrift::Error => Err(Failure::new(AttemptClass::Malformed, message)),
    }
}

/// Tells the health of the deployment and of the credential how a send that began at `started` ended. Gives back the pass of
/// a stream, which is judged by its end; that of a probe, which others wait for, is not.
fn judge(
    exchange: &Exchange,
    target: &Target,
    used: Option<(&Credential, u64)>,
    (started, pass): (Moment, Option<Pass>),
    answer: &Result<Reply, Failure>,
) -> Option<Pass> {
    use AttemptClass as Class;
    let (health, now) = (&target.health, exchange.worker.moment());
    let credential = used.map(|(credential, _)| credential);
    let took = now - started;
    let failure = match answer {
        Ok(reply) => {
            health.answered(took, now);
            if let Some(credential) = credential {
                credential.serves(now);
            }
            let is_whole = matches!(reply, Reply::Whole(_));
            let (later, pass) = pass.map_or((None, None), |pass| match is_whole || pass.is_probe() {
                true => (None, Some(pass)),
                false => (Some(pass), None),
            });
            alert::breaker(&exchange.worker.shared, target, pass.and_then(|pass| health.breaker().succeed(pass, now)));
            return later;
        }
        Err(failure) => failure,
    };
    let mut changed = None;
    match failure.class {
        Class::RateLimit | Class::Quota => {
            let exhausted = failure.class == Class::Quota;
            let until = now + failure.retry_after.unwrap_or(if exhausted { EXHAUSTED } else { LIMITED });
            match credential.filter(|credential| exhausted || target.provider.has_others(now, credential)) {
                Some(credential) if exhausted => {
                    credential.health.exhaust(until);
                    let message = format!("Its quota is used up. {}", failure.said());
                    exchange.worker.shared.alerts.raise(alert::Kind::QuotaExhausted, &credential.name, &message);
                }
                Some(credential) => credential.health.limit(until),
                // A wait that nobody asked for is left to the backoff: a target that is only full can serve again at once.
                None if failure.retry_after.is_some() => health.limit(until),
                None => {}
            }
            health.failed(None, now);
        }
        Class::Credentials => {
            if let Some((credential, given)) = used
                && failure.refuses_credentials()
                && credential.refused(given, now)
            {
                let message = match credential.slot() {
                    None => "The provider refused this key: it is out of the pool. Replace it and reload.",
                    Some(_) => "The provider refused what it gave: it is left alone until it gives another.",
                };
                exchange.worker.shared.alerts.raise(alert::Kind::DeadKey, &credential.name, message);
            }
        }
        Class::Timeout if is_impatient(exchange) => {}
        Class::Overload | Class::ServerError | Class::Connect | Class::Malformed | Class::Broken | Class::Timeout => {
            health.failed((failure.class == Class::Timeout).then_some(took), now);
            changed = pass.and_then(|pass| health.breaker().fail(pass, now, failure.retry_after));
        }
        // It answered, and sensibly: what it said is about the request.
        Class::Ok | Class::Rejected | Class::ContextWindow | Class::ContentPolicy => {
            changed = pass.and_then(|pass| health.breaker().succeed(pass, now));
        }
        Class::Permission | Class::Cancelled => {}
    }
    alert::breaker(&exchange.worker.shared, target, changed);
    None
}
