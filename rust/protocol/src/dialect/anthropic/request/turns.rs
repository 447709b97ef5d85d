//! The conversation: the instructions before it, and its turns.

use super::super::{OWN, block};
use super::losses::note_rest;
use super::parts::{Parts, is_string, string};
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
    /// The string that its one block was read from; the block then is not written yet.
    string: Option<&'r str>,
    rest: Option<&'r Members<'r>>,
}

/// Writes a conversation. With `late`, the model takes instructions in the middle of it: after a turn of the user's that is
/// the last, or is followed by one of the model's. Else, and where there is no such turn, they go before it.
pub(super) fn write<'r>(
    messages: &'r [Message<'_>],
    late: bool,
    parts: &mut Parts<'_, 'r>,
) -> Result<Conversation<'r>, Invalid> {
    let list = At::ROOT.member("messages");
    let mut turns =
        Turns { list: Vec::with_capacity(messages.len()), late: Vec::new(), system: Vec::new(), string: true };
    for (index, message) in messages.iter().enumerate() {
        let item = list.item(index);
        let at = item.member("content");
        // Of a result it is the tool's, which the call tells.
        parts.losses.note_if(message.name.is_some() && message.role != Role::Tool, "messages.name");
        note_rest(&message.rest, "messages.", parts.losses);
        let instructions = matches!(message.role, Role::System | Role::Developer) && message.rest.of(OWN).is_none();
        if instructions {
            let blocks = parts.blocks(&message.parts, at)?;
            let blocks = only_text(blocks, parts);
            if late && !turns.list.is_empty() {
                turns.late.extend(blocks);
                continue;
            }
            parts.losses.note_if(!turns.list.is_empty(), POSITION);
            turns.string &= is_string(&message.parts) && turns.system.is_empty();
            turns.system.extend(blocks);
            continue;
        }
        let string = string(&message.parts).filter(|text| parts.own || !text.trim().is_empty());
        let blocks = if string.is_some() { Vec::new() } else { parts.blocks(&message.parts, at)? };
        if blocks.is_empty() && string.is_none() && !parts.own {
            continue;
        }
        turns.add(turn(message, blocks, string), parts);
    }
    turns.place(parts);
    let Turns { list, system, string, .. } = turns;
    if list.is_empty() && !system.is_empty() {
        // The API demands a message: the instructions are all there is to answer.
        let content = block::list_or_text(system, string);
        let asked = Members::of([("role", "user".into()), ("content", content)]).into();
        return Ok(Conversation { system: None, messages: vec![asked] });
    }
    let system = (!system.is_empty()).then(|| block::list_or_text(system, string));
    Ok(Conversation { system, messages: list.into_iter().map(Turn::finish).collect() })
}

/// What is lost where instructions go elsewhere than where they stood.
const POSITION: &str = "messages.system_position";

/// The turns, as far as they are written.
struct Turns<'r> {
    list: Vec<Turn<'r>>,
    /// Instructions that wait for the end of the user's turn.
    late: Vec<Json<'r>>,
    /// Those before the conversation.
    system: Vec<Json<'r>>,
    /// Those are what one string was read into.
    string: bool,
}

impl<'r> Turns<'r> {
    fn add(&mut self, turn: Turn<'r>, parts: &mut Parts<'_, 'r>) {
        if turn.role == "user" {
            // They will come after it.
            parts.losses.note_if(!self.late.is_empty(), POSITION);
        } else {
            self.place(parts);
        }
        match self.list.last_mut() {
            // Servers other than Anthropic's own refuse two turns of one role in a row.
            Some(last) if last.role == turn.role && !parts.own => last.join(turn),
            _ => self.list.push(turn),
        }
    }

    /// Puts the instructions that wait here, or, if the API does not take them here, before the conversation.
    fn place(&mut self, parts: &mut Parts<'_, 'r>) {
        if self.late.is_empty() {
            return;
        }
        let blocks = std::mem::take(&mut self.late);
        if self.list.last().is_some_and(|last| last.role == "user") {
            self.list.push(Turn { role: "system", blocks, results: 0, string: None, rest: None });
        } else {
            parts.losses.note(POSITION);
            self.system.extend(blocks);
            self.string = false;
        }
    }
}

fn turn<'r>(message: &'r Message<'_>, mut blocks: Vec<Json<'r>>, string: Option<&'r str>) -> Turn<'r> {
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
    Turn { role, blocks, results, string, rest }
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
    fn join(&mut self, mut more: Self) {
        self.unfold();
        more.unfold();
        let mut blocks = more.blocks;
        let rest = blocks.split_off(more.results.min(blocks.len()));
        let results = blocks.len();
        self.blocks.splice(self.results..self.results, blocks);
        self.results += results;
        self.blocks.extend(rest);
    }

    /// Makes a block of a string.
    fn unfold(&mut self) {
        self.blocks.extend(self.string.take().map(|text| block::text(text, Vec::new()).into()));
    }

    fn finish(self) -> Json<'r> {
        let content = self.string.map_or(Json::Array(self.blocks), Json::from);
        let mut message = Members::of([("role", self.role.into()), ("content", content)]);
        if let Some(rest) = self.rest {
            super::super::merge::merge(&mut message, rest.lend());
        }
        message.into()
    }
}
