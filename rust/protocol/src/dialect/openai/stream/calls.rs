//! The calls of one choice of a stream that is read.

use super::super::calls::signature;
use crate::canonical::{CallKind, Delta, Event, Opening, Signature};
use crate::json::{At, Fields, Invalid, Json};

/// More in one choice is no answer.
const MOST: usize = 1024;

/// The place of a choice's parts: its index, and how many there are.
type Place<'p> = (u64, &'p mut usize);

#[derive(Debug)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    /// Which, as the server counts. None where it does not.
    index: Option<u64>,
    id: Option<String>,
    kind: CallKind,
    state: State,
}

/// A call can be told of only once its name is known.
#[derive(Debug)]
enum State {
    Unnamed { arguments: String },
    Open { part: usize },
}

/// A piece of a call.
struct Piece<'a> {
    index: Option<u64>,
    id: Option<std::borrow::Cow<'a, str>>,
    name: Option<std::borrow::Cow<'a, str>>,
    arguments: Option<Json<'a>>,
    kind: CallKind,
    signature: Option<Signature<'a>>,
}

impl Calls {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// More of one of `tool_calls`.
    pub(super) fn delta(
        &mut self,
        json: Json<'_>,
        at: At<'_>,
        place: Place<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Invalid> {
        let mut fields = Fields::of(json, at)?;
        let custom = fields.peek_text("type") == Some("custom") || fields.has("custom");
        let (name, input, kind) =
            if custom { ("custom", "input", CallKind::Custom) } else { ("function", "arguments", CallKind::Function) };
        let index = fields.integer("index")?;
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let signature = signature(&mut fields)?;
        let inner = fields.take(name).unwrap_or(Json::Object(crate::json::Members::new()));
        let mut inner = Fields::of(inner, at.member(name))?;
        let called = inner.text("name")?.filter(|name| !name.is_empty());
        let piece = Piece { index, id, name: called, arguments: inner.take(input), kind, signature };
        self.piece(piece, at, place, each)
    }

    /// More of the older `function_call`, of which there is one.
    pub(super) fn legacy(
        &mut self,
        json: Json<'_>,
        at: At<'_>,
        place: Place<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Invalid> {
        let mut fields = Fields::of(json, at)?;
        let name = fields.text("name")?.filter(|name| !name.is_empty());
        let (kind, arguments) = (CallKind::Function, fields.take("arguments"));
        let piece = Piece { index: Some(0), id: None, name, arguments, kind, signature: None };
        self.piece(piece, at, place, each)
    }

    fn piece(
        &mut self,
        piece: Piece<'_>,
        at: At<'_>,
        (choice, parts): Place<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Invalid> {
        let text = match piece.arguments {
            None => None,
            Some(Json::String(text)) => Some(text),
            Some(json @ Json::Object(_)) => Some(json.to_text().into()),
            Some(_) => return Err(at.invalid("must have its arguments as a string")),
        };
        let known = self.find(&piece.index, piece.id.as_deref(), piece.name.is_some());
        let at_call = known.unwrap_or(self.0.len());
        if known.is_none() {
            if self.0.len() == MOST {
                return Err(at.invalid("is one call too many"));
            }
            let state = State::Unnamed { arguments: String::new() };
            self.0.push(Call { index: piece.index, id: None, kind: piece.kind, state });
        }
        let Some(call) = self.0.get_mut(at_call) else { return Ok(()) };
        if call.id.is_none() {
            call.id = piece.id.as_deref().map(str::to_owned);
        }
        if let (State::Unnamed { .. }, Some(name)) = (&call.state, &piece.name) {
            call.open(name, choice, parts, each);
        }
        match &mut call.state {
            State::Unnamed { arguments } => arguments.push_str(&text.unwrap_or_default()),
            State::Open { part } => {
                let part = *part;
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    each(Event::Delta { choice, part, delta: Delta::Arguments(text) });
                }
                if let Some(signature) = piece.signature {
                    each(Event::Delta { choice, part, delta: Delta::Signature(signature) });
                }
            }
        }
        Ok(())
    }

    /// The call that a piece belongs to. A new name with a new id is a new call, whatever its index; a piece without an
    /// index belongs to the call of its id, or to the last.
    fn find(&self, index: &Option<u64>, id: Option<&str>, named: bool) -> Option<usize> {
        let at = match index {
            Some(_) => self.0.iter().rposition(|call| call.index == *index),
            None => match id {
                Some(id) => self.0.iter().rposition(|call| call.id.as_deref() == Some(id)),
                None if named => None,
                None => self.0.len().checked_sub(1),
            },
        }?;
        let call = self.0.get(at)?;
        let another = named
            && matches!(call.state, State::Open { .. })
            && id.is_some_and(|id| call.id.as_deref().is_some_and(|known| known != id));
        (!another).then_some(at)
    }

    /// Closes them all; those whose name never came are opened first.
    pub(super) fn close(&mut self, (choice, parts): Place<'_>, each: &mut dyn FnMut(Event<'_>)) {
        for call in &mut self.0 {
            if matches!(call.state, State::Unnamed { .. }) {
                call.open("", choice, parts, each);
            }
            if let State::Open { part } = call.state {
                each(Event::Close { choice, part });
            }
        }
    }
}

impl Call {
    fn open(&mut self, name: &str, choice: u64, parts: &mut usize, each: &mut dyn FnMut(Event<'_>)) {
        let part = *parts;
        *parts += 1;
        let id = self.id.as_deref().map(Into::into);
        let opening = Opening::ToolCall { id, name: name.into(), kind: self.kind, item: None };
        each(Event::Open { choice, part, opening });
        let State::Unnamed { arguments } = std::mem::replace(&mut self.state, State::Open { part }) else { return };
        if !arguments.is_empty() {
            each(Event::Delta { choice, part, delta: Delta::Arguments(arguments.into()) });
        }
    }
}
