//! Calls of tools, in messages and answers: `tool_calls`, and the older `function_call`.

use std::borrow::Cow;

use super::marks::{CHAT, with_rest};
use crate::canonical::{Arguments, Body, CallKind, Part, Rest, Signature, Text, ToolCall};
use crate::dialect::Dialect;
use crate::dialect::signature::{of_field, to_field};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Marks a call, a result or a tool in the older form, of which a message has only one, without an id.
pub(super) const LEGACY: &str = "function_call";

/// Reads one of `tool_calls`.
pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let here = *fields.at();
    let custom = fields.text("type")?.as_deref() == Some("custom") || fields.has("custom");
    let (name, input, kind) =
        if custom { ("custom", "input", CallKind::Custom) } else { ("function", "arguments", CallKind::Function) };
    let id = fields.text("id")?.filter(|id| !id.is_empty());
    let signature = signature(&mut fields)?;
    let inner = fields.take(name).ok_or_else(|| fields.missing(name))?;
    let (name_called, arguments, left) = called(inner, here.member(name), input)?;
    let mut rest = fields.rest();
    if !left.is_empty() {
        rest.push(name, left);
    }
    let call = ToolCall { id, name: name_called, arguments, kind, item: None };
    Ok(Part { signature, rest: Rest::new(CHAT, rest), ..Part::new(Body::ToolCall(call)) })
}

/// Reads the older `function_call`.
pub(super) fn read_legacy<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let (name, arguments, left) = called(json, at, "arguments")?;
    let call = ToolCall { id: None, name, arguments, kind: CallKind::Function, item: None };
    Ok(Part { rest: Rest::new(CHAT, left), ..Part::new(Body::ToolCall(call)) })
}

type Called<'a> = (Text<'a>, Arguments<'a>, Members<'a>);

fn called<'a>(json: Json<'a>, at: At<'_>, input: &str) -> Result<Called<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let name = fields.need_text("name")?;
    let arguments = match fields.take(input) {
        Some(Json::String(text)) => Arguments::Text(text),
        // Some servers send what the text would say.
        Some(json @ Json::Object(_)) => Arguments::Json(json),
        None => Arguments::Text(Cow::Borrowed("")),
        Some(_) => return Err(at.member(input).invalid("must be a string")),
    };
    Ok((name, arguments, fields.rest()))
}

/// Google's endpoint for this dialect signs calls: `extra_content.google.thought_signature`.
pub(super) fn signature<'a>(fields: &mut Fields<'a, '_>) -> Result<Option<Signature<'a>>, Invalid> {
    let extra = fields.take("extra_content");
    let signed = extra.as_ref().and_then(|extra| extra.get("google")?.get("thought_signature"));
    let Some(Json::String(field)) = signed else { return Ok(None) };
    let marked = of_field(field.clone(), CHAT);
    let origin = if marked.origin == CHAT { Dialect::Gemini } else { marked.origin };
    Ok(Some(Signature { origin, value: marked.value }))
}

/// What stands in `extra_content` for a signature.
pub(super) fn extra_content<'a>(signature: &Signature<'a>) -> Members<'a> {
    let field = match signature.origin {
        Dialect::Gemini => signature.value.clone(),
        _ => to_field(signature, CHAT),
    };
    Members::new().with("google", Members::new().with("thought_signature", field))
}

/// Writes one of `tool_calls`, named `id`.
pub(super) fn write<'a>(call: &ToolCall<'a>, part: &Part<'a>, id: Text<'a>, signed: bool) -> Json<'a> {
    let (kind, input) = match call.kind {
        CallKind::Function => ("function", "arguments"),
        CallKind::Custom => ("custom", "input"),
    };
    let inner = Members::new().with("name", call.name.clone()).with(input, call.arguments.to_text());
    let written = Members::new().with("id", id).with("type", kind).with(kind, inner);
    let extra = part.signature.as_ref().filter(|_| signed).map(extra_content);
    with_rest(written.with_some("extra_content", extra), &part.rest).into()
}

/// Writes the older `function_call`.
pub(super) fn write_legacy<'a>(call: &ToolCall<'a>, part: &Part<'a>) -> Json<'a> {
    let written = Members::new().with("name", call.name.clone()).with("arguments", call.arguments.to_text());
    with_rest(written, &part.rest).into()
}
