//! Citations: `char_location`, `page_location`, `content_block_location`, `web_search_result_location` and
//! `search_result_location`. Each is kept whole; what others understand of it is told beside.

use super::OWN;
use crate::canonical::{Annotation, Text};
use crate::json::{At, Invalid, Json, Members};

const WEB: &str = "web_search_result_location";

pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Annotation<'a>, Invalid> {
    if json.as_object().is_none() {
        return Err(at.invalid("must be an object"));
    }
    let text = |name| match json.get(name) {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    };
    let url = text("url").or_else(|| text("source").filter(|source: &Text<'_>| source.contains("://")));
    let title = text("title").or_else(|| text("document_title"));
    Ok(Annotation { url, title, cited: text("cited_text"), span: None, origin: (OWN, json) })
}

/// A citation for a caller. None for another dialect's that has no URL: there is nothing here to say it with.
pub(super) fn write<'r>(annotation: &'r Annotation<'_>) -> Option<Json<'r>> {
    if annotation.origin.0 == OWN {
        return Some(annotation.origin.1.lend());
    }
    let cited = annotation.cited.as_deref().unwrap_or_default();
    let web = Members::new()
        .with("type", WEB)
        .with("url", annotation.url.as_deref()?)
        .with_some("title", annotation.title.as_deref())
        .with("cited_text", cited)
        .with("encrypted_index", "");
    Some(web.into())
}

/// The same for the API, which knows only its own: not what [`write`] made up for a caller who gives it back.
pub(super) fn write_back<'r>(annotation: &'r Annotation<'_>) -> Option<Json<'r>> {
    let (origin, json) = &annotation.origin;
    let made_up = json.get("type").and_then(Json::as_str) == Some(WEB)
        && json.get("encrypted_index").and_then(Json::as_str) == Some("");
    (*origin == OWN && !made_up).then(|| json.lend())
}
