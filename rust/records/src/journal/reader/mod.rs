//! Reading all lanes, in order within each, and deleting what was shipped.

mod lane;
mod scan;
mod segment;

use std::collections::BTreeMap;
use std::io;
use std::ops::{Bound, Range};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::folder::Name;
use super::frame::{Class, Kind};
use super::shared::Shared;
use lane::ReadLane;
use segment::{CHUNK, Turn};

/// How far a lane has been read or shipped: everything before `offset` in `segment`, and all segments before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Which lane.
    pub lane: u64,
    /// The number of a segment.
    pub segment: u64,
    /// Bytes from its start.
    pub offset: u64,
}

/// Entries that were read together.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<(Kind, Range<usize>)>,
    /// Where each lane stands that was read from: to be kept in one transaction with the entries. A batch without
    /// entries may move cursors too (entries that were skipped); to keep those is not needed.
    pub cursors: Vec<Cursor>,
}

impl Batch {
    /// The entries: those of one lane in the order in which they were appended.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (Kind, &[u8])> {
        // An entry's range is always within the bytes.
        self.entries.iter().map(|(kind, range)| (*kind, self.bytes.get(range.clone()).unwrap_or_default()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of all entries together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn push(&mut self, kind: Kind, content: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(content);
        self.entries.push((kind, start..self.bytes.len()));
    }
}

/// What a batch may hold.
#[derive(Clone, Copy)]
struct Limits {
    entries: usize,
    bytes: usize,
}

impl Limits {
    /// One entry is always taken, however long: else nothing would ever move.
    fn reached(self, batch: &Batch, next: usize) -> bool {
        let count = batch.entries.len();
        count > 0 && (count >= self.entries || batch.bytes.len() + next > self.bytes)
    }
}

/// Reads one class of entries. What it has read it reads again only when it is made anew.
pub struct Reader {
    shared: Arc<Shared>,
    class: Class,
    lanes: BTreeMap<u64, ReadLane>,
    /// Where the store stands, of lanes that were not found yet.
    start: BTreeMap<u64, (u64, u64)>,
    /// The lane that was read last: the next has its turn.
    turn: u64,
    buffer: Vec<u8>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, class: Class, cursors: &[Cursor]) -> Self {
        let start = cursors.iter().map(|cursor| (cursor.lane, (cursor.segment, cursor.offset))).collect();
        Self { shared, class, lanes: BTreeMap::new(), start, turn: 0, buffer: Vec::new() }
    }

    /// Reads at most so many entries and bytes of content (but always one entry, if there is one), taking turns among
    /// the lanes. Empty: there is nothing to read now. An error: of all that there is, nothing can be read now.
    /// Segments that were shipped before are deleted as soon as reading shows that nothing follows in them.
    pub fn read(&mut self, max_entries: usize, max_bytes: usize) -> io::Result<Batch> {
        self.find()?;
        let (mut batch, limits) = (Batch::default(), Limits { entries: max_entries, bytes: max_bytes });
        let after = (Bound::Excluded(self.turn), Bound::Unbounded);
        let mut order: Vec<u64> = self.lanes.range(after).map(|(lane, _)| *lane).collect();
        order.extend(self.lanes.range(..=self.turn).map(|(lane, _)| *lane));
        let mut failed = None;
        let mut turn = Turn { shared: &self.shared, buffer: &mut self.buffer, batch: &mut batch, limits };
        while !order.is_empty() && !limits.reached(turn.batch, 0) {
            // A lane that has no more, or cannot be read, has no further turn in this batch.
            order.retain(|lane| {
                let Some(read) = self.lanes.get_mut(lane).filter(|_| !limits.reached(turn.batch, 0)) else {
                    return false;
                };
                self.turn = *lane;
                read.turn(&mut turn).unwrap_or_else(|error| {
                    failed.get_or_insert(error);
                    false
                })
            });
        }
        self.buffer.truncate(CHUNK as usize);
        self.buffer.shrink_to(CHUNK as usize);
        batch.cursors = self.lanes.values_mut().filter_map(ReadLane::moved).collect();
        if self.clear() {
            // Only counts anew. An error must not lose what was read; the next listing will have it too.
            let _ = self.shared.survey();
        }
        match failed {
            Some(error) if batch.is_empty() => Err(error),
            _ => Ok(batch),
        }
    }

    /// Deletes the segments that are wholly behind `cursors`, which the store has kept. Returns the lanes of which
    /// nothing is left, each once: their cursors can be forgotten. What cannot be deleted is reported and tried again
    /// with the next call.
    pub fn shipped(&mut self, cursors: &[Cursor]) -> io::Result<Vec<u64>> {
        for cursor in cursors {
            if let Some(lane) = self.lanes.get_mut(&cursor.lane) {
                lane.shipped(*cursor);
            }
        }
        let deleted = self.clear();
        let over = self.lanes.values().any(ReadLane::is_empty);
        if !deleted && !over && self.start.is_empty() {
            return Ok(Vec::new());
        }
        let listing = self.shared.survey()?;
        let left = |lane: u64| listing.segments.iter().any(|(name, _)| name.lane == lane);
        let mut gone: Vec<u64> =
            self.lanes.keys().chain(self.start.keys()).copied().filter(|lane| !left(*lane)).collect();
        gone.sort_unstable();
        gone.dedup();
        if !gone.is_empty() {
            // If a deletion were undone by a power cut after its cursor was forgotten, it would be shipped again.
            self.shared.disk.sync_folder(&self.shared.folder)?;
        }
        for lane in &gone {
            self.lanes.remove(lane);
            self.start.remove(lane);
        }
        Ok(gone)
    }

    /// Deletes what is known to be shipped, or never held anything; whether that was something.
    fn clear(&mut self) -> bool {
        // Half full: segments that are still written and only in the way are ended too.
        let crowded = self.shared.gauges.bytes() >= self.shared.settings.max_bytes / 2;
        let mut deleted = false;
        for lane in self.lanes.values_mut() {
            deleted |= lane.discard(&self.shared);
            if crowded {
                lane.ask_for_rotation(&self.shared);
            }
        }
        deleted
    }

    /// Bytes in segments that are not known to be shipped, as of the last `read`.
    pub fn behind(&self) -> u64 {
        self.lanes.values().map(ReadLane::behind).sum()
    }

    /// Looks for lanes and segments that are new.
    fn find(&mut self) -> io::Result<()> {
        let mut listing = self.shared.survey()?;
        let known = |name: &Name| self.lanes.get(&name.lane).is_some_and(|lane| lane.knows(*name));
        if listing.segments.iter().any(|(name, _)| name.class == self.class && !known(name)) {
            // Of two segments that are made while it runs, a listing may show only the later. What is earlier than one of
            // this listing is surely in the next.
            let latest: BTreeMap<u64, u32> =
                listing.segments.iter().map(|(name, _)| (name.lane, name.number)).collect();
            listing = self.shared.survey()?;
            listing.segments.retain(|(name, _)| latest.get(&name.lane).is_some_and(|latest| name.number <= *latest));
        }
        for (name, bytes) in listing.segments.iter().filter(|(name, _)| name.class == self.class) {
            let lane = self.lanes.entry(name.lane);
            let start = || self.start.get(&name.lane).copied().unwrap_or_default();
            lane.or_insert_with(|| ReadLane::new(name.lane, start())).found(*name, *bytes);
        }
        Ok(())
    }
}

impl Shared {
    fn count_unknown(&self) {
        self.gauges.unknown.fetch_add(1, Relaxed);
    }
}
