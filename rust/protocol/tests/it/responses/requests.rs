//! Requests, read and written in this dialect.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Arguments, Body, CallKind, Format, Losses, Role, Source, ToolChoice, ToolKind};
use tollway_protocol::dialect::responses::request;
use tollway_protocol::dialect::{Dialect, Wanted};

use super::{lean, read, sent, value};

/// That the request comes out as it went in.
fn same(request: &Value) {
    let text = request.to_string();
    let read = read(&text).expect("a request");
    let mut losses = Losses::default();
    let written = request::write(&read, &Wanted::new(&read.model), &mut losses).expect("it can be said");
    assert_eq!(lean(value(&written)), lean(request.clone()));
    assert!(losses.is_empty(), "{:?}", losses.names());
}

fn with(name: &str, value: Value) -> Value {
    let mut request = json!({"model": "m", "input": "hello"});
    request[name] = value;
    request
}

#[test]
fn every_setting_comes_back() {
    for (name, value) in [
        ("instructions", json!("be brief")),
        (
            "text",
            json!({"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true, "description": "d"}, "verbosity": "low"}),
        ),
        ("text", json!({"format": {"type": "json_object"}})),
        ("text", json!({"format": {"type": "grammar", "syntax": "lark"}})),
        ("text", json!({"verbosity": "high"})),
        ("reasoning", json!({"effort": "xhigh", "summary": "detailed", "context": "all_turns", "mode": "pro"})),
        ("reasoning", json!({"generate_summary": "auto"})),
        ("include", json!(["reasoning.encrypted_content", "message.output_text.logprobs"])),
        ("truncation", json!("auto")),
        ("store", json!(false)),
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!({"id": "conv_1"})),
        ("background", json!(true)),
        ("prompt", json!({"id": "pmpt_1", "version": "2", "variables": {"a": "b"}})),
        ("parallel_tool_calls", json!(false)),
        ("max_output_tokens", json!(5)),
        ("max_tool_calls", json!(3)),
        ("top_logprobs", json!(4)),
        ("temperature", json!(0.1)),
        ("top_p", json!(1)),
        ("service_tier", json!("flex")),
        ("metadata", json!({"a": "b"})),
        ("user", json!("u")),
        ("stream", json!(true)),
        ("stream_options", json!({"include_obfuscation": false})),
        ("something_new", json!([1, {"a": 2}])),
        ("tool_choice", json!("required")),
        ("tool_choice", json!({"type": "function", "name": "f"})),
        ("tool_choice", json!({"type": "web_search_preview"})),
        ("tool_choice", json!({"type": "mcp", "server_label": "s", "name": "n"})),
        ("tool_choice", json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]})),
        ("tool_choice", json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "image_generation"}]})),
    ] {
        same(&with(name, value));
    }
    same(&json!({"prompt": {"id": "p"}, "model": "m"}));
}

#[test]
fn every_tool_comes_back() {
    let tools = json!([
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true, "description": "d", "defer_loading": true},
        {"type": "function", "name": "bare"},
        {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "regex", "definition": "a+"}},
        {"type": "web_search", "filters": {"allowed_domains": ["a.org"]}, "search_context_size": "low"},
        {"type": "web_search_preview"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "computer_use_preview", "display_width": 1, "display_height": 1, "environment": "browser"},
        {"type": "mcp", "server_label": "s", "server_url": "https://s.example"},
        {"type": "image_generation"},
        {"type": "local_shell"},
    ]);
    same(&with("tools", tools.clone()));
    let mut request = with("tools", tools);
    request["tool_choice"] = json!({"type": "allowed_tools", "mode": "required",
        "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]});
    same(&request);
    let text = request.to_string();
    let read = read(&text).expect("a request");
    let allowed = ToolChoice::Allowed(vec!["f".into(), "c".into()], true);
    assert_eq!(read.tool_choice, Some(allowed));
    assert!(matches!(&read.tools[2].kind, ToolKind::Custom { name, .. } if name == "c"));
}

#[test]
fn every_item_comes_back() {
    let items = json!([
        {"role": "developer", "content": "d"},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "s"}]},
        {"role": "user", "content": [
            {"type": "input_text", "text": "look", "more": 1},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
            {"type": "input_image", "image_url": "https://a.example/b.png"},
            {"type": "input_image", "file_id": "file-1"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "AAAA"},
            {"type": "input_file", "file_url": "https://a.example/b.pdf"},
            {"type": "input_file", "file_id": "file-2"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"type": "input_hologram", "data": "AAAA"},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "e"},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "phase": "commentary", "content": [
            {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation", "url": "https://c.example", "title": "t", "start_index": 0, "end_index": 1}]},
            {"type": "refusal", "refusal": "no"},
        ]},
        {"type": "message", "id": "msg_2", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "b", "annotations": []}]},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["q"]},
        {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1", "container_id": "c", "outputs": []},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA", "output_format": "webp"},
        {"type": "computer_call", "id": "cu_1", "call_id": "call_0", "status": "completed", "action": {"type": "wait"}, "pending_safety_checks": []},
        {"type": "computer_call_output", "call_id": "call_0", "output": {"type": "computer_screenshot", "file_id": "file-3"}},
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []},
        {"type": "mcp_approval_request", "id": "mcpr_1", "arguments": "{}", "name": "n", "server_label": "s"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": true},
        {"type": "mcp_call", "id": "mcp_1", "arguments": "{}", "name": "n", "server_label": "s"},
        {"type": "local_shell_call", "id": "lsh_1", "call_id": "call_9", "status": "completed", "action": {"type": "exec", "command": ["ls"], "env": {}}},
        {"type": "local_shell_call_output", "id": "lsh_1", "output": "x"},
        {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "c", "input": "free"},
        {"type": "function_call_output", "call_id": "call_1", "output": "plain"},
        {"type": "function_call_output", "call_id": "call_1", "output": [
            {"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": "https://a.example/b.png"}]},
        {"type": "custom_tool_call_output", "id": "o_1", "call_id": "call_2", "output": "x"},
        {"type": "item_reference", "id": "msg_9"},
        {"id": "msg_8"},
        {"type": "message", "role": "assistant", "id": "msg_3", "status": "completed", "content": []},
        {"role": "assistant", "content": "said"},
        {"role": "user", "content": "and?"},
    ]);
    same(&json!({"model": "m", "input": items}));
}

#[test]
fn a_turn_of_the_model_is_one_message() {
    let text = json!({"model": "m", "instructions": "i", "input": [
        {"role": "user", "content": "q"},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "function_call", "call_id": "c1", "id": "fc_1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
        {"type": "function_call_output", "call_id": "c1", "output": "r"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "s"},
    ]})
    .to_string();
    let request = read(&text).expect("a request");
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool]);
    let turn = &request.messages[2].parts;
    assert_eq!(turn.len(), 4);
    let Body::ToolCall(call) = &turn[2].body else { panic!("a call") };
    assert_eq!((call.id.as_deref(), call.item.as_deref(), call.kind), (Some("c1"), Some("fc_1"), CallKind::Function));
    let Body::ToolCall(call) = &turn[3].body else { panic!("a call") };
    assert_eq!((&call.arguments, call.kind), (&Arguments::Text("x".into()), CallKind::Custom));
    let Body::ToolResult(result) = &request.messages[4].parts[0].body else { panic!("a result") };
    assert_eq!((result.call.as_deref(), result.kind), (Some("c2"), CallKind::Custom));
}

#[test]
fn what_has_a_place_for_all_is_put_there() {
    let text = json!({"model": "m", "input": [{"role": "user", "content": [
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}]}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": false}},
        "reasoning": {"effort": "none"}, "include": ["message.output_text.logprobs"], "top_logprobs": 2,
        "max_output_tokens": 9.0, "user": "u", "parallel_tool_calls": true})
    .to_string();
    let request = read(&text).expect("a request");
    let Body::Document(media) = &request.messages[0].parts[0].body else { panic!("a document") };
    assert_eq!(media.source, Source::Base64("AAAA".into()));
    assert_eq!((media.mime.as_deref(), media.name.as_deref()), (Some("application/pdf"), Some("a.pdf")));
    let Some(Format::JsonSchema { name, strict, .. }) = &request.format else { panic!("a schema") };
    assert_eq!((name.as_deref(), *strict), (Some("n"), Some(false)));
    let thinking = request.thinking.as_ref().expect("thinking");
    assert_eq!((thinking.enabled, thinking.effort.as_deref()), (Some(false), Some("none")));
    assert_eq!(request.sampling.logprobs, Some(true));
    assert_eq!((request.sampling.top_logprobs, request.sampling.max_tokens), (Some(2), Some(9)));
    assert_eq!((request.user.as_deref(), request.parallel_tools), (Some("u"), Some(true)));
    let lost: Vec<&str> = request.rest.foreign_to(Dialect::Chat).collect();
    assert_eq!(lost, ["include"]);
}

#[test]
fn names_that_are_ours_are_not_sent() {
    let text = json!({"model": "m", "input": [
        {"role": "user", "content": "q"},
        {"type": "reasoning", "id": "rs_tw_x_0", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}],
            "encrypted_content": "tollway.anthropic.sig"},
        {"type": "reasoning", "id": "rs_tw_x_1", "summary": []},
        {"type": "message", "id": "msg_tw_x_1", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "function_call", "call_id": "c1", "id": "fc_tw_x_2", "name": "f", "arguments": "{}",
            "thought_signature": "tollway.gemini.g"},
    ]})
    .to_string();
    let request = read(&text).expect("a request");
    let signature = request.messages[1].parts[0].signature.as_ref().expect("a signature");
    assert_eq!((signature.origin, signature.value.as_ref()), (Dialect::Anthropic, "sig"));
    let signature = request.messages[1].parts[3].signature.as_ref().expect("a signature");
    assert_eq!((signature.origin, signature.value.as_ref()), (Dialect::Gemini, "g"));
    let (written, losses) = sent(&request);
    assert_eq!(losses, ["reasoning"]);
    assert_eq!(
        written["input"],
        json!([
            {"role": "user", "content": "q"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        ])
    );
}
