//! Pictures, recordings, films and documents: in base64, or in S3. Each names its format in a word of the API's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::canonical::{Media, Source};
use crate::dialect::anthropic::request::media::image_type;
use crate::json::{At, Invalid, Json, Members};

const IMAGES: [(&str, &str); 4] =
    [("image/png", "png"), ("image/jpeg", "jpeg"), ("image/gif", "gif"), ("image/webp", "webp")];

/// By media type, and by the ending of a name.
const DOCUMENTS: [(&str, &str); 9] = [
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
];

const VIDEOS: [(&str, &str); 9] = [
    ("video/x-matroska", "mkv"),
    ("video/quicktime", "mov"),
    ("video/mp4", "mp4"),
    ("video/webm", "webm"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/mpg", "mpg"),
    ("video/x-ms-wmv", "wmv"),
    ("video/3gpp", "three_gp"),
];

const AUDIOS: [(&str, &str); 13] = [
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/wave", "wav"),
    ("audio/flac", "flac"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/aac", "aac"),
    ("audio/mp4", "m4a"),
    ("audio/m4a", "m4a"),
    ("audio/webm", "webm"),
    ("audio/pcm", "pcm"),
];

pub(super) fn image<'r>(media: &'r Media<'_>, at: At<'_>) -> Result<Members<'r>, Invalid> {
    let mime = match &media.source {
        Source::Base64(data) => Some(image_type(media.mime.as_deref(), data)),
        _ => media.mime.as_deref(),
    };
    let format = of_type(&IMAGES, mime).or_else(|| of_ending(&IMAGES, address(media)));
    with_source(format, media, "must be a PNG, a JPEG, a GIF or a WebP", at)
}

pub(super) fn video<'r>(media: &'r Media<'_>, at: At<'_>) -> Result<Members<'r>, Invalid> {
    let format = of_type(&VIDEOS, media.mime.as_deref()).or_else(|| of_ending(&VIDEOS, address(media)));
    with_source(format, media, "must say which of MP4, MOV, MKV, WebM, FLV, MPEG, WMV and 3GP it is", at)
}

pub(super) fn audio<'r>(media: &'r Media<'_>, at: At<'_>) -> Result<Members<'r>, Invalid> {
    let format = of_type(&AUDIOS, media.mime.as_deref()).or_else(|| of_ending(&AUDIOS, address(media)));
    with_source(format, media, "must say which of MP3, WAV, FLAC, Ogg, Opus, AAC, M4A, WebM and PCM it is", at)
}

/// `pieces`: what it holds, where it is in parts.
pub(super) fn document<'r>(
    media: &'r Media<'_>,
    pieces: Option<Vec<Json<'r>>>,
    names: &mut Names,
    at: At<'_>,
) -> Result<Members<'r>, Invalid> {
    let name = names.of(media.name.as_deref());
    if let Some(pieces) = pieces {
        return Ok(Members::of([("name", name.into()), ("source", Members::of([("content", pieces.into())]).into())]));
    }
    let mime = media.mime.as_deref();
    let format = match &media.source {
        Source::Text(_) => of_type(&DOCUMENTS, mime).or(Some("txt")),
        Source::Base64(data) if data.starts_with("JVBERi0") => Some("pdf"),
        _ => of_type(&DOCUMENTS, mime)
            .or_else(|| of_ending(&DOCUMENTS, media.name.as_deref().or_else(|| address(media))))
            .or_else(|| mime.is_some_and(is_text).then_some("txt")),
    };
    let says = "must be a PDF, a text, HTML, Markdown, CSV, Word or Excel";
    Ok(Members::of([("name", name.into())]).with_all(with_source(format, media, says, at)?))
}

/// Whether what is of this type can be read as the text that it is.
fn is_text(mime: &str) -> bool {
    mime.starts_with("text/") || ["json", "xml", "yaml", "javascript"].iter().any(|end| mime.ends_with(end))
}

fn of_type(known: &[(&str, &'static str)], mime: Option<&str>) -> Option<&'static str> {
    let mime = mime?.split(';').next()?.trim();
    known.iter().find(|(name, _)| mime.eq_ignore_ascii_case(name)).map(|(_, format)| *format)
}

/// By the ending of a name or an address.
fn of_ending(known: &[(&str, &'static str)], name: Option<&str>) -> Option<&'static str> {
    let (_, ending) = name?.rsplit_once('.')?;
    let ending = match ending.to_ascii_lowercase().as_str() {
        "jpg" => "jpeg".to_owned(),
        "htm" => "html".to_owned(),
        "3gp" => "three_gp".to_owned(),
        other => other.to_owned(),
    };
    known.iter().find(|(_, format)| *format == ending).map(|(_, format)| *format)
}

fn address<'m>(media: &'m Media<'_>) -> Option<&'m str> {
    if let Source::Url(uri) | Source::File(uri) = &media.source { Some(uri) } else { None }
}

fn with_source<'r>(
    format: Option<&'static str>,
    media: &'r Media<'_>,
    says: &str,
    at: At<'_>,
) -> Result<Members<'r>, Invalid> {
    let source = match &media.source {
        Source::Base64(data) => Members::of([("bytes", data.as_ref().into())]),
        Source::Text(text) => Members::of([("bytes", STANDARD.encode(text.as_bytes()).into())]),
        Source::Url(uri) | Source::File(uri) if uri.starts_with("s3://") => {
            Members::of([("s3Location", Members::of([("uri", uri.as_ref().into())]).into())])
        }
        Source::Url(_) => {
            return Err(at.invalid("is at a URL, which Bedrock does not fetch; send it in base64, or from S3 (s3://)"));
        }
        Source::File(_) => {
            return Err(at.invalid("is a file that another provider keeps; send its content instead"));
        }
        Source::Parts(_) => return Err(at.invalid(says)),
    };
    let format = format.ok_or_else(|| at.invalid(says))?;
    Ok(Members::of([("format", format.into()), ("source", source.into())]))
}

/// The names of a request's documents. Each has one, of few signs, and no other has the same
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html>).
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    fn of(&mut self, said: Option<&str>) -> String {
        let base = said.map(clean).filter(|name| !name.is_empty()).unwrap_or_else(|| "document".to_owned());
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let mut names = std::iter::once(base.clone()).chain(numbered);
        let name = names.find(|name| !self.0.contains(name)).unwrap_or(base);
        self.0.push(name.clone());
        name
    }
}

/// Letters, digits, single spaces, hyphens, parentheses and brackets, without the ending of a file; at most 190 of them.
fn clean(name: &str) -> String {
    let (stem, _) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).unwrap_or((name, ""));
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, ' ' | '-' | '(' | ')' | '[' | ']');
    let plain: String = stem.chars().map(|char| if allowed(char) { char } else { '-' }).take(190).collect();
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_each_has_its_own() {
        let mut names = Names::default();
        for (said, given) in [
            (Some("Q3 report (final).pdf"), "Q3 report (final)"),
            (Some("Q3 report (final).docx"), "Q3 report (final)-2"),
            (Some("a_b/c  d.txt"), "a-b-c d"),
            (Some("報告書.pdf"), "document"),
            (None, "document-2"),
            (Some(".env"), "env"),
        ] {
            assert_eq!(names.of(said), given, "{said:?}");
        }
        assert!(names.of(Some(&"x".repeat(500))).len() <= 200);
    }

    #[test]
    fn formats_are_found_by_type_and_by_ending() {
        assert_eq!(of_type(&DOCUMENTS, Some("text/CSV; charset=utf-8")), Some("csv"));
        assert_eq!(of_ending(&VIDEOS, Some("s3://b/film.3GP")), Some("three_gp"));
        assert_eq!(of_ending(&IMAGES, Some("s3://b/a.jpg")), Some("jpeg"));
        assert_eq!((of_type(&AUDIOS, Some("audio/midi")), of_ending(&AUDIOS, Some("wav"))), (None, None));
    }
}
