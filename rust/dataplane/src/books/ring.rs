//! The latest records, for who watches them come in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tollway_records::Record;

/// As many records are kept.
const KEPT: usize = 1024;

/// Records by the order in which they were read from the journal.
#[derive(Default)]
pub(crate) struct Ring(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    records: VecDeque<Arc<Record>>,
    /// The number of the next record.
    next: u64,
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
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.records.len() == KEPT {
            latest.records.pop_front();
        }
        latest.records.push_back(record);
        latest.next += 1;
    }

    /// At most `limit` records that `wanted` likes, from the number `after` on; without it, only those to come.
    pub(crate) fn since(&self, after: Option<u64>, limit: usize, wanted: impl Fn(&Record) -> bool) -> Seen {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = latest.next - latest.records.len() as u64;
        // A number from another process's time, or from the future, begins anew.
        let after = after.filter(|after| *after <= latest.next).unwrap_or(latest.next);
        let missed = first.saturating_sub(after);
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
        for id in 10..KEPT + 15 {
            ring.push(record(id));
        }
        let seen = ring.since(Some(6), KEPT, |_| true);
        assert_eq!((seen.missed, seen.records.len(), seen.next), (9, KEPT, KEPT as u64 + 15));
        assert_eq!(ring.since(Some(1 << 40), 1, |_| true).missed, 0);
    }
}
