//! The frames of a stream. Those that come with every token are written without a tree.

use bytes::{BufMut, BytesMut};

use crate::json::{Json, write_string};

/// Writes frames, with a buffer of its own for texts that must be escaped.
#[derive(Debug, Default)]
pub(super) struct Frames {
    escaped: Vec<u8>,
}

/// A delta that holds one text: its type, and the name of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextDelta(&'static [u8]);

pub(super) const TEXT: TextDelta = TextDelta(br#"text_delta","text":"#);
pub(super) const THINKING: TextDelta = TextDelta(br#"thinking_delta","thinking":"#);
pub(super) const INPUT: TextDelta = TextDelta(br#"input_json_delta","partial_json":"#);
pub(super) const SIGNATURE: TextDelta = TextDelta(br#"signature_delta","signature":"#);

impl Frames {
    pub(super) fn text(&mut self, index: u64, kind: TextDelta, text: &str, out: &mut BytesMut) {
        self.escaped.clear();
        write_string(text, &mut self.escaped);
        out.reserve(self.escaped.len() + 160);
        out.put_slice(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
        number(index, out);
        out.put_slice(b",\"delta\":{\"type\":\"");
        out.put_slice(kind.0);
        out.put_slice(&self.escaped);
        out.put_slice(b"}}\n\n");
    }

    pub(super) fn citation(&mut self, index: u64, citation: &Json<'_>, out: &mut BytesMut) {
        self.escaped.clear();
        citation.write(&mut self.escaped);
        out.put_slice(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
        number(index, out);
        out.put_slice(b",\"delta\":{\"type\":\"citations_delta\",\"citation\":");
        out.put_slice(&self.escaped);
        out.put_slice(b"}}\n\n");
    }

    pub(super) fn start(&mut self, index: u64, block: &Json<'_>, out: &mut BytesMut) {
        self.escaped.clear();
        block.write(&mut self.escaped);
        out.put_slice(b"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":");
        number(index, out);
        out.put_slice(b",\"content_block\":");
        out.put_slice(&self.escaped);
        out.put_slice(b"}\n\n");
    }
}

pub(super) fn stop(index: u64, out: &mut BytesMut) {
    out.put_slice(b"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":");
    number(index, out);
    out.put_slice(b"}\n\n");
}

/// A frame of the message as a whole.
pub(super) fn message(name: &str, body: &Json<'_>, out: &mut BytesMut) {
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\ndata: ");
    out.put_slice(&body.to_bytes());
    out.put_slice(b"\n\n");
}

pub(super) const MESSAGE_STOP: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn number(number: u64, out: &mut BytesMut) {
    // Writing to memory has no way to fail.
    let _ = std::fmt::Write::write_fmt(out, format_args!("{number}"));
}
