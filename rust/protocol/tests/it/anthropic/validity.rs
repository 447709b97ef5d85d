//! What a client's SDK makes of a stream, and whether the stream is in order.

use serde_json::{Value, json};

use super::without_nulls;

/// A message, put together from its events.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Folded {
    pub(super) message: Value,
    pub(super) error: Option<Value>,
    pub(super) complete: bool,
    pub(super) pings: usize,
}

/// Puts a message together, as anthropic-sdk-python's `accumulate_event` does.
pub(super) fn fold(events: &[Value]) -> Folded {
    let mut folded = Folded { message: Value::Null, error: None, complete: false, pings: 0 };
    let mut inputs: Vec<String> = Vec::new();
    for event in events {
        let index = event["index"].as_u64().map(|index| usize::try_from(index).expect("small"));
        match event["type"].as_str().expect("a type") {
            "message_start" => folded.message = event["message"].clone(),
            "content_block_start" => {
                let blocks = folded.message["content"].as_array_mut().expect("content");
                assert_eq!(index, Some(blocks.len()), "indexes are consecutive");
                blocks.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let index = index.expect("an index");
                add(&mut folded.message["content"][index], &mut inputs[index], &event["delta"]);
            }
            "content_block_stop" => {
                let index = index.expect("an index");
                if !inputs[index].is_empty() {
                    let input = serde_json::from_str(&inputs[index]).unwrap_or_else(|_| json!({"raw": inputs[index]}));
                    folded.message["content"][index]["input"] = input;
                }
            }
            "message_delta" => {
                for place in ["delta", "usage"] {
                    for (name, value) in event[place].as_object().into_iter().flatten() {
                        let target = if place == "usage" { &mut folded.message["usage"] } else { &mut folded.message };
                        target[name] = value.clone();
                    }
                }
            }
            "message_stop" => folded.complete = true,
            "ping" => folded.pings += 1,
            "error" => folded.error = Some(event["error"].clone()),
            other => panic!("{other}"),
        }
    }
    folded.message = without_nulls(folded.message);
    folded
}

fn add(block: &mut Value, input: &mut String, delta: &Value) {
    let mut go_on = |name: &str| {
        let more = delta[name].as_str().expect("text");
        let text = block[name].as_str().unwrap_or_default().to_owned();
        block[name] = Value::String(text + more);
    };
    match delta["type"].as_str().expect("a type") {
        "text_delta" => go_on("text"),
        "thinking_delta" => go_on("thinking"),
        "signature_delta" => go_on("signature"),
        "input_json_delta" => input.push_str(delta["partial_json"].as_str().expect("text")),
        "citations_delta" => match block["citations"].as_array_mut() {
            Some(citations) => citations.push(delta["citation"].clone()),
            None => block["citations"] = json!([delta["citation"]]),
        },
        other => panic!("{other}"),
    }
}

/// The same, after a check of what the API promises of its streams: one `message_start`, first; blocks one after another,
/// their indexes consecutive; deltas that fit their block; one `message_delta`, then `message_stop`, last; or an `error`,
/// last.
pub(super) fn checked(events: &[Value]) -> Folded {
    ordered(events);
    fold(events)
}

/// That check alone.
pub(super) fn ordered(events: &[Value]) {
    let mut open: Option<(u64, String)> = None;
    let (mut next, mut begun, mut ended, mut done) = (0, false, false, false);
    for event in events {
        assert!(!done, "after the end: {event}");
        let kind = event["type"].as_str().expect("a type");
        assert!(begun || matches!(kind, "message_start" | "error"), "before message_start: {event}");
        match kind {
            "message_start" => {
                assert!(!begun, "a second message_start");
                let usage = &event["message"]["usage"];
                assert!(usage["input_tokens"].is_u64() && usage["output_tokens"].is_u64(), "{event}");
                assert!(event["message"]["id"].as_str().expect("a name").starts_with("msg_"));
                begun = true;
            }
            "content_block_start" => {
                assert!(open.is_none() && !ended, "overlaps: {event}");
                assert_eq!(event["index"], next);
                let block = event["content_block"]["type"].as_str().expect("a type");
                open = Some((next, block.to_owned()));
                next += 1;
            }
            "content_block_delta" => {
                let (index, block) = open.as_ref().expect("an open block");
                assert_eq!(event["index"], *index);
                let delta = event["delta"]["type"].as_str().expect("a type");
                let fits = match block.as_str() {
                    "text" => matches!(delta, "text_delta" | "citations_delta"),
                    "thinking" => matches!(delta, "thinking_delta" | "signature_delta"),
                    block => block.ends_with("tool_use") && delta == "input_json_delta",
                };
                assert!(fits, "{delta} in {block}");
            }
            "content_block_stop" => assert_eq!(event["index"], open.take().expect("an open block").0),
            "message_delta" => {
                assert!(open.is_none() && !ended, "{event}");
                assert!(
                    event["delta"]["stop_reason"].is_string() && event["usage"]["output_tokens"].is_u64(),
                    "{event}"
                );
                ended = true;
            }
            "message_stop" => {
                assert!(ended);
                done = true;
            }
            "error" => done = true,
            other => panic!("{other}"),
        }
    }
}
