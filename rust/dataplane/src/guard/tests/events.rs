//! Streams in the canonical form: what goes on over events and parts, and what stands by itself.

use std::borrow::Cow;

use proptest::prelude::*;
use tollway_protocol::canonical::{
    Annotation, CallKind, Delta, Event, Media, Opening, Signature, Source, Stop, StopReason,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::Json;

use super::properties::{dense, pieces};
use super::{cuts, guards, masked, masking, restoring};
use crate::guard::{Action, Guards, Memory, On, Refusal};

/// What came out.
#[derive(Debug, PartialEq)]
enum Out {
    Open(usize),
    Text(usize, String),
    Close(usize),
    Other(String),
}

fn passed<'e>(guards: &Guards, memory: Memory, events: Vec<Event<'e>>) -> (Vec<Out>, Result<(), Refusal>) {
    let mut guard = guards.stream(memory);
    let mut out = Vec::new();
    let mut result = Ok(());
    for event in events {
        result = result.and(guard.pass(event, &mut |event| {
            out.push(match event {
                Event::Open { part, opening: Opening::Text, .. } => Out::Open(part),
                Event::Delta { part, delta: Delta::Text(text), .. } => Out::Text(part, text.into_owned()),
                Event::Close { part, .. } => Out::Close(part),
                event => Out::Other(format!("{event:?}")),
            });
        }));
    }
    (out, result)
}

fn masked_events(events: Vec<Event<'_>>) -> Vec<Out> {
    let (out, result) = passed(&masking(), Memory::default(), events);
    result.unwrap();
    out
}

fn open(part: usize) -> Event<'static> {
    Event::Open { choice: 0, part, opening: Opening::Text }
}

fn text(part: usize, text: &str) -> Event<'_> {
    Event::Delta { choice: 0, part, delta: Delta::Text(text.into()) }
}

fn close(part: usize) -> Event<'static> {
    Event::Close { choice: 0, part }
}

fn stop() -> [Event<'static>; 2] {
    [Event::Stop { choice: 0, stop: Stop::new(StopReason::End) }, Event::End]
}

/// Texts by part, checked to be parts: each opened once, in order, and closed before the next.
fn parts_of(out: &[Out]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut open = None;
    for event in out {
        match event {
            Out::Open(part) => {
                assert_eq!((open, *part), (None, parts.len()));
                parts.push(String::new());
                open = Some(*part);
            }
            Out::Text(part, text) => {
                assert_eq!(open, Some(*part));
                parts[*part].push_str(text);
            }
            Out::Close(part) => assert_eq!(open.take(), Some(*part)),
            Out::Other(_) => {}
        }
    }
    assert_eq!(open, None);
    parts
}

/// Parts of text, each in pieces.
fn stream<'t>(parts: &[Vec<&'t str>]) -> Vec<Event<'t>> {
    let mut events = Vec::new();
    for (part, pieces) in parts.iter().enumerate() {
        events.push(open(part));
        events.extend(pieces.iter().map(|piece| text(part, piece)));
        events.push(close(part));
    }
    events.extend(stop());
    events
}

#[test]
fn a_match_may_be_cut_anywhere() {
    const SAID: &str = "Write to joe@x.com or call +1 (415) 555-2671, card 4111 1111 1111 1111. Bye";
    for (first, second) in cuts(SAID) {
        assert_eq!(parts_of(&masked_events(stream(&[vec![first, second]]))), [masked(SAID)], "{first}|{second}");
        let parts = parts_of(&masked_events(stream(&[vec![first], vec![second]])));
        assert_eq!((parts.len(), parts.concat()), (2, masked(SAID)), "{first}||{second}");
        let parts = parts_of(&masked_events(stream(&[vec![first], vec![], vec![second]])));
        assert_eq!((parts.len(), parts.concat()), (3, masked(SAID)), "{first}|||{second}");
    }
    let each: Vec<Vec<&str>> =
        cuts(SAID).skip(1).map(|(before, _)| vec![&SAID[before.len() - 1..before.len()]]).collect();
    assert_eq!(parts_of(&masked_events(stream(&each))).concat(), masked(SAID), "a character a part");
}

#[test]
fn arguments_stay_json_and_calls_may_overlap() {
    let (one, two) = (r#"{"to":"joe@x.com","card":4111111111111111}"#, r#"{"q":"415-555-2671"}"#);
    for (first, second) in cuts(one) {
        let call = |part| {
            let opening = Opening::ToolCall { id: None, name: "f".into(), kind: CallKind::Function, item: None };
            Event::Open { choice: 0, part, opening }
        };
        let more = |part, text: &'static str| Event::Delta { choice: 0, part, delta: Delta::Arguments(text.into()) };
        let events = vec![call(0), call(1), more(0, first), more(1, &two[..9]), more(0, second), more(1, &two[9..])];
        let (mut joined, mut guard) = ([String::new(), String::new()], masking().stream(Memory::default()));
        for event in events.into_iter().chain([close(0), close(1)]).chain(stop()) {
            let each = &mut |event: Event<'_>| {
                if let Event::Delta { part, delta: Delta::Arguments(text), .. } = event {
                    joined[part].push_str(&text);
                }
            };
            guard.pass(event, each).unwrap();
        }
        assert_eq!(joined, [r#"{"to":"[EMAIL_1]","card":"[CARD_1]"}"#, r#"{"q":"[PHONE_1]"}"#], "{first}|{second}");
    }
}

#[test]
fn what_only_one_dialect_can_say_is_inspected_and_kept() {
    let json = |text: &'static str| Json::parse(text.as_bytes()).unwrap();
    let block = r#"{"type":"web_search_tool_result","tool_use_id":"srv_4111111111111111","content":[{"title":"joe@x.com","encrypted_content":"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0MTExMTExMTExMTExMTEx"}]}"#;
    let citation = r#"{"type":"char_location","cited_text":"by joe@x.com"}"#;
    let annotation = Annotation {
        url: Some("https://x.com/?of=joe@x.com".into()),
        title: None,
        cited: Some("by joe@x.com".into()),
        span: None,
        origin: (Dialect::Anthropic, json(citation)),
    };
    let signature = Signature { origin: Dialect::Anthropic, value: "joe@x.com".into() };
    let picture = Media::new(Source::Url(Cow::Borrowed("https://x.com/joe@x.com.png")), None);
    let mut events = vec![
        Event::Open { choice: 0, part: 0, opening: Opening::Reasoning { id: None, redacted: false } },
        text(0, "hm joe@x.com"),
        Event::Delta { choice: 0, part: 0, delta: Delta::Signature(signature) },
        close(0),
        Event::Open { choice: 0, part: 1, opening: Opening::Foreign(Dialect::Anthropic, json(block)) },
        close(1),
        open(2),
        text(2, "As cited"),
        Event::Delta { choice: 0, part: 2, delta: Delta::Annotation(annotation) },
        close(2),
        Event::Open { choice: 0, part: 3, opening: Opening::Image(picture) },
        close(3),
    ];
    events.extend(stop());
    let out = masked_events(events);
    let said = format!("{out:?}");
    assert_eq!(said.matches("joe@x.com").count(), 1, "only the signature, which is no text: {said}");
    let place = |what: &str| out.iter().position(|event| format!("{event:?}").contains(what)).expect(what);
    assert_eq!(out[1..3], [Out::Text(0, "hm ".into()), Out::Text(0, "[EMAIL_1]".into())]);
    assert!(place("Signature") < place("Close(0)") && place("Close(0)") < place("web_search_tool_result"), "{said}");
    for kept in ["srv_4111111111111111", "QUJDREVG", "char_location", "by [EMAIL_1]", "Image(", "End"] {
        assert!(said.contains(kept), "{kept}: {said}");
    }
}

#[test]
fn a_refusal_is_final_and_what_is_only_flagged_is_not_touched() {
    let said = || stream(&[vec!["I am joe@", "x.com", ", you?"], vec!["Well"]]);
    let (out, result) = passed(&guards(On::Output, Action::Reject), Memory::default(), said());
    assert!(result.is_err() && !format!("{out:?}").contains("x.com"), "{out:?}");
    assert!(!out.contains(&Out::Close(0)), "nothing after it");
    let (out, result) = passed(&guards(On::Output, Action::Flag), Memory::default(), said());
    result.unwrap();
    let untouched = ["I am joe@", "x.com", ", you?"].map(|text| Out::Text(0, text.into()));
    assert_eq!(out[1..4], untouched);
    let mut guard = guards(On::Output, Action::Flag).stream(Memory::default());
    said().into_iter().for_each(|event| guard.pass(event, &mut |_| ()).unwrap());
    assert_eq!(guard.flags(), ["pii:email:flagged"]);
}

#[test]
fn what_was_masked_is_restored() {
    let mut memory = Memory::default();
    restoring()
        .input(Dialect::Anthropic, br#"{"messages":[{"role":"user","content":"I am joe@x.com"}]}"#, &mut memory)
        .unwrap();
    let restored = Guards::compile(&[super::spec(On::Input, Action::Mask, true)]);
    let (out, result) = passed(&restored, memory, stream(&[vec!["Hello [EMA", "IL_1]!"]]));
    result.unwrap();
    assert_eq!(parts_of(&out), ["Hello joe@x.com!"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    /// However the text is cut into parts and pieces, all of it together is treated as one, and a part of which nothing
    /// is replaced is what it was.
    #[test]
    fn a_stream_gives_the_whole_texts_treatment(
        said in dense(),
        parts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let parts: Vec<Vec<&str>> = pieces(&said, &parts).into_iter().map(|part| pieces(part, &cuts)).collect();
        let out = parts_of(&masked_events(stream(&parts)));
        prop_assert_eq!(out.len(), parts.len());
        prop_assert_eq!(out.concat(), masked(&said));
        if masked(&said) == said {
            prop_assert_eq!(out, parts.iter().map(|pieces| pieces.concat()).collect::<Vec<_>>());
        }
    }
}
