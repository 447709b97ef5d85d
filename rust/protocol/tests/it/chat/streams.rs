//! Streams of other dialects' models, written for callers of this one.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, CallKind, Delta, Event, Media, Opening, Signature, Source, Stop, StopReason, Usage,
};
use tollway_protocol::dialect::openai::stream;
use tollway_protocol::dialect::{Dialect, Told, UpstreamError, WriteStream};
use tollway_protocol::json::Json;

use super::fold::fold;
use super::{TOLD, datas, told_events, written};

fn open(part: usize, opening: Opening<'static>) -> Event<'static> {
    Event::Open { choice: 0, part, opening }
}

fn delta(part: usize, delta: Delta<'static>) -> Event<'static> {
    Event::Delta { choice: 0, part, delta }
}

const fn close(part: usize) -> Event<'static> {
    Event::Close { choice: 0, part }
}

fn call(id: Option<&'static str>, name: &'static str) -> Opening<'static> {
    Opening::ToolCall { id: id.map(Into::into), name: name.into(), kind: CallKind::Function, item: None }
}

fn signature(origin: Dialect) -> Delta<'static> {
    Delta::Signature(Signature { origin, value: "s".into() })
}

/// Thoughts with a signature, text, two calls that overlap, an annotation, usage in two steps.
fn everything() -> Vec<Event<'static>> {
    let cited = Annotation {
        url: Some("https://a".into()),
        title: None,
        cited: None,
        span: None,
        origin: (Dialect::Gemini, Json::Null),
    };
    vec![
        Event::Start { id: Some("msg_1".into()), model: Some("claude".into()), created: None },
        Event::Usage(Usage { input: Some(5), output: Some(1), ..Usage::default() }),
        open(0, Opening::Reasoning { id: None, redacted: false }),
        delta(0, Delta::Text("H".into())),
        delta(0, Delta::Text("m\n".into())),
        delta(0, signature(Dialect::Anthropic)),
        close(0),
        open(1, Opening::Text),
        delta(1, Delta::Text("Hi \"you\"".into())),
        delta(1, Delta::Annotation(cited)),
        close(1),
        open(2, call(Some("a"), "f")),
        open(3, call(None, "g")),
        delta(2, Delta::Arguments("{\"x\"".into())),
        delta(3, Delta::Arguments("{}".into())),
        delta(2, Delta::Arguments(":1}".into())),
        delta(3, signature(Dialect::Gemini)),
        close(3),
        close(2),
        Event::Stop { choice: 0, stop: Stop::new(StopReason::ToolUse) },
        Event::Usage(Usage { output: Some(9), ..Usage::default() }),
        Event::End,
    ]
}

#[test]
fn everything_is_said() {
    let stream = written(everything());
    let chunks: Vec<Value> = datas(&stream).iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    for chunk in &chunks {
        let head = (&chunk["id"], &chunk["object"], &chunk["created"], &chunk["model"]);
        assert_eq!(
            head,
            (&json!("chatcmpl-abc"), &json!("chat.completion.chunk"), &json!(1_700_000_000), &json!("claude"))
        );
    }
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "reasoning_content": "H"}));
    let roles = chunks.iter().filter(|chunk| chunk["choices"][0]["delta"].get("role").is_some()).count();
    assert_eq!(roles, 1);
    let blocks: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"]["thinking_blocks"])
        .filter(|list| list.is_array())
        .collect();
    assert_eq!(blocks, [&json!([{"type": "thinking", "thinking": "Hm\n", "signature": "tollway.anthropic.s"}])]);
    let folded = fold(&datas(&stream));
    assert_eq!(
        folded["choices"]["0"],
        json!({
            "text": "Hi \"you\"", "thoughts": "Hm\n", "refusal": "", "finish": "tool_calls", "logprobs": [],
            "calls": [{"id": "a", "name": "f", "arguments": "{\"x\":1}"}, {"id": "call_abc_0_1", "name": "g", "arguments": "{}"}]
        })
    );
    assert_eq!((&folded["usage"], &folded["done"]), (&json!([5, 9]), &json!(true)));
    let signed = chunks.iter().find_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].get("extra_content"));
    assert_eq!(signed, Some(&json!({"google": {"thought_signature": "s"}})));
    let cited = chunks.iter().find_map(|chunk| chunk["choices"][0]["delta"].get("annotations"));
    assert_eq!(cited.map(|list| &list[0]["url_citation"]["url"]), Some(&json!("https://a")));
    let last = chunks.last().expect("chunks");
    assert_eq!((&last["choices"], last["usage"]["total_tokens"].as_u64()), (&json!([]), Some(14)));
}

/// What is written is read as what it was: parts, signatures, end.
#[test]
fn what_is_written_is_read_again() {
    let stream = written(everything());
    let told = told_events(&datas(&stream)).expect("a stream");
    let has = |what: &str| assert!(told.iter().any(|event| event.contains(what)), "{what} in {told:#?}");
    has("Signature { origin: Anthropic, value: \"s\" }");
    has("Signature { origin: Gemini, value: \"s\" }");
    has("reason: ToolUse");
    assert_eq!(told.iter().filter(|event| event.starts_with("Open")).count(), 4);
    assert_eq!(told.iter().filter(|event| event.starts_with("Close")).count(), 4);
    let thoughts = told.iter().filter(|event| event.contains("part: 0") && event.contains("delta: Text")).count();
    assert_eq!(thoughts, 2, "the block repeats what was told: {told:#?}");
    assert_eq!(told.last().map(String::as_str), Some("End"));
}

#[test]
fn usage_only_for_who_asked() {
    let mut writer = stream::Writer::new(&Told { usage: false, ..TOLD });
    let mut out = bytes::BytesMut::new();
    for event in everything() {
        writer.write(event, &mut out);
    }
    assert!(!String::from_utf8_lossy(&out).contains("\"usage\""));
    assert_eq!(writer.usage(), Some(Usage { input: Some(5), output: Some(9), ..Usage::default() }));
    let before = out.len();
    writer.write(Event::End, &mut out);
    assert_eq!(out.len(), before, "nothing follows the end");
}

#[test]
fn an_error_ends_a_stream() {
    let error = UpstreamError { message: "Too hot\n".into(), code: Some("529".into()), ..UpstreamError::default() };
    let stream =
        written(vec![open(0, Opening::Text), delta(0, Delta::Text("a".into())), Event::Error(error), Event::End]);
    assert!(!stream.contains("[DONE]"));
    let last: Value = serde_json::from_str(datas(&stream).last().expect("events")).expect("JSON");
    let expected = json!({"error": {"message": "Too hot\n", "type": "upstream_error", "param": null, "code": "529"}});
    assert_eq!(last, expected);
    let told = told_events(&datas(&stream)).expect("a stream");
    assert!(told.last().expect("events").starts_with("Error"));
}

#[test]
fn parts_that_come_whole() {
    let image = Media::new(Source::Base64("AA==".into()), Some("image/png".into()));
    let mut audio = Media::new(Source::Base64("BB==".into()), None);
    audio.context = Some("Hi".into());
    let stream = written(vec![
        open(0, Opening::Image(image)),
        close(0),
        open(1, Opening::Audio(audio)),
        close(1),
        open(2, Opening::Foreign(Dialect::Anthropic, Json::Null)),
        close(2),
        open(3, Opening::Reasoning { id: Some("rs_1".into()), redacted: true }),
        delta(3, signature(Dialect::Responses)),
        close(3),
        open(4, Opening::Reasoning { id: None, redacted: false }),
        delta(4, Delta::Summary(0, "One".into())),
        delta(4, Delta::Summary(1, "Two".into())),
        close(4),
        Event::Logprobs { choice: 0, json: Json::parse(br#"{"content":[{"token":"a"}]}"#).expect("JSON") },
        Event::Stop { choice: 0, stop: Stop::new(StopReason::Refusal) },
        Event::End,
    ]);
    let chunks: Vec<Value> = datas(&stream).iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let deltas: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(deltas[0]["images"][0]["image_url"]["url"], "data:image/png;base64,AA==");
    assert_eq!((&deltas[1]["audio"]["data"], &deltas[1]["audio"]["transcript"]), (&json!("BB=="), &json!("Hi")));
    let redacted = json!([{"type": "redacted_thinking", "data": "tollway.openai-responses.s", "id": "rs_1"}]);
    assert_eq!(deltas[2]["thinking_blocks"], redacted);
    let folded = fold(&datas(&stream));
    assert_eq!(folded["choices"]["0"]["thoughts"], "One\n\nTwo");
    assert_eq!(folded["choices"]["0"]["logprobs"], json!([{"token": "a"}]));
    assert_eq!(folded["choices"]["0"]["finish"], "content_filter");
}

/// A recording comes in pieces of base64, and its text beside; it is told of whole.
#[test]
fn recordings_come_whole() {
    let told = told_events(&[
        r#"{"choices":[{"delta":{"audio":{"id":"audio_1","data":"AAAA","transcript":"H"}}}]}"#,
        r#"{"choices":[{"delta":{"audio":{"data":"BBBB","transcript":"i"}},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    let told = told.expect("a stream");
    assert!(told.iter().any(|event| event.contains("AAAABBBB") && event.contains("Hi")), "{told:?}");
}

/// A choice that says nothing still has a role and an end.
#[test]
fn nothing_is_said() {
    let stop = Event::Stop { choice: 0, stop: Stop::new(StopReason::End) };
    let stream = written(vec![Event::Start { id: None, model: None, created: None }, stop, Event::End]);
    let first: Value = serde_json::from_str(datas(&stream)[0]).expect("JSON");
    let expected = json!({"index": 0, "delta": {"role": "assistant"}, "logprobs": null, "finish_reason": "stop"});
    assert_eq!(first["choices"][0], expected);
}
