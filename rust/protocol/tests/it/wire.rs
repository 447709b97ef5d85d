//! Recorded chat completions, where they are at hand.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::Value;
use tollway_protocol::{
    dialect::openai::{Chunk, classify, is_canonical_error, quick, usage_of_answer},
    dialect::parse_error,
    peek::peek,
    sse::{Decoder, Event},
    text::rewrite_strings,
};

use crate::recorded::{EXCHANGES, cases, has};

/// The recorded exchanges of the APIs that speak this dialect; empty, with a message, where there are none.
fn recordings() -> &'static [Value] {
    static CASES: LazyLock<Vec<Value>> =
        LazyLock::new(|| cases(EXCHANGES, |line| has(line, "api", &["chat", "completions"])));
    &CASES
}

/// Streams as they were on the wire; some recorders kept them as base64 or without their framing.
fn streams(cases: &[Value]) -> Vec<(&str, &str)> {
    let streams = cases.iter().filter(|case| case["stream"] == true && case["status"] == 200);
    streams
        .filter_map(|case| Some((case["path"].as_str()?, case["resp"]["text"].as_str()?)))
        .filter(|(_, text)| text.trim_start().starts_with("data:") || text.starts_with(':'))
        .collect()
}

fn decode(text: &str, chunk: usize) -> (Vec<Event>, Bytes) {
    let mut decoder = Decoder::new(1 << 20);
    let mut events = Vec::new();
    for chunk in text.as_bytes().chunks(chunk.max(1)) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().expect("small") {
            events.push(event);
        }
    }
    (events, decoder.take_rest())
}

/// The same by lines and a tree: what the recorded stream carries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    content: bool,
    finish: bool,
    done: bool,
    output: Option<u64>,
}

fn told_by_tree(text: &str) -> Told {
    let mut told = Told::default();
    for data in text.lines().filter_map(|line| line.trim_start().strip_prefix("data:")) {
        if data.trim() == "[DONE]" {
            told.done = true;
            continue;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(data) else { continue };
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            let delta = choice["delta"].as_object().or(choice["message"].as_object());
            let in_delta = delta.is_some_and(|delta| delta.iter().any(|(key, value)| key != "role" && is_full(value)));
            told.finish |= choice["finish_reason"].is_string();
            told.content |= in_delta || is_full(&choice["text"]);
        }
        let groq = &chunk["x_groq"]["usage"]["completion_tokens"];
        told.output = output_of(&chunk["usage"]).or(groq.as_u64()).or(told.output);
    }
    told
}

/// The output with the reasoning, which one server counts apart: its total shows it.
fn output_of(usage: &Value) -> Option<u64> {
    let [input, output, total] =
        ["prompt_tokens", "completion_tokens", "total_tokens"].map(|name| usage[name].as_u64());
    let apart = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0);
    let is_apart = apart > 0 && total == Some(input.unwrap_or(0) + output.unwrap_or(0) + apart);
    Some(output? + if is_apart { apart } else { 0 })
}

fn is_full(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_full),
        Value::Object(members) => members.values().any(is_full),
        Value::Bool(yes) => *yes,
        Value::Number(_) => true,
    }
}

fn told_by_look(events: &[Event], look: fn(&[u8]) -> Chunk) -> Told {
    let mut told = Told::default();
    for data in events.iter().filter_map(Event::data) {
        match look(&data) {
            Chunk::Done => told.done = true,
            Chunk::Content { finish, usage } => {
                told.content |= !finish;
                told.finish |= finish;
                told.output = usage.and_then(|usage| usage.all_output()).or(told.output);
            }
            Chunk::UsageOnly(usage) => told.output = usage.all_output().or(told.output),
            Chunk::Preamble => {}
            other => panic!("{other:?} for {}", String::from_utf8_lossy(&data)),
        }
    }
    told
}

#[test]
fn streams_decode_whole_at_any_chunk_size_and_tell_what_they_carry() {
    let cases = recordings();
    let mut quick_is_plain = 0;
    let mut looked = 0;
    for (path, text) in streams(cases) {
        // Recorders trim the last blank line; whitespace before a field name would make another field of it.
        let text = format!("{}\n\n", text.trim());
        let (events, rest) = decode(&text, text.len());
        assert!(rest.is_empty() && !events.is_empty(), "{path}");
        let joined: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
        assert_eq!(joined, text.as_bytes(), "{path}");
        for chunk in [1, 61, 1021] {
            assert_eq!(decode(&text, chunk), (events.clone(), Bytes::new()), "{path} by {chunk}");
        }
        let told = told_by_look(&events, classify);
        let expected = told_by_tree(&text);
        assert_eq!((told.finish, told.done, told.output), (expected.finish, expected.done, expected.output), "{path}");
        assert!(told.content || !expected.content || told.finish, "{path}");
        for data in events.iter().filter_map(Event::data) {
            let (full, fast) = (classify(&data), quick(&data));
            let plain = Chunk::Content { finish: false, usage: None };
            assert!(fast == full || (fast == plain && full == Chunk::Preamble), "{path}: {fast:?}, {full:?}");
            looked += 1;
            quick_is_plain += usize::from(fast == plain);
        }
    }
    assert!(cases.is_empty() || (looked > 5000 && quick_is_plain * 10 > looked * 8), "{quick_is_plain} of {looked}");
}

#[test]
fn answers_tell_their_usage() {
    let cases = recordings();
    let mut with_usage = 0;
    for case in cases.iter().filter(|case| case["stream"] == false && case["status"] == 200) {
        let Some(text) = case["resp"]["text"].as_str() else { continue };
        let Ok(tree @ Value::Object(_)) = serde_json::from_str::<Value>(text) else { continue };
        let answer = usage_of_answer(text.as_bytes()).expect("an object");
        let usage = answer.usage.unwrap_or_default();
        assert_eq!(usage.all_input(), tree["usage"]["prompt_tokens"].as_u64(), "{}", case["path"]);
        assert_eq!(usage.all_output(), output_of(&tree["usage"]), "{}", case["path"]);
        let reasoning = &tree["usage"]["completion_tokens_details"]["reasoning_tokens"];
        assert_eq!(usage.reasoning, reasoning.as_u64(), "{}", case["path"]);
        assert_eq!(answer.model.as_deref(), tree["model"].as_str());
        assert_eq!(answer.finish.as_deref(), tree["choices"][0]["finish_reason"].as_str());
        with_usage += usize::from(usage.input.is_some());
    }
    assert!(cases.is_empty() || with_usage > 800, "{with_usage}");
}

#[test]
fn errors_are_read() {
    let cases = recordings();
    let failed = cases.iter().filter(|case| case["status"].as_u64().is_some_and(|status| status >= 400));
    let mut canonical = 0;
    for text in failed.filter_map(|case| case["resp"]["text"].as_str()) {
        let error = parse_error(text.as_bytes());
        assert!(error.is_some_and(|error| !error.message.is_empty()), "{text}");
        canonical += usize::from(is_canonical_error(text.as_bytes()));
    }
    assert!(cases.is_empty() || canonical > 10, "{canonical}");
}

#[test]
fn requests_are_peeked_and_walked() {
    let cases = recordings();
    for request in cases.iter().map(|case| &case["req"]["json"]).filter(|request| request["model"].is_string()) {
        for body in [request.to_string(), format!("{request:#}")] {
            let found = peek(body.as_bytes()).expect("well-formed");
            assert_eq!(found.model.map(|model| model.text).as_deref(), request["model"].as_str());
            assert_eq!(found.stream, request["stream"] == true);
            assert_eq!(found.messages.is_some(), request["messages"].is_array());
            let same = rewrite_strings(body.as_bytes(), &mut |_, text| Some(text.to_owned())).expect("well-formed");
            let same = same.unwrap_or_else(|| body.clone().into_bytes());
            assert_eq!(&serde_json::from_slice::<Value>(&same).expect("JSON"), request);
        }
    }
}
