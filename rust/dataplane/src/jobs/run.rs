//! Does a job: its request goes the way of every request, over a connection that is nobody's but this process's. So it is
//! read, authenticated, limited, guarded, routed, recorded and priced as one that has just come.

use std::convert::Infallible;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tollway_store::jobs::{Job, Whole};

use crate::clock::{micros, unix_time};
use crate::error::{Error, Kind};
use crate::pipeline;
use crate::respond::error_body;
use crate::worker::Worker;

use super::{AnswerHead, Head, Outcome, Pass, kept};

/// What a connection within the process holds, in bytes.
const PIPE: usize = 64 * 1024;
/// As often a job is begun: one that ends its gateway each time must not do so for ever.
const MOST_ATTEMPTS: i64 = 10;
/// The beginnings of the headers of an answer that are kept.
const HEADERS: [&str; 5] = ["content-type", "x-request-id", "x-tollway-", "x-ratelimit-", "retry-after"];
/// The header that says how long the caller waits.
const TIMEOUT: &str = "x-tollway-timeout";

/// Does the job `whole`, whose body is the request's.
pub(super) async fn run(worker: &Rc<Worker>, whole: Whole) -> Outcome {
    let Whole { job, body } = whole;
    let head: Option<Head> = serde_json::from_str(&job.head).ok();
    let deadline = head.as_ref().and_then(|head| head.deadline_us);
    if deadline.is_some_and(|deadline| deadline <= micros(unix_time())) {
        let message = "The time that the caller gave the job was over before its turn came.";
        return failed(&job, &Error::new(Kind::DeadlineExceeded, message));
    }
    let request = head.as_ref().and_then(|head| request(head, body));
    let Some(request) = request.filter(|_| job.attempt <= MOST_ATTEMPTS) else {
        let message = format!("The job was begun {MOST_ATTEMPTS} times and never ended, or cannot be read any more.");
        return failed(&job, &Error::new(Kind::Internal, message));
    };
    let pass = Pass { key: job.key.clone(), flags: [format!("job:{}", job.id), format!("attempt:{}", job.attempt)] };
    match ask(worker, pass, request).await {
        Ok((status, head, body)) => Outcome::Answered { status: status.as_u16(), head, body },
        Err(error) => failed(&job, &error),
    }
}

fn failed(job: &Job, error: &Error) -> Outcome {
    let body = error_body::body(error, tollway_protocol::dialect::Dialect::Chat, &job.id).to_vec();
    let json = [(header::CONTENT_TYPE.as_str().to_owned(), "application/json".to_owned())];
    Outcome::Answered { status: error.status().as_u16(), head: AnswerHead { headers: json.into() }, body }
}

/// The request, as it came; of the time that its caller gave it, what is left.
fn request(head: &Head, body: Vec<u8>) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::post(&*head.target).body(Full::new(Bytes::from(body))).ok()?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("job.invalid"));
    for (name, value) in &head.headers {
        headers.append(HeaderName::try_from(&**name).ok()?, HeaderValue::try_from(&**value).ok()?);
    }
    if let Some(deadline) = head.deadline_us {
        let left = deadline.saturating_sub(micros(unix_time())) / 1000;
        headers.insert(TIMEOUT, HeaderValue::try_from(format!("{}ms", left.max(1))).ok()?);
    }
    Some(request)
}

type Answered = (StatusCode, AnswerHead, Vec<u8>);

async fn ask(worker: &Rc<Worker>, pass: Pass, request: Request<Full<Bytes>>) -> Result<Answered, Error> {
    let most = worker.snapshot().server.max_body;
    let (near, far) = tokio::io::duplex(PIPE);
    let service = service_fn({
        let worker = Rc::clone(worker);
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(pass.clone());
            let worker = Rc::clone(&worker);
            async move { Ok::<_, Infallible>(pipeline::serve(worker, request).await) }
        }
    });
    // Both ends are dropped with the set: a job that is given up is a caller who leaves.
    let mut ends = JoinSet::new();
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
    ends.spawn_local(async move {
        let _ended = serving.await;
    });
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(near)).await.map_err(|_| broken())?;
    ends.spawn_local(async move {
        let _ended = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(|_| broken())?;
    let (head, mut body) = answer.into_parts();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| broken())?.into_data() else { continue };
        if whole.len() + data.len() > most {
            let message = format!("The answer is larger than is kept of a job: server.max_body, {most} bytes.");
            return Err(Error::new(Kind::UpstreamError, message));
        }
        whole.extend_from_slice(&data);
    }
    Ok((head.status, AnswerHead { headers: kept(&head.headers, &HEADERS) }, whole.into()))
}

fn broken() -> Error {
    Error::new(Kind::UpstreamError, "The answer to the job's request broke off.")
}
