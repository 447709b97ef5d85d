//! Pictures, recordings, films and files: `inlineData` and `fileData`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::names::{object, standard_base64};
use crate::canonical::{Body, Media, Source, Text};
use crate::json::{At, Invalid, Json, Members};

/// What is in `inlineData` or `fileData`, whichever `name` is, and what else that said.
pub(super) fn read<'a>(json: Json<'a>, name: &str, at: At<'_>) -> Result<(Body<'a>, Members<'a>), Invalid> {
    let mut fields = object(json, at)?;
    let mime = fields.text("mimeType")?;
    let source = if name == "inlineData" {
        Source::Base64(standard_base64(fields.text("data")?.unwrap_or_default()))
    } else {
        let uri = fields.need_text("fileUri")?;
        if is_kept_by_google(&uri) { Source::File(uri) } else { Source::Url(uri) }
    };
    let title = fields.text("displayName")?;
    let rest = fields.rest().with_some("displayName", title.clone());
    let kind = kind(mime.as_deref().or_else(|| guess(&source)));
    let media = Media { name: title, ..Media::new(source, mime) };
    Ok((kind(media), rest))
}

/// The member that says `media`, in the form for it; `default` is its media type where none is known. None for what
/// another provider keeps, or what is here in parts.
pub(super) fn write<'a>(
    media: &Media<'a>,
    default: Option<&'static str>,
    rest: Option<&Members<'a>>,
) -> Option<(&'static str, Members<'a>)> {
    let mime = || media.mime.clone().or_else(|| guess(&media.source).or(default).map(Cow::Borrowed));
    let inline = |mime: Option<Text<'a>>, data: Text<'a>| {
        ("inlineData", Members::new().with_some("mimeType", mime).with("data", data))
    };
    let (name, members) = match &media.source {
        Source::Base64(data) => inline(mime(), data.clone()),
        Source::Text(text) => {
            let mime = media.mime.clone().unwrap_or(Cow::Borrowed("text/plain"));
            inline(Some(mime), STANDARD.encode(text.as_bytes()).into())
        }
        Source::File(uri) if !uri.contains("://") => return None,
        Source::Url(uri) | Source::File(uri) => {
            // Google finds out by itself what a film on YouTube is.
            let mime = if is_youtube(uri) { media.mime.clone() } else { mime() };
            ("fileData", Members::new().with_some("mimeType", mime).with("fileUri", uri.clone()))
        }
        Source::Parts(_) => return None,
    };
    let more = rest.and_then(|rest| rest.get(name)).and_then(Json::as_object);
    Some((name, more.map_or_else(|| members.clone(), |more| members.clone().with_all(more.clone()))))
}

fn is_kept_by_google(uri: &str) -> bool {
    uri.starts_with("gs://") || uri.starts_with("https://generativelanguage.googleapis.com/")
}

fn is_youtube(uri: &str) -> bool {
    let host = uri.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    matches!(host, "www.youtube.com" | "youtube.com" | "m.youtube.com" | "youtu.be")
}

/// What a media type makes of media. Without one, only a film can be: Google reads those of YouTube so.
fn kind<'a>(mime: Option<&str>) -> fn(Media<'a>) -> Body<'a> {
    match mime.map(|mime| mime.split('/').next().unwrap_or_default()) {
        Some("image") => Body::Image,
        Some("audio") => Body::Audio,
        Some("video") | None => Body::Video,
        Some(_) => Body::Document,
    }
}

/// The media type that the end of a URL tells.
fn guess(source: &Source<'_>) -> Option<&'static str> {
    let (Source::Url(uri) | Source::File(uri)) = source else { return None };
    let path = uri.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let known = [
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("webp", "image/webp"),
        ("gif", "image/gif"),
        ("heic", "image/heic"),
        ("heif", "image/heif"),
        ("pdf", "application/pdf"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
        ("html", "text/html"),
        ("csv", "text/csv"),
        ("json", "application/json"),
        ("xml", "text/xml"),
        ("mp3", "audio/mpeg"),
        ("wav", "audio/wav"),
        ("flac", "audio/flac"),
        ("ogg", "audio/ogg"),
        ("aac", "audio/aac"),
        ("m4a", "audio/mp4"),
        ("mp4", "video/mp4"),
        ("mpeg", "video/mpeg"),
        ("mov", "video/quicktime"),
        ("webm", "video/webm"),
    ];
    known.iter().find(|(end, _)| extension.eq_ignore_ascii_case(end)).map(|(_, mime)| *mime)
}
