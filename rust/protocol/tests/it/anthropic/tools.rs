//! Tools from other dialects.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Builtin, BuiltinKind, FunctionTool, Message, Part, Request, Rest, Role, Sampling, Tool, ToolChoice, ToolKind,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::{Json, Members};

use super::{json as parse, read, sent};

const MODEL: &str = "claude-sonnet-4-5";

fn tool(kind: ToolKind<'static>) -> Tool<'static> {
    Tool { kind, cache: None, rest: Rest::none() }
}

fn function(name: &'static str, parameters: Option<&'static str>, strict: Option<bool>) -> Tool<'static> {
    let parameters = parameters.map(parse);
    tool(ToolKind::Function(FunctionTool { name: name.into(), description: None, parameters, strict }))
}

fn builtin(kind: BuiltinKind, origin: Dialect, json: &'static str) -> Tool<'static> {
    tool(ToolKind::Builtin(Builtin { kind, origin, json: parse(json) }))
}

fn with(
    tools: Vec<Tool<'static>>,
    tool_choice: Option<ToolChoice<'static>>,
    parallel_tools: Option<bool>,
) -> Request<'static> {
    Request {
        model: "m".into(),
        messages: vec![Message::new(Role::User, vec![Part::text("hi")])],
        tools,
        tool_choice,
        parallel_tools,
        sampling: Sampling::default(),
        format: None,
        thinking: None,
        stream: false,
        user: None,
        rest: Rest::none(),
    }
}

fn tools(tools: Vec<Tool<'static>>, model: &str) -> (Value, Vec<String>) {
    let (mut body, losses) = sent(&with(tools, None, None), model);
    (body["tools"].take(), losses)
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn functions() {
    let given = || vec![function("a", None, None), function("b", Some(r#"{"properties":{}}"#), Some(true))];
    let empty = json!({"type": "object", "properties": {}});
    let (written, losses) = tools(given(), MODEL);
    assert_eq!(
        written,
        json!([{"name": "a", "input_schema": empty}, {"name": "b", "input_schema": empty, "strict": true}])
    );
    assert_eq!(losses, none());
    let (written, losses) = tools(given(), "claude-sonnet-4-20250514");
    assert_eq!((&written[1]["strict"], losses), (&Value::Null, vec!["tools.strict".to_owned()]));
    let mut foreign = function("a", None, None);
    foreign.rest = Rest::new(Dialect::Gemini, Members::new().with("response", Members::new().with("type", "object")));
    assert_eq!(tools(vec![foreign], MODEL).1, ["tools.response"]);
}

#[test]
fn tools_that_take_free_text() {
    let custom = |format: Option<&'static str>| {
        let format = format.map(parse);
        tool(ToolKind::Custom { name: "sh".into(), description: Some("d".into()), format })
    };
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    let expected = json!([{"name": "sh", "description": "d", "input_schema": schema}]);
    assert_eq!(tools(vec![custom(None)], MODEL), (expected.clone(), none()));
    assert_eq!(tools(vec![custom(Some(r#"{"type":"text"}"#))], MODEL), (expected.clone(), none()));
    let lost = vec!["tools.custom_format".to_owned()];
    assert_eq!(tools(vec![custom(Some(r#"{"type":"grammar","grammar":{}}"#))], MODEL), (expected, lost));
}

#[test]
fn searching_the_web() {
    let place = json!({"type": "approximate", "city": "Oslo", "country": "NO"});
    let chat = r#"{"user_location":{"type":"approximate","approximate":{"city":"Oslo","country":"NO"}},"search_context_size":"high"}"#;
    let (written, losses) = tools(vec![builtin(BuiltinKind::WebSearch, Dialect::Chat, chat)], MODEL);
    assert_eq!(written, json!([{"type": "web_search_20250305", "name": "web_search", "user_location": place}]));
    assert_eq!(losses, ["web_search_options.search_context_size"]);
    let responses = r#"{"type":"web_search","filters":{"allowed_domains":["a.no"]},"search_context_size":"medium",
        "user_location":{"type":"approximate","city":"Oslo","country":"NO"}}"#;
    let (written, losses) = tools(vec![builtin(BuiltinKind::WebSearch, Dialect::Responses, responses)], MODEL);
    assert_eq!(
        written,
        json!([{"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.no"], "user_location": place}])
    );
    assert_eq!(losses, none());
    let gemini = r#"{"googleSearch":{"timeRangeFilter":{}}}"#;
    let (written, losses) = tools(vec![builtin(BuiltinKind::WebSearch, Dialect::Gemini, gemini)], MODEL);
    assert_eq!(written, json!([{"type": "web_search_20250305", "name": "web_search"}]));
    assert_eq!(losses, ["tools.googleSearch.timeRangeFilter"]);
}

#[test]
fn other_tools_of_providers() {
    let code = r#"{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}"#;
    let (written, losses) = tools(
        vec![
            builtin(BuiltinKind::WebFetch, Dialect::Gemini, r#"{"urlContext":{}}"#),
            builtin(BuiltinKind::CodeExecution, Dialect::Responses, code),
            builtin(BuiltinKind::Other, Dialect::Responses, r#"{"type":"file_search"}"#),
            builtin(BuiltinKind::Other, Dialect::Gemini, r#"{"googleMaps":{}}"#),
            builtin(BuiltinKind::Other, Dialect::Anthropic, r#"{"type":"memory_20250818","name":"memory"}"#),
        ],
        MODEL,
    );
    assert_eq!(
        written,
        json!([
            {"type": "web_fetch_20250910", "name": "web_fetch"},
            {"type": "code_execution_20250825", "name": "code_execution"},
            {"type": "memory_20250818", "name": "memory"},
        ])
    );
    assert_eq!(losses, ["tools.code_interpreter.container", "tools.file_search", "tools.googleMaps"]);
}

#[test]
fn choices() {
    let choice = |choice, parallel| {
        let tools = vec![function("a", None, None), function("b", None, None)];
        let (body, losses) = sent(&with(tools, choice, parallel), MODEL);
        assert_eq!(losses, none());
        (body["tool_choice"].clone(), body["tools"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(choice(None, None), (Value::Null, 2));
    assert_eq!(choice(None, Some(true)), (Value::Null, 2));
    assert_eq!(choice(None, Some(false)), (json!({"type": "auto", "disable_parallel_tool_use": true}), 2));
    assert_eq!(choice(Some(ToolChoice::Auto), None), (json!({"type": "auto"}), 2));
    assert_eq!(choice(Some(ToolChoice::None), Some(false)), (json!({"type": "none"}), 2));
    let required = json!({"type": "any", "disable_parallel_tool_use": true});
    assert_eq!(choice(Some(ToolChoice::Required), Some(false)), (required, 2));
    assert_eq!(choice(Some(ToolChoice::Named("a".into())), Some(true)), (json!({"type": "tool", "name": "a"}), 2));
    let allowed = |must| Some(ToolChoice::Allowed(vec!["b".into()], must));
    assert_eq!(choice(allowed(false), None), (json!({"type": "auto"}), 1));
    assert_eq!(choice(allowed(true), None), (json!({"type": "any"}), 1));
    let foreign = ToolChoice::Foreign(Dialect::Responses, Json::from(true));
    let (body, losses) = sent(&with(vec![], Some(foreign), None), MODEL);
    assert_eq!((&body["tool_choice"], losses), (&Value::Null, vec!["tool_choice".to_owned()]));
    let (body, _) = sent(&with(vec![], Some(ToolChoice::Auto), Some(false)), MODEL);
    assert_eq!(body["tool_choice"], Value::Null);
}

#[test]
fn own_tools_are_told_apart() {
    let body = r#"{"model":"m","max_tokens":1,"messages":[],"tools":[{"type":"custom","name":"f","input_schema":{}},
        {"type":"web_search_20260318","name":"web_search"},{"type":"web_fetch_20250910","name":"web_fetch"},
        {"type":"code_execution_20260521","name":"code_execution"},{"type":"computer_20250124","name":"computer"}],
        "tool_choice":{"type":"any","disable_parallel_tool_use":true}}"#;
    let request = read(body).expect("a request");
    let kinds = request.tools.iter().map(|tool| match &tool.kind {
        ToolKind::Builtin(builtin) => Some(builtin.kind),
        _ => None,
    });
    let kinds: Vec<_> = kinds.collect();
    let builtin = [BuiltinKind::WebSearch, BuiltinKind::WebFetch, BuiltinKind::CodeExecution, BuiltinKind::Other];
    assert_eq!(kinds[0], None);
    assert_eq!(kinds[1..], builtin.map(Some));
    assert_eq!((request.tool_choice, request.parallel_tools), (Some(ToolChoice::Required), Some(false)));
}
