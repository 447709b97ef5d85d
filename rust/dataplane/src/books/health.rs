//! How the books are doing: what readiness, the admin API and the metrics tell.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tollway_records::journal::Condition;
use tollway_store::Error;

use crate::authenticate::registry::Known;
use crate::clock::{micros, unix_time};
use crate::log;

use crate::telemetry::Gauge;

use super::Books;

/// The last word on the store.
#[derive(Default)]
pub(crate) struct Health {
    store: Mutex<Option<Away>>,
    /// So many of the bytes that the journal has written need not be shipped: they are in the store, or are no entries.
    /// Never too many, so that nothing which waits is taken for shipped.
    pub(crate) done: AtomicU64,
    /// When everything in the journal was last in the store, in µs since 1970.
    pub(crate) shipped_us: AtomicU64,
    /// Records shipped by this process.
    pub(crate) shipped: AtomicU64,
}

struct Away {
    why: String,
    since_us: u64,
}

impl Health {
    /// Notes how a call of the store went; what is the caller's own fault says nothing of the store.
    pub(crate) fn noted(&self, error: Option<&Error>) {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(Error::Away(why) | Error::Damaged(why)) => {
                if store.is_none() {
                    log::error("store.away", &json!({"reason": why}));
                    *store = Some(Away { why: why.clone(), since_us: micros(unix_time()) });
                }
            }
            Some(error @ Error::Newer { .. }) if store.is_none() => {
                *store = Some(Away { why: error.to_string(), since_us: micros(unix_time()) });
            }
            _ => {
                if store.take().is_some() {
                    log::info("store.back", &json!({}));
                }
            }
        }
    }

    /// Whether the store answers.
    pub(crate) fn store_answers(&self) -> bool {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl Books {
    /// `{store, journal, keys}`, as the admin API tells it.
    pub(crate) fn told(&self) -> Value {
        let done = self.health.done.load(Relaxed);
        let journal = self.journal.state();
        let registry = self.registry.load();
        let store = self.health.store.lock().unwrap_or_else(PoisonError::into_inner);
        let (store, detail, since) = match &*store {
            None => ("ok", None, None),
            Some(away) => ("away", Some(away.why.clone()), Some(away.since_us)),
        };
        let failing = match &journal.condition {
            Condition::Failing(error) => Some(error.clone()),
            _ => None,
        };
        let caught_up = self.health.shipped_us.load(Relaxed);
        json!({
            "store": {"state": store, "detail": detail, "since_us": since},
            "journal": {
                "state": condition(&journal.condition), "detail": failing, "bytes": journal.bytes,
                "max_bytes": journal.max_bytes, "unshipped": journal.written.saturating_sub(done),
                "shipped": self.health.shipped.load(Relaxed),
                "lag_us": micros(unix_time()).saturating_sub(caught_up), "held": journal.held,
                "dropped": journal.dropped, "refused": journal.refused, "unknown": journal.unknown,
                "quarantined": journal.quarantined, "torn": journal.torn,
            },
            "keys": {"state": known(registry.known), "as_of_us": micros(registry.as_of), "count": registry.rows.len()},
        })
    }

    /// What `/metrics` tells of the books.
    pub(crate) fn gauges(&self) -> Vec<Gauge> {
        let done = self.health.done.load(Relaxed);
        let journal = self.journal.state();
        let (held, missed) = self.ring.counts();
        let gauge = |name, help, value| Gauge { name, kind: "gauge", help, value };
        let counter = |name, help, value| Gauge { name, kind: "counter", help, value };
        let unshipped = journal.written.saturating_sub(done);
        vec![
            gauge("tollway_journal_bytes", "Bytes of the journal on the disk.", journal.bytes),
            gauge("tollway_journal_unshipped_bytes", "Bytes of the journal that are not in the store yet.", unshipped),
            gauge("tollway_journal_held", "Records that wait in memory for a disk that fails.", journal.held),
            counter("tollway_journal_dropped_total", "Records that were lost.", journal.dropped),
            counter("tollway_journal_refused_total", "Payloads that a full journal did not take.", journal.refused),
            counter("tollway_journal_shipped_total", "Entries put into the store.", self.health.shipped.load(Relaxed)),
            counter("tollway_journal_unknown_total", "Entries of a newer version, passed over.", journal.unknown),
            counter("tollway_journal_quarantined_total", "Damaged files, put aside.", journal.quarantined),
            counter("tollway_journal_torn_total", "Files whose last entry a crash had cut off.", journal.torn),
            gauge("tollway_tail_records", "Records held for who watches them come in.", held),
            counter("tollway_tail_missed_total", "Records that went by before a watcher asked for them.", missed),
            gauge("tollway_store_up", "1: the store answers.", u64::from(self.health.store_answers())),
        ]
    }

    /// What does not work as it should, in a word each.
    pub(crate) fn degraded(&self) -> Vec<&'static str> {
        let mut degraded = Vec::new();
        if !self.health.store_answers() {
            degraded.push("store");
        }
        match self.journal.state().condition {
            Condition::Ok => {}
            Condition::Filling => degraded.push("journal-filling"),
            Condition::Full => degraded.push("journal-full"),
            Condition::Failing(_) => degraded.push("journal-failing"),
        }
        match self.registry.load().known {
            Known::Fresh => {}
            Known::Local => degraded.push("keys-local"),
            Known::Nothing => degraded.push("keys-unknown"),
        }
        degraded
    }
}

fn condition(condition: &Condition) -> &'static str {
    match condition {
        Condition::Ok => "ok",
        Condition::Filling => "filling",
        Condition::Full => "full",
        Condition::Failing(_) => "failing",
    }
}

fn known(known: Known) -> &'static str {
    match known {
        Known::Fresh => "fresh",
        Known::Local => "local",
        Known::Nothing => "none",
    }
}
