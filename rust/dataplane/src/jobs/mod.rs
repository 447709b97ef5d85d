//! Jobs: requests whose callers do not wait. A job is in the store before its caller is answered, is done in turn on the
//! ordinary way of a request, and its answer is kept, posted to a callback, or both.
//!
//! | module | what it does |
//! |---|---|
//! | [`submit`] | takes a request in as a job |
//! | [`asked`] | `GET /v1/jobs`, `GET` and `DELETE /v1/jobs/ID` |
//! | [`keeper`] | the thread that owns the jobs' store: takes what is due, keeps what it came to |
//! | [`run`] | does a job, on a data-plane thread |
//! | [`post`] | posts an answer, signed |
//! | [`callback`] | where may be posted |
//! | [`shown`] | a job as its caller sees it |

pub(crate) mod asked;
pub(crate) mod callback;
pub(crate) mod keeper;
mod post;
mod run;
pub(crate) mod shown;
pub(crate) mod submit;

use std::fmt::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tollway_store::jobs::{State, Whole};
use tollway_store::{Error as StoreError, Store};

use crate::error::{Error, Kind};
use crate::worker::Worker;

use keeper::Keeper;

/// As many questions wait for the keeper at once.
const WAITING: usize = 256;
/// How long one waits: no longer than a connection to the store may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The way of the data plane to its jobs.
pub(crate) struct Jobs {
    calls: Sender<Call>,
    waiting: AtomicUsize,
    /// The way to each worker, and its other end until the worker has begun.
    inboxes: Vec<UnboundedSender<Work>>,
    outlets: Mutex<Vec<Option<UnboundedReceiver<Work>>>>,
    /// How many are at work here.
    held: AtomicUsize,
    /// How many there are in the store, and the bytes of their bodies, as of a few seconds ago.
    counts: Mutex<Vec<(State, u64, u64)>>,
}

/// What the keeper is told.
pub(crate) enum Call {
    /// Something is asked of the store.
    Ask(Box<dyn FnOnce(&mut Keeper<'_>) + Send>),
    /// What a job came to.
    Done(Box<Done>),
    /// There is something to be taken.
    Look,
}

/// What is known of a job's request besides its body.
#[derive(Serialize, Deserialize)]
pub(crate) struct Head {
    /// `/v1/chat/completions`, with the query that there was.
    target: String,
    /// The endpoint's name.
    endpoint: String,
    model: String,
    /// The request that was answered with the job.
    request_id: String,
    /// When its time is over, in microseconds since 1970.
    deadline_us: Option<u64>,
    headers: Vec<(String, String)>,
}

/// What is known of a job's answer besides its body.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct AnswerHead {
    headers: Vec<(String, String)>,
}

/// A job for a worker: to be done, or its answer to be posted.
pub(crate) struct Work {
    whole: Whole,
    post: bool,
    /// Told, or dropped, when nobody wants it any more.
    stop: oneshot::Receiver<()>,
}

/// A job that a worker has ended with.
pub(crate) struct Done {
    id: String,
    outcome: Outcome,
}

enum Outcome {
    /// It was done.
    Answered { status: u16, head: AnswerHead, body: Vec<u8> },
    /// Its answer was posted, or not.
    Posted(post::Post),
    /// It was left.
    Left,
}

/// Proof that a request is a job, of the key whose name this is; only this process can say so.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) key: String,
    /// What its records are flagged with.
    pub(crate) flags: [String; 2],
}

impl Jobs {
    /// The ways to `workers` threads and to the keeper, and what the keeper listens to.
    pub(crate) fn new(workers: usize) -> (Self, Receiver<Call>) {
        let (calls, called) = channel();
        let (inboxes, outlets) = (0..workers).map(|_| unbounded_channel()).map(|(way, end)| (way, Some(end))).unzip();
        let jobs = Self {
            calls,
            waiting: 0.into(),
            inboxes,
            outlets: Mutex::new(outlets),
            held: 0.into(),
            counts: Mutex::default(),
        };
        (jobs, called)
    }

    /// How many are at work here.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// The bytes that the bodies of all jobs take in the store.
    fn bytes(&self) -> u64 {
        self.counts().iter().map(|(_, _, bytes)| bytes).sum()
    }

    fn counts(&self) -> MutexGuard<'_, Vec<(State, u64, u64)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the store on the keeper's thread. What nobody waits for any more when its turn comes is not done.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        let waiting = Waiting::begin(&self.waiting).ok_or_else(|| away("too many calls wait already"))?;
        let (answer, answered) = oneshot::channel();
        let ask = move |keeper: &mut Keeper<'_>| {
            if !answer.is_closed() {
                // Who asked may leave just now: then it is found by its list.
                let _ = answer.send(keeper.with(work));
            }
        };
        let told = match self.calls.send(Call::Ask(Box::new(ask))) {
            Ok(()) => tokio::time::timeout(PATIENCE, answered).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        drop(waiting);
        told.ok_or_else(|| away("the store did not answer in time"))?.map_err(|error| match error {
            StoreError::NotFound(_) => {
                Error::new(Kind::JobNotFound, "There is no such job of this key, or its time is over.")
            }
            error => away(&error.to_string()),
        })
    }

    /// Ends the job `id`, if it is at work here.
    fn stop(&self, id: &str) {
        let id = id.to_owned();
        // A keeper that has gone has ended all of them.
        let _ = self.calls.send(Call::Ask(Box::new(move |keeper| keeper.stop(&id))));
    }

    /// The lines that `/metrics` has of this.
    pub(crate) fn page(&self) -> String {
        let counts = self.counts();
        let mut page = "# HELP tollway_jobs Jobs in the store.\n# TYPE tollway_jobs gauge\n".to_owned();
        for state in State::ALL {
            let count = counts.iter().find(|(known, ..)| *known == state).map_or(0, |(_, count, _)| *count);
            let _ = writeln!(page, "tollway_jobs{{state=\"{}\"}} {count}", state.name());
        }
        page
    }
}

/// Counts a question for as long as it waits.
struct Waiting<'c>(&'c AtomicUsize);

impl<'c> Waiting<'c> {
    fn begin(count: &'c AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(count);
        (before < WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn away(why: &str) -> Error {
    crate::log::error("jobs.store-away", &serde_json::json!({"reason": why}));
    Error::new(Kind::StoreUnavailable, "The gateway cannot reach its store, where jobs are kept. Try again.")
}

/// Does what the keeper hands to this worker, for as long as it runs.
pub(crate) async fn serve(worker: Rc<Worker>) {
    let inbox = worker.shared.jobs.as_ref().and_then(|jobs| {
        let mut outlets = jobs.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        outlets.get_mut(worker.index)?.take()
    });
    let Some(mut inbox) = inbox else { return };
    while let Some(Work { whole, post, stop }) = inbox.recv().await {
        let worker = Rc::clone(&worker);
        tokio::task::spawn_local(async move {
            let mut ending = Ending { worker: Rc::clone(&worker), id: whole.job.id.clone(), outcome: Outcome::Left };
            let work = async {
                if post { Outcome::Posted(post::post(&worker, &whole).await) } else { run::run(&worker, whole).await }
            };
            tokio::select! {
                biased;
                _ = stop => {}
                outcome = work => ending.outcome = outcome,
            }
        });
    }
}

/// Tells the keeper how it ended, also where the task was dropped or panicked.
struct Ending {
    worker: Rc<Worker>,
    id: String,
    outcome: Outcome,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Outcome::Left);
        let done = Box::new(Done { id: std::mem::take(&mut self.id), outcome });
        if let Some(jobs) = &self.worker.shared.jobs {
            // A keeper that has gone has made due again what was not done.
            let _ = jobs.calls.send(Call::Done(done));
        }
    }
}

/// Those of `headers` that `wanted` names by their beginning, as text.
fn kept(headers: &HeaderMap, wanted: &[&str]) -> Vec<(String, String)> {
    let text = |name: &http::HeaderName| wanted.iter().any(|start| name.as_str().starts_with(start));
    headers
        .iter()
        .filter(|(name, _)| text(name))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
