//! Tools, and which of them must be called.

use super::super::content::lost;
use super::super::{SELF, call, left, own};
use crate::canonical::{Builtin, BuiltinKind, FunctionTool, Losses, Request, Text, Tool, ToolChoice, ToolKind};
use crate::dialect::Dialect;
use crate::json::{At, Fields, Invalid, Json, Members};

pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Tool<'a>, Invalid> {
    let kind = match json.get("type").map(Json::as_str) {
        Some(Some(kind)) => kind,
        Some(None) => return Err(at.member("type").invalid("must be a string")),
        None if json.as_object().is_none() => return Err(at.invalid("must be an object")),
        None => return Err(at.member("type").invalid("is missing")),
    };
    let kind = match kind {
        "function" | "custom" => kind == "custom",
        _ => {
            let builtin = Builtin { kind: builtin_kind(kind), origin: SELF, json };
            return Ok(Tool { kind: ToolKind::Builtin(builtin), cache: None, rest: own(Members::new()) });
        }
    };
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let (name, description) = (fields.need_text("name")?, fields.text("description")?);
    let kind = if kind {
        ToolKind::Custom { name, description, format: fields.take("format") }
    } else {
        let parameters = fields.members("parameters")?.map(Json::Object);
        ToolKind::Function(FunctionTool { name, description, parameters, strict: fields.flag("strict")? })
    };
    let rest = left(fields);
    Ok(Tool { kind, cache: None, rest: own(rest) })
}

fn builtin_kind(kind: &str) -> BuiltinKind {
    match kind {
        "code_interpreter" => BuiltinKind::CodeExecution,
        _ if kind.starts_with("web_search") => BuiltinKind::WebSearch,
        _ => BuiltinKind::Other,
    }
}

/// A tool; None, and a loss, for one that only another provider has.
pub(super) fn write<'a>(tool: &Tool<'a>, losses: &mut Losses) -> Option<Json<'a>> {
    let own = tool.rest.of(SELF);
    let members = match &tool.kind {
        ToolKind::Function(function) => Members::new()
            .with("type", "function")
            .with("name", function.name.clone())
            .with_some("description", function.description.clone())
            .with_some("parameters", function.parameters.clone())
            // Here functions are strict unless they say otherwise; in no other dialect are they.
            .with_some("strict", function.strict.or(own.is_none().then_some(false))),
        ToolKind::Custom { name, description, format } => Members::new()
            .with("type", "custom")
            .with("name", name.clone())
            .with_some("description", description.clone())
            .with_some("format", format.clone()),
        ToolKind::Builtin(builtin) => return write_builtin(builtin, losses),
    };
    Some(members.with_all(own.cloned().unwrap_or_default()).into())
}

fn write_builtin<'a>(builtin: &Builtin<'a>, losses: &mut Losses) -> Option<Json<'a>> {
    if builtin.origin == SELF {
        return Some(builtin.json.clone());
    }
    match builtin.kind {
        BuiltinKind::WebSearch => Some(web_search(builtin, losses)),
        BuiltinKind::CodeExecution => {
            let container = Members::new().with("type", "auto");
            Some(Members::new().with("type", "code_interpreter").with("container", container).into())
        }
        BuiltinKind::WebFetch | BuiltinKind::Other => {
            losses.note(&lost("tools", &builtin.json));
            None
        }
    }
}

/// Anthropic has the domains and the place flat, chat completions the place one level deeper; Gemini has neither.
fn web_search<'a>(builtin: &Builtin<'a>, losses: &mut Losses) -> Json<'a> {
    let wrapped = |name| builtin.json.get(name).filter(|_| builtin.origin != Dialect::Anthropic);
    let said = ["web_search_options", "googleSearch", "google_search"].into_iter().find_map(wrapped);
    let said = said.unwrap_or(&builtin.json).as_object().cloned().unwrap_or_default();
    let mut members = Members::new().with("type", "web_search");
    for (name, value) in said.0.into_iter().filter(|(_, value)| *value != Json::Null) {
        match name.as_ref() {
            "type" | "name" | "cache_control" => {}
            "search_context_size" => members.push("search_context_size", value),
            "allowed_domains" => members.push("filters", Members::new().with("allowed_domains", value)),
            "user_location" => members.push("user_location", location(value)),
            other => losses.note(&format!("tools.web_search.{other}")),
        }
    }
    members.into()
}

fn location<'a>(json: Json<'a>) -> Json<'a> {
    match json.get("approximate").and_then(Json::as_object) {
        Some(place) => Members::new().with("type", "approximate").with_all(place.clone()).into(),
        None => json,
    }
}

pub(super) fn read_choice<'a>(json: Json<'a>, at: At<'_>) -> Result<ToolChoice<'a>, Invalid> {
    if let Some(word) = json.as_str() {
        return Ok(match word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(at.invalid("must be auto, none, required or an object")),
        });
    }
    if json.as_object().is_none() {
        return Err(at.invalid("must be a string or an object"));
    }
    let kind = json.get("type").and_then(Json::as_str);
    let named = match kind {
        Some("function" | "custom") => name_of(&json).map(ToolChoice::Named),
        Some("allowed_tools") => allowed(&json),
        Some(_) => None,
        None => return Err(at.member("type").invalid("must be a string")),
    };
    Ok(named.unwrap_or(ToolChoice::Foreign(SELF, json)))
}

/// The name of a function or a free-text tool, if nothing else is said.
fn name_of<'a>(json: &Json<'a>) -> Option<Text<'a>> {
    let members = json.as_object().filter(|members| members.0.len() == 2)?;
    let caller = matches!(json.get("type")?.as_str()?, "function" | "custom");
    if let (true, Json::String(name)) = (caller, members.get("name")?) { Some(name.clone()) } else { None }
}

fn allowed<'a>(json: &Json<'a>) -> Option<ToolChoice<'a>> {
    let names = json.get("tools")?.as_array()?.iter().map(name_of).collect::<Option<Vec<_>>>()?;
    let required = match json.get("mode")?.as_str()? {
        "auto" => false,
        "required" => true,
        _ => return None,
    };
    (json.as_object()?.0.len() == 3).then_some(ToolChoice::Allowed(names, required))
}

pub(super) fn write_choice<'a>(request: &Request<'a>, losses: &mut Losses) -> Option<Json<'a>> {
    let custom = call::custom_names(&request.tools);
    let named = |name: &Text<'a>| -> Json<'a> {
        let kind = if custom.contains(name.as_ref()) { "custom" } else { "function" };
        Members::new().with("type", kind).with("name", name.clone()).into()
    };
    Some(match request.tool_choice.as_ref()? {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => named(name),
        ToolChoice::Allowed(names, required) => Members::new()
            .with("type", "allowed_tools")
            .with("mode", if *required { "required" } else { "auto" })
            .with("tools", names.iter().map(named).collect::<Vec<_>>())
            .into(),
        ToolChoice::Foreign(SELF, json) => json.clone(),
        ToolChoice::Foreign(..) => {
            losses.note("tool_choice");
            return None;
        }
    })
}
