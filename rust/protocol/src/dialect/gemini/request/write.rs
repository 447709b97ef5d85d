//! The canonical form into a request for Google.

use super::turns::Turns;
use super::{CONFIG, TOOL_CONFIG, choice, config, tools};
use crate::canonical::{Losses, Request};
use crate::dialect::Wanted;
use crate::dialect::gemini::names::said;
use crate::dialect::gemini::{GEMINI, model};
use crate::json::{At, Invalid, Json, Members};

/// What another dialect says of how it keeps books, and not of the answer.
const HARMLESS: [&str; 11] = [
    "store",
    "metadata",
    "stream_options",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "safety_identifier",
    "include",
    "truncation",
    "max_tokens",
    "cache_control",
];
/// What stands for a conversation that another provider keeps.
const STATE: [&str; 4] = ["previous_response_id", "conversation", "background", "prompt"];

/// Writes a request's body; the model and whether it streams are in the path. Notes what is lost.
///
/// # Errors
/// [`Invalid`] for a file, or a conversation, that another provider keeps.
pub fn write<'a>(request: &Request<'a>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Json<'a>, Invalid> {
    if request.rest.origin != Some(GEMINI) {
        foreign(request, losses)?;
    }
    losses.note_if(request.user.is_some(), "user");
    losses.note_if(request.parallel_tools == Some(false), "parallel_tool_calls");
    let mut turns = Turns::new(wanted.model, losses);
    request.messages.iter().enumerate().try_for_each(|(index, message)| turns.add(message, index))?;
    turns.leave_out_ids(&request.messages);
    let (system, contents) = turns.done();
    let tools = tools::write(&request.tools, losses);
    let mut members = Members::new().with_some("systemInstruction", system).with("contents", contents);
    members = members
        .with_some("tools", (!tools.is_empty()).then_some(tools))
        .with_some("toolConfig", choice::write(request, losses))
        .with_some("generationConfig", config::write(request, wanted, losses));
    for (name, value) in request.rest.of(GEMINI).into_iter().flat_map(|own| &own.0) {
        match (name.as_ref(), value) {
            (_, Json::Null) => {}
            // Beside the path, some clients say it in the body too.
            ("model", Json::String(named)) if model::base(named) == model::base(wanted.model) => {
                members.push("model", value.clone());
            }
            ("model", _) => {}
            (name, _) if name.starts_with(CONFIG) || name.starts_with(TOOL_CONFIG) => {}
            _ => members.push(name.clone(), value.clone()),
        }
    }
    Ok(members.into())
}

/// What another dialect said that has no place here.
fn foreign(request: &Request<'_>, losses: &mut Losses) -> Result<(), Invalid> {
    for name in said(&request.rest) {
        if STATE.contains(&name) {
            return Err(At::ROOT.member(name).invalid(
                "refers to what another provider keeps, which Gemini cannot read: send the whole conversation",
            ));
        }
        losses.note_if(!HARMLESS.contains(&name), name);
    }
    Ok(())
}
