//! What of a request this dialect cannot say, and what it must not leave out.

use super::super::{OWN, PASSED};
use crate::canonical::{Losses, Rest};
use crate::json::{At, Invalid, Json};

/// Where a conversation, or a part of it, is kept by a provider: without it the request means something else.
const KEPT_ELSEWHERE: [&str; 4] = ["previous_response_id", "conversation", "prompt", "cachedContent"];

/// What changes nothing of the answer, or is about who asks and who keeps it.
const HARMLESS: [&str; 22] = [
    "stream_options",
    "store",
    "metadata",
    "labels",
    "include",
    "truncation",
    "background",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "client_metadata",
    "cache_control",
    "service_tier",
    "id",
    "status",
    "object",
    "index",
    "phase",
    "annotations",
    "refusal",
    "role",
    "type",
];

/// Refuses what refers to a conversation that another provider keeps.
pub(super) fn refuse_kept(rest: &Rest<'_>) -> Result<(), Invalid> {
    let running = rest.members.get("background") == Some(&Json::Bool(true));
    let kept = |name: &&str| KEPT_ELSEWHERE.contains(name) || (running && *name == "background");
    rest.foreign_to(OWN).find(kept).map_or(Ok(()), |name| {
        Err(At::ROOT.member(name).invalid("refers to what another provider keeps, and cannot be sent to this model"))
    })
}

/// Notes what `rest` holds that is lost here, each under `prefix`.
pub(super) fn note(rest: &Rest<'_>, prefix: &str, losses: &mut Losses) {
    let empty = |name: &str| match rest.members.get(name) {
        None | Some(Json::Null | Json::Bool(false)) => true,
        Some(Json::Array(items)) => items.is_empty(),
        Some(Json::Object(members)) => members.is_empty(),
        Some(_) => false,
    };
    for name in rest.foreign_to(OWN).filter(|name| !HARMLESS.contains(name) && !empty(name)) {
        if !(prefix.is_empty() && PASSED.contains(&name)) {
            losses.note(&format!("{prefix}{name}"));
        }
    }
}
