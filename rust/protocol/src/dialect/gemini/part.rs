//! The parts of a content (<https://ai.google.dev/api/caching#Part>).

use super::GEMINI;
use super::media;
use super::names::{each, object, standard_base64};
use crate::canonical::{
    Arguments, Body, CallKind, Part, Reasoning, Rest, Signature, Source, Text, ToolCall, ToolResult,
};
use crate::dialect::signature;
use crate::json::{At, Fields, Invalid, Json, Members};

/// What a part may hold that other dialects know too.
const KINDS: [&str; 5] = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];

/// What Google lets stand for the signature of a call that another model made; without one, Gemini 3 refuses the call
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
pub(super) const UNSIGNED: &str = "skip_thought_signature_validator";
/// The same from clients that take signatures for bytes.
const ENCODED: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// Reads a part. One of which no other dialect knows the like is kept whole.
pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = object(json, at)?;
    let mut held = KINDS.into_iter().filter(|kind| fields.has(kind));
    let kind = match (held.next(), held.next()) {
        (Some(_), Some(_)) => return Err(at.invalid("must hold one of text, inlineData, fileData, functionCall, …")),
        (Some(kind), None) => kind,
        (None, _) => return Ok(other(fields)),
    };
    let thought = fields.flag("thought")?.unwrap_or(false);
    if thought && kind != "text" {
        return Ok(Part::new(Body::Foreign(GEMINI, fields.rest().with("thought", true).into())));
    }
    let signature =
        fields.text("thoughtSignature")?.filter(|field| !matches!(&**field, UNSIGNED | ENCODED)).map(read_signature);
    let mut part = match kind {
        "text" => {
            let text = fields.text("text")?.unwrap_or_default();
            Part::new(if thought {
                Body::Reasoning(Reasoning { text, ..Reasoning::default() })
            } else {
                Body::Text(text, Vec::new())
            })
        }
        "functionCall" => call(fields.take(kind), at.member(kind))?,
        "functionResponse" => result(fields.take(kind), at.member(kind))?,
        _ => {
            let (body, more) = media::read(fields.take(kind).unwrap_or(Json::Null), kind, at.member(kind))?;
            with_rest(body, kind, more)
        }
    };
    if let Body::Foreign(_, Json::Object(members)) = &mut part.body {
        members.0.extend(signature.map(|signature| ("thoughtSignature".into(), signature.value.into())));
    } else {
        part.signature = signature;
    }
    let held = std::mem::replace(&mut part.rest, Rest::none());
    part.rest = Rest::new(GEMINI, held.members.with_all(fields.rest()));
    Ok(part)
}

/// What no other dialect knows; or a signature alone, as may come at the end of a stream.
fn other<'a>(fields: Fields<'a, '_>) -> Part<'a> {
    let mut members = fields.rest();
    members.0.retain(|(_, value)| *value != Json::Null);
    match members.0.as_slice() {
        [(name, Json::String(signature))] if name == "thoughtSignature" => {
            Part { signature: Some(read_signature(signature.clone())), ..Part::text("") }
        }
        _ => Part::new(Body::Foreign(GEMINI, members.into())),
    }
}

/// A part of which `member` said `more` than is canonical.
fn with_rest<'a>(body: Body<'a>, member: &'static str, more: Members<'a>) -> Part<'a> {
    let rest = (!more.is_empty()).then(|| Members::new().with(member, more));
    Part { rest: rest.map_or_else(Rest::none, |rest| Rest::new(GEMINI, rest)), ..Part::new(body) }
}

/// A signature; another dialect's may have passed through a client that writes the other alphabet.
fn read_signature(field: Text<'_>) -> Signature<'_> {
    match signature::of_field(standard_base64(field.clone()), GEMINI) {
        foreign if foreign.origin != GEMINI => foreign,
        _ => Signature { origin: GEMINI, value: field },
    }
}

fn call<'a>(json: Option<Json<'a>>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = object(json.unwrap_or(Json::Null), at)?;
    // The pieces of a call whose arguments are streamed, which only Vertex AI does, and only if it is asked to; a piece of
    // nothing is the last.
    if fields.has("partialArgs") || fields.has("willContinue") || fields.are_spent() {
        return Ok(Part::new(Body::Foreign(GEMINI, Members::new().with("functionCall", fields.rest()).into())));
    }
    let id = fields.text("id")?;
    let name = fields.need_text("name")?;
    let arguments = Arguments::Json(fields.members("args")?.unwrap_or_default().into());
    let call = ToolCall { id, name, arguments, kind: CallKind::Function, item: None };
    Ok(with_rest(Body::ToolCall(call), "functionCall", fields.rest()))
}

fn result<'a>(json: Option<Json<'a>>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = object(json.unwrap_or(Json::Null), at)?;
    let call = fields.text("id")?;
    let name = fields.need_text("name")?;
    let response = fields.members("response")?.unwrap_or_default();
    let mut content = vec![Part::text(as_text(&response))];
    content.extend(each(&mut fields, "parts", read)?);
    let failed = (response.0.len() == 1 && response.get("error").is_some()).then_some(true);
    let json = Some(response.into());
    let result = ToolResult { call, name: Some(name), content, json, failed, kind: CallKind::Function };
    Ok(with_rest(Body::ToolResult(result), "functionResponse", fields.rest()))
}

/// A response as text: the string that it comes to, or its JSON.
fn as_text<'a>(response: &Members<'a>) -> Text<'a> {
    match response.0.as_slice() {
        [] => Text::default(),
        [(name, Json::String(text))] if matches!(name.as_ref(), "result" | "output" | "error" | "content") => {
            text.clone()
        }
        _ => Json::Object(response.clone()).to_text().into(),
    }
}

/// Why a part is not written.
pub(super) enum Unsaid {
    /// It is lost, and goes by this name.
    Lost(String),
    /// Another provider keeps the file.
    File,
}

/// What a part says, without its signature. Results of tools, and documents in parts, are not written here.
pub(super) fn write<'a>(part: &Part<'a>) -> Result<Members<'a>, Unsaid> {
    let own = part.rest.of(GEMINI);
    let members = match &part.body {
        Body::Text(text, _) | Body::Refusal(text) => Members::of([("text", text.clone().into())]),
        Body::Reasoning(reasoning) => Members::new().with("text", thoughts(reasoning)).with("thought", true),
        Body::Image(media) => media_member(media, Some("image/jpeg"), own)?,
        Body::Audio(media) => media_member(media, Some("audio/mpeg"), own)?,
        Body::Video(media) => media_member(media, None, own)?,
        Body::Document(media) => media_member(media, Some("application/pdf"), own)?,
        Body::ToolCall(call) => {
            let written = Members::new().with_some("id", call.id.clone()).with("name", call.name.clone());
            let written = written.with("args", arguments(call).0);
            Members::of([("functionCall", with_own(written, own, "functionCall").into())])
        }
        Body::ToolResult(_) => return Err(Unsaid::Lost("content.tool_result".to_owned())),
        Body::Foreign(GEMINI, Json::Object(members)) => members.clone(),
        Body::Foreign(_, json) => {
            let kind = json.get("type").and_then(Json::as_str).unwrap_or("foreign");
            return Err(Unsaid::Lost(format!("content.{kind}")));
        }
    };
    Ok(match own {
        Some(own) => members.with_all(own.clone()),
        None => members,
    })
}

/// `written`, with what Google said of `member` besides.
pub(super) fn with_own<'a>(written: Members<'a>, own: Option<&Members<'a>>, member: &str) -> Members<'a> {
    match own.and_then(|own| own.get(member)).and_then(Json::as_object) {
        Some(more) => written.with_all(more.clone()),
        None => written,
    }
}

fn media_member<'a>(
    media: &crate::canonical::Media<'a>,
    default: Option<&'static str>,
    own: Option<&Members<'a>>,
) -> Result<Members<'a>, Unsaid> {
    let written = media::write(media, default, own).map(|(name, data)| Members::new().with(name, data));
    written.ok_or_else(|| match media.source {
        Source::Parts(_) => Unsaid::Lost("content.document".to_owned()),
        _ => Unsaid::File,
    })
}

/// A call's arguments as the object that Google takes, and whether they had to be wrapped for it.
pub(super) fn arguments<'a>(call: &ToolCall<'a>) -> (Json<'a>, bool) {
    match call.kind {
        CallKind::Custom => (Members::of([("input", call.arguments.to_text().into())]).into(), false),
        CallKind::Function => match call.arguments.to_object() {
            Ok(object) => (object, false),
            Err(text) => (Members::of([("_raw", text.into())]).into(), true),
        },
    }
}

fn thoughts<'a>(reasoning: &Reasoning<'a>) -> Text<'a> {
    match reasoning.summary.as_slice() {
        [] => reasoning.text.clone(),
        [one] if reasoning.text.is_empty() => one.clone(),
        many if reasoning.text.is_empty() => many.join("\n\n").into(),
        _ => reasoning.text.clone(),
    }
}
