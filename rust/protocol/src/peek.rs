//! One validating pass over a JSON request body, noting what the gateway must know of it.

pub use crate::malformed::{Malformed, MalformedKind};

use crate::json::{Cursor, Fault, Keys, Rule, explain, unescape, unescape_lossy};

/// A range of byte offsets in the body.
pub type Span = std::ops::Range<usize>;

/// What the gateway knows of a request body after one pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
        Some(first) if is_first(first) => return Err(Rule::Type("a JSON object").at(cursor.at)),
        Some(_) => return Err(Rule::Value.at(cursor.at)),
        None => return Err(Rule::Empty.at(cursor.at)),
    }
    let mut found = Peek::nothing(cursor.at + 1);
    let mut keys = Keys::default();
    cursor.members(0, |cursor, key| {
        keys.add(key)?;
        found.empty = false;
        if key.escaped { found.note(&unescape(key), cursor) } else { found.note(key.raw, cursor) }
    })?;
    cursor.end()?;
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

    /// Takes the value of a top-level member.
    #[inline]
    fn note(&mut self, key: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        match key {
            b"model" => self.model = Some(model(cursor)?),
            b"stream" => {
                let (on, span) = flag(cursor, 1)?;
                self.stream = on;
                self.stream_span = Some(span);
            }
            b"stream_options" => match cursor.peek() {
                Some(b'n') => self.stream_options_null = Some(cursor.pass(1)?.span()),
                _ => self.stream_options = Some(stream_options(cursor)?),
            },
            b"messages" => self.messages = Some(of_type(cursor, b"[", "an array")?),
            b"metadata" => self.metadata = metadata(cursor)?,
            b"user" => self.user = not_null(cursor)?,
            _ => drop(cursor.pass(1)?),
        }
        Ok(())
    }
}

fn model(cursor: &mut Cursor<'_>) -> Result<ModelName, Fault> {
    require(cursor, b"\"", "a string")?;
    let text = cursor.maybe_string()?.ok_or(Rule::Value.at(cursor.at))?;
    Ok(ModelName { span: text.start - 1..cursor.at, text: unescape_lossy(&text).into_owned() })
}

/// Passes over a top-level value that must begin with one of `firsts`.
fn of_type(cursor: &mut Cursor<'_>, firsts: &[u8], wanted: &'static str) -> Result<Span, Fault> {
    require(cursor, firsts, wanted)?;
    Ok(cursor.pass(1)?.span())
}

/// Refuses a value that begins as one of another type; what begins as none is left to be found malformed.
fn require(cursor: &mut Cursor<'_>, firsts: &[u8], wanted: &'static str) -> Result<(), Fault> {
    match cursor.peek() {
        Some(first) if is_first(first) && !firsts.contains(&first) => Err(Rule::Type(wanted).at(cursor.at)),
        _ => Ok(()),
    }
}

/// Whether a value of any type begins so.
const fn is_first(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}

fn not_null(cursor: &mut Cursor<'_>) -> Result<Option<Span>, Fault> {
    let null = cursor.peek() == Some(b'n');
    let span = cursor.pass(1)?.span();
    Ok((!null).then_some(span))
}

/// A boolean inside `depth` containers; null counts as false.
fn flag(cursor: &mut Cursor<'_>, depth: u32) -> Result<(bool, Span), Fault> {
    require(cursor, b"tfn", "true, false or null")?;
    let on = cursor.peek() == Some(b't');
    Ok((on, cursor.pass(depth)?.span()))
}

fn metadata(cursor: &mut Cursor<'_>) -> Result<Option<Span>, Fault> {
    require(cursor, b"{n", "an object or null")?;
    if cursor.peek() != Some(b'{') {
        return not_null(cursor);
    }
    let start = cursor.at;
    let mut keys = Keys::default();
    cursor.members(1, |cursor, key| {
        keys.add(key)?;
        cursor.pass(2).map(drop)
    })?;
    Ok(Some(start..cursor.at))
}

fn stream_options(cursor: &mut Cursor<'_>) -> Result<StreamOptions, Fault> {
    require(cursor, b"{", "an object or null")?;
    let start = cursor.at;
    let mut options = StreamOptions { span: start..start, include_usage: None, after_open: start + 1, empty: true };
    let mut keys = Keys::default();
    cursor.members(1, |cursor, key| {
        keys.add(key)?;
        options.empty = false;
        if *unescape(key) == *b"include_usage" {
            options.include_usage = Some(flag(cursor, 2)?);
        } else {
            cursor.pass(2)?;
        }
        Ok(())
    })?;
    options.span.end = cursor.at;
    Ok(options)
}
