//! Anthropic Messages.

mod answers;
mod arbitrary;
mod bad_input;
mod documents;
mod emulated;
mod media;
mod recorded;
mod requests;
mod round_trip;
mod streams;
mod thinking;
mod tools;
mod upstreams;
mod validity;

use serde_json::Value;
use tollway_protocol::canonical::{Losses, Request};
use tollway_protocol::dialect::{Head, Told, Wanted, anthropic};
use tollway_protocol::json::{Invalid, Json};

const TOLD: Told<'static> = Told { id: "t1", model: "told-model", created: 0, usage: false, request: None };

fn json(text: &str) -> Json<'_> {
    Json::parse(text.as_bytes()).expect("JSON")
}

fn tree(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_bytes()).expect("JSON")
}

/// A value without its nulls, which count as absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn read(text: &str) -> Result<Request<'_>, Invalid> {
    anthropic::request::read(json(text), Head::default())
}

/// What is sent to `model` for a canonical request, and what was lost.
fn sent(request: &Request<'_>, model: &str) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let written = anthropic::request::write(request, &Wanted::new(model), &mut losses).expect("can be said");
    (tree(&written), losses.names().iter().map(ToString::to_string).collect())
}
