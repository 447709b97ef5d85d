//! A chat model's answer as it is made.

use super::answer::Stop;
use super::content::{Annotation, CallKind, Media, Signature, Text};
use super::request::Rest;
use super::usage::Usage;
use crate::dialect::{Dialect, UpstreamError};
use crate::json::Json;

/// A step of an answer as it is made.
///
/// In a stream that is in order there is one `Start`, first; each part is opened once, then gets its deltas, then is
/// closed; parts of one choice may overlap (`OpenAI`'s parallel tool calls do); each choice has one `Stop`, after its
/// parts are closed; `End` is last, and is left out if the stream broke off.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The answer begins.
    Start {
        /// The provider's name for it.
        id: Option<Text<'a>>,
        /// The model that answers.
        model: Option<Text<'a>>,
        /// When, in seconds since 1970.
        created: Option<u64>,
    },
    /// A part begins. Parts of a choice are numbered from 0 in the order in which they begin.
    Open {
        /// Which choice.
        choice: u64,
        /// Which part of it.
        part: usize,
        /// What it will be.
        opening: Opening<'a>,
    },
    /// More of a part.
    Delta {
        /// Which choice.
        choice: u64,
        /// Which part of it.
        part: usize,
        /// What more.
        delta: Delta<'a>,
    },
    /// A part is complete.
    Close {
        /// Which choice.
        choice: u64,
        /// Which part of it.
        part: usize,
    },
    /// Probabilities of tokens, as `OpenAI` writes them: an object of `content` and `refusal`.
    Logprobs {
        /// Which choice.
        choice: u64,
        /// The probabilities.
        json: Json<'a>,
    },
    /// A choice has ended.
    Stop {
        /// Which.
        choice: u64,
        /// Why.
        stop: Stop<'a>,
    },
    /// What it has taken so far; see [`Usage::updated`].
    Usage(Usage),
    /// What else its dialect said of the answer as a whole; see [`Answer::rest`](super::Answer::rest).
    Rest(Rest<'a>),
    /// An error in the stream: nothing follows.
    Error(UpstreamError),
    /// The stream is complete.
    End,
}

/// What a part that begins will be.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening<'a> {
    /// Text.
    Text,
    /// A refusal.
    Refusal,
    /// Reasoning, with its name where the dialect gives it one; redacted reasoning is a signature alone.
    Reasoning {
        /// Its name.
        id: Option<Text<'a>>,
        /// Nothing of it may be shown.
        redacted: bool,
    },
    /// A call of a tool.
    ToolCall {
        /// What the result will refer to.
        id: Option<Text<'a>>,
        /// The tool's name.
        name: Text<'a>,
        /// What sort of tool.
        kind: CallKind,
        /// The item's own name, where the dialect gives calls two.
        item: Option<Text<'a>>,
    },
    /// A picture, whole.
    Image(Media<'a>),
    /// A recording; its data comes whole.
    Audio(Media<'a>),
    /// What only its own dialect can say, whole.
    Foreign(Dialect, Json<'a>),
}

/// More of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta<'a> {
    /// Of text, a refusal, or the text of reasoning.
    Text(Text<'a>),
    /// Of a summary of reasoning: which summary, from 0, and the text.
    Summary(usize, Text<'a>),
    /// Of a call's arguments, as text.
    Arguments(Text<'a>),
    /// What the text cites.
    Annotation(Annotation<'a>),
    /// The part's signature.
    Signature(Signature<'a>),
    /// What else its dialect said of the part; see [`Part::rest`](super::Part::rest).
    Rest(Rest<'a>),
}
