//! The conversation, written: a message a turn, the results of tools apart and right after their calls.

use std::borrow::Cow;

use super::super::calls::{self, LEGACY};
use super::super::marks::{CHAT, is_own, marked, note_foreign, with_rest};
use super::super::{content, reasoning};
use super::parts::{self, Place};
use crate::canonical::{Body, Losses, Message, Part, Request, Role, Text, ToolResult};
use crate::json::{At, Invalid, Json, Members};

/// Models whose servers demand the thoughts behind calls of tools back, as `reasoning_content`: DeepSeek ("Thinking mode",
/// "Tool calls") and Moonshot's Kimi. Others refuse the field, or drop it.
const WANT_THOUGHTS: [&str; 2] = ["deepseek", "kimi"];

/// What is said of a message in other dialects that nobody misses.
const HARMLESS: [&str; 5] = ["id", "type", "status", "phase", "role"];

pub(super) fn write<'a>(request: &Request<'a>, model: &str, losses: &mut Losses) -> Result<Vec<Json<'a>>, Invalid> {
    let model = model.to_ascii_lowercase();
    let mut turns = Turns {
        losses,
        out: Vec::with_capacity(request.messages.len() + 1),
        attached: Vec::new(),
        calls: Vec::new(),
        wants_thoughts: WANT_THOUGHTS.iter().any(|name| model.contains(name)),
        wants_signatures: model.contains("gemini"),
    };
    let list = At::ROOT.member("messages");
    let mut rest = request.messages.as_slice();
    while let Some(message) = rest.first() {
        let at = list.item(request.messages.len() - rest.len());
        let (turn, behind) = rest.split_at(turn_length(rest));
        rest = behind;
        note_foreign(&message.rest, "messages.", &HARMLESS, turns.losses);
        match message.role {
            Role::System | Role::Developer => turns.instructions(message, at)?,
            Role::Assistant => turns.assistant(turn, at)?,
            Role::User | Role::Tool => turns.user(message, at)?,
        }
    }
    turns.attach(Vec::new());
    Ok(turns.out)
}

/// How many messages are one turn: other dialects may say in several what an assistant thinks, says and calls; here the
/// results must follow on all calls.
fn turn_length(messages: &[Message<'_>]) -> usize {
    let open = |message: &Message<'_>| {
        let calls = message.parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
        let thinks = message.parts.iter().all(|part| matches!(part.body, Body::Reasoning(_)));
        message.role == Role::Assistant && !is_own(&message.rest) && (calls || thinks)
    };
    let pairs = messages.iter().zip(messages.get(1..).unwrap_or_default());
    1 + pairs.take_while(|(this, next)| open(this) && next.role == Role::Assistant && !is_own(&next.rest)).count()
}

struct Turns<'a, 'l> {
    losses: &'l mut Losses,
    out: Vec<Json<'a>>,
    /// What results held beside text: it goes to the user's message behind them.
    attached: Vec<Json<'a>>,
    /// The calls so far.
    calls: Vec<Called<'a>>,
    wants_thoughts: bool,
    wants_signatures: bool,
}

struct Called<'a> {
    id: Text<'a>,
    name: Text<'a>,
    answered: bool,
}

impl<'a> Turns<'a, '_> {
    fn instructions(&mut self, message: &Message<'a>, at: At<'_>) -> Result<(), Invalid> {
        self.attach(Vec::new());
        let own = is_own(&message.rest);
        // OpenAI takes either word, most other servers only the older.
        let role = if own && message.role == Role::Developer { "developer" } else { "system" };
        let parts: Vec<&Part<'a>> = message.parts.iter().collect();
        let content = parts::content(&parts, Place::new(message, own, "\n\n", at), self.losses)?;
        self.push(role, message, Members::new().with("content", content));
        Ok(())
    }

    fn user(&mut self, message: &Message<'a>, at: At<'_>) -> Result<(), Invalid> {
        let own = is_own(&message.rest);
        let place = Place::new(message, own, "\n\n", at);
        let mut others = Vec::new();
        for part in &message.parts {
            match &part.body {
                Body::ToolResult(result) => self.result(result, part, message, place)?,
                _ => others.push(part),
            }
        }
        if message.role == Role::Tool && others.is_empty() {
            return Ok(());
        }
        if self.attached.is_empty() {
            if others.is_empty() && !message.parts.is_empty() {
                return Ok(());
            }
            let content = parts::content(&others, place, self.losses)?;
            self.push("user", message, Members::new().with("content", content));
        } else {
            let mut items = Vec::new();
            for part in others {
                parts::write(part, place, self.losses, &mut items)?;
            }
            self.attach(items);
        }
        Ok(())
    }

    /// A user's message of what results held beside text, and of `more`.
    fn attach(&mut self, more: Vec<Json<'a>>) {
        let mut items = std::mem::take(&mut self.attached);
        items.extend(more);
        if !items.is_empty() {
            self.out.push(Members::new().with("role", "user").with("content", items).into());
        }
    }

    fn result(
        &mut self,
        result: &ToolResult<'a>,
        part: &Part<'a>,
        message: &Message<'a>,
        place: Place<'_>,
    ) -> Result<(), Invalid> {
        let (text, other): (Vec<&Part<'a>>, Vec<&Part<'a>>) =
            result.content.iter().partition(|part| place.list || matches!(part.body, Body::Text(..)));
        let before = self.attached.len();
        for part in other {
            parts::write(part, place, self.losses, &mut self.attached)?;
        }
        let content = match &result.json {
            _ if place.list => parts::content(&text, place, self.losses)?,
            Some(json) if text.is_empty() => text_of_result(json).into(),
            _ if text.is_empty() && self.attached.len() > before => "The result is in the next message.".into(),
            _ => parts::plain(&text, place.between).unwrap_or_default().into(),
        };
        self.losses.note_if(result.failed == Some(true), "content.is_error");
        if place.own && marked(&message.rest, LEGACY) {
            self.push("function", message, Members::new().with("content", content));
            return Ok(());
        }
        let id = self.answered(result);
        let said = Members::new().with("tool_call_id", id).with("content", content);
        let said = if place.own { with_rest(said, &part.rest) } else { said };
        self.push("tool", message, said);
        Ok(())
    }

    /// The id of the call that `result` answers: by name, where the dialect knows no ids.
    fn answered(&mut self, result: &ToolResult<'a>) -> Text<'a> {
        let named = |call: &&mut Called<'a>| result.name.as_ref().is_none_or(|name| *name == call.name);
        let call = match &result.call {
            Some(id) => self.calls.iter_mut().find(|call| call.id == *id),
            None => self.calls.iter_mut().filter(|call| !call.answered).find(named),
        };
        let known = call.map(|call| {
            call.answered = true;
            call.id.clone()
        });
        result.call.clone().or(known).unwrap_or_else(|| self.new_id())
    }

    fn new_id(&self) -> Text<'a> {
        let free = |id: &String| !self.calls.iter().any(|call| call.id == *id);
        let ids = (self.calls.len()..).map(|number| format!("call_{number}"));
        Cow::Owned(ids.take(self.calls.len() + 1).find(free).unwrap_or_default())
    }

    fn assistant(&mut self, turn: &[Message<'a>], at: At<'_>) -> Result<(), Invalid> {
        self.attach(Vec::new());
        let Some(first) = turn.first() else { return Ok(()) };
        let own = is_own(&first.rest);
        let mut message = Members::new();
        let thoughts = self.thoughts(turn, own);
        let thoughts: Vec<&Part<'a>> = thoughts.iter().map(AsRef::as_ref).collect();
        reasoning::write(&thoughts, first.rest.of(CHAT), &mut message);
        let thought = !message.is_empty();
        let mut said = Vec::new();
        let mut calls = Vec::new();
        let mut refusal = None;
        for part in turn.iter().flat_map(|message| &message.parts) {
            match &part.body {
                Body::ToolCall(call) => calls.push((call, part)),
                Body::Refusal(text) if own => refusal = Some(text.clone()),
                Body::Image(_) | Body::Audio(_) | Body::Video(_) | Body::Document(_) if !own => {
                    self.losses.note("content.media");
                }
                Body::Reasoning(_) if !marked(&part.rest, content::THINKING) => {}
                Body::Foreign(origin, json) if *origin != CHAT => {
                    self.losses.note(&format!("content.{}", parts::kind_of(json)));
                }
                _ => said.push(part),
            }
        }
        let place = Place::new(first, own, "", at);
        let content =
            if said.is_empty() && !place.list { Json::Null } else { parts::content(&said, place, self.losses)? };
        let empty = content == Json::Null && calls.is_empty() && !thought;
        if empty && !own {
            return Ok(());
        }
        message.push("content", content);
        let mut message = message.with_some("refusal", refusal);
        if own && marked(&first.rest, LEGACY) {
            message = message.with_some(LEGACY, calls.pop().map(|(call, part)| calls::write_legacy(call, part)));
        }
        let calls = self.calls(&calls);
        self.push("assistant", first, message.with_some("tool_calls", Some(calls).filter(|calls| !calls.is_empty())));
        Ok(())
    }

    fn calls(&mut self, calls: &[(&crate::canonical::ToolCall<'a>, &Part<'a>)]) -> Vec<Json<'a>> {
        let each = calls.iter().map(|(call, part)| {
            let id = call.id.clone().unwrap_or_else(|| self.new_id());
            self.calls.push(Called { id: id.clone(), name: call.name.clone(), answered: false });
            self.losses.note_if(part.signature.is_some() && !self.wants_signatures, "reasoning");
            calls::write(call, part, id, self.wants_signatures)
        });
        each.collect()
    }

    /// The thoughts that the model is given back: its own; without a signature, only those that it said in this dialect,
    /// or those that its server demands.
    fn thoughts<'m>(&mut self, turn: &'m [Message<'a>], own: bool) -> Vec<Cow<'m, Part<'a>>> {
        let mut kept = Vec::new();
        for part in turn.iter().flat_map(|message| &message.parts) {
            let Some(thought) = reasoning::thought(part) else { continue };
            match &part.signature {
                Some(signature) if signature.origin == CHAT => kept.push(Cow::Borrowed(part)),
                None if own => kept.push(Cow::Borrowed(part)),
                _ if self.wants_thoughts && !thought.redacted => {
                    kept.push(Cow::Owned(Part::new(part.body.clone())));
                }
                _ => self.losses.note("reasoning"),
            }
        }
        kept
    }

    fn push(&mut self, role: &'static str, message: &Message<'a>, said: Members<'a>) {
        let own = is_own(&message.rest);
        let name = message.name.clone().filter(|_| own || role != "tool");
        let mut written = Members::new().with("role", role).with_some("name", name);
        written.0.extend(said.0);
        self.out.push(if own { with_rest(written, &message.rest) } else { written }.into());
    }
}

/// A result that is JSON, as text: the text alone where it holds nothing else.
pub(in crate::dialect) fn text_of_result<'a>(json: &Json<'a>) -> Text<'a> {
    match json {
        Json::String(text) => text.clone(),
        Json::Object(Members(members)) => match members.as_slice() {
            [(name, Json::String(text))] if matches!(name.as_ref(), "result" | "output" | "error") => text.clone(),
            _ => Cow::Owned(json.to_text()),
        },
        json => Cow::Owned(json.to_text()),
    }
}
