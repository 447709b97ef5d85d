//! What of a request this dialect cannot say, and what it must not leave out.

use super::super::OWN;
use crate::canonical::{Losses, Request, Rest, Sampling, Text};
use crate::dialect::Dialect;
use crate::json::{At, Invalid, Json};

/// Where a conversation, or a part of it, is kept by a provider: without it the request means something else.
const KEPT_ELSEWHERE: [&str; 5] = ["previous_response_id", "conversation", "background", "prompt", "cachedContent"];

/// What changes nothing of the answer, or is about who asks and who keeps it.
const HARMLESS: [&str; 19] = [
    "stream_options",
    "store",
    "metadata",
    "labels",
    "include",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "user",
    "id",
    "status",
    "object",
    "index",
    "phase",
    "message",
    "annotations",
    "refusal",
    "role",
    "type",
];

/// Refuses a request, to be written in the dialect `own`, that means something else without what is kept elsewhere.
pub(in crate::dialect) fn refuse_kept_elsewhere(own: Dialect, request: &Request<'_>) -> Result<(), Invalid> {
    let kept = request.rest.foreign_to(own).find(|name| KEPT_ELSEWHERE.contains(name) && said(&request.rest, name));
    kept.map_or(Ok(()), |name| {
        Err(At::ROOT.member(name).invalid("refers to what another provider keeps, and cannot be sent to this model"))
    })
}

/// Notes what `rest` holds that another dialect said, each under `prefix`.
pub(super) fn note_rest(rest: &Rest<'_>, prefix: &str, losses: &mut Losses) {
    note_foreign(OWN, rest, (prefix, &[]), losses);
}

/// The same for the dialect `own`, without what is `known` to be told in other ways.
pub(in crate::dialect) fn note_foreign(
    own: Dialect,
    rest: &Rest<'_>,
    (prefix, known): (&str, &[&str]),
    losses: &mut Losses,
) {
    for name in rest.foreign_to(own) {
        if !HARMLESS.contains(&name) && !known.contains(&name) && said(rest, name) {
            losses.note(&format!("{prefix}{name}"));
        }
    }
}

/// Whether what a member says differs from saying nothing.
fn said(rest: &Rest<'_>, name: &str) -> bool {
    match rest.members.get(name) {
        None | Some(Json::Null | Json::Bool(false)) => false,
        Some(Json::Array(items)) if name == "modalities" => items.iter().any(|item| item.as_str() != Some("text")),
        Some(Json::Array(items)) => !items.is_empty(),
        Some(Json::Object(members)) => !members.is_empty(),
        Some(Json::String(word)) => {
            !(matches!(name, "service_tier" | "truncation") && matches!(&**word, "auto" | "default" | "disabled"))
        }
        Some(_) => true,
    }
}

pub(in crate::dialect) fn note_sampling(sampling: &Sampling<'_>, losses: &mut Losses) {
    let matters = |number: &Option<Text<'_>>| number.as_ref().is_some_and(|digits| !is_number(digits, 0.0));
    losses.note_if(sampling.seed.is_some(), "seed");
    losses.note_if(matters(&sampling.frequency_penalty), "frequency_penalty");
    losses.note_if(matters(&sampling.presence_penalty), "presence_penalty");
    losses.note_if(sampling.choices.is_some_and(|number| number > 1), "n");
    losses.note_if(sampling.logprobs == Some(true), "logprobs");
    losses.note_if(sampling.top_logprobs.is_some_and(|number| number > 0), "top_logprobs");
}

/// Whether `digits` are `number`, as far as both can be told apart.
pub(super) fn is_number(digits: &str, number: f64) -> bool {
    digits.parse::<f64>().is_ok_and(|value| (value - number).abs() < f64::EPSILON)
}
