//! What is being written: a message, a part, and their items as bytes.

use super::super::{SIGNATURE, call};
use super::frame::{quoted, raw, text};
use crate::canonical::CallKind;

/// The message that is being written.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) content: Vec<u8>,
    pub(super) pieces: usize,
}

/// The part that is being written. Texts are kept as they are written, escaped.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) part: usize,
    pub(super) kind: Kind,
    /// How each of its deltas begins.
    pub(super) head: Vec<u8>,
    pub(super) text: Vec<u8>,
    pub(super) signature: Option<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text {
        annotations: Vec<u8>,
        cited: usize,
        logprobs: Vec<u8>,
        chars: u64,
    },
    Refusal,
    Reasoning {
        id: String,
        redacted: bool,
        thinks: bool,
        summaries: Vec<u8>,
        summary: Option<(usize, Vec<u8>)>,
        told: usize,
    },
    Call {
        id: String,
        item: String,
        name: String,
        kind: CallKind,
        /// What a function is called with that the caller has as a tool for free text; told when it is whole.
        wrapped: Option<String>,
    },
}

impl Message {
    pub(super) fn item(&self, status: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.content.len());
        text("{\"id\":", &self.id, &mut bytes);
        text(",\"type\":\"message\",\"status\":", status, &mut bytes);
        raw(",\"role\":\"assistant\",\"content\":[", &mut bytes);
        raw(&self.content, &mut bytes);
        raw("]}", &mut bytes);
        bytes
    }
}

impl Current {
    pub(super) const fn new(part: usize, kind: Kind, head: Vec<u8>) -> Self {
        Self { part, kind, head, text: Vec::new(), signature: None }
    }

    pub(super) fn output_text(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.text.len());
        quoted("{\"type\":\"output_text\",\"text\":", &self.text, &mut bytes);
        if let Kind::Text { annotations, logprobs, .. } = &self.kind {
            for (name, list) in [(",\"annotations\":[", annotations), ("],\"logprobs\":[", logprobs)] {
                raw(name, &mut bytes);
                raw(list, &mut bytes);
            }
            raw("]", &mut bytes);
        }
        self.end(bytes)
    }

    pub(super) fn refusal(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        quoted("{\"type\":\"refusal\",\"refusal\":", &self.text, &mut bytes);
        self.end(bytes)
    }

    pub(super) fn end(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(signature) = &self.signature {
            raw(",\"", &mut bytes);
            raw(SIGNATURE, &mut bytes);
            text("\":", signature, &mut bytes);
        }
        raw("}", &mut bytes);
        bytes
    }

    /// What a tool is called with; no text at all is an empty object to a function.
    pub(super) fn arguments(&self) -> &[u8] {
        match &self.kind {
            Kind::Call { kind: CallKind::Function, .. } if self.text.is_empty() => b"{}",
            _ => &self.text,
        }
    }

    pub(super) fn call(&self, status: &str) -> Vec<u8> {
        let Kind::Call { id, item, name, kind, .. } = &self.kind else { return Vec::new() };
        let mut bytes = Vec::with_capacity(256 + self.text.len());
        text("{\"id\":", item, &mut bytes);
        text(",\"type\":", call::item_type(*kind), &mut bytes);
        text(",\"status\":", status, &mut bytes);
        text(",\"call_id\":", id, &mut bytes);
        text(",\"name\":", name, &mut bytes);
        raw(",\"", &mut bytes);
        raw(call::argument(*kind), &mut bytes);
        let arguments = if status == "in_progress" { b"" } else { self.arguments() };
        quoted("\":", arguments, &mut bytes);
        self.end(bytes)
    }
}
