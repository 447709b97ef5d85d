//! A request, written.

use super::super::calls::LEGACY;
use super::super::marks::{CHAT, is_own, marked, note_foreign, with_rest};
use super::{format, thinking, tool, turns};
use crate::canonical::{Losses, Request, Rest};
use crate::dialect::responses::request::SHARED;
use crate::dialect::{Dialect, Wanted};
use crate::json::{At, Invalid, Json, Members};

/// What other dialects say that changes nothing in the answer: where it is kept, and how it is billed or traced.
const HARMLESS: [&str; 10] = [
    "store",
    "metadata",
    "client_metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "include",
    "truncation",
    "labels",
    "cache_control",
];

/// Writes a request for an upstream; what it cannot say is noted in `losses`.
///
/// # Errors
/// [`Invalid`] for what must not be left out: files that another provider keeps, conversations that it keeps.
pub fn write<'a>(request: &Request<'a>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Json<'a>, Invalid> {
    refuse_kept(&request.rest)?;
    let (shared, known) = of_responses(&request.rest);
    note_foreign(&request.rest, "", &[&HARMLESS[..], &["background"], &known].concat(), losses);
    let messages = turns::write(request, wanted.model, losses)?;
    let body = Members::new().with("model", wanted.model.to_owned()).with("messages", messages);
    let mut body = with_sampling(with_tools(body, request, losses), request, wanted, losses);
    if let Some(format) = request.format.as_ref().and_then(|said| format::write(said, is_own(&request.rest), losses)) {
        body.push("response_format", format);
    }
    if let Some(thinking) = &request.thinking {
        thinking::write(thinking, &request.rest, losses, &mut body);
    }
    if request.stream {
        let options = Members::new().with("include_usage", true);
        body = body.with("stream", true).with("stream_options", options);
    }
    Ok(with_rest(body.with_some("user", request.user.clone()).with_all(shared), &request.rest).into())
}

/// What a caller of Responses said that has the same meaning here and changes the answer, and under which names it was
/// said. What changes nothing is left out: servers other than `OpenAI`'s refuse it.
fn of_responses<'a>(rest: &Rest<'a>) -> (Members<'a>, Vec<&'static str>) {
    let (mut shared, mut known) = (Members::new(), Vec::new());
    let Some(said) = rest.of(Dialect::Responses) else { return (shared, known) };
    for name in SHARED.into_iter().filter(|name| !HARMLESS.contains(name)) {
        if let Some(value) = said.get(name) {
            shared.push(name, value.clone());
            known.push(name);
        }
    }
    if let Some(Json::Object(text)) = said.get("text")
        && let [(name, verbosity)] = text.0.as_slice()
        && name == "verbosity"
    {
        shared.push("verbosity", verbosity.clone());
        known.push("text");
    }
    (shared, known)
}

/// Responses and Gemini can go on with what their providers keep; without it, another would answer something else.
fn refuse_kept(rest: &Rest<'_>) -> Result<(), Invalid> {
    let kept = ["previous_response_id", "conversation", "prompt", "cachedContent"];
    let running = rest.members.get("background") == Some(&Json::Bool(true));
    let found = rest.foreign_to(CHAT).find(|name| kept.contains(name) || (running && *name == "background"));
    match found {
        Some(name) => Err(At::ROOT
            .member(name)
            .invalid("refers to what another provider keeps: this model's provider cannot be given it")),
        None => Ok(()),
    }
}

fn with_tools<'a>(mut body: Members<'a>, request: &Request<'a>, losses: &mut Losses) -> Members<'a> {
    let own = is_own(&request.rest);
    let legacy = own && marked(&request.rest, "functions");
    let written = tool::write(&request.tools, own, legacy, losses);
    let none_left = !own && written.tools.is_empty() && !request.tools.is_empty();
    if !written.tools.is_empty() {
        body.push(if legacy { "functions" } else { "tools" }, written.tools);
    }
    if let Some(options) = written.web_search {
        body.push("web_search_options", options);
    }
    // Without tools, a choice among them is an error.
    if !none_left {
        if let Some(choice) = &request.tool_choice {
            let choice = tool::write_choice(choice, &request.tools, legacy, losses);
            body = body.with_some(if legacy { LEGACY } else { "tool_choice" }, choice);
        }
        body = body.with_some("parallel_tool_calls", request.parallel_tools);
    }
    body
}

fn with_sampling<'a>(
    body: Members<'a>,
    request: &Request<'a>,
    wanted: &Wanted<'_>,
    losses: &mut Losses,
) -> Members<'a> {
    let said = &request.sampling;
    let own = is_own(&request.rest);
    let number = |digits: &Option<crate::canonical::Text<'a>>| digits.clone().map(Json::Number);
    // OpenAI refuses it; who says it in this dialect knows a server that does not.
    losses.note_if(said.top_k.is_some() && !own, "top_k");
    let stop: Option<Json<'a>> = match said.stop.as_slice() {
        [] => None,
        [only] if own && marked(&request.rest, "stop") => Some(only.clone().into()),
        all => Some(all.iter().cloned().map(Json::String).collect::<Vec<_>>().into()),
    };
    body.with_some(wanted.max_tokens.to_owned(), said.max_tokens)
        .with_some("temperature", number(&said.temperature))
        .with_some("top_p", number(&said.top_p))
        .with_some("top_k", number(&said.top_k).filter(|_| own))
        .with_some("seed", number(&said.seed))
        .with_some("frequency_penalty", number(&said.frequency_penalty))
        .with_some("presence_penalty", number(&said.presence_penalty))
        .with_some("stop", stop)
        .with_some("n", said.choices)
        .with_some("logprobs", said.logprobs)
        .with_some("top_logprobs", said.top_logprobs)
}
