//! HTTP/1.1 answers (RFC 9112), read from a buffer that fills as they arrive.

use memchr::memchr;

use crate::load::Failure;

const MOST_HEADERS: usize = 64;

/// What the head of an answer says about the rest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes of the head itself.
    pub(crate) length: usize,
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
}

/// How the body's end is told, and what is left of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes are to come.
    Length(usize),
    /// `chunked`: what is expected next.
    Chunked(Part),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Size,
    Data(usize),
    DataEnd,
    Trailer,
}

/// Reads a head. `None` if the buffer does not hold all of it.
pub(crate) fn head(buffer: &[u8]) -> Result<Option<Head>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(buffer).map_err(|_| Failure::Framing)? else {
        return Ok(None);
    };
    let (mut framing, mut keep_alive) = (None, response.version == Some(1));
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).map_err(|_| Failure::Framing)?;
            framing = Some(Framing::Length(text.parse().map_err(|_| Failure::Framing)?));
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Some(Framing::Chunked(Part::Size));
        } else if header.name.eq_ignore_ascii_case("connection") {
            keep_alive &= !header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let status = response.code.unwrap_or_default();
    // Without a stated length the connection's end would end the body, and a cut could not be told from an end.
    framing.map(|framing| Some(Head { length, status, framing, keep_alive })).ok_or(Failure::Framing)
}

impl Framing {
    /// Whether the body has ended: before a first byte of it, if its length is 0.
    pub(crate) fn ended(&self) -> bool {
        *self == Self::Length(0)
    }

    /// Takes what the buffer holds of the body and hands its data on. Returns how many bytes it took; what it left is
    /// to be offered again with more behind it.
    pub(crate) fn take(&mut self, buffer: &[u8], mut data: impl FnMut(&[u8])) -> Result<usize, Failure> {
        let mut taken = 0;
        loop {
            let rest = &buffer[taken..];
            if rest.is_empty() || self.ended() {
                return Ok(taken);
            }
            let step = match self {
                Self::Length(left) | Self::Chunked(Part::Data(left)) => {
                    let here = rest.len().min(*left);
                    data(&rest[..here]);
                    *left -= here;
                    if *left == 0 {
                        self.data_ended();
                    }
                    here
                }
                Self::Chunked(part) => {
                    let Some(line) = memchr(b'\n', rest).map(|end| &rest[..=end]) else { return Ok(taken) };
                    let next = part.after(line.strip_suffix(b"\r\n").ok_or(Failure::Framing)?)?;
                    *self = next;
                    line.len()
                }
            };
            taken += step;
        }
    }

    fn data_ended(&mut self) {
        if let Self::Chunked(part) = self {
            *part = Part::DataEnd;
        }
    }
}

impl Part {
    fn after(&self, line: &[u8]) -> Result<Framing, Failure> {
        match self {
            Self::Size => match size(line)? {
                0 => Ok(Framing::Chunked(Self::Trailer)),
                size => Ok(Framing::Chunked(Self::Data(size))),
            },
            Self::DataEnd if line.is_empty() => Ok(Framing::Chunked(Self::Size)),
            Self::Trailer if line.is_empty() => Ok(Framing::Length(0)),
            Self::Trailer => Ok(Framing::Chunked(Self::Trailer)),
            Self::DataEnd | Self::Data(_) => Err(Failure::Framing),
        }
    }
}

fn size(line: &[u8]) -> Result<usize, Failure> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).map_err(|_| Failure::Framing)?;
    usize::from_str_radix(digits.trim_end(), 16).map_err(|_| Failure::Framing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\ntrailer: 1\r\n\r\n";

    /// Offers the text in pieces that end at each of the cuts, as a connection would.
    fn read(framing: &mut Framing, text: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, usize), Failure> {
        let (mut body, mut taken) = (Vec::new(), 0);
        for cut in cuts {
            taken += framing.take(&text[taken..*cut], |data| body.extend_from_slice(data))?;
        }
        Ok((body, taken))
    }

    #[test]
    fn chunks_are_joined_wherever_the_reads_are_cut() {
        for cut in 0..CHUNKED.len() {
            let mut framing = Framing::Chunked(Part::Size);
            let (body, taken) = read(&mut framing, CHUNKED, &[cut, CHUNKED.len()]).unwrap();
            assert_eq!(body, b"hello world", "cut at {cut}");
            assert_eq!(taken, CHUNKED.len());
            assert!(framing.ended());
        }
    }

    #[test]
    fn a_chunked_body_has_not_ended_before_its_last_byte() {
        for cut in 0..CHUNKED.len() {
            let mut framing = Framing::Chunked(Part::Size);
            read(&mut framing, CHUNKED, &[cut]).unwrap();
            assert!(!framing.ended(), "ended at {cut}");
        }
    }

    #[test]
    fn a_length_ends_the_body_and_leaves_what_follows() {
        let mut framing = Framing::Length(5);
        let (body, taken) = read(&mut framing, b"helloHTTP", &[3, 9]).unwrap();
        assert_eq!((body.as_slice(), taken), (&b"hello"[..], 5));
        assert!(framing.ended());
    }

    #[test]
    fn broken_chunks_are_refused() {
        for text in [&b"zz\r\n"[..], b"5\nhello\r\n", b"5\r\nhelloworld\r\n", b"-5\r\n", b"\r\n"] {
            let mut framing = Framing::Chunked(Part::Size);
            assert_eq!(read(&mut framing, text, &[text.len()]), Err(Failure::Framing));
        }
    }

    #[test]
    fn heads_tell_status_framing_and_whether_the_connection_stays() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
        let expected = Head { length: text.len(), status: 200, framing: Framing::Length(7), keep_alive: true };
        assert_eq!(head(text), Ok(Some(expected)));
        assert_eq!(head(&text[..text.len() - 1]), Ok(None));
        let closing =
            head(b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n").unwrap().unwrap();
        assert_eq!((closing.status, closing.keep_alive), (503, false));
        assert_eq!(closing.framing, Framing::Chunked(Part::Size));
    }

    #[test]
    fn an_answer_without_an_end_is_refused() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\n\r\n"), Err(Failure::Framing));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), Err(Failure::Framing));
        assert_eq!(head(b"nonsense\r\n\r\n"), Err(Failure::Framing));
    }
}
