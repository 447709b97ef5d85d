//! What the model may call, and whether it must.

use super::losses::note;
use crate::canonical::{BuiltinKind, FunctionTool, Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Json, Members};

/// What is sent.
pub(super) struct Tools<'r> {
    pub(super) list: Vec<Json<'r>>,
    pub(super) choice: Option<&'static str>,
    /// Whether all calls must follow their schemas.
    pub(super) strict: bool,
}

/// The tools. The API cannot be told which to call: where the caller allows only some, the others are not sent.
pub(super) fn write<'r>(request: &'r Request<'_>, losses: &mut Losses) -> Tools<'r> {
    losses.note_if(request.parallel_tools == Some(false) && !request.tools.is_empty(), "parallel_tool_calls");
    let allowed = |tool: &&Tool<'_>| match (&request.tool_choice, name(tool)) {
        (Some(ToolChoice::Named(only)), Some(name)) => only == name,
        (Some(ToolChoice::Allowed(names, _)), Some(name)) => names.iter().any(|known| known == name),
        _ => true,
    };
    let tools: Vec<&Tool<'_>> = request.tools.iter().filter(allowed).collect();
    let list: Vec<Json<'r>> = tools.iter().filter_map(|tool| one(tool, losses)).collect();
    let says_strict =
        |tool: &&Tool<'_>| matches!(&tool.kind, ToolKind::Function(function) if function.strict == Some(true));
    let strict = !tools.is_empty() && tools.iter().all(says_strict);
    losses.note_if(!strict && tools.iter().any(says_strict), "tools.strict");
    let choice = match &request.tool_choice {
        _ if list.is_empty() => None,
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed(_, true)) => Some("REQUIRED"),
        Some(ToolChoice::Foreign(..)) => {
            losses.note("tool_choice");
            None
        }
        None | Some(ToolChoice::Auto | ToolChoice::Allowed(_, false)) => None,
    };
    Tools { list, choice, strict }
}

fn name<'r>(tool: &'r Tool<'_>) -> Option<&'r str> {
    match &tool.kind {
        ToolKind::Function(FunctionTool { name, .. }) | ToolKind::Custom { name, .. } => Some(name),
        ToolKind::Builtin(_) => None,
    }
}

fn one<'r>(tool: &'r Tool<'_>, losses: &mut Losses) -> Option<Json<'r>> {
    note(&tool.rest, "tools.", losses);
    let empty = || Members::new().with("type", "object").with("properties", Members::new());
    let (name, description, parameters) = match &tool.kind {
        ToolKind::Function(FunctionTool { name, description, parameters, .. }) => {
            let schema = match parameters {
                Some(Json::Object(members)) => members.lend().with_all(empty()),
                _ => empty(),
            };
            (name, description, schema)
        }
        ToolKind::Custom { name, description, format } => {
            let free = format.as_ref().is_none_or(|it| it.get("type").and_then(Json::as_str) == Some("text"));
            losses.note_if(!free, "tools.custom_format");
            let input = Members::new().with("input", Members::new().with("type", "string"));
            let schema = Members::new().with("type", "object").with("properties", input);
            (name, description, schema.with("required", vec![Json::from("input")]))
        }
        ToolKind::Builtin(tool) => {
            let alone = || tool.json.as_object()?.0.first().map(|(name, _)| name.as_ref());
            let kind = match tool.json.get("type").and_then(Json::as_str) {
                Some(kind) => kind,
                None if tool.kind == BuiltinKind::WebSearch => "web_search",
                None => alone().unwrap_or("builtin"),
            };
            losses.note(&format!("tools.{kind}"));
            return None;
        }
    };
    let function = Members::new()
        .with("name", name.as_ref())
        .with_some("description", description.as_deref())
        .with("parameters", parameters);
    Some(Members::new().with("type", "function").with("function", function).into())
}
