//! Images, speech and transcripts, in `OpenAI`'s form: <https://platform.openai.com/docs/api-reference/images>, `…/audio`.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tollway_protocol::multipart::boundary;

/// One of the endpoints of images and audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Images,
    ImageEdits,
    ImageVariations,
    Speech,
    Transcriptions,
    Translations,
}

impl Media {
    const ALL: [Self; 6] =
        [Self::Images, Self::ImageEdits, Self::ImageVariations, Self::Speech, Self::Transcriptions, Self::Translations];

    /// Its name, which is its path below `/v1/`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Images => "images/generations",
            Self::ImageEdits => "images/edits",
            Self::ImageVariations => "images/variations",
            Self::Speech => "audio/speech",
            Self::Transcriptions => "audio/transcriptions",
            Self::Translations => "audio/translations",
        }
    }

    /// The one that is asked for at `path`.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let name = path.strip_prefix("/v1/")?;
        Self::ALL.into_iter().find(|media| media.name() == name)
    }
}

/// The boundary of the form that these headers are of.
pub(crate) fn boundary_in(headers: &[(HeaderName, HeaderValue)]) -> String {
    let kind = headers.iter().find(|(name, _)| *name == header::CONTENT_TYPE).and_then(|(_, kind)| kind.to_str().ok());
    kind.and_then(|kind| boundary(kind).ok()).unwrap_or_default()
}

/// Whether a request with these headers is a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let name = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data")
}
