//! Arbitrary documents in the dialect's words.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tollway_protocol::json::{Json, Members};

type Own<T> = BoxedStrategy<T>;

const WORDS: [&str; 60] = [
    "type",
    "text",
    "role",
    "user",
    "assistant",
    "system",
    "content",
    "messages",
    "model",
    "max_tokens",
    "thinking",
    "signature",
    "redacted_thinking",
    "data",
    "tool_use",
    "tool_result",
    "tool_use_id",
    "id",
    "name",
    "input",
    "tools",
    "input_schema",
    "tool_choice",
    "auto",
    "any",
    "tool",
    "source",
    "base64",
    "url",
    "file",
    "media_type",
    "image",
    "document",
    "search_result",
    "citations",
    "enabled",
    "cache_control",
    "ephemeral",
    "ttl",
    "output_config",
    "format",
    "effort",
    "json_schema",
    "schema",
    "metadata",
    "user_id",
    "stop_sequences",
    "temperature",
    "usage",
    "stop_reason",
    "index",
    "delta",
    "content_block",
    "text_delta",
    "input_json_delta",
    "partial_json",
    "message",
    "input_tokens",
    "budget_tokens",
    "is_error",
];
const EVENTS: [&str; 7] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
];

/// Any JSON, most of it in the words of the dialect.
pub(super) fn document() -> Own<Json<'static>> {
    let word = || prop_oneof![9 => select(&WORDS[..]).prop_map(str::to_owned), 1 => "[a-z\"\\\\é]{0,6}"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<u32>().prop_map(Json::from),
        Just(Json::Number("-1.5e3".into())),
        word().prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 60, 7, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::Array),
            vec((word(), inner), 0..7).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.into(), value));
                Json::Object(Members(members.collect()))
            }),
        ]
    })
    .boxed()
}

/// An object that has the type of a stream's event.
pub(super) fn event() -> Own<Json<'static>> {
    (select(&EVENTS[..]), document(), document(), 0u64..3)
        .prop_map(|(kind, first, second, index)| {
            let members = Members::new().with("type", kind).with("index", index);
            members.with("delta", first.clone()).with("content_block", second).with("message", first).into()
        })
        .boxed()
}
