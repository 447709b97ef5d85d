//! One data-plane thread's own things, and what all of them share.

use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tollway_records::journal::{AppendError, Kind, Lane};
use tollway_resilience::Moment;

use crate::alert::Alerts;
use crate::authenticate::registry::Registry;
use crate::books::Books;
use crate::clock::{Instant, micros};
use crate::hook::HookBridge;
use crate::jobs::Jobs;
use crate::snapshot::Snapshot;
use crate::telemetry::{Shard, Telemetry};
use crate::translate::Signatures;
use crate::upstream::pool::Pool;

/// How often a worker looks after its part of the journal.
const LOOK: Duration = Duration::from_millis(250);

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) registry: Arc<ArcSwap<Registry>>,
    /// Where there is a store.
    pub(crate) books: Option<Arc<Books>>,
    pub(crate) telemetry: Telemetry,
    pub(crate) signatures: Signatures,
    pub(crate) alerts: Alerts,
    /// When the process began to serve.
    pub(crate) began: Instant,
    pub(crate) hooks: Arc<HookBridge>,
    pub(crate) drain: watch::Sender<bool>,
    /// The same as `drain` holds, for who only looks.
    pub(crate) draining: AtomicBool,
    pub(crate) workers: Vec<Mailbox>,
    /// Where there is a store.
    pub(crate) jobs: Option<Jobs>,
    /// The most connections that were open at a time since somebody asked.
    pub(crate) peak: AtomicUsize,
}

/// How other workers reach a worker: with a connection, if it has fewer than they.
pub(crate) struct Mailbox {
    pub(crate) connections: AtomicUsize,
    pub(crate) handover: mpsc::UnboundedSender<TcpStream>,
}

impl Shared {
    /// Open connections of callers, over all workers.
    pub(crate) fn connections(&self) -> usize {
        self.workers.iter().map(|worker| worker.connections.load(Ordering::Relaxed)).sum()
    }

    /// Now, for what judges deployments: one clock for all threads.
    pub(crate) fn moment(&self) -> Moment {
        Moment(micros(self.began.elapsed()))
    }

    /// Whether new work is refused.
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// One data-plane thread.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) shard: Arc<Shard>,
    pub(crate) pool: Pool,
    lane: RefCell<Option<Lane>>,
    /// Whether the journal takes the records of new requests, as of the last look.
    accepting: Cell<bool>,
    snapshot: RefCell<Arc<Snapshot>>,
    random: Cell<u64>,
}

impl Worker {
    /// The worker `index`, whose random numbers begin at `seed`.
    pub(crate) fn new(index: usize, shared: Arc<Shared>, seed: u64) -> Self {
        Self {
            index,
            shard: shared.telemetry.shard(index),
            pool: Pool::default(),
            lane: RefCell::new(shared.books.as_ref().and_then(|books| books.journal.lane().ok())),
            accepting: Cell::new(true),
            snapshot: RefCell::new(shared.snapshot.load_full()),
            random: Cell::new(seed),
            shared,
        }
    }

    /// The configuration in force.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        let current = self.shared.snapshot.load();
        let mut mine = self.snapshot.borrow_mut();
        if !Arc::ptr_eq(&mine, &current) {
            *mine = Arc::clone(&current);
            let origins: Vec<u64> =
                current.providers.iter().filter_map(|provider| Some(provider.origin()?.id)).collect();
            self.pool.retain(|id| origins.contains(&id));
        }
        Arc::clone(&mine)
    }

    /// Appends what `write` writes to the journal; whether it is there, or waits in memory for a disk that fails.
    pub(crate) fn remember(&self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Some(lane) = &mut *self.lane.borrow_mut() else { return false };
        matches!(lane.append(kind, write), Ok(()) | Err(AppendError::Held(_)))
    }

    /// Whether the journal has room for the record of another request.
    pub(crate) fn has_room(&self) -> bool {
        self.accepting.get() && self.lane.borrow().as_ref().is_none_or(|lane| !lane.full())
    }

    /// Looks after the journal now and then: what a failing disk has refused is written once it works again.
    pub(crate) async fn look_after_journal(&self) {
        let Some(books) = self.shared.books.clone() else { return };
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(lane) = &mut *self.lane.borrow_mut() {
                lane.retry();
            }
            self.accepting.set(books.accepts());
        }
    }

    /// Whether the payload of a request is to be kept: of so many, the share that the configuration says.
    pub(crate) fn samples(&self) -> bool {
        let Some(books) = &self.shared.books else { return false };
        let share = books.spec.payload_sampling;
        share > 0.0 && (self.random() >> 11) as f64 / (1_u64 << 53) as f64 <= share && books.takes_payloads()
    }

    /// Now, for what judges deployments.
    pub(crate) fn moment(&self) -> Moment {
        self.shared.moment()
    }

    /// A random number, for spreading and for names; not for secrets. SplitMix64 (Steele, Lea, Flood 2014).
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
