//! A streamed answer: events in, events out, and nothing of a match in between.
//!
//! - Every string under `choices` is a text that events continue (see [`super::fields`]), each behind its own
//!   [`super::window`]. An event goes out at once with what may go out of its texts, otherwise byte for byte as it came; a string whose
//!   text is held is empty.
//! - What is held goes out when the choice ends (`finish_reason`) or the stream does: in that event, if it has the same
//!   field, else in an event of its own before it. Reasoning that is held goes out when the answer proper begins. Text that
//!   follows nevertheless, and makes a match with what went out, is a refusal.
//! - Strings elsewhere in an event are inspected by themselves, as are `role`, `type`, `format`, `id` and `name` under `choices`.
//! - `logprobs` of a choice become `null` where a match may not go out (mask, reject): their tokens are pieces of text that
//!   cannot be inspected, and need not be of the same event. Where matches are only flagged they stay.
//! - Where no text is withheld and nothing is restored (flag), events pass byte for byte, at once.
//! - The fields of the events' framing (`event:`, `id:`) are not inspected. A comment loses its text.

use std::ops::Range;

use bytes::BytesMut;
use memchr::memmem;
use tollway_protocol::canonical::Event;
use tollway_protocol::dialect::Dialect;
use tollway_protocol::text::{Path, rewrite_strings};

use super::channel::Channel;
use super::contract::{Checks, Entity, Plan, Reason, Refusal};
use super::escape::json_escaped;
use super::events::Lanes;
use super::fields::{Field, of_answer};
use super::memory::Memory;
use super::shape::Shape;
use super::template::{Hole, Template, place_of, text_of};
use super::window::{Flags, Treatment, refusal, treat_whole};

/// More texts in one stream than any answer has: 128 choices with 8 texts each.
const MAX_CHANNELS: usize = 1024;

/// Inspects the events of one streamed answer.
pub struct StreamGuard {
    texts: Texts,
    lanes: Lanes,
    /// Nothing is inspected and nothing can be restored.
    idle: bool,
    template: Template,
    strings: Vec<Range<usize>>,
    scratch: String,
    refused: Option<Refusal>,
}

impl std::fmt::Debug for StreamGuard {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts = self.texts.channels.len();
        out.debug_struct("StreamGuard").field("texts", &texts).field("flags", &self.flags()).finish_non_exhaustive()
    }
}

impl StreamGuard {
    pub(super) fn new(plan: &Plan, memory: Memory) -> Self {
        let restore = memory.restores_any();
        let texts = Texts {
            checks: plan.output,
            restore,
            memory,
            flags: Flags::default(),
            channels: Vec::new(),
            like: Vec::new(),
        };
        Self {
            idle: !plan.output.any() && !restore,
            texts,
            lanes: Lanes::default(),
            template: Template::default(),
            strings: Vec::new(),
            scratch: String::new(),
            refused: None,
        }
    }

    /// Inspects one event and appends to `out` what may go out: the event, and before it what was held.
    ///
    /// `event` is the event as it came, with its blank line, and `data` its data.
    ///
    /// # Errors
    /// [`Refusal`]: nothing of this event was appended, and the stream is to be ended: every further call is refused too.
    pub fn event(&mut self, event: &[u8], data: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        if self.idle {
            out.extend_from_slice(event);
            return Ok(());
        }
        self.guarded(out, |guard, out| guard.inspect(event, data, out))
    }

    /// Appends to `out` what is held, as events. To be called before `[DONE]`, or at the end of a stream without it.
    ///
    /// # Errors
    /// [`Refusal`], as for [`StreamGuard::event`].
    pub fn done(&mut self, out: &mut BytesMut) -> Result<(), Refusal> {
        if self.idle {
            return Ok(());
        }
        self.guarded(out, |guard, out| {
            let mut events = Vec::new();
            guard.texts.release(|_| true, &mut events)?;
            if guard.texts.alters() {
                out.extend_from_slice(&events);
            }
            Ok(())
        })
    }

    /// Hands on to `emit` what may go out of an event of a stream that is in the canonical form, and of what was held before
    /// it. What is held to the end goes out with [`Event::End`].
    ///
    /// # Errors
    /// [`Refusal`], as for [`StreamGuard::event`]; what was handed on before it may go out.
    pub fn pass(&mut self, event: Event<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Refusal> {
        if self.idle {
            emit(event);
            return Ok(());
        }
        if let Some(refusal) = &self.refused {
            return Err(refusal.clone());
        }
        let alters = self.texts.alters();
        let mut treatment = self.texts.split().0;
        let passed = if alters {
            self.lanes.pass(event, &mut treatment, emit)
        } else {
            // It is only watched, so it passes as it is.
            self.lanes.pass(event.clone(), &mut treatment, &mut |_| ()).map(|()| emit(event))
        };
        self.refused = passed.clone().err();
        passed
    }

    /// What was done so far, for the record: `pii:email:masked`.
    pub fn flags(&self) -> &[String] {
        &self.texts.flags.list
    }

    /// Runs one step: a refusal takes back what it appended, and is final.
    fn guarded(
        &mut self,
        out: &mut BytesMut,
        step: impl FnOnce(&mut Self, &mut BytesMut) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = &self.refused {
            return Err(refusal.clone());
        }
        let before = out.len();
        let result = step(self, out);
        if let Err(refusal) = &result {
            out.truncate(before);
            self.refused = Some(refusal.clone());
        }
        result
    }

    fn inspect(&mut self, event: &[u8], data: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        if data.is_empty() && event.split(|byte| *byte == b'\n').all(|line| matches!(line, [] | [b'\r'] | [b':', ..])) {
            out.extend_from_slice(b":\n\n");
            return Ok(());
        }
        if self.repeat(event, out)? {
            return Ok(());
        }
        let Some(shape) = Shape::read(data) else { return self.not_inspectable(event, out) };
        self.parse(event, data, &shape, out)
    }

    /// Treats an event that differs from the last one only in its strings. False: it does not, and nothing was done.
    fn repeat(&mut self, event: &[u8], out: &mut BytesMut) -> Result<bool, Refusal> {
        if !self.template.matches(event, &mut self.strings) || !self.is_repeat(event) {
            return Ok(false);
        }
        let mut copied = 0;
        let before = out.len();
        for (hole, range) in self.template.holes().zip(&self.strings) {
            let Some(text) = text_of(event, range) else { return Err(refusal(Reason::NotInspectable)) };
            self.scratch.clear();
            self.texts.treat(hole, &text, false, &mut self.scratch)?;
            out.extend_from_slice(&event[copied..range.start]);
            out.extend_from_slice(json_escaped(&self.scratch).as_bytes());
            copied = range.end;
        }
        if self.texts.alters() {
            out.extend_from_slice(&event[copied..]);
        } else {
            out.truncate(before);
            out.extend_from_slice(event);
        }
        Ok(true)
    }

    /// Whether the strings of an event that matches the template are valid, and call for no event of our own.
    fn is_repeat(&self, event: &[u8]) -> bool {
        self.template
            .holes()
            .zip(&self.strings)
            .all(|(hole, range)| text_of(event, range).is_some_and(|text| !self.texts.ends_reasoning(hole, &text)))
    }

    fn parse(&mut self, event: &[u8], data: &[u8], shape: &Shape, out: &mut BytesMut) -> Result<(), Refusal> {
        let bare = (self.texts.checks.withholds() && !shape.logprobs.is_empty()).then(|| shape.without_logprobs(data));
        let json = bare.as_deref().unwrap_or(data);
        if shape.has_choices {
            self.texts.like.clear();
            self.texts.like.extend_from_slice(data);
        }
        let mut visit = Visit { texts: &mut self.texts, shape, json, holes: Some(Vec::new()), before: Vec::new() };
        let mut refused = None;
        let rewritten = rewrite_strings(json, &mut |path, value| match visit.string(path, value) {
            _ if refused.is_some() => None,
            Ok(value) => value,
            Err(refusal) => {
                refused = Some(refusal);
                None
            }
        });
        let Visit { holes, mut before, .. } = visit;
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        let Ok(rewritten) = rewritten else { return self.not_inspectable(event, out) };
        self.texts.release(|choice| shape.finished.contains(&choice), &mut before)?;
        self.remember(event, data, holes.filter(|_| bare.is_none() && shape.finished.is_empty()));
        if !self.texts.alters() {
            out.extend_from_slice(event);
            return Ok(());
        }
        out.extend_from_slice(&before);
        match rewritten.as_deref().or(bare.as_deref()) {
            None => out.extend_from_slice(event),
            Some(changed) => write_event(event, data, changed, out),
        }
        Ok(())
    }

    fn remember(&mut self, event: &[u8], data: &[u8], holes: Option<Vec<(Range<usize>, Hole)>>) {
        let Some((mut holes, start)) = holes.zip(memmem::find(event, data)) else { return };
        for (range, _) in &mut holes {
            *range = range.start + start..range.end + start;
        }
        self.template = Template::new(event, holes);
    }

    fn not_inspectable(&mut self, event: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        if !self.texts.checks.any() {
            self.texts.flags.add_plain("pii:not-restored");
        } else if self.texts.checks.closed() {
            return Err(refusal(Reason::NotInspectable));
        } else {
            self.texts.flags.add_plain("pii:not-inspected");
        }
        out.extend_from_slice(event);
        Ok(())
    }
}

/// The texts of the stream, and how they are treated.
struct Texts {
    checks: Checks,
    restore: bool,
    memory: Memory,
    flags: Flags,
    channels: Vec<Channel>,
    /// The data of an event of this stream, as a pattern for events of our own.
    like: Vec<u8>,
}

impl Texts {
    /// Whether anything may be changed; else the stream is only watched.
    fn alters(&self) -> bool {
        self.restore || self.checks.withholds()
    }

    fn split(&mut self) -> (Treatment<'_>, &mut Vec<Channel>, &[u8]) {
        let treatment = Treatment {
            checks: self.checks,
            restore: self.restore,
            restorable: [false; Entity::COUNT],
            memory: &mut self.memory,
            flags: &mut self.flags,
        };
        (treatment, &mut self.channels, &self.like)
    }

    /// Appends to `out` what may go out once `text` came; `last`: its channel ends with it.
    fn treat(&mut self, hole: Hole, text: &str, last: bool, out: &mut String) -> Result<(), Refusal> {
        let (mut treatment, channels, _) = self.split();
        match hole {
            Hole::Whole => {
                let treated = treat_whole(text, super::window::Form::Plain, &mut treatment)?;
                out.push_str(treated.as_deref().unwrap_or(text));
            }
            Hole::Channel(index) => {
                let window = &mut channels[index].window;
                window.push(text, &mut treatment, out)?;
                if last {
                    window.finish(&mut treatment, out)?;
                }
            }
        }
        Ok(())
    }

    /// Lets go of what is held of the choices, as events of its own.
    fn release(&mut self, ends: impl Fn(u64) -> bool, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let (mut treatment, channels, like) = self.split();
        for channel in channels.iter_mut().filter(|channel| ends(channel.choice())) {
            channel.release(like, &mut treatment, out)?;
        }
        Ok(())
    }

    /// Whether `text` begins the answer proper while reasoning of the same choice is held.
    fn ends_reasoning(&self, hole: Hole, text: &str) -> bool {
        let Hole::Channel(index) = hole else { return false };
        let channel = &self.channels[index];
        !text.is_empty()
            && !channel.is_reasoning()
            && self.channels.iter().any(|other| other.is_reasoned_before(channel))
    }

    fn release_reasoning(&mut self, index: usize, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let choice = self.channels[index].choice();
        let (mut treatment, channels, like) = self.split();
        for channel in channels.iter_mut().filter(|channel| channel.is_reasoning() && channel.choice() == choice) {
            channel.release(like, &mut treatment, out)?;
        }
        Ok(())
    }
}

/// The way through the strings of one event.
struct Visit<'v> {
    texts: &'v mut Texts,
    shape: &'v Shape,
    json: &'v [u8],
    /// The places of the inspected strings, for the template; `None`: one of them holds escapes.
    holes: Option<Vec<(Range<usize>, Hole)>>,
    /// Events that go out before this one.
    before: Vec<u8>,
}

impl Visit<'_> {
    fn string(&mut self, path: &Path<'_>, value: &str) -> Result<Option<String>, Refusal> {
        let hole = match of_answer(Dialect::Chat, path.keys(), value) {
            Field::Exempt => return Ok(None),
            Field::Whole => Hole::Whole,
            Field::Continued(form) => {
                let path = self.shape.resolve(path.keys());
                let known = self.texts.channels.iter().position(|channel| channel.path == path);
                if known.is_none() && self.texts.channels.len() == MAX_CHANNELS {
                    return Err(refusal(Reason::NotInspectable));
                }
                Hole::Channel(known.unwrap_or_else(|| {
                    self.texts.channels.push(Channel::new(path, form));
                    self.texts.channels.len() - 1
                }))
            }
        };
        match (place_of(value, self.json), &mut self.holes) {
            (Some(place), Some(holes)) => holes.push((place, hole)),
            _ => self.holes = None,
        }
        let mut last = false;
        if let Hole::Channel(index) = hole {
            last = self.shape.finished.contains(&self.texts.channels[index].choice());
            if self.texts.ends_reasoning(hole, value) {
                self.texts.release_reasoning(index, &mut self.before)?;
            }
        }
        let mut treated = String::new();
        self.texts.treat(hole, value, last, &mut treated)?;
        Ok((treated != value).then_some(treated))
    }
}

/// `event` with `changed` in place of its data.
fn write_event(event: &[u8], data: &[u8], changed: &[u8], out: &mut BytesMut) {
    if let Some(start) = memmem::find(event, data).filter(|_| !data.is_empty()) {
        out.extend_from_slice(&event[..start]);
        out.extend_from_slice(changed);
        out.extend_from_slice(&event[start + data.len()..]);
        return;
    }
    // Data on several lines: the other lines stay, and the data follows them.
    let lines = event.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with(b"data")) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\n");
    }
    for line in changed.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"\n");
}
