//! What is no document of Google's.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::gemini::{answer, count, embeddings, request, stream, usage};
use tollway_protocol::dialect::{ReadStream, Wanted};
use tollway_protocol::json::Json;

use super::{TOLD, events_of, head, read_answer, read_request, written};

#[test]
fn wrong_types_are_told_by_their_path() {
    let part = |part: Value| json!({"contents": [{"role": "user", "parts": [part]}]});
    let cases = [
        (json!([]), "body"),
        (json!({}), "contents"),
        (json!({"contents": "hi"}), "contents"),
        (json!({"contents": ["hi"]}), "contents[0]"),
        (json!({"contents": [{"role": 4}]}), "contents[0].role"),
        (json!({"contents": [{"parts": "hi"}]}), "contents[0].parts"),
        (part(json!({"text": 4})), "contents[0].parts[0].text"),
        (part(json!({"text": "a", "thought": "yes"})), "contents[0].parts[0].thought"),
        (part(json!({"inline_data": "x"})), "contents[0].parts[0].inlineData"),
        (part(json!({"fileData": {}})), "contents[0].parts[0].fileData.fileUri"),
        (part(json!({"functionCall": {"args": {}}})), "contents[0].parts[0].functionCall.name"),
        (part(json!({"functionCall": {"name": "f", "args": "{}"}})), "contents[0].parts[0].functionCall.args"),
        (
            part(json!({"functionResponse": {"name": "f", "response": "x"}})),
            "contents[0].parts[0].functionResponse.response",
        ),
        (json!({"contents": [], "tools": 1}), "tools"),
        (json!({"contents": [], "tools": [{"functionDeclarations": [{}]}]}), "tools[0].functionDeclarations[0].name"),
        (
            json!({"contents": [], "toolConfig": {"functionCallingConfig": {"mode": true}}}),
            "toolConfig.functionCallingConfig.mode",
        ),
        (json!({"contents": [], "generationConfig": {"maxOutputTokens": -1}}), "generationConfig.maxOutputTokens"),
        (json!({"contents": [], "generationConfig": {"temperature": "hot"}}), "generationConfig.temperature"),
        (json!({"contents": [], "generationConfig": {"stopSequences": [1]}}), "generationConfig.stopSequences[0]"),
        (
            json!({"contents": [], "generationConfig": {"thinkingConfig": {"thinkingBudget": -2}}}),
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
        (json!({"contents": [], "generationConfig": {"topK": 1, "top_k": 2}}), "generationConfig.topK"),
    ];
    for (document, path) in cases {
        let invalid = read_request(&document, "m").expect_err(path);
        assert_eq!(invalid.param, path);
        assert!(invalid.message.ends_with('.'));
    }
    assert_eq!(read_answer(&json!({"candidates": [{"content": []}]})).unwrap_err().param, "candidates[0].content");
    assert_eq!(
        read_answer(&json!({"candidates": [{"finishReason": {}}]})).unwrap_err().param,
        "candidates[0].finishReason"
    );
    assert_eq!(read_answer(&json!("x")).unwrap_err().param, "body");
}

#[test]
fn what_is_no_json_ends_a_stream() {
    for bad in [&b"<html>"[..], b"{", b"{}{}", b"4", b"\"x\"", b"{\"candidates\":4}"] {
        assert!(events_of([bad], true).is_err(), "{}", String::from_utf8_lossy(bad));
    }
    assert_eq!(events_of([&b""[..], b" ", b"[DONE]"], true), Ok(Vec::new()));
}

#[test]
fn large_and_deep() {
    let long = "é\n".repeat(500_000);
    let document = json!({"contents": [{"role": "user", "parts": [{"text": long}]}]});
    assert_eq!(super::write_request(&read_request(&document, "m").unwrap(), "m").unwrap().0, document);
    let mut deep = json!({"type": "STRING"});
    for _ in 0..25 {
        deep = json!({"type": "OBJECT", "properties": {"a": deep}});
    }
    let document = json!({"contents": [], "tools": [{"functionDeclarations": [{"name": "f", "parameters": deep}]}]});
    assert_eq!(super::write_request(&read_request(&document, "m").unwrap(), "m").unwrap().0, document);
}

/// JSON in which the dialect's names are common.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "STOP",
        "model",
        "user",
        "x",
        "",
        "text/plain",
        "ANY",
        "application/json",
        "-1",
        "AA==",
        "gs://b/f.png",
        "LOW",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "contents",
        "parts",
        "role",
        "text",
        "thought",
        "thoughtSignature",
        "inlineData",
        "inline_data",
        "mimeType",
        "data",
        "fileData",
        "fileUri",
        "functionCall",
        "functionResponse",
        "name",
        "args",
        "response",
        "id",
        "candidates",
        "content",
        "finishReason",
        "index",
        "usageMetadata",
        "promptTokenCount",
        "groundingMetadata",
        "groundingChunks",
        "web",
        "uri",
        "groundingSupports",
        "segment",
        "endIndex",
        "groundingChunkIndices",
        "logprobsResult",
        "chosenCandidates",
        "tools",
        "functionDeclarations",
        "parameters",
        "type",
        "properties",
        "items",
        "anyOf",
        "nullable",
        "enum",
        "generationConfig",
        "thinkingConfig",
        "thinkingBudget",
        "responseSchema",
        "responseMimeType",
        "toolConfig",
        "functionCallingConfig",
        "mode",
        "allowedFunctionNames",
        "systemInstruction",
        "promptFeedback",
        "blockReason",
        "error",
        "message",
        "requests",
        "values",
        "embedding",
        "totalTokens",
        "generateContentRequest",
        "candidate",
        "citationMetadata",
        "citations",
        "googleSearch",
    ]);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn parsed(bytes: &[u8]) -> Json<'_> {
    Json::parse(bytes).expect("JSON")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, nothing panics; and what is read is written as something that reads the same again.
    #[test]
    fn any_document(mut document in any_json(), contents in any_json(), candidates in any_json()) {
        if let Value::Object(members) = &mut document {
            members.insert("contents".to_owned(), contents);
            members.insert("candidates".to_owned(), candidates);
        }
        let bytes = document.to_string().into_bytes();
        for model in ["gemini-2.5-flash", "gemini-3.5-flash"] {
            if let Ok(read) = request::read(parsed(&bytes), head(model)) {
                let mut losses = Losses::default();
                if let Ok(again) = request::write(&read, &Wanted::new(model), &mut losses) {
                    let again = again.to_bytes();
                    prop_assert!(request::read(parsed(&again), head(model)).is_ok());
                }
            }
        }
        if let Ok(read) = answer::read(parsed(&bytes)) {
            let again = answer::write(&read, &TOLD).to_bytes();
            prop_assert!(answer::read(parsed(&again)).is_ok(), "{}", String::from_utf8_lossy(&again));
        }
        let _ = usage::read(&parsed(&bytes)).map(|read| usage::write(&read));
        let _ = count::read(parsed(&bytes), head("m"));
        let _ = count::read_answer(parsed(&bytes));
        let _ = embeddings::read_answer(parsed(&bytes)).map(|read| embeddings::write_answer(&read, true).to_bytes());
        let _ = embeddings::read(parsed(&bytes), head("m"));
        if let Ok(events) = events_of([bytes.as_slice(), bytes.as_slice()], true) {
            let _ = written(&events, stream::Writer::new(&TOLD));
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = stream::Reader::default().read(&bytes, &mut |_| {});
    }
}

#[test]
fn what_is_shown_of_a_stop_is_kept_from_hostile_words() {
    let document = json!({"candidates": [{"finishReason": "x\r\n\r\ndata: {}"}]});
    let events = events_of([document.to_string().as_bytes()], true).expect("read");
    let bytes = written(&events, stream::Writer::new(&TOLD));
    assert_eq!(super::data_of(&bytes, 1).len(), 1);
}
