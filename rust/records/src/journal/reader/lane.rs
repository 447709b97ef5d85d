//! Reading one lane: its segments, one after the other.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::super::event::Event;
use super::super::folder::{Name, QUARANTINED};
use super::super::frame::HEADER;
use super::super::shared::Shared;
use super::Cursor;
use super::segment::{ReadSegment, Turn};

pub(super) struct ReadLane {
    lane: u64,
    /// Those that are in the folder, by number.
    segments: VecDeque<ReadSegment>,
    /// Segment and offset up to which the store has everything.
    shipped: (u64, u64),
    position: (u64, u64),
    /// The position that the last batch told.
    told: (u64, u64),
}

impl ReadLane {
    pub(super) fn new(lane: u64, start: (u64, u64)) -> Self {
        Self { lane, segments: VecDeque::new(), shipped: start, position: start, told: start }
    }

    /// A segment is in the folder. Those of a lane are named in order.
    pub(super) fn found(&mut self, name: Name, bytes: u64) {
        match self.segments.iter_mut().find(|segment| segment.name.number == name.number) {
            Some(segment) => segment.bytes = bytes,
            None => self.segments.push_back(ReadSegment::new(name, bytes, self.shipped)),
        }
    }

    pub(super) fn knows(&self, name: Name) -> bool {
        self.segments.iter().any(|segment| segment.name == name)
    }

    /// Reads a chunk; whether there may be more.
    pub(super) fn turn(&mut self, turn: &mut Turn<'_>) -> io::Result<bool> {
        let (entries, position) = (turn.batch.entries.len(), self.position);
        let last = self.segments.len().saturating_sub(1);
        for (i, segment) in self.segments.iter_mut().enumerate() {
            if segment.finished || segment.newer {
                continue;
            }
            segment.read(turn, i < last)?;
            self.position = (u64::from(segment.name.number), segment.offset);
            if !segment.finished || turn.batch.entries.len() > entries {
                break;
            }
        }
        Ok(self.position != position)
    }

    /// Where it stands, if it has moved since the last time.
    pub(super) fn moved(&mut self) -> Option<Cursor> {
        let ((segment, offset), moved) = (self.position, self.position != self.told);
        self.told = self.position;
        moved.then_some(Cursor { lane: self.lane, segment, offset })
    }

    pub(super) fn shipped(&mut self, cursor: Cursor) {
        self.shipped = self.shipped.max((cursor.segment, cursor.offset));
    }

    /// Removes what is wholly shipped; whether that was anything.
    pub(super) fn discard(&mut self, shared: &Shared) -> bool {
        let before = self.segments.len();
        while let Some(front) = self.segments.front_mut() {
            if !front.finished || self.shipped < (u64::from(front.name.number), front.needs) {
                break;
            }
            if let Err(error) = remove(shared, front) {
                if !std::mem::replace(&mut front.undeletable, true) {
                    shared.report(&Event::Undeletable { file: front.name.file(), error: error.to_string() });
                }
                break;
            }
            shared.forget(front.name);
            self.segments.pop_front();
        }
        self.segments.len() < before
    }

    /// If nothing but shipped entries is in the segment that is still written, its lane is asked to end it.
    pub(super) fn ask_for_rotation(&self, shared: &Shared) {
        let Some((front, own)) = self.segments.front().and_then(|front| Some((front, front.own.as_ref()?))) else {
            return;
        };
        let end = own.end.load(Acquire);
        let shipped = front.offset == end && self.shipped >= (u64::from(front.name.number), front.needs);
        if shipped
            && end > HEADER
            && let Some(written) = shared.written(self.lane)
        {
            written.rotate.store(true, Relaxed);
        }
    }

    /// Nothing of it is left, so far.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Bytes that are not known to be shipped.
    pub(super) fn behind(&self) -> u64 {
        self.segments.iter().map(|segment| segment.behind(self.shipped)).sum()
    }
}

impl ReadSegment {
    fn behind(&self, (shipped, offset): (u64, u64)) -> u64 {
        let end = self.own.as_ref().map_or(self.bytes, |own| own.end.load(Acquire));
        match u64::from(self.name.number) {
            number if number < shipped => 0,
            number if number == shipped => end.saturating_sub(offset.max(HEADER)),
            _ => end.saturating_sub(HEADER),
        }
    }
}

/// Deletes a segment, or keeps it under another name if it is damaged.
fn remove(shared: &Shared, segment: &ReadSegment) -> io::Result<()> {
    let file = segment.name.file();
    let path = shared.folder.join(&file);
    if !segment.damaged {
        return shared.disk.remove(&path);
    }
    let kept = format!("{file}{QUARANTINED}");
    shared.disk.rename(&path, &shared.folder.join(&kept))?;
    shared.gauges.quarantined.fetch_add(1, Relaxed);
    shared.report(&Event::Quarantined { file: kept });
    Ok(())
}
