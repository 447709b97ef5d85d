//! The way to Python and back for policy hooks and adapters: queues, and never a data-plane thread inside Python.
//!
//! A synchronous hook runs on one of a fixed number of threads that Python keeps; an asynchronous one on Python's
//! event loop, woken through a descriptor. Both are bounded: a hook that hangs holds one slot, and where no slot is
//! left the hook counts as failed at once.
//!
//! Adapters have threads and slots of their own, so that none keeps a hook from its verdict. Their calls may wait for a
//! thread: a stream makes many, each of them short.

use std::any::Any;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::snapshot::Hook;
use crate::telemetry::Gauge;

/// How many calls of asynchronous hooks may run at once.
const ASYNC_SLOTS: usize = 1024;
/// How many calls of adapters may run, or wait for a thread, at once.
const ADAPTER_SLOTS: usize = 1024;

/// What the calls of one adapter for one attempt share: its instance, which only Python knows.
pub type Kept = Arc<OnceLock<Box<dyn Any + Send + Sync>>>;

/// What a hook decided.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Refuse, and say this.
    Reject(String),
    /// Go on with this body.
    Replace(Bytes),
}

/// A hook's answer.
#[derive(Debug, PartialEq, Eq)]
pub struct HookAnswer {
    /// What it decided.
    pub decision: Decision,
    /// What it wants noted in `x-tollway-flags`.
    pub flags: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HookFailure {
    /// Every slot is taken.
    NoSlot,
    /// What it would have to see is too large.
    TooLarge,
    /// It took longer than its timeout.
    TimedOut,
    /// It raised; the exception's type.
    Raised(String),
}

type Reply = oneshot::Sender<Result<HookAnswer, String>>;
type Awaited = oneshot::Receiver<Result<HookAnswer, String>>;

/// One call of a hook, on its way through Python.
pub struct HookCall {
    /// The hook's number in the snapshot.
    pub hook: u64,
    /// JSON: what the hook is told besides the body.
    pub context: Vec<u8>,
    /// The body of the request or the response.
    pub body: Bytes,
    /// What the calls before this one left for it.
    pub kept: Kept,
    abandoned: AtomicBool,
    reply: Mutex<Option<Reply>>,
    slot: Mutex<Option<Slot>>,
}

impl std::fmt::Debug for HookCall {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies are private: a debug print names the hook alone.
        write!(out, "HookCall({})", self.hook)
    }
}

impl HookCall {
    fn begin((hook, slot): (u64, Slot), context: Vec<u8>, body: Bytes, kept: Kept) -> (Arc<Self>, Awaited) {
        let (reply, answer) = oneshot::channel();
        let (reply, slot) = (Mutex::new(Some(reply)), Mutex::new(Some(slot)));
        let abandoned = AtomicBool::new(false);
        (Arc::new(Self { hook, context, body, kept, abandoned, reply, slot }), answer)
    }

    /// Whether nobody waits for the answer any more.
    pub fn abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Gives the answer, or the type of the exception, and frees the slot. A second answer is ignored.
    pub fn finish(&self, answer: Result<HookAnswer, String>) {
        drop(lock(&self.slot).take());
        if let Some(reply) = lock(&self.reply).take() {
            // Nobody listens any more when the timeout was faster.
            let _ = reply.send(answer);
        }
    }
}

/// A place among the calls that may run at once.
struct Slot {
    free: Arc<AtomicUsize>,
}

impl Slot {
    fn take(free: &Arc<AtomicUsize>) -> Option<Self> {
        free.fetch_update(Ordering::AcqRel, Ordering::Acquire, |slots| slots.checked_sub(1)).ok()?;
        Some(Self { free: Arc::clone(free) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free.fetch_add(1, Ordering::AcqRel);
    }
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Arc<HookCall>>,
    closed: bool,
}

/// Calls that wait for a thread of Python's.
#[derive(Default)]
struct Lane {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Lane {
    fn push(&self, call: Arc<HookCall>) {
        lock(&self.waiting).calls.push_back(call);
        self.arrived.notify_one();
    }

    /// Waits for a call; `None` once the lane is closed.
    fn next(&self) -> Option<Arc<HookCall>> {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(call) = waiting.calls.pop_front() {
                return Some(call);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes out a call that nobody waits for, and with it its body.
    fn forget(&self, call: &Arc<HookCall>) {
        lock(&self.waiting).calls.retain(|waiting| !Arc::ptr_eq(waiting, call));
    }

    fn close(&self) {
        lock(&self.waiting).closed = true;
        self.arrived.notify_all();
    }
}

/// Both queues, shared by the workers and Python.
pub struct HookBridge {
    sync: Lane,
    adapters: Lane,
    /// All slots of synchronous hooks.
    threads: usize,
    sync_free: Arc<AtomicUsize>,
    asynchronous: Mutex<Vec<Arc<HookCall>>>,
    async_free: Arc<AtomicUsize>,
    adapter_free: Arc<AtomicUsize>,
    refused: AtomicU64,
    failed: AtomicU64,
    adapters_failed: AtomicU64,
    bell: UnixStream,
    ear: UnixStream,
}

impl HookBridge {
    /// A bridge for `threads` threads of synchronous hooks.
    ///
    /// # Errors
    /// Where the system gives no socket pair.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let (bell, ear) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok(Self {
            sync: Lane::default(),
            adapters: Lane::default(),
            threads,
            sync_free: Arc::new(AtomicUsize::new(threads)),
            asynchronous: Mutex::default(),
            async_free: Arc::new(AtomicUsize::new(ASYNC_SLOTS)),
            adapter_free: Arc::new(AtomicUsize::new(ADAPTER_SLOTS)),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            adapters_failed: AtomicU64::new(0),
            bell,
            ear,
        })
    }

    /// Waits for a call of a synchronous hook; `None` once the bridge is closed.
    pub fn next(&self) -> Option<Arc<HookCall>> {
        self.sync.next()
    }

    /// Waits for a call of a synchronous adapter; `None` once the bridge is closed.
    pub fn next_adapter(&self) -> Option<Arc<HookCall>> {
        self.adapters.next()
    }

    /// Readable while calls of asynchronous hooks wait.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.ear.as_fd()
    }

    /// The waiting calls of asynchronous hooks; quiets the descriptor.
    pub fn take_async(&self) -> Vec<Arc<HookCall>> {
        // Quieted before the queue is taken: a call that comes in between rings again.
        let mut drain = [0; 256];
        while matches!((&self.ear).read(&mut drain), Ok(read) if read == drain.len()) {}
        std::mem::take(&mut *lock(&self.asynchronous))
    }

    /// Lets the threads that wait go home.
    pub fn close(&self) {
        self.sync.close();
        self.adapters.close();
    }

    /// What `/metrics` tells of hooks and adapters.
    pub(crate) fn gauges(&self) -> [Gauge; 6] {
        let running = |slots: usize, free: &AtomicUsize| slots.saturating_sub(free.load(Ordering::Relaxed)) as u64;
        let (sync, asynchronous) = (running(self.threads, &self.sync_free), running(ASYNC_SLOTS, &self.async_free));
        let (refused, failed) = (self.refused.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let adapters = running(ADAPTER_SLOTS, &self.adapter_free);
        let adapters_failed = self.adapters_failed.load(Ordering::Relaxed);
        [
            ("tollway_hooks_sync", "gauge", "Synchronous hooks that run.", sync),
            ("tollway_hooks_async", "gauge", "Asynchronous hooks that run.", asynchronous),
            ("tollway_hooks_refused_total", "counter", "Calls for which no slot was free.", refused),
            ("tollway_hooks_failed_total", "counter", "Calls that raised or took too long.", failed),
            ("tollway_adapters", "gauge", "Calls of adapters that run or wait for a thread.", adapters),
            ("tollway_adapters_failed_total", "counter", "Calls of adapters that failed.", adapters_failed),
        ]
        .map(|(name, kind, help, value)| Gauge { name, kind, help, value })
    }

    /// Calls `hook` and waits, for at most its timeout.
    pub(crate) async fn call(&self, hook: &Hook, context: Vec<u8>, body: Bytes) -> Result<HookAnswer, HookFailure> {
        let answer = self.call_uncounted(hook, context, body).await;
        let counter = match &answer {
            Err(HookFailure::NoSlot) => &self.refused,
            Err(HookFailure::TimedOut | HookFailure::Raised(_)) => &self.failed,
            _ => return answer,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        answer
    }

    async fn call_uncounted(&self, hook: &Hook, context: Vec<u8>, body: Bytes) -> Result<HookAnswer, HookFailure> {
        let free = if hook.is_async { &self.async_free } else { &self.sync_free };
        let slot = Slot::take(free).ok_or(HookFailure::NoSlot)?;
        let (call, answer) = HookCall::begin((hook.id, slot), context, body, Kept::default());
        let patience = Patience { call: Arc::clone(&call), lane: None };
        if hook.is_async {
            self.ring(call)
        } else {
            self.sync.push(call)
        }
        answered(patience, answer, hook.timeout).await
    }

    /// Calls `method` of an adapter, in the instance that `kept` holds or will hold, and waits, for at most its timeout.
    pub(crate) async fn adapt(
        &self,
        adapter: &Hook,
        method: &str,
        body: Bytes,
        kept: &Kept,
    ) -> Result<Bytes, HookFailure> {
        let adapted = async {
            let slot = Slot::take(&self.adapter_free).ok_or(HookFailure::NoSlot)?;
            let context = method.as_bytes().to_vec();
            let (call, answer) = HookCall::begin((adapter.id, slot), context, body, Arc::clone(kept));
            let patience = Patience { call: Arc::clone(&call), lane: Some(&self.adapters) };
            if adapter.is_async {
                self.ring(call)
            } else {
                self.adapters.push(call)
            }
            match answered(patience, answer, adapter.timeout).await?.decision {
                Decision::Replace(body) => Ok(body),
                Decision::Allow | Decision::Reject(_) => Err(HookFailure::Raised("TypeError".to_owned())),
            }
        };
        adapted.await.inspect_err(|_| {
            self.adapters_failed.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Lets the event loop have `call`.
    fn ring(&self, call: Arc<HookCall>) {
        let mut waiting = lock(&self.asynchronous);
        waiting.push(call);
        // A full pipe is loud enough; any other failure means that the reader is gone, and the timeout tells.
        if waiting.len() == 1
            && let Err(error) = (&self.bell).write(&[1])
        {
            debug_assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    }
}

/// Marks the call as abandoned when its caller stops waiting, for whatever reason.
struct Patience<'b> {
    call: Arc<HookCall>,
    /// Where it may still wait for a thread; a hook's call has one already.
    lane: Option<&'b Lane>,
}

impl Drop for Patience<'_> {
    fn drop(&mut self) {
        self.call.abandoned.store(true, Ordering::Relaxed);
        // Whose answer came is in no queue any more.
        if let Some(lane) = self.lane.filter(|_| lock(&self.call.reply).is_some()) {
            lane.forget(&self.call);
        }
    }
}

/// The answer, or why there is none after `timeout`.
async fn answered(patience: Patience<'_>, answer: Awaited, timeout: Duration) -> Result<HookAnswer, HookFailure> {
    let answered = tokio::time::timeout(timeout, answer).await;
    drop(patience);
    match answered {
        Err(_) => Err(HookFailure::TimedOut),
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(exception))) => Err(HookFailure::Raised(exception)),
        // Python let go of the call without an answer: it is ending.
        Ok(Err(_)) => Err(HookFailure::NoSlot),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
