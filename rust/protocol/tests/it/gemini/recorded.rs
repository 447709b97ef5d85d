//! Recorded traffic of the Gemini API and Vertex AI: what is read is written again as it was.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tollway_protocol::canonical::Losses;
use tollway_protocol::canonical::{Body, Event, StopReason};
use tollway_protocol::dialect::gemini::{answer, count, embeddings, stream};
use tollway_protocol::dialect::{Wanted, parse_error};

use super::{
    TOLD, array_of, chunks_of, data_of, events_of, head, leaked, plain, read_answer, read_request, value,
    write_request, written,
};

use crate::recorded::{EXCHANGES, cases, has};

/// The recorded exchanges; empty where there are none.
fn recordings() -> &'static [Value] {
    const PROVIDERS: [&str; 2] = ["gemini", "vertex"];
    static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| cases(EXCHANGES, |line| has(line, "provider", &PROVIDERS)));
    &CASES
}

fn of_api<'c>(apis: &'c [&'c str], status: u64) -> impl Iterator<Item = &'static Value> + 'c {
    recordings()
        .iter()
        .filter(move |case| case["api"].as_str().is_some_and(|api| apis.contains(&api)) && case["status"] == status)
}

/// The bytes of an answer; some recorders kept them in base64.
fn body(case: &Value) -> Vec<u8> {
    let text = case["resp"]["text"].as_str().unwrap_or_default();
    match STANDARD.decode(text) {
        Ok(bytes) if !bytes.is_empty() => bytes,
        _ => text.as_bytes().to_vec(),
    }
}

fn model(case: &Value) -> String {
    let url = case["url"].as_str().unwrap_or_default();
    let tail = url.rsplit("/models/").next().unwrap_or_default();
    tail.split(':').next().unwrap_or_default().to_owned()
}

#[test]
fn requests() {
    let mut read = 0;
    for case in of_api(&["generateContent", "streamGenerateContent"], 200) {
        let document = &case["req"]["json"];
        if !document.is_object() {
            continue;
        }
        let model = model(case);
        let request = read_request(document, &model).unwrap_or_else(|invalid| panic!("{}: {invalid}", case["path"]));
        let (again, losses) = write_request(&request, &model).expect("written");
        assert_eq!(again, plain::request(document), "{}", case["path"]);
        assert_eq!(losses, [""; 0], "{}", case["path"]);
        read += 1;
    }
    eprintln!("{read} requests");
    assert!(recordings().is_empty() || read > 250, "{read}");
}

#[test]
fn answers() {
    let (mut read, mut called, mut cited) = (0, 0, 0);
    for case in of_api(&["generateContent"], 200) {
        let document: Value = serde_json::from_slice(&body(case)).expect("JSON");
        let whole = read_answer(&document).unwrap_or_else(|invalid| panic!("{}: {invalid}", case["path"]));
        assert_eq!(value(&answer::write(&whole, &TOLD)), plain::answer(&document), "{}", case["path"]);
        for choice in &whole.choices {
            let calls = choice.parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
            let stopped = choice.stop.as_ref().expect("a reason").reason;
            assert!(!calls || stopped == StopReason::ToolUse, "{stopped:?}");
            called += usize::from(calls);
            let notes =
                choice.parts.iter().map(|part| if let Body::Text(_, notes) = &part.body { notes.len() } else { 0 });
            cited += notes.sum::<usize>();
        }
        let (counted, tokens) = (&document["usageMetadata"], whole.usage.unwrap_or_default());
        let sum = |names: [&str; 2]| names.iter().filter_map(|name| counted[name].as_u64()).sum::<u64>();
        assert_eq!(tokens.all_input().unwrap_or(0), sum(["promptTokenCount", "toolUsePromptTokenCount"]));
        assert_eq!(tokens.all_output().unwrap_or(0), sum(["candidatesTokenCount", "thoughtsTokenCount"]));
        read += 1;
    }
    eprintln!("{read} answers, {called} with calls, {cited} citations");
    assert!(recordings().is_empty() || (read > 200 && called > 50 && cited > 20), "{read} {called} {cited}");
}

#[test]
fn streams() {
    let (mut read, mut chunks) = (0, 0);
    for case in of_api(&["streamGenerateContent"], 200) {
        let bytes = body(case);
        let text = String::from_utf8(bytes).expect("text");
        let text = text.trim();
        let (original, events) = if text.starts_with('[') {
            let original: Vec<Value> = serde_json::from_str(text).expect("JSON");
            (original, events_of([text.as_bytes()], true))
        } else {
            let framed = format!("{text}\r\n\r\n");
            let data = data_of(framed.as_bytes(), framed.len());
            for cut in [1, 61, 1021] {
                assert_eq!(data_of(framed.as_bytes(), cut), data);
            }
            (chunks_of(framed.as_bytes()), events_of(data.iter().map(AsRef::as_ref), true))
        };
        let events = events.unwrap_or_else(|invalid| panic!("{}: {invalid}", case["path"]));
        assert_eq!(events.last(), Some(&Event::End), "{}", case["path"]);
        let again = written(&events, stream::Writer::new(&TOLD));
        assert_eq!(plain::fold(&chunks_of(&again)), plain::fold(&original), "{}", case["path"]);
        let array = array_of(&written(&events, stream::Writer::new(&TOLD)));
        let array: Vec<Value> = serde_json::from_slice(&array).expect("one array");
        assert_eq!(array, chunks_of(&again), "{}", case["path"]);
        // Broken off at any chunk, it has no end.
        let serialised: Vec<Vec<u8>> = original.iter().map(|chunk| chunk.to_string().into_bytes()).collect();
        for length in 0..original.len() {
            let events = events_of(serialised[..length].iter().map(AsRef::as_ref), true).expect("read");
            assert!(!events.contains(&Event::End), "{} of {}", length, case["path"]);
        }
        read += 1;
        chunks += original.len();
    }
    eprintln!("{read} streams of {chunks} chunks");
    assert!(recordings().is_empty() || (read > 35 && chunks > 180), "{read} {chunks}");
}

#[test]
fn counts_and_embeddings() {
    let (mut counts, mut embedded) = (0, 0);
    for case in of_api(&["countTokens"], 200) {
        let (document, model) = (&case["req"]["json"], model(case));
        let request = count::read(leaked(document), head(&model)).expect("read");
        let again = value(&count::write(&request, &Wanted::new(&model), &mut Losses::default()).expect("written"));
        let unwrapped = |document: &Value| plain::request(document.get("generateContentRequest").unwrap_or(document));
        assert_eq!(unwrapped(&again), unwrapped(document));
        assert_eq!(again.get("generateContentRequest").is_some(), document.get("generateContentRequest").is_some());
        let answer: Value = serde_json::from_slice(&body(case)).expect("JSON");
        let tokens = count::read_answer(leaked(&answer)).expect("a count");
        assert_eq!(value(&count::write_answer(&tokens))["totalTokens"], answer["totalTokens"]);
        counts += 1;
    }
    for case in of_api(&["embedContent"], 200) {
        let (document, model) = (&case["req"]["json"], model(case));
        let request = embeddings::read(leaked(document), head(&model)).expect("read");
        assert!(embeddings::is_batch(&request));
        let again = value(&embeddings::write(&request, &Wanted::new(&model), &mut Losses::default()).expect("written"));
        let texts = |document: &Value| {
            let each = document["requests"].as_array().expect("a list").iter();
            each.map(|one| (one["outputDimensionality"].clone(), one["content"]["parts"][0]["text"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&again), texts(document));
        let answer: Value = serde_json::from_slice(&body(case)).expect("JSON");
        let read = embeddings::read_answer(leaked(&answer)).expect("read");
        assert_eq!(read.data.len(), request.inputs.len());
        assert_eq!(value(&embeddings::write_answer(&read, true)), answer);
        embedded += 1;
    }
    eprintln!("{counts} counts, {embedded} embeddings");
    assert!(recordings().is_empty() || (counts > 7 && embedded > 4), "{counts} {embedded}");
}

#[test]
fn errors_are_told_as_google_tells_them() {
    for case in recordings().iter().filter(|case| case["status"].as_u64().is_some_and(|status| status >= 400)) {
        let bytes = body(case);
        let error = parse_error(&bytes).expect("an error");
        let status = error.status.expect("a status");
        let document: Value = serde_json::from_slice(&bytes).expect("JSON");
        let told = super::aside::told(status, &error.message);
        for name in ["code", "message", "status"] {
            assert_eq!(told["error"][name], document["error"][name], "{document}");
        }
    }
}
