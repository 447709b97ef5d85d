//! What is not what it should be: told where, and never a panic.

use bytes::BytesMut;
use proptest::prelude::*;
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::anthropic::stream::{Reader, Writer};
use tollway_protocol::dialect::{Head, ReadStream, Wanted, WriteStream, anthropic};
use tollway_protocol::json::{Json, Members};

use super::{TOLD, documents, json, read, streams, validity};

#[test]
fn a_wrong_request_is_told_where() {
    let wrong = |members: &str| {
        let body = format!("{{\"model\":\"m\",\"max_tokens\":1,{members}}}");
        read(&body).map(drop).expect_err(&body).param
    };
    for (members, param) in [
        (r#""x":1"#, "messages"),
        (r#""messages":{}"#, "messages"),
        (r#""messages":["hello"]"#, "messages[0]"),
        (r#""messages":[{"role":"user"}]"#, "messages[0].content"),
        (r#""messages":[{"role":"tool","content":"x"}]"#, "messages[0].role"),
        (r#""messages":[{"role":"user","content":7}]"#, "messages[0].content"),
        (r#""messages":[{"role":"user","content":[{"text":"x"}]}]"#, "messages[0].content[0].type"),
        (r#""messages":[{"role":"user","content":[{"type":"text"}]}]"#, "messages[0].content[0].text"),
        (r#""messages":[{"role":"user","content":[{"type":"image"}]}]"#, "messages[0].content[0].source"),
        (
            r#""messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":1}}]}]"#,
            "messages[0].content[0].source.data",
        ),
        (
            r#""messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":1}]}]}]"#,
            "messages[0].content[0].content[0].text",
        ),
        (
            r#""messages":[{"role":"user","content":[{"type":"text","text":"","cache_control":"yes"}]}]"#,
            "messages[0].content[0].cache_control",
        ),
        (r#""messages":[],"system":1"#, "system"),
        (r#""messages":[],"tools":[{"input_schema":{}}]"#, "tools[0].name"),
        (r#""messages":[],"tools":[{"name":"f","input_schema":"x"}]"#, "tools[0].input_schema"),
        (r#""messages":[],"tool_choice":"auto""#, "tool_choice"),
        (r#""messages":[],"tool_choice":{"type":"tool"}"#, "tool_choice.name"),
        (r#""messages":[],"thinking":true"#, "thinking"),
        (r#""messages":[],"thinking":{"type":"enabled","budget_tokens":"many"}"#, "thinking.budget_tokens"),
        (r#""messages":[],"output_config":{"format":{"type":"json_schema"}}"#, "output_config.format.schema"),
        (r#""messages":[],"stop_sequences":[1]"#, "stop_sequences[0]"),
        (r#""messages":[],"stream":"yes""#, "stream"),
        (r#""messages":[],"temperature":"hot""#, "temperature"),
        (r#""messages":[],"messages":[]"#, "messages"),
    ] {
        assert_eq!(wrong(members), param, "{members}");
    }
    assert_eq!(read(r#"{"model":"m","messages":[]}"#).map(drop).expect_err("no limit").param, "max_tokens");
    assert_eq!(read(r#"{"max_tokens":1,"messages":[]}"#).map(drop).expect_err("no model").param, "model");
    assert_eq!(read("[]").map(drop).expect_err("no object").param, "body");
}

#[test]
fn what_is_no_answer_is_none() {
    for body in ["{}", "[]", r#"{"type":"error","error":{}}"#, r#"{"content":"x"}"#, r#"{"content":[{}]}"#] {
        assert!(anthropic::answer::read(json(body)).is_err(), "{body}");
    }
    assert!(Json::parse(b"<html>upstream failed</html>").is_err());
    assert!(anthropic::count::read(json(r#"{"input_tokens":"3"}"#)).is_err());
    let odd = r#"{"content":[{"type":"new_block","x":[1]}],"usage":7,"stop_reason":"new_reason","new":{}}"#;
    let answer = anthropic::answer::read(json(odd)).expect("tolerated");
    let written = anthropic::answer::write(&answer, &TOLD).to_text();
    assert!(written.contains(r#"{"type":"new_block","x":[1]}"#) && written.contains(r#""stop_reason":"end_turn""#));
}

#[test]
fn deep_and_huge() {
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[],"deep":{deep}}}"#);
    let request = read(&body).expect("deep enough");
    assert!(super::sent(&request, "m").0["deep"].is_array());
    let long = "x".repeat(3 << 20);
    let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"{long}"}}]}}"#);
    let request = read(&body).expect("long");
    assert_eq!(super::sent(&request, "m").0["messages"][0]["content"].as_str().map(str::len), Some(3 << 20));
    let many: Vec<String> = (0..2000).map(|number| format!("\"m{number}\":1")).collect();
    let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[],{}}}"#, many.join(","));
    assert_eq!(super::sent(&read(&body).expect("wide"), "m").0.as_object().map(serde_json::Map::len), Some(2003));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_document(messages in documents::document(), more in documents::document(), wrap in any::<bool>()) {
        let mut body = Members::new().with("model", "m").with("max_tokens", 7u64);
        if wrap {
            let message = Members::new().with("role", "user").with("content", messages);
            body.push("messages", vec![message.into()]);
        } else {
            body.push("messages", messages);
        }
        if let Json::Object(more) = more {
            body = body.with_all(more);
        }
        if let Ok(request) = anthropic::request::read(body.into(), Head::default()) {
            let written = anthropic::request::write(&request, &Wanted::new("claude-opus-4-7"), &mut Losses::default());
            prop_assert!(written.is_err() || written.is_ok_and(|json| Json::parse(&json.to_bytes()).is_ok()));
        }
    }

    #[test]
    fn any_answer(content in documents::document(), more in documents::document()) {
        let mut body = Members::new().with("content", content);
        if let Json::Object(more) = more {
            body = body.with_all(more);
        }
        if let Ok(answer) = anthropic::answer::read(body.into()) {
            prop_assert!(Json::parse(&anthropic::answer::write(&answer, &TOLD).to_bytes()).is_ok());
        }
    }

    /// Whatever comes, a caller's stream is in order.
    #[test]
    fn any_events(events in prop::collection::vec(prop_oneof![documents::event(), documents::document()], 0..12)) {
        let (mut reader, mut writer, mut out) = (Reader::default(), Writer::new(&TOLD), BytesMut::new());
        let start = br#"{"type":"message_start","message":{"id":"msg_1","usage":{}}}"#;
        let _ = reader.read(start, &mut |event| writer.write(event, &mut out));
        for event in events {
            let _ = reader.read(&event.to_bytes(), &mut |event| writer.write(event, &mut out));
        }
        reader.end(&mut |event| writer.write(event, &mut out));
        let text = std::str::from_utf8(&out).expect("text");
        validity::ordered(&streams::events_of(text));
    }
}
