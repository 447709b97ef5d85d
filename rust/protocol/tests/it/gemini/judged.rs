//! The provider's answers of the translation cases: what they say, found by rules of the tests' own.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Body, Choice, Delta, Event, Opening, StopReason, Usage};

use super::{chunks_of, data_of, events_of, read_answer};
use crate::recorded::{JUDGED, cases, has};

/// Text without thoughts, calls, why it ended, and tokens in and out.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    calls: Vec<Value>,
    reason: String,
    tokens: (u64, u64),
}

fn by_rules(chunks: &[Value]) -> Said {
    let mut said = Said::default();
    for chunk in chunks {
        let candidate = &chunk["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            if part["thought"] != true {
                said.text += part["text"].as_str().unwrap_or_default();
            }
            if let Some(call) = part.get("functionCall") {
                let arguments = call.get("args").cloned().unwrap_or_else(|| json!({}));
                said.calls.push(json!([call["name"], arguments]));
            }
        }
        if let Some(word) = candidate.get("finishReason") {
            said.reason = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        }
        let count = |name: &str| chunk["usageMetadata"][name].as_u64().unwrap_or(0);
        if chunk.get("usageMetadata").is_some() {
            let input = count("promptTokenCount") + count("toolUsePromptTokenCount");
            said.tokens = (input, count("candidatesTokenCount") + count("thoughtsTokenCount"));
        }
    }
    said.reason = match said.reason.as_str() {
        "STOP" | "1" if !said.calls.is_empty() => "ToolUse",
        "STOP" | "1" => "End",
        "MAX_TOKENS" | "2" => "Length",
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => "MalformedCall",
        "" | "SAFETY" | "3" | "PROHIBITED_CONTENT" | "RECITATION" => "Filter",
        _ => "Other",
    }
    .to_owned();
    said
}

fn tokens(usage: Option<Usage>) -> (u64, u64) {
    let usage = usage.unwrap_or_default();
    (usage.all_input().unwrap_or(0), usage.all_output().unwrap_or(0))
}

fn of_choice(choice: &Choice<'_>, usage: Option<Usage>) -> Said {
    let mut said = Said { tokens: tokens(usage), ..Said::default() };
    for part in &choice.parts {
        match &part.body {
            Body::Text(text, _) => said.text += text,
            Body::ToolCall(call) => said.calls.push(json!([call.name, arguments(&call.arguments.to_text())])),
            _ => {}
        }
    }
    said.reason = format!("{:?}", choice.stop.as_ref().map_or(StopReason::Other, |stop| stop.reason));
    said
}

fn arguments(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn of_events(events: &[Event<'_>]) -> Said {
    let mut said = Said::default();
    let mut texts = Vec::new();
    let mut usage = Usage::default();
    for event in events {
        match event {
            Event::Open { choice: 0, part, opening: Opening::Text } => texts.push(*part),
            Event::Open { choice: 0, opening: Opening::ToolCall { name, .. }, .. } => {
                said.calls.push(json!([name, null]))
            }
            Event::Delta { choice: 0, part, delta: Delta::Text(text) } if texts.contains(part) => said.text += text,
            Event::Delta { choice: 0, delta: Delta::Arguments(text), .. } => {
                said.calls.last_mut().expect("a call")[1] = arguments(text);
            }
            Event::Stop { choice: 0, stop } => said.reason = format!("{:?}", stop.reason),
            Event::Usage(newer) => usage = usage.updated(*newer),
            _ => {}
        }
    }
    said.tokens = tokens(Some(usage));
    said
}

#[test]
fn answers_say_what_google_said() {
    let (mut whole, mut streamed) = (0, 0);
    for case in cases(JUDGED, |line| has(line, "target", &["google"])) {
        let Some(text) = case["upstream_text"].as_str() else { continue };
        if case["upstream_status"].as_u64().is_some_and(|status| status >= 400) {
            continue;
        }
        if case["stream"] == true {
            let framed = format!("{}\r\n\r\n", text.trim());
            let data = data_of(framed.as_bytes(), 7);
            let events = events_of(data.iter().map(AsRef::as_ref), true).expect("read");
            assert_eq!(of_events(&events), by_rules(&chunks_of(framed.as_bytes())), "{}", case["id"]);
            streamed += 1;
        } else {
            let document: Value = serde_json::from_str(text).expect("JSON");
            let answer = read_answer(&document).expect("read");
            let said = of_choice(&answer.choices[0], answer.usage);
            assert_eq!(said, by_rules(std::slice::from_ref(&document)), "{}", case["id"]);
            whole += 1;
        }
    }
    eprintln!("{whole} answers, {streamed} streams");
    assert!(whole == 0 || (whole > 150 && streamed > 20), "{whole} {streamed}");
}
