//! What a request is made of, as far as decisions ask: found out once, from its canonical form.

use tollway_protocol::canonical::{Body, Format, Losses, Part, Request};
use tollway_protocol::json::Json;

use crate::snapshot::spec::Ability;

use super::Call;
use super::endpoint::Operation;

/// How many there are of what a model may not be able to take.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) messages: usize,
    pub(crate) tools: usize,
    pub(crate) images: usize,
    pub(crate) audio: usize,
    pub(crate) documents: usize,
    pub(crate) json_mode: bool,
    /// 0 if the request does not say.
    pub(crate) max_tokens: u64,
}

impl Shape {
    /// The shape of `call`; nothing for what is no request to a chat model, or cannot be read as one: whoever sends it on
    /// says why.
    pub(crate) fn of(call: &Call) -> Self {
        if call.head.endpoint.operation() != Operation::Generate {
            return Self::default();
        }
        let read = |json| call.dialect().read_request(json, call.path(), &mut Losses::default()).ok();
        Json::parse(&call.body).ok().and_then(read).as_ref().map(Self::of_request).unwrap_or_default()
    }

    fn of_request(request: &Request<'_>) -> Self {
        let mut shape = Self {
            messages: request.messages.len(),
            tools: request.tools.len(),
            json_mode: matches!(request.format, Some(Format::JsonObject | Format::JsonSchema { .. })),
            max_tokens: request.sampling.max_tokens.unwrap_or_default(),
            ..Self::default()
        };
        request.messages.iter().flat_map(|message| &message.parts).for_each(|part| shape.count(part));
        shape
    }

    fn count(&mut self, part: &Part<'_>) {
        match &part.body {
            Body::Image(_) | Body::Video(_) => self.images += 1,
            Body::Audio(_) => self.audio += 1,
            Body::Document(_) => self.documents += 1,
            Body::ToolResult(result) => result.content.iter().for_each(|part| self.count(part)),
            _ => {}
        }
    }

    /// What a model must be able to take, besides text.
    pub(crate) fn needs(&self) -> impl Iterator<Item = Ability> {
        let needs = [
            (self.images > 0, Ability::Images),
            (self.audio > 0, Ability::Audio),
            (self.documents > 0, Ability::Documents),
            (self.tools > 0, Ability::Tools),
            (self.json_mode, Ability::Json),
        ];
        needs.into_iter().filter_map(|(needed, ability)| needed.then_some(ability))
    }
}
