//! The `content` of messages and answers: a text, or a list of parts.

use std::borrow::Cow;

use super::marks::{CHAT, mark};
use super::media;
use crate::canonical::{Annotation, Body, CacheControl, Part, Reasoning, Rest, Text};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Marks content that was a list, also where a text would do; and thoughts that were in it.
pub(super) const LIST: &str = "content";
pub(super) const THINKING: &str = "thinking";

/// Takes `content`. None if it is absent.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<Vec<Part<'a>>>, Invalid> {
    let here = *fields.at();
    let at = here.member("content");
    match fields.take("content") {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(vec![Part::text(text)])),
        Some(Json::Array(items)) => {
            mark(rest, LIST);
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| part(item, at.item(index)))
                .collect::<Result<_, _>>()
                .map(Some)
        }
        Some(_) => Err(at.invalid("must be a string or an array of content parts")),
    }
}

/// Reads one part.
pub(super) fn part<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let kind = fields.need_text("type")?;
    let cache = cache(&mut fields)?;
    let mut rest = Members::new();
    let body = match &*kind {
        "text" => Some(Body::Text(fields.need_text("text")?, Vec::new())),
        "refusal" => Some(Body::Refusal(fields.need_text("refusal")?)),
        "thinking" => thinking(&mut fields, &mut rest)?,
        kind => media::read(kind, &mut fields, &mut rest)?,
    };
    rest.0.extend(fields.rest().0);
    Ok(match body {
        Some(body) => Part { cache, rest: Rest::new(CHAT, rest), ..Part::new(body) },
        None => {
            let mut whole = Members::new().with("type", kind);
            whole.0.extend(rest.0);
            Part { cache, ..Part::new(Body::Foreign(CHAT, whole.into())) }
        }
    })
}

/// Mistral's thoughts: a list of texts. Anything else in it leaves the part as it is.
fn thinking<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<Body<'a>>, Invalid> {
    let pieces = match fields.take(THINKING) {
        Some(Json::Array(pieces)) => pieces,
        Some(Json::String(text)) => vec![Members::new().with("type", "text").with("text", text).into()],
        _ => return Ok(None),
    };
    let plain = |piece: &Json<'_>| piece.get("type").and_then(Json::as_str) == Some("text");
    if !pieces.iter().all(|piece| plain(piece) && piece.get("text").is_some_and(|text| text.as_str().is_some())) {
        rest.push(THINKING, pieces);
        return Ok(None);
    }
    mark(rest, THINKING);
    Ok(Some(Body::Reasoning(Reasoning { text: joined(pieces), ..Reasoning::default() })))
}

fn joined(pieces: Vec<Json<'_>>) -> Text<'_> {
    let texts = pieces.into_iter().filter_map(|piece| {
        let Json::Object(members) = piece else { return None };
        members.0.into_iter().find_map(|(name, value)| match value {
            Json::String(text) if name == "text" => Some(text),
            _ => None,
        })
    });
    texts.reduce(|all, text| Cow::Owned(all.into_owned() + &text)).unwrap_or_default()
}

/// Takes `cache_control`, Anthropic's, which LiteLLM and OpenRouter read here too.
pub(super) fn cache<'a>(fields: &mut Fields<'a, '_>) -> Result<Option<CacheControl<'a>>, Invalid> {
    let here = *fields.at();
    let Some(control) = fields.take("cache_control") else { return Ok(None) };
    let mut inner = Fields::of(control, here.member("cache_control"))?;
    Ok(Some(CacheControl { ttl: inner.text("ttl")? }))
}

/// What `cache_control` says.
pub(super) fn write_cache<'a>(cache: &CacheControl<'a>) -> Members<'a> {
    Members::new().with("type", "ephemeral").with_some("ttl", cache.ttl.clone())
}

/// A part of text.
pub(super) fn text_part<'a>(text: Text<'a>) -> Members<'a> {
    Members::new().with("type", "text").with("text", text)
}

/// A part of a refusal.
pub(super) fn refusal_part<'a>(text: Text<'a>) -> Members<'a> {
    Members::new().with("type", "refusal").with("refusal", text)
}

/// Mistral's part of thoughts.
pub(super) fn thinking_part<'a>(text: Text<'a>) -> Members<'a> {
    Members::new().with("type", THINKING).with(THINKING, vec![text_part(text).into()])
}

/// Reads one of `annotations`.
pub(super) fn annotation(json: Json<'_>) -> Annotation<'_> {
    let inner = json.get("url_citation");
    let text = |name: &str| match inner.and_then(|inner| inner.get(name)) {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    };
    let number = |name: &str| inner.and_then(|inner| inner.get(name)?.as_u64());
    Annotation {
        url: text("url"),
        title: text("title"),
        cited: text("content"),
        span: number("start_index").zip(number("end_index")),
        origin: (CHAT, json),
    }
}

/// What a whole answer cites, beside its choices (Perplexity's `search_results`).
pub(super) fn search_results<'a>(results: &Json<'a>) -> Vec<Annotation<'a>> {
    let each = results.as_array().unwrap_or_default().iter();
    let text = |result: &Json<'a>, name: &str| match result.get(name) {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    };
    let cited = each.map(|result| Annotation {
        url: text(result, "url"),
        title: text(result, "title"),
        cited: text(result, "snippet").filter(|snippet| !snippet.is_empty()),
        span: None,
        // It is not among the annotations here, so it is not written there.
        origin: (CHAT, Json::Null),
    });
    cited.filter(|annotation| annotation.url.is_some()).collect()
}

/// Writes one of `annotations`; None if it cannot be said: this dialect cites URLs alone. `text` is where in the content
/// its text lies, and how long it is, in characters: where no place in it is known, the whole of it cites.
pub(super) fn write_annotation<'a>(annotation: &Annotation<'a>, text: (u64, u64)) -> Option<Json<'a>> {
    if annotation.origin.0 == CHAT {
        return Some(annotation.origin.1.clone()).filter(|json| *json != Json::Null);
    }
    let (before, length) = text;
    let (start, end) = annotation.span.unwrap_or((0, length));
    let cited = Members::new()
        .with("start_index", before.saturating_add(start))
        .with("end_index", before.saturating_add(end))
        .with("url", annotation.url.clone()?)
        .with("title", annotation.title.clone().unwrap_or_default())
        .with_some("content", annotation.cited.clone());
    Some(Members::new().with("type", "url_citation").with("url_citation", cited).into())
}
