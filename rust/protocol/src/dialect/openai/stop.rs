//! Why an answer ended: `finish_reason`.

use std::borrow::Cow;

use crate::canonical::{Stop, StopReason, Text};

/// The words that servers of this dialect have: OpenAI's five, then `eos` (Together), `model_length` (Mistral),
/// `insufficient_system_resource` (DeepSeek), `error` (OpenRouter), `abort` (vLLM, SGLang).
const WORDS: [(&str, StopReason); 10] = [
    ("stop", StopReason::End),
    ("length", StopReason::Length),
    ("tool_calls", StopReason::ToolUse),
    ("function_call", StopReason::ToolUse),
    ("content_filter", StopReason::Filter),
    ("eos", StopReason::End),
    ("model_length", StopReason::ContextWindow),
    ("insufficient_system_resource", StopReason::Other),
    ("error", StopReason::Other),
    ("abort", StopReason::Other),
];

/// What `word` means in an answer that `calls` tools or does not. Where a certain tool had to be called, and on some
/// servers always, an answer with calls says `stop`; whoever runs tools must hear of them.
pub(super) fn read<'a>(word: Text<'a>, calls: bool, sequence: Option<Text<'a>>) -> Stop<'a> {
    let known = WORDS.iter().find(|(known, _)| *known == word);
    let reason = match known.map_or(StopReason::Other, |(_, reason)| *reason) {
        StopReason::End if calls => StopReason::ToolUse,
        StopReason::End if sequence.is_some() => StopReason::StopSequence,
        reason => reason,
    };
    Stop { reason, sequence, word: Some(word), detail: None }
}

/// The end of an answer whose server does not say why it ended.
pub(super) const fn unsaid(calls: bool) -> Stop<'static> {
    Stop::new(if calls { StopReason::ToolUse } else { StopReason::End })
}

/// The word for `stop`.
pub(super) fn write<'a>(stop: &Stop<'a>) -> Text<'a> {
    if let Some(word) = stop.word.as_ref().filter(|word| WORDS.iter().any(|(known, _)| known == word)) {
        return word.clone();
    }
    Cow::Borrowed(match stop.reason {
        StopReason::Length | StopReason::ContextWindow => "length",
        StopReason::ToolUse => "tool_calls",
        StopReason::Filter | StopReason::Refusal => "content_filter",
        StopReason::End
        | StopReason::StopSequence
        | StopReason::Pause
        | StopReason::MalformedCall
        | StopReason::Other => "stop",
    })
}
