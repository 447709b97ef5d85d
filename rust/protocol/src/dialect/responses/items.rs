//! Items, read: those of `input` and those of `output`.

use super::{MESSAGE, SELF, call, content, left, own, reasoning};
use crate::canonical::{Body, CallKind, Media, Part, Rest, Role, Source};
use crate::json::{At, Fields, Invalid, Json, Members};

/// An item, as a part of a conversation.
pub(super) struct Item<'a> {
    /// Whose it is.
    pub(super) role: Role,
    /// What it holds.
    pub(super) parts: Vec<Part<'a>>,
    /// What else it says of itself; an item of the model's says it in its first part.
    pub(super) rest: Rest<'a>,
}

/// Reads an item.
///
/// # Errors
/// [`Invalid`] if it is not what its type says. An unknown type is foreign, never wrong.
pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Item<'a>, Invalid> {
    if json.as_object().is_none() {
        return Err(at.invalid("must be an object"));
    }
    let of_model = |part| Item { role: Role::Assistant, parts: vec![part], rest: Rest::none() };
    let result = |part| Item { role: Role::Tool, parts: vec![part], rest: Rest::none() };
    Ok(match kind(&json, at)? {
        Kind::Message => return read_message(json, at),
        Kind::Reasoning => of_model(reasoning::read(json, at)?),
        Kind::Call(kind) => of_model(call::read(json, at, kind)?),
        Kind::Result(kind) => result(call::read_result(json, at, kind)?),
        Kind::Picture => of_model(read_picture(json, at)?),
        Kind::Foreign => {
            let role = foreign_role(&json);
            Item { role, parts: vec![Part::new(Body::Foreign(SELF, json))], rest: Rest::none() }
        }
    })
}

enum Kind {
    Message,
    Reasoning,
    Call(CallKind),
    Result(CallKind),
    Picture,
    Foreign,
}

fn kind(json: &Json<'_>, at: At<'_>) -> Result<Kind, Invalid> {
    let Some(kind) = json.get("type") else {
        // A message needs none; what has a name alone refers to an item that the provider keeps.
        return match (json.get("role"), json.get("id")) {
            (Some(_), _) => Ok(Kind::Message),
            (None, Some(_)) => Ok(Kind::Foreign),
            (None, None) => Err(at.member("type").invalid("is missing")),
        };
    };
    let Some(kind) = kind.as_str() else { return Err(at.member("type").invalid("must be a string")) };
    Ok(match kind {
        "message" => Kind::Message,
        "reasoning" => Kind::Reasoning,
        "function_call" => Kind::Call(CallKind::Function),
        "custom_tool_call" => Kind::Call(CallKind::Custom),
        "function_call_output" => Kind::Result(CallKind::Function),
        "custom_tool_call_output" => Kind::Result(CallKind::Custom),
        "image_generation_call" if json.get("result").is_some_and(|result| result.as_str().is_some()) => Kind::Picture,
        _ => Kind::Foreign,
    })
}

/// Whose an item is of which nothing else is known: `computer_call_output` and the like are the caller's.
fn foreign_role(json: &Json<'_>) -> Role {
    let kind = json.get("type").and_then(Json::as_str).unwrap_or_default();
    if kind.ends_with("_output") || kind.ends_with("_response") { Role::User } else { Role::Assistant }
}

fn read_message<'a>(json: Json<'a>, at: At<'_>) -> Result<Item<'a>, Invalid> {
    let role = match json.get("role").and_then(Json::as_str) {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some(_) => return Err(at.member("role").invalid("must be user, assistant, system or developer")),
        None => return Err(at.member("role").invalid("must be a string")),
    };
    let empty = json.get("content").and_then(Json::as_array).is_some_and(<[_]>::is_empty);
    if empty {
        // Nothing would be left to hold what it says of itself.
        return Ok(Item { role, parts: vec![Part::new(Body::Foreign(SELF, json))], rest: own(Members::new()) });
    }
    let mut fields = Fields::of(json, at)?;
    fields.take("role");
    let Some(content) = fields.take("content") else { return Err(fields.missing("content")) };
    let mut parts = content::read_all(content, at.member("content"))?;
    let rest = left(fields);
    if role != Role::Assistant {
        return Ok(Item { role, parts, rest: own(rest) });
    }
    if let Some(first) = parts.first_mut().filter(|_| !rest.is_empty()) {
        first.rest.origin = Some(SELF);
        first.rest.members.push(MESSAGE, rest);
    }
    Ok(Item { role, parts, rest: Rest::none() })
}

/// A picture that the model has drawn with the provider's tool.
fn read_picture<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let data = fields.need_text("result")?;
    let format = fields.peek_text("output_format").unwrap_or("png");
    let mime = format!("image/{format}");
    let rest = left(fields);
    let media = Media::new(Source::Base64(data), Some(mime.into()));
    Ok(Part { rest: own(rest), ..Part::new(Body::Image(media)) })
}

/// The item for a picture; None where its data is not here.
pub(super) fn picture<'a>(part: &Part<'a>, media: &Media<'a>, id: impl FnOnce() -> String) -> Option<Members<'a>> {
    let Source::Base64(data) = &media.source else { return None };
    let members = content::with_rest(Members::new().with("type", "image_generation_call"), part);
    let members = if members.get("id").is_none() { members.with("id", id()) } else { members };
    let members = if members.get("status").is_none() { members.with("status", "completed") } else { members };
    Some(members.with("result", data.clone()))
}
