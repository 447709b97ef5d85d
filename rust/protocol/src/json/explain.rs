//! Makes a fault into a [`Malformed`] that its reader can act on. Only on refusal, so it may take its time: the path is
//! not kept while parsing but found by parsing once more, up to the fault.

use std::fmt::Write;

use super::{Cursor, Fault, MAX_DEPTH, Rule, Text, Visit, unescape_lossy};
use crate::malformed::{Malformed, MalformedKind};

const MAX_KEY: usize = 64;

/// Describes `fault` in `body`.
#[cold]
pub(crate) fn explain(body: &[u8], fault: Fault) -> Malformed {
    // Bytes that are not text make whatever rule they broke beside the point.
    let fault = match std::str::from_utf8(body) {
        Ok(_) => fault,
        Err(error) => Rule::Utf8.at(error.valid_up_to()),
    };
    let param = path(body, fault);
    let message = message(body, fault, &param);
    Malformed { kind: kind(fault.rule), offset: fault.at, param, message }
}

const fn kind(rule: Rule) -> MalformedKind {
    match rule {
        Rule::Utf8 => MalformedKind::NotUtf8,
        Rule::TooDeep => MalformedKind::TooDeep,
        Rule::Duplicate => MalformedKind::DuplicateKey,
        Rule::Type(_) => MalformedKind::WrongType,
        _ => MalformedKind::Syntax,
    }
}

fn message(body: &[u8], fault: Fault, param: &str) -> String {
    let (line, column) = line_and_column(body, fault.at);
    let place = format!("at line {line}, column {column} (byte {})", fault.at);
    let inside = if param == "body" { String::new() } else { format!(", in \"{param}\"") };
    let (what, remedy) = words(body, fault);
    match fault.rule {
        Rule::Utf8 => format!("The body is not valid UTF-8 {place}{inside}. {remedy}"),
        Rule::TooDeep => format!("The body is nested too deeply {place}{inside}: {what}. {remedy}"),
        Rule::Duplicate => format!("The key \"{param}\" occurs twice, the second time {place}. {remedy}"),
        Rule::Type(wanted) if param == "body" => format!("The body must be {wanted}. {remedy}"),
        Rule::Type(wanted) => format!("\"{param}\" must be {wanted}, {place}. {remedy}"),
        _ => format!("The body is not valid JSON {place}{inside}: {what}. {remedy}"),
    }
}

/// What was expected, and what to do.
fn words(body: &[u8], fault: Fault) -> (String, &'static str) {
    let ended = fault.at >= body.len();
    let marked = body.starts_with(b"\xef\xbb\xbf") && fault.at == 0;
    let expected = |what: &str| {
        if ended { format!("the body ends where {what} is expected") } else { format!("{what} is expected here") }
    };
    match fault.rule {
        Rule::Empty => ("there is nothing but white space".into(), "Send a JSON object."),
        Rule::Value if marked => ("it begins with a byte order mark".into(), "Send it without one."),
        Rule::Value if ended => (expected("a value"), "Send the whole document."),
        Rule::Value => (expected("a value"), "Write one, or remove the comma before it."),
        Rule::ObjectNext => (expected("',' or '}'"), "Separate members with commas and close each object."),
        Rule::ArrayNext => (expected("',' or ']'"), "Separate items with commas and close each array."),
        Rule::Key => (expected("a key in double quotes"), "Quote each key, and write no comma after the last member."),
        Rule::Colon => (expected("':'"), "Write a colon between a key and its value."),
        Rule::Literal => (expected("true, false or null"), "Quote text; write literals in lower case."),
        Rule::Number => ("this is not a number".into(), "Write numbers as -12, 0.5 or 1e9."),
        Rule::Escape => {
            ("a backslash begins no escape".into(), "Write \\\\ for a backslash, and \\uXXXX with four digits.")
        }
        Rule::Control => ("a string holds a raw control character".into(), "Write \\n, \\t or \\u00XX for it."),
        Rule::Unterminated => ("this string is never closed".into(), "Close it with a double quote."),
        Rule::Trailing => ("more follows the document's end".into(), "Send one JSON document and nothing after it."),
        Rule::Utf8 => (String::new(), "Encode the body as UTF-8."),
        Rule::TooDeep => (format!("over {MAX_DEPTH} levels"), "Flatten it, or send the inner part as a string."),
        Rule::Duplicate => (String::new(), "Keep one of the two."),
        Rule::Type(_) => (String::new(), "Correct it and send the request again."),
    }
}

/// Both from 1; columns in characters.
fn line_and_column(body: &[u8], at: usize) -> (usize, usize) {
    let before = body.get(..at).unwrap_or(body);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    let column = String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count() + 1;
    (line, column)
}

fn path(body: &[u8], fault: Fault) -> String {
    let mut cursor = Cursor::new(up_to(body, fault), 0);
    let mut trace = Trace::default();
    // It ends with the fault, or with the end of what was cut off there: either way the trace then stands at the fault.
    let _ = cursor.document(&mut trace);
    trace.path()
}

/// As much of the body as leads the trace to the fault: a rule of syntax stops it by itself.
fn up_to(body: &[u8], fault: Fault) -> &[u8] {
    let end = match fault.rule {
        Rule::Duplicate => {
            let mut cursor = Cursor::new(body, fault.at + 1);
            // The colon too: a key counts as read with it.
            let _ = cursor.string().and_then(|_| cursor.expect(b':', Rule::Colon));
            cursor.at
        }
        Rule::Type(_) | Rule::Utf8 => fault.at,
        _ => body.len(),
    };
    body.get(..end).unwrap_or(body)
}

/// The keys and indexes that lead to the place where parsing stands.
#[derive(Default)]
struct Trace<'a> {
    frames: Vec<Frame<'a>>,
}

enum Frame<'a> {
    /// A member's key, once read.
    Key(Option<Text<'a>>),
    Index(usize),
}

impl<'a> Visit<'a> for Trace<'a> {
    fn open(&mut self, object: bool) {
        self.frames.push(if object { Frame::Key(None) } else { Frame::Index(0) });
    }

    fn key(&mut self, key: Text<'a>) {
        self.frames.pop();
        self.frames.push(Frame::Key(Some(key)));
    }

    fn next(&mut self) {
        match self.frames.last_mut() {
            Some(Frame::Key(key)) => *key = None,
            Some(Frame::Index(index)) => *index += 1,
            None => {}
        }
    }

    fn close(&mut self) {
        self.frames.pop();
    }
}

impl Trace<'_> {
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            match frame {
                Frame::Key(None) => {}
                Frame::Key(Some(key)) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    push_key(key, &mut path);
                }
                Frame::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        if path.is_empty() { "body".into() } else { path }
    }
}

/// A key, cut short and with nothing in it that could disturb a log line.
fn push_key(key: &Text<'_>, path: &mut String) {
    let name = unescape_lossy(key);
    let safe = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
    path.extend(name.chars().take(MAX_KEY).map(safe));
    if name.chars().nth(MAX_KEY).is_some() {
        path.push('…');
    }
}
