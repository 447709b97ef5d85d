//! Reading one segment.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::super::event::Event;
use super::super::folder::Name;
use super::super::frame::{HEAD, HEADER, Header, Kind, Parsed, check_header, parse, seed};
use super::super::shared::{Segment, Shared};
use super::scan::Part;
use super::{Batch, Limits};

/// What a lane reads in one turn, unless an entry is longer.
pub(super) const CHUNK: u64 = 256 << 10;

/// One lane's turn in a batch.
pub(super) struct Turn<'a> {
    pub(super) shared: &'a Shared,
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) batch: &'a mut Batch,
    pub(super) limits: Limits,
}

pub(super) struct ReadSegment {
    pub(super) name: Name,
    /// Where the next entry begins.
    pub(super) offset: u64,
    /// Where the last entry ended that was handed out: when that is shipped, nothing here is needed any more.
    pub(super) needs: u64,
    /// Its length when the folder was listed.
    pub(super) bytes: u64,
    /// Everything was read, and nothing will be added.
    pub(super) finished: bool,
    pub(super) damaged: bool,
    /// Of a newer format: left as it is.
    pub(super) newer: bool,
    pub(super) undeletable: bool,
    /// If a lane of this process writes it.
    pub(super) own: Option<Arc<Segment>>,
    /// Its writer is known to be dead, or to have gone on to the next.
    dead: bool,
    started: bool,
    file: Option<File>,
}

/// Why entries were taken no further.
enum Stop {
    /// The batch is full.
    Full,
    /// So many bytes are needed for the next.
    Short(u64),
    Bad,
}

impl ReadSegment {
    pub(super) fn new(name: Name, bytes: u64, (segment, offset): (u64, u64)) -> Self {
        let number = u64::from(name.number);
        let offset = if number == segment { offset } else { 0 };
        Self {
            name,
            offset,
            needs: 0,
            bytes,
            finished: number < segment,
            damaged: false,
            newer: false,
            undeletable: false,
            own: None,
            dead: false,
            started: false,
            file: None,
        }
    }

    /// Reads one chunk or less. `later`: the lane has a later segment.
    pub(super) fn read(&mut self, turn: &mut Turn<'_>, later: bool) -> io::Result<()> {
        let Some(file) = self.open(turn.shared)? else {
            self.finished = true;
            return Ok(());
        };
        let (limit, last) = self.extent(turn.shared, &file, later)?;
        if self.started || self.start(turn.shared, &file, (limit, last))? {
            self.take_chunk(turn, &file, (limit, last))?;
        }
        if !self.finished {
            self.file = Some(file);
        }
        Ok(())
    }

    /// `None`: somebody deleted it.
    fn open(&mut self, shared: &Shared) -> io::Result<Option<File>> {
        if let Some(file) = self.file.take() {
            return Ok(Some(file));
        }
        match shared.disk.open(&shared.folder.join(self.name.file())) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How far it may be read, and whether that is all there will ever be: which must be known first.
    fn extent(&mut self, shared: &Shared, file: &File, later: bool) -> io::Result<(u64, bool)> {
        if self.own.is_none() {
            self.own = shared.segment(self.name.lane, self.name.number);
        }
        if let Some(own) = &self.own {
            let sealed = own.sealed.load(Acquire);
            return Ok((own.end.load(Acquire), sealed));
        }
        self.dead = self.dead || later || file.try_lock().is_ok();
        Ok((file.metadata()?.len(), self.dead))
    }

    /// Reads the header; whether entries can be read.
    fn start(&mut self, shared: &Shared, file: &File, (limit, last): (u64, bool)) -> io::Result<bool> {
        let mut header = [0; HEADER as usize];
        if limit < HEADER || shared.disk.read_at(file, &mut header, 0)? < header.len() {
            if last {
                self.tear(shared, limit);
            }
            return Ok(false);
        }
        match check_header(&header, self.name.class, self.name.lane, self.name.number) {
            Header::Good => {}
            Header::Bad => self.damage(shared, 0, HEADER),
            Header::Newer(version) => {
                self.newer = true;
                shared.report(&Event::Newer { file: self.name.file(), version });
                return Ok(false);
            }
        }
        self.offset = self.offset.max(HEADER);
        self.started = true;
        Ok(true)
    }

    fn take_chunk(&mut self, turn: &mut Turn<'_>, file: &File, (limit, last): (u64, bool)) -> io::Result<()> {
        let begun = self.offset;
        let mut wanted = CHUNK;
        while self.offset < limit {
            let size = (limit - self.offset).min(wanted) as usize;
            if turn.buffer.len() < size {
                turn.buffer.resize(size, 0);
            }
            let chunk = turn.buffer.get_mut(..size).unwrap_or_default();
            let read = turn.shared.disk.read_at(file, chunk, self.offset)?;
            // Somebody may have cut the file.
            let limit = if read < size { self.offset + read as u64 } else { limit };
            match self.take(chunk.get(..read).unwrap_or_default(), turn.shared, turn.batch, turn.limits) {
                _ if self.offset == limit => break,
                Stop::Full => return Ok(()),
                Stop::Short(length) if self.offset + length > limit => {
                    if last {
                        self.tear(turn.shared, limit);
                    }
                    return Ok(());
                }
                Stop::Short(_) if self.offset > begun => return Ok(()),
                Stop::Short(length) => wanted = length,
                Stop::Bad => return self.skip(turn.shared, file, (limit, last)),
            }
        }
        self.finished = last;
        Ok(())
    }

    fn take(&mut self, mut bytes: &[u8], shared: &Shared, batch: &mut Batch, limits: Limits) -> Stop {
        let seed = seed(self.name.lane);
        loop {
            let (kind, length) = match parse(bytes, seed) {
                Parsed::Entry(kind, length) => (kind, length),
                Parsed::Short(length) => return Stop::Short(length as u64),
                Parsed::Bad => return Stop::Bad,
            };
            if limits.reached(batch, length) {
                return Stop::Full;
            }
            let (entry, rest) = bytes.split_at(HEAD + length);
            self.offset += entry.len() as u64;
            bytes = rest;
            match Kind::of(kind) {
                Some(kind) => {
                    batch.push(kind, entry.get(HEAD..).unwrap_or_default());
                    self.needs = self.offset;
                }
                None => shared.count_unknown(),
            }
        }
    }

    /// Goes to the next entry behind bytes that are none.
    fn skip(&mut self, shared: &Shared, file: &File, (limit, last): (u64, bool)) -> io::Result<()> {
        let from = self.offset;
        let part = Part { disk: &shared.disk, file, from: from + 1, to: limit };
        match part.next_entry(seed(self.name.lane))? {
            Some(next) => {
                self.damage(shared, from, next);
                self.offset = next;
            }
            // What another process is writing may still become an entry.
            None if self.own.is_none() && !last => {}
            None if self.own.is_none() && Part { from, ..part }.is_zero()? => self.tear(shared, limit),
            None => {
                self.damage(shared, from, limit);
                self.offset = limit;
                self.finished = last;
            }
        }
        Ok(())
    }

    fn damage(&mut self, shared: &Shared, from: u64, to: u64) {
        self.damaged = true;
        shared.report(&Event::Damaged { file: self.name.file(), from, to });
    }

    /// Cuts off an incomplete last entry that nobody will complete.
    fn tear(&mut self, shared: &Shared, limit: u64) {
        self.finished = true;
        let (file, from) = (self.name.file(), self.offset.min(limit));
        if from == limit {
            return;
        }
        if self.own.is_none() {
            // It makes no difference to reading, and so may fail: the file is deleted when it was shipped.
            let _ = shared.disk.cut_path(&shared.folder.join(&file), from);
        }
        shared.gauges.torn.fetch_add(1, Relaxed);
        shared.report(&Event::TornTail { file, from, bytes: limit - from });
    }
}
