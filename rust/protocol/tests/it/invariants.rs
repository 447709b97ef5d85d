//! What must hold for any bytes at all. The fuzz targets (`fuzz/`) and the stress test below run the same checks.

use bytes::{Bytes, BytesMut};
use serde::de::IgnoredAny;
use tollway_protocol::{
    canonical::{self, Losses},
    dialect::gemini::stream::{FromArray, ToArray},
    dialect::openai::{Chunk, classify, error_body, is_canonical_error, quick, usage_of_answer},
    dialect::parse_error,
    dialect::{Dialect, ErrorTold, Head, Told, Wanted, anthropic, gemini, openai},
    eventstream::{Inner, Reframe},
    json::{Json, Skeleton},
    multipart::{BadForm, Form, Step},
    peek::peek,
    splice::{ModelJson, for_upstream},
    sse::{Decoder, Event},
    text::rewrite_strings,
};

/// A body that is accepted is JSON, and stays acceptable when spliced; one that is refused is refused with words.
pub(crate) fn body(bytes: &[u8]) {
    match peek(bytes) {
        Ok(found) => {
            serde_json::from_slice::<IgnoredAny>(bytes).expect("JSON");
            let body = Bytes::copy_from_slice(bytes);
            let spliced = for_upstream(&body, &found, &ModelJson::new("m\"\n"), true);
            let whole = spliced.to_bytes();
            assert_eq!(whole.len(), spliced.len());
            let again = peek(&whole).expect("still well-formed");
            assert_eq!(again.model.is_some(), found.model.is_some());
            assert!(again.model.is_none_or(|model| model.text == "m\"\n"));
            assert!(
                !again.stream
                    || again.stream_options.is_some_and(|options| options.include_usage.is_some_and(|usage| usage.0))
            );
        }
        Err(fault) => {
            assert!(fault.offset <= bytes.len() && !fault.param.is_empty() && fault.message.ends_with('.'));
            assert!(fault.param.chars().count() <= 64 * 67);
        }
    }
}

/// The first byte chooses how the rest is cut; the events are the same as uncut, and nothing is lost.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((&size, stream)) = bytes.split_first() else { return };
    let (events, rest) = decode(stream, usize::from(size).max(1));
    let whole = decode(stream, stream.len().max(1));
    assert_eq!((&events, &rest), (&whole.0, &whole.1));
    let mut joined: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
    joined.extend_from_slice(&rest);
    assert_eq!(joined, stream);
    for event in &events {
        assert!(!(event.is_comment_only() && event.data().is_some()));
        let _ = event.name();
    }
}

fn decode(stream: &[u8], size: usize) -> (Vec<Event>, Bytes) {
    let mut decoder = Decoder::new(stream.len());
    let mut events = Vec::new();
    for chunk in stream.chunks(size) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().expect("within the limit") {
            events.push(event);
        }
    }
    events.extend(decoder.finish());
    (events, decoder.take_rest())
}

/// The looks at a chunk, an answer and an error agree with each other.
pub(crate) fn chunk(bytes: &[u8]) {
    let full = classify(bytes);
    let fast = quick(bytes);
    let plain = Chunk::Content { finish: false, usage: None };
    assert!(fast == full || (fast == plain && may_be_missed(&full, bytes)), "{fast:?}, {full:?}");
    if let Some(answer) = usage_of_answer(bytes) {
        assert!(full != Chunk::Malformed, "{answer:?}");
    }
    if let Some(error) = parse_error(bytes) {
        let (param, code) = (error.param.as_deref(), error.code.as_deref());
        let body = error_body(&error.message, error.kind.as_deref().unwrap_or("api_error"), param, code);
        assert!(is_canonical_error(&body));
        assert_eq!(parse_error(&body).map(|again| again.message), Some(error.message));
    }
}

/// What the quick look may take for plain content: what it says it does, a key that is written with escapes, and an
/// error without a member `error` that has the word `choices` elsewhere than as its member.
fn may_be_missed(full: &Chunk, bytes: &[u8]) -> bool {
    match full {
        Chunk::Preamble | Chunk::Malformed => true,
        Chunk::Error(_) if !bytes.windows(7).any(|word| word == b"\"error\"") => true,
        _ => bytes.contains(&b'\\'),
    }
}

/// Strings put in place of themselves change nothing that a parser sees.
pub(crate) fn document(bytes: &[u8]) {
    let mut seen = Vec::new();
    let Ok(same) = rewrite_strings(bytes, &mut |_, text| {
        seen.push(text.to_owned());
        Some(text.to_owned())
    }) else {
        return;
    };
    assert_eq!(same.is_none(), seen.is_empty());
    let mut again = Vec::new();
    let document = same.unwrap_or_else(|| bytes.to_vec());
    let unchanged = rewrite_strings(&document, &mut |_, text| {
        again.push(text.to_owned());
        None
    });
    assert_eq!(unchanged, Ok(None));
    assert_eq!(again, seen);
}

/// A tree is the document that it was read from, and an object is written as it stands.
pub(crate) fn tree(bytes: &[u8]) {
    let Ok(tree) = Json::parse(bytes) else {
        assert!(peek(bytes).is_err());
        return;
    };
    let written = tree.to_bytes();
    assert_eq!(Json::parse(&written).as_ref(), Ok(&tree));
    let same = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).is_ok();
    assert!(same(bytes) && same(&written));
    assert_eq!(tree.lend(), tree.clone().into_owned());
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(object) = Json::object_in(&text.into())
    {
        assert_eq!(Json::parse(&object.to_bytes()), Ok(tree));
    }
}

/// An error of any form becomes a whole one in every dialect.
pub(crate) fn errors(bytes: &[u8]) {
    for dialect in Dialect::ALL {
        let _ = dialect.is_whole_error(bytes);
        let Some(said) = parse_error(bytes) else { continue };
        let told = ErrorTold {
            status: said.status.unwrap_or(502),
            message: &said.message,
            kind: said.kind.as_deref().unwrap_or("api_error"),
            param: said.param.as_deref(),
            code: said.code.as_deref(),
            request_id: "id",
        };
        let body = dialect.error_body(&told);
        assert!(dialect.is_whole_error(&body), "{dialect:?}");
        assert_eq!(parse_error(&body).map(|again| again.message).as_ref(), Some(&said.message));
        let (mut event, mut decoder) = (BytesMut::new(), Decoder::new(usize::MAX));
        dialect.error_event(&told, None, &mut event);
        decoder.push(event.freeze());
        let data = decoder.next_event().expect("no limit").and_then(|event| event.data()).expect("one event");
        assert!(Json::parse(&data).is_ok());
    }
}

/// Embeddings, counts and their requests: what can be read can be written.
pub(crate) fn aside(bytes: &[u8]) {
    let told = Told { id: "id", model: "model", created: 1, usage: true, request: None };
    let (head, wanted, mut losses) =
        (Head { model: Some("m"), stream: false }, Wanted::new("model"), Losses::default());
    let parse = || Json::parse(bytes);
    let written = |json: Json<'_>| assert!(Json::parse(&json.to_bytes()).is_ok());
    if parse().is_err() {
        return;
    }
    let requests =
        [openai::embeddings::read_request, gemini::embeddings::read].map(|read| read(parse().expect("JSON"), head));
    for request in requests.into_iter().flatten() {
        written(openai::embeddings::write_request(&request, &wanted, &mut losses));
        let _ = gemini::embeddings::write(&request, &wanted, &mut losses).map(written);
    }
    let answers = [openai::embeddings::read, gemini::embeddings::read_answer].map(|read| read(parse().expect("JSON")));
    for answer in answers.into_iter().flatten() {
        for flag in [false, true] {
            let _ = openai::embeddings::write(&answer, flag, &told).map(written);
            written(gemini::embeddings::write_answer(&answer, flag));
        }
    }
    if let Ok(request) = gemini::count::read(parse().expect("JSON"), head) {
        let _ = gemini::count::write(&request, &wanted, &mut losses).map(written);
    }
    if let Ok(request) = anthropic::request::read_count(parse().expect("JSON"), head) {
        let _ = anthropic::request::write_count(&request, &wanted, &mut losses).map(written);
    }
    if let Ok(tokens) = gemini::count::read_answer(parse().expect("JSON")) {
        written(gemini::count::write_answer(&tokens));
    }
    let _ = anthropic::count::read(parse().expect("JSON")).map(|tokens| written(anthropic::count::write(tokens)));
}

/// An array of chunks is the same events however it is cut, and those are the same array again.
pub(crate) fn array(bytes: &[u8]) {
    let events = |size: usize| {
        let (mut array, mut out) = (FromArray::default(), BytesMut::new());
        bytes.chunks(size).for_each(|piece| array.push(piece, &mut out));
        out.freeze()
    };
    let whole = events(bytes.len().max(1));
    assert_eq!(whole, events(3));
    let Ok(Json::Array(items)) = Json::parse(bytes) else { return };
    if items.iter().any(|item| item.as_object().is_none()) {
        return;
    }
    let (mut array, mut out) = (ToArray::default(), BytesMut::new());
    array.push(whole, &mut out);
    array.end(&mut out);
    assert_eq!(Json::parse(&out), Ok(Json::Array(items)));
}

/// Whatever `bytes` are, as a request, an answer and a stream of every dialect: what can be read can be written in every
/// dialect, as JSON, and a stream is read the same however it was cut.
pub(crate) fn dialects(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let [from, to] = [choice & 15, choice >> 4].map(|index| Dialect::ALL[usize::from(index) % Dialect::ALL.len()]);
    let told = Told { id: "id", model: "model", created: 1, usage: true, request: None };
    let mut losses = Losses::default();
    if let Ok(json) = Json::parse(bytes)
        && let Ok(request) = from.read_request(json, Head { model: Some("m"), stream: false }, &mut losses)
        && let Ok(written) = to.write_request(&request, &Wanted::new("model"), &mut losses)
    {
        assert!(Json::parse(&written.to_bytes()).is_ok());
    }
    if let Ok(json) = Json::parse(bytes)
        && let Ok(answer) = from.read_answer(json)
    {
        assert!(Json::parse(&to.write_answer(&answer, &told).to_bytes()).is_ok());
    }
    let streamed = |size: usize| {
        let (mut reader, mut writer, mut out) = (from.reader(), to.writer(&told), BytesMut::new());
        let mut decoder = Decoder::new(1 << 16);
        let mut each = |event: canonical::Event<'_>| writer.write(event, &mut out);
        for chunk in bytes.chunks(size) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Ok(Some(event)) = decoder.next_event() {
                if event.data().is_some_and(|data| reader.read(&data, &mut each).is_err()) {
                    return out;
                }
            }
        }
        reader.end(&mut each);
        out
    };
    assert_eq!(streamed(bytes.len().max(1)), streamed(7));
}

/// A frame of an AWS event stream, its checksums right, whatever its headers are.
pub(crate) fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).expect("short").to_be_bytes();
    let mut frame = [length(16 + headers.len() + payload.len()), length(headers.len())].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend([headers, payload].concat());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

/// Frames become the same events however they are cut, also where their headers or payloads are anything. The first byte
/// says how much of the rest is headers; the checksums are put right, or no edit would reach what lies behind them.
pub(crate) fn frames(bytes: &[u8]) {
    let events = |inner: Inner, bytes: &[u8], size: usize| {
        let (mut reframe, mut out) = (Reframe::new(inner), BytesMut::new());
        let pieces = bytes.chunks(size);
        let pushed = pieces.map(Bytes::copy_from_slice).try_for_each(|piece| reframe.push(piece, &mut out));
        (out, pushed.and_then(|()| reframe.end()))
    };
    let Some((&split, rest)) = bytes.split_first() else { return };
    let (headers, payload) = rest.split_at(usize::from(split).min(rest.len()));
    let frame = framed(headers, payload);
    for stream in [bytes, &[frame.clone(), frame].concat()] {
        for inner in [Inner::Converse, Inner::Invoke] {
            let (whole, end) = events(inner, stream, stream.len().max(1));
            assert_eq!((&whole, end), (&events(inner, stream, 5).0, events(inner, stream, 5).1));
            let mut decoder = Decoder::new(usize::MAX);
            decoder.push(whole.freeze());
            while let Ok(Some(event)) = decoder.next_event() {
                assert!(event.data().is_some(), "an event has data");
            }
            assert_eq!(decoder.pending(), 0, "events are whole");
        }
    }
}

/// The first byte chooses how the rest is cut: a form has the same parts as uncut, or is refused with the same words.
pub(crate) fn form(bytes: &[u8]) {
    let Some((&size, body)) = bytes.split_first() else { return };
    let cut = parts(body, usize::from(size).max(1));
    assert_eq!(cut, parts(body, body.len().max(1)));
    if let Ok(parts) = cut {
        assert!(parts.iter().all(|(name, from, _)| !name.is_empty() && body[*from..].starts_with(b"--B")));
    }
    let (mut skeleton, mut kept) = (Skeleton::default(), Vec::new());
    body.chunks(usize::from(size).max(1)).for_each(|piece| skeleton.push(piece, &mut kept));
    assert!(kept.len() <= body.len());
    assert!(Json::parse(body).is_err() || Json::parse(&kept).is_ok());
}

type Parts = Vec<(String, usize, Vec<u8>)>;

fn parts(body: &[u8], size: usize) -> Result<Parts, BadForm> {
    let mut form = Form::new("B");
    let mut found = Parts::new();
    let mut pieces = body.chunks(size);
    loop {
        match form.step()? {
            Step::Part(part) => {
                found.push((part.name, usize::try_from(part.from).expect("a place in the body"), Vec::new()));
            }
            Step::Data(data) => found.last_mut().expect("data is of a part").2.extend_from_slice(&data),
            Step::End => return Ok(found),
            Step::More => match pieces.next() {
                Some(piece) => form.push(piece),
                None => return form.finish().map(|()| found),
            },
        }
    }
}
