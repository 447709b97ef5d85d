//! One layer of backslash escapes undone, so that what is written `joe\u0040example.com`, `joe\_doe@…` or `\n4111…` is found.
//!
//! Arguments of tool calls are JSON inside a string, tool results mostly are, and models escape `_` and `[` in Markdown. What is
//! found in the plain text is replaced in the source, at the characters that it came from.

use std::borrow::Cow;

use memchr::memchr;

/// Source text with its escapes undone.
pub(super) struct Plain<'s> {
    /// The text.
    pub(super) text: Cow<'s, str>,
    /// For each escape: where the text goes on after it, in the text and in the source.
    resumes: Vec<(usize, usize)>,
    /// How much of the source the text stands for; less than all if the source ends within an escape.
    pub(super) consumed: usize,
}

impl<'s> Plain<'s> {
    /// The text of `source`. `last`: what looks like the beginning of an escape at its end is none.
    pub(super) fn new(source: &'s str, last: bool) -> Self {
        let Some(first) = memchr(b'\\', source.as_bytes()) else {
            return Self { text: Cow::Borrowed(source), resumes: Vec::new(), consumed: source.len() };
        };
        let mut plain = Self { text: Cow::Borrowed(""), resumes: Vec::new(), consumed: first };
        let mut text = String::with_capacity(source.len());
        text.push_str(&source[..first]);
        while plain.consumed < source.len() {
            let rest = &source[plain.consumed..];
            match read_escape(rest, last) {
                Escape::Cut => break,
                Escape::Stands(c, width) => {
                    text.push(c);
                    plain.consumed += width;
                    plain.resumes.push((text.len(), plain.consumed));
                }
            }
            let rest = &source[plain.consumed..];
            let until = memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
            text.push_str(&rest[..until]);
            plain.consumed += until;
        }
        plain.text = Cow::Owned(text);
        plain
    }

    /// Where in the source the character at `index` of the text begins.
    pub(super) fn source_index(&self, index: usize) -> usize {
        match self.resumes.partition_point(|(text, _)| *text <= index).checked_sub(1) {
            Some(before) => {
                let (text, source) = self.resumes[before];
                source + (index - text)
            }
            None => index,
        }
    }
}

enum Escape {
    /// The escape goes on beyond the end.
    Cut,
    /// The source's first so many bytes stand for this character.
    Stands(char, usize),
}

/// The escape that `rest` begins with: those of JSON (RFC 8259 §7), and Markdown's of ASCII punctuation.
fn read_escape(rest: &str, last: bool) -> Escape {
    match rest.as_bytes().get(1) {
        None if last => Escape::Stands('\\', 1),
        None => Escape::Cut,
        Some(b'n') => Escape::Stands('\n', 2),
        Some(b'r') => Escape::Stands('\r', 2),
        Some(b't') => Escape::Stands('\t', 2),
        Some(b'b') => Escape::Stands('\u{8}', 2),
        Some(b'f') => Escape::Stands('\u{c}', 2),
        Some(b'u') => read_unicode(rest, last),
        Some(byte) if byte.is_ascii_punctuation() => Escape::Stands(char::from(*byte), 2),
        Some(_) => Escape::Stands('\\', 1),
    }
}

fn read_unicode(rest: &str, last: bool) -> Escape {
    let high = match read_unit(rest.as_bytes(), last) {
        Unit::Cut => return Escape::Cut,
        Unit::Wrong => return Escape::Stands('\\', 1),
        Unit::Is(unit) => unit,
    };
    if let Some(c) = char::from_u32(high) {
        return Escape::Stands(c, 6);
    }
    let low = match rest.as_bytes().get(6..) {
        Some([]) if !last => return Escape::Cut,
        Some([b'\\']) if !last => return Escape::Cut,
        Some(next @ [b'\\', b'u', ..]) => read_unit(next, last),
        _ => Unit::Wrong,
    };
    match low {
        Unit::Cut => Escape::Cut,
        Unit::Is(low @ 0xdc00..=0xdfff) if high < 0xdc00 => {
            let c = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            Escape::Stands(c.unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => Escape::Stands(char::REPLACEMENT_CHARACTER, 6),
    }
}

enum Unit {
    Cut,
    Wrong,
    Is(u32),
}

/// The UTF-16 unit of `\uXXXX`.
fn read_unit(escape: &[u8], last: bool) -> Unit {
    let mut unit = 0;
    for index in 2..6 {
        match escape.get(index).map(|byte| char::from(*byte).to_digit(16)) {
            Some(Some(digit)) => unit = unit * 16 + digit,
            None if !last => return Unit::Cut,
            _ => return Unit::Wrong,
        }
    }
    Unit::Is(unit)
}

/// `text` as the inside of a JSON string.
pub(super) fn json_escaped(text: &str) -> Cow<'_, str> {
    let special = |any, byte: u8| any | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if !text.bytes().fold(false, special) {
        return Cow::Borrowed(text);
    }
    let quoted = serde_json::Value::from(text).to_string();
    Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
}
