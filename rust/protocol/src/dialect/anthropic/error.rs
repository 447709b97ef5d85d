//! Errors (<https://platform.claude.com/docs/en/api/errors>).

use bytes::{BufMut, BytesMut};

use crate::dialect::{ErrorTold, UpstreamError};
use crate::json::{Json, Members};

const KINDS: [&str; 10] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "timeout_error",
    "api_error",
    "overloaded_error",
];

/// The whole body of an error.
#[must_use]
pub fn write(error: &ErrorTold<'_>) -> Vec<u8> {
    body(kind(error.status), error.message, Some(error.request_id)).to_bytes()
}

/// Appends an error as an event of a stream.
pub fn event(error: &ErrorTold<'_>, out: &mut BytesMut) {
    frame(&body(kind(error.status), error.message, Some(error.request_id)), out);
}

/// Appends an upstream's error as an event of a stream.
pub(super) fn upstream_event(error: &UpstreamError, out: &mut BytesMut) {
    let known = KINDS.into_iter().find(|kind| error.kind.as_deref() == Some(kind));
    frame(&body(known.unwrap_or_else(|| kind(error.status.unwrap_or(500))), &error.message, None), out);
}

fn body<'e>(kind: &'static str, message: &'e str, request_id: Option<&'e str>) -> Json<'e> {
    let error = Members::new().with("type", kind).with("message", message);
    Members::new().with("type", "error").with("error", error).with_some("request_id", request_id).into()
}

fn frame(body: &Json<'_>, out: &mut BytesMut) {
    out.put_slice(b"event: error\ndata: ");
    out.put_slice(&body.to_bytes());
    out.put_slice(b"\n\n");
}

const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        408 | 504 => "timeout_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
