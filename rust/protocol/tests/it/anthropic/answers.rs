//! Whole answers, and errors.

use bytes::BytesMut;
use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, Answer, Arguments, Body, CallKind, Choice, Media, Part, Reasoning, Rest, Signature, Source, Stop,
    StopReason, ToolCall, Usage,
};
use tollway_protocol::dialect::{Dialect, ErrorTold, anthropic};
use tollway_protocol::json::{Json, Members};

use super::{TOLD, json as parse, tree, without_nulls};

fn answer(parts: Vec<Part<'static>>, stop: Option<Stop<'static>>) -> Answer<'static> {
    let choice = Choice { index: 0, parts, stop, logprobs: None, rest: Rest::none() };
    Answer { id: None, model: None, created: None, choices: vec![choice], usage: None, rest: Rest::none() }
}

fn written(answer: &Answer<'_>) -> Value {
    tree(&anthropic::answer::write(answer, &TOLD))
}

#[test]
fn the_least() {
    assert_eq!(
        written(&answer(vec![], None)),
        json!({
            "id": "msg_t1", "type": "message", "role": "assistant", "model": "told-model", "content": [],
            "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 0, "output_tokens": 0},
        })
    );
    let none = Answer { choices: vec![], ..answer(vec![], None) };
    assert_eq!(written(&none)["content"], json!([]));
}

/// What other dialects' answers hold.
#[test]
fn parts_of_others() {
    let cited = |url: Option<&'static str>| Annotation {
        url: url.map(Into::into),
        title: Some("T".into()),
        cited: None,
        span: Some((0, 1)),
        origin: (Dialect::Chat, parse(r#"{"type":"url_citation"}"#)),
    };
    let thought = |text: &'static str, summary: Vec<&'static str>, origin: Option<Dialect>| {
        let summary = summary.into_iter().map(Into::into).collect();
        let body = Body::Reasoning(Reasoning { text: text.into(), summary, ..Reasoning::default() });
        Part { signature: origin.map(|origin| Signature { origin, value: "v".into() }), ..Part::new(body) }
    };
    let call = |id: Option<&'static str>, arguments: &'static str, kind| {
        let arguments = Arguments::Text(arguments.into());
        Part::new(Body::ToolCall(ToolCall { id: id.map(Into::into), name: "f".into(), arguments, kind, item: None }))
    };
    let mut signed = call(None, "{}", CallKind::Function);
    signed.signature = Some(Signature { origin: Dialect::Gemini, value: "c2ln".into() });
    let parts = vec![
        thought("plain", vec![], None),
        thought("", vec!["a", "b"], Some(Dialect::Responses)),
        thought("", vec![], None),
        Part::new(Body::Text("x".into(), vec![cited(Some("https://u")), cited(None)])),
        Part::new(Body::Refusal("no".into())),
        signed,
        call(Some("c1"), "rm", CallKind::Custom),
        call(Some("c2"), "{broken", CallKind::Function),
        Part::new(Body::Image(Media::new(Source::Base64("AAAA".into()), None))),
        Part::new(Body::Audio(Media::new(Source::Base64("AAAA".into()), None))),
        Part::new(Body::Foreign(Dialect::Gemini, Json::from(true))),
    ];
    assert_eq!(
        written(&answer(parts, Some(Stop::new(StopReason::End)))),
        json!({
            "id": "msg_t1", "type": "message", "role": "assistant", "model": "told-model",
            "content": [
                {"type": "thinking", "thinking": "plain", "signature": ""},
                {"type": "thinking", "thinking": "a\n\nb", "signature": "tollway.openai-responses.v"},
                {"type": "text", "text": "x", "citations": [{
                    "type": "web_search_result_location", "url": "https://u", "title": "T", "cited_text": "", "encrypted_index": "",
                }]},
                {"type": "text", "text": "no"},
                {"type": "tool_use", "id": "toolu_t1_5", "name": "f", "input": {}, "signature": "tollway.gemini.c2ln"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"input": "rm"}},
                {"type": "tool_use", "id": "c2", "name": "f", "input": {"_raw": "{broken"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            ],
            "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 0, "output_tokens": 0},
        })
    );
}

#[test]
fn why_it_ended() {
    for (reason, word) in [
        (StopReason::End, "end_turn"),
        (StopReason::StopSequence, "stop_sequence"),
        (StopReason::Length, "max_tokens"),
        (StopReason::ContextWindow, "model_context_window_exceeded"),
        (StopReason::ToolUse, "tool_use"),
        (StopReason::Filter, "refusal"),
        (StopReason::Refusal, "refusal"),
        (StopReason::Pause, "pause_turn"),
        (StopReason::MalformedCall, "end_turn"),
        (StopReason::Other, "end_turn"),
    ] {
        let written = written(&answer(vec![], Some(Stop::new(reason))));
        assert_eq!(written["stop_reason"], word);
        let body = format!(r#"{{"content":[],"stop_reason":"{word}"}}"#);
        let again = anthropic::answer::read(parse(&body)).expect("an answer");
        let read = again.choices[0].stop.clone().expect("a stop");
        let same = !matches!(reason, StopReason::Filter | StopReason::MalformedCall | StopReason::Other);
        assert_eq!(read.reason == reason, same, "{word}");
    }
    let declined = Stop { detail: Some("unsafe".into()), ..Stop::new(StopReason::Filter) };
    let details = json!({"type": "refusal", "category": null, "explanation": "unsafe"});
    assert_eq!(written(&answer(vec![], Some(declined)))["stop_details"], details);
}

#[test]
fn tokens_of_others() {
    let usage = Usage {
        input: Some(10),
        cache_read: Some(3),
        tool_input: Some(2),
        output: Some(5),
        reasoning: Some(4),
        audio_output: Some(1),
        ..Usage::default()
    };
    let answer = Answer { usage: Some(usage), ..answer(vec![], None) };
    assert_eq!(
        written(&answer)["usage"],
        json!({"input_tokens": 12, "cache_read_input_tokens": 3, "output_tokens": 10, "output_tokens_details": {"thinking_tokens": 4}})
    );
}

#[test]
fn nothing_of_this_dialect_is_lost() {
    let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","container":{"id":"c","expires_at":"z"},
        "content":[{"type":"redacted_thinking","data":"d"},{"type":"thinking","thinking":"t","signature":"s"},
        {"type":"bash_code_execution_tool_result","tool_use_id":"s","content":{"type":"bash_code_execution_result","stdout":"1","content":[]}},
        {"type":"mcp_tool_result","tool_use_id":"m","is_error":false,"content":[{"type":"text","text":"r"}]},
        {"type":"tool_use","id":"t","name":"f","input":{"n":1.50},"caller":{"type":"code_execution_20250825","tool_id":"s"}},
        {"type":"text","text":"","citations":[]},{"type":"container_upload","file_id":"file_1"}],
        "stop_reason":"compaction","stop_details":{"type":"refusal","category":"bio","explanation":"e","x":1},
        "context_management":{"applied_edits":[]},
        "usage":{"input_tokens":1,"output_tokens":9,"cache_creation_input_tokens":7,"cache_read_input_tokens":0,
        "cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4,"new":1},"service_tier":"batch",
        "server_tool_use":{"web_search_requests":1,"web_fetch_requests":2},"output_tokens_details":{"thinking_tokens":2},
        "iterations":[{"type":"message"}]}}"#;
    let answer = anthropic::answer::read(parse(body)).expect("an answer");
    assert_eq!(answer.choices[0].stop.as_ref().and_then(|stop| stop.detail.as_deref()), Some("e"));
    let mut expected: Value = serde_json::from_str(body).expect("JSON");
    expected["content"][5].as_object_mut().unwrap().remove("citations");
    assert_eq!(without_nulls(written(&answer)), expected);
    // Another dialect is told of what it cannot say.
    assert!(answer.rest.foreign_to(Dialect::Chat).any(|name| name == "container"));
    let foreign = Answer { rest: Rest::new(Dialect::Chat, Members::new().with("system_fingerprint", "x")), ..answer };
    assert_eq!(written(&foreign).get("system_fingerprint"), None);
}

#[test]
fn errors() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (408, "timeout_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ] {
        let told =
            ErrorTold { status, message: "a \"b\"\n", kind: "k", param: Some("p"), code: None, request_id: "r1" };
        let body: Value = serde_json::from_slice(&anthropic::error::write(&told)).expect("JSON");
        let expected = json!({"type": "error", "error": {"type": kind, "message": "a \"b\"\n"}, "request_id": "r1"});
        assert_eq!(body, expected);
        let mut event = BytesMut::new();
        anthropic::error::event(&told, &mut event);
        let events = super::streams::events_of(std::str::from_utf8(&event).expect("text"));
        assert_eq!(events, [expected]);
    }
}
