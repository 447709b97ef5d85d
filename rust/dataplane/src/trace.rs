//! W3C trace context (<https://www.w3.org/TR/trace-context/>): taken from the caller, passed on to the upstream.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Recommended longest `tracestate` that is passed on (§3.3.1.5).
const MAX_STATE: usize = 512;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Where a request stands in its trace.
pub(crate) struct Trace {
    id: [u8; 32],
    parent: Option<u64>,
    span: u64,
    flags: u8,
    state: Option<HeaderValue>,
}

impl Trace {
    /// The trace that `headers` continue; else a new one, whose id is `id`: 32 hexadecimal digits. `span` is any
    /// number, and names the request's own span.
    pub(crate) fn new(headers: &HeaderMap, id: [u8; 32], span: u64) -> Self {
        // An id of zeros is not one (§3.2.2.4).
        let span = span.max(1);
        match headers.get(TRACEPARENT).and_then(|value| continued(value.as_bytes())) {
            Some((id, parent, flags)) => {
                let state = headers.get(TRACESTATE).filter(|state| state.len() <= MAX_STATE).cloned();
                Self { id, parent: Some(parent), span, flags, state }
            }
            // Sampled: whoever collects decides what is kept.
            None => Self { id, parent: None, span, flags: 1, state: None },
        }
    }

    /// The trace's id: 32 hexadecimal digits.
    pub(crate) fn id(&self) -> &str {
        std::str::from_utf8(&self.id).unwrap_or_default()
    }

    /// The id of the request's span: 16 hexadecimal digits.
    pub(crate) fn span(&self) -> [u8; 16] {
        hex(self.span)
    }

    /// The id of the caller's span.
    pub(crate) fn parent(&self) -> Option<[u8; 16]> {
        self.parent.map(hex)
    }

    /// The flags that are passed on: 1 is `sampled`.
    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    /// Puts the context of the `number`-th send into `headers`.
    pub(crate) fn pass_on(&self, number: usize, headers: &mut HeaderMap) {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        text[3..35].copy_from_slice(&self.id);
        text[36..52].copy_from_slice(&hex(span_of_send(self.span, number)));
        text[53] = DIGITS[usize::from(self.flags >> 4)];
        text[54] = DIGITS[usize::from(self.flags & 15)];
        if let Ok(value) = HeaderValue::from_bytes(&text) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

/// The id of the span of the `number`-th send (from 1) of the request whose span is `span`: whoever has the one can
/// work out the others.
pub(crate) fn span_of_send(span: u64, number: usize) -> u64 {
    span.wrapping_add((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1)
}

fn hex(number: u64) -> [u8; 16] {
    let mut text = [0; 16];
    for (at, digit) in text.iter_mut().rev().enumerate() {
        *digit = DIGITS[(number >> (4 * at) & 15) as usize];
    }
    text
}

/// Trace id, parent span and flags of `version-trace-parent-flags`; a later version may say more after them (§3.2.4).
fn continued(value: &[u8]) -> Option<([u8; 32], u64, u8)> {
    let version = number(value.get(..2)?)?;
    let fits = match version {
        0xff => false,
        0 => value.len() == 55,
        _ => value.len() == 55 || value.get(55) == Some(&b'-'),
    };
    let dashes = [2, 35, 52].iter().all(|at| value.get(*at) == Some(&b'-'));
    let id: [u8; 32] = value.get(3..35)?.try_into().ok()?;
    let parent = number(value.get(36..52)?)?;
    let flags = u8::try_from(number(value.get(53..55)?)?).ok()?;
    let (high, low) = id.split_at(16);
    let known = (number(high)? | number(low)?) != 0 && parent != 0;
    (fits && dashes && known).then_some((id, parent, flags))
}

/// Up to 16 lower-case hexadecimal digits.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 32] = *b"00112233445566778899aabbccddeeff";

    fn of(value: &'static str) -> Trace {
        let headers = HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_static(value))]);
        Trace::new(&headers, ID, 7)
    }

    #[test]
    fn continues_the_callers_trace() {
        let trace = of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.parent(), Some(*b"00f067aa0ba902b7"));
        assert_eq!(trace.span(), *b"0000000000000007");
        let mut headers = HeaderMap::new();
        trace.pass_on(1, &mut headers);
        let sent = headers.get(TRACEPARENT).cloned();
        assert_eq!(sent, Some(HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-9e3779b97f4a7c1c-01")));
    }

    #[test]
    fn begins_a_trace_where_there_is_none_that_can_be_read() {
        for value in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736+00f067aa0ba902b7-01",
        ] {
            assert_eq!((of(value).id.as_slice(), of(value).parent), (ID.as_slice(), None), "{value}");
        }
        let later = of("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more");
        assert!(later.parent.is_some(), "a later version may say more");
    }
}
