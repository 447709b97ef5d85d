//! What a caller of Google's may say, and what it means.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Arguments, Body, BuiltinKind, Format, Reasoning, Request, Role, Signature, Source, ToolChoice, ToolKind,
};
use tollway_protocol::dialect::gemini::request;
use tollway_protocol::dialect::{Dialect, Head};

use super::{leaked, plain, read_request, value, write_request};

const MODEL: &str = "gemini-2.5-flash";

fn read(document: &Value) -> Request<'static> {
    read_request(document, MODEL).expect("read")
}

/// Both ways, nothing lost; what was read.
fn kept(document: &Value) -> Request<'static> {
    let request = read(document);
    let (again, losses) = write_request(&request, MODEL).expect("written");
    assert_eq!((again, losses.as_slice()), (plain::request(document), &[][..]));
    request
}

fn saying(parts: &Value) -> Value {
    json!({"contents": [{"role": "user", "parts": parts}]})
}

#[test]
fn every_kind_of_part() {
    let request = kept(&json!({"contents": [
        {"role": "user", "parts": [
            {"text": "see"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBO", "displayName": "a"}},
            {"inline_data": {"mime_type": "audio/wav", "data": "UklG-_"}, "video_metadata": {"fps": 1}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}},
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}, "videoMetadata": {"startOffset": "1s"}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a"}, "mediaResolution": {"level": "HIGH"}},
        ]},
        {"role": "model", "parts": [
            {"text": "thinking", "thought": true, "thoughtSignature": "AA=="},
            {"text": "words", "thoughtSignature": "BB=="},
            {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "CC=="},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"inlineData": {"mimeType": "image/png", "data": "iVBO"}, "thoughtSignature": "DD=="},
            {"inlineData": {"mimeType": "image/png", "data": "iVBO"}, "thought": true},
            {"functionCall": {"name": "f", "args": {"a_b": 1}}, "thoughtSignature": "EE=="},
            {"functionCall": {"id": "c2", "name": "g", "args": {}}},
            {"functionCall": {"name": "h", "willContinue": true}},
            {"text": "", "thoughtSignature": "FF=="},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"result": "fine"}}},
            {"functionResponse": {"id": "c2", "name": "g", "response": {"a": [1]}, "scheduling": "SILENT",
                "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]}},
            {"functionResponse": {"name": "h", "response": {"error": "no"}}},
        ]},
    ]}));
    let [user, model, results] = request.messages.as_slice() else { panic!("three") };
    assert!(matches!(&user.parts[1].body, Body::Image(media) if media.name.as_deref() == Some("a")));
    assert!(matches!(&user.parts[2].body, Body::Audio(media) if media.source == Source::Base64("UklG+/".into())));
    assert!(matches!(&user.parts[3].body, Body::Document(media) if matches!(media.source, Source::File(_))));
    assert!(matches!(&user.parts[4].body, Body::Video(_)));
    assert!(matches!(&user.parts[5].body, Body::Image(media) if matches!(media.source, Source::Url(_))));
    let thought = Reasoning { text: "thinking".into(), ..Reasoning::default() };
    assert_eq!(model.parts[0].body, Body::Reasoning(thought));
    assert_eq!(model.parts[1].signature, Some(Signature { origin: Dialect::Gemini, value: "BB==".into() }));
    assert!(matches!(&model.parts[5].body, Body::Foreign(..)));
    let calls: Vec<_> = model.parts.iter().filter(|part| matches!(part.body, Body::ToolCall(_))).collect();
    assert_eq!(calls.len(), 2);
    assert!(
        matches!(&calls[0].body, Body::ToolCall(call) if call.id.is_none() && matches!(call.arguments, Arguments::Json(_)))
    );
    let texts: Vec<_> = results
        .parts
        .iter()
        .map(|part| match &part.body {
            Body::ToolResult(result) => (&result.content[0].body, result.content.len(), result.failed),
            other => panic!("{other:?}"),
        })
        .collect();
    let text = |text: &'static str| Body::Text(text.into(), Vec::new());
    let expected = [(&text("fine"), 1, None), (&text("{\"a\":[1]}"), 2, None), (&text("no"), 1, Some(true))];
    assert_eq!(texts, expected);
}

#[test]
fn a_signature_of_another_dialect_survives_a_client_that_keeps_it() {
    use tollway_protocol::dialect::signature::to_field;
    for value in ["short", "~~??>>", "sig/+"] {
        let signed = Signature { origin: Dialect::Anthropic, value: value.into() };
        let field = to_field(&signed, Dialect::Gemini);
        for field in [field.to_string(), field.replace('+', "-").replace('/', "_")] {
            let document = json!({"contents": [{"role": "model", "parts": [{"text": "", "thought": true, "thoughtSignature": field}]}]});
            assert_eq!(read(&document).messages[0].parts[0].signature, Some(signed.clone()));
        }
    }
}

#[test]
fn settings() {
    let request = kept(&json!({
        "contents": [{"parts": [{"text": "x"}]}],
        "system_instruction": {"parts": {"text": "be brief"}},
        "generation_config": {
            "max_output_tokens": 100, "temperature": 0.1, "topP": 1, "top_k": 40.0, "seed": 7, "frequencyPenalty": -1,
            "presencePenalty": 0.5, "stopSequences": ["a", "b"], "candidateCount": 2, "responseLogprobs": true,
            "logprobs": 3, "responseModalities": ["TEXT", "IMAGE"], "speechConfig": {"voiceConfig": {}},
            "mediaResolution": "MEDIA_RESOLUTION_LOW", "imageConfig": {"aspectRatio": "1:1"},
            "thinking_config": {"include_thoughts": true, "thinking_budget": 512},
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/1", "labels": {"team_a": "b"}, "serviceTier": "flex",
    }));
    assert_eq!(request.messages[0].role, Role::System);
    let sampling = &request.sampling;
    assert_eq!(
        (sampling.max_tokens, sampling.temperature.as_deref(), sampling.top_k.as_deref()),
        (Some(100), Some("0.1"), Some("40.0"))
    );
    assert_eq!((sampling.choices, sampling.logprobs, sampling.top_logprobs), (Some(2), Some(true), Some(3)));
    let thinking = request.thinking.expect("thinking");
    assert_eq!((thinking.budget, thinking.show, thinking.enabled), (Some(512), Some(true), None));
    // What another dialect would lose, by name.
    let lost: Vec<&str> = request.rest.foreign_to(Dialect::Chat).collect();
    for name in
        ["generationConfig.speechConfig", "generationConfig.responseModalities", "safetySettings", "cachedContent"]
    {
        assert!(lost.contains(&name), "{name}");
    }
}

#[test]
fn thinking() {
    let config = |config: Value| {
        kept(&json!({"contents": [], "generationConfig": {"thinkingConfig": config}})).thinking.unwrap()
    };
    let off = config(json!({"thinkingBudget": 0}));
    assert_eq!((off.enabled, off.budget), (Some(false), Some(0)));
    let free = config(json!({"thinkingBudget": -1}));
    assert_eq!((free.adaptive, free.budget), (true, None));
    let level = json!({"contents": [], "generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}});
    let request = read_request(&level, "gemini-3.5-flash").unwrap();
    assert_eq!(request.thinking.as_ref().unwrap().effort.as_deref(), Some("low"));
    let written = write_request(&request, "gemini-3.5-flash").unwrap().0;
    assert_eq!(written["generationConfig"]["thinkingConfig"], json!({"thinkingLevel": "LOW"}));
}

#[test]
fn tools_and_their_schemas() {
    let google = json!({"type": "OBJECT", "properties": {"min_items": {"type": "ARRAY", "items": {"type": "STRING"}, "nullable": true}}});
    let plain =
        json!({"type": "object", "properties": {"x": {"type": ["string", "null"]}}, "additionalProperties": false});
    let request = kept(&json!({"contents": [], "tools": [
        {"googleSearch": {}},
        {"function_declarations": [
            {"name": "a", "description": "d", "parameters": google, "behavior": "NON_BLOCKING"},
            {"name": "b", "parameters_json_schema": plain, "response": {"type": "OBJECT"}},
            {"name": "c"},
        ], "codeExecution": {}},
        {"urlContext": {}}, {"googleSearchRetrieval": {"dynamicRetrievalConfig": {"mode": "MODE_DYNAMIC"}}},
        {"googleMaps": {}}, {"fileSearch": {"fileSearchStoreNames": ["s"]}},
    ]}));
    let functions: Vec<_> = request
        .tools
        .iter()
        .filter_map(|tool| match &tool.kind {
            ToolKind::Function(function) => Some(function.parameters.as_ref().map(value)),
            _ => None,
        })
        .collect();
    let translated = json!({"type": "object", "properties": {"min_items": {"type": ["array", "null"], "items": {"type": "string"}}}});
    assert_eq!(functions, [Some(translated), Some(plain), None]);
    let builtins: Vec<_> = request
        .tools
        .iter()
        .filter_map(|tool| match &tool.kind {
            ToolKind::Builtin(builtin) => Some(builtin.kind),
            _ => None,
        })
        .collect();
    use BuiltinKind::{CodeExecution, Other, WebFetch, WebSearch};
    assert_eq!(builtins, [WebSearch, CodeExecution, WebFetch, WebSearch, Other, Other]);
    // What a schema was written in is no loss elsewhere.
    let lost: Vec<_> = request.tools.iter().flat_map(|tool| tool.rest.foreign_to(Dialect::Anthropic)).collect();
    assert_eq!(lost, ["behavior", "response"]);
}

#[test]
fn whether_it_must_call() {
    let choice = |calling: Value| {
        let document = json!({"contents": [], "toolConfig": {"functionCallingConfig": calling}});
        kept(&document).tool_choice
    };
    let names = |names: &[&'static str]| names.iter().map(|name| (*name).into()).collect();
    assert_eq!(choice(json!({"mode": "AUTO"})), Some(ToolChoice::Auto));
    assert_eq!(choice(json!({"mode": "NONE"})), Some(ToolChoice::None));
    assert_eq!(choice(json!({"mode": "ANY"})), Some(ToolChoice::Required));
    assert_eq!(choice(json!({"mode": "any", "allowed_function_names": ["a"]})), Some(ToolChoice::Named("a".into())));
    let two = json!({"mode": "ANY", "allowedFunctionNames": ["a", "b"]});
    assert_eq!(choice(two), Some(ToolChoice::Allowed(names(&["a", "b"]), true)));
    assert_eq!(choice(json!({"mode": "VALIDATED"})), Some(ToolChoice::Auto));
    let some = json!({"mode": "VALIDATED", "allowedFunctionNames": ["a"], "streamFunctionCallArguments": true});
    assert_eq!(choice(some), Some(ToolChoice::Allowed(names(&["a"]), false)));
    let number = read(&json!({"contents": [], "toolConfig": {"functionCallingConfig": {"mode": 2}}}));
    assert_eq!(number.tool_choice, Some(ToolChoice::Required));
    let place = json!({"retrievalConfig": {"latLng": {"latitude": 1}}});
    assert_eq!(kept(&json!({"contents": [], "toolConfig": place})).tool_choice, None);
}

#[test]
fn formats() {
    let format = |config: Value| kept(&json!({"contents": [], "generationConfig": config})).format;
    assert_eq!(format(json!({"responseMimeType": "application/json"})), Some(Format::JsonObject));
    assert_eq!(format(json!({"responseMimeType": "text/plain"})), Some(Format::Text));
    let schema = |format| match format {
        Some(Format::JsonSchema { schema, .. }) => value(&schema),
        other => panic!("{other:?}"),
    };
    let google =
        json!({"response_mime_type": "application/json", "response_schema": {"type": "STRING", "maxLength": 4}});
    assert_eq!(schema(format(google)), json!({"type": "string", "maxLength": 4}));
    let plain = json!({"responseMimeType": "application/json", "responseJsonSchema": {"$ref": "#/$defs/a"}});
    assert_eq!(schema(format(plain)), json!({"$ref": "#/$defs/a"}));
    let word = json!({"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}});
    assert!(matches!(format(word), Some(Format::Foreign(Dialect::Gemini, _))));
}

#[test]
fn the_model_may_stand_in_the_body() {
    let document = json!({"model": "models/gemini-2.5-flash", "contents": []});
    assert_eq!(kept(&document).model, MODEL);
    let alone = request::read(leaked(&document), Head { model: None, stream: true }).unwrap();
    assert_eq!((alone.model.as_ref(), alone.stream), (MODEL, true));
    let elsewhere = write_request(&alone, "gemini-3-pro-preview").unwrap().0;
    assert_eq!(elsewhere, json!({"contents": []}));
    assert_eq!(request::read(leaked(&json!({"contents": []})), Head::default()).unwrap_err().param, "model");
}

#[test]
fn roles() {
    let roles = json!({"contents": [
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "user", "parts": [{"text": "b"}]},
    ], "systemInstruction": {"role": "user", "parts": [{"text": "c"}]}});
    assert_eq!(kept(&roles).messages.len(), 4);
    let wrong = read_request(&json!({"contents": [{"role": "assistant", "parts": []}]}), MODEL).unwrap_err();
    assert_eq!(wrong.param, "contents[0].role");
    let twice = read_request(&saying(&json!([{"text": "a", "inlineData": {"data": ""}}])), MODEL).unwrap_err();
    assert_eq!(twice.param, "contents[0].parts[0]");
}
