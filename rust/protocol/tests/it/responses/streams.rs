//! Streams, written for this dialect's callers.

use std::collections::BTreeMap;

use bytes::BytesMut;
use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, Body, CallKind, Delta, Event, Media, Opening, Part, Signature, Source, Stop, StopReason, Usage,
};
use tollway_protocol::dialect::responses::answer;
use tollway_protocol::dialect::responses::stream::Writer;
use tollway_protocol::dialect::{Dialect, Told, UpstreamError, WriteStream};
use tollway_protocol::json::Json;

use super::recorded::events;
use super::{parse, read, told, value};

/// What a caller gets for these steps.
pub(super) fn written(steps: Vec<Event<'_>>) -> Vec<Value> {
    let (mut writer, mut out) = (Writer::new(&told()), BytesMut::new());
    steps.into_iter().for_each(|step| writer.write(step, &mut out));
    parsed(&out)
}

fn parsed(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).expect("text");
    let read: Vec<Value> = events(text, 61).iter().map(|data| serde_json::from_slice(data).expect("JSON")).collect();
    let named: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(named, types(&read));
    read
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

pub(super) fn open(part: usize, opening: Opening<'_>) -> Event<'_> {
    Event::Open { choice: 0, part, opening }
}

pub(super) fn delta(part: usize, delta: Delta<'_>) -> Event<'_> {
    Event::Delta { choice: 0, part, delta }
}

pub(super) const fn close(part: usize) -> Event<'static> {
    Event::Close { choice: 0, part }
}

pub(super) fn start() -> Event<'static> {
    Event::Start { id: Some("chatcmpl-1".into()), model: Some("model".into()), created: Some(9) }
}

pub(super) fn stop(reason: StopReason) -> Event<'static> {
    Event::Stop { choice: 0, stop: Stop::new(reason) }
}

pub(super) fn call(id: Option<&'static str>, kind: CallKind) -> Opening<'static> {
    Opening::ToolCall { id: id.map(Into::into), name: "f".into(), kind, item: None }
}

/// Checks a stream against the rules of the dialect, and gives the whole answer in its last event.
pub(super) fn checked(events: &[Value]) -> Value {
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    assert_eq!(types(events).get(..2), Some(&["response.created", "response.in_progress"][..]));
    let mut done: Vec<Value> = Vec::new();
    let mut open: Option<Value> = None;
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut pieces: Vec<Value> = Vec::new();
    for event in &events[2..events.len() - 1] {
        let kind = event["type"].as_str().expect("a type");
        assert_eq!(event["output_index"], done.len(), "{event}");
        if kind == "response.output_item.added" {
            assert!(open.is_none(), "{event}");
            open = Some(event["item"].clone());
            continue;
        }
        let item = open.clone().expect("an open item");
        if kind == "response.output_item.done" {
            assert_eq!((&event["item"]["id"], &event["item"]["type"]), (&item["id"], &item["type"]));
            if item["type"] == "message" {
                assert_eq!(event["item"]["content"], Value::from(std::mem::take(&mut pieces)));
            }
            done.push(event["item"].clone());
            (open, texts) = (None, BTreeMap::new());
            continue;
        }
        assert_eq!(event["item_id"], item["id"], "{event}");
        let place = format!("{}{}", event["content_index"], event["summary_index"]);
        if kind.ends_with("part.added") {
            assert_eq!(texts.insert(place, String::new()), None, "{event}");
        } else if let Some(more) = event["delta"].as_str() {
            texts.entry(place).or_default().push_str(more);
        } else if kind.ends_with("part.done") {
            let part = &event["part"];
            let text = part["text"].as_str().or(part["refusal"].as_str()).unwrap_or_default();
            assert_eq!(texts.get(&place).map(String::as_str), Some(text), "{event}");
            if item["type"] == "message" {
                assert_eq!(event["content_index"], pieces.len());
                pieces.push(part.clone());
            }
        } else if let Some(full) =
            ["text", "refusal", "arguments", "input"].iter().find_map(|name| event[name].as_str())
        {
            let said = texts.get(&place).map_or("", String::as_str);
            assert!(said == full || (said.is_empty() && full == "{}"), "{event}");
        } else {
            assert_eq!(kind, "response.output_text.annotation.added");
        }
    }
    assert!(open.is_none());
    let last = events.last().expect("an event");
    assert!(["response.completed", "response.incomplete"].contains(&last["type"].as_str().expect("a type")));
    assert_eq!(last["response"]["output"], Value::from(done));
    last["response"].clone()
}

#[test]
fn a_text() {
    let steps = vec![
        start(),
        open(0, Opening::Text),
        delta(0, Delta::Text("he said \"".into())),
        Event::Logprobs { choice: 0, json: parse(r#"{"content":[{"token":"é","logprob":-1}]}"#) },
        delta(0, Delta::Text("é\"".into())),
        Event::Usage(Usage { input: Some(3), ..Usage::default() }),
        close(0),
        stop(StopReason::End),
        Event::Usage(Usage { output: Some(2), ..Usage::default() }),
        Event::End,
        Event::End,
    ];
    let events = written(steps);
    assert_eq!(
        types(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let whole = checked(&events);
    assert_eq!((&whole["id"], &whole["model"], &whole["created_at"]), (&json!("resp_abc"), &json!("model"), &json!(9)));
    let logprobs = json!([{"token": "é", "logprob": -1}]);
    assert_eq!(
        whole["output"],
        json!([{"id": "msg_tw_abc_0", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "he said \"é\"", "annotations": [], "logprobs": logprobs}]}])
    );
    assert_eq!((&events[4]["logprobs"], &events[5]["logprobs"]), (&json!([]), &logprobs));
    assert_eq!((&whole["status"], &whole["usage"]["total_tokens"]), (&json!("completed"), &json!(5)));
    let first = &events[0]["response"];
    assert_eq!((&first["status"], &first["output"], &first["tools"]), (&json!("in_progress"), &json!([]), &json!([])));
}

#[test]
fn everything_one_after_another() {
    let signature = |origin| Delta::Signature(Signature { origin, value: "s".into() });
    let cited = Annotation {
        url: Some("u".into()),
        title: Some("t".into()),
        cited: None,
        span: None,
        origin: (Dialect::Gemini, Json::Null),
    };
    let picture = Media::new(Source::Base64("AAAA".into()), Some("image/png".into()));
    let steps = vec![
        start(),
        open(0, Opening::Reasoning { id: None, redacted: false }),
        delta(0, Delta::Text("th".into())),
        delta(0, Delta::Text("ink".into())),
        delta(0, signature(Dialect::Anthropic)),
        close(0),
        open(1, Opening::Reasoning { id: Some("rs_1".into()), redacted: false }),
        delta(1, Delta::Summary(0, "fi".into())),
        delta(1, Delta::Summary(0, "rst".into())),
        delta(1, Delta::Summary(1, "second".into())),
        delta(1, signature(Dialect::Responses)),
        close(1),
        open(2, Opening::Reasoning { id: None, redacted: true }),
        delta(2, signature(Dialect::Anthropic)),
        close(2),
        open(3, Opening::Text),
        delta(3, Delta::Text("see".into())),
        delta(3, Delta::Annotation(cited)),
        close(3),
        open(4, Opening::Refusal),
        delta(4, Delta::Text("no".into())),
        close(4),
        open(5, Opening::Image(picture)),
        close(5),
        open(6, Opening::Foreign(Dialect::Responses, parse(r#"{"type":"web_search_call","id":"ws_1"}"#))),
        close(6),
        open(7, Opening::Foreign(Dialect::Anthropic, parse(r#"{"type":"server_tool_use"}"#))),
        close(7),
        open(8, call(None, CallKind::Function)),
        delta(8, Delta::Arguments("{\"a\"".into())),
        delta(8, Delta::Arguments(":1}".into())),
        delta(8, signature(Dialect::Gemini)),
        close(8),
        open(9, call(Some("c2"), CallKind::Custom)),
        delta(9, Delta::Arguments("free".into())),
        close(9),
        open(10, call(Some("c3"), CallKind::Function)),
        close(10),
        stop(StopReason::ToolUse),
        Event::End,
    ];
    let whole = checked(&written(steps));
    let citation = json!({"type": "url_citation", "start_index": 0, "end_index": 3, "url": "u", "title": "t"});
    assert_eq!(
        whole["output"],
        json!([
            {"id": "rs_tw_abc_0", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "think"}],
                "encrypted_content": "tollway.anthropic.s"},
            {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "first"},
                {"type": "summary_text", "text": "second"}], "encrypted_content": "s"},
            {"id": "rs_tw_abc_2", "type": "reasoning", "summary": [], "encrypted_content": "tollway.anthropic.redacted.s"},
            {"id": "msg_tw_abc_3", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "see", "annotations": [citation], "logprobs": []},
                {"type": "refusal", "refusal": "no"}]},
            {"id": "ig_tw_abc_5", "type": "image_generation_call", "status": "completed", "result": "AAAA"},
            {"id": "ws_1", "type": "web_search_call"},
            {"id": "fc_tw_abc_8", "type": "function_call", "status": "completed", "call_id": "call_abc_8", "name": "f",
                "arguments": "{\"a\":1}", "thought_signature": "tollway.gemini.s"},
            {"id": "fc_tw_abc_9", "type": "custom_tool_call", "status": "completed", "call_id": "c2", "name": "f", "input": "free"},
            {"id": "fc_tw_abc_10", "type": "function_call", "status": "completed", "call_id": "c3", "name": "f", "arguments": "{}"},
        ])
    );
}

#[test]
fn what_this_dialect_has_no_item_for() {
    let picture = Media::new(Source::Url("https://a.example/b.png".into()), None);
    let recording =
        Media { context: Some("hello".into()), ..Media::new(Source::Base64("AAAA".into()), Some("audio/wav".into())) };
    let steps = vec![
        start(),
        open(0, Opening::Image(picture.clone())),
        close(0),
        open(1, Opening::Audio(recording.clone())),
        close(1),
        stop(StopReason::End),
        Event::End,
    ];
    let streamed = written(steps).pop().expect("an event")["response"]["output"][0]["content"].clone();
    let expected = json!([
        {"type": "output_text", "text": "![image](https://a.example/b.png)", "annotations": []},
        {"type": "output_audio", "data": "AAAA", "transcript": "hello"},
    ]);
    assert_eq!(streamed, expected);
    let mut whole = answer::read(parse(r#"{"output":[]}"#)).expect("an answer");
    whole.choices[0].parts = vec![Part::new(Body::Image(picture)), Part::new(Body::Audio(recording))];
    assert_eq!(value(&answer::write(&whole, &told()))["output"][0]["content"], expected);
}

#[test]
fn what_overlaps_waits() {
    let steps = vec![
        start(),
        open(0, Opening::Text),
        delta(0, Delta::Text("a".into())),
        open(1, call(Some("c1"), CallKind::Function)),
        open(2, call(Some("c2"), CallKind::Function)),
        delta(2, Delta::Arguments("{\"x\":".into())),
        delta(1, Delta::Arguments("{}".into())),
        delta(2, Delta::Arguments("2}".into())),
        close(2),
        delta(0, Delta::Text("b".into())),
        close(0),
        close(1),
        stop(StopReason::ToolUse),
        Event::End,
    ];
    let whole = checked(&written(steps));
    assert_eq!(whole["output"][0]["content"][0]["text"], "ab");
    assert_eq!((&whole["output"][1]["call_id"], &whole["output"][1]["arguments"]), (&json!("c1"), &json!("{}")));
    assert_eq!((&whole["output"][2]["call_id"], &whole["output"][2]["arguments"]), (&json!("c2"), &json!("{\"x\":2}")));
}

#[test]
fn an_answer_that_is_cut_says_so() {
    let steps = vec![
        start(),
        open(0, Opening::Text),
        delta(0, Delta::Text("a".into())),
        close(0),
        stop(StopReason::Length),
        Event::End,
    ];
    let events = written(steps);
    let whole = checked(&events);
    assert_eq!(events.last().map(|event| event["type"].clone()), Some(json!("response.incomplete")));
    assert_eq!(whole["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(whole["output"][0]["status"], "incomplete");
}

#[test]
fn an_error_ends_it() {
    let error = UpstreamError { message: "Over\nloaded".into(), code: Some("529".into()), ..UpstreamError::default() };
    let text = delta(0, Delta::Text("a".into()));
    let events = written(vec![start(), open(0, Opening::Text), text, Event::Error(error), close(0), Event::End]);
    let last = events.last().expect("an event");
    assert_eq!(
        *last,
        json!({"type": "error", "code": "529", "message": "Over\nloaded", "param": null, "sequence_number": 5,
            "error": {"type": "server_error", "code": "529", "message": "Over\nloaded", "param": null}})
    );
}

#[test]
fn free_text_is_free_text_again() {
    let request = read(r#"{"model":"m","input":"q","tools":[{"type":"custom","name":"f"}]}"#).expect("a request");
    let told = Told { request: Some(&request), ..told() };
    let (mut writer, mut out) = (Writer::new(&told), BytesMut::new());
    for step in [
        start(),
        open(0, call(Some("c"), CallKind::Function)),
        delta(0, Delta::Arguments("{\"input\":\"a\\".into())),
        delta(0, Delta::Arguments("nb\"}".into())),
        close(0),
        stop(StopReason::ToolUse),
        Event::End,
    ] {
        writer.write(step, &mut out);
    }
    let item = json!({"type": "custom_tool_call", "id": "fc_tw_abc_0", "status": "completed", "call_id": "c", "name": "f",
        "input": "a\nb"});
    assert_eq!(checked(&parsed(&out))["output"], json!([item]));
    let whole = r#"{"output":[{"type":"function_call","id":"fc_tw_abc_0","call_id":"c","name":"f","arguments":"{\"input\":\"a\\nb\"}"}]}"#;
    let answer = answer::read(parse(whole)).expect("an answer");
    assert_eq!(value(&answer::write(&answer, &told))["output"], json!([item]));
}

#[test]
fn the_request_is_repeated_in_each_whole_answer() {
    let request = read(
        r#"{"model":"m","input":"q","instructions":"i","tools":[{"type":"function","name":"f"}],"temperature":0.5}"#,
    );
    let request = request.expect("a request");
    let mut writer = Writer::new(&Told { request: Some(&request), ..told() });
    let mut out = BytesMut::new();
    for step in [start(), stop(StopReason::End), Event::End] {
        writer.write(step, &mut out);
    }
    let events = parsed(&out);
    assert_eq!(events.len(), 3);
    for event in &events {
        let response = &event["response"];
        assert_eq!((&response["instructions"], &response["temperature"]), (&json!("i"), &json!(0.5)));
        assert_eq!(response["tools"], json!([{"type": "function", "name": "f"}]));
        assert_eq!((&response["truncation"], &response["parallel_tool_calls"]), (&json!("disabled"), &json!(true)));
    }
}
