//! `contents` and `systemInstruction`: a conversation in which the user and the model take turns.

use std::collections::HashMap;

use super::ids;
use crate::canonical::{Body, Losses, Media, Message, Part, Role, Source, Text, ToolResult};
use crate::dialect::gemini::model::{Generation, generation};
use crate::dialect::gemini::names::said;
use crate::dialect::gemini::part::{self, UNSIGNED, Unsaid};
use crate::dialect::gemini::{GEMINI, media};
use crate::json::{At, Invalid, Json, Members};

/// What an item of Responses says of itself beside its content, which nobody misses.
const ITEM: [&str; 6] = ["id", "type", "status", "index", "phase", "message"];

/// The turns, as far as they are written.
pub(super) struct Turns<'a, 'l> {
    model: &'l str,
    losses: &'l mut Losses,
    /// The names of the functions that were called, by the calls' ids.
    called: HashMap<Text<'a>, Text<'a>>,
    /// The order in which they were called.
    order: HashMap<Text<'a>, usize>,
    system: Option<Turn<'a>>,
    turns: Vec<Turn<'a>>,
}

#[derive(Default)]
struct Turn<'a> {
    role: Text<'a>,
    parts: Vec<Json<'a>>,
    /// Media that results cannot hold: it follows them all.
    beside: Vec<Json<'a>>,
    /// Only results of tools: what the user says next belongs to it.
    open: bool,
    calls: bool,
    /// What else was said of it.
    rest: Members<'a>,
}

impl<'a> Turn<'a> {
    fn json(mut self) -> Json<'a> {
        self.parts.append(&mut self.beside);
        let role = (!self.role.is_empty()).then_some(self.role);
        Members::new().with_some("role", role).with("parts", self.parts).with_all(self.rest).into()
    }
}

impl<'a, 'l> Turns<'a, 'l> {
    pub(super) fn new(model: &'l str, losses: &'l mut Losses) -> Self {
        let (called, order) = (HashMap::new(), HashMap::new());
        Self { model, losses, called, order, system: None, turns: Vec::new() }
    }

    /// Takes the calls' names off, if they are another dialect's and the model has no use for them.
    pub(super) fn leave_out_ids(&mut self, messages: &[Message<'a>]) {
        if generation(self.model) == Generation::Budget && ids::are_foreign(messages) {
            self.turns.iter_mut().for_each(|turn| ids::leave_out(&mut turn.parts, &self.order));
        }
    }

    /// `systemInstruction` and `contents`.
    pub(super) fn done(self) -> (Option<Json<'a>>, Vec<Json<'a>>) {
        let (mut system, mut turns) = (self.system, self.turns);
        if turns.is_empty() {
            // Google wants something to answer.
            if let Some(only) = system.take() {
                self.losses.note("messages.system_position");
                turns.push(Turn { role: "user".into(), ..only });
            }
        }
        (system.map(Turn::json), turns.into_iter().map(Turn::json).collect())
    }

    /// Adds the message at `index`.
    pub(super) fn add(&mut self, message: &Message<'a>, index: usize) -> Result<(), Invalid> {
        // Of a result it is the tool's.
        self.losses.note_if(message.name.is_some() && message.role != Role::Tool, "messages.name");
        for name in said(&message.rest).filter(|name| !ITEM.contains(name)) {
            self.losses.note(&format!("messages.{name}"));
        }
        let mut parts = Vec::with_capacity(message.parts.len());
        let mut beside = Vec::new();
        let several = message.role == Role::Assistant && message.parts.len() > 1;
        for part in &message.parts {
            // Clients send what a model left empty back as a text, which Vertex AI refuses.
            let empty = matches!(&part.body, Body::Text(text, _) if text.is_empty()) && part.signature.is_none();
            if several && empty {
                continue;
            }
            self.part(part, index, &mut parts, &mut beside)?;
        }
        // Google refuses a turn of nothing.
        if parts.is_empty() && beside.is_empty() {
            return Ok(());
        }
        let calls = message.parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
        if calls {
            self.sign(&mut parts);
        }
        let mut rest = message.rest.of(GEMINI).cloned().unwrap_or_default();
        let role = rest.0.iter().position(|(name, _)| name == "role").map(|at| rest.0.remove(at).1);
        let kept = if let Some(Json::String(role)) = role { Some(role) } else { None };
        let turn = |role: &'static str| {
            let role = kept.unwrap_or(Text::Borrowed(role));
            Turn { role, parts, beside, calls, rest, open: message.role == Role::Tool }
        };
        match message.role {
            Role::System | Role::Developer => {
                self.losses.note_if(!self.turns.is_empty(), "messages.system_position");
                let turn = turn("");
                match &mut self.system {
                    Some(system) => system.parts.extend(turn.parts),
                    None => self.system = Some(turn),
                }
            }
            Role::User | Role::Tool => self.push(turn("user"), |last| last.open),
            Role::Assistant => self.push(turn("model"), |last| last.role == "model" && (last.calls || calls)),
        }
        Ok(())
    }

    /// Adds a turn, or to the last one if that `takes` it.
    fn push(&mut self, turn: Turn<'a>, takes: impl FnOnce(&Turn<'a>) -> bool) {
        match self.turns.last_mut() {
            Some(last) if takes(last) => {
                last.parts.extend(turn.parts);
                last.beside.extend(turn.beside);
                last.open = turn.open;
                last.calls |= turn.calls;
            }
            _ => self.turns.push(turn),
        }
    }

    fn part(
        &mut self,
        part: &Part<'a>,
        index: usize,
        out: &mut Vec<Json<'a>>,
        beside: &mut Vec<Json<'a>>,
    ) -> Result<(), Invalid> {
        for name in said(&part.rest).filter(|name| !ITEM.contains(name)) {
            self.losses.note(&format!("content.{name}"));
        }
        match &part.body {
            Body::ToolResult(result) => {
                let response = self.result(result, part, index, beside)?;
                let members = Members::of([("functionResponse", response.into())]);
                let own = part.rest.of(GEMINI).cloned().unwrap_or_default();
                self.signed(members.with_all(own), part, out);
                return Ok(());
            }
            Body::Document(Media { source: Source::Parts(inner), .. }) => {
                return inner.iter().try_for_each(|part| self.part(part, index, out, beside));
            }
            Body::ToolCall(call) => {
                if let Some(id) = &call.id {
                    self.called.insert(id.clone(), call.name.clone());
                    self.order.insert(id.clone(), self.order.len());
                }
                self.losses.note_if(part::arguments(call).1, "tool_calls.arguments");
            }
            Body::Text(_, annotations) => self.losses.note_if(!annotations.is_empty(), "annotations"),
            Body::Image(media) | Body::Audio(media) | Body::Video(media) | Body::Document(media) => {
                let looked_at = media.detail.as_deref().is_some_and(|detail| detail != "auto");
                self.losses.note_if(looked_at, "content.detail");
                self.losses.note_if(media.context.is_some(), "content.context");
                self.losses.note_if(media.citations == Some(true), "content.citations");
            }
            Body::Reasoning(reasoning) => {
                // Thoughts of another's model, or thoughts of which nothing can be read.
                let foreign = part.signature.as_ref().is_some_and(|signature| signature.origin != GEMINI);
                if foreign || reasoning.redacted {
                    self.losses.note("reasoning");
                    return Ok(());
                }
            }
            Body::Refusal(_) | Body::Foreign(..) => {}
        }
        match part::write(part) {
            Ok(members) => {
                self.signed(members, part, out);
                Ok(())
            }
            Err(Unsaid::Lost(name)) => {
                self.losses.note(&name);
                Ok(())
            }
            Err(Unsaid::File) => Err(unknown_file(index)),
        }
    }

    /// Adds what a part says, with its signature if that is Google's.
    fn signed(&mut self, members: Members<'a>, part: &Part<'a>, out: &mut Vec<Json<'a>>) {
        let own = part.signature.as_ref().filter(|signature| signature.origin == GEMINI);
        self.losses.note_if(part.signature.is_some() && own.is_none(), "reasoning");
        out.push(members.with_some("thoughtSignature", own.map(|own| own.value.clone())).into());
    }

    /// Gives the first call in `parts` a signature, where the model wants one and the parts have none.
    fn sign(&self, parts: &mut [Json<'a>]) {
        if generation(self.model) == Generation::Budget
            || parts.iter().any(|part| part.get("thoughtSignature").is_some())
        {
            return;
        }
        if let Some(Json::Object(call)) = parts.iter_mut().find(|part| part.get("functionCall").is_some()) {
            call.push("thoughtSignature", UNSIGNED);
        }
    }

    fn result(
        &mut self,
        result: &ToolResult<'a>,
        part: &Part<'a>,
        index: usize,
        beside: &mut Vec<Json<'a>>,
    ) -> Result<Members<'a>, Invalid> {
        let known = result.name.clone().or_else(|| self.called.get(result.call.as_ref()?).cloned());
        self.losses.note_if(known.is_none(), "tool_call_id");
        let name = known.or_else(|| result.call.clone()).unwrap_or(Text::Borrowed("tool"));
        let mut texts: Vec<Text<'a>> = Vec::new();
        let mut held = Vec::new();
        for part in &result.content {
            match &part.body {
                Body::Text(text, _) | Body::Refusal(text) => texts.push(text.clone()),
                Body::Image(media) | Body::Audio(media) | Body::Video(media) | Body::Document(media) => {
                    // Gemini 3 takes what is here in a result; earlier ones take none, no one takes URLs.
                    let holds =
                        matches!(media.source, Source::Base64(_)) && generation(self.model) == Generation::Level;
                    if result.json.is_some() || holds {
                        let written =
                            media::write(media, None, part.rest.of(GEMINI)).ok_or_else(|| unknown_file(index))?;
                        held.push(Members::new().with(written.0, written.1).into());
                    } else {
                        self.part(part, index, beside, &mut Vec::new())?;
                    }
                }
                _ => self.losses.note("content.tool_result"),
            }
        }
        let response = match &result.json {
            Some(object @ Json::Object(_)) => object.clone(),
            _ => response(joined(texts), result.failed == Some(true)),
        };
        let written = Members::new().with_some("id", result.call.clone()).with("name", name).with("response", response);
        let written = written.with_some("parts", (!held.is_empty()).then_some(held));
        Ok(part::with_own(written, part.rest.of(GEMINI), "functionResponse"))
    }
}

/// A result's text as the object that Google takes: itself, if it is one.
fn response(text: Text<'_>, failed: bool) -> Json<'_> {
    let object = Json::object_in(&text).filter(|_| !failed);
    object.unwrap_or_else(|| Members::of([(if failed { "error" } else { "result" }, text.into())]).into())
}

fn joined(texts: Vec<Text<'_>>) -> Text<'_> {
    let mut texts = texts.into_iter();
    let first = texts.next().unwrap_or_default();
    texts.fold(first, |all, text| Text::Owned(all.into_owned() + "\n" + &text))
}

fn unknown_file(index: usize) -> Invalid {
    At::ROOT
        .member("messages")
        .item(index)
        .invalid("names a file that another provider keeps, which Gemini cannot read: send it in base64 or by URL")
}
