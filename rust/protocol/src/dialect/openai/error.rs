//! Errors, as `OpenAI` writes them.

use bytes::BytesMut;
use serde::Serialize;
use serde_json::Value;

use crate::dialect::ErrorTold;
use crate::sse::encoder::data_event;

/// Whether a body already is an error as OpenAI writes it, `{"error":{…}}` with a `message` that is text, and `type`,
/// `param` and `code` that are text or null, so that it can pass as it is.
#[must_use]
pub fn is_canonical_error(body: &[u8]) -> bool {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(error) = document.get("error").and_then(Value::as_object) else { return false };
    let named = |name: &str| error.get(name).is_some_and(|value| value.is_string() || value.is_null());
    error.get("message").is_some_and(Value::is_string) && ["type", "param", "code"].into_iter().all(named)
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// An error as OpenAI writes it: always all four members, null where there is nothing to say.
#[must_use]
pub fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    let envelope = Envelope { error: Body { message, r#type: kind, param, code } };
    // Writing text to memory has no way to fail.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// The body of an error that the gateway tells.
#[must_use]
pub fn write(error: &ErrorTold<'_>) -> Vec<u8> {
    error_body(error.message, error.kind, error.param, error.code)
}

/// Appends the same as an event of a stream: clients take an event with an `error` for the end.
pub fn event(error: &ErrorTold<'_>, out: &mut BytesMut) {
    data_event(&write(error), out);
}
