//! One attempt: sent, and its answer read so far that it is known to be one.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use tollway_protocol::dialect::gemini::stream::FromArray;
use tollway_protocol::dialect::openai::{self, Chunk};
use tollway_protocol::dialect::{Dialect, ReadStream, UpstreamError, gemini, parse_error};
use tollway_protocol::eventstream::Inner;
use tollway_protocol::json::{Invalid, Json};
use tollway_protocol::sse::decoder::{Decoder, Event};

use crate::accept::endpoint::Operation;
use crate::clock::{Instant, now};
use crate::exchange::Exchange;
use crate::relay::course::is_content;
use crate::relay::passing::Passing;
use crate::snapshot::Target;
use crate::telemetry::AttemptClass;
use crate::translate::{self, Outbound};
use crate::upstream::adapted::Adapting;
use crate::upstream::body::{Bounded, Broken, UpstreamBody};
use crate::upstream::send::{self, Answer, Sending};

use super::{Failure, carried};

/// JSON answers up to this size are buffered, so that their tokens can be told in headers.
pub(super) const MAX_WHOLE: usize = 1024 * 1024;
/// JSON answers up to this size are translated.
pub(super) const MAX_TRANSLATED: usize = 32 * 1024 * 1024;
/// As much of an upstream's error as is read.
const MAX_ERROR: usize = 64 * 1024;
/// The longest event of a stream.
const MAX_EVENT: usize = 16 * 1024 * 1024;
/// As much as is held before the first content of a stream.
pub(super) const MAX_HELD: usize = 1024 * 1024;

pub(super) const NOT_AN_OBJECT: &str = "Its answer is not a JSON object.";

/// An upstream's answer, known to be good so far.
pub(crate) enum Reply {
    /// All of it.
    Whole(Bytes),
    /// The first part of a long one, or of one that is not read, and the rest as it comes.
    Passing(Box<Passing>),
    /// A stream whose first content has come.
    Stream(Box<Opened>),
}

/// A stream up to and with its first content.
pub(crate) struct Opened {
    /// What it speaks.
    pub(crate) dialect: Dialect,
    pub(crate) held: Vec<Event>,
    pub(crate) decoder: Decoder,
    /// What makes events of a body that is an array.
    array: Option<FromArray>,
    pub(crate) body: Bounded,
    pub(crate) deadline: Instant,
    pub(crate) idle: Duration,
}

impl Opened {
    /// Adds the next bytes of the body. Take all events of those before first.
    pub(crate) fn push(&mut self, data: Bytes) {
        self.decoder.push(as_events(&mut self.array, data));
    }
}

/// `data` as events, of which `array` makes such if it is there.
fn as_events(array: &mut Option<FromArray>, data: Bytes) -> Bytes {
    let Some(array) = array else { return data };
    let mut events = BytesMut::new();
    array.push(&data, &mut events);
    events.freeze()
}

/// Sends `outbound` to `target` and waits for an answer.
///
/// # Errors
/// [`Failure`]: whatever came, nothing of it has been shown to the caller.
pub(crate) async fn send(
    sending: &mut Sending<'_>,
    target: &Target,
    outbound: &Outbound<'_>,
    deadline: Option<Instant>,
) -> Result<Reply, Failure> {
    let started = now();
    let own = started + target.timeout;
    let deadline = deadline.map_or(own, |deadline| deadline.min(own));
    let left = deadline.saturating_duration_since(started);
    // An answer that is not streamed has its first token when it has its last.
    let patience = if outbound.stream { target.first_token.min(left) } else { left };
    let answer = tokio::time::timeout(patience, receive(sending, target, outbound, deadline)).await;
    answer
        .unwrap_or_else(|_| Err(Failure::new(AttemptClass::Timeout, format!("It did not answer within {patience:?}."))))
}

async fn receive(
    sending: &mut Sending<'_>,
    target: &Target,
    outbound: &Outbound<'_>,
    deadline: Instant,
) -> Result<Reply, Failure> {
    let stream = outbound.stream;
    let adapting = Adapting::begin(sending.exchange, target);
    let adapted = match &adapting {
        Some(adapting) => {
            Some(adapting.request(outbound.body.to_bytes()).await.map_err(|fault| Failure::adapter(&fault))?)
        }
        None => None,
    };
    let adapted = adapted.map(|body| outbound.instead(body));
    let outbound = adapted.as_ref().unwrap_or(outbound);
    let Answer { head, mut body } = send::send(sending, target, outbound).await?;
    sending.exchange.answered_with(sending.place, head.status);
    sending.findings.upstream_id = upstream_id(&head.headers).filter(|id| !target.provider.leaks_in(id.as_bytes()));
    if !head.status.is_success() {
        let (said, _) = read(&mut body, MAX_ERROR).await.unwrap_or_default();
        return Err(Failure::status(head.status, &head.headers, said, outbound.to).skewed(sending.ahead));
    }
    if head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(malformed("Its answer is compressed, which it was asked not to do."));
    }
    if outbound.operation.is_carried() {
        // In a box: few are such.
        return Box::pin(carried::reply(sending, outbound, (head, body), deadline)).await;
    }
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let mut is_stream = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/vnd.amazon.eventstream")) {
        body = body.reframed(if outbound.to == Dialect::Anthropic { Inner::Invoke } else { Inner::Converse });
        is_stream = true;
    }
    if let Some(adapting) = adapting {
        body = adapting.answer(body, stream, is_stream);
        is_stream = stream;
    }
    if stream {
        let begun = if is_stream { Bytes::new() } else { begun(&mut body, outbound.to).await? };
        let opened = open(sending, target, (begun, body), (outbound.to, deadline)).await?;
        return Ok(Reply::Stream(Box::new(opened)));
    }
    let reply = whole(sending, body, outbound, deadline).await?;
    sending.exchange.end_send(sending.place, AttemptClass::Ok);
    Ok(reply)
}

/// Whether a stream that begins with `start` is one of Gemini's that is an array: a server in between may not know of
/// `alt=sse`.
fn is_array(start: &[u8], dialect: Dialect) -> bool {
    dialect == Dialect::Gemini && start.starts_with(b"[")
}

/// The first bytes of what was to be a stream and does not say that it is one: some servers leave the media type out.
async fn begun(body: &mut UpstreamBody, dialect: Dialect) -> Result<Bytes, Failure> {
    const NO_STREAM: &str = "It was asked for a stream and did not send one.";
    /// As long as the longest of the names that an event may begin with.
    const ENOUGH: usize = 6;
    let mut first = BytesMut::new();
    while first.trim_ascii_start().len() < ENOUGH {
        let Some(Ok(more)) = body.data().await else { break };
        first.extend_from_slice(&more);
    }
    let start = first.trim_ascii_start();
    if is_array(start, dialect) {
        return Ok(first.freeze());
    }
    if [&b"data:"[..], b"event:", b":", b"id:", b"retry:"].iter().any(|field| start.starts_with(field)) {
        return Ok(first.freeze());
    }
    // What it sent instead may be an error.
    let (rest, _) = read(body, MAX_ERROR).await.unwrap_or_default();
    let sent = [&first[..], &rest].concat();
    match error_in(&sent, dialect) {
        Some(said) => Err(Failure::inside(said)),
        None => Err(malformed(if Json::parse(&sent).is_ok() { NO_STREAM } else { NOT_AN_OBJECT })),
    }
}

async fn whole(
    sending: &mut Sending<'_>,
    mut body: UpstreamBody,
    outbound: &Outbound<'_>,
    deadline: Instant,
) -> Result<Reply, Failure> {
    let broken = |Broken(fault): Broken| match fault {
        Some(fault) => Failure::adapter(&fault),
        None => Failure::new(AttemptClass::Broken, "Its answer broke off."),
    };
    let limit = if outbound.is_passed_on() { MAX_WHOLE } else { MAX_TRANSLATED };
    let (bytes, more) = read(&mut body, limit).await.map_err(broken)?;
    if more && !outbound.is_passed_on() {
        return Err(malformed("Its answer is longer than the 32 MiB that can be translated."));
    }
    if more {
        // Too long to be parsed here; that it begins as an object tells it from a page or a file.
        return match bytes.trim_ascii_start().first() {
            Some(b'{') => Ok(Reply::Passing(Box::new(Passing::json(bytes, Bounded::new(body, deadline))))),
            _ => Err(malformed(NOT_AN_OBJECT)),
        };
    }
    match outbound.operation {
        Operation::Generate => {}
        Operation::Embed { .. } => return read_as(translate::embeddings, sending, bytes, outbound),
        Operation::Rerank => return read_as(translate::rerank::answer, sending, bytes, outbound),
        Operation::Count | Operation::Moderate if Json::parse(&bytes).is_err() => {
            return Err(malformed(NOT_AN_OBJECT));
        }
        Operation::Count | Operation::Moderate => {
            if let Some(said) = error_of(&bytes, outbound.operation) {
                return Err(Failure::inside(said));
            }
            if outbound.operation == Operation::Moderate {
                sending.findings.told = openai::usage_of_answer(&bytes).unwrap_or_default().into();
            }
            return Ok(Reply::Whole(bytes));
        }
        Operation::Media(_) | Operation::Through => return Err(malformed(NOT_AN_OBJECT)),
    }
    if matches!(outbound.to, Dialect::Chat | Dialect::Completions) && outbound.is_passed_on() {
        let Some(answer) = openai::usage_of_answer(&bytes) else {
            return Err(malformed(NOT_AN_OBJECT));
        };
        if answer.usage.is_none()
            && let Some(said) = error_in(&bytes, Dialect::Chat)
        {
            return Err(Failure::inside(said));
        }
        sending.findings.told = answer.into();
        return Ok(Reply::Whole(bytes));
    }
    if let Some(said) = error_in(&bytes, outbound.to).or_else(|| refused(sending, &bytes, outbound.to)) {
        return Err(Failure::inside(said));
    }
    match translate::answer(sending.exchange, &bytes, outbound) {
        Ok(read) => {
            sending.findings.told = read.told;
            Ok(Reply::Whole(read.body.unwrap_or(bytes)))
        }
        Err(invalid) => Err(malformed(&format!("Its answer is not what its API says: {}", invalid.message))),
    }
}

/// Embeddings or a reranking, in the caller's dialect.
fn read_as(
    answer: fn(&Exchange, &[u8], &Outbound<'_>) -> Result<translate::Read, Invalid>,
    sending: &mut Sending<'_>,
    bytes: Bytes,
    outbound: &Outbound<'_>,
) -> Result<Reply, Failure> {
    if let Some(said) = error_of(&bytes, outbound.operation) {
        return Err(Failure::inside(said));
    }
    match answer(sending.exchange, &bytes, outbound) {
        Ok(read) => {
            sending.findings.told = read.told;
            Ok(Reply::Whole(read.body.unwrap_or(bytes)))
        }
        Err(invalid) => Err(malformed(&format!("Its answer is not what its API says: {}", invalid.message))),
    }
}

/// The error that stands in `body` in place of an answer: one with results is none, whatever words its documents hold.
fn error_of(body: &[u8], operation: Operation) -> Option<UpstreamError> {
    let by_results = matches!(operation, Operation::Rerank | Operation::Moderate);
    let answers = |name| memchr::memmem::find(body, name).is_some();
    if by_results && (answers(b"\"results\"") || answers(b"\"relevance_score\"")) { None } else { parse_error(body) }
}

/// The error that stands in `body` in place of an answer in `dialect`: what has the member that every answer has is none.
fn error_in(body: &[u8], dialect: Dialect) -> Option<UpstreamError> {
    let member: &[u8] = match dialect {
        Dialect::Chat | Dialect::Completions => b"\"choices\"",
        Dialect::Responses | Dialect::Bedrock => b"\"output\"",
        Dialect::Anthropic => b"\"content\"",
        Dialect::Gemini => b"\"candidates\"",
        Dialect::Cohere => b"\"finish_reason\"",
    };
    if memchr::memmem::find(body, member).is_some() { None } else { parse_error(body) }
}

/// A prompt that Gemini answers with nothing but why it was blocked. Where no other serves what is refused, that is the
/// answer.
fn refused(sending: &Sending<'_>, body: &[u8], dialect: Dialect) -> Option<UpstreamError> {
    sending.exchange.route.as_ref()?.content_policy.as_ref()?;
    (dialect == Dialect::Gemini).then(|| gemini::error::blocked(body)).flatten()
}

/// Reads events until one holds content, so that an error before it can still be answered by another target.
async fn open(
    sending: &mut Sending<'_>,
    target: &Target,
    (begun, mut body): (Bytes, UpstreamBody),
    (dialect, deadline): (Dialect, Instant),
) -> Result<Opened, Failure> {
    let mut decoder = Decoder::new(MAX_EVENT);
    let mut array = is_array(begun.trim_ascii_start(), dialect).then(FromArray::default);
    decoder.push(as_events(&mut array, begun));
    let mut look = Look::new(dialect);
    let mut held = Vec::new();
    let mut size = 0;
    loop {
        while let Some(event) = decoder.next_event().map_err(|_| too_long())? {
            let told = &mut sending.findings.told.model;
            let wanted = Some(told).filter(|told| target.pin.is_some() && told.is_none());
            let chunk = event.data().map_or(Chunk::Preamble, |data| look.at(&data, wanted));
            size += event.raw.len();
            if let Some(said) = event.data().and_then(|data| refused(sending, &data, dialect)) {
                return Err(Failure::inside(said));
            }
            held.push(event);
            match chunk {
                Chunk::Preamble if size <= MAX_HELD => {}
                Chunk::Preamble => return Err(malformed("Its stream holds no content in the first mebibyte.")),
                Chunk::Error(said) => return Err(Failure::inside(said)),
                Chunk::Malformed => return Err(malformed("Its stream holds an event that is not what its API says.")),
                Chunk::Content { .. } | Chunk::UsageOnly(_) | Chunk::Done => {
                    sending.findings.first_token = Some(sending.exchange.started.elapsed());
                    let body = Bounded::new(body, deadline);
                    return Ok(Opened { dialect, held, decoder, array, body, deadline, idle: target.idle });
                }
            }
        }
        match body.data().await {
            Some(Ok(data)) => decoder.push(as_events(&mut array, data)),
            Some(Err(Broken(Some(fault)))) if target.provider.adapter.is_some() => {
                return Err(Failure::adapter(&fault));
            }
            Some(Err(Broken(Some(fault)))) => return Err(malformed(&fault)),
            Some(Err(_)) | None => {
                return Err(Failure::new(AttemptClass::Broken, "Its stream ended before any content."));
            }
        }
    }
}

/// Looks at the head of a stream, for what shows that an answer has begun.
enum Look {
    Chat,
    Other(Box<dyn ReadStream>),
}

impl Look {
    fn new(dialect: Dialect) -> Self {
        if matches!(dialect, Dialect::Chat | Dialect::Completions) { Self::Chat } else { Self::Other(dialect.reader()) }
    }

    /// What the event `data` is; the model that answers is told where it is `wanted`.
    fn at(&mut self, data: &[u8], wanted: Option<&mut Option<String>>) -> Chunk {
        let Self::Other(reader) = self else {
            if let Some(model) = wanted {
                *model = openai::usage_of_answer(data).and_then(|answer| answer.model);
            }
            return openai::classify(data);
        };
        let mut named = None;
        let mut chunk = Chunk::Preamble;
        let read = reader.read(data, &mut |event| match event {
            tollway_protocol::canonical::Event::Error(error) => chunk = Chunk::Error(error),
            tollway_protocol::canonical::Event::Start { model, .. } => {
                named = model.map(std::borrow::Cow::into_owned).or_else(|| named.take());
            }
            event if is_content(&event) && chunk == Chunk::Preamble => {
                chunk = Chunk::Content { finish: false, usage: None };
            }
            _ => {}
        });
        if let Some(model) = wanted {
            *model = named;
        }
        if read.is_err() { Chunk::Malformed } else { chunk }
    }
}

/// At most `limit` bytes (and what came with the last of them), and whether there is more.
///
/// # Errors
/// It broke off.
pub(super) async fn read(body: &mut UpstreamBody, limit: usize) -> Result<(Bytes, bool), Broken> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                let expected = body.declared().and_then(|left| usize::try_from(left).ok()).unwrap_or(0).min(limit);
                all.reserve(first.len() + data.len().max(expected));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
        if first.len() + all.len() > limit {
            return Ok((if all.is_empty() { first } else { all.freeze() }, true));
        }
    }
    Ok((if all.is_empty() { first } else { all.freeze() }, false))
}

pub(super) fn malformed(message: &str) -> Failure {
    Failure::new(AttemptClass::Malformed, message)
}

fn too_long() -> Failure {
    malformed("Its stream holds an event of more than 16 MiB.")
}

/// The upstream's own name for the request, under which its operator finds it.
fn upstream_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = ["x-request-id", "request-id", "x-amzn-requestid"].iter().find_map(|name| headers.get(*name))?;
    // A copy: what hyper hands out is a slice of its read buffer, which would stay as long as the stream.
    HeaderValue::from_bytes(id.as_bytes()).ok()
}
