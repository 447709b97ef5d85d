//! The items of an upstream's stream, from their first event to their last.

use std::borrow::Cow;

use super::super::annotation;
use super::read::{Each, Reader};
use crate::canonical::{CallKind, Delta, Event, Opening};
use crate::json::{At, Invalid, Json, Members};

#[derive(Debug)]
pub(super) enum Item {
    /// A message, by pieces in the order in which they came. Some servers count them wrongly.
    Message(Vec<Piece>),
    Reasoning {
        part: usize,
        text: usize,
        summary: Vec<usize>,
    },
    Call {
        part: usize,
        sent: usize,
        kind: CallKind,
    },
    /// What is passed on whole when it is done.
    Whole,
    Done,
}

/// A piece of a message; `sent` is in bytes.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) index: u64,
    pub(super) part: usize,
    pub(super) sent: usize,
    pub(super) citations: usize,
    pub(super) open: bool,
}

impl Reader {
    /// Opens a part, and tells which it is.
    pub(super) fn begin(&mut self, opening: Opening<'_>, each: Each<'_>) -> usize {
        self.start(None, each);
        let part = self.parts;
        self.parts += 1;
        each(Event::Open { choice: 0, part, opening });
        part
    }

    pub(super) fn open(&mut self, json: &Json<'_>, each: Each<'_>) -> Result<(), Invalid> {
        let index = output_index(json)?;
        let item = json.get("item").ok_or_else(|| missing("item"))?;
        if self.items.contains_key(&index) {
            return Err(At::ROOT.member("output_index").invalid("is of an item that is there already"));
        }
        let item = self.opened(item, each)?;
        self.items.insert(index, item);
        Ok(())
    }

    pub(super) fn opened(&mut self, item: &Json<'_>, each: Each<'_>) -> Result<Item, Invalid> {
        let text = |name: &str| item.get(name).and_then(Json::as_str).map(Cow::Borrowed);
        let kind = match item.get("type").and_then(Json::as_str) {
            Some("message") => return Ok(Item::Message(Vec::new())),
            Some("reasoning") => {
                let part = self.begin(Opening::Reasoning { id: text("id"), redacted: false }, each);
                return Ok(Item::Reasoning { part, text: 0, summary: Vec::new() });
            }
            Some("function_call") => CallKind::Function,
            Some("custom_tool_call") => CallKind::Custom,
            Some(_) => return Ok(Item::Whole),
            None => return Err(At::ROOT.member("item").invalid("has no type")),
        };
        let name = text("name").ok_or_else(|| At::ROOT.member("item").invalid("has no name"))?;
        self.calls = true;
        let opening = Opening::ToolCall { id: text("call_id"), name, kind, item: text("id") };
        let part = self.begin(opening, each);
        Ok(Item::Call { part, sent: 0, kind })
    }

    /// The piece that an event is about, which is opened if it is new. None if it is no piece of a message.
    pub(super) fn piece_of(&mut self, json: &Json<'_>, each: Each<'_>) -> Result<Option<&mut Piece>, Invalid> {
        let refusal = match json.get("part").map(|part| part.get("type").and_then(Json::as_str)) {
            None | Some(Some("output_text")) => false,
            Some(Some("refusal")) => true,
            Some(_) => return Ok(None),
        };
        self.piece(output_index(json)?, json.get("content_index").and_then(Json::as_u64), refusal, each)
    }

    pub(super) fn piece(
        &mut self,
        output: u64,
        index: Option<u64>,
        refusal: bool,
        each: Each<'_>,
    ) -> Result<Option<&mut Piece>, Invalid> {
        let index = index.unwrap_or(0);
        let pieces = match self.items.get(&output) {
            None => &[][..],
            Some(Item::Message(pieces)) => pieces,
            Some(_) => return Err(At::ROOT.member("output_index").invalid("is not of a message that is open")),
        };
        let known = pieces.iter().position(|piece| piece.index == index);
        if known.is_some_and(|at| pieces.get(at).is_some_and(|piece| !piece.open)) {
            return Err(At::ROOT.member("content_index").invalid("is of a part that is done"));
        }
        let new = match known {
            Some(_) => None,
            None => Some(self.begin(if refusal { Opening::Refusal } else { Opening::Text }, each)),
        };
        let Item::Message(pieces) = self.items.entry(output).or_insert(Item::Message(Vec::new())) else {
            return Ok(None);
        };
        pieces.extend(new.map(|part| Piece { index, part, sent: 0, citations: 0, open: true }));
        Ok(match known {
            Some(at) => pieces.get_mut(at),
            None => pieces.last_mut(),
        })
    }

    pub(super) fn say(&mut self, json: &Json<'_>, text: &str, refusal: bool, each: Each<'_>) -> Result<(), Invalid> {
        let index = json.get("content_index").and_then(Json::as_u64);
        let Some(piece) = self.piece(output_index(json)?, index, refusal, each)? else { return Ok(()) };
        piece.sent += text.len();
        send(piece.part, Delta::Text(text.into()), each);
        let logprobs = json.get("logprobs").filter(|list| list.as_array().is_some_and(|list| !list.is_empty()));
        if let Some(list) = logprobs {
            let json = Members::new().with("content", list.clone()).into();
            each(Event::Logprobs { choice: 0, json });
        }
        Ok(())
    }

    pub(super) fn say_rest(
        &mut self,
        json: &Json<'_>,
        full: &str,
        refusal: bool,
        each: Each<'_>,
    ) -> Result<(), Invalid> {
        let index = json.get("content_index").and_then(Json::as_u64);
        let Some(piece) = self.piece(output_index(json)?, index, refusal, each)? else { return Ok(()) };
        piece.complete(full, each);
        Ok(())
    }

    pub(super) fn piece_done(&mut self, json: &Json<'_>, each: Each<'_>) -> Result<(), Invalid> {
        let Some(piece) = self.piece_of(json, each)? else { return Ok(()) };
        if let Some(part) = json.get("part") {
            piece.finish(part, each);
        }
        Ok(())
    }

    pub(super) fn cite(&mut self, json: &Json<'_>, each: Each<'_>) -> Result<(), Invalid> {
        let Some(cited) = json.get("annotation") else { return Ok(()) };
        let cited = annotation::read(cited.clone(), At::ROOT.member("annotation"))?;
        if let Some(piece) = self.piece_of(json, each)? {
            piece.citations += 1;
            send(piece.part, Delta::Annotation(cited), each);
        }
        Ok(())
    }

    pub(super) fn call_with(&mut self, json: &Json<'_>, text: &str, full: bool, each: Each<'_>) -> Result<(), Invalid> {
        let Some(Item::Call { part, sent, .. }) = self.items.get_mut(&output_index(json)?) else {
            return Err(At::ROOT.member("output_index").invalid("is not of a call that is open"));
        };
        let text = if full { text.get(*sent..).unwrap_or_default() } else { text };
        if !text.is_empty() {
            *sent += text.len();
            send(*part, Delta::Arguments(text.into()), each);
        }
        Ok(())
    }

    pub(super) fn thoughts(&mut self, json: &Json<'_>, each: Each<'_>) -> Result<&mut Item, Invalid> {
        let index = output_index(json)?;
        if !self.items.contains_key(&index) {
            let id = json.get("item_id").and_then(Json::as_str).map(Cow::Borrowed);
            let part = self.begin(Opening::Reasoning { id, redacted: false }, each);
            self.items.insert(index, Item::Reasoning { part, text: 0, summary: Vec::new() });
        }
        match self.items.get_mut(&index) {
            Some(item @ Item::Reasoning { .. }) => Ok(item),
            _ => Err(At::ROOT.member("output_index").invalid("is not of reasoning that is open")),
        }
    }

    pub(super) fn think(&mut self, json: &Json<'_>, more: &str, each: Each<'_>) -> Result<(), Invalid> {
        if let Item::Reasoning { part, text, .. } = self.thoughts(json, each)? {
            *text += more.len();
            send(*part, Delta::Text(more.into()), each);
        }
        Ok(())
    }

    pub(super) fn summarise(&mut self, json: &Json<'_>, more: &str, each: Each<'_>) -> Result<(), Invalid> {
        let index = json.get("summary_index").and_then(Json::as_u64).unwrap_or(0);
        if let Item::Reasoning { part, summary, .. } = self.thoughts(json, each)? {
            // One may begin when another has; an index out of nowhere would cost memory.
            let index = usize::try_from(index).unwrap_or(usize::MAX).min(summary.len());
            if index == summary.len() {
                summary.push(0);
            }
            if let Some(sent) = summary.get_mut(index) {
                *sent += more.len();
            }
            send(*part, Delta::Summary(index, more.into()), each);
        }
        Ok(())
    }
}

pub(super) fn send(part: usize, delta: Delta<'_>, each: Each<'_>) {
    each(Event::Delta { choice: 0, part, delta });
}

pub(super) fn output_index(json: &Json<'_>) -> Result<u64, Invalid> {
    json.get("output_index").and_then(Json::as_u64).ok_or_else(|| missing("output_index"))
}

pub(super) fn missing(name: &str) -> Invalid {
    At::ROOT.member(name).invalid("is missing")
}
