//! Errors (<https://docs.cohere.com/reference/errors>): a `message`, sometimes with an `error_type`. No caller is told any.

use crate::dialect::class::At::{Any, Of};
use crate::dialect::class::ErrorClass::{ContentPolicy, ContextWindow, Credentials, Invalid, Quota};
use crate::dialect::class::Row;

/// What the status alone does not tell.
pub(in crate::dialect) const ROWS: &[Row] = &[
    // A trial key's allowance of a month; that of a minute says so likewise.
    Row::worded(Quota, Of(&[429]), &["trial key, which is limited to*calls / month"]),
    // It says `too many tokens` of the output that is asked for too.
    Row::worded(Invalid, Of(&[400]), &["too many tokens: max tokens must be less than"]),
    Row::named(ContextWindow, Any, &["TOO_MANY_TOKENS"]),
    Row::worded(ContextWindow, Of(&[400]), &["too many tokens: "]),
    Row::worded(ContentPolicy, Of(&[400, 498]), &["blocked input:", "blocked output:"]),
    // The status that Groq has for no room.
    Row::worded(Credentials, Of(&[498]), &["invalid token", "invalid api token"]),
];
