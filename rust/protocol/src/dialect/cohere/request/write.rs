//! A request, written.

use super::super::PASSED;
use super::{losses, sampling, thinking, tools, turns};
use crate::canonical::{Format, Losses, Request};
use crate::dialect::Wanted;
use crate::json::{Invalid, Json, Members};

/// Writes a request for an upstream; what it cannot say is noted in `losses`.
///
/// # Errors
/// [`Invalid`] for what must not be left out: recordings, films and files, and what another provider keeps.
pub fn write<'r>(request: &'r Request<'_>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Json<'r>, Invalid> {
    losses::refuse_kept(&request.rest)?;
    losses::note(&request.rest, "", losses);
    losses.note_if(request.user.is_some(), "user");
    let thinks = thinking::thinks(wanted.model);
    let turns::Conversation { messages, mut documents } = turns::write(request, thinks, losses)?;
    let said = |name: &str| request.rest.members.get(name);
    if let Some(Json::Array(items)) = said("documents") {
        documents.extend(items.iter().map(Json::lend));
    }
    let tools = tools::write(request, losses);
    let alone = tools.list.is_empty() && documents.is_empty();
    let mut body = Members::new()
        .with("model", wanted.model.to_owned())
        .with("messages", messages)
        .with_some("documents", some(documents))
        .with_some("tool_choice", tools.choice)
        .with_some("strict_tools", tools.strict.then_some(true))
        .with_some("tools", some(tools.list));
    for name in PASSED.into_iter().filter(|name| *name != "documents") {
        if let Some(value) = said(name).filter(|_| body.get(name).is_none()) {
            body.push(name, value.lend());
        }
    }
    let format = request.format.as_ref().and_then(|format| write_format(format, alone, losses));
    let body = sampling::write(body.with_some("response_format", format), &request.sampling, losses);
    let thinking = request.thinking.as_ref().and_then(|said| thinking::write(said, thinks, losses));
    Ok(body.with_some("thinking", thinking).with("stream", request.stream).into())
}

fn some(items: Vec<Json<'_>>) -> Option<Vec<Json<'_>>> {
    Some(items).filter(|items| !items.is_empty())
}

/// What the answer must look like. The API has no format for answers from tools or documents: it must stand `alone`.
fn write_format<'r>(format: &'r Format<'_>, alone: bool, losses: &mut Losses) -> Option<Members<'r>> {
    let object = Members::new().with("type", "json_object");
    let written = match format {
        Format::Text => return None,
        Format::JsonObject => Some(object),
        Format::JsonSchema { schema, .. } => Some(object.with("json_schema", schema.lend())),
        Format::Foreign(..) => None,
    };
    let written = written.filter(|_| alone);
    losses.note_if(written.is_none(), "response_format");
    written
}
