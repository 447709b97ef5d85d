//! `tools`: the caller's functions, and Google's own tools.

use super::OPEN_API;
use crate::canonical::{Builtin, BuiltinKind, FunctionTool, Losses, Rest, Tool, ToolKind};
use crate::dialect::Dialect;
use crate::dialect::gemini::names::{each, object, said};
use crate::dialect::gemini::{GEMINI, schema};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Members that name a tool or say what is so anyway.
const PLAIN: [&str; 4] = ["type", "name", "cache_control", "strict"];

/// Reads them. Each of Google's tools becomes one of its own, a single member as its JSON.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>) -> Result<Vec<Tool<'a>>, Invalid> {
    Ok(each(fields, "tools", read_tool)?.into_iter().flatten().collect())
}

fn read_tool<'a>(json: Json<'a>, at: At<'_>) -> Result<Vec<Tool<'a>>, Invalid> {
    let mut fields = object(json, at)?;
    let mut tools = each(&mut fields, "functionDeclarations", read_function)?;
    let Members(others) = fields.rest();
    for (name, value) in others {
        let kind = match name.as_ref() {
            "googleSearch" | "googleSearchRetrieval" | "enterpriseWebSearch" => BuiltinKind::WebSearch,
            "urlContext" => BuiltinKind::WebFetch,
            "codeExecution" => BuiltinKind::CodeExecution,
            _ => BuiltinKind::Other,
        };
        if value != Json::Null {
            let json = Members::new().with(name, value).into();
            tools.push(plain(ToolKind::Builtin(Builtin { kind, origin: GEMINI, json })));
        }
    }
    Ok(tools)
}

const fn plain(kind: ToolKind<'_>) -> Tool<'_> {
    Tool { kind, cache: None, rest: Rest::none() }
}

fn read_function<'a>(json: Json<'a>, at: At<'_>) -> Result<Tool<'a>, Invalid> {
    let mut fields = object(json, at)?;
    let name = fields.need_text("name")?;
    let description = fields.text("description")?;
    let json_schema = fields.take("parametersJsonSchema");
    let google = if json_schema.is_none() { fields.members("parameters")? } else { None };
    let mut rest = fields.rest();
    if google.is_some() {
        rest.push(OPEN_API, Json::Null);
    }
    let parameters = json_schema.or_else(|| google.map(|google| schema::to_json_schema(google.into())));
    let function = FunctionTool { name, description, parameters, strict: None };
    Ok(Tool { rest: Rest::new(GEMINI, rest), ..plain(ToolKind::Function(function)) })
}

/// Writes them: all functions together, where the first of them stood.
pub(super) fn write<'a>(tools: &[Tool<'a>], losses: &mut Losses) -> Vec<Json<'a>> {
    let mut out: Vec<Json<'a>> = Vec::new();
    let mut functions = Vec::new();
    let mut place = None;
    for tool in tools {
        for name in said(&tool.rest).filter(|name| !PLAIN.contains(name)) {
            losses.note(&format!("tools.{name}"));
        }
        let function = match &tool.kind {
            ToolKind::Function(function) => write_function(function, &tool.rest, losses),
            ToolKind::Custom { name, description, format } => {
                let grammar = format.as_ref().and_then(|format| format.get("type")).and_then(Json::as_str);
                losses.note_if(grammar == Some("grammar"), "tools.custom_format");
                let described = Members::new().with("name", name.clone());
                described.with_some("description", description.clone()).with("parametersJsonSchema", input_schema())
            }
            ToolKind::Builtin(builtin) => {
                out.extend(write_builtin(builtin, losses));
                continue;
            }
        };
        place = place.or(Some(out.len()));
        functions.push(function.into());
    }
    if let Some(place) = place {
        out.insert(place, Members::new().with("functionDeclarations", Json::Array(functions)).into());
    }
    out
}

fn write_function<'a>(function: &FunctionTool<'a>, rest: &Rest<'a>, losses: &mut Losses) -> Members<'a> {
    losses.note_if(function.strict == Some(true), "tools.strict");
    let members = Members::new().with("name", function.name.clone());
    let mut members = members.with_some("description", function.description.clone());
    let own = rest.of(GEMINI);
    let is_google = own.is_some_and(|own| own.0.iter().any(|(name, _)| name == OPEN_API));
    if let Some(parameters) = &function.parameters {
        if is_google {
            members.push("parameters", schema::to_open_api(parameters));
        } else {
            members.push("parametersJsonSchema", parameters.clone());
        }
    }
    members.0.extend(own.into_iter().flat_map(|own| own.0.iter().filter(|(name, _)| name != OPEN_API).cloned()));
    members
}

/// The schema of a tool that takes free text.
fn input_schema() -> Members<'static> {
    let input = Members::new().with("input", Members::new().with("type", "string"));
    Members::new().with("type", "object").with("properties", input).with("required", vec!["input".into()])
}

fn write_builtin<'a>(builtin: &Builtin<'a>, losses: &mut Losses) -> Option<Json<'a>> {
    if builtin.origin == GEMINI {
        return Some(builtin.json.clone());
    }
    let (member, name) = match builtin.kind {
        BuiltinKind::WebSearch if builtin.origin == Dialect::Chat => ("googleSearch", "web_search_options"),
        BuiltinKind::WebSearch => ("googleSearch", "tools.web_search"),
        BuiltinKind::WebFetch => ("urlContext", "tools.web_fetch"),
        BuiltinKind::CodeExecution => ("codeExecution", "tools.code_execution"),
        BuiltinKind::Other => {
            let kind = builtin.json.get("type").and_then(Json::as_str).unwrap_or("builtin");
            losses.note(&format!("tools.{kind}"));
            return None;
        }
    };
    let said = builtin.json.as_object().into_iter().flat_map(|members| members.0.iter());
    for (option, value) in said {
        let automatic = option == "container" && value.get("file_ids").is_none();
        losses.note_if(
            *value != Json::Null && !automatic && !PLAIN.contains(&option.as_ref()),
            &format!("{name}.{option}"),
        );
    }
    Some(Members::new().with(member, Members::new()).into())
}
