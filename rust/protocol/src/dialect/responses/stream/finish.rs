//! How pieces and items end: each is told whole once more.

use bytes::BytesMut;

use super::super::call;
use super::current::{Current, Kind};
use super::frame::{item, quoted, raw, text};
use super::write::Writer;
use crate::canonical::CallKind;

impl Writer {
    pub(super) fn finish_summary(&mut self, current: &mut Current, out: &mut BytesMut) {
        let Kind::Reasoning { id, summary, summaries, told, .. } = &mut current.kind else { return };
        let Some((_, all)) = summary.take() else { return };
        let at = self.thought(id, &format!(",\"summary_index\":{told}"));
        let whole = [b"{\"type\":\"summary_text\",\"text\":\"", all.as_slice(), b"\"}"].concat();
        self.frames.event("response.reasoning_summary_text.done", out, |body| {
            raw(&at, body);
            quoted(",\"text\":", &all, body);
        });
        self.frames.event("response.reasoning_summary_part.done", out, |body| {
            raw(&at, body);
            raw(",\"part\":", body);
            raw(&whole, body);
        });
        item(summaries, whole);
        *told += 1;
    }

    /// The part is complete.
    pub(super) fn finish(&mut self, mut current: Current, out: &mut BytesMut) {
        if let Kind::Call { wrapped, .. } = &mut current.kind
            && let Some(wrapped) = wrapped.take()
        {
            self.say(&mut current, &call::free_text(&wrapped), out);
        }
        match &current.kind {
            Kind::Text { .. } => self.finish_text(current, out),
            Kind::Refusal => {
                let piece = current.refusal();
                self.finish_piece(&current, &piece, out);
            }
            Kind::Reasoning { .. } => {
                self.finish_summary(&mut current, out);
                self.finish_reasoning(&current, out);
            }
            Kind::Call { item, name, kind, .. } => {
                let (event, argument) = match kind {
                    CallKind::Function => ("response.function_call_arguments.done", ",\"arguments\":"),
                    CallKind::Custom => ("response.custom_tool_call_input.done", ",\"input\":"),
                };
                let at = self.thought(item, "");
                self.frames.event(event, out, |body| {
                    raw(at, body);
                    quoted(argument, current.arguments(), body);
                    text(",\"name\":", name, body);
                });
                self.done(&current.call("completed"), out);
            }
        }
    }

    pub(super) fn finish_text(&mut self, mut current: Current, out: &mut BytesMut) {
        if let Kind::Text { logprobs, .. } = &mut current.kind {
            let late = std::mem::take(&mut self.logprobs);
            if !late.is_empty() {
                item(logprobs, late);
            }
        }
        let piece = current.output_text();
        self.finish_piece(&current, &piece, out);
    }

    pub(super) fn finish_piece(&mut self, current: &Current, piece: &[u8], out: &mut BytesMut) {
        let (kind, name) = match current.kind {
            Kind::Refusal => ("response.refusal.done", ",\"refusal\":"),
            _ => ("response.output_text.done", ",\"text\":"),
        };
        let mut at = Vec::with_capacity(128);
        self.place(current.part, &mut at);
        self.frames.event(kind, out, |body| {
            raw(&at, body);
            quoted(name, &current.text, body);
            if let Kind::Text { logprobs, .. } = &current.kind {
                raw(",\"logprobs\":[", body);
                raw(logprobs, body);
                raw("]", body);
            }
        });
        self.piece_event("response.content_part.done", current.part, piece, out);
        self.piece_done(piece);
    }

    pub(super) fn finish_reasoning(&mut self, current: &Current, out: &mut BytesMut) {
        let Kind::Reasoning { id, thinks, summaries, .. } = &current.kind else { return };
        let whole = [b"{\"type\":\"reasoning_text\",\"text\":\"", current.text.as_slice(), b"\"}"].concat();
        if *thinks {
            let at = self.thought(id, ",\"content_index\":0");
            self.frames.event("response.reasoning_text.done", out, |body| {
                raw(&at, body);
                quoted(",\"text\":", &current.text, body);
            });
            self.frames.event("response.content_part.done", out, |body| {
                raw(&at, body);
                raw(",\"part\":", body);
                raw(&whole, body);
            });
        }
        let mut bytes = Vec::with_capacity(256 + whole.len());
        text("{\"id\":", id, &mut bytes);
        raw(",\"type\":\"reasoning\",\"summary\":[", &mut bytes);
        raw(summaries, &mut bytes);
        raw("]", &mut bytes);
        if *thinks {
            raw(",\"content\":[", &mut bytes);
            raw(&whole, &mut bytes);
            raw("]", &mut bytes);
        }
        if let Some(signature) = &current.signature {
            text(",\"encrypted_content\":", signature, &mut bytes);
        }
        raw("}", &mut bytes);
        self.done(&bytes, out);
    }
}
