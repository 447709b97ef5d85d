//! Whole answers: of other dialects' models for this dialect's callers, and what the official types demand.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, Answer, Arguments, Body, CallKind, Choice, Media, Part, Reasoning, Rest, Signature, Source, Stop,
    StopReason, ToolCall, Usage,
};
use tollway_protocol::dialect::responses::{answer, error, usage};
use tollway_protocol::dialect::{Dialect, ErrorTold, Told};
use tollway_protocol::json::Json;

use super::{parse, read, told, value};

fn whole(parts: Vec<Part<'static>>, reason: StopReason) -> Answer<'static> {
    let stop = Some(Stop::new(reason));
    let choice = Choice { index: 0, parts, stop, logprobs: None, rest: Rest::none() };
    Answer {
        id: Some("msg_1".into()),
        model: None,
        created: None,
        choices: vec![choice],
        usage: None,
        rest: Rest::none(),
    }
}

#[test]
fn a_turn_of_another_model() {
    let signature = |origin| Some(Signature { origin, value: "s".into() });
    let citation = Annotation {
        url: Some("https://a.example".into()),
        title: None,
        cited: Some("it".into()),
        span: None,
        origin: (Dialect::Anthropic, Json::Null),
    };
    let call = ToolCall {
        id: None,
        name: "f".into(),
        arguments: Arguments::Json(parse(r#"{"a":[1]}"#)),
        kind: CallKind::Function,
        item: None,
    };
    let thought = |redacted| {
        Body::Reasoning(Reasoning { text: if redacted { "" } else { "hm" }.into(), redacted, ..Reasoning::default() })
    };
    let parts = vec![
        Part { signature: signature(Dialect::Anthropic), ..Part::new(thought(false)) },
        Part { signature: signature(Dialect::Anthropic), ..Part::new(thought(true)) },
        Part::new(Body::Text("héllo".into(), vec![citation])),
        Part::text("there"),
        Part::new(Body::Image(Media::new(Source::Base64("AAAA".into()), Some("image/png".into())))),
        Part::new(Body::Refusal("no".into())),
        Part { signature: signature(Dialect::Gemini), ..Part::new(Body::ToolCall(call)) },
        Part::new(Body::Foreign(Dialect::Anthropic, parse(r#"{"type":"server_tool_use"}"#))),
    ];
    let written = answer::write(&whole(parts, StopReason::ToolUse), &told());
    let json = value(&written);
    assert_eq!(json["id"], "resp_abc");
    assert_eq!((&json["model"], &json["created_at"]), (&json!("m"), &json!(7)));
    let message = |id: &str, content: Value| json!({"type": "message", "id": id, "role": "assistant", "status": "completed", "content": content});
    assert_eq!(
        json["output"],
        json!([
            {"type": "reasoning", "id": "rs_tw_abc_0", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}],
                "encrypted_content": "tollway.anthropic.s"},
            {"type": "reasoning", "id": "rs_tw_abc_1", "summary": [], "encrypted_content": "tollway.anthropic.redacted.s"},
            message("msg_tw_abc_2", json!([
                {"type": "output_text", "text": "héllo", "annotations": [
                    {"type": "url_citation", "start_index": 0, "end_index": 5, "url": "https://a.example", "title": "https://a.example"}]},
                {"type": "output_text", "text": "there", "annotations": []}])),
            {"type": "image_generation_call", "id": "ig_tw_abc_3", "status": "completed", "result": "AAAA"},
            message("msg_tw_abc_4", json!([{"type": "refusal", "refusal": "no"}])),
            {"type": "function_call", "id": "fc_tw_abc_5", "call_id": "call_abc_5", "name": "f", "arguments": "{\"a\":[1]}",
                "status": "completed", "thought_signature": "tollway.gemini.s"},
        ])
    );
    let sent_back = json!({"model": "m", "input": json["output"]}).to_string();
    let back = read(&sent_back).expect("a request");
    let parts = &back.messages[0].parts;
    assert_eq!(
        parts.iter().map(|part| part.signature.clone()).collect::<Vec<_>>(),
        [
            signature(Dialect::Anthropic),
            signature(Dialect::Anthropic),
            None,
            None,
            None,
            None,
            signature(Dialect::Gemini),
        ]
    );
    let redacted = |part: &Part<'_>| matches!(&part.body, Body::Reasoning(thought) if thought.redacted);
    assert_eq!(parts.iter().map(redacted).collect::<Vec<_>>()[..2], [false, true]);
}

/// The members without which openai-python's `Response` is not complete.
#[test]
fn what_the_official_types_demand_is_there() {
    let json = value(&answer::write(&whole(vec![Part::text("x")], StopReason::End), &told()));
    for (name, expected) in [
        ("object", json!("response")),
        ("status", json!("completed")),
        ("parallel_tool_calls", json!(true)),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("metadata", json!({})),
        ("error", Value::Null),
        ("incomplete_details", Value::Null),
        ("instructions", Value::Null),
        ("text", json!({"format": {"type": "text"}})),
        ("usage", Value::Null),
    ] {
        assert_eq!(json.get(name), Some(&expected), "{name}");
    }
}

#[test]
fn the_request_is_repeated() {
    let text = json!({"model": "m", "instructions": "be brief", "input": "q", "stream": true, "include": ["x"],
        "tools": [{"type": "function", "name": "f", "parameters": {}}], "tool_choice": {"type": "function", "name": "f"},
        "temperature": 0.25, "metadata": {"a": "b"}, "reasoning": {"effort": "low"}, "parallel_tool_calls": false,
        "max_output_tokens": 100, "user": "u", "truncation": "auto", "text": {"format": {"type": "json_object"}}})
    .to_string();
    let request = read(&text).expect("a request");
    let told = Told { request: Some(&request), ..told() };
    let json = value(&answer::write(&whole(vec![Part::text("x")], StopReason::End), &told));
    let original: Value = serde_json::from_str(&text).expect("JSON");
    for (name, said) in original.as_object().expect("an object") {
        let repeated = !matches!(name.as_str(), "input" | "stream" | "include" | "model");
        assert_eq!(json.get(name).filter(|_| repeated), Some(said).filter(|_| repeated), "{name}");
    }
    assert!(json.get("include").is_none() && json.get("input").is_none());
    assert_eq!(json["store"], false);
}

#[test]
fn why_it_ended() {
    let said = |reason| {
        let json = value(&answer::write(&whole(vec![Part::text("x")], reason), &told()));
        let status = json["output"][0]["status"].clone();
        (json["status"].clone(), json["incomplete_details"]["reason"].clone(), status)
    };
    let complete = (json!("completed"), Value::Null, json!("completed"));
    for reason in [StopReason::End, StopReason::StopSequence, StopReason::ToolUse, StopReason::Other] {
        assert_eq!(said(reason), complete);
    }
    for (reason, word) in [
        (StopReason::Length, "max_output_tokens"),
        (StopReason::ContextWindow, "max_output_tokens"),
        (StopReason::Filter, "content_filter"),
        (StopReason::Refusal, "content_filter"),
        (StopReason::Pause, "pause_turn"),
        (StopReason::MalformedCall, "malformed_function_call"),
    ] {
        assert_eq!(said(reason), (json!("incomplete"), json!(word), json!("incomplete")));
    }
    let read = |body: Value| {
        let text = body.to_string();
        answer::read(parse(&text)).expect("an answer").choices[0].stop.as_ref().map(|stop| stop.reason)
    };
    let call = json!([{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]);
    assert_eq!(read(json!({"output": [], "status": "completed"})), Some(StopReason::End));
    assert_eq!(read(json!({"output": call, "status": "completed"})), Some(StopReason::ToolUse));
    let cut = |reason: &str| json!({"output": call, "status": "incomplete", "incomplete_details": {"reason": reason}});
    assert_eq!(read(cut("max_output_tokens")), Some(StopReason::Length));
    assert_eq!(read(cut("content_filter")), Some(StopReason::Filter));
    assert_eq!(read(json!({"output": [], "status": "cancelled"})), Some(StopReason::Other));
    assert_eq!(read(json!({"output": []})), None);
}

#[test]
fn probabilities_stand_beside_the_text() {
    let told_of = json!([{"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}]);
    let text = json!({"content": told_of}).to_string();
    let mut from_chat = whole(vec![Part::text("x")], StopReason::End);
    from_chat.choices[0].logprobs = Some(parse(&text).into_owned());
    let json = value(&answer::write(&from_chat, &told()));
    assert_eq!(json["output"][0]["content"][0]["logprobs"], told_of);
    let text = json.to_string();
    let back = answer::read(parse(&text)).expect("an answer");
    assert_eq!(value(back.choices[0].logprobs.as_ref().expect("probabilities"))["content"], told_of);
    assert_eq!(value(&answer::write(&back, &told())), json);
}

#[test]
fn usage_in_every_bucket() {
    let json = parse(
        r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":30,"cache_write_tokens":20},"output_tokens":50,
            "output_tokens_details":{"reasoning_tokens":40},"total_tokens":150}"#,
    );
    let read = usage::read(&json).expect("usage");
    let expected = Usage {
        input: Some(50),
        cache_read: Some(30),
        cache_write: Some(20),
        output: Some(10),
        reasoning: Some(40),
        ..Usage::default()
    };
    assert_eq!(read, expected);
    assert_eq!(value(&usage::write(&read)), value(&json));
    let anthropic =
        Usage { input: Some(5), cache_write: Some(1), cache_write_1h: Some(2), output: Some(3), ..Usage::default() };
    assert_eq!(
        value(&usage::write(&anthropic)),
        json!({"input_tokens": 8, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 3}, "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 11})
    );
    assert_eq!(usage::read(&parse("{}")), None);
    let nothing = json!({"input_tokens": 0, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0});
    assert_eq!(value(&usage::write(&Usage::default())), nothing);
    let mut searched = whole(Vec::new(), StopReason::End);
    searched.usage = Some(Usage { web_searches: Some(2), ..anthropic });
    assert_eq!(value(&answer::write(&searched, &told()))["tool_usage"]["web_search"], json!({"num_requests": 2}));
}

#[test]
fn searches_are_counted_where_nobody_reports_them() {
    let text = json!({"status": "completed", "output": [
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "web_search_call", "id": "ws_2", "status": "completed", "action": {"type": "open_page", "url": "u"}}],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}})
    .to_string();
    let read = answer::read(parse(&text)).expect("an answer");
    assert_eq!(read.usage.expect("usage").web_searches, Some(2));
}

#[test]
fn errors_have_both_forms() {
    let told = ErrorTold {
        status: 429,
        message: "Slow \"down\".",
        kind: "tokens",
        param: None,
        code: Some("rate_limit_exceeded"),
        request_id: "r",
    };
    let body: Value = serde_json::from_slice(&error::write(&told)).expect("JSON");
    let inner = json!({"message": "Slow \"down\".", "type": "tokens", "param": null, "code": "rate_limit_exceeded"});
    assert_eq!(body, json!({"error": inner}));
    let mut out = bytes::BytesMut::new();
    error::event(&told, None, &mut out);
    let text = String::from_utf8(out.to_vec()).expect("text");
    let data = text.strip_prefix("event: error\ndata: ").and_then(|text| text.strip_suffix("\n\n")).expect("an event");
    let event: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(
        event,
        json!({"type": "error", "code": "rate_limit_exceeded", "message": "Slow \"down\".", "param": null, "error": inner})
    );
}
