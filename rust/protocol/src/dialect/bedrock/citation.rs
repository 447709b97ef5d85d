//! Citations: of the web, of characters, pages and pieces of documents, and of search results. Each is kept whole; what others
//! understand of it is told beside.

use super::OWN;
use crate::canonical::{Annotation, Text};
use crate::json::{At, Invalid, Json};

pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Annotation<'a>, Invalid> {
    if json.as_object().is_none() {
        return Err(at.invalid("must be an object"));
    }
    let text = |of: Option<&Json<'a>>, name: &str| match of?.get(name) {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    };
    let url = text(json.get("location").and_then(|location| location.get("web")), "url")
        .or_else(|| text(Some(&json), "source").filter(|source: &Text<'_>| source.contains("://")));
    let title = text(Some(&json), "title");
    let pieces = json.get("sourceContent").and_then(Json::as_array).unwrap_or_default();
    let cited: String = pieces.iter().filter_map(|piece| piece.get("text")?.as_str()).collect();
    let cited = (!cited.is_empty()).then_some(cited.into());
    Ok(Annotation { url, title, cited, span: None, origin: (OWN, json) })
}
