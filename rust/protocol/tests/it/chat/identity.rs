//! All recorded exchanges of this dialect: what is read and written again is the same.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::openai::{answer, completions, embeddings, request};
use tollway_protocol::dialect::{Head, Wanted};
use tollway_protocol::json::Json;
use tollway_protocol::sse::Decoder;

use super::fold::fold;
use super::{TOLD, again, datas, tree};
use crate::recorded::{EXCHANGES, cases, has};

fn recordings() -> &'static [Value] {
    const APIS: [&str; 3] = ["chat", "completions", "embeddings"];
    static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| cases(EXCHANGES, |line| has(line, "api", &APIS)));
    &CASES
}

fn of_api(api: &str) -> impl Iterator<Item = &'static Value> {
    recordings().iter().filter(move |case| case["api"] == api)
}

/// The body of an answer; some recorders kept it in base64.
fn body(case: &Value) -> Option<String> {
    let text = case["resp"]["text"].as_str()?;
    let decoded = STANDARD.decode(text.replace('\n', "")).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Some(decoded.unwrap_or_else(|| text.to_owned()))
}

/// Without nulls, which are absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let filled = members.into_iter().filter(|(_, value)| !value.is_null());
            filled.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Where two documents differ first.
fn difference(left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(some), Value::Object(others)) => {
            let names = some.keys().chain(others.keys());
            names.into_iter().find_map(|name| {
                let none = Value::Null;
                let inner = difference(some.get(name).unwrap_or(&none), others.get(name).unwrap_or(&none))?;
                Some(format!(".{name}{inner}"))
            })
        }
        (Value::Array(some), Value::Array(others)) if some.len() == others.len() => {
            let mut pairs = some.iter().zip(others).enumerate();
            pairs.find_map(|(at, (one, other))| Some(format!("[{at}]{}", difference(one, other)?)))
        }
        _ if left == right => None,
        _ => Some(format!(": {left:.200} for {right:.200}")),
    }
}

/// Each document that differs, and where. All are shown, not the first alone.
#[derive(Default)]
struct Differences {
    same: usize,
    found: Vec<String>,
}

impl Differences {
    fn compare(&mut self, case: &Value, written: Value, expected: Value) {
        match difference(&without_nulls(written), &without_nulls(expected)) {
            Some(place) => self.found.push(format!("{} {place}", case["path"])),
            None => self.same += 1,
        }
    }

    fn judge(self, what: &str, least: usize) {
        eprintln!("{} {what} are the same", self.same);
        assert!(self.found.is_empty(), "{} {what} differ:\n{}", self.found.len(), self.found.join("\n"));
        assert!(recordings().is_empty() || self.same >= least, "{} {what}", self.same);
    }
}

/// What the module's documentation says is not kept.
fn normal_message(message: &mut Value) {
    let more = ["tool_calls", "reasoning", "reasoning_content", "reasoning_details", "function_call", "refusal"];
    if message["content"] == ""
        && more.iter().any(|name| message[*name].as_str() != Some("") && !message[*name].is_null())
    {
        message["content"] = Value::Null;
    }
    if message["annotations"] == json!([]) {
        message["annotations"] = Value::Null;
    }
    if message["tool_calls"] == json!([]) {
        message["tool_calls"] = Value::Null;
    }
    if message["refusal"] == "" {
        message["refusal"] = Value::Null;
    }
}

fn normal_request(mut request: Value) -> Value {
    for message in request["messages"].as_array_mut().into_iter().flatten() {
        normal_message(message);
    }
    if request["tool_choice"] == "any" {
        request["tool_choice"] = "required".into();
    }
    for name in ["tools", "stop"] {
        if request[name] == json!([]) {
            request[name] = Value::Null;
        }
    }
    let streams = request["stream"] == true;
    request["stream_options"] = if streams { json!({"include_usage": true}) } else { Value::Null };
    if !streams {
        request["stream"] = Value::Null;
    }
    without_nulls(request)
}

#[test]
fn requests_are_the_same() {
    let mut differences = Differences::default();
    for case in of_api("chat") {
        let request = &case["req"]["json"];
        let (Some(model), true) = (request["model"].as_str(), request["messages"].is_array()) else { continue };
        let text = request.to_string();
        let read = request::read(Json::parse(text.as_bytes()).expect("JSON"), Head::default());
        // What the provider refused, we may.
        if read.is_err() && case["status"] == 400 {
            continue;
        }
        let read = read.expect("a request");
        let max_tokens = if request["max_tokens"].is_null() { "max_completion_tokens" } else { "max_tokens" };
        let mut losses = Losses::default();
        let wanted = Wanted { max_tokens, ..Wanted::new(model) };
        let written = request::write(&read, &wanted, &mut losses).expect("can be said");
        assert!(losses.is_empty(), "{losses:?} of {text}");
        differences.compare(case, tree(&written), normal_request(request.clone()));
    }
    differences.judge("chat requests", 1250);
}

#[test]
fn answers_are_the_same() {
    let mut differences = Differences::default();
    for case in of_api("chat").filter(|case| case["status"] == 200 && case["stream"] == false) {
        let Some(text) = body(case) else { continue };
        let Ok(mut expected @ Value::Object(_)) = serde_json::from_str::<Value>(&text) else { continue };
        if expected.get("choices").is_none() {
            let refused = answer::read(Json::parse(text.as_bytes()).expect("JSON")).expect_err("no answer");
            assert!(!refused.message.is_empty());
            continue;
        }
        let read = answer::read(Json::parse(text.as_bytes()).expect("JSON")).expect("an answer");
        for choice in expected["choices"].as_array_mut().into_iter().flatten() {
            normal_message(&mut choice["message"]);
            // Azure answers without one where it filters.
            choice["message"]["role"] = "assistant".into();
        }
        differences.compare(case, tree(&answer::write(&read, &TOLD)), expected);
    }
    differences.judge("chat answers", 900);
}

/// A recorded stream as it was on the wire.
fn streams() -> impl Iterator<Item = (&'static Value, String)> {
    let streams = of_api("chat").filter(|case| case["stream"] == true && case["status"] == 200);
    streams.filter_map(|case| {
        let text = body(case)?;
        // Recorders trim the last blank line.
        let framed = text.lines().any(|line| line.trim_start().starts_with("data:"));
        framed.then(|| (case, format!("{}\n\n", text.trim())))
    })
}

#[test]
fn streams_add_up_to_the_same() {
    let mut differences = Differences::default();
    for (case, text) in streams() {
        let original = datas(&text);
        let written = again(original.iter().map(|data| data.as_bytes())).expect("a stream");
        let (mut expected, folded) = (fold(&original), fold(&datas(&written)));
        if folded["done"] == true {
            expected["done"] = true.into();
        }
        // Some say no reason beside [DONE].
        for choice in expected["choices"].as_object_mut().expect("choices").values_mut() {
            if folded["done"] == true && choice["finish"].is_null() {
                choice["finish"] = if choice["calls"] == json!([]) { "stop" } else { "tool_calls" }.into();
            }
        }
        differences.compare(case, folded, expected);
    }
    differences.judge("chat streams", 180);
}

/// However the bytes are cut, and wherever they end: never a panic, and no end that was not said.
#[test]
fn streams_cut_anywhere() {
    for (case, text) in streams().step_by(7) {
        let whole = again(datas(&text).iter().map(|data| data.as_bytes())).expect("a stream");
        let mut decoder = Decoder::new(1 << 20);
        let mut cut = Vec::new();
        for byte in text.as_bytes() {
            decoder.push(Bytes::copy_from_slice(&[*byte]));
            while let Some(event) = decoder.next_event().expect("small") {
                cut.extend(event.data().map(|data| data.to_vec()));
            }
        }
        assert_eq!(again(cut.iter().map(Vec::as_slice)).expect("a stream"), whole, "{}", case["path"]);
        for events in 0..cut.len() {
            let datas = &cut[..events];
            let told = again(datas.iter().map(Vec::as_slice)).expect("a stream");
            let finished = datas.iter().any(|data| {
                let chunk: Value = serde_json::from_slice(data).unwrap_or_default();
                chunk["choices"].as_array().is_some_and(|list| list.iter().any(|one| one["finish_reason"].is_string()))
            });
            assert!(finished || !told.contains("[DONE]"), "{} after {events}", case["path"]);
        }
    }
}

#[test]
fn embeddings_are_the_same() {
    let (mut requests, mut answers) = (Differences::default(), Differences::default());
    for case in of_api("embeddings") {
        let asked = &case["req"]["json"];
        if let Some(model) = asked["model"].as_str().filter(|_| !asked["input"].is_null()) {
            let text = asked.to_string();
            let read = embeddings::read_request(Json::parse(text.as_bytes()).expect("JSON"), Head::default());
            if read.is_err() && case["status"] != 200 {
                continue;
            }
            let read = read.expect("a request");
            let mut losses = Losses::default();
            let written = embeddings::write_request(&read, &Wanted::new(model), &mut losses);
            requests.compare(case, tree(&written), asked.clone());
            assert!(losses.is_empty());
        }
        let Some(text) = body(case).filter(|_| case["status"] == 200) else { continue };
        let Ok(answered @ Value::Object(_)) = serde_json::from_str::<Value>(&text) else { continue };
        let read = embeddings::read(Json::parse(text.as_bytes()).expect("JSON")).expect("an answer");
        let base64 = answered["data"][0]["embedding"].is_string();
        let written = embeddings::write(&read, base64, &TOLD).expect("vectors");
        answers.compare(case, tree(&written), answered);
    }
    requests.judge("embeddings requests", 120);
    answers.judge("embeddings answers", 120);
}

/// Recorded text completions: each prompt becomes the message that it is, each answer's text is read, and said again.
#[test]
fn text_completions_reach_chat() {
    let (mut requests, mut answers) = (Differences::default(), Differences::default());
    for case in of_api("completions").filter(|case| case["status"] == 200) {
        let asked = &case["req"]["json"];
        let one = asked["prompt"].as_str().or(asked["prompt"][0].as_str().filter(|_| asked["prompt"][1].is_null()));
        if let (Some(prompt), Some(_)) = (one, asked["model"].as_str()) {
            let text = asked.to_string();
            let json = Json::parse(text.as_bytes()).expect("JSON");
            let read = completions::read(json, Head::default(), &mut Losses::default()).expect("a request");
            let written = request::write(&read, &Wanted::new("m"), &mut Losses::default()).expect("can be said");
            let expected = json!([{"role": "user", "content": prompt}]);
            requests.compare(case, tree(&written)["messages"].clone(), expected);
        }
        let Some(Ok(answered @ Value::Object(_))) = body(case).map(|text| serde_json::from_str::<Value>(&text)) else {
            continue;
        };
        if answered["choices"][0]["text"].is_string() && case["stream"] == false {
            let text = answered.to_string();
            let read = answer::read(Json::parse(text.as_bytes()).expect("JSON")).expect("an answer");
            let written = tree(&completions::write(&read, &TOLD));
            let said = |answer: &Value| -> Value {
                answer["choices"].as_array().expect("choices").iter().map(|choice| choice["text"].clone()).collect()
            };
            answers.compare(case, said(&written), said(&answered));
        }
    }
    requests.judge("text completion requests", 100);
    answers.judge("text completion answers", 60);
}
