//! Embeddings: both forms of vectors, and each into the other.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollway_protocol::canonical::{Embedding, Embeddings, EmbeddingsRequest, Input, Losses, Rest, Usage, Vector};
use tollway_protocol::dialect::openai::embeddings;
use tollway_protocol::dialect::{Dialect, Head, Wanted};
use tollway_protocol::json::Members;

use super::{TOLD, parse, tree};

fn read(body: Value) -> Result<Vec<Input<'static>>, String> {
    let text = body.to_string();
    let read = embeddings::read_request(parse(&text), Head::default()).map_err(|invalid| invalid.param)?;
    let own = |input| match input {
        Input::Text(text) => Input::Text(std::borrow::Cow::into_owned(text).into()),
        Input::Tokens(tokens) => Input::Tokens(tokens),
        Input::Parts(_) => unreachable!("chat has none"),
    };
    Ok(read.inputs.into_iter().map(own).collect())
}

#[test]
fn inputs() {
    let of = |input: Value| read(json!({"model": "m", "input": input}));
    assert_eq!(of(json!("a")), Ok(vec![Input::Text("a".into())]));
    assert_eq!(of(json!([1, 2])), Ok(vec![Input::Tokens(vec![1, 2])]));
    assert_eq!(of(json!([[1], "b"])), Ok(vec![Input::Tokens(vec![1]), Input::Text("b".into())]));
    assert_eq!(of(json!([])), Err("input".into()));
    assert_eq!(of(json!(null)), Err("input".into()));
    assert_eq!(of(json!(["a", {}])), Err("input[1]".into()));
    assert_eq!(of(json!([1, "a"])), Err("input[1]".into()));
    assert_eq!(of(json!([["a"]])), Err("input[0][0]".into()));
    assert_eq!(read(json!({"input": "a"})), Err("model".into()));
}

/// Gemini's request: one of several, with a task.
#[test]
fn what_another_dialect_says() {
    let request = EmbeddingsRequest {
        model: "x".into(),
        inputs: vec![Input::Text("a".into())],
        dimensions: Some(3),
        base64: true,
        task: Some("RETRIEVAL_QUERY".into()),
        title: None,
        user: None,
        rest: Rest::new(Dialect::Gemini, Members::new().with("autoTruncate", true)),
    };
    let mut losses = Losses::default();
    let written = tree(&embeddings::write_request(&request, &Wanted::new("m"), &mut losses));
    assert_eq!(written, json!({"model": "m", "input": ["a"], "dimensions": 3, "encoding_format": "base64"}));
    assert_eq!(losses.names(), ["autoTruncate", "task"]);
}

fn answer(vector: Vector<'_>) -> Embeddings<'_> {
    let usage = Some(Usage { input: Some(4), ..Usage::default() });
    Embeddings { model: None, data: vec![Embedding { index: 0, vector }], usage, rest: Rest::none() }
}

#[test]
fn vectors_in_the_form_that_is_wanted() {
    let numbers = || Vector::Numbers(vec!["1.0".into(), "-0.5".into(), "1e-3".into()]);
    let written = tree(&embeddings::write(&answer(numbers()), true, &TOLD).expect("a vector"));
    assert_eq!(
        written,
        json!({
            "object": "list", "model": "told-model", "usage": {"prompt_tokens": 4, "total_tokens": 4},
            "data": [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAL9vEoM6"}],
        })
    );
    let base64 = Vector::Base64("AACAPwAAAL9vEoM6".into());
    let written = embeddings::write(&answer(base64), false, &TOLD).expect("a vector").to_text();
    assert!(written.contains("\"embedding\":[1,-0.5,0.001]"), "{written}");
    assert_eq!(
        tree(&embeddings::write(&answer(numbers()), false, &TOLD).expect("a vector"))["data"][0]["embedding"][0],
        1.0
    );
}

#[test]
fn what_is_no_vector() {
    for (vector, base64) in [
        (Vector::Base64("AAA".into()), false),
        (Vector::Base64("AAAAAAA=".into()), false),
        (Vector::Base64("AADAfw==".into()), false),
        (Vector::Numbers(vec!["1e99".into()]), true),
    ] {
        let refused = embeddings::write(&answer(vector), base64, &TOLD).expect_err("no vector");
        assert_eq!(refused.param, "data[0].embedding");
    }
    for body in [r#"{"data":[{"embedding":[1,"a"]}]}"#, r#"{"data":[{}]}"#, "{}", r#"{"error":{"message":"no"}}"#] {
        assert!(embeddings::read(parse(body)).is_err(), "{body}");
    }
}

proptest! {
    #[test]
    fn floats_survive(floats in prop::collection::vec(any::<f32>().prop_filter("finite", |float| float.is_finite()), 0..40)) {
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        let base64 = Vector::Base64(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes).into());
        let numbers = Vector::Numbers(base64.to_numbers().expect("floats"));
        prop_assert_eq!(numbers.to_base64().map(Vector::Base64), Some(base64));
        // They are numbers as JSON has them.
        let Vector::Numbers(texts) = &numbers else { return Ok(()) };
        let parsed: Vec<f64> = serde_json::from_str(&format!("[{}]", texts.join(","))).expect("JSON");
        prop_assert_eq!(parsed.len(), floats.len());
    }
}
