//! The latest records, for who watches them come in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollway_records::Record;

use crate::clock::{Instant, now};

/// As many records are kept while nobody watches.
const KEPT: usize = 1024;
/// As many are kept while somebody does: what one that looks ten times a second may be behind.
const WATCHED: usize = 8192;
/// For so long after each look somebody is taken to watch: a control plane that died is back by then.
const WATCHING: Duration = Duration::from_secs(10);

/// Records by the order in which they were read from the journal.
#[derive(Default)]
pub(crate) struct Ring(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    records: VecDeque<Arc<Record>>,
    /// The number of the next record.
    next: u64,
    /// When somebody looked last.
    looked: Option<Instant>,
    /// Records that had gone before a watcher asked for them, over all watchers.
    missed: u64,
}

/// What a watcher gets.
pub(crate) struct Seen {
    pub(crate) records: Vec<(u64, Arc<Record>)>,
    /// What to ask for next.
    pub(crate) next: u64,
    /// Records that have gone before they were asked for.
    pub(crate) missed: u64,
}

impl Ring {
    /// Adds a record.
    pub(crate) fn push(&self, record: Arc<Record>) {
        let mut latest = self.lock();
        let watched = latest.looked.is_some_and(|looked| looked.elapsed() < WATCHING);
        while latest.records.len() >= if watched { WATCHED } else { KEPT } {
            latest.records.pop_front();
        }
        latest.records.push_back(record);
        latest.next += 1;
    }

    /// At most `limit` records that `wanted` likes, from the number `after` on; without it, only those to come.
    pub(crate) fn since(&self, after: Option<u64>, limit: usize, wanted: impl Fn(&Record) -> bool) -> Seen {
        let mut latest = self.lock();
        latest.looked = Some(now());
        let first = latest.next - latest.records.len() as u64;
        // A number from another process's time, or from the future, begins anew.
        let after = after.filter(|after| *after <= latest.next).unwrap_or(latest.next);
        let missed = first.saturating_sub(after);
        latest.missed += missed;
        let mut seen = Seen { records: Vec::new(), next: latest.next, missed };
        for (number, record) in (first..).zip(&latest.records).filter(|(number, _)| *number >= after) {
            if seen.records.len() == limit {
                seen.next = number;
                break;
            }
            if wanted(record) {
                seen.records.push((number, Arc::clone(record)));
            }
        }
        seen
    }

    /// How many records are kept, and how many watchers have missed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let latest = self.lock();
        (latest.records.len() as u64, latest.missed)
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: usize) -> Arc<Record> {
        Arc::new(Record { id: id.to_string(), ..Record::default() })
    }

    #[test]
    fn tells_each_watcher_what_it_has_not_seen_and_how_much_it_missed() {
        let ring = Ring::default();
        assert_eq!(ring.since(None, 10, |_| true).next, 0);
        for id in 0..10 {
            ring.push(record(id));
        }
        assert!(ring.since(None, 10, |_| true).records.is_empty(), "only what is to come");
        let seen = ring.since(Some(2), 3, |record| record.id != "3");
        let ids: Vec<_> = seen.records.iter().map(|(number, record)| (*number, record.id.as_str())).collect();
        assert_eq!((ids, seen.next, seen.missed), (vec![(2, "2"), (4, "4"), (5, "5")], 6, 0));
        for id in 10..WATCHED + 15 {
            ring.push(record(id));
        }
        let seen = ring.since(Some(6), WATCHED, |_| true);
        assert_eq!((seen.missed, seen.records.len(), seen.next), (9, WATCHED, WATCHED as u64 + 15));
        assert_eq!(ring.since(Some(1 << 40), 1, |_| true).missed, 0);
        assert_eq!(ring.counts(), (WATCHED as u64, 9));
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn keeps_more_while_it_is_watched() {
        let ring = Ring::default();
        let fill = || (0..WATCHED + 1).for_each(|id| ring.push(record(id)));
        fill();
        assert_eq!(ring.counts().0, KEPT as u64);
        ring.since(None, 1, |_| true);
        fill();
        assert_eq!(ring.counts().0, WATCHED as u64);
        tokio::time::advance(WATCHING).await;
        ring.push(record(0));
        assert_eq!(ring.counts().0, KEPT as u64);
    }
}
