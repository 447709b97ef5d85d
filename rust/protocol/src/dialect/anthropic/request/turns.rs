//! The conversation: the instructions before it, and its turns.

use super::super::{OWN, block};
use super::losses::note_rest;
use super::parts::{Parts, is_string};
use crate::canonical::{Message, Role};
use crate::json::{At, Invalid, Json, Members};

/// A conversation, written.
#[derive(Debug, Default)]
pub(super) struct Conversation<'r> {
    pub(super) system: Option<Json<'r>>,
    pub(super) messages: Vec<Json<'r>>,
}

/// A message that is being gathered.
struct Turn<'r> {
    role: &'static str,
    blocks: Vec<Json<'r>>,
    /// So many blocks are results; they come first.
    results: usize,
    /// It is what a string was read into.
    string: bool,
    rest: Option<&'r Members<'r>>,
}

pub(super) fn write<'r>(messages: &'r [Message<'_>], parts: &mut Parts<'_, 'r>) -> Result<Conversation<'r>, Invalid> {
    let list = At::ROOT.member("messages");
    let mut system = Vec::new();
    let mut strings = true;
    let mut turns: Vec<Turn<'r>> = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let item = list.item(index);
        let at = item.member("content");
        // Of a result it is the tool's, which the call tells.
        parts.losses.note_if(message.name.is_some() && message.role != Role::Tool, "messages.name");
        note_rest(&message.rest, "messages.", parts.losses);
        let instructions = matches!(message.role, Role::System | Role::Developer) && message.rest.of(OWN).is_none();
        let blocks = parts.blocks(&message.parts, at)?;
        if instructions {
            parts.losses.note_if(!turns.is_empty(), "messages.system_position");
            strings &= is_string(&message.parts) && system.is_empty();
            system.extend(only_text(blocks, parts));
            continue;
        }
        if blocks.is_empty() && !parts.own {
            continue;
        }
        let turn = turn(message, blocks);
        match turns.last_mut() {
            // Servers other than Anthropic's own refuse two turns of one role in a row.
            Some(last) if last.role == turn.role && !parts.own => last.join(turn),
            _ => turns.push(turn),
        }
    }
    if turns.is_empty() && !system.is_empty() {
        // The API demands a message: the instructions are all there is to answer.
        let blocks = std::mem::take(&mut system);
        turns.push(Turn { role: "user", blocks, results: 0, string: strings, rest: None });
    }
    let system = (!system.is_empty()).then(|| block::list_or_text(system, strings));
    Ok(Conversation { system, messages: turns.into_iter().map(Turn::finish).collect() })
}

fn turn<'r>(message: &'r Message<'_>, mut blocks: Vec<Json<'r>>) -> Turn<'r> {
    let role = match message.role {
        Role::Assistant => "assistant",
        Role::User | Role::Tool => "user",
        Role::System | Role::Developer => "system",
    };
    let is_result = |block: &Json<'_>| block.get("type").and_then(Json::as_str) == Some("tool_result");
    if role == "user" {
        // Stable: results keep their order, and so does the rest.
        blocks.sort_by_key(|block| !is_result(block));
    }
    let results = blocks.iter().take_while(|block| is_result(block)).count();
    let rest = message.rest.of(OWN).filter(|rest| !rest.is_empty());
    Turn { role, blocks, results, string: is_string(&message.parts), rest }
}

/// Instructions are text.
fn only_text<'r>(blocks: Vec<Json<'r>>, parts: &mut Parts<'_, 'r>) -> Vec<Json<'r>> {
    let (own, before) = (parts.own, blocks.len());
    let is_text = |block: &Json<'_>| own || block.get("type").and_then(Json::as_str) == Some("text");
    let texts: Vec<_> = blocks.into_iter().filter(is_text).collect();
    parts.losses.note_if(texts.len() < before, "messages.system_content");
    texts
}

impl<'r> Turn<'r> {
    fn join(&mut self, more: Self) {
        let mut blocks = more.blocks;
        let rest = blocks.split_off(more.results.min(blocks.len()));
        let results = blocks.len();
        self.blocks.splice(self.results..self.results, blocks);
        self.results += results;
        self.blocks.extend(rest);
        self.string = false;
    }

    fn finish(self) -> Json<'r> {
        let content = block::list_or_text(self.blocks, self.string);
        let mut message = Members::new().with("role", self.role).with("content", content);
        if let Some(rest) = self.rest {
            super::super::merge::merge(&mut message, rest.lend());
        }
        message.into()
    }
}
