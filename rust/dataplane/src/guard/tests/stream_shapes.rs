//! Streamed answers of many shapes: choices, tool calls, reasoning, events of other kinds.

use bytes::BytesMut;
use serde_json::{Value, json};
use tollway_protocol::dialect::Dialect;

use super::{cuts, data_of, event, guards, joined, masking, parsed, restoring, run};
use crate::guard::{Action, Memory, On};

fn masked_stream(events: &[String]) -> String {
    let (out, result) = run(&mut masking().stream(Memory::default()), events);
    result.unwrap();
    out
}

/// The arguments of each tool call, as a client that joins by index has them.
fn arguments(stream: &str) -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    for event in parsed(stream) {
        for call in event["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            calls.resize(calls.len().max(index + 1), String::new());
            calls[index].push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    calls
}

fn call(index: u64, arguments: &str) -> String {
    event(&json!({ "tool_calls": [{ "index": index, "function": { "arguments": arguments } }] }), None)
}

#[test]
fn tool_calls_are_told_by_their_index_and_stay_json() {
    let (one, two) = (r#"{"to":"joe@x.com","card":4111111111111111}"#, r#"{"q":"call \"415-555-2671\""}"#);
    for (first, second) in cuts(one) {
        for (third, fourth) in cuts(two) {
            let events = [
                event(
                    &json!({ "tool_calls": [{ "index": 0, "id": "c1", "type": "function", "function": { "name": "f", "arguments": "" } }] }),
                    None,
                ),
                event(
                    &json!({ "tool_calls": [{ "index": 1, "id": "c2", "type": "function", "function": { "name": "g", "arguments": "" } }] }),
                    None,
                ),
                call(0, first),
                call(1, third),
                call(0, second),
                call(1, fourth),
                event(&json!({}), Some("tool_calls")),
            ];
            let out = masked_stream(&events);
            assert_eq!(
                arguments(&out),
                [r#"{"to":"[EMAIL_1]","card":"[CARD_1]"}"#, r#"{"q":"call \"[PHONE_1]\""}"#],
                "{first}|{second} {third}|{fourth}"
            );
            assert_eq!(out.matches("\"c1\"").count() + out.matches("\"name\":\"f\"").count(), 2);
        }
    }
}

#[test]
fn held_arguments_are_released_under_their_index() {
    let events = [call(0, "{}"), call(3, "joe"), event(&json!({}), Some("tool_calls"))];
    let out = masked_stream(&events);
    let released = &parsed(&out)[2]["choices"][0];
    assert_eq!(
        *released,
        json!({ "index": 0, "delta": { "tool_calls": [{ "index": 3, "function": { "arguments": "joe" } }] }, "finish_reason": null })
    );
}

#[test]
fn restored_arguments_are_restored_at_every_cut() {
    let mut memory = Memory::default();
    let request = json!({ "messages": [{ "content": "a@x.com" }] }).to_string();
    restoring().input(Dialect::Chat, request.as_bytes(), &mut memory).unwrap();
    let text = r#"{"to":"[EMAIL_1]"}"#;
    for (first, second) in cuts(text) {
        let mut memory = Memory::default();
        restoring().input(Dialect::Chat, request.as_bytes(), &mut memory).unwrap();
        let (out, _) = run(&mut restoring().stream(memory), &[call(0, first), call(0, second)]);
        assert_eq!(arguments(&out), [r#"{"to":"a@x.com"}"#]);
    }
}

#[test]
fn choices_do_not_mix() {
    let choice = |index: u64, content: &str, finish: Option<&str>| {
        format!(
            "data: {}\n\n",
            json!({ "choices": [{ "delta": { "content": content }, "index": index, "finish_reason": finish }] })
        )
    };
    let events = [
        choice(0, "I am jo", None),
        choice(1, "@x.com is 41", None),
        choice(0, "e@y.com", None),
        choice(1, "5-555-2671", Some("stop")),
        choice(0, "", Some("stop")),
    ];
    let mut texts = [String::new(), String::new()];
    for event in parsed(&masked_stream(&events)) {
        let choice = &event["choices"][0];
        texts[usize::try_from(choice["index"].as_u64().unwrap()).unwrap()]
            .push_str(choice["delta"]["content"].as_str().unwrap());
    }
    assert_eq!(texts, ["I am [EMAIL_1]", "@x.com is [PHONE_1]"]);
}

#[test]
fn reasoning_that_is_held_goes_out_before_the_answer() {
    let reasoning = |text: &str| event(&json!({ "reasoning_content": text }), None);
    let content = |text: &str| event(&json!({ "content": text }), None);
    let events = [
        reasoning("Ask joe@x.com"),
        reasoning(" so"),
        content("Hi"),
        content(" you."),
        event(&json!({}), Some("stop")),
    ];
    let out = masked_stream(&events);
    let order: Vec<Value> = parsed(&out).into_iter().map(|event| event["choices"][0]["delta"].clone()).collect();
    assert_eq!(order[2], json!({ "reasoning_content": "so" }));
    assert_eq!(joined(&out, "/reasoning_content"), "Ask [EMAIL_1] so");
    assert_eq!(joined(&out, "/content"), "Hi you.");
    // An empty text does not begin the answer.
    let both = |reasoning: &str| event(&json!({ "reasoning_content": reasoning, "content": "" }), None);
    assert_eq!(joined(&masked_stream(&[both("jo"), both("e@x.com")]), "/reasoning_content"), "[EMAIL_1]");
}

#[test]
fn fields_without_a_name_here_are_guarded_too() {
    let events = ["jo", "e@x.com"].map(|piece| event(&json!({ "extra": [{ "deep": { "text": piece } }] }), None));
    assert_eq!(joined(&masked_stream(&events), "/extra/0/deep/text"), "[EMAIL_1]");
    let events = ["jo", "e@x.com"]
        .map(|piece| event(&json!({ "details": [{ "index": 4, "format": "v1", "text": piece }] }), None));
    let out = masked_stream(&events);
    assert_eq!(joined(&out, "/details/0/text"), "[EMAIL_1]");
    assert_eq!(joined(&out, "/details/0/format"), "v1v1");
}

#[test]
fn strings_outside_choices_are_inspected_by_themselves() {
    let data = json!({ "error": { "message": "bad joe@x.com", "code": "x" } });
    assert_eq!(
        parsed(&masked_stream(&[format!("data: {data}\n\n")])),
        [json!({ "error": { "message": "bad [EMAIL_1]", "code": "x" } })]
    );
    let padded = |pad: &str| {
        format!(
            "data: {}\n\n",
            json!({ "choices": [{ "index": 0, "delta": { "content": "So. " } }], "obfuscation": pad })
        )
    };
    let events = [padded("aB3"), padded("Zz90x"), padded("joe@x.com")];
    let out = masked_stream(&events);
    assert_eq!(
        parsed(&out).iter().map(|event| event["obfuscation"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        ["aB3", "Zz90x", "[EMAIL_1]"]
    );
}

#[test]
fn logprobs_become_null_where_text_may_be_withheld() {
    let with = |content: &str| {
        let choice = json!({ "index": 0, "delta": { "content": content }, "logprobs": { "content": [{ "token": content }] }, "finish_reason": null });
        format!("data: {}\n\n", json!({ "choices": [choice] }))
    };
    let events = [with("Hi. "), with("joe"), with("@x.com"), with("!")];
    let out = masked_stream(&events);
    assert!(parsed(&out).iter().all(|event| event["choices"][0]["logprobs"].is_null()));
    assert_eq!(joined(&out, "/content"), "Hi. [EMAIL_1]!");
    let (out, _) = run(&mut guards(On::Output, Action::Flag).stream(Memory::default()), &events);
    assert_eq!(out, events.concat());
}

#[test]
fn usage_events_and_comments_pass() {
    let usage =
        format!("data: {}\n\n", json!({ "id": "1", "choices": [], "usage": { "total_tokens": 4111111111111111u64 } }));
    assert_eq!(masked_stream(std::slice::from_ref(&usage)), usage);
    let mut out = BytesMut::new();
    masking().stream(Memory::default()).event(b": ping joe@x.com\n\n", b"", &mut out).unwrap();
    assert_eq!(&out[..], b":\n\n");
}

#[test]
fn data_on_several_lines_is_rewritten() {
    let event = "event: e\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"a@x.com, \"}}]}\n\n";
    let data = "{\"choices\":[{\"index\":0,\n\"delta\":{\"content\":\"a@x.com, \"}}]}";
    let mut out = BytesMut::new();
    masking().stream(Memory::default()).event(event.as_bytes(), data.as_bytes(), &mut out).unwrap();
    assert_eq!(std::str::from_utf8(&out).unwrap(), event.replace("a@x.com", "[EMAIL_1]"));
}

#[test]
fn a_legacy_text_field_is_guarded() {
    let events = ["jo", "e@x.com ", "x."]
        .map(|piece| format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "text": piece }] })));
    let text: String = parsed(&masked_stream(&events))
        .iter()
        .map(|event| event["choices"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(text, "[EMAIL_1] x.");
    assert_eq!(data_of(&events[0]), data_of(&events[0]).trim());
}
