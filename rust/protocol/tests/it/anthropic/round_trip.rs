//! What the dialect can say, written and read again, is the same.

use bytes::BytesMut;
use proptest::prelude::*;
use tollway_protocol::canonical::{Answer, Body, Delta, Event, Losses, Opening, Part, Request, Rest, Source};
use tollway_protocol::dialect::anthropic::stream::Writer;
use tollway_protocol::dialect::{Head, Wanted, WriteStream, anthropic};
use tollway_protocol::json::Json;

use super::validity::checked;
use super::{TOLD, arbitrary, streams, tree, without_nulls};

/// A list of one text is marked as such where it is read; a string is not. Both mean the same.
fn unmarked(parts: &mut [Part<'_>]) {
    for part in parts {
        if part.rest.members.is_empty() {
            part.rest = Rest::none();
        }
        match &mut part.body {
            Body::ToolResult(result) => unmarked(&mut result.content),
            Body::Document(media) => {
                if let Source::Parts(parts) = &mut media.source {
                    unmarked(parts);
                }
            }
            _ => {}
        }
    }
}

fn request_again(request: &Request<'_>) -> Request<'static> {
    let mut losses = Losses::default();
    let wanted = Wanted::new("claude-opus-4-6");
    let written = anthropic::request::write(request, &wanted, &mut losses).expect("can be said");
    assert!(losses.is_empty(), "{:?}", losses.names());
    let bytes: &'static [u8] = written.to_bytes().leak();
    let read = anthropic::request::read(Json::parse(bytes).expect("JSON"), Head::default());
    let mut read = read.unwrap_or_else(|invalid| panic!("{invalid}: {}", String::from_utf8_lossy(bytes)));
    read.messages.iter_mut().for_each(|message| unmarked(&mut message.parts));
    read
}

/// The events of a whole answer.
fn events<'a>(answer: &'a Answer<'_>) -> Vec<Event<'a>> {
    let choice = &answer.choices[0];
    let mut events = vec![Event::Start { id: answer.id.clone(), model: answer.model.clone(), created: None }];
    for (part, it) in choice.parts.iter().enumerate() {
        let (opening, mut deltas) = match &it.body {
            Body::Text(text, annotations) => {
                let cited = annotations.iter().cloned().map(Delta::Annotation);
                (Opening::Text, std::iter::once(Delta::Text(text.clone())).chain(cited).collect())
            }
            Body::Reasoning(thoughts) => {
                let opening = Opening::Reasoning { id: None, redacted: thoughts.redacted };
                (opening, vec![Delta::Text(thoughts.text.clone())])
            }
            Body::ToolCall(call) => {
                let (id, name) = (call.id.clone(), call.name.clone());
                let opening = Opening::ToolCall { id, name, kind: call.kind, item: None };
                (opening, vec![Delta::Arguments(call.arguments.to_text())])
            }
            Body::Foreign(origin, json) => (Opening::Foreign(*origin, json.clone()), Vec::new()),
            other => panic!("{other:?}"),
        };
        deltas.extend(it.signature.clone().map(Delta::Signature));
        events.push(Event::Open { choice: 0, part, opening });
        events.extend(deltas.into_iter().map(|delta| Event::Delta { choice: 0, part, delta }));
        events.push(Event::Close { choice: 0, part });
    }
    events.extend(answer.usage.map(Event::Usage));
    events.extend(choice.stop.clone().map(|stop| Event::Stop { choice: 0, stop }));
    events.push(Event::End);
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn requests(request in arbitrary::request()) {
        prop_assert_eq!(request_again(&request), request);
    }

    #[test]
    fn answers(answer in arbitrary::answer()) {
        let written = anthropic::answer::write(&answer, &TOLD).to_bytes();
        let read = anthropic::answer::read(Json::parse(&written).expect("JSON")).expect("an answer");
        prop_assert_eq!(&read, &answer);
    }

    /// A stream of an answer, put together by a client, is the answer; and it stays so through a reader and a writer.
    #[test]
    fn streams_of_answers(answer in arbitrary::answer()) {
        let (mut writer, mut out) = (Writer::new(&TOLD), BytesMut::new());
        for event in events(&answer) {
            writer.write(event, &mut out);
        }
        let text = String::from_utf8(out.to_vec()).expect("text");
        let folded = checked(&streams::events_of(&text));
        let whole = without_nulls(tree(&anthropic::answer::write(&answer, &TOLD)));
        prop_assert_eq!(&folded.message, &whole);
        prop_assert_eq!(checked(&streams::translated(&text, 11).expect("in order")).message, whole);
    }
}
