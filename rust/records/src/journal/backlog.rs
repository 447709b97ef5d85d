//! Entries that wait in memory for a disk that fails.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

use super::shared::Shared;

/// Frames, oldest first; at most `backlog_bytes` of them.
#[derive(Default)]
pub(super) struct Backlog {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Backlog {
    /// Whether there was room.
    pub(super) fn keep(&mut self, frame: &[u8], shared: &Shared) -> bool {
        let room = self.bytes + frame.len() <= shared.settings.backlog_bytes;
        if room {
            self.count(frame.len(), shared);
            self.frames.push_back(frame.to_vec());
        }
        room
    }

    pub(super) fn next(&mut self, shared: &Shared) -> Option<Vec<u8>> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        shared.gauges.held.fetch_sub(1, Relaxed);
        shared.gauges.held_bytes.fetch_sub(frame.len() as u64, Relaxed);
        Some(frame)
    }

    /// Puts `next` back.
    pub(super) fn back(&mut self, frame: Vec<u8>, shared: &Shared) {
        self.count(frame.len(), shared);
        self.frames.push_front(frame);
    }

    fn count(&mut self, bytes: usize, shared: &Shared) {
        self.bytes += bytes;
        shared.gauges.held.fetch_add(1, Relaxed);
        shared.gauges.held_bytes.fetch_add(bytes as u64, Relaxed);
    }
}
