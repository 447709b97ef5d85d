//! An answer by a schema from models that came before `output_config.format`: a tool that the model must call has the schema,
//! and what it is called with is the answer
//! (<https://docs.anthropic.com/en/docs/build-with-claude/tool-use#json-mode>).

use crate::canonical::{Body, Format, Losses, Part, Request, Stop, StopReason};
use crate::json::{Json, Members};

/// The tool's name, which no caller is likely to have.
pub(in crate::dialect) const TOOL: &str = "tollway_json_answer";

/// The tool, and the choice of it, for a `request` that says nothing against: not with tools of its own, of which the model
/// could then call none, nor with a schema that is not of an object. `thinks`: the API refuses to think before a call that is
/// forced.
pub(in crate::dialect) fn write<'r>(
    request: &'r Request<'_>,
    thinks: bool,
    losses: &mut Losses,
) -> Option<(Json<'r>, Members<'r>)> {
    let Some(Format::JsonSchema { description, schema, strict, .. }) = &request.format else { return None };
    let object = schema.get("type").and_then(Json::as_str) == Some("object");
    if thinks || !object || !request.tools.is_empty() {
        return None;
    }
    // The model is asked to follow the schema, not held to it.
    losses.note_if(*strict == Some(true), "response_format.strict");
    let described = description.as_deref().unwrap_or("Takes the answer. Call it with all of the answer.");
    let tool = Members::of([("name", TOOL.into()), ("description", described.into()), ("input_schema", schema.lend())]);
    let choice = Members::of([("type", "tool".into()), ("name", TOOL.into())]);
    Some((tool.into(), choice))
}

/// The parts of an answer, in which a call of the tool is the text that it stands for.
pub(in crate::dialect) fn read<'a>(parts: Vec<Part<'a>>, stop: Option<&mut Stop<'_>>) -> Vec<Part<'a>> {
    let is_it = |part: &Part<'_>| matches!(&part.body, Body::ToolCall(call) if call.name == TOOL);
    if !parts.iter().any(is_it) {
        return parts;
    }
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)) && !is_it(part));
    ended(calls, stop);
    let each = parts.into_iter().map(|part| match part.body {
        Body::ToolCall(call) if call.name == TOOL => Part::text(call.arguments.to_text()),
        body => Part { body, ..part },
    });
    each.collect()
}

/// An answer that was given by calling the tool, and by no other call, is complete.
pub(in crate::dialect) fn ended(calls: bool, stop: Option<&mut Stop<'_>>) {
    if let Some(stop) = stop.filter(|stop| stop.reason == StopReason::ToolUse && !calls) {
        stop.reason = StopReason::End;
        stop.word = None;
    }
}
