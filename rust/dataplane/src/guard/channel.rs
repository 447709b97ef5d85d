//! The texts of a stream: one channel for each string that events continue.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::contract::Refusal;
use super::escape::json_escaped;
use super::fields;
use super::shape::{Place, choice_of};
use super::window::{Form, Treatment, Window};

/// One text of a stream, by where its pieces stand: choice, field, and for a tool call its index.
pub(super) struct Channel {
    pub(super) path: Vec<Place>,
    pub(super) window: Window,
}

impl Channel {
    pub(super) fn new(path: Vec<Place>, form: Form) -> Self {
        Self { path, window: Window::new(form) }
    }

    pub(super) fn choice(&self) -> u64 {
        choice_of(&self.path)
    }

    pub(super) fn is_reasoning(&self) -> bool {
        fields::is_reasoning(&self.path)
    }

    /// Whether this is reasoning of the same choice of which something is held.
    pub(super) fn is_reasoned_before(&self, answer: &Self) -> bool {
        self.window.is_holding() && self.is_reasoning() && self.choice() == answer.choice()
    }

    /// Lets go of what is held, as an event of its own behind `out`. `like` is the data of an event of this stream.
    pub(super) fn release(
        &mut self,
        like: &[u8],
        treatment: &mut Treatment<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let mut text = String::new();
        self.window.finish(treatment, &mut text)?;
        if !text.is_empty() {
            out.extend_from_slice(b"data: ");
            self.write_event(like, &text, out);
            out.extend_from_slice(b"\n\n");
        }
        Ok(())
    }

    /// An event that adds `text` to this channel, and to nothing else: clients join names and identifiers too, so that the
    /// last event with another text in it would not do.
    fn write_event(&self, like: &[u8], text: &str, out: &mut Vec<u8>) {
        let envelope: Envelope<'_> = serde_json::from_slice(like).unwrap_or_default();
        out.push(b'{');
        for (name, value) in envelope.members() {
            out.extend_from_slice(format!("\"{name}\":{},", value.get()).as_bytes());
        }
        out.extend_from_slice(format!("\"choices\":[{{\"index\":{},", self.choice()).as_bytes());
        write_members(self.path.get(2..).unwrap_or_default(), text, out);
        out.extend_from_slice(b",\"finish_reason\":null}]}");
    }
}

/// The members of every event of a stream that say which stream it is.
#[derive(Default, Deserialize)]
struct Envelope<'e> {
    #[serde(borrow)]
    id: Option<&'e RawValue>,
    object: Option<&'e RawValue>,
    created: Option<&'e RawValue>,
    model: Option<&'e RawValue>,
    system_fingerprint: Option<&'e RawValue>,
    service_tier: Option<&'e RawValue>,
}

impl<'e> Envelope<'e> {
    fn members(&self) -> impl Iterator<Item = (&'static str, &'e RawValue)> {
        [
            ("id", self.id),
            ("object", self.object),
            ("created", self.created),
            ("model", self.model),
            ("system_fingerprint", self.system_fingerprint),
            ("service_tier", self.service_tier),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// The member, without braces, that leads along `path` to `text`.
fn write_members(path: &[Place], text: &str, out: &mut Vec<u8>) {
    match path.split_first() {
        Some((Place::Key(key), rest)) => {
            write_string(key, out);
            out.push(b':');
            write_value(rest, text, out);
        }
        _ => write_string(text, out),
    }
}

fn write_value(path: &[Place], text: &str, out: &mut Vec<u8>) {
    match path.split_first() {
        None => write_string(text, out),
        Some((Place::Key(_), _)) => {
            out.push(b'{');
            write_members(path, text, out);
            out.push(b'}');
        }
        Some((Place::At(_), rest)) => {
            out.push(b'[');
            write_value(rest, text, out);
            out.push(b']');
        }
        Some((Place::Index(index), rest)) => {
            out.extend_from_slice(format!("[{{\"index\":{index},").as_bytes());
            write_members(rest, text, out);
            out.extend_from_slice(b"}]");
        }
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(json_escaped(text).as_bytes());
    out.push(b'"');
}
