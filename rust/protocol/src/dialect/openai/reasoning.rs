//! What the model thought, in the four fields that servers and clients have for it: `reasoning_content` (DeepSeek,
//! LiteLLM), `reasoning` (vLLM, Groq, OpenRouter), `thinking_blocks` (LiteLLM: with Anthropic's signatures) and
//! `reasoning_details` (OpenRouter). The first two repeat in plain text what the others hold in pieces.

use std::borrow::Cow;

use super::marks::{CHAT, mark, marked, marked_in};
use crate::canonical::{Body, Part, Reasoning, Rest, Text};
use crate::dialect::signature::{of_field, to_field};
use crate::json::{At, Fields, Invalid, Json, Members};

pub(super) const BLOCKS: &str = "thinking_blocks";
pub(super) const DETAILS: &str = "reasoning_details";
/// The fields of plain text, the first before the second.
pub(super) const TEXTS: [&str; 2] = ["reasoning_content", "reasoning"];

/// Takes the thoughts out of a message. Which fields told them is marked in `rest`.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Vec<Part<'a>>, Invalid> {
    let mut parts = fields.each(BLOCKS, block)?;
    match fields.take(DETAILS) {
        Some(Json::Array(items)) if parts.is_empty() => {
            let here = *fields.at();
            let list = here.member(DETAILS);
            let each = items.into_iter().enumerate();
            parts = each.map(|(index, item)| detail(item, list.item(index))).collect::<Result<_, _>>()?;
        }
        Some(other) => rest.push(DETAILS, other),
        None => {}
    }
    for name in TEXTS {
        let text = match fields.take(name) {
            Some(Json::String(text)) if !text.is_empty() => text,
            Some(other) => {
                rest.push(name, other);
                continue;
            }
            None => continue,
        };
        if parts.is_empty() {
            let thought = Reasoning { text, ..Reasoning::default() };
            parts.push(Part::new(Body::Reasoning(thought)));
            mark(rest, name);
        } else if text_of(&parts.iter().collect::<Vec<_>>()) == text {
            mark(rest, name);
        } else {
            rest.push(name, text);
        }
    }
    Ok(parts)
}

/// One of LiteLLM's blocks: Anthropic's, as they are.
pub(super) fn block<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let redacted = json.get("type").and_then(Json::as_str) == Some("redacted_thinking");
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let id = fields.text("id")?;
    let text = fields.text("thinking")?.unwrap_or_default();
    let signature = fields.text(if redacted { "data" } else { "signature" })?.filter(|text| !text.is_empty());
    let mut part = Part::new(Body::Reasoning(Reasoning { id, text, summary: Vec::new(), redacted }));
    part.signature = signature.map(|field| of_field(field, CHAT));
    let mut left = fields.rest();
    mark(&mut left, BLOCKS);
    part.rest = Rest::new(CHAT, left);
    Ok(part)
}

/// One of OpenRouter's details: `reasoning.text`, `reasoning.summary` or `reasoning.encrypted`.
pub(super) fn detail<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let kind = fields.text("type")?.unwrap_or_default();
    let id = fields.text("id")?;
    let text = fields.text("text")?.unwrap_or_default();
    let summary = fields.text("summary")?.into_iter().collect();
    let redacted = kind == "reasoning.encrypted";
    let signature = fields.text(if redacted { "data" } else { "signature" })?.filter(|text| !text.is_empty());
    let mut part = Part::new(Body::Reasoning(Reasoning { id, text, summary, redacted }));
    part.signature = signature.map(|field| of_field(field, CHAT));
    part.rest = Rest::new(CHAT, Members::new().with(DETAILS, fields.rest()));
    Ok(part)
}

/// All that was thought, in plain text.
pub(super) fn text_of(parts: &[&Part<'_>]) -> String {
    let mut all = String::new();
    for thought in parts.iter().filter_map(|part| thought(part)) {
        if thought.text.is_empty() {
            all.push_str(&thought.summary.join("\n\n"));
        } else {
            all.push_str(&thought.text);
        }
    }
    all
}

pub(super) const fn thought<'p, 'a>(part: &'p Part<'a>) -> Option<&'p Reasoning<'a>> {
    if let Body::Reasoning(thought) = &part.body { Some(thought) } else { None }
}

/// Adds `thoughts` to a message, in the fields that `rest`, what the message's own dialect said, marks; None if another
/// dialect's model had them.
pub(super) fn write<'a>(thoughts: &[&Part<'a>], rest: Option<&Members<'a>>, message: &mut Members<'a>) {
    // Those in the content, as Mistral has them, are written there.
    let thoughts: Vec<&Part<'a>> = thoughts.iter().copied().filter(|part| !marked(&part.rest, "thinking")).collect();
    if thoughts.is_empty() {
        return;
    }
    let mut blocks = Vec::new();
    let mut details = Vec::new();
    for part in &thoughts {
        let detailed = part.rest.of(CHAT).and_then(|rest| rest.get(DETAILS));
        if let Some(more) = detailed.and_then(Json::as_object) {
            details.extend(write_detail(part, more));
        } else if part.signature.is_some() || marked(&part.rest, BLOCKS) {
            blocks.extend(write_block(part));
        }
    }
    let text = || -> Text<'a> {
        match thoughts.as_slice() {
            [Part { body: Body::Reasoning(only), .. }] if !only.text.is_empty() => only.text.clone(),
            all => Cow::Owned(text_of(all)),
        }
    };
    let told: Vec<&'static str> = match rest {
        Some(rest) => TEXTS.into_iter().filter(|name| marked_in(rest, name)).collect(),
        None => vec![TEXTS[0]],
    };
    for name in told {
        let text = text();
        if !text.is_empty() {
            message.push(name, text);
        }
    }
    for (name, list) in [(BLOCKS, blocks), (DETAILS, details)] {
        if !list.is_empty() {
            message.push(name, list);
        }
    }
}

fn write_block<'a>(part: &Part<'a>) -> Option<Json<'a>> {
    let thought = thought(part)?;
    let signature = part.signature.as_ref().map(|signature| to_field(signature, CHAT));
    let block = if thought.redacted {
        Members::new().with("type", "redacted_thinking").with_some("data", signature)
    } else {
        let text =
            if thought.text.is_empty() { Cow::Owned(thought.summary.join("\n\n")) } else { thought.text.clone() };
        Members::new().with("type", "thinking").with("thinking", text).with_some("signature", signature)
    };
    Some(super::marks::with_rest(block.with_some("id", thought.id.clone()), &part.rest).into())
}

fn write_detail<'a>(part: &Part<'a>, more: &Members<'a>) -> Option<Json<'a>> {
    let thought = thought(part)?;
    let signature = part.signature.as_ref().map(|signature| to_field(signature, CHAT));
    let detail = Members::new();
    let detail = match (thought.redacted, thought.summary.first()) {
        (true, _) => detail.with("type", "reasoning.encrypted").with_some("data", signature),
        (false, Some(summary)) => {
            detail.with("type", "reasoning.summary").with("summary", summary.clone()).with_some("signature", signature)
        }
        (false, None) => {
            let text = Some(&thought.text).filter(|text| !text.is_empty()).cloned();
            detail.with("type", "reasoning.text").with_some("text", text).with_some("signature", signature)
        }
    };
    Some(super::marks::with_more(detail.with_some("id", thought.id.clone()), more).into())
}
