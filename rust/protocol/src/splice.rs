//! The client's body made the upstream's: the smallest edits, everything else byte-identical and, in a large body,
//! uncopied.

use bytes::Bytes;

use crate::peek::{Peek, Span};

/// Up to this size one copy costs less than the segments would further on, in writes and bookkeeping.
const CONTIGUOUS: usize = 16 * 1024;

/// Two edits cut a body into three pieces and put two in between.
const MOST: usize = 5;

/// A model name as a JSON string, quoted and escaped once, to be written into many bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelJson(Bytes);

impl ModelJson {
    /// The JSON string that stands for `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Bytes::from(serde_json::Value::from(name).to_string()))
    }

    /// `json`, which is a JSON string already, and lasts: copies of it are counted nowhere.
    #[must_use]
    pub const fn of_json(json: &'static str) -> Self {
        Self(Bytes::from_static(json.as_bytes()))
    }

    /// The JSON, with its quotes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

/// A body as consecutive slices, none of them empty.
#[derive(Debug, Clone, Default)]
pub struct Segments {
    parts: [Bytes; MOST],
    count: usize,
    len: usize,
}

impl Segments {
    fn push(&mut self, part: Bytes) {
        if part.is_empty() {
            return;
        }
        if let Some(slot) = self.parts.get_mut(self.count) {
            self.len += part.len();
            self.count += 1;
            *slot = part;
        }
    }

    /// The bytes of all segments together.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The segments, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Bytes] {
        self.parts.get(..self.count).unwrap_or_default()
    }

    /// The whole as one. Copies nothing if there is one segment, which is so up to 16 KiB; else copies all.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            parts => Bytes::from(parts.concat()),
        }
    }
}

impl From<Bytes> for Segments {
    fn from(body: Bytes) -> Self {
        let mut segments = Self::default();
        segments.push(body);
        segments
    }
}

impl IntoIterator for Segments {
    type Item = Bytes;
    type IntoIter = std::iter::Take<std::array::IntoIter<Bytes, MOST>>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter().take(self.count)
    }
}

/// Bytes to write in place of a span of the body; an empty span inserts.
struct Edit {
    span: Span,
    with: Bytes,
}

/// The body for an upstream that knows the model as `model`.
///
/// The value of `model` is replaced, if there is one. With `ask_usage`, a streaming body gets
/// `stream_options.include_usage` true: a false or null is replaced; else the member goes first in its object, so that
/// no comma need be looked for. `peek` must be of this very `body`.
#[must_use]
pub fn for_upstream(body: &Bytes, peek: &Peek, model: &ModelJson, ask_usage: bool) -> Segments {
    let model = peek.model.as_ref().and_then(|name| edit_model(body, &name.span, model));
    let usage = if ask_usage && peek.stream { edit_usage(peek) } else { None };
    match (model, usage) {
        (None, None) => Segments::from(body.clone()),
        (Some(only), None) | (None, Some(only)) => apply(body, &[only]),
        (Some(model), Some(usage)) if model.span.start < usage.span.start => apply(body, &[model, usage]),
        (Some(model), Some(usage)) => apply(body, &[usage, model]),
    }
}

fn edit_model(body: &Bytes, span: &Span, model: &ModelJson) -> Option<Edit> {
    let same = body.get(span.clone()) == Some(&model.0[..]);
    (!same).then(|| Edit { span: span.clone(), with: model.0.clone() })
}

fn edit_usage(peek: &Peek) -> Option<Edit> {
    let edit = |span: Span, with: &'static [u8]| Some(Edit { span, with: Bytes::from_static(with) });
    let Some(options) = &peek.stream_options else {
        return match &peek.stream_options_null {
            Some(null) => edit(null.clone(), br#"{"include_usage":true}"#),
            // A body that streams has a member, so a comma is due.
            None => edit(peek.after_open..peek.after_open, br#""stream_options":{"include_usage":true},"#),
        };
    };
    let inside = options.after_open..options.after_open;
    match &options.include_usage {
        Some((true, _)) => None,
        Some((false, span)) => edit(span.clone(), b"true"),
        None if options.empty => edit(inside, br#""include_usage":true"#),
        None => edit(inside, br#""include_usage":true,"#),
    }
}

/// The body with `edits` made, which do not overlap and stand in the body's order.
fn apply(body: &Bytes, edits: &[Edit]) -> Segments {
    let len = edits.iter().fold(body.len(), |len, edit| len + edit.with.len() - edit.span.len());
    let mut at = 0;
    if len <= CONTIGUOUS {
        let mut whole = Vec::with_capacity(len);
        for edit in edits {
            whole.extend_from_slice(body.get(at..edit.span.start).unwrap_or_default());
            whole.extend_from_slice(&edit.with);
            at = edit.span.end;
        }
        whole.extend_from_slice(body.get(at..).unwrap_or_default());
        return Segments::from(Bytes::from(whole));
    }
    let mut segments = Segments::default();
    for edit in edits {
        segments.push(body.slice(at..edit.span.start));
        segments.push(edit.with.clone());
        at = edit.span.end;
    }
    segments.push(body.slice(at..));
    segments
}
