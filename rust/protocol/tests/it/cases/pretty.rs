//! JSON for people: a value that fits stands on one line.

use std::borrow::Cow;

use tollway_protocol::json::{Json, write_string};

const WIDTH: usize = 110;

/// `json`, indented by two spaces.
pub(super) fn pretty(json: &Json<'_>) -> String {
    format!("{}\n", indented(json, 0))
}

fn indented(json: &Json<'_>, depth: usize) -> String {
    let line = flat(json);
    if line.len() + 2 * depth <= WIDTH {
        return line;
    }
    let pad = "  ".repeat(depth + 1);
    let (open, close, items): (_, _, Vec<String>) = match json {
        Json::Object(members) => {
            let member =
                |(name, value): &(Cow<'_, str>, Json<'_>)| format!("{}: {}", quoted(name), indented(value, depth + 1));
            ('{', '}', members.0.iter().map(member).collect())
        }
        Json::Array(items) => ('[', ']', items.iter().map(|item| indented(item, depth + 1)).collect()),
        _ => return line,
    };
    format!("{open}\n{pad}{}\n{}{close}", items.join(&format!(",\n{pad}")), "  ".repeat(depth))
}

/// `json` on one line, with spaces.
pub(super) fn flat(json: &Json<'_>) -> String {
    match json {
        Json::Object(members) => {
            let member = |(name, value): &(Cow<'_, str>, Json<'_>)| format!("{}: {}", quoted(name), flat(value));
            format!("{{{}}}", members.0.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        other => other.to_text(),
    }
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    write_string(text, &mut out);
    String::from_utf8(out).expect("text")
}
