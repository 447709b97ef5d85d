//! A caller's stream, written.

use std::collections::{HashSet, VecDeque};

use bytes::BytesMut;

use super::super::envelope::{self, Ended};
use super::super::{answer, call, error, usage};
use super::current::{Current, Message};
use super::frame::{Frames, inner, item, raw};
use super::part::{Start, Waiting};
use crate::canonical::{Delta, Event, Opening, Stop, Text, Usage};
use crate::dialect::{ErrorTold, Told, UpstreamError, WriteStream};
use crate::json::{Json, Members};

/// Writes a stream.
#[derive(Debug)]
pub struct Writer {
    pub(super) frames: Frames,
    pub(super) answer: String,
    model: String,
    created: u64,
    /// The caller's tools that take free text.
    pub(super) custom: HashSet<String>,
    /// What the response object says of the caller's request, as members.
    settings: Vec<u8>,
    /// What it says of itself, as members; empty until the stream begins.
    itself: Vec<u8>,
    /// The items that are done.
    pub(super) output: Vec<u8>,
    pub(super) items: usize,
    pub(super) message: Option<Message>,
    pub(super) current: Option<Current>,
    waiting: VecDeque<Waiting>,
    /// Probabilities that no event has told yet.
    pub(super) logprobs: Vec<u8>,
    stop: Option<Stop<'static>>,
    usage: Option<Usage>,
    ended: bool,
}

impl WriteStream for Writer {
    fn write(&mut self, event: Event<'_>, out: &mut BytesMut) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, model, created } => self.start(id, model, created, out),
            Event::Error(error) => self.fail(&error, out),
            Event::Usage(newer) => self.usage = Some(self.usage.unwrap_or_default().updated(newer)),
            // There is one answer here.
            Event::Open { choice: 0, part, opening } => self.open(part, opening, out),
            Event::Delta { choice: 0, part, delta } => self.more(part, delta, out),
            Event::Close { choice: 0, part } => self.close(part, out),
            Event::Logprobs { choice: 0, json } => self.keep_logprobs(&json),
            Event::Stop { choice: 0, stop } => self.stop = Some(own(stop)),
            Event::Open { .. } | Event::Delta { .. } | Event::Close { .. } => {}
            Event::Logprobs { .. } | Event::Stop { .. } | Event::Rest(_) => {}
            Event::End => self.end(out),
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }

    fn next_number(&self) -> Option<u64> {
        Some(self.frames.next)
    }
}

impl Writer {
    /// A writer of one stream.
    #[must_use]
    pub fn new(told: &Told<'_>) -> Self {
        Self {
            frames: Frames::default(),
            answer: told.id.to_owned(),
            model: told.model.to_owned(),
            created: told.created,
            custom: told.request.map(|request| call::custom_names(&request.tools)).unwrap_or_default(),
            settings: inner(envelope::settings(told)),
            itself: Vec::new(),
            output: Vec::new(),
            items: 0,
            message: None,
            current: None,
            waiting: VecDeque::new(),
            logprobs: Vec::new(),
            stop: None,
            usage: None,
            ended: false,
        }
    }

    fn start(&mut self, id: Option<Text<'_>>, model: Option<Text<'_>>, created: Option<u64>, out: &mut BytesMut) {
        if !self.itself.is_empty() {
            return;
        }
        let model = model.as_deref().unwrap_or(&self.model);
        let itself = Members::new()
            .with("id", envelope::name(id.as_ref(), &self.answer))
            .with("object", "response")
            .with("created_at", created.unwrap_or(self.created))
            .with("model", model.to_owned());
        self.itself = inner(itself);
        for kind in ["response.created", "response.in_progress"] {
            self.whole(kind, &Ended::not_yet(), out);
        }
    }

    /// Appends an event that holds the whole answer.
    fn whole(&mut self, kind: &str, ended: &Ended<'_>, out: &mut BytesMut) {
        let searches = self.usage.and_then(|usage| usage.web_searches).map(answer::tool_usage);
        let usage = self.usage.as_ref().map_or(Json::Null, usage::write);
        let said = ended.members().with("usage", usage).with_some("tool_usage", searches);
        let (itself, output, settings) = (&self.itself, &self.output, &self.settings);
        self.frames.event(kind, out, |body| {
            raw("\"response\":{", body);
            raw(itself, body);
            raw(",\"output\":[", body);
            raw(output, body);
            raw("],", body);
            raw(inner(said), body);
            raw(",", body);
            raw(settings, body);
            raw("}", body);
        });
    }

    fn fail(&mut self, told: &UpstreamError, out: &mut BytesMut) {
        let told = ErrorTold {
            status: told.status.unwrap_or(502),
            message: &told.message,
            kind: told.kind.as_deref().unwrap_or("server_error"),
            param: told.param.as_deref(),
            code: told.code.as_deref(),
            request_id: "",
        };
        error::event(&told, Some(self.frames.number()), out);
        self.ended = true;
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.start(None, None, None, out);
        let ended = Ended::of(self.stop.take().as_ref());
        while let Some(current) = self.current.take() {
            self.finish(current, out);
            self.next(out);
        }
        self.finish_message(ended.item(), out);
        let kind = if ended.is_complete() { "response.completed" } else { "response.incomplete" };
        self.whole(kind, &ended, out);
        self.ended = true;
    }

    fn open(&mut self, part: usize, opening: Opening<'_>, out: &mut BytesMut) {
        self.start(None, None, None, out);
        let start = Start::of(opening, &self.answer, part);
        if self.current.is_some() {
            self.waiting.push_back(Waiting { part, start, deltas: Vec::new(), closed: false });
        } else {
            self.begin(part, start, out);
        }
    }

    fn more(&mut self, part: usize, delta: Delta<'_>, out: &mut BytesMut) {
        match &self.current {
            Some(current) if current.part == part => self.apply(delta, out),
            _ => {
                if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.part == part) {
                    waiting.keep(delta);
                }
            }
        }
    }

    fn close(&mut self, part: usize, out: &mut BytesMut) {
        if let Some(current) = self.current.take_if(|current| current.part == part) {
            self.finish(current, out);
            self.next(out);
        } else if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.part == part) {
            waiting.closed = true;
        }
    }

    /// Writes what has waited for the part that is closed now.
    fn next(&mut self, out: &mut BytesMut) {
        while self.current.is_none() {
            let Some(waiting) = self.waiting.pop_front() else { return };
            self.begin(waiting.part, waiting.start, out);
            for delta in waiting.deltas {
                self.apply(delta, out);
            }
            if let Some(current) = self.current.take_if(|_| waiting.closed) {
                self.finish(current, out);
            }
        }
    }

    fn keep_logprobs(&mut self, json: &Json<'_>) {
        for list in ["content", "refusal"].into_iter().filter_map(|name| json.get(name)?.as_array()) {
            for told in list {
                item(&mut self.logprobs, told.to_bytes());
            }
        }
    }
}

fn own(stop: Stop<'_>) -> Stop<'static> {
    let text = |text: Option<Text<'_>>| text.map(|text| Text::Owned(text.into_owned()));
    Stop { reason: stop.reason, sequence: text(stop.sequence), word: text(stop.word), detail: text(stop.detail) }
}
