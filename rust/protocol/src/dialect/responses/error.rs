//! Errors for a caller. The documented event of a stream has its members flat; `OpenAI` itself sends them nested, and its
//! SDKs raise what is nested only (openai-dotnet issue 881, vercel/ai pull request 15922). Ours has both.

use bytes::BytesMut;

use crate::dialect::ErrorTold;
use crate::dialect::openai::error_body;
use crate::json::{Json, Members};
use crate::sse::encoder::data_event;

/// The whole body, which is the same for all of `OpenAI`'s APIs.
#[must_use]
pub fn write(error: &ErrorTold<'_>) -> Vec<u8> {
    error_body(error.message, error.kind, error.param, error.code)
}

/// Appends the event that ends a stream with an error. Its `sequence_number` only the writer of the stream knows: an
/// upstream's own stream that is passed on is not counted.
pub fn event(error: &ErrorTold<'_>, number: Option<u64>, out: &mut BytesMut) {
    let maybe = |text: Option<&str>| text.map_or(Json::Null, |text| Json::text(text.to_owned()));
    let flat = Members::new()
        .with("code", maybe(error.code))
        .with("message", error.message.to_owned())
        .with("param", maybe(error.param));
    let nested = Members::new().with("type", error.kind.to_owned()).with_all(flat.clone());
    let body =
        Members::new().with("type", "error").with_all(flat).with("error", nested).with_some("sequence_number", number);
    out.extend_from_slice(b"event: error\n");
    data_event(&Json::Object(body).to_bytes(), out);
}
