//! Recorded traffic of Converse, where it is at hand: every text, thought, call, citation and figure is in what was read.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tollway_protocol::canonical::{Annotation, Arguments, Body, Delta, Event, Opening, Part, Usage};
use tollway_protocol::dialect::{Dialect, ErrorClass, classify, error_of_answer};
use tollway_protocol::eventstream::{Decoder, Inner, MAX_FRAME, Reframe};
use tollway_protocol::json::Json;
use tollway_protocol::sse;

use crate::recorded::{EXCHANGES, cases, has};

fn of_api(api: &str) -> Vec<Value> {
    let mut cases = cases(EXCHANGES, |line| has(line, "provider", &["bedrock"]));
    cases.retain(|case| case["api"] == api);
    cases
}

/// The answer's bytes; some recorders kept them in base64, and called that text.
fn bytes(case: &Value) -> Vec<u8> {
    let kept = &case["resp"];
    match kept["b64"].as_str().or_else(|| kept["text"].as_str().filter(|text| !text.trim_start().starts_with('{'))) {
        Some(encoded) => STANDARD.decode(encoded).expect("base64"),
        None => kept["text"].as_str().expect("an answer").as_bytes().to_vec(),
    }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A content block, by a tree: its kind, and what must be found of it.
fn block(block: &Value) -> Value {
    let (kind, inner) = block.as_object().and_then(|block| block.iter().next()).expect("one member");
    match kind.as_str() {
        "text" => json!(["text", inner, []]),
        "citationsContent" => {
            let text: String =
                inner["content"].as_array().into_iter().flatten().map(|it| string(&it["text"])).collect();
            let cited: Vec<&Value> = inner["citations"].as_array().into_iter().flatten().collect();
            json!(["text", text, cited])
        }
        "reasoningContent" => {
            let said = &inner["reasoningText"];
            json!(["thought", string(&said["text"]), said["signature"].as_str().or(inner["redactedContent"].as_str())])
        }
        "toolUse" if inner["type"] != "server_tool_use" => {
            json!(["call", inner["toolUseId"], inner["name"], inner["input"]])
        }
        _ => json!(["foreign", block]),
    }
}

/// A part that was read, in the same form.
fn part(part: &Part<'_>) -> Value {
    let tree = |json: &Json<'_>| serde_json::from_slice::<Value>(&json.to_bytes()).expect("JSON");
    match &part.body {
        Body::Text(text, cited) => {
            let cited: Vec<Value> = cited.iter().map(|one: &Annotation<'_>| tree(&one.origin.1)).collect();
            json!(["text", text, cited])
        }
        Body::Reasoning(thought) => {
            json!(["thought", thought.text, part.signature.as_ref().map(|signature| &signature.value)])
        }
        Body::ToolCall(call) => {
            let Arguments::Json(input) = &call.arguments else { panic!("{call:?}") };
            json!(["call", call.id, call.name, tree(input)])
        }
        Body::Foreign(Dialect::Bedrock, json) => json!(["foreign", tree(json)]),
        other => panic!("{other:?}"),
    }
}

/// Every figure of a recorded usage.
fn figures(usage: &Value) -> [Option<u64>; 4] {
    ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"].map(|name| usage[name].as_u64())
}

fn figures_read(usage: Option<Usage>) -> [Option<u64>; 4] {
    let usage = usage.unwrap_or_default();
    [usage.input, usage.output, usage.cache_read, usage.all_cache_write()]
}

#[test]
fn answers_are_read_without_loss() {
    let mut seen = 0;
    for case in of_api("converse").iter().filter(|case| case["status"] == 200) {
        let body = bytes(case);
        let said: Value = serde_json::from_slice(&body).expect("JSON");
        let answer = Dialect::Bedrock.read_answer(Json::parse(&body).expect("JSON"));
        let answer = answer.unwrap_or_else(|invalid| panic!("{}: {invalid}", case["path"]));
        let choice = &answer.choices[0];
        let expected: Vec<Value> =
            said["output"]["message"]["content"].as_array().into_iter().flatten().map(block).collect();
        assert_eq!(choice.parts.iter().map(part).collect::<Vec<_>>(), expected, "{}", case["path"]);
        assert_eq!(figures_read(answer.usage), figures(&said["usage"]), "{}", case["path"]);
        if let Some(total) = said["usage"]["totalTokens"].as_u64() {
            let usage = answer.usage.expect("usage");
            assert_eq!(usage.all_input().unwrap_or(0) + usage.all_output().unwrap_or(0), total, "{}", case["path"]);
        }
        assert_eq!(choice.stop.as_ref().and_then(|stop| stop.word.as_deref()), said["stopReason"].as_str());
        seen += 1;
    }
    eprintln!("{seen} answers");
    assert!(seen == 0 || seen == 110, "{seen}");
}

/// What a stream adds up to, by its frames and a tree.
fn folded(bytes: &[u8]) -> (Vec<Value>, Value, Value) {
    let mut decoder = Decoder::new(MAX_FRAME);
    decoder.push(Bytes::copy_from_slice(bytes));
    let (mut blocks, mut stop, mut usage) = (Vec::<(u64, Value)>::new(), Value::Null, Value::Null);
    while let Some(frame) = decoder.next_frame().expect("sound") {
        let payload: Value = serde_json::from_slice(&frame.payload).expect("JSON");
        let index = payload["contentBlockIndex"].as_u64().unwrap_or(0);
        let at = blocks.iter().position(|(known, _)| *known == index);
        match frame.text(":event-type").expect("a type") {
            "contentBlockStart" => {
                let (kind, inner) =
                    payload["start"].as_object().and_then(|start| start.iter().next()).expect("a start");
                let mut inner = inner.clone();
                inner[if kind == "toolUse" { "input" } else { "content" }] =
                    if kind == "toolUse" { json!("") } else { json!([]) };
                blocks.push((index, json!({ kind: inner })));
            }
            "contentBlockDelta" => {
                let (kind, more) = payload["delta"].as_object().and_then(|delta| delta.iter().next()).expect("a delta");
                let at = at.unwrap_or_else(|| {
                    blocks.push((index, json!({"text": "", "citationsContent": [], "reasoningContent": null})));
                    blocks.len() - 1
                });
                grow(&mut blocks[at].1, kind, more);
            }
            "messageStop" => stop = payload["stopReason"].clone(),
            "metadata" => usage = payload["usage"].clone(),
            _ => {}
        }
    }
    decoder.end().expect("whole");
    let blocks = blocks.into_iter().map(|(_, block)| whole(&block)).filter(|block| *block != json!(["text", "", []]));
    (blocks.collect(), stop, usage)
}

fn grow(block: &mut Value, kind: &str, more: &Value) {
    let add = |to: &mut Value, text: &Value| *to = json!(string(to) + &string(text));
    match kind {
        "text" => add(&mut block["text"], more),
        "citation" => block["citationsContent"].as_array_mut().expect("a list").push(more.clone()),
        "reasoningContent" => {
            for (name, text) in more.as_object().expect("an object") {
                add(&mut block["reasoningContent"][name], text);
            }
        }
        "toolUse" => add(&mut block["toolUse"]["input"], &more["input"]),
        "toolResult" => block["toolResult"]["content"]
            .as_array_mut()
            .expect("a list")
            .extend(more.as_array().expect("a list").iter().cloned()),
        other => panic!("{other}"),
    }
}

/// A block that is whole, in the form of [`part`].
fn whole(block: &Value) -> Value {
    if let Some(call) = block.get("toolUse") {
        let input = string(&call["input"]);
        let mut call = call.clone();
        call["input"] = serde_json::from_str(if input.is_empty() { "{}" } else { &input }).expect("JSON");
        return self::block(&json!({ "toolUse": call }));
    }
    if block.get("toolResult").is_some() {
        return json!(["foreign", block]);
    }
    let thought = &block["reasoningContent"];
    if thought.is_null() {
        return json!(["text", block["text"], block["citationsContent"]]);
    }
    json!(["thought", string(&thought["text"]), thought["signature"].as_str().or(thought["redactedContent"].as_str())])
}

/// The same of what was read, when the frames come in pieces of `size`.
fn read(bytes: &[u8], size: usize) -> (Vec<Value>, Value, [Option<u64>; 4]) {
    let (mut reframe, mut reader) = (Reframe::new(Inner::Converse), Dialect::Bedrock.reader());
    let (mut decoder, mut parts, mut stop, mut usage, mut ended) =
        (sse::Decoder::new(MAX_FRAME), Vec::<Value>::new(), Value::Null, None, false);
    let mut each = |event: Event<'_>| match event {
        Event::Open { part, opening, .. } => {
            assert_eq!(part, parts.len());
            parts.push(match opening {
                Opening::Text => json!(["text", "", []]),
                Opening::Reasoning { .. } => json!(["thought", "", null]),
                Opening::ToolCall { id, name, .. } => json!(["call", id, name, ""]),
                Opening::Foreign(_, json) => {
                    json!(["foreign", serde_json::from_slice::<Value>(&json.to_bytes()).unwrap()])
                }
                other => panic!("{other:?}"),
            });
        }
        Event::Delta { part, delta, .. } => {
            let known = &mut parts[part];
            match delta {
                Delta::Text(text) => known[1] = json!(string(&known[1]) + &text),
                Delta::Arguments(text) => known[3] = json!(string(&known[3]) + &text),
                Delta::Signature(signature) => known[2] = json!(signature.value),
                Delta::Annotation(one) => {
                    known[2].as_array_mut().unwrap().push(serde_json::from_slice(&one.origin.1.to_bytes()).unwrap())
                }
                other => panic!("{other:?}"),
            }
        }
        Event::Close { part, .. } => {
            if let Some(arguments) = parts[part][3].as_str() {
                parts[part][3] = serde_json::from_str(arguments).expect("JSON");
            }
        }
        Event::Stop { stop: why, .. } => stop = json!(why.word),
        Event::Usage(told) => usage = Some(told),
        Event::End => ended = true,
        Event::Error(error) => panic!("{error:?}"),
        Event::Start { .. } | Event::Rest(_) | Event::Logprobs { .. } => {}
    };
    for piece in bytes.chunks(size) {
        let mut out = BytesMut::new();
        reframe.push(Bytes::copy_from_slice(piece), &mut out).expect("sound");
        decoder.push(out.freeze());
        while let Some(event) = decoder.next_event().expect("small") {
            reader.read(&event.data().expect("data"), &mut each).expect("the dialect");
        }
    }
    reframe.end().expect("whole");
    reader.end(&mut each);
    assert!(ended);
    (parts, stop, figures_read(usage))
}

#[test]
fn streams_are_read_without_loss() {
    let mut seen = 0;
    for case in of_api("converse-stream").iter().filter(|case| case["status"] == 200) {
        let bytes = bytes(case);
        let (blocks, stop, usage) = folded(&bytes);
        for size in [bytes.len(), 1] {
            assert_eq!(read(&bytes, size), (blocks.clone(), stop.clone(), figures(&usage)), "{}", case["path"]);
        }
        seen += 1;
    }
    eprintln!("{seen} streams");
    assert!(seen == 0 || seen == 54, "{seen}");
}

/// Streams of `InvokeModelWithResponseStream`: Anthropic's are read by Anthropic's reader.
#[test]
fn chunks_are_the_models_own_events() {
    let mut seen = 0;
    for case in of_api("invoke-stream").iter().filter(|case| case["status"] == 200) {
        let (bytes, mut reframe, mut out) = (bytes(case), Reframe::new(Inner::Invoke), BytesMut::new());
        for piece in bytes.chunks(61) {
            reframe.push(Bytes::copy_from_slice(piece), &mut out).expect("sound");
        }
        reframe.end().expect("whole");
        let (mut decoder, mut reader, mut over) = (sse::Decoder::new(MAX_FRAME), Dialect::Anthropic.reader(), false);
        decoder.push(out.freeze());
        while let Some(event) = decoder.next_event().expect("small") {
            // Older models of Anthropic's, and others, have no name for their events.
            if event.name().is_some_and(|name| name.contains('_') || name == "ping") {
                let read = reader.read(&event.data().expect("data"), &mut |event| over |= event == Event::End);
                read.unwrap_or_else(|invalid| panic!("{}: {invalid}", case["path"]));
                seen += usize::from(std::mem::take(&mut over));
            }
        }
        assert_eq!(decoder.pending(), 0);
    }
    eprintln!("{seen} streams of Anthropic's");
    assert!(seen == 0 || seen > 10, "{seen}");
}

#[test]
fn errors_have_their_class() {
    let mut seen = Vec::new();
    for case in [of_api("converse"), of_api("converse-stream"), of_api("invoke"), of_api("invoke-stream")].concat() {
        let status = u16::try_from(case["status"].as_u64().expect("a status")).expect("a status");
        if status == 200 {
            continue;
        }
        let header = |name: &str| case["resp_headers"][name].as_str();
        let said = error_of_answer(&header, &bytes(&case)).expect("an error");
        assert!(!said.message.is_empty());
        seen.push(classify(Some(status), Some(&said)));
    }
    eprintln!("{seen:?}");
    let of = |class: ErrorClass| seen.iter().filter(|one| **one == class).count();
    assert!(seen.is_empty() || (of(ErrorClass::Credentials) >= 3 && of(ErrorClass::ContextWindow) >= 1));
    assert_eq!(of(ErrorClass::Server), 0);
}
