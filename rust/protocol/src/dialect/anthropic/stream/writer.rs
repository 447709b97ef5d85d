//! Writes streams.

use bytes::{BufMut, BytesMut};

use super::super::merge::merge;
use super::super::{OWN, answer, error, stop, usage};
use super::frame::{self, Frames};
use super::lane::Lane;
use crate::canonical::{Delta, Event, Opening, Rest, Stop, StopReason, Usage};
use crate::dialect::{Told, WriteStream};
use crate::json::{Json, Members};

/// Writes a stream: one `message_start`, blocks that do not overlap and have something in them, `message_delta` and
/// `message_stop`.
///
/// `message_start` is held back until the first block or the end, for what is known of the usage till then. A part that
/// begins while the block of another is open is held back until that is closed. Only the first choice is written.
#[derive(Debug)]
pub struct Writer {
    told_id: String,
    id: Option<String>,
    model: String,
    stage: Stage,
    usage: Option<Usage>,
    /// What this dialect's upstream said beside, and has not been written.
    rest: Members<'static>,
    stop: Option<Stop<'static>>,
    lanes: Vec<Lane>,
    /// The index of the block that is being written.
    current: Option<u64>,
    /// The index of the next block.
    next: u64,
    calls: bool,
    frames: Frames,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Begun,
    Done,
}

impl Writer {
    /// A writer for one answer.
    #[must_use]
    pub fn new(told: &Told<'_>) -> Self {
        Self {
            told_id: told.id.to_owned(),
            id: None,
            model: told.model.to_owned(),
            stage: Stage::New,
            usage: None,
            rest: Members::new(),
            stop: None,
            lanes: Vec::new(),
            current: None,
            next: 0,
            calls: false,
            frames: Frames::default(),
        }
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if self.stage != Stage::New {
            return;
        }
        self.stage = Stage::Begun;
        let mut message = Members::new()
            .with("id", answer::id(self.id.as_deref(), &self.told_id))
            .with("type", "message")
            .with("role", "assistant")
            .with("model", self.model.as_str())
            .with("content", Vec::new())
            .with("stop_reason", Json::Null)
            .with("stop_sequence", Json::Null)
            .with("usage", usage::write(&self.usage.unwrap_or_default()));
        merge(&mut message, std::mem::take(&mut self.rest));
        let start = Members::new().with("type", "message_start").with("message", message);
        frame::message("message_start", &start.into(), out);
    }

    fn open(&mut self, part: usize, opening: Opening<'_>, out: &mut BytesMut) {
        self.begin(out);
        self.calls |= matches!(opening, Opening::ToolCall { .. });
        let Some(lane) = Lane::open(part, opening, &self.told_id) else { return };
        let whole = lane.is_whole();
        self.lanes.push(lane);
        if whole {
            self.start_block(part, out);
        }
    }

    fn delta(&mut self, part: usize, delta: &Delta<'_>, out: &mut BytesMut) {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.part == part && !lane.closed) else { return };
        lane.hold(delta);
        if !lane.fills(delta) {
            return;
        }
        if lane.index.is_none() {
            self.start_block(part, out);
        }
        let (frames, current) = (&mut self.frames, self.current);
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.part == part && !lane.closed) else { return };
        write_to(lane, current, out, |lane, out| lane.more(delta, frames, out));
    }

    /// Gives the block its index: blocks are written in the order in which they begin to hold something.
    fn start_block(&mut self, part: usize, out: &mut BytesMut) {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.part == part && !lane.closed) else { return };
        let index = self.next;
        self.next += 1;
        let current = *self.current.get_or_insert(index);
        // The index is not the lane's yet.
        if current == index {
            lane.begin(index, &mut self.frames, out);
        } else {
            let mut waiting = std::mem::take(&mut lane.waiting);
            lane.begin(index, &mut self.frames, &mut waiting);
            lane.waiting = waiting;
        }
    }

    fn close(&mut self, part: usize, out: &mut BytesMut) {
        let Some(lane) = self.lanes.iter().find(|lane| lane.part == part && !lane.closed) else { return };
        if lane.must_begin() {
            self.start_block(part, out);
        }
        let (frames, current) = (&mut self.frames, self.current);
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.part == part && !lane.closed) else { return };
        write_to(lane, current, out, |lane, out| lane.end(frames, out));
        self.advance(out);
    }

    /// Goes on with what was held back, once the block that is being written is closed.
    fn advance(&mut self, out: &mut BytesMut) {
        self.lanes.retain(|lane| !lane.closed || lane.index.is_some());
        while let Some(current) = self.current {
            let Some(at) = self.lanes.iter().position(|lane| lane.index == Some(current)) else { return };
            if !self.lanes.get(at).is_some_and(|lane| lane.closed) {
                return;
            }
            self.lanes.remove(at);
            let next = self.lanes.iter_mut().filter(|lane| lane.index.is_some()).min_by_key(|lane| lane.index);
            self.current = next.as_ref().and_then(|lane| lane.index);
            if let Some(lane) = next {
                out.extend_from_slice(&std::mem::take(&mut lane.waiting));
            }
        }
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.begin(out);
        while let Some(part) = self.lanes.iter().find(|lane| !lane.closed).map(|lane| lane.part) {
            self.close(part, out);
        }
        let stop = self.stop.as_ref();
        let sequence =
            stop.filter(|stop| stop.reason == StopReason::StopSequence).and_then(|it| it.sequence.as_deref());
        let ended = Members::new()
            .with("stop_reason", stop::word(stop, self.calls))
            .with("stop_sequence", sequence.map_or(Json::Null, Json::from));
        let mut delta = Members::new()
            .with("type", "message_delta")
            .with("delta", ended)
            .with("usage", usage::members(&self.usage.unwrap_or_default(), false));
        merge(&mut delta, at_the_end(std::mem::take(&mut self.rest)));
        if let Some(details) = stop.and_then(answer::refusal) {
            merge(&mut delta, Members::new().with("delta", Members::new().with("stop_details", details)));
        }
        frame::message("message_delta", &delta.into(), out);
        out.put_slice(frame::MESSAGE_STOP);
    }

    fn keep(&mut self, rest: Rest<'_>) {
        if rest.origin == Some(OWN) {
            let mut newer = rest.members.into_owned();
            merge(&mut newer, std::mem::take(&mut self.rest));
            self.rest = newer;
        }
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: Event<'_>, out: &mut BytesMut) {
        if self.stage == Stage::Done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                self.id = id.map(|id| id.into_owned());
                if let Some(model) = model {
                    self.model = model.into_owned();
                }
            }
            Event::Open { choice: 0, part, opening } => self.open(part, opening, out),
            Event::Delta { choice: 0, part, delta } => self.delta(part, &delta, out),
            Event::Close { choice: 0, part } => self.close(part, out),
            Event::Stop { choice: 0, stop } => self.stop = Some(owned(stop)),
            Event::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().updated(usage)),
            Event::Rest(rest) => self.keep(rest),
            Event::Error(told) => {
                error::upstream_event(&told, out);
                self.stage = Stage::Done;
            }
            Event::End => {
                self.end(out);
                self.stage = Stage::Done;
            }
            Event::Open { .. }
            | Event::Delta { .. }
            | Event::Close { .. }
            | Event::Stop { .. }
            | Event::Logprobs { .. } => {}
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

/// Writes to the caller if the lane's turn has come, else to what the lane holds back.
fn write_to(lane: &mut Lane, current: Option<u64>, out: &mut BytesMut, write: impl FnOnce(&mut Lane, &mut BytesMut)) {
    if lane.index.is_some() && lane.index == current {
        return write(lane, out);
    }
    let mut waiting = std::mem::take(&mut lane.waiting);
    write(lane, &mut waiting);
    lane.waiting = waiting;
}

/// Where members of a message stand in `message_delta`: beside the usage, or in its `delta`.
fn at_the_end(mut rest: Members<'static>) -> Members<'static> {
    let mut take = |name: &str| {
        let at = rest.0.iter().position(|(known, _)| known == name)?;
        Some(rest.0.remove(at).1)
    };
    let (usage, context) = (take("usage"), take("context_management"));
    let ended = (!rest.is_empty()).then_some(rest);
    Members::new().with_some("delta", ended).with_some("usage", usage).with_some("context_management", context)
}

fn owned(stop: Stop<'_>) -> Stop<'static> {
    let own = |text: Option<crate::canonical::Text<'_>>| text.map(|text| text.into_owned().into());
    Stop { reason: stop.reason, sequence: own(stop.sequence), word: own(stop.word), detail: own(stop.detail) }
}
