//! One send: a request to one deployment, and the head of its answer.

use std::time::Duration;

use crate::accept::upload::Upload;
use crate::clock::now;
use crate::exchange::{Exchange, Findings};
use crate::snapshot::Target;
use crate::translate::Outbound;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::response::Parts;
use http::{HeaderValue, Method, Request, Version};

use super::body::{Outgoing, UpstreamBody};
use super::credential::{Credential, Taken};
use super::mock;
use super::paths::Address;
use super::pool::{ConnectError, Sender};
use super::provider::{HttpTransport, Transport};

/// One send of a request, and what it finds out.
pub(crate) struct Sending<'e> {
    pub(crate) exchange: &'e Exchange,
    /// Its place among the request's sends.
    pub(crate) place: usize,
    pub(crate) credential: Option<&'e Credential>,
    /// The number of what its credential gave.
    pub(crate) given: u64,
    /// How many seconds the clock of who checks signatures is ahead of ours, where that made it sign again.
    pub(crate) ahead: Option<i64>,
    pub(crate) findings: Findings,
}

/// An answer whose body is still to come.
pub(crate) struct Answer {
    pub(crate) head: Parts,
    pub(crate) body: UpstreamBody,
}

/// Why there is no answer.
pub(crate) enum SendError {
    /// No connection; what failed.
    Connect(String),
    /// No connection within this time.
    ConnectTimeout(Duration),
    /// The connection ended, or what came was not HTTP.
    Broken,
    /// Nothing to prove who sends it; why, without secrets.
    Credential(String),
}

/// Sends `outbound` to `target`, over a connection of the worker's, and waits for the head of the answer.
///
/// # Errors
/// [`SendError`]. A request that went out on a connection which had already ended was seen by nobody: it is sent
/// again on another, and that does not count as a retry.
pub(crate) async fn send(
    sending: &mut Sending<'_>,
    target: &Target,
    outbound: &Outbound<'_>,
) -> Result<Answer, SendError> {
    match &target.provider.transport {
        Transport::Mock(spec) => {
            Ok(mock::answer(spec, target, outbound.stream, sending.exchange.worker.random()).await)
        }
        Transport::Http(http) => {
            let asked = (outbound.to, outbound.operation, outbound.stream);
            let below = outbound.carried.as_ref().and_then(|carried| carried.path.as_deref());
            let place = match below {
                Some(path) => http.paths.below(path),
                None if outbound.predict => http.paths.predict(&target.model),
                None => http.paths.address(asked, &target.model),
            };
            let address = place.ok_or_else(|| {
                SendError::Connect(format!("the model's name {:?} can be no part of a path", target.model))
            })?;
            let letter = (address, outbound);
            let answer = over_http(sending, http, &letter).await?;
            let Some(ahead) = sending.credential.and_then(|credential| credential.learn_time(&answer.head)) else {
                return Ok(answer);
            };
            // Once: what is refused again is refused for another reason.
            sending.ahead = Some(ahead);
            over_http(sending, http, &letter).await
        }
    }
}

/// Where to, and what.
type Letter<'l> = (Address, &'l Outbound<'l>);

async fn over_http(sending: &mut Sending<'_>, http: &HttpTransport, letter: &Letter<'_>) -> Result<Answer, SendError> {
    let taken = sending.credential.map(Credential::take).transpose().map_err(SendError::Credential)?;
    let taken = taken.map(|(taken, number)| {
        sending.given = number;
        taken
    });
    let mut fresh = false;
    loop {
        let started = now();
        let checked = sending.exchange.worker.pool.checkout(&http.origin, fresh).await;
        if !matches!(checked, Ok((_, false))) {
            *sending.findings.connect.get_or_insert_default() += started.elapsed();
        }
        let (sender, _) = checked.map_err(|error| match error {
            ConnectError::Failed(what) => SendError::Connect(what),
            ConnectError::TimedOut => SendError::ConnectTimeout(started.elapsed()),
        })?;
        match send_over(sender, (sending, taken.as_ref()), http, letter).await {
            Ok(answer) => return Ok(answer),
            // Idle connections die in groups, as when an upstream restarts: the next one is a new one.
            Err(Failed::Unsent) if !fresh => fresh = true,
            Err(_) => return Err(SendError::Broken),
        }
    }
}

enum Failed {
    /// Nothing of it reached the upstream.
    Unsent,
    Broken,
}

async fn send_over(
    sender: Sender,
    sending: (&Sending<'_>, Option<&Taken>),
    http: &HttpTransport,
    letter: &Letter<'_>,
) -> Result<Answer, Failed> {
    match sender {
        Sender::One(mut sender, lease) => {
            sender.ready().await.map_err(|_| Failed::Unsent)?;
            let request = request(sending, http, letter, Version::HTTP_11);
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    let (head, incoming) = answer.into_parts();
                    // A connection on which the request is still under way serves no other.
                    let is_over = letter.1.upload().is_none_or(Upload::is_over);
                    Ok(Answer { head, body: UpstreamBody::Http(incoming, is_over.then_some((sender, lease))) })
                }
                Err(mut error) => Err(unsent(error.take_message().is_some())),
            }
        }
        Sender::Many(mut sender) => {
            sender.ready().await.map_err(|_| Failed::Unsent)?;
            match sender.try_send_request(request(sending, http, letter, Version::HTTP_2)).await {
                Ok(answer) => {
                    let (head, incoming) = answer.into_parts();
                    Ok(Answer { head, body: UpstreamBody::Http(incoming, None) })
                }
                Err(mut error) => Err(unsent(error.take_message().is_some())),
            }
        }
    }
}

fn unsent(came_back: bool) -> Failed {
    if came_back { Failed::Unsent } else { Failed::Broken }
}

fn request(
    (sending, taken): (&Sending<'_>, Option<&Taken>),
    http: &HttpTransport,
    (address, outbound): &Letter<'_>,
    version: Version,
) -> Request<Outgoing> {
    let mut request = Request::new(Outgoing::new(&outbound.body, outbound.upload()));
    *request.method_mut() = outbound.carried.as_ref().map_or(Method::POST, |carried| carried.method.clone());
    *request.version_mut() = version;
    let whole = version == Version::HTTP_2 || http.origin.absolute_form();
    *request.uri_mut() = if whole { address.absolute.clone() } else { address.relative.clone() };
    let mut headers = http.headers.clone();
    if outbound.carried.is_some() {
        // Its caller says what it is and what it wants, or nobody does.
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    }
    for (name, value) in outbound.forward {
        headers.insert(name.clone(), value.clone());
    }
    match taken {
        None => {}
        Some(Taken::Header(name, value)) => drop(headers.insert(name.clone(), value.clone())),
        Some(Taken::Signing(signing)) => {
            signing.sign((&Method::POST, &address.relative), &mut headers, &outbound.body);
        }
    }
    if version == Version::HTTP_2 {
        // RFC 9113 §8.3.1: :authority says it, from the URI.
        headers.remove(HOST);
    }
    if let Some(trace) = &sending.exchange.trace {
        trace.pass_on(sending.place + 1, &mut headers);
    }
    *request.headers_mut() = headers;
    request
}
