//! The bytes of events and items.

use std::fmt::Write as _;

use bytes::BytesMut;

use crate::json::{Json, Members, write_string};

/// Writes events, and counts them.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The number of the event that comes next.
    pub(super) next: u64,
    scratch: Vec<u8>,
}

impl Frames {
    /// The number of the event that comes next; it is then taken.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Appends the event `kind`, with the members that `fill` writes: `"a":1,"b":2`.
    pub(super) fn event(&mut self, kind: &str, out: &mut BytesMut, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        head(kind, &mut body);
        fill(&mut body);
        out.extend_from_slice(&body);
        self.scratch = body;
        self.tail(out);
    }

    /// Appends the event that begins with `head` and whose next value is the string `text`; then `more`.
    pub(super) fn delta(&mut self, head: &[u8], text: &str, more: &[u8], out: &mut BytesMut) -> &[u8] {
        self.scratch.clear();
        write_string(text, &mut self.scratch);
        out.reserve(head.len() + self.scratch.len() + more.len() + 40);
        out.extend_from_slice(head);
        out.extend_from_slice(&self.scratch);
        out.extend_from_slice(more);
        self.tail(out);
        let inner = self.scratch.len().saturating_sub(1);
        self.scratch.get(1..inner).unwrap_or_default()
    }

    fn tail(&mut self, out: &mut BytesMut) {
        let number = self.number();
        // Writing text to memory has no way to fail.
        let _ = write!(out, ",\"sequence_number\":{number}}}\n\n");
    }
}

/// How every event begins.
pub(super) fn head(kind: &str, out: &mut Vec<u8>) {
    for piece in ["event: ", kind, "\ndata: {\"type\":\"", kind, "\","] {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// The members of an object, without its braces.
pub(super) fn inner(members: Members<'_>) -> Vec<u8> {
    let mut bytes = Json::Object(members).to_bytes();
    bytes.pop();
    bytes.split_off(1.min(bytes.len()))
}

/// Appends `bytes` as they are.
pub(super) fn raw(bytes: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(bytes.as_ref());
}

/// Appends a name and a string.
pub(super) fn text(name: &str, value: &str, out: &mut Vec<u8>) {
    raw(name, out);
    write_string(value, out);
}

/// Appends a name and a number.
pub(super) fn number(name: &str, value: usize, out: &mut Vec<u8>) {
    raw(name, out);
    raw(value.to_string(), out);
}

/// Appends a JSON value to the items of a list.
pub(super) fn item(list: &mut Vec<u8>, value: impl AsRef<[u8]>) {
    if !list.is_empty() {
        list.push(b',');
    }
    raw(value, list);
}

/// Appends a name and a string that is escaped already.
pub(super) fn quoted(name: &str, escaped: &[u8], out: &mut Vec<u8>) {
    raw(name, out);
    out.push(b'"');
    raw(escaped, out);
    out.push(b'"');
}
