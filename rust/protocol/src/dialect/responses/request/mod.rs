//! Requests.

mod input;
mod settings;
mod thinking;
mod tools;

pub(in super::super) use settings::SHARED;
pub(super) use settings::echo;

use crate::canonical::{Losses, Message, Part, Request, Role, Sampling};
use crate::dialect::{Head, Wanted};
use crate::json::{At, Fields, Invalid, Json, Members};

use super::{SELF, items, left, own};

/// Reads a caller's request.
///
/// # Errors
/// [`Invalid`] for what is not what the dialect says, with its path.
pub fn read<'a>(body: Json<'a>, head: Head<'_>) -> Result<Request<'a>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let model = match head.model {
        Some(model) => model.to_owned().into(),
        // A stored prompt may name the model.
        None if fields.has("prompt") => fields.text("model")?.unwrap_or_default(),
        None => fields.need_text("model")?,
    };
    let messages = read_messages(&mut fields)?;
    let tools = fields.each("tools", tools::read)?;
    let tool_choice = fields.take("tool_choice").map(|json| tools::read_choice(json, At::ROOT.member("tool_choice")));
    let mut more = Members::new();
    let sampling = Sampling {
        max_tokens: fields.integer("max_output_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        logprobs: settings::read_include(&mut fields, &mut more)?,
        top_logprobs: fields.integer("top_logprobs")?,
        ..Sampling::default()
    };
    let format = settings::read_text(&mut fields, &mut more)?;
    let thinking = thinking::read(&mut fields, &mut more)?;
    let parallel_tools = fields.flag("parallel_tool_calls")?;
    let stream = fields.flag("stream")?.unwrap_or(head.stream);
    let user = fields.text("user")?;
    let rest = left(fields);
    Ok(Request {
        model,
        messages,
        tools,
        tool_choice: tool_choice.transpose()?,
        parallel_tools,
        sampling,
        format,
        thinking,
        stream,
        user,
        rest: own(rest.with_all(more)),
    })
}

fn read_messages<'a>(fields: &mut Fields<'a, '_>) -> Result<Vec<Message<'a>>, Invalid> {
    let mut messages: Vec<Message<'a>> = Vec::new();
    if let Some(text) = fields.text("instructions")? {
        messages.push(Message::new(Role::System, vec![Part::text(text)]));
    }
    match fields.take("input") {
        // With `prompt` or `previous_response_id` nothing more need be said.
        None => {}
        Some(Json::String(text)) => messages.push(Message::new(Role::User, vec![Part::text(text)])),
        Some(Json::Array(list)) => {
            messages.reserve(list.len());
            let at = At::ROOT.member("input");
            for (index, json) in list.into_iter().enumerate() {
                add(items::read(json, at.item(index))?, &mut messages);
            }
        }
        Some(_) => return Err(At::ROOT.member("input").invalid("must be a string or an array")),
    }
    Ok(messages)
}

/// Adds an item. Those of one turn of the model are one message: other dialects need its calls side by side.
fn add<'a>(item: items::Item<'a>, messages: &mut Vec<Message<'a>>) {
    match messages.last_mut() {
        Some(last) if item.role == Role::Assistant && last.role == Role::Assistant => last.parts.extend(item.parts),
        _ => messages.push(Message { role: item.role, parts: item.parts, name: None, rest: item.rest }),
    }
}

/// Writes a request for an upstream.
///
/// # Errors
/// [`Invalid`] for what must not be dropped and cannot be said: a file, or a conversation, that another provider keeps.
pub fn write<'a>(request: &Request<'a>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Json<'a>, Invalid> {
    if let Some(kept) = request.rest.foreign_to(SELF).find(|name| *name == "cachedContent") {
        return Err(At::ROOT
            .member(kept)
            .invalid("refers to what another provider keeps, and cannot be sent to this model"));
    }
    let members = Members::new().with("model", wanted.model.to_owned());
    let (instructions, messages) = input::split(&request.messages);
    let members = members.with_some("instructions", instructions).with_some("input", input::write(messages, losses)?);
    let members = members.with_all(settings::write(request, wanted.model, losses));
    Ok(members.with_some("stream", request.stream.then_some(true)).into())
}

/// Whether a caller of this dialect made the request.
fn made_here(request: &Request<'_>) -> bool {
    request.rest.origin == Some(SELF)
}
