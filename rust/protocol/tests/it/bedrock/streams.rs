//! Streams that are out of order, or hold what cannot be.

use tollway_protocol::canonical::{Event, Opening};
use tollway_protocol::dialect::Dialect;

/// The events that these data are, as words; the fault if there is one.
fn read(datas: &[&str]) -> Result<Vec<String>, String> {
    let (mut reader, mut told) = (Dialect::Bedrock.reader(), Vec::new());
    let mut each = |event: Event<'_>| {
        told.push(match event {
            Event::Start { .. } => "start".to_owned(),
            Event::Open { part, opening: Opening::Text, .. } => format!("text {part}"),
            Event::Open { part, opening: Opening::Reasoning { redacted, .. }, .. } => {
                format!("thought {part} {redacted}")
            }
            Event::Open { part, opening: Opening::ToolCall { .. }, .. } => format!("call {part}"),
            Event::Open { part, .. } => format!("open {part}"),
            Event::Delta { part, delta, .. } => format!("{part}: {delta:?}").chars().take(28).collect(),
            Event::Close { part, .. } => format!("close {part}"),
            Event::Stop { stop, .. } => format!("stop {:?}", stop.reason),
            Event::Usage(usage) => format!("usage {:?}", usage.output),
            Event::Rest(_) | Event::Logprobs { .. } => "rest".to_owned(),
            Event::Error(error) => format!("error {:?}", error.kind),
            Event::End => "end".to_owned(),
        });
    };
    for data in datas {
        reader.read(data.as_bytes(), &mut each).map_err(|invalid| invalid.message)?;
    }
    reader.end(&mut each);
    Ok(told)
}

const START: &str = r#"{"messageStart":{"role":"assistant"}}"#;
const TEXT: &str = r#"{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"a"}}}"#;
const THOUGHT: &str = r#"{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"t"}}}}"#;
const STOP: &str = r#"{"messageStop":{"stopReason":"end_turn"}}"#;
const METADATA: &str = r#"{"metadata":{"usage":{"outputTokens":1}}}"#;

#[test]
fn another_kind_at_the_same_index_is_another_part() {
    let told = read(&[START, THOUGHT, TEXT, STOP, METADATA]).expect("in order");
    let expected = [
        "start",
        "thought 0 false",
        "0: Text(\"t\")",
        "close 0",
        "text 1",
        "1: Text(\"a\")",
        "close 1",
        "stop End",
        "usage Some(1)",
        "end",
    ];
    assert_eq!(told, expected);
}

#[test]
fn without_metadata_it_ends_with_its_bytes() {
    assert_eq!(read(&[START, TEXT, STOP]).expect("in order").last().map(String::as_str), Some("end"));
    assert_eq!(read(&[START, TEXT]).expect("in order").last().map(String::as_str), Some("close 0"), "it broke off");
    let early = read(&[START, TEXT, METADATA, STOP]).expect("in order");
    assert_eq!(early[3..], ["usage Some(1)", "close 0", "stop End", "end"]);
}

#[test]
fn nothing_follows_an_error() {
    let error = r#"{"type":"error","error":{"type":"throttlingException","message":"m"}}"#;
    let told = read(&[START, TEXT, error, TEXT, STOP]).expect("in order");
    assert_eq!(told.last().map(String::as_str), Some("error Some(\"throttlingException\")"));
    assert_eq!(read(&[error]).expect("at once"), ["error Some(\"throttlingException\")"]);
}

#[test]
fn what_is_out_of_order_is_refused() {
    let call = r#"{"contentBlockStart":{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"c","name":"f"}}}}"#;
    let input = r#"{"contentBlockDelta":{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}}}}"#;
    for (datas, says) in [
        (&[TEXT][..], "must not come before messageStart"),
        (&[METADATA], "must not come before messageStart"),
        (&[START, START], "second messageStart"),
        (&[START, call, call], "contentBlockIndex is that of a block which is open"),
        (&[START, call, input], "of a call which is not open"),
        (&[START, r#"{"contentBlockDelta":{"delta":{"text":"a"}}}"#], "contentBlockIndex is missing"),
        (&[START, r#"{"contentBlockDelta":{"contentBlockIndex":0}}"#], "delta is missing"),
        (&[START, r#"{"contentBlockStart":{"contentBlockIndex":0,"start":[]}}"#], "must be an object"),
        (&[START, r#"{"messageStop":{}}"#], "stopReason is missing"),
        (&[START, r#"{"contentBlockDelta":7}"#], "must be an object"),
        (&[START, "7"], "must be an object"),
        (&[START, "{"], "is not JSON"),
    ] {
        let fault = read(datas).expect_err("refused");
        assert!(fault.contains(says), "{fault}");
    }
}

#[test]
fn an_answer_must_have_a_message() {
    let of = |body: &'static str| {
        let json = tollway_protocol::json::Json::parse(body.as_bytes()).expect("JSON");
        Dialect::Bedrock
            .read_answer(json)
            .map(|answer| answer.choices[0].parts.len())
            .map_err(|invalid| invalid.message)
    };
    assert_eq!(of(r#"{"output":{"message":{"content":[{"text":""}]}},"stopReason":"end_turn"}"#), Ok(1));
    assert_eq!(of("{}"), Err("output is missing.".into()));
    assert_eq!(of(r#"{"output":{}}"#), Err("output.message is missing.".into()));
    let faulty = of(r#"{"output":{"message":{"content":[{"text":1}]}}}"#);
    assert_eq!(faulty, Err("output.message.content[0].text must be a string.".into()));
    assert!(of(r#"{"output":{"message":{"content":[{}]}}}"#).is_err());
    assert_eq!(of(r#"{"output":{"message":{"content":[{"novelty":{"a":1}}]}}}"#), Ok(1));
}
