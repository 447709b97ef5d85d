//! Entries on the local disk, between the answer that made them and the store that keeps them.
//!
//! Each thread appends to a [`Lane`] of its own, by one write(2) an entry and without a lock; what was written survives
//! the death of the process. A [`Flusher`] forces it to the disk on a timer. The owner of the folder reads all lanes by a
//! [`Reader`], ships batches to the store, which keeps the [`Cursor`]s of a batch in the same transaction, and then
//! deletes what is wholly shipped. So each entry arrives exactly once, however often a process dies in between.
//!
//! # In the folder
//!
//! | name | what |
//! |---|---|
//! | `lock` | held (flock) by the owner, whose process id it names |
//! | `journal.id` | 32 hexadecimal digits, made once: the store keeps cursors under it |
//! | `LANE-NUMBER.seg` | a segment of records; 16 hexadecimal and 10 decimal digits |
//! | `LANE-NUMBER.payload` | a segment of payloads |
//! | `….new` | a segment that is being made |
//! | `….quarantined` | a segment with damage, of which all that could be read was shipped; for people to look at |
//!
//! A segment is locked (flock) while it is written, so that another process can tell whether its last entry is incomplete
//! or still to come. It begins with 40 bytes, whose meaning never changes; all numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0–7 | `tollwayJ` |
//! | 8–11 | version of the format: 1 |
//! | 12–15 | number of the segment in its lane |
//! | 16–23 | lane: random, never used again by another thread or process |
//! | 24–31 | microseconds since 1970 when it was made; nothing depends on it |
//! | 32–35 | class: 0 records, 1 payloads |
//! | 36–39 | CRC-32 of bytes 0–35 |
//!
//! Entries follow, one behind the other:
//!
//! | bytes | what |
//! |---|---|
//! | 0–3 | length of the content |
//! | 4 | kind: 1 request, 2 audit, 3 payload; others are skipped and counted |
//! | 5–7 | the low 24 bits of the CRC-32 of lane and bytes 0–4 |
//! | 8–11 | CRC-32 of lane, bytes 0–4 and content |
//! | 12– | content |
//!
//! # Bad days
//!
//! | what | then |
//! |---|---|
//! | a write fails | the segment is cut back to its last whole entry; the entry waits in bounded memory and is retried in order; beyond the bound it is counted as dropped |
//! | a sync fails | what is not on the disk for certain is written again, then synced again |
//! | an incomplete last entry, its writer dead | it is cut off and reported |
//! | damage before the end | what checks out before and behind it is read; then the segment is kept as `….quarantined` |
//! | the bound is reached | payloads are refused, records go on for one segment a lane: enough for what is running |
//! | the clock jumps | nothing: nothing here is ordered by it |

mod backlog;
mod disk;
mod error;
mod event;
mod flush;
mod folder;
mod frame;
mod gauges;
mod lane;
mod reader;
mod settings;
mod shared;
mod track;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

#[doc(hidden)]
pub use disk::{Failure, Faults, Operation};
pub use error::{AppendError, Cause, Error};
pub use event::Event;
pub use flush::Flusher;
pub use frame::{Class, Kind};
pub use gauges::{Condition, State};
pub use lane::Lane;
pub use reader::{Batch, Cursor, Reader};
pub use settings::{Fsync, Ownership, Settings};

use disk::Disk;
use gauges::Gauges;
use shared::{Shared, held};

/// A journal. Clones are the same journal, which stays locked until all of them, its lanes and its readers are gone.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    id: Arc<str>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made where it is missing.
    pub fn open(folder: &Path, settings: Settings, ownership: Ownership) -> Result<Self, Error> {
        Self::open_on(folder, settings, ownership, Disk::default())
    }

    /// The same on a disk that fails when `faults` says so.
    #[doc(hidden)]
    pub fn open_failing(
        folder: &Path,
        settings: Settings,
        ownership: Ownership,
        faults: Faults,
    ) -> Result<Self, Error> {
        Self::open_on(folder, settings, ownership, Disk::failing(faults))
    }

    fn open_on(folder: &Path, settings: Settings, ownership: Ownership, disk: Disk) -> Result<Self, Error> {
        folder::make(folder)?;
        let lock = folder::lock(folder)?;
        if lock.is_none() && ownership == Ownership::Owner {
            return Err(Error::Locked { folder: folder.to_owned(), pid: folder::owner(folder) });
        }
        let (id, replaced) = folder::identity(&disk, folder)?;
        let shared = Shared {
            folder: folder.to_owned(),
            settings,
            disk,
            gauges: Gauges::default(),
            lock: Mutex::new(lock),
            lanes: Mutex::new(BTreeMap::new()),
            folder_dirty: AtomicBool::new(false),
            flushing: Mutex::new(()),
        };
        if replaced {
            shared.report(&Event::Renamed { file: "journal.id".into() });
        }
        let journal = Self { shared: Arc::new(shared), id: id.into() };
        journal.take_stock().map_err(Error::io("list", folder))?;
        Ok(journal)
    }

    /// Which journal this is: the store keeps its cursors under this name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// Whether the folder is ours, as far as it is known.
    pub fn is_owned(&self) -> bool {
        self.shared.is_owner()
    }

    /// Whether the folder is ours by now, trying to get it: for a successor, to be asked on a timer.
    pub fn try_own(&self) -> Result<bool, Error> {
        if self.shared.is_owner() {
            return Ok(true);
        }
        let lock = folder::lock(&self.shared.folder)?;
        let owned = lock.is_some();
        *held(&self.shared.lock) = lock;
        // The process that owns it deletes our segments too, so they are counted anew here.
        self.take_stock().map_err(Error::io("list", &self.shared.folder))?;
        Ok(owned)
    }

    /// For one thread to append to. A disk that fails now is retried later: see [`Lane::retry`].
    pub fn lane(&self) -> Result<Lane, Error> {
        Lane::open(Arc::clone(&self.shared)).map_err(Error::io("read", "/dev/urandom"))
    }

    /// Reads entries of one class, of all lanes, from where the store says that it stands. Of two readers of one class
    /// each would delete what the other has still to read: there should be one.
    pub fn reader(&self, class: Class, cursors: &[Cursor]) -> Result<Reader, Error> {
        if !self.shared.is_owner() {
            return Err(Error::NotOwner { folder: self.shared.folder.clone() });
        }
        Ok(Reader::new(Arc::clone(&self.shared), class, cursors))
    }

    /// Forces everything that was appended to the disk.
    pub fn flush(&self) -> io::Result<()> {
        self.shared.flush()
    }

    /// Starts the thread that flushes, if entries are not synced one by one.
    pub fn start_flusher(&self) -> io::Result<Option<Flusher>> {
        match self.shared.settings.fsync {
            Fsync::Interval(every) => Flusher::start(Arc::clone(&self.shared), every).map(Some),
            Fsync::Always => Ok(None),
        }
    }

    /// How it is doing.
    pub fn state(&self) -> State {
        self.shared.gauges.state(self.shared.settings.max_bytes)
    }

    /// Counts what is there, and clears away what a process that died was making.
    fn take_stock(&self) -> io::Result<()> {
        let listing = self.shared.survey()?;
        self.shared.gauges.quarantined.store(listing.quarantined, Relaxed);
        for file in listing.unfinished.iter().filter(|_| self.shared.is_owner()) {
            self.clear(self.shared.folder.join(file))?;
        }
        Ok(())
    }

    /// A draft that nobody has locked belongs to nobody, unless its maker has just begun: then it fails to rename it, and
    /// makes another.
    fn clear(&self, draft: PathBuf) -> io::Result<()> {
        match self.shared.disk.open(&draft) {
            Ok(file) if file.try_lock().is_ok() => self.shared.disk.remove(&draft),
            _ => Ok(()),
        }
    }
}
