//! How items and pieces begin, and where they lie.

use bytes::BytesMut;

use super::super::item_id;
use super::current::{Current, Kind, Message};
use super::frame::{head, item, number, raw, text};
use super::part::Start;
use super::write::Writer;
use crate::canonical::CallKind;

impl Writer {
    pub(super) fn begin(&mut self, part: usize, start: Start, out: &mut BytesMut) {
        if !matches!(start, Start::Text | Start::Refusal | Start::Piece(_) | Start::Nothing) {
            self.finish_message("completed", out);
        }
        let current = match start {
            Start::Nothing => return,
            Start::Item(json) => {
                let bytes = json.to_bytes();
                self.added(&bytes, out);
                return self.done(&bytes, out);
            }
            Start::Piece(json) => {
                let bytes = json.to_bytes();
                self.piece_event("response.content_part.added", part, &bytes, out);
                self.piece_event("response.content_part.done", part, &bytes, out);
                return self.piece_done(&bytes);
            }
            Start::Text => {
                let empty = br#"{"type":"output_text","annotations":[],"logprobs":[],"text":""}"#;
                self.piece_event("response.content_part.added", part, empty, out);
                let head = self.piece_head("response.output_text.delta", part);
                let kind = Kind::Text { annotations: Vec::new(), cited: 0, logprobs: Vec::new(), chars: 0 };
                Current::new(part, kind, head)
            }
            Start::Refusal => {
                self.piece_event("response.content_part.added", part, br#"{"type":"refusal","refusal":""}"#, out);
                Current::new(part, Kind::Refusal, self.piece_head("response.refusal.delta", part))
            }
            Start::Reasoning { id, redacted } => {
                let mut body = Vec::new();
                text("{\"id\":", &id, &mut body);
                raw(",\"type\":\"reasoning\",\"summary\":[]}", &mut body);
                self.added(&body, out);
                let head = self.item_head("response.reasoning_text.delta", &id, ",\"content_index\":0");
                let kind =
                    Kind::Reasoning { id, redacted, thinks: false, summaries: Vec::new(), summary: None, told: 0 };
                Current::new(part, kind, head)
            }
            Start::Call { id, item, name, kind } => {
                let wraps = kind == CallKind::Function && self.custom.contains(&name);
                let (kind, wrapped) = if wraps { (CallKind::Custom, Some(String::new())) } else { (kind, None) };
                let event = match kind {
                    CallKind::Function => "response.function_call_arguments.delta",
                    CallKind::Custom => "response.custom_tool_call_input.delta",
                };
                let head = self.item_head(event, &item, "");
                let kind = Kind::Call { id, item, name, kind, wrapped };
                let current = Current::new(part, kind, head);
                self.added(&current.call("in_progress"), out);
                current
            }
        };
        self.current = Some(current);
    }

    /// Appends the event that an item has begun.
    pub(super) fn added(&mut self, item: &[u8], out: &mut BytesMut) {
        self.item_event("response.output_item.added", item, out);
    }

    /// Appends the event that an item is done, and keeps it.
    pub(super) fn done(&mut self, bytes: &[u8], out: &mut BytesMut) {
        self.item_event("response.output_item.done", bytes, out);
        item(&mut self.output, bytes);
        self.items += 1;
    }

    pub(super) fn item_event(&mut self, kind: &str, item: &[u8], out: &mut BytesMut) {
        let index = self.items;
        self.frames.event(kind, out, |body| {
            number("\"output_index\":", index, body);
            raw(",\"item\":", body);
            raw(item, body);
        });
    }

    /// How an event of the item that is open begins: up to the value of the last member, `delta`.
    pub(super) fn item_head(&self, kind: &str, id: &str, more: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        head(kind, &mut bytes);
        text("\"item_id\":", id, &mut bytes);
        number(",\"output_index\":", self.items, &mut bytes);
        raw(more, &mut bytes);
        raw(",\"delta\":", &mut bytes);
        bytes
    }

    pub(super) fn piece_head(&self, kind: &str, part: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        head(kind, &mut bytes);
        self.place(part, &mut bytes);
        raw(",\"delta\":", &mut bytes);
        bytes
    }

    /// Where the piece that is open lies.
    pub(super) fn place(&self, part: usize, body: &mut Vec<u8>) {
        let (id, pieces) = match &self.message {
            Some(message) => (message.id.as_str(), message.pieces),
            None => ("", part),
        };
        text("\"item_id\":", id, body);
        number(",\"output_index\":", self.items, body);
        number(",\"content_index\":", pieces, body);
    }

    /// Appends an event of a piece, in a new message if none is open.
    pub(super) fn piece_event(&mut self, kind: &str, part: usize, piece: &[u8], out: &mut BytesMut) {
        if self.message.is_none() {
            let id = item_id("msg", &self.answer, part);
            let message = Message { id, content: Vec::new(), pieces: 0 };
            self.added(&message.item("in_progress"), out);
            self.message = Some(message);
        }
        let mut body = Vec::with_capacity(128 + piece.len());
        self.place(part, &mut body);
        raw(",\"part\":", &mut body);
        raw(piece, &mut body);
        self.frames.event(kind, out, |event| raw(body, event));
    }

    pub(super) fn piece_done(&mut self, piece: &[u8]) {
        if let Some(message) = &mut self.message {
            item(&mut message.content, piece);
            message.pieces += 1;
        }
    }

    pub(super) fn finish_message(&mut self, status: &str, out: &mut BytesMut) {
        if let Some(message) = self.message.take() {
            self.done(&message.item(status), out);
        }
    }
}
