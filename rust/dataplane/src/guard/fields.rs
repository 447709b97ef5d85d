//! Which strings of a message are inspected, and how.
//!
//! What is not named here is inspected: a field of which nothing is known may hold anything.

use tollway_protocol::dialect::Dialect;
use tollway_protocol::text::Step::{self, Index, Key};

use super::window::Form;

/// How a string of an answer is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Not at all: an identifier that the caller sends back, or bytes.
    Exempt,
    /// By itself, also in a stream.
    Whole,
    /// In a stream together with what the same field of earlier and later events holds.
    Continued(Form),
}

/// How the string `value` at `path` of a request in `dialect` is inspected; `None`: not at all.
pub(super) fn of_request(dialect: Dialect, path: &[Step<'_>], value: &str) -> Option<Form> {
    match dialect {
        Dialect::Chat => of_chat_request(path, value),
        _ if *path == [Key("model")] || is_handle_of(dialect, path, value) => None,
        _ => Some(if is_arguments_of(dialect, path) { Form::Json } else { Form::Plain }),
    }
}

/// How the string `value` at `path` of an answer in `dialect`, or of an event of a streamed one, is inspected.
pub(super) fn of_answer(dialect: Dialect, path: &[Step<'_>], value: &str) -> Field {
    match (dialect, path) {
        (Dialect::Chat, _) => of_chat_answer(path, value),
        (_, [Key("id" | "object" | "model" | "modelVersion" | "responseId" | "service_tier" | "type" | "role")]) => {
            Field::Exempt
        }
        _ if is_handle_of(dialect, path, value) => Field::Exempt,
        _ if is_arguments_of(dialect, path) => Field::Continued(Form::Json),
        _ => Field::Whole,
    }
}

/// Whether the field at `path` of a request or an answer in another dialect than chat is an identifier, a name of a tool,
/// a signature, or bytes (these only if they are nothing but base64).
fn is_handle_of(dialect: Dialect, path: &[Step<'_>], value: &str) -> bool {
    let (Some(Key(top)), [.., Key(last)]) = (path.first(), path) else { return false };
    let inside = match path {
        [.., Key(outer), Key(_)] => *outer,
        [.., Key(outer), Index(_), Key(_)] => *outer,
        _ => "",
    };
    match dialect {
        Dialect::Chat | Dialect::Completions | Dialect::Cohere => false,
        Dialect::Anthropic => match (*top, inside, *last) {
            (
                "messages" | "content" | "system",
                "content" | "messages",
                "id" | "tool_use_id" | "name" | "signature",
            )
            | ("messages" | "system", "source", "file_id")
            | ("tools", "tools", "name" | "type")
            | ("tool_choice", "tool_choice", "name" | "type")
            | ("container", ..) => true,
            (_, "source" | "content", "data") | (_, _, "encrypted_content" | "encrypted_index") => is_base64(value),
            _ => false,
        },
        Dialect::Responses => match (*top, inside, *last) {
            ("previous_response_id" | "conversation" | "prompt_cache_key" | "include", ..)
            | ("input" | "output", "input" | "output", "id" | "call_id" | "name" | "encrypted_content")
            | ("input", "content" | "output", "file_id")
            | ("tools", "tools", "name" | "type" | "server_label")
            | ("tool_choice", _, "name" | "type") => true,
            ("input" | "output", _, "image_url" | "file_data" | "data" | "result") => is_bytes(value),
            _ => false,
        },
        Dialect::Bedrock => match (inside, *last) {
            ("toolUse", "toolUseId" | "name" | "type")
            | ("toolResult", "toolUseId" | "status" | "type")
            | ("reasoningText", "signature")
            | (_, "redactedContent") => true,
            ("source", "bytes") => is_base64(value),
            _ => false,
        },
        Dialect::Gemini => match (*top, inside, *last) {
            (_, "functionCall" | "function_call" | "functionResponse" | "function_response", "id" | "name")
            | (_, _, "thoughtSignature" | "thought_signature")
            | ("tools", "functionDeclarations" | "function_declarations", "name")
            | ("cachedContent" | "cached_content", ..) => true,
            (_, "inlineData" | "inline_data", "data") => is_base64(value),
            _ => false,
        },
    }
}

/// Whether the field holds a tool call's arguments as JSON in a string.
fn is_arguments_of(dialect: Dialect, path: &[Step<'_>]) -> bool {
    dialect == Dialect::Responses && matches!(path, [Key("input" | "output"), Index(_), Key("arguments")])
}

/// How the string `value` at `path` of a chat request is inspected; `None`: not at all.
///
/// Exempt are the top-level `model`, identifiers of tool calls, audio and files, names of tools, and bytes in base64 (`data:`
/// URLs, `input_audio.data`, `file.file_data`; only if they are nothing but base64).
fn of_chat_request(path: &[Step<'_>], value: &str) -> Option<Form> {
    let exempt = match path {
        [Key("model")] => true,
        [Key("messages"), Index(_), inside @ ..] => is_handle(inside, value),
        [Key("tools"), Index(_), Key("name")]
        | [Key("tools"), Index(_), Key("function" | "custom"), Key("name")]
        | [Key("functions"), Index(_), Key("name")]
        | [Key("tool_choice"), Key("name")]
        | [Key("tool_choice"), Key("function" | "custom"), Key("name")]
        | [Key("tool_choice"), Key("allowed_tools"), Key("tools"), Index(_), Key("function" | "custom"), Key("name")]
        | [Key("function_call"), Key("name")] => true,
        _ => false,
    };
    match path {
        _ if exempt => None,
        [Key("messages"), Index(_), inside @ ..] if is_arguments(inside) => Some(Form::Json),
        _ => Some(Form::Plain),
    }
}

/// How the string `value` at `path` of a chat answer, or of an event of a streamed one, is inspected.
///
/// Exempt are the top-level `id`, `object`, `model`, `system_fingerprint` and `service_tier`, identifiers and names of tool calls, and
/// bytes in base64 (`audio.data`). `logprobs` are exempt here as they are dealt with as a whole: see [`super::stream`].
fn of_chat_answer(path: &[Step<'_>], value: &str) -> Field {
    match path {
        [Key("id" | "object" | "model" | "system_fingerprint" | "service_tier")] => Field::Exempt,
        [Key("choices"), Index(_), Key("logprobs"), ..] => Field::Exempt,
        [Key("choices"), Index(_), Key("finish_reason")] => Field::Whole,
        [Key("choices"), Index(_), Key("message" | "delta"), inside @ ..] if is_handle(inside, value) => Field::Exempt,
        [Key("choices"), Index(_), Key("message" | "delta"), inside @ ..] if is_arguments(inside) => {
            Field::Continued(Form::Json)
        }
        // These say the same in every event, and are not to be joined.
        [Key("choices"), .., Key("role" | "type" | "format" | "id" | "name")] => Field::Whole,
        [Key("choices"), ..] => Field::Continued(Form::Plain),
        _ => Field::Whole,
    }
}

/// Whether the field of a message is an identifier or bytes.
fn is_handle(inside: &[Step<'_>], value: &str) -> bool {
    match inside {
        [Key("tool_call_id")]
        | [Key("tool_calls"), Index(_), Key("id")]
        | [Key("tool_calls"), Index(_), Key("function" | "custom"), Key("name")]
        | [Key("function_call"), Key("name")]
        | [Key("audio"), Key("id")]
        | [Key("content"), Index(_), Key("file"), Key("file_id")] => true,
        [Key("content"), Index(_), Key("image_url" | "file"), Key("url" | "file_data")] => {
            is_data_url(value) || is_base64(value)
        }
        [Key("content"), Index(_), Key("input_audio"), Key("data")] | [Key("audio"), Key("data")] => is_base64(value),
        _ => false,
    }
}

fn is_arguments(inside: &[Step<'_>]) -> bool {
    matches!(
        inside,
        [Key("tool_calls"), Index(_), Key("function"), Key("arguments")] | [Key("function_call"), Key("arguments")]
    )
}

/// Whether `value` is nothing but bytes in base64, alone or in a `data:` URL.
pub(super) fn is_bytes(value: &str) -> bool {
    is_data_url(value) || is_base64(value)
}

/// RFC 2397, base64 only: what follows the comma of any other is text.
fn is_data_url(value: &str) -> bool {
    let Some((kind, data)) = value.strip_prefix("data:").and_then(|rest| rest.split_once(',')) else { return false };
    let plain =
        |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b';' | b'.' | b'-' | b'=' | b'+' | b'0'..=b'9');
    kind.len() <= 128 && kind.ends_with(";base64") && kind.bytes().all(plain) && is_base64(data)
}

/// RFC 4648, both alphabets. Short strings are inspected: a card number is base64 too.
fn is_base64(value: &str) -> bool {
    value.len() >= 32
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
}

/// Whether the field of a choice holds the model's reasoning, after which the answer proper begins.
pub(super) fn is_reasoning(path: &[super::shape::Place]) -> bool {
    matches!(path.get(3), Some(super::shape::Place::Key(key)) if key.starts_with("reasoning"))
}
