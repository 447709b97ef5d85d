//! The request as it is sent. Where many keys or routes are asked for, a number in it changes: written in place, so that
//! neither the work of making requests nor the memory of thousands of them is the generator's.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use memchr::memmem;

/// How a request's number is written, so that all requests are of one length.
pub(crate) const DIGITS: usize = 5;

/// What stands in for the number: no header and no JSON has it.
const MARK: &str = "\u{1}\u{1}\u{1}\u{1}\u{1}";

/// One request of HTTP/1.1, head and body.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    text: Vec<u8>,
    authorization: Range<usize>,
    body: usize,
    numbers: Vec<usize>,
}

/// What a request consists of.
pub(crate) struct Parts<'a> {
    pub(crate) path: &'a str,
    pub(crate) host: &'a str,
    pub(crate) key: &'a str,
    pub(crate) body: Cow<'a, [u8]>,
}

/// The text with a mark for each `{n}`.
pub(crate) fn marked(text: &str) -> String {
    text.replace("{n}", MARK)
}

impl Request {
    /// Puts a request together; its number is 0.
    pub(crate) fn new(parts: &Parts<'_>) -> Self {
        let before = format!("POST {} HTTP/1.1\r\nhost: {}\r\nauthorization: ", parts.path, parts.host);
        let authorization = format!("Bearer {}", marked(parts.key));
        let authorized = before.len()..before.len() + authorization.len();
        let length = parts.body.len();
        let mut text = format!(
            "{before}{authorization}\r\ncontent-type: application/json\r\naccept: application/json\r\n\
             user-agent: tollway-load\r\ncontent-length: {length}\r\n\r\n"
        )
        .into_bytes();
        let body = text.len();
        text.extend_from_slice(&parts.body);
        let numbers = memmem::find_iter(&text, MARK).collect();
        let mut request = Self { text, authorization: authorized, body, numbers };
        request.number(0);
        request
    }

    /// Makes it the request of this number; higher digits than there is room for are left out.
    pub(crate) fn number(&mut self, n: usize) {
        for start in &self.numbers {
            let mut rest = n;
            for digit in self.text[*start..start + DIGITS].iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        }
    }

    /// As HTTP/1.1 writes it.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn authorization(&self) -> &[u8] {
        &self.text[self.authorization.clone()]
    }

    pub(crate) fn body(&self) -> Bytes {
        Bytes::copy_from_slice(&self.text[self.body..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str, body: &str) -> Request {
        let body = marked(body).into_bytes();
        Request::new(&Parts { path: "/v1/chat/completions", host: "127.0.0.1:80", key, body: body.into() })
    }

    fn text(request: &Request) -> &str {
        std::str::from_utf8(request.text()).unwrap()
    }

    #[test]
    fn the_stated_length_is_that_of_the_body() {
        let request = request("key", "{\"model\":\"bench-{n}\"}");
        let (head, body) = text(&request).split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:80\r\n"));
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        assert_eq!(body, "{\"model\":\"bench-00000\"}");
        assert_eq!(request.body(), body.as_bytes());
    }

    #[test]
    fn numbers_are_written_wherever_they_belong() {
        let mut request = request("key-{n}", "{\"model\":\"bench-{n}\"}");
        for (n, digits) in [(7, "00007"), (12_345, "12345"), (42, "00042")] {
            request.number(n);
            assert_eq!(request.authorization(), format!("Bearer key-{digits}").as_bytes());
            assert!(text(&request).ends_with(&format!("bench-{digits}\"}}")));
        }
    }
}
