//! How the journal is doing: numbers that every thread may read and write without waiting.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};

/// How the journal is doing. Counts are since it was opened by this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The worst that holds.
    pub condition: Condition,
    /// All segments in the folder, in bytes, without those that were quarantined.
    pub bytes: u64,
    /// The same with what this process has written and deleted since.
    pub written: u64,
    /// The bound of `bytes`.
    pub max_bytes: u64,
    /// Entries that wait in memory for a disk that fails.
    pub held: u64,
    /// What they take, in bytes.
    pub held_bytes: u64,
    /// Entries that are lost.
    pub dropped: u64,
    /// Payloads that were not accepted because the journal was full.
    pub refused: u64,
    /// Entries of a kind that this program does not know.
    pub unknown: u64,
    /// Quarantined segments that are in the folder, as far as this process knows.
    pub quarantined: u64,
    /// Incomplete last entries that were cut off.
    pub torn: u64,
}

/// In one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All is well.
    Ok,
    /// Half of the bound is reached: the store is away, or too slow.
    Filling,
    /// The bound is reached: no new request should be accepted.
    Full,
    /// Writing fails, with this error.
    Failing(String),
}

#[derive(Default)]
pub(super) struct Gauges {
    /// Bytes that lanes of this process have written.
    pub(super) written: AtomicU64,
    /// As many of them as were deleted.
    pub(super) deleted: AtomicU64,
    /// Bytes in segments of lanes of other processes, living or dead.
    pub(super) others: AtomicU64,
    /// Lanes that are open, each counted once.
    pub(super) lanes: AtomicU64,
    pub(super) held: AtomicU64,
    pub(super) held_bytes: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) unknown: AtomicU64,
    pub(super) quarantined: AtomicU64,
    pub(super) torn: AtomicU64,
    /// Lanes that cannot write.
    pub(super) failing: AtomicU64,
    pub(super) sync_failing: AtomicBool,
    /// The number of the last error.
    error: AtomicI32,
}

impl Gauges {
    pub(super) fn bytes(&self) -> u64 {
        // What is deleted was written before.
        let deleted = self.deleted.load(Relaxed);
        self.written.load(Relaxed).saturating_sub(deleted) + self.others.load(Relaxed)
    }

    pub(super) fn failed(&self, error: &io::Error) {
        const EIO: i32 = 5;
        self.error.store(error.raw_os_error().unwrap_or(EIO), Relaxed);
    }

    pub(super) fn state(&self, max_bytes: u64) -> State {
        let bytes = self.bytes();
        let condition = if self.failing.load(Relaxed) > 0 || self.sync_failing.load(Relaxed) {
            Condition::Failing(io::Error::from_raw_os_error(self.error.load(Relaxed)).to_string())
        } else if bytes >= max_bytes {
            Condition::Full
        } else if bytes >= max_bytes / 2 {
            Condition::Filling
        } else {
            Condition::Ok
        };
        State {
            condition,
            bytes,
            written: self.written.load(Relaxed) + self.others.load(Relaxed),
            max_bytes,
            held: self.held.load(Relaxed),
            held_bytes: self.held_bytes.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            refused: self.refused.load(Relaxed),
            unknown: self.unknown.load(Relaxed),
            quarantined: self.quarantined.load(Relaxed),
            torn: self.torn.load(Relaxed),
        }
    }
}
