//! Writes Server-Sent Events.

use bytes::{BufMut, BytesMut};

/// The event that ends an OpenAI stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends an event whose data is `json`, a data line for each of its lines.
pub fn data_event(json: &[u8], out: &mut BytesMut) {
    lines(b"data: ", json, out);
}

/// Appends `text` as a comment block, which clients ignore, a comment line for each of its lines.
pub fn comment(text: &[u8], out: &mut BytesMut) {
    lines(b": ", text, out);
}

fn lines(prefix: &[u8], text: &[u8], out: &mut BytesMut) {
    out.reserve(prefix.len() + text.len() + 2);
    let mut rest = text;
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        let (line, after) = rest.split_at(end);
        line_of(prefix, line, out);
        rest = after.strip_prefix(b"\r\n").or(after.get(1..)).unwrap_or_default();
    }
    line_of(prefix, rest, out);
    out.put_u8(b'\n');
}

fn line_of(prefix: &[u8], line: &[u8], out: &mut BytesMut) {
    out.put_slice(prefix);
    out.put_slice(line);
    out.put_u8(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).expect("text")
    }

    #[test]
    fn one_line() {
        assert_eq!(written(|out| data_event(b"{}", out)), "data: {}\n\n");
        assert_eq!(written(|out| comment(b"tollway {}", out)), ": tollway {}\n\n");
    }

    /// Raw, any of these would end the event early.
    #[test]
    fn line_ends_in_the_text() {
        assert_eq!(written(|out| data_event(b"{\n}\r\n\r[", out)), "data: {\ndata: }\ndata: \ndata: [\n\n");
        assert_eq!(written(|out| comment(b"a\n\nb", out)), ": a\n: \n: b\n\n");
    }
}
