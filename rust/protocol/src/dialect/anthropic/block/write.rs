//! What blocks of requests and of answers have in common when they are written.

use super::super::OWN;
use super::super::merge::merge;
use crate::canonical::{Body, CacheControl, Part};
use crate::json::{Json, Members};

/// Whether a part is text and nothing else, so that a string can stand for it.
pub(in super::super) const fn is_plain(part: &Part<'_>) -> bool {
    let Part { body, cache, signature, rest } = part;
    let text = matches!(body, Body::Text(_, annotations) if annotations.is_empty());
    text && cache.is_none() && signature.is_none() && rest.origin.is_none()
}

/// A text block.
pub(in super::super) fn text<'r>(text: &'r str, citations: Vec<Json<'r>>) -> Members<'r> {
    let citations = (!citations.is_empty()).then_some(citations);
    Members::of([("type", "text".into()), ("text", text.into())]).with_some("citations", citations)
}

/// A call of a tool.
pub(in super::super) fn tool_use<'r>(
    id: impl Into<Json<'r>>,
    name: &'r str,
    input: impl Into<Json<'r>>,
) -> Members<'r> {
    Members::new().with("type", "tool_use").with("id", id).with("name", name).with("input", input)
}

/// The member that asks for the prompt to be cached.
pub(in super::super) fn cache<'r>(cache: Option<&'r CacheControl<'_>>) -> Option<Members<'r>> {
    let ttl = cache?.ttl.as_deref();
    Some(Members::new().with("type", "ephemeral").with_some("ttl", ttl))
}

/// A block with what its part says of it beside its body.
pub(in super::super) fn finish<'r>(block: Members<'r>, part: &'r Part<'_>) -> Json<'r> {
    let mut block = block.with_some("cache_control", cache(part.cache.as_ref()));
    if let Some(rest) = part.rest.of(OWN).filter(|rest| !rest.is_empty()) {
        merge(&mut block, rest.lend());
    }
    block.into()
}

/// Blocks as content: `plain` says that they are what a string was read into.
pub(in super::super) fn list_or_text<'r>(mut blocks: Vec<Json<'r>>, plain: bool) -> Json<'r> {
    if plain && let [Json::Object(block)] = blocks.as_mut_slice() {
        let text = block.0.iter_mut().find(|(name, _)| name == "text");
        if let Some((_, text)) = text {
            return std::mem::replace(text, Json::Null);
        }
    }
    Json::Array(blocks)
}
