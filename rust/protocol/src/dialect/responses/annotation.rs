//! What text cites.

use super::SELF;
use crate::canonical::Annotation;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads `annotations` of a piece of text.
pub(super) fn read_all<'a>(json: Vec<Json<'a>>, list: At<'_>) -> Result<Vec<Annotation<'a>>, Invalid> {
    json.into_iter().enumerate().map(|(index, item)| read(item, list.item(index))).collect()
}

pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Annotation<'a>, Invalid> {
    let mut fields = Fields::of(json.clone(), at)?;
    let span = fields.integer("start_index")?.zip(fields.integer("end_index")?);
    let url = fields.text("url")?;
    let title = fields.text("title")?.or(fields.text("filename")?);
    Ok(Annotation { url, title, cited: None, span, origin: (SELF, json) })
}

/// An annotation, as a `url_citation` if another dialect said it; None where that has no URL. `length` is that of the
/// text so far, in characters: where no place is known, the whole of it cites.
pub(super) fn write<'a>(annotation: &Annotation<'a>, length: u64) -> Option<Json<'a>> {
    if annotation.origin.0 == SELF {
        return Some(annotation.origin.1.clone());
    }
    let url = annotation.url.clone()?;
    let (start, end) = annotation.span.unwrap_or((0, length));
    let title = annotation.title.clone().unwrap_or_else(|| url.clone());
    let cited = Members::new().with("type", "url_citation").with("start_index", start).with("end_index", end);
    Some(cited.with("url", url).with("title", title).into())
}
