//! Requests of other dialects' callers, written for a model that follows this one.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Arguments, Body, Builtin, BuiltinKind, CacheControl, CallKind, Format, FunctionTool, Losses, Media, Part,
    Reasoning, Rest, Role, Sampling, Signature, Source, Thinking, Tool, ToolCall, ToolChoice, ToolKind, ToolResult,
};
use tollway_protocol::dialect::responses::request;
use tollway_protocol::dialect::{Dialect, Wanted};
use tollway_protocol::json::Json;

use super::{foreign, message, parse, sent, value};

fn text(text: &'static str) -> Part<'static> {
    Part::text(text)
}

fn user(parts: Vec<Part<'static>>) -> Vec<tollway_protocol::canonical::Message<'static>> {
    vec![message(Role::User, parts)]
}

fn call(id: Option<&'static str>, name: &'static str) -> Part<'static> {
    Part::new(Body::ToolCall(ToolCall {
        id: id.map(Into::into),
        name: name.into(),
        arguments: Arguments::Json(parse(r#"{"a":1}"#)),
        kind: CallKind::Function,
        item: None,
    }))
}

fn result(call: Option<&'static str>, name: Option<&'static str>, content: Vec<Part<'static>>) -> ToolResult<'static> {
    let (call, name) = (call.map(Into::into), name.map(Into::into));
    ToolResult { call, name, content, json: None, failed: None, kind: CallKind::Function }
}

fn builtin(kind: BuiltinKind, origin: Dialect, json: &'static str) -> Tool<'static> {
    let builtin = Builtin { kind, origin, json: parse(json) };
    Tool { kind: ToolKind::Builtin(builtin), cache: None, rest: Rest::none() }
}

#[test]
fn a_plain_question_is_plain_and_stores_nothing() {
    let (written, losses) = sent(&foreign(user(vec![text("hi")])));
    assert_eq!(written, json!({"model": "gpt-5.2", "input": "hi", "store": false}));
    assert!(losses.is_empty());
}

#[test]
fn instructions_are_what_it_begins_with() {
    let messages = vec![
        message(Role::System, vec![text("a"), text("b")]),
        message(Role::Developer, vec![text("c")]),
        message(Role::User, vec![text("q")]),
        message(Role::System, vec![text("later")]),
        message(Role::Assistant, vec![text("")]),
        message(Role::Assistant, vec![text("a1")]),
    ];
    let (written, losses) = sent(&foreign(messages));
    assert_eq!(written["instructions"], "a\n\nb\n\nc");
    assert_eq!(
        written["input"],
        json!([{"role": "user", "content": "q"}, {"role": "system", "content": "later"},
            {"role": "assistant", "content": "a1"}])
    );
    assert!(losses.is_empty());
}

#[test]
fn results_go_before_what_the_user_says() {
    let failed = ToolResult { failed: Some(true), ..result(Some("toolu_1"), None, vec![text("no"), text("way")]) };
    let picture = Media::new(Source::Base64("AAAA".into()), Some("image/png".into()));
    let shown = result(Some("toolu_2"), None, vec![text("see"), Part::new(Body::Image(picture))]);
    let messages = vec![
        message(Role::Assistant, vec![text("let me"), call(Some("toolu_1"), "f"), call(Some("toolu_2"), "g")]),
        message(Role::User, vec![text("and"), Part::new(Body::ToolResult(failed)), Part::new(Body::ToolResult(shown))]),
    ];
    let (written, losses) = sent(&foreign(messages));
    assert_eq!(
        written["input"],
        json!([
            {"role": "assistant", "content": "let me"},
            {"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": "{\"a\":1}"},
            {"type": "function_call", "call_id": "toolu_2", "name": "g", "arguments": "{\"a\":1}"},
            {"type": "function_call_output", "call_id": "toolu_1", "output": "no\nway"},
            {"type": "function_call_output", "call_id": "toolu_2", "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
            {"role": "user", "content": "and"},
        ])
    );
    assert_eq!(losses, ["content.is_error"]);
}

#[test]
fn calls_without_names_get_some_that_their_results_know() {
    let json = ToolResult { json: Some(parse(r#"{"ok":true}"#)), ..result(None, Some("g"), Vec::new()) };
    let messages = vec![
        message(Role::Assistant, vec![call(None, "f"), call(None, "g"), call(None, "f")]),
        message(
            Role::User,
            vec![
                Part::new(Body::ToolResult(json)),
                Part::new(Body::ToolResult(result(None, Some("f"), vec![text("1")]))),
                Part::new(Body::ToolResult(result(None, None, vec![text("2")]))),
                Part::new(Body::ToolResult(result(None, None, vec![text("3")]))),
            ],
        ),
    ];
    let (written, _) = sent(&foreign(messages));
    let ids: Vec<&Value> = written["input"].as_array().expect("items").iter().map(|item| &item["call_id"]).collect();
    assert_eq!(ids, ["call_0", "call_1", "call_2", "call_1", "call_0", "call_2", "call_3"]);
    assert_eq!(written["input"][3]["output"], r#"{"ok":true}"#);
}

#[test]
fn thoughts_of_other_models_are_not_sent() {
    let thought = |signature: Option<(Dialect, &'static str)>| Part {
        signature: signature.map(|(origin, value)| Signature { origin, value: value.into() }),
        ..Part::new(Body::Reasoning(Reasoning { text: "hm".into(), ..Reasoning::default() }))
    };
    let signed =
        Part { signature: Some(Signature { origin: Dialect::Gemini, value: "g".into() }), ..call(Some("c"), "f") };
    let parts =
        vec![thought(Some((Dialect::Anthropic, "a"))), thought(None), thought(Some((Dialect::Responses, "e"))), signed];
    let (written, losses) = sent(&foreign(vec![message(Role::Assistant, parts)]));
    assert_eq!(
        written["input"],
        json!([
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "e"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"},
        ])
    );
    assert_eq!(losses, ["reasoning"]);
}

#[test]
fn media_of_all_kinds() {
    let of = |source: Source<'static>, mime: Option<&'static str>| Media::new(source, mime.map(Into::into));
    let titled = Media {
        name: Some("Notes".into()),
        context: Some("c".into()),
        citations: Some(true),
        ..of(Source::Text("plain".into()), Some("text/plain"))
    };
    let parts = vec![
        Part::new(Body::Image(Media {
            detail: Some("low".into()),
            ..of(Source::Url("https://a.example/b.png".into()), None)
        })),
        Part::new(Body::Document(of(Source::Base64("AAAA".into()), Some("application/pdf")))),
        Part::new(Body::Document(of(Source::Url("https://a.example/b.pdf".into()), None))),
        Part::new(Body::Document(titled)),
        Part::new(Body::Document(of(Source::Parts(vec![text("in parts")]), None))),
        Part::new(Body::Document(of(
            Source::Parts(vec![text("mixed"), Part::new(Body::Image(of(Source::File("file-0".into()), None)))]),
            None,
        ))),
        Part::new(Body::Document(of(Source::File("file-1".into()), None))),
        Part::new(Body::Audio(of(Source::Base64("AAAA".into()), Some("audio/mpeg")))),
        Part::new(Body::Video(of(Source::Base64("AAAA".into()), Some("video/mp4")))),
        Part { cache: Some(CacheControl { ttl: None }), ..text("cached") },
        Part::new(Body::Foreign(Dialect::Anthropic, parse(r#"{"type":"container_upload","file_id":"f"}"#))),
        Part::new(Body::Foreign(Dialect::Gemini, parse(r#"{"executableCode":{}}"#))),
    ];
    let (written, losses) = sent(&foreign(user(parts)));
    assert_eq!(
        written["input"][0]["content"],
        json!([
            {"type": "input_image", "detail": "low", "image_url": "https://a.example/b.png"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA", "filename": "document.pdf"},
            {"type": "input_file", "file_url": "https://a.example/b.pdf"},
            {"type": "input_file", "file_data": "data:text/plain;base64,cGxhaW4=", "filename": "Notes.txt"},
            {"type": "input_file", "file_data": "data:text/plain;base64,aW4gcGFydHM=", "filename": "document.txt"},
            {"type": "input_text", "text": "mixed"},
            {"type": "input_image", "file_id": "file-0"},
            {"type": "input_file", "file_id": "file-1"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"type": "input_file", "file_data": "data:video/mp4;base64,AAAA", "filename": "document.mp4"},
            {"type": "input_text", "text": "cached"},
        ])
    );
    assert_eq!(losses, ["content.context", "content.citations", "content.container_upload", "content.executableCode"]);
}

#[test]
fn files_that_another_provider_keeps_are_refused() {
    for id in ["file_011", "files/abc"] {
        let file = Part::new(Body::Document(Media::new(Source::File(id.into()), None)));
        let written = request::write(&foreign(user(vec![file])), &Wanted::new("m"), &mut Losses::default());
        assert_eq!(written.expect_err("refused").param, "content");
    }
}

#[test]
fn tools_of_all_kinds() {
    let function = FunctionTool { name: "f".into(), description: None, parameters: Some(parse("{}")), strict: None };
    let custom = ToolKind::Custom { name: "c".into(), description: None, format: None };
    let tools = vec![
        Tool { kind: ToolKind::Function(function), cache: Some(CacheControl { ttl: None }), rest: Rest::none() },
        Tool { kind: custom, cache: None, rest: Rest::none() },
        builtin(
            BuiltinKind::WebSearch,
            Dialect::Anthropic,
            r#"{"type":"web_search_20250305","name":"web_search","max_uses":3,"allowed_domains":["a.org"],"user_location":{"type":"approximate","city":"X"}}"#,
        ),
        builtin(
            BuiltinKind::WebSearch,
            Dialect::Chat,
            r#"{"search_context_size":"low","user_location":{"type":"approximate","approximate":{"city":"X"}}}"#,
        ),
        builtin(BuiltinKind::WebSearch, Dialect::Gemini, r#"{"googleSearch":{}}"#),
        builtin(BuiltinKind::CodeExecution, Dialect::Gemini, r#"{"codeExecution":{}}"#),
        builtin(BuiltinKind::WebFetch, Dialect::Gemini, r#"{"urlContext":{}}"#),
        builtin(BuiltinKind::Other, Dialect::Anthropic, r#"{"type":"bash_20250124","name":"bash"}"#),
    ];
    let request = tollway_protocol::canonical::Request {
        tools,
        tool_choice: Some(ToolChoice::Allowed(vec!["f".into(), "c".into()], true)),
        parallel_tools: Some(false),
        ..foreign(user(vec![text("q")]))
    };
    let (written, losses) = sent(&request);
    let place = json!({"type": "approximate", "city": "X"});
    assert_eq!(
        written["tools"],
        json!([
            {"type": "function", "name": "f", "parameters": {}, "strict": false},
            {"type": "custom", "name": "c"},
            {"type": "web_search", "filters": {"allowed_domains": ["a.org"]}, "user_location": place},
            {"type": "web_search", "search_context_size": "low", "user_location": place},
            {"type": "web_search"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ])
    );
    let allowed = json!([{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]);
    assert_eq!(written["tool_choice"], json!({"type": "allowed_tools", "mode": "required", "tools": allowed}));
    assert_eq!(written["parallel_tool_calls"], false);
    assert_eq!(losses, ["tools.web_search.max_uses", "tools.urlContext", "tools.bash_20250124"]);
}

#[test]
fn what_cannot_be_said_is_named() {
    let one = || Some("1".into());
    let request = tollway_protocol::canonical::Request {
        sampling: Sampling {
            max_tokens: Some(4),
            temperature: Some("0.5".into()),
            top_p: one(),
            top_k: one(),
            seed: one(),
            frequency_penalty: one(),
            presence_penalty: one(),
            stop: vec!["x".into()],
            choices: Some(2),
            logprobs: Some(true),
            top_logprobs: Some(3),
        },
        format: Some(Format::JsonSchema { name: None, description: None, schema: parse("{}"), strict: Some(true) }),
        user: Some("u".into()),
        rest: Rest::new(
            Dialect::Chat,
            members(r#"{"logit_bias":{},"metadata":{"a":"b"},"verbosity":"low","store":true,"stream_options":{}}"#),
        ),
        ..foreign(user(vec![text("q")]))
    };
    let (written, losses) = sent(&request);
    assert_eq!(
        written,
        json!({"model": "gpt-5.2", "input": "q", "max_output_tokens": 16, "temperature": 0.5, "top_p": 1, "user": "u",
            "top_logprobs": 3, "include": ["message.output_text.logprobs"], "metadata": {"a": "b"}, "store": true,
            "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "response", "schema": {}, "strict": true}}})
    );
    let expected = ["max_tokens", "top_k", "seed", "frequency_penalty", "presence_penalty", "stop", "n", "logit_bias"];
    assert_eq!(losses, expected);
    let request = tollway_protocol::canonical::Request {
        tool_choice: Some(ToolChoice::Foreign(Dialect::Anthropic, Json::Null)),
        format: Some(Format::Foreign(Dialect::Gemini, Json::Null)),
        rest: Rest::new(Dialect::Anthropic, members(r#"{"metadata":{},"container":"c","service_tier":"auto"}"#)),
        ..foreign(vec![tollway_protocol::canonical::Message {
            name: Some("n".into()),
            ..message(Role::User, vec![text("q")])
        }])
    };
    let (written, losses) = sent(&request);
    assert_eq!(written, json!({"model": "gpt-5.2", "input": [{"role": "user", "content": "q"}], "store": false}));
    assert_eq!(losses, ["messages.name", "tool_choice", "container", "service_tier", "response_format"]);
}

fn members(text: &'static str) -> tollway_protocol::json::Members<'static> {
    parse(text).as_object().expect("an object").clone()
}

#[test]
fn thinking_in_the_words_that_the_model_knows() {
    let said = |model: &str, thinking: Thinking<'static>| {
        let request =
            tollway_protocol::canonical::Request { thinking: Some(thinking), ..foreign(user(vec![text("q")])) };
        let written = request::write(&request, &Wanted::new(model), &mut Losses::default()).expect("it can be said");
        let written = value(&written);
        (written["reasoning"].clone(), written["include"].clone())
    };
    let encrypted = || json!(["reasoning.encrypted_content"]);
    let budget =
        |tokens| Thinking { enabled: Some(true), budget: Some(tokens), show: Some(true), ..Thinking::default() };
    for (tokens, effort) in
        [(1024, "low"), (2000, "low"), (4096, "medium"), (10_000, "medium"), (16_384, "high"), (60_000, "high")]
    {
        assert_eq!(said("gpt-5", budget(tokens)), (json!({"effort": effort, "summary": "auto"}), encrypted()));
    }
    let effort = |word: &'static str| Thinking { effort: Some(word.into()), ..Thinking::default() };
    assert_eq!(said("gpt-5.2", effort("max")), (json!({"effort": "max"}), encrypted()));
    assert_eq!(said("gpt-5.2", effort("none")), (json!({"effort": "none"}), Value::Null));
    let off = || Thinking { enabled: Some(false), ..Thinking::default() };
    assert_eq!(said("gpt-5.2", off()).0, json!({"effort": "none"}));
    assert_eq!(said("openai/gpt-5-mini", off()).0, json!({"effort": "minimal"}));
    assert_eq!(said("gpt-5", off()).0, json!({"effort": "minimal"}));
    assert_eq!(said("o4-mini", off()).0, json!({"effort": "low"}));
    assert_eq!(said("gpt-4o", off()), (Value::Null, Value::Null));
    let adaptive = Thinking { enabled: Some(true), adaptive: true, ..Thinking::default() };
    assert_eq!(said("gpt-5.2", adaptive), (Value::Null, Value::Null));
}
