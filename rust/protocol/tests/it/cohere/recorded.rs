//! Recorded traffic, where it is at hand. Set aside are answers of version 1 (31 of `/v1/chat`), and Writer's, whose
//! `/v1/chat` has the name alone in common: it answers in chat completions.

use std::sync::LazyLock;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tollway_protocol::canonical::{Answer, Arguments, Body, Delta, Event, Opening, Part};
use tollway_protocol::dialect::{Dialect, ErrorClass, classify, cohere, parse_error, rerank};
use tollway_protocol::json::Json;
use tollway_protocol::sse::Decoder;

use super::TOLD;
use crate::recorded::{EXCHANGES, cases, has};

const CALLERS: [Dialect; 4] = [Dialect::Chat, Dialect::Responses, Dialect::Anthropic, Dialect::Gemini];

fn recordings() -> &'static [Value] {
    static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
        cases(EXCHANGES, |line| has(line, "provider", &["cohere", "voyage"]) || has(line, "api", &["rerank"]))
    });
    &CASES
}

/// The answers with this status from this path, and whether each is a stream.
fn answers(path: &str, status: u16) -> Vec<(String, bool)> {
    let here = recordings().iter().filter(|case| case["status"] == status);
    let here = here.filter(|case| case["url"].as_str().is_some_and(|url| url.ends_with(path)));
    // Some recorders kept them in base64.
    let text = |case: &Value| {
        let text = case["resp"]["text"].as_str()?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).ok();
        Some(decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| text.to_owned()))
    };
    let told = |case: &Value| text(case).map(|text| (text, case["stream"] == true));
    here.filter_map(told).filter(|(text, _)| !text.is_empty()).collect()
}

/// What an answer says, in what every reader can tell: texts, thoughts, calls, why it ended, tokens.
#[derive(Debug, PartialEq, Default)]
struct Said {
    text: String,
    thoughts: String,
    calls: Vec<(String, String, String)>,
    word: Option<String>,
    billed: (Option<u64>, Option<u64>),
    cited: usize,
}

fn of_json(body: &Value) -> Said {
    let mut said =
        Said { text: body["message"]["tool_plan"].as_str().unwrap_or_default().to_owned(), ..Said::default() };
    for item in body["message"]["content"].as_array().into_iter().flatten() {
        said.text.push_str(item["text"].as_str().unwrap_or_default());
        said.thoughts.push_str(item["thinking"].as_str().unwrap_or_default());
    }
    for call in body["message"]["tool_calls"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        said.calls.push((text(&call["id"]), text(&call["function"]["name"]), text(&call["function"]["arguments"])));
    }
    for citation in body["message"]["citations"].as_array().into_iter().flatten() {
        said.cited += citation["sources"].as_array().map_or(0, Vec::len);
    }
    end(&mut said, &body["finish_reason"], &body["usage"]);
    said
}

fn end(said: &mut Said, word: &Value, usage: &Value) {
    said.word = word.as_str().map(str::to_owned);
    let billed = |name: &str| usage["billed_units"][name].as_u64();
    said.billed = (billed("input_tokens"), billed("output_tokens"));
}

fn of_answer(answer: &Answer<'_>) -> Said {
    let choice = &answer.choices[0];
    let mut said = Said::default();
    for Part { body, .. } in &choice.parts {
        match body {
            Body::Text(text, annotations) => {
                said.text.push_str(text);
                said.cited += annotations.len();
                let length = text.chars().count() as u64;
                let within = |span: (u64, u64)| span.0 < span.1 && span.1 <= length;
                assert!(annotations.iter().all(|one| one.span.is_some_and(within)), "{annotations:?}");
            }
            Body::Reasoning(thought) => said.thoughts.push_str(&thought.text),
            Body::ToolCall(call) => {
                let Arguments::Text(arguments) = &call.arguments else { panic!("text") };
                said.calls.push((call.id.clone().unwrap().into(), call.name.clone().into(), arguments.clone().into()));
            }
            other => panic!("{other:?}"),
        }
    }
    said.word = choice.stop.as_ref().and_then(|stop| stop.word.as_deref().map(str::to_owned));
    said.billed = answer.usage.map_or((None, None), |usage| (usage.all_input(), usage.all_output()));
    said
}

#[test]
fn whole_answers_lose_nothing() {
    let cases: Vec<_> = answers("/v2/chat", 200).into_iter().filter(|(_, stream)| !stream).collect();
    for (text, _) in &cases {
        let answer = Dialect::Cohere.read_answer(Json::parse(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(of_answer(&answer), of_json(&serde_json::from_str(text).unwrap()), "{text}");
        for caller in CALLERS {
            let written = caller.write_answer(&answer, &TOLD).to_bytes();
            let again = caller.read_answer(Json::parse(&written).unwrap()).unwrap();
            let (before, after) = (answer.usage.unwrap(), again.usage.unwrap());
            assert_eq!((before.all_input(), before.all_output()), (after.all_input(), after.all_output()));
        }
    }
    assert!(recordings().is_empty() || cases.len() >= 50, "{} answers", cases.len());
}

/// What the data of a stream's events says, by the events' own words.
fn of_events(stream: &str) -> Said {
    let mut said = Said::default();
    for data in stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]") {
        let event: Value = serde_json::from_str(data).unwrap();
        let message = &event["delta"]["message"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "tool-plan-delta" => said.text.push_str(&text(&message["tool_plan"])),
            "content-start" | "content-delta" => {
                said.text.push_str(&text(&message["content"]["text"]));
                said.thoughts.push_str(&text(&message["content"]["thinking"]));
            }
            "tool-call-start" => {
                let call = &message["tool_calls"];
                let arguments = text(&call["function"]["arguments"]);
                said.calls.push((text(&call["id"]), text(&call["function"]["name"]), arguments));
            }
            "tool-call-delta" => {
                let more = text(&message["tool_calls"]["function"]["arguments"]);
                said.calls[usize::try_from(event["index"].as_u64().unwrap()).unwrap()].2.push_str(&more);
            }
            "citation-start" => said.cited += message["citations"]["sources"].as_array().map_or(0, Vec::len),
            "message-end" => end(&mut said, &event["delta"]["finish_reason"], &event["delta"]["usage"]),
            _ => {}
        }
    }
    said
}

#[test]
fn streams_lose_nothing() {
    let cases: Vec<_> = answers("/v2/chat", 200).into_iter().filter(|(_, stream)| *stream).collect();
    let streams = cases.iter().filter(|(text, _)| text.contains("message-start"));
    let mut count = 0;
    for (text, _) in streams {
        count += 1;
        let mut decoder = Decoder::new(1 << 20);
        decoder.push(Bytes::copy_from_slice(text.as_bytes()));
        let mut reader = Dialect::Cohere.reader();
        let mut writers = CALLERS.map(|caller| caller.writer(&TOLD));
        let mut out = BytesMut::new();
        let (mut said, mut thinks, mut ended) = (Said::default(), Vec::new(), false);
        let mut each = |event: Event<'_>| {
            match &event {
                Event::Open { part, opening: Opening::Reasoning { .. }, .. } => thinks.push(*part),
                Event::Open { opening: Opening::ToolCall { id, name, .. }, .. } => {
                    said.calls.push((id.clone().unwrap().into(), name.to_string(), String::new()));
                }
                Event::Delta { part, delta: Delta::Text(text), .. } if thinks.contains(part) => {
                    said.thoughts.push_str(text);
                }
                Event::Delta { delta: Delta::Text(text), .. } => said.text.push_str(text),
                Event::Delta { delta: Delta::Arguments(text), .. } => said.calls.last_mut().unwrap().2.push_str(text),
                Event::Delta { delta: Delta::Annotation(_), .. } => said.cited += 1,
                Event::Stop { stop, .. } => said.word = stop.word.as_deref().map(str::to_owned),
                Event::Usage(usage) => said.billed = (usage.all_input(), usage.all_output()),
                Event::End => ended = true,
                _ => {}
            }
            for writer in &mut writers {
                writer.write(event.clone(), &mut out);
            }
        };
        while let Some(event) = decoder.next_event().unwrap() {
            if let Some(data) = event.data() {
                reader.read(&data, &mut each).unwrap();
            }
        }
        reader.end(&mut each);
        assert!(ended, "{text}");
        assert_eq!(said, of_events(text));
    }
    assert!(recordings().is_empty() || count >= 19, "{count} streams");
}

#[test]
fn embeddings_are_read_whole() {
    let cases = answers("/v2/embed", 200);
    for (text, _) in &cases {
        let expected: Value = serde_json::from_str(text).unwrap();
        let answer = cohere::embeddings::read(Json::parse(text.as_bytes()).unwrap()).unwrap();
        let float = expected["embeddings"]["float"].as_array().unwrap();
        assert_eq!(answer.data.len(), float.len());
        for (got, expected) in answer.data.iter().zip(float) {
            assert_eq!(got.vector.to_numbers().unwrap().len(), expected.as_array().unwrap().len());
        }
        let billed = expected["meta"]["billed_units"]["input_tokens"].as_u64();
        assert_eq!(answer.usage.and_then(|usage| usage.input), billed, "{}", expected["meta"]);
    }
    assert!(recordings().is_empty() || cases.len() >= 6, "{} answers", cases.len());
}

/// Cohere's of both versions, Voyage's, and one of a server that has Cohere's shape with Voyage's tokens.
#[test]
fn rerankings_are_read_whole() {
    let cases = answers("/rerank", 200);
    let mut units = 0;
    for (text, _) in &cases {
        let expected: Value = serde_json::from_str(text).unwrap();
        let answer = rerank::read(Json::parse(text.as_bytes()).unwrap()).unwrap();
        let results = expected.get("results").unwrap_or(&expected["data"]).as_array().unwrap();
        let order: Vec<_> =
            results.iter().map(|one| (one["index"].as_u64(), one["relevance_score"].to_string())).collect();
        let got: Vec<_> = answer.results.iter().map(|one| (Some(one.index), one.score.to_string())).collect();
        assert_eq!(got, order);
        let usage = answer.usage.unwrap();
        assert!(usage.search_units.is_some() != usage.input.is_some(), "{text}");
        units += usage.search_units.unwrap_or(0);
    }
    assert!(recordings().is_empty() || (cases.len() >= 12 && units >= 9), "{} answers", cases.len());
}

#[test]
fn recorded_errors_are_classed() {
    let class = |status: u16| -> Vec<ErrorClass> {
        let texts = answers("/v2/chat", status).into_iter();
        texts.map(|(text, _)| classify(Some(status), parse_error(text.as_bytes()).as_ref())).collect()
    };
    if !recordings().is_empty() {
        assert_eq!(class(400), [ErrorClass::ContextWindow]);
        assert_eq!(class(401), [ErrorClass::Credentials]);
    }
}
