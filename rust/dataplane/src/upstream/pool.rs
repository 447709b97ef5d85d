//! Connections to upstreams: one pool a worker, so that none is ever handed between threads.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::clock::{Instant, now};
use crate::gateway::executor::LocalExecutor;
use crate::snapshot::spec::Http2;

use super::body::Outgoing;
use super::origin::{Origin, Wire};
use super::resolve::Resolver;

/// An idle connection older than this is not used again: most servers close theirs after a minute or so.
const MAX_IDLE: Duration = Duration::from_secs(50);

/// One worker's connections, by origin.
#[derive(Default)]
pub(crate) struct Pool {
    origins: RefCell<FxHashMap<u64, Rc<Connections>>>,
    resolver: Resolver,
}

/// The connections to one origin.
struct Connections {
    max_age: Duration,
    state: RefCell<State>,
    /// Told when a connection comes back or ends.
    changed: Notify,
}

#[derive(Default)]
struct State {
    open: usize,
    idle: Vec<Idle>,
    shared: Option<Shared>,
}

struct Idle {
    sender: http1::SendRequest<Outgoing>,
    born: Instant,
    since: Instant,
}

#[derive(Clone)]
struct Shared {
    sender: http2::SendRequest<Outgoing>,
    born: Instant,
}

/// A connection that may take one request.
pub(crate) enum Sender {
    /// HTTP/1.1: this request's alone until its answer is read.
    One(http1::SendRequest<Outgoing>, Lease),
    /// HTTP/2: shared.
    Many(http2::SendRequest<Outgoing>),
}

/// The right to give an HTTP/1.1 connection back.
pub(crate) struct Lease {
    connections: Rc<Connections>,
    born: Instant,
}

impl Lease {
    /// Puts the connection back; its answer must have been read to the end.
    pub(crate) fn give_back(self, sender: http1::SendRequest<Outgoing>) {
        if !sender.is_closed() && self.born.elapsed() < self.connections.max_age {
            let idle = Idle { sender, born: self.born, since: now() };
            let mut state = self.connections.state.borrow_mut();
            if state.idle.len() >= state.open {
                // More than there are: some have ended while they waited.
                state.idle.retain(|idle| !idle.sender.is_closed());
            }
            state.idle.push(idle);
            drop(state);
            self.connections.changed.notify_one();
        }
    }
}

/// Counts a connection for as long as its task lives.
struct Counted(Rc<Connections>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.state.borrow_mut().open -= 1;
        self.0.changed.notify_one();
    }
}

/// Why no connection could be had.
pub(crate) enum ConnectError {
    /// It could not be made; what failed, without secrets.
    Failed(String),
    /// Not within the connect timeout.
    TimedOut,
}

impl Pool {
    /// A connection to `origin`: one that is open (unless `fresh`), else a new one, within the connect timeout; and
    /// whether it had to be waited for.
    pub(crate) async fn checkout(&self, origin: &Arc<Origin>, fresh: bool) -> Result<(Sender, bool), ConnectError> {
        let connections = self.connections(origin);
        if !fresh && let Some(sender) = connections.reuse() {
            return Ok((sender, false));
        }
        match tokio::time::timeout(origin.settings.connect_timeout, self.open(origin, connections)).await {
            Ok(opened) => opened.map(|sender| (sender, true)).map_err(ConnectError::Failed),
            Err(_) => Err(ConnectError::TimedOut),
        }
    }

    fn connections(&self, origin: &Origin) -> Rc<Connections> {
        let mut origins = self.origins.borrow_mut();
        let connections = origins.entry(origin.id).or_insert_with(|| {
            let max_age = origin.settings.max_connection_age;
            Rc::new(Connections { max_age, state: RefCell::default(), changed: Notify::new() })
        });
        Rc::clone(connections)
    }

    /// Forgets the connections to origins that `keep` does not hold; those in use end with their requests.
    pub(crate) fn retain(&self, keep: impl Fn(u64) -> bool) {
        self.origins.borrow_mut().retain(|id, _| keep(*id));
    }

    /// Closes, now and then, the connections that have been idle for too long; runs as long as its worker.
    pub(crate) async fn sweep(&self) {
        loop {
            tokio::time::sleep(MAX_IDLE / 4).await;
            self.origins.borrow().values().for_each(|connections| connections.drop_old());
        }
    }

    async fn open(&self, origin: &Origin, connections: Rc<Connections>) -> Result<Sender, String> {
        while connections.state.borrow().open >= origin.settings.max_connections {
            connections.changed.notified().await;
            if let Some(sender) = connections.reuse() {
                return Ok(sender);
            }
        }
        connections.state.borrow_mut().open += 1;
        let counted = Counted(Rc::clone(&connections));
        let wire = origin.connect(&self.resolver).await?;
        let http2 = wire.chose_http2() || origin.settings.http2 == Http2::Prior;
        match wire {
            Wire::Plain(stream) => connections.speak(TokioIo::new(stream), http2, counted).await,
            Wire::Tls(stream) => connections.speak(TokioIo::new(stream), http2, counted).await,
        }
        .map_err(|error| error.to_string())
    }
}

impl Connections {
    fn drop_old(&self) {
        let at = now();
        let mut state = self.state.borrow_mut();
        let is_young = |born: Instant| at.duration_since(born) < self.max_age;
        state
            .idle
            .retain(|idle| !idle.sender.is_closed() && is_young(idle.born) && at.duration_since(idle.since) < MAX_IDLE);
        // An HTTP/2 connection closes once nobody can send on it and its streams have ended.
        if state.shared.as_ref().is_some_and(|shared| shared.sender.is_closed() || !is_young(shared.born)) {
            state.shared = None;
        }
    }

    fn reuse(self: &Rc<Self>) -> Option<Sender> {
        let mut state = self.state.borrow_mut();
        if let Some(shared) = &state.shared {
            if !shared.sender.is_closed() && shared.born.elapsed() < self.max_age {
                return Some(Sender::Many(shared.sender.clone()));
            }
            state.shared = None;
        }
        let at = now();
        // The last one back first: it is the warmest, and the others may grow old and go.
        while let Some(idle) = state.idle.pop() {
            if idle.sender.is_closed() || at.duration_since(idle.born) >= self.max_age {
                continue;
            }
            if at.duration_since(idle.since) >= MAX_IDLE {
                // Those below have been idle for longer still.
                state.idle.clear();
                return None;
            }
            return Some(Sender::One(idle.sender, Lease { connections: Rc::clone(self), born: idle.born }));
        }
        None
    }

    async fn speak<Io>(self: &Rc<Self>, io: Io, http2: bool, counted: Counted) -> hyper::Result<Sender>
    where
        Io: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    {
        let born = now();
        if http2 {
            let (sender, connection) = http2::Builder::new(LocalExecutor)
                .timer(TokioTimer::new())
                .keep_alive_interval(Duration::from_secs(30))
                .keep_alive_timeout(Duration::from_secs(10))
                .adaptive_window(true)
                .handshake(io)
                .await?;
            drive(connection, counted);
            self.state.borrow_mut().shared = Some(Shared { sender: sender.clone(), born });
            self.changed.notify_waiters();
            return Ok(Sender::Many(sender));
        }
        let (sender, connection) = http1::Builder::new().handshake(io).await?;
        drive(connection, counted);
        Ok(Sender::One(sender, Lease { connections: Rc::clone(self), born }))
    }
}

/// Runs a connection until it ends. How it ended is told to the request that was on it.
fn drive(connection: impl Future<Output = hyper::Result<()>> + 'static, counted: Counted) {
    tokio::task::spawn_local(async move {
        let _ended = connection.await;
        drop(counted);
    });
}
