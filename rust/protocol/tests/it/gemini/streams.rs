//! Answers as they are made.

use bytes::BytesMut;
use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, CallKind, Delta, Event, Media, Opening, Signature, Source, Stop, StopReason, Usage,
};
use tollway_protocol::dialect::gemini::stream::{Reader, Writer};
use tollway_protocol::dialect::signature::to_field;
use tollway_protocol::dialect::{Dialect, ReadStream, UpstreamError, WriteStream};
use tollway_protocol::json::Json;

use super::{TOLD, array_of, chunks_of, events_of, leaked, plain, written};

pub(super) fn read(chunks: &[Value]) -> Vec<Event<'static>> {
    let chunks: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.to_string().into_bytes()).collect();
    events_of(chunks.iter().map(AsRef::as_ref), true).expect("read")
}

fn saying(parts: &Value, more: &Value) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    for (name, value) in more.as_object().expect("an object") {
        candidate[name] = value.clone();
    }
    json!({"candidates": [candidate], "modelVersion": "m", "responseId": "r"})
}

pub(super) fn start() -> Event<'static> {
    Event::Start { id: Some("r".into()), model: Some("m".into()), created: None }
}

const fn open(part: usize, opening: Opening<'static>) -> Event<'static> {
    Event::Open { choice: 0, part, opening }
}

const fn delta(part: usize, delta: Delta<'static>) -> Event<'static> {
    Event::Delta { choice: 0, part, delta }
}

const fn close(part: usize) -> Event<'static> {
    Event::Close { choice: 0, part }
}

const fn text(text: &'static str) -> Delta<'static> {
    Delta::Text(std::borrow::Cow::Borrowed(text))
}

pub(super) const fn thought() -> Opening<'static> {
    Opening::Reasoning { id: None, redacted: false }
}

fn call(id: &'static str) -> Opening<'static> {
    Opening::ToolCall { id: Some(id.into()), name: "f".into(), kind: CallKind::Function, item: None }
}

fn stop(reason: StopReason) -> Event<'static> {
    Event::Stop { choice: 0, stop: Stop::new(reason) }
}

pub(super) fn signed(origin: Dialect, value: &'static str) -> Delta<'static> {
    Delta::Signature(Signature { origin, value: value.into() })
}

#[test]
fn thoughts_text_and_calls() {
    let events = read(&[
        saying(&json!([{"text": "h", "thought": true}]), &json!({})),
        saying(&json!([{"text": "m", "thought": true, "thoughtSignature": "AA=="}, {"text": "a"}]), &json!({})),
        saying(
            &json!([{"text": "b"}, {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "BB=="}]),
            &json!({}),
        ),
        saying(
            &json!([{"functionCall": {"id": "2", "name": "f"}}, {"text": "", "thoughtSignature": "CC=="}, {"text": ""}]),
            &json!({"finishReason": "STOP"}),
        ),
    ]);
    let unnamed = Opening::ToolCall { id: None, name: "f".into(), kind: CallKind::Function, item: None };
    let word = Stop { word: Some("STOP".into()), ..Stop::new(StopReason::ToolUse) };
    assert_eq!(
        events,
        [
            start(),
            open(0, thought()),
            delta(0, text("h")),
            delta(0, text("m")),
            delta(0, signed(Dialect::Gemini, "AA==")),
            close(0),
            open(1, Opening::Text),
            delta(1, text("a")),
            delta(1, text("b")),
            close(1),
            open(2, unnamed),
            delta(2, Delta::Arguments("{\"x\":1}".into())),
            delta(2, signed(Dialect::Gemini, "BB==")),
            close(2),
            open(3, call("2")),
            delta(3, Delta::Arguments("{}".into())),
            close(3),
            open(4, Opening::Text),
            delta(4, signed(Dialect::Gemini, "CC==")),
            close(4),
            Event::Stop { choice: 0, stop: word },
            Event::End,
        ]
    );
}

#[test]
fn a_reason_in_every_chunk_ends_nothing() {
    let chunk = |text: &str| saying(&json!([{"text": text}]), &json!({"finishReason": "STOP"}));
    let events = read(&[chunk("a"), chunk("b")]);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Stop { .. })).count(), 1);
    assert_eq!(&events[1..5], [open(0, Opening::Text), delta(0, text("a")), delta(0, text("b")), close(0)]);
}

#[test]
fn a_stream_that_breaks_off_has_no_end() {
    let two = json!({"candidates": [
        {"index": 0, "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"},
        {"index": 1, "content": {"parts": [{"text": "b"}]}},
    ]});
    let events = read(&[two]);
    assert!(matches!(events.last(), Some(Event::Stop { choice: 0, .. })));
    assert_eq!(read(&[]), []);
    assert!(!read(&[json!({"usageMetadata": {}})]).contains(&Event::End));
}

#[test]
fn errors_end_a_stream() {
    let error = json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}});
    let events = read(&[
        saying(&json!([{"text": "a"}]), &json!({})),
        error.clone(),
        saying(&json!([{"text": "b"}]), &json!({})),
    ]);
    let Some(Event::Error(told)) = events.last() else { panic!("{events:?}") };
    assert_eq!((told.message.as_str(), told.status), ("overloaded", Some(503)));
    assert_eq!(chunks_of(&written(&events, Writer::new(&TOLD))).last(), Some(&error));
    let array: Vec<Value> =
        serde_json::from_slice(&array_of(&written(&events, Writer::new(&TOLD)))).expect("one array");
    assert_eq!(array.last(), Some(&error));
    let unknown = UpstreamError { message: "m".to_owned(), ..UpstreamError::default() };
    let alone: Value =
        serde_json::from_slice(&array_of(&written(&[Event::Error(unknown)], Writer::new(&TOLD)))).expect("JSON");
    assert_eq!(alone, json!([{"error": {"code": 500, "message": "m", "status": "INTERNAL"}}]));
}

#[test]
fn a_blocked_prompt() {
    let chunk = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
        "modelVersion": "m", "responseId": "r"});
    let events = read(std::slice::from_ref(&chunk));
    let stops: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Stop { stop, .. } = event { Some(stop.reason) } else { None })
        .collect();
    assert_eq!((stops, events.last()), (vec![StopReason::Filter], Some(&Event::End)));
    assert_eq!(chunks_of(&written(&events, Writer::new(&TOLD))), [chunk]);
}

#[test]
fn citations_and_what_belongs_to_the_answer() {
    let grounding = json!({
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 6, "text": "öx"}, "groundingChunkIndices": [0]}],
        "searchEntryPoint": {"renderedContent": "<b>"}, "webSearchQueries": ["a", "b"],
    });
    let usage =
        json!({"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3, "serviceTier": "standard"});
    let mut last = saying(&json!([{"text": "öx"}]), &json!({"finishReason": "STOP", "groundingMetadata": grounding}));
    last["usageMetadata"] = usage.clone();
    last["createTime"] = "2026-01-01T00:00:00Z".into();
    let chunks = [saying(&json!([{"text": "ü "}]), &json!({})), last];
    let events = read(&chunks);
    let notes: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Delta { delta: Delta::Annotation(Annotation { url, span, .. }), .. } => {
                Some((url.as_deref(), *span))
            }
            _ => None,
        })
        .collect();
    assert_eq!(notes, [(Some("https://a"), Some((2, 4)))]);
    let searched =
        events.iter().filter_map(|event| if let Event::Usage(usage) = event { usage.web_searches } else { None });
    assert_eq!(searched.collect::<Vec<_>>(), [2]);
    let again = chunks_of(&written(&events, Writer::new(&TOLD)));
    assert_eq!(plain::fold(&again), plain::fold(&chunks));
    assert_eq!(again.last().expect("a chunk")["usageMetadata"], usage);
}

#[test]
fn one_part_after_the_other() {
    let events = [
        start(),
        open(0, Opening::Text),
        delta(0, text("a")),
        open(1, call("1")),
        delta(1, Delta::Arguments("{\"x\"".into())),
        open(2, call("2")),
        delta(2, Delta::Arguments("{}".into())),
        delta(1, Delta::Arguments(":1}".into())),
        close(2),
        delta(0, text("b")),
        open(3, Opening::Text),
        delta(3, text("later")),
        close(1),
        close(0),
        delta(3, text("!")),
        close(3),
        Event::Usage(Usage { input: Some(3), ..Usage::default() }),
        stop(StopReason::ToolUse),
        Event::Usage(Usage { output: Some(4), ..Usage::default() }),
        Event::End,
        open(9, Opening::Text),
    ];
    let said = |part: Value| json!({"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}], "modelVersion": "m", "responseId": "r"});
    let mut last = said(json!({"text": ""}));
    last["candidates"][0]["finishReason"] = "STOP".into();
    last["usageMetadata"] = json!({"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7});
    let expected = [
        said(json!({"text": "a"})),
        said(json!({"text": "b"})),
        said(json!({"functionCall": {"id": "1", "name": "f", "args": {"x": 1}}})),
        said(json!({"functionCall": {"id": "2", "name": "f", "args": {}}})),
        said(json!({"text": "later"})),
        said(json!({"text": "!"})),
        last,
    ];
    let bytes = written(&events, Writer::new(&TOLD));
    assert_eq!(chunks_of(&bytes), expected);
    assert!(bytes.starts_with(b"data: {") && bytes.ends_with(b"}\r\n\r\n"));
    assert_eq!(
        serde_json::from_slice::<Vec<Value>>(&array_of(&written(&events, Writer::new(&TOLD)))).expect("one array"),
        expected
    );
}

#[test]
fn what_other_dialects_stream() {
    let note = Annotation {
        url: Some("https://a".into()),
        title: None,
        cited: None,
        span: Some((0, 1)),
        origin: (Dialect::Chat, Json::Null),
    };
    let logprobs = json!({"content": [{"token": "é", "logprob": -1, "top_logprobs": []}]});
    let events = [
        Event::Start { id: None, model: None, created: Some(1) },
        open(0, thought()),
        delta(0, Delta::Summary(0, "one".into())),
        delta(0, Delta::Summary(1, "two".into())),
        delta(0, signed(Dialect::Responses, "s")),
        close(0),
        open(1, Opening::Refusal),
        delta(1, text("no")),
        close(1),
        open(2, Opening::Text),
        delta(2, text("é")),
        delta(2, Delta::Annotation(note)),
        close(2),
        Event::Logprobs { choice: 0, json: leaked(&logprobs) },
        open(3, Opening::ToolCall { id: None, name: "sh".into(), kind: CallKind::Custom, item: Some("i".into()) }),
        delta(3, Delta::Arguments("ls".into())),
        close(3),
        open(4, Opening::Foreign(Dialect::Anthropic, Json::Null)),
        close(4),
        open(5, Opening::Image(Media::new(Source::Base64("iVBO".into()), Some("image/png".into())))),
        close(5),
        stop(StopReason::Length),
        Event::End,
    ];
    let chunks = chunks_of(&written(&events, Writer::new(&TOLD)));
    assert!(chunks.iter().all(|chunk| chunk["modelVersion"] == "told-model" && chunk["responseId"] == "told-id"));
    let folded = plain::fold(&chunks);
    let field = to_field(&Signature { origin: Dialect::Responses, value: "s".into() }, Dialect::Gemini).into_owned();
    assert_eq!(
        folded["candidates"][0]["parts"],
        json!([
            {"text": "one\n\ntwo", "thought": true, "thoughtSignature": field}, {"text": "noé"},
            {"functionCall": {"name": "sh", "args": {"input": "ls"}}}, {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
        ])
    );
    assert_eq!(folded["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(folded["candidates"][0]["groundingMetadata"]["groundingSupports"][0]["segment"]["text"], "é");
    assert_eq!(folded["candidates"][0]["logprobsResult"]["chosenCandidates"][0]["token"], "é");
    assert_eq!(folded.get("usageMetadata"), None);
}

#[test]
fn an_end_of_nothing_is_an_answer() {
    let chunks = chunks_of(&written(&[Event::End], Writer::new(&TOLD)));
    assert_eq!(chunks[0]["candidates"][0]["finishReason"], "STOP");
    let empty: Vec<Value> =
        serde_json::from_slice(&array_of(&written(&[start(), stop(StopReason::End), Event::End], Writer::new(&TOLD))))
            .unwrap();
    assert_eq!(empty.len(), 1);
}

#[test]
fn tokens_are_told_on_the_way() {
    let mut reader = Reader::default();
    let mut writer = Writer::new(&TOLD);
    let mut out = BytesMut::new();
    let chunk = json!({"usageMetadata": {"promptTokenCount": 7}});
    reader.read(chunk.to_string().as_bytes(), &mut |event| writer.write(event, &mut out)).expect("read");
    assert_eq!(writer.usage(), Some(Usage { input: Some(7), total: None, ..Usage::default() }));
}

/// As Vertex AI streams the arguments of calls where it is asked to.
#[test]
fn arguments_in_pieces() {
    let piece = |call: Value| saying(&json!([{"functionCall": call}]), &json!({}));
    let chunks = [
        saying(
            &json!([{"functionCall": {"name": "f", "id": "c", "willContinue": true}, "thoughtSignature": "c2ln"}]),
            &json!({}),
        ),
        piece(
            json!({"partialArgs": [{"jsonPath": "$.city", "stringValue": "Zü", "willContinue": true}], "willContinue": true}),
        ),
        piece(
            json!({"partialArgs": [{"jsonPath": "$.city", "stringValue": "rich"}, {"jsonPath": "$.days[0]", "numberValue": 3}, {"jsonPath": "$.days[1]", "nullValue": "NULL_VALUE"}], "willContinue": true}),
        ),
        piece(
            json!({"partialArgs": [{"jsonPath": "$.now", "boolValue": false}, {"jsonPath": "$.later"}], "args": {"city": "Zürich", "it's": {}}}),
        ),
        piece(json!({})),
        piece(json!({"name": "g", "partialArgs": [{"jsonPath": "$.a", "stringValue": ""}], "willContinue": false})),
        saying(
            &json!([{"functionCall": {}}, {"text": "x"}, {"functionCall": {"name": "h", "args": {}}}]),
            &json!({"finishReason": "STOP"}),
        ),
    ];
    let events = read(&chunks);
    let mut pieces = Vec::new();
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in &events {
        match event {
            Event::Open { opening: Opening::ToolCall { name, .. }, .. } => {
                calls.push((name.clone().into_owned(), String::new()));
            }
            Event::Delta { delta: Delta::Arguments(text), .. } => {
                pieces.push(text.clone().into_owned());
                calls.last_mut().expect("a call").1.push_str(text);
            }
            _ => {}
        }
    }
    assert_eq!(pieces[..2], [r#"{"city":"Zü"#, r#"rich","days":[3,null"#]);
    let call = |name: &str, arguments: &str| (name.to_owned(), arguments.to_owned());
    assert_eq!(
        calls,
        [
            call("f", r#"{"city":"Zürich","days":[3,null],"it's":{},"now":false}"#),
            call("g", r#"{"a":""}"#),
            call("h", "{}")
        ]
    );
    let of = |what: &str| events.iter().filter(|event| format!("{event:?}").starts_with(what)).count();
    assert_eq!((of("Open"), of("Close"), of("Stop"), of("End")), (4, 4, 1, 1), "{events:#?}");
    assert!(events.contains(&delta(0, signed(Dialect::Gemini, "c2ln"))), "{events:#?}");
    for wrong in [
        json!({"partialArgs": [{"jsonPath": "$.a", "numberValue": 1}]}),
        json!({"name": "f", "partialArgs": [{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a", "numberValue": 2}]}),
    ] {
        let chunk = piece(wrong).to_string();
        assert!(events_of([chunk.as_bytes()], true).is_err(), "{chunk}");
    }
}
