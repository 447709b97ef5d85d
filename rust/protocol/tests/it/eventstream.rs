//! AWS event streams: frames of all kinds, cut anywhere, damaged anywhere; and the events that they become.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use tollway_protocol::eventstream::{Decoder, Fault, Frame, Inner, MAX_FRAME, Reframe, Value};

use crate::invariants::framed;

/// A header as its bytes.
fn header(name: &str, value: Value<'_>) -> Vec<u8> {
    let (kind, bytes): (u8, Vec<u8>) = match value {
        Value::Bool(flag) => (u8::from(!flag), vec![]),
        Value::Byte(number) => (2, number.to_be_bytes().into()),
        Value::Short(number) => (3, number.to_be_bytes().into()),
        Value::Int(number) => (4, number.to_be_bytes().into()),
        Value::Long(number) => (5, number.to_be_bytes().into()),
        Value::Bytes(bytes) => (6, sized(bytes)),
        Value::Text(text) => (7, sized(text.as_bytes())),
        Value::Timestamp(number) => (8, number.to_be_bytes().into()),
        Value::Uuid(bytes) => (9, bytes.into()),
    };
    [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[kind], &bytes].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// A frame whose headers are texts.
fn told(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let headers: Vec<u8> = headers.iter().flat_map(|(name, text)| header(name, Value::Text(text))).collect();
    framed(&headers, payload.as_bytes())
}

fn event(kind: &str, payload: &str) -> Vec<u8> {
    told(&[(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")], payload)
}

fn exception(kind: &str, payload: &str) -> Vec<u8> {
    told(&[(":exception-type", kind), (":message-type", "exception")], payload)
}

fn chunk(inner: &str) -> Vec<u8> {
    event("chunk", &format!(r#"{{"bytes":"{}","p":"abcdefgh"}}"#, STANDARD.encode(inner)))
}

fn decoded(bytes: &[u8], size: usize) -> (Vec<Frame>, Result<(), Fault>) {
    let (mut decoder, mut frames) = (Decoder::new(MAX_FRAME), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Ok(Some(frame)) = decoder.next_frame() {
            frames.push(frame);
        }
    }
    (frames, decoder.end())
}

fn reframed(inner: Inner, bytes: &[u8], size: usize) -> (String, Result<(), Fault>) {
    let (mut reframe, mut out) = (Reframe::new(inner), BytesMut::new());
    let pushed = bytes.chunks(size.max(1)).try_for_each(|piece| reframe.push(Bytes::copy_from_slice(piece), &mut out));
    let text = String::from_utf8(out.to_vec()).unwrap();
    assert_eq!(pushed.and_then(|()| reframe.end()), reframe.end(), "a fault stays");
    (text, reframe.end())
}

/// The empty frame of the tests of AWS's own library (botocore, `tests/unit/test_eventstream.py`).
#[test]
fn the_checksums_are_those_of_aws() {
    let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    assert_eq!(framed(b"", b""), empty);
    let (frames, end) = decoded(&empty, 16);
    assert_eq!((frames.len(), end), (1, Ok(())));
    assert!(frames[0].payload.is_empty() && frames[0].headers().next().is_none());
}

#[test]
fn headers_of_every_type_are_read_however_the_frame_is_cut() {
    let values = [
        ("yes", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("byte", Value::Byte(-7)),
        ("short", Value::Short(-300)),
        ("int", Value::Int(i32::MIN)),
        ("long", Value::Long(i64::MAX)),
        ("bytes", Value::Bytes(b"\x00\xff")),
        ("text", Value::Text("é")),
        ("time", Value::Timestamp(1_700_000_000_000)),
        ("uuid", Value::Uuid([9; 16])),
    ];
    let headers: Vec<u8> = values.iter().flat_map(|(name, value)| header(name, *value)).collect();
    let bytes = [framed(&headers, b"{}"), framed(b"", b"x")].concat();
    for size in 1..=bytes.len() {
        let (frames, end) = decoded(&bytes, size);
        assert_eq!((frames.len(), end), (2, Ok(())), "{size}");
        assert_eq!(frames[0].headers().collect::<Vec<_>>(), values);
        assert_eq!((frames[0].text("text"), frames[0].text("byte")), (Some("é"), None));
        assert_eq!((&frames[0].payload[..], &frames[1].payload[..]), (&b"{}"[..], &b"x"[..]));
    }
}

#[test]
fn what_is_damaged_is_named() {
    let whole = event("messageStop", r#"{"stopReason":"end_turn"}"#);
    let fault = |bytes: &[u8]| decoded(bytes, bytes.len()).1;
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        let expected = if at < 12 { Fault::PreludeChecksum } else { Fault::Checksum };
        assert_eq!(fault(&damaged), Err(expected), "{at}");
        assert_eq!(fault(&whole[..at]), if at == 0 { Ok(()) } else { Err(Fault::Cut) }, "{at}");
    }
    let lying = |total: u32, headers: u32| {
        let lengths = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        [&lengths[..], &crc32fast::hash(&lengths).to_be_bytes()].concat()
    };
    assert_eq!(fault(&lying(u32::MAX, 0)), Err(Fault::TooLong(MAX_FRAME)));
    assert_eq!(fault(&lying(15, 0)), Err(Fault::Lengths));
    assert_eq!(fault(&lying(20, 5)), Err(Fault::Lengths));
    assert_eq!(fault(&lying(1 << 20, 1 << 18)), Err(Fault::Lengths));
    assert_eq!(fault(&lying(0, u32::MAX)), Err(Fault::Lengths));
    assert_eq!(fault(&framed(b"\x05ab", b"")), Err(Fault::Header), "a name that overruns");
    assert_eq!(fault(&framed(b"\x01a\x07\x00\x09x", b"1234567890")), Err(Fault::Header), "a value that overruns");
    assert_eq!(fault(&framed(b"\x01a\x05\x00", b"1234567890")), Err(Fault::Header));
    assert_eq!(fault(&framed(b"\x00\x00", b"")), Err(Fault::Header), "no name");
    assert_eq!(fault(&framed(b"\x01\xff\x00", b"")), Err(Fault::Header), "no text");
    assert_eq!(fault(&framed(b"\x01a\x0a", b"")), Err(Fault::HeaderType(10)));
    assert_eq!(fault(&framed(b"\x01a\x00\x01a\x01", b"")), Err(Fault::HeaderTwice));
    let many: Vec<u8> = (0..100).chain([40]).flat_map(|n: i8| header(&format!("h{n}"), Value::Byte(n))).collect();
    assert_eq!(fault(&framed(&many, b"")), Err(Fault::HeaderTwice));
}

#[test]
fn frames_of_converse_become_events() {
    let bytes = [
        event("messageStart", r#"{"p":"ab","role":"assistant"}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a\nb"}}"#),
        event("x\ny", "{}"),
        told(&[(":message-type", "novelty")], "{}"),
        event("metadata", ""),
    ];
    let expected = concat!(
        "event: messageStart\ndata: {\"messageStart\":{\"p\":\"ab\",\"role\":\"assistant\"}}\n\n",
        "event: contentBlockDelta\ndata: {\"contentBlockDelta\":{\"contentBlockIndex\":0,\"delta\":{\"text\":\"a\\nb\"}}}\n\n",
        "event: metadata\ndata: {\"metadata\":{}}\n\n",
    );
    for size in 1..200 {
        assert_eq!(reframed(Inner::Converse, &bytes.concat(), size), (expected.to_owned(), Ok(())), "{size}");
    }
}

#[test]
fn a_fault_leaves_the_events_before_it() {
    let good = event("messageStart", r#"{"role":"assistant"}"#);
    let mut bad = good.clone();
    bad[40] ^= 1;
    let (text, end) = reframed(Inner::Converse, &[good.clone(), bad, good.clone()].concat(), 7);
    assert_eq!(text, "event: messageStart\ndata: {\"messageStart\":{\"role\":\"assistant\"}}\n\n");
    assert_eq!(end, Err(Fault::Checksum));
    assert_eq!(reframed(Inner::Converse, &good[..9], 4).1, Err(Fault::Cut));
}

#[test]
fn chunks_become_the_models_own_events() {
    let bytes = [
        chunk(r#"{"type":"ping"}"#),
        chunk("{\n\"type\":\"a\\nb\"}"),
        chunk(r#"{"outputText":"x"}"#),
        event("other", "{}"),
        exception("throttlingException", r#"{"message":"slow \"down\""}"#),
    ];
    let (text, end) = reframed(Inner::Invoke, &bytes.concat(), 33);
    let expected = concat!(
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "data: {\ndata: \"type\":\"a\\nb\"}\n\n",
        "data: {\"outputText\":\"x\"}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow \\\"down\\\"\"}}\n\n",
    );
    assert_eq!((text.as_str(), end), (expected, Ok(())));
    for payload in ["", "{}", r#"{"bytes":1}"#, r#"{"bytes":"*"}"#, r#"{"bytes":"AAAA"}"#] {
        let bytes = [event("chunk", payload), chunk("{}")].concat();
        assert_eq!(reframed(Inner::Invoke, &bytes, 9), (String::new(), Err(Fault::Payload)), "{payload}");
    }
}

#[test]
fn exceptions_become_errors() {
    let says = |inner, frame: Vec<u8>| {
        let (text, end) = reframed(inner, &frame, 1 << 10);
        assert_eq!(end, Ok(()));
        let data = text.strip_prefix("event: error\ndata: ").expect("an error").trim_end().to_owned();
        let body: serde_json::Value = serde_json::from_str(&data).expect("JSON");
        assert_eq!(body["type"], "error");
        (body["error"]["type"].as_str().unwrap().to_owned(), body["error"]["message"].as_str().unwrap().to_owned())
    };
    let words = |kind: &str, message: &str| (kind.to_owned(), message.to_owned());
    let original = r#"{"message":"It failed.","originalStatusCode":500,"originalMessage":"out of memory"}"#;
    let failed = exception("modelStreamErrorException", original);
    assert_eq!(says(Inner::Converse, failed.clone()), words("modelStreamErrorException", "It failed. (out of memory)"));
    assert_eq!(says(Inner::Invoke, failed), words("api_error", "It failed. (out of memory)"));
    let plain = exception("internalServerException", "no JSON");
    assert_eq!(says(Inner::Converse, plain), words("internalServerException", "no JSON"));
    let unmodelled =
        told(&[(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "a\nb")], "");
    assert_eq!(says(Inner::Converse, unmodelled), words("InternalFailure", "a\nb"));
    for (name, kind) in [
        ("serviceUnavailableException", "overloaded_error"),
        ("modelTimeoutException", "timeout_error"),
        ("validationException", "invalid_request_error"),
        ("ThrottlingException", "rate_limit_error"),
        ("novelException", "api_error"),
    ] {
        assert_eq!(says(Inner::Invoke, exception(name, r#"{"Message":"m"}"#)), words(kind, "m"));
    }
}

proptest! {
    /// What is written is read again, whole or cut.
    #[test]
    fn frames_come_back(
        frames in proptest::collection::vec((proptest::collection::btree_map("[a-z:-]{1,9}", any::<Vec<u8>>(), 0..20),
            any::<Vec<u8>>()), 0..5),
        size in 1_usize..64,
    ) {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(headers, payload)| {
                let headers: Vec<u8> = headers.iter().flat_map(|(name, bytes)| header(name, Value::Bytes(bytes))).collect();
                framed(&headers, payload)
            })
            .collect();
        let (read, end) = decoded(&bytes, size);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(read.len(), frames.len());
        for (frame, (headers, payload)) in read.iter().zip(&frames) {
            let told: Vec<_> = headers.iter().map(|(name, bytes)| (name.as_str(), Value::Bytes(bytes))).collect();
            prop_assert_eq!(frame.headers().collect::<Vec<_>>(), told);
            prop_assert_eq!(&frame.payload[..], &payload[..]);
        }
    }
}
