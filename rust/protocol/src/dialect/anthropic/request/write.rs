//! Writes requests.

use super::super::merge::merge;
use super::super::{OWN, emulated};
use super::ids::Ids;
use super::losses::{note_rest, note_sampling, refuse_kept_elsewhere};
use super::model::Model;
use super::parts::Parts;
use super::{format, sampling, thinking, tools, turns};
use crate::canonical::{Losses, Request};
use crate::dialect::Wanted;
use crate::json::{Invalid, Json, Members};

/// Writes a request for an upstream.
///
/// # Errors
/// [`Invalid`] for what the dialect cannot say and must not leave out: audio, video, another provider's files and state.
pub fn write<'r>(request: &'r Request<'_>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Json<'r>, Invalid> {
    members(request, wanted, losses).map(Json::Object)
}

/// Writes a request for a count of its tokens: the same without what is about the answer.
///
/// # Errors
/// As [`write()`].
pub fn write_count<'r>(
    request: &'r Request<'_>,
    wanted: &Wanted<'_>,
    losses: &mut Losses,
) -> Result<Json<'r>, Invalid> {
    const OF_THE_ANSWER: [&str; 10] = [
        "max_tokens",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "metadata",
        "service_tier",
        "inference_geo",
        "container",
    ];
    let mut members = members(request, wanted, losses)?;
    members.0.retain(|(name, _)| !OF_THE_ANSWER.contains(&name.as_ref()));
    Ok(members.into())
}

fn members<'r>(request: &'r Request<'_>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Members<'r>, Invalid> {
    refuse_kept_elsewhere(OWN, request)?;
    let (own, model) = (request.rest.origin == Some(OWN), Model::of(wanted.model));
    let mut parts = Parts { own, losses: &mut *losses, ids: Ids::default() };
    let conversation = turns::write(&request.messages, model.late_system, &mut parts)?;
    let mut tools = tools::write(request, own, model, losses);
    let mut tool_choice = tools::choice(request, own, !tools.is_empty(), losses);
    let plan = thinking::plan(request, own, model, losses);
    let stands_for_it = if own || model.schemas { None } else { emulated::write(request, plan.on, losses) };
    let format = request.format.as_ref().filter(|_| stands_for_it.is_none());
    let format = format.and_then(|format| format::write(format, own, model, losses));
    if let Some((tool, choice)) = stands_for_it {
        tools.push(tool);
        tool_choice = Some(choice);
    }
    note_sampling(&request.sampling, losses);
    note_rest(&request.rest, "", losses);

    let mut limit = request.sampling.max_tokens.unwrap_or(wanted.default_max_tokens);
    if let Some(budget) = plan.budget.filter(|budget| *budget >= limit) {
        // Thoughts count towards the limit.
        limit = limit.saturating_add(budget);
    }
    let mut out = Members::new()
        .with("model", wanted.model.to_owned())
        .with("max_tokens", limit)
        .with_some("system", conversation.system)
        .with("messages", conversation.messages)
        .with_some("tools", (!tools.is_empty()).then_some(tools))
        .with_some("tool_choice", tool_choice);
    out = sampling::write(out, &request.sampling, (own, plan.on), model, losses)
        .with_some("thinking", plan.thinking)
        .with_some("output_config", thinking::output_config(plan.effort, format))
        .with_some("metadata", request.user.as_deref().map(|user| Members::new().with("user_id", user)))
        .with_some("stream", request.stream.then_some(true));
    if let Some(rest) = request.rest.of(OWN) {
        merge(&mut out, rest.lend());
    }
    Ok(out)
}
