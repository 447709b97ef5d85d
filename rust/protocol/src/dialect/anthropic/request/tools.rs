//! What the model may call, and whether it must.

use super::super::{OWN, block};
use super::builtin;
use super::losses::note_rest;
use super::model::Model;
use crate::canonical::{FunctionTool, Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Json, Members};

/// The `tools`, without those that the caller allows none of.
pub(super) fn write<'r>(request: &'r Request<'_>, own: bool, model: Model, losses: &mut Losses) -> Vec<Json<'r>> {
    let allowed = |tool: &Tool<'_>| match &request.tool_choice {
        Some(ToolChoice::Allowed(names, _)) => names.iter().any(|name| name == tool_name(tool)),
        _ => true,
    };
    let mut out = Vec::with_capacity(request.tools.len());
    for tool in request.tools.iter().filter(|tool| allowed(tool)) {
        note_rest(&tool.rest, "tools.", losses);
        let members = match &tool.kind {
            ToolKind::Builtin(tool) => {
                out.extend(builtin::write(tool, losses));
                continue;
            }
            ToolKind::Function(function) => {
                let strict = function.strict.filter(|_| own || model.schemas);
                losses.note_if(function.strict == Some(true) && strict.is_none(), "tools.strict");
                with_schema(function, own).with_some("strict", strict)
            }
            ToolKind::Custom { name, description, format } => {
                let free = format.as_ref().is_none_or(|it| it.get("type").and_then(Json::as_str) == Some("text"));
                losses.note_if(!free, "tools.custom_format");
                let input = Members::new().with("input", Members::new().with("type", "string"));
                let schema = object().with("properties", input).with("required", vec![Json::from("input")]);
                named(name, description.as_deref()).with("input_schema", schema)
            }
        };
        let members = members.with_some("cache_control", block::cache(tool.cache.as_ref()));
        out.push(rest(members, tool));
    }
    out
}

pub(in crate::dialect) fn tool_name<'r>(tool: &'r Tool<'_>) -> &'r str {
    match &tool.kind {
        ToolKind::Function(FunctionTool { name, .. }) | ToolKind::Custom { name, .. } => name,
        ToolKind::Builtin(tool) => builtin::name(tool),
    }
}

fn named<'r>(name: &'r str, description: Option<&'r str>) -> Members<'r> {
    Members::new().with("name", name).with_some("description", description)
}

pub(in crate::dialect) fn object<'r>() -> Members<'r> {
    Members::new().with("type", "object")
}

/// The schema of a function's arguments, which must be one of an object.
pub(in crate::dialect) fn schema_of<'r>(function: &'r FunctionTool<'_>) -> Members<'r> {
    match &function.parameters {
        Some(Json::Object(members)) if members.get("type").is_some() => members.lend(),
        Some(Json::Object(members)) => object().with_all(members.lend()),
        _ => object().with("properties", Members::new()),
    }
}

/// The API demands a schema, of type `object`; what a caller of this dialect gave stays as it is.
fn with_schema<'r>(function: &'r FunctionTool<'_>, own: bool) -> Members<'r> {
    let schema = match &function.parameters {
        Some(Json::Object(members)) if own => Some(members.lend()),
        _ => (!own).then(|| schema_of(function)),
    };
    named(&function.name, function.description.as_deref()).with_some("input_schema", schema)
}

fn rest<'r>(mut members: Members<'r>, tool: &'r Tool<'_>) -> Json<'r> {
    if let Some(rest) = tool.rest.of(OWN) {
        super::super::merge::merge(&mut members, rest.lend());
    }
    members.into()
}

/// The `tool_choice`, which also says whether several tools may be called at once.
pub(super) fn choice<'r>(request: &'r Request<'_>, own: bool, any: bool, losses: &mut Losses) -> Option<Members<'r>> {
    let parallel = request.parallel_tools;
    let known = |kind: &'static str| Some(Members::new().with("type", kind));
    let choice = match request.tool_choice.as_ref() {
        // Without tools there is nothing to choose, and the API says so.
        Some(ToolChoice::Auto | ToolChoice::None) if !own && !any => return None,
        Some(ToolChoice::None) => return known("none"),
        Some(ToolChoice::Foreign(origin, json)) => {
            losses.note_if(*origin != OWN, "tool_choice");
            let own = (*origin == OWN).then(|| json.as_object().map(Members::lend)).flatten();
            return own;
        }
        None if parallel == Some(false) && any => known("auto"),
        None => None,
        Some(ToolChoice::Auto | ToolChoice::Allowed(_, false)) => known("auto"),
        Some(ToolChoice::Required | ToolChoice::Allowed(_, true)) => known("any"),
        Some(ToolChoice::Named(name)) => known("tool").map(|choice| choice.with("name", name.as_ref())),
    };
    // That several may be called at once is the default.
    let disabled = parallel.map(|parallel| !parallel).filter(|disabled| own || *disabled);
    choice.map(|choice| choice.with_some("disable_parallel_tool_use", disabled))
}
