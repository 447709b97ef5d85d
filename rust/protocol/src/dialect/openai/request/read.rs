//! A request, read.

use super::super::calls::LEGACY;
use super::super::marks::{mark, own};
use super::{format, message, thinking, tool};
use crate::canonical::{Request, Sampling, Text, ToolChoice};
use crate::dialect::Head;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads a caller's request.
///
/// # Errors
/// [`Invalid`] for what is missing or of a wrong type.
pub fn read<'a>(body: Json<'a>, head: Head<'_>) -> Result<Request<'a>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    if !fields.has("messages") {
        return Err(fields.missing("messages"));
    }
    let mut rest = Members::new();
    let messages = fields.each("messages", message::read)?;
    let mut tools = fields.each("tools", tool::read)?;
    let functions = fields.each("functions", tool::read_legacy)?;
    if !functions.is_empty() && tools.is_empty() {
        mark(&mut rest, "functions");
    }
    tools.extend(functions);
    tools.extend(fields.take("web_search_options").map(tool::web_search));
    let tool_choice = choice(&mut fields)?;
    let format = fields
        .take("response_format")
        .map(|json| format::read(json, At::ROOT.member("response_format")))
        .transpose()?;
    let thinking = thinking::read(&mut fields, &mut rest)?;
    let mut request = read_shared(fields, head, rest)?;
    request.messages = messages;
    request.tools = tools;
    request.tool_choice = tool_choice;
    request.format = format;
    request.thinking = thinking;
    Ok(request)
}

fn choice<'a>(fields: &mut Fields<'a, '_>) -> Result<Option<ToolChoice<'a>>, Invalid> {
    if let Some(json) = fields.take("tool_choice") {
        return tool::read_choice(json, At::ROOT.member("tool_choice")).map(Some);
    }
    fields.take(LEGACY).map(|json| tool::read_legacy_choice(json, At::ROOT.member(LEGACY))).transpose()
}

/// Reads what chat and text completions share.
pub(in super::super) fn read_shared<'a>(
    mut fields: Fields<'a, '_>,
    head: Head<'_>,
    mut rest: Members<'a>,
) -> Result<Request<'a>, Invalid> {
    let model = match (fields.text("model")?, head.model) {
        (Some(model), _) => model,
        (None, Some(model)) => Text::Owned(model.to_owned()),
        (None, None) => return Err(fields.missing("model")),
    };
    let stream = fields.flag("stream")?.unwrap_or(head.stream);
    if let Some(mut options) = fields.members("stream_options")? {
        // Usage is always asked for; whether the caller wants it is known from the peek.
        options.0.retain(|(name, value)| name != "include_usage" && *value != Json::Null);
        if !options.is_empty() {
            rest.push("stream_options", options);
        }
    }
    Ok(Request {
        model,
        messages: Vec::new(),
        tools: Vec::new(),
        tool_choice: None,
        parallel_tools: fields.flag("parallel_tool_calls")?,
        sampling: sampling(&mut fields, &mut rest)?,
        format: None,
        thinking: None,
        stream,
        user: fields.text("user")?,
        rest: {
            rest.0.extend(fields.rest().0);
            own(rest)
        },
    })
}

fn sampling<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Sampling<'a>, Invalid> {
    let max_tokens = match fields.integer("max_completion_tokens")? {
        Some(most) => Some(most),
        None => fields.integer("max_tokens")?,
    };
    Ok(Sampling {
        max_tokens,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.number("top_k")?,
        seed: fields.number("seed")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        stop: stop(fields, rest)?,
        choices: fields.integer("n")?,
        logprobs: fields.flag("logprobs")?,
        top_logprobs: fields.integer("top_logprobs")?,
    })
}

fn stop<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Vec<Text<'a>>, Invalid> {
    let at = At::ROOT.member("stop");
    let items = match fields.take("stop") {
        None => return Ok(Vec::new()),
        Some(Json::String(text)) => {
            mark(rest, "stop");
            return Ok(vec![text]);
        }
        Some(Json::Array(items)) => items,
        Some(_) => return Err(at.invalid("must be a string or an array of strings")),
    };
    let each = items.into_iter().enumerate().map(|(index, item)| match item {
        Json::String(text) => Ok(text),
        _ => Err(at.item(index).invalid("must be a string")),
    });
    each.collect()
}
