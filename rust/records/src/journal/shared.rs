//! What the threads of one process share of a journal: the lanes that it writes, and where they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::Disk;
use super::event::Event;
use super::folder::{self, Listing, Name};
use super::frame::Class;
use super::gauges::Gauges;
use super::settings::Settings;

/// The guard, also after a panic elsewhere: nothing here is left half changed by one.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) settings: Settings,
    pub(super) disk: Disk,
    pub(super) gauges: Gauges,
    /// The folder's lock, while it is ours: until the journal, its lanes and its readers are all gone.
    pub(super) lock: Mutex<Option<File>>,
    /// The lanes of this process that have segments.
    pub(super) lanes: Mutex<BTreeMap<u64, Arc<Written>>>,
    /// A segment was made whose name is not on the disk for certain.
    pub(super) folder_dirty: AtomicBool,
    /// Held by whoever flushes.
    pub(super) flushing: Mutex<()>,
}

/// A lane of this process, as others see it.
pub(super) struct Written {
    pub(super) class: Class,
    pub(super) lane: u64,
    /// Its segments that were not deleted, by number; the last may still be written.
    pub(super) segments: Mutex<Vec<Arc<Segment>>>,
    /// The lane should begin a new segment, so that this one can be deleted.
    pub(super) rotate: AtomicBool,
    /// The lane was dropped: nothing more is written.
    pub(super) closed: AtomicBool,
}

/// A segment of a lane of this process.
pub(super) struct Segment {
    pub(super) number: u32,
    /// Where its whole entries end.
    pub(super) end: AtomicU64,
    /// Nothing more is written to it. Set after `end`, so to be read before it.
    pub(super) sealed: AtomicBool,
    /// Up to here it is on the disk.
    pub(super) synced: AtomicU64,
    /// A sync has failed: the system may have forgotten what it did not write.
    pub(super) suspect: AtomicBool,
    /// Until it is sealed and synced.
    pub(super) file: Mutex<Option<Arc<File>>>,
}

impl Shared {
    pub(super) fn report(&self, event: &Event) {
        (self.settings.report)(event);
    }

    pub(super) fn is_owner(&self) -> bool {
        held(&self.lock).is_some()
    }

    pub(super) fn full(&self) -> bool {
        self.gauges.bytes() >= self.settings.max_bytes
    }

    pub(super) fn segment(&self, lane: u64, number: u32) -> Option<Arc<Segment>> {
        let written = Arc::clone(held(&self.lanes).get(&lane)?);
        let segments = held(&written.segments);
        segments.iter().find(|segment| segment.number == number).cloned()
    }

    pub(super) fn written(&self, lane: u64) -> Option<Arc<Written>> {
        held(&self.lanes).get(&lane).cloned()
    }

    /// Lists the folder, and counts anew what others write and delete there.
    pub(super) fn survey(&self) -> io::Result<Listing> {
        // Taken before listing: what is made meanwhile is not missed.
        let known: Vec<_> = held(&self.lanes).values().flat_map(|written| written.known()).collect();
        let listing = folder::list(&self.disk, &self.folder)?;
        let found: BTreeSet<Name> = listing.segments.iter().map(|(name, _)| *name).collect();
        for name in known.iter().filter(|name| !found.contains(name)) {
            self.vanished(*name);
        }
        let mut others = 0;
        for (name, bytes) in &listing.segments {
            if self.segment(name.lane, name.number).is_none() {
                others += bytes;
            }
        }
        self.gauges.others.store(others, Relaxed);
        Ok(listing)
    }

    /// Somebody deleted a segment of ours: the process that shipped it, or an operator.
    fn vanished(&self, name: Name) {
        let Some(segment) = self.segment(name.lane, name.number) else { return };
        if segment.sealed.load(Acquire) {
            self.forget(name);
        } else if let Some(written) = self.written(name.lane) {
            written.rotate.store(true, Relaxed);
        }
    }

    /// A sealed segment of ours is gone from the folder.
    pub(super) fn forget(&self, name: Name) {
        let Some(written) = self.written(name.lane) else { return };
        let mut segments = held(&written.segments);
        if let Some(at) = segments.iter().position(|segment| segment.number == name.number) {
            self.gauges.deleted.fetch_add(segments.remove(at).end.load(Acquire), Relaxed);
        }
        let over = segments.is_empty() && written.closed.load(Acquire);
        drop(segments);
        if over {
            held(&self.lanes).remove(&name.lane);
        }
    }
}

impl Written {
    pub(super) fn name(&self, number: u32) -> Name {
        Name { class: self.class, lane: self.lane, number }
    }

    fn known(&self) -> Vec<Name> {
        held(&self.segments).iter().map(|segment| self.name(segment.number)).collect()
    }
}
