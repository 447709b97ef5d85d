//! The provider's own tools, where another dialect asked for them.

use super::super::OWN;
use crate::canonical::{Builtin, BuiltinKind, Losses};
use crate::dialect::Dialect;
use crate::json::{Json, Members};

/// None if the API has no such tool.
pub(super) fn write<'r>(tool: &'r Builtin<'_>, losses: &mut Losses) -> Option<Json<'r>> {
    if tool.origin == OWN {
        return Some(tool.json.lend());
    }
    match tool.kind {
        BuiltinKind::WebSearch => Some(web_search(tool, losses).into()),
        BuiltinKind::WebFetch => Some(named("web_fetch_20250910", "web_fetch").into()),
        BuiltinKind::CodeExecution => {
            // A container, or files for it, that another provider keeps.
            let container = tool.json.get("container");
            let kept = container.is_some_and(|it| it.as_str().is_some() || it.get("file_ids").is_some());
            losses.note_if(kept, "tools.code_interpreter.container");
            Some(named("code_execution_20250825", "code_execution").into())
        }
        BuiltinKind::Other => {
            losses.note(&format!("tools.{}", name(tool)));
            None
        }
    }
}

/// What the caller calls it: its `type`, or in Gemini the member that it is.
pub(in crate::dialect) fn name<'r>(tool: &'r Builtin<'_>) -> &'r str {
    let member = || Some(tool.json.as_object()?.0.first()?.0.as_ref());
    tool.json.get("type").and_then(Json::as_str).or_else(member).unwrap_or("unknown")
}

fn named<'r>(kind: &'static str, name: &'static str) -> Members<'r> {
    Members::new().with("type", kind).with("name", name)
}

/// Chat's `web_search_options`, Responses' `web_search`, Gemini's `googleSearch`.
fn web_search<'r>(tool: &'r Builtin<'_>, losses: &mut Losses) -> Members<'r> {
    let json = tool.json.get("web_search_options").or_else(|| tool.json.get("googleSearch")).unwrap_or(&tool.json);
    let size = json.get("search_context_size").and_then(Json::as_str).is_some_and(|size| size != "medium");
    let prefix = if tool.origin == Dialect::Chat { "web_search_options" } else { "tools.web_search" };
    losses.note_if(size, &format!("{prefix}.search_context_size"));
    losses.note_if(json.get("timeRangeFilter").is_some(), "tools.googleSearch.timeRangeFilter");
    let filters = json.get("filters");
    let allowed = filters.and_then(|filters| filters.get("allowed_domains"));
    let blocked = filters.and_then(|filters| filters.get("blocked_domains")).or_else(|| json.get("excludeDomains"));
    let place = json.get("user_location");
    let place = place.and_then(|place| place.get("approximate")).or(place).map(location);
    named("web_search_20250305", "web_search")
        .with_some("allowed_domains", allowed.map(Json::lend))
        .with_some("blocked_domains", if allowed.is_none() { blocked.map(Json::lend) } else { None })
        .with_some("user_location", place)
}

fn location<'r>(place: &'r Json<'_>) -> Members<'r> {
    let mut out = Members::new().with("type", "approximate");
    for name in ["city", "region", "country", "timezone"] {
        if let Some(value) = place.get(name) {
            out.push(name, value.lend());
        }
    }
    out
}
