//! A caller's request into the canonical form.

use super::{choice, config, tools};
use crate::canonical::{Body, Message, Part, Request, Rest, Role, Text};
use crate::dialect::Head;
use crate::dialect::gemini::names::{each, object};
use crate::dialect::gemini::{GEMINI, model, part};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads a request. The model in the path counts before that in the body.
///
/// # Errors
/// [`Invalid`] for a member of the wrong type, and for one that is missing.
pub fn read<'a>(body: Json<'a>, head: Head<'_>) -> Result<Request<'a>, Invalid> {
    let mut fields = object(body, At::ROOT)?;
    let (request, rest) = read_fields(&mut fields, head)?;
    Ok(Request { rest: Rest::new(GEMINI, rest.with_all(fields.rest())), ..request })
}

/// Reads what is canonical of a request, and what of the rest had to be looked into.
pub(in crate::dialect::gemini) fn read_fields<'a>(
    fields: &mut Fields<'a, '_>,
    head: Head<'_>,
) -> Result<(Request<'a>, Members<'a>), Invalid> {
    let at = *fields.at();
    let mut rest = Members::new();
    let named = fields.text("model")?;
    let model: Text<'a> = match (head.model, &named) {
        (Some(model), _) => model.to_owned().into(),
        (None, Some(named)) => model::base(named).to_owned().into(),
        (None, None) => return Err(fields.missing("model")),
    };
    rest.0.extend(named.map(|named| ("model".into(), Json::String(named))));
    let mut messages = Vec::new();
    if let Some(system) = fields.take("systemInstruction") {
        messages.push(content(system, at.member("systemInstruction"), true)?);
    }
    if !fields.has("contents") {
        return Err(fields.missing("contents"));
    }
    messages.extend(each(fields, "contents", |json, at| content(json, at, false))?);
    let tools = tools::read(fields)?;
    let tool_choice = choice::read(fields, &mut rest)?;
    let config = config::read(fields, &mut rest)?;
    let request = Request {
        model,
        messages,
        tools,
        tool_choice,
        parallel_tools: None,
        sampling: config.sampling,
        format: config.format,
        thinking: config.thinking,
        stream: head.stream,
        user: None,
        rest: Rest::none(),
    };
    Ok((request, rest))
}

/// `parts`, in which a thought of another dialect's model is one again: of a stream, clients keep each piece as it came, and
/// the signature on the last.
fn joined(parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let mut out: Vec<Part<'_>> = Vec::with_capacity(parts.len());
    for mut part in parts {
        let foreign = part.signature.as_ref().is_some_and(|signature| signature.origin != GEMINI);
        if let (Body::Reasoning(thought), true) = (&mut part.body, foreign) {
            let is_piece = |last: &mut Part<'_>| last.signature.is_none() && matches!(last.body, Body::Reasoning(_));
            while let Some(Part { body: Body::Reasoning(mut piece), .. }) = out.pop_if(is_piece) {
                piece.text += std::mem::take(&mut thought.text);
                thought.text = piece.text;
            }
        }
        out.push(part);
    }
    out
}

/// A message. Its role is kept where it is not the one that is written.
fn content<'a>(json: Json<'a>, at: At<'_>, system: bool) -> Result<Message<'a>, Invalid> {
    let json = match json {
        Json::String(text) if system => Members::new().with("parts", Members::new().with("text", text)).into(),
        json => json,
    };
    let mut fields = object(json, at)?;
    let word = fields.text("role")?;
    let role = match word.as_deref() {
        _ if system => Role::System,
        None | Some("user" | "function" | "tool") => Role::User,
        Some("model") => Role::Assistant,
        Some(_) => return Err(at.member("role").invalid("must be user or model")),
    };
    let parts = joined(each(&mut fields, "parts", part::read)?);
    let kept = word.filter(|word| system || matches!(word.as_ref(), "function" | "tool"));
    let rest = Members::new().with_some("role", kept).with_all(fields.rest());
    Ok(Message { rest: Rest::new(GEMINI, rest), ..Message::new(role, parts) })
}
