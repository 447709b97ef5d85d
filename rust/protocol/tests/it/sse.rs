//! Server-Sent Events.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use tollway_protocol::sse::{
    Decoder, Event, TooLarge,
    encoder::{DONE, comment, data_event},
};

/// The events of `chunks`, and what is left.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Bytes) {
    let mut decoder = Decoder::new(1 << 20);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().expect("small") {
            events.push(event);
        }
    }
    events.extend(decoder.finish());
    (events, decoder.take_rest())
}

/// Data, name and whether it is a comment, of each event.
type Summary<'a> = (Option<String>, Option<&'a str>, bool);

fn summary(event: &Event) -> Summary<'_> {
    let data = event.data().map(|data| String::from_utf8(data.to_vec()).expect("text"));
    (data, event.name(), event.is_comment_only())
}

fn data<'a>(text: &str) -> Summary<'a> {
    (Some(text.into()), None, false)
}

fn expect(stream: &str, expected: &[Summary<'_>]) {
    let (events, _) = decode([stream.as_bytes()]);
    assert_eq!(events.iter().map(summary).collect::<Vec<_>>(), expected, "{stream:?}");
}

#[test]
fn line_ends() {
    for stream in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r"] {
        expect(stream, &[data("a"), data("b")]);
    }
    expect("data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\r", &[data("a"), data("b"), data("c"), data("d")]);
}

#[test]
fn fields() {
    expect("data:a\n\n", &[data("a")]);
    expect("data:  a \n\n", &[data(" a ")]);
    expect("data\n\n", &[data("")]);
    expect("data:\n\n", &[data("")]);
    expect("data: a\ndata\ndata:b\nid: 7\ndata: \n\n", &[data("a\n\nb\n")]);
    expect("event: error\ndata: x\n\n", &[(Some("x".into()), Some("error"), false)]);
    expect("event: a\nevent:b\n\n", &[(None, Some("b"), false)]);
    expect("event\ndata: x\n\n", &[data("x")]);
    expect("database: x\n\n: y\ndata : z\n\n", &[(None, None, false), (None, None, false)]);
    expect("retry: 10\r\n\r\n", &[(None, None, false)]);
}

#[test]
fn comments() {
    expect(": ping\n\n:\r\n\r\n", &[(None, None, true), (None, None, true)]);
    expect(": ping\ndata: x\n\n", &[data("x")]);
}

#[test]
fn blank_lines_are_no_events() {
    expect("\n\r\n\n", &[]);
    expect("\n\ndata: a\n\n\n\ndata: b\n\n\r\n", &[data("a"), data("b")]);
}

#[test]
fn byte_order_mark() {
    expect("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[data("a"), (None, None, false)]);
    expect("\u{feff}data: a\ndata: b\n\n", &[data("a\nb")]);
    expect("\u{feff}\n\ndata: a\n\n", &[data("a")]);
    expect("\u{feff}: x\n\n", &[(None, None, true)]);
    // Only where it marks: deeper, it makes another name of the field.
    expect("data: a\n\n\u{feff}data: b\ndata: c\ndata: d\n\n", &[data("a"), data("c\nd")]);
}

#[test]
fn an_event_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"data: one\n\ndata: two\n\nda");
    let mut decoder = Decoder::new(100);
    decoder.push(chunk.clone());
    let first = decoder.next_event().expect("small").expect("whole");
    let second = decoder.next_event().expect("small").expect("whole");
    assert_eq!(first.raw.as_ptr(), chunk.as_ptr());
    assert_eq!(second.data().expect("data").as_ptr(), chunk[17..].as_ptr());
    assert_eq!(decoder.next_event(), Ok(None));
    assert_eq!(decoder.pending(), 2);
    let rest = Bytes::from_static(b"ta: three\n\ndata: four\n\n");
    decoder.push(rest.clone());
    assert_eq!(decoder.next_event().expect("small").expect("whole").raw, "data: three\n\n");
    assert_eq!(decoder.next_event().expect("small").expect("whole").raw.as_ptr(), rest[11..].as_ptr());
    assert_eq!((decoder.next_event(), decoder.pending()), (Ok(None), 0));
}

/// A bare CR must not hold its event back until the next arrives; after CRLF lines the LF is worth the wait.
#[test]
fn liveness_at_a_cr() {
    let mut decoder = Decoder::new(100);
    decoder.push(Bytes::from_static(b"data: a\r\r"));
    assert_eq!(decoder.next_event().expect("small").map(|event| event.raw), Some("data: a\r\r".into()));
    decoder.push(Bytes::from_static(b"data: b\r\n\r"));
    assert_eq!(decoder.next_event(), Ok(None));
    assert_eq!(decoder.pending(), 10);
    decoder.push(Bytes::from_static(b"\n"));
    assert_eq!(decoder.next_event().expect("small").map(|event| event.raw), Some("data: b\r\n\r\n".into()));
    assert_eq!((decoder.next_event(), decoder.pending(), decoder.finish()), (Ok(None), 0, None));
    decoder.push(Bytes::from_static(b"data: c\r\n\r"));
    assert_eq!(decoder.next_event(), Ok(None));
    assert_eq!(decoder.finish().map(|event| event.raw), Some("data: c\r\n\r".into()));
    assert_eq!((decoder.pending(), decoder.finish(), decoder.take_rest()), (0, None, Bytes::new()));
}

#[test]
fn limit() {
    let event = b"data: 0123456789\n\n";
    let run = |limit: usize, chunk: usize| {
        let mut decoder = Decoder::new(limit);
        let mut count = 0;
        for chunk in event.chunks(chunk).chain(event.chunks(chunk)) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while decoder.next_event()?.is_some() {
                count += 1;
            }
        }
        Ok(count)
    };
    for chunk in 1..=event.len() {
        assert_eq!(run(event.len(), chunk), Ok(2));
        assert_eq!(run(event.len() - 1, chunk), Err(TooLarge { limit: event.len() - 1 }));
    }
    let mut decoder = Decoder::new(10);
    decoder.push(Bytes::from_static(b"data: 0123456789"));
    assert!(decoder.next_event().is_err() && decoder.next_event().is_err());
    assert_eq!(decoder.take_rest(), "data: 0123456789");
    assert_eq!(TooLarge { limit: 10 }.to_string(), "a server-sent event exceeds 10 bytes");
}

#[test]
fn pushes_without_reading() {
    let mut decoder = Decoder::new(100);
    for chunk in [&b"data: a\n"[..], b"\ndata", b": b\n\nda"] {
        decoder.push(Bytes::from_static(chunk));
    }
    assert_eq!(decoder.pending(), 20);
    assert_eq!(decoder.next_event().expect("small").map(|event| event.raw), Some("data: a\n\n".into()));
    assert_eq!(decoder.take_rest(), "data: b\n\nda");
    decoder.push(Bytes::from_static(b"data: c\n\n"));
    assert_eq!(decoder.next_event().expect("small").map(|event| event.raw), Some("data: c\n\n".into()));
}

#[test]
fn what_is_encoded_decodes() {
    let mut out = BytesMut::new();
    comment(b"tollway {}", &mut out);
    data_event(b"{\"a\":\n1}", &mut out);
    out.extend_from_slice(DONE);
    let (events, rest) = decode([&out[..]]);
    let expected = [(None, None, true), data("{\"a\":\n1}"), data("[DONE]")];
    assert_eq!(events.iter().map(summary).collect::<Vec<_>>(), expected);
    assert!(rest.is_empty());
}

/// The specification's algorithm, a character at a time and without a thought for chunks: the data of each event.
fn by_the_book(stream: &str) -> Vec<String> {
    let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream).replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let mut data: Option<String> = None;
    let whole = stream.rfind('\n').map_or("", |end| &stream[..end]);
    for line in
        if whole.is_empty() && !stream.starts_with('\n') { None } else { Some(whole.split('\n')) }.into_iter().flatten()
    {
        if line.is_empty() {
            events.extend(data.take());
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            data = Some(data.map_or_else(|| value.to_owned(), |before| format!("{before}\n{value}")));
        }
    }
    events
}

fn stream() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        5 => "data:? ?[a-z\\{\\}:é]{0,8}",
        1 => Just("data".to_owned()),
        1 => "event: ?[a-z]{0,4}",
        1 => ":[ a-z]{0,6}",
        1 => "[a-z]{0,3}",
        4 => Just(String::new()),
    ];
    let end = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    let lines = prop::collection::vec((line, end), 0..14);
    let uniform = (lines.clone(), prop::sample::select(vec!["\n", "\r\n", "\r"]))
        .prop_map(|(lines, end)| lines.into_iter().map(|(line, _)| line + end).collect::<String>());
    let mixed = lines.prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect::<String>());
    (prop::bool::weighted(0.2), prop_oneof![uniform, mixed], "[a-z:]{0,5}")
        .prop_map(|(marked, lines, rest)| format!("{}{lines}{rest}", if marked { "\u{feff}" } else { "" }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decodes_by_the_book(stream in stream()) {
        let (events, rest) = decode([stream.as_bytes()]);
        let data: Vec<String> = events.iter().filter_map(|event| summary(event).0).collect();
        prop_assert_eq!(data, by_the_book(&stream));
        let mut bytes: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
        bytes.extend_from_slice(&rest);
        prop_assert_eq!(bytes, stream.into_bytes());
    }

    #[test]
    fn independent_of_every_cut(stream in stream()) {
        let bytes = stream.as_bytes();
        let whole = decode([bytes]);
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            prop_assert_eq!(&decode([left, right]), &whole, "cut at {}", cut);
        }
        prop_assert_eq!(&decode(bytes.chunks(1)), &whole);
    }

    #[test]
    fn independent_of_random_cuts(stream in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let bytes = stream.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        prop_assert_eq!(decode(chunks), decode([bytes]));
    }
}
