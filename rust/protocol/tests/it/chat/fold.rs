//! What a stream of chunks adds up to, for an outside judge: by a tree, and with none of the code under test.

use serde_json::{Map, Value, json};

/// The answer that the chunks make: text, thoughts, refusal, calls, end and tokens of each choice.
pub(super) fn fold(datas: &[&str]) -> Value {
    let mut choices: Map<String, Value> = Map::new();
    let mut usage = Value::Null;
    let mut done = false;
    for data in datas {
        done |= *data == "[DONE]";
        let Ok(chunk) = serde_json::from_str::<Value>(data) else { continue };
        for reported in [&chunk["usage"], &chunk["x_groq"]["usage"]] {
            if reported.is_object() {
                usage = json!([reported["prompt_tokens"], reported["completion_tokens"]]);
            }
        }
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            let folded = choices.entry(choice["index"].as_u64().unwrap_or(0).to_string()).or_insert(
                json!({"text": "", "thoughts": "", "refusal": "", "calls": [], "finish": null, "logprobs": []}),
            );
            fold_choice(choice, folded);
        }
    }
    for choice in choices.values_mut() {
        for call in choice["calls"].as_array_mut().into_iter().flatten() {
            call.as_object_mut().expect("a call").remove("index");
        }
    }
    json!({"choices": choices, "usage": usage, "done": done})
}

fn fold_choice(choice: &Value, folded: &mut Value) {
    let delta = &choice["delta"];
    match &delta["content"] {
        Value::String(text) => add(&mut folded["text"], text),
        Value::Array(items) => {
            for item in items {
                add(&mut folded["text"], item["text"].as_str().unwrap_or_default());
                for thought in item["thinking"].as_array().into_iter().flatten() {
                    add(&mut folded["thoughts"], thought["text"].as_str().unwrap_or_default());
                }
            }
        }
        _ => {}
    }
    let thought = ["reasoning_content", "reasoning"].iter().find_map(|name| delta[*name].as_str());
    add(&mut folded["thoughts"], thought.unwrap_or_default());
    add(&mut folded["refusal"], delta["refusal"].as_str().unwrap_or_default());
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        fold_call(call, folded["calls"].as_array_mut().expect("calls"));
    }
    if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
        folded["finish"] = word.into();
    }
    let probable = choice["logprobs"]["content"].as_array().into_iter().flatten().cloned();
    folded["logprobs"].as_array_mut().expect("a list").extend(probable);
}

fn fold_call(call: &Value, calls: &mut Vec<Value>) {
    let last = calls.iter().rposition(|known| known["index"] == call["index"]);
    let another = |known: &Value| call["id"].is_string() && call["id"] != "" && known["id"] != call["id"];
    let at = match last.filter(|at| !another(&calls[*at])) {
        Some(at) => at,
        None => {
            calls.push(json!({"index": call["index"], "id": call["id"], "name": "", "arguments": ""}));
            calls.len() - 1
        }
    };
    for inner in [&call["function"], &call["custom"]] {
        // Some servers repeat the name with every piece.
        let name = inner["name"].as_str().filter(|name| calls[at]["name"] != *name);
        add(&mut calls[at]["name"], name.unwrap_or_default());
        let arguments = inner.get("arguments").or(inner.get("input"));
        add(&mut calls[at]["arguments"], arguments.and_then(Value::as_str).unwrap_or_default());
    }
}

fn add(to: &mut Value, text: &str) {
    let Value::String(held) = to else { panic!("{to}") };
    held.push_str(text);
}
