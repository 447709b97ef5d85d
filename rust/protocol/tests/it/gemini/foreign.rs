//! Conversations of other dialects, as Google gets them; what is lost is named.

use serde_json::{Value, json};
use tollway_protocol::canonical::{
    Arguments, Body, CallKind, Media, Message, Part, Reasoning, Request, Rest, Role, Signature, Source, ToolCall,
    ToolResult,
};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::Json;

use super::{leaked, write_request};

pub(super) const OLD: &str = "gemini-2.5-flash";
pub(super) const NEW: &str = "gemini-3.5-flash";

pub(super) fn request(messages: Vec<Message<'static>>) -> Request<'static> {
    Request::new("m", messages)
}

pub(super) fn user(text: &'static str) -> Message<'static> {
    Message::new(Role::User, vec![Part::text(text)])
}

pub(super) fn rest(dialect: Dialect, members: &Value) -> Rest<'static> {
    let Json::Object(members) = leaked(members) else { panic!("an object") };
    Rest::new(dialect, members)
}

fn call(id: &'static str, name: &'static str, arguments: &'static str) -> Part<'static> {
    let arguments = Arguments::Text(arguments.into());
    Part::new(Body::ToolCall(ToolCall {
        id: Some(id.into()),
        name: name.into(),
        arguments,
        kind: CallKind::Function,
        item: None,
    }))
}

fn result(call: &'static str, content: Vec<Part<'static>>, failed: Option<bool>) -> Part<'static> {
    let call = Some(call.into());
    Part::new(Body::ToolResult(ToolResult { call, name: None, content, json: None, failed, kind: CallKind::Function }))
}

pub(super) fn contents(messages: Vec<Message<'static>>, model: &str) -> (Value, Vec<String>) {
    let (written, losses) = write_request(&request(messages), model).expect("written");
    (written["contents"].clone(), losses)
}

#[test]
fn instructions_come_first() {
    let system = |role, text| Message::new(role, vec![Part::text(text)]);
    let messages =
        vec![system(Role::System, "a"), system(Role::Developer, "b"), user("hi"), system(Role::System, "late")];
    let (written, losses) = write_request(&request(messages), OLD).unwrap();
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}, {"text": "late"}]},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    });
    assert_eq!((written, losses), (expected, vec!["messages.system_position".to_owned()]));
    let (alone, losses) = write_request(&request(vec![system(Role::System, "a")]), OLD).unwrap();
    assert_eq!(alone, json!({"contents": [{"role": "user", "parts": [{"text": "a"}]}]}));
    assert_eq!(losses, ["messages.system_position"]);
}

#[test]
fn results_of_parallel_calls_are_one_turn() {
    let messages = vec![
        user("go"),
        Message::new(Role::Assistant, vec![call("c1", "f", "{\"a\":1}")]),
        Message::new(Role::Assistant, vec![call("c2", "g", "")]),
        Message::new(Role::Tool, vec![result("c2", vec![Part::text("bad")], Some(true))]),
        Message::new(Role::Tool, vec![result("c1", vec![Part::text("{\"t\":2}")], None)]),
        user("and now?"),
        user("well?"),
    ];
    let (new, losses) = contents(messages.clone(), NEW);
    let ids: Vec<_> =
        new[2]["parts"].as_array().unwrap().iter().map(|part| part["functionResponse"]["id"].as_str()).collect();
    assert_eq!((ids, losses.len()), (vec![Some("c2"), Some("c1"), None], 0));
    // Without names, results are known by their places.
    let (written, losses) = contents(messages, OLD);
    assert_eq!(losses, [""; 0]);
    assert_eq!(
        written,
        json!([
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "f", "args": {"a": 1}}},
                {"functionCall": {"name": "g", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"t": 2}}},
                {"functionResponse": {"name": "g", "response": {"error": "bad"}}},
                {"text": "and now?"},
            ]},
            {"role": "user", "parts": [{"text": "well?"}]},
        ])
    );
}

#[test]
fn calls_of_others_are_marked_for_gemini_3() {
    let messages =
        || vec![user("go"), Message::new(Role::Assistant, vec![call("c1", "f", "{}"), call("c2", "f", "{}")])];
    let signed = |model| {
        contents(messages(), model).0[1]["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part.get("thoughtSignature").is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!((signed(NEW), signed(OLD)), (vec![true, false], vec![false, false]));
    let own = Signature { origin: Dialect::Gemini, value: "AA==".into() };
    let with_own = vec![Message::new(Role::Assistant, vec![Part { signature: Some(own), ..call("c1", "f", "{}") }])];
    assert_eq!(contents(with_own, NEW).0[0]["parts"][0]["thoughtSignature"], "AA==");
}

#[test]
fn thoughts_of_others_are_left_out() {
    let thought = |origin| Part {
        signature: Some(Signature { origin, value: "AA==".into() }),
        ..Part::new(Body::Reasoning(Reasoning { text: "hm".into(), ..Reasoning::default() }))
    };
    let unsigned = Part { signature: None, ..thought(Dialect::Gemini) };
    let parts = vec![thought(Dialect::Anthropic), thought(Dialect::Gemini), unsigned, Part::text("so")];
    let (written, losses) = contents(vec![Message::new(Role::Assistant, parts)], OLD);
    assert_eq!(
        written[0]["parts"],
        json!([
            {"text": "hm", "thought": true, "thoughtSignature": "AA=="}, {"text": "hm", "thought": true}, {"text": "so"},
        ])
    );
    assert_eq!(losses, ["reasoning"]);
}

#[test]
fn arguments_that_are_no_object_are_wrapped() {
    let custom = |arguments: &'static str| match call("c", "shell", arguments).body {
        Body::ToolCall(call) => Part::new(Body::ToolCall(ToolCall { kind: CallKind::Custom, ..call })),
        _ => unreachable!(),
    };
    let parts = vec![call("a", "f", "{\"cut"), call("b", "f", "[1]"), custom("ls"), custom("{}")];
    let (written, losses) = contents(vec![Message::new(Role::Assistant, parts)], OLD);
    let args: Vec<_> =
        written[0]["parts"].as_array().unwrap().iter().map(|part| part["functionCall"]["args"].clone()).collect();
    assert_eq!(
        args,
        [json!({"_raw": "{\"cut"}), json!({"_raw": "[1]"}), json!({"input": "ls"}), json!({"input": "{}"})]
    );
    assert_eq!(losses, ["tool_calls.arguments"]);
}

#[test]
fn media() {
    let image = |source, mime: Option<&'static str>| Part::new(Body::Image(Media::new(source, mime.map(Into::into))));
    let document =
        |source, mime: Option<&'static str>| Part::new(Body::Document(Media::new(source, mime.map(Into::into))));
    let parts = vec![
        image(Source::Base64("iVBO".into()), Some("image/png")),
        image(Source::Url("https://h/a.PNG?x=1.gif".into()), None),
        image(Source::Url("https://h/a".into()), None),
        document(Source::Text("words".into()), None),
        document(Source::Parts(vec![Part::text("inner")]), None),
        document(Source::Base64("JVBE".into()), None),
        Part::new(Body::Image(Media {
            detail: Some("low".into()),
            ..Media::of_url("data:image/gif;base64,R0lG".into())
        })),
    ];
    let (written, losses) = contents(vec![Message::new(Role::User, parts)], OLD);
    assert_eq!(
        written[0]["parts"],
        json!([
            {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
            {"fileData": {"mimeType": "image/png", "fileUri": "https://h/a.PNG?x=1.gif"}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://h/a"}},
            {"inlineData": {"mimeType": "text/plain", "data": "d29yZHM="}},
            {"text": "inner"},
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
            {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}},
        ])
    );
    assert_eq!(losses, ["content.detail"]);
    let kept = Message::new(Role::User, vec![image(Source::File("file-abc".into()), None)]);
    let refused = write_request(&request(vec![user("x"), kept]), OLD).unwrap_err();
    assert_eq!(refused.param, "messages[1]");
}

#[test]
fn pictures_in_results() {
    let picture = Part::new(Body::Image(Media::new(Source::Base64("iVBO".into()), Some("image/png".into()))));
    let messages = || {
        vec![
            Message::new(Role::Assistant, vec![call("c1", "f", "{}")]),
            Message::new(
                Role::User,
                vec![result("c1", vec![Part::text("see"), picture.clone()], None), Part::text("so?")],
            ),
        ]
    };
    let inline = json!({"inlineData": {"mimeType": "image/png", "data": "iVBO"}});
    let response = json!({"name": "f", "response": {"result": "see"}});
    let old = contents(messages(), OLD).0;
    assert_eq!(old[1]["parts"], json!([{"functionResponse": response}, {"text": "so?"}, inline]));
    let mut whole = response.clone();
    whole["id"] = "c1".into();
    whole["parts"] = json!([inline]);
    let new = contents(messages(), NEW).0;
    assert_eq!(new[1]["parts"], json!([{"functionResponse": whole}, {"text": "so?"}]));
}

#[test]
fn pictures_follow_all_results_of_a_turn() {
    let picture = || Part::new(Body::Image(Media::new(Source::Base64("iVBO".into()), Some("image/png".into()))));
    let messages = vec![
        Message::new(Role::Assistant, vec![call("c1", "f", "{}"), call("c2", "g", "{}")]),
        Message::new(Role::Tool, vec![result("c1", vec![picture()], None)]),
        Message::new(Role::Tool, vec![result("c2", vec![Part::text("x")], None)]),
        Message::new(Role::Assistant, vec![Part::new(Body::Foreign(Dialect::Anthropic, Json::Null))]),
    ];
    let (written, losses) = contents(messages, OLD);
    let held = |part: &Value| part.as_object().unwrap().keys().next().unwrap().clone();
    let kinds: Vec<_> = written[1]["parts"].as_array().unwrap().iter().map(held).collect();
    assert_eq!(kinds, ["functionResponse", "functionResponse", "inlineData"]);
    assert_eq!((written.as_array().unwrap().len(), losses), (2, vec!["content.foreign".to_owned()]));
}

#[test]
fn a_result_of_no_known_call_goes_by_its_id() {
    let (written, losses) = contents(vec![Message::new(Role::Tool, vec![result("c9", Vec::new(), None)])], NEW);
    assert_eq!(
        written[0]["parts"][0]["functionResponse"],
        json!({"id": "c9", "name": "c9", "response": {"result": ""}})
    );
    assert_eq!(losses, ["tool_call_id"]);
}

#[test]
fn an_empty_text_beside_a_call_is_left_out() {
    let parts = vec![Part::text(""), call("c1", "f", "{}")];
    let (written, losses) = contents(vec![user(""), Message::new(Role::Assistant, parts)], OLD);
    assert_eq!((written[0]["parts"].clone(), losses.len()), (json!([{"text": ""}]), 0));
    assert_eq!(written[1]["parts"], json!([{"functionCall": {"name": "f", "args": {}}}]));
}
