//! Requests from other dialects' canonical forms: what is sent, and what is lost.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Annotation, Arguments, Body, CacheControl, CallKind, Losses, Message, Part, Reasoning, Request, Rest, Role,
    Sampling, Signature, ToolCall, ToolResult,
};
use tollway_protocol::dialect::{Dialect, Wanted, anthropic};
use tollway_protocol::json::{Json, Members};

use super::{json as parse, read, sent};

/// A model of which every feature is allowed.
pub(super) const MODEL: &str = "claude-sonnet-4-5";

pub(super) fn request(messages: Vec<Message<'static>>) -> Request<'static> {
    Request::new("m", messages)
}

pub(super) fn says(role: Role, text: &'static str) -> Message<'static> {
    Message::new(role, vec![Part::text(text)])
}

pub(super) fn hello() -> Request<'static> {
    request(vec![says(Role::User, "hello")])
}

pub(super) fn call(id: Option<&'static str>, name: &'static str, arguments: &'static str) -> Part<'static> {
    Part::new(Body::ToolCall(ToolCall {
        id: id.map(Into::into),
        name: name.into(),
        arguments: Arguments::Text(arguments.into()),
        kind: CallKind::Function,
        item: None,
    }))
}

pub(super) fn result(
    call: Option<&'static str>,
    name: Option<&'static str>,
    content: Vec<Part<'static>>,
) -> Part<'static> {
    let (call, name) = (call.map(Into::into), name.map(Into::into));
    Part::new(Body::ToolResult(ToolResult { call, name, content, json: None, failed: None, kind: CallKind::Function }))
}

fn messages(messages: Vec<Message<'static>>) -> (Value, Vec<String>) {
    let (mut body, losses) = sent(&request(messages), MODEL);
    (body["messages"].take(), losses)
}

pub(super) fn sends(part: Part<'static>) -> (Value, Vec<String>) {
    let (messages, losses) = messages(vec![Message::new(Role::User, vec![part, Part::text("and")])]);
    (messages[0]["content"][0].clone(), losses)
}

pub(super) fn refused(request: &Request<'_>) -> String {
    let refused = anthropic::request::write(request, &Wanted::new(MODEL), &mut Losses::default());
    refused.expect_err("cannot be said").param
}

pub(super) fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn the_least() {
    let (body, losses) = sent(&hello(), MODEL);
    let messages = json!([{"role": "user", "content": "hello"}]);
    assert_eq!(body, json!({"model": MODEL, "max_tokens": 4096, "messages": messages}));
    assert_eq!(losses, none());
}

#[test]
fn instructions_go_before_the_conversation() {
    let (body, losses) = sent(
        &request(vec![
            says(Role::System, "a"),
            says(Role::Developer, "b"),
            says(Role::User, "hi"),
            says(Role::System, "c"),
        ]),
        MODEL,
    );
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(body["system"], json!([text("a"), text("b"), text("c")]));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "hi"}]));
    assert_eq!(losses, ["messages.system_position"]);
    let (body, losses) = sent(&request(vec![says(Role::System, "alone")]), MODEL);
    assert_eq!((&body["system"], &body["messages"]), (&Value::Null, &json!([{"role": "user", "content": "alone"}])));
    assert_eq!(losses, none());
}

#[test]
fn later_instructions_stay_where_they_are_if_the_model_takes_them() {
    use Role::{Assistant, Developer, System, User};
    let roles = |said: &[(Role, &'static str)], model: &str| {
        let (body, losses) = sent(&request(said.iter().map(|(role, text)| says(*role, text)).collect()), model);
        let text = |content: &Value| match content.as_array() {
            Some(blocks) => blocks.iter().map(|block| block["text"].as_str().expect("text")).collect(),
            None => content.as_str().unwrap_or_default().to_owned(),
        };
        let turns = body["messages"].as_array().expect("turns").iter();
        let turns: Vec<String> =
            turns.map(|turn| format!("{}:{}", turn["role"].as_str().expect("role"), text(&turn["content"]))).collect();
        (text(&body["system"]), turns.join(" "), losses.len())
    };
    let told = |system: &str, turns: &str, moved: usize| (system.to_owned(), turns.to_owned(), moved);
    let new = "claude-opus-4-8";
    let said =
        [(System, "a"), (User, "b"), (Developer, "c"), (System, "d"), (Assistant, "e"), (User, "f"), (System, "g")];
    assert_eq!(roles(&said, new), told("a", "user:b system:cd assistant:e user:f system:g", 0));
    assert_eq!(roles(&said, "claude-opus-4-7"), told("acdg", "user:b assistant:e user:f", 1));
    let before_user = [(User, "b"), (Assistant, "c"), (System, "d"), (User, "e"), (Assistant, "f"), (User, "g")];
    assert_eq!(roles(&before_user, new), told("", "user:b assistant:c user:e system:d assistant:f user:g", 1));
    let nowhere = [(System, "a"), (User, "b"), (Assistant, "c"), (System, "d")];
    assert_eq!(roles(&nowhere, new), told("ad", "user:b assistant:c", 1));
    let within = [(User, "b"), (System, "c"), (User, "d")];
    assert_eq!(roles(&within, new), told("", "user:bd system:c", 1));
}

#[test]
fn system_messages_of_this_dialect_stay_where_they_are() {
    let body = r#"{"model":"claude-opus-5","max_tokens":9,"system":"s","messages":[{"role":"user","content":"u"},
        {"role":"system","content":[{"type":"text","text":"now"}]}]}"#;
    let (written, losses) = sent(&read(body).expect("a request"), "claude-opus-5");
    assert_eq!((written, losses), (serde_json::from_str(body).expect("JSON"), none()));
}

#[test]
fn results_are_one_turn_and_come_first() {
    let (messages, losses) = messages(vec![
        says(Role::User, "go"),
        Message::new(
            Role::Assistant,
            vec![Part::text(""), call(Some("a:1"), "f", "{\"x\": 1}"), call(Some("b"), "g", "")],
        ),
        Message::new(Role::Tool, vec![result(Some("a:1"), None, vec![Part::text("one")])]),
        Message::new(Role::Tool, vec![result(Some("b"), None, vec![])]),
        says(Role::User, "thanks"),
        says(Role::User, "really"),
        says(Role::Assistant, "bye"),
    ]);
    assert_eq!(
        messages,
        json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a_1", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a_1", "content": "one"},
                {"type": "tool_result", "tool_use_id": "b"},
                {"type": "text", "text": "thanks"},
                {"type": "text", "text": "really"},
            ]},
            {"role": "assistant", "content": "bye"},
        ])
    );
    assert_eq!(losses, none());
}

/// As Gemini has them: no names, results found by their tool, JSON instead of text.
#[test]
fn calls_without_names_get_some() {
    let mut of_g = result(None, Some("g"), vec![]);
    if let Body::ToolResult(result) = &mut of_g.body {
        result.json = Some(parse(r#"{"ok":true}"#));
        result.failed = Some(true);
    }
    let (messages, _) = messages(vec![
        Message::new(Role::Assistant, vec![call(None, "f", "{}"), call(None, "g", "{}"), call(None, "f", "{}")]),
        Message::new(
            Role::User,
            vec![
                Part::text("here"),
                of_g,
                result(None, Some("f"), vec![]),
                result(None, Some("f"), vec![]),
                result(None, Some("unknown"), vec![]),
            ],
        ),
    ]);
    let ids: Vec<_> = messages[0]["content"].as_array().unwrap().iter().map(|block| &block["id"]).collect();
    assert_eq!(ids, ["call_1", "call_2", "call_3"]);
    let turn = &messages[1]["content"];
    let results: Vec<_> = turn.as_array().unwrap().iter().map(|block| &block["tool_use_id"]).collect();
    assert_eq!(results, [&json!("call_2"), &json!("call_1"), &json!("call_3"), &json!("call_4"), &Value::Null]);
    assert_eq!((&turn[0]["content"], &turn[0]["is_error"]), (&json!("{\"ok\":true}"), &json!(true)));
    assert_eq!(turn[4], json!({"type": "text", "text": "here"}));
}

#[test]
fn arguments_are_objects() {
    let input = |arguments: Arguments<'static>, kind| {
        let call = ToolCall { id: Some("a".into()), name: "f".into(), arguments, kind, item: None };
        let (block, losses) = sends(Part::new(Body::ToolCall(call)));
        (block["input"].clone(), losses)
    };
    let lost = vec!["tool_calls.arguments".to_owned()];
    let function = CallKind::Function;
    assert_eq!(input(Arguments::Text("{\"a\":".into()), function), (json!({"_raw": "{\"a\":"}), lost.clone()));
    assert_eq!(input(Arguments::Text("[1]".into()), function), (json!({"_raw": "[1]"}), lost.clone()));
    assert_eq!(input(Arguments::Json(Json::from(true)), function), (json!({"_raw": "true"}), lost));
    assert_eq!(input(Arguments::Json(Json::Null), function), (json!({}), none()));
    assert_eq!(input(Arguments::Text("ls \"x\"".into()), CallKind::Custom), (json!({"input": "ls \"x\""}), none()));
}

#[test]
fn only_own_signatures_are_sent() {
    let thought = |origin: Option<Dialect>, redacted| {
        let body = Body::Reasoning(Reasoning { text: "t".into(), redacted, ..Reasoning::default() });
        Part { signature: origin.map(|origin| Signature { origin, value: "s".into() }), ..Part::new(body) }
    };
    let (own, losses) = sends(thought(Some(Dialect::Anthropic), false));
    assert_eq!((own, losses), (json!({"type": "thinking", "thinking": "t", "signature": "s"}), none()));
    let (own, losses) = sends(thought(Some(Dialect::Anthropic), true));
    assert_eq!((own, losses), (json!({"type": "redacted_thinking", "data": "s"}), none()));
    for foreign in [None, Some(Dialect::Responses), Some(Dialect::Gemini), Some(Dialect::Chat)] {
        let (next, losses) = sends(thought(foreign, false));
        assert_eq!((next, losses), (json!({"type": "text", "text": "and"}), vec!["reasoning".to_owned()]));
    }
    // What a caller of this dialect was given to keep.
    let body = r#"{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[
        {"type":"thinking","thinking":"t","signature":"tollway.gemini.c2ln"},
        {"type":"tool_use","id":"a","name":"f","input":{},"signature":"tollway.gemini.c2lo"}]}]}"#;
    let kept = read(body).expect("a request");
    let signatures: Vec<_> = kept.messages[0].parts.iter().filter_map(|part| part.signature.clone()).collect();
    assert_eq!(signatures, ["c2ln", "c2lo"].map(|value| Signature { origin: Dialect::Gemini, value: value.into() }));
    let (written, losses) = sent(&kept, "m");
    let block = json!([{"type": "tool_use", "id": "a", "name": "f", "input": {}}]);
    assert_eq!((&written["messages"][0]["content"], losses), (&block, vec!["reasoning".to_owned()]));
}

#[test]
fn losses_have_the_names_that_the_caller_gave() {
    let rest = Members::new()
        .with("logit_bias", Members::new().with("5", 1u64))
        .with("service_tier", "flex")
        .with("store", true)
        .with("background", false)
        .with("modalities", vec![Json::from("text")])
        .with("prediction", Members::new().with("type", "content"));
    let sampling = Sampling {
        seed: Some("1".into()),
        frequency_penalty: Some("0.0".into()),
        presence_penalty: Some("0.5".into()),
        choices: Some(2),
        logprobs: Some(true),
        top_logprobs: Some(0),
        temperature: Some("1.5".into()),
        stop: vec!["\n".into(), "END".into()],
        ..Sampling::default()
    };
    let mut named = says(Role::User, "hi");
    named.name = Some("bob".into());
    named.parts.push(Part::new(Body::Foreign(Dialect::Responses, parse(r#"{"type":"computer_call"}"#))));
    named.parts.push(Part::new(Body::Foreign(Dialect::Gemini, parse(r#"{"executableCode":{}}"#))));
    let cited =
        Annotation { url: Some("u".into()), title: None, cited: None, span: None, origin: (Dialect::Chat, Json::Null) };
    named.parts.push(Part::new(Body::Text("c".into(), vec![cited])));
    let (body, losses) =
        sent(&Request { sampling, rest: Rest::new(Dialect::Chat, rest), ..request(vec![named]) }, MODEL);
    let names = [
        "messages.name",
        "content.computer_call",
        "content.executableCode",
        "messages.annotations",
        "seed",
        "presence_penalty",
        "n",
        "logprobs",
        "logit_bias",
        "service_tier",
        "prediction",
        "temperature",
        "stop",
    ];
    assert_eq!(losses, names);
    assert_eq!((&body["temperature"], &body["stop_sequences"]), (&json!(1), &json!(["END"])));
}

/// Every place where a mark for the cache may stand, and what else has no canonical form.
#[test]
fn nothing_of_this_dialect_is_lost() {
    let model = "claude-opus-4-6";
    let mark = r#""cache_control":{"type":"ephemeral","ttl":"1h"}"#;
    let body = format!(
        r#"{{"model":"{model}","max_tokens":9,{mark},"container":{{"id":"c","skills":[]}},"service_tier":"auto",
        "inference_geo":"us","metadata":{{"user_id":"u","x":1}},"mcp_servers":[{{"type":"url","url":"https://m","name":"m"}}],
        "context_management":{{"edits":[{{"type":"clear_tool_uses_20250919"}}]}},"speed":"fast","stream":true,
        "output_config":{{"effort":"low","task_budget":{{"type":"tokens","total":9}},"format":{{"type":"new"}}}},
        "thinking":{{"type":"adaptive","display":"new"}},"stop_sequences":[" "],"top_k":5,"temperature":0.7,"top_p":0.9,
        "system":[{{"type":"text","text":"s",{mark}}}],
        "tool_choice":{{"type":"tool","name":"f","disable_parallel_tool_use":false,"x":1}},
        "tools":[{{"name":"f","description":"d","input_schema":{{"anyOf":[{{}}]}},"strict":false,"defer_loading":true,
            "cache_control":{{"type":"ephemeral","scope":"global"}}}},
            {{"type":"bash_20250124","name":"bash",{mark}}},{{"type":"mcp_toolset","mcp_server_name":"m"}}],
        "messages":[{{"role":"user","content":[
            {{"type":"tool_result","tool_use_id":"t","is_error":false,{mark},"content":[
                {{"type":"search_result","source":"https://s","title":"t","citations":{{"enabled":true}},
                    "content":[{{"type":"text","text":"x"}}],{mark}}},
                {{"type":"tool_reference","tool_name":"f"}},{{"type":"text","text":"",{mark}}}]}},
            {{"type":"document","source":{{"type":"content","content":[{{"type":"text","text":"y"}}]}},"title":"t",
                "context":"c","citations":{{"enabled":true,"x":1}},{mark}}},
            {{"type":"document","source":{{"type":"text","media_type":"text/plain","data":"z"}}}},
            {{"type":"image","source":{{"type":"url","url":"https://i"}},{mark}}},
            {{"type":"image","source":{{"type":"new","x":1}}}},
            {{"type":"container_upload","file_id":"file_1"}}]}},
          {{"role":"assistant","content":[
            {{"type":"thinking","thinking":"","signature":"sig"}},{{"type":"redacted_thinking","data":"d"}},
            {{"type":"tool_use","id":"t","name":"f","input":{{"a":[1.50]}},"caller":{{"type":"direct"}},{mark}}},
            {{"type":"server_tool_use","id":"s","name":"web_search","input":{{}}}},
            {{"type":"web_search_tool_result","tool_use_id":"s","content":{{"type":"web_search_tool_result_error","error_code":"unavailable"}}}},
            {{"type":"mcp_tool_use","id":"m","name":"n","server_name":"m","input":{{}}}},
            {{"type":"text","text":"cited","citations":[
                {{"type":"char_location","cited_text":"a","document_index":0,"document_title":"t","start_char_index":0,"end_char_index":1}},
                {{"type":"page_location","cited_text":"a","document_index":0,"start_page_number":1,"end_page_number":2}},
                {{"type":"content_block_location","cited_text":"a","document_index":0,"start_block_index":0,"end_block_index":1}},
                {{"type":"web_search_result_location","cited_text":"a","url":"https://w","title":"w","encrypted_index":"e"}},
                {{"type":"search_result_location","cited_text":"a","source":"https://s","search_result_index":0,"start_block_index":0,"end_block_index":1}}]}}
          ]}},
          {{"role":"user","content":""}},{{"role":"user","content":[]}},{{"role":"user","content":[{{"type":"text","text":"one"}}]}}]}}"#
    );
    let request = read(&body).expect("a request");
    let (written, losses) = sent(&request, model);
    let expected: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(written, expected);
    assert_eq!(losses, none());
    let cited = match &request.messages[2].parts[6].body {
        Body::Text(_, annotations) => annotations,
        other => panic!("{other:?}"),
    };
    assert_eq!(cited[3].url.as_deref(), Some("https://w"));
    assert_eq!((cited[4].url.as_deref(), cited[0].title.as_deref()), (Some("https://s"), Some("t")));
    let part = &request.messages[0].parts[0];
    assert_eq!(part.cache, Some(CacheControl { ttl: Some("1h".into()) }));
}
