//! One validating pass over a JSON request body, noting what the gateway must know of it.

pub use crate::malformed::{Malformed, MalformedKind};

use crate::json::{Cursor, Fault, Keys, Members, Rule, Text, Value, explain, unescape, unescape_lossy};

/// A range of byte offsets in the body.
pub type Span = std::ops::Range<usize>;

/// What the gateway knows of a request body after one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// The top-level `model`.
    pub model: Option<ModelName>,
    /// The value of `stream`; false if absent or null.
    pub stream: bool,
    /// Where the value of `stream` lies, null included.
    pub stream_span: Option<Span>,
    /// `stream_options`, if an object.
    pub stream_options: Option<StreamOptions>,
    /// Where `stream_options` is written as null.
    pub stream_options_null: Option<Span>,
    /// The array `messages`.
    pub messages: Option<Span>,
    /// The object `metadata`; null counts as absent.
    pub metadata: Option<Span>,
    /// The value of `user`, of whatever type; null counts as absent.
    pub user: Option<Span>,
    /// The offset just after the top-level `{`.
    pub after_open: usize,
    /// Whether the top-level object has no members.
    pub empty: bool,
}

/// The model that a body names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// The string, with its quotes.
    pub span: Span,
    /// The string, unescaped; a lone surrogate is U+FFFD.
    pub text: String,
}

/// The object `stream_options`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamOptions {
    /// The object, with its braces.
    pub span: Span,
    /// `include_usage` and where its value lies; null counts as false.
    pub include_usage: Option<(bool, Span)>,
    /// The offset just after the `{`.
    pub after_open: usize,
    /// Whether the object has no members.
    pub empty: bool,
}

/// Validates a whole body and notes what it holds.
///
/// The body must be one JSON object by RFC 8259, in UTF-8, at most 64 levels deep. Keys are compared as the text that
/// they stand for (`"mod\u0065l"` is `model`), by case. No key may occur twice at the top level, in `stream_options` or
/// in `metadata`: parsers differ in which of the two they obey, so the gateway would judge one and the upstream follow
/// the other. Deeper objects pass as they are. A surrogate escape without its other half passes too.
///
/// # Errors
/// [`Malformed`] on the first fault; bytes that are not UTF-8 come before any other.
pub fn peek(body: &[u8]) -> Result<Peek, Malformed> {
    read(body).map_err(|fault| explain(body, fault))
}

fn read(body: &[u8]) -> Result<Peek, Fault> {
    let mut cursor = Cursor::new(body, 0);
    match cursor.peek() {
        Some(b'{') => {}
        Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            return Err(Rule::Type("a JSON object").at(cursor.at));
        }
        Some(_) => return Err(Rule::Value.at(cursor.at)),
        None => return Err(Rule::Empty.at(cursor.at)),
    }
    let after_open = cursor.at + 1;
    let mut found = Peek::nothing(after_open);
    let mut members = Members::new(body, after_open, 1);
    let mut keys = Keys::default();
    while let Some((key, value)) = members.next()? {
        keys.add(&key)?;
        found.note(&key, &value)?;
    }
    members.end()?;
    found.empty = !members.begun();
    Ok(found)
}

impl Peek {
    const fn nothing(after_open: usize) -> Self {
        Self {
            model: None,
            stream: false,
            stream_span: None,
            stream_options: None,
            stream_options_null: None,
            messages: None,
            metadata: None,
            user: None,
            after_open,
            empty: true,
        }
    }

    #[inline]
    fn note(&mut self, key: &Text<'_>, value: &Value<'_>) -> Result<(), Fault> {
        if key.escaped { self.note_named(&unescape(key), value) } else { self.note_named(key.raw, value) }
    }

    #[inline]
    fn note_named(&mut self, key: &[u8], value: &Value<'_>) -> Result<(), Fault> {
        match key {
            b"model" => {
                let text = value.string().ok_or(Rule::Type("a string").at(value.start))?;
                self.model = Some(ModelName { span: value.span(), text: unescape_lossy(&text).into_owned() });
            }
            b"stream" => {
                self.stream = flag(value)?;
                self.stream_span = Some(value.span());
            }
            b"stream_options" if value.is_null() => self.stream_options_null = Some(value.span()),
            b"stream_options" => self.stream_options = Some(stream_options(value)?),
            b"messages" if value.first() == b'[' => self.messages = Some(value.span()),
            b"messages" => return Err(Rule::Type("an array").at(value.start)),
            b"metadata" if !value.is_null() => {
                let mut members = value.members(1).ok_or(Rule::Type("an object or null").at(value.start))?;
                let mut keys = Keys::default();
                while let Some((key, _)) = members.next()? {
                    keys.add(&key)?;
                }
                self.metadata = Some(value.span());
            }
            b"user" if !value.is_null() => self.user = Some(value.span()),
            _ => {}
        }
        Ok(())
    }
}

fn flag(value: &Value<'_>) -> Result<bool, Fault> {
    match value.first() {
        b't' => Ok(true),
        b'f' | b'n' => Ok(false),
        _ => Err(Rule::Type("true, false or null").at(value.start)),
    }
}

fn stream_options(value: &Value<'_>) -> Result<StreamOptions, Fault> {
    let mut members = value.members(1).ok_or(Rule::Type("an object or null").at(value.start))?;
    let mut keys = Keys::default();
    let mut include_usage = None;
    while let Some((key, value)) = members.next()? {
        keys.add(&key)?;
        if *unescape(&key) == *b"include_usage" {
            include_usage = Some((flag(&value)?, value.span()));
        }
    }
    Ok(StreamOptions { span: value.span(), include_usage, after_open: value.start + 1, empty: !members.begun() })
}
