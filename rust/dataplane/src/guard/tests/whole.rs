//! Whole messages: requests and answers.

use serde_json::{Value, json};
use tollway_protocol::dialect::Dialect;

use super::{guards, masking, restoring, spec};
use crate::guard::{Action, Entity, GuardSpec, Guards, Memory, On, OnFailure, Reason};

fn input(guards: &Guards, body: &Value) -> (Option<Value>, Vec<String>, Memory) {
    let mut memory = Memory::default();
    let outcome = guards.input(Dialect::Chat, body.to_string().as_bytes(), &mut memory).unwrap();
    (outcome.body.map(|body| serde_json::from_slice(&body).unwrap()), outcome.flags, memory)
}

#[test]
fn a_request_is_masked_in_every_string_that_is_not_exempt() {
    let image = format!("data:image/png;base64,{}", "A4111111111111111+/==".repeat(3));
    let audio = "4111111111111111".repeat(3);
    let body = json!({
        "model": "joe@x.com",
        "user": "joe@x.com",
        "metadata": { "id": "a@x.com", "type": "+14155552671" },
        "messages": [
            { "role": "system", "content": "Answer joe@x.com." },
            { "role": "user", "name": "b@x.com", "content": [
                { "type": "text", "text": "card 4111 1111 1111 1111" },
                { "type": "image_url", "image_url": { "url": image } },
                { "type": "image_url", "image_url": { "url": "data:text/plain,a@x.com" } },
                { "type": "image_url", "image_url": { "url": "https://h/?q=a@x.com" } },
                { "type": "input_audio", "input_audio": { "data": audio, "format": "wav" } },
                { "type": "input_audio", "input_audio": { "data": "4111111111111111" } },
                { "type": "image_url", "image_url": { "url": "data:text/plain;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAA?a@x.com" } },
                { "type": "file", "file": { "file_data": image, "filename": "a@x.com.pdf", "file_id": "file-4111111111111111" } },
            ] },
            { "role": "assistant", "tool_calls": [{ "id": "c@x.com", "type": "function",
                "function": { "name": "d@x.com", "arguments": "{\"to\":\"joe@x.com\",\"n\":4111111111111111}" } }] },
            { "role": "tool", "tool_call_id": "c@x.com", "content": "{\"phone\":\"\\u002B14155552671\"}" },
        ],
        "tools": [{ "type": "function", "function": { "name": "d@x.com", "description": "a@x.com",
            "parameters": { "properties": { "name": { "type": "string", "default": "a@x.com" } } } } }],
        "tool_choice": { "type": "function", "function": { "name": "d@x.com" } },
        "max_tokens": 4111111111111111u64,
    });
    let (masked, flags, _) = input(&masking(), &body);
    let masked = masked.unwrap();
    let mut expected = body.clone();
    let mut set = |pointer: &str, value: &str| *expected.pointer_mut(pointer).unwrap() = value.into();
    set("/user", "[EMAIL_1]");
    set("/metadata/id", "[EMAIL_2]");
    set("/metadata/type", "[PHONE_1]");
    set("/messages/0/content", "Answer [EMAIL_1].");
    set("/messages/1/name", "[EMAIL_3]");
    set("/messages/1/content/0/text", "card [CARD_1]");
    set("/messages/1/content/2/image_url/url", "data:text/plain,[EMAIL_2]");
    set("/messages/1/content/3/image_url/url", "https://h/?q=[EMAIL_2]");
    set("/messages/1/content/5/input_audio/data", "[CARD_2]");
    set("/messages/1/content/6/image_url/url", "data:text/plain;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAA?[EMAIL_2]");
    set("/messages/1/content/7/file/filename", "[EMAIL_4]");
    set("/messages/2/tool_calls/0/function/arguments", r#"{"to":"[EMAIL_1]","n":"[CARD_2]"}"#);
    set("/messages/3/content", r#"{"phone":"[PHONE_1]"}"#);
    set("/tools/0/function/description", "[EMAIL_2]");
    set("/tools/0/function/parameters/properties/name/default", "[EMAIL_2]");
    // Numbers are given in the order of the document, which serde_json sorts by key.
    assert_eq!(renumbered(&masked.to_string()), renumbered(&expected.to_string()));
    let mut flags = flags;
    flags.sort();
    assert_eq!(flags, ["pii:card:masked", "pii:email:masked", "pii:phone:masked"]);
}

/// `text` with placeholders numbered in the order in which they first stand in it.
fn renumbered(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    text.split('[')
        .map(|part| match part.split_once(']') {
            Some((name, rest)) if name.contains('_') => {
                let number = seen.iter().position(|known| *known == name).unwrap_or_else(|| {
                    seen.push(name);
                    seen.len() - 1
                });
                format!("[{}#{number}]{rest}", name.split('_').next().unwrap())
            }
            _ => format!("[{part}"),
        })
        .collect()
}

#[test]
fn all_but_the_masked_string_is_byte_identical() {
    let body = "{ \"messages\" : [ {\"role\":\"user\",\t\"content\":\"caf\\u00e9 a@x.com\"} ],\n \"seed\": 1.0e3, \"x\":\"caf\\u00e9\" }";
    let outcome = masking().input(Dialect::Chat, body.as_bytes(), &mut Memory::default()).unwrap();
    assert_eq!(
        String::from_utf8(outcome.body.unwrap()).unwrap(),
        body.replacen("caf\\u00e9 a@x.com", "café [EMAIL_1]", 1)
    );
}

#[test]
fn an_untouched_request_has_no_new_body() {
    let (body, flags, memory) =
        input(&masking(), &json!({ "messages": [{ "role": "user", "content": "Hello, 2 + 2 = 4?" }] }));
    assert_eq!((body, flags.len()), (None, 0));
    assert_eq!(format!("{memory:?}"), "Memory { email: 0, card: 0, phone: 0 }");
}

#[test]
fn placeholders_anywhere_in_the_request_are_not_given_again() {
    let body = json!({ "messages": [{ "content": "a@x.com" }, { "content": "as [EMAIL_1] said, \\[EMAIL\\_2\\]" }] });
    let (masked, _, mut memory) = input(&restoring(), &body);
    assert_eq!(masked.unwrap()["messages"][0]["content"], "[EMAIL_3]");
    let answer = json!({ "choices": [{ "message": { "content": "[EMAIL_1] [EMAIL_2] [EMAIL_3] b@x.com" } }] });
    let outcome = restoring().output(Dialect::Chat, answer.to_string().as_bytes(), &mut memory).unwrap();
    let restored: Value = serde_json::from_slice(&outcome.body.unwrap()).unwrap();
    assert_eq!(restored["choices"][0]["message"]["content"], "[EMAIL_1] [EMAIL_2] a@x.com [EMAIL_4]");
    assert_eq!(outcome.flags, ["pii:email:masked"]);
}

#[test]
fn answers_are_restored_also_within_arguments() {
    let (_, _, mut memory) = input(&restoring(), &json!({ "messages": [{ "content": "a@x.com, 4111111111111111" }] }));
    let answer = json!({ "id": "[EMAIL_1]", "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": null, "refusal": "no, [CARD_1]", "tool_calls": [{ "id": "[EMAIL_1]", "type": "function",
            "function": { "name": "f", "arguments": "{\"to\":\"[EMAIL_1]\"}" } }] } }] });
    let outcome = restoring().output(Dialect::Chat, answer.to_string().as_bytes(), &mut memory).unwrap();
    let restored: Value = serde_json::from_slice(&outcome.body.unwrap()).unwrap();
    let message = &restored["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"to":"a@x.com"}"#);
    assert_eq!(message["tool_calls"][0]["id"], "[EMAIL_1]");
    assert_eq!(message["refusal"], "no, 4111111111111111");
    assert_eq!(restored["id"], "[EMAIL_1]");
}

#[test]
fn reject_names_the_entity_and_flag_changes_nothing() {
    let body = json!({ "messages": [{ "content": "pay 4111111111111111" }] }).to_string();
    let refused =
        guards(On::Input, Action::Reject).input(Dialect::Chat, body.as_bytes(), &mut Memory::default()).unwrap_err();
    assert_eq!((refused.guardrail.as_str(), refused.reason), ("pii", Reason::Matched(Entity::Card)));
    assert!(!format!("{refused:?}").contains("4111"));
    let outcome =
        guards(On::Input, Action::Flag).input(Dialect::Chat, body.as_bytes(), &mut Memory::default()).unwrap();
    assert_eq!((outcome.body, outcome.flags), (None, vec!["pii:card:flagged".to_owned()]));
    let answer = json!({ "choices": [{ "message": { "content": "4111111111111111" } }] }).to_string();
    let refused = guards(On::Output, Action::Reject)
        .output(Dialect::Chat, answer.as_bytes(), &mut Memory::default())
        .unwrap_err();
    assert_eq!(refused.reason, Reason::Matched(Entity::Card));
}

#[test]
fn only_the_direction_that_is_named_is_inspected() {
    let body = json!({ "choices": [{ "message": { "content": "a@x.com" } }] }).to_string();
    for (on, in_masked, out_masked) in [(On::Input, true, false), (On::Output, false, true), (On::Both, true, true)] {
        let guards = guards(on, Action::Mask);
        assert_eq!((guards.inspects_input(), guards.inspects_output()), (in_masked, out_masked));
        let masked = guards.input(Dialect::Chat, body.as_bytes(), &mut Memory::default()).unwrap().body.is_some();
        assert_eq!(masked, in_masked);
        let masked = guards.output(Dialect::Chat, body.as_bytes(), &mut Memory::default()).unwrap().body.is_some();
        assert_eq!(masked, out_masked);
    }
    assert!(Guards::default().is_empty());
    assert!(Guards::compile(&[spec(On::Input, Action::Mask, true)]).inspects_output());
}

#[test]
fn joined_guardrails_do_the_strictest() {
    let one = |entity, on, action, restore| GuardSpec { entities: vec![entity], ..spec(on, action, restore) };
    let route = Guards::compile(&[
        one(Entity::Email, On::Both, Action::Mask, true),
        one(Entity::Card, On::Input, Action::Flag, false),
    ]);
    let key = Guards::compile(&[
        one(Entity::Card, On::Input, Action::Reject, false),
        one(Entity::Email, On::Input, Action::Flag, false),
    ]);
    let body = |text: &str| json!({ "messages": [{ "content": text }] });
    let joined = route.join(&key);
    let (masked, _, mut memory) = input(&joined, &body("a@x.com"));
    assert_eq!(masked.unwrap(), body("[EMAIL_1]"));
    let answer = json!({ "choices": [{ "message": { "content": "[EMAIL_1]" } }] }).to_string();
    assert!(joined.output(Dialect::Chat, answer.as_bytes(), &mut memory).unwrap().body.is_some());
    let refused = joined.input(Dialect::Chat, body("4111111111111111").to_string().as_bytes(), &mut Memory::default());
    assert_eq!(refused.unwrap_err().reason, Reason::Matched(Entity::Card));
    // What the key masks for good, the route does not restore.
    let key = Guards::compile(&[one(Entity::Email, On::Input, Action::Mask, false)]);
    let (_, _, mut memory) = input(&route.join(&key), &body("a@x.com"));
    assert!(route.join(&key).output(Dialect::Chat, answer.as_bytes(), &mut memory).unwrap().body.is_none());
}

#[test]
fn what_cannot_be_inspected_is_refused_or_flagged() {
    let deep = format!("{}\"a@x.com\"{}", "[".repeat(100), "]".repeat(100));
    for body in ["", "a@x.com", "{\"a\":\"a@x.com\"", "{\"a\":\"\\q\"}", "{} {}", deep.as_str()] {
        let closed = masking();
        assert_eq!(
            closed.input(Dialect::Chat, body.as_bytes(), &mut Memory::default()).unwrap_err().reason,
            Reason::NotInspectable
        );
        assert_eq!(
            closed.output(Dialect::Chat, body.as_bytes(), &mut Memory::default()).unwrap_err().reason,
            Reason::NotInspectable
        );
        let open = Guards::compile(&[GuardSpec { on_failure: OnFailure::Open, ..spec(On::Both, Action::Mask, false) }]);
        for outcome in [
            open.input(Dialect::Chat, body.as_bytes(), &mut Memory::default()),
            open.output(Dialect::Chat, body.as_bytes(), &mut Memory::default()),
        ] {
            let outcome = outcome.unwrap();
            assert_eq!((outcome.body, outcome.flags), (None, vec!["pii:not-inspected".to_owned()]));
        }
    }
}

#[test]
fn logprobs_go_where_something_was_masked() {
    let answer = |text: &str| json!({ "choices": [{ "message": { "content": text }, "logprobs": { "content": [{ "token": "joe@x.com", "bytes": [1] }] } }] });
    let outcome =
        masking().output(Dialect::Chat, answer("joe@x.com").to_string().as_bytes(), &mut Memory::default()).unwrap();
    let masked: Value = serde_json::from_slice(&outcome.body.unwrap()).unwrap();
    assert_eq!(masked, json!({ "choices": [{ "message": { "content": "[EMAIL_1]" }, "logprobs": null }] }));
    let outcome =
        masking().output(Dialect::Chat, answer("yes").to_string().as_bytes(), &mut Memory::default()).unwrap();
    assert!(outcome.body.is_none());
}

#[test]
fn nothing_printable_holds_what_was_masked() {
    let (_, _, memory) = input(&restoring(), &json!({ "messages": [{ "content": "joe@x.com" }] }));
    assert_eq!(format!("{memory:?}"), "Memory { email: 1, card: 0, phone: 0 }");
    let outcome =
        masking().input(Dialect::Chat, b"{\"a\":\"joe@x.com\",\"b\":\"secret\"}", &mut Memory::default()).unwrap();
    assert!(!format!("{outcome:?}").contains("secret"));
    assert!(!format!("{:?}", restoring().stream(memory)).contains("joe"));
}

#[test]
fn a_specification_is_read_as_written_and_refuses_what_it_does_not_know() {
    let text = json!({ "type": "pii", "entities": ["email", "card", "phone"], "on": "both", "action": "mask", "restore": true, "on_failure": "closed" });
    let spec: GuardSpec = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(spec.entities, Entity::ALL);
    let mut unknown = text;
    unknown["extra"] = json!(1);
    assert!(serde_json::from_value::<GuardSpec>(unknown).is_err());
}

#[test]
fn what_is_masked_in_the_answer_is_not_restored() {
    let (_, _, mut memory) = input(&restoring(), &json!({ "messages": [{ "content": "a@x.com" }] }));
    let answer =
        json!({ "choices": [{ "message": { "content": "b@x.com, [EMAIL_2], [EMAIL_1], a@x.com" } }] }).to_string();
    let outcome = restoring().output(Dialect::Chat, answer.as_bytes(), &mut memory).unwrap();
    let shown: Value = serde_json::from_slice(&outcome.body.unwrap()).unwrap();
    assert_eq!(shown["choices"][0]["message"]["content"], "[EMAIL_2], [EMAIL_2], a@x.com, [EMAIL_1]");
}
