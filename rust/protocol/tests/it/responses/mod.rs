//! The dialect of `OpenAI` Responses.

mod answers;
mod arbitrary;
mod from_others;
mod reads;
mod recorded;
mod refused;
mod requests;
mod streams;

use std::borrow::Cow;

use serde_json::Value;
use tollway_protocol::canonical::{Losses, Message, Part, Request, Role};
use tollway_protocol::dialect::responses::request;
use tollway_protocol::dialect::{Head, Told, Wanted};
use tollway_protocol::json::{Invalid, Json};

/// What the gateway says, the same in all tests.
pub(crate) fn told() -> Told<'static> {
    Told { id: "abc", model: "m", created: 7, usage: false, request: None }
}

pub(crate) fn parse(text: &str) -> Json<'_> {
    Json::parse(text.as_bytes()).expect("JSON")
}

pub(crate) fn value(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_bytes()).expect("JSON")
}

pub(crate) fn read(text: &str) -> Result<Request<'_>, Invalid> {
    request::read(parse(text), Head::default())
}

/// What reaches the upstream, and what was lost on the way.
pub(crate) fn sent(request: &Request<'_>) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let written = request::write(request, &Wanted::new("gpt-5.2"), &mut losses).expect("it can be said");
    (value(&written), losses.names().iter().map(ToString::to_string).collect())
}

/// A request as another dialect would read it.
pub(crate) fn foreign(messages: Vec<Message<'static>>) -> Request<'static> {
    Request::new(Cow::Borrowed("m"), messages)
}

pub(crate) fn message(role: Role, parts: Vec<Part<'static>>) -> Message<'static> {
    Message::new(role, parts)
}

/// Without nulls, and what else reading and writing leave out.
pub(crate) fn lean(mut value: Value) -> Value {
    if let Some(request) = value.as_object_mut() {
        if request.get("stream") == Some(&Value::Bool(false)) {
            request.remove("stream");
        }
        for name in ["tools", "include"] {
            if request.get(name).is_some_and(|list| list.as_array().is_some_and(Vec::is_empty))
                && !request.contains_key("output")
            {
                request.remove(name);
            }
        }
        if let Some(created) = request.get("created_at").and_then(Value::as_f64) {
            request
                .insert("created_at".to_owned(), Value::from(created.trunc().to_string().parse::<u64>().unwrap_or(0)));
        }
    }
    without_nulls(&mut value);
    value
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
