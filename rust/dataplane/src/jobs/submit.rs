//! A request that is to be a job: checked as any other, kept, and answered at once.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Uri};
use tollway_store::NewJob;
use tollway_store::jobs::{Job, State, Whole};

use crate::accept::{self, Call};
use crate::clock::micros;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::respond::Outcome;
use crate::snapshot::Key;

use super::callback::Target;
use super::{Call as ToKeeper, Head, Jobs, kept, shown};

/// The header that asks for a job.
pub(crate) const HEADER: &str = "x-tollway-callback";
/// In place of a URL: nothing is posted.
const POLL: &str = "poll";
/// When a caller may come back whose job had no room: as long as a short one takes.
const AGAIN: Duration = Duration::from_secs(5);
/// The beginnings of the headers that are part of a request: never a credential, never what belongs to a connection.
const HEADERS: [&str; 6] =
    ["x-tollway-", "anthropic-", "openai-", "content-type", "idempotency-key", "accept-language"];

/// What of a head a job is made of, where its caller asks for one.
pub(crate) struct Later {
    callback: HeaderValue,
    target: String,
    headers: Vec<(String, String)>,
}

impl Later {
    /// The job that `head` asks for with `callback`.
    pub(crate) fn new(callback: HeaderValue, head: &accept::Head) -> Box<Self> {
        let mut headers = kept(&head.headers, &HEADERS);
        headers.retain(|(name, _)| name != HEADER);
        Box::new(Self { callback, target: target(&head.uri), headers })
    }
}

/// Path and query, without the credential that Google's clients may put there.
fn target(uri: &Uri) -> String {
    let kept: Vec<&str> =
        uri.query().into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.starts_with("key=")).collect();
    if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) }
}

/// Keeps `call`, which `exchange` is for, as a job of `key`; the answer names it.
///
/// # Errors
/// `InvalidRequest`, `CallbackNotAllowed`, `QueueFull`, `StoreUnavailable`.
pub(crate) async fn submit(
    exchange: &mut Exchange,
    call: Call,
    (later, key): (Box<Later>, &Key),
) -> Result<Outcome, Error> {
    let snapshot = std::sync::Arc::clone(&exchange.snapshot);
    let settings = &snapshot.jobs;
    if call.stream() {
        let message = "A job has no stream: its answer is kept whole. Leave out `stream`, or x-tollway-callback.";
        return Err(Error::new(Kind::InvalidRequest, message).at("stream"));
    }
    let callback = match later.callback.to_str().unwrap_or_default().trim() {
        POLL => None,
        url => {
            let target = Target::checked(url, key, settings)?;
            target.addresses_allowed(settings).await?;
            Some(url.to_owned())
        }
    };
    let worker = std::rc::Rc::clone(&exchange.worker);
    let Some(jobs) = &worker.shared.jobs else {
        return Err(Error::new(Kind::StoreUnavailable, "This gateway runs without a store, and keeps no jobs."));
    };
    let (accepted, limit) = (exchange.accepted, exchange.said.as_ref().and_then(|said| said.timeout));
    let mut headers = later.headers;
    if let Some(trace) = &exchange.trace {
        // What is done for it belongs under the request that asked for it.
        let mut passed = HeaderMap::new();
        trace.pass_on(0, &mut passed);
        headers.extend(kept(&passed, &["trace"]));
    }
    let head = Head {
        target: later.target,
        endpoint: exchange.endpoint.to_owned(),
        model: call.head.model.clone(),
        request_id: exchange.id.as_str().to_owned(),
        deadline_us: limit.map(|limit| micros(accepted + limit)),
        headers,
    };
    let job = Job {
        id: format!("job_{}", exchange.id.digits_str()),
        key: key.id.to_string(),
        state: State::Queued,
        created_us: i64::try_from(micros(accepted)).unwrap_or(i64::MAX),
        started_us: None,
        ended_us: None,
        expires_us: None,
        attempt: 0,
        posts: 0,
        status: None,
        callback,
        trouble: None,
        head: serde_json::to_string(&head).unwrap_or_default(),
        answer_head: None,
    };
    let body = shown::job(&Whole { job: job.clone(), body: Vec::new() });
    keep(jobs, job, call.body, (settings.max_bytes, settings.queue)).await?;
    let location = format!("/v1/jobs/job_{}", exchange.id.digits_str());
    Ok(Outcome::Accepted(HeaderValue::try_from(location).ok(), body.into()))
}

async fn keep(jobs: &Jobs, job: Job, body: bytes::Bytes, (most, queue): (u64, u64)) -> Result<(), Error> {
    if jobs.bytes().saturating_add(body.len() as u64) > most {
        return Err(full(format!("The bodies of jobs take all of jobs.max_bytes ({most} bytes). Try again later.")));
    }
    let added = jobs.ask(move |store| {
        let new = NewJob {
            id: &job.id,
            key: &job.key,
            created_us: job.created_us,
            callback: job.callback.as_deref(),
            head: &job.head,
            request: &body,
        };
        store.add_job(&new, queue)
    });
    match added.await? {
        true => {
            // A keeper that has gone leaves it for the next start.
            let _ = jobs.calls.send(ToKeeper::Look);
            Ok(())
        }
        false => Err(full(format!("{queue} jobs wait already, which is jobs.queue. Try again later."))),
    }
}

fn full(message: String) -> Error {
    Error::new(Kind::QueueFull, message).retry_after(AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_never_kept() {
        let of = |text: &str| target(&text.parse().unwrap());
        assert_eq!(of("/v1beta/models/m:generateContent?key=secret"), "/v1beta/models/m:generateContent");
        assert_eq!(of("/v1/messages?beta=true&key=secret&a=b"), "/v1/messages?beta=true&a=b");
        let names = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "host", "content-length"];
        let headers = names.map(|name| (http::HeaderName::from_static(name), HeaderValue::from_static("secret")));
        assert!(kept(&http::HeaderMap::from_iter(headers), &HEADERS).is_empty());
    }
}
