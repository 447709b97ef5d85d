//! Pieces of content: what stands in the `content` of a message, and in the `output` of a call.

use super::{SELF, SIGNATURE, annotation, is_own, left, media, own};
use crate::canonical::{Body, Losses, Part, Signature, Text};
use crate::dialect::signature::{of_field, to_field};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads `content` or `output`, which is a string or a list.
pub(super) fn read_all<'a>(json: Json<'a>, at: At<'_>) -> Result<Vec<Part<'a>>, Invalid> {
    match json {
        Json::String(text) => Ok(vec![Part::text(text)]),
        Json::Array(items) => items.into_iter().enumerate().map(|(index, item)| read(item, at.item(index))).collect(),
        _ => Err(at.invalid("must be a string or an array")),
    }
}

/// Reads one piece. One of an unknown type is foreign; its `rest` tells it from an item.
pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let kind = json.get("type").and_then(Json::as_str).unwrap_or_default();
    let known = ["input_text", "output_text", "text", "refusal", "input_image", "input_file", "input_audio"];
    let Some(kind) = known.into_iter().find(|known| *known == kind) else {
        return unknown(json, at);
    };
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let listed = fields.has("annotations");
    let body = match kind {
        "refusal" => Body::Refusal(fields.need_text("refusal")?),
        "input_image" => Body::Image(media::read_image(&mut fields)?),
        "input_file" => Body::Document(media::read_file(&mut fields)?),
        "input_audio" => Body::Audio(media::read_audio(&mut fields)?),
        _ => read_text(&mut fields)?,
    };
    let signature = fields.text(SIGNATURE)?.map(|field| of_field(field, SELF));
    let cites_nothing = matches!(&body, Body::Text(_, cited) if cited.is_empty());
    let mut rest = left(fields);
    if listed && cites_nothing {
        rest.push("annotations", Json::Array(Vec::new()));
    }
    Ok(Part { body, cache: None, signature, rest: own(rest) })
}

fn unknown<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    if json.as_object().is_none() {
        return Err(at.invalid("must be an object"));
    }
    if json.get("type").and_then(Json::as_str).is_none() {
        return Err(at.member("type").invalid("must be a string"));
    }
    Ok(Part { rest: own(Members::new()), ..Part::new(Body::Foreign(SELF, json)) })
}

fn read_text<'a>(fields: &mut Fields<'a, '_>) -> Result<Body<'a>, Invalid> {
    let text = fields.need_text("text")?;
    let at = *fields.at();
    let list = fields.list("annotations")?;
    let annotations = annotation::read_all(list.unwrap_or_default(), at.member("annotations"))?;
    Ok(Body::Text(text, annotations))
}

/// Whose content it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What is said to the model.
    Input,
    /// What the model said, in a request.
    Said,
    /// What the model says, in an answer.
    Answer,
}

/// Appends a part as pieces of content. What is no content is left out.
///
/// # Errors
/// [`Invalid`] for a file that another provider keeps.
pub(super) fn write<'a>(
    part: &Part<'a>,
    side: Side,
    losses: &mut Losses,
    out: &mut Vec<Json<'a>>,
) -> Result<(), Invalid> {
    match &part.body {
        Body::Text(text, annotations) => out.push(match side {
            Side::Input => piece(part, Members::new().with("type", "input_text").with("text", text.clone())),
            Side::Said | Side::Answer => {
                let length = if annotations.is_empty() { 0 } else { count(text) };
                let list: Vec<_> = annotations.iter().filter_map(|item| annotation::write(item, length)).collect();
                output_text(part, text, list, side)
            }
        }),
        Body::Refusal(text) if side == Side::Input => {
            out.push(Members::new().with("type", "input_text").with("text", text.clone()).into())
        }
        Body::Refusal(text) => {
            out.push(piece(part, Members::new().with("type", "refusal").with("refusal", text.clone())));
        }
        Body::Image(media) if side == Side::Answer => out.extend(media::shown(media).map(Json::Object)),
        Body::Document(_) | Body::Video(_) if side == Side::Answer => {}
        Body::Image(media) => out.push(piece(part, media::write_image(media, is_own(&part.rest))?)),
        Body::Audio(media) if side == Side::Answer => out.push(media::output_audio(media).into()),
        Body::Audio(media) => out.push(piece(part, media::write_audio(media, is_own(&part.rest))?)),
        Body::Document(media) | Body::Video(media) => media::write_document(part, media, losses, out)?,
        Body::Foreign(origin, json) if *origin == SELF => out.push(json.clone()),
        Body::Foreign(_, json) => losses.note(&lost("content", json)),
        Body::Reasoning(_) | Body::ToolCall(_) | Body::ToolResult(_) => {}
    }
    Ok(())
}

fn output_text<'a>(part: &Part<'a>, text: &Text<'a>, annotations: Vec<Json<'a>>, side: Side) -> Json<'a> {
    let some = !annotations.is_empty() || (side == Side::Answer && part.rest.members.get("annotations").is_none());
    let members = Members::new().with("type", "output_text").with("text", text.clone());
    piece(part, members.with_some("annotations", some.then_some(annotations)))
}

/// `members`, with what the part said besides.
pub(super) fn piece<'a>(part: &Part<'a>, members: Members<'a>) -> Json<'a> {
    let members = members.with_some(SIGNATURE, part.signature.as_ref().map(signature));
    with_rest(members, part).into()
}

pub(super) fn signature<'a>(signature: &Signature<'a>) -> Text<'a> {
    to_field(signature, SELF)
}

/// With what the part said besides, but not what the item that it began said of itself.
pub(super) fn with_rest<'a>(mut members: Members<'a>, part: &Part<'a>) -> Members<'a> {
    for (name, value) in part.rest.of(SELF).into_iter().flat_map(|rest| &rest.0) {
        if name != super::MESSAGE && members.get(name).is_none() {
            members.push(name.clone(), value.clone());
        }
    }
    members
}

/// The name under which something foreign is lost: by its `type`, or, as Gemini has it, its only member.
pub(super) fn lost(place: &str, json: &Json<'_>) -> String {
    let members = json.as_object();
    let kind = json.get("type").and_then(Json::as_str);
    let first = || members.and_then(|members| members.0.first()).map(|(name, _)| name.as_ref());
    format!("{place}.{}", kind.or_else(first).unwrap_or("unknown"))
}

/// The length of `text` in characters.
pub(super) fn count(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
