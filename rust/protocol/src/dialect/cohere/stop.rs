//! Why an answer ended, in this dialect's words.

use crate::canonical::{Stop, StopReason, Text};
use crate::dialect::UpstreamError;

/// Reads `finish_reason`.
///
/// # Errors
/// The error that two of the words stand for; `said` is what is said of it, if anything.
pub(super) fn read<'a>(word: Text<'a>, said: Option<&str>) -> Result<Stop<'a>, Box<UpstreamError>> {
    let failed = |status, message: &str| {
        let message = said.unwrap_or(message).to_owned();
        let (kind, status) = (Some(word.to_string()), Some(status));
        Err(Box::new(UpstreamError { message, kind, status, ..UpstreamError::default() }))
    };
    let reason = match &*word {
        "COMPLETE" => StopReason::End,
        "STOP_SEQUENCE" => StopReason::StopSequence,
        "MAX_TOKENS" => StopReason::Length,
        "TOOL_CALL" => StopReason::ToolUse,
        // Of the older API; they still come from Cohere's models on other clouds.
        "ERROR_TOXIC" => StopReason::Filter,
        "ERROR_LIMIT" => StopReason::ContextWindow,
        "ERROR" => return failed(500, "The generation failed."),
        "TIMEOUT" => return failed(504, "The generation took too long."),
        _ => StopReason::Other,
    };
    Ok(Stop { reason, sequence: None, word: Some(word), detail: None })
}
