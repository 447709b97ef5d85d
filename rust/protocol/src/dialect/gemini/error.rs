//! Errors, as Google's APIs give them (<https://cloud.google.com/apis/design/errors>).

use bytes::BytesMut;

use crate::dialect::{ErrorTold, UpstreamError};
use crate::json::{Json, Members};

/// The whole body of an answer that is an error.
#[must_use]
pub fn write(error: &ErrorTold<'_>) -> Vec<u8> {
    body(error.status, error.message).to_bytes()
}

/// Appends the error as an event of a stream of Server-Sent Events.
pub fn event(error: &ErrorTold<'_>, out: &mut BytesMut) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&write(error));
    out.extend_from_slice(b"\r\n\r\n");
}

/// What an upstream said in a stream.
pub(super) fn of_upstream(error: &UpstreamError) -> Vec<u8> {
    body(error.status.unwrap_or(500), &error.message).to_bytes()
}

fn body(status: u16, message: &str) -> Json<'_> {
    let error = Members::new().with("code", u32::from(status)).with("message", message).with("status", word(status));
    Members::new().with("error", error).into()
}

/// Google's word for an HTTP status
/// (<https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>).
const fn word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        400..=498 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}
