//! Respond: the one place where an answer or an error becomes HTTP.

pub(crate) mod error_body;
mod headers;

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::UNIX_EPOCH;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, Version, header};
use hyper::body::{Body, Frame, SizeHint};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::dialect::gemini::stream::ToArray;

use crate::account;
use crate::clock::unix_time;
use crate::error::{Error, Kind};
use crate::exchange::{Exchange, RequestId};
use crate::log;
use crate::relay::Answer;
use crate::relay::passing::PassingRelay;
use crate::relay::stream::StreamRelay;
use crate::worker::Worker;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// What a request comes to.
pub(crate) enum Outcome {
    /// A model's answer.
    Answer(Answer),
    /// An answer of the gateway's own.
    Own(StatusCode, Bytes),
    /// A job: where it is found, and how it is.
    Accepted(Option<HeaderValue>, Bytes),
}

/// The body of an answer.
pub(crate) enum ReplyBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// A stream, which carries its exchange to its end.
    Stream(Box<(StreamRelay, Box<Exchange>)>),
    /// An answer as it comes.
    Passing(Box<PassingRelay>),
}

/// The answer to a request that was received with HTTP `version`.
pub(crate) fn respond(
    exchange: Box<Exchange>,
    outcome: Result<Outcome, Error>,
    version: Version,
) -> Response<ReplyBody> {
    let draining = exchange.worker.shared.draining();
    let mut response = match outcome {
        Ok(Outcome::Answer(answer)) => answered(exchange, answer),
        Ok(Outcome::Own(status, body)) => whole(exchange, status, JSON, body),
        Ok(Outcome::Accepted(location, body)) => {
            let mut response = whole(exchange, StatusCode::ACCEPTED, JSON, body);
            response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
            response
        }
        Err(error) => refused(exchange, &error),
    };
    if version == Version::HTTP_2 {
        // RFC 9113 §8.2.2: connection headers do not exist there.
        response.headers_mut().remove(header::CONNECTION);
    } else if draining {
        // The caller's next request goes to who takes over, and none is lost on a connection that closes under it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn answered(mut exchange: Box<Exchange>, answer: Answer) -> Response<ReplyBody> {
    match answer {
        Answer::Whole(body) => {
            let mut response = whole_open(&mut exchange, StatusCode::OK, JSON, body);
            headers::of_usage(response.headers_mut(), &exchange);
            response
        }
        Answer::Collected(body) if exchange.array => {
            let (mut array, mut items) = (ToArray::default(), BytesMut::with_capacity(body.len()));
            array.push(body, &mut items);
            array.end(&mut items);
            whole(exchange, StatusCode::OK, JSON, items.freeze())
        }
        Answer::Collected(body) => whole(exchange, StatusCode::OK, EVENTS, body),
        Answer::Passing(mut passing) => {
            let mut response = head(&mut exchange, passing.status, JSON);
            response.headers_mut().remove(header::CONTENT_TYPE);
            response.headers_mut().extend(std::mem::take(&mut passing.headers));
            *response.body_mut() = ReplyBody::Passing(Box::new(PassingRelay::new(*passing, exchange)));
            response
        }
        Answer::Stream(source) => {
            let kind = if exchange.array { JSON } else { EVENTS };
            let mut response = head(&mut exchange, StatusCode::OK, kind);
            // Proxies on the way must not hold events back, nor keep them.
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
            let relay = StreamRelay::new(*source, &mut exchange);
            *response.body_mut() = ReplyBody::Stream(Box::new((relay, exchange)));
            response
        }
    }
}

fn refused(mut exchange: Box<Exchange>, error: &Error) -> Response<ReplyBody> {
    exchange.error = Some(error.code());
    let mut body = error_body::body(error, exchange.dialect, exchange.id.as_str());
    if exchange.array {
        // As Google does, since that is what the caller reads.
        body = [b"[", body.as_ref(), b"]"].concat().into();
    }
    let mut response = whole_open(&mut exchange, error.status(), JSON, body);
    headers::of_error(response.headers_mut(), error);
    response
}

fn whole(mut exchange: Box<Exchange>, status: StatusCode, kind: HeaderValue, body: Bytes) -> Response<ReplyBody> {
    whole_open(&mut exchange, status, kind, body)
}

fn whole_open(exchange: &mut Exchange, status: StatusCode, kind: HeaderValue, body: Bytes) -> Response<ReplyBody> {
    let mut response = head(exchange, status, kind);
    exchange.sent(&body);
    account::settle(exchange);
    *response.body_mut() = ReplyBody::Whole(Some(body));
    response
}

fn head(exchange: &mut Exchange, status: StatusCode, kind: HeaderValue) -> Response<ReplyBody> {
    exchange.answered(status);
    let mut response = Response::new(ReplyBody::Whole(None));
    *response.status_mut() = status;
    response.headers_mut().reserve(16);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    headers::of_exchange(response.headers_mut(), exchange);
    response
}

/// What a request whose handling panicked gets.
pub(crate) fn panicked(exchange: &Exchange) -> Error {
    log::error("request_panicked", &serde_json::json!({"request_id": exchange.id.as_str()}));
    Error::new(Kind::Internal, "The gateway failed on this request. The fault is in its log, under the request's id.")
}

/// A whole answer, head and all, for a connection that gets no slot: no HTTP is spoken on it.
pub(crate) fn no_slot(worker: &Worker) -> Vec<u8> {
    let error = Error::new(Kind::Unavailable, "Every connection slot (server.max_connections) is taken.");
    let id = RequestId::new(worker);
    let body = error_body::body(&error, Dialect::Chat, id.as_str());
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\nretry-after: 1\r\n\
         retry-after-ms: 1000\r\nx-request-id: {}\r\ncontent-length: {}\r\n\r\n",
        id.as_str(),
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// A whole answer, head and all, to a request whose head was not read, as its connection's last words.
pub(crate) fn unread(worker: &Rc<Worker>, error: Error) -> Vec<u8> {
    let response = respond(Exchange::begin(Rc::clone(worker)), Err(error), Version::HTTP_11);
    let (mut head, body) = response.into_parts();
    let ReplyBody::Whole(body) = body else { return Vec::new() };
    let body = body.unwrap_or_default();
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    // RFC 9110 §6.6.1: a 4xx of a server that has a clock is dated.
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(UNIX_EPOCH + unix_time())) {
        head.headers.insert(header::DATE, date);
    }
    let mut answer = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    for (name, value) in &head.headers {
        answer.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    answer.extend_from_slice(&[b"\r\n", body.as_ref()].concat());
    answer
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = match &mut *self {
            Self::Whole(body) => body.take().map(Ok),
            Self::Stream(stream) => {
                let (relay, exchange) = &mut **stream;
                ready!(relay.poll_data(cx, exchange)).map(Ok)
            }
            Self::Passing(relay) => ready!(relay.poll_data(cx))
                .map(|data| data.map_err(|_| std::io::Error::other("the upstream's answer broke off"))),
        };
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Passing(relay) => relay.left().map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
