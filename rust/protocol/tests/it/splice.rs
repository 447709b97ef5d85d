//! The client's body made the upstream's.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollway_protocol::{
    peek::peek,
    splice::{ModelJson, Segments, for_upstream},
};

use super::json;

fn spliced(body: &str, model: &str, ask_usage: bool) -> Segments {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let found = peek(&body).expect("well-formed");
    for_upstream(&body, &found, &ModelJson::new(model), ask_usage)
}

fn text(body: &str, model: &str, ask_usage: bool) -> String {
    String::from_utf8(spliced(body, model, ask_usage).to_bytes().to_vec()).expect("text")
}

#[test]
fn model() {
    assert_eq!(text(r#"{ "model" : "a" , "n":1.0}"#, "gpt-4o", true), r#"{ "model" : "gpt-4o" , "n":1.0}"#);
    assert_eq!(text(r#"{"mod\u0065l":"a"}"#, "q\"uote\n", true), r#"{"mod\u0065l":"q\"uote\n"}"#);
    assert_eq!(text(r#"{"x":1}"#, "b", true), r#"{"x":1}"#);
}

#[test]
fn usage() {
    for (body, expected) in [
        (r#"{"stream":true}"#, r#"{"stream_options":{"include_usage":true},"stream":true}"#),
        (r#" { "stream":true}"#, r#" {"stream_options":{"include_usage":true}, "stream":true}"#),
        (r#"{"stream":true,"stream_options":null}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (r#"{"stream_options":{ },"stream":true}"#, r#"{"stream_options":{"include_usage":true },"stream":true}"#),
        (
            r#"{"stream_options":{"a":1},"stream":true}"#,
            r#"{"stream_options":{"include_usage":true,"a":1},"stream":true}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":false},"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"{"stream_options":{"include_usage": null},"stream":true}"#,
            r#"{"stream_options":{"include_usage": true},"stream":true}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (r#"{"stream":false}"#, r#"{"stream":false}"#),
        (r#"{"stream":null,"stream_options":null}"#, r#"{"stream":null,"stream_options":null}"#),
    ] {
        assert_eq!(text(body, "m", true), expected);
        assert_eq!(text(body, "m", false), body);
    }
}

#[test]
fn both_in_either_order() {
    let after = r#"{"model":"a","stream":true,"stream_options":{"include_usage":false}}"#;
    assert_eq!(
        text(after, "long-name", true),
        r#"{"model":"long-name","stream":true,"stream_options":{"include_usage":true}}"#
    );
    let before = r#"{"stream_options":null,"stream":true,"model":"aaaaa"}"#;
    assert_eq!(text(before, "b", true), r#"{"stream_options":{"include_usage":true},"stream":true,"model":"b"}"#);
}

#[test]
fn unchanged_is_uncopied() {
    let body = Bytes::from_static(br#"{"model":"same","stream":false}"#);
    let segments = for_upstream(&body, &peek(&body).expect("well-formed"), &ModelJson::new("same"), true);
    assert_eq!((segments.as_slice().len(), &segments.as_slice()[0]), (1, &body));
    assert_eq!(segments.as_slice()[0].as_ptr(), body.as_ptr());
}

#[test]
fn large_is_uncopied_and_small_is_whole() {
    let of_size = |pad: usize| {
        Bytes::from(format!(r#"{{"a":"{}","model":"x","stream":true,"z":"{}"}}"#, "p".repeat(pad), "q".repeat(pad)))
    };
    let splice = |body: &Bytes| for_upstream(body, &peek(body).expect("well-formed"), &ModelJson::new("y"), true);
    let body = of_size(9000);
    let segments = splice(&body);
    assert_eq!(segments.as_slice().len(), 5);
    assert_eq!(segments.len(), segments.as_slice().iter().map(Bytes::len).sum::<usize>());
    assert_eq!(segments.as_slice()[2].as_ptr(), body[1..].as_ptr());
    assert_eq!(segments.to_bytes().len(), segments.len());
    let joined: Vec<u8> = segments.clone().into_iter().flatten().collect();
    assert_eq!(joined, segments.to_bytes());
    let small = splice(&of_size(100));
    assert_eq!((small.as_slice().len(), small.is_empty()), (1, false));
}

/// The bound on what is copied, to the byte.
#[test]
fn contiguous_up_to_16_kib() {
    for (len, parts) in [(16 * 1024, 1), (16 * 1024 + 1, 3)] {
        let frame = r#"{"model":"ab","a":""}"#.len();
        let body = Bytes::from(format!(r#"{{"model":"ab","a":"{}"}}"#, "x".repeat(len - frame)));
        let segments = for_upstream(&body, &peek(&body).expect("well-formed"), &ModelJson::new("cd"), false);
        assert_eq!((segments.len(), segments.as_slice().len()), (len, parts));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_but_for_what_is_named(body in json::body(), pad in prop::sample::select(vec![0, 20_000]), name in ".{0,12}", ask in any::<bool>()) {
        let body = format!("{}{body}", " ".repeat(pad));
        prop_assume!(peek(body.as_bytes()).is_ok());
        let mut expected: Value = serde_json::from_str(&body).expect("JSON");
        let members = expected.as_object_mut().expect("object");
        if let Some(model) = members.get_mut("model") {
            *model = json!(name);
        }
        if ask && members.get("stream") == Some(&json!(true)) {
            let options = members.entry("stream_options").or_insert_with(|| json!({}));
            if options.is_null() {
                *options = json!({});
            }
            options["include_usage"] = json!(true);
        }
        let segments = spliced(&body, &name, ask);
        prop_assert!(segments.as_slice().iter().all(|part| !part.is_empty()));
        let whole = segments.to_bytes();
        prop_assert_eq!(whole.len(), segments.len());
        // Strictly: no key may have been doubled.
        prop_assert!(peek(&whole).is_ok());
        prop_assert_eq!(serde_json::from_slice::<Value>(&whole).expect("JSON"), expected);
    }
}
