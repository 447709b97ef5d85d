//! Whether a document is what is expected: by value, the order of members free, numbers digit for digit.

use std::collections::BTreeMap;

use bytes::Bytes;
use tollway_protocol::json::{Json, Members};
use tollway_protocol::sse::Decoder;

/// What the gateway makes up, by the word that stands for it in a case. One word stands for one value in a document.
pub(super) const MADE_UP: [&str; 5] = ["<id>", "<call>", "<time>", "<model>", "<request>"];

/// What stands for what, as far as it is known.
type Known = BTreeMap<&'static str, String>;

/// The first difference, or none.
pub(super) fn difference(expected: &[u8], got: &[u8]) -> Option<String> {
    let [expected, got] = [expected, got].map(|bytes| Json::parse(bytes).expect("JSON"));
    differ(&expected, &got, "", &mut Known::new())
}

/// The first difference of two streams: their events' names, and what they hold.
pub(super) fn difference_of_streams(expected: &[u8], got: &[u8]) -> Option<String> {
    let (expected, got, mut known) = (events(expected), events(got), Known::new());
    let differ_at = |(index, ((name, data), (got_name, got_data))): (usize, (&Told, &Told))| {
        if name != got_name {
            return Some(format!("event {index} is {got_name:?}, not {name:?}"));
        }
        match (Json::parse(data), Json::parse(got_data)) {
            (Ok(data), Ok(got)) => differ(&data, &got, &format!("event {index} "), &mut known),
            _ => (data != got_data).then(|| format!("event {index} is {got_data:?}")),
        }
    };
    let different = expected.iter().zip(&got).enumerate().find_map(differ_at);
    different.or_else(|| {
        let more = expected.len().min(got.len());
        let next = got.get(more).map(|(_, data)| String::from_utf8_lossy(data).into_owned());
        (expected.len() != got.len()).then(|| format!("{} events, not {}: {next:?}", got.len(), expected.len()))
    })
}

/// An event's name and data.
type Told = (Option<String>, Bytes);

fn events(stream: &[u8]) -> Vec<Told> {
    let mut decoder = Decoder::new(stream.len().max(1));
    decoder.push(Bytes::copy_from_slice(stream));
    let mut events = Vec::new();
    while let Some(event) = decoder.next_event().expect("small") {
        events.extend(event.data().map(|data| (event.name().map(str::to_owned), data)));
    }
    assert_eq!(decoder.pending(), 0, "the stream ends with a blank line");
    events
}

fn differ(expected: &Json<'_>, got: &Json<'_>, at: &str, known: &mut Known) -> Option<String> {
    match (expected, got) {
        (Json::Object(members), Json::Object(found)) => {
            // Not `get`, for which null is nothing.
            let of = |members: &Members<'_>, name: &str| members.0.iter().position(|(known, _)| known == name);
            let extra = found.0.iter().find(|(name, _)| of(members, name).is_none());
            let lacking = members.0.iter().find(|(name, _)| of(found, name).is_none());
            if let Some((name, value)) = extra {
                return Some(format!("{at}.{name} is too much: {}", value.to_text()));
            }
            if let Some((name, value)) = lacking {
                return Some(format!("{at}.{name} is missing: {}", value.to_text()));
            }
            members.0.iter().find_map(|(name, value)| {
                let (_, got) = found.0.get(of(found, name)?)?;
                differ(value, got, &format!("{at}.{name}"), known)
            })
        }
        (Json::Array(items), Json::Array(found)) if items.len() == found.len() => {
            let mut pairs = items.iter().zip(found).enumerate();
            pairs.find_map(|(index, (item, got))| differ(item, got, &format!("{at}[{index}]"), known))
        }
        (Json::String(text), Json::String(found)) if stands_for(text, found, known) => None,
        (Json::String(text), Json::Number(found)) if stands_for(text, found, known) => None,
        _ if expected == got => None,
        _ => Some(format!("{at} is {}, not {}", got.to_text(), expected.to_text())),
    }
}

/// Whether `text`, with what stands in it for something made up, is `found`.
fn stands_for(text: &str, found: &str, known: &mut Known) -> bool {
    let Some((word, at)) = MADE_UP.iter().find_map(|word| Some((*word, text.find(word)?))) else { return false };
    let (before, after) = (&text[..at], &text[at + word.len()..]);
    let middle = found.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).filter(|made| !made.is_empty());
    middle.is_some_and(|made| known.entry(word).or_insert_with(|| made.to_owned()) == made)
}

#[test]
fn what_differs_is_found() {
    let same = |expected: &str, got: &str| difference(expected.as_bytes(), got.as_bytes()).is_none();
    assert!(same(r#"{"a": 1.0, "b": [null]}"#, r#"{"b":[null],"a":1.0}"#));
    assert!(same(r#"{"a": null}"#, r#"{"a":null}"#) && !same(r#"{"a": null}"#, "{}"));
    for got in [r#"{"a":1,"b":[null]}"#, r#"{"a":1.0,"b":[]}"#, r#"{"a":1.0}"#, r#"{"a":1.0,"b":[null],"c":null}"#] {
        assert!(!same(r#"{"a": 1.0, "b": [null]}"#, got), "{got}");
    }
    assert!(same(r#"["x-<id>", "<id>", "<time>"]"#, r#"["x-7","7",9]"#));
    assert!(!same(r#"["x-<id>", "<id>"]"#, r#"["x-7","8"]"#));
    assert!(!same(r#"["x-<id>"]"#, r#"["x-"]"#));
    let streams = |expected: &str, got: &str| difference_of_streams(expected.as_bytes(), got.as_bytes());
    assert_eq!(streams("data: {\"a\": 1}\n\ndata: [DONE]\n\n", "data: {\"a\":1}\n\ndata: [DONE]\n\n"), None);
    for got in
        ["data: {\"a\":1}\n\n", "event: x\ndata: {\"a\":1}\n\ndata: [DONE]\n\n", "data: {\"a\":1}\n\ndata: 1\n\n"]
    {
        assert!(streams("data: {\"a\": 1}\n\ndata: [DONE]\n\n", got).is_some(), "{got}");
    }
}
