//! One sequence of segments, written by one thread, and what it keeps while the disk fails.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::time::{SystemTime, UNIX_EPOCH};

use super::backlog::Backlog;
use super::error::{AppendError, Cause};
use super::event::Event;
use super::folder::{UNFINISHED, random};
use super::frame::{Class, HEADER, header, seed};
use super::settings::Fsync;
use super::shared::{Segment, Shared, Written, held};

pub(super) struct Track {
    shared: Arc<Shared>,
    written: Arc<Written>,
    open: Option<Open>,
    /// The number of the next segment. One that could not be made is not used again.
    next: u32,
    backlog: Backlog,
    failing: bool,
    dropping: bool,
}

/// The segment that is written. While its file is open it is locked: other processes see that it lives.
struct Open {
    segment: Arc<Segment>,
    file: Arc<File>,
    length: u64,
    /// From this length on a new segment is begun.
    rotate_at: u64,
    /// A whole entry that could not be synced may stand behind `length`. It waits in memory too, so it is written again to
    /// the same place: in another it would be there twice.
    unsure: bool,
}

impl Track {
    /// An error only where the system gives no random bytes: a first segment that cannot be made is made later.
    pub(super) fn new(shared: &Arc<Shared>, class: Class) -> io::Result<Self> {
        let written = Arc::new(Written {
            class,
            lane: u64::from_le_bytes(random()?),
            segments: Mutex::default(),
            rotate: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        held(&shared.lanes).insert(written.lane, Arc::clone(&written));
        if class == Class::Records {
            shared.gauges.lanes.fetch_add(1, Relaxed);
        }
        let mut track = Self {
            shared: Arc::clone(shared),
            written,
            open: None,
            next: 1,
            backlog: Backlog::default(),
            failing: false,
            dropping: false,
        };
        let begun = track.begin();
        track.judge(begun.as_ref().err());
        Ok(track)
    }

    pub(super) fn seed(&self) -> u32 {
        seed(self.written.lane)
    }

    /// Appends a whole frame, behind those that wait.
    pub(super) fn append(&mut self, frame: &[u8]) -> Result<(), AppendError> {
        let Err(cause) = self.drain().and_then(|()| self.write(frame)) else {
            self.judge(None);
            return Ok(());
        };
        let gauges = &self.shared.gauges;
        if matches!(cause, Cause::Full) && self.written.class == Class::Payloads {
            gauges.refused.fetch_add(1, Relaxed);
            return Err(AppendError::Refused);
        }
        if let Cause::Io(error) = &cause {
            self.judge(Some(error));
        }
        if self.backlog.keep(frame, &self.shared) {
            return Err(AppendError::Held(cause));
        }
        self.lose(1, &cause);
        Err(AppendError::Dropped(cause))
    }

    pub(super) fn retry(&mut self) {
        if self.written.rotate.load(Relaxed) && self.open.as_ref().is_some_and(|open| !open.unsure) {
            // The next entry begins a new one.
            self.seal();
        }
        let drained = self.drain();
        match &drained {
            Err(Cause::Io(error)) => self.judge(Some(error)),
            Err(Cause::Full) => {}
            Ok(()) if self.failing && self.open.is_none() => {
                let begun = self.begin();
                self.judge(begun.as_ref().err());
            }
            Ok(()) => self.judge(None),
        }
    }

    /// Writes what waits, in order, as far as that succeeds.
    fn drain(&mut self) -> Result<(), Cause> {
        while let Some(frame) = self.backlog.next(&self.shared) {
            if let Err(cause) = self.write(&frame) {
                self.backlog.back(frame, &self.shared);
                return Err(cause);
            }
        }
        Ok(())
    }

    /// All of `frame` is in the segment, or nothing.
    fn write(&mut self, frame: &[u8]) -> Result<(), Cause> {
        let length = frame.len() as u64;
        self.check_room(length)?;
        self.make_room(length).map_err(Cause::Io)?;
        let Some(open) = &mut self.open else { return Err(Cause::Io(io::Error::other("no segment"))) };
        let (disk, always) = (&self.shared.disk, self.shared.settings.fsync == Fsync::Always);
        if let Err(error) = disk.write_all_at(&open.file, frame, open.length) {
            // No part of an entry is left behind, and if a new segment can be made, that is tried next. Where it cannot
            // be cut off, nothing is written behind it.
            match disk.cut(&open.file, open.length) {
                Ok(()) => (open.rotate_at, open.unsure) = (0, false),
                Err(_) if open.unsure => {}
                Err(_) => self.seal(),
            }
            return Err(Cause::Io(error));
        }
        if always && let Err(error) = disk.sync(&open.file) {
            open.unsure = disk.cut(&open.file, open.length).is_err();
            return Err(Cause::Io(error));
        }
        open.unsure = false;
        open.length += length;
        open.segment.end.store(open.length, Release);
        if always {
            open.segment.synced.store(open.length, Release);
        }
        self.shared.gauges.written.fetch_add(length, Relaxed);
        Ok(())
    }

    /// A payload must keep the bound; a record, whose request was accepted before, may pass it by a segment a lane.
    fn check_room(&self, length: u64) -> Result<(), Cause> {
        let settings = &self.shared.settings;
        let beyond = match self.written.class {
            Class::Payloads => 0,
            Class::Records => self.shared.gauges.lanes.load(Relaxed).saturating_mul(settings.segment_bytes),
        };
        let after = self.shared.gauges.bytes().saturating_add(length);
        if after > settings.max_bytes.saturating_add(beyond) { Err(Cause::Full) } else { Ok(()) }
    }

    /// Opens a segment for an entry of `length` bytes. Where a new one is due and cannot be made, the old one goes on.
    fn make_room(&mut self, length: u64) -> io::Result<()> {
        const LONGEST: u64 = 1 << 31;
        let due = self.open.as_ref().is_none_or(|open| {
            let asked = self.written.rotate.load(Relaxed);
            let long = open.length > HEADER && open.length.saturating_add(length) > open.rotate_at;
            !open.unsure && (asked || long)
        });
        if due && let Err(error) = self.begin() {
            let step = self.shared.settings.segment_bytes / 16;
            match &mut self.open {
                Some(open) if open.length < LONGEST => open.rotate_at = open.length + length + step,
                _ => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes the next segment, then ends the one before.
    fn begin(&mut self) -> io::Result<()> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or_else(|| io::Error::other("a lane has no numbers left"))?;
        let name = self.written.name(number).file();
        let draft = self.shared.folder.join(format!("{name}{UNFINISHED}"));
        let made = self.make(number, &draft, &self.shared.folder.join(&name));
        if made.is_err() {
            // Where it cannot be deleted either, the next start does it.
            let _ = self.shared.disk.remove(&draft);
        }
        let file = Arc::new(made?);
        let segment = Arc::new(Segment {
            number,
            end: AtomicU64::new(HEADER),
            sealed: AtomicBool::new(false),
            synced: AtomicU64::new(0),
            suspect: AtomicBool::new(false),
            file: Mutex::new(Some(Arc::clone(&file))),
        });
        self.shared.gauges.written.fetch_add(HEADER, Relaxed);
        held(&self.written.segments).push(Arc::clone(&segment));
        self.seal();
        self.open =
            Some(Open { segment, file, length: HEADER, rotate_at: self.shared.settings.segment_bytes, unsure: false });
        Ok(())
    }

    /// Only when it is locked and has its header does a segment get its name: who finds it can tell that it lives.
    fn make(&self, number: u32, draft: &Path, path: &Path) -> io::Result<File> {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let created_us = u64::try_from(created.as_micros()).unwrap_or(u64::MAX);
        let disk = &self.shared.disk;
        let file = disk.create(draft)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::Error::other("somebody else has locked a new segment"),
        })?;
        disk.write_all_at(&file, &header(self.written.class, self.written.lane, number, created_us), 0)?;
        disk.rename(draft, path)?;
        match self.shared.settings.fsync {
            Fsync::Always => disk.sync_folder(&self.shared.folder)?,
            Fsync::Interval(_) => self.shared.folder_dirty.store(true, Release),
        }
        Ok(file)
    }

    /// Ends the segment that is written.
    fn seal(&mut self) {
        self.written.rotate.store(false, Relaxed);
        if let Some(open) = self.open.take() {
            open.segment.sealed.store(true, Release);
        }
    }

    /// Takes note of a success or a failure, and reports the change from one to the other.
    fn judge(&mut self, error: Option<&io::Error>) {
        let (gauges, file) = (&self.shared.gauges, || self.written.name(self.next.saturating_sub(1)).file());
        match error {
            Some(error) => {
                gauges.failed(error);
                if !self.failing {
                    self.failing = true;
                    gauges.failing.fetch_add(1, Relaxed);
                    self.shared.report(&Event::Failing { file: file(), error: error.to_string() });
                }
            }
            None if self.failing || self.dropping => {
                if self.failing {
                    gauges.failing.fetch_sub(1, Relaxed);
                }
                (self.failing, self.dropping) = (false, false);
                self.shared.report(&Event::Recovered { file: file(), dropped: gauges.dropped.load(Relaxed) });
            }
            None => {}
        }
    }

    fn lose(&mut self, entries: u64, cause: &Cause) {
        self.shared.gauges.dropped.fetch_add(entries, Relaxed);
        if !self.dropping {
            self.dropping = true;
            let file = self.written.name(self.next.saturating_sub(1)).file();
            self.shared.report(&Event::Dropping { file, error: cause.to_string() });
        }
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        if let Err(cause) = self.drain() {
            let lost = std::iter::from_fn(|| self.backlog.next(&self.shared)).count();
            self.lose(lost as u64, &cause);
        }
        self.seal();
        if self.failing {
            self.shared.gauges.failing.fetch_sub(1, Relaxed);
        }
        if self.written.class == Class::Records {
            self.shared.gauges.lanes.fetch_sub(1, Relaxed);
        }
        self.written.closed.store(true, Release);
        if held(&self.written.segments).is_empty() {
            held(&self.shared.lanes).remove(&self.written.lane);
        }
    }
}
