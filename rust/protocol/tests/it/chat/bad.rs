//! What is no request, or no answer: named, never a panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::openai::{answer, completions, embeddings, request, stream};
use tollway_protocol::dialect::{Dialect, ErrorTold, Head, ReadStream, Wanted};
use tollway_protocol::json::Json;

use super::{read_answer, read_request};
use crate::json as texts;

fn param(body: Value) -> String {
    read_request(&body.to_string()).expect_err("no request").param
}

fn of_message(message: Value) -> String {
    param(json!({"model": "m", "messages": [message]}))
}

#[test]
fn wrong_types_are_named() {
    assert_eq!(param(json!([])), "body");
    assert_eq!(param(json!({"model": "m"})), "messages");
    assert_eq!(param(json!({"messages": []})), "model");
    assert_eq!(param(json!({"model": 1, "messages": []})), "model");
    assert_eq!(param(json!({"model": "m", "messages": {}})), "messages");
    assert_eq!(of_message(json!("Hi")), "messages[0]");
    assert_eq!(of_message(json!({"content": "Hi"})), "messages[0].role");
    assert_eq!(of_message(json!({"role": "king", "content": "Hi"})), "messages[0].role");
    assert_eq!(of_message(json!({"role": "user"})), "messages[0].content");
    assert_eq!(of_message(json!({"role": "user", "content": 5})), "messages[0].content");
    assert_eq!(of_message(json!({"role": "user", "content": [5]})), "messages[0].content[0]");
    assert_eq!(of_message(json!({"role": "user", "content": [{"type": "text"}]})), "messages[0].content[0].text");
    let image = json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]});
    assert_eq!(of_message(image), "messages[0].content[0].image_url.url");
    let call = json!({"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": 5}}]});
    assert_eq!(of_message(call), "messages[0].tool_calls[0].function.arguments");
    for (name, value) in [
        ("temperature", json!("hot")),
        ("stream", json!("yes")),
        ("max_tokens", json!(-1)),
        ("n", json!(1.5)),
        ("stop", json!(5)),
        ("tools", json!({})),
        ("tool_choice", json!("perhaps")),
        ("response_format", json!("json")),
        ("stream_options", json!(true)),
    ] {
        assert_eq!(param(json!({"model": "m", "messages": [], name: value})), name);
    }
    assert_eq!(param(json!({"model": "m", "messages": [], "tools": [{"type": "function"}]})), "tools[0].function");
    assert_eq!(param(json!({"model": "m", "messages": [], "stop": ["a", 5]})), "stop[1]");
    let twice = r#"{"model":"m","model":"n","messages":[]}"#;
    assert_eq!(read_request(twice).expect_err("twice").param, "model");
}

#[test]
fn wrong_answers_are_named() {
    for (body, param) in [
        ("[]", "body"),
        ("{}", "choices"),
        (r#"{"choices":{}}"#, "choices"),
        (r#"{"choices":[{"message":5}]}"#, "choices[0].message"),
        (r#"{"choices":[{"message":{"content":5}}]}"#, "choices[0].message.content"),
        (r#"{"choices":[{"message":{"tool_calls":[{}]}}]}"#, "choices[0].message.tool_calls[0].function"),
    ] {
        assert_eq!(read_answer(body).expect_err(body).param, param);
    }
}

#[test]
fn streams_that_are_none() {
    for data in ["<html>502</html>", "[]", "5", "{", r#"{"choices":5}"#, r#"{"choices":[{"delta":5}]}"#] {
        let mut reader = stream::Reader::default();
        assert!(reader.read(data.as_bytes(), &mut |_| {}).is_err(), "{data}");
    }
    // A hostile server cannot open choices or calls without end.
    let mut reader = stream::Reader::default();
    let refused = (0..1000).find(|index| {
        let data = format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"a"}}}}]}}"#);
        reader.read(data.as_bytes(), &mut |_| {}).is_err()
    });
    assert_eq!(refused, Some(128));
    let mut reader = stream::Reader::default();
    let refused = (0..5000).find(|index| {
        let call = format!(r#"{{"index":{index},"id":"{index}","function":{{"name":"f"}}}}"#);
        let data = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#);
        reader.read(data.as_bytes(), &mut |_| {}).is_err()
    });
    assert_eq!(refused, Some(1024));
}

#[test]
fn errors_are_written() {
    let told = ErrorTold {
        status: 400,
        message: "No \"model\"\n",
        kind: "invalid_request_error",
        param: Some("model"),
        code: None,
        request_id: "r",
    };
    use tollway_protocol::dialect::openai::error;
    let body: Value = serde_json::from_slice(&error::write(&told)).expect("JSON");
    let expected = json!({"error": {"message": "No \"model\"\n", "type": "invalid_request_error", "param": "model", "code": null}});
    assert_eq!(body, expected);
    let mut out = bytes::BytesMut::new();
    error::event(&told, &mut out);
    let event = String::from_utf8(out.to_vec()).expect("text");
    let data = event.strip_prefix("data: ").and_then(|event| event.strip_suffix("\n\n")).expect("one event");
    assert_eq!(serde_json::from_str::<Value>(data).expect("JSON"), expected);
}

/// Members that are read, with values of any type.
fn near() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "model",
        "messages",
        "role",
        "content",
        "type",
        "text",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "index",
        "choices",
        "delta",
        "message",
        "usage",
        "prompt_tokens",
        "finish_reason",
        "logprobs",
        "tools",
        "tool_choice",
        "response_format",
        "json_schema",
        "schema",
        "thinking",
        "reasoning",
        "reasoning_details",
        "thinking_blocks",
        "audio",
        "annotations",
        "image_url",
        "url",
        "file",
        "input_audio",
        "data",
        "embedding",
        "input",
        "prompt",
        "stop",
        "stream_options",
        "functions",
        "function_call",
        "images",
        "custom",
        "error",
    ]);
    let words = prop::sample::select(vec![
        "\"user\"",
        "\"assistant\"",
        "\"tool\"",
        "\"text\"",
        "\"function\"",
        "\"stop\"",
        "\"\"",
        "null",
        "true",
        "1",
        "[]",
        "{}",
        "1.5e9",
        "\"image_url\"",
        "\"thinking\"",
        "\"allowed_tools\"",
        "\"reasoning.text\"",
    ]);
    words.prop_map(String::from).prop_recursive(6, 60, 6, move |inner| {
        let member = (names.clone(), inner.clone()).prop_map(|(name, value)| (format!("\"{name}\""), value));
        prop_oneof![
            texts::object_of(prop::collection::vec(member, 0..6)),
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

fn never_panics(text: &str) {
    let Ok(json) = Json::parse(text.as_bytes()) else { return };
    let head = Head { model: Some("m"), stream: false };
    if let Ok(request) = request::read(json.clone(), head) {
        let _ = request::write(&request, &Wanted::new("deepseek"), &mut Losses::default());
        assert_eq!(request.rest.origin, Some(Dialect::Chat));
    }
    if let Ok(read) = answer::read(json.clone()) {
        let _ = answer::write(&read, &super::TOLD).to_bytes();
        let _ = completions::write(&read, &super::TOLD).to_bytes();
    }
    let _ = completions::read(json.clone(), head, &mut Losses::default());
    if let Ok(read) = embeddings::read_request(json.clone(), head) {
        let _ = embeddings::write_request(&read, &Wanted::new("m"), &mut Losses::default());
    }
    if let Ok(read) = embeddings::read(json) {
        let _ = embeddings::write(&read, true, &super::TOLD);
        let _ = embeddings::write(&read, false, &super::TOLD);
    }
    let _ = super::again([text.as_bytes(), text.as_bytes(), b"[DONE]"]);
}

proptest! {
    #[test]
    fn anything_near_is_read_or_refused(text in near()) {
        never_panics(&text);
    }

    #[test]
    fn anything_is_read_or_refused(text in texts::value()) {
        never_panics(&text);
    }
}
