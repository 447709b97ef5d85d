//! Why an answer ended, in this dialect's words.

use crate::canonical::{Stop, StopReason, Text};

/// Words that mean something only here, and pass as they are.
const ALONE: [&str; 1] = ["compaction"];

pub(super) fn read<'a>(word: Text<'a>, sequence: Option<Text<'a>>) -> Stop<'a> {
    let reason = match &*word {
        "end_turn" => StopReason::End,
        "stop_sequence" => StopReason::StopSequence,
        "max_tokens" => StopReason::Length,
        "model_context_window_exceeded" => StopReason::ContextWindow,
        "tool_use" => StopReason::ToolUse,
        "refusal" => StopReason::Refusal,
        "pause_turn" => StopReason::Pause,
        _ => StopReason::Other,
    };
    Stop { reason, sequence, word: Some(word), detail: None }
}

/// The word for `stop`. `calls`: whether the answer calls tools, in which case a mere end is waiting for them.
pub(super) fn word(stop: Option<&Stop<'_>>, calls: bool) -> &'static str {
    let end = if calls { "tool_use" } else { "end_turn" };
    let Some(stop) = stop else { return end };
    match stop.reason {
        StopReason::End => end,
        StopReason::StopSequence => "stop_sequence",
        StopReason::Length => "max_tokens",
        StopReason::ContextWindow => "model_context_window_exceeded",
        StopReason::ToolUse => "tool_use",
        StopReason::Filter | StopReason::Refusal => "refusal",
        StopReason::Pause => "pause_turn",
        StopReason::MalformedCall => "end_turn",
        StopReason::Other => ALONE.into_iter().find(|word| stop.word.as_deref() == Some(word)).unwrap_or(end),
    }
}
