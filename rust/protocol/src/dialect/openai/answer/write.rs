//! An answer, written.

use std::borrow::Cow;

use super::super::calls::{self, LEGACY};
use super::super::content::{self, LIST, THINKING};
use super::super::marks::{CHAT, is_own, marked, marked_in, with_more, with_rest};
use super::super::media::url_part;
use super::super::{reasoning, stop, usage};
use super::read::MESSAGE;
use crate::canonical::{Answer, Body, Choice, Media, Part, Source, Text, Usage};
use crate::dialect::Told;
use crate::json::{Json, Members};

/// Writes an answer for a caller.
#[must_use]
pub fn write<'a>(answer: &Answer<'a>, told: &Told<'_>) -> Json<'a> {
    let own = is_own(&answer.rest);
    let id = id("chatcmpl-", answer.id.as_ref(), own, told);
    let choices: Vec<Json<'a>> = answer.choices.iter().map(|choice| write_choice(choice, own, told)).collect();
    Members::new()
        .with("id", id)
        .with("object", object(answer))
        .with("created", answer.created.unwrap_or(told.created))
        .with("model", answer.model.clone().unwrap_or_else(|| told.model.to_owned().into()))
        .with("choices", choices)
        .with_some("usage", reported(answer))
        .with_all(left(answer))
        .into()
}

/// An answer's name: its own if it came from this dialect or looks so, else one with this `prefix`.
pub(in super::super) fn id<'a>(prefix: &str, id: Option<&Text<'a>>, own: bool, told: &Told<'_>) -> Text<'a> {
    match id {
        Some(id) if own || id.starts_with(prefix) => id.clone(),
        _ => Cow::Owned(format!("{prefix}{}", told.id)),
    }
}

fn object<'a>(answer: &Answer<'a>) -> Json<'a> {
    let said = answer.rest.of(CHAT).and_then(|rest| rest.get("object"));
    said.cloned().unwrap_or_else(|| "chat.completion".into())
}

/// The usage as it was reported; anew, if it is another by now.
fn reported<'a>(answer: &Answer<'a>) -> Option<Json<'a>> {
    let said = answer.rest.of(CHAT).and_then(|rest| rest.get("usage"));
    match (said, &answer.usage) {
        // The tier is said beside it.
        (Some(json), known) if usage::read(json) == known.map(|known| Usage { tier: None, ..known }) => {
            Some(json.clone())
        }
        (_, known) => known.as_ref().map(usage::write),
    }
}

fn left<'a>(answer: &Answer<'a>) -> Members<'a> {
    let said = answer.rest.of(CHAT).map(|rest| rest.0.as_slice()).unwrap_or_default();
    Members(said.iter().filter(|(name, value)| name != "usage" && *value != Json::Null).cloned().collect())
}

fn write_choice<'a>(choice: &Choice<'a>, own: bool, told: &Told<'_>) -> Json<'a> {
    let calls = choice.parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let word = stop::write(choice.stop.as_ref().unwrap_or(&stop::unsaid(calls)));
    let written = Members::new()
        .with("index", choice.index)
        .with("message", message(choice, own, told))
        .with("logprobs", choice.logprobs.clone().unwrap_or(Json::Null))
        .with("finish_reason", word);
    with_rest(written, &choice.rest).into()
}

fn message<'a>(choice: &Choice<'a>, own: bool, told: &Told<'_>) -> Members<'a> {
    let none = Members::new();
    let rest = choice.rest.of(CHAT).and_then(|rest| rest.get(MESSAGE)?.as_object()).unwrap_or(&none);
    let thoughts: Vec<&Part<'a>> = choice.parts.iter().filter(|part| reasoning::thought(part).is_some()).collect();
    let mut message =
        Members::new().with("role", "assistant").with("content", text_or_list(choice, marked_in(rest, LIST)));
    message.push("refusal", refusal(choice).map_or(Json::Null, Json::String));
    reasoning::write(&thoughts, own.then_some(rest), &mut message);
    let mut calls = Vec::new();
    let mut images = Vec::new();
    let mut annotations = Vec::new();
    let cites = choice.parts.iter().any(|part| matches!(&part.body, Body::Text(_, cited) if !cited.is_empty()));
    let mut before = 0;
    for part in &choice.parts {
        match &part.body {
            Body::ToolCall(call) if marked_in(rest, LEGACY) => message.push(LEGACY, calls::write_legacy(call, part)),
            Body::ToolCall(call) => {
                let made = || Cow::Owned(call_id(told, choice.index, calls.len()));
                let id = call.id.clone().unwrap_or_else(made);
                calls.push(calls::write(call, part, id, true));
            }
            Body::Image(media) => images.extend(media.url("image/png").map(|url| -> Json<'a> {
                with_rest(url_part("image_url", url, None, marked(&part.rest, "image_url")), &part.rest).into()
            })),
            Body::Audio(media) => message.push("audio", sound(media, part, told)),
            Body::Text(text, cited) if cites => {
                let length = text.chars().count() as u64;
                annotations.extend(cited.iter().filter_map(|one| content::write_annotation(one, (before, length))));
                before += length;
            }
            _ => {}
        }
    }
    for (name, list) in [("annotations", annotations), ("tool_calls", calls), ("images", images)] {
        message = message.with_some(name, Some(list).filter(|list| !list.is_empty()));
    }
    with_more(message, rest)
}

/// A name for a call that has none: the `number`th of a choice.
pub(in super::super) fn call_id(told: &Told<'_>, choice: u64, number: usize) -> String {
    format!("call_{}_{choice}_{number}", told.id)
}

/// The answer's text; null if there is none. A list, where it was one and where only that can hold it.
fn text_or_list<'a>(choice: &Choice<'a>, list: bool) -> Json<'a> {
    let mut texts = choice.parts.iter().filter_map(|part| match &part.body {
        Body::Text(text, _) => Some(text),
        _ => None,
    });
    if !list {
        let Some(first) = texts.next() else { return Json::Null };
        let all = texts.fold(first.clone(), |all, text| Cow::Owned(all.into_owned() + text));
        return all.into();
    }
    let item = |part: &Part<'a>| {
        Some(match &part.body {
            Body::Text(text, _) => with_rest(content::text_part(text.clone()), &part.rest).into(),
            Body::Reasoning(thought) if marked(&part.rest, THINKING) => {
                with_rest(content::thinking_part(thought.text.clone()), &part.rest).into()
            }
            Body::Foreign(CHAT, json) => json.clone(),
            _ => return None,
        })
    };
    choice.parts.iter().filter_map(item).collect::<Vec<_>>().into()
}

fn refusal<'a>(choice: &Choice<'a>) -> Option<Text<'a>> {
    choice.parts.iter().find_map(|part| if let Body::Refusal(text) = &part.body { Some(text.clone()) } else { None })
}

/// `audio`: a recording with the text of it.
pub(in super::super) fn sound<'a>(media: &Media<'a>, part: &Part<'a>, told: &Told<'_>) -> Members<'a> {
    let data = if let Source::Base64(data) = &media.source { data.clone() } else { Cow::Borrowed("") };
    let said = Members::new().with("data", data).with("transcript", media.context.clone().unwrap_or_default());
    let said = with_rest(said, &part.rest);
    // Without a name and an end of its life, an official client refuses it.
    said.with_all(Members::new().with("id", format!("audio_{}", told.id)).with("expires_at", told.created))
}
