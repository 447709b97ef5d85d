//! Parts that overlap.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollway_protocol::canonical::{CallKind, Delta, Event, Media, Opening, Source, Stop, StopReason};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::dialect::gemini::stream::Writer;

use super::streams::{read, signed, start, thought};
use super::{TOLD, chunks_of, plain, written};

/// A part that will come: what it is, its pieces, and its signature.
type Coming = (u8, Vec<String>, bool);

fn opening(kind: u8, place: usize) -> Opening<'static> {
    match kind {
        0 | 1 => Opening::Text,
        2 => thought(),
        3 | 4 => Opening::ToolCall {
            id: Some(format!("c{place}").into()),
            name: "f".into(),
            kind: CallKind::Custom,
            item: None,
        },
        _ => Opening::Image(Media::new(Source::Base64("iVBO".into()), Some("image/png".into()))),
    }
}

/// The part as Google writes it whole.
fn whole(kind: u8, place: usize, pieces: &[String], signature: bool) -> Value {
    let text = pieces.concat();
    let mut part = match kind {
        0 | 1 => json!({"text": text}),
        2 => json!({"text": text, "thought": true}),
        3 | 4 => json!({"functionCall": {"id": format!("c{place}"), "name": "f", "args": {"input": text}}}),
        _ => json!({"inlineData": {"mimeType": "image/png", "data": "iVBO"}}),
    };
    if signature {
        part["thoughtSignature"] = "AA==".into();
    }
    part
}

/// The parts' events, overlapping as `schedule` says.
fn overlapping(parts: &[Coming], choice: u64, schedule: &[u8]) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    let mut next = 0;
    let mut running: Vec<(usize, Vec<Delta<'static>>)> = Vec::new();
    let mut schedule = schedule.iter().cycle();
    while next < parts.len() || !running.is_empty() {
        let pick = usize::from(*schedule.next().unwrap_or(&0)) % (running.len() + usize::from(next < parts.len()));
        if let Some((part, deltas)) = running.get_mut(pick) {
            let part = *part;
            if deltas.is_empty() {
                running.remove(pick);
                events.push(Event::Close { choice, part });
            } else {
                events.push(Event::Delta { choice, part, delta: deltas.remove(0) });
            }
        } else {
            let (kind, pieces, signature) = &parts[next];
            let piece = |text: &String| match kind {
                3 | 4 => Delta::Arguments(text.clone().into()),
                _ => Delta::Text(text.clone().into()),
            };
            let mut deltas: Vec<_> = if *kind > 4 { Vec::new() } else { pieces.iter().map(piece).collect() };
            deltas.extend(signature.then(|| signed(Dialect::Gemini, "AA==")));
            events.push(Event::Open { choice, part: next, opening: opening(*kind, next) });
            running.push((next, deltas));
            next += 1;
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// However parts overlap, chunks carry them one after the other, whole; and nothing of a stream cut short is torn.
    #[test]
    fn any_order(
        parts in prop::collection::vec((0u8..6, prop::collection::vec("[a-zé\n\"]{1,4}", 1..4), any::<bool>()), 0..6),
        others in prop::collection::vec((0u8..6, prop::collection::vec("[a-z]{1,3}", 1..3), any::<bool>()), 0..3),
        schedule in prop::collection::vec(any::<u8>(), 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut events = vec![start()];
        events.extend(overlapping(&parts, 0, &schedule));
        events.extend(overlapping(&others, 1, &schedule));
        for choice in 0..2 {
            events.push(Event::Stop { choice, stop: Stop::new(StopReason::End) });
        }
        events.push(Event::End);
        let bytes = written(&events, Writer::new(&TOLD));
        let expected: Vec<Value> = [&parts, &others].iter().enumerate().flat_map(|(choice, parts)| {
            parts.iter().enumerate().map(move |(place, (kind, pieces, signature))| {
                json!({"candidates": [{"index": choice, "content": {"parts": [whole(*kind, place, pieces, *signature)]}}]})
            })
        }).collect();
        let contents = |chunks: &[Value]| {
            let folded = plain::fold(chunks);
            (0..2).map(|choice| {
                let candidates = folded["candidates"].as_array().into_iter().flatten();
                let mut of_choice = candidates.filter(|candidate| candidate["index"] == choice);
                of_choice.next().map_or(json!([]), |candidate| candidate["parts"].clone())
            }).collect::<Vec<_>>()
        };
        let chunks = chunks_of(&bytes);
        prop_assert_eq!(contents(&chunks), contents(&expected));
        // The reader finds the same again.
        let again = written(&read(&chunks), Writer::new(&TOLD));
        prop_assert_eq!(contents(&chunks_of(&again)), contents(&expected));
        // Whatever was written before a break is whole, and has no reason.
        let short = written(&events[..cut.index(events.len())], Writer::new(&TOLD));
        prop_assert!(chunks_of(&short).iter().all(|chunk| chunk["candidates"][0].get("finishReason").is_none()));
    }
}
