//! One data-plane thread's own things, and what all of them share.

use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use crate::hook::HookBridge;
use crate::snapshot::Snapshot;
use crate::telemetry::{Shard, Telemetry};
use crate::upstream::pool::Pool;

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) telemetry: Telemetry,
    pub(crate) hooks: Arc<HookBridge>,
    pub(crate) drain: watch::Sender<bool>,
    /// The same as `drain` holds, for who only looks.
    pub(crate) draining: AtomicBool,
    pub(crate) workers: Vec<Mailbox>,
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

    /// A random number, for spreading and for names; not for secrets. SplitMix64 (Steele, Lea, Flood 2014).
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
