//! Whole answers.

use std::borrow::Cow;

use super::{OWN, block, citation, emulated, merge::merge, stop, usage};
use crate::canonical::{
    Answer, Arguments, Body, CallKind, Choice, Media, Part, Reasoning, Rest, Signature, Source, Stop, StopReason,
    ToolCall,
};
use crate::dialect::Told;
use crate::dialect::signature::to_field;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads an answer.
///
/// # Errors
/// [`Invalid`] if it is not a message, or a member that is known has another type.
pub fn read(body: Json<'_>) -> Result<Answer<'_>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    if fields.text("type")?.is_some_and(|kind| kind != "message") {
        return Err(fields.at().member("type").invalid("must be \"message\""));
    }
    fields.take("role");
    let (id, model) = (fields.text("id")?, fields.text("model")?);
    if !fields.has("content") {
        return Err(fields.missing("content"));
    }
    let parts = fields.each("content", block::block)?;
    let sequence = fields.text("stop_sequence")?;
    let mut stop = fields.text("stop_reason")?.map(|word| stop::read(word, sequence));
    let mut rest = Members::new();
    let mut of_choice = Members::new();
    if let Some(details) = fields.take("stop_details") {
        if let (Some(stop), Some(Json::String(explanation))) = (&mut stop, details.get("explanation")) {
            stop.detail = Some(explanation.clone());
        }
        of_choice.push("stop_details", details);
    }
    let mut tokens = None;
    if let Some(reported) = fields.take("usage") {
        tokens = usage::read(&reported);
        let beside = usage::rest(reported);
        if !beside.is_empty() {
            rest.push("usage", beside);
        }
    }
    let parts = emulated::read(parts, stop.as_mut());
    let choice = Choice { index: 0, parts, stop, logprobs: None, rest: Rest::new(OWN, of_choice) };
    let rest = Rest::new(OWN, rest.with_all(fields.rest()));
    Ok(Answer { id, model, created: None, choices: vec![choice], usage: tokens, rest })
}

/// Writes the first choice of an answer; the dialect has no other.
#[must_use]
pub fn write<'r>(answer: &'r Answer<'_>, told: &Told<'_>) -> Json<'r> {
    let choice = answer.choices.first();
    let parts = choice.map(|choice| choice.parts.as_slice()).unwrap_or_default();
    let content: Vec<Json<'r>> =
        parts.iter().enumerate().filter_map(|(number, part)| write_part(part, number, told)).collect();
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let stop = choice.and_then(|choice| choice.stop.as_ref());
    let sequence = stop.and_then(|stop| stop.sequence.as_deref());
    let model = answer.model.as_deref().map_or_else(|| told.model.to_owned().into(), Json::from);
    let mut message = Members::new()
        .with("id", id(answer.id.as_deref(), told.id))
        .with("type", "message")
        .with("role", "assistant")
        .with("model", model)
        .with("content", content)
        .with("stop_reason", stop::word(stop, calls))
        .with("stop_sequence", sequence.map_or(Json::Null, Json::from))
        .with("usage", usage::write(&answer.usage.unwrap_or_default()));
    for rest in [Some(&answer.rest), choice.map(|choice| &choice.rest)].into_iter().flatten() {
        if let Some(rest) = rest.of(OWN) {
            merge(&mut message, rest.lend());
        }
    }
    if let Some(details) = stop.and_then(refusal) {
        merge(&mut message, Members::new().with("stop_details", details));
    }
    message.into()
}

/// An answer's name: the upstream's, if it looks like one of this dialect's.
pub(super) fn id<'r>(given: Option<&'r str>, told: &str) -> Cow<'r, str> {
    given.filter(|id| id.starts_with("msg_")).map_or_else(|| Cow::Owned(format!("msg_{told}")), Cow::Borrowed)
}

/// A name for the call that is part `number` of an answer, where the model gave it none.
pub(super) fn call_id(told: &str, number: usize) -> String {
    format!("toolu_{told}_{number}")
}

/// Why the model declined.
pub(super) fn refusal<'r>(stop: &'r Stop<'_>) -> Option<Members<'r>> {
    let detail = stop.detail.as_deref()?;
    let declined = matches!(stop.reason, StopReason::Refusal | StopReason::Filter);
    declined.then(|| Members::new().with("type", "refusal").with("category", Json::Null).with("explanation", detail))
}

fn write_part<'r>(part: &'r Part<'_>, number: usize, told: &Told<'_>) -> Option<Json<'r>> {
    let body = match &part.body {
        Body::Text(text, annotations) => block::text(text, annotations.iter().filter_map(citation::write).collect()),
        Body::Refusal(text) => block::text(text, Vec::new()),
        Body::Reasoning(reasoning) => thinking(reasoning, part.signature.as_ref())?,
        Body::Image(media) => image(media)?,
        Body::ToolCall(call) => tool_use(call, part.signature.as_ref(), || call_id(told.id, number)),
        Body::Foreign(OWN, json) => return Some(json.lend()),
        Body::Audio(_) | Body::Video(_) | Body::Document(_) | Body::ToolResult(_) | Body::Foreign(..) => return None,
    };
    Some(block::finish(body, part))
}

fn thinking<'r>(reasoning: &'r Reasoning<'_>, signature: Option<&Signature<'r>>) -> Option<Members<'r>> {
    let field = signature.map(|signature| to_field(signature, OWN));
    if reasoning.redacted {
        return Some(Members::new().with("type", "redacted_thinking").with("data", field?));
    }
    let thoughts = if reasoning.text.is_empty() && !reasoning.summary.is_empty() {
        Cow::Owned(reasoning.summary.join("\n\n"))
    } else {
        Cow::Borrowed(reasoning.text.as_ref())
    };
    let nothing = thoughts.is_empty() && field.is_none();
    let block = Members::new().with("type", "thinking").with("thinking", thoughts);
    (!nothing).then(|| block.with("signature", field.unwrap_or_default()))
}

/// A picture that the model made. Anthropic's models make none: it stands as it would in a request.
pub(super) fn image<'r>(media: &'r Media<'_>) -> Option<Members<'r>> {
    let source = match &media.source {
        Source::Base64(data) => Members::new()
            .with("type", "base64")
            .with("media_type", media.mime.as_deref().unwrap_or("image/png"))
            .with("data", data.as_ref()),
        Source::Url(url) => Members::new().with("type", "url").with("url", url.as_ref()),
        Source::File(_) | Source::Text(_) | Source::Parts(_) => return None,
    };
    Some(Members::new().with("type", "image").with("source", source))
}

/// A call. A signature that another dialect's model gave it stands beside, for callers who keep what they are given.
fn tool_use<'r>(call: &'r ToolCall<'_>, signature: Option<&Signature<'r>>, id: impl FnOnce() -> String) -> Members<'r> {
    let id = call.id.as_deref().map_or_else(|| Cow::Owned(id()), Cow::Borrowed);
    let foreign = signature.filter(|signature| signature.origin != OWN);
    block::tool_use(id, &call.name, input(&call.arguments, call.kind).unwrap_or_else(|raw| raw))
        .with_some("signature", foreign.map(|signature| to_field(signature, OWN)))
}

/// The input of a call, which must be an object: free text is its `input`.
///
/// # Errors
/// What stands for arguments that are no object: the text as `_raw`.
pub(in crate::dialect) fn input<'r>(arguments: &'r Arguments<'_>, kind: CallKind) -> Result<Json<'r>, Json<'r>> {
    if let (CallKind::Function, Arguments::Json(Json::Object(members))) = (kind, arguments) {
        return Ok(members.lend().into());
    }
    if kind == CallKind::Custom {
        return Ok(Members::new().with("input", arguments.to_text()).into());
    }
    match arguments.to_object() {
        Ok(object) => Ok(object),
        Err(text) => Err(Members::new().with("_raw", text).into()),
    }
}
