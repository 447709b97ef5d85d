//! What all tests of the guardrails share.

mod entities;
mod escape;
mod events;
mod properties;
mod refusal;
mod stream;
mod stream_shapes;
mod whole;
mod window;

use bytes::BytesMut;
use serde_json::{Value, json};

use super::memory::Memory;
use super::window::{Flags, Form, Treatment, Window, treat_whole};
use super::{Action, Entity, GuardSpec, Guards, Kind, On, OnFailure, Refusal, StreamGuard};

/// A guardrail for all entities, failing closed.
fn spec(on: On, action: Action, restore: bool) -> GuardSpec {
    GuardSpec { kind: Kind::Pii, entities: Entity::ALL.to_vec(), on, action, restore, on_failure: OnFailure::Closed }
}

fn guards(on: On, action: Action) -> Guards {
    Guards::compile(&[spec(on, action, false)])
}

fn masking() -> Guards {
    guards(On::Both, Action::Mask)
}

fn restoring() -> Guards {
    Guards::compile(&[spec(On::Both, Action::Mask, true)])
}

/// Runs `run` with the treatment that masks (or restores, from `memory`) text of an answer.
fn treated<T>(memory: &mut Memory, run: impl FnOnce(&mut Treatment<'_>) -> T) -> T {
    let plan = super::contract::Plan::new(&[spec(On::Output, Action::Mask, false)]);
    let restore = memory.restores_any();
    run(&mut Treatment {
        checks: plan.output,
        restore,
        restorable: [false; Entity::COUNT],
        memory,
        flags: &mut Flags::default(),
    })
}

/// `text` with its entities masked.
fn masked(text: &str) -> String {
    let whole = treated(&mut Memory::default(), |treatment| treat_whole(text, Form::Plain, treatment));
    whole.unwrap().unwrap_or_else(|| text.to_owned())
}

/// `pieces`, one after the other through a window; what went out after each, and at the end.
fn windowed(pieces: &[&str], form: Form, memory: &mut Memory) -> Vec<String> {
    treated(memory, |treatment| {
        let mut window = Window::new(form);
        let mut out = Vec::new();
        for piece in pieces {
            let mut text = String::new();
            window.push(piece, treatment, &mut text).unwrap();
            out.push(text);
        }
        let mut text = String::new();
        window.finish(treatment, &mut text).unwrap();
        out.push(text);
        out
    })
}

/// All ways to cut `text` in two.
fn cuts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).map(|at| text.split_at(at))
}

/// An event of a streamed answer with `delta` for its only choice.
fn event(delta: &Value, finish: Option<&str>) -> String {
    let data = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    });
    format!("data: {data}\n\n")
}

/// A stream whose `content` comes in `pieces`, and which ends as OpenAI's do.
fn content_events(pieces: &[&str]) -> Vec<String> {
    let mut events = vec![event(&json!({ "role": "assistant", "content": "" }), None)];
    events.extend(pieces.iter().map(|piece| event(&json!({ "content": piece }), None)));
    events.push(event(&json!({}), Some("stop")));
    events
}

/// The data of a raw event.
fn data_of(event: &str) -> &str {
    event.trim_end().strip_prefix("data: ").unwrap()
}

/// Sends `events` through `guard`, to its end.
fn run(guard: &mut StreamGuard, events: &[String]) -> (String, Result<(), Refusal>) {
    let mut out = BytesMut::new();
    let mut result = Ok(());
    for event in events {
        result = guard.event(event.as_bytes(), data_of(event).as_bytes(), &mut out);
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = guard.done(&mut out);
    }
    (String::from_utf8(out.to_vec()).unwrap(), result)
}

/// The events of `stream` as JSON.
fn parsed(stream: &str) -> Vec<Value> {
    stream
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

/// What a client that joins `field` of the first choice's deltas has in the end.
fn joined(stream: &str, field: &str) -> String {
    parsed(stream)
        .iter()
        .filter_map(|event| event["choices"][0]["delta"].pointer(field)?.as_str().map(str::to_owned))
        .collect()
}
