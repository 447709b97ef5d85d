//! Why an answer ended
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>, `stopReason`).

use crate::canonical::{Stop, StopReason, Text};
use crate::json::Json;

/// `fields`: `additionalModelResponseFields`, in which Claude says which of the caller's sequences it met, if it is asked.
pub(super) fn read<'a>(word: Text<'a>, fields: Option<&Json<'a>>) -> Stop<'a> {
    let reason = match &*word {
        "end_turn" => StopReason::End,
        "stop_sequence" => StopReason::StopSequence,
        "max_tokens" => StopReason::Length,
        "model_context_window_exceeded" => StopReason::ContextWindow,
        "tool_use" => StopReason::ToolUse,
        "guardrail_intervened" | "content_filtered" => StopReason::Filter,
        "malformed_tool_use" => StopReason::MalformedCall,
        _ => StopReason::Other,
    };
    let sequence = match fields.and_then(|fields| fields.get(SEQUENCE)) {
        Some(Json::String(met)) => Some(met.clone()),
        _ => None,
    };
    Stop { reason, sequence, word: Some(word), detail: None }
}

/// Its name in `additionalModelResponseFields`.
pub(super) const SEQUENCE: &str = "stop_sequence";

/// What a guardrail says it did (`trace.guardrail.actionReason`).
pub(super) fn detail<'a>(trace: Option<&Json<'a>>) -> Option<Text<'a>> {
    match trace?.get("guardrail")?.get("actionReason")? {
        Json::String(text) => Some(text.clone()),
        _ => None,
    }
}
