//! `toolConfig`: whether the model must call a function.

use std::borrow::Cow;

use super::TOOL_CONFIG;
use super::config::{keep, kept};
use crate::canonical::{Losses, Request, Text, Tool, ToolChoice, ToolKind};
use crate::dialect::gemini::GEMINI;
use crate::dialect::gemini::names::{object, word};
use crate::json::{At, Fields, Invalid, Json, Members};

const CALLING: &str = "toolConfig.functionCallingConfig.";

/// Reads it; what is not canonical goes to `rest`.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<ToolChoice<'a>>, Invalid> {
    let at = *fields.at();
    let Some(json) = fields.take("toolConfig") else { return Ok(None) };
    let at = at.member("toolConfig");
    let mut fields = object(json, at)?;
    let calling = fields.take("functionCallingConfig");
    keep(TOOL_CONFIG, fields.rest(), rest);
    match calling {
        None => Ok(None),
        Some(json) => read_calling(json, at.member("functionCallingConfig"), rest),
    }
}

fn read_calling<'a>(json: Json<'a>, at: At<'_>, rest: &mut Members<'a>) -> Result<Option<ToolChoice<'a>>, Invalid> {
    const MODES: [&str; 5] = ["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"];
    let mut fields = object(json, at)?;
    // Google takes either case.
    let mode = word(&mut fields, "mode", &MODES)?.map(|mode| mode.to_ascii_uppercase());
    let mut names: Vec<Text<'a>> = fields.each("allowedFunctionNames", |json, at| match json {
        Json::String(name) => Ok(name),
        _ => Err(at.invalid("must be a string")),
    })?;
    keep(CALLING, fields.rest(), rest);
    let choice = match (mode.as_deref(), names.len()) {
        (Some("NONE"), _) => ToolChoice::None,
        (Some("ANY"), 0) => ToolChoice::Required,
        (Some("ANY"), 1) => names.pop().map_or(ToolChoice::Required, ToolChoice::Named),
        (Some("ANY"), _) => ToolChoice::Allowed(names, true),
        (Some("AUTO"), 0) => ToolChoice::Auto,
        (None, 0) => return Ok(None),
        (known, count) => {
            // A mode that holds the model to the schemas, which no other dialect asks for, or a newer one.
            if !matches!((known, count), (None | Some("AUTO" | "VALIDATED"), 1..)) {
                rest.0.extend(mode.map(|mode| (Cow::Owned(format!("{CALLING}mode")), mode.into())));
            }
            if count > 0 { ToolChoice::Allowed(names, false) } else { ToolChoice::Auto }
        }
    };
    Ok(Some(choice))
}

/// Writes it; None where there is nothing to say.
pub(super) fn write<'a>(request: &Request<'a>, losses: &mut Losses) -> Option<Members<'a>> {
    let list = |names: &[Text<'a>]| Json::Array(names.iter().cloned().map(Json::String).collect());
    let said = |mode: &'static str| Members::new().with("mode", mode);
    // Google refuses a mode where there is no function to call.
    let is_builtin = |tool: &Tool<'_>| matches!(tool.kind, ToolKind::Builtin(_));
    let idle = !request.tools.is_empty() && request.tools.iter().all(is_builtin);
    let mut calling = match &request.tool_choice {
        Some(choice) if idle => {
            losses.note_if(*choice != ToolChoice::Auto, "tool_choice");
            Members::new()
        }
        None => Members::new(),
        Some(ToolChoice::Auto) => said("AUTO"),
        Some(ToolChoice::None) => said("NONE"),
        Some(ToolChoice::Required) => said("ANY"),
        Some(ToolChoice::Named(name)) => said("ANY").with("allowedFunctionNames", list(std::slice::from_ref(name))),
        Some(ToolChoice::Allowed(names, true)) => said("ANY").with("allowedFunctionNames", list(names)),
        Some(ToolChoice::Allowed(names, false)) => said("VALIDATED").with("allowedFunctionNames", list(names)),
        Some(ToolChoice::Foreign(..)) => {
            losses.note("tool_choice");
            Members::new()
        }
    };
    let mut members = Members::new();
    for (name, value) in request.rest.of(GEMINI).into_iter().flat_map(|own| kept(TOOL_CONFIG, own)) {
        match name.strip_prefix("functionCallingConfig.") {
            Some("mode") if !calling.is_empty() => {
                calling.0.retain(|(name, _)| name != "mode");
                calling.push("mode", value);
            }
            Some(inner) if !idle => calling.push(inner.to_owned(), value),
            Some(_) => {}
            None => members.push(name, value),
        }
    }
    if !calling.is_empty() {
        members.push("functionCallingConfig", calling);
    }
    (!members.is_empty()).then_some(members)
}
