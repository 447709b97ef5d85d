//! Whether an answer is the one that the upstream gave, and whole.

use std::cell::Cell;

use bytes::Bytes;
use memchr::memmem;

use crate::load::{Failure, Plan};

/// What every answer must be.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// These bytes.
    Exact(Bytes),
    /// A stream whose chunks, however many, bring this text.
    Text(String),
    /// Any JSON object, seen by its braces.
    Object,
    /// Any stream of this many chunks, ended by `[DONE]`.
    Chunks(usize),
}

impl Expected {
    /// Bytes of the body, if they are known.
    pub(crate) fn length(&self) -> Option<usize> {
        if let Self::Exact(body) = self { Some(body.len()) } else { None }
    }
}

const DONE: &[u8] = b"data: [DONE]\n\n";

/// Reads one answer's body as it arrives.
pub(crate) struct Check<'a> {
    expected: &'a Expected,
    received: &'a Cell<u64>,
    length: usize,
    right: bool,
    events: usize,
    tail: Vec<u8>,
}

impl<'a> Check<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        Self::of(&plan.expected, &plan.received)
    }

    fn of(expected: &'a Expected, received: &'a Cell<u64>) -> Self {
        Self { expected, received, length: 0, right: true, events: 0, tail: Vec::new() }
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        match self.expected {
            Expected::Exact(body) => {
                self.right &= body.get(self.length..self.length + data.len()).is_some_and(|part| part == data);
            }
            // Whole, since an event may be split over two pieces anywhere.
            Expected::Text(_) => self.tail.extend_from_slice(data),
            Expected::Object if self.length == 0 && data.first() != Some(&b'{') => self.right = false,
            Expected::Object | Expected::Chunks(_) => self.keep(data),
        }
        self.length += data.len();
        self.received.set(self.received.get() + data.len() as u64);
    }

    /// Counts the events' ends and keeps the last bytes, since both may be split over two pieces.
    fn keep(&mut self, data: &[u8]) {
        let split = self.tail.last() == Some(&b'\n') && data.first() == Some(&b'\n');
        self.events += usize::from(split) + memmem::find_iter(data, b"\n\n").count();
        self.tail.extend_from_slice(data);
        let excess = self.tail.len().saturating_sub(DONE.len());
        self.tail.drain(..excess);
    }

    /// Whether something of the body has come.
    pub(crate) fn begun(&self) -> bool {
        self.length > 0
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        let whole = match self.expected {
            Expected::Exact(body) => self.length == body.len(),
            Expected::Text(text) => self.tail.ends_with(DONE) && joined(&self.tail) == text.as_bytes(),
            Expected::Object => self.tail.last() == Some(&b'}'),
            Expected::Chunks(chunks) => self.events == chunks + 1 && self.tail == DONE,
        };
        if self.right && whole { Ok(()) } else { Err(Failure::Body) }
    }
}

/// The content of all chunks of a stream, as far as it has no escapes.
fn joined(stream: &[u8]) -> Vec<u8> {
    const CONTENT: &[u8] = b"\"content\":\"";
    let mut text = Vec::with_capacity(stream.len() / 8);
    for at in memmem::find_iter(stream, CONTENT) {
        let rest = &stream[at + CONTENT.len()..];
        let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        text.extend_from_slice(&rest[..end]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &Expected, pieces: &[&[u8]]) -> Result<(), Failure> {
        let received = Cell::new(0);
        let mut check = Check::of(expected, &received);
        pieces.iter().for_each(|piece| check.push(piece));
        check.finish()
    }

    #[test]
    fn exact_means_every_byte_however_it_is_cut() {
        let expected = Expected::Exact(Bytes::from_static(b"abcdef"));
        for at in 0..6 {
            let (left, right) = b"abcdef".split_at(at);
            assert_eq!(check(&expected, &[left, right]), Ok(()));
        }
        for wrong in [&b"abcde"[..], b"abcdefg", b"abcdeg", b""] {
            assert_eq!(check(&expected, &[wrong]), Err(Failure::Body));
        }
        assert_eq!(check(&expected, &[b"abcdef", b"g"]), Err(Failure::Body));
    }

    #[test]
    fn streams_are_counted_however_they_are_cut() {
        let stream = crate::payload::stream(3, 16).text(false);
        for at in 0..stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(check(&Expected::Chunks(3), &[left, right]), Ok(()), "cut at {at}");
            assert_eq!(check(&Expected::Chunks(3), &[left]), Err(Failure::Body), "ended at {at}");
        }
        assert_eq!(check(&Expected::Chunks(4), &[&stream]), Err(Failure::Body));
    }

    #[test]
    fn text_is_the_same_in_whatever_chunks_it_comes() {
        let expected = Expected::Text(crate::payload::stream_text(3, 16));
        let stream = crate::payload::stream(3, 16);
        let text = stream.text(false);
        for at in 0..text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(check(&expected, &[left, right]), Ok(()), "cut at {at}");
            assert_eq!(check(&expected, &[left]), Err(Failure::Body), "ended at {at}");
        }
        let moved =
            b"data: {\"content\":\"\"}\n\ndata: {\"content\":\"Please summarise the ticket belo\"}\n\ndata: [DONE]\n\n";
        assert_eq!(check(&Expected::Text("Please summarise the ticket belo".into()), &[moved]), Ok(()));
        assert_eq!(check(&expected, &[&stream.chunks[0], &stream.done]), Err(Failure::Body));
    }

    #[test]
    fn an_object_begins_and_ends_with_its_braces() {
        assert_eq!(check(&Expected::Object, &[b"{\"a\":", b"1}"]), Ok(()));
        for wrong in [&b"{\"a\":1"[..], b"[]", b"error}", b""] {
            assert_eq!(check(&Expected::Object, &[wrong]), Err(Failure::Body));
        }
    }
}
