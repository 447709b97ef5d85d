//! The names of calls. Vertex AI refused them until autumn 2026, and for the models before Gemini 3 they mean nothing:
//! there, a result belongs to the call of its function that stands where it stands.

use std::collections::HashMap;

use crate::canonical::{Arguments, Body, Message, Role, Text};
use crate::json::{Json, Members};

/// Whether calls in a conversation have another dialect's names.
pub(super) fn are_foreign(messages: &[Message<'_>]) -> bool {
    messages.iter().any(|message| {
        message.role == Role::Tool
            || message.parts.iter().any(|part| match &part.body {
                Body::ToolCall(call) => matches!(call.arguments, Arguments::Text(_)),
                Body::ToolResult(result) => result.json.is_none(),
                _ => false,
            })
    })
}

/// Takes the names off a turn's parts; results are put into the order of their calls, which `order` tells by name.
pub(super) fn leave_out<'a>(parts: &mut [Json<'a>], order: &HashMap<Text<'a>, usize>) {
    let mut results: Vec<(usize, Json<'a>)> = Vec::new();
    for part in parts.iter_mut() {
        if part.get("functionResponse").is_some() {
            let id = take(part, "functionResponse");
            let place = id.and_then(|id| order.get(&id).copied()).unwrap_or(usize::MAX);
            results.push((place, std::mem::replace(part, Json::Null)));
        } else {
            take(part, "functionCall");
        }
    }
    results.sort_by_key(|(place, _)| *place);
    let places = parts.iter_mut().filter(|part| **part == Json::Null);
    places.zip(results).for_each(|(place, (_, result))| *place = result);
}

fn take<'a>(part: &mut Json<'a>, member: &str) -> Option<Text<'a>> {
    let Json::Object(Members(members)) = part else { return None };
    let (_, held) = members.iter_mut().find(|(name, _)| name == member)?;
    let Json::Object(Members(held)) = held else { return None };
    let place = held.iter().position(|(name, _)| name == "id")?;
    match held.remove(place).1 {
        Json::String(id) => Some(id),
        _ => None,
    }
}
