//! The count of a request's tokens, `POST /v1/messages/count_tokens`. The request has the same members without those that
//! are about the answer; see [`request::read_count`](super::request::read_count).

use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads the count.
///
/// # Errors
/// [`Invalid`] if the body has none.
pub fn read(body: Json<'_>) -> Result<u64, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    fields.integer("input_tokens")?.ok_or_else(|| fields.missing("input_tokens"))
}

/// Writes the count.
#[must_use]
pub fn write(tokens: u64) -> Json<'static> {
    Members::new().with("input_tokens", tokens).into()
}
