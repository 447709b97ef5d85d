//! An answer that is passed on as it comes: one too large to buffer, or one that is not read as a dialect's.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use tollway_protocol::dialect::{UpstreamError, observed, parse_error};
use tollway_protocol::json::{Json, Skeleton};
use tollway_protocol::sse::decoder::Decoder;

use crate::account;
use crate::error::Kind;
use crate::exchange::{Exchange, Told};
use crate::telemetry::AttemptClass;
use crate::upstream::body::{Bounded, Broken};

/// As much of an answer without its long strings as is read for what it tells of itself.
const MAX_SEEN: usize = 256 * 1024;

/// Such an answer, of which the beginning has come.
pub(crate) struct Passing {
    pub(crate) status: StatusCode,
    /// The upstream's headers that the caller gets.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) first: Bytes,
    pub(crate) rest: Bounded,
    /// How long it is, where the upstream said.
    pub(crate) length: Option<u64>,
    pub(crate) watch: Option<Watch>,
}

impl Passing {
    /// A long answer in JSON.
    pub(crate) fn json(first: Bytes, rest: Bounded) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Self { status: StatusCode::OK, headers, first, rest, length: None, watch: None }
    }
}

/// Reads what a passing answer tells of itself.
#[derive(Default)]
pub(crate) struct Watch {
    skeleton: Skeleton,
    /// JSON that has come, without its long strings.
    seen: Vec<u8>,
    /// Takes a stream apart.
    events: Option<Decoder>,
    begun: bool,
    /// How many of the next bytes were read before.
    skipped: usize,
    told: Told,
    /// The error that the first event was.
    pub(crate) failed: Option<UpstreamError>,
}

impl Watch {
    /// What watches an answer of the media type `kind`; none for what is neither JSON nor events.
    pub(crate) fn of(kind: &str) -> Option<Self> {
        let name = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "text/event-stream" => Some(Self { events: Some(Decoder::new(MAX_SEEN)), ..Self::default() }),
            "application/json" => Some(Self::default()),
            _ => None,
        }
    }

    /// Whether it is of events.
    pub(crate) fn is_stream(&self) -> bool {
        self.events.is_some()
    }

    /// Whether an event has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Leaves out so many of the next bytes, which it has seen.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.skipped = bytes;
    }

    /// Looks at a piece.
    pub(crate) fn push(&mut self, data: &[u8]) {
        let known = std::mem::take(&mut self.skipped);
        let Some(data) = data.get(known..) else { return };
        if self.seen.len() > MAX_SEEN {
            return;
        }
        self.skeleton.push(data, &mut self.seen);
        let Some(events) = &mut self.events else { return };
        events.push(Bytes::from(std::mem::take(&mut self.seen)));
        while let Ok(Some(event)) = events.next_event() {
            let Some(data) = event.data() else { continue };
            if !std::mem::replace(&mut self.begun, true) {
                self.failed = parse_error(&data);
            }
            if let Ok(json) = Json::parse(&data) {
                self.told.add(observed(&json).into());
            }
        }
    }

    /// What the answer, which has ended, has told; and, of a batch, how its requests fare, as flags.
    fn end(&mut self) -> (Told, Vec<String>) {
        if self.events.is_none()
            && self.seen.len() <= MAX_SEEN
            && let Ok(json) = Json::parse(&self.seen)
        {
            return (observed(&json).into(), batched(&json));
        }
        (std::mem::take(&mut self.told), Vec::new())
    }
}

/// How many requests of a batch are in each state, as `OpenAI` and Anthropic tell: `batch:succeeded=3`.
fn batched(json: &Json<'_>) -> Vec<String> {
    const STATES: [&str; 8] =
        ["total", "completed", "failed", "processing", "succeeded", "errored", "canceled", "expired"];
    let Some(counts) = json.get("request_counts") else { return Vec::new() };
    let flag = |state: &str| {
        let count = counts.get(state)?.as_u64().filter(|count| *count > 0)?;
        Some(format!("batch:{state}={count}"))
    };
    STATES.into_iter().filter_map(flag).collect()
}

/// Such an answer on its way.
pub(crate) struct PassingRelay {
    first: Option<Bytes>,
    rest: Bounded,
    left: Option<u64>,
    watch: Option<Watch>,
    exchange: Box<Exchange>,
}

impl PassingRelay {
    /// `passing`; the exchange is settled at the end.
    pub(crate) fn new(passing: Passing, exchange: Box<Exchange>) -> Self {
        let Passing { first, rest, length, watch, .. } = passing;
        let first = Some(first).filter(|first| !first.is_empty());
        Self { first, rest, left: length, watch, exchange }
    }

    /// How much of it is left, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.left
    }

    /// The next piece. An error cuts the connection: what was begun cannot be ended properly.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let data = match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => ready!(self.rest.poll_data(cx)),
        };
        match &data {
            Some(Ok(data)) => {
                if let Some(watch) = &mut self.watch {
                    watch.push(data);
                }
                self.exchange.sent(data);
                self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                if self.left == Some(0) {
                    // hyper asks no more of a body whose length is reached.
                    self.end();
                }
            }
            Some(Err(_)) => {
                self.exchange.served(AttemptClass::Broken);
                self.exchange.error = Some(Kind::UpstreamError.row().2.into());
                account::settle(&mut self.exchange);
            }
            // Before the chunk that ends the answer.
            None => self.end(),
        }
        Poll::Ready(data)
    }

    fn end(&mut self) {
        if let Some(mut watch) = self.watch.take() {
            let (told, flags) = watch.end();
            self.exchange.told.add(told);
            self.exchange.flags.extend(flags);
        }
        account::settle(&mut self.exchange);
    }
}
