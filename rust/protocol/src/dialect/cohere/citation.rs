//! Citations: which characters of a text, and the documents and tools' results that they are taken from.

use super::OWN;
use crate::canonical::{Annotation, Text};
use crate::json::Json;

/// Where a citation lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the item of the content that has this number.
    Content(u64),
    /// In what the model said before its calls.
    Plan,
    /// In its thoughts, of which no other dialect says what they cite.
    Thoughts,
}

/// Where `citation` lies, and what it cites, an annotation a source.
pub(super) fn read<'a>(citation: &Json<'a>) -> (Place, Vec<Annotation<'a>>) {
    let number = |name: &str| citation.get(name).and_then(Json::as_u64);
    let place = match citation.get("type").and_then(Json::as_str) {
        Some("PLAN") => Place::Plan,
        Some("THINKING_CONTENT") => Place::Thoughts,
        _ => Place::Content(number("content_index").unwrap_or(0)),
    };
    let span = number("start").zip(number("end"));
    let sources = citation.get("sources").and_then(Json::as_array).unwrap_or_default();
    let each = sources.iter().map(|source| {
        let held = source.get("document").or_else(|| source.get("tool_output"));
        let text = |name: &str| -> Option<Text<'a>> {
            if let Some(Json::String(text)) = held?.get(name) { Some(text.clone()) } else { None }
        };
        let title = text("title").or_else(|| source.get("id").and_then(Json::as_str).map(|id| id.to_owned().into()));
        Annotation { url: text("url"), title, cited: text("text"), span, origin: (OWN, citation.clone()) }
    });
    (place, each.collect())
}
