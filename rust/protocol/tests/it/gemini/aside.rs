//! Errors, tokens, counts and embeddings.

use bytes::BytesMut;
use serde_json::{Value, json};
use tollway_protocol::canonical::{Embedding, Embeddings, EmbeddingsRequest, Input, Losses, Rest, Usage, Vector};
use tollway_protocol::dialect::gemini::{count, embeddings, error, usage};
use tollway_protocol::dialect::{Dialect, ErrorTold, Wanted};

use super::{head, leaked, value};

pub(super) fn told(status: u16, message: &str) -> Value {
    let told = ErrorTold { status, message, kind: "t", param: Some("p"), code: Some("c"), request_id: "r" };
    let body = error::write(&told);
    let mut event = BytesMut::new();
    error::event(&told, &mut event);
    assert_eq!(event, [b"data: ", body.as_slice(), b"\r\n\r\n"].concat());
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn errors() {
    for (status, word) in [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ] {
        assert_eq!(told(status, "a\"b"), json!({"error": {"code": status, "message": "a\"b", "status": word}}));
    }
}

#[test]
fn tokens_are_in_one_bucket_each() {
    let counted = json!({
        "promptTokenCount": 100, "cachedContentTokenCount": 30, "candidatesTokenCount": 20, "thoughtsTokenCount": 5,
        "toolUsePromptTokenCount": 7, "totalTokenCount": 132,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}, {"modality": "AUDIO", "tokenCount": 40}, {"modality": 2, "tokenCount": 10}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}, {"modality": "TEXT", "tokenCount": 15}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 12}, {"modality": "TEXT", "tokenCount": 8}],
    });
    let read = usage::read(&leaked(&counted)).expect("counted");
    assert_eq!(
        read,
        Usage {
            input: Some(35),
            cache_read: Some(15),
            audio_cache_read: Some(15),
            audio_input: Some(25),
            image_input: Some(10),
            tool_input: Some(7),
            output: Some(8),
            image_output: Some(12),
            reasoning: Some(5),
            ..Usage::default()
        }
    );
    assert_eq!((read.all_input(), read.all_output()), (Some(107), Some(25)));
    // Nothing is made up, nothing falls below zero, and a total that is no sum is kept.
    assert_eq!(usage::read(&leaked(&json!({}))), Some(Usage::default()));
    assert_eq!(usage::read(&leaked(&json!([]))), None);
    let odd = usage::read(&leaked(&json!({"promptTokenCount": 1, "cachedContentTokenCount": 5, "totalTokenCount": 9})))
        .unwrap();
    assert_eq!((odd.input, odd.total), (Some(0), Some(9)));
    let written = value(&usage::write(&Usage {
        input: Some(1),
        cache_write: Some(2),
        cache_write_1h: Some(3),
        ..Usage::default()
    }));
    assert_eq!(written, json!({"promptTokenCount": 6, "totalTokenCount": 6}));
}

#[test]
fn counts() {
    let written = |document: &Value| {
        let request = count::read(leaked(document), head("m")).expect("read");
        value(&count::write(&request, &Wanted::new("m"), &mut Losses::default()).expect("written"))
    };
    let contents = json!([{"role": "user", "parts": [{"text": "x"}]}]);
    let bare = json!({"contents": contents});
    assert_eq!(written(&bare), bare);
    let vertex = json!({"contents": contents, "systemInstruction": {"parts": [{"text": "s"}]}, "labels": {}});
    assert_eq!(written(&vertex), vertex);
    let wrapped = json!({"generateContentRequest": {"model": "models/m", "contents": contents}});
    assert_eq!(written(&wrapped), wrapped);
    let missing = count::read(leaked(&json!({"generateContentRequest": {"contents": 4}})), head("m")).unwrap_err();
    assert_eq!(missing.param, "generateContentRequest.contents");
    let tokens = count::read_answer(leaked(&json!({"totalTokens": 9, "cachedContentTokenCount": 4}))).expect("a count");
    assert_eq!((tokens.input, tokens.cache_read, tokens.total), (Some(5), Some(4), None));
    assert_eq!(value(&count::write_answer(&tokens)), json!({"totalTokens": 9, "cachedContentTokenCount": 4}));
    assert_eq!(count::read_answer(leaked(&json!({}))).unwrap_err().param, "totalTokens");
}

#[test]
fn embedding_one_and_several() {
    let kept = |document: &Value| {
        let request = embeddings::read(leaked(document), head("e")).expect("read");
        let again = embeddings::write(&request, &Wanted::new("e"), &mut Losses::default()).expect("written");
        assert_eq!(&value(&again), document);
        request
    };
    let one = |text: &str| {
        json!({"model": "models/e", "content": {"parts": [{"text": text}]}, "taskType": "RETRIEVAL_DOCUMENT",
        "title": "t", "outputDimensionality": 8, "autoTruncate": true})
    };
    assert!(!embeddings::is_batch(&kept(&one("a"))));
    let several = kept(&json!({"requests": [one("a"), one("b")]}));
    assert_eq!(several.inputs, [Input::Text("a".into()), Input::Text("b".into())]);
    assert!(embeddings::is_batch(&kept(&json!({"requests": [one("a")]}))));
    let picture = json!({"inlineData": {"mimeType": "image/png", "data": "iVBO"}});
    let mixed = kept(&json!({"model": "models/e", "content": {"parts": [{"text": "a"}, picture]}}));
    assert!(matches!(mixed.inputs.as_slice(), [Input::Parts(parts)] if parts.len() == 2));
    let mut other = one("b");
    other["taskType"] = "CLUSTERING".into();
    let differs = embeddings::read(leaked(&json!({"requests": [one("a"), other]})), head("e")).unwrap_err();
    assert_eq!(differs.param, "requests[1]");
    assert_eq!(embeddings::read(leaked(&json!({"requests": []})), head("e")).unwrap_err().param, "requests");
}

#[test]
fn embeddings_for_and_from_others() {
    let asked = |inputs| EmbeddingsRequest {
        model: "m".into(),
        inputs,
        dimensions: None,
        base64: true,
        task: None,
        title: None,
        user: Some("u".into()),
        rest: Rest::none(),
    };
    let mut losses = Losses::default();
    let written = embeddings::write(
        &asked(vec![Input::Text("a".into()), Input::Text("b".into())]),
        &Wanted::new("e"),
        &mut losses,
    );
    let one = |text: &str| json!({"model": "models/e", "content": {"parts": [{"text": text}]}});
    assert_eq!(value(&written.expect("written")), json!({"requests": [one("a"), one("b")]}));
    assert_eq!(losses.names(), ["user"]);
    let tokens = embeddings::write(&asked(vec![Input::Tokens(vec![1])]), &Wanted::new("e"), &mut losses);
    assert_eq!(tokens.unwrap_err().param, "input[0]");
    let bytes = [1.5f32, -2.0].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let answer = Embeddings {
        model: None,
        usage: None,
        rest: Rest::new(Dialect::Chat, tollway_protocol::json::Members::new().with("object", "list")),
        data: vec![Embedding { index: 0, vector: Vector::Base64(data.into()) }],
    };
    assert_eq!(value(&embeddings::write_answer(&answer, false)), json!({"embedding": {"values": [1.5, -2]}}));
    let read = embeddings::read_answer(leaked(
        &json!({"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 2}}),
    ))
    .unwrap();
    assert_eq!((read.data.len(), read.usage.and_then(|usage| usage.input)), (1, Some(2)));
}
