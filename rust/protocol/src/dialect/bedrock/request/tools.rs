//! What the model may call, and whether it must: `toolConfig`.

use super::parts::{History, cache_point};
use crate::canonical::{Builtin, BuiltinKind, Format, FunctionTool, Losses, Request, Tool, ToolChoice, ToolKind};
use crate::dialect::Dialect;
use crate::dialect::anthropic::request::builtin;
use crate::dialect::anthropic::request::losses::note_foreign;
use crate::dialect::anthropic::request::tools::{object, schema_of, tool_name};
use crate::dialect::bedrock::OWN;
use crate::dialect::bedrock::family::Family;
use crate::json::{Json, Members};

/// None if there are no tools. `schemas`: whether the model keeps to a schema. `answer`: the name of a tool that stands for the answer, by the schema of which the model is to
/// give it.
pub(super) fn write<'r>(
    request: &'r Request<'_>,
    (family, schemas): (Family, bool),
    history: &History<'r>,
    answer: Option<&'static str>,
    losses: &mut Losses,
) -> Option<Members<'r>> {
    let spoken_of = history.results || !history.called.is_empty();
    let forbidden = request.tool_choice == Some(ToolChoice::None);
    if let Some(name) = answer {
        let choice = Members::of([("tool", Members::of([("name", name.into())]).into())]);
        return Some(Members::of([("tools", vec![of_answer(name, request)].into()), ("toolChoice", choice.into())]));
    }
    // There is no word for "none": without tools none is called. A conversation with calls must have them.
    let mut tools = if forbidden && !spoken_of { Vec::new() } else { all(request, (family, schemas), losses) };
    losses.note_if(forbidden && !tools.is_empty(), "tool_choice");
    if tools.is_empty() && spoken_of {
        let unnamed: &[&str] = if history.called.is_empty() { &["tool"] } else { &[] };
        let stand_in = |name: &&'r str| spec(name, None, object(), None);
        tools = history.called.iter().map(stand_in).chain(unnamed.iter().map(stand_in)).collect();
    }
    if tools.is_empty() {
        return None;
    }
    let choice = choice(request.tool_choice.as_ref(), losses);
    Some(Members::of([("tools", tools.into())]).with_some("toolChoice", choice))
}

fn all<'r>(request: &'r Request<'_>, (family, schemas): (Family, bool), losses: &mut Losses) -> Vec<Json<'r>> {
    let allowed = |tool: &Tool<'_>| match &request.tool_choice {
        Some(ToolChoice::Allowed(names, _)) => names.iter().any(|name| name == tool_name(tool)),
        _ => true,
    };
    let mut out = Vec::with_capacity(request.tools.len());
    for tool in request.tools.iter().filter(|tool| allowed(tool)) {
        note_foreign(OWN, &tool.rest, ("tools.", &[]), losses);
        match &tool.kind {
            ToolKind::Builtin(tool) => out.extend(system_tool(tool, family, losses)),
            ToolKind::Function(function) => {
                losses.note_if(function.strict == Some(true) && !schemas, "tools.strict");
                out.push(of_function(function, schemas));
            }
            ToolKind::Custom { name, description, format } => {
                let free = format.as_ref().is_none_or(|it| it.get("type").and_then(Json::as_str) == Some("text"));
                losses.note_if(!free, "tools.custom_format");
                let input = Members::of([("input", Members::of([("type", "string".into())]).into())]);
                let schema = object().with("properties", input).with("required", vec![Json::from("input")]);
                out.push(spec(name, description.as_deref(), schema, None));
            }
        }
        // Amazon's models cache what is said, not what may be called.
        let takes = family.caches() && !matches!(family, Family::Nova | Family::Nova2);
        out.extend(cache_point(tool.cache.as_ref(), takes));
    }
    out
}

fn of_function<'r>(function: &'r FunctionTool<'_>, schemas: bool) -> Json<'r> {
    let schema = schema_of(function);
    spec(&function.name, function.description.as_deref(), schema, function.strict.filter(|strict| *strict && schemas))
}

fn spec<'r>(name: &'r str, description: Option<&'r str>, schema: Members<'r>, strict: Option<bool>) -> Json<'r> {
    let spec = Members::of([("name", name.into())])
        .with_some("description", description.filter(|text| !text.is_empty()))
        .with("inputSchema", Members::of([("json", schema.into())]))
        .with_some("strict", strict);
    Members::of([("toolSpec", spec.into())]).into()
}

fn of_answer<'r>(name: &'static str, request: &'r Request<'_>) -> Json<'r> {
    let (description, schema) = match &request.format {
        Some(Format::JsonSchema { description, schema: Json::Object(schema), .. }) => {
            (description.as_deref(), schema.lend())
        }
        _ => (None, object()),
    };
    let described = description.filter(|text| !text.is_empty());
    spec(name, described.or(Some("Takes the answer. Call it with all of the answer.")), schema, None)
}

/// What Amazon's own models have
/// (<https://docs.aws.amazon.com/nova/latest/nova2-userguide/using-tools.html>).
fn system_tool<'r>(tool: &'r Builtin<'_>, family: Family, losses: &mut Losses) -> Option<Json<'r>> {
    let name = match (tool.kind, family) {
        (BuiltinKind::WebSearch, Family::Nova2) => {
            let prefix = if tool.origin == Dialect::Chat { "web_search_options" } else { "tools.web_search" };
            let said = tool.json.get("web_search_options").unwrap_or(&tool.json);
            let lost = |name: &&&str| said.get(name).is_some();
            SEARCHES.iter().filter(lost).for_each(|name| losses.note(&format!("{prefix}.{name}")));
            "nova_grounding"
        }
        (BuiltinKind::CodeExecution, Family::Nova2) => "nova_code_interpreter",
        _ if tool.origin == OWN => return Some(tool.json.lend()),
        _ => {
            losses.note(&format!("tools.{}", builtin::name(tool)));
            return None;
        }
    };
    Some(Members::of([("systemTool", Members::of([("name", name.into())]).into())]).into())
}

/// How a search may be narrowed elsewhere.
const SEARCHES: [&str; 5] = ["search_context_size", "user_location", "filters", "allowed_domains", "blocked_domains"];

fn choice<'r>(choice: Option<&'r ToolChoice<'_>>, losses: &mut Losses) -> Option<Members<'r>> {
    let (name, inner) = match choice? {
        ToolChoice::Auto | ToolChoice::Allowed(_, false) => ("auto", Members::new()),
        ToolChoice::Required | ToolChoice::Allowed(_, true) => ("any", Members::new()),
        ToolChoice::Named(name) => ("tool", Members::of([("name", name.as_ref().into())])),
        ToolChoice::None => return None,
        ToolChoice::Foreign(..) => {
            losses.note("tool_choice");
            return None;
        }
    };
    Some(Members::of([(name, inner.into())]))
}
