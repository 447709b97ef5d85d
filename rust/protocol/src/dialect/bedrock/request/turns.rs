//! The conversation: the instructions before it, and its turns, in which the user and the model alternate.

use super::parts::Parts;
use crate::canonical::{Body, Message, Role};
use crate::dialect::anthropic::request::losses::note_foreign;
use crate::dialect::bedrock::OWN;
use crate::json::{At, Invalid, Json, Members};

/// A conversation, written.
#[derive(Debug, Default)]
pub(super) struct Conversation<'r> {
    pub(super) system: Vec<Json<'r>>,
    pub(super) messages: Vec<Json<'r>>,
}

/// A message that is being gathered.
struct Turn<'r> {
    role: &'static str,
    /// Results of tools come first.
    results: Vec<Json<'r>>,
    blocks: Vec<Json<'r>>,
}

pub(super) fn write<'r>(messages: &'r [Message<'_>], parts: &mut Parts<'_, 'r>) -> Result<Conversation<'r>, Invalid> {
    let list = At::ROOT.member("messages");
    let (mut system, mut turns): (_, Vec<Turn<'r>>) = (Vec::new(), Vec::with_capacity(messages.len()));
    for (index, message) in messages.iter().enumerate() {
        let item = list.item(index);
        // Of a result it is the tool's, which the call tells.
        parts.losses.note_if(message.name.is_some() && message.role != Role::Tool, "messages.name");
        note_foreign(OWN, &message.rest, ("messages.", &[]), parts.losses);
        let role = match message.role {
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
            Role::System | Role::Developer => "system",
        };
        let turn = turn(role, message, parts, item.member("content"))?;
        if role == "system" {
            parts.losses.note_if(!turns.is_empty(), "messages.system_position");
            system.extend(only_text(turn.blocks, parts));
            continue;
        }
        if turn.blocks.is_empty() && turn.results.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last.role == role => {
                last.results.extend(turn.results);
                last.blocks.extend(turn.blocks);
            }
            _ => turns.push(turn),
        }
    }
    if turns.is_empty() && !system.is_empty() {
        // The API demands a message: the instructions are all there is to answer.
        turns.push(Turn { role: "user", results: Vec::new(), blocks: std::mem::take(&mut system) });
    }
    Ok(Conversation { system, messages: turns.into_iter().map(Turn::finish).collect() })
}

fn turn<'r>(
    role: &'static str,
    message: &'r Message<'_>,
    parts: &mut Parts<'_, 'r>,
    at: At<'_>,
) -> Result<Turn<'r>, Invalid> {
    let mut turn = Turn { role, results: Vec::new(), blocks: Vec::with_capacity(message.parts.len()) };
    for (index, part) in message.parts.iter().enumerate() {
        let is_result = matches!(part.body, Body::ToolResult(_));
        let out = if is_result { &mut turn.results } else { &mut turn.blocks };
        parts.write(part, at.item(index), out)?;
    }
    Ok(turn)
}

/// Instructions are text, and marks of the cache.
fn only_text<'r>(blocks: Vec<Json<'r>>, parts: &mut Parts<'_, 'r>) -> Vec<Json<'r>> {
    let before = blocks.len();
    let is_text = |block: &Json<'_>| block.get("text").is_some() || block.get("cachePoint").is_some();
    let texts: Vec<_> = blocks.into_iter().filter(is_text).collect();
    parts.losses.note_if(texts.len() < before, "messages.system_content");
    texts
}

impl<'r> Turn<'r> {
    fn finish(mut self) -> Json<'r> {
        self.results.append(&mut self.blocks);
        Members::of([("role", self.role.into()), ("content", self.results.into())]).into()
    }
}
