//! Errors, as Google's APIs give them (<https://cloud.google.com/apis/design/errors>).

use bytes::BytesMut;

use crate::dialect::class::At::{Any, Of, Unstated};
use crate::dialect::class::ErrorClass::{
    ContextWindow, Credentials, Invalid, Overload, Permission, Quota, RateLimit, Server, Timeout,
};
use crate::dialect::class::Row;
use crate::dialect::{ErrorTold, UpstreamError};
use crate::json::{Json, Members};

/// The errors of Gemini and Vertex (<https://ai.google.dev/gemini-api/docs/troubleshooting>): a status in words, and reasons
/// in details (<https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>).
pub(in crate::dialect) const ROWS: &[Row] = &[
    // `quotaId` of a `QuotaFailure`: `GenerateRequestsPerDayPerProjectPerModel-FreeTier`; of a minute it says so likewise
    // (<https://ai.google.dev/gemini-api/docs/rate-limits>).
    Row::worded(Quota, Of(&[429]), &["perdayper", "permodelperday"]),
    Row::named(RateLimit, Any, &["RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"]),
    // 400 with `INVALID_ARGUMENT` and no reason, on both APIs.
    Row::worded(ContextWindow, Of(&[400]), &["input token count*exceeds the maximum number of tokens allowed"]),
    // A wrong or expired key is 400 with this reason; no key, and one that was found in public, are 403. See
    // <https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto>.
    Row::named(Credentials, Any, &["API_KEY_INVALID", "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"]),
    Row::worded(
        Credentials,
        Of(&[400, 403]),
        &["api key was reported as leaked", "doesn't allow unregistered callers"],
    ),
    // 400 with `FAILED_PRECONDITION`.
    Row::worded(Permission, Of(&[400]), &["user location is not supported"]),
    // What comes without a status in figures (<https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>).
    Row::named(Permission, Unstated, &["PERMISSION_DENIED"]),
    Row::named(Overload, Unstated, &["UNAVAILABLE"]),
    Row::named(Timeout, Unstated, &["DEADLINE_EXCEEDED"]),
    Row::named(Invalid, Unstated, &["INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND", "OUT_OF_RANGE"]),
    Row::named(Server, Unstated, &["INTERNAL", "UNKNOWN", "ABORTED", "CANCELLED"]),
];

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

/// What an answer, or the first event of one, says that brings nothing because its prompt was blocked
/// (<https://ai.google.dev/api/generate-content#PromptFeedback>). It comes with the status 200.
#[must_use]
pub fn blocked(body: &[u8]) -> Option<UpstreamError> {
    memchr::memmem::find(body, b"\"blockReason\"")?;
    let answer = Json::parse(body).ok()?;
    let feedback = answer.get("promptFeedback").filter(|_| answer.get("candidates").is_none())?;
    let reason = feedback.get("blockReason").and_then(Json::as_str)?;
    let said = feedback.get("blockReasonMessage").and_then(Json::as_str).map(str::to_owned);
    Some(UpstreamError {
        message: said.unwrap_or_else(|| format!("The prompt was blocked: {reason}.")),
        code: Some("content_filter".to_owned()),
        reasons: vec![reason.to_owned()],
        ..UpstreamError::default()
    })
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
