//! What is no answer, and what fails.

use tollway_protocol::dialect::{Dialect, ErrorClass, Head, classify, parse_error};

use super::{events, json};

#[test]
fn no_caller_speaks_it() {
    let refused = Dialect::Cohere.read_request(json("{}"), Head::default(), &mut Default::default());
    assert_eq!(refused.unwrap_err().param, "body");
}

#[test]
fn an_answer_that_is_none() {
    for (body, param) in [
        ("[]", "body"),
        (r#"{"id":"1"}"#, "message"),
        (r#"{"message":{"content":7}}"#, "message.content"),
        (r#"{"message":{"content":[{"text":"a"}]}}"#, "message.content[0].type"),
        (r#"{"message":{"tool_calls":[{"id":"a"}]}}"#, "message.tool_calls[0].function"),
        (r#"{"message":{"content":[]},"finish_reason":"ERROR"}"#, "finish_reason"),
        (r#"{"message":{"content":"half"},"finish_reason":"TIMEOUT"}"#, "finish_reason"),
    ] {
        assert_eq!(Dialect::Cohere.read_answer(json(body)).unwrap_err().param, param, "{body}");
    }
    let plain = Dialect::Cohere.read_answer(json(r#"{"message":{"content":"as a text"}}"#)).unwrap();
    assert_eq!(plain.choices[0].parts.len(), 1);
}

#[test]
fn an_event_that_is_none() {
    let start = r#"{"type":"message-start","id":"1"}"#;
    for (event, message) in [
        ("{", "JSON"),
        ("7", "body must be an object."),
        ("{}", "type is missing."),
        (r#"{"type":"content-delta","index":-1}"#, "index must be a whole number"),
        (r#"{"type":"content-delta","delta":{"message":{"content":{"text":7}}}}"#, "text must be a string"),
        (
            r#"{"type":"tool-call-delta","index":3,"delta":{"message":{"tool_calls":{"function":{"arguments":"a"}}}}}"#,
            "name is missing",
        ),
        (r#"{"type":"message-end","delta":7}"#, "delta must be an object"),
    ] {
        let said = events([start, event]).unwrap_err();
        assert!(said.contains(message), "{event}: {said}");
    }
}

#[test]
fn too_many_calls_are_refused() {
    let call = |index: usize| {
        format!(
            r#"{{"type":"tool-call-start","index":{index},"delta":{{"message":{{"tool_calls":{{"id":"a","function":{{"name":"f"}}}}}}}}}}"#
        )
    };
    let all: Vec<String> = (0..200).map(call).collect();
    let said = events(all.iter().map(String::as_str)).unwrap_err();
    assert!(said.contains("one call too many"), "{said}");
}

#[test]
fn an_error_in_a_stream_ends_it() {
    let said = events([
        r#"{"id":"1","message":"model not ready"}"#,
        r#"{"type":"content-delta","delta":{"message":{"content":{"text":"late"}}}}"#,
    ]);
    let said = said.unwrap();
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("Error(") && said[0].contains("model not ready"), "{said:?}");
}

/// A text is closed when another thing begins, calls when they end; all that is open when the stream does.
#[test]
fn each_part_is_opened_and_closed_once() {
    let told = events([
        r#"{"type":"message-start","id":"1"}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"p"}}}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}}}"#,
        r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"b","function":{"name":"g"}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"}"}}}}}"#,
        r#"{"type":"tool-call-end","index":0}"#,
        r#"{"type":"tool-call-end","index":0}"#,
    ]);
    let kinds: Vec<String> =
        told.unwrap().iter().map(|event| event.split([' ', '(']).next().unwrap().to_owned()).collect();
    let expected =
        ["Start", "Open", "Delta", "Close", "Open", "Delta", "Open", "Delta", "Close", "Close"].map(str::to_owned);
    assert_eq!(kinds, expected);
}

#[test]
fn errors_are_classed() {
    let class = |status: u16, body: &str| classify(Some(status), parse_error(body.as_bytes()).as_ref());
    let long = r#"{"error_type":"TOO_MANY_TOKENS","id":"c","message":"too many tokens: size limit exceeded by 9 tokens. Try using shorter or fewer inputs."}"#;
    let most = r#"{"message":"too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 8192."}"#;
    let minute = r#"{"message":"You are using a Trial key, which is limited to 20 API calls / minute. You can continue to use it."}"#;
    let month = r#"{"message":"You are using a Trial key, which is limited to 1000 API calls / month. You can continue to use it."}"#;
    for (status, body, expected) in [
        (400, long, ErrorClass::ContextWindow),
        (400, most, ErrorClass::Invalid),
        (429, minute, ErrorClass::RateLimit),
        (429, month, ErrorClass::Quota),
        (
            429,
            r#"{"message":"trial token rate limit exceeded, limit is 100000 tokens per minute"}"#,
            ErrorClass::RateLimit,
        ),
        (401, r#"{"id":"2","message":"Incorrect API key provided: ***."}"#, ErrorClass::Credentials),
        (
            402,
            r#"{"message":"Please add or update your payment method at https://dashboard.cohere.com/billing"}"#,
            ErrorClass::Quota,
        ),
        (404, r#"{"message":"model 'command-r' was removed on September 15, 2025."}"#, ErrorClass::Invalid),
        (498, r#"{"message":"invalid api token"}"#, ErrorClass::Credentials),
        (499, r#"{"message":"request cancelled"}"#, ErrorClass::Server),
        (503, r#"{"message":"service unavailable"}"#, ErrorClass::Overload),
    ] {
        assert_eq!(class(status, body), expected, "{body}");
    }
}
