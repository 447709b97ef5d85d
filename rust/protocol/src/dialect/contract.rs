//! What every dialect provides.

use bytes::BytesMut;

use super::openai::is_canonical_error;
use crate::canonical::{Event, Request, Usage};
use crate::json::{Invalid, Json};

/// What the wire says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OpenAI` chat completions.
    Chat,
    /// `OpenAI` Responses.
    Responses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini `generateContent`.
    Gemini,
    /// Amazon Bedrock's Converse. Upstreams alone speak it.
    Bedrock,
    /// `OpenAI` completions, the legacy endpoint. It is read from callers, and passed on to who speaks it; it is never
    /// written for an upstream.
    Completions,
    /// Cohere's chat, version 2. It is written for upstreams, and read from them; no caller speaks it.
    Cohere,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Chat, Self::Responses, Self::Anthropic, Self::Gemini, Self::Completions, Self::Bedrock, Self::Cohere];

    /// The dialect of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// Whether its models read what models of `other` signed. Claude reads its own wherever it runs
    /// (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>), and on Bedrock no other model signs.
    #[must_use]
    pub fn takes_signatures_of(self, other: Self) -> bool {
        let claude = |dialect| matches!(dialect, Self::Anthropic | Self::Bedrock);
        self == other || (claude(self) && claude(other))
    }

    /// Whether an error of this dialect is one of `other` too.
    #[must_use]
    pub fn shares_errors(self, other: Self) -> bool {
        let openai = |dialect| matches!(dialect, Self::Chat | Self::Responses | Self::Completions);
        self == other || (openai(self) && openai(other))
    }

    /// Whether `body` already is a whole error as this dialect writes it, so that it can pass as it is.
    #[must_use]
    pub fn is_whole_error(self, body: &[u8]) -> bool {
        let Ok(document) = Json::parse(body) else { return false };
        let Some(error) = document.get("error") else { return false };
        let texts = |names: &[&str]| names.iter().all(|name| error.get(name).and_then(Json::as_str).is_some());
        match self {
            Self::Chat | Self::Responses | Self::Completions | Self::Bedrock | Self::Cohere => is_canonical_error(body),
            Self::Anthropic => {
                texts(&["type", "message"]) && document.get("type").and_then(Json::as_str) == Some("error")
            }
            Self::Gemini => texts(&["status", "message"]) && error.get("code").and_then(Json::as_u64).is_some(),
        }
    }

    /// Its name in configuration, records and flags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "openai",
            Self::Responses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Completions => "openai-completions",
            Self::Cohere => "cohere",
        }
    }
}

/// What the path and the query of a request say of it; in most dialects the body does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Head<'h> {
    /// The model in the path.
    pub model: Option<&'h str>,
    /// Whether the path asks for a stream.
    pub stream: bool,
}

/// What a request is written for: a model, and how its server departs from the dialect.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The model's name there.
    pub model: &'w str,
    /// The name of the member that limits the output, in chat completions.
    pub max_tokens: &'w str,
    /// The output limit where the caller gave none and the dialect demands one (Anthropic).
    pub default_max_tokens: u64,
}

impl<'w> Wanted<'w> {
    /// `model`, on a server that keeps to the dialect.
    #[must_use]
    pub const fn new(model: &'w str) -> Self {
        Self { model, max_tokens: "max_completion_tokens", default_max_tokens: 4096 }
    }
}

/// What the gateway says of an answer that it writes for a caller.
#[derive(Debug, Clone, Copy)]
pub struct Told<'t> {
    /// A name for the answer, where the upstream gave none: letters, digits, `_` and `-`, no prefix.
    pub id: &'t str,
    /// The model's name, where the upstream gave none.
    pub model: &'t str,
    /// The time, in seconds since 1970, where the upstream gave none.
    pub created: u64,
    /// Whether the caller asked for a chat stream's usage.
    pub usage: bool,
    /// The caller's request, of which Responses repeats most.
    pub request: Option<&'t Request<'t>>,
}

/// An upstream's stream, read.
pub trait ReadStream {
    /// Reads the data of one event of the stream and hands on what it means, in order.
    ///
    /// # Errors
    /// [`Invalid`] for what the dialect does not allow here; the stream has then failed.
    fn read(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid>;

    /// The bytes have ended. Hands on what is still open, and [`Event::End`] if the stream was complete but for the mark
    /// of its end.
    fn end(&mut self, each: &mut dyn FnMut(Event<'_>));
}

/// A caller's stream, written.
pub trait WriteStream {
    /// Appends what `event` is in the dialect. After [`Event::End`] or [`Event::Error`] nothing more is written.
    fn write(&mut self, event: Event<'_>, out: &mut BytesMut);

    /// The tokens that it has been told of.
    fn usage(&self) -> Option<Usage>;

    /// The number of its next event, in a dialect that numbers them.
    fn next_number(&self) -> Option<u64> {
        None
    }
}

/// An error, as the gateway tells it to a caller.
#[derive(Debug, Clone, Copy)]
pub struct ErrorTold<'e> {
    /// The HTTP status that it goes out with, or would.
    pub status: u16,
    /// What is wrong, and what to do about it.
    pub message: &'e str,
    /// `OpenAI`'s `type`; the other dialects take theirs from the status.
    pub kind: &'e str,
    /// What of the request is wrong.
    pub param: Option<&'e str>,
    /// A word for programs.
    pub code: Option<&'e str>,
    /// The request's name.
    pub request_id: &'e str,
}
