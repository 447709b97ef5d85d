//! What stock clients say in each request, and what changes nothing of an answer, is no loss in any dialect.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Losses, Signature};
use tollway_protocol::dialect::{Dialect, Head, Wanted, signature};
use tollway_protocol::json::Json;

/// The losses of a request on its way to each other dialect.
fn lost(from: Dialect, document: &Value) -> Vec<String> {
    let body = serde_json::to_vec(document).expect("JSON");
    let mut losses = Losses::default();
    let json = Json::parse(&body).expect("JSON");
    let request = from.read_request(json, Head { model: Some("m"), stream: false }, &mut losses).expect("read");
    for to in [Dialect::Chat, Dialect::Responses, Dialect::Anthropic, Dialect::Gemini] {
        if to != from {
            to.write_request(&request, &Wanted::new("m"), &mut losses).expect("written");
        }
    }
    losses.names().iter().map(ToString::to_string).collect()
}

#[test]
fn of_google() {
    for stand_in in ["skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="] {
        let call = json!({"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": stand_in});
        let result = json!({"functionResponse": {"id": "c", "name": "f", "response": {"result": "y"}}});
        let document = json!({
            "systemInstruction": {"parts": [{"text": "be brief"}], "role": "user"},
            "contents": [
                {"parts": [{"text": "x"}], "role": "user"},
                {"parts": [call], "role": "model"},
                {"parts": [result], "role": "user"},
            ],
            "generationConfig": {"responseModalities": ["TEXT"]},
        });
        assert_eq!(lost(Dialect::Gemini, &document), [""; 0]);
    }
}

#[test]
fn a_thought_that_came_in_pieces_is_one_again() {
    let signature = Signature { origin: Dialect::Anthropic, value: "c2ln".into() };
    let marked = signature::to_field(&signature, Dialect::Gemini);
    let document = json!({"contents": [
        {"parts": [{"text": "x"}], "role": "user"},
        {"parts": [
            {"text": "The user ", "thought": true},
            {"text": "asks.", "thought": true},
            {"text": "", "thought": true, "thoughtSignature": marked},
            {"functionCall": {"id": "c", "name": "f", "args": {}}},
        ], "role": "model"},
    ]});
    let body = serde_json::to_vec(&document).expect("JSON");
    let (json, mut losses) = (Json::parse(&body).expect("JSON"), Losses::default());
    let head = Head { model: Some("m"), stream: false };
    let request = Dialect::Gemini.read_request(json, head, &mut losses).expect("read");
    let written = Dialect::Anthropic.write_request(&request, &Wanted::new("m"), &mut losses).expect("written");
    let written: Value = serde_json::from_str(&written.to_text()).expect("JSON");
    let thought = json!({"type": "thinking", "thinking": "The user asks.", "signature": "c2ln"});
    assert_eq!(written["messages"][1]["content"][0], thought);
    assert!(losses.is_empty(), "{:?}", losses.names());
}

#[test]
fn of_responses() {
    let document = json!({"input": [
        {"type": "message", "role": "user", "content": "x"},
        {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "y"},
    ]});
    assert_eq!(lost(Dialect::Responses, &document), [""; 0]);
}

#[test]
fn of_anthropic() {
    let tool = json!({"name": "f", "input_schema": {"type": "object"}, "eager_input_streaming": true});
    let document = json!({"max_tokens": 99, "messages": [{"role": "user", "content": "x"}], "tools": [tool]});
    assert_eq!(lost(Dialect::Anthropic, &document), [""; 0]);
}

#[test]
fn of_chat() {
    let document = json!({"messages": [{"role": "user", "content": "x"}], "modalities": ["text"]});
    assert_eq!(lost(Dialect::Chat, &document), [""; 0]);
}

#[test]
fn other_kinds_of_answer_are_a_loss() {
    let contents = json!([{"parts": [{"text": "x"}]}]);
    let document = json!({"contents": contents, "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}});
    assert_eq!(lost(Dialect::Gemini, &document), ["generationConfig.responseModalities"]);
}
