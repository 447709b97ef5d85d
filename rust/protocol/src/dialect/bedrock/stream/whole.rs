//! Blocks that only this dialect knows, and pictures, put together from what comes of them.

use super::super::{OWN, block};
use crate::canonical::{Body, Media, Opening, Source};
use crate::json::{At, Json, Members};

/// A block that is told once it is whole.
#[derive(Debug)]
pub(super) struct Whole {
    /// `toolUse`, `toolResult`, `image`.
    name: String,
    members: Members<'static>,
    /// A call's input, which comes as JSON text in pieces.
    input: String,
    content: Vec<Json<'static>>,
}

impl Whole {
    /// For the block that `start` begins: `{"toolUse":{…}}`.
    pub(super) fn new(name: &str, start: &Json<'_>) -> Self {
        let members = start.as_object().cloned().unwrap_or_default().into_owned();
        Self { name: name.to_owned(), members, input: String::new(), content: Vec::new() }
    }

    /// Adds what a delta says of the block.
    pub(super) fn add(&mut self, delta: &Json<'_>) {
        match delta {
            Json::Array(items) => self.content.extend(items.iter().cloned().map(Json::into_owned)),
            Json::Object(members) => {
                for (name, value) in &members.0 {
                    match (name.as_ref(), value) {
                        ("input", Json::String(more)) => self.input.push_str(more),
                        _ => self.members.push(name.clone().into_owned(), value.clone().into_owned()),
                    }
                }
            }
            _ => {}
        }
    }

    /// What it is.
    pub(super) fn finish(mut self) -> Opening<'static> {
        if let Ok(input) = Json::parse(self.input.as_bytes()) {
            self.members.push("input", input.into_owned());
        }
        if !self.content.is_empty() {
            self.members.push("content", self.content);
        }
        let json = Json::from(Members::new().with(self.name, self.members));
        match block::read(json.clone(), At::ROOT).map(|part| part.body) {
            Ok(Body::Image(Media { source: source @ Source::Base64(_), mime, .. })) => {
                Opening::Image(Media::new(source, mime))
            }
            _ => Opening::Foreign(OWN, json),
        }
    }
}
