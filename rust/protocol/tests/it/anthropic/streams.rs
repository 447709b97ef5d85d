//! Streams, read and written.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tollway_protocol::canonical::{CallKind, Delta, Event, Media, Opening, Signature, Source, Stop, StopReason, Usage};
use tollway_protocol::dialect::anthropic::stream::{Reader, Writer};
use tollway_protocol::dialect::{Dialect, ReadStream, UpstreamError, WriteStream};
use tollway_protocol::json::{Invalid, Json};
use tollway_protocol::sse::Decoder;

use super::TOLD;
use super::validity::checked;

/// The data of a stream's events; each must have the name that its data has.
pub(super) fn events_of(text: &str) -> Vec<Value> {
    for frame in text.trim().split("\n\n").filter(|frame| frame.starts_with("event: ")) {
        let (name, data) = frame.trim_start_matches("event: ").split_once('\n').expect("data");
        let data: Value = serde_json::from_str(data.trim_start_matches("data: ").trim()).expect("JSON");
        assert_eq!(data["type"], name.trim());
    }
    data_of(text, usize::MAX).iter().map(|data| serde_json::from_slice(data).expect("JSON")).collect()
}

pub(super) fn data_of(text: &str, chunk: usize) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(1 << 22);
    let mut all = Vec::new();
    for chunk in text.as_bytes().chunks(chunk.min(text.len().max(1))) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().expect("small") {
            all.extend(event.data().map(|data| data.to_vec()));
        }
    }
    all
}

/// What a caller gets of an upstream's stream that comes in chunks of so many bytes.
pub(super) fn translated(text: &str, chunk: usize) -> Result<Vec<Value>, Invalid> {
    let (mut reader, mut writer, mut out) = (Reader::default(), Writer::new(&TOLD), BytesMut::new());
    for data in data_of(text, chunk) {
        reader.read(&data, &mut |event| writer.write(event, &mut out))?;
    }
    reader.end(&mut |event| writer.write(event, &mut out));
    Ok(events_of(std::str::from_utf8(&out).expect("text")))
}

/// What a caller gets of canonical events.
fn written(events: impl IntoIterator<Item = Event<'static>>) -> Vec<Value> {
    let (mut writer, mut out) = (Writer::new(&TOLD), BytesMut::new());
    for event in events {
        writer.write(event, &mut out);
    }
    events_of(std::str::from_utf8(&out).expect("text"))
}

fn open(part: usize, opening: Opening<'static>) -> Event<'static> {
    Event::Open { choice: 0, part, opening }
}

fn call(part: usize, id: &'static str) -> Event<'static> {
    open(part, Opening::ToolCall { id: Some(id.into()), name: "f".into(), kind: CallKind::Function, item: None })
}

fn text(part: usize, text: &'static str) -> Event<'static> {
    Event::Delta { choice: 0, part, delta: Delta::Text(text.into()) }
}

fn arguments(part: usize, text: &'static str) -> Event<'static> {
    Event::Delta { choice: 0, part, delta: Delta::Arguments(text.into()) }
}

fn signature(part: usize, origin: Dialect, value: &'static str) -> Event<'static> {
    Event::Delta { choice: 0, part, delta: Delta::Signature(Signature { origin, value: value.into() }) }
}

fn close(part: usize) -> Event<'static> {
    Event::Close { choice: 0, part }
}

fn stop(reason: StopReason) -> Event<'static> {
    Event::Stop { choice: 0, stop: Stop::new(reason) }
}

fn start() -> Event<'static> {
    Event::Start { id: Some("chatcmpl-1".into()), model: Some("gpt".into()), created: Some(1) }
}

#[test]
fn parts_that_overlap_are_put_one_after_another() {
    let events = written([
        start(),
        open(0, Opening::Text),
        text(0, "a"),
        call(1, "one"),
        arguments(1, "{\"x\":"),
        call(2, "two"),
        arguments(2, "{}"),
        text(0, "b"),
        arguments(1, "1}"),
        close(2),
        close(1),
        close(0),
        stop(StopReason::ToolUse),
        Event::Usage(Usage { input: Some(5), output: Some(7), ..Usage::default() }),
        Event::End,
    ]);
    let folded = checked(&events);
    assert!(folded.complete);
    assert_eq!(
        folded.message["content"],
        json!([
            {"type": "text", "text": "ab"},
            {"type": "tool_use", "id": "one", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "two", "name": "f", "input": {}},
        ])
    );
    assert_eq!(folded.message["stop_reason"], "tool_use");
    assert_eq!(folded.message["usage"], json!({"input_tokens": 5, "output_tokens": 7}));
    assert_eq!(folded.message["id"], "msg_t1");
    assert_eq!(folded.message["model"], "gpt");
}

/// Every order of three calls that overlap: opened in turn, filled and closed in any order.
#[test]
fn every_order_is_valid() {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for filled in ORDERS {
        for closed in ORDERS {
            for text_first in [true, false] {
                let mut events =
                    vec![start(), open(0, Opening::Text), call(1, "one"), call(2, "two"), call(3, "three")];
                if text_first {
                    events.push(text(0, "t"));
                }
                events.extend(filled.map(|part| arguments(part + 1, "{\"k\":1}")));
                events.extend(closed.map(|part| close(part + 1)));
                events.extend([close(0), stop(StopReason::End), Event::End]);
                let folded = checked(&written(events));
                let content = folded.message["content"].as_array().expect("content");
                let mut calls: Vec<&str> = content.iter().filter_map(|block| block["id"].as_str()).collect();
                calls.sort_unstable();
                assert_eq!(calls, ["one", "three", "two"]);
                assert_eq!(content.len(), if text_first { 4 } else { 3 });
                assert!(content.iter().all(|block| block["type"] == "text" || block["input"] == json!({"k": 1})));
                assert_eq!(folded.message["stop_reason"], "tool_use");
            }
        }
    }
}

#[test]
fn nothing_empty_is_written() {
    let reasoning = || Opening::Reasoning { id: None, redacted: false };
    let events = written([
        start(),
        open(0, Opening::Text),
        text(0, ""),
        close(0),
        open(1, reasoning()),
        close(1),
        call(2, "bare"),
        close(2),
        stop(StopReason::ToolUse),
        Event::End,
    ]);
    assert_eq!(
        checked(&events).message["content"],
        json!([{"type": "tool_use", "id": "bare", "name": "f", "input": {}}])
    );
    let nothing = checked(&written([Event::End]));
    assert!(nothing.complete);
    assert_eq!(
        (&nothing.message["model"], &nothing.message["stop_reason"]),
        (&json!("told-model"), &json!("end_turn"))
    );
}

#[test]
fn signatures_of_others_are_marked() {
    let events = written([
        start(),
        open(0, Opening::Reasoning { id: Some("rs_1".into()), redacted: false }),
        Event::Delta { choice: 0, part: 0, delta: Delta::Summary(0, "first".into()) },
        Event::Delta { choice: 0, part: 0, delta: Delta::Summary(1, "second".into()) },
        signature(0, Dialect::Responses, "sealed"),
        close(0),
        open(1, Opening::Reasoning { id: None, redacted: true }),
        signature(1, Dialect::Anthropic, "own"),
        close(1),
        open(2, Opening::ToolCall { id: None, name: "f".into(), kind: CallKind::Function, item: None }),
        signature(2, Dialect::Gemini, "c2ln"),
        arguments(2, "{}"),
        close(2),
        stop(StopReason::ToolUse),
        Event::End,
    ]);
    assert_eq!(
        checked(&events).message["content"],
        json!([
            {"type": "thinking", "thinking": "first\n\nsecond", "signature": "tollway.openai-responses.sealed"},
            {"type": "redacted_thinking", "data": "own"},
            {"type": "tool_use", "id": "toolu_t1_2", "name": "f", "input": {}, "signature": "tollway.gemini.c2ln"},
        ])
    );
}

#[test]
fn free_text_is_the_input_of_an_object() {
    let custom = Opening::ToolCall { id: Some("c".into()), name: "sh".into(), kind: CallKind::Custom, item: None };
    let events = written([
        start(),
        open(0, custom),
        arguments(0, "echo \"a"),
        arguments(0, "\"\n"),
        close(0),
        stop(StopReason::ToolUse),
        Event::End,
    ]);
    assert_eq!(checked(&events).message["content"][0]["input"], json!({"input": "echo \"a\"\n"}));
}

#[test]
fn pictures_other_choices_and_what_cannot_be_said() {
    let picture = Media::new(Source::Base64("AAAA".into()), Some("image/webp".into()));
    let events = written([
        start(),
        open(0, Opening::Image(picture.clone())),
        close(0),
        open(1, Opening::Audio(picture)),
        close(1),
        open(2, Opening::Foreign(Dialect::Gemini, Json::from(true))),
        close(2),
        Event::Open { choice: 1, part: 0, opening: Opening::Text },
        Event::Delta { choice: 1, part: 0, delta: Delta::Text("other".into()) },
        Event::Close { choice: 1, part: 0 },
        stop(StopReason::Filter),
        Event::End,
        Event::End,
        text(0, "late"),
    ]);
    let folded = checked(&events);
    let source = json!({"type": "base64", "media_type": "image/webp", "data": "AAAA"});
    assert_eq!(folded.message["content"], json!([{"type": "image", "source": source}]));
    assert_eq!(folded.message["stop_reason"], "refusal");
}

#[test]
fn errors_end_a_stream() {
    let told = UpstreamError { message: "busy".into(), kind: Some("overloaded_error".into()), ..Default::default() };
    let alone = checked(&written([start(), Event::Error(told.clone()), Event::End]));
    assert_eq!(alone.error, Some(json!({"type": "overloaded_error", "message": "busy"})));
    assert!(alone.message.is_null());
    let foreign = UpstreamError { message: "x".into(), kind: Some("server_error".into()), ..Default::default() };
    let late = checked(&written([start(), open(0, Opening::Text), text(0, "a"), Event::Error(foreign), Event::End]));
    assert_eq!(late.error, Some(json!({"type": "api_error", "message": "x"})));
    assert!(!late.complete);

    let upstream = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let told = checked(&translated(upstream, usize::MAX).expect("an error"));
    assert_eq!(told.error, Some(json!({"type": "overloaded_error", "message": "Overloaded"})));
}
