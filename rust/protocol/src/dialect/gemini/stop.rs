//! Why a candidate ended (`finishReason`).

use std::borrow::Cow;

use crate::canonical::{Stop, StopReason, Text};

/// The words by their numbers in the Gemini API's protocol buffers.
pub(super) const WORDS: [&str; 12] = [
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
];

/// The stop that a word tells of; `called` is whether a function was called, which Google has no word for.
pub(super) fn read<'a>(word: Text<'a>, detail: Option<Text<'a>>, called: bool) -> Stop<'a> {
    let reason = match reason(&word) {
        StopReason::End if called => StopReason::ToolUse,
        reason => reason,
    };
    Stop { word: Some(word), detail, ..Stop::new(reason) }
}

fn reason(word: &str) -> StopReason {
    match word {
        "STOP" => StopReason::End,
        "MAX_TOKENS" => StopReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR"
        | "ESCALATION" => StopReason::Filter,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => StopReason::MalformedCall,
        _ => StopReason::Other,
    }
}

/// The word for a stop: the one that Google itself used, if it did.
pub(super) fn write<'a>(stop: &Stop<'a>) -> Text<'a> {
    let plain = match stop.reason {
        StopReason::ToolUse => StopReason::End,
        reason => reason,
    };
    if let Some(word) = &stop.word {
        let is_googles = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if is_googles && reason(word) == plain {
            return word.clone();
        }
    }
    Cow::Borrowed(match stop.reason {
        StopReason::End | StopReason::StopSequence | StopReason::ToolUse => "STOP",
        StopReason::Length | StopReason::ContextWindow => "MAX_TOKENS",
        StopReason::Filter | StopReason::Refusal => "SAFETY",
        StopReason::MalformedCall => "MALFORMED_FUNCTION_CALL",
        StopReason::Pause | StopReason::Other => "OTHER",
    })
}
