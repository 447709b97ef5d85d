//! Strings as they were before they were written as JSON.

use std::borrow::Cow;

use super::{Text, scan};

/// The bytes that a string stands for, for comparison. A lone surrogate becomes the three bytes that UTF-8 would have
/// for it (as in WTF-8), so that distinct strings stay distinct.
pub(crate) fn unescape<'a>(text: &Text<'a>) -> Cow<'a, [u8]> {
    if !text.escaped {
        return Cow::Borrowed(text.raw);
    }
    let mut out = Vec::with_capacity(text.raw.len());
    decode(text.raw, &mut out, |surrogate, out| {
        out.extend([0xed, 0x80 | (surrogate >> 6 & 0x3f) as u8, 0x80 | (surrogate & 0x3f) as u8]);
    });
    Cow::Owned(out)
}

/// The text that a string stands for. A lone surrogate, which no text can hold, becomes U+FFFD.
pub(crate) fn unescape_lossy<'a>(text: &Text<'a>) -> Cow<'a, str> {
    let raw = String::from_utf8_lossy(text.raw);
    if text.escaped { Cow::Owned(unescape_str(&raw)) } else { raw }
}

/// The same of a string that is known to be UTF-8.
pub(super) fn unescape_str(raw: &str) -> String {
    let mut out = Vec::with_capacity(raw.len());
    decode(raw.as_bytes(), &mut out, |_, out| push_char(char::REPLACEMENT_CHARACTER, out));
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn decode(raw: &[u8], out: &mut Vec<u8>, lone: impl Fn(u32, &mut Vec<u8>)) {
    let mut rest = raw;
    // In a string, a backslash is all that stops; where many do, this finds the next sooner than memchr.
    while let Some((before, escape)) =
        rest.split_at_checked(scan::stop::<false>(rest, 0)).filter(|(_, it)| !it.is_empty())
    {
        out.extend_from_slice(before);
        rest = escape.get(2..).unwrap_or_default();
        match escape.get(1) {
            Some(b'b') => out.push(0x08),
            Some(b'f') => out.push(0x0c),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b'u') => rest = decode_unit(rest, out, &lone),
            Some(&same) => out.push(same),
            None => {}
        }
    }
    out.extend_from_slice(rest);
}

/// Decodes the four digits that `rest` begins with, and the other half of a surrogate pair if it follows. Gives what
/// lies behind.
fn decode_unit<'a>(rest: &'a [u8], out: &mut Vec<u8>, lone: impl Fn(u32, &mut Vec<u8>)) -> &'a [u8] {
    let (unit, mut rest) = hex(rest);
    match unit {
        0xd800..=0xdbff => match rest.strip_prefix(b"\\u").map(hex) {
            Some((low @ 0xdc00..=0xdfff, behind)) => {
                let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                push_char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), out);
                rest = behind;
            }
            _ => lone(unit, out),
        },
        _ => match char::from_u32(unit) {
            Some(char) => push_char(char, out),
            None => lone(unit, out),
        },
    }
    rest
}

fn hex(bytes: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = bytes.split_at_checked(4).unwrap_or((bytes, &[]));
    let unit = digits.iter().fold(0, |unit, &digit| unit << 4 | char::from(digit).to_digit(16).unwrap_or_default());
    (unit, rest)
}

fn push_char(char: char, out: &mut Vec<u8>) {
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &str) -> Text<'_> {
        Text { raw: raw.as_bytes(), start: 0, escaped: raw.contains('\\') }
    }

    #[test]
    fn escapes() {
        for (raw, plain) in [
            ("", ""),
            ("plain é", "plain é"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"mod\u0065l", "model"),
            (r"\u00e9\u20AC\uD83D\uDE00!", "é€😀!"),
            (r"\u0000", "\0"),
            (r"\\u0041", r"\u0041"),
        ] {
            assert_eq!(unescape_lossy(&text(raw)), plain);
            assert_eq!(&*unescape(&text(raw)), plain.as_bytes());
        }
    }

    #[test]
    fn lone_surrogates() {
        for (raw, lossy) in [
            (r"\ud800", "\u{fffd}"),
            (r"\udc00x", "\u{fffd}x"),
            (r"\ud800\ud83d\ude00", "\u{fffd}😀"),
            (r"\ud800\u0041", "\u{fffd}A"),
            (r"\ud800\n", "\u{fffd}\n"),
        ] {
            assert_eq!(unescape_lossy(&text(raw)), lossy, "{raw}");
        }
        assert_ne!(unescape(&text(r"\ud800")), unescape(&text(r"\ud801")));
        assert_ne!(unescape(&text(r"\ud800")), unescape(&text(r"\ufffd")));
    }
}
