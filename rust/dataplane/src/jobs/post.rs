//! Posts the answer of a job to its callback: signed, to an address that was checked, and nowhere else.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tollway_store::jobs::{State, Whole};

use crate::authenticate;
use crate::clock::unix_time;
use crate::snapshot::Snapshot;
use crate::snapshot::spec::Http2;
use crate::upstream::origin::{connector, first_to_answer, server_name};
use crate::worker::Worker;

use super::callback::{Away, Target, signature};
use super::shown;

/// How much of a receiver's answer is read, in bytes, so that it can send all of a short one.
const MOST_READ: usize = 64 * 1024;

/// What became of one post.
pub(super) enum Post {
    /// The receiver took it: a 2xx.
    Taken,
    /// It may be taken later; why not now.
    Again(String),
    /// It never will be; why.
    Refused(String),
}

/// Posts the job `whole`, whose body is the answer's.
pub(super) async fn post(worker: &Rc<Worker>, whole: &Whole) -> Post {
    let snapshot = worker.snapshot();
    let patience = snapshot.jobs.timeout;
    match tokio::time::timeout(patience, send(worker, &snapshot, whole)).await {
        Ok(Ok(status)) => judged(status),
        Ok(Err(post)) => post,
        Err(_) => Post::Again(format!("no answer within {patience:?}")),
    }
}

/// As webhooks of alerts go by statuses (`python/tollway/admin/alerts/webhook.py`).
fn judged(status: StatusCode) -> Post {
    match status.as_u16() {
        200..=299 => Post::Taken,
        300..=399 => Post::Refused(format!("status {}: redirects are not followed", status.as_u16())),
        408 | 425 | 429 | 500..=599 => Post::Again(format!("status {}", status.as_u16())),
        other => Post::Refused(format!("status {other}")),
    }
}

async fn send(worker: &Rc<Worker>, snapshot: &Snapshot, whole: &Whole) -> Result<StatusCode, Post> {
    let settings = &snapshot.jobs;
    let registry = worker.shared.registry.load();
    // What the key may do now counts, not what it might when the job was made.
    let caller = authenticate::named(&whole.job.key, snapshot, &registry).map_err(|error| match error.kind {
        crate::error::Kind::StoreUnavailable => Post::Again("the key is not known while the store is away".to_owned()),
        _ => Post::Refused(format!("the key: {}", error.code())),
    })?;
    let url = whole.job.callback.as_deref().unwrap_or_default();
    let target = Target::checked(url, &caller.key, settings)
        .map_err(|_| Post::Refused("the key lists this URL no longer".to_owned()))?;
    let addresses = target.addresses(settings).await.map_err(|away| match away {
        Away::Unknown => Post::Again("the host's name has no address".to_owned()),
        Away::Refused => Post::Refused("the host has an address that is not a public one".to_owned()),
    })?;
    let stream = first_to_answer(addresses).await.map_err(Post::Again)?;
    let ended = State::named(if whole.job.status.is_some_and(|status| status < 400) { "succeeded" } else { "failed" });
    let mut told = whole.clone();
    // The receiver is told how the job ended; that it is being posted it knows.
    told.job.state = ended.unwrap_or(State::Posting);
    let body = shown::job(&told);
    let moment = unix_time().as_secs();
    let signed = signature(&caller.key, settings, moment, &body)
        .ok_or_else(|| Post::Refused("there is no secret to sign with".to_owned()))?;
    let about = [
        ("x-tollway-event", format!("job.{}", told.job.state.name())),
        ("x-tollway-delivery", told.job.id.clone()),
        ("x-tollway-signature", signed),
    ];
    let request =
        request(&target, &about, body).ok_or_else(|| Post::Refused("the URL cannot be asked for".to_owned()))?;
    if !target.secure {
        return exchange(stream, request).await;
    }
    let name = server_name(&target.host).map_err(Post::Refused)?;
    let connector = connector(settings.ca.as_deref(), Http2::Off).map_err(Post::Again)?;
    let stream = connector.connect(name, stream).await.map_err(|error| Post::Again(format!("TLS: {error}")))?;
    exchange(stream, request).await
}

fn request(target: &Target, about: &[(&'static str, String)], body: Vec<u8>) -> Option<Request<Full<Bytes>>> {
    let path = target.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut request = Request::post(path.parse::<Uri>().ok()?).body(Full::new(Bytes::from(body))).ok()?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(target.uri.authority()?.as_str()).ok()?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("tollway/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in about {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(request)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, Post> {
    let broken = |error: hyper::Error| Post::Again(format!("the connection broke off: {error}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let mut end = JoinSet::new();
    end.spawn_local(async move {
        let _ended = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    // Its status counts; of its body no more is read than a receiver needs that is polite.
    let mut body = answer.into_body();
    let rest = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > MOST_READ {
                return;
            }
        }
    };
    let _read = tokio::time::timeout(Duration::from_secs(1), rest).await;
    Ok(status)
}
