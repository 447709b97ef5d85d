//! Recorded traffic, where it is at hand (see `wire.rs`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tollway_protocol::canonical::{Answer, Body, Event, Losses, Part, Rest, Usage};
use tollway_protocol::dialect::responses::{answer, request, stream};
use tollway_protocol::dialect::{Head, ReadStream, Wanted, WriteStream};
use tollway_protocol::json::Json;
use tollway_protocol::sse::Decoder;

use super::{lean, told, value};
use crate::recorded::{EXCHANGES, cases, has};

/// The recorded exchanges of this dialect; empty, with a message, where there are none.
fn recordings() -> &'static [Value] {
    static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| cases(EXCHANGES, |line| has(line, "api", &["responses"])));
    &CASES
}

/// The bodies of recorded answers, whole or streamed. Some recorders kept streams as base64.
fn bodies(streamed: bool) -> impl Iterator<Item = (String, String)> {
    let cases = recordings().iter().filter(move |case| case["stream"] == streamed && case["status"] == 200);
    cases.filter_map(|case| {
        let text = case["resp"]["text"].as_str()?;
        let decoded = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Some((case["path"].as_str()?.to_owned(), decoded.unwrap_or_else(|| text.to_owned())))
    })
}

pub(super) fn events(text: &str, chunk: usize) -> Vec<Bytes> {
    let mut decoder = Decoder::new(1 << 22);
    let mut events = Vec::new();
    for chunk in text.as_bytes().chunks(chunk.max(1)) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().expect("small") {
            events.extend(event.data());
        }
    }
    events
}

/// The stream, read and written again.
pub(super) fn rewritten(events: &[Bytes]) -> (String, Option<Usage>) {
    let (mut reader, mut writer, mut out) = (stream::Reader::default(), stream::Writer::new(&told()), BytesMut::new());
    for data in events {
        let read = reader.read(data, &mut |event| writer.write(event, &mut out));
        read.unwrap_or_else(|invalid| panic!("{invalid}: {}", String::from_utf8_lossy(data)));
    }
    reader.end(&mut |event: Event<'_>| writer.write(event, &mut out));
    (String::from_utf8(out.to_vec()).expect("text"), writer.usage())
}

/// The whole answer that the last event of a stream holds.
pub(super) fn folded(events: &[Bytes]) -> Value {
    let last: Value = serde_json::from_slice(events.last().expect("an event")).expect("JSON");
    last["response"].clone()
}

#[test]
fn requests_come_out_as_they_went_in() {
    let mut count = 0;
    for case in recordings().iter().filter(|case| case["req"]["json"].is_object()) {
        let body = case["req"]["json"].to_string();
        // A few were recorded to show what is refused.
        let Ok(read) = request::read(Json::parse(body.as_bytes()).expect("JSON"), Head::default()) else {
            assert_ne!(case["status"], 200, "{}", case["path"]);
            continue;
        };
        let model = read.model.clone().into_owned();
        let mut original = lean(case["req"]["json"].clone());
        original["model"] = Value::from(model.as_str());
        let mut losses = Losses::default();
        let written = request::write(&read, &Wanted::new(&model), &mut losses).expect("it can be said");
        assert_eq!(lean(value(&written)), original, "{}", case["path"]);
        assert!(losses.is_empty(), "{:?}", losses.names());
        count += 1;
    }
    eprintln!("{count} requests");
    assert!(recordings().is_empty() || count > 430, "{count}");
}

#[test]
fn answers_come_out_as_they_went_in() {
    let mut count = 0;
    for (path, body) in bodies(false) {
        let read = answer::read(Json::parse(body.as_bytes()).expect("JSON")).expect(&path);
        let written = lean(value(&answer::write(&read, &told())));
        let original = lean(serde_json::from_str(&body).expect("JSON"));
        let (written, original) = (written.as_object().expect("an object"), original.as_object().expect("an object"));
        for (name, value) in original {
            // Bedrock leaves out a name that the types demand.
            let own = written.get(name).map(|value| value.to_string().replace(r#""id":"fc_tw_abc_1","#, ""));
            assert_eq!(own, Some(value.to_string()), "{path}: {name}");
        }
        // What is new is what the official types demand.
        let new: Vec<&String> = written.keys().filter(|name| !original.contains_key(*name)).collect();
        let demanded = ["background", "metadata", "reasoning", "store", "text", "truncation", "status"];
        assert!(new.iter().all(|name| demanded.contains(&name.as_str())), "{path}: {new:?}");
        count += 1;
    }
    eprintln!("{count} answers");
    assert!(recordings().is_empty() || count > 350, "{count}");
}

/// An answer without what a stream has no events for, members of the response and of messages; and with the length of
/// signatures only, as OpenAI encrypts anew for each event.
fn bare(mut answer: Answer<'_>) -> Answer<'_> {
    answer.rest = Rest::none();
    for part in answer.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        part.rest = Rest::none();
        if let Some(signature) = &mut part.signature {
            signature.value = (signature.value.len() / 512).to_string().into();
        }
    }
    answer
}

#[test]
fn streams_hold_the_same_answer_again() {
    let mut count = 0;
    for (path, text) in bodies(true) {
        let original = events(&format!("{}\n\n", text.trim()), text.len() + 2);
        let (written, usage) = rewritten(&original);
        let written = events(&written, written.len());
        let (before, after) = (folded(&original).to_string(), folded(&written).to_string());
        let before = bare(answer::read(Json::parse(before.as_bytes()).expect("JSON")).expect(&path));
        let after = bare(answer::read(Json::parse(after.as_bytes()).expect("JSON")).expect(&path));
        let is_empty = |part: &Part<'_>| matches!(&part.body, Body::Foreign(_, json) if json.get("content").is_some());
        let mut expected = before.clone();
        expected.choices[0].parts.retain(|part| !is_empty(part));
        if !before.id.as_deref().is_some_and(|id| id.starts_with("resp_")) {
            expected.id = Some("resp_abc".into());
        }
        // What the types demand is 0 where the provider left it out.
        if let Some(usage) = &mut expected.usage {
            usage.cache_write.get_or_insert(0);
            // The tier is for the gateway; a caller's stream does not repeat it.
            usage.tier = None;
        }
        assert_eq!(after, expected, "{path}");
        assert_eq!(usage, before.usage, "{path}");
        count += 1;
    }
    eprintln!("{count} streams");
    assert!(recordings().is_empty() || count > 60, "{count}");
}

#[test]
fn streams_read_the_same_wherever_they_are_cut() {
    for (path, text) in bodies(true).take(12) {
        let text = format!("{}\n\n", text.trim());
        let whole = events(&text, text.len());
        for chunk in [1, 7, 1021] {
            assert_eq!(events(&text, chunk), whole, "{path} by {chunk}");
        }
        let (all, _) = rewritten(&whole);
        for kept in 0..whole.len() {
            let mut ends = 0;
            let mut reader = stream::Reader::default();
            let mut writer = stream::Writer::new(&told());
            let mut out = BytesMut::new();
            for data in whole.iter().take(kept) {
                reader.read(data, &mut |event| writer.write(event, &mut out)).expect("in order");
            }
            reader.end(&mut |event| {
                ends += usize::from(event == Event::End);
                writer.write(event, &mut out);
            });
            assert_eq!(ends, 0, "{path} after {kept}");
            let cut = String::from_utf8(out.to_vec()).expect("text");
            assert!(!cut.contains("event: response.completed"), "{path} after {kept}");
        }
        let types: BTreeMap<String, usize> = events(&all, 64).iter().fold(BTreeMap::new(), |mut types, data| {
            let event: Value = serde_json::from_slice(data).expect("JSON");
            *types.entry(event["type"].as_str().expect("a type").to_owned()).or_default() += 1;
            types
        });
        assert_eq!(types["response.created"], 1, "{path}");
        assert_eq!(types["response.output_item.added"], types["response.output_item.done"], "{path}");
    }
}
