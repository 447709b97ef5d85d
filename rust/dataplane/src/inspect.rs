//! Guard, the stage: guardrails and hooks over what comes in and what goes out.
//!
//! Not inspected means not forwarded: where a check could not be made, its own `on_failure` decides.

use bytes::Bytes;
use serde_json::json;

use crate::accept::endpoint::Operation;
use crate::accept::media::Media;
use crate::accept::{Call, examine};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::guard::{Guards, Memory, OnFailure, Outcome, Reason, Refusal, StreamGuard};
use crate::hook::{Decision, HookAnswer, HookFailure};
use crate::snapshot::Hook;

/// What inspects an answer: the guardrails of route and key, with what was masked on the way in.
pub(crate) struct Inspector {
    guards: Guards,
    memory: Memory,
    hooked: bool,
    stream: bool,
}

impl Inspector {
    /// One that looks at nothing.
    pub(crate) fn none() -> Self {
        Self { guards: Guards::default(), memory: Memory::default(), hooked: false, stream: false }
    }

    /// Whether Python sees the answer.
    pub(crate) fn has_response_hooks(&self) -> bool {
        self.hooked
    }

    /// Whether something of the request was masked that is put back into its answer.
    pub(crate) fn restores(&self) -> bool {
        self.memory.restores()
    }

    /// What inspects a stream, event by event.
    pub(crate) fn stream_guard(&mut self) -> Option<StreamGuard> {
        self.guards.inspects_output().then(|| self.guards.stream(std::mem::take(&mut self.memory)))
    }
}

/// Inspects a request: hooks first, as they may replace it, then guardrails, which see what will be sent.
///
/// # Errors
/// `GuardrailRejected`, `HookFailed`.
pub(crate) async fn input(exchange: &mut Exchange, mut call: Call) -> Result<(Call, Inspector), Error> {
    let Some(route) = exchange.route.clone() else {
        return Err(Error::new(Kind::Internal, "The request has no route."));
    };
    for hook in &route.request_hooks {
        if let Some(body) = ask(exchange, hook, ("request", call.stream()), call.body.clone()).await? {
            replace(&mut call, body)?;
        }
    }
    let guards = match &exchange.key {
        Some(key) if !key.guards.is_empty() => route.guards.join(&key.guards),
        _ => route.guards.clone(),
    };
    let mut memory = Memory::default();
    let operation = call.head.endpoint.operation();
    let through = operation == Operation::Through;
    if through && guards.inspects_input() {
        noted(exchange, guards.input_unseen().map_err(|refusal| self::refusal(&refusal))?);
    }
    if (through || operation == Operation::Media(Media::Speech)) && guards.inspects_output() {
        // Told before it is paid for.
        noted(exchange, guards.too_large().map_err(|refusal| self::refusal(&refusal))?);
    }
    if guards.inspects_input() && !through {
        let outcome =
            guards.input(call.dialect(), &call.body, &mut memory).map_err(|refusal| self::refusal(&refusal))?;
        if let Some(body) = noted(exchange, outcome) {
            replace(&mut call, body)?;
        }
    }
    let hooked = !route.response_hooks.is_empty();
    let stream = call.stream();
    Ok((call, Inspector { guards, memory, hooked, stream }))
}

/// Inspects a whole answer: guardrails first, so that a hook sees what the caller will see.
///
/// # Errors
/// `GuardrailRejected`, `HookFailed`.
pub(crate) async fn output(exchange: &mut Exchange, body: Bytes, mut inspector: Inspector) -> Result<Bytes, Error> {
    let mut body = body;
    if inspector.guards.inspects_output() {
        let outcome = inspector
            .guards
            .output(exchange.dialect, &body, &mut inspector.memory)
            .map_err(|refusal| self::refusal(&refusal))?;
        body = noted(exchange, outcome).unwrap_or(body);
    }
    collected(exchange, body, inspector).await
}

/// Lets the response hooks see `body`: a whole answer, or a stream that was collected for them.
///
/// # Errors
/// `GuardrailRejected`, `HookFailed`.
pub(crate) async fn collected(exchange: &mut Exchange, mut body: Bytes, inspector: Inspector) -> Result<Bytes, Error> {
    if let Some(route) = exchange.route.clone().filter(|_| inspector.hooked) {
        for hook in &route.response_hooks {
            body = ask(exchange, hook, ("response", inspector.stream), body.clone()).await?.unwrap_or(body);
        }
    }
    Ok(body)
}

/// Decides on an answer that is too large to be inspected: whatever would have to see it says whether it may pass.
///
/// # Errors
/// `GuardrailRejected`, `HookFailed`.
pub(crate) fn too_large(exchange: &mut Exchange, inspector: &Inspector) -> Result<(), Error> {
    if inspector.guards.inspects_output() {
        let outcome = inspector.guards.too_large().map_err(|refusal| self::refusal(&refusal))?;
        noted(exchange, outcome);
    }
    if let Some(route) = exchange.route.clone().filter(|_| inspector.hooked) {
        for hook in &route.response_hooks {
            unanswered(exchange, hook, &HookFailure::TooLarge)?;
        }
    }
    Ok(())
}

/// What a guardrail's refusal is to the caller: its name, never the text.
pub(crate) fn refusal(refusal: &Refusal) -> Error {
    let name = &refusal.guardrail;
    let message = match &refusal.reason {
        Reason::Matched(entity) => format!("The guardrail {name:?} rejected this: it found {}.", entity.name()),
        Reason::NotInspectable => format!("The guardrail {name:?} rejected this: it could not be inspected."),
    };
    Error::new(Kind::GuardrailRejected, message)
}

fn noted(exchange: &mut Exchange, outcome: Outcome) -> Option<Bytes> {
    for flag in outcome.flags {
        if !exchange.flags.contains(&flag) {
            exchange.flags.push(flag);
        }
    }
    outcome.body.map(Bytes::from)
}

/// Puts another body in the call's place. The route stays the one that was permitted.
fn replace(call: &mut Call, body: Bytes) -> Result<(), Error> {
    let (_, peek) = examine(&body, &call.head.endpoint)?;
    call.replace(body, peek);
    Ok(())
}

/// Asks one hook; the body that it wants instead, if any.
async fn ask(
    exchange: &mut Exchange,
    hook: &Hook,
    (phase, stream): (&str, bool),
    body: Bytes,
) -> Result<Option<Bytes>, Error> {
    let key = exchange.key.as_deref();
    let context = json!({
        "phase": phase,
        "request_id": exchange.id.as_str(),
        "route": exchange.route.as_ref().map(|route| &*route.name),
        "endpoint": exchange.endpoint,
        "dialect": exchange.dialect.name(),
        "stream": stream,
        "key": {
            "id": key.map(|key| &*key.id),
            "team": key.and_then(|key| key.team.as_ref()),
            "project": key.and_then(|key| key.project.as_ref()),
            "environment": key.and_then(|key| key.environment.as_ref()),
        },
    });
    let hooks = std::sync::Arc::clone(&exchange.worker.shared.hooks);
    match hooks.call(hook, context.to_string().into_bytes(), body).await {
        Ok(HookAnswer { decision, flags }) => {
            exchange.flags.extend(flags.iter().map(|flag| header_safe(flag)));
            match decision {
                Decision::Allow => Ok(None),
                Decision::Replace(body) => Ok(Some(body)),
                Decision::Reject(message) => Err(Error::new(Kind::GuardrailRejected, message)),
            }
        }
        Err(failure) => unanswered(exchange, hook, &failure),
    }
}

/// A hook's flag as it can stand in `x-tollway-flags`, a list in ASCII: whatever else it holds becomes `_`.
fn header_safe(flag: &str) -> String {
    flag.chars().map(|c| if c.is_ascii_graphic() && c != ',' { c } else { '_' }).collect()
}

fn unanswered(exchange: &mut Exchange, hook: &Hook, failure: &HookFailure) -> Result<Option<Bytes>, Error> {
    let why = match failure {
        HookFailure::NoSlot => "every thread for hooks is busy".to_owned(),
        HookFailure::TooLarge => "the answer is larger than the 1 MiB that it can be shown".to_owned(),
        HookFailure::TimedOut => format!("it took longer than its timeout of {:?}", hook.timeout),
        HookFailure::Raised(exception) => format!("it raised {exception}"),
    };
    if hook.on_failure == OnFailure::Open {
        exchange.flags.push(header_safe(&format!("hook-failed:{}", hook.call)));
        return Ok(None);
    }
    Err(Error::new(
        Kind::HookFailed,
        format!("The hook {:?} gave no verdict: {why}. Its route fails closed.", hook.call),
    ))
}
