//! Answers of other dialects' models, written for callers of this one.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, Answer, Arguments, Body, CallKind, Choice, Part, Reasoning, Rest, Signature, Stop, StopReason,
    ToolCall, Usage,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::Json;

use super::{read_answer, write_answer};

fn answer(parts: Vec<Part<'_>>, reason: StopReason) -> Answer<'_> {
    let stop = Some(Stop { word: Some("theirs".into()), ..Stop::new(reason) });
    let choices = vec![Choice { index: 0, parts, stop, logprobs: None, rest: Rest::none() }];
    Answer { id: Some("msg_1".into()), model: None, created: None, choices, usage: None, rest: Rest::none() }
}

fn message(parts: Vec<Part<'_>>) -> Value {
    write_answer(&answer(parts, StopReason::End))["choices"][0]["message"].clone()
}

#[test]
fn an_answer_of_anthropics() {
    let reasoning = |redacted: bool| Part {
        signature: Some(Signature { origin: Dialect::Anthropic, value: "s".into() }),
        ..Part::new(Body::Reasoning(Reasoning {
            text: if redacted { "" } else { "Hm" }.into(),
            redacted,
            ..Reasoning::default()
        }))
    };
    let call = |id: Option<&'static str>| {
        let arguments = Arguments::Json(Json::parse(br#"{"a":[1.0]}"#).expect("JSON"));
        Part::new(Body::ToolCall(ToolCall {
            id: id.map(Into::into),
            name: "f".into(),
            arguments,
            kind: CallKind::Function,
            item: None,
        }))
    };
    let cited = Annotation {
        url: Some("https://a".into()),
        title: Some("A".into()),
        cited: Some("x".into()),
        span: Some((0, 3)),
        origin: (Dialect::Anthropic, Json::Null),
    };
    let unsayable = Annotation { url: None, ..cited.clone() };
    let text = Part::new(Body::Text("I ".into(), vec![cited, unsayable]));
    let other = Part::new(Body::Foreign(Dialect::Anthropic, Json::Null));
    let mut said = answer(
        vec![reasoning(false), reasoning(true), text, other, Part::text("do"), call(Some("toolu_1")), call(None)],
        StopReason::ToolUse,
    );
    said.usage =
        Some(Usage { input: Some(5), cache_read: Some(3), cache_write: Some(2), output: Some(4), ..Usage::default() });
    let written = write_answer(&said);
    let call =
        |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\":[1.0]}"}});
    assert_eq!(
        written,
        json!({
            "id": "chatcmpl-abc", "object": "chat.completion", "created": 1_700_000_000, "model": "told-model",
            "choices": [{"index": 0, "logprobs": null, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "I do", "refusal": null, "reasoning_content": "Hm",
                "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "tollway.anthropic.s"},
                                    {"type": "redacted_thinking", "data": "tollway.anthropic.s"}],
                "annotations": [{"type": "url_citation", "url_citation":
                    {"start_index": 0, "end_index": 3, "url": "https://a", "title": "A", "content": "x"}}],
                "tool_calls": [call("toolu_1"), call("call_abc_0_1")]}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14,
                "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2}}
        })
    );
    // A caller who keeps the blocks gives the signature back to who made it.
    let kept = json!({"model": "m", "messages": [written["choices"][0]["message"]]}).to_string();
    let request = super::read_request(&kept).expect("a request");
    let signatures: Vec<&Signature<'_>> =
        request.messages[0].parts.iter().filter_map(|part| part.signature.as_ref()).collect();
    assert_eq!(signatures.len(), 2);
    assert!(signatures.iter().all(|signature| signature.origin == Dialect::Anthropic && signature.value == "s"));
}

#[test]
fn every_end_has_a_word() {
    for (reason, word) in [
        (StopReason::End, "stop"),
        (StopReason::StopSequence, "stop"),
        (StopReason::Length, "length"),
        (StopReason::ContextWindow, "length"),
        (StopReason::ToolUse, "tool_calls"),
        (StopReason::Filter, "content_filter"),
        (StopReason::Refusal, "content_filter"),
        (StopReason::Pause, "stop"),
        (StopReason::MalformedCall, "stop"),
        (StopReason::Other, "stop"),
    ] {
        assert_eq!(write_answer(&answer(Vec::new(), reason))["choices"][0]["finish_reason"], word, "{reason:?}");
    }
}

#[test]
fn summaries_stand_for_thoughts() {
    let summary = vec!["One".into(), "Two".into()];
    let part = Part::new(Body::Reasoning(Reasoning { summary, ..Reasoning::default() }));
    let said = message(vec![part]);
    assert_eq!((&said["reasoning_content"], &said["content"]), (&json!("One\n\nTwo"), &Value::Null));
    assert!(said.get("thinking_blocks").is_none());
}

#[test]
fn pictures_recordings_and_refusals() {
    let text = r#"{"choices":[{"message":{"content":null,"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}],
        "audio":{"id":"audio_1","data":"AA==","expires_at":5,"transcript":"Hi"},"refusal":"No"}}]}"#;
    let read = read_answer(text).expect("an answer");
    let [
        Part { body: Body::Refusal(refusal), .. },
        Part { body: Body::Image(_), .. },
        Part { body: Body::Audio(audio), .. },
    ] = read.choices[0].parts.as_slice()
    else {
        panic!("{read:?}")
    };
    assert_eq!((refusal.as_ref(), audio.context.as_deref()), ("No", Some("Hi")));
    let message = &write_answer(&read)["choices"][0]["message"];
    assert_eq!(message["audio"], json!({"id": "audio_1", "data": "AA==", "expires_at": 5, "transcript": "Hi"}));
    assert_eq!(message["images"][0]["image_url"]["url"], "data:image/png;base64,AA==");
    assert_eq!(message["refusal"], "No");
}

/// A usage that changed since it was read is written anew, one that did not as it was.
#[test]
fn usage_as_reported() {
    let text = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"cost":0.5}}"#;
    let mut read = read_answer(text).expect("an answer");
    assert_eq!(write_answer(&read)["usage"]["cost"], 0.5);
    read.usage = Some(Usage { input: Some(9), ..Usage::default() });
    assert_eq!(write_answer(&read)["usage"], json!({"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}));
}
