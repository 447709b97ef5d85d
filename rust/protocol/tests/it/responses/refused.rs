//! Bad input.

use proptest::prelude::*;
use serde_json::json;
use tollway_protocol::dialect::responses::{answer, request, stream};
use tollway_protocol::dialect::{Head, ReadStream};
use tollway_protocol::json::Json;

use super::{parse, read};

#[test]
fn wrong_requests_are_told_with_their_path() {
    let param = |body: serde_json::Value| read(&body.to_string()).expect_err("wrong").param.clone();
    assert_eq!(param(json!([])), "body");
    assert_eq!(param(json!({"input": "x"})), "model");
    assert_eq!(param(json!({"model": 4})), "model");
    assert_eq!(param(json!({"model": "m", "input": 4})), "input");
    assert_eq!(param(json!({"model": "m", "input": [4]})), "input[0]");
    assert_eq!(param(json!({"model": "m", "input": [{}]})), "input[0].type");
    assert_eq!(param(json!({"model": "m", "input": [{"role": "wizard", "content": "x"}]})), "input[0].role");
    assert_eq!(param(json!({"model": "m", "input": [{"role": "user"}]})), "input[0].content");
    assert_eq!(param(json!({"model": "m", "input": [{"role": "user", "content": {}}]})), "input[0].content");
    let piece = |piece: serde_json::Value| json!({"model": "m", "input": [{"role": "user", "content": ["x", piece]}]});
    assert_eq!(param(piece(json!({}))), "input[0].content[0]");
    let piece = |piece: serde_json::Value| json!({"model": "m", "input": [{"role": "user", "content": [piece]}]});
    assert_eq!(param(piece(json!({}))), "input[0].content[0].type");
    assert_eq!(param(piece(json!({"type": "input_text"}))), "input[0].content[0].text");
    assert_eq!(param(piece(json!({"type": "input_image"}))), "input[0].content[0]");
    assert_eq!(
        param(piece(json!({"type": "input_image", "image_url": {"url": "x"}}))),
        "input[0].content[0].image_url"
    );
    assert_eq!(param(piece(json!({"type": "input_audio", "input_audio": {}}))), "input[0].content[0].input_audio.data");
    let item = |item: serde_json::Value| json!({"model": "m", "input": [item]});
    assert_eq!(param(item(json!({"type": "function_call", "name": "f"}))), "input[0].call_id");
    assert_eq!(param(item(json!({"type": "function_call_output", "call_id": "c"}))), "input[0].output");
    assert_eq!(param(item(json!({"type": "reasoning", "summary": ["s"]}))), "input[0].summary[0]");
    assert_eq!(param(json!({"model": "m", "tools": [{}]})), "tools[0].type");
    assert_eq!(param(json!({"model": "m", "tools": [{"type": "function"}]})), "tools[0].name");
    assert_eq!(param(json!({"model": "m", "tool_choice": "perhaps"})), "tool_choice");
    assert_eq!(param(json!({"model": "m", "text": {"format": {}}})), "text.format.type");
    assert_eq!(param(json!({"model": "m", "text": {"format": {"type": "json_schema"}}})), "text.format.schema");
    assert_eq!(param(json!({"model": "m", "reasoning": "hard"})), "reasoning");
    assert_eq!(param(json!({"model": "m", "reasoning": {"effort": 3}})), "reasoning.effort");
    assert_eq!(param(json!({"model": "m", "max_output_tokens": -1})), "max_output_tokens");
    assert_eq!(param(json!({"model": "m", "stream": "yes"})), "stream");
    assert_eq!(read(r#"{"model":"m","model":"n"}"#).expect_err("wrong").param, "model");
}

#[test]
fn wrong_answers_are_told() {
    let param = |body: serde_json::Value| answer::read(parse(&body.to_string())).map(drop).expect_err("wrong").param;
    assert_eq!(param(json!("no")), "body");
    assert_eq!(param(json!({})), "output");
    assert_eq!(param(json!({"output": {}})), "output");
    assert_eq!(param(json!({"output": [{"type": "function_call"}]})), "output[0].call_id");
    assert_eq!(
        param(
            json!({"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": 1}]}]})
        ),
        "output[0].content[0].text"
    );
    assert_eq!(param(json!({"output": [], "id": 1})), "id");
    let failed = json!({"status": "failed", "output": [], "error": {"code": "server_error", "message": "It broke."}});
    let text = failed.to_string();
    let invalid = answer::read(parse(&text)).expect_err("failed");
    assert_eq!((invalid.param.as_str(), invalid.message.as_str()), ("error", "It broke."));
}

#[test]
fn wrong_streams_are_told() {
    let refused = |events: &[&str]| {
        let mut reader = stream::Reader::default();
        events.iter().find_map(|event| reader.read(event.as_bytes(), &mut |_| {}).err()).map(|invalid| invalid.param)
    };
    let created = r#"{"type":"response.created","response":{"id":"resp_1"}}"#;
    let call = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f"}}"#;
    let done = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}"#;
    let more = r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{}"}"#;
    let text = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"x"}"#;
    assert_eq!(refused(&[created, call, more, done]), None);
    assert_eq!(refused(&["<html>"]).as_deref(), Some("body"));
    assert_eq!(refused(&["{}"]).as_deref(), Some("type"));
    assert_eq!(refused(&[created, created]).as_deref(), Some("type"));
    assert_eq!(refused(&[created, call, call]).as_deref(), Some("output_index"));
    assert_eq!(refused(&[created, more]).as_deref(), Some("output_index"));
    assert_eq!(refused(&[created, call, done, more]).as_deref(), Some("output_index"));
    assert_eq!(refused(&[created, call, text]).as_deref(), Some("output_index"));
    assert_eq!(refused(&[created, r#"{"type":"response.completed"}"#]).as_deref(), Some("response"));
    assert_eq!(
        refused(&[created, r#"{"type":"response.output_item.added","item":{}}"#]).as_deref(),
        Some("output_index")
    );
}

/// JSON that looks like this dialect here and there.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    const WORDS: &[&str] = &[
        "type",
        "role",
        "content",
        "text",
        "input",
        "model",
        "output",
        "message",
        "user",
        "assistant",
        "input_text",
        "output_text",
        "reasoning",
        "summary",
        "function_call",
        "function_call_output",
        "call_id",
        "name",
        "arguments",
        "item",
        "output_index",
        "content_index",
        "delta",
        "response",
        "response.output_item.added",
        "tools",
        "function",
        "response.output_item.done",
        "response.completed",
        "response.output_text.delta",
        "annotations",
        "tool_choice",
        "response.content_part.done",
        "part",
        "image_url",
        "input_image",
        "format",
        "usage",
        "status",
        "error",
        "response.reasoning_summary_text.delta",
        "response.output_text.annotation.added",
        "annotation",
        "id",
    ];
    let word = proptest::sample::select(WORDS).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        (0_u64..4).prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        word.clone().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from);
        let object = proptest::collection::hash_map(word.clone(), inner, 0..6);
        prop_oneof![list, object.prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into())]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn nothing_that_is_read_panics(json in any_json(), events in proptest::collection::vec(any_json(), 0..6)) {
        let text = json.to_string();
        let tree = Json::parse(text.as_bytes()).expect("JSON");
        if let Ok(read) = request::read(tree.clone(), Head::default()) {
            let _ = request::write(&read, &tollway_protocol::dialect::Wanted::new("m"), &mut Default::default());
        }
        if let Ok(read) = answer::read(tree) {
            let _ = answer::write(&read, &super::told());
        }
        let (mut reader, mut writer) = (stream::Reader::default(), stream::Writer::new(&super::told()));
        let mut out = bytes::BytesMut::new();
        for event in &events {
            let mut each = |event: tollway_protocol::canonical::Event<'_>| {
                tollway_protocol::dialect::WriteStream::write(&mut writer, event, &mut out);
            };
            if reader.read(event.to_string().as_bytes(), &mut each).is_err() {
                break;
            }
        }
    }
}

/// Quadratic costs would make this take minutes.
#[test]
fn many_calls_and_results_are_written() {
    let call = |n: usize| json!({"type": "function_call", "call_id": format!("c{n}"), "name": "f", "arguments": "{}"});
    let result = |n: usize| json!({"type": "function_call_output", "call_id": format!("c{n}"), "output": "x"});
    let items: Vec<serde_json::Value> = (0..20_000).map(call).chain((0..20_000).rev().map(result)).collect();
    let tools: Vec<serde_json::Value> =
        (0..20_000).map(|n| json!({"type": "custom", "name": format!("t{n}")})).collect();
    let text = json!({"model": "m", "input": items, "tools": tools,
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": tools}})
    .to_string();
    let (written, losses) = super::sent(&read(&text).expect("a request"));
    assert_eq!(written["input"].as_array().map(Vec::len), Some(40_000));
    assert!(losses.is_empty());
}

#[test]
fn huge_and_deep_bodies_are_read() {
    let items: Vec<serde_json::Value> = (0..20_000).map(|_| json!({"role": "user", "content": "x"})).collect();
    let text = json!({"model": "m", "input": items}).to_string();
    assert_eq!(read(&text).expect("a request").messages.len(), 20_000);
    let deep = format!("{{\"model\":\"m\",\"x\":{}1{}}}", "[".repeat(70), "]".repeat(70));
    assert!(Json::parse(deep.as_bytes()).is_err());
}
