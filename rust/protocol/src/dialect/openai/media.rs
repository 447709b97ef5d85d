//! Pictures, recordings, films and files: `image_url`, `input_audio` and `file` of OpenAI's; `video_url` and `audio_url`
//! (vLLM, OpenRouter), `document_url` (Mistral) and `file_url` (Perplexity) of others.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::marks::mark;
use crate::canonical::{Body, Media, Source, Text};
use crate::dialect::responses::file_name;
use crate::json::{Fields, Invalid, Json, Members};

/// Reads what a part of the type `kind` holds; None if it holds nothing that is known.
pub(super) fn read<'a>(
    kind: &str,
    fields: &mut Fields<'a, '_>,
    rest: &mut Members<'a>,
) -> Result<Option<Body<'a>>, Invalid> {
    Ok(match kind {
        "image_url" => at_url(fields, "image_url", rest)?.map(Body::Image),
        "video_url" => at_url(fields, "video_url", rest)?.map(Body::Video),
        "audio_url" => at_url(fields, "audio_url", rest)?.map(Body::Audio),
        "document_url" => at_url(fields, "document_url", rest)?.map(Body::Document).inspect(|_| mark(rest, "document")),
        "file_url" => at_url(fields, "file_url", rest)?.map(Body::Document).inspect(|_| mark(rest, "file_at")),
        "input_audio" => recording(fields, rest)?.map(Body::Audio),
        "file" => file(fields, rest)?.map(Body::Document),
        _ => None,
    })
}

/// The member `name`: a URL, or an object with a `url`.
fn at_url<'a>(
    fields: &mut Fields<'a, '_>,
    name: &'static str,
    rest: &mut Members<'a>,
) -> Result<Option<Media<'a>>, Invalid> {
    let here = *fields.at();
    let at = here.member(name);
    let Some(value) = fields.take(name) else { return Err(at.invalid("is missing")) };
    if let Json::String(url) = value {
        mark(rest, name);
        return Ok(Some(Media::of_url(url)));
    }
    let mut inner = Fields::of(value, at)?;
    let mut media = Media::of_url(inner.need_text("url")?);
    media.detail = inner.text("detail")?;
    media.mime = inner.text("format")?.or(media.mime);
    keep(name, inner, rest);
    Ok(Some(media))
}

fn recording<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<Media<'a>>, Invalid> {
    let here = *fields.at();
    let at = here.member("input_audio");
    let mut inner = Fields::of(fields.take("input_audio").unwrap_or(Json::Null), at)?;
    let data = inner.need_text("data")?;
    let mime = inner.text("format")?.map(|format| Cow::Owned(mime_of_format(&format)));
    keep("input_audio", inner, rest);
    Ok(Some(Media::new(Source::Base64(data), mime)))
}

fn file<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<Media<'a>>, Invalid> {
    let here = *fields.at();
    let at = here.member("file");
    let mut inner = Fields::of(fields.take("file").unwrap_or(Json::Null), at)?;
    let mut media = match (inner.text("file_id")?, inner.text("file_data")?) {
        // LiteLLM's callers name a file to fetch so.
        (Some(id), _) if is_url(&id) => Media::of_url(id),
        (Some(id), _) => Media::new(Source::File(id), None),
        (None, Some(data)) if is_url(&data) || data.starts_with("data:") => Media::of_url(data),
        (None, Some(data)) => Media::new(Source::Base64(data), None),
        (None, None) => return Err(inner.missing("file_data")),
    };
    media.name = inner.text("filename")?;
    media.mime = inner.text("format")?.or(media.mime);
    keep("file", inner, rest);
    Ok(Some(media))
}

/// Keeps what is left of an inner object.
fn keep<'a>(name: &'static str, inner: Fields<'a, '_>, rest: &mut Members<'a>) {
    let left = inner.rest();
    if !left.is_empty() {
        rest.push(name, left);
    }
}

fn is_url(text: &str) -> bool {
    ["https://", "http://", "gs://"].iter().any(|scheme| text.starts_with(scheme))
}

/// A part of the type `kind` with a URL; as the bare text if it was read so.
pub(super) fn url_part<'a>(kind: &'static str, url: Text<'a>, detail: Option<&Text<'a>>, bare: bool) -> Members<'a> {
    let value = if bare {
        Json::String(url)
    } else {
        Members::new().with("url", url).with_some("detail", detail.cloned()).into()
    };
    Members::new().with("type", kind).with(kind, value)
}

/// A recording that is here, in base64.
pub(super) fn audio_part<'a>(data: &Text<'a>, mime: Option<&str>) -> Members<'a> {
    let inner = Members::new().with("data", data.clone()).with("format", format_of_mime(mime.unwrap_or("audio/wav")));
    Members::new().with("type", "input_audio").with("input_audio", inner)
}

/// A file. None where it is no file here, but parts.
pub(super) fn file_part<'a>(media: &Media<'a>, own: bool) -> Option<Members<'a>> {
    let (member, value) = match &media.source {
        Source::File(id) => ("file_id", id.clone()),
        Source::Base64(data) if own && media.mime.is_none() => ("file_data", data.clone()),
        Source::Text(text) => {
            let mime = media.mime.as_deref().unwrap_or("text/plain");
            ("file_data", Cow::Owned(format!("data:{mime};base64,{}", STANDARD.encode(text.as_bytes()))))
        }
        Source::Base64(_) | Source::Url(_) => ("file_data", media.url("application/pdf")?),
        Source::Parts(_) => return None,
    };
    let named = if own { media.name.clone() } else { Some(file_name(media)) };
    let inner = Members::new().with_some("filename", named).with(member, value);
    Some(Members::new().with("type", "file").with("file", inner))
}

fn mime_of_format(format: &str) -> String {
    format!("audio/{}", if format == "mp3" { "mpeg" } else { format })
}

fn format_of_mime(mime: &str) -> String {
    match mime.strip_prefix("audio/").unwrap_or(mime) {
        "mpeg" => "mp3",
        "x-wav" | "wave" | "vnd.wave" => "wav",
        format => format,
    }
    .to_owned()
}
