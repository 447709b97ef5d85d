//! Appending: what one thread writes, without waiting for any other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::error::AppendError;
use super::frame::{Class, HEAD, Kind, seal};
use super::shared::Shared;
use super::track::Track;

/// A buffer that grew beyond this for one long entry is given back.
const KEEP: usize = 256 << 10;

/// What one thread appends to. Its records and its payloads go to segments of their own, each class under an id of its
/// own: the `lane` of a [`Cursor`](super::Cursor). Dropped, it is closed.
pub struct Lane {
    shared: Arc<Shared>,
    records: Track,
    /// Made with the first payload.
    payloads: Option<Track>,
    frame: Vec<u8>,
}

impl Lane {
    pub(super) fn open(shared: Arc<Shared>) -> io::Result<Self> {
        let records = Track::new(&shared, Class::Records)?;
        Ok(Self { shared, records, payloads: None, frame: Vec::new() })
    }

    /// Appends an entry by one write(2); `fill` adds its content to the buffer, behind what is there.
    /// `Ok`: it survives the death of this process, and readers see it. Otherwise the error says what became of it.
    pub fn append(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), AppendError> {
        self.frame.clear();
        self.frame.resize(HEAD, 0);
        fill(&mut self.frame);
        let result = self.write(kind);
        if self.frame.capacity() > KEEP {
            self.frame = Vec::new();
        }
        result
    }

    fn write(&mut self, kind: Kind) -> Result<(), AppendError> {
        let (length, max) = (self.frame.len().saturating_sub(HEAD), kind.max_bytes());
        if length > max {
            self.shared.gauges.dropped.fetch_add(1, Relaxed);
            return Err(AppendError::TooLong { length, max });
        }
        let track = match kind.class() {
            Class::Records => &mut self.records,
            Class::Payloads => match &mut self.payloads {
                Some(track) => track,
                empty => match Track::new(&self.shared, Class::Payloads) {
                    Ok(track) => empty.insert(track),
                    Err(error) => {
                        self.shared.gauges.dropped.fetch_add(1, Relaxed);
                        return Err(AppendError::Dropped(super::Cause::Io(error)));
                    }
                },
            },
        };
        seal(&mut self.frame, kind, track.seed());
        track.append(&self.frame)
    }

    /// Tries again what waits in memory, and ends a segment that was shipped and is only in the way. To be called from a
    /// timer, since a thread without requests appends nothing.
    pub fn retry(&mut self) {
        self.records.retry();
        if let Some(payloads) = &mut self.payloads {
            payloads.retry();
        }
    }

    /// Whether the journal has reached its bound, so that no new request should be accepted. Costs nothing.
    pub fn full(&self) -> bool {
        self.shared.full()
    }
}
