//! The parts of one candidate, brought into an order: Google's chunks carry one part after the other.

use std::collections::VecDeque;

use crate::canonical::{
    Annotation, Arguments, Body, Delta, Media, Opening, Part, Signature, Source, Stop, Text, ToolCall,
};
use crate::dialect::gemini::answer::{lift, write_part};
use crate::dialect::gemini::{GEMINI, citations};
use crate::dialect::signature;
use crate::json::{Json, Members, write_string};

/// One candidate.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) choice: u64,
    /// The parts that are not written yet; what comes of the first goes out at once, the others wait for it.
    waiting: VecDeque<Slot>,
    pub(super) stop: Option<Stop<'static>>,
    /// What Google said of the candidate besides.
    pub(super) own: Members<'static>,
    /// What other dialects cite: which part, its text, and what.
    cited: Vec<(u64, String, Vec<Annotation<'static>>)>,
    /// How many parts have been written.
    written: u64,
}

/// A part that has begun.
#[derive(Debug)]
struct Slot {
    part: usize,
    what: What,
    closed: bool,
    /// Not written yet.
    text: String,
    signature: Option<Signature<'static>>,
    /// All of its text.
    said: String,
    annotations: Vec<Annotation<'static>>,
    /// The last summary that came.
    summary: Option<usize>,
}

#[derive(Debug)]
enum What {
    Text,
    Thought,
    /// What is only written whole.
    Whole(Body<'static>),
}

impl Lane {
    pub(super) fn new(choice: u64) -> Self {
        Self { choice, ..Self::default() }
    }

    pub(super) fn open(&mut self, part: usize, opening: Opening<'_>, answer: &mut Members<'static>) {
        let what = match opening {
            Opening::Text | Opening::Refusal => What::Text,
            Opening::Reasoning { .. } => What::Thought,
            Opening::ToolCall { id, name, kind, item } => {
                let own = |text: Text<'_>| text.into_owned().into();
                let arguments = Arguments::Text(String::new().into());
                let call = ToolCall { id: id.map(own), name: own(name), arguments, kind, item: item.map(own) };
                What::Whole(Body::ToolCall(call))
            }
            Opening::Image(media) => What::Whole(Body::Image(media_owned(media))),
            Opening::Audio(media) => What::Whole(Body::Audio(media_owned(media))),
            Opening::Foreign(GEMINI, json) if json.get("candidate").is_some() || json.get("response").is_some() => {
                lift(&json.into_owned(), &mut self.own, answer);
                return;
            }
            Opening::Foreign(dialect, json) => What::Whole(Body::Foreign(dialect, json.into_owned())),
        };
        self.waiting.push_back(Slot {
            part,
            what,
            closed: false,
            text: String::new(),
            signature: None,
            said: String::new(),
            annotations: Vec::new(),
            summary: None,
        });
    }

    /// Takes more of a part; `emit` is handed each part that can be written now, as JSON.
    pub(super) fn delta(&mut self, part: usize, delta: Delta<'_>, emit: &mut dyn FnMut(&[u8])) {
        let Some(place) = self.waiting.iter().position(|slot| slot.part == part) else { return };
        let Some(slot) = self.waiting.get_mut(place) else { return };
        match delta {
            Delta::Text(text) | Delta::Arguments(text) => slot.text.push_str(&text),
            Delta::Summary(number, text) => {
                let another = slot.summary.replace(number).is_some_and(|last| last != number);
                slot.text.push_str(if another { "\n\n" } else { "" });
                slot.text.push_str(&text);
            }
            Delta::Annotation(annotation) => {
                // Google's own come with what it says of the candidate.
                if annotation.origin.0 != GEMINI {
                    slot.annotations.push(annotation_owned(annotation));
                }
            }
            Delta::Signature(Signature { origin, value }) => {
                slot.signature = Some(Signature { origin, value: value.into_owned().into() });
            }
            Delta::Rest(_) => {}
        }
        if place == 0 {
            slot.flush(emit);
        }
    }

    pub(super) fn close(&mut self, part: usize, emit: &mut dyn FnMut(&[u8])) {
        if let Some(slot) = self.waiting.iter_mut().find(|slot| slot.part == part) {
            slot.closed = true;
        }
        self.drain(false, emit);
    }

    /// Writes what waits, up to the first part that is not closed, or all.
    pub(super) fn drain(&mut self, all: bool, emit: &mut dyn FnMut(&[u8])) {
        while let Some(slot) = self.waiting.front_mut() {
            slot.flush(emit);
            if !slot.closed && !all {
                return;
            }
            let Some(slot) = self.waiting.pop_front() else { return };
            self.finish(slot, emit);
        }
    }

    fn finish(&mut self, slot: Slot, emit: &mut dyn FnMut(&[u8])) {
        if !slot.annotations.is_empty() {
            self.cited.push((self.written, slot.said, slot.annotations));
        }
        if let What::Whole(mut body) = slot.what {
            if let Body::ToolCall(call) = &mut body {
                call.arguments = Arguments::Text(slot.text.into());
            }
            let part = Part { signature: slot.signature, ..Part::new(body) };
            let Some(json) = write_part(&part) else { return };
            emit(&json.to_bytes());
        }
        self.written += 1;
    }

    /// What the last chunk says of the candidate.
    pub(super) fn metadata(&mut self) -> Members<'static> {
        let own = std::mem::take(&mut self.own);
        let said = own.get("groundingMetadata").is_some() || own.get("citationMetadata").is_some();
        let cited: Vec<_> =
            self.cited.iter().map(|(part, text, what)| (*part, text.as_str(), what.as_slice())).collect();
        let grounding = if said { None } else { citations::write(&cited) };
        own.with_some("groundingMetadata", grounding)
    }
}

impl Slot {
    /// Writes what has come of a text or of thoughts.
    fn flush(&mut self, emit: &mut dyn FnMut(&[u8])) {
        let thought = match self.what {
            What::Text => false,
            What::Thought => true,
            What::Whole(_) => return,
        };
        if self.text.is_empty() && self.signature.is_none() {
            return;
        }
        let mut json = Vec::with_capacity(self.text.len() + 64);
        json.extend_from_slice(b"{\"text\":");
        write_string(&self.text, &mut json);
        if thought {
            json.extend_from_slice(b",\"thought\":true");
        }
        if let Some(signed) = self.signature.take() {
            json.extend_from_slice(b",\"thoughtSignature\":");
            write_string(&signature::to_field(&signed, GEMINI), &mut json);
        }
        json.push(b'}');
        emit(&json);
        // Citations are placed by their text.
        if !thought {
            self.said.push_str(&self.text);
        }
        self.text.clear();
    }
}

fn media_owned(media: Media<'_>) -> Media<'static> {
    let own = |text: Text<'_>| -> Text<'static> { text.into_owned().into() };
    let source = match media.source {
        Source::Base64(data) => Source::Base64(own(data)),
        Source::Url(url) => Source::Url(own(url)),
        Source::File(id) => Source::File(own(id)),
        Source::Text(text) => Source::Text(own(text)),
        Source::Parts(_) => Source::Parts(Vec::new()),
    };
    Media {
        source,
        mime: media.mime.map(own),
        name: media.name.map(own),
        detail: media.detail.map(own),
        context: media.context.map(own),
        citations: media.citations,
    }
}

fn annotation_owned(annotation: Annotation<'_>) -> Annotation<'static> {
    let own = |text: Option<Text<'_>>| text.map(|text| text.into_owned().into());
    Annotation {
        url: own(annotation.url),
        title: own(annotation.title),
        cited: own(annotation.cited),
        span: annotation.span,
        origin: (annotation.origin.0, Json::Null),
    }
}
