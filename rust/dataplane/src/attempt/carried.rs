//! The answer to what only passes: read so far that it is known to be one.

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tollway_protocol::dialect::{observed, parse_error, spoken_characters};
use tollway_protocol::json::Json;

use crate::accept::endpoint::Operation;
use crate::accept::media::Media;
use crate::clock::Instant;
use crate::relay::passing::{Passing, Watch};
use crate::telemetry::AttemptClass;
use crate::translate::Outbound;
use crate::upstream::body::{Bounded, Broken, UpstreamBody};
use crate::upstream::send::Sending;

use super::Failure;
use super::once::{MAX_HELD, MAX_TRANSLATED, MAX_WHOLE, NOT_AN_OBJECT, Reply, malformed, read};

/// Headers of an answer that pass to the caller.
const PASSING: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
];

/// Reads `body` as far as it takes to know that it is an answer: all of one of JSON that is not long, the first event of a
/// stream, else the first bytes.
pub(super) async fn reply(
    sending: &mut Sending<'_>,
    outbound: &Outbound<'_>,
    (head, mut body): (Parts, UpstreamBody),
    deadline: Instant,
) -> Result<Reply, Failure> {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let watch = Watch::of(kind);
    if outbound.operation == Operation::Media(Media::Speech) {
        let asked = outbound.body.to_bytes();
        sending.findings.told.usage = Json::parse(&asked).ok().as_ref().and_then(spoken_characters);
    }
    let length = body.declared();
    let (first, watch) = match (outbound.operation, watch) {
        (Operation::Media(_), Some(watch)) if !watch.is_stream() => {
            let (bytes, more) = read(&mut body, most(sending)).await.map_err(broken)?;
            if !more {
                return whole(sending, bytes);
            }
            (bytes, Some(watch))
        }
        (_, Some(watch)) if watch.is_stream() => first_event(&mut body, watch).await?,
        (_, watch) => (body.data().await.transpose().map_err(broken)?.unwrap_or_default(), watch),
    };
    sending.findings.first_token = Some(sending.exchange.started.elapsed());
    sending.exchange.end_send(sending.place, AttemptClass::Ok);
    let headers = passing(&head.headers);
    let rest = Bounded::new(body, deadline);
    Ok(Reply::Passing(Box::new(Passing { status: head.status, headers, first, rest, length, watch })))
}

/// How much of JSON is read whole: more where something has to see it.
fn most(sending: &Sending<'_>) -> usize {
    let exchange = sending.exchange;
    let seen = exchange.key.as_ref().is_some_and(|key| key.guards.inspects_output())
        || exchange.route.as_ref().is_some_and(|route| route.guards.inspects_output());
    if seen { MAX_TRANSLATED } else { MAX_WHOLE }
}

fn whole(sending: &mut Sending<'_>, bytes: Bytes) -> Result<Reply, Failure> {
    if let Some(said) = parse_error(&bytes) {
        return Err(Failure::inside(said));
    }
    let json = Json::parse(&bytes).ok().filter(|json| json.as_object().is_some());
    let told = observed(&json.ok_or_else(|| malformed(NOT_AN_OBJECT))?);
    sending.findings.told.add(told.into());
    sending.exchange.end_send(sending.place, AttemptClass::Ok);
    Ok(Reply::Whole(bytes))
}

/// Reads up to the first event, which may be an error.
async fn first_event(body: &mut UpstreamBody, mut watch: Watch) -> Result<(Bytes, Option<Watch>), Failure> {
    let mut first = BytesMut::new();
    while first.len() <= MAX_HELD && !watch.has_begun() {
        let Some(data) = body.data().await else { break };
        let data = data.map_err(broken)?;
        watch.push(&data);
        first.extend_from_slice(&data);
    }
    match watch.failed.take() {
        Some(said) => Err(Failure::inside(said)),
        None => {
            watch.skip(first.len());
            Ok((first.freeze(), Some(watch)))
        }
    }
}

fn broken(Broken(fault): Broken) -> Failure {
    match fault {
        Some(fault) => Failure::adapter(&fault),
        None => Failure::new(AttemptClass::Broken, "Its answer broke off."),
    }
}

/// Copies: what hyper hands out is a slice of its read buffer, which would stay as long as the answer.
fn passing(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let value = |name: &HeaderName| HeaderValue::from_bytes(headers.get(name)?.as_bytes()).ok();
    PASSING.into_iter().filter_map(|name| Some((name.clone(), value(&name)?))).collect()
}
