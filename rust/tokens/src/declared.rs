//! `OpenAI` shows its models functions as TypeScript. Its form is not documented; this one was found by asking the models
//! and is what several clients count (for instance npm's `openai-chat-tokens`).

use std::fmt::Write;

use tollway_protocol::canonical::{FunctionTool, Tool, ToolKind};
use tollway_protocol::json::{Json, Members};

use crate::tally::tool_text;

/// Deeper than any schema that a provider takes.
const DEEPEST: usize = 16;

/// `tools` as the text that stands for them.
pub(crate) fn declarations(tools: &[Tool<'_>]) -> String {
    let mut text = String::from("namespace functions {\n\n");
    for tool in tools {
        match &tool.kind {
            ToolKind::Function(function) => declare(function, &mut text),
            ToolKind::Custom { .. } | ToolKind::Builtin(_) => text.push_str(&tool_text(tool)),
        }
    }
    text.push_str("} // namespace functions");
    text
}

fn declare(function: &FunctionTool<'_>, text: &mut String) {
    if let Some(description) = function.description.as_deref().filter(|text| !text.is_empty()) {
        let _ = writeln!(text, "// {description}");
    }
    let properties = function.parameters.as_ref().and_then(|schema| schema.get("properties")).and_then(Json::as_object);
    let _ = match properties.filter(|properties| !properties.0.is_empty()) {
        None => writeln!(text, "type {} = () => any;\n", function.name),
        Some(properties) => {
            let _ = writeln!(text, "type {} = (_: {{", function.name);
            members(properties, function.parameters.as_ref(), 0, text);
            writeln!(text, "}}) => any;\n")
        }
    };
}

fn members(properties: &Members<'_>, schema: Option<&Json<'_>>, depth: usize, text: &mut String) {
    let required = schema.and_then(|schema| schema.get("required")).and_then(Json::as_array).unwrap_or_default();
    for (name, property) in &properties.0 {
        let told = |name: &str| property.get(name).and_then(Json::as_str).filter(|text| depth < 2 && !text.is_empty());
        let (title, description) = (told("title"), told("description"));
        if let Some(title) = title {
            let _ = writeln!(text, "// {title}{}", if description.is_some() { "\n//" } else { "" });
        }
        if let Some(description) = description {
            let _ = writeln!(text, "// {description}");
        }
        let mark = if required.iter().any(|one| one.as_str() == Some(name)) { "" } else { "?" };
        let _ = write!(text, "{name}{mark}: ");
        kind(property, depth, text);
        text.push_str(",\n");
    }
}

fn kind(property: &Json<'_>, depth: usize, text: &mut String) {
    let choices = property.get("enum").and_then(Json::as_array);
    match property.get("type").and_then(Json::as_str) {
        Some("string") if choices.is_some() => options(choices.unwrap_or_default(), text),
        Some("integer" | "number") if choices.is_some() => options(choices.unwrap_or_default(), text),
        Some("integer") => text.push_str("number"),
        Some("array") => match property.get("items").filter(|_| depth < DEEPEST) {
            Some(items) => {
                kind(items, depth + 1, text);
                text.push_str("[]");
            }
            None => text.push_str("any[]"),
        },
        Some("object") => {
            text.push_str("{\n");
            if let Some(properties) = property.get("properties").and_then(Json::as_object).filter(|_| depth < DEEPEST) {
                members(properties, Some(property), depth + 1, text);
            }
            text.push('}');
        }
        Some(name) => text.push_str(name),
        None => alternatives(property, depth, text),
    }
}

fn options(choices: &[Json<'_>], text: &mut String) {
    let choices: Vec<String> = choices.iter().map(Json::to_text).collect();
    text.push_str(&choices.join(" | "));
}

fn alternatives(property: &Json<'_>, depth: usize, text: &mut String) {
    let Some(any) = property.get("anyOf").and_then(Json::as_array).filter(|_| depth < DEEPEST) else {
        text.push_str("any");
        return;
    };
    for (index, one) in any.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { " | " });
        kind(one, depth + 1, text);
    }
}
