//! Embeddings, of callers of `OpenAI`'s and Gemini's endpoints.

use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::{Head, Wanted, cohere, gemini, openai};

use super::{TOLD, json};

/// What goes to Cohere for what a caller of `OpenAI`'s endpoint said, and what is lost.
fn of_openai(body: &str) -> Result<(String, Vec<String>), String> {
    let request = openai::embeddings::read_request(json(body), Head::default()).unwrap();
    let mut losses = Losses::default();
    let written = cohere::embeddings::write(&request, &Wanted::new("embed-v4.0"), &mut losses);
    let written = written.map_err(|invalid| invalid.param)?.to_text();
    Ok((written, losses.names().iter().map(ToString::to_string).collect()))
}

#[test]
fn what_an_embedding_is_for_is_always_said() {
    for (said, sent) in [
        ("", "search_document"),
        (r#","input_type":"search_query""#, "search_query"),
        (r#","input_type":"query""#, "search_query"),
        (r#","task":"retrieval.passage""#, "search_document"),
        (r#","task":"separation""#, "clustering"),
        (r#","input_type":"image""#, "image"),
    ] {
        let (written, losses) = of_openai(&format!(r#"{{"model":"m","input":"a"{said}}}"#)).unwrap();
        let expected =
            format!(r#"{{"model":"embed-v4.0","input_type":"{sent}","embedding_types":["float"],"texts":["a"]}}"#);
        assert_eq!((written, losses), (expected, vec![]));
    }
    let (written, losses) = of_openai(
        r#"{"model":"m","input":["a","b"],"dimensions":256,"user":"u","encoding_format":"base64","truncate":"END","mood":1}"#,
    )
    .unwrap();
    assert_eq!(losses, ["user", "mood"]);
    assert_eq!(
        written,
        r#"{"model":"embed-v4.0","input_type":"search_document","embedding_types":["float"],"output_dimension":256,"truncate":"END","texts":["a","b"]}"#
    );
    assert_eq!(of_openai(r#"{"model":"m","input":[[1,2]]}"#), Err("input[0]".to_owned()));
}

#[test]
fn gemini_says_it_in_other_words() {
    let sent = |body: &str| {
        let head = Head { model: Some("m"), stream: false };
        let request = gemini::embeddings::read(json(body), head).unwrap();
        let written = cohere::embeddings::write(&request, &Wanted::new("e"), &mut Losses::default());
        written.map(|json| json.to_text()).map_err(|invalid| invalid.param)
    };
    let text = sent(r#"{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":64}"#);
    assert_eq!(
        text.as_deref(),
        Ok(
            r#"{"model":"e","input_type":"search_query","embedding_types":["float"],"output_dimension":64,"texts":["a"]}"#
        )
    );
    let mixed =
        sent(r#"{"content":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]}}"#);
    assert_eq!(
        mixed.as_deref(),
        Ok(
            r#"{"model":"e","input_type":"search_document","embedding_types":["float"],"inputs":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}"#
        )
    );
    let sound = sent(r#"{"content":{"parts":[{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}}]}}"#);
    assert_eq!(sound, Err("input[0]".to_owned()));
}

#[test]
fn vectors_by_type_or_alone() {
    for vectors in [r#"{"float":[[0.5,-1e-3],[1,2]]}"#, "[[0.5,-1e-3],[1,2]]"] {
        let body = format!(
            r#"{{"id":"e","embeddings":{vectors},"meta":{{"billed_units":{{"input_tokens":3,"image_tokens":2}}}}}}"#
        );
        let answer = cohere::embeddings::read(json(&body)).unwrap();
        let usage = answer.usage.unwrap();
        assert_eq!((usage.input, usage.image_input), (Some(3), Some(2)));
        let written = openai::embeddings::write(&answer, false, &TOLD).unwrap().to_text();
        assert!(written.contains(r#""embedding":[0.5,-1e-3]"#) && written.contains(r#""index":1"#), "{written}");
    }
    for bad in ["{}", r#"{"embeddings":7}"#, r#"{"embeddings":{"int8":[[1]]}}"#, r#"{"embeddings":[["a"]]}"#] {
        assert!(cohere::embeddings::read(json(bad)).is_err(), "{bad}");
    }
}
