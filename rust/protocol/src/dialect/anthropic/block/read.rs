//! Reads content blocks, of requests and of answers. What has no canonical form stays whole.

use super::super::merge::keep;
use super::super::{OWN, citation, marked};
use super::write::is_plain;
use crate::canonical::{
    Arguments, Body, CacheControl, CallKind, Media, Part, Reasoning, Rest, Signature, Source, ToolCall, ToolResult,
};
use crate::dialect::signature::of_field;
use crate::json::{At, Fields, Invalid, Json, Members};

const BLOCKS: [&str; 8] =
    ["text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result"];
const SOURCES: [&str; 5] = ["base64", "url", "file", "text", "content"];

/// Content: a text, or a list of blocks.
pub(in super::super) fn content<'a>(json: Option<Json<'a>>, at: At<'_>) -> Result<Vec<Part<'a>>, Invalid> {
    let items = match json {
        None => return Ok(Vec::new()),
        Some(Json::String(text)) => return Ok(vec![Part::text(text)]),
        Some(Json::Array(items)) => items,
        Some(_) => return Err(at.invalid("must be a string or an array")),
    };
    let read = items.into_iter().enumerate().map(|(index, item)| block(item, at.item(index)));
    let mut parts = read.collect::<Result<Vec<_>, _>>()?;
    // Written without the mark, it would become a string.
    if let [only] = parts.as_mut_slice()
        && is_plain(only)
    {
        only.rest = marked(Members::new());
    }
    Ok(parts)
}

/// One block.
pub(in super::super) fn block<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let Some(kind) = known(&json) else {
        let mut fields = Fields::of(json.clone(), at)?;
        fields.need_text("type")?;
        return Ok(Part::new(Body::Foreign(OWN, json)));
    };
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let mut rest = Members::new();
    let (body, signature) = match kind {
        "text" => (Body::Text(fields.need_text("text")?, fields.each("citations", citation::read)?), None),
        "image" => (Body::Image(media(&mut fields, &mut rest)?), None),
        "document" => (Body::Document(document(&mut fields, &mut rest)?), None),
        "search_result" => (Body::Document(search_result(&mut fields, &mut rest)?), None),
        "thinking" => thinking(&mut fields)?,
        "redacted_thinking" => {
            let signature = of_field(fields.need_text("data")?, OWN);
            (Body::Reasoning(Reasoning { redacted: true, ..Reasoning::default() }), Some(signature))
        }
        "tool_use" => tool_use(&mut fields)?,
        _ => (Body::ToolResult(tool_result(&mut fields)?), None),
    };
    let cache = cache(&mut fields, &mut rest)?;
    Ok(Part { body, cache, signature, rest: Rest::new(OWN, rest.with_all(fields.rest())) })
}

/// Which block of those that others know `json` is.
fn known(json: &Json<'_>) -> Option<&'static str> {
    let of = |json: &Json<'_>, names: &'static [&'static str]| {
        let kind = json.get("type").and_then(Json::as_str)?;
        names.iter().find(|name| **name == kind).copied()
    };
    let kind = of(json, &BLOCKS)?;
    let sourced =
        !matches!(kind, "image" | "document") || json.get("source").is_none_or(|it| of(it, &SOURCES).is_some());
    sourced.then_some(kind)
}

fn media<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Media<'a>, Invalid> {
    let at = *fields.at();
    let at = at.member("source");
    let source = fields.take("source").ok_or_else(|| fields.missing("source"))?;
    let mut source = Fields::of(source, at)?;
    let kind = source.need_text("type")?;
    let found = match &*kind {
        "base64" => Source::Base64(source.need_text("data")?),
        "url" => Source::Url(source.need_text("url")?),
        "file" => Source::File(source.need_text("file_id")?),
        "text" => Source::Text(source.need_text("data")?),
        _ => Source::Parts(content(source.take("content"), at.member("content"))?),
    };
    let mime = source.text("media_type")?;
    keep(rest, "source", source);
    Ok(Media::new(found, mime))
}

fn document<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Media<'a>, Invalid> {
    let found = media(fields, rest)?;
    let (name, context) = (fields.text("title")?, fields.text("context")?);
    Ok(Media { name, context, citations: citations(fields, rest)?, ..found })
}

/// A page that a search of the caller's found: a document in parts, and where it is from.
fn search_result<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Media<'a>, Invalid> {
    let at = *fields.at();
    let parts = content(fields.take("content"), at.member("content"))?;
    let found = Media::new(Source::Parts(parts), None);
    rest.push("search_result", Members::new().with("source", fields.need_text("source")?));
    Ok(Media { name: fields.text("title")?, citations: citations(fields, rest)?, ..found })
}

fn citations<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<bool>, Invalid> {
    let Some(citations) = fields.take("citations") else { return Ok(None) };
    let at = *fields.at();
    let mut citations = Fields::of(citations, at.member("citations"))?;
    let enabled = citations.flag("enabled")?;
    keep(rest, "citations", citations);
    Ok(enabled)
}

type Signed<'a> = (Body<'a>, Option<Signature<'a>>);

fn thinking<'a>(fields: &mut Fields<'a, '_>) -> Result<Signed<'a>, Invalid> {
    let text = fields.need_text("thinking")?;
    let signature = fields.text("signature")?.filter(|field| !field.is_empty());
    let body = Body::Reasoning(Reasoning { text, ..Reasoning::default() });
    Ok((body, signature.map(|field| of_field(field, OWN))))
}

fn tool_use<'a>(fields: &mut Fields<'a, '_>) -> Result<Signed<'a>, Invalid> {
    let call = ToolCall {
        id: Some(fields.need_text("id")?),
        name: fields.need_text("name")?,
        arguments: Arguments::Json(fields.take("input").unwrap_or_else(|| Members::new().into())),
        kind: CallKind::Function,
        item: None,
    };
    // Anthropic signs no calls: what stands here is what an answer of ours gave a caller to keep.
    let foreign = fields.peek_text("signature").is_some_and(|field| of_field(field.into(), OWN).origin != OWN);
    let signature = if foreign { fields.text("signature")?.map(|field| of_field(field, OWN)) } else { None };
    Ok((Body::ToolCall(call), signature))
}

fn tool_result<'a>(fields: &mut Fields<'a, '_>) -> Result<ToolResult<'a>, Invalid> {
    let at = *fields.at();
    Ok(ToolResult {
        call: Some(fields.need_text("tool_use_id")?),
        name: None,
        content: content(fields.take("content"), at.member("content"))?,
        json: None,
        failed: fields.flag("is_error")?,
        kind: CallKind::Function,
    })
}

/// The mark up to which the prompt is to be cached. What it says beside a lifetime stays with it.
pub(in super::super) fn cache<'a>(
    fields: &mut Fields<'a, '_>,
    rest: &mut Members<'a>,
) -> Result<Option<CacheControl<'a>>, Invalid> {
    let Some(cache) = fields.take("cache_control") else { return Ok(None) };
    let at = *fields.at();
    let mut cache = Fields::of(cache, at.member("cache_control"))?;
    let ttl = cache.text("ttl")?;
    if cache.peek_text("type") == Some("ephemeral") {
        cache.take("type");
    }
    keep(rest, "cache_control", cache);
    Ok(Some(CacheControl { ttl }))
}
