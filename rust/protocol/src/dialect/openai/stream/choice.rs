//! One choice of a stream that is read: which of its parts are open.

use super::super::calls::LEGACY;
use super::super::marks::CHAT;
use super::super::{answer, content, reasoning, stop};
use super::calls::Calls;
use crate::canonical::{Annotation, Body, Delta, Event, Media, Opening, Part, Signature, Source, Text};
use crate::json::{Fields, Invalid, Json};

/// What is open beside calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Reasoning,
}

#[derive(Debug)]
pub(super) struct Choice {
    index: u64,
    parts: usize,
    open: Option<(Kind, usize)>,
    /// Whether the open thoughts have had text.
    thought: bool,
    calls: Calls,
    sound: Option<Sound>,
    /// The word and the stop sequence of its end.
    end: Option<(String, Option<String>)>,
}

/// A recording as it comes: bytes of base64, which are cut anywhere but between its fours.
#[derive(Debug, Default)]
struct Sound {
    data: String,
    transcript: String,
}

impl Choice {
    pub(super) const fn new(index: u64) -> Self {
        Self { index, parts: 0, open: None, thought: false, calls: Calls::new(), sound: None, end: None }
    }

    pub(super) const fn index(&self) -> u64 {
        self.index
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn ends(&mut self, word: String, sequence: Option<String>) {
        self.end.get_or_insert((word, sequence));
    }

    pub(super) fn delta(&mut self, mut fields: Fields<'_, '_>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        self.thoughts(&mut fields, each)?;
        let at = *fields.at();
        match fields.take("content") {
            None => {}
            Some(Json::String(text)) => self.text(text, each),
            Some(Json::Array(items)) => {
                let list = at.member("content");
                for (number, item) in items.into_iter().enumerate() {
                    self.part(content::part(item, list.item(number))?, each);
                }
            }
            Some(_) => return Err(at.member("content").invalid("must be a string or an array of content parts")),
        }
        if let Some(text) = fields.text("refusal")? {
            self.more(Kind::Refusal, text, each);
        }
        if let Some(cited) = fields.list("annotations")?.filter(|cited| !cited.is_empty()) {
            let part = self.enter(Kind::Text, each);
            for annotation in cited.into_iter().map(content::annotation) {
                each(Event::Delta { choice: self.index, part, delta: Delta::Annotation(annotation) });
            }
        }
        for picture in answer::images(fields.list("images")?.unwrap_or_default(), &at)? {
            self.part(picture, each);
        }
        let list = at.member("tool_calls");
        for (number, call) in fields.list("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
            self.leave(each);
            self.calls.delta(call, list.item(number), (self.index, &mut self.parts), each)?;
        }
        if let Some(call @ Json::Object(_)) = fields.take(LEGACY) {
            self.leave(each);
            self.calls.legacy(call, at.member(LEGACY), (self.index, &mut self.parts), each)?;
        }
        if let Some(json @ Json::Object(_)) = fields.take("audio") {
            let mut inner = Fields::of(json, at.member("audio"))?;
            let sound = self.sound.get_or_insert_default();
            sound.data.push_str(&inner.text("data")?.unwrap_or_default());
            sound.transcript.push_str(&inner.text("transcript")?.unwrap_or_default());
        }
        Ok(())
    }

    pub(super) fn text(&mut self, text: Text<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.more(Kind::Text, text, each);
    }

    pub(super) fn thinks(&mut self, text: Text<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.thought |= !text.is_empty();
        self.more(Kind::Reasoning, text, each);
    }

    /// Thoughts: as text, and what the blocks and details add to it, which is the text anew where there was none.
    fn thoughts(&mut self, fields: &mut Fields<'_, '_>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        let mut told = false;
        for name in reasoning::TEXTS {
            if let Some(Json::String(text)) = fields.take(name)
                && !told
                && !text.is_empty()
            {
                told = true;
                self.thinks(text, each);
            }
        }
        let blocks = fields.each(reasoning::BLOCKS, reasoning::block)?;
        let details = fields.each(reasoning::DETAILS, reasoning::detail)?;
        for part in blocks.into_iter().chain(details) {
            let Body::Reasoning(thought) = part.body else { continue };
            if thought.redacted {
                self.redacted(thought.id, part.signature, each);
                continue;
            }
            let text = if thought.text.is_empty() { thought.summary.into_iter().next() } else { Some(thought.text) };
            let repeated = told || (self.thought && part.signature.is_some());
            if !repeated {
                self.more(Kind::Reasoning, text.unwrap_or_default(), each);
            }
            if let Some(signature) = part.signature {
                let part = self.enter(Kind::Reasoning, each);
                each(Event::Delta { choice: self.index, part, delta: Delta::Signature(signature) });
                // What comes now is another thought.
                self.leave(each);
            }
        }
        Ok(())
    }

    fn redacted(&mut self, id: Option<Text<'_>>, signature: Option<Signature<'_>>, each: &mut dyn FnMut(Event<'_>)) {
        let part = self.whole(Opening::Reasoning { id, redacted: true }, each);
        if let Some(signature) = signature {
            each(Event::Delta { choice: self.index, part, delta: Delta::Signature(signature) });
        }
        each(Event::Close { choice: self.index, part });
    }

    /// A part of a list as content.
    fn part(&mut self, part: Part<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let opening = match part.body {
            Body::Text(text, _) => return self.more(Kind::Text, text, each),
            Body::Refusal(text) => return self.more(Kind::Refusal, text, each),
            Body::Reasoning(thought) => return self.more(Kind::Reasoning, thought.text, each),
            Body::Image(media) => Opening::Image(media),
            Body::Audio(media) => Opening::Audio(media),
            Body::Foreign(CHAT, json) => Opening::Foreign(CHAT, json),
            _ => return,
        };
        let part = self.whole(opening, each);
        each(Event::Close { choice: self.index, part });
    }

    /// More of what is of `kind`. Nothing opens nothing.
    fn more(&mut self, kind: Kind, text: Text<'_>, each: &mut dyn FnMut(Event<'_>)) {
        if !text.is_empty() {
            let part = self.enter(kind, each);
            each(Event::Delta { choice: self.index, part, delta: Delta::Text(text) });
        }
    }

    /// The open part of `kind`, opened if need be.
    fn enter(&mut self, kind: Kind, each: &mut dyn FnMut(Event<'_>)) -> usize {
        if let Some((open, part)) = self.open
            && open == kind
        {
            return part;
        }
        let opening = match kind {
            Kind::Text => Opening::Text,
            Kind::Refusal => Opening::Refusal,
            Kind::Reasoning => Opening::Reasoning { id: None, redacted: false },
        };
        let part = self.whole(opening, each);
        self.open = Some((kind, part));
        part
    }

    /// Opens a part, after what was open.
    fn whole(&mut self, opening: Opening<'_>, each: &mut dyn FnMut(Event<'_>)) -> usize {
        self.leave(each);
        let part = self.parts;
        self.parts += 1;
        each(Event::Open { choice: self.index, part, opening });
        part
    }

    fn leave(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if let Some((kind, part)) = self.open.take() {
            self.thought &= kind != Kind::Reasoning;
            each(Event::Close { choice: self.index, part });
        }
    }

    /// Tells what the whole answer cites, if it ends with text.
    pub(super) fn cites(&self, cited: &[Annotation<'static>], each: &mut dyn FnMut(Event<'_>)) {
        if let Some((Kind::Text, part)) = self.open {
            for annotation in cited {
                let delta = Delta::Annotation(annotation.clone());
                each(Event::Delta { choice: self.index, part, delta });
            }
        }
    }

    /// Closes all that is open.
    pub(super) fn close(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.leave(each);
        self.calls.close((self.index, &mut self.parts), each);
        if let Some(Sound { data, transcript }) = self.sound.take() {
            let mut media = Media::new(Source::Base64(data.into()), None);
            media.context = Some(transcript.into());
            let part = self.whole(Opening::Audio(media), each);
            each(Event::Close { choice: self.index, part });
        }
    }

    pub(super) fn stop(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let calls = self.calls.any();
        let stop = match self.end.take() {
            Some((word, sequence)) => stop::read(word.into(), calls, sequence.map(Into::into)),
            None => stop::unsaid(calls),
        };
        each(Event::Stop { choice: self.index, stop });
    }
}
