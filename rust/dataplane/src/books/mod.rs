//! The books: what outlives a request. Requests are journalled by the workers; from there on threads of their own keep
//! the books, and no request ever waits for one of them.
//!
//! | module | what it does |
//! |---|---|
//! | [`outbox`] | ships the journal to the store |
//! | [`ring`] | the latest records, for who watches |
//! | [`keys`] | the run-time keys of this process, as the store has them |
//! | [`desk`] | what the admin API and the command line ask and change |
//! | [`health`] | how all of this is doing |

pub(crate) mod desk;
pub(crate) mod health;
pub(crate) mod keys;
pub mod offline;
pub(crate) mod outbox;
pub(crate) mod ring;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Value, json};
use tokio::sync::watch;
use tollway_records::journal::{self, Flusher, Fsync, Journal, Kind, Lane, Ownership};
use tollway_store::{Error, Options, Store, Url};
use zeroize::Zeroizing;

use crate::authenticate::registry::{Registry, TeamModels};
use crate::clock::{micros, unix_time};
use crate::log;
use crate::snapshot::spec::{OnFull, StoreSpec};

use health::Health;
use ring::Ring;

/// How long a thread of the books waits for a store that is away before it asks again.
pub(crate) const RETRY: Duration = Duration::from_millis(500);

/// Why the books cannot be opened, for the operator.
pub(crate) type OpenError = String;

/// The open books of one process.
pub(crate) struct Books {
    pub(crate) journal: Journal,
    pub(crate) url: Url,
    pub(crate) options: Options,
    pub(crate) spec: StoreSpec,
    pub(crate) secret: Zeroizing<Vec<u8>>,
    pub(crate) health: Health,
    pub(crate) ring: Ring,
    pub(crate) registry: Arc<ArcSwap<Registry>>,
    /// The teams of the configuration in force.
    pub(crate) teams: ArcSwap<TeamModels>,
    /// Held while the keys are read and put in force, so that an older reading never replaces a newer one.
    pub(crate) loading: Mutex<()>,
    /// For what is not a request: the supervisor's own changes.
    lane: Mutex<Option<Lane>>,
}

impl Books {
    /// Opens the journal, and the store if it can be reached: if not, traffic goes on without it.
    ///
    /// # Errors
    /// Where another process owns the journal, or a newer program wrote the store.
    pub(crate) fn open(
        spec: &StoreSpec,
        secret: &[u8],
        teams: &TeamModels,
        ownership: Ownership,
    ) -> Result<Arc<Self>, OpenError> {
        let url = Url::parse(&spec.url).map_err(|error| format!("[store] url: {error}"))?;
        let fsync = match spec.fsync_ms {
            0 => Fsync::Always,
            ms => Fsync::Interval(Duration::from_millis(ms)),
        };
        let mut settings = journal::Settings::new(spec.journal_max, fsync);
        settings.report = Arc::new(|event| {
            log::error("journal", &serde_json::to_value(event).unwrap_or_default());
        });
        let journal = Journal::open(&spec.journal, settings, ownership).map_err(|error| error.to_string())?;
        let lane = journal.lane().map_err(|error| error.to_string())?;
        let books = Arc::new(Self {
            journal,
            url,
            options: Options::default(),
            spec: spec.clone(),
            secret: Zeroizing::new(secret.to_vec()),
            health: Health::default(),
            ring: Ring::default(),
            registry: Arc::new(ArcSwap::from_pointee(Registry::nothing())),
            teams: ArcSwap::from_pointee(teams.clone()),
            loading: Mutex::default(),
            lane: Mutex::new(Some(lane)),
        });
        match books.connect() {
            Ok(mut store) => drop(keys::load(&books, &mut store)),
            Err(error @ (Error::Newer { .. } | Error::Damaged(_) | Error::Invalid(_))) => {
                return Err(format!("[store] {}: {error}", books.url));
            }
            Err(_) => keys::load_local(&books),
        }
        Ok(books)
    }

    /// A connection to the store of one's own; how that went is noted.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn connect(&self) -> Result<Store, Error> {
        let opened = Store::open(&self.url, &self.options);
        self.health.noted(opened.as_ref().err());
        opened
    }

    /// Starts the threads. They end when `stopped` says so; the outbox then ships what is left, if that is soon done.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub(crate) fn start(
        self: &Arc<Self>,
        stopped: &watch::Receiver<bool>,
    ) -> std::io::Result<(Vec<JoinHandle<()>>, desk::Handle, Option<Flusher>)> {
        let flusher = self.journal.start_flusher()?;
        let (handle, calls) = desk::Handle::new();
        let thread = |name: &str, run: Box<dyn FnOnce() + Send>| Builder::new().name(name.to_owned()).spawn(run);
        let threads = vec![
            thread("tollway-outbox", {
                let (books, stopped) = (Arc::clone(self), stopped.clone());
                Box::new(move || outbox::run(&books, &stopped))
            })?,
            thread("tollway-keys", {
                let (books, stopped) = (Arc::clone(self), stopped.clone());
                Box::new(move || keys::watch(&books, &stopped))
            })?,
            thread("tollway-desk", {
                let books = Arc::clone(self);
                Box::new(move || desk::run(&books, &calls))
            })?,
        ];
        Ok((threads, handle, flusher))
    }

    /// Takes over the teams of another configuration.
    pub(crate) fn configured(&self, teams: &TeamModels) {
        self.teams.store(Arc::new(teams.clone()));
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        self.registry.store(Arc::new(self.registry.load().under(teams)));
    }

    /// Journals that `actor` did something to what the store does not hold.
    pub(crate) fn audit(&self, actor: &str, (action, kind, name): (&str, &str, &str), after: &Value) {
        let entry = json!({"actor": actor, "at_us": micros(unix_time()), "action": action, "kind": kind,
            "name": name, "after": after});
        if let Some(lane) = self.lane.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // What cannot be written now is held in memory, and reported.
            let _held = lane.append(Kind::Audit, |out| out.extend_from_slice(entry.to_string().as_bytes()));
        }
    }

    /// Tries again what could not be written: for a timer.
    pub(crate) fn tick(&self) {
        if let Some(lane) = self.lane.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            lane.retry();
        }
    }

    /// Closes the lane, so that the last owner of the journal can delete its segment.
    pub(crate) fn close(&self) {
        *self.lane.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the journal can take the records of more requests. A few that run already always find room.
    pub(crate) fn accepts(&self) -> bool {
        let state = self.journal.state();
        // While the disk fails, entries wait in memory, of which each lane has 4 MiB.
        state.condition != journal::Condition::Full && state.held_bytes < 2 << 20
    }

    /// Whether payloads are kept at the moment.
    pub(crate) fn takes_payloads(&self) -> bool {
        self.spec.payload_sampling > 0.0
            && (self.spec.on_full == OnFull::Refuse || self.journal.state().condition == journal::Condition::Ok)
    }
}
