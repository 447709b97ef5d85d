//! Finding the way again in a damaged segment.

use std::fs::File;
use std::io;

use super::super::disk::Disk;
use super::super::frame::{HEAD, Parsed, parse};

const WINDOW: u64 = 1 << 20;

/// The part of a segment that is searched.
pub(super) struct Part<'a> {
    pub(super) disk: &'a Disk,
    pub(super) file: &'a File,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Part<'_> {
    /// Where the first whole entry begins. A head must pass its own check before its content is looked at, so this takes
    /// one pass also over the worst bytes.
    pub(super) fn next_entry(&self, seed: u32) -> io::Result<Option<u64>> {
        let mut at = self.from;
        let mut window = Vec::new();
        while at + (HEAD as u64) <= self.to {
            let bytes = self.load(&mut window, at, WINDOW)?;
            if bytes.len() < HEAD {
                break;
            }
            for (i, head) in bytes.windows(HEAD).enumerate() {
                let place = at + i as u64;
                let whole = match parse(bytes.get(i..).unwrap_or(head), seed) {
                    Parsed::Entry(..) => true,
                    Parsed::Short(length) if place + length as u64 <= self.to => self.is_entry(place, length, seed)?,
                    _ => false,
                };
                if whole {
                    return Ok(Some(place));
                }
            }
            at += (bytes.len() - HEAD + 1) as u64;
        }
        Ok(None)
    }

    /// Whether all bytes are zero: what a power cut leaves of a file that had grown.
    pub(super) fn is_zero(&self) -> io::Result<bool> {
        let mut at = self.from;
        let mut window = Vec::new();
        while at < self.to {
            let bytes = self.load(&mut window, at, WINDOW)?;
            if bytes.is_empty() || bytes.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += bytes.len() as u64;
        }
        Ok(true)
    }

    fn is_entry(&self, at: u64, length: usize, seed: u32) -> io::Result<bool> {
        let mut whole = Vec::new();
        Ok(matches!(parse(self.load(&mut whole, at, length as u64)?, seed), Parsed::Entry(..)))
    }

    fn load<'b>(&self, buffer: &'b mut Vec<u8>, at: u64, bytes: u64) -> io::Result<&'b [u8]> {
        buffer.resize((self.to - at).min(bytes) as usize, 0);
        let read = self.disk.read_at(self.file, buffer, at)?;
        buffer.truncate(read);
        Ok(buffer)
    }
}
