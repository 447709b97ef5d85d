//! One message of a request, read.

use super::super::calls::{self, LEGACY};
use super::super::marks::{mark, own};
use super::super::{content, reasoning};
use crate::canonical::{Body, CallKind, Message, Part, Role, ToolResult};
use crate::json::{At, Fields, Invalid, Json, Members};

pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Message<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let role = fields.need_text("role")?;
    let name = fields.text("name")?;
    let mut rest = Members::new();
    let (role, parts) = match &*role {
        "system" => (Role::System, needed(&mut fields, &mut rest)?),
        "developer" => (Role::Developer, needed(&mut fields, &mut rest)?),
        "user" => (Role::User, needed(&mut fields, &mut rest)?),
        "assistant" => (Role::Assistant, of_assistant(&mut fields, &mut rest)?),
        "tool" => (Role::Tool, vec![result(&mut fields, &mut rest)?]),
        "function" => {
            mark(&mut rest, LEGACY);
            (Role::Tool, vec![result(&mut fields, &mut rest)?])
        }
        _ => {
            let roles = "must be system, developer, user, assistant, tool or function";
            return Err(fields.at().member("role").invalid(roles));
        }
    };
    let mut message = Message { role, parts, name, rest: own(rest) };
    if let [Part { body: Body::ToolResult(result), .. }] = message.parts.as_mut_slice() {
        result.name.clone_from(&message.name);
    }
    message.rest.members.0.extend(fields.rest().0);
    Ok(message)
}

fn needed<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Vec<Part<'a>>, Invalid> {
    content::read(fields, rest)?.ok_or_else(|| fields.missing("content"))
}

/// What an assistant's message holds: thoughts, content, refusal, calls, in this order.
pub(in super::super) fn of_assistant<'a>(
    fields: &mut Fields<'a, '_>,
    rest: &mut Members<'a>,
) -> Result<Vec<Part<'a>>, Invalid> {
    let said = content::read(fields, rest)?.unwrap_or_default();
    if fields.are_spent() {
        let alone = said.len() == 1;
        return Ok(said.into_iter().filter(|part| alone || !is_empty(part)).collect());
    }
    let mut parts = reasoning::read(fields, rest)?;
    let refusal = fields.text("refusal")?.filter(|text| !text.is_empty());
    let calls = fields.each("tool_calls", calls::read)?;
    let here = *fields.at();
    let legacy = fields.take(LEGACY).map(|call| calls::read_legacy(call, here.member(LEGACY))).transpose()?;
    if legacy.is_some() {
        mark(rest, LEGACY);
    }
    // An empty text beside anything else says nothing, and some dialects refuse one.
    let alone = parts.is_empty() && said.len() == 1 && refusal.is_none() && calls.is_empty() && legacy.is_none();
    parts.extend(said.into_iter().filter(|part| alone || !is_empty(part)));
    parts.extend(refusal.map(|text| Part::new(Body::Refusal(text))));
    parts.extend(calls);
    parts.extend(legacy);
    match fields.take("annotations") {
        Some(Json::Array(cited)) if cited.is_empty() => {}
        Some(cited) => rest.push("annotations", cited),
        None => {}
    }
    Ok(parts)
}

fn is_empty(part: &Part<'_>) -> bool {
    matches!(&part.body, Body::Text(text, _) if text.is_empty()) && part.cache.is_none()
}

fn result<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Part<'a>, Invalid> {
    let call = fields.text("tool_call_id")?.filter(|id| !id.is_empty());
    let content = content::read(fields, rest)?.unwrap_or_default();
    let kind = CallKind::Function;
    Ok(Part::new(Body::ToolResult(ToolResult { call, name: None, content, json: None, failed: None, kind })))
}
