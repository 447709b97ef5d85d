//! What there is to count in a request.

use tollway_protocol::canonical::{Body, FunctionTool, Media, Part, Request, Role, Source, Tool, ToolKind};
use tollway_protocol::json::Json;

use crate::vocabulary::Vocabulary;

/// What a request holds, in tokens of one vocabulary.
#[derive(Debug, Default)]
pub(crate) struct Tally<'r> {
    /// Its messages.
    pub(crate) messages: u64,
    /// Names of their authors.
    pub(crate) names: u64,
    /// Tokens of all text in them: also what tools are called with and what they gave back.
    pub(crate) text: u64,
    /// Tokens of earlier thoughts.
    pub(crate) thoughts: u64,
    /// Whether there are instructions.
    pub(crate) has_system: bool,
    /// Characters of the signatures of all parts.
    pub(crate) signatures: u64,
    /// Messages of the model's.
    pub(crate) answers: u64,
    /// Calls of tools.
    pub(crate) calls: u64,
    /// Messages with several of them.
    pub(crate) joint_calls: u64,
    /// What tools gave back.
    pub(crate) results: u64,
    /// Pictures, recordings, films and files.
    pub(crate) media: Vec<(Kind, &'r Media<'r>)>,
    /// Parts of which nothing is known.
    pub(crate) foreign: u64,
}

/// What media is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Audio,
    Video,
    Document,
}

impl<'r> Tally<'r> {
    /// What `request` holds besides tools.
    pub(crate) fn of(request: &'r Request<'r>, vocabulary: Vocabulary) -> Self {
        let mut tally = Self::default();
        for message in &request.messages {
            tally.messages += 1;
            tally.has_system |= matches!(message.role, Role::System | Role::Developer);
            if let Some(name) = &message.name {
                tally.names += 1;
                tally.text += vocabulary.count(name);
            }
            tally.answers += u64::from(message.role == Role::Assistant);
            let before = tally.calls;
            tally.parts(&message.parts, vocabulary);
            tally.joint_calls += u64::from(tally.calls > before + 1);
        }
        tally
    }

    /// What `parts` hold.
    pub(crate) fn of_parts(parts: &'r [Part<'r>], vocabulary: Vocabulary) -> Self {
        let mut tally = Self::default();
        tally.parts(parts, vocabulary);
        tally
    }

    fn parts(&mut self, parts: &'r [Part<'r>], vocabulary: Vocabulary) {
        for part in parts {
            let signed = part.signature.as_ref().map_or(0, |signature| signature.value.len());
            self.signatures += u64::try_from(signed).unwrap_or(u64::MAX);
            match &part.body {
                Body::Text(text, _) | Body::Refusal(text) => self.text += vocabulary.count(text),
                Body::Reasoning(thought) => {
                    self.thoughts += vocabulary.count(&thought.text);
                    self.thoughts += thought.summary.iter().map(|text| vocabulary.count(text)).sum::<u64>();
                }
                Body::Image(media) => self.media(Kind::Image, media, vocabulary),
                Body::Audio(media) => self.media(Kind::Audio, media, vocabulary),
                Body::Video(media) => self.media(Kind::Video, media, vocabulary),
                Body::Document(media) => self.media(Kind::Document, media, vocabulary),
                Body::ToolCall(call) => {
                    self.calls += 1;
                    self.text += vocabulary.count(&call.name) + vocabulary.count(&call.arguments.to_text());
                }
                Body::ToolResult(result) => {
                    self.results += 1;
                    match &result.json {
                        Some(json) => self.text += vocabulary.count(&json.to_text()),
                        None => self.parts(&result.content, vocabulary),
                    }
                }
                Body::Foreign(_, json) => {
                    self.foreign += 1;
                    self.text += words(json, vocabulary);
                }
            }
        }
    }

    /// Thoughts are given back to the model only while it works with tools.
    pub(crate) fn text_and_thoughts(&self) -> u64 {
        self.text + if self.calls + self.results > 0 { self.thoughts } else { 0 }
    }

    fn media(&mut self, kind: Kind, media: &'r Media<'r>, vocabulary: Vocabulary) {
        match &media.source {
            Source::Text(text) => self.text += vocabulary.count(text),
            Source::Parts(parts) => self.parts(parts, vocabulary),
            Source::Base64(_) | Source::Url(_) | Source::File(_) => self.media.push((kind, media)),
        }
    }
}

/// Tokens of the texts in `json` that people write, not of keys, names and base64: of those that have a space.
fn words(json: &Json<'_>, vocabulary: Vocabulary) -> u64 {
    match json {
        Json::String(text) if text.contains(' ') => vocabulary.count(text),
        Json::Array(items) => items.iter().map(|item| words(item, vocabulary)).sum(),
        Json::Object(members) => members.0.iter().map(|(_, value)| words(value, vocabulary)).sum(),
        _ => 0,
    }
}

/// A tool as the JSON that most providers show their models.
pub(crate) fn tool_text(tool: &Tool<'_>) -> String {
    match &tool.kind {
        ToolKind::Function(FunctionTool { name, description, parameters, .. }) => {
            let described = description.as_deref().unwrap_or_default();
            format!("{name} {described} {}", parameters.as_ref().map(Json::to_text).unwrap_or_default())
        }
        ToolKind::Custom { name, description, format } => {
            let described = description.as_deref().unwrap_or_default();
            format!("{name} {described} {}", format.as_ref().map(Json::to_text).unwrap_or_default())
        }
        // How a provider tells its models of its own tools is not known.
        ToolKind::Builtin(_) => String::new(),
    }
}
