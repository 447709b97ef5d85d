//! Each dialect's parts, by its name.

use bytes::BytesMut;

use super::{
    Dialect, ErrorTold, Head, ReadStream, Told, Wanted, WriteStream, anthropic, bedrock, cohere, gemini, openai,
    responses,
};
use crate::canonical::{Answer, Losses, Request};
use crate::json::{At, Invalid, Json};

/// No caller speaks [`Dialect::Bedrock`] or [`Dialect::Cohere`]: such requests are refused, and what would be written for their callers is what chat
/// completions are.
impl Dialect {
    /// Reads a caller's request; what the canonical form cannot say is noted in `losses`.
    ///
    /// # Errors
    /// [`Invalid`]: what of it is not the dialect.
    pub fn read_request<'a>(self, body: Json<'a>, head: Head<'_>, losses: &mut Losses) -> Result<Request<'a>, Invalid> {
        match self {
            Self::Completions => openai::completions::read(body, head, losses),
            Self::Chat => openai::request::read(body, head),
            Self::Responses => responses::request::read(body, head),
            Self::Anthropic => anthropic::request::read(body, head),
            Self::Gemini => gemini::request::read(body, head),
            Self::Bedrock => {
                Err(At::ROOT.invalid("must be in a dialect of callers: Bedrock's is spoken to models alone"))
            }
            Self::Cohere => Err(At::ROOT.invalid("is of no caller's dialect")),
        }
    }

    /// Writes a request for an upstream; what it cannot say is noted in `losses`.
    ///
    /// # Errors
    /// [`Invalid`]: what of the request cannot be said, and must not be left out.
    pub fn write_request<'a>(
        self,
        request: &'a Request<'a>,
        wanted: &Wanted<'_>,
        losses: &mut Losses,
    ) -> Result<Json<'a>, Invalid> {
        match self {
            Self::Chat => openai::request::write(request, wanted, losses),
            Self::Responses => responses::request::write(request, wanted, losses),
            Self::Anthropic => anthropic::request::write(request, wanted, losses),
            Self::Gemini => gemini::request::write(request, wanted, losses),
            Self::Bedrock => bedrock::request::write(request, wanted, losses),
            Self::Cohere => cohere::request::write(request, wanted, losses),
            Self::Completions => Err(At::ROOT.member("model").invalid("is served by legacy completions alone")),
        }
    }

    /// Reads an upstream's whole answer.
    ///
    /// # Errors
    /// [`Invalid`]: what of it is not the dialect.
    pub fn read_answer(self, body: Json<'_>) -> Result<Answer<'_>, Invalid> {
        match self {
            Self::Chat | Self::Completions => openai::answer::read(body),
            Self::Responses => responses::answer::read(body),
            Self::Anthropic => anthropic::answer::read(body),
            Self::Gemini => gemini::answer::read(body),
            Self::Bedrock => bedrock::answer::read(body),
            Self::Cohere => cohere::answer::read(body),
        }
    }

    /// Writes a whole answer for a caller.
    #[must_use]
    pub fn write_answer<'a>(self, answer: &'a Answer<'a>, told: &Told<'_>) -> Json<'a> {
        match self {
            Self::Chat | Self::Bedrock | Self::Cohere => openai::answer::write(answer, told),
            Self::Responses => responses::answer::write(answer, told),
            Self::Anthropic => anthropic::answer::write(answer, told),
            Self::Gemini => gemini::answer::write(answer, told),
            Self::Completions => openai::completions::write(answer, told),
        }
    }

    /// A reader of one stream.
    #[must_use]
    pub fn reader(self) -> Box<dyn ReadStream> {
        match self {
            Self::Chat | Self::Completions => Box::new(openai::stream::Reader::default()),
            Self::Responses => Box::new(responses::stream::Reader::default()),
            Self::Anthropic => Box::new(anthropic::stream::Reader::default()),
            Self::Gemini => Box::new(gemini::stream::Reader::default()),
            Self::Bedrock => Box::new(bedrock::stream::Reader::default()),
            Self::Cohere => Box::new(cohere::stream::Reader::default()),
        }
    }

    /// A writer of one stream.
    #[must_use]
    pub fn writer(self, told: &Told<'_>) -> Box<dyn WriteStream> {
        match self {
            Self::Chat | Self::Bedrock | Self::Cohere => Box::new(openai::stream::Writer::new(told)),
            Self::Responses => Box::new(responses::stream::Writer::new(told)),
            Self::Anthropic => Box::new(anthropic::stream::Writer::new(told)),
            Self::Gemini => Box::new(gemini::stream::Writer::new(told)),
            Self::Completions => Box::new(openai::completions::Writer::new(told)),
        }
    }

    /// The body of an answer that is `error`.
    #[must_use]
    pub fn error_body(self, error: &ErrorTold<'_>) -> Vec<u8> {
        match self {
            Self::Chat | Self::Responses | Self::Completions | Self::Bedrock | Self::Cohere => {
                openai::error::write(error)
            }
            Self::Anthropic => anthropic::error::write(error),
            Self::Gemini => gemini::error::write(error),
        }
    }

    /// Appends `error` as an event of a stream, `number` as its writer counts them.
    pub fn error_event(self, error: &ErrorTold<'_>, number: Option<u64>, out: &mut BytesMut) {
        match self {
            Self::Chat | Self::Completions | Self::Bedrock | Self::Cohere => openai::error::event(error, out),
            Self::Responses => responses::error::event(error, number, out),
            Self::Anthropic => anthropic::error::event(error, out),
            Self::Gemini => gemini::error::event(error, out),
        }
    }
}
