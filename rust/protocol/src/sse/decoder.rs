//! Reads Server-Sent Events from chunks cut anywhere.

use bytes::{Bytes, BytesMut};

use super::lines::{Data, Fields, Line, Scan, line};

/// Cuts a byte stream into events.
///
/// Push a chunk, then take events until there are none. An event that lies in one chunk is a slice of it; one that spans
/// chunks is copied, and nothing else is. The events do not depend on where the stream was cut, and their `raw` bytes,
/// followed by [`take_rest`](Self::take_rest), are the stream, byte for byte. Blank lines between events belong to the
/// event that follows.
#[derive(Debug)]
pub struct Decoder {
    /// The beginning of an event that was not whole in the chunks read.
    carry: BytesMut,
    /// What has not been read, of the last chunk.
    unread: Bytes,
    scan: Scan,
    max_event: usize,
}

/// An event exceeds the decoder's limit. The decoder gives no more events; [`Decoder::take_rest`] has the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The limit in bytes.
    pub limit: usize,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a server-sent event exceeds {} bytes", self.limit)
    }
}

impl std::error::Error for TooLarge {}

impl Decoder {
    /// A decoder that refuses events over `max_event` bytes, their line ends counted.
    #[must_use]
    pub fn new(max_event: usize) -> Self {
        Self { carry: BytesMut::new(), unread: Bytes::new(), scan: Scan::of_stream(), max_event }
    }

    /// Adds the next bytes of the stream. Take all events of the chunk before, or both are copied together.
    pub fn push(&mut self, chunk: Bytes) {
        if self.unread.is_empty() {
            self.unread = chunk;
        } else {
            self.unread = Bytes::from([&self.unread[..], &chunk].concat());
        }
    }

    /// The next whole event; None until more is pushed.
    ///
    /// # Errors
    /// [`TooLarge`], then and ever after, once an event exceeds the limit, whole or not.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event>, TooLarge> {
        if !self.carry.is_empty() {
            return self.next_carried();
        }
        let end = self.scan.event_end(&self.unread);
        self.check(end.unwrap_or(self.unread.len()))?;
        match end {
            Some(end) => {
                let raw = self.unread.split_to(end);
                Ok(Some(self.event(raw)))
            }
            None => {
                self.carry.extend_from_slice(&self.unread);
                self.unread.clear();
                Ok(None)
            }
        }
    }

    /// The event that was not whole, with lines from the new chunk: no more of that is copied than the event needs.
    fn next_carried(&mut self) -> Result<Option<Event>, TooLarge> {
        loop {
            if let Some(end) = self.scan.event_end(&self.carry) {
                self.check(end)?;
                let raw = self.carry.split_to(end).freeze();
                return Ok(Some(self.event(raw)));
            }
            self.check(self.carry.len())?;
            if self.unread.is_empty() {
                return Ok(None);
            }
            let line = self.unread.split_to(line_len(&self.unread));
            self.carry.extend_from_slice(&line);
        }
    }

    /// For the end of the stream: the event whose blank line ended in a CR, after which a LF was still awaited.
    pub fn finish(&mut self) -> Option<Event> {
        if !self.scan.awaits_lf {
            return None;
        }
        let raw = self.carry.split().freeze();
        Some(self.event(raw))
    }

    /// Bytes of an event that has begun but is not whole; 0 between events. Meaningful once
    /// [`next_event`](Self::next_event) has given None.
    #[must_use]
    pub fn pending(&self) -> usize {
        let begun = self.scan.begun(self.carry.len());
        if begun || !self.unread.is_empty() { self.carry.len() + self.unread.len() } else { 0 }
    }

    /// Takes all bytes that were not given out as events, to relay them as they are. What is pushed next begins a new
    /// event.
    pub fn take_rest(&mut self) -> Bytes {
        self.scan = Scan::default();
        let unread = std::mem::take(&mut self.unread);
        if self.carry.is_empty() {
            return unread;
        }
        self.carry.extend_from_slice(&unread);
        self.carry.split().freeze()
    }

    fn event(&mut self, raw: Bytes) -> Event {
        Event { raw, fields: std::mem::take(&mut self.scan).fields }
    }

    const fn check(&self, len: usize) -> Result<(), TooLarge> {
        if len > self.max_event { Err(TooLarge { limit: self.max_event }) } else { Ok(()) }
    }
}

/// The first line with its end, or all.
fn line_len(bytes: &[u8]) -> usize {
    match memchr::memchr2(b'\n', b'\r', bytes) {
        Some(at) if bytes.get(at..at + 2) == Some(b"\r\n") => at + 2,
        Some(at) => at + 1,
        None => bytes.len(),
    }
}

/// One event, or one block of comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The exact bytes, from blank lines before it to the blank line that ends it.
    pub raw: Bytes,
    fields: Fields,
}

impl Event {
    /// The data lines, joined by LF; None if there are none. One line is a slice of `raw`.
    #[must_use]
    #[inline]
    pub fn data(&self) -> Option<Bytes> {
        match &self.fields.data {
            Data::None => None,
            Data::One(at) => Some(self.raw.slice(at.clone())),
            Data::Many => Some(self.joined_data()),
        }
    }

    fn joined_data(&self) -> Bytes {
        let mut joined = Vec::with_capacity(self.raw.len());
        let mut at = self.fields.mark;
        while let Some(rest) = self.raw.get(at..).filter(|rest| !rest.is_empty()) {
            let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            if let Line::Data(value) = line(&self.raw, at..at + end) {
                joined.extend_from_slice(self.raw.get(value).unwrap_or_default());
                joined.push(b'\n');
            }
            // The LF of a CRLF then reads as an empty line, which holds no data.
            at += end + 1;
        }
        joined.pop();
        Bytes::from(joined)
    }

    /// The value of the last `event` line; None if there is none, or it is empty or not UTF-8.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let name = self.raw.get(self.fields.name.clone()?)?;
        std::str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }

    /// Whether it holds comments and nothing else, as keep-alives do.
    #[must_use]
    pub const fn is_comment_only(&self) -> bool {
        self.fields.comment && !self.fields.field
    }
}
