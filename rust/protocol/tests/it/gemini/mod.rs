//! The Gemini dialect.

mod answers;
mod aside;
mod bad;
mod foreign;
mod judged;
mod order;
mod plain;
mod property;
mod recorded;
mod requests;
mod settings;
mod streams;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tollway_protocol::canonical::{Answer, Event, Losses, Request};
use tollway_protocol::dialect::gemini::{answer, request, stream};
use tollway_protocol::dialect::{Head, ReadStream, Told, Wanted, WriteStream};
use tollway_protocol::json::{Invalid, Json};
use tollway_protocol::sse::Decoder;

const TOLD: Told<'static> = Told { id: "told-id", model: "told-model", created: 1, usage: true, request: None };

fn head(model: &str) -> Head<'_> {
    Head { model: Some(model), stream: false }
}

/// Serialised for the tests' lifetime, so that what is read may borrow from it.
fn leaked(document: &Value) -> Json<'static> {
    let bytes: &'static [u8] = document.to_string().into_bytes().leak();
    Json::parse(bytes).expect("JSON")
}

fn value(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_bytes()).expect("JSON")
}

fn read_request(document: &Value, model: &str) -> Result<Request<'static>, Invalid> {
    request::read(leaked(document), head(model))
}

/// What is written for `model`, and the names of what is lost.
fn write_request(request: &Request<'_>, model: &str) -> Result<(Value, Vec<String>), Invalid> {
    let mut losses = Losses::default();
    let written = request::write(request, &Wanted::new(model), &mut losses)?;
    Ok((value(&written), losses.names().iter().map(ToString::to_string).collect()))
}

fn read_answer(document: &Value) -> Result<Answer<'static>, Invalid> {
    answer::read(leaked(document))
}

/// All events of a stream, copied.
fn events_of<'d>(chunks: impl IntoIterator<Item = &'d [u8]>, ends: bool) -> Result<Vec<Event<'static>>, Invalid> {
    let mut reader = stream::Reader::default();
    let mut events = Vec::new();
    for chunk in chunks {
        // The copy of an event: tests alone need one.
        reader.read(chunk.to_vec().leak(), &mut |event| events.push(copied(event)))?;
    }
    if ends {
        reader.end(&mut |event| events.push(copied(event)));
    }
    Ok(events)
}

fn copied(event: Event<'_>) -> Event<'static> {
    use tollway_protocol::canonical::{Annotation, Delta, Media, Opening, Signature, Source, Stop, Text};
    let own = |text: Text<'_>| -> Text<'static> { text.into_owned().into() };
    let some = |text: Option<Text<'_>>| text.map(|text| text.into_owned().into());
    let media = |media: Media<'_>| {
        let source = match media.source {
            Source::Base64(data) => Source::Base64(own(data)),
            Source::Url(url) => Source::Url(own(url)),
            Source::File(id) => Source::File(own(id)),
            other => panic!("{other:?}"),
        };
        Media { name: some(media.name), ..Media::new(source, some(media.mime)) }
    };
    match event {
        Event::Start { id, model, created } => Event::Start { id: some(id), model: some(model), created },
        Event::Open { choice, part, opening } => {
            let opening = match opening {
                Opening::Text => Opening::Text,
                Opening::Refusal => Opening::Refusal,
                Opening::Reasoning { id, redacted } => Opening::Reasoning { id: some(id), redacted },
                Opening::ToolCall { id, name, kind, item } => {
                    Opening::ToolCall { id: some(id), name: own(name), kind, item: some(item) }
                }
                Opening::Image(image) => Opening::Image(media(image)),
                Opening::Audio(audio) => Opening::Audio(media(audio)),
                Opening::Foreign(dialect, json) => Opening::Foreign(dialect, json.into_owned()),
            };
            Event::Open { choice, part, opening }
        }
        Event::Delta { choice, part, delta } => {
            let delta = match delta {
                Delta::Text(text) => Delta::Text(own(text)),
                Delta::Summary(index, text) => Delta::Summary(index, own(text)),
                Delta::Arguments(text) => Delta::Arguments(own(text)),
                Delta::Annotation(Annotation { url, title, cited, span, origin }) => Delta::Annotation(Annotation {
                    url: some(url),
                    title: some(title),
                    cited: some(cited),
                    span,
                    origin: (origin.0, origin.1.into_owned()),
                }),
                Delta::Signature(Signature { origin, value }) => {
                    Delta::Signature(Signature { origin, value: own(value) })
                }
                Delta::Rest(_) => panic!("Gemini tells none"),
            };
            Event::Delta { choice, part, delta }
        }
        Event::Close { choice, part } => Event::Close { choice, part },
        Event::Rest(_) => panic!("Gemini tells none"),
        Event::Logprobs { choice, json } => Event::Logprobs { choice, json: json.into_owned() },
        Event::Stop { choice, stop } => Event::Stop {
            choice,
            stop: Stop {
                reason: stop.reason,
                sequence: some(stop.sequence),
                word: some(stop.word),
                detail: some(stop.detail),
            },
        },
        Event::Usage(usage) => Event::Usage(usage),
        Event::Error(error) => Event::Error(error),
        Event::End => Event::End,
    }
}

/// What a writer makes of events.
fn written(events: &[Event<'static>], mut writer: stream::Writer) -> Vec<u8> {
    let mut out = BytesMut::new();
    events.iter().for_each(|event| writer.write(event.clone(), &mut out));
    out.to_vec()
}

/// The data of the events in a stream's bytes.
fn data_of(bytes: &[u8], cut: usize) -> Vec<Bytes> {
    let mut decoder = Decoder::new(1 << 24);
    let mut data = Vec::new();
    for piece in bytes.chunks(cut.max(1)) {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(event) = decoder.next_event().expect("small") {
            data.extend(event.data());
        }
    }
    data.extend(decoder.finish().and_then(|event| event.data()));
    assert!(decoder.take_rest().is_empty(), "ends between events");
    data
}

fn chunks_of(bytes: &[u8]) -> Vec<Value> {
    data_of(bytes, bytes.len()).iter().map(|data| serde_json::from_slice(data).expect("JSON")).collect()
}

/// What a stream is as one array.
fn array_of(events: &[u8]) -> Vec<u8> {
    let (mut array, mut out) = (tollway_protocol::dialect::gemini::stream::ToArray::default(), BytesMut::new());
    array.push(events.to_vec().into(), &mut out);
    array.end(&mut out);
    out.to_vec()
}
