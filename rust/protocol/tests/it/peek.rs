//! One pass over a request body.

use std::collections::HashSet;

use proptest::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use tollway_protocol::peek::{Malformed, MalformedKind, peek};

use super::json;

fn refused(body: impl AsRef<[u8]>) -> Malformed {
    let body = body.as_ref();
    peek(body).expect_err(&format!("refuses {}", String::from_utf8_lossy(body)))
}

fn kind_and_param(body: &str) -> (MalformedKind, String) {
    let fault = refused(body);
    (fault.kind, fault.param)
}

#[test]
fn notes_what_the_gateway_reads() {
    let body = br#" { "messages": [{"role":"user","content":"h\"i"}], "mod\u0065l" : "gpt-\u0034o",
        "stream":true,"stream_options": {"x":1, "include_usage":false}, "user":"u-1", "metadata":{"a":{"b":1,"b":2}} } "#;
    let found = peek(body).expect("well-formed");
    let text = |span: &std::ops::Range<usize>| std::str::from_utf8(&body[span.clone()]).expect("text");
    let model = found.model.as_ref().expect("model");
    assert_eq!((model.text.as_str(), text(&model.span)), ("gpt-4o", r#""gpt-\u0034o""#));
    assert!(found.stream);
    assert_eq!(text(found.stream_span.as_ref().expect("stream")), "true");
    let options = found.stream_options.as_ref().expect("stream_options");
    assert_eq!(text(&options.span), r#"{"x":1, "include_usage":false}"#);
    assert_eq!(options.include_usage.as_ref().map(|(on, span)| (*on, text(span))), Some((false, "false")));
    assert_eq!((options.after_open, options.empty), (options.span.start + 1, false));
    assert_eq!(text(found.messages.as_ref().expect("messages")), r#"[{"role":"user","content":"h\"i"}]"#);
    assert_eq!(text(found.metadata.as_ref().expect("metadata")), r#"{"a":{"b":1,"b":2}}"#);
    assert_eq!(text(found.user.as_ref().expect("user")), r#""u-1""#);
    assert_eq!((found.after_open, found.empty), (2, false));
}

#[test]
fn null_and_nothing() {
    let found = peek(br#"{"stream":null,"stream_options":null,"metadata":null,"user":null}"#).expect("well-formed");
    assert!(!found.stream);
    assert_eq!(found.stream_span, Some(10..14));
    assert_eq!((found.stream_options, found.stream_options_null), (None, Some(32..36)));
    assert_eq!((found.metadata, found.user, found.model), (None, None, None));
    let nothing = peek(b" {\n} ").expect("well-formed");
    assert_eq!((nothing.after_open, nothing.empty), (2, true));
    let options = peek(br#"{"stream_options":{ }}"#).expect("well-formed").stream_options.expect("object");
    assert_eq!((options.empty, options.include_usage), (true, None));
    let null = peek(br#"{"stream_options":{"include_usage":null}}"#).expect("well-formed").stream_options;
    assert_eq!(null.and_then(|options| options.include_usage), Some((false, 35..39)));
}

#[test]
fn keys_differ_by_case() {
    let found = peek(br#"{"Model":1,"STREAM":"yes","model":"m"}"#).expect("well-formed");
    assert_eq!((found.model.map(|model| model.text), found.stream_span), (Some("m".into()), None));
}

#[test]
fn wrong_types() {
    for (body, param) in [
        (r#"{"model":4}"#, "model"),
        (r#"{"model":null}"#, "model"),
        (r#"{"stream":"true"}"#, "stream"),
        (r#"{"stream":1}"#, "stream"),
        (r#"{"a":[1],"stream_options":[]}"#, "stream_options"),
        (r#"{"stream_options":{"a":1,"include_usage":"yes"}}"#, "stream_options.include_usage"),
        (r#"{"messages":{}}"#, "messages"),
        (r#"{"messages":null}"#, "messages"),
        (r#"{"metadata":"x"}"#, "metadata"),
        ("[]", "body"),
        ("\"text\"", "body"),
        (" null", "body"),
        ("-1", "body"),
    ] {
        assert_eq!(kind_and_param(body), (MalformedKind::WrongType, param.into()), "{body}");
    }
}

#[test]
fn duplicates() {
    for (body, param, offset) in [
        (r#"{"model":"a","model":"b"}"#, "model", 13),
        (r#"{"model":"a","mod\u0065l":"b"}"#, "model", 13),
        (r#"{"mod\u0065l":"a","model":"b"}"#, "model", 18),
        (r#"{"x":1,"y":2,"x":3}"#, "x", 13),
        (r#"{"\ud800":1,"\uD800":2}"#, "\u{fffd}", 12),
        (r#"{"stream_options":{"a":1,"a":1}}"#, "stream_options.a", 25),
        (r#"{"metadata":{"team":"a","team":"b"}}"#, "metadata.team", 24),
    ] {
        let fault = refused(body);
        assert_eq!((fault.kind, fault.param.as_str(), fault.offset), (MalformedKind::DuplicateKey, param, offset));
    }
    for fine in [r#"{"\ud800":1,"\ud801":2}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"metadata":{"a":1},"a":{"a":1,"a":2}}"#] {
        assert!(peek(fine.as_bytes()).is_ok(), "{fine}");
    }
}

/// Past what is kept without hashing, with an escaped key among them.
#[test]
fn duplicates_among_many() {
    let member = |index: usize| format!("\"k{index}\":{index}");
    let mut members: Vec<String> = (0..500).map(member).collect();
    members.insert(3, r#""\u0061":0"#.into());
    let whole = |members: &[String]| format!("{{{}}}", members.join(","));
    assert!(peek(whole(&members).as_bytes()).is_ok());
    for repeated in ["k0", "k31", "k32", "k499", "a"] {
        let mut members = members.clone();
        members.push(format!("\"{repeated}\":1"));
        assert_eq!(kind_and_param(&whole(&members)), (MalformedKind::DuplicateKey, repeated.into()));
    }
}

#[test]
fn depth() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(peek(nested(63).as_bytes()).is_ok());
    let fault = refused(nested(64));
    assert_eq!((fault.kind, fault.offset), (MalformedKind::TooDeep, 5 + 63));
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(peek(objects(64).as_bytes()).is_ok());
    assert_eq!(refused(objects(65)).kind, MalformedKind::TooDeep);
    assert_eq!(refused(format!("{{\"a\":{}", "[".repeat(1_000_000))).kind, MalformedKind::TooDeep);
}

#[test]
fn syntax() {
    for (body, param, offset) in [
        ("", "body", 0),
        (" \n", "body", 2),
        ("{", "body", 1),
        ("}", "body", 0),
        ("\u{feff}{}", "body", 0),
        ("{}x", "body", 2),
        ("{} {}", "body", 3),
        (r#"{"a"}"#, "body", 4),
        (r#"{"a":}"#, "a", 5),
        (r#"{"a":1,}"#, "body", 7),
        (r#"{,"a":1}"#, "body", 1),
        (r#"{"a":1 "b":2}"#, "a", 7),
        (r#"{"a":1,b:2}"#, "body", 7),
        (r#"{'a':1}"#, "body", 1),
        (r#"{"a":[1,]}"#, "a[1]", 8),
        (r#"{"a":[1 2]}"#, "a[0]", 8),
        (r#"{"a":[1}"#, "a[0]", 7),
        (r#"{"a":01}"#, "a", 6),
        (r#"{"a":1.}"#, "a", 7),
        (r#"{"a":+1}"#, "a", 5),
        (r#"{"a":NaN}"#, "a", 5),
        (r#"{"a":nul}"#, "a", 5),
        (r#"{"a":tru"#, "a", 5),
        (r#"{"a":truex}"#, "a", 9),
        (r#"{"a":"\x"}"#, "a", 6),
        (r#"{"a":"\u12g4"}"#, "a", 6),
        (r#"{"a":"\u12"#, "a", 6),
        ("{\"a\":\"\t\"}", "a", 6),
        ("{\"a\":\"é\n\"}", "a", 8),
        (r#"{"a":"x"#, "a", 5),
        (r#"{"a":"x\"#, "a", 7),
        (r#"{"messages":[0,1,2,{"content":"x","role":tru}]}"#, "messages[3].role", 41),
        (r#"{"a":1 /* no */}"#, "a", 7),
    ] {
        let fault = refused(body);
        assert_eq!((fault.kind, fault.param.as_str(), fault.offset), (MalformedKind::Syntax, param, offset), "{body}");
    }
}

#[test]
fn utf8() {
    let fault = refused(b"{\"messages\":[{\"content\":\"caf\xe9\"}]}");
    let expected = (MalformedKind::NotUtf8, "messages[0].content", 28);
    assert_eq!((fault.kind, fault.param.as_str(), fault.offset), expected);
    for bytes in
        [&b"{\"a\":\"\xed\xa0\x80\"}"[..], b"{\"a\":\"\xc0\x80\"}", b"{\"a\":\"\xf5\x80\x80\x80\"}", b"\xff\xfe{\0}\0"]
    {
        assert_eq!(refused(bytes).kind, MalformedKind::NotUtf8);
    }
    // Also where another rule is broken first.
    assert_eq!(refused(b"{,\"\xff\"}").kind, MalformedKind::NotUtf8);
    assert!(peek("{\"ключ\":\"價值 😀\"}".as_bytes()).is_ok());
    assert!(peek(br#"{"a":"\ud800 and \udc00"}"#).is_ok());
}

#[test]
fn messages_say_where_and_what_to_do() {
    let body = "{\n  \"model\": \"m\",\n  \"messages\": [{\"role\": \"user\", \"content\": \"é\n\"}]\n}";
    let expected = "The body is not valid JSON at line 3, column 46 (byte 64), in \"messages[0].content\": a string \
                    holds a raw control character. Write \\n, \\t or \\u00XX for it.";
    assert_eq!(refused(body).message, expected);
    assert_eq!(refused("[]").message, "The body must be a JSON object. Correct it and send the request again.");
    let type_of_model =
        "\"model\" must be a string, at line 1, column 10 (byte 9). Correct it and send the request again.";
    assert_eq!(refused(r#"{"model":4}"#).message, type_of_model);
    let twice = "The key \"a\" occurs twice, the second time at line 1, column 8 (byte 7). Keep one of the two.";
    assert_eq!(refused(r#"{"a":1,"a":2}"#).message, twice);
    assert!(refused("{\"a\":").message.contains("the body ends where a value is expected"));
    assert!(refused("\u{feff}{}").message.contains("byte order mark"));
}

#[test]
fn long_and_odd_keys_are_cut() {
    let fault = refused(format!("{{\"{}\":[nope]}}", "k\\n".repeat(100)));
    assert_eq!(fault.param, format!("{}…[0]", "k\u{fffd}".repeat(32)));
}

/// Nothing of a body but its keys may show in an error.
#[test]
fn values_are_not_quoted() {
    for end in ["", "\t\"}", "\" x", "\\q\"}", "\"]"] {
        let fault = refused(format!("{{\"key\":\"hunter2{end}"));
        assert!(!format!("{fault:?}{fault}").contains("hunter2"), "{fault}");
    }
}

/// Every place where a body may be cut, and every byte that may be wrong, within bounds and without a panic.
#[test]
fn any_cut_and_any_byte() {
    let body =
        br#"{"model":"m\u00e9","stream":true,"n":[-1.5e3,{"a":null}],"metadata":{"k":"v"},"t":"0123456789abcdef"}"#;
    for cut in 0..body.len() {
        let fault = refused(&body[..cut]);
        assert!(fault.offset <= cut);
        for byte in 0..=255 {
            let mut changed = body.to_vec();
            changed[cut] = byte;
            assert_eq!(peek(&changed).is_ok(), reference(&changed), "{}", String::from_utf8_lossy(&changed));
        }
    }
}

/// An object's members in order, repeated keys kept.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Pairs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl Pairs {
    fn are_unique(&self) -> bool {
        self.0.iter().map(|(key, _)| key).collect::<HashSet<_>>().len() == self.0.len()
    }
}

fn depth_of(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

/// What a plain parser accepts, with the stricter rules written out.
fn reference(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return false;
    }
    let Ok(pairs) = serde_json::from_str::<Pairs>(text) else { return false };
    let deep = serde_json::from_str(text).is_ok_and(|value| depth_of(&value) > 64);
    !deep && pairs.are_unique() && pairs.0.iter().all(|(key, value)| has_right_type(key, value.get()))
}

fn has_right_type(key: &str, value: &str) -> bool {
    let flag = |value: &str| ["true", "false", "null"].contains(&value);
    let object = |check: &dyn Fn(&Pairs) -> bool| {
        value == "null" || serde_json::from_str(value).is_ok_and(|pairs: Pairs| pairs.are_unique() && check(&pairs))
    };
    match key {
        "model" => value.starts_with('"'),
        "messages" => value.starts_with('['),
        "stream" => flag(value),
        "stream_options" => {
            object(&|pairs| pairs.0.iter().all(|(key, value)| key != "include_usage" || flag(value.get())))
        }
        "metadata" => object(&|_| true),
        _ => true,
    }
}

/// The bytes that the grammar turns on.
const ODD: &[u8] = b"\"\\{}[],:01.eE-+tn u/\n\0";

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accepts_what_the_reference_accepts(body in json::body()) {
        prop_assert_eq!(peek(body.as_bytes()).is_ok(), reference(body.as_bytes()));
    }

    #[test]
    fn also_when_mutilated(body in json::body(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4)) {
        let mut body = body.into_bytes();
        for (place, byte, how) in edits {
            if body.is_empty() { break }
            let at = place.index(body.len());
            let byte = if byte < 128 { ODD[usize::from(byte) % ODD.len()] } else { byte };
            match how {
                0 => body[at] = byte,
                1 => { body.remove(at); }
                _ => body.insert(at, byte),
            }
        }
        // The reference cannot tell keys with lone surrogates.
        let surrogate = String::from_utf8_lossy(&body).to_lowercase().contains("\\ud");
        let (accepted, expected) = (peek(&body).is_ok(), reference(&body));
        prop_assert!(accepted == expected || surrogate && accepted);
    }

    /// Strings of little but escapes, stops, and the characters next to them in order.
    #[test]
    fn dense_strings(text in r#"([\\]{1,3}["nu0-9a]{1,5}|["\\#!\]nu01\u{1}\u{1f} é]|[a-z]{1,9}|[a-z]{30,80}|\\n|\\"|\\u12Ab){0,30}"#, pad in 0..20usize) {
        let body = format!("{{\"a\":\"{text}\"}}{}", " ".repeat(pad));
        prop_assert_eq!(peek(body.as_bytes()).is_ok(), reference(body.as_bytes()), "{}", body);
    }

    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(peek(&body).is_ok(), reference(&body));
    }
}
