//! Whole answers.

use super::citation::{self, Place};
use super::{logprobs, stop, usage};
use crate::canonical::{Answer, Arguments, Body, CallKind, Choice, Part, Reasoning, Rest, ToolCall};
use crate::json::{At, Fields, Invalid, Json};

/// Reads an answer.
///
/// # Errors
/// [`Invalid`] if it is no answer, one that failed, or a member that is known has another type.
pub fn read(body: Json<'_>) -> Result<Answer<'_>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let id = fields.text("id")?;
    let at = At::ROOT.member("message");
    let message = fields.take("message").ok_or_else(|| fields.missing("message"))?;
    let parts = parts(Fields::of(message, at)?)?;
    let ended = fields.text("finish_reason")?.map(|word| stop::read(word, None)).transpose();
    let stop = ended.map_err(|error| Invalid { param: "finish_reason".to_owned(), message: error.message })?;
    let logprobs = fields.list("logprobs")?.map(|items| logprobs::read(&items));
    let usage = fields.take("usage").as_ref().and_then(usage::read);
    let choice = Choice { index: 0, parts, stop, logprobs, rest: Rest::none() };
    Ok(Answer { id, model: None, created: None, choices: vec![choice], usage, rest: Rest::none() })
}

/// A message's parts: its content, what was said before the calls, and those.
fn parts<'a>(mut message: Fields<'a, '_>) -> Result<Vec<Part<'a>>, Invalid> {
    let at = *message.at();
    let content = at.member("content");
    // One text alone may stand for the list of it.
    let mut parts = match message.take("content") {
        None => Vec::new(),
        Some(Json::String(text)) => vec![Some(Part::text(text))],
        Some(Json::Array(items)) => {
            let each = items.into_iter().enumerate();
            each.map(|(index, item)| part(item, content.item(index))).collect::<Result<Vec<_>, _>>()?
        }
        Some(_) => return Err(content.invalid("must be a string or an array")),
    };
    let mut plan = message.text("tool_plan")?.filter(|plan| !plan.is_empty()).map(Part::text);
    for cited in message.list("citations")?.unwrap_or_default() {
        let (place, more) = citation::read(&cited);
        let part = match place {
            Place::Content(index) => {
                usize::try_from(index).ok().and_then(|index| parts.get_mut(index)).and_then(Option::as_mut)
            }
            Place::Plan => plan.as_mut(),
            Place::Thoughts => None,
        };
        if let Some(Part { body: Body::Text(_, annotations), .. }) = part {
            annotations.extend(more);
        }
    }
    let calls = message.each("tool_calls", call)?;
    Ok(parts.into_iter().flatten().chain(plan).chain(calls).collect())
}

/// An item of the content. None for what is not known.
fn part<'a>(item: Json<'a>, at: At<'_>) -> Result<Option<Part<'a>>, Invalid> {
    let mut fields = Fields::of(item, at)?;
    Ok(match fields.need_text("type")?.as_ref() {
        "text" => Some(Part::text(fields.need_text("text")?)),
        "thinking" => {
            let text = fields.need_text("thinking")?;
            Some(Part::new(Body::Reasoning(Reasoning { text, ..Reasoning::default() })))
        }
        _ => None,
    })
}

fn call<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let id = fields.text("id")?.filter(|id| !id.is_empty());
    let inner = fields.take("function").ok_or_else(|| fields.missing("function"))?;
    let mut inner = Fields::of(inner, at.member("function"))?;
    let name = inner.need_text("name")?;
    let arguments = Arguments::Text(inner.text("arguments")?.unwrap_or_default());
    let call = ToolCall { id, name, arguments, kind: CallKind::Function, item: None };
    Ok(Part::new(Body::ToolCall(call)))
}
