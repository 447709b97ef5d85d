//! Calls of tools, and their results.

use std::borrow::Cow;
use std::collections::HashSet;

use super::content::{Side, with_rest};
use super::{SELF, SIGNATURE, content, is_own, left, own};
use crate::canonical::{Arguments, Body, CallKind, Losses, Part, Text, Tool, ToolCall, ToolKind, ToolResult};
use crate::dialect::signature::of_field;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads a `function_call` or a `custom_tool_call`.
pub(super) fn read<'a>(json: Json<'a>, at: At<'_>, kind: CallKind) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let arguments = fields.text(argument(kind))?.unwrap_or_default();
    let call = ToolCall {
        id: Some(fields.need_text("call_id")?),
        name: fields.need_text("name")?,
        arguments: Arguments::Text(arguments),
        kind,
        item: fields.text("id")?,
    };
    let signature = fields.text(SIGNATURE)?.map(|field| of_field(field, SELF));
    let rest = left(fields);
    Ok(Part { body: Body::ToolCall(call), cache: None, signature, rest: own(rest) })
}

/// Reads a `function_call_output` or a `custom_tool_call_output`.
pub(super) fn read_result<'a>(json: Json<'a>, at: At<'_>, kind: CallKind) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let call = Some(fields.need_text("call_id")?);
    let content = match fields.take("output") {
        Some(output) => content::read_all(output, at.member("output"))?,
        None => return Err(fields.missing("output")),
    };
    let rest = left(fields);
    let result = ToolResult { call, name: None, content, json: None, failed: None, kind };
    Ok(Part { rest: own(rest), ..Part::new(Body::ToolResult(result)) })
}

/// The member that holds what a tool is called with.
pub(super) const fn argument(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Function => "arguments",
        CallKind::Custom => "input",
    }
}

pub(super) const fn item_type(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Function => "function_call",
        CallKind::Custom => "custom_tool_call",
    }
}

/// A call. `id` is what its result will refer to, `item` the item's own name.
pub(super) fn write<'a>(part: &Part<'a>, call: &ToolCall<'a>, id: Text<'a>, item: Option<Text<'a>>) -> Members<'a> {
    let arguments = match &call.arguments {
        // What a function is called with must be JSON, and nothing is none.
        Arguments::Text(text) if text.is_empty() && call.kind == CallKind::Function && !is_own(&part.rest) => {
            Cow::Borrowed("{}")
        }
        arguments => arguments.to_text(),
    };
    let members = Members::new()
        .with("type", item_type(call.kind))
        .with_some("id", item)
        .with("call_id", id)
        .with("name", call.name.clone())
        .with(argument(call.kind), arguments);
    with_rest(members, part)
}

/// A result of the call `id`, which is of the sort `kind`, with what its part said besides.
///
/// # Errors
/// As [`content::write`].
pub(super) fn write_result<'a>(
    part: &Part<'a>,
    result: &ToolResult<'a>,
    (id, kind): (Text<'a>, CallKind),
    losses: &mut Losses,
) -> Result<Json<'a>, Invalid> {
    losses.note_if(result.failed == Some(true), "content.is_error");
    let kind = match kind {
        CallKind::Function => "function_call_output",
        CallKind::Custom => "custom_tool_call_output",
    };
    let output = write_output(result, losses)?;
    let members = Members::new().with("type", kind).with("call_id", id).with("output", output);
    Ok(with_rest(members, part).into())
}

fn write_output<'a>(result: &ToolResult<'a>, losses: &mut Losses) -> Result<Json<'a>, Invalid> {
    let text_of = |part: &Part<'a>| match &part.body {
        Body::Text(text, _) if !is_own(&part.rest) => Some(text.clone()),
        _ => None,
    };
    let texts: Option<Vec<Text<'a>>> = result.content.iter().map(text_of).collect();
    let said = result.content.iter().any(|part| matches!(part.body, Body::Text(..)));
    let json = result.json.as_ref().filter(|_| !said).map(Json::to_text);
    match (texts, json) {
        (Some(texts), Some(json)) if texts.is_empty() => Ok(Json::text(json)),
        (Some(texts), None) => Ok(Json::String(match <[Text<'a>; 1]>::try_from(texts) {
            Ok([text]) => text,
            Err(texts) => Cow::Owned(texts.join("\n")),
        })),
        (_, json) => {
            let json = json.map(Part::text);
            let mut out = Vec::with_capacity(result.content.len() + 1);
            json.iter()
                .chain(&result.content)
                .try_for_each(|part| content::write(part, Side::Input, losses, &mut out))?;
            Ok(Json::Array(out))
        }
    }
}

/// Whether the caller has a tool `name` that takes free text.
pub(super) fn is_custom(tools: &[Tool<'_>], name: &str) -> bool {
    tools.iter().any(|tool| custom_name(tool) == Some(name))
}

/// The names of the caller's tools that take free text.
pub(super) fn custom_names(tools: &[Tool<'_>]) -> HashSet<String> {
    tools.iter().filter_map(custom_name).map(str::to_owned).collect()
}

fn custom_name<'t>(tool: &'t Tool<'_>) -> Option<&'t str> {
    if let ToolKind::Custom { name, .. } = &tool.kind { Some(name) } else { None }
}

/// The free text in what a function was called with: models of other dialects are told of a tool that takes free text as
/// of a function with the one argument `input`.
pub(super) fn free_text(arguments: &str) -> Cow<'_, str> {
    let input = Json::parse(arguments.as_bytes()).ok().and_then(|json| match json {
        Json::Object(members) if members.0.len() == 1 => members.get("input").and_then(Json::as_str).map(str::to_owned),
        _ => None,
    });
    input.map_or(Cow::Borrowed(arguments), Cow::Owned)
}
