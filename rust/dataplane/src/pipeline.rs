//! Read this first: the life of a request, stage by stage.

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tollway_protocol::dialect::Dialect;

use crate::accept;
use crate::accept::attribution::Attribution;
use crate::accept::endpoint::{Endpoint, Operation};
use crate::authenticate::{self, Caller};
use crate::clock::Instant;
use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Sampled};
use crate::gateway::control;
use crate::jobs::submit::Later;
use crate::relay::{self, Answer, Way};
use crate::respond::{self, Outcome, ReplyBody};
use crate::snapshot::Route;
use crate::trace::Trace;
use crate::worker::Worker;
use crate::{account, attach, attempt, cache, inspect, jobs, limit, route, translate};

/// Answers one request. Whatever happens on the way, it is accounted for when `exchange` is dropped: with its answer,
/// or, for a stream, with the stream's last byte.
pub(crate) async fn serve(worker: Rc<Worker>, request: Request<Incoming>) -> Response<ReplyBody> {
    let version = request.version();
    let (head, body) = request.into_parts();
    let mut body = Some(body);
    let mut exchange = Exchange::begin(worker);
    // Pinned here, not there: what is handed over is kept twice, as long as the connection.
    let travelled = caught(pin!(travel(&mut exchange, head, &mut body))).await;
    let outcome = match travelled {
        Ok(outcome) => outcome,
        Err(Panicked) => Err(respond::panicked(&exchange)),
    };
    if let Some(body) = body {
        accept::body::discard(body);
    }
    respond::respond(exchange, outcome, version)
}

/// accept → authenticate → limit → guard input → attach → cache → route → attempt (translate, upstream) → relay and guard
/// output; account and respond follow in [`serve`].
async fn travel(exchange: &mut Exchange, head: Parts, body: &mut Option<Incoming>) -> Result<Outcome, Error> {
    exchange.trace = Some(Trace::new(&head.headers, exchange.id.digits(), exchange.worker.random()));
    exchange.dialect = Endpoint::dialect_of(head.uri.path());
    let head = accept::head(head)?;
    exchange.endpoint = head.endpoint.name();
    exchange.dialect = head.endpoint.dialect();
    exchange.array = matches!(head.endpoint, Endpoint::Generate { array: true, .. });
    if head.endpoint.is_open() {
        return Ok(health(exchange, &head.endpoint));
    }
    exchange.said = Attribution::of_headers(&head.headers)?;
    if !exchange.worker.has_room() {
        return Err(journal_full(exchange));
    }
    let caller = match &head.pass {
        None => authenticate::authenticate(&head.headers, &exchange.snapshot, &exchange.worker.shared.registry.load())?,
        Some(pass) => {
            exchange.flags.extend(pass.flags.clone());
            authenticate::named(&pass.key, &exchange.snapshot, &exchange.worker.shared.registry.load())?
        }
    };
    exchange.called_by(&caller);
    if matches!(head.endpoint, Endpoint::Models | Endpoint::Model(_)) {
        exchange.dialect = accept::dialect_of_list(&head.headers);
        return models(exchange, &caller, &head.endpoint);
    }
    if matches!(head.endpoint, Endpoint::Jobs | Endpoint::Job { .. }) {
        return Box::pin(jobs::asked::answer(exchange, (&head.endpoint, &head.uri), &caller.key)).await;
    }
    let later = exchange.said.as_mut().and_then(|said| said.callback.take()).map(|url| Later::new(url, &head));
    if later.is_some() && !head.may_wait() {
        let message = "This endpoint's request or answer cannot be kept: ask without x-tollway-callback.";
        return Err(Error::new(Kind::InvalidRequest, message).at("x-tollway-callback"));
    }
    let call = if head.is_carried() {
        // In a box: few requests are such, and the room for one is taken by all.
        Box::pin(accept::carried::read(exchange, head, body.take(), &caller)).await?
    } else {
        head.read(body, &exchange.snapshot.server).await?
    };
    exchange.received(&call)?;
    let permit = match &exchange.through {
        Some(provider) => route::through(&exchange.snapshot, provider),
        None => route::permit(&exchange.snapshot, &caller, &call.head.model),
    }
    .inspect_err(|_| exchange.requested_model = Some(bounded(&call.head.model)))?;
    if let Some(later) = later {
        return Box::pin(jobs::submit::submit(exchange, call, (later, &caller.key))).await;
    }
    exchange.route = Some(permit.route.clone());
    let reservation = limit::reserve(&caller)?;
    let (mut call, inspector) = inspect::input(exchange, call).await?;
    exchange.deadline = deadline(exchange, &permit.route);
    if let Some(limits) = &permit.route.attachments {
        // Boxed: few routes have limits, and every request would carry the room for it.
        Box::pin(attach::admit(exchange, &mut call, limits)).await?;
    }
    exchange.counting.keep(&call);
    if exchange.worker.samples() {
        exchange.sampled = Some(Sampled::new(&exchange.id, &call.body, !inspector.restores()));
    }
    if let Some(hit) = cache::lookup(&call) {
        return Ok(Outcome::Own(StatusCode::OK, hit.body));
    }
    exchange.lengths = route::lengths(&call, &permit.route).await;
    if let Some(task_type) = route::task_type(exchange, &call, &permit.route) {
        exchange.said.get_or_insert_default().task_type = Some(task_type);
    }
    if let Some((place, rule)) = route::degraded(exchange, &call, &permit.route) {
        exchange.flags.push(format!("degraded:{}", rule.name));
        exchange.most_tokens = rule.max_tokens;
        exchange.degraded = Some(place);
        if let Some(text) = &rule.answer {
            return Ok(Outcome::Answer(translate::fixed::answer(exchange, &call, text)));
        }
    }
    let plan = route::plan(exchange, &call, &permit)?;
    if call.head.endpoint.operation() == Operation::Count
        && let Some((index, target)) = plan.targets().next()
        && !target.provider.counts(call.dialect())
    {
        exchange.target = Some(index);
        return translate::count::answer(exchange, &call, target).await;
    }
    exchange.admitted = Some(exchange.started.elapsed());
    attempt::shadow::cast(exchange, &call, &permit.route);
    let reply = attempt::run(exchange, &call, plan).await?;
    let way = Way { usage: wants_usage(&call), trailer: call.head.trailer };
    let answer: Answer = relay::relay(exchange, reply, way, inspector).await?;
    if let Answer::Whole(body) = &answer {
        account::estimate::whole(exchange, body).await;
    }
    reservation.settle();
    Ok(Outcome::Answer(answer))
}

/// When the request must be over: by the route, or sooner where its caller says so.
fn deadline(exchange: &Exchange, route: &Route) -> Option<Instant> {
    let asked = exchange.said.as_ref().and_then(|said| said.timeout);
    let most = match (route.deadline, asked) {
        (Some(own), Some(asked)) => own.min(asked),
        (own, asked) => own.or(asked)?,
    };
    Some(exchange.started + most)
}

fn wants_usage(call: &accept::Call) -> bool {
    let asked = call.peek.stream_options.as_ref().and_then(|options| options.include_usage.as_ref());
    asked.is_some_and(|(asked, _)| *asked)
}

/// As much of a name that a caller made up as is kept.
fn bounded(name: &str) -> String {
    name[..name.floor_char_boundary(128)].to_owned()
}

/// The routes that the caller may use, as its API lists models.
fn models(exchange: &Exchange, caller: &Caller, endpoint: &Endpoint) -> Result<Outcome, Error> {
    let model = |name: &str| match exchange.dialect {
        Dialect::Anthropic => {
            json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"})
        }
        Dialect::Gemini => json!({
            "name": format!("models/{name}"), "displayName": name,
            "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
        }),
        _ => json!({"id": name, "object": "model", "created": 0, "owned_by": "tollway"}),
    };
    let body = match endpoint {
        Endpoint::Model(name) => model(&route::permit(&exchange.snapshot, caller, name)?.route.name),
        _ => {
            let mut names: Vec<&str> =
                exchange.snapshot.routes.keys().map(AsRef::as_ref).filter(|name| caller.key.allows(name)).collect();
            names.sort_unstable();
            let (first, last) = (names.first(), names.last());
            let list: Vec<_> = names.iter().map(|name| model(name)).collect();
            match exchange.dialect {
                Dialect::Anthropic => json!({"data": list, "has_more": false, "first_id": first, "last_id": last}),
                Dialect::Gemini => json!({"models": list}),
                _ => json!({"object": "list", "data": list}),
            }
        }
    };
    Ok(Outcome::Own(StatusCode::OK, Bytes::from(body.to_string())))
}

/// What a request gets whose record could not be kept.
fn journal_full(exchange: &Exchange) -> Error {
    let bound = exchange.worker.shared.books.as_ref().map_or(0, |books| books.spec.journal_max);
    let message = format!(
        "The gateway's journal can take no more records: it has reached store.journal_max ({bound} bytes), or its disk \
         fails. GET /health/ready of the gateway says which."
    );
    Error::new(Kind::JournalFull, message)
}

/// Probes: alive as long as it answers; ready until it drains, or can keep no more records. What else does not work is
/// named, and traffic goes on.
fn health(exchange: &Exchange, endpoint: &Endpoint) -> Outcome {
    let shared = &exchange.worker.shared;
    let generation = exchange.snapshot.generation;
    if *endpoint == Endpoint::Live {
        return Outcome::Own(StatusCode::OK, json!({"status": "live", "generation": generation}).to_string().into());
    }
    let degraded = control::degraded(shared, &exchange.snapshot);
    let (status, word) = match shared.draining() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        false if !exchange.worker.has_room() => (StatusCode::SERVICE_UNAVAILABLE, "journal-full"),
        false => (StatusCode::OK, "ready"),
    };
    let body = json!({"status": word, "generation": generation, "degraded": degraded});
    Outcome::Own(status, Bytes::from(body.to_string()))
}

/// A request's handling panicked.
#[derive(Debug)]
struct Panicked;

/// Runs `travel` so that a panic ends this request alone.
async fn caught<T>(mut travel: Pin<&mut impl Future<Output = T>>) -> Result<T, Panicked> {
    std::future::poll_fn(|cx| match std::panic::catch_unwind(AssertUnwindSafe(|| travel.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_panic_ends_one_request_only() {
        assert!(caught(pin!(async { panic!("of one request") })).await.is_err());
        assert!(caught(pin!(async {})).await.is_ok());
    }
}
