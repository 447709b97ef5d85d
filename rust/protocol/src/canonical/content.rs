//! What messages and answers are made of.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::json::{Json, Members};

/// Text that is a slice of the document it was read from, where it could be.
pub type Text<'a> = Cow<'a, str>;

/// One piece of a message's content.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// What it is.
    pub body: Body<'a>,
    /// Up to here the provider is asked to cache the prompt.
    pub cache: Option<CacheControl<'a>>,
    /// What the model signed it with, to be given back unchanged. On reasoning; Gemini signs other parts too.
    pub signature: Option<Signature<'a>>,
    /// What else its dialect said of it.
    pub rest: Rest<'a>,
}

use super::request::Rest;

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'a> {
    /// Plain text, and what it cites.
    Text(Text<'a>, Vec<Annotation<'a>>),
    /// The model declined, in its words.
    Refusal(Text<'a>),
    /// What the model thought.
    Reasoning(Reasoning<'a>),
    /// A picture.
    Image(Media<'a>),
    /// A recording.
    Audio(Media<'a>),
    /// A film.
    Video(Media<'a>),
    /// A PDF, a text, or another file.
    Document(Media<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// What a tool gave back.
    ToolResult(ToolResult<'a>),
    /// What only its own dialect can say, whole.
    Foreign(Dialect, Json<'a>),
}

/// What text refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation<'a> {
    /// The page or file that is cited.
    pub url: Option<Text<'a>>,
    /// Its title.
    pub title: Option<Text<'a>>,
    /// What of it is cited.
    pub cited: Option<Text<'a>>,
    /// Which characters of the text cite it: the first, and the one after the last.
    pub span: Option<(u64, u64)>,
    /// The whole, as this dialect writes it.
    pub origin: (Dialect, Json<'a>),
}

/// How long the prompt up to a part is to be cached.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheControl<'a> {
    /// Its lifetime as the caller gave it: `5m`, `1h`. Absent is the provider's default.
    pub ttl: Option<Text<'a>>,
}

/// A model's signature. Only who made it can read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature<'a> {
    /// The dialect of the model that made it.
    pub origin: Dialect,
    /// Opaque.
    pub value: Text<'a>,
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reasoning<'a> {
    /// Its name, where the dialect gives reasoning one.
    pub id: Option<Text<'a>>,
    /// The thoughts, as far as they are shown.
    pub text: Text<'a>,
    /// Summaries of them, where those are told apart from the thoughts.
    pub summary: Vec<Text<'a>>,
    /// Nothing of it may be shown: all there is, is the signature.
    pub redacted: bool,
}

/// A picture, recording, film or file.
#[derive(Debug, Clone, PartialEq)]
pub struct Media<'a> {
    /// Where it is.
    pub source: Source<'a>,
    /// Its media type, as `image/png`.
    pub mime: Option<Text<'a>>,
    /// Its name, or title.
    pub name: Option<Text<'a>>,
    /// How closely it is to be looked at: `low`, `high`, `auto`.
    pub detail: Option<Text<'a>>,
    /// What the model is told about it that is not to be cited.
    pub context: Option<Text<'a>>,
    /// Whether it may be cited.
    pub citations: Option<bool>,
}

/// Where media is.
#[derive(Debug, Clone, PartialEq)]
pub enum Source<'a> {
    /// Here, in base64 (RFC 4648, section 4).
    Base64(Text<'a>),
    /// At a URL, which the provider is to fetch.
    Url(Text<'a>),
    /// Kept by the provider under this name.
    File(Text<'a>),
    /// Here, as plain text.
    Text(Text<'a>),
    /// Here, in parts.
    Parts(Vec<Part<'a>>),
}

impl<'a> Media<'a> {
    /// Media at `source`, with nothing else known of it.
    #[must_use]
    pub const fn new(source: Source<'a>, mime: Option<Text<'a>>) -> Self {
        Self { source, mime, name: None, detail: None, context: None, citations: None }
    }

    /// Media at `url`, which may be a `data:` URL in base64 (RFC 2397).
    #[must_use]
    pub fn of_url(url: Text<'a>) -> Self {
        match split_data_url(&url) {
            Some((mime, start)) => {
                let data = match &url {
                    Cow::Borrowed(url) => Cow::Borrowed(url.get(start..).unwrap_or_default()),
                    Cow::Owned(url) => Cow::Owned(url.get(start..).unwrap_or_default().to_owned()),
                };
                Self::new(Source::Base64(data), mime.map(Cow::Owned))
            }
            None => Self::new(Source::Url(url), None),
        }
    }

    /// Its URL, a `data:` URL for what is here in base64; `default` is its media type where none is known.
    #[must_use]
    pub fn url(&self, default: &str) -> Option<Text<'a>> {
        match &self.source {
            Source::Url(url) => Some(url.clone()),
            Source::Base64(data) => {
                Some(Cow::Owned(format!("data:{};base64,{data}", self.mime.as_deref().unwrap_or(default))))
            }
            Source::File(_) | Source::Text(_) | Source::Parts(_) => None,
        }
    }
}

/// The media type of a `data:` URL in base64, and where its data begins.
fn split_data_url(url: &str) -> Option<(Option<String>, usize)> {
    let head = url.get(..5).filter(|head| head.eq_ignore_ascii_case("data:"))?;
    let comma = url.find(',')?;
    let described = url.get(head.len()..comma)?.strip_suffix(";base64")?;
    let mime = described.split(';').next().filter(|mime| !mime.is_empty());
    Some((mime.map(str::to_owned), comma + 1))
}

/// A call of a tool by the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall<'a> {
    /// What the result will refer to. Gemini may leave it out.
    pub id: Option<Text<'a>>,
    /// The tool's name.
    pub name: Text<'a>,
    /// What it is called with.
    pub arguments: Arguments<'a>,
    /// Who runs it.
    pub kind: CallKind,
    /// The item's own name, where the dialect gives calls two (Responses' `fc_…` beside its `call_id`).
    pub item: Option<Text<'a>>,
}

/// What sort of tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A function of the caller's, its arguments JSON.
    Function,
    /// A tool of the caller's that takes free text.
    Custom,
}

/// The arguments of a call. Dialects differ in whether they are JSON or text that should be JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments<'a> {
    /// As JSON.
    Json(Json<'a>),
    /// As text, which a model wrote: it need not be JSON.
    Text(Text<'a>),
}

impl<'a> Arguments<'a> {
    /// As text.
    #[must_use]
    pub fn to_text(&self) -> Text<'a> {
        match self {
            Self::Json(json) => Cow::Owned(json.to_text()),
            Self::Text(text) => text.clone(),
        }
    }

    /// As an object, to be written. No text at all is an empty one; what is none is told back as text.
    ///
    /// # Errors
    /// The text, where it is not a JSON object.
    pub fn to_object(&self) -> Result<Json<'a>, Text<'a>> {
        match self {
            Self::Json(Json::Object(members)) => Ok(members.clone().into()),
            Self::Json(Json::Null) => Ok(Members::new().into()),
            Self::Json(other) => Err(Cow::Owned(other.to_text())),
            Self::Text(text) if text.trim().is_empty() => Ok(Members::new().into()),
            Self::Text(text) => Json::object_in(text).ok_or_else(|| text.clone()),
        }
    }
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult<'a> {
    /// The call that it answers. Gemini may leave it out.
    pub call: Option<Text<'a>>,
    /// The tool's name, where the dialect says it.
    pub name: Option<Text<'a>>,
    /// What it gave back.
    pub content: Vec<Part<'a>>,
    /// The same as JSON, where the dialect has it so.
    pub json: Option<Json<'a>>,
    /// Whether it failed.
    pub failed: Option<bool>,
    /// What sort of tool it was.
    pub kind: CallKind,
}

impl<'a> Part<'a> {
    /// A part of which nothing else is known.
    #[must_use]
    pub const fn new(body: Body<'a>) -> Self {
        Self { body, cache: None, signature: None, rest: Rest::none() }
    }

    /// Plain text.
    #[must_use]
    pub fn text(text: impl Into<Text<'a>>) -> Self {
        Self::new(Body::Text(text.into(), Vec::new()))
    }
}
