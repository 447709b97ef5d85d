//! Reads content blocks. Each is an object of one member, which says what it is; what has no canonical form stays whole.

use std::borrow::Cow;

use super::{OWN, citation};
use crate::canonical::{Arguments, Body, CallKind, Media, Part, Reasoning, Rest, Signature, Source, Text, ToolCall};
use crate::json::{At, Fields, Invalid, Json, Members};

pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    if is_foreign(&json) {
        return Ok(Part::new(Body::Foreign(OWN, json)));
    }
    let mut fields = Fields::of(json, at)?;
    if let Some(text) = fields.text("text")? {
        return Ok(Part::text(text));
    }
    for (name, read) in KNOWN {
        let Some(inner) = fields.take(name) else { continue };
        let at = *fields.at();
        let mut inner = Fields::of(inner, at.member(name))?;
        let part = read(&mut inner)?;
        return Ok(Part { rest: Rest::new(OWN, inner.rest()), ..part });
    }
    // Only an empty object has none of all.
    Err(at.invalid("must have a member that says what it is"))
}

type Read = for<'a, 'f, 'p> fn(&'f mut Fields<'a, 'p>) -> Result<Part<'a>, Invalid>;

const KNOWN: [(&str, Read); 5] = [
    ("citationsContent", cited),
    ("reasoningContent", reasoning),
    ("toolUse", tool_use),
    ("image", |fields| media(fields, "image").map(|media| Part::new(Body::Image(media)))),
    ("audio", |fields| media(fields, "audio").map(|media| Part::new(Body::Audio(media)))),
];

/// Whether it is of no kind that others know, or a call that the provider itself runs.
fn is_foreign(json: &Json<'_>) -> bool {
    let Some(members) = json.as_object().filter(|members| !members.is_empty()) else { return false };
    let known = KNOWN.iter().any(|(name, _)| members.get(name).is_some()) || members.get("text").is_some();
    !known || json.get("toolUse").is_some_and(is_run_there)
}

/// Whether the provider runs this call by itself. The caller's have no type, or `tool_use`.
pub(super) fn is_run_there(call: &Json<'_>) -> bool {
    call.get("type").and_then(Json::as_str) == Some("server_tool_use")
}

/// Text, and what it cites.
fn cited<'a>(fields: &mut Fields<'a, '_>) -> Result<Part<'a>, Invalid> {
    let texts = fields.each("content", |piece, at| Fields::of(piece, at)?.text("text"))?;
    let mut texts = texts.into_iter().flatten();
    let first = texts.next().unwrap_or_default();
    let text = texts.fold(first, |all, more| Cow::Owned(all.into_owned() + &more));
    Ok(Part::new(Body::Text(text, fields.each("citations", citation::read)?)))
}

fn reasoning<'a>(fields: &mut Fields<'a, '_>) -> Result<Part<'a>, Invalid> {
    let signed = |value: Text<'a>| Signature { origin: OWN, value };
    if let Some(data) = fields.text("redactedContent")? {
        let body = Body::Reasoning(Reasoning { redacted: true, ..Reasoning::default() });
        return Ok(Part { signature: Some(signed(data)), ..Part::new(body) });
    }
    let at = *fields.at();
    let said = fields.take("reasoningText").ok_or_else(|| fields.missing("reasoningText"))?;
    let mut said = Fields::of(said, at.member("reasoningText"))?;
    let text = said.text("text")?.unwrap_or_default();
    let signature = said.text("signature")?.filter(|signature| !signature.is_empty());
    let body = Body::Reasoning(Reasoning { text, ..Reasoning::default() });
    Ok(Part { signature: signature.map(signed), ..Part::new(body) })
}

fn tool_use<'a>(fields: &mut Fields<'a, '_>) -> Result<Part<'a>, Invalid> {
    fields.take("type");
    let call = ToolCall {
        id: Some(fields.need_text("toolUseId")?),
        name: fields.need_text("name")?,
        arguments: Arguments::Json(fields.take("input").unwrap_or_else(|| Members::new().into())),
        kind: CallKind::Function,
        item: None,
    };
    Ok(Part::new(Body::ToolCall(call)))
}

/// What the model made: in base64, or where it was put.
fn media<'a>(fields: &mut Fields<'a, '_>, kind: &str) -> Result<Media<'a>, Invalid> {
    let format = fields.text("format")?;
    let at = *fields.at();
    let source = fields.take("source").ok_or_else(|| fields.missing("source"))?;
    let source = read_source(source, at.member("source"))?;
    Ok(Media::new(source, format.map(|format| Cow::Owned(format!("{kind}/{format}")))))
}

pub(super) fn read_source<'a>(json: Json<'a>, at: At<'_>) -> Result<Source<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    if let Some(bytes) = fields.text("bytes")? {
        return Ok(Source::Base64(bytes));
    }
    let kept = fields.take("s3Location").ok_or_else(|| fields.missing("bytes"))?;
    Ok(Source::Url(Fields::of(kept, at.member("s3Location"))?.need_text("uri")?))
}
