//! The desk: what the admin API and the command line ask of the store, and change in it. One call after the other, on a
//! thread of its own.

mod audit;
mod jobs;
mod keys;
mod requests;
mod scopes;
mod usage;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tollway_store::{By, Error, Store};

use crate::clock::{micros, unix_time};
use crate::snapshot::Snapshot;

use super::{Books, keys as in_force};

pub(crate) use requests::tail;

/// As many calls wait at once.
const WAITING: usize = 64;
/// How many keys, scopes or entries a page has if nothing is said, and at most.
const PAGE: usize = 100;
const MOST: usize = 1_000;

/// Why a call was refused: `code` for programs, `message` for people, `param` for which part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) param: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    fn at(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        serde_json::json!({"error": self.message, "code": self.code, "param": self.param})
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Away(_) | Error::Damaged(_) | Error::Newer { .. } => "store_unavailable",
            Error::NotFound(_) => "not_found",
            Error::Conflict(_) => "conflict",
            Error::Invalid(_) => "invalid",
            Error::TooBroad(_) => "too_broad",
        };
        Self::new(code, error.to_string())
    }
}

/// One call: its name, what it is given, and who makes it.
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) with: Value,
    pub(crate) actor: String,
    pub(crate) snapshot: std::sync::Arc<Snapshot>,
}

struct Asked(Call, oneshot::Sender<Result<Value, Refusal>>);

/// The way to the desk.
#[derive(Clone)]
pub(crate) struct Handle(SyncSender<Asked>);

/// The calls that arrive at the desk.
pub(crate) struct Calls(Receiver<Asked>);

impl Handle {
    pub(crate) fn new() -> (Self, Calls) {
        let (sender, receiver) = sync_channel(WAITING);
        (Self(sender), Calls(receiver))
    }

    /// Makes `call`, and waits for its answer.
    pub(crate) async fn ask(&self, call: Call) -> Result<Value, Refusal> {
        let (answer, answered) = oneshot::channel();
        let busy = |_| Refusal::new("store_unavailable", "too many calls wait already: try again");
        self.0.try_send(Asked(call, answer)).map_err(busy)?;
        answered.await.unwrap_or_else(|_| Err(Refusal::new("store_unavailable", "the gateway is ending")))
    }
}

/// Whether `name` is a call for the desk.
pub(crate) fn knows(name: &str) -> bool {
    ["keys.", "scopes.", "requests.", "audit.", "jobs."].iter().any(|group| name.starts_with(group)) || name == "usage"
}

/// Answers calls until nobody can make any.
pub(crate) fn run(books: &Books, calls: &Calls) {
    let mut desk = Desk { books, store: None };
    while let Ok(Asked(call, answer)) = calls.0.recv() {
        // Who asked may have gone.
        let _ = answer.send(desk.answer(&call));
    }
}

/// Where calls are answered.
pub(crate) struct Desk<'a> {
    pub(crate) books: &'a Books,
    pub(crate) store: Option<Store>,
}

impl Desk<'_> {
    /// Answers one call.
    pub(crate) fn answer(&mut self, call: &Call) -> Result<Value, Refusal> {
        match call.name.split_once('.') {
            None if call.name == "usage" => usage::answer(self, call),
            Some(("keys", what)) => keys::answer(self, what, call),
            Some(("scopes", what)) => scopes::answer(self, what, call),
            Some(("requests", what)) => requests::answer(self, what, call),
            Some(("jobs", what)) => jobs::answer(self, what, call),
            Some(("audit", what)) => audit::answer(self, what, call),
            _ => Err(no_such_call()),
        }
    }

    fn store(&mut self) -> Result<&mut Store, Refusal> {
        if self.store.is_none() {
            self.store = Some(self.books.connect()?);
        }
        self.store.as_mut().ok_or_else(|| Refusal::new("internal", "the store was opened and is not there"))
    }

    /// Changes something, and puts what has become of the keys in force here before anybody is told.
    fn change<T>(
        &mut self,
        call: &Call,
        change: impl FnOnce(&mut Store, By<'_>) -> Result<T, Error>,
    ) -> Result<T, Refusal> {
        let books = self.books;
        let store = self.store()?;
        let by = By { actor: &call.actor, at_us: now_us() };
        let changed = change(store, by);
        books.health.noted(changed.as_ref().err());
        let changed = changed?;
        // It is done; if reading it back fails, the watching thread will.
        let _ = in_force::load(books, store);
        Ok(changed)
    }

    fn ask<T>(&mut self, ask: impl FnOnce(&mut Store) -> Result<T, Error>) -> Result<T, Refusal> {
        let books = self.books;
        let asked = ask(self.store()?);
        books.health.noted(asked.as_ref().err());
        Ok(asked?)
    }
}

fn no_such_call() -> Refusal {
    Refusal::new("invalid", "no such call")
}

/// What a call is given, as `T`.
fn given<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    read(call.with.clone())
}

fn read<T: DeserializeOwned>(with: Value) -> Result<T, Refusal> {
    serde_json::from_value(with).map_err(|error| Refusal::new("invalid", error.to_string()))
}

/// A page of `all`, which is sorted by `name`: those after `after`, and what to ask for next.
fn page<T>(
    all: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
    (limit, after): (Option<usize>, Option<&str>),
) -> (Vec<T>, Option<String>) {
    let limit = limit.unwrap_or(PAGE).clamp(1, MOST);
    let mut page: Vec<T> =
        all.skip_while(|one| after.is_some_and(|after| *name(one) <= *after)).take(limit + 1).collect();
    if page.len() <= limit {
        return (page, None);
    }
    page.truncate(limit);
    let next = page.last().map(name);
    (page, next)
}

fn now_us() -> i64 {
    i64::try_from(micros(unix_time())).unwrap_or(i64::MAX)
}

/// An object's members; none for anything else.
fn members(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
