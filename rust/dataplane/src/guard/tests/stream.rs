//! Streamed answers: each entity cut everywhere.

use serde_json::json;
use tollway_protocol::dialect::Dialect;

use super::window::TEXTS;
use super::{content_events, cuts, event, guards, joined, masked, masking, parsed, restoring, run, spec};
use crate::guard::{Action, Guards, Memory, On};

fn stream_of(pieces: &[&str]) -> String {
    let (out, result) = run(&mut masking().stream(Memory::default()), &content_events(pieces));
    result.unwrap();
    out
}

#[test]
fn cut_once_anywhere() {
    for text in TEXTS {
        for (first, second) in cuts(text) {
            assert_eq!(joined(&stream_of(&[first, second]), "/content"), masked(text), "{first}|{second}");
        }
    }
}

#[test]
fn cut_twice_anywhere() {
    for text in ["a joe@example.com b", "4111 1111 1111 1111", "+1 (415) 555-2671 x", "ü@ü.de 卡4111111111111111"] {
        for (first, rest) in cuts(text) {
            for (second, third) in cuts(rest) {
                assert_eq!(
                    joined(&stream_of(&[first, second, third]), "/content"),
                    masked(text),
                    "{first}|{second}|{third}"
                );
            }
        }
    }
}

#[test]
fn one_character_an_event() {
    for text in TEXTS {
        let pieces: Vec<&str> = text.split_inclusive(|_| true).collect();
        assert_eq!(joined(&stream_of(&pieces), "/content"), masked(text));
    }
}

#[test]
fn no_event_holds_a_part_of_a_match() {
    for (text, parts) in [
        ("Hi joe.doe@example.com ok", ["joe", "doe", "exam", "com"]),
        ("Hi 4111 1111 1111 1111 ok", ["4", "1 ", "11", " 1"]),
        ("Hi +14155552671 ok", ["+", "14", "555", "71"]),
    ] {
        for (first, second) in cuts(text) {
            let out = joined(&stream_of(&[first, second]), "/content").replace("_1]", "]");
            assert!(parts.iter().all(|part| !out.contains(part)), "{first}|{second}: {out}");
        }
    }
}

#[test]
fn events_are_otherwise_byte_identical() {
    let frame = |content: &str| {
        format!(
            ": c\r\nevent: x\r\ndata: {{ \"id\" : \"1\", \"é\":1.50, \"choices\":[{{\"delta\":{{\"content\":\"{content}\"}}, \"index\":0}}] }}\r\nid: 7\r\n\r\n"
        )
    };
    let mut guard = masking().stream(Memory::default());
    let mut out = bytes::BytesMut::new();
    for (content, expected) in [
        ("Hi, ", "Hi, "),
        ("a", ""),
        ("@x.co", ""),
        ("m, so \\\"it\\\" ", "[EMAIL_1], so \\\"it\\\" "),
        ("caf\\u00e9, ", "café, "),
    ] {
        let event = frame(content);
        let data = event.lines().nth(2).unwrap().strip_prefix("data: ").unwrap();
        out.clear();
        guard.event(event.as_bytes(), data.as_bytes(), &mut out).unwrap();
        assert_eq!(std::str::from_utf8(&out).unwrap(), frame(expected));
    }
}

#[test]
fn unchanged_text_passes_byte_for_byte() {
    let events = content_events(&["Hello, ", "caf\u{e9}! ", "It is so. "]);
    let (out, _) = run(&mut masking().stream(Memory::default()), &events);
    assert_eq!(out, events.concat());
}

#[test]
fn held_text_goes_out_in_the_finish_event_or_before_it() {
    let text = [event(&json!({ "content": "Bye" }), None), event(&json!({ "content": " joe" }), Some("stop"))];
    let (out, _) = run(&mut masking().stream(Memory::default()), &text);
    assert_eq!(
        out,
        [event(&json!({ "content": "" }), None), event(&json!({ "content": "Bye joe" }), Some("stop"))].concat()
    );
    let (out, _) = run(&mut masking().stream(Memory::default()), &content_events(&["Hi joe"]));
    let events = parsed(&out);
    assert_eq!(events.len(), 4);
    assert_eq!(events[2]["choices"][0], json!({ "index": 0, "delta": { "content": "joe" }, "finish_reason": null }));
    assert_eq!(
        (&events[2]["id"], &events[2]["model"], &events[2]["created"]),
        (&json!("chatcmpl-1"), &json!("m"), &json!(1))
    );
    assert_eq!(events[3]["choices"][0]["finish_reason"], "stop");
}

#[test]
fn a_stream_without_an_end_gives_up_its_text_when_it_is_done() {
    let events = [event(&json!({ "content": "Hi joe@x.com" }), None)];
    let (out, _) = run(&mut masking().stream(Memory::default()), &events);
    assert_eq!(joined(&out, "/content"), "Hi [EMAIL_1]");
}

#[test]
fn placeholders_are_restored_wherever_they_are_cut() {
    let text = "Dear [EMAIL_1], your [CARD_1] – [EMAIL_9].";
    let expected = "Dear a@x.com, your 4111 1111 1111 1111 – [EMAIL_9].";
    let request = json!({ "messages": [{ "content": "I am a@x.com, 4111 1111 1111 1111" }] }).to_string();
    for guards in [restoring(), Guards::compile(&[spec(On::Input, Action::Mask, true)])] {
        for (first, rest) in cuts(text) {
            for (second, third) in cuts(rest) {
                let mut memory = Memory::default();
                guards.input(Dialect::Chat, request.as_bytes(), &mut memory).unwrap();
                let (out, result) = run(&mut guards.stream(memory), &content_events(&[first, second, third]));
                result.unwrap();
                assert_eq!(joined(&out, "/content"), expected, "{first}|{second}|{third}");
            }
        }
    }
}

#[test]
fn flagged_text_passes_byte_for_byte_and_is_flagged() {
    let events = content_events(&["Hi jo", "e@x.c", "om"]);
    let mut guard = guards(On::Output, Action::Flag).stream(Memory::default());
    let (out, _) = run(&mut guard, &events);
    assert_eq!(out, events.concat());
    assert_eq!(guard.flags(), ["pii:email:flagged"]);
}

#[test]
fn a_guard_with_nothing_to_do_passes_anything() {
    let mut guard = guards(On::Input, Action::Mask).stream(Memory::default());
    let mut out = bytes::BytesMut::new();
    guard.event(b"data: ?\n\n", b"?", &mut out).unwrap();
    guard.done(&mut out).unwrap();
    assert_eq!(&out[..], b"data: ?\n\n");
}
