//! What the model may call, and whether it must: `tools`, `tool_choice`, `web_search_options`; the older `functions` and
//! `function_call`.

use std::borrow::Cow;

use super::super::content::{cache, write_cache};
use super::super::marks::{CHAT, note_foreign, with_rest};
use crate::canonical::{Builtin, BuiltinKind, FunctionTool, Losses, Rest, Text, Tool, ToolChoice, ToolKind};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads one of `tools`.
pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Tool<'a>, Invalid> {
    let kind = match json.get("type").and_then(Json::as_str) {
        Some("function") => "function",
        Some("custom") => "custom",
        None if json.get("function").is_some() => "function",
        _ => return builtin(json, at),
    };
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let cache = cache(&mut fields)?;
    let inner = Fields::of(fields.take(kind).ok_or_else(|| fields.missing(kind))?, at.member(kind))?;
    let (described, left) = if kind == "custom" { custom(inner)? } else { function(inner)? };
    let mut rest = fields.rest();
    if !left.is_empty() {
        rest.push(kind, left);
    }
    Ok(Tool { kind: described, cache, rest: Rest::new(CHAT, rest) })
}

/// Reads one of `functions`.
pub(super) fn read_legacy<'a>(json: Json<'a>, at: At<'_>) -> Result<Tool<'a>, Invalid> {
    let (kind, left) = function(Fields::of(json, at)?)?;
    Ok(Tool { kind, cache: None, rest: Rest::new(CHAT, left) })
}

fn function<'a>(mut fields: Fields<'a, '_>) -> Result<(ToolKind<'a>, Members<'a>), Invalid> {
    let tool = FunctionTool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        parameters: fields.members("parameters")?.map(Json::Object),
        strict: fields.flag("strict")?,
    };
    Ok((ToolKind::Function(tool), fields.rest()))
}

fn custom<'a>(mut fields: Fields<'a, '_>) -> Result<(ToolKind<'a>, Members<'a>), Invalid> {
    let (name, description) = (fields.need_text("name")?, fields.text("description")?);
    let format = fields.members("format")?.map(Json::Object);
    Ok((ToolKind::Custom { name, description, format }, fields.rest()))
}

/// A tool of a provider's: by a type of its own, or as Gemini has it, which LiteLLM reads here too.
fn builtin<'a>(json: Json<'a>, at: At<'_>) -> Result<Tool<'a>, Invalid> {
    let members = json.as_object().ok_or_else(|| at.invalid("must be an object"))?;
    let Some(name) = type_of(&json).filter(|name| members.get("type").is_some() || name.starts_with(['g', 'u', 'c']))
    else {
        return Err(at.member("type").invalid("must be a string"));
    };
    let kind = match name {
        _ if name.starts_with("web_search") || matches!(name, "googleSearch" | "google_search") => {
            BuiltinKind::WebSearch
        }
        _ if name.starts_with("web_fetch") || matches!(name, "urlContext" | "url_context") => BuiltinKind::WebFetch,
        "code_interpreter" | "codeExecution" => BuiltinKind::CodeExecution,
        _ if name.starts_with("code_execution") => BuiltinKind::CodeExecution,
        _ => BuiltinKind::Other,
    };
    Ok(of_provider(kind, json))
}

/// `web_search_options`, as a tool.
pub(super) const fn web_search(options: Json<'_>) -> Tool<'_> {
    of_provider(BuiltinKind::WebSearch, options)
}

const fn of_provider(kind: BuiltinKind, json: Json<'_>) -> Tool<'_> {
    Tool { kind: ToolKind::Builtin(Builtin { kind, origin: CHAT, json }), cache: None, rest: Rest::none() }
}

/// What sort of tool a provider's is: its `type`, or the one member that it has.
fn type_of<'j>(json: &'j Json<'_>) -> Option<&'j str> {
    let named = json.get("type").and_then(Json::as_str);
    named.or_else(|| json.as_object()?.0.first().map(|(name, _)| name.as_ref()))
}

/// What is made of the tools.
#[derive(Default)]
pub(super) struct Written<'a> {
    pub(super) tools: Vec<Json<'a>>,
    pub(super) web_search: Option<Json<'a>>,
}

/// Writes the tools; `legacy`, as `functions`.
pub(super) fn write<'a>(tools: &[Tool<'a>], own: bool, legacy: bool, losses: &mut Losses) -> Written<'a> {
    let mut written = Written::default();
    for tool in tools {
        note_foreign(&tool.rest, "tools.", &[], losses);
        let (kind, inner) = match &tool.kind {
            ToolKind::Function(function) => ("function", write_function(function)),
            ToolKind::Custom { name, description, format } => {
                let inner = Members::new().with("name", name.clone()).with_some("description", description.clone());
                ("custom", inner.with_some("format", format.as_ref().map(grammar)))
            }
            ToolKind::Builtin(builtin) if builtin.origin == CHAT => {
                if builtin.json.get("type").is_some()
                    || builtin.kind != BuiltinKind::WebSearch
                    || gemini_search(&builtin.json)
                {
                    written.tools.push(builtin.json.clone());
                } else {
                    written.web_search = Some(builtin.json.clone());
                }
                continue;
            }
            ToolKind::Builtin(Builtin { kind: BuiltinKind::WebSearch, json, .. }) => {
                written.web_search = Some(search_options(json, losses));
                continue;
            }
            ToolKind::Builtin(builtin) => {
                losses.note(&format!("tools.{}", type_of(&builtin.json).unwrap_or("builtin")));
                continue;
            }
        };
        let tool = if legacy {
            with_rest(inner, &tool.rest)
        } else {
            let cache = tool.cache.as_ref().filter(|_| own).map(write_cache);
            let outer = Members::new().with("type", kind).with(kind, inner).with_some("cache_control", cache);
            with_rest(outer, &tool.rest)
        };
        written.tools.push(tool.into());
    }
    written
}

fn gemini_search(json: &Json<'_>) -> bool {
    json.get("googleSearch").or_else(|| json.get("google_search")).is_some()
}

fn write_function<'a>(function: &FunctionTool<'a>) -> Members<'a> {
    Members::new()
        .with("name", function.name.clone())
        .with_some("description", function.description.clone())
        .with_some("parameters", function.parameters.clone())
        .with_some("strict", function.strict)
}

/// A grammar, which stands one object deeper here than in Responses.
fn grammar<'a>(format: &Json<'a>) -> Json<'a> {
    let (Some(syntax), Some(definition)) = (format.get("syntax"), format.get("definition")) else {
        return format.clone();
    };
    let inner = Members::new().with("syntax", syntax.clone()).with("definition", definition.clone());
    Members::new().with("type", "grammar").with("grammar", inner).into()
}

/// `web_search_options` for another dialect's search: where the user is, and how much is read.
fn search_options<'a>(json: &Json<'a>, losses: &mut Losses) -> Json<'a> {
    let mut options = Members::new();
    for (name, value) in json.as_object().map(|members| members.0.as_slice()).unwrap_or_default() {
        match (name.as_ref(), value) {
            (_, Json::Null) | ("type" | "name" | "googleSearch" | "google_search" | "cache_control", _) => {}
            ("search_context_size", size) => options.push("search_context_size", size.clone()),
            ("user_location", Json::Object(place)) => {
                let place = place.0.iter().filter(|(name, _)| name != "type").cloned().collect();
                let approximate = Members::new().with("type", "approximate").with("approximate", Members(place));
                options.push("user_location", approximate);
            }
            (name, _) => losses.note(&format!("tools.web_search.{name}")),
        }
    }
    options.into()
}

/// Reads `tool_choice`; Mistral's `any` is `required`.
pub(super) fn read_choice<'a>(json: Json<'a>, at: At<'_>) -> Result<ToolChoice<'a>, Invalid> {
    let named = |json: &Json<'a>| match json.get("name") {
        Some(Json::String(name)) => Some(name.clone()),
        _ => None,
    };
    match json.as_str() {
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("none") => return Ok(ToolChoice::None),
        Some("required" | "any") => return Ok(ToolChoice::Required),
        Some(_) => return Err(at.invalid("must be auto, none, required, or an object that names a tool")),
        None if json.as_object().is_none() => return Err(at.invalid("must be a string or an object")),
        None => {}
    }
    let chosen = match json.get("type").and_then(Json::as_str) {
        Some("allowed_tools") => json.get("allowed_tools").and_then(|allowed| {
            let required = match allowed.get("mode")?.as_str()? {
                "required" => true,
                "auto" => false,
                _ => return None,
            };
            let each = allowed.get("tools")?.as_array()?.iter();
            let names: Option<Vec<Text<'a>>> = each.map(|tool| named(tool.get("function")?)).collect();
            Some(ToolChoice::Allowed(names?, required))
        }),
        _ => json.get("function").or_else(|| json.get("custom")).and_then(named).map(ToolChoice::Named),
    };
    Ok(chosen.unwrap_or(ToolChoice::Foreign(CHAT, json)))
}

/// Reads the older `function_call`: `auto`, `none`, or the name of one.
pub(super) fn read_legacy_choice<'a>(json: Json<'a>, at: At<'_>) -> Result<ToolChoice<'a>, Invalid> {
    match json {
        Json::Object(_) => Fields::of(json, at)?.need_text("name").map(ToolChoice::Named),
        json => read_choice(json, at),
    }
}

/// Writes it. A tool is named with what sort of tool it is.
pub(super) fn write_choice<'a>(
    choice: &ToolChoice<'a>,
    tools: &[Tool<'a>],
    legacy: bool,
    losses: &mut Losses,
) -> Option<Json<'a>> {
    let chosen = |name: &Text<'a>| {
        let custom =
            tools.iter().any(|tool| matches!(&tool.kind, ToolKind::Custom { name: known, .. } if known == name));
        let kind = if custom { "custom" } else { "function" };
        Members::new().with("type", kind).with(kind, Members::new().with("name", name.clone()))
    };
    Some(match choice {
        ToolChoice::Auto => Json::String(Cow::Borrowed("auto")),
        ToolChoice::None => Json::String(Cow::Borrowed("none")),
        ToolChoice::Required => Json::String(Cow::Borrowed("required")),
        ToolChoice::Named(name) if legacy => Members::new().with("name", name.clone()).into(),
        ToolChoice::Named(name) => chosen(name).into(),
        ToolChoice::Allowed(names, must) => {
            let mode = if *must { "required" } else { "auto" };
            let tools: Vec<Json<'a>> = names.iter().map(|name| chosen(name).into()).collect();
            let allowed = Members::new().with("mode", mode).with("tools", tools);
            Members::new().with("type", "allowed_tools").with("allowed_tools", allowed).into()
        }
        ToolChoice::Foreign(CHAT, json) => json.clone(),
        ToolChoice::Foreign(..) => {
            losses.note("tool_choice");
            return None;
        }
    })
}
