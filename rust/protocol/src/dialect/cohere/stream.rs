//! Streams (<https://docs.cohere.com/v2/docs/streaming>): what is said before calls, then the calls; or items of content, one
//! after the other, with citations among them. Each event names itself in its `type`; the last is `message-end`.

use super::citation::{self, Place};
use super::{logprobs, stop, usage};
use crate::canonical::{CallKind, Delta, Event, Opening, Text};
use crate::dialect::{ReadStream, parse_error};
use crate::json::{At, Fields, Invalid, Json};

/// Calls of one answer, at most.
const MOST_CALLS: usize = 128;

/// What is open beside calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plan,
    /// The item of the content that has this number.
    Text(u64),
    Thoughts(u64),
}

/// Reads a stream of chat events.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    ended: bool,
    parts: usize,
    /// What is open, and which part it is. It is closed when another begins: citations may follow its end.
    open: Option<(Kind, usize)>,
    /// The calls that are open: their numbers, and which parts they are.
    calls: Vec<(u64, usize)>,
}

/// The one choice that there is.
const CHOICE: u64 = 0;

impl ReadStream for Reader {
    fn read(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        let data = data.trim_ascii();
        if self.ended || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let mut fields = Fields::of(Json::parse(data)?, At::ROOT)?;
        let Some(kind) = fields.text("type")? else {
            return match parse_error(data) {
                Some(error) => {
                    self.ended = true;
                    each(Event::Error(error));
                    Ok(())
                }
                None => Err(fields.missing("type")),
            };
        };
        self.start(&mut fields, each)?;
        self.event(&kind, fields, each)
    }

    fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.ended, true) {
            self.close(each);
        }
    }
}

impl Reader {
    fn start(&mut self, fields: &mut Fields<'_, '_>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        if !std::mem::replace(&mut self.started, true) {
            let id = fields.text("id")?.filter(|id| !id.is_empty());
            each(Event::Start { id, model: None, created: None });
        }
        Ok(())
    }

    fn event(
        &mut self,
        kind: &str,
        mut fields: Fields<'_, '_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Invalid> {
        let index = fields.integer("index")?.unwrap_or(0);
        if kind == "message-end" {
            return self.message_end(&mut fields, each);
        }
        let at = At::ROOT.member("delta");
        let delta = fields.take("delta");
        let message = at.member("message");
        // A `delta` holds a `message`, and that what there is more of.
        let more = |name: &str| member(delta.as_ref()?.get("message")?.as_object()?.get(name)?);
        match kind {
            "tool-plan-delta" => {
                if let Some(Json::String(text)) = more("tool_plan") {
                    self.more(Kind::Plan, text, each);
                }
            }
            "content-start" | "content-delta" => {
                if let Some(content) = more("content") {
                    self.content(index, Fields::of(content, message.member("content"))?, each)?;
                }
                if let Some(item @ Json::Object(_)) = fields.take("logprobs") {
                    each(Event::Logprobs { choice: CHOICE, json: logprobs::read(&[item]) });
                }
            }
            "tool-call-start" | "tool-call-delta" => {
                if let Some(call) = more("tool_calls") {
                    self.call(index, Fields::of(call, message.member("tool_calls"))?, each)?;
                }
            }
            "tool-call-end" => {
                if let Some(known) = self.calls.iter().position(|(known, _)| *known == index) {
                    each(Event::Close { choice: CHOICE, part: self.calls.remove(known).1 });
                }
            }
            "citation-start" => {
                if let Some(cited) = more("citations") {
                    self.cites(&cited, each);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn content(
        &mut self,
        index: u64,
        mut content: Fields<'_, '_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Invalid> {
        if let Some(text) = content.text("thinking")? {
            self.more(Kind::Thoughts(index), text, each);
        }
        if let Some(text) = content.text("text")? {
            self.more(Kind::Text(index), text, each);
        }
        Ok(())
    }

    fn call(&mut self, index: u64, mut call: Fields<'_, '_>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        let at = *call.at();
        let id = call.text("id")?.filter(|id| !id.is_empty());
        let Some(function) = call.take("function") else { return Ok(()) };
        let mut function = Fields::of(function, at.member("function"))?;
        let (name, arguments) = (function.text("name")?, function.text("arguments")?);
        let known = self.calls.iter().find(|(known, _)| *known == index).map(|(_, part)| *part);
        let part = match (known, name) {
            (Some(part), _) => part,
            (None, _) if self.calls.len() == MOST_CALLS => return Err(at.invalid("is one call too many")),
            (None, None) => return Err(at.member("function").member("name").invalid("is missing")),
            (None, Some(name)) => {
                self.leave(each);
                let part = self.next();
                let opening = Opening::ToolCall { id, name, kind: CallKind::Function, item: None };
                each(Event::Open { choice: CHOICE, part, opening });
                self.calls.push((index, part));
                part
            }
        };
        if let Some(text) = arguments.filter(|text| !text.is_empty()) {
            each(Event::Delta { choice: CHOICE, part, delta: Delta::Arguments(text) });
        }
        Ok(())
    }

    /// What the open text cites; of what is closed it can no longer be told.
    fn cites(&self, cited: &Json<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let (place, annotations) = citation::read(cited);
        let part = match (self.open, place) {
            (Some((Kind::Text(open), part)), Place::Content(index)) if open == index => part,
            (Some((Kind::Plan, part)), Place::Plan) => part,
            _ => return,
        };
        for annotation in annotations {
            each(Event::Delta { choice: CHOICE, part, delta: Delta::Annotation(annotation) });
        }
    }

    fn message_end(&mut self, fields: &mut Fields<'_, '_>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        self.ended = true;
        let at = At::ROOT.member("delta");
        let mut delta = Fields::of(fields.take("delta").unwrap_or_else(|| Json::Object(Default::default())), at)?;
        let said = delta.text("error")?;
        let usage = delta.take("usage").as_ref().and_then(usage::read);
        let stop = delta.text("finish_reason")?.map(|word| stop::read(word, said.as_deref())).transpose();
        self.close(each);
        if let Some(usage) = usage {
            each(Event::Usage(usage));
        }
        match stop {
            Ok(stop) => {
                if let Some(stop) = stop {
                    each(Event::Stop { choice: CHOICE, stop });
                }
                each(Event::End);
            }
            Err(error) => each(Event::Error(*error)),
        }
        Ok(())
    }

    /// More of what is of `kind`, opened if need be. Nothing opens nothing.
    fn more(&mut self, kind: Kind, text: Text<'_>, each: &mut dyn FnMut(Event<'_>)) {
        if text.is_empty() {
            return;
        }
        let part = match self.open {
            Some((open, part)) if open == kind => part,
            _ => {
                self.leave(each);
                let part = self.next();
                let opening = match kind {
                    Kind::Plan | Kind::Text(_) => Opening::Text,
                    Kind::Thoughts(_) => Opening::Reasoning { id: None, redacted: false },
                };
                each(Event::Open { choice: CHOICE, part, opening });
                self.open = Some((kind, part));
                part
            }
        };
        each(Event::Delta { choice: CHOICE, part, delta: Delta::Text(text) });
    }

    const fn next(&mut self) -> usize {
        let part = self.parts;
        self.parts += 1;
        part
    }

    fn leave(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if let Some((_, part)) = self.open.take() {
            each(Event::Close { choice: CHOICE, part });
        }
    }

    fn close(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.leave(each);
        for (_, part) in self.calls.drain(..) {
            each(Event::Close { choice: CHOICE, part });
        }
    }
}

/// What is there, as one where it stands in a list of one.
fn member<'a>(value: &Json<'a>) -> Option<Json<'a>> {
    match value {
        Json::Array(items) => items.first().cloned(),
        other => Some(other.clone()),
    }
}
