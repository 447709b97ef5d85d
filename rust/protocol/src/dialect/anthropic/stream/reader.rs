//! Reads streams.

use std::borrow::Cow;

use super::super::merge::merge;
use super::super::{OWN, block, citation, emulated, stop, usage};
use super::assembled::Assembled;
use crate::canonical::{Arguments, Body, CallKind, Delta, Event, Opening, Part, Rest, Stop, StopReason, Usage};
use crate::dialect::signature::of_field;
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
    /// The part that is a call which stands for the answer.
    answering: Option<usize>,
    /// Whether there are calls beside it.
    calls: bool,
    usage: Usage,
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
    /// A part that others know.
    Part(usize),
    /// A call, the input it began with, and whether any came since.
    Call(usize, Json<'static>, bool),
    /// What is told when it is whole.
    Whole(Assembled),
}

impl ReadStream for Reader {
    fn read(&mut self, data: &[u8], each: Each<'_>) -> Result<(), Invalid> {
        if self.stage == Stage::Done {
            return Ok(());
        }
        let event = Json::parse(data).map_err(|fault| At::ROOT.invalid(&format!("is not JSON: {fault}")))?;
        let mut fields = Fields::of(event, At::ROOT)?;
        let kind = fields.text("type")?;
        match kind.as_deref() {
            Some("error") => self.fail(data, each),
            None if fields.has("error") => self.fail(data, each),
            None => return Err(fields.missing("type")),
            Some("message_start") => self.start(&mut fields, each)?,
            Some("content_block_start") => self.block_start(&mut fields, each)?,
            Some("content_block_delta") => self.block_delta(&mut fields, each)?,
            Some("content_block_stop") => {
                self.begun()?;
                let index = index(&mut fields)?;
                if let Some(at) = self.open.iter().position(|(open, _)| *open == index) {
                    let (_, block) = self.open.remove(at);
                    self.close(block, each);
                }
            }
            Some("message_delta") => self.message_delta(fields, each)?,
            Some("message_stop") => {
                self.begun()?;
                self.stop(Stop::new(StopReason::End), each);
                self.stage = Stage::Done;
                each(Event::End);
            }
            // `ping`, and what will be added: clients are told to ignore what they do not know.
            Some(_) => {}
        }
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

impl Reader {
    fn begun(&self) -> Result<(), Invalid> {
        let begun = matches!(self.stage, Stage::Begun | Stage::Stopped);
        if begun { Ok(()) } else { Err(At::ROOT.invalid("must not come before message_start")) }
    }

    fn fail(&mut self, data: &[u8], each: Each<'_>) {
        self.stage = Stage::Done;
        each(Event::Error(parse_error(data).unwrap_or_default()));
    }

    fn start(&mut self, fields: &mut Fields<'_, '_>, each: Each<'_>) -> Result<(), Invalid> {
        if self.stage != Stage::New {
            return Err(At::ROOT.invalid("must not be a second message_start"));
        }
        let message = fields.take("message").ok_or_else(|| fields.missing("message"))?;
        let mut message = Fields::of(message, At::ROOT.member("message"))?;
        self.stage = Stage::Begun;
        each(Event::Start { id: message.text("id")?, model: message.text("model")?, created: None });
        let mut rest = Members::new();
        self.usage(message.take("usage"), &mut rest, each);
        for name in ["type", "role", "content", "stop_reason", "stop_sequence"] {
            message.take(name);
        }
        merge(&mut rest, message.rest());
        tell(rest, each);
        Ok(())
    }

    fn usage<'a>(&mut self, reported: Option<Json<'a>>, rest: &mut Members<'a>, each: Each<'_>) {
        let Some(reported) = reported else { return };
        let known = usage::update(self.usage, &reported);
        if known != self.usage {
            self.usage = known;
            each(Event::Usage(known));
        }
        let more = usage::rest(reported);
        if !more.is_empty() {
            rest.push("usage", more);
        }
    }

    fn block_start(&mut self, fields: &mut Fields<'_, '_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let index = index(fields)?;
        if self.open.iter().any(|(open, _)| *open == index) {
            return Err(At::ROOT.member("index").invalid("is that of a block which is open"));
        }
        let at = At::ROOT.member("content_block");
        let json = fields.take("content_block").ok_or_else(|| fields.missing("content_block"))?;
        let kind = json.get("type").and_then(Json::as_str);
        let told = matches!(kind, Some("text" | "thinking" | "redacted_thinking" | "tool_use"));
        let block = if told { self.open_part(block::block(json, at)?, each) } else { whole(json, at)? };
        self.open.push((index, block));
        Ok(())
    }

    /// Opens a part, and tells what stands in it from the beginning.
    fn open_part(&mut self, read: Part<'_>, each: Each<'_>) -> Block {
        let part = self.parts;
        self.parts += 1;
        let signed = read.signature.map(Delta::Signature);
        let rest = (!read.rest.members.is_empty()).then_some(Delta::Rest(read.rest));
        let mut open = |opening, deltas: &mut dyn Iterator<Item = Delta<'_>>| {
            each(Event::Open { choice: 0, part, opening });
            deltas.for_each(|delta| each(Event::Delta { choice: 0, part, delta }));
        };
        let text = |text: Cow<'static, str>| (!text.is_empty()).then_some(Delta::Text(text));
        match read.body {
            Body::ToolCall(call) => {
                let stands = call.name == emulated::TOOL;
                self.answering = self.answering.or(stands.then_some(part));
                self.calls |= !stands;
                let opening = if stands {
                    Opening::Text
                } else {
                    Opening::ToolCall { id: call.id, name: call.name, kind: CallKind::Function, item: None }
                };
                open(opening, &mut rest.into_iter().chain(signed));
                let input = match call.arguments {
                    Arguments::Json(input) => input.into_owned(),
                    Arguments::Text(text) => Json::String(text.into_owned().into()),
                };
                return Block::Call(part, input, false);
            }
            Body::Reasoning(thoughts) => {
                let begun = text(thoughts.text.into_owned().into());
                let opening = Opening::Reasoning { id: None, redacted: thoughts.redacted };
                open(opening, &mut rest.into_iter().chain(begun).chain(signed));
            }
            Body::Text(begun, annotations) => {
                let begun = text(begun.into_owned().into());
                let cited = annotations.into_iter().map(Delta::Annotation);
                open(Opening::Text, &mut rest.into_iter().chain(begun).chain(cited));
            }
            _ => {}
        }
        Block::Part(part)
    }

    fn block_delta(&mut self, fields: &mut Fields<'_, '_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let index = index(fields)?;
        let delta = fields.take("delta").ok_or_else(|| fields.missing("delta"))?;
        let Some((_, block)) = self.open.iter_mut().find(|(open, _)| *open == index) else {
            return Err(At::ROOT.member("index").invalid("is that of a block which is not open"));
        };
        let part = match block {
            Block::Whole(assembled) => {
                assembled.add(&delta);
                return Ok(());
            }
            Block::Part(part) | Block::Call(part, ..) => *part,
        };
        let mut delta = Fields::of(delta, At::ROOT.member("delta"))?;
        let kind = delta.need_text("type")?;
        let delta = match &*kind {
            "text_delta" => Delta::Text(delta.need_text("text")?),
            "thinking_delta" => Delta::Text(delta.need_text("thinking")?),
            "input_json_delta" => Delta::Arguments(delta.need_text("partial_json")?),
            "signature_delta" => Delta::Signature(of_field(delta.need_text("signature")?, OWN)),
            "citations_delta" => {
                let citation = delta.take("citation").ok_or_else(|| delta.missing("citation"))?;
                Delta::Annotation(citation::read(citation, At::ROOT.member("delta"))?)
            }
            _ => return Ok(()),
        };
        let empty = matches!(&delta, Delta::Text(text) | Delta::Arguments(text) if text.is_empty());
        if let (Block::Call(_, _, came), Delta::Arguments(_), false) = (block, &delta, empty) {
            *came = true;
        }
        if !empty {
            let delta = self.said(part, delta);
            each(Event::Delta { choice: 0, part, delta });
        }
        Ok(())
    }

    /// What `delta` is of a part that may be the call which stands for the answer.
    fn said<'d>(&self, part: usize, delta: Delta<'d>) -> Delta<'d> {
        match delta {
            Delta::Arguments(text) if self.answering == Some(part) => Delta::Text(text),
            delta => delta,
        }
    }

    fn close(&mut self, block: Block, each: Each<'_>) {
        let part = match block {
            Block::Part(part) => part,
            Block::Call(part, input, came) => {
                if !came {
                    let delta = self.said(part, Delta::Arguments(input.to_text().into()));
                    each(Event::Delta { choice: 0, part, delta });
                }
                part
            }
            Block::Whole(assembled) => {
                let part = self.parts;
                self.parts += 1;
                each(Event::Open { choice: 0, part, opening: Opening::Foreign(OWN, assembled.finish()) });
                part
            }
        };
        each(Event::Close { choice: 0, part });
    }

    fn close_all(&mut self, each: Each<'_>) {
        for (_, block) in std::mem::take(&mut self.open) {
            self.close(block, each);
        }
    }

    fn message_delta(&mut self, mut fields: Fields<'_, '_>, each: Each<'_>) -> Result<(), Invalid> {
        self.begun()?;
        let mut rest = Members::new();
        self.usage(fields.take("usage"), &mut rest, each);
        if let Some(delta) = fields.take("delta") {
            let mut delta = Fields::of(delta, At::ROOT.member("delta"))?;
            let sequence = delta.text("stop_sequence")?;
            let mut ended = delta.text("stop_reason")?.map(|word| stop::read(word, sequence));
            let details = delta.take("stop_details");
            let explained = details.as_ref().and_then(|details| details.get("explanation")).cloned();
            if let (Some(stop), Some(Json::String(explanation))) = (&mut ended, explained) {
                stop.detail = Some(explanation);
            }
            let more = Members::new().with_some("stop_details", details).with_all(delta.rest());
            merge(&mut rest, more);
            merge(&mut rest, fields.rest());
            tell(rest, each);
            if let Some(stop) = ended {
                self.stop(stop, each);
            }
        }
        Ok(())
    }

    /// Ends the one choice, once.
    fn stop(&mut self, mut stop: Stop<'_>, each: Each<'_>) {
        if self.stage == Stage::Begun {
            self.close_all(each);
            if self.answering.is_some() {
                emulated::ended(self.calls, Some(&mut stop));
            }
            each(Event::Stop { choice: 0, stop });
            self.stage = Stage::Stopped;
        }
    }
}

fn index(fields: &mut Fields<'_, '_>) -> Result<u64, Invalid> {
    fields.integer("index")?.ok_or_else(|| fields.missing("index"))
}

fn whole(json: Json<'_>, at: At<'_>) -> Result<Block, Invalid> {
    match json.into_owned() {
        Json::Object(block) if block.get("type").and_then(Json::as_str).is_some() => {
            Ok(Block::Whole(Assembled::new(block)))
        }
        _ => Err(at.invalid("must be an object with a type")),
    }
}

fn tell(mut rest: Members<'_>, each: Each<'_>) {
    rest.0.retain(|(_, value)| *value != Json::Null);
    if !rest.is_empty() {
        each(Event::Rest(Rest::new(OWN, rest)));
    }
}
