//! One request from its head to its last byte: what is known of it, and that it is accounted for on every path.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tollway_protocol::canonical::Usage;
use tollway_protocol::dialect::{Dialect, Told as Saying, openai};
use tollway_records::record::Payload;

use crate::accept::Call;
use crate::accept::attribution::Attribution;
use crate::accept::upload::Upload;
use crate::account;
use crate::account::estimate::{self, Counting};
use crate::attempt::{self, Held};
use crate::authenticate::Caller;
use crate::clock::{Instant, now, unix_time};
use crate::error::Error;
use crate::route::Reason;
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
    /// Every send so far. Sends that run side by side are noted while others read the exchange.
    pub(crate) sends: RefCell<Vec<Send>>,
    /// The place in `sends` of the one that serves or last served it.
    pub(crate) serving: usize,
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
    /// What of the request's body is not held.
    pub(crate) upload: Option<Upload>,
    /// The provider that the request passes to, where it passes to one.
    pub(crate) through: Option<Arc<str>>,
    /// The request, where its answer is to repeat it.
    pub(crate) asked: Option<Bytes>,
    /// When all of it must be over.
    pub(crate) deadline: Option<Instant>,
    /// Whether it is a copy, whose answer nobody sees.
    pub(crate) shadow: bool,
    /// The most tokens of the answer, in tight times.
    pub(crate) most_tokens: Option<u64>,
    /// The place of the route's rule for tight times that holds.
    pub(crate) degraded: Option<usize>,
    /// Why targets were not tried, by their places; in the order of the decisions.
    pub(crate) left_out: RefCell<Vec<(usize, Reason)>>,
    /// What is held of the deployment that serves.
    pub(crate) held: Option<Held>,
    /// How many tokens the request is, by the names of the models whose windows it may not fit.
    pub(crate) lengths: Vec<(String, u64)>,
    /// What the present target cannot be told, as flags.
    pub(crate) losses: Vec<String>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// What may have to be counted because nobody reports it.
    pub(crate) counting: Counting,
    /// What is kept of its payload, where it is one of those that are.
    pub(crate) sampled: Option<Box<Sampled>>,
    /// Whether its caller has left before it was accounted for.
    left: bool,
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
        Self { usage: answer.usage, model: answer.model, finish: answer.finish }
    }
}

/// What one send finds out. The exchange takes it over from the one that serves.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) told: Told,
    /// The upstream's own name for the request.
    pub(crate) upstream_id: Option<http::HeaderValue>,
    /// When its first content came, since the request began.
    pub(crate) first_token: Option<Duration>,
    /// Spent on making connections.
    pub(crate) connect: Option<Duration>,
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
    /// About what it has cost in nano-dollars, where it was dropped before it was answered.
    pub(crate) cost_nano: Option<u64>,
}

impl Exchange {
    /// Begins with the arrival of a request's head.
    pub(crate) fn begin(worker: Rc<Worker>) -> Box<Self> {
        worker.shard.begin();
        Box::new(Self::blank(worker))
    }

    fn blank(worker: Rc<Worker>) -> Self {
        Self {
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
            sends: RefCell::default(),
            serving: 0,
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
            upload: None,
            through: None,
            asked: None,
            deadline: None,
            shadow: false,
            most_tokens: None,
            degraded: None,
            left_out: RefCell::default(),
            held: None,
            lengths: Vec::new(),
            losses: Vec::new(),
            request_bytes: 0,
            response_bytes: 0,
            counting: Counting::default(),
            sampled: None,
            left: false,
            settled: false,
        }
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
        self.request_bytes = self.request_bytes.max(call.body.len() as u64);
        self.stream = call.stream();
        Attribution::add_call(&mut self.said, call)
    }

    /// What an answer that is written for the caller needs of the gateway.
    pub(crate) fn saying(&self) -> Saying<'_> {
        let model = self.route.as_ref().map_or("", |route| &route.name);
        Saying { id: self.id.digits_str(), model, created: self.accepted.as_secs(), usage: true, request: None }
    }

    /// Begins a send to the target `index`; gives its place among the sends.
    pub(crate) fn begin_send(&self, index: usize) -> usize {
        let at = self.started.elapsed();
        let mut sends = self.sends.borrow_mut();
        sends.push(Send { target: index, class: None, status: None, at, took: Duration::ZERO, cost_nano: None });
        sends.len() - 1
    }

    /// Notes what the upstream answered to the send at `place`.
    pub(crate) fn answered_with(&self, place: usize, status: StatusCode) {
        if let Some(send) = self.sends.borrow_mut().get_mut(place) {
            send.status = Some(status.as_u16());
        }
    }

    /// Counts how the send at `place` ended; the first judgement stands.
    pub(crate) fn end_send(&self, place: usize, class: AttemptClass) {
        let mut sends = self.sends.borrow_mut();
        let Some(send) = sends.get_mut(place).filter(|send| send.class.is_none()) else { return };
        send.class = Some(class);
        send.took = self.started.elapsed().saturating_sub(send.at);
        let target = self.route.as_ref().and_then(|route| route.targets.get(send.target));
        if let Some(target) = target {
            self.worker.shard.attempt(target.labels, class, send.took);
        }
    }

    /// Notes about what the send at `place` has cost, in nano-dollars.
    pub(crate) fn has_cost(&self, place: usize, nano: Option<u64>) {
        if let Some(send) = self.sends.borrow_mut().get_mut(place) {
            send.cost_nano = nano;
        }
    }

    /// Counts every send that has not ended as one that ended so.
    pub(crate) fn end_sends(&self, class: AttemptClass) {
        let count = self.sends.borrow().len();
        (0..count).for_each(|place| self.end_send(place, class));
    }

    /// Notes why the target `index` is not tried.
    pub(crate) fn leave_out(&self, index: usize, reason: Reason) {
        self.left_out.borrow_mut().push((index, reason));
    }

    /// Whether any target is not tried for this reason.
    pub(crate) fn is_left_out(&self, wanted: Reason) -> bool {
        self.left_out.borrow().iter().any(|(_, reason)| *reason == wanted)
    }

    /// Counts how the send that serves ended; the first judgement stands.
    pub(crate) fn served(&self, class: AttemptClass) {
        self.end_send(self.serving, class);
        attempt::ended(self, class);
    }

    /// Takes over what the send at `place`, to the target `index`, found out: it is the one that serves.
    pub(crate) fn served_by(&mut self, index: usize, place: usize, findings: Findings) {
        self.target = Some(index);
        self.serving = place;
        self.told = findings.told;
        self.upstream_id = findings.upstream_id;
        self.first_token = findings.first_token;
        if let Some(connect) = findings.connect {
            *self.connect.get_or_insert_default() += connect;
        }
    }

    /// Notes what was counted, because it was not reported.
    pub(crate) fn estimated(&mut self, counted: Usage) {
        if self.counting.estimate.replace(counted).is_none() {
            self.flags.push("tokens:estimated".to_owned());
        }
    }

    /// Leaves what must still be counted to another thread, and the rest of its settlement to after that. A runtime that
    /// ends before drops what waits, which then is counted and settled here.
    fn settle_later(&mut self) -> bool {
        if std::mem::replace(&mut self.left, true) {
            estimate::at_once(self);
            return false;
        }
        let Some(count) = estimate::begin(self) else { return false };
        let mut nothing = Self::blank(Rc::clone(&self.worker));
        nothing.settled = true;
        let mut exchange = std::mem::replace(self, nothing);
        tokio::task::spawn_local(async move {
            if let Ok(counted) = count.await {
                exchange.estimated(counted);
            }
            account::settle(&mut exchange);
        });
        true
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
        if !self.settled && !self.settle_later() {
            account::settle(self);
        }
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
