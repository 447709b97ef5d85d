//! Chat completions, embeddings and text completions: read into the canonical form, and written from it.

mod answers;
mod bad;
mod completions;
mod embeddings;
mod fold;
mod foreign;
mod generated;
mod identity;
mod quirks;
mod requests;
mod streams;

use bytes::BytesMut;
use serde_json::Value;
use tollway_protocol::canonical::{Answer, Event, Losses, Request};
use tollway_protocol::dialect::openai::{answer, request, stream};
use tollway_protocol::dialect::{Head, ReadStream, Told, Wanted, WriteStream};
use tollway_protocol::json::{Invalid, Json};

const TOLD: Told<'static> = Told { id: "abc", model: "told-model", created: 1_700_000_000, usage: true, request: None };

fn tree(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_bytes()).expect("JSON is written")
}

fn parse(text: &str) -> Json<'_> {
    Json::parse(text.as_bytes()).expect("JSON")
}

fn read_request(text: &str) -> Result<Request<'_>, Invalid> {
    request::read(parse(text), Head::default())
}

/// What a request is upstream, and what is lost on the way.
fn write_request(request: &Request<'_>, model: &str) -> Result<(Value, Vec<String>), Invalid> {
    let mut losses = Losses::default();
    let written = request::write(request, &Wanted::new(model), &mut losses)?;
    Ok((tree(&written), losses.names().iter().map(ToString::to_string).collect()))
}

fn read_answer(text: &str) -> Result<Answer<'_>, Invalid> {
    answer::read(parse(text))
}

fn write_answer(answer: &Answer<'_>) -> Value {
    tree(&answer::write(answer, &TOLD))
}

/// Hands each event of a stream on, as it is read from the datas.
fn each_event<'d>(datas: impl IntoIterator<Item = &'d [u8]>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
    let mut reader = stream::Reader::default();
    for data in datas {
        reader.read(data, each)?;
    }
    reader.end(each);
    Ok(())
}

/// The events of a stream, as they would be printed: events borrow from what is read.
fn told_events(datas: &[&str]) -> Result<Vec<String>, Invalid> {
    let mut told = Vec::new();
    each_event(datas.iter().map(|data| data.as_bytes()), &mut |event| told.push(format!("{event:?}")))?;
    Ok(told)
}

/// A stream, read and written again.
fn again<'d>(datas: impl IntoIterator<Item = &'d [u8]>) -> Result<String, Invalid> {
    let mut writer = stream::Writer::new(&TOLD);
    let mut out = BytesMut::new();
    each_event(datas, &mut |event| writer.write(event, &mut out))?;
    Ok(String::from_utf8(out.to_vec()).expect("text"))
}

/// What events are as a stream.
fn written(events: Vec<Event<'_>>) -> String {
    let mut writer = stream::Writer::new(&TOLD);
    let mut out = BytesMut::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out.to_vec()).expect("text")
}

/// The datas of a stream as text.
fn datas(stream: &str) -> Vec<&str> {
    stream.lines().filter_map(|line| line.trim_start().strip_prefix("data:")).map(str::trim).collect()
}
