//! The conversation, written: the instructions first, a message a turn, the results of tools right after their calls.

use std::borrow::Cow;

use super::losses::note;
use super::media::{Items, content, text_item};
use crate::canonical::{Body, CallKind, Losses, Message, Part, Reasoning, Request, Role, ToolCall, ToolResult};
use crate::dialect::openai::request::text_of_result;
use crate::json::{At, Invalid, Json, Members};

/// What is lost where instructions go elsewhere than where they stood.
const POSITION: &str = "messages.system_position";

/// A conversation, written.
pub(super) struct Conversation<'r> {
    pub(super) messages: Vec<Json<'r>>,
    /// What the user gave to answer from.
    pub(super) documents: Vec<Json<'r>>,
}

struct Turns<'r, 'l> {
    thinks: bool,
    losses: &'l mut Losses,
    system: Vec<&'r str>,
    messages: Vec<Json<'r>>,
    documents: Vec<Json<'r>>,
    /// What results held beside text: it goes to the user's message behind them.
    attached: Vec<Json<'r>>,
    calls: Vec<Called<'r>>,
}

struct Called<'r> {
    id: Cow<'r, str>,
    name: &'r str,
    answered: bool,
}

pub(super) fn write<'r>(
    request: &'r Request<'_>,
    thinks: bool,
    losses: &mut Losses,
) -> Result<Conversation<'r>, Invalid> {
    let mut turns = Turns {
        thinks,
        losses,
        system: Vec::new(),
        messages: Vec::with_capacity(request.messages.len()),
        documents: Vec::new(),
        attached: Vec::new(),
        calls: Vec::new(),
    };
    let list = At::ROOT.member("messages");
    let mut index = 0;
    // Other dialects may say in several messages what an assistant thinks, says and calls.
    let one_turn = |this: &Message<'_>, next: &Message<'_>| [this.role, next.role] == [Role::Assistant; 2];
    for turn in request.messages.chunk_by(one_turn) {
        turns.add(turn, list.item(index))?;
        index += turn.len();
    }
    turns.attach(Vec::new());
    Ok(turns.done())
}

impl<'r> Turns<'r, '_> {
    fn add(&mut self, turn: &'r [Message<'_>], at: At<'_>) -> Result<(), Invalid> {
        for message in turn {
            note(&message.rest, "messages.", self.losses);
            // Of a result it is the tool's, which the call tells.
            self.losses.note_if(message.name.is_some() && message.role != Role::Tool, "messages.name");
        }
        let Some(first) = turn.first() else { return Ok(()) };
        match first.role {
            Role::System | Role::Developer => self.instructions(first),
            Role::Assistant => self.assistant(turn),
            Role::User | Role::Tool => self.user(first, at)?,
        }
        Ok(())
    }

    fn instructions(&mut self, message: &'r Message<'_>) {
        self.losses.note_if(!self.messages.is_empty(), POSITION);
        for part in &message.parts {
            match &part.body {
                Body::Text(text, _) => self.system.push(text),
                _ => self.losses.note("content.media"),
            }
        }
    }

    fn user(&mut self, message: &'r Message<'_>, at: At<'_>) -> Result<(), Invalid> {
        let mut items = Items::default();
        for part in &message.parts {
            match &part.body {
                Body::ToolResult(result) => self.result(result, at)?,
                _ => items.add(part, at, self.losses)?,
            }
        }
        self.documents.append(&mut items.documents);
        if !items.content.is_empty() {
            self.attach(items.content);
        }
        Ok(())
    }

    /// A user's message of what results held beside text, and of `more`.
    fn attach(&mut self, more: Vec<Json<'r>>) {
        let mut items = std::mem::take(&mut self.attached);
        items.extend(more);
        if !items.is_empty() {
            self.push("user", Members::new().with("content", content(items)));
        }
    }

    fn push(&mut self, role: &'static str, said: Members<'r>) {
        self.messages.push(Members::new().with("role", role).with_all(said).into());
    }

    fn result(&mut self, result: &'r ToolResult<'_>, at: At<'_>) -> Result<(), Invalid> {
        self.losses.note_if(result.failed == Some(true), "content.is_error");
        let mut items = Items::default();
        for part in &result.content {
            items.add(part, at, self.losses)?;
        }
        let is_text = |item: &Json<'_>| item.get("type").and_then(Json::as_str) == Some("text");
        let (mut said, other): (Vec<Json<'r>>, Vec<Json<'r>>) = items.content.into_iter().partition(is_text);
        let attaches = !other.is_empty();
        self.attached.extend(other);
        said.extend(
            items.documents.into_iter().map(|it| Members::of([("type", "document".into()), ("document", it)]).into()),
        );
        let said = match (&result.json, said.is_empty()) {
            (Some(json), true) => text_of_result(json).into(),
            (None, true) if attaches => "The result is in the next message.".into(),
            (None, true) => "".into(),
            (_, false) => content(said),
        };
        let id = self.answered(result);
        self.push("tool", Members::new().with("tool_call_id", id).with("content", said));
        Ok(())
    }

    /// The id of the call that `result` answers: by name, where the dialect knows no ids.
    fn answered(&mut self, result: &'r ToolResult<'_>) -> Cow<'r, str> {
        let named = |call: &&mut Called<'_>| result.name.as_ref().is_none_or(|name| *name == call.name);
        let call = match &result.call {
            Some(id) => return Cow::Borrowed(id),
            None => self.calls.iter_mut().filter(|call| !call.answered).find(named),
        };
        let known = call.map(|call| {
            call.answered = true;
            call.id.clone()
        });
        known.unwrap_or_else(|| self.new_id())
    }

    fn new_id(&self) -> Cow<'r, str> {
        Cow::Owned(format!("call_{}", self.calls.len()))
    }

    /// What the model said in a turn. What it said before it calls is its `tool_plan`.
    fn assistant(&mut self, turn: &'r [Message<'_>]) {
        self.attach(Vec::new());
        let (mut thoughts, mut said, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        for part in turn.iter().flat_map(|message| &message.parts) {
            note(&part.rest, "content.", self.losses);
            match &part.body {
                Body::Text(text, _) | Body::Refusal(text) => said.push(text.as_ref()),
                Body::Reasoning(thought) if self.thinks && !is_signed(part) && !thought.redacted => {
                    thoughts.push(thinking(thought));
                }
                Body::Reasoning(_) => self.losses.note("reasoning"),
                Body::ToolCall(call) => calls.push(self.call(call, part)),
                Body::Foreign(_, json) => {
                    self.losses.note(&format!("content.{}", json.get("type").and_then(Json::as_str).unwrap_or("part")));
                }
                Body::ToolResult(_) => {}
                _ => self.losses.note("content.media"),
            }
        }
        said.retain(|text| !text.is_empty());
        let mut message = Members::new();
        if calls.is_empty() {
            thoughts.extend(said.into_iter().map(text_item));
        } else if !said.is_empty() {
            message.push("tool_plan", said.concat());
        }
        if thoughts.is_empty() && calls.is_empty() {
            return;
        }
        let content = (!thoughts.is_empty()).then(|| content(thoughts));
        let calls = Some(calls).filter(|calls| !calls.is_empty());
        self.push("assistant", message.with_some("content", content).with_some("tool_calls", calls));
    }

    fn call(&mut self, call: &'r ToolCall<'_>, part: &Part<'_>) -> Json<'r> {
        self.losses.note_if(part.signature.is_some(), "reasoning");
        let id = call.id.as_deref().map_or_else(|| self.new_id(), Cow::Borrowed);
        self.calls.push(Called { id: id.clone(), name: &call.name, answered: false });
        let text = call.arguments.to_text();
        let arguments = match call.kind {
            CallKind::Custom => Json::from(Members::new().with("input", text)).to_text().into(),
            CallKind::Function if text.trim().is_empty() => Cow::Borrowed("{}"),
            CallKind::Function => Cow::Owned(text.into_owned()),
        };
        let function = Members::new().with("name", call.name.as_ref()).with("arguments", arguments);
        Members::new().with("id", id).with("type", "function").with("function", function).into()
    }

    fn done(mut self) -> Conversation<'r> {
        if !self.system.is_empty() {
            // The API wants something to answer.
            let alone = self.messages.is_empty();
            self.losses.note_if(alone, POSITION);
            let said = Members::new().with("role", if alone { "user" } else { "system" });
            self.messages.insert(0, said.with("content", self.system.join("\n\n")).into());
        }
        Conversation { messages: self.messages, documents: self.documents }
    }
}

/// Whether another model signed it. Callers of Anthropic's dialect give what nobody signed back with an empty signature.
fn is_signed(part: &Part<'_>) -> bool {
    part.signature.as_ref().is_some_and(|signature| !signature.value.is_empty())
}

fn thinking<'r>(thought: &'r Reasoning<'_>) -> Json<'r> {
    let text = if thought.text.is_empty() && !thought.summary.is_empty() {
        Cow::Owned(thought.summary.join("\n\n"))
    } else {
        Cow::Borrowed(thought.text.as_ref())
    };
    Members::new().with("type", "thinking").with("thinking", text).into()
}
