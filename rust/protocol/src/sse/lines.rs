//! Where an event ends, and what its lines are, found line by line so that it may stop at any byte and go on later.

use std::ops::Range;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// How the line before the current place ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Ending {
    #[default]
    None,
    Lf,
    Cr,
    CrLf,
}

/// The data lines of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Data {
    #[default]
    None,
    One(Range<usize>),
    Many,
}

/// What an event's lines hold; offsets are from the event's first byte.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fields {
    pub(super) data: Data,
    pub(super) name: Option<Range<usize>>,
    pub(super) comment: bool,
    /// Whether any line is not a comment.
    pub(super) field: bool,
    /// The length of the byte order mark that the event begins with.
    pub(super) mark: usize,
}

/// One line of an event.
pub(super) enum Line {
    Comment,
    Data(Range<usize>),
    Name(Range<usize>),
    Other,
}

/// Progress through one event.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    /// Where the current line begins.
    line: usize,
    /// Up to here no line end lies in the current line.
    searched: usize,
    before: Ending,
    /// Whether the stream begins with this event, and so may begin with a byte order mark.
    first: bool,
    /// A CR just ended the event, but a LF may follow and belong to it.
    pub(super) awaits_lf: bool,
    pub(super) fields: Fields,
}

impl Scan {
    /// For the first event of a stream.
    pub(super) fn of_stream() -> Self {
        Self { first: true, ..Self::default() }
    }

    /// Reads on in `bytes`, which begin with the event. Gives where the event ends, once it does.
    ///
    /// A blank line's CR ends the event at once if the line before it ended otherwise than in CRLF, so that a stream of
    /// bare CRs is never held back. After CRLF it awaits the LF. What an event's bytes are thus never depends on how
    /// they arrived.
    pub(super) fn event_end(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            let rest = bytes.get(self.searched..)?;
            let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.searched = bytes.len();
                return None;
            };
            let end = self.searched + found;
            let (next, ending) = match (bytes.get(end), bytes.get(end + 1)) {
                (Some(b'\n'), _) => (end + 1, Ending::Lf),
                (_, Some(b'\n')) => (end + 2, Ending::CrLf),
                (_, Some(_)) => (end + 1, Ending::Cr),
                (_, None) => return self.last_cr(end),
            };
            if let Some(event) = self.line_end(bytes, end, next, ending) {
                return Some(event);
            }
        }
    }

    /// Whether anything but blank lines has been read in `len` bytes.
    pub(super) const fn begun(&self, len: usize) -> bool {
        self.fields.field || self.fields.comment || len > self.line
    }

    /// A CR is the last byte so far.
    fn last_cr(&mut self, end: usize) -> Option<usize> {
        self.searched = end;
        if !self.ends_event(end) {
            return None;
        }
        if self.before == Ending::CrLf {
            self.awaits_lf = true;
            return None;
        }
        Some(end + 1)
    }

    const fn ends_event(&self, end: usize) -> bool {
        end == self.line && (self.fields.field || self.fields.comment)
    }

    fn line_end(&mut self, bytes: &[u8], end: usize, next: usize, ending: Ending) -> Option<usize> {
        if self.ends_event(end) {
            let bare = ending == Ending::CrLf && self.before != Ending::CrLf;
            return Some(if bare { end + 1 } else { next });
        }
        if self.first && self.line == 0 && bytes.starts_with(BOM) {
            self.fields.mark = BOM.len();
            self.line = BOM.len();
        }
        if self.line != end {
            self.fields.add(line(bytes, self.line..end));
        }
        self.line = next;
        self.searched = next;
        self.before = ending;
        self.awaits_lf = false;
        None
    }
}

impl Fields {
    fn add(&mut self, line: Line) {
        match line {
            Line::Comment => {
                self.comment = true;
                return;
            }
            Line::Data(at) => {
                self.data = if self.data == Data::None { Data::One(at) } else { Data::Many };
            }
            Line::Name(at) => self.name = Some(at),
            Line::Other => {}
        }
        self.field = true;
    }
}

/// Reads the line at `at`, without its end.
pub(super) fn line(bytes: &[u8], at: Range<usize>) -> Line {
    let text = bytes.get(at.clone()).unwrap_or_default();
    let value = |name: usize| match text.get(name..name + 2) {
        Some(b": ") => at.start + name + 2..at.end,
        _ => (at.start + name + 1).min(at.end)..at.end,
    };
    let is = |name: &[u8]| text.strip_prefix(name).is_some_and(|rest| rest.first().is_none_or(|&byte| byte == b':'));
    if text.first() == Some(&b':') {
        Line::Comment
    } else if is(b"data") {
        Line::Data(value(4))
    } else if is(b"event") {
        Line::Name(value(5))
    } else {
        Line::Other
    }
}
