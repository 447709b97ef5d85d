//! OpenAI's events and errors.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Tier, Usage};
use tollway_protocol::dialect::openai::{Chunk, classify, error_body, is_canonical_error, quick};
use tollway_protocol::dialect::{UpstreamError, parse_error};

const PLAIN: Chunk = Chunk::Content { finish: false, usage: None };
const FINISH: Chunk = Chunk::Content { finish: true, usage: None };

fn chunk(choices: &Value, more: &[(&str, Value)]) -> Vec<u8> {
    let mut chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": choices});
    for (name, value) in more {
        chunk[name] = value.clone();
    }
    chunk.to_string().into_bytes()
}

fn delta(delta: &Value) -> Vec<u8> {
    chunk(&json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]), &[])
}

fn usage(input: u64, output: u64) -> Box<Usage> {
    Box::new(Usage { input: Some(input), output: Some(output), ..Usage::default() })
}

/// Both looks must agree, but that the quick one takes a preamble for content.
fn both(data: &[u8], expected: &Chunk) {
    let shown = String::from_utf8_lossy(data);
    assert_eq!(&classify(data), expected, "{shown}");
    let quick = quick(data);
    assert!(&quick == expected || (*expected == Chunk::Preamble && quick == PLAIN), "{quick:?} for {shown}");
}

#[test]
fn preambles() {
    for empty in [
        json!({}),
        json!({"role": "assistant"}),
        json!({"role": "assistant", "content": ""}),
        json!({"role": "assistant", "content": null, "refusal": null, "reasoning": "", "tool_calls": []}),
        json!({"provider_specific_fields": {"a": null, "b": [{}]}, "prefix": false}),
        json!(null),
    ] {
        both(&delta(&empty), &Chunk::Preamble);
    }
    both(&chunk(&json!([]), &[("prompt_filter_results", json!([{"prompt_index": 0}]))]), &Chunk::Preamble);
    both(&chunk(&json!(null), &[]), &Chunk::Preamble);
    for keep_alive in [&b""[..], b"  ", b"{}", br#"{"type": "ping"}"#, br#"{"event":"heartbeat"}"#] {
        both(keep_alive, &Chunk::Preamble);
    }
    let counted = chunk(&json!([{"delta": {"role": "assistant"}}]), &[("usage", json!({"prompt_tokens": 5}))]);
    both(&counted, &Chunk::Preamble);
}

#[test]
fn content() {
    for full in [
        json!({"content": "x"}),
        json!({"content": "\"usage\": {\"error\": 1}, \"finish_reason\": \"stop\""}),
        json!({"content": "error"}),
        json!({"content": "usage"}),
        json!({"reasoning": "x"}),
        json!({"reasoning_content": "x", "content": null}),
        json!({"refusal": "no"}),
        json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}]}),
        json!({"function_call": {"name": "f"}}),
        json!({"audio": {"id": "a"}}),
        json!({"role": "assistant", "something_new": 1}),
    ] {
        both(&delta(&full), &PLAIN);
    }
    both(&chunk(&json!([{"index": 0, "text": "legacy", "finish_reason": null}]), &[]), &PLAIN);
    both(&chunk(&json!([{"delta": {}}, {"delta": {"content": "second"}}]), &[("usage", json!(null))]), &PLAIN);
    both(br#"{"type":"response.output_text.delta","delta":"x"}"#, &PLAIN);
    both(br#"{"value":"unknown"}"#, &PLAIN);
}

#[test]
fn finish_and_usage() {
    both(&chunk(&json!([{"delta": {}, "finish_reason": "stop"}]), &[]), &FINISH);
    both(br#"{"choices":[{"delta":{"content":"x"},"finish_reason" : "length"}]}"#, &FINISH);
    both(&chunk(&json!([{"delta": {}, "finish_reason": null}, {"delta": {}, "finish_reason": "stop"}]), &[]), &FINISH);
    let counted = [("usage", json!({"prompt_tokens": 3, "completion_tokens": 4}))];
    both(&chunk(&json!([]), &counted), &Chunk::UsageOnly(usage(3, 4)));
    let at_finish = chunk(&json!([{"delta": {}, "finish_reason": "stop"}]), &counted);
    both(&at_finish, &Chunk::Content { finish: true, usage: Some(usage(3, 4)) });
    let beside_nothing =
        chunk(&json!([{"delta": {"role": "assistant", "content": ""}, "finish_reason": null}]), &counted);
    both(&beside_nothing, &Chunk::Content { finish: false, usage: Some(usage(3, 4)) });
    let groq = [("x_groq", json!({"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}))];
    let expected = Chunk::Content { finish: true, usage: Some(usage(3, 4)) };
    both(&chunk(&json!([{"delta": {}, "finish_reason": "stop"}]), &groq), &expected);
    both(&chunk(&json!([]), &[("usage", json!({}))]), &Chunk::Preamble);
    let tier = [("service_tier", json!("flex")), counted[0].clone()];
    let flex = Usage { tier: Some(Tier::Flex), ..*usage(3, 4) };
    both(&chunk(&json!([]), &tier), &Chunk::UsageOnly(flex.into()));
}

#[test]
fn ends_and_rubbish() {
    both(b"[DONE]", &Chunk::Done);
    both(b" [DONE] ", &Chunk::Done);
    for rubbish in [&b"[]"[..], b"hello", b"{", b"[{\"choices\":[]}]", b"{}{}", b"null"] {
        both(rubbish, &Chunk::Malformed);
    }
}

#[test]
fn errors_in_a_stream() {
    let message = |data: &[u8]| match (classify(data), quick(data)) {
        (Chunk::Error(full), Chunk::Error(quick)) if full == quick => full.message,
        other => panic!("{other:?} for {}", String::from_utf8_lossy(data)),
    };
    assert_eq!(message(br#"{"error":{"message":"overloaded","type":"server_error"}}"#), "overloaded");
    assert_eq!(message(br#"{"error":"broken"}"#), "broken");
    assert_eq!(message(br#"{"object":"error","message":"too long","code":400}"#), "too long");
    assert_eq!(message(br#"{"detail":"Invalid API Key"}"#), "Invalid API Key");
    assert_eq!(message(br#"{"message":"throttled"}"#), "throttled");
    let beside =
        br#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"m"}}"#;
    assert_eq!(message(beside), "m");
    both(br#"{"choices":[{"delta":{"content":"x"}}],"error":null}"#, &PLAIN);
    both(br#"{"choices":[{"delta":{"content":"x"}}],"message":"beside"}"#, &PLAIN);
}

#[test]
fn error_forms() {
    let some = |text: &str| Some(text.to_owned());
    let of = |body: Value| parse_error(body.to_string().as_bytes()).expect("an error");
    let full = of(json!({"error": {"message": "m", "type": "t", "param": "p", "code": "c"}}));
    let expected =
        UpstreamError { message: "m".into(), kind: some("t"), param: some("p"), code: some("c"), ..Default::default() };
    assert_eq!(full, expected);
    let numbered = of(json!({"error": {"message": "m", "code": 429, "param": null}}));
    assert_eq!((numbered.code, numbered.status, numbered.param), (some("429"), Some(429), None));
    let google = of(json!([{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}]));
    assert_eq!((google.kind, google.status), (some("INVALID_ARGUMENT"), Some(400)));
    let text = of(json!({"code": "invalid-argument", "error": "text"}));
    assert_eq!((text.message.as_str(), text.code), ("text", some("invalid-argument")));
    let marked =
        of(json!({"object": "error", "message": {"detail": [{"msg": "a", "loc": []}, {"msg": "b"}]}, "type": "t"}));
    assert_eq!((marked.message.as_str(), marked.kind), ("a; b", some("t")));
    assert_eq!(of(json!({"object": "error", "code": 7})).message, "");
    assert_eq!(of(json!({"detail": [{"msg": "field required"}]})).message, "field required");
    let cohere = of(json!({"error_type": "TOO_MANY_TOKENS", "message": "m"}));
    assert_eq!((cohere.message.as_str(), cohere.kind), ("m", some("TOO_MANY_TOKENS")));
    assert_eq!(of(json!({"type": "error", "error": {"message": "m"}, "status_code": 529})).status, Some(529));
    assert_eq!(of(json!({"error": {"message": "m", "code": "200"}})).status, None);
    assert_eq!(of(json!({"error": {}})), UpstreamError::default());
    for none in ["", "Not Found", "{}", "[]", "null", r#"{"error":null}"#, r#"{"message":{"role":"assistant"}}"#] {
        assert_eq!(parse_error(none.as_bytes()), None, "{none}");
    }
}

#[test]
fn canonical_errors() {
    for (body, canonical) in [
        (r#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#, true),
        (r#"{"error":{"message":"m","type":null,"param":"p","code":null,"more":1},"request_id":"r"}"#, true),
        (r#"{"error":{"message":"m","type":"t","param":null}}"#, false),
        (r#"{"error":{"message":"m","type":"t","param":null,"code":400}}"#, false),
        (r#"{"error":{"message":null,"type":"t","param":null,"code":null}}"#, false),
        (r#"{"error":"m"}"#, false),
        ("oops", false),
    ] {
        assert_eq!(is_canonical_error(body.as_bytes()), canonical, "{body}");
    }
}

#[test]
fn error_bodies() {
    let body = error_body("say \"hi\"\n", "invalid_request_error", Some("messages[0]"), None);
    let expected =
        r#"{"error":{"message":"say \"hi\"\n","type":"invalid_request_error","param":"messages[0]","code":null}}"#;
    assert_eq!(String::from_utf8_lossy(&body), expected);
    assert!(is_canonical_error(&body));
    let back = parse_error(&body).expect("an error");
    assert_eq!((back.message.as_str(), back.param.as_deref(), back.code), ("say \"hi\"\n", Some("messages[0]"), None));
}
