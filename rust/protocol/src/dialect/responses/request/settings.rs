//! Everything of a request but the conversation.

use super::super::{SELF, left, own};
use super::{input, made_here, thinking, tools};
use crate::canonical::{Format, Losses, Request, Rest, is_idle};
use crate::dialect::Dialect;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Asks for what the model needs to go on with its thoughts where the provider keeps nothing.
const ENCRYPTED: &str = "reasoning.encrypted_content";

/// Asks for the tokens' probabilities.
const LOGPROBS: &str = "message.output_text.logprobs";

/// What chat completions and Responses have under one name and in one form.
pub(in super::super::super) const SHARED: [&str; 8] = [
    "metadata",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
];

/// What other dialects say that changes nothing in the answer.
const HARMLESS: [&str; 7] =
    ["metadata", "store", "stream_options", "anthropic_version", "anthropic_beta", "labels", "cache_control"];

/// The least output that `OpenAI` allows, in tokens.
const LEAST_OUTPUT: u64 = 16;

/// Takes `include` into `more`. Whether it asks for the tokens' probabilities.
pub(super) fn read_include<'a>(fields: &mut Fields<'a, '_>, more: &mut Members<'a>) -> Result<Option<bool>, Invalid> {
    let list = fields.list("include")?.unwrap_or_default();
    let asked = list.iter().any(|item| item.as_str() == Some(LOGPROBS));
    if !list.is_empty() {
        more.push("include", list);
    }
    Ok(asked.then_some(true))
}

/// Takes `text`: the format, and into `more` what else it says.
pub(super) fn read_text<'a>(
    fields: &mut Fields<'a, '_>,
    more: &mut Members<'a>,
) -> Result<Option<Format<'a>>, Invalid> {
    let Some(text) = fields.take("text") else { return Ok(None) };
    let at = At::ROOT.member("text");
    let mut text = Fields::of(text, at)?;
    let format = text.take("format").map(|format| read_format(format, at.member("format"))).transpose()?;
    let rest = left(text);
    if !rest.is_empty() {
        more.push("text", rest);
    }
    Ok(format)
}

fn read_format<'a>(json: Json<'a>, at: At<'_>) -> Result<Format<'a>, Invalid> {
    let whole = json.clone();
    let mut fields = Fields::of(json, at)?;
    let format = match fields.need_text("type")?.as_ref() {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => {
            let name = fields.text("name")?;
            let description = fields.text("description")?;
            let strict = fields.flag("strict")?;
            let Some(schema) = fields.take("schema") else { return Err(fields.missing("schema")) };
            Format::JsonSchema { name, description, schema, strict }
        }
        _ => return Ok(Format::Foreign(SELF, whole)),
    };
    Ok(if left(fields).is_empty() { format } else { Format::Foreign(SELF, whole) })
}

fn write_format<'a>(format: &Format<'a>, losses: &mut Losses) -> Option<Json<'a>> {
    let members = Members::new();
    Some(match format {
        Format::Text => members.with("type", "text").into(),
        Format::JsonObject => members.with("type", "json_object").into(),
        Format::JsonSchema { name, description, schema, strict } => members
            .with("type", "json_schema")
            .with("name", name.clone().unwrap_or("response".into()))
            .with_some("description", description.clone())
            .with("schema", schema.clone())
            .with_some("strict", *strict)
            .into(),
        Format::Foreign(SELF, json) => json.clone(),
        Format::Foreign(..) => {
            losses.note("response_format");
            return None;
        }
    })
}

/// All but `model`, `instructions`, `input` and `stream`.
pub(super) fn write<'a>(request: &Request<'a>, model: &str, losses: &mut Losses) -> Members<'a> {
    let sampling = &request.sampling;
    let said = |text: &Option<_>| text.clone().map(Json::Number);
    let mut members = Members::new()
        .with_some("max_output_tokens", most(request, losses))
        .with_some("temperature", said(&sampling.temperature))
        .with_some("top_p", said(&sampling.top_p))
        .with_some("top_logprobs", sampling.top_logprobs)
        .with_some("parallel_tool_calls", request.parallel_tools)
        .with_some("user", request.user.clone());
    let written: Vec<Json<'a>> = request.tools.iter().filter_map(|tool| tools::write(tool, losses)).collect();
    if !written.is_empty() {
        members.push("tools", written);
    }
    members = members.with_some("tool_choice", tools::write_choice(request, losses));
    lose(request, losses);
    let rest = if made_here(request) { request.rest.clone() } else { translated(request, losses) };
    add_merged(&mut members, "text", text(request, losses), &rest);
    add_merged(&mut members, "reasoning", thinking::write(request, model), &rest);
    add_include(&mut members, request);
    members.with_all(rest.members)
}

fn most(request: &Request<'_>, losses: &mut Losses) -> Option<u64> {
    let most = request.sampling.max_tokens?;
    if made_here(request) || most >= LEAST_OUTPUT {
        return Some(most);
    }
    losses.note("max_tokens");
    Some(LEAST_OUTPUT)
}

fn text<'a>(request: &Request<'a>, losses: &mut Losses) -> Option<Members<'a>> {
    let format = write_format(request.format.as_ref()?, losses)?;
    Some(Members::new().with("format", format))
}

/// Adds the object `name`: what is said of it in words of all dialects, and what `rest` holds of it.
fn add_merged<'a>(members: &mut Members<'a>, name: &'static str, said: Option<Members<'a>>, rest: &Rest<'a>) {
    let more = rest.members.get(name).and_then(Json::as_object).cloned();
    if said.is_some() || more.is_some() {
        members.push(name, said.unwrap_or_default().with_all(more.unwrap_or_default()));
    }
}

fn add_include<'a>(members: &mut Members<'a>, request: &Request<'a>) {
    if made_here(request) {
        return;
    }
    let thinks = members
        .get("reasoning")
        .is_some_and(|reasoning| reasoning.get("effort").and_then(Json::as_str) != Some("none"));
    let mut include: Vec<Json<'a>> = Vec::new();
    if thinks {
        include.push(ENCRYPTED.into());
    }
    if request.sampling.logprobs == Some(true) {
        include.push(LOGPROBS.into());
    }
    if !include.is_empty() {
        members.push("include", include);
    }
}

/// What else another dialect's caller said, as far as it has the same meaning here. Nothing is stored unless that was
/// asked for: no other dialect's provider does so unasked.
fn translated<'a>(request: &Request<'a>, losses: &mut Losses) -> Rest<'a> {
    let mut members = Members::new();
    let chat = request.rest.origin == Some(Dialect::Chat);
    for (name, value) in request.rest.members.0.iter().filter(|(_, value)| *value != Json::Null) {
        match name.as_ref() {
            shared if chat && SHARED.contains(&shared) => members.push(name.clone(), value.clone()),
            "verbosity" if chat => members.push("text", Members::new().with("verbosity", value.clone())),
            harmless if HARMLESS.contains(&harmless) || is_idle(harmless, value) => {}
            lost => losses.note(lost),
        }
    }
    if members.get("store").is_none() {
        members.push("store", false);
    }
    own(members)
}

/// Notes what is said in words of all dialects and cannot be said in this one.
fn lose(request: &Request<'_>, losses: &mut Losses) {
    let sampling = &request.sampling;
    losses.note_if(sampling.top_k.is_some(), "top_k");
    losses.note_if(sampling.seed.is_some(), "seed");
    losses.note_if(sampling.frequency_penalty.is_some(), "frequency_penalty");
    losses.note_if(sampling.presence_penalty.is_some(), "presence_penalty");
    losses.note_if(!sampling.stop.is_empty(), "stop");
    losses.note_if(sampling.choices.is_some_and(|choices| choices > 1), "n");
}

/// What an answer repeats of the caller's request.
pub(in super::super) fn echo<'a>(request: &Request<'a>) -> Members<'a> {
    // What of it was no use is told elsewhere.
    let losses = &mut Losses::default();
    let (instructions, _) = input::split(&request.messages);
    let mut members = write(request, &request.model, losses).with_some("instructions", instructions);
    members.0.retain(|(name, _)| !matches!(name.as_ref(), "include" | "stream_options" | "context_management"));
    members
}
