//! `OpenAI` Responses (`POST /v1/responses`, and what follows it: Azure, xAI, Bedrock, `DeepSeek`, vLLM). Field names,
//! and which of them must be there, are from the `OpenAPI` document that openai-python's `types/responses` is made from.
//!
//! A conversation is a flat list of *items* here: messages, reasoning, calls, results. The items of one turn of the model
//! become the parts of one canonical message. Where one item ends and the next begins is told by [`Rest`]s of this
//! dialect, which count also where they are empty:
//!
//! - a *request*'s says that this dialect's caller made it, so that nothing is changed or added on the way back;
//! - a *message*'s says that it was an item of `input`. One without is what `instructions`, or a plain `input`, said;
//! - a *part*'s says that it was an object in a list of `content`, not a plain string. In the first part of an item of
//!   the model's, the member `message` holds what else the item said: `id`, `status`, `phase`.
//!
//! Reading and writing again gives the same JSON, but for these: nulls, `stream: false` and empty `tools`, `include`, `text`
//! and `reasoning` are left out; an item without
//! `type` that has a role is a message; `content` that is one string, of a message of the model's with other members,
//! becomes a list; several pieces of reasoning text become one; the media type of a `data:` URL loses its parameters;
//! `created_at` loses its fraction.
//!
//! In what is written, items that the gateway names have `tw_` in their names, so that the names can be taken away
//! again when the caller sends them back: no provider knows them.

mod annotation;
pub mod answer;
mod call;
mod content;
mod envelope;
pub mod error;
mod items;
mod media;
mod reasoning;
pub mod request;
pub mod stream;
pub mod usage;

pub(super) use media::file_name;

use std::fmt::Display;

use super::Dialect;
use crate::canonical::{Rest, Text};
use crate::json::{Fields, Json, Members};

const SELF: Dialect = Dialect::Responses;

/// What an item of the model's said of itself, in the `rest` of its first part.
const MESSAGE: &str = "message";

/// In the name of an item that we named, after its prefix.
const OURS: &str = "tw_";

/// Where a signature stands that is not on reasoning. Only Gemini has such; no provider is sent it.
const SIGNATURE: &str = "thought_signature";

/// What an object of this dialect said besides, possibly nothing.
const fn own(members: Members<'_>) -> Rest<'_> {
    Rest { origin: Some(SELF), members }
}

/// Whether this dialect said it.
fn is_own(rest: &Rest<'_>) -> bool {
    rest.origin == Some(SELF)
}

/// What nobody took of an object. Null counts as absent everywhere.
fn left<'a>(fields: Fields<'a, '_>) -> Members<'a> {
    let mut rest = fields.rest();
    rest.0.retain(|(_, value)| *value != Json::Null);
    rest
}

/// Our name for the item `number` of the answer that the gateway calls `answer`.
fn item_id(prefix: &str, answer: &str, number: impl Display) -> String {
    format!("{prefix}_{OURS}{answer}_{number}")
}

/// The name of an item, unless it is ours.
fn theirs<'a>(id: Option<&Text<'a>>) -> Option<Text<'a>> {
    let ours = |id: &Text<'_>| id.split_once('_').is_some_and(|(_, behind)| behind.starts_with(OURS));
    id.filter(|id| !ours(id)).cloned()
}
