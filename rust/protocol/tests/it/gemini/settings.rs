//! Tools and settings of other dialects, as Google gets them; what is lost is named.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Body, Builtin, BuiltinKind, Format, FunctionTool, Message, Part, Request, Rest, Role, Thinking, Tool, ToolChoice,
    ToolKind,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::Members;

use super::foreign::{NEW, OLD, contents, request, rest, user};
use super::{leaked, write_request};

#[test]
fn thinking_by_generation() {
    let config = |thinking: Thinking<'static>, model: &str| {
        let asked = Request { thinking: Some(thinking), ..request(vec![user("x")]) };
        let (written, losses) = write_request(&asked, model).unwrap();
        (written["generationConfig"]["thinkingConfig"].clone(), losses.len())
    };
    let effort = |effort: &'static str| Thinking { effort: Some(effort.into()), ..Thinking::default() };
    for (word, budget, level) in [
        ("minimal", 1024, "MINIMAL"),
        ("low", 1024, "LOW"),
        ("medium", 4096, "MEDIUM"),
        ("high", 16_384, "HIGH"),
        ("xhigh", 24_576, "HIGH"),
    ] {
        assert_eq!(config(effort(word), OLD), (json!({"thinkingBudget": budget}), 0));
        assert_eq!(config(effort(word), NEW), (json!({"thinkingLevel": level}), 0));
    }
    assert_eq!(config(effort("none"), OLD), (json!({"thinkingBudget": 0}), 0));
    assert_eq!(config(effort("none"), "gemini-2.5-pro"), (json!({"thinkingBudget": 128}), 1));
    assert_eq!(config(effort("none"), NEW), (json!({"thinkingLevel": "MINIMAL"}), 1));
    let off = Thinking { enabled: Some(false), ..Thinking::default() };
    assert_eq!(config(off, OLD), (json!({"thinkingBudget": 0}), 0));
    let shown = Thinking { enabled: Some(true), budget: Some(2000), ..Thinking::default() };
    assert_eq!(config(shown, OLD), (json!({"thinkingBudget": 2000, "includeThoughts": true}), 0));
    let free = Thinking { enabled: Some(true), adaptive: true, show: Some(false), ..Thinking::default() };
    assert_eq!(config(free, NEW), (json!({"thinkingBudget": -1, "includeThoughts": false}), 0));
}

#[test]
fn tools_of_others() {
    let tool = |kind| Tool { kind, cache: None, rest: Rest::none() };
    let builtin = |kind, origin, json: Value| tool(ToolKind::Builtin(Builtin { kind, origin, json: leaked(&json) }));
    let schema = json!({"type": "object", "properties": {}});
    let function = FunctionTool {
        name: "f".into(),
        description: Some("d".into()),
        parameters: Some(leaked(&schema)),
        strict: Some(true),
    };
    let grammar = leaked(&json!({"type": "grammar", "syntax": "lark"}));
    let search = json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 2, "allowed_domains": ["a"]});
    let asked = Request {
        tools: vec![
            tool(ToolKind::Function(function)),
            tool(ToolKind::Custom { name: "sh".into(), description: None, format: Some(grammar) }),
            builtin(BuiltinKind::WebSearch, Dialect::Anthropic, search),
            builtin(BuiltinKind::WebSearch, Dialect::Chat, json!({"search_context_size": "low"})),
            builtin(
                BuiltinKind::WebFetch,
                Dialect::Anthropic,
                json!({"type": "web_fetch_20250910", "name": "web_fetch"}),
            ),
            builtin(
                BuiltinKind::CodeExecution,
                Dialect::Responses,
                json!({"type": "code_interpreter", "container": {"type": "auto"}}),
            ),
            builtin(BuiltinKind::Other, Dialect::Responses, json!({"type": "file_search", "vector_store_ids": ["v"]})),
        ],
        tool_choice: Some(ToolChoice::Named("f".into())),
        parallel_tools: Some(false),
        ..request(vec![user("x")])
    };
    let (written, losses) = write_request(&asked, OLD).unwrap();
    let input = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    assert_eq!(
        written["tools"],
        json!([
            {"functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": schema}, {"name": "sh", "parametersJsonSchema": input},
            ]},
            {"googleSearch": {}}, {"googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}},
        ])
    );
    assert_eq!(written["toolConfig"], json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}));
    assert_eq!(
        losses,
        [
            "parallel_tool_calls",
            "tools.strict",
            "tools.custom_format",
            "tools.web_search.allowed_domains",
            "tools.web_search.max_uses",
            "web_search_options.search_context_size",
            "tools.file_search",
        ]
    );
}

#[test]
fn a_choice_without_functions_is_none() {
    let json = leaked(&json!({"type": "web_search"}));
    let builtin = Builtin { kind: BuiltinKind::WebSearch, origin: Dialect::Responses, json };
    let tools = vec![Tool { kind: ToolKind::Builtin(builtin), cache: None, rest: Rest::none() }];
    for (choice, lost) in [(ToolChoice::Auto, 0), (ToolChoice::Required, 1)] {
        let asked = Request { tools: tools.clone(), tool_choice: Some(choice), ..request(vec![user("x")]) };
        let (written, losses) = write_request(&asked, OLD).unwrap();
        assert_eq!((written.get("toolConfig"), losses.len()), (None, lost));
    }
}

#[test]
fn what_others_say_besides_is_named() {
    let mut asked = request(vec![Message { name: Some("ann".into()), ..user("x") }]);
    asked.rest = rest(
        Dialect::Chat,
        &json!({"logit_bias": {"1": 2}, "modalities": [], "store": true, "metadata": {}, "prediction": null}),
    );
    asked.user = Some("u".into());
    let schema = leaked(&json!({"type": "object"}));
    asked.format =
        Some(Format::JsonSchema { name: Some("n".into()), description: Some("d".into()), schema, strict: Some(true) });
    let (written, losses) = write_request(&asked, OLD).unwrap();
    assert_eq!(losses, ["logit_bias", "user", "messages.name"]);
    let config =
        json!({"responseMimeType": "application/json", "responseJsonSchema": {"type": "object", "description": "d"}});
    assert_eq!(written["generationConfig"], config);
    let foreign = Members::new().with("type", "container_upload");
    let upload = Message::new(Role::User, vec![Part::new(Body::Foreign(Dialect::Anthropic, foreign.into()))]);
    assert_eq!(contents(vec![upload], OLD).1, ["content.container_upload"]);
}

#[test]
fn a_conversation_kept_elsewhere_is_refused() {
    for name in ["previous_response_id", "conversation", "prompt"] {
        let asked = Request { rest: rest(Dialect::Responses, &json!({ name: "x" })), ..request(vec![user("x")]) };
        assert_eq!(write_request(&asked, OLD).unwrap_err().param, name);
    }
    let front = Request { rest: rest(Dialect::Responses, &json!({"background": false})), ..request(vec![user("x")]) };
    assert!(write_request(&front, OLD).is_ok());
}
