//! Pictures and documents in requests: base64, URLs, the provider's files, plain text and parts.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::parts::Parts;
use crate::canonical::{Media, Part, Source};
use crate::json::{At, Invalid, Json, Members};

const PDF: &str = "application/pdf";

pub(super) fn image<'r>(media: &'r Media<'_>, at: At<'_>) -> Result<Members<'r>, Invalid> {
    let source = match &media.source {
        Source::Base64(data) => base64(image_type(media.mime.as_deref(), data), data),
        Source::Url(url) => of_url(url),
        Source::File(id) => file(id, at)?,
        Source::Text(_) | Source::Parts(_) => return Err(at.invalid("must be an image in base64, a URL or a file")),
    };
    Ok(Members::new().with("type", "image").with("source", source))
}

pub(super) fn document<'r>(
    media: &'r Media<'_>,
    part: &'r Part<'_>,
    parts: &mut Parts<'_, 'r>,
    at: At<'_>,
) -> Result<Members<'r>, Invalid> {
    let mime = media.mime.as_deref();
    let source = match &media.source {
        Source::Base64(data) if mime.is_some_and(|mime| mime.starts_with("image/")) => {
            let source = base64(image_type(mime, data), data);
            return Ok(Members::new().with("type", "image").with("source", source));
        }
        Source::Base64(data) if mime == Some(PDF) || (mime.is_none() && data.starts_with("JVBERi0")) => {
            base64(PDF, data)
        }
        Source::Base64(data) => text(decoded(data, at)?),
        Source::Url(url) => of_url(url),
        Source::File(id) => file(id, at)?,
        Source::Text(data) => text(Cow::Borrowed(data.as_ref())),
        Source::Parts(inner) => {
            let content = parts.content(inner, at)?;
            if let Some(found) = part.rest.of(super::super::OWN).and_then(|rest| rest.get("search_result")) {
                return Ok(search_result(media, found, content));
            }
            Members::new().with("type", "content").with("content", content)
        }
    };
    let document = Members::new().with("type", "document").with("source", source);
    Ok(titled(document, media).with_some("context", media.context.as_deref()))
}

fn search_result<'r>(media: &'r Media<'_>, found: &'r Json<'_>, content: Json<'r>) -> Members<'r> {
    let source = found.get("source").map(Json::lend);
    titled(Members::new().with("type", "search_result").with_some("source", source), media).with("content", content)
}

fn titled<'r>(members: Members<'r>, media: &'r Media<'_>) -> Members<'r> {
    let citations = media.citations.map(|enabled| Members::new().with("enabled", enabled));
    members.with_some("title", media.name.as_deref()).with_some("citations", citations)
}

fn base64<'r>(mime: &'r str, data: &'r str) -> Members<'r> {
    Members::new().with("type", "base64").with("media_type", mime).with("data", data)
}

fn text(data: Cow<'_, str>) -> Members<'_> {
    Members::new().with("type", "text").with("media_type", "text/plain").with("data", data)
}

fn of_url(url: &str) -> Members<'_> {
    Members::new().with("type", "url").with("url", url)
}

/// A file that the provider keeps. Those of others have names of another form: `file-…` (`OpenAI`), `files/…` (Gemini).
fn file<'r>(id: &'r str, at: At<'_>) -> Result<Members<'r>, Invalid> {
    if ["file-", "files/", "http", "gs:"].iter().any(|other| id.starts_with(other)) {
        return Err(at.invalid("is a file that another provider keeps; send its content instead"));
    }
    Ok(Members::new().with("type", "file").with("file_id", id))
}

/// The type of a picture, by its first bytes where it was not said.
pub(in crate::dialect) fn image_type<'r>(said: Option<&'r str>, data: &str) -> &'r str {
    match said {
        Some("image/jpg") => "image/jpeg",
        Some(mime) => mime,
        None if data.starts_with("/9j/") => "image/jpeg",
        None if data.starts_with("R0lGOD") => "image/gif",
        None if data.starts_with("UklGR") => "image/webp",
        None => "image/png",
    }
}

/// A document that is no PDF is sent as the text that it is.
fn decoded(data: &str, at: At<'_>) -> Result<Cow<'static, str>, Invalid> {
    let text = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Cow::Owned).ok_or_else(|| at.invalid("must be a PDF or a text: this model takes no other documents"))
}
