//! One request from its head to its last byte: what is known of it, and that it is accounted for on every path.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tollway_protocol::dialect::openai::Usage;

use crate::account;
use crate::authenticate::Caller;
use crate::clock::{Instant, now, unix_time};
use crate::snapshot::{Key, Route, Snapshot, Target};
use crate::telemetry::{AttemptClass, Labels};
use crate::worker::Worker;

/// What is counted when a caller left before there was an answer.
pub(crate) const CLIENT_CLOSED: u16 = 499;

/// Everything known of one request. Dropping it, however that comes, settles it.
pub(crate) struct Exchange {
    pub(crate) worker: Rc<Worker>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) id: RequestId,
    pub(crate) started: Instant,
    /// The endpoint's name, once it is known.
    pub(crate) endpoint: &'static str,
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) target: Option<usize>,
    pub(crate) attempts: u32,
    /// Waited for upstreams so far.
    pub(crate) upstream: Duration,
    /// The gateway's own time until the answer's head.
    pub(crate) overhead: Option<Duration>,
    pub(crate) first_token: Option<Duration>,
    pub(crate) usage: Option<Usage>,
    pub(crate) upstream_id: Option<http::HeaderValue>,
    pub(crate) status: u16,
    pub(crate) flags: Vec<String>,
    /// A send that has not been judged yet.
    pub(crate) attempting: bool,
}

impl Exchange {
    /// Begins with the arrival of a request's head.
    pub(crate) fn begin(worker: Rc<Worker>) -> Box<Self> {
        worker.shard.begin();
        Box::new(Self {
            snapshot: worker.snapshot(),
            id: RequestId::new(&worker),
            started: now(),
            endpoint: "",
            worker,
            key: None,
            route: None,
            target: None,
            attempts: 0,
            upstream: Duration::ZERO,
            overhead: None,
            first_token: None,
            usage: None,
            upstream_id: None,
            status: CLIENT_CLOSED,
            flags: Vec::new(),
            attempting: false,
        })
    }

    /// The target that serves or last served it.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.route.as_ref()?.targets.get(self.target?)
    }

    /// What its counts are told apart by.
    pub(crate) fn labels(&self) -> Arc<Labels> {
        match (self.target(), &self.route) {
            (Some(target), _) => Arc::clone(&target.labels),
            (None, Some(route)) => Arc::clone(&route.labels),
            (None, None) => Labels::none(),
        }
    }

    /// Notes who calls.
    pub(crate) fn called_by(&mut self, caller: &Caller) {
        self.key = Some(Arc::clone(&caller.key));
    }

    /// Begins a send to the target `index`.
    pub(crate) fn attempt(&mut self, index: usize) {
        self.target = Some(index);
        self.attempts += 1;
        self.attempting = true;
    }

    /// Counts how the send ended.
    pub(crate) fn attempted(&mut self, class: AttemptClass) {
        if std::mem::take(&mut self.attempting)
            && let Some(target) = self.target()
        {
            self.worker.shard.attempt(&target.labels, class);
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

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
