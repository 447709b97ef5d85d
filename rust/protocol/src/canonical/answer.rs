//! A chat model's answer, whole.

use super::content::{Part, Text};
use super::request::Rest;
use super::usage::Usage;
use crate::json::Json;

/// A chat model's answer, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// The provider's name for it.
    pub id: Option<Text<'a>>,
    /// The model that answered.
    pub model: Option<Text<'a>>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The answer; more than one where more were asked for.
    pub choices: Vec<Choice<'a>>,
    /// What it took, where reported.
    pub usage: Option<Usage>,
    /// What else its dialect said.
    pub rest: Rest<'a>,
}

/// One of the answers to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<'a> {
    /// Which, from 0.
    pub index: u64,
    /// What the model said.
    pub parts: Vec<Part<'a>>,
    /// Why it ended. None where the dialect does not say.
    pub stop: Option<Stop<'a>>,
    /// The tokens' probabilities, as `OpenAI` writes them: an object of `content` and `refusal`.
    pub logprobs: Option<Json<'a>>,
    /// What else its dialect said.
    pub rest: Rest<'a>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop<'a> {
    /// Why.
    pub reason: StopReason,
    /// Which of the caller's stop sequences it met.
    pub sequence: Option<Text<'a>>,
    /// The word that the dialect has for it.
    pub word: Option<Text<'a>>,
    /// More, for the caller's eyes.
    pub detail: Option<Text<'a>>,
}

impl Stop<'_> {
    /// An end for `reason`.
    #[must_use]
    pub const fn new(reason: StopReason) -> Self {
        Self { reason, sequence: None, word: None, detail: None }
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It was complete.
    End,
    /// A stop sequence.
    StopSequence,
    /// The most tokens that were allowed.
    Length,
    /// The model's context is full.
    ContextWindow,
    /// The model waits for tools.
    ToolUse,
    /// A filter of the provider's.
    Filter,
    /// The model declined.
    Refusal,
    /// A long turn was paused; the same again goes on with it.
    Pause,
    /// The model made a call that cannot be read.
    MalformedCall,
    /// Something that no other dialect knows.
    Other,
}
