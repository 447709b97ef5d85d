//! Whole answers, read and written.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, Answer, Arguments, Body, CallKind, Choice, Part, Reasoning, Rest, Signature, Stop, StopReason,
    ToolCall, Usage,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::dialect::gemini::answer;
use tollway_protocol::json::Json;

use super::{TOLD, plain, read_answer, value};

fn kept(document: &Value) -> Answer<'static> {
    let read = read_answer(document).expect("read");
    assert_eq!(value(&answer::write(&read, &TOLD)), plain::answer(document));
    read
}

fn ended(reason: &str, parts: &Value) -> StopReason {
    let document = json!({"candidates": [{"content": {"parts": parts}, "finishReason": reason, "finishMessage": "m"}]});
    let answer = kept(&document);
    let stop = answer.choices[0].stop.as_ref().expect("a stop");
    assert_eq!((stop.word.as_deref(), stop.detail.as_deref()), (Some(reason), Some("m")));
    stop.reason
}

#[test]
fn reasons() {
    let text = json!([{"text": "x"}]);
    for (word, reason) in [
        ("STOP", StopReason::End),
        ("MAX_TOKENS", StopReason::Length),
        ("SAFETY", StopReason::Filter),
        ("RECITATION", StopReason::Filter),
        ("PROHIBITED_CONTENT", StopReason::Filter),
        ("IMAGE_SAFETY", StopReason::Filter),
        ("MALFORMED_FUNCTION_CALL", StopReason::MalformedCall),
        ("UNEXPECTED_TOOL_CALL", StopReason::MalformedCall),
        ("NO_IMAGE", StopReason::Other),
        ("NEWER_THAN_US", StopReason::Other),
    ] {
        assert_eq!(ended(word, &text), reason, "{word}");
    }
    let call = json!([{"functionCall": {"name": "f"}}]);
    assert_eq!(ended("STOP", &call), StopReason::ToolUse);
    assert_eq!(ended("MAX_TOKENS", &call), StopReason::Length);
}

#[test]
fn a_blocked_prompt_is_a_filter() {
    let blocked = kept(&json!({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"},
        "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}));
    let stop = blocked.choices[0].stop.clone().expect("a stop");
    assert_eq!(
        (stop.reason, stop.word.as_deref(), stop.detail.as_deref()),
        (StopReason::Filter, Some("SAFETY"), Some("no"))
    );
    let empty = kept(&json!({"usageMetadata": {"totalTokenCount": 0}}));
    assert_eq!(empty.choices[0].stop.as_ref().map(|stop| stop.reason), Some(StopReason::Filter));
}

#[test]
fn everything_besides() {
    let answer = kept(&json!({
        "candidates": [{
            "content": {"parts": [{"text": "Ängste, kein Problem."}], "role": "model"},
            "finishReason": "STOP", "index": 1, "avgLogprobs": -0.5, "tokenCount": 3,
            "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW", "blocked": false}],
            "citationMetadata": {"citationSources": [{"startIndex": 0, "endIndex": 7, "uri": "https://c"}]},
            "urlContextMetadata": {"urlMetadata": []},
            "groundingMetadata": {
                "webSearchQueries": ["a", "b"],
                "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"web": {"uri": "https://b"}}],
                "groundingSupports": [
                    {"segment": {"endIndex": 7, "text": "Ängste"}, "groundingChunkIndices": [0, 1]},
                    {"segment": {"startIndex": 900, "endIndex": 901, "text": "kein"}, "groundingChunkIndices": [0, 9]},
                    {"segment": {"startIndex": 900, "endIndex": 901}, "groundingChunkIndices": [0]},
                ],
            },
            "logprobsResult": {
                "topCandidates": [{"candidates": [{"token": "Ä", "logProbability": -0.1}, {"token": "x", "logProbability": -3}]}],
                "chosenCandidates": [{"token": "Ä", "tokenId": 5, "logProbability": -0.1}],
            },
        }],
        "createTime": "2026-01-01T00:00:00Z", "modelStatus": {"modelStage": "STABLE"},
        "modelVersion": "gemini-3.5-flash", "responseId": "r",
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3, "trafficType": "ON_DEMAND"},
    }));
    let choice = &answer.choices[0];
    let Body::Text(_, notes) = &choice.parts[0].body else { panic!("text") };
    let told: Vec<_> = notes.iter().map(|note| (note.url.as_deref(), note.title.as_deref(), note.span)).collect();
    let expected = [
        (Some("https://a"), Some("A"), Some((0, 6))),
        (Some("https://b"), None, Some((0, 6))),
        (Some("https://a"), Some("A"), Some((8, 12))),
        (Some("https://c"), None, Some((0, 6))),
    ];
    assert_eq!(told, expected);
    assert_eq!(choice.index, 1);
    assert_eq!(answer.usage.and_then(|usage| usage.web_searches), Some(2));
    let logprobs = value(choice.logprobs.as_ref().expect("probabilities"));
    assert_eq!(
        logprobs,
        json!({"content": [{"token": "Ä", "logprob": -0.1, "bytes": [195, 132], "top_logprobs": [
        {"token": "Ä", "logprob": -0.1, "bytes": [195, 132]}, {"token": "x", "logprob": -3, "bytes": [120]},
    ]}], "refusal": null})
    );
}

#[test]
fn an_answer_of_another_dialect() {
    let call = |kind, arguments: &'static str| {
        let arguments = Arguments::Text(arguments.into());
        Part::new(Body::ToolCall(ToolCall { id: Some("c1".into()), name: "f".into(), arguments, kind, item: None }))
    };
    let cited = Annotation {
        url: Some("https://a".into()),
        title: Some("A".into()),
        cited: Some("source".into()),
        span: Some((1, 3)),
        origin: (Dialect::Chat, Json::Null),
    };
    let thought = Part {
        signature: Some(Signature { origin: Dialect::Anthropic, value: "sig".into() }),
        ..Part::new(Body::Reasoning(Reasoning { text: "hm".into(), ..Reasoning::default() }))
    };
    let parts = vec![
        thought,
        Part::new(Body::Text("äöü".into(), vec![cited])),
        Part::new(Body::Refusal("no".into())),
        call(CallKind::Function, "{\"a\":1}"),
        call(CallKind::Function, "{\"cut"),
        call(CallKind::Custom, "ls"),
        Part::new(Body::Foreign(Dialect::Responses, Json::Null)),
    ];
    let stop = Stop { word: Some("tool_calls".into()), ..Stop::new(StopReason::ToolUse) };
    let choice = Choice { index: 0, parts, stop: Some(stop), logprobs: None, rest: Rest::none() };
    let usage = Usage { input: Some(5), cache_read: Some(2), output: Some(3), reasoning: Some(4), ..Usage::default() };
    let answer = Answer {
        id: None,
        model: None,
        created: Some(1),
        choices: vec![choice],
        usage: Some(usage),
        rest: Rest::none(),
    };
    let mut written = value(&answer::write(&answer, &TOLD));
    let signature = written["candidates"][0]["content"]["parts"][0]["thoughtSignature"].take();
    assert_eq!(
        written,
        json!({
            "candidates": [{
                "content": {"role": "model", "parts": [
                    {"text": "hm", "thought": true, "thoughtSignature": null},
                    {"text": "äöü"}, {"text": "no"},
                    {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
                    {"functionCall": {"id": "c1", "name": "f", "args": {"_raw": "{\"cut"}}},
                    {"functionCall": {"id": "c1", "name": "f", "args": {"input": "ls"}}},
                ]},
                "finishReason": "STOP", "index": 0,
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
                    "groundingSupports": [{
                        "segment": {"partIndex": 1, "startIndex": 2, "endIndex": 6, "text": "öü"}, "groundingChunkIndices": [0],
                    }],
                },
            }],
            "usageMetadata": {"promptTokenCount": 7, "cachedContentTokenCount": 2, "candidatesTokenCount": 3, "thoughtsTokenCount": 4,
                "totalTokenCount": 14},
            "modelVersion": "told-model", "responseId": "told-id",
        })
    );
    // And it comes back to whom it belongs.
    let back = json!({"contents": [{"role": "model", "parts": [{"text": "hm", "thought": true, "thoughtSignature": signature}]}]});
    let request = super::read_request(&back, "m").expect("read");
    assert_eq!(
        request.messages[0].parts[0].signature.as_ref().map(|signed| (signed.origin, signed.value.as_ref())),
        Some((Dialect::Anthropic, "sig"))
    );
}

#[test]
fn stops_of_others() {
    for (reason, word) in [
        (StopReason::End, "STOP"),
        (StopReason::StopSequence, "STOP"),
        (StopReason::ToolUse, "STOP"),
        (StopReason::Length, "MAX_TOKENS"),
        (StopReason::ContextWindow, "MAX_TOKENS"),
        (StopReason::Filter, "SAFETY"),
        (StopReason::Refusal, "SAFETY"),
        (StopReason::MalformedCall, "MALFORMED_FUNCTION_CALL"),
        (StopReason::Pause, "OTHER"),
        (StopReason::Other, "OTHER"),
    ] {
        let stop = Some(Stop { word: Some("content_filter".into()), ..Stop::new(reason) });
        let choice = Choice { index: 0, parts: Vec::new(), stop, logprobs: None, rest: Rest::none() };
        let answer =
            Answer { id: None, model: None, created: None, choices: vec![choice], usage: None, rest: Rest::none() };
        assert_eq!(value(&answer::write(&answer, &TOLD))["candidates"][0]["finishReason"], word);
    }
}
