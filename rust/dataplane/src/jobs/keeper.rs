//! The keeper: one thread that asks the store of jobs. It takes what is due for this process, prolongs what is at work
//! here, and keeps what came of it. Other gateways on the same store do the same; each job is one's at a time.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{oneshot, watch};
use tollway_store::jobs::{Answer, Posted, Whole};
use tollway_store::{Error, Store};

use crate::alert::Kind;
use crate::books::{Books, RETRY};
use crate::clock::{Instant, micros, now, unix_time};
use crate::log;
use crate::worker::Shared;

use super::callback::Settings;
use super::post::Post;
use super::{Call, Done, Jobs, Outcome, Work};

/// How long a job is this process's without a word; what a process that died had taken is taken again after that.
const LEASE: Duration = Duration::from_secs(30);
/// How often what is at work is prolonged, and it is seen what was given up elsewhere.
const PROLONG: Duration = Duration::from_secs(5);
/// How often it is looked for what is due: for posts to be tried again, and for what others have left.
const LOOK: Duration = Duration::from_secs(1);
/// How long is waited for a call before it is looked whether the process ends.
const TURN: Duration = Duration::from_millis(250);
/// How often jobs are counted.
const COUNT: Duration = Duration::from_secs(2);
/// How often jobs are forgotten whose time is over, and how many at once.
const FORGET: Duration = Duration::from_secs(30);
const FORGOTTEN: usize = 200;
/// The longest wait between two posts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What the thread works with.
pub(crate) struct Keeper<'a> {
    shared: &'a Shared,
    books: &'a Books,
    jobs: &'a Jobs,
    store: Option<Store>,
    /// This process, as the owner of jobs: its journal, and a number that no process of that journal had before.
    owner: String,
    /// Those at work here, and what ends them.
    held: HashMap<String, Held>,
    /// What came of some that the store did not take yet.
    undone: Vec<Done>,
    /// Whether what a process before this one had left was looked for.
    inherited: bool,
    /// The worker that is next.
    next: usize,
    due: Due,
}

struct Held {
    post: bool,
    posts: u32,
    key: String,
    host: String,
    _stop: oneshot::Sender<()>,
}

/// When each of the regular things is done next.
struct Due {
    look: Instant,
    prolong: Instant,
    count: Instant,
    forget: Instant,
    connect: Instant,
}

impl Due {
    fn first(&self) -> Instant {
        self.look.min(self.prolong).min(self.count).min(self.forget)
    }
}

/// Keeps the jobs of `shared` until `closed`, and then makes due again what is not done.
pub(crate) fn run(shared: &Arc<Shared>, calls: &Receiver<Call>, closed: &watch::Receiver<bool>) {
    let (Some(books), Some(jobs)) = (shared.books.as_deref(), &shared.jobs) else { return };
    let at = now();
    let mut keeper = Keeper {
        shared,
        books,
        jobs,
        store: None,
        owner: format!("{}/{:016x}", books.journal.id(), RandomState::new().hash_one(std::process::id())),
        held: HashMap::new(),
        undone: Vec::new(),
        inherited: false,
        next: 0,
        due: Due { look: at, prolong: at + PROLONG, count: at, forget: at, connect: at },
    };
    loop {
        match calls.recv_timeout(keeper.due.first().saturating_duration_since(now()).min(TURN)) {
            Ok(Call::Ask(ask)) => ask(&mut keeper),
            Ok(Call::Done(done)) => keeper.done(*done),
            Ok(Call::Look) => keeper.due.look = now(),
            Err(RecvTimeoutError::Timeout) if *closed.borrow() => break,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        keeper.turn();
    }
    keeper.leave();
}

impl Keeper<'_> {
    /// Asks the store, connecting to it if need be. After that it is looked for what is due.
    pub(super) fn with<T>(&mut self, work: impl FnOnce(&mut Store) -> Result<T, Error>) -> Result<T, Error> {
        if self.store.is_none() {
            if self.due.connect > now() {
                return Err(Error::Away("the store did not answer a moment ago".to_owned()));
            }
            self.due.connect = now() + RETRY;
            self.store = Some(self.books.connect()?);
        }
        let Some(store) = &mut self.store else { return Err(Error::Away("the store is not open".to_owned())) };
        let done = work(store);
        self.books.health.noted(done.as_ref().err());
        done
    }

    /// Ends the job `id`, if it is at work here.
    pub(super) fn stop(&mut self, id: &str) {
        self.held.remove(id);
        self.told();
    }

    /// Does what is due.
    fn turn(&mut self) {
        let undone = std::mem::take(&mut self.undone);
        undone.into_iter().for_each(|done| self.done(done));
        let at = now();
        if self.due.prolong <= at {
            self.due.prolong = at + PROLONG;
            self.prolong();
        }
        if self.due.look <= at {
            if !self.shared.draining() {
                self.take();
            }
            self.due.look = at + LOOK;
        }
        if self.due.count <= at {
            let counted = self.with(Store::job_counts);
            if let Ok(counts) = counted {
                *self.jobs.counts() = counts;
            }
            self.due.count = at + COUNT;
        }
        if self.due.forget <= at {
            let forgotten = self.with(|store| store.forget_jobs(us(unix_time()), FORGOTTEN));
            let more = forgotten.is_ok_and(|count| count >= FORGOTTEN as u64);
            self.due.forget = if more { at + LOOK } else { at + FORGET };
        }
    }

    /// Takes what is due, as far as there is room, and hands it to the workers in turn.
    fn take(&mut self) {
        if !self.inherited && self.books.journal.is_owned() {
            // Of one journal there is one owner: whoever had taken jobs in its name before is dead.
            let (family, owner) = (self.books.journal.id().to_owned(), self.owner.clone());
            let released = self.with(|store| store.release_jobs_of(&family, &owner, us(unix_time())));
            self.inherited = released.is_ok();
        }
        let room = self.shared.snapshot.load().jobs.concurrency;
        for post in [false, true] {
            let at_work = self.held.values().filter(|held| held.post == post).count();
            let limit = room.saturating_sub(at_work);
            if limit == 0 {
                continue;
            }
            let (owner, time) = (self.owner.clone(), unix_time());
            let taken = self.with(|store| store.take_jobs(&owner, (us(time), us(time + LEASE)), (post, limit)));
            taken.into_iter().flatten().for_each(|whole| self.hand_out(whole, post));
        }
    }

    fn hand_out(&mut self, whole: Whole, post: bool) {
        let (stop, stopped) = oneshot::channel();
        let url = whole.job.callback.as_deref().and_then(|url| url.parse::<http::Uri>().ok());
        let held = Held {
            post,
            posts: u32::try_from(whole.job.posts).unwrap_or(u32::MAX),
            key: whole.job.key.clone(),
            host: url.as_ref().and_then(http::Uri::host).unwrap_or_default().to_owned(),
            _stop: stop,
        };
        self.held.insert(whole.job.id.clone(), held);
        self.told();
        self.next = (self.next + 1) % self.jobs.inboxes.len().max(1);
        if let Some(inbox) = self.jobs.inboxes.get(self.next) {
            // A worker that has gone: the gateway ends, and what is held is made due again.
            let _ = inbox.send(Work { whole, post, stop: stopped });
        }
    }

    fn prolong(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let ids: Vec<String> = self.held.keys().cloned().collect();
        let (owner, until) = (self.owner.clone(), us(unix_time() + LEASE));
        let lost = self.with(|store| {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let lost = store.prolong_jobs(&owner, until, &ids)?;
            Ok(lost.into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        // Given up by their callers elsewhere, or another's by now, because the store was away for long.
        lost.into_iter().flatten().for_each(|id| self.stop(&id));
    }

    /// Keeps what a job came to; until the store takes it, it is at work.
    fn done(&mut self, done: Done) {
        let Some(held) = self.held.get(&done.id) else { return };
        let (posts, key, host) = (held.posts, held.key.clone(), held.host.clone());
        self.due.look = now();
        let snapshot = self.shared.snapshot.load_full();
        let (settings, owner, time) = (&snapshot.jobs, self.owner.clone(), unix_time());
        let kept = match &done.outcome {
            // It stays this process's until its time is over, and is then taken again.
            Outcome::Left => Ok(true),
            Outcome::Answered { status, head, body } => {
                let head = serde_json::to_string(head).unwrap_or_default();
                let answer = Answer { status: i64::from(*status), head: &head, body };
                let times = (us(time), us(time + settings.retain));
                self.with(|store| store.answer_job(&owner, &done.id, &answer, times))
            }
            Outcome::Posted(post) => {
                let posted = next(post, posts, settings, time);
                let kept = self.with(|store| store.posted_job(&owner, &done.id, posted));
                if let (Posted::GivenUp(why), Ok(true)) = (posted, &kept) {
                    let message = format!("The answer of {} could not be posted to {host}: {why}.", done.id);
                    self.shared.alerts.raise(Kind::CallbackFailed, &key, &message);
                }
                kept
            }
        };
        match kept {
            Err(Error::Away(_)) => self.undone.push(done),
            Err(error) => {
                log::error("jobs.not-kept", &json!({"job": done.id, "error": error.to_string()}));
                self.stop(&done.id);
            }
            Ok(_) => self.stop(&done.id),
        }
    }

    /// Makes due at once, for whoever comes next, what is not done.
    fn leave(&mut self) {
        self.turn();
        self.held.clear();
        let owner = self.owner.clone();
        // If that fails they are due when their time is over.
        let _ = self.with(|store| store.release_jobs(&owner, us(unix_time())));
        self.told();
    }

    fn told(&self) {
        self.jobs.held.store(self.held.len(), Ordering::Relaxed);
    }
}

/// What follows from a post that was the `posts`-th.
fn next<'p>(post: &'p Post, posts: u32, settings: &Settings, time: Duration) -> Posted<'p> {
    match post {
        Post::Taken => Posted::Taken,
        Post::Refused(why) => Posted::GivenUp(why),
        Post::Again(why) if posts >= settings.attempts => Posted::GivenUp(why),
        Post::Again(why) => {
            let times = 3_u32.saturating_pow(posts.saturating_sub(1));
            Posted::Again(us(time + settings.pause.saturating_mul(times).min(LONGEST_PAUSE)), why)
        }
    }
}

fn us(time: Duration) -> i64 {
    i64::try_from(micros(time)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::spec::JobsSpec;

    #[test]
    fn posts_are_tried_again_for_about_an_hour() {
        let settings = JobsSpec::default().compile();
        let again = Post::Again("status 503".to_owned());
        let mut waited = 0;
        for posts in 1..8 {
            let Posted::Again(due, why) = next(&again, posts, &settings, Duration::ZERO) else { panic!("{posts}") };
            assert_eq!(why, "status 503");
            assert!(due > waited);
            waited += due;
        }
        assert_eq!(waited / 1_000_000, 3_279);
        assert_eq!(next(&again, 8, &settings, Duration::ZERO), Posted::GivenUp("status 503"));
        let refused = Post::Refused("status 404".to_owned());
        assert_eq!(next(&refused, 1, &settings, Duration::ZERO), Posted::GivenUp("status 404"));
        let long = Settings { attempts: 20, ..settings };
        assert_eq!(next(&again, 19, &long, Duration::ZERO), Posted::Again(us(LONGEST_PAUSE), "status 503"));
    }
}
