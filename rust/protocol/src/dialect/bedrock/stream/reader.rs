//! Reads streams. Text and reasoning begin with their first delta; calls, results and pictures have a start of their own.

use std::borrow::Cow;

use super::super::{OWN, block, citation, stop, usage};
use super::whole::Whole;
use crate::canonical::{CallKind, Delta, Event, Opening, Rest, Signature, Stop, Text};
use crate::dialect::anthropic::emulated;
use crate::dialect::{ReadStream, parse_error};
use crate::json::{At, Fields, Invalid, Json, Members};

type Each<'e> = &'e mut dyn FnMut(Event<'_>);

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Reader {
    stage: Stage,
    /// The blocks that are open, by their index; seldom more than one.
    open: Vec<(u64, Block)>,
    /// So many parts were opened.
    parts: usize,
    /// Whether a call stands for the answer.
    answering: bool,
    /// Whether there are calls beside it.
    calls: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has come.
    #[default]
    New,
    /// The message has begun.
    Begun,
    /// It was told why it ended.
    Stopped,
    /// It is complete, or has failed.
    Done,
}

#[derive(Debug)]
enum Block {
    Text(usize),
    Reasoning(usize),
    /// A call, and whether any input has come.
    Call(usize, bool),
    /// A call that stands for the answer.
    Answer(usize),
    /// What is told when it is whole.
    Whole(Whole),
}

impl ReadStream for Reader {
    fn read(&mut self, data: &[u8], each: Each<'_>) -> Result<(), Invalid> {
        if self.stage == Stage::Done {
            return Ok(());
        }
        let event = Json::parse(data).map_err(|fault| At::ROOT.invalid(&format!("is not JSON: {fault}")))?;
        let mut event = Fields::of(event, At::ROOT)?;
        if event.has("error") {
            self.stage = Stage::Done;
            each(Event::Error(parse_error(data).unwrap_or_default()));
            return Ok(());
        }
        for (name, read) in EVENTS {
            if let Some(payload) = event.take(name) {
                return read(self, Fields::of(payload, At::ROOT.member(name))?, each);
            }
        }
        // What will be added.
        Ok(())
    }

    fn end(&mut self, each: Each<'_>) {
        if matches!(self.stage, Stage::Begun | Stage::Stopped) {
            self.close_all(each);
        }
        if self.stage == Stage::Stopped {
            each(Event::End);
        }
        self.stage = Stage::Done;
    }
}

type Payload<'a> = Fields<'a, 'static>;
type Read = for<'a, 'e> fn(&mut Reader, Payload<'a>, Each<'e>) -> Result<(), Invalid>;

const EVENTS: [(&str, Read); 6] = [
    ("contentBlockDelta", Reader::block_delta),
    ("contentBlockStart", Reader::block_start),
    ("contentBlockStop", Reader::block_stop),
    ("messageStart", Reader::start),
    ("messageStop", Reader::message_stop),
    ("metadata", Reader::metadata),
];

impl Reader {
    fn begun(&self) -> Result<(), Invalid> {
        let begun = matches!(self.stage, Stage::Begun | Stage::Stopped);
        if begun { Ok(()) } else { Err(At::ROOT.invalid("must not come before messageStart")) }
    }

    fn start(&mut self, _: Payload<'_>, each: Each<'_>) -> Result<(), Invalid> {
        if self.stage != Stage::New {
            return Err(At::ROOT.invalid("must not be a second messageStart"));
        }
        self.stage = Stage::Begun;
        each(Event::Start { id: None, model: None, created: None });
        Ok(())
    }

    fn block_start(&mut self, mut fields: Payload<'_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let index = index(&mut fields)?;
        if self.open.iter().any(|(open, _)| *open == index) {
            return Err(fields.at().member("contentBlockIndex").invalid("is that of a block which is open"));
        }
        let at = *fields.at();
        let at = at.member("start");
        let start = fields.take("start").ok_or_else(|| fields.missing("start"))?;
        let Some((name, inner)) = start.as_object().and_then(|start| start.0.first()) else {
            return Err(at.invalid("must be an object with a member"));
        };
        let block = if name == "toolUse" && !block::is_run_there(inner) {
            self.call(Fields::of(inner.clone(), at.member("toolUse"))?, each)?
        } else {
            Block::Whole(Whole::new(name, inner))
        };
        self.open.push((index, block));
        Ok(())
    }

    fn call(&mut self, mut call: Fields<'_, '_>, each: Each<'_>) -> Result<Block, Invalid> {
        let (id, name) = (call.need_text("toolUseId")?, call.need_text("name")?);
        if name == emulated::TOOL {
            self.answering = true;
            return Ok(Block::Answer(self.open_part(Opening::Text, each)));
        }
        self.calls = true;
        let opening = Opening::ToolCall { id: Some(id), name, kind: CallKind::Function, item: None };
        Ok(Block::Call(self.open_part(opening, each), false))
    }

    fn open_part(&mut self, opening: Opening<'_>, each: Each<'_>) -> usize {
        let part = self.parts;
        self.parts += 1;
        each(Event::Open { choice: 0, part, opening });
        part
    }

    fn block_delta(&mut self, mut fields: Payload<'_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let index = index(&mut fields)?;
        let at = *fields.at();
        let mut delta = Fields::of(fields.take("delta").ok_or_else(|| fields.missing("delta"))?, at.member("delta"))?;
        if let Some(text) = delta.text("text")? {
            if !text.is_empty() {
                let part = self.text(index, each);
                each(Event::Delta { choice: 0, part, delta: Delta::Text(text) });
            }
        } else if let Some(cited) = delta.take("citation") {
            let annotation = citation::read(cited, delta.at().member("citation"))?;
            let part = self.text(index, each);
            each(Event::Delta { choice: 0, part, delta: Delta::Annotation(annotation) });
        } else if let Some(thought) = delta.take("reasoningContent") {
            self.thought(index, Fields::of(thought, delta.at().member("reasoningContent"))?, each)?;
        } else if let Some((_, Block::Whole(whole))) = self.open.iter_mut().find(|(open, _)| *open == index) {
            // One member: what it is more of.
            delta.rest().0.iter().for_each(|(_, more)| whole.add(more));
        } else if let Some(more) = delta.take("toolUse") {
            self.arguments(index, Fields::of(more, delta.at().member("toolUse"))?, each)?;
        }
        Ok(())
    }

    /// The text that is open at `index`, or begins there.
    fn text(&mut self, index: u64, each: Each<'_>) -> usize {
        if let Some((_, Block::Text(part))) = self.open.iter().find(|(open, _)| *open == index) {
            return *part;
        }
        self.close_at(index, each);
        let part = self.open_part(Opening::Text, each);
        self.open.push((index, Block::Text(part)));
        part
    }

    fn thought(&mut self, index: u64, mut fields: Fields<'_, '_>, each: Each<'_>) -> Result<(), Invalid> {
        let signed = |value| Delta::Signature(Signature { origin: OWN, value });
        if let Some(data) = fields.text("redactedContent")? {
            self.close_at(index, each);
            let part = self.open_part(Opening::Reasoning { id: None, redacted: true }, each);
            each(Event::Delta { choice: 0, part, delta: signed(data) });
            each(Event::Close { choice: 0, part });
            return Ok(());
        }
        let filled = |text: &Text<'_>| !text.is_empty();
        let text = fields.text("text")?.filter(filled).map(Delta::Text);
        let signature = fields.text("signature")?.filter(filled).map(signed);
        for delta in text.into_iter().chain(signature) {
            let part = self.reasoning(index, each);
            each(Event::Delta { choice: 0, part, delta });
        }
        Ok(())
    }

    /// The reasoning that is open at `index`, or begins there.
    fn reasoning(&mut self, index: u64, each: Each<'_>) -> usize {
        if let Some((_, Block::Reasoning(part))) = self.open.iter().find(|(open, _)| *open == index) {
            return *part;
        }
        self.close_at(index, each);
        let part = self.open_part(Opening::Reasoning { id: None, redacted: false }, each);
        self.open.push((index, Block::Reasoning(part)));
        part
    }

    fn arguments(&mut self, index: u64, mut fields: Fields<'_, '_>, each: Each<'_>) -> Result<(), Invalid> {
        let Some(input) = fields.text("input")?.filter(|input| !input.is_empty()) else { return Ok(()) };
        let (part, delta) = match self.open.iter_mut().find(|(open, _)| *open == index) {
            Some((_, Block::Call(part, came))) => {
                *came = true;
                (*part, Delta::Arguments(input))
            }
            Some((_, Block::Answer(part))) => (*part, Delta::Text(input)),
            _ => return Err(fields.at().invalid("is of a call which is not open")),
        };
        each(Event::Delta { choice: 0, part, delta });
        Ok(())
    }

    fn block_stop(&mut self, mut fields: Payload<'_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let index = index(&mut fields)?;
        self.close_at(index, each);
        Ok(())
    }

    fn close_at(&mut self, index: u64, each: Each<'_>) {
        if let Some(at) = self.open.iter().position(|(open, _)| *open == index) {
            let (_, block) = self.open.remove(at);
            self.close(block, each);
        }
    }

    fn close(&mut self, block: Block, each: Each<'_>) {
        let part = match block {
            Block::Text(part) | Block::Reasoning(part) | Block::Answer(part) | Block::Call(part, true) => part,
            Block::Call(part, false) => {
                each(Event::Delta { choice: 0, part, delta: Delta::Arguments(Cow::Borrowed("{}")) });
                part
            }
            Block::Whole(whole) => self.open_part(whole.finish(), each),
        };
        each(Event::Close { choice: 0, part });
    }

    fn close_all(&mut self, each: Each<'_>) {
        for (_, block) in std::mem::take(&mut self.open) {
            self.close(block, each);
        }
    }

    fn message_stop(&mut self, mut fields: Payload<'_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let word = fields.need_text("stopReason")?;
        let beside = fields.take("additionalModelResponseFields");
        let mut stop: Stop<'_> = stop::read(word, beside.as_ref());
        if self.stage == Stage::Begun {
            self.close_all(each);
            if self.answering {
                emulated::ended(self.calls, Some(&mut stop));
            }
            tell(Members::new().with_some("additionalModelResponseFields", beside), each);
            each(Event::Stop { choice: 0, stop });
            self.stage = Stage::Stopped;
        }
        Ok(())
    }

    /// The last event, with the usage.
    fn metadata(&mut self, fields: Payload<'_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let mut told = fields.rest();
        let known = Json::Object(told.lend());
        if let Some(usage) = usage::read(&known) {
            each(Event::Usage(usage));
        }
        // `p` makes every event as long as others, so that their lengths tell nothing.
        told.0.retain(|(name, value)| !matches!(name.as_ref(), "usage" | "p") && *value != Json::Null);
        tell(told, each);
        if self.stage == Stage::Stopped {
            self.stage = Stage::Done;
            each(Event::End);
        }
        Ok(())
    }
}

fn index(fields: &mut Fields<'_, '_>) -> Result<u64, Invalid> {
    fields.integer("contentBlockIndex")?.ok_or_else(|| fields.missing("contentBlockIndex"))
}

fn tell(rest: Members<'_>, each: Each<'_>) {
    if !rest.is_empty() {
        each(Event::Rest(Rest::new(OWN, rest)));
    }
}
