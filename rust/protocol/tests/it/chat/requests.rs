//! Requests of this dialect: what is read from them, and what is refused.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Body, BuiltinKind, Format, Request, Role, Source, Thinking, ToolChoice, ToolKind};
use tollway_protocol::dialect::Dialect;

use super::{read_request, write_request};

fn body(more: Value) -> String {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body.to_string()
}

/// What is written again is what was read; `stream` aside, which asks for usage.
#[track_caller]
fn same(more: Value) {
    let text = body(more);
    let request = read_request(&text).expect("a request");
    let (written, losses) = write_request(&request, "m").expect("can be said");
    assert_eq!(written, serde_json::from_str::<Value>(&text).expect("JSON"));
    assert_eq!(losses, [""; 0]);
}

#[test]
fn forms_are_kept() {
    same(json!({"stop": "a"}));
    same(json!({"stop": ["a"]}));
    same(json!({"top_k": 5, "temperature": 0.10, "seed": 12345678901234567890u64, "logit_bias": {"5": -100}}));
    same(json!({"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_completion_tokens": 5}));
    same(json!({"thinking": {"type": "disabled", "clear_thinking": false}}));
    same(json!({"reasoning": {"effort": "max", "exclude": true}}));
    same(json!({"reasoning_effort": "max"}));
    same(json!({"functions": [{"name": "f", "parameters": {}}], "function_call": {"name": "f"}}));
    same(json!({"web_search_options": {"search_context_size": "low"}}));
    same(json!({"tools": [{"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}],
        "tool_choice": {"type": "custom", "custom": {"name": "c"}}}));
    same(
        json!({"tools": [{"type": "function", "function": {"name": "f", "more": 1}, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required",
            "tools": [{"type": "function", "function": {"name": "f"}}]}}}),
    );
    same(json!({"response_format": {"type": "grammar", "grammar": "x"}}));
    same(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "extra": 1}}}));
    same(json!({"metadata": {"a": "b"}, "store": true, "service_tier": "flex", "unheard_of": [1, {"a": null}]}));
}

#[test]
fn messages_are_kept() {
    same(
        json!({"messages": [
            {"role": "developer", "content": "Be good", "name": "boss"},
            {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": []},
            {"role": "user", "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
                {"type": "image_url", "image_url": "https://a/b.png"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "document_url", "document_url": "https://a/b.pdf", "document_name": "b"},
                {"type": "file_url", "file_url": {"url": "https://a/b.pdf"}},
                {"type": "never_heard", "of": {"it": 1}}]},
            {"role": "assistant", "content": null, "audio": {"id": "audio_1"}, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                {"id": "b", "type": "custom", "custom": {"name": "c", "input": "free"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1", "name": "f"},
            {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
            {"role": "assistant", "content": "Hm", "refusal": "No", "reasoning_content": "Why", "prefix": true},
            {"role": "assistant", "content": "Hm", "reasoning_content": "Why",
                "thinking_blocks": [{"type": "thinking", "thinking": "Why", "signature": "s"},
                                    {"type": "redacted_thinking", "data": "d"}]},
            {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "3"}
        ]})
        .as_object()
        .map(|members| {
            // Null is absent.
            let mut members = members.clone();
            for message in members["messages"].as_array_mut().expect("messages") {
                if message["tool_calls"].is_array() || message["function_call"].is_object() {
                    message["content"] = Value::Null;
                }
            }
            Value::Object(members)
        })
        .expect("an object"),
    );
}

fn canonical(text: &str) -> Request<'_> {
    read_request(text).expect("a request")
}

#[test]
fn what_is_read() {
    let text = body(json!({
        "max_tokens": 7, "reasoning_effort": "low", "stream": true, "stream_options": {"include_usage": false},
        "web_search_options": {}, "tools": [{"type": "code_interpreter"}], "tool_choice": "any", "user": "u",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}}
    }));
    let request = canonical(&text);
    assert_eq!(request.sampling.max_tokens, Some(7));
    assert_eq!(request.thinking, Some(Thinking { effort: Some("low".into()), ..Thinking::default() }));
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
    assert!(request.stream && request.user.as_deref() == Some("u"));
    let kinds: Vec<BuiltinKind> = request
        .tools
        .iter()
        .filter_map(|tool| match &tool.kind {
            ToolKind::Builtin(builtin) => Some(builtin.kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [BuiltinKind::CodeExecution, BuiltinKind::WebSearch]);
    assert!(matches!(request.format, Some(Format::JsonSchema { strict: Some(true), .. })));
    // Nothing is left that another dialect would have to name as lost.
    assert_eq!(request.rest.foreign_to(Dialect::Anthropic).count(), 0);
    let (written, _) = write_request(&request, "m").expect("can be said");
    assert_eq!(written["stream_options"], json!({"include_usage": true}));
    assert_eq!(written["max_completion_tokens"], 7);
    assert!(written.get("max_tokens").is_none());
}

#[test]
fn media_are_read() {
    let text = body(json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}},
        {"type": "file", "file": {"file_data": "JVBE"}},
        {"type": "file", "file": {"file_id": "https://a/b.pdf", "format": "application/pdf"}}]}]}));
    let request = canonical(&text);
    assert_eq!(request.messages[0].role, Role::User);
    let sources: Vec<(&Source<'_>, Option<&str>)> = request.messages[0]
        .parts
        .iter()
        .filter_map(|part| match &part.body {
            Body::Image(media) | Body::Document(media) => Some((&media.source, media.mime.as_deref())),
            _ => None,
        })
        .collect();
    assert_eq!(
        sources,
        [
            (&Source::Base64("R0lG".into()), Some("image/gif")),
            (&Source::Base64("JVBE".into()), None),
            (&Source::Url("https://a/b.pdf".into()), Some("application/pdf")),
        ]
    );
}
