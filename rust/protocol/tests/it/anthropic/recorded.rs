//! Recorded traffic of the Messages API, where it is at hand: what is read and written again is the same.

use std::sync::LazyLock;

use base64::Engine as _;
use serde_json::{Value, json};
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::{Head, Wanted, anthropic};
use tollway_protocol::json::Json;

use crate::recorded::{EXCHANGES, JUDGED, cases, has};

use super::validity::{Folded, fold};
use super::{TOLD, json as parse, sent, streams, tree, without_nulls};

fn recordings() -> &'static [Value] {
    static CASES: LazyLock<Vec<Value>> =
        LazyLock::new(|| cases(EXCHANGES, |line| has(line, "provider", &["anthropic"])));
    &CASES
}

fn of_api(api: &str) -> impl Iterator<Item = &Value> {
    recordings().iter().filter(move |case| case["api"] == api)
}

/// An answer's bytes; some recorders kept them in base64.
fn answer_text(case: &Value) -> Option<String> {
    let text = case["resp"]["text"].as_str()?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).ok();
    Some(decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| text.to_owned()))
}

/// What is not told apart; see the module's documentation.
fn normal(mut request: Value) -> Value {
    if let Some(format) = request.as_object_mut().expect("an object").remove("output_format") {
        request["output_config"] = json!({ "format": format });
    }
    for (name, value) in request.as_object_mut().expect("an object") {
        let empty = value.as_array().is_some_and(Vec::is_empty);
        if (name == "stream" && *value == false) || (name != "messages" && empty) {
            *value = Value::Null;
        }
    }
    without_nulls(request)
}

#[test]
fn requests_are_read_and_written_again() {
    let mut seen = 0;
    for case in of_api("messages").filter(|case| case["status"] == 200) {
        let request = &case["req"]["json"];
        if !request.is_object() {
            continue;
        }
        let body = request.to_string();
        let read = super::read(&body).unwrap_or_else(|invalid| panic!("{}: {invalid}", case["path"]));
        let (written, lost) = sent(&read, request["model"].as_str().expect("a model"));
        assert_eq!(without_nulls(written), normal(request.clone()), "{}", case["path"]);
        assert_eq!(lost, Vec::<String>::new());
        seen += 1;
    }
    eprintln!("{seen} requests");
    assert!(recordings().is_empty() || seen > 290, "{seen}");
}

#[test]
fn counts_are_read_and_written_again() {
    let mut seen = 0;
    for case in of_api("count_tokens") {
        let request = &case["req"]["json"];
        let body = request.to_string();
        assert!(super::read(&body).is_err());
        let read = anthropic::request::read_count(parse(&body), Head::default()).expect("a request");
        let wanted = Wanted::new(request["model"].as_str().expect("a model"));
        let written = anthropic::request::write_count(&read, &wanted, &mut Losses::default()).expect("can be said");
        assert_eq!(tree(&written), without_nulls(request.clone()));
        let answer = answer_text(case).expect("an answer");
        let tokens = anthropic::count::read(parse(&answer)).expect("a count");
        assert_eq!(tree(&anthropic::count::write(tokens)), serde_json::from_str::<Value>(&answer).expect("JSON"));
        seen += 1;
    }
    eprintln!("{seen} counts");
    assert!(recordings().is_empty() || seen == 10, "{seen}");
}

#[test]
fn answers_are_read_and_written_again() {
    let mut seen = 0;
    for case in of_api("messages").filter(|case| case["status"] == 200 && case["stream"] == false) {
        let text = answer_text(case).expect("an answer");
        let answer = anthropic::answer::read(parse(&text)).unwrap_or_else(|it| panic!("{}: {it}", case["path"]));
        let written = without_nulls(tree(&anthropic::answer::write(&answer, &TOLD)));
        let original: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(written, without_nulls(original), "{}", case["path"]);
        seen += 1;
    }
    eprintln!("{seen} answers");
    assert!(recordings().is_empty() || seen > 200, "{seen}");
}

/// Streams that are whole, framed as they were on the wire.
pub(super) fn recorded_streams() -> Vec<String> {
    let streams = of_api("messages").filter(|case| case["status"] == 200 && case["stream"] == true);
    let texts = streams.filter_map(answer_text).filter(|text| text.contains("event:"));
    texts.map(|text| format!("{}\n\n", text.trim_end())).collect()
}

#[test]
fn streams_are_read_and_written_again() {
    let mut seen = 0;
    for text in recorded_streams() {
        let original = streams::events_of(&text);
        let out = streams::translated(&text, usize::MAX).expect("in order");
        let (before, after) = (fold(&original), super::validity::checked(&out));
        assert_eq!(after, Folded { pings: 0, ..before });
        assert_eq!(streams::translated(&text, 7).expect("in order"), out);
        seen += 1;
    }
    eprintln!("{seen} streams");
    assert!(recordings().is_empty() || seen > 90, "{seen}");
}

/// The answers that the judge of translations serves as this dialect's upstream.
#[test]
fn answers_to_be_translated_are_read() {
    let cases = cases(JUDGED, |line| has(line, "target", &["anthropic"]));
    for case in cases.iter().filter(|case| case["upstream_status"].as_u64().unwrap_or(200) == 200) {
        let given = &case["upstream_response"];
        let (before, after) = if let Some(events) = given.as_array() {
            let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
            let out = streams::translated(&text, 61).unwrap_or_else(|invalid| panic!("{}: {invalid}", case["id"]));
            (fold(events).message, super::validity::checked(&out).message)
        } else {
            let text = given.to_string();
            let answer = anthropic::answer::read(parse(&text)).unwrap_or_else(|it| panic!("{}: {it}", case["id"]));
            (given.clone(), tree(&anthropic::answer::write(&answer, &TOLD)))
        };
        assert_eq!(without_nulls(after), without_nulls(before), "{}", case["id"]);
    }
    eprintln!("{} answers to be translated", cases.len());
}

#[test]
fn errors_are_no_answers() {
    for case in of_api("messages").filter(|case| case["status"] != 200) {
        let text = answer_text(case).expect("an answer");
        assert!(anthropic::answer::read(parse(&text)).is_err());
        let told = tollway_protocol::dialect::parse_error(text.as_bytes()).expect("an error");
        assert!(!told.message.is_empty() && told.kind.is_some());
    }
    assert!(Json::parse(b"").is_err());
}
