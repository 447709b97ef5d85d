//! A request to a chat model.

use super::content::{CacheControl, Part, Text};
use crate::dialect::Dialect;
use crate::json::{Json, Members};

/// A request to a chat model.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The model, as the caller names it.
    pub model: Text<'a>,
    /// The conversation. Instructions are messages of the roles [`Role::System`] and [`Role::Developer`].
    pub messages: Vec<Message<'a>>,
    /// What the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether it must.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether it may call several at once.
    pub parallel_tools: Option<bool>,
    /// How it is to choose its words, and how many.
    pub sampling: Sampling<'a>,
    /// What the answer must look like.
    pub format: Option<Format<'a>>,
    /// How it is to think.
    pub thinking: Option<Thinking<'a>>,
    /// Whether the answer is to come as it is made.
    pub stream: bool,
    /// The caller's name for its own user.
    pub user: Option<Text<'a>>,
    /// What else its dialect said.
    pub rest: Rest<'a>,
}

impl<'a> Request<'a> {
    /// A request of which nothing else is said.
    #[must_use]
    pub fn new(model: impl Into<Text<'a>>, messages: Vec<Message<'a>>) -> Self {
        Self {
            model: model.into(),
            messages,
            tools: Vec::new(),
            tool_choice: None,
            parallel_tools: None,
            sampling: Sampling::default(),
            format: None,
            thinking: None,
            stream: false,
            user: None,
            rest: Rest::none(),
        }
    }
}

/// What only the dialect that said it knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest<'a> {
    /// The dialect. None if there is nothing; chat says it also then, so that its own is told from what others said.
    pub origin: Option<Dialect>,
    /// What it said.
    pub members: Members<'a>,
}

impl<'a> Rest<'a> {
    /// Nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { origin: None, members: Members::new() }
    }

    /// What `origin` said; nothing if there are no members.
    #[must_use]
    pub fn new(origin: Dialect, members: Members<'a>) -> Self {
        if members.is_empty() { Self::none() } else { Self { origin: Some(origin), members } }
    }

    /// What it holds, if `dialect` said it.
    #[must_use]
    pub fn of(&self, dialect: Dialect) -> Option<&Members<'a>> {
        (self.origin == Some(dialect)).then_some(&self.members)
    }

    /// The names of what it holds, if another than `dialect` said it: what is lost on the way there.
    pub fn foreign_to(&self, dialect: Dialect) -> impl Iterator<Item = &str> {
        let foreign = self.origin.is_some_and(|origin| origin != dialect);
        let held = self.members.0.iter().filter(move |(_, value)| foreign && *value != Json::Null);
        held.filter(|(name, value)| !is_idle(name, value)).map(|(name, _)| name.as_ref())
    }
}

/// Whether a member changes nothing of the answer: it asks for what every model answers with, as clients do each time, or
/// says how small the pieces of a stream may be.
pub(crate) fn is_idle(name: &str, value: &Json<'_>) -> bool {
    match (name, value) {
        ("modalities" | "generationConfig.responseModalities", Json::Array(kinds)) => {
            matches!(kinds.as_slice(), [Json::String(kind)] if kind.eq_ignore_ascii_case("text"))
        }
        ("eager_input_streaming", _) => true,
        _ => false,
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message<'a> {
    /// Whose it is.
    pub role: Role,
    /// What it holds.
    pub parts: Vec<Part<'a>>,
    /// Its author's name.
    pub name: Option<Text<'a>>,
    /// What else its dialect said of it.
    pub rest: Rest<'a>,
}

impl<'a> Message<'a> {
    /// A message of which nothing else is known.
    #[must_use]
    pub const fn new(role: Role, parts: Vec<Part<'a>>) -> Self {
        Self { role, parts, name: None, rest: Rest::none() }
    }
}

/// Whose a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions.
    System,
    /// Instructions, in `OpenAI`'s newer word.
    Developer,
    /// The user's. Tool results may be among its parts (Anthropic, Gemini).
    User,
    /// The model's.
    Assistant,
    /// Nothing but tool results (`OpenAI`).
    Tool,
}

/// What the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool<'a> {
    /// What it is.
    pub kind: ToolKind<'a>,
    /// Up to here the provider is asked to cache the prompt.
    pub cache: Option<CacheControl<'a>>,
    /// What else its dialect said of it.
    pub rest: Rest<'a>,
}

/// What sort of tool it is.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolKind<'a> {
    /// A function of the caller's.
    Function(FunctionTool<'a>),
    /// A tool of the caller's that takes free text; with the grammar that it must follow, as `OpenAI` writes it.
    Custom {
        /// Its name.
        name: Text<'a>,
        /// What it does.
        description: Option<Text<'a>>,
        /// What its input must look like.
        format: Option<Json<'a>>,
    },
    /// A tool of the provider's.
    Builtin(Builtin<'a>),
}

/// A function of the caller's.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionTool<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// What it does.
    pub description: Option<Text<'a>>,
    /// The JSON Schema of its arguments.
    pub parameters: Option<Json<'a>>,
    /// Whether the arguments must follow the schema.
    pub strict: Option<bool>,
}

/// A tool of the provider's.
#[derive(Debug, Clone, PartialEq)]
pub struct Builtin<'a> {
    /// What it does, where more than one provider has such a tool.
    pub kind: BuiltinKind,
    /// Who said it.
    pub origin: Dialect,
    /// As it was said.
    pub json: Json<'a>,
}

/// What a provider's tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltinKind {
    /// Searches the web.
    WebSearch,
    /// Reads a page of the web.
    WebFetch,
    /// Runs code.
    CodeExecution,
    /// What one provider has alone.
    Other,
}

/// Whether the model must call a tool.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// As it likes.
    Auto,
    /// It must not.
    None,
    /// It must, whichever.
    Required,
    /// It must call this one.
    Named(Text<'a>),
    /// Only these, and whether it must.
    Allowed(Vec<Text<'a>>, bool),
    /// What only its own dialect can say.
    Foreign(Dialect, Json<'a>),
}

/// How the model is to choose its words, and how many. Numbers are as the caller wrote them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampling<'a> {
    /// At most so many tokens of output, the reasoning included where the dialect counts so.
    pub max_tokens: Option<u64>,
    /// Randomness.
    pub temperature: Option<Text<'a>>,
    /// Nucleus sampling.
    pub top_p: Option<Text<'a>>,
    /// Of the likeliest so many.
    pub top_k: Option<Text<'a>>,
    /// For the same answer again.
    pub seed: Option<Text<'a>>,
    /// Against repeating words.
    pub frequency_penalty: Option<Text<'a>>,
    /// Against repeating subjects.
    pub presence_penalty: Option<Text<'a>>,
    /// Where to stop.
    pub stop: Vec<Text<'a>>,
    /// How many answers.
    pub choices: Option<u64>,
    /// Whether the tokens' probabilities are wanted.
    pub logprobs: Option<bool>,
    /// Those of so many others for each token.
    pub top_logprobs: Option<u64>,
}

/// What the answer must look like.
#[derive(Debug, Clone, PartialEq)]
pub enum Format<'a> {
    /// Text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// The schema's name.
        name: Option<Text<'a>>,
        /// What it is for.
        description: Option<Text<'a>>,
        /// The JSON Schema.
        schema: Json<'a>,
        /// Whether it must be followed.
        strict: Option<bool>,
    },
    /// What only its own dialect can say.
    Foreign(Dialect, Json<'a>),
}

/// How the model is to think.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thinking<'a> {
    /// Whether it is to; unset where only an effort or a budget was said.
    pub enabled: Option<bool>,
    /// As much as it finds right (Anthropic's `adaptive`, Gemini's budget of -1).
    pub adaptive: bool,
    /// How hard: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<Text<'a>>,
    /// At most so many tokens.
    pub budget: Option<u64>,
    /// Whether the thoughts, or summaries of them, are to be shown.
    pub show: Option<bool>,
    /// How the summaries are to be: `auto`, `concise`, `detailed`.
    pub summary: Option<Text<'a>>,
}
