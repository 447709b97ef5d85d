//! Reads requests.

use super::super::merge::keep;
use super::super::{OWN, block, marked};
use crate::canonical::{
    Builtin, BuiltinKind, Format, FunctionTool, Message, Request, Rest, Role, Sampling, Thinking, Tool, ToolChoice,
    ToolKind,
};
use crate::dialect::Head;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads a request.
///
/// # Errors
/// [`Invalid`] if a member that must be there is not, or one that is known has another type.
pub fn read<'a>(body: Json<'a>, head: Head<'_>) -> Result<Request<'a>, Invalid> {
    let request = read_count(body, head)?;
    if request.sampling.max_tokens.is_none() {
        return Err(At::ROOT.member("max_tokens").invalid("is missing"));
    }
    Ok(request)
}

/// Reads a request for a count of its tokens, which says nothing about the answer.
///
/// # Errors
/// As [`read()`].
pub fn read_count<'a>(body: Json<'a>, head: Head<'_>) -> Result<Request<'a>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let mut rest = Members::new();
    let model = match head.model {
        Some(model) => model.to_owned().into(),
        None => fields.need_text("model")?,
    };
    if !fields.has("messages") {
        return Err(fields.missing("messages"));
    }
    let system = block::content(fields.take("system"), At::ROOT.member("system"))?;
    let mut messages = Vec::new();
    if !system.is_empty() {
        messages.push(Message::new(Role::System, system));
    }
    messages.extend(fields.each("messages", message)?);
    let (tool_choice, parallel_tools) = tool_choice(&mut fields, &mut rest)?;
    let (thinking, format) = output(&mut fields, &mut rest)?;
    Ok(Request {
        model,
        messages,
        tools: fields.each("tools", tool)?,
        tool_choice,
        parallel_tools,
        sampling: sampling(&mut fields)?,
        format,
        thinking,
        stream: fields.flag("stream")?.unwrap_or(false) || head.stream,
        user: user(&mut fields, &mut rest)?,
        rest: marked(rest.with_all(fields.rest())),
    })
}

fn message<'a>(json: Json<'a>, at: At<'_>) -> Result<Message<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let role = match &*fields.need_text("role")? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        // In mid-conversation, in contrast to the instructions before it.
        "system" => Role::System,
        _ => return Err(at.member("role").invalid("must be \"user\", \"assistant\" or \"system\"")),
    };
    let content = fields.take("content").ok_or_else(|| fields.missing("content"))?;
    let parts = block::content(Some(content), at.member("content"))?;
    let rest = fields.rest();
    let rest = if role == Role::System { marked(rest) } else { Rest::new(OWN, rest) };
    Ok(Message { role, parts, name: None, rest })
}

fn tool<'a>(json: Json<'a>, at: At<'_>) -> Result<Tool<'a>, Invalid> {
    let kind = match json.get("type").and_then(Json::as_str) {
        None | Some("custom") => None,
        Some(kind) if kind.starts_with("web_search_") => Some(BuiltinKind::WebSearch),
        Some(kind) if kind.starts_with("web_fetch_") => Some(BuiltinKind::WebFetch),
        Some(kind) if kind.starts_with("code_execution_") => Some(BuiltinKind::CodeExecution),
        Some(_) => Some(BuiltinKind::Other),
    };
    if let Some(kind) = kind {
        return Ok(Tool {
            kind: ToolKind::Builtin(Builtin { kind, origin: OWN, json }),
            cache: None,
            rest: Rest::none(),
        });
    }
    let mut fields = Fields::of(json, at)?;
    fields.text("type")?;
    let function = FunctionTool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        parameters: fields.members("input_schema")?.map(Json::Object),
        strict: fields.flag("strict")?,
    };
    let mut rest = Members::new();
    let cache = block::read_cache(&mut fields, &mut rest)?;
    Ok(Tool { kind: ToolKind::Function(function), cache, rest: Rest::new(OWN, rest.with_all(fields.rest())) })
}

type Choice<'a> = (Option<ToolChoice<'a>>, Option<bool>);

fn tool_choice<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Choice<'a>, Invalid> {
    let Some(json) = fields.take("tool_choice") else { return Ok((None, None)) };
    let at = At::ROOT.member("tool_choice");
    let known = matches!(json.get("type").and_then(Json::as_str), Some("auto" | "any" | "none" | "tool"));
    let mut choice = Fields::of(json.clone(), at)?;
    let kind = choice.need_text("type")?;
    if !known {
        return Ok((Some(ToolChoice::Foreign(OWN, json)), None));
    }
    let parallel = choice.flag("disable_parallel_tool_use")?.map(|disabled| !disabled);
    let read = match &*kind {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        _ => ToolChoice::Named(choice.need_text("name")?),
    };
    keep(rest, "tool_choice", choice);
    Ok((Some(read), parallel))
}

type Output<'a> = (Option<Thinking<'a>>, Option<Format<'a>>);

/// `thinking` and `output_config`, of which one part says how hard to think and the other what to answer with.
fn output<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Output<'a>, Invalid> {
    let mut thinking = thinking(fields, rest)?;
    let mut format = fields.take("output_format");
    if let Some(config) = fields.take("output_config") {
        let mut config = Fields::of(config, At::ROOT.member("output_config"))?;
        if let Some(effort) = config.text("effort")? {
            thinking.get_or_insert_default().effort = Some(effort);
        }
        format = config.take("format").or(format);
        keep(rest, "output_config", config);
    }
    let format = match format {
        Some(json) if json.get("type").and_then(Json::as_str) == Some("json_schema") => Some(schema(json)?),
        other => other.map(|json| Format::Foreign(OWN, json)),
    };
    Ok((thinking, format))
}

/// A format by a schema; with members that are not known, it is none that others know.
fn schema(json: Json<'_>) -> Result<Format<'_>, Invalid> {
    let config = At::ROOT.member("output_config");
    let at = config.member("format");
    let mut fields = Fields::of(json.clone(), at)?;
    fields.take("type");
    let schema = fields.members("schema")?.ok_or_else(|| fields.missing("schema"))?;
    if !fields.rest().is_empty() {
        return Ok(Format::Foreign(OWN, json));
    }
    Ok(Format::JsonSchema { name: None, description: None, schema: schema.into(), strict: None })
}

fn thinking<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<Thinking<'a>>, Invalid> {
    let Some(json) = fields.take("thinking") else { return Ok(None) };
    let known = matches!(json.get("type").and_then(Json::as_str), Some("enabled" | "adaptive" | "disabled"));
    if !known && json.as_object().is_some() {
        rest.push("thinking", json);
        return Ok(None);
    }
    let mut config = Fields::of(json, At::ROOT.member("thinking"))?;
    let kind = config.need_text("type")?;
    let show = match config.peek_text("display") {
        Some("summarized") => Some(true),
        Some("omitted") => Some(false),
        _ => None,
    };
    if show.is_some() {
        config.take("display");
    }
    let read = Thinking {
        enabled: Some(kind != "disabled"),
        adaptive: kind == "adaptive",
        budget: config.integer("budget_tokens")?,
        show,
        ..Thinking::default()
    };
    keep(rest, "thinking", config);
    Ok(Some(read))
}

fn sampling<'a>(fields: &mut Fields<'a, '_>) -> Result<Sampling<'a>, Invalid> {
    let stop = fields.each("stop_sequences", |json, at| match json {
        Json::String(text) => Ok(text),
        _ => Err(at.invalid("must be a string")),
    })?;
    Ok(Sampling {
        max_tokens: fields.integer("max_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.number("top_k")?,
        stop,
        ..Sampling::default()
    })
}

fn user<'a>(
    fields: &mut Fields<'a, '_>,
    rest: &mut Members<'a>,
) -> Result<Option<crate::canonical::Text<'a>>, Invalid> {
    let Some(metadata) = fields.take("metadata") else { return Ok(None) };
    let mut metadata = Fields::of(metadata, At::ROOT.member("metadata"))?;
    let user = metadata.text("user_id")?;
    keep(rest, "metadata", metadata);
    Ok(user)
}
