//! Answers: what a model of each dialect says, and what a caller of another must get; streams cut at every byte.

use std::fs;

use bytes::{Bytes, BytesMut};
use tollway_protocol::canonical::{Body, Event, Losses, Opening};
use tollway_protocol::dialect::{Dialect, ErrorTold, Head, Told, UpstreamError};
use tollway_protocol::json::Json;
use tollway_protocol::sse::{self, Decoder};

use super::compare::{MADE_UP, difference, difference_of_streams};
use super::pretty::{flat, pretty};
use super::{Case, DIALECTS, UPSTREAMS, cases, judge};

/// What the gateway makes up, as [`MADE_UP`] names it.
const MADE: [&str; 5] = ["made-id", "made-call", "1763718600", "made-model", "made-request"];
/// What a caller of Responses asked, which an answer repeats.
const ASKED: &[u8] = br#"{"model": "route", "input": "Hello?"}"#;
/// Larger than any event of a case.
const ROOM: usize = 1 << 20;

/// Calls `with` what is told of an answer.
fn told<T>(with: impl FnOnce(&Told<'_>) -> T) -> T {
    let asked = Json::parse(ASKED).expect("JSON");
    let asked = Dialect::Responses.read_request(asked, Head::default(), &mut Losses::default()).expect("a request");
    with(&Told { id: MADE[0], model: MADE[3], created: 1_763_718_600, usage: true, request: Some(&asked) })
}

fn whole(body: &[u8], from: Dialect, to: Dialect) -> Vec<u8> {
    let json = Json::parse(body).expect("JSON");
    let mut answer = from.read_answer(json).expect("an answer");
    let parts = answer.choices.iter_mut().flat_map(|choice| &mut choice.parts);
    let calls = parts.filter_map(|part| if let Body::ToolCall(call) = &mut part.body { Some(call) } else { None });
    for (number, call) in calls.enumerate() {
        call.id.get_or_insert_with(|| format!("call_{}{number}", MADE[1]).into());
    }
    told(|told| to.write_answer(&answer, told).to_bytes())
}

/// A stream that comes in `pieces`, as a caller of `to` gets it. As in the data plane, an error ends it in the caller's
/// form, and so does an end that is none.
fn streamed<'s>(pieces: impl IntoIterator<Item = &'s [u8]>, from: Dialect, to: Dialect) -> BytesMut {
    let (mut out, mut decoder, mut reader) = (BytesMut::new(), Decoder::new(ROOM), from.reader());
    let mut writer = told(|told| to.writer(told));
    let (mut over, mut failed, mut calls) = (false, None, 0);
    let mut each = |mut event: Event<'_>| {
        if let Event::Open { opening: Opening::ToolCall { id, .. }, .. } = &mut event {
            id.get_or_insert_with(|| format!("call_{}{calls}", MADE[1]).into());
            calls += 1;
        }
        over |= matches!(event, Event::End | Event::Error(_));
        match event {
            Event::Error(error) => failed = Some(error),
            event => writer.write(event, &mut out),
        }
    };
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(event) = decoder.next_event().expect("small") {
            if let Some(data) = event.data() {
                reader.read(&data, &mut each).expect("the dialect");
            }
        }
    }
    if let Some(data) = decoder.finish().and_then(|event| event.data()) {
        reader.read(&data, &mut each).expect("the dialect");
    }
    if decoder.pending() == 0 {
        reader.end(&mut each);
    }
    let broken = (!over)
        .then(|| UpstreamError { message: "The upstream's stream broke off.".to_owned(), ..UpstreamError::default() });
    if let Some(error) = failed.or(broken) {
        let told = ErrorTold {
            status: error.status.unwrap_or(502),
            message: &error.message,
            kind: error.kind.as_deref().unwrap_or("upstream_error"),
            param: None,
            code: Some(error.code.as_deref().unwrap_or("upstream_error")),
            request_id: MADE[4],
        };
        to.error_event(&told, writer.next_number(), &mut out);
    }
    out
}

/// What came out, with a word in place of what was made up.
fn draft(text: String) -> String {
    let quoted = text.replace(MADE[2], &format!("\"{}\"", MADE_UP[2]));
    MADE.iter().zip(MADE_UP).fold(quoted, |text, (made, word)| text.replace(made, word))
}

fn draft_of_stream(stream: &[u8]) -> String {
    let text = String::from_utf8(stream.to_vec()).expect("text");
    let line = |line: &str| match line.strip_prefix("data: ").map(|data| Json::parse(data.as_bytes())) {
        Some(Ok(json)) => format!("data: {}\n", flat(&json)),
        _ => format!("{line}\n"),
    };
    draft(text.lines().map(line).collect())
}

/// What is wrong with what the caller gets.
fn wrong(case: &Case, from: Dialect, (name, to, _): (&str, Dialect, &str)) -> Option<String> {
    let stream = case.file("answer.sse");
    let ending = if stream.is_some() { "sse" } else { "json" };
    let said = stream.clone().or_else(|| case.file("answer.json")).expect("an answer");
    let got = match &stream {
        Some(stream) => streamed([stream.as_slice()], from, to).to_vec(),
        None => whole(&said, from, to),
    };
    let file = format!("for-{name}.{ending}");
    let Some(expected) = case.file(&file) else {
        let draft = match &stream {
            Some(_) => draft_of_stream(&got),
            None => draft(pretty(&Json::parse(&got).expect("JSON"))),
        };
        fs::write(case.folder.join(&file), draft).expect("written");
        return Some(format!("{}: {file} was drafted", case.name));
    };
    let different = match &stream {
        Some(_) => difference_of_streams(&expected, &got),
        None => difference(&expected, &got),
    };
    let apart = stream.as_ref().is_some_and(|stream| streamed(stream.chunks(1), from, to) != got);
    let different = different.or_else(|| apart.then(|| "differs when it comes in single bytes".to_owned()));
    different.map(|what| format!("{} for {name}: {what}", case.name))
}

/// The events of a stream that comes in `pieces`, and what is left.
fn events<'s>(pieces: impl IntoIterator<Item = &'s [u8]>) -> (Vec<sse::Event>, Bytes) {
    let (mut decoder, mut events) = (Decoder::new(ROOM), Vec::new());
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(event) = decoder.next_event().expect("small") {
            events.push(event);
        }
    }
    events.extend(decoder.finish());
    (events, decoder.take_rest())
}

/// Where the stream must not be cut in two, if anywhere: its events are all that a translation sees, and their bytes are
/// what a caller of the same dialect gets.
fn cut(case: &Case) -> Option<String> {
    let stream = case.file("answer.sse")?;
    let whole = events([stream.as_slice()]);
    let bytes: Vec<u8> = whole.0.iter().flat_map(|event| event.raw.to_vec()).chain(whole.1.to_vec()).collect();
    assert_eq!(bytes, stream, "{}", case.name);
    let at = (1..stream.len()).find(|at| events([&stream[..*at], &stream[*at..]]) != whole)?;
    Some(format!("{} differs when it is cut at byte {at}", case.name))
}

fn all(model: &str) {
    let from = DIALECTS.iter().chain(&UPSTREAMS).find(|(name, ..)| *name == model).expect("a dialect").1;
    let callers: Vec<_> = DIALECTS.into_iter().filter(|(_, to, _)| *to != from).collect();
    let cases = cases(model, "answers");
    let pairs = cases.iter().flat_map(|case| callers.iter().map(move |caller| (case, *caller)));
    let wrong = pairs.filter_map(|(case, caller)| wrong(case, from, caller));
    let wrong: Vec<String> = wrong.chain(cases.iter().filter_map(cut)).collect();
    judge(&wrong, cases.len() * callers.len());
}

#[test]
fn of_upstreams() {
    UPSTREAMS.iter().for_each(|(name, ..)| all(name));
}

#[test]
fn of_chat_models() {
    all("chat");
}

#[test]
fn of_responses_models() {
    all("responses");
}

#[test]
fn of_anthropic_models() {
    all("anthropic");
}

#[test]
fn of_gemini_models() {
    all("gemini");
}
