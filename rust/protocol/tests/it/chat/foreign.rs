//! Requests that other dialects' callers made, written for a server of this one: what is said, and what is named as lost.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Arguments, Body, Builtin, BuiltinKind, CallKind, Format, FunctionTool, Media, Message, Part, Reasoning, Request,
    Rest, Role, Signature, Source, Thinking, Tool, ToolCall, ToolChoice, ToolKind, ToolResult,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::{Json, Members};

use super::write_request;

fn request<'a>(messages: Vec<Message<'a>>) -> Request<'a> {
    Request::new("claude", messages)
}

fn call<'a>(id: Option<&'a str>, name: &'a str) -> Part<'a> {
    let arguments = Arguments::Json(Members::new().with("x", 1_u64).into());
    let id = id.map(Into::into);
    Part::new(Body::ToolCall(ToolCall { id, name: name.into(), arguments, kind: CallKind::Function, item: None }))
}

fn result<'a>(call: Option<&'a str>, name: Option<&'a str>, content: Vec<Part<'a>>) -> ToolResult<'a> {
    let (call, name, kind) = (call.map(Into::into), name.map(Into::into), CallKind::Function);
    ToolResult { call, name, content, json: None, failed: None, kind }
}

fn of_result(result: ToolResult<'_>) -> Part<'_> {
    Part::new(Body::ToolResult(result))
}

fn image<'a>() -> Part<'a> {
    Part::new(Body::Image(Media::new(Source::Base64("AAAA".into()), Some("image/png".into()))))
}

fn thought(text: &str, signature: Option<(Dialect, &'static str)>) -> Part<'static> {
    let reasoning = Reasoning { text: text.to_owned().into(), ..Reasoning::default() };
    let signature = signature.map(|(origin, value)| Signature { origin, value: value.into() });
    Part { signature, ..Part::new(Body::Reasoning(reasoning)) }
}

fn messages(list: Vec<Message<'_>>) -> (Value, Vec<String>) {
    let (written, losses) = write_request(&request(list), "m").expect("can be said");
    (written["messages"].clone(), losses)
}

/// Anthropic's: instructions in blocks, results inside the user's message, before what else it says, pictures in them.
#[test]
fn results_inside_a_users_message() {
    let mut failed = result(Some("b"), None, vec![Part::text("Bad"), Part::text("luck")]);
    failed.failed = Some(true);
    let (written, losses) = messages(vec![
        Message::new(Role::System, vec![Part::text("Be good"), Part::text("Be brief")]),
        Message::new(Role::User, vec![Part::text("Look"), image()]),
        Message::new(
            Role::Assistant,
            vec![Part::text("I "), Part::text("will"), call(Some("a"), "f"), call(Some("b"), "g")],
        ),
        Message::new(
            Role::User,
            vec![of_result(result(Some("a"), None, vec![image()])), of_result(failed), Part::text("Well?")],
        ),
    ]);
    let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let call = |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{\"x\":1}"}});
    assert_eq!(
        written,
        json!([
            {"role": "system", "content": "Be good\n\nBe brief"},
            {"role": "user", "content": [{"type": "text", "text": "Look"}, picture]},
            {"role": "assistant", "content": "I will", "tool_calls": [call("a", "f"), call("b", "g")]},
            {"role": "tool", "tool_call_id": "a", "content": "The result is in the next message."},
            {"role": "tool", "tool_call_id": "b", "content": "Bad\n\nluck"},
            {"role": "user", "content": [picture, {"type": "text", "text": "Well?"}]},
        ])
    );
    assert_eq!(losses, ["content.is_error"]);
}

/// Responses': an item each for the thoughts, the text and the calls of one turn; results behind, one by one.
#[test]
fn one_turn_in_many_messages() {
    let (written, losses) = messages(vec![
        Message::new(Role::Developer, vec![Part::text("Be good")]),
        Message::new(Role::Assistant, vec![thought("Hm", Some((Dialect::Responses, "s")))]),
        Message::new(Role::Assistant, vec![call(Some("a"), "f")]),
        Message::new(Role::Assistant, vec![call(Some("b"), "g")]),
        Message::new(Role::Tool, vec![of_result(result(Some("a"), None, vec![image()]))]),
        Message::new(Role::Tool, vec![of_result(result(Some("b"), None, vec![Part::text("2")]))]),
        Message::new(Role::Assistant, vec![Part::text("Done")]),
    ]);
    let roles: Vec<&str> =
        written.as_array().expect("messages").iter().filter_map(|one| one["role"].as_str()).collect();
    assert_eq!(roles, ["system", "assistant", "tool", "tool", "user", "assistant"]);
    assert_eq!(written[1]["tool_calls"].as_array().map(Vec::len), Some(2));
    assert_eq!(losses, ["reasoning"]);
}

/// Gemini's: calls and results without ids, told apart by name and order; results as JSON.
#[test]
fn calls_without_ids() {
    let of_json = |name: &'static str, json: Json<'static>| {
        of_result(ToolResult { json: Some(json), ..result(None, Some(name), Vec::new()) })
    };
    let (written, _) = messages(vec![
        Message::new(Role::Assistant, vec![call(None, "f"), call(None, "g"), call(None, "f")]),
        Message::new(
            Role::User,
            vec![
                of_json("g", Members::new().with("result", "text").into()),
                of_json("f", Members::new().with("a", 1_u64).into()),
                of_json("f", Members::new().with("a", 2_u64).into()),
            ],
        ),
        Message::new(Role::Assistant, vec![call(None, "f")]),
    ]);
    let ids: Vec<&str> =
        written[0]["tool_calls"].as_array().expect("calls").iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, ["call_0", "call_1", "call_2"]);
    let results: Vec<(&str, &str)> = written.as_array().expect("messages")[1..4]
        .iter()
        .map(|one| (one["tool_call_id"].as_str().unwrap_or(""), one["content"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(results, [("call_1", "text"), ("call_0", "{\"a\":1}"), ("call_2", "{\"a\":2}")]);
    assert_eq!(written[4]["tool_calls"][0]["id"], "call_3");
}

#[test]
fn thoughts_go_only_to_who_can_read_them() {
    let turn = |signature| {
        vec![Message::new(Role::Assistant, vec![thought("Hm", signature), Part::text("Hi"), call(Some("a"), "f")])]
    };
    let foreign = Some((Dialect::Anthropic, "s"));
    let (written, losses) = write_request(&request(turn(foreign)), "gpt-5").expect("can be said");
    assert_eq!((&written["messages"][0]["reasoning_content"], losses), (&Value::Null, vec!["reasoning".to_owned()]));
    // Its server refuses calls whose thoughts are missing.
    let (written, losses) = write_request(&request(turn(foreign)), "deepseek-chat").expect("can be said");
    assert_eq!(written["messages"][0]["reasoning_content"], "Hm");
    assert!(written["messages"][0].get("thinking_blocks").is_none() && losses.is_empty());
    let (written, _) = write_request(&request(turn(Some((Dialect::Chat, "s")))), "m").expect("can be said");
    assert_eq!(
        written["messages"][0]["thinking_blocks"],
        json!([{"type": "thinking", "thinking": "Hm", "signature": "s"}])
    );
}

/// Google's own endpoint of this dialect takes its models' signatures back.
#[test]
fn geminis_signatures() {
    let signed = || {
        let signature = Some(Signature { origin: Dialect::Gemini, value: "c2ln".into() });
        vec![Message::new(Role::Assistant, vec![Part { signature, ..call(Some("a"), "f") }])]
    };
    let (written, losses) = write_request(&request(signed()), "gemini-3-pro").expect("can be said");
    assert_eq!(
        written["messages"][0]["tool_calls"][0]["extra_content"],
        json!({"google": {"thought_signature": "c2ln"}})
    );
    assert!(losses.is_empty());
    let (written, losses) = write_request(&request(signed()), "gpt-5").expect("can be said");
    assert!(written["messages"][0]["tool_calls"][0].get("extra_content").is_none());
    assert_eq!(losses, ["reasoning"]);
}

#[test]
fn tools_of_other_providers() {
    let builtin = |kind, origin, json: &'static str| Tool {
        kind: ToolKind::Builtin(Builtin { kind, origin, json: Json::parse(json.as_bytes()).expect("JSON") }),
        cache: None,
        rest: Rest::none(),
    };
    let mut said = request(Vec::new());
    let place = r#"{"type":"web_search_20250305","name":"web_search","max_uses":3,"user_location":{"type":"approximate","city":"Bern"}}"#;
    said.tools = vec![
        builtin(BuiltinKind::WebSearch, Dialect::Anthropic, place),
        builtin(BuiltinKind::Other, Dialect::Responses, r#"{"type":"file_search","vector_store_ids":["v"]}"#),
        builtin(BuiltinKind::WebFetch, Dialect::Gemini, r#"{"urlContext":{}}"#),
    ];
    said.tool_choice = Some(ToolChoice::Auto);
    let (written, losses) = write_request(&said, "m").expect("can be said");
    let options = json!({"user_location": {"type": "approximate", "approximate": {"city": "Bern"}}});
    assert_eq!(written["web_search_options"], options);
    // A choice among no tools is an error.
    assert!(written.get("tools").is_none() && written.get("tool_choice").is_none());
    assert_eq!(losses, ["tools.web_search.max_uses", "tools.file_search", "tools.urlContext"]);
    let format = Members::new().with("type", "grammar").with("syntax", "lark").with("definition", "x");
    let custom = ToolKind::Custom { name: "c".into(), description: None, format: Some(format.into()) };
    said.tools = vec![Tool { kind: custom, cache: None, rest: Rest::none() }];
    said.tool_choice = Some(ToolChoice::Named("c".into()));
    let (written, _) = write_request(&said, "m").expect("can be said");
    let grammar = json!({"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}});
    assert_eq!(written["tools"], json!([{"type": "custom", "custom": {"name": "c", "format": grammar}}]));
    assert_eq!(written["tool_choice"], json!({"type": "custom", "custom": {"name": "c"}}));
    let function = FunctionTool { name: "f".into(), description: None, parameters: None, strict: None };
    said.tools = vec![Tool {
        kind: ToolKind::Function(function),
        cache: None,
        rest: Rest::new(Dialect::Anthropic, Members::new().with("defer_loading", true)),
    }];
    said.tool_choice = Some(ToolChoice::Allowed(vec!["f".into()], false));
    let (written, losses) = write_request(&said, "m").expect("can be said");
    assert_eq!(written["tool_choice"]["allowed_tools"]["mode"], "auto");
    assert_eq!(losses, ["tools.defer_loading"]);
}

#[test]
fn efforts_and_budgets() {
    let effort = |thinking: Thinking<'static>| {
        let mut said = request(Vec::new());
        said.thinking = Some(thinking);
        let (written, losses) = write_request(&said, "m").expect("can be said");
        (written["reasoning_effort"].as_str().map(str::to_owned), losses)
    };
    let budget = |budget| effort(Thinking { enabled: Some(true), budget: Some(budget), ..Thinking::default() }).0;
    assert_eq!(budget(1024).as_deref(), Some("low"));
    assert_eq!(budget(4096).as_deref(), Some("medium"));
    assert_eq!(budget(16_384).as_deref(), Some("high"));
    assert_eq!(budget(60_000).as_deref(), Some("high"));
    let said = |effort: &'static str| Thinking { effort: Some(effort.into()), ..Thinking::default() };
    assert_eq!(effort(said("max")).0.as_deref(), Some("xhigh"));
    assert_eq!(effort(said("none")).0.as_deref(), Some("none"));
    assert_eq!(effort(Thinking { adaptive: true, ..Thinking::default() }), (None, vec![]));
    let off = Thinking { enabled: Some(false), ..Thinking::default() };
    assert_eq!(effort(off), (None, vec!["thinking".to_owned()]));
}

#[test]
fn what_is_lost_is_named() {
    let mut said = request(vec![Message {
        rest: Rest::new(Dialect::Responses, Members::new().with("id", "msg_1").with("strange", true)),
        ..Message::new(
            Role::User,
            vec![
                Part::text("Hi"),
                Part::new(Body::Foreign(Dialect::Anthropic, Members::new().with("type", "container_upload").into())),
                Part::new(Body::Foreign(Dialect::Gemini, Members::new().with("executableCode", true).into())),
            ],
        )
    }]);
    said.sampling.top_k = Some("5".into());
    said.format = Some(Format::Foreign(Dialect::Gemini, Json::Null));
    said.rest = Rest::new(
        Dialect::Anthropic,
        Members::new().with("metadata", true).with("mcp_servers", true).with("container", Json::Null),
    );
    let (written, losses) = write_request(&said, "m").expect("can be said");
    assert_eq!(
        losses,
        [
            "mcp_servers",
            "messages.strange",
            "content.container_upload",
            "content.executableCode",
            "top_k",
            "response_format"
        ]
    );
    assert_eq!(written["messages"][0]["content"], json!([{"type": "text", "text": "Hi"}]));
    assert!(written.get("top_k").is_none());
    said.rest = Rest::none();
    said.format =
        Some(Format::JsonSchema { name: None, description: None, schema: Members::new().into(), strict: None });
    let (written, _) = write_request(&said, "m").expect("can be said");
    assert_eq!(
        written["response_format"],
        json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": {}}})
    );
}

#[test]
fn what_must_not_be_left_out_is_refused() {
    let refused = |said: &Request<'_>| write_request(said, "m").expect_err("cannot be said").param;
    let mut kept = request(Vec::new());
    for name in ["previous_response_id", "conversation", "background", "prompt"] {
        kept.rest = Rest::new(Dialect::Responses, Members::new().with(name, true));
        assert_eq!(refused(&kept), name);
    }
    kept.rest = Rest::new(Dialect::Responses, Members::new().with("background", false));
    assert!(write_request(&kept, "m").is_ok());
    let of_file = |body: fn(Media<'static>) -> Body<'static>, id: &'static str| {
        request(vec![Message::new(Role::User, vec![Part::new(body(Media::new(Source::File(id.into()), None)))])])
    };
    assert_eq!(refused(&of_file(Body::Document, "file_011C")), "messages[0].content");
    assert_eq!(refused(&of_file(Body::Image, "file-1")), "messages[0].content");
    assert!(write_request(&of_file(Body::Document, "file-1"), "m").is_ok());
}

#[test]
fn documents() {
    let mut titled = Media::new(Source::Text("Grüße".into()), None);
    titled.citations = Some(true);
    titled.context = Some("secret".into());
    let parts = Source::Parts(vec![Part::text("a"), image()]);
    let (written, losses) = messages(vec![Message::new(
        Role::User,
        vec![
            Part::new(Body::Document(titled)),
            Part::new(Body::Document(Media::new(Source::Base64("JVBE".into()), Some("application/pdf".into())))),
            Part::new(Body::Document(Media::new(Source::Url("https://a/b.pdf".into()), None))),
            Part::new(Body::Document(Media::new(parts, None))),
        ],
    )]);
    assert_eq!(
        written[0]["content"],
        json!([
            {"type": "file", "file": {"filename": "document.txt", "file_data": "data:text/plain;base64,R3LDvMOfZQ=="}},
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "https://a/b.pdf"}},
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ])
    );
    assert_eq!(losses, ["content.context", "content.citations"]);
}
