//! JSON without its long strings, made as it passes: what a picture or a recording holds is left out, what is said beside it
//! stays.

/// Strings of more bytes than this are left out: none that is read for its meaning is longer.
const LONG: usize = 1024;

/// Copies JSON, in whatever pieces it comes, but for what its long strings hold.
///
/// Several documents may follow one another, one a line or as Server-Sent Events: a line's end, which no string of JSON
/// holds as it is, ends a string. Of what is no JSON a copy is made that means nothing.
#[derive(Debug, Default)]
pub struct Skeleton {
    /// What of the present string has come; none outside of one.
    string: Option<Vec<u8>>,
    is_long: bool,
    /// Whether the next byte is escaped.
    escaped: bool,
}

impl Skeleton {
    /// Adds to `out` what is kept of `data`.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let mut rest = data;
        while !rest.is_empty() {
            rest = if self.string.is_some() { self.inside(rest, out) } else { self.outside(rest, out) };
        }
    }

    fn outside<'d>(&mut self, data: &'d [u8], out: &mut Vec<u8>) -> &'d [u8] {
        let Some(quote) = memchr::memchr(b'"', data) else {
            out.extend_from_slice(data);
            return &[];
        };
        let (before, after) = data.split_at(quote + 1);
        out.extend_from_slice(before);
        self.string = Some(Vec::new());
        after
    }

    fn inside<'d>(&mut self, data: &'d [u8], out: &mut Vec<u8>) -> &'d [u8] {
        if std::mem::take(&mut self.escaped) {
            let (first, after) = data.split_at(1);
            self.keep(first);
            return after;
        }
        let Some(at) = memchr::memchr3(b'"', b'\\', b'\n', data) else {
            self.keep(data);
            return &[];
        };
        let (before, after) = data.split_at(at);
        self.keep(before);
        let (special, after) = after.split_at(1);
        if special == b"\\" {
            self.keep(special);
            self.escaped = true;
            return after;
        }
        out.extend_from_slice(&self.string.take().unwrap_or_default());
        self.is_long = false;
        out.extend_from_slice(special);
        after
    }

    fn keep(&mut self, piece: &[u8]) {
        let Some(string) = &mut self.string else { return };
        if self.is_long || string.len() + piece.len() > LONG {
            self.is_long = true;
            string.clear();
        } else {
            string.extend_from_slice(piece);
        }
    }
}
