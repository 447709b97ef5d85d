//! A stream, written. The first chunk of a choice has its role. Thoughts go out as `reasoning_content`; once they are
//! signed, as a whole block in `thinking_blocks` too, which is what a caller gives back. Calls are numbered in the order
//! in which they begin, and may overlap.

use std::borrow::Cow;

use bytes::BytesMut;

use super::super::answer::{call_id, sound};
use super::super::calls::extra_content;
use super::super::content::write_annotation;
use super::super::marks::CHAT;
use super::super::media::url_part;
use super::super::stop;
use super::frame::{Form, Frame};
use crate::canonical::{CallKind, Delta, Event, Opening, Part, Signature, Usage};
use crate::dialect::signature::to_field;
use crate::dialect::{Told, WriteStream};
use crate::json::{Json, Members, write_string};

const CHUNK: Form = Form { prefix: "chatcmpl-", object: "chat.completion.chunk" };

/// Writes a stream of chat chunks.
#[derive(Debug)]
pub struct Writer {
    frame: Frame,
    choices: Vec<Choice>,
    ended: bool,
}

#[derive(Debug)]
struct Choice {
    index: u64,
    begun: bool,
    calls: usize,
    /// So many characters of text.
    chars: u64,
    parts: Vec<Open>,
}

/// What a part is.
#[derive(Debug)]
enum Open {
    /// Where in the content it begins, and how long it is, in characters.
    Text(u64, u64),
    Refusal,
    /// What was thought so far, and the summary that came last.
    Reasoning {
        id: Option<String>,
        redacted: bool,
        text: String,
        summary: usize,
    },
    Call {
        number: usize,
        kind: CallKind,
    },
    Other,
}

impl Writer {
    /// A writer for a caller.
    #[must_use]
    pub fn new(told: &Told<'_>) -> Self {
        Self { frame: Frame::new(CHUNK, told), choices: Vec::new(), ended: false }
    }

    fn place(&mut self, index: u64) -> usize {
        self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, begun: false, calls: 0, chars: 0, parts: Vec::new() });
            self.choices.len() - 1
        })
    }

    fn open(&mut self, index: u64, opening: Opening<'_>, out: &mut BytesMut) {
        let place = self.place(index);
        let calls = self.choices.get(place).map_or(0, |choice| choice.calls);
        let open = match opening {
            Opening::Text => Open::Text(self.choices.get(place).map_or(0, |choice| choice.chars), 0),
            Opening::Refusal => Open::Refusal,
            Opening::Reasoning { id, redacted } => {
                let id = id.map(Cow::into_owned);
                Open::Reasoning { id, redacted, text: String::new(), summary: 0 }
            }
            Opening::ToolCall { id, name, kind, .. } => {
                let id = id.unwrap_or_else(|| Cow::Owned(call_id(&self.frame.told(), index, calls)));
                self.delta(place, out, |out| call(calls, &id, &name, kind, out));
                if let Some(choice) = self.choices.get_mut(place) {
                    choice.calls += 1;
                }
                Open::Call { number: calls, kind }
            }
            Opening::Image(media) => {
                if let Some(url) = media.url("image/png") {
                    let picture = url_part("image_url", url, None, false);
                    self.member(place, "images", &Json::Array(vec![picture.into()]), out);
                }
                Open::Other
            }
            Opening::Audio(media) => {
                let part = Part::text("");
                let audio = sound(&media, &part, &self.frame.told()).into_owned();
                self.member(place, "audio", &audio.into(), out);
                Open::Other
            }
            Opening::Foreign(CHAT, json) => {
                self.member(place, "content", &Json::Array(vec![json]), out);
                Open::Other
            }
            Opening::Foreign(..) => Open::Other,
        };
        if let Some(choice) = self.choices.get_mut(place) {
            choice.parts.push(open);
        }
    }

    fn more(&mut self, index: u64, part: usize, delta: Delta<'_>, out: &mut BytesMut) {
        let place = self.place(index);
        let Some(open) = self.choices.get_mut(place).and_then(|choice| choice.parts.get_mut(part)) else { return };
        match (open, delta) {
            (Open::Text(_, length), Delta::Text(text)) => {
                let more = text.chars().count() as u64;
                *length += more;
                if let Some(choice) = self.choices.get_mut(place) {
                    choice.chars += more;
                }
                self.text(place, b"\"content\":", &text, out);
            }
            (Open::Refusal, Delta::Text(text)) => self.text(place, b"\"refusal\":", &text, out),
            (Open::Reasoning { text: thought, .. }, Delta::Text(text)) => {
                thought.push_str(&text);
                self.text(place, b"\"reasoning_content\":", &text, out);
            }
            (Open::Reasoning { text: thought, summary, .. }, Delta::Summary(which, text)) => {
                let text = if *summary == which || thought.is_empty() { text } else { format!("\n\n{text}").into() };
                *summary = which;
                thought.push_str(&text);
                self.text(place, b"\"reasoning_content\":", &text, out);
            }
            (Open::Reasoning { id, redacted, text, .. }, Delta::Signature(signature)) => {
                let block = block(id.take(), *redacted, std::mem::take(text), &signature);
                self.member(place, "thinking_blocks", &Json::Array(vec![block.into()]), out);
            }
            (Open::Call { number, kind }, Delta::Arguments(text)) => {
                let (number, kind) = (*number, *kind);
                self.delta(place, out, |out| arguments(number, kind, &text, out));
            }
            (Open::Call { number, .. }, Delta::Signature(signature)) => {
                // Clients take a call without a function for a broken one.
                let signed = Members::new()
                    .with("index", *number as u64)
                    .with("function", Members::new().with("arguments", ""))
                    .with("extra_content", extra_content(&signature));
                self.member(place, "tool_calls", &Json::Array(vec![signed.into()]), out);
            }
            (Open::Text(before, length), Delta::Annotation(annotation)) => {
                if let Some(cited) = write_annotation(&annotation, (*before, *length)) {
                    self.member(place, "annotations", &Json::Array(vec![cited]), out);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, place: usize, name: &'static [u8], text: &str, out: &mut BytesMut) {
        self.delta(place, out, |out| {
            out.extend_from_slice(name);
            write_string(text, out);
        });
    }

    fn member(&mut self, place: usize, name: &'static str, json: &Json<'_>, out: &mut BytesMut) {
        self.delta(place, out, |out| {
            write_string(name, out);
            out.push(b':');
            json.write(out);
        });
    }

    /// A chunk whose delta `body` writes.
    fn delta(&mut self, place: usize, out: &mut BytesMut, body: impl FnOnce(&mut Vec<u8>)) {
        let Some(choice) = self.choices.get_mut(place) else { return };
        self.frame.choice(out, |out| {
            choice.head(out);
            body(out);
            out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":null}");
        });
    }

    fn logprobs(&mut self, index: u64, json: &Json<'_>, out: &mut BytesMut) {
        let place = self.place(index);
        let Some(choice) = self.choices.get_mut(place) else { return };
        self.frame.choice(out, |out| {
            choice.head(out);
            out.extend_from_slice(b"\"content\":\"\"},\"logprobs\":");
            json.write(out);
            out.extend_from_slice(b",\"finish_reason\":null}");
        });
    }

    fn stop(&mut self, index: u64, word: &str, out: &mut BytesMut) {
        let place = self.place(index);
        let Some(choice) = self.choices.get_mut(place) else { return };
        self.frame.choice(out, |out| {
            choice.head(out);
            if out.last() == Some(&b',') {
                out.pop();
            }
            out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
            write_string(word, out);
            out.push(b'}');
        });
    }
}

impl Choice {
    /// What a chunk of this choice begins with; its role, the first time.
    fn head(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"index\":");
        Json::integer(self.index).write(out);
        out.extend_from_slice(b",\"delta\":{");
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(b"\"role\":\"assistant\",");
        }
    }
}

fn call(number: usize, id: &str, name: &str, kind: CallKind, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
    Json::integer(number as u64).write(out);
    out.extend_from_slice(b",\"id\":");
    write_string(id, out);
    let (head, tail): (&[u8], &[u8]) = match kind {
        CallKind::Function => (b",\"type\":\"function\",\"function\":{\"name\":", b",\"arguments\":\"\"}}]"),
        CallKind::Custom => (b",\"type\":\"custom\",\"custom\":{\"name\":", b",\"input\":\"\"}}]"),
    };
    out.extend_from_slice(head);
    write_string(name, out);
    out.extend_from_slice(tail);
}

fn arguments(number: usize, kind: CallKind, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
    Json::integer(number as u64).write(out);
    out.extend_from_slice(match kind {
        CallKind::Function => b",\"function\":{\"arguments\":" as &[u8],
        CallKind::Custom => b",\"custom\":{\"input\":",
    });
    write_string(text, out);
    out.extend_from_slice(b"}}]");
}

fn block<'a>(id: Option<String>, redacted: bool, text: String, signature: &Signature<'a>) -> Members<'a> {
    let field = to_field(signature, CHAT);
    let block = if redacted {
        Members::new().with("type", "redacted_thinking").with("data", field)
    } else {
        Members::new().with("type", "thinking").with("thinking", text).with("signature", field)
    };
    block.with_some("id", id)
}

impl WriteStream for Writer {
    fn write(&mut self, event: Event<'_>, out: &mut BytesMut) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, model, created } => self.frame.begin(id.as_ref(), model.as_deref(), created),
            Event::Open { choice, opening, .. } => self.open(choice, opening, out),
            Event::Delta { choice, part, delta } => self.more(choice, part, delta, out),
            Event::Close { .. } => {}
            Event::Logprobs { choice, json } => self.logprobs(choice, &json, out),
            Event::Stop { choice, stop } => self.stop(choice, &stop::write(&stop), out),
            Event::Usage(usage) => self.frame.count(usage),
            Event::Rest(_) => {}
            Event::Error(error) => {
                self.ended = true;
                Frame::fail(&error, out);
            }
            Event::End => {
                self.ended = true;
                self.frame.end(out);
            }
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.frame.usage()
    }
}
