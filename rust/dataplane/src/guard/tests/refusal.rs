//! Streams that are refused: nothing of the match, and nothing after it.

use bytes::BytesMut;
use serde_json::json;

use super::window::TEXTS;
use super::{content_events, cuts, data_of, event, guards, joined, masked, masking, run, spec};
use crate::guard::{Action, Entity, GuardSpec, Guards, Memory, On, OnFailure, Reason};

#[test]
fn a_rejected_match_is_not_released_in_part() {
    for (text, before, entity) in [
        ("Hi, joe@example.com and more", "Hi, ", Entity::Email),
        ("Hi, 4111 1111 1111 1111 and more", "Hi, ", Entity::Card),
        ("Hi, (415) 555-2671 and more", "Hi, ", Entity::Phone),
    ] {
        for (first, rest) in cuts(text) {
            for (second, third) in cuts(rest) {
                let mut guard = guards(On::Output, Action::Reject).stream(Memory::default());
                let (out, result) = run(&mut guard, &content_events(&[first, second, third]));
                assert_eq!(result.unwrap_err().reason, Reason::Matched(entity));
                assert!(before.starts_with(&joined(&out, "/content")), "{first}|{second}|{third}: {out}");
            }
        }
    }
}

#[test]
fn a_refusal_is_final_and_takes_its_whole_event_back() {
    let padded = |content: &str, pad: &str| {
        let choice = json!({ "index": 0, "delta": { "content": content } });
        format!("data: {}\n\n", json!({ "choices": [choice], "pad": pad }))
    };
    let mut guard = guards(On::Output, Action::Reject).stream(Memory::default());
    let mut out = BytesMut::new();
    let (good, bad) = (padded("fine. ", "x"), padded("so. ", "a@x.com"));
    guard.event(good.as_bytes(), data_of(&good).as_bytes(), &mut out).unwrap();
    let refusal = guard.event(bad.as_bytes(), data_of(&bad).as_bytes(), &mut out).unwrap_err();
    assert_eq!(refusal.reason, Reason::Matched(Entity::Email));
    assert_eq!(guard.event(good.as_bytes(), data_of(&good).as_bytes(), &mut out).unwrap_err(), refusal);
    assert_eq!(guard.done(&mut out).unwrap_err(), refusal);
    assert_eq!(&out[..], good.as_bytes());
}

#[test]
fn texts_without_a_match_are_not_refused() {
    for text in TEXTS.iter().filter(|text| masked(text) == **text) {
        let (out, result) =
            run(&mut guards(On::Output, Action::Reject).stream(Memory::default()), &content_events(&[text]));
        assert_eq!((joined(&out, "/content").as_str(), result), (*text, Ok(())));
    }
}

#[test]
fn events_that_cannot_be_inspected_are_refused_or_flagged() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(80), "]".repeat(80));
    for data in [
        "joe@x.com",
        "\"joe@x.com\"",
        "[\"joe@x.com\"]",
        "{\"choices\":1}",
        "{\"choices\":[1]}",
        "{\"choices\":[],\"choices\":[]}",
        "{\"choices\":[{\"index\":0,\"index\":1}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"index\":1}]}}]}",
        "{} {}",
        deep.as_str(),
    ] {
        let event = format!("data: {data}\n\n");
        let mut out = BytesMut::new();
        let refused = masking().stream(Memory::default()).event(event.as_bytes(), data.as_bytes(), &mut out);
        assert_eq!(refused.unwrap_err().reason, Reason::NotInspectable, "{data}");
        assert!(out.is_empty());
        let open =
            Guards::compile(&[GuardSpec { on_failure: OnFailure::Open, ..spec(On::Output, Action::Mask, false) }]);
        let mut guard = open.stream(Memory::default());
        guard.event(event.as_bytes(), data.as_bytes(), &mut out).unwrap();
        assert_eq!((&out[..], guard.flags()), (event.as_bytes(), &["pii:not-inspected".to_owned()][..]));
    }
}

#[test]
fn an_event_that_only_looks_like_the_last_is_not_taken_for_it() {
    for content in ["a\",\"x\":\"joe@x.com", "a\u{1}", "a\\q", "a\\"] {
        let mut guard = masking().stream(Memory::default());
        let mut out = BytesMut::new();
        for first in ["Hi. ", "So. "] {
            let event = event(&json!({ "content": first }), None);
            guard.event(event.as_bytes(), data_of(&event).as_bytes(), &mut out).unwrap();
        }
        out.clear();
        let event = event(&json!({ "content": "@@" }), None).replace("@@", content);
        let result = guard.event(event.as_bytes(), data_of(&event).as_bytes(), &mut out);
        match result.and_then(|()| guard.done(&mut out)) {
            Ok(()) => assert!(std::str::from_utf8(&out).unwrap().contains("\"x\":\"[EMAIL_1]\"")),
            Err(refusal) => assert_eq!((refusal.reason, content.contains('@')), (Reason::NotInspectable, false)),
        }
        assert!(!std::str::from_utf8(&out).unwrap().contains("joe"));
    }
    let mut guard = masking().stream(Memory::default());
    let mut out = BytesMut::new();
    let good = event(&json!({ "content": "Hi. " }), None);
    guard.event(good.as_bytes(), data_of(&good).as_bytes(), &mut out).unwrap();
    let bad = good
        .replace("Hi", "@@")
        .into_bytes()
        .into_iter()
        .map(|byte| if byte == b'@' { 0xff } else { byte })
        .collect::<Vec<u8>>();
    let data = &bad[6..bad.len() - 2];
    assert_eq!(guard.event(&bad, data, &mut out).unwrap_err().reason, Reason::NotInspectable);
}

#[test]
fn text_behind_the_finish_may_not_complete_a_match() {
    let events =
        [event(&json!({ "content": "Hi joe" }), Some("stop")), event(&json!({ "content": "@x.com " }), Some("stop"))];
    let (out, result) = run(&mut masking().stream(Memory::default()), &events);
    assert_eq!(result.unwrap_err().reason, Reason::NotInspectable);
    assert_eq!(joined(&out, "/content"), "Hi joe");
    let events = [
        event(&json!({ "content": "Hi joe" }), Some("stop")),
        event(&json!({ "content": " at a@x.com" }), Some("stop")),
    ];
    let (out, result) = run(&mut masking().stream(Memory::default()), &events);
    assert_eq!((joined(&out, "/content").as_str(), result), ("Hi joe at [EMAIL_1]", Ok(())));
}

#[test]
fn more_texts_than_an_answer_has_are_refused() {
    let mut guard = masking().stream(Memory::default());
    let mut out = BytesMut::new();
    let results = (0..2000).map(|index| {
        let event = event(&json!({ "tool_calls": [{ "index": index, "function": { "arguments": "x" } }] }), None);
        guard.event(event.as_bytes(), data_of(&event).as_bytes(), &mut out)
    });
    assert_eq!(results.filter(Result::is_ok).count(), 1024);
}
