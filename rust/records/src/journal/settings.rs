//! What a journal is told when it is opened.

use std::sync::Arc;
use std::time::Duration;

use super::event::Event;

/// When what was appended is forced to the disk. Either way it survives the death of the process at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// By the flusher, so often: a power cut loses at most that much.
    Interval(Duration),
    /// Before `append` returns.
    Always,
}

/// Whether the folder must be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// Yes: opening fails while another process owns it.
    Owner,
    /// Not yet: this process takes over from one that is ending. It appends at once; see `Journal::try_own`.
    Successor,
}

/// How a journal behaves.
#[derive(Clone)]
pub struct Settings {
    /// The bound of all segments together, in bytes. A record that ends a running request may pass it, by at most one
    /// segment a lane.
    pub max_bytes: u64,
    /// A lane begins a new segment when the next entry would make its segment longer than this, in bytes.
    pub segment_bytes: u64,
    /// What each lane keeps in memory of each class while its disk fails, in bytes.
    pub backlog_bytes: usize,
    /// When what was appended is forced to the disk.
    pub fsync: Fsync,
    /// Told what an operator should know of; called rarely, from any thread.
    pub report: Arc<dyn Fn(&Event) + Send + Sync>,
}

impl Settings {
    /// Segments of a sixteenth of `max_bytes`, at least 64 KiB and at most 64 MiB; a backlog of 4 MiB; no reports.
    pub fn new(max_bytes: u64, fsync: Fsync) -> Self {
        let segment_bytes = (max_bytes / 16).clamp(64 << 10, 64 << 20);
        Self { max_bytes, segment_bytes, backlog_bytes: 4 << 20, fsync, report: Arc::new(|_| {}) }
    }
}
