//! Upstreams' streams: rare, broken off, cut anywhere, out of order.

use bytes::BytesMut;
use serde_json::json;
use tollway_protocol::canonical::Event;
use tollway_protocol::dialect::anthropic::stream::{Reader, Writer};
use tollway_protocol::dialect::{ReadStream, WriteStream};

use super::TOLD;
use super::recorded::recorded_streams;
use super::streams::{data_of, events_of, translated};
use super::validity::{Folded, checked};

/// A stream by hand, of what the recordings lack.
const RARE: &str = concat!(
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"#,
    r#""stop_reason":null,"container":{"id":"c1","expires_at":"z"},"usage":{"input_tokens":4,"output_tokens":1,"#,
    r#""cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"#,
    r#""service_tier":"priority"}}}"#,
    "\n",
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"sealed"}}"#,
    "\n",
    r#"{"type":"content_block_stop","index":0}"#,
    "\n",
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"mcp_tool_use","id":"m1","name":"n","#,
    r#""server_name":"s","input":{}}}"#,
    "\n",
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"q\":"}}"#,
    "\n",
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
    "\n",
    r#"{"type":"content_block_stop","index":1}"#,
    "\n",
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"mcp_tool_result","tool_use_id":"m1","#,
    r#""is_error":false,"content":[{"type":"text","text":"r"}]}}"#,
    "\n",
    r#"{"type":"content_block_stop","index":2}"#,
    "\n",
    r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"a":1}}}"#,
    "\n",
    r#"{"type":"content_block_stop","index":3}"#,
    "\n",
    r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null,"container":{"id":"c2"},"#,
    r#""stop_details":{"type":"refusal","category":"cyber","explanation":"no"}},"#,
    r#""usage":{"cache_creation_input_tokens":30,"output_tokens":9,"server_tool_use":{"web_fetch_requests":2}}}"#,
    "\n",
    r#"{"type":"message_stop"}"#,
);

fn framed(lines: &str) -> String {
    lines.lines().map(|line| format!("data: {line}\n\n")).collect()
}

#[test]
fn what_only_this_dialect_knows_passes() {
    let folded = checked(&translated(&framed(RARE), usize::MAX).expect("in order"));
    assert_eq!(
        folded.message,
        json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "container": {"id": "c2"},
            "content": [
                {"type": "redacted_thinking", "data": "sealed"},
                {"type": "mcp_tool_use", "id": "m1", "name": "n", "server_name": "s", "input": {"q": 1}},
                {"type": "mcp_tool_result", "tool_use_id": "m1", "is_error": false, "content": [{"type": "text", "text": "r"}]},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ],
            "stop_reason": "refusal",
            "stop_details": {"type": "refusal", "category": "cyber", "explanation": "no"},
            "usage": {
                "input_tokens": 4, "output_tokens": 9, "cache_creation_input_tokens": 30, "service_tier": "priority",
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "server_tool_use": {"web_fetch_requests": 2},
            },
        })
    );
}

#[test]
fn a_stream_that_leaves_out_its_end() {
    let lines: Vec<&str> = RARE.lines().collect();
    let without_mark = framed(&lines[..lines.len() - 1].join("\n"));
    assert!(checked(&translated(&without_mark, usize::MAX).expect("in order")).complete);
}

/// Cut behind any event, a stream is never told to be complete before it was told why it ended, and what is told is in
/// order.
#[test]
fn a_stream_that_breaks_off() {
    let mut all = recorded_streams();
    all.push(framed(RARE));
    for text in &all {
        let data = data_of(text, usize::MAX);
        let stopped =
            data.iter().position(|data| data.windows(15).any(|it| it == b"\"message_delta\"")).expect("an end");
        for cut in 0..=data.len() {
            let (mut reader, mut writer, mut out) = (Reader::default(), Writer::new(&TOLD), BytesMut::new());
            let mut ended = 0;
            let mut each = |event: Event<'_>| {
                ended += usize::from(event == Event::End);
                writer.write(event, &mut out);
            };
            for data in &data[..cut] {
                reader.read(data, &mut each).expect("in order");
            }
            reader.end(&mut each);
            reader.end(&mut each);
            assert_eq!(ended, usize::from(cut > stopped), "{cut} of {}", data.len());
            let Folded { complete, .. } = checked(&events_of(std::str::from_utf8(&out).expect("text")));
            assert_eq!(complete, cut > stopped);
        }
    }
}

#[test]
fn cut_at_every_byte() {
    let text = framed(RARE);
    let whole = translated(&text, usize::MAX).expect("in order");
    for chunk in 1..200 {
        assert_eq!(translated(&text, chunk).expect("in order"), whole);
    }
}

#[test]
fn disorder_is_invalid() {
    let start = r#"{"type":"message_start","message":{"usage":{}}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
    let other = r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}"#;
    for disorder in [
        vec![delta],
        vec![start, start],
        vec![start, delta],
        vec![start, block, block],
        vec![start, block, other],
        vec![r#"{"type":"message_stop"}"#],
        vec![start, r#"{"type":"content_block_start","index":0,"content_block":"x"}"#],
        vec![start, r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#],
        vec![start, block, r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":1}}"#],
        vec![r#"{"message":"what"}"#],
        vec!["<html>"],
        vec!["[]"],
    ] {
        assert!(translated(&framed(&disorder.join("\n")), usize::MAX).is_err(), "{disorder:?}");
    }
    // What will be added is ignored; what is missing can be missed.
    let odd = [
        r#"{"type":"ping"}"#,
        start,
        r#"{"type":"new_event","x":1}"#,
        block,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"new_delta"}}"#,
        delta,
        r#"{"type":"content_block_stop","index":7}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let folded = checked(&translated(&framed(&odd.join("\n")), usize::MAX).expect("tolerated"));
    assert_eq!(folded.message["content"], json!([{"type": "text", "text": "a"}]));
    assert!(folded.complete);
}
