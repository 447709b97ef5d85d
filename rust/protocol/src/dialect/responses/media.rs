//! Pictures, recordings and files.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::content::{Side, piece, write};
use super::is_own;
use crate::canonical::{Body, Losses, Media, Part, Source, Text};
use crate::json::{At, Fields, Invalid, Json, Members};

const PDF: &str = "application/pdf";

/// Reads the members of an `input_image`.
pub(super) fn read_image<'a>(fields: &mut Fields<'a, '_>) -> Result<Media<'a>, Invalid> {
    let mut media = match fields.text("image_url")? {
        Some(url) => Media::of_url(url),
        None => Media::new(Source::File(file_id(fields, "needs image_url or file_id")?), None),
    };
    media.detail = fields.text("detail")?;
    Ok(media)
}

/// Reads the members of an `input_file`. Data that is no `data:` URL is base64 of an unknown type.
pub(super) fn read_file<'a>(fields: &mut Fields<'a, '_>) -> Result<Media<'a>, Invalid> {
    let name = fields.text("filename")?;
    let media = match (fields.text("file_data")?, fields.text("file_url")?) {
        (Some(data), _) => match Media::of_url(data) {
            Media { source: Source::Url(data), .. } => Media::new(Source::Base64(data), None),
            media => media,
        },
        (None, Some(url)) => Media::new(Source::Url(url), None),
        (None, None) => Media::new(Source::File(file_id(fields, "needs file_data, file_url or file_id")?), None),
    };
    Ok(Media { name, ..media })
}

fn file_id<'a>(fields: &mut Fields<'a, '_>, says: &str) -> Result<Text<'a>, Invalid> {
    fields.text("file_id")?.ok_or_else(|| fields.at().invalid(says))
}

/// Reads the members of an `input_audio`, which are as in chat completions.
pub(super) fn read_audio<'a>(fields: &mut Fields<'a, '_>) -> Result<Media<'a>, Invalid> {
    let Some(audio) = fields.take("input_audio") else { return Err(fields.missing("input_audio")) };
    let at = *fields.at();
    let mut audio = Fields::of(audio, at.member("input_audio"))?;
    let data = audio.need_text("data")?;
    let format = audio.text("format")?;
    let mime = format.map(|format| Cow::Owned(format!("audio/{format}")));
    Ok(Media::new(Source::Base64(data), mime))
}

/// An `input_image`. `own`: this dialect said it.
pub(super) fn write_image<'a>(media: &Media<'a>, own: bool) -> Result<Members<'a>, Invalid> {
    let members = Members::new().with("type", "input_image").with_some("detail", media.detail.clone());
    Ok(match (&media.source, media.url("image/png")) {
        (Source::File(id), _) => members.with("file_id", ours(id, own)?.clone()),
        (_, Some(url)) => members.with("image_url", url),
        (Source::Text(text), None) => members.with("image_url", data_url(text)),
        (_, None) => return Err(At::ROOT.member("content").invalid("has an image without data")),
    })
}

/// An `input_audio`; as a file, where only its URL is known.
pub(super) fn write_audio<'a>(media: &Media<'a>, own: bool) -> Result<Members<'a>, Invalid> {
    let Source::Base64(data) = &media.source else { return file(media, own) };
    let mime = media.mime.as_deref().unwrap_or("audio/wav");
    let format = match mime.split_once('/').map_or(mime, |(_, format)| format) {
        "mpeg" if !own => "mp3",
        "x-wav" | "wave" | "vnd.wave" if !own => "wav",
        format => format,
    };
    let audio = Members::new().with("data", data.clone()).with("format", format.to_owned());
    Ok(Members::new().with("type", "input_audio").with("input_audio", audio))
}

/// A picture in an answer of which there is only a URL: as text, in Markdown.
pub(super) fn shown<'a>(media: &Media<'a>) -> Option<Members<'a>> {
    let Source::Url(url) = &media.source else { return None };
    let text = format!("![image]({url})");
    Some(Members::new().with("type", "output_text").with("text", text).with("annotations", Vec::new()))
}

/// A recording in an answer.
pub(super) fn output_audio<'a>(media: &Media<'a>) -> Members<'a> {
    let data = if let Source::Base64(data) = &media.source { data.clone() } else { Cow::Borrowed("") };
    let transcript = media.context.clone().unwrap_or_default();
    Members::new().with("type", "output_audio").with("data", data).with("transcript", transcript)
}

/// A document as an `input_file`; one that is here in parts that are not all text, as those.
pub(super) fn write_document<'a>(
    part: &Part<'a>,
    media: &Media<'a>,
    losses: &mut Losses,
    out: &mut Vec<Json<'a>>,
) -> Result<(), Invalid> {
    losses.note_if(media.context.is_some(), "content.context");
    losses.note_if(media.citations == Some(true), "content.citations");
    let Source::Parts(parts) = &media.source else {
        out.push(piece(part, file(media, is_own(&part.rest))?));
        return Ok(());
    };
    let texts = parts.iter().map(|part| match &part.body {
        Body::Text(text, _) => Some(text.as_ref()),
        _ => None,
    });
    match texts.collect::<Option<Vec<_>>>() {
        Some(texts) => {
            let source = Source::Text(Cow::Owned(texts.join("\n\n")));
            out.push(file(&Media { source, ..media.clone() }, false)?.into());
            Ok(())
        }
        None => parts.iter().try_for_each(|part| write(part, Side::Input, losses, out)),
    }
}

fn file<'a>(media: &Media<'a>, own: bool) -> Result<Members<'a>, Invalid> {
    let members = Members::new().with("type", "input_file");
    let name = media.name.clone();
    Ok(match &media.source {
        Source::File(id) => members.with("file_id", ours(id, own)?.clone()).with_some("filename", name),
        // OpenAI refuses a name beside a URL.
        Source::Url(url) => members.with("file_url", url.clone()).with_some("filename", name.filter(|_| own)),
        Source::Base64(data) if own && media.mime.is_none() => {
            members.with("file_data", data.clone()).with_some("filename", name)
        }
        Source::Base64(_) if own => members.with_some("file_data", media.url(PDF)).with_some("filename", name),
        Source::Base64(_) => members.with_some("file_data", media.url(PDF)).with("filename", file_name(media)),
        Source::Text(text) => members.with("file_data", data_url(text)).with("filename", file_name(media)),
        Source::Parts(_) => return Err(At::ROOT.member("content").invalid("has parts where there can be none")),
    })
}

/// The name of a file, by whose ending `OpenAI` knows what it is.
pub(in super::super) fn file_name<'a>(media: &Media<'a>) -> Text<'a> {
    let usual = if matches!(media.source, Source::Text(_)) { "text/plain" } else { PDF };
    let ending = match media.mime.as_deref().unwrap_or(usual) {
        "text/plain" => "txt",
        PDF => "pdf",
        "text/markdown" => "md",
        mime => mime.split_once('/').map_or("bin", |(_, kind)| kind),
    };
    match &media.name {
        Some(name) if name.contains('.') => name.clone(),
        name => Cow::Owned(format!("{}.{ending}", name.as_deref().unwrap_or("document"))),
    }
}

fn data_url(text: &str) -> String {
    format!("data:text/plain;base64,{}", STANDARD.encode(text))
}

/// The name of a file that `OpenAI` keeps. Anthropic's begin with `file_`, Google's with `files/`.
fn ours<'m, 'a>(id: &'m Text<'a>, own: bool) -> Result<&'m Text<'a>, Invalid> {
    if own || id.starts_with("file-") || id.starts_with("assistant-") {
        return Ok(id);
    }
    Err(At::ROOT.member("content").invalid("refers to a file that another provider keeps; send the file itself"))
}
