//! Counting tokens (`countTokens`, <https://ai.google.dev/api/tokens>).

use super::names::object;
use super::request::{self, read_fields};
use super::{GEMINI, usage};
use crate::canonical::{Losses, Request, Rest, Usage};
use crate::dialect::{Head, Wanted};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Around a whole request; stands in the rest with null where the caller wrote it.
const WRAPPED: &str = "generateContentRequest";

/// Reads a request: contents alone, or all of a `generateContentRequest`, also without that name around it (Vertex AI).
///
/// # Errors
/// [`Invalid`] for a member of the wrong type, and for one that is missing.
pub fn read<'a>(body: Json<'a>, head: Head<'_>) -> Result<Request<'a>, Invalid> {
    let mut outer = object(body, At::ROOT)?;
    match outer.take(WRAPPED) {
        None => finish(outer, head, Members::new()),
        Some(inner) => finish(object(inner, At::ROOT.member(WRAPPED))?, head, Members::new().with(WRAPPED, Json::Null)),
    }
}

fn finish<'a>(mut fields: Fields<'a, '_>, head: Head<'_>, mark: Members<'a>) -> Result<Request<'a>, Invalid> {
    let (request, rest) = read_fields(&mut fields, head)?;
    Ok(Request { rest: Rest::new(GEMINI, rest.with_all(fields.rest()).with_all(mark)), ..request })
}

/// Writes a request: contents alone, if there is no more to it, else all, with a name around it.
///
/// # Errors
/// As [`request::write`].
pub fn write<'a>(request: &Request<'a>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Json<'a>, Invalid> {
    let own = request.rest.of(GEMINI);
    let wrapped = own.is_some_and(|own| own.0.iter().any(|(name, _)| name == WRAPPED));
    let written = request::write(request, wanted, losses)?;
    let Json::Object(members) = written else { return Ok(written) };
    let bare = members.0.iter().all(|(name, _)| name == "contents");
    // A caller of Google's that put no name around it speaks to Vertex AI, which knows none.
    if !wrapped && (bare || own.is_some()) {
        return Ok(members.into());
    }
    let named = Members::new().with("model", format!("models/{}", wanted.model));
    Ok(Members::new().with(WRAPPED, members.with_all(named)).into())
}

/// Reads the count, as tokens of a prompt.
///
/// # Errors
/// [`Invalid`] if there is no count.
pub fn read_answer(body: Json<'_>) -> Result<Usage, Invalid> {
    let mut fields = object(body, At::ROOT)?;
    let Some(total) = fields.integer("totalTokens")? else { return Err(fields.missing("totalTokens")) };
    let details = fields.rest().with("promptTokenCount", total).with("totalTokenCount", total);
    Ok(usage::read(&details.into()).unwrap_or_default())
}

/// Writes the count.
#[must_use]
pub fn write_answer(tokens: &Usage) -> Json<'static> {
    let written = usage::write(tokens);
    let total = tokens.all_input().unwrap_or(0);
    Members::new()
        .with("totalTokens", total)
        .with_some("cachedContentTokenCount", written.get("cachedContentTokenCount").cloned())
        .with_some("promptTokensDetails", written.get("promptTokensDetails").cloned())
        .into()
}
