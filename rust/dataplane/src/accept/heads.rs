//! Where one message of a connection ends and the next begins, so far as it takes to see a head that says it in two ways.
//!
//! hyper keeps quiet about a Content-Length beside a Transfer-Encoding: it drops the one and reads by the other. So the
//! bytes are looked at as they pass, in place: the lines of heads are found, bodies are stepped over. This decides
//! nothing but that one refusal, so where the bytes are not what was expected, it is hyper's turn and this gives up.

use memchr::{memchr, memchr_iter};

/// What is kept of a line that comes in several reads, in bytes: more than any header that matters here.
const MAX_KEPT: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a request line.
    Blank,
    /// Among the headers.
    Head,
    /// In a body, or in a chunk's data: so many bytes are left of it.
    Body { left: u64, chunked: bool },
    /// Before the line that ends a chunk's data.
    ChunkEnd,
    /// Before a chunk's size.
    Size,
    /// After the last chunk.
    Trailers,
    /// hyper will refuse what comes, or has.
    Lost,
}

/// The heads of one connection, followed over its reads.
#[derive(Debug)]
pub(super) struct Heads {
    at: At,
    /// The beginning of a line whose end has not come yet.
    kept: Vec<u8>,
    /// Of the head that is being read: its Content-Length, which may be unreadable, and whether it has the other one.
    length: Option<Result<u64, ()>>,
    coded: bool,
    ended: u64,
    ambiguous: Option<u64>,
}

impl Heads {
    /// A connection from which nothing has been read.
    pub(super) fn new() -> Self {
        Self { at: At::Blank, kept: Vec::new(), length: None, coded: false, ended: 0, ambiguous: None }
    }

    /// Whether a head has begun and not ended.
    pub(super) fn begun(&self) -> bool {
        self.at == At::Head || (self.at == At::Blank && self.kept.iter().any(|byte| !matches!(byte, b'\r' | b'\n')))
    }

    /// Whether the connection's head number `count`, from 1, has both a Content-Length and a Transfer-Encoding.
    pub(super) fn ambiguous(&self, count: u64) -> bool {
        self.ambiguous == Some(count)
    }

    /// Follows the bytes of one read.
    pub(super) fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.at {
                At::Lost => return,
                At::Body { left, chunked } => {
                    let (_, rest) = bytes.split_at(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                    let left = left.saturating_sub((bytes.len() - rest.len()) as u64);
                    self.at = match (left, chunked) {
                        (0, false) => At::Blank,
                        (0, true) => At::ChunkEnd,
                        _ => At::Body { left, chunked },
                    };
                    bytes = rest;
                }
                At::Head if self.kept.is_empty() => bytes = self.headers(bytes),
                _ => {
                    let Some(end) = memchr(b'\n', bytes) else { return self.keep(bytes) };
                    let (line, rest) = bytes.split_at(end + 1);
                    bytes = rest;
                    if self.kept.is_empty() {
                        self.line(line);
                    } else {
                        self.keep(line);
                        let kept = std::mem::take(&mut self.kept);
                        self.line(&kept);
                    }
                }
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = MAX_KEPT - self.kept.len().min(MAX_KEPT);
        self.kept.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn line(&mut self, line: &[u8]) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.at = match self.at {
            // RFC 9112 §2.2: empty lines before a request line are passed over.
            At::Blank if text.is_empty() => At::Blank,
            At::Blank => At::Head,
            At::Head => self.header(text, line.ends_with(b"\n")),
            At::ChunkEnd if text.is_empty() => At::Size,
            At::Size => match chunk_size(text) {
                Some(0) => At::Trailers,
                Some(left) => At::Body { left, chunked: true },
                None => At::Lost,
            },
            At::Trailers if text.is_empty() => At::Blank,
            At::Trailers => At::Trailers,
            _ => At::Lost,
        };
    }

    /// Follows whole lines of a head in one go, as most heads come; what is after its end.
    fn headers<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        for end in memchr_iter(b'\n', bytes) {
            let (line, after) = rest.split_at(end + 1 - (bytes.len() - rest.len()));
            rest = after;
            // Most lines need no closer look.
            if let [b'c' | b'C' | b't' | b'T' | b'\r' | b'\n', ..] = line {
                self.line(line);
                if self.at != At::Head {
                    return rest;
                }
            }
        }
        self.keep(rest);
        &[]
    }

    fn header(&mut self, line: &[u8], whole: bool) -> At {
        if line.is_empty() {
            return self.end();
        }
        if let Some(value) = value_of(line, b"content-length") {
            let number = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
            self.length = Some(number.filter(|_| whole).ok_or(()));
        } else if value_of(line, b"transfer-encoding").is_some() {
            self.coded = true;
        }
        At::Head
    }

    fn end(&mut self) -> At {
        self.ended += 1;
        match (self.length.take(), std::mem::take(&mut self.coded)) {
            (Some(_), true) => {
                self.ambiguous = Some(self.ended);
                At::Lost
            }
            (None, true) => At::Size,
            (None | Some(Ok(0)), false) => At::Blank,
            (Some(Ok(left)), false) => At::Body { left, chunked: false },
            (Some(Err(())), false) => At::Lost,
        }
    }
}

/// The value of a header `line`, if its name is `name`. Space before the colon makes it no header at all.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

/// The size that begins a chunk's line (RFC 9112 §7.1); what may follow it does not matter here.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let text = std::str::from_utf8(line.get(..digits)?).ok()?;
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTH: &[u8] = b"\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length:  5 \r\n\r\n\nTE: ";
    const NOTHING: &[u8] = b"GET / HTTP/1.1\nx: content-length: 1\n\n";
    const CHUNKED: &[u8] =
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nx\r\ny\n\r\nA\r\n0123456789\r\n0\r\n\
                             content-length: 1\r\n\r\n";
    const BOTH: &[u8] = b"POST / HTTP/1.1\r\nContent-LENGTH: 5\r\nx: y\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    const OTHER_WAY: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";

    fn message() -> impl Strategy<Value = &'static [u8]> {
        prop_oneof![Just(LENGTH), Just(NOTHING), Just(CHUNKED)]
    }

    proptest! {
        #[test]
        fn messages_are_told_apart_however_they_are_cut(
            before in prop::collection::vec(message(), 0..6),
            last in prop_oneof![Just(BOTH), Just(OTHER_WAY)],
            cuts in prop::collection::vec(1_usize..90, 1..40),
        ) {
            let bytes = [before.concat().as_slice(), last, LENGTH].concat();
            let (mut heads, mut rest) = (Heads::new(), bytes.as_slice());
            for cut in cuts.iter().cycle() {
                let (read, after) = rest.split_at((*cut).min(rest.len()));
                heads.see(read);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(heads.ambiguous, Some(before.len() as u64 + 1));
        }

        #[test]
        fn anything_may_come(reads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..50)) {
            let mut heads = Heads::new();
            for read in reads {
                heads.see(&read);
                prop_assert!(heads.kept.len() <= MAX_KEPT);
            }
        }
    }

    #[test]
    fn says_when_a_head_has_begun() {
        let mut heads = Heads::new();
        for (read, begun) in
            [("", false), ("\r\n\r", false), ("\nP", true), ("OST / HTTP/1.1\r\n", true), ("\r\n", false)]
        {
            heads.see(read.as_bytes());
            assert_eq!(heads.begun(), begun, "after {read:?}");
        }
    }

    #[test]
    fn a_length_that_does_not_fit_is_none() {
        let mut heads = Heads::new();
        heads.see(b"POST / HTTP/1.1\r\ncontent-length:");
        heads.see(&[b' '; 2 * MAX_KEPT]);
        heads.see(b"5\r\n\r\n");
        assert_eq!(heads.at, At::Lost);
    }
}
