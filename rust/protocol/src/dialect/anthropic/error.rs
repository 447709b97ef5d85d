//! Errors (<https://platform.claude.com/docs/en/api/errors>).

use bytes::{BufMut, BytesMut};

use crate::dialect::class::At::{Any, Of, Unstated};
use crate::dialect::class::ErrorClass::{
    ContentPolicy, ContextWindow, Credentials, Invalid, Overload, Permission, Quota, RateLimit, Server, Timeout,
};
use crate::dialect::class::Row;
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

/// The types are those of the page above; they come in streams too, without their status.
pub(in crate::dialect) const ROWS: &[Row] = &[
    // The tier's spend limit is a `rate_limit_error` but for its details
    // (<https://platform.claude.com/docs/en/api/rate-limits>).
    Row::named(Quota, Any, &["billing_error", "enforced_spend_limit_reached"]),
    // An empty balance and a limit that the operator set come as 400 with `invalid_request_error`.
    Row::worded(
        Quota,
        Of(&[400, 403, 429]),
        &[
            "credit balance is too low",
            "reached your specified api usage limits",
            "specified workspace api usage limits",
        ],
    ),
    Row::named(Overload, Any, &["overloaded_error"]),
    Row::named(RateLimit, Any, &["rate_limit_error"]),
    Row::named(Timeout, Any, &["timeout_error"]),
    // Both 400 with `invalid_request_error`: the prompt alone, and with `max_tokens`
    // (<https://platform.claude.com/docs/en/build-with-claude/context-windows>).
    Row::worded(ContextWindow, Of(&[400, 413]), &["prompt is too long", "exceed context limit"]),
    // 400, or an event of a stream, with `invalid_request_error`.
    Row::worded(ContentPolicy, Of(&[400]), &["output blocked by content filtering policy"]),
    Row::named(Credentials, Any, &["authentication_error"]),
    Row::named(Permission, Any, &["permission_error"]),
    Row::named(Invalid, Unstated, &["not_found_error", "request_too_large"]),
    // Others write it of everything.
    Row::named(Server, Unstated, &["api_error"]),
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
