//! The framing that `streamGenerateContent` has without `alt=sse`, Google's default: one JSON array, sent as it is made,
//! whose items are what else is the data of an event (<https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>,
//! [alt](https://cloud.google.com/apis/docs/system-parameters)).

use bytes::{Bytes, BytesMut};

use crate::sse::Decoder;

/// Makes one array of events. Comments have no place in it.
#[derive(Debug)]
pub struct ToArray {
    decoder: Decoder,
    began: bool,
    ended: bool,
}

impl Default for ToArray {
    fn default() -> Self {
        Self { decoder: Decoder::new(usize::MAX), began: false, ended: false }
    }
}

impl ToArray {
    /// Appends to `out` what the events in `bytes`, which may be cut anywhere, are as items.
    pub fn push(&mut self, bytes: Bytes, out: &mut BytesMut) {
        self.decoder.push(bytes);
        while let Ok(Some(event)) = self.decoder.next_event() {
            if let Some(data) = event.data() {
                let before: &[u8] = if std::mem::replace(&mut self.began, true) { b",\r\n" } else { b"[" };
                out.extend_from_slice(before);
                out.extend_from_slice(&data);
            }
        }
    }

    /// Appends the end of the array to `out`, once.
    pub fn end(&mut self, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.ended, true) {
            out.extend_from_slice(if self.began { b"]\n" } else { b"[]\n" });
        }
    }
}

/// Makes events of an array as it arrives. What is none makes events too, whose data nobody can read as chunks.
#[derive(Debug, Default)]
pub struct FromArray {
    /// The array's own bracket was seen.
    began: bool,
    /// How many objects and arrays of the item are open.
    depth: usize,
    /// Within an item.
    item: bool,
    quoted: bool,
    escaped: bool,
}

impl FromArray {
    /// Appends to `out` what the next `bytes` are as events. An event that is not whole is for later bytes to end.
    pub fn push(&mut self, bytes: &[u8], out: &mut BytesMut) {
        out.reserve(bytes.len() + 16);
        for &byte in bytes {
            if !self.item && !self.begins(byte) {
                continue;
            }
            if !std::mem::replace(&mut self.item, true) {
                out.extend_from_slice(b"data: ");
            }
            let ends = self.pass(byte);
            // Between the tokens of a document, a line end is white space; within one it is an error.
            out.extend_from_slice(&[if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }]);
            if ends {
                self.item = false;
                out.extend_from_slice(b"\r\n\r\n");
            }
        }
    }

    /// Whether `byte`, which lies between items, begins one.
    const fn begins(&mut self, byte: u8) -> bool {
        match byte {
            b'[' if !self.began => {
                self.began = true;
                false
            }
            b' ' | b'\n' | b'\r' | b'\t' | b',' | b']' => false,
            _ => true,
        }
    }

    /// Passes over a byte of an item; whether the item ends with it.
    const fn pass(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.quoted => self.escaped = true,
            b'"' => self.quoted = !self.quoted,
            _ if self.quoted => return false,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.depth == 0 && !self.quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events_of(array: &[u8], size: usize) -> Vec<u8> {
        let (mut reader, mut out) = (FromArray::default(), BytesMut::new());
        array.chunks(size).for_each(|piece| reader.push(piece, &mut out));
        out.to_vec()
    }

    fn array_of(events: &[u8], size: usize) -> Vec<u8> {
        let (mut writer, mut out) = (ToArray::default(), BytesMut::new());
        events.chunks(size).for_each(|piece| writer.push(Bytes::copy_from_slice(piece), &mut out));
        writer.end(&mut out);
        writer.end(&mut out);
        out.to_vec()
    }

    /// As Google writes it, in lines, with brackets, braces and escaped quotes in a text.
    const ARRAY: &[u8] = b"[{\n  \"a\": \"]}\\\",[{\\\\\",\n  \"b\": [{}, [1]]\n}\n,\r\n{\"c\": \"\xc3\xa9\"}\n]\n";
    const EVENTS: &[u8] =
        b"data: {   \"a\": \"]}\\\",[{\\\\\",   \"b\": [{}, [1]] }\r\n\r\ndata: {\"c\": \"\xc3\xa9\"}\r\n\r\n";

    #[test]
    fn an_array_becomes_events_however_it_is_cut() {
        for size in 1..=ARRAY.len() {
            assert_eq!(events_of(ARRAY, size), EVENTS, "{size}");
        }
        assert_eq!(events_of(b" [ ] ", 1), b"");
        let unread = events_of(b"oops", 1);
        assert!(unread.starts_with(b"data: o\r\n\r\n"), "{unread:?}");
        let cut = events_of(&ARRAY[..30], 30);
        assert!(cut.starts_with(b"data: {") && !cut.ends_with(b"\n"), "what is cut short is no event");
    }

    #[test]
    fn events_become_an_array_however_they_are_cut() {
        let commented = [b": ping\n\n", EVENTS, b"data: {\ndata: }\n\n"].concat();
        for size in 1..=commented.len() {
            let array = array_of(&commented, size);
            let read: Vec<serde_json::Value> = serde_json::from_slice(&array).expect("one array");
            assert_eq!((read.len(), &read[1]["c"]), (3, &"é".into()), "{size}");
        }
        assert_eq!(array_of(b": ping\n\n", 3), b"[]\n");
    }
}
