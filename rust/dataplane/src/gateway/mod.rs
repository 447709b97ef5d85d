//! The gateway: starts the workers, swaps configurations, drains.

pub(crate) mod control;
pub(crate) mod executor;

use std::net::TcpListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tollway_records::journal::{Flusher, Ownership};

use crate::accept::listener;
use crate::alert::Alerts;
use crate::authenticate::registry::Registry;
use crate::books::Books;
use crate::clock::{self, unix_time};
use crate::hook::HookBridge;
use crate::jobs::{self, Jobs};
use crate::log;
use crate::snapshot::Snapshot;
use crate::telemetry::Telemetry;
use crate::translate::Signatures;
use crate::upstream::check;
use crate::worker::{Mailbox, Shared, Worker};

pub use control::Command;

/// The running data plane.
pub struct Gateway {
    shared: Arc<Shared>,
    /// The threads that keep the books, and what ends them once all else has.
    keepers: Mutex<Vec<JoinHandle<()>>>,
    close: watch::Sender<bool>,
    /// Its end closes the control socket.
    _control: watch::Sender<()>,
    _flusher: Option<Flusher>,
    commands: control::Commands,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Gateway")
    }
}

/// What a gateway starts with.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Where it serves.
    pub listeners: &'a [TcpListener],
    /// The Unix socket for the control plane.
    pub control: &'a Path,
    /// Data-plane threads.
    pub workers: usize,
    /// Threads for hooks.
    pub hook_threads: usize,
    /// The configuration, as JSON.
    pub snapshot: &'a [u8],
    /// Whether it takes over from a process that still runs, and has the journal.
    pub successor: bool,
}

/// Why the gateway did not start.
#[derive(Debug)]
pub enum StartError {
    /// The snapshot does not hold together.
    Snapshot(String),
    /// The journal or the store cannot be used; in words for the operator.
    Books(String),
    /// A socket, thread or file could not be had.
    Io(std::io::Error),
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Gateway {
    /// Serves as `start` says.
    ///
    /// # Errors
    /// [`StartError`]; nothing then runs.
    pub fn start(start: &Start<'_>) -> Result<Self, StartError> {
        let Start { listeners, control, workers, hook_threads, snapshot, successor } = *start;
        log::panics();
        let snapshot = Snapshot::compile(snapshot, None).map_err(StartError::Snapshot)?;
        let ownership = if successor { Ownership::Successor } else { Ownership::Owner };
        let books = match &snapshot.store {
            Some(spec) => {
                Some(Books::open(spec, &snapshot.secret, &snapshot.teams, ownership).map_err(StartError::Books)?)
            }
            None => None,
        };
        let without = || Arc::new(ArcSwap::from_pointee(Registry::without_store()));
        let registry = books.as_ref().map_or_else(without, |books| Arc::clone(&books.registry));
        let workers = workers.max(1);
        let (mailboxes, handed): (Vec<_>, Vec<_>) = (0..workers)
            .map(|_| {
                let (handover, handed) = mpsc::unbounded_channel();
                (Mailbox { connections: 0.into(), handover }, handed)
            })
            .unzip();
        let (jobs, called) = books.as_ref().map(|_| Jobs::new(workers)).unzip();
        let shared = Arc::new(Shared {
            alerts: Alerts::default(),
            began: clock::now(),
            snapshot: ArcSwap::from_pointee(snapshot),
            registry,
            books: books.clone(),
            telemetry: Telemetry::new(workers),
            signatures: Signatures::default(),
            hooks: Arc::new(HookBridge::new(hook_threads)?),
            drain: watch::Sender::new(false),
            draining: false.into(),
            workers: mailboxes,
            jobs,
            peak: 0.into(),
        });
        shared.alerts.sweep(&shared.snapshot.load(), shared.moment());
        let (stop, stopped) = watch::channel(false);
        let (close, closed) = watch::channel(false);
        let (keepers, desk, flusher) = match &books {
            Some(books) => {
                let (keepers, desk, flusher) = books.start(&closed)?;
                (keepers, Some(desk), flusher)
            }
            None => (Vec::new(), None, None),
        };
        let mut keepers = keepers;
        if let Some(called) = called {
            let (shared, closed) = (Arc::clone(&shared), closed.clone());
            let keeper = Builder::new().name("tollway-jobs".to_owned());
            keepers.push(keeper.spawn(move || jobs::keeper::run(&shared, &called, &closed))?);
        }
        let (control_open, control_closed) = watch::channel(());
        let commands = control::start(control, Arc::clone(&shared), desk, (stopped.clone(), control_closed))?;
        let gateway = Self {
            shared,
            keepers: Mutex::new(keepers),
            close,
            _control: control_open,
            _flusher: flusher,
            commands,
            threads: Mutex::default(),
            stop,
        };
        for (index, handed) in handed.into_iter().enumerate() {
            let thread = gateway.worker(index, listeners, handed, stopped.clone())?;
            gateway.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(gateway)
    }

    fn worker(
        &self,
        index: usize,
        listeners: &[TcpListener],
        handed: mpsc::UnboundedReceiver<std::net::TcpStream>,
        mut stopped: watch::Receiver<bool>,
    ) -> std::io::Result<JoinHandle<()>> {
        let listeners = listeners.iter().map(TcpListener::try_clone).collect::<std::io::Result<Vec<_>>>()?;
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
        let shared = Arc::clone(&self.shared);
        Builder::new().name(format!("tollway-dp-{index}")).spawn(move || {
            let Ok(runtime) = runtime() else { return };
            let seed = u64::try_from(unix_time().as_nanos() & u128::from(u64::MAX)).unwrap_or_default();
            let worker = Rc::new(Worker::new(index, shared, seed ^ random_seed()));
            runtime.block_on(async move {
                let listeners: std::io::Result<Vec<_>> = listeners
                    .into_iter()
                    .map(|listener| {
                        listener.set_nonblocking(true)?;
                        tokio::net::TcpListener::from_std(listener)
                    })
                    .collect();
                if let Ok(listeners) = listeners {
                    tokio::task::spawn_local({
                        let worker = Rc::clone(&worker);
                        async move { worker.pool.sweep().await }
                    });
                    tokio::task::spawn_local({
                        let worker = Rc::clone(&worker);
                        async move { worker.look_after_journal().await }
                    });
                    tokio::task::spawn_local(jobs::serve(Rc::clone(&worker)));
                    if index == 0 {
                        tokio::task::spawn_local(check::run(Rc::clone(&worker)));
                    }
                    tokio::task::spawn_local(listener::run(worker, listeners, handed));
                    let _stopped = stopped.wait_for(|stop| *stop).await;
                }
            });
            // What still runs is cut here: its time to drain is over. Look-ups of names may be stuck in the system.
            runtime.shutdown_timeout(Duration::from_millis(100));
        })
    }

    /// Puts another configuration in force for every request that begins after it; `cause` is who or what asked for it.
    ///
    /// # Errors
    /// What does not hold together; the configuration in force stays.
    pub fn reload(&self, snapshot: &[u8], cause: &str) -> Result<(), String> {
        let before = self.shared.snapshot.load_full();
        let snapshot = Arc::new(Snapshot::compile(snapshot, Some(&before))?);
        self.shared.snapshot.store(Arc::clone(&snapshot));
        self.shared.alerts.sweep(&snapshot, self.shared.moment());
        if let Some(books) = &self.shared.books {
            books.configured(&snapshot.teams);
            let told = serde_json::json!({"generation": snapshot.generation});
            books.audit(cause, ("reload", "configuration", ""), &told);
        }
        Ok(())
    }

    /// Stops accepting, lets what runs finish for at most `patience`, and ends every thread but that of the control
    /// socket, from which what happened last can be fetched until this is dropped. Whether all finished.
    pub fn drain(&self, patience: Duration) -> bool {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.shared.drain.send_replace(true);
        let until = Instant::now() + patience;
        // Idle connections end soon, so what is left then is at work.
        let busy = || self.shared.connections() + self.shared.jobs.as_ref().map_or(0, Jobs::held) > 0;
        while busy() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let finished = !busy();
        self.stop.send_replace(true);
        self.shared.hooks.close();
        self.commands.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _joined = thread.join();
        }
        // Nothing is written any more: what is left is shipped.
        if let Some(books) = &self.shared.books {
            books.close();
        }
        self.close.send_replace(true);
        let keepers = std::mem::take(&mut *self.keepers.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in keepers {
            let _joined = thread.join();
        }
        finished
    }

    /// Waits for a command of the control plane, for at most `patience`.
    pub fn next_command(&self, patience: Duration) -> Option<Command> {
        self.commands.next(patience)
    }

    /// Answers the command `id`: an error's text, or none.
    pub fn finish_command(&self, id: u64, error: Option<String>) {
        self.commands.finish(id, error);
    }

    /// The way of hooks to Python and back.
    pub fn hooks(&self) -> &Arc<HookBridge> {
        &self.shared.hooks
    }

    /// How many connections of callers are open, and the most that were at a time since the last call.
    pub fn connections(&self) -> (usize, usize) {
        let open = self.shared.connections();
        (open, self.shared.peak.swap(open, Ordering::Relaxed).max(open))
    }

    /// The counters, in Prometheus' text format.
    pub fn metrics(&self) -> String {
        control::metrics(&self.shared)
    }
}

/// A number that no other process has: the standard library seeds its hashers from the system's random source.
fn random_seed() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(0)
}
