//! One request from its head to its last byte: what is known of it, and that it is accounted for on every path.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tollway_protocol::canonical::Usage;
use tollway_protocol::dialect::{Dialect, Told as Saying, openai};
use tollway_protocol::peek::Span;
use tollway_records::record::Payload;

use crate::accept::Call;
use crate::accept::attribution::Attribution;
use crate::account;
use crate::authenticate::Caller;
use crate::clock::{Instant, now, unix_time};
use crate::error::Error;
use crate::snapshot::{Key, Route, Snapshot, Target};
use crate::telemetry::{AttemptClass, Labels};
use crate::trace::Trace;
use crate::worker::Worker;

/// What is counted when a caller left before there was an answer.
pub(crate) const CLIENT_CLOSED: u16 = 499;

/// Everything known of one request. Dropping it, however that comes, settles it.
pub(crate) struct Exchange {
    pub(crate) worker: Rc<Worker>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) id: RequestId,
    pub(crate) started: Instant,
    /// When it started, on the wall clock, since 1970.
    pub(crate) accepted: Duration,
    /// The endpoint's name, once it is known.
    pub(crate) endpoint: &'static str,
    /// What the caller speaks.
    pub(crate) dialect: Dialect,
    /// Whether a stream, and an error in its place, goes to the caller as a JSON array (Gemini).
    pub(crate) array: bool,
    pub(crate) key: Option<Arc<Key>>,
    /// What the caller says of itself.
    pub(crate) said: Option<Box<Attribution>>,
    pub(crate) trace: Option<Trace>,
    /// The model that was asked for, where there is no route of that name.
    pub(crate) requested_model: Option<String>,
    /// Whether a stream was asked for.
    pub(crate) stream: bool,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) target: Option<usize>,
    pub(crate) sends: Vec<Send>,
    /// When it had been read and admitted.
    pub(crate) admitted: Option<Duration>,
    /// Spent on making connections.
    pub(crate) connect: Option<Duration>,
    /// Waited for upstreams so far.
    pub(crate) upstream: Duration,
    /// The gateway's own time until the answer's head.
    pub(crate) overhead: Option<Duration>,
    pub(crate) first_token: Option<Duration>,
    /// What the answer tells of itself, as far as it has come.
    pub(crate) told: Told,
    pub(crate) upstream_id: Option<http::HeaderValue>,
    pub(crate) status: u16,
    /// The code of the error that the caller gets.
    pub(crate) error: Option<Cow<'static, str>>,
    pub(crate) flags: Vec<String>,
    /// The request, where its answer is to repeat it.
    pub(crate) asked: Option<Bytes>,
    /// What the present target cannot be told, as flags.
    pub(crate) losses: Vec<String>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// Pieces of content that the caller was sent; about a token each.
    pub(crate) pieces: u64,
    /// What is kept of its payload, where it is one of those that are.
    pub(crate) sampled: Option<Box<Sampled>>,
    /// Whether it has been accounted for.
    pub(crate) settled: bool,
}

/// A payload that is kept.
pub(crate) struct Sampled {
    pub(crate) payload: Payload,
    /// Whether what the caller is sent may be kept: not if something is put back that was masked for everyone else.
    with_response: bool,
}

impl Sampled {
    /// As much of each body as is kept, in bytes.
    const MOST: usize = 1 << 20;

    /// Keeps `request`, which is what is sent on.
    pub(crate) fn new(id: &RequestId, request: &[u8], with_response: bool) -> Box<Self> {
        let request = request[..request.len().min(Self::MOST)].to_vec();
        let payload = Payload { id: id.as_str().to_owned(), request, response: Vec::new() };
        Box::new(Self { payload, with_response })
    }

    /// Keeps a piece of what the caller is sent.
    pub(crate) fn answer(&mut self, piece: &[u8]) {
        let room = Self::MOST.saturating_sub(self.payload.response.len());
        if self.with_response {
            self.payload.response.extend_from_slice(&piece[..piece.len().min(room)]);
        }
    }
}

/// What an answer tells of itself.
#[derive(Default)]
pub(crate) struct Told {
    /// What it took, where reported.
    pub(crate) usage: Option<Usage>,
    /// The model that answered.
    pub(crate) model: Option<String>,
    /// Why the first choice ended, in the upstream's word.
    pub(crate) finish: Option<String>,
}

impl Told {
    /// Adds what a later part of the answer tells: counts go on, and of names the first stays.
    pub(crate) fn add(&mut self, later: Self) {
        self.usage = match (self.usage, later.usage) {
            (Some(before), Some(newer)) => Some(before.updated(newer)),
            (before, newer) => newer.or(before),
        };
        self.model = self.model.take().or(later.model);
        self.finish = self.finish.take().or(later.finish);
    }
}

impl From<openai::Answer> for Told {
    fn from(answer: openai::Answer) -> Self {
        Self { usage: answer.usage.map(apart), model: answer.model, finish: answer.finish }
    }
}

/// A chat completion's report in disjoint buckets: it counts cached tokens as input too, and reasoning as output.
pub(crate) fn apart(report: openai::Usage) -> Usage {
    Usage {
        input: Usage::apart(report.input, [report.cached]),
        cache_read: report.cached,
        output: Usage::apart(report.output, [report.reasoning]),
        reasoning: report.reasoning,
        ..Usage::default()
    }
}

/// One send to one target.
pub(crate) struct Send {
    pub(crate) target: usize,
    /// How it ended; `None` until it has been judged.
    pub(crate) class: Option<AttemptClass>,
    /// What the upstream answered.
    pub(crate) status: Option<u16>,
    /// When it began, since the request did.
    pub(crate) at: Duration,
    pub(crate) took: Duration,
}

impl Exchange {
    /// Begins with the arrival of a request's head.
    pub(crate) fn begin(worker: Rc<Worker>) -> Box<Self> {
        worker.shard.begin();
        Box::new(Self {
            snapshot: worker.snapshot(),
            id: RequestId::new(&worker),
            started: now(),
            accepted: unix_time(),
            endpoint: "",
            dialect: Dialect::Chat,
            array: false,
            worker,
            key: None,
            said: None,
            trace: None,
            requested_model: None,
            stream: false,
            route: None,
            target: None,
            sends: Vec::new(),
            admitted: None,
            connect: None,
            upstream: Duration::ZERO,
            overhead: None,
            first_token: None,
            told: Told::default(),
            upstream_id: None,
            status: CLIENT_CLOSED,
            error: None,
            flags: Vec::new(),
            asked: None,
            losses: Vec::new(),
            request_bytes: 0,
            response_bytes: 0,
            pieces: 0,
            sampled: None,
            settled: false,
        })
    }

    /// The target that serves or last served it.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.route.as_ref()?.targets.get(self.target?)
    }

    /// What its counts are told apart by.
    pub(crate) fn labels(&self) -> &'static Labels {
        match (self.target(), &self.route) {
            (Some(target), _) => target.labels,
            (None, Some(route)) => route.labels,
            (None, None) => Labels::none(),
        }
    }

    /// Notes who calls.
    pub(crate) fn called_by(&mut self, caller: &Caller) {
        self.key = Some(Arc::clone(&caller.key));
    }

    /// Notes what of a request that has been read is remembered.
    ///
    /// # Errors
    /// `InvalidRequest` for metadata that cannot be.
    pub(crate) fn received(&mut self, call: &Call) -> Result<(), Error> {
        self.request_bytes = call.body.len() as u64;
        self.stream = call.stream();
        let part = |span: &Option<Span>| span.clone().and_then(|span| call.body.get(span));
        if call.peek.metadata.is_none() && call.peek.user.is_none() {
            return Ok(());
        }
        Attribution::add_body(&mut self.said, part(&call.peek.metadata), part(&call.peek.user))
    }

    /// What an answer that is written for the caller needs of the gateway.
    pub(crate) fn saying(&self) -> Saying<'_> {
        let model = self.route.as_ref().map_or("", |route| &route.name);
        Saying { id: self.id.digits_str(), model, created: self.accepted.as_secs(), usage: true, request: None }
    }

    /// Begins a send to the target `index`.
    pub(crate) fn attempt(&mut self, index: usize) {
        self.target = Some(index);
        let at = self.started.elapsed();
        self.sends.push(Send { target: index, class: None, status: None, at, took: Duration::ZERO });
    }

    /// Notes what the upstream answered.
    pub(crate) fn answered_with(&mut self, status: StatusCode) {
        if let Some(send) = self.sends.last_mut() {
            send.status = Some(status.as_u16());
        }
    }

    /// Counts how the send ended; the first judgement stands.
    pub(crate) fn attempted(&mut self, class: AttemptClass) {
        let labels = self.labels();
        if let Some(send) = self.sends.last_mut().filter(|send| send.class.is_none()) {
            send.class = Some(class);
            send.took = self.started.elapsed().saturating_sub(send.at);
            self.worker.shard.attempt(labels, class, send.took);
        }
    }

    /// Notes a piece of what the caller is sent.
    pub(crate) fn sent(&mut self, piece: &[u8]) {
        self.response_bytes += piece.len() as u64;
        if let Some(sampled) = &mut self.sampled {
            sampled.answer(piece);
        }
    }

    /// Fixes status and overhead: the answer's head goes out now.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = status.as_u16();
        self.overhead = Some(self.started.elapsed().saturating_sub(self.upstream));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.settled && self.error.is_none() {
            // Whoever settles before the last byte is done; what is dropped before has lost its caller.
            self.error = Some(Cow::Borrowed("client_closed"));
        }
        account::settle(self);
    }
}

/// A request's name: the milliseconds since 1970 in 12 hexadecimal digits, then 80 random bits in 20, so that names
/// sort by time (as in UUID version 7, RFC 9562 §5.7).
pub(crate) struct RequestId([u8; Self::LENGTH]);

impl RequestId {
    const LENGTH: usize = 36;

    /// A name that no other request has.
    pub(crate) fn new(worker: &Worker) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let time = unix_time().as_millis() & 0xffff_ffff_ffff;
        let random = (u128::from(worker.random()) << 64 | u128::from(worker.random())) >> 48;
        let mut number = time << 80 | random;
        let mut text = *b"req_00000000000000000000000000000000";
        for digit in text.iter_mut().skip(4).rev() {
            *digit = DIGITS[(number & 15) as usize];
            number >>= 4;
        }
        Self(text)
    }

    /// Its 32 digits, which are a trace's name too.
    pub(crate) fn digits(&self) -> [u8; 32] {
        let mut digits = [0; 32];
        digits.copy_from_slice(&self.0[4..]);
        digits
    }

    /// The same as text.
    pub(crate) fn digits_str(&self) -> &str {
        std::str::from_utf8(&self.0[4..]).unwrap_or_default()
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
