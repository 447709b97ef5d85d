//! The conversation, written as items.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use super::super::content::{self, Side};
use super::super::{MESSAGE, SELF, call, is_own, items, reasoning, theirs};
use crate::canonical::{Body, CallKind, Losses, Message, Part, Role, Text, ToolCall, ToolResult};
use crate::json::{Invalid, Json, Members};

/// The instructions, which are what the conversation begins with and is no item of this dialect's, and the rest.
pub(super) fn split<'m, 'a>(messages: &'m [Message<'a>]) -> (Option<Text<'a>>, &'m [Message<'a>]) {
    let plain = |part: &Part<'_>| matches!(part.body, Body::Text(..));
    let leads = |message: &&Message<'_>| {
        matches!(message.role, Role::System | Role::Developer)
            && !is_own(&message.rest)
            && message.parts.iter().all(plain)
    };
    let count = messages.iter().take_while(leads).count();
    let (leading, rest) = messages.split_at_checked(count).unwrap_or((&[], messages));
    let mut texts = leading.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.body {
        Body::Text(text, _) => Some(text.clone()),
        _ => None,
    });
    let instructions = texts.next().map(|first| {
        texts.fold(first, |all, text| if text.is_empty() { all } else { Cow::Owned(format!("{all}\n\n{text}")) })
    });
    (instructions, rest)
}

/// `input`; None where nothing is said.
pub(super) fn write<'a>(messages: &[Message<'a>], losses: &mut Losses) -> Result<Option<Json<'a>>, Invalid> {
    if let [Message { role: Role::User, parts, name: None, rest }] = messages
        && let [Part { body: Body::Text(text, _), rest: part, .. }] = parts.as_slice()
        && !is_own(rest)
        && !is_own(part)
    {
        return Ok(Some(Json::String(text.clone())));
    }
    if messages.is_empty() {
        return Ok(None);
    }
    let mut input = Input { items: Vec::with_capacity(messages.len()), calls: Calls::default(), losses };
    for message in messages {
        // Of a result it is the tool's, which the call tells.
        input.losses.note_if(message.name.is_some() && message.role != Role::Tool, "messages.name");
        match message.role {
            Role::Assistant => input.said(&message.parts)?,
            role => input.told(role, message)?,
        }
    }
    Ok(Some(Json::Array(input.items)))
}

struct Input<'a, 'l> {
    items: Vec<Json<'a>>,
    calls: Calls<'a>,
    losses: &'l mut Losses,
}

impl<'a> Input<'a, '_> {
    /// Adds what was said to the model: results first, then the rest as one message.
    fn told(&mut self, role: Role, message: &Message<'a>) -> Result<(), Invalid> {
        let is_content = |part: &&Part<'a>| !is_item(part);
        for part in &message.parts {
            match &part.body {
                Body::ToolResult(result) => {
                    self.result(part, result)?;
                }
                Body::Foreign(SELF, json) if is_item(part) => self.items.push(json.clone()),
                _ => {}
            }
        }
        let parts: Vec<&Part<'a>> = message.parts.iter().filter(is_content).collect();
        if parts.is_empty() {
            return Ok(());
        }
        let role = match role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User | Role::Tool | Role::Assistant => "user",
        };
        let members = message.rest.of(SELF).cloned().unwrap_or_default().with("role", role);
        self.message(members, &parts, Side::Input)
    }

    /// Adds a result, of the sort that its call was: chat has one form for all.
    fn result(&mut self, part: &Part<'a>, result: &ToolResult<'a>) -> Result<(), Invalid> {
        let id = self.calls.answered(result);
        let free = !is_own(&part.rest) && self.calls.custom.contains(&id);
        let kind = if free { CallKind::Custom } else { result.kind };
        self.items.push(call::write_result(part, result, (id, kind), self.losses)?);
        Ok(())
    }

    /// Adds what the model has said, piece by piece.
    fn said(&mut self, parts: &[Part<'a>]) -> Result<(), Invalid> {
        let mut open: Vec<&Part<'a>> = Vec::new();
        for part in parts {
            let begins = part.rest.of(SELF).is_some_and(|rest| rest.get(MESSAGE).is_some());
            if begins || !is_piece(part) {
                self.flush(&mut open)?;
            }
            match &part.body {
                Body::Reasoning(thoughts) => match reasoning::write_input(part, thoughts) {
                    Some(item) => self.items.push(item),
                    None => self.losses.note("reasoning"),
                },
                Body::ToolCall(made) => {
                    self.losses.note_if(part.signature.is_some(), "reasoning");
                    let id = self.calls.made(made);
                    let item = call::write(&unsigned(part), made, id, theirs(made.item.as_ref()));
                    self.items.push(item.into());
                }
                Body::ToolResult(result) => {
                    self.result(part, result)?;
                }
                Body::Image(media) => match items::picture(part, media, String::new).filter(|_| is_own(&part.rest)) {
                    Some(item) => self.items.push(item.into()),
                    // Only the user can show the model a picture.
                    None => self.message(Members::new().with("role", "user"), &[part], Side::Input)?,
                },
                Body::Document(_) | Body::Audio(_) | Body::Video(_) => {
                    self.message(Members::new().with("role", "user"), &[part], Side::Input)?;
                }
                Body::Foreign(SELF, json) if is_item(part) => self.items.push(json.clone()),
                // Some dialects have it beside calls.
                Body::Text(text, _) if text.is_empty() && !is_own(&part.rest) => {}
                Body::Text(..) | Body::Refusal(_) | Body::Foreign(..) => open.push(part),
            }
        }
        self.flush(&mut open)
    }

    fn flush(&mut self, open: &mut Vec<&Part<'a>>) -> Result<(), Invalid> {
        let parts = std::mem::take(open);
        let Some(first) = parts.first() else { return Ok(()) };
        let said = first.rest.of(SELF).and_then(|rest| rest.get(MESSAGE)).and_then(Json::as_object);
        let mut members = said.cloned().unwrap_or_default();
        if let Some(at) = members.0.iter().position(|(name, _)| name == "id") {
            let (_, id) = members.0.remove(at);
            let id = if let Json::String(id) = id { theirs(Some(&id)) } else { None };
            members = members.with_some("id", id);
        }
        self.message(members.with("role", "assistant"), &parts, Side::Said)
    }

    fn message(&mut self, members: Members<'a>, parts: &[&Part<'a>], side: Side) -> Result<(), Invalid> {
        let content = match parts {
            [Part { body: Body::Text(text, _), rest, .. }] if !is_own(rest) => Json::String(text.clone()),
            parts => {
                let mut out = Vec::with_capacity(parts.len());
                parts.iter().try_for_each(|part| content::write(&unsigned(part), side, self.losses, &mut out))?;
                Json::Array(out)
            }
        };
        // Of foreign pieces nothing may be left.
        if content.as_array().is_none_or(|pieces| !pieces.is_empty()) {
            self.items.push(members.with("content", content).into());
        }
        Ok(())
    }
}

/// Whether a part is a piece of a message of the model's.
fn is_piece(part: &Part<'_>) -> bool {
    matches!(part.body, Body::Text(..) | Body::Refusal(_) | Body::Foreign(..)) && !is_item(part)
}

/// Whether a part is an item by itself.
fn is_item(part: &Part<'_>) -> bool {
    match &part.body {
        Body::Foreign(origin, _) => *origin == SELF && !is_own(&part.rest),
        Body::Reasoning(_) | Body::ToolCall(_) | Body::ToolResult(_) => true,
        Body::Text(..) | Body::Refusal(_) => false,
        Body::Image(_) | Body::Audio(_) | Body::Video(_) | Body::Document(_) => false,
    }
}

/// The part without a signature that no provider of this dialect can read.
fn unsigned<'m, 'a>(part: &'m Part<'a>) -> Cow<'m, Part<'a>> {
    match &part.signature {
        Some(_) => Cow::Owned(Part { signature: None, ..part.clone() }),
        None => Cow::Borrowed(part),
    }
}

/// The calls that have been made, and not been answered yet. Gemini leaves their names out, so they get some, the same
/// ones whenever the same conversation is sent. Nothing here costs more per call where there are many.
#[derive(Default)]
struct Calls<'a> {
    made: usize,
    in_order: VecDeque<Text<'a>>,
    by_tool: HashMap<Text<'a>, VecDeque<Text<'a>>>,
    answered: HashSet<Text<'a>>,
    /// Those of tools that take free text.
    custom: HashSet<Text<'a>>,
}

impl<'a> Calls<'a> {
    fn made(&mut self, call: &ToolCall<'a>) -> Text<'a> {
        let id = call.id.clone().unwrap_or_else(|| Cow::Owned(format!("call_{}", self.made)));
        self.made += 1;
        if call.kind == CallKind::Custom {
            self.custom.insert(id.clone());
        }
        self.in_order.push_back(id.clone());
        self.by_tool.entry(call.name.clone()).or_default().push_back(id.clone());
        id
    }

    /// The call that `result` answers: the one it names, else the first that is open, of its tool if it names that.
    fn answered(&mut self, result: &ToolResult<'a>) -> Text<'a> {
        let answered = &self.answered;
        let first_open =
            |calls: &mut VecDeque<Text<'a>>| std::iter::from_fn(|| calls.pop_front()).find(|id| !answered.contains(id));
        let id = match (&result.call, &result.name) {
            (Some(id), _) => Some(id.clone()),
            (None, Some(name)) => self.by_tool.get_mut(name).and_then(first_open),
            (None, None) => first_open(&mut self.in_order),
        };
        let id = id.unwrap_or_else(|| Cow::Owned(format!("call_{}", self.made)));
        self.answered.insert(id.clone());
        id
    }
}
