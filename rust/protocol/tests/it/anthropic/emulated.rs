//! Answers by a schema from models that know none: a forced tool stands for the answer.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Body, Event, Format, FunctionTool, Request, Rest, StopReason, Thinking, Tool, ToolKind,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::Json;

use super::requests::hello;
use super::sent;

const OLD: &str = "claude-sonnet-4-20250514";
const TOOL: &str = "tollway_json_answer";

fn asks(schema: Value, strict: bool) -> Request<'static> {
    let schema = Json::parse(schema.to_string().as_bytes()).expect("JSON").into_owned();
    let format = Format::JsonSchema { name: Some("n".into()), description: None, schema, strict: Some(strict) };
    Request { format: Some(format), ..hello() }
}

fn weather() -> Value {
    json!({"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]})
}

#[test]
fn an_old_model_is_made_to_call_a_tool() {
    let (body, losses) = sent(&asks(weather(), false), OLD);
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": TOOL}));
    assert_eq!((&body["tools"][0]["name"], &body["tools"][0]["input_schema"]), (&TOOL.into(), &weather()));
    assert_eq!((body["tools"].as_array().map(Vec::len), body.get("output_config"), losses.len()), (Some(1), None, 0));
    let (_, losses) = sent(&asks(weather(), true), OLD);
    assert_eq!(losses, ["response_format.strict"]);
    let (body, losses) = sent(&asks(weather(), true), "claude-sonnet-4-5");
    assert_eq!((body.get("tools"), losses.len()), (None, 0), "it takes schemas");
}

#[test]
fn what_cannot_be_emulated_is_lost() {
    let function = FunctionTool { name: "f".into(), description: None, parameters: None, strict: None };
    let tool = Tool { kind: ToolKind::Function(function), cache: None, rest: Rest::none() };
    let thinking = Thinking { effort: Some("high".into()), ..Thinking::default() };
    for request in [
        Request { tools: vec![tool], ..asks(weather(), true) },
        Request { thinking: Some(thinking), ..asks(weather(), true) },
        asks(json!({"type": "array"}), true),
    ] {
        let (body, losses) = sent(&request, OLD);
        assert_eq!((losses, body.get("tool_choice")), (vec!["response_format".to_owned()], None));
    }
}

#[test]
fn its_call_is_the_answer() {
    let call = json!({"type": "tool_use", "id": "c", "name": TOOL, "input": {"days": 3}});
    let other = json!({"type": "tool_use", "id": "d", "name": "f", "input": {}});
    for (content, reason) in [(json!([call]), StopReason::End), (json!([call, other]), StopReason::ToolUse)] {
        let document = json!({"type": "message", "content": content, "stop_reason": "tool_use"}).to_string();
        let json = Json::parse(document.as_bytes()).expect("JSON");
        let answer = Dialect::Anthropic.read_answer(json).expect("an answer");
        let choice = &answer.choices[0];
        assert_eq!(choice.parts[0].body, Body::Text(r#"{"days":3}"#.into(), Vec::new()));
        assert_eq!(choice.stop.as_ref().map(|stop| stop.reason), Some(reason));
    }
}

#[test]
fn streamed_too() {
    let call = json!({"type": "tool_use", "id": "c", "name": TOOL, "input": {}});
    for pieces in [&["{\"days\"", ": 3}"][..], &[]] {
        let mut events = vec![
            json!({"type": "message_start", "message": {"id": "m", "model": "m"}}),
            json!({"type": "content_block_start", "index": 0, "content_block": call}),
        ];
        events.extend(pieces.iter().map(|piece| {
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}})
        }));
        events.push(json!({"type": "content_block_stop", "index": 0}));
        events.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}));
        events.push(json!({"type": "message_stop"}));
        let (mut reader, mut seen) = (Dialect::Anthropic.reader(), Vec::new());
        for event in events {
            reader
                .read(event.to_string().as_bytes(), &mut |event: Event<'_>| seen.push(format!("{event:?}")))
                .expect("an event");
        }
        let all = seen.concat();
        assert!(all.contains("opening: Text") && all.contains("reason: End") && !all.contains("Arguments"), "{all}");
        let said = if pieces.is_empty() { vec!["{}"] } else { pieces.to_vec() };
        assert_eq!(seen.iter().filter(|event| event.contains("delta: Text")).count(), said.len(), "{all}");
    }
}
