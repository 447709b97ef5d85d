//! The events of a stream differ in little but their text: the last event's bytes around its strings, against which the next
//! is compared in place of being parsed.
//!
//! An event that equals the last one everywhere but inside strings, and whose strings are valid, is the same JSON with other
//! strings. Anything else is parsed.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

/// How a string of the event is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// By itself.
    Whole,
    /// As the next piece of the channel with this number.
    Channel(usize),
}

/// An event and the places of its inspected strings.
#[derive(Debug, Default)]
pub(super) struct Template {
    event: Vec<u8>,
    holes: Vec<(Range<usize>, Hole)>,
}

impl Template {
    /// The template of `event`, whose inspected strings are at `holes`, in order.
    pub(super) fn new(event: &[u8], holes: Vec<(Range<usize>, Hole)>) -> Self {
        Self { event: event.to_vec(), holes }
    }

    pub(super) fn holes(&self) -> impl Iterator<Item = Hole> {
        self.holes.iter().map(|(_, hole)| *hole)
    }

    /// Puts the places of the strings of `event` into `strings`, if it differs from the template only there.
    pub(super) fn matches(&self, event: &[u8], strings: &mut Vec<Range<usize>>) -> bool {
        strings.clear();
        let (mut known, mut position) = (0, 0);
        for (range, _) in &self.holes {
            let Some(rest) = event.get(position..).and_then(|rest| rest.strip_prefix(&self.event[known..range.start]))
            else {
                return false;
            };
            let Some(length) = string_length(rest) else { return false };
            let start = event.len() - rest.len();
            strings.push(start..start + length);
            (known, position) = (range.end, start + length);
        }
        !self.holes.is_empty() && event.get(position..) == self.event.get(known..)
    }
}

/// The length of the JSON string that `rest` goes on with, up to its closing quote.
fn string_length(rest: &[u8]) -> Option<usize> {
    let mut position = 0;
    loop {
        position += memchr2(b'"', b'\\', rest.get(position..)?)?;
        if rest[position] == b'"' {
            return Some(position);
        }
        position += 2;
    }
}

/// The text of the string at `range` of `event`, between its quotes; `None`: it is not valid.
pub(super) fn text_of<'e>(event: &'e [u8], range: &Range<usize>) -> Option<Cow<'e, str>> {
    let raw = event.get(range.clone())?;
    let plain = !raw.iter().fold(false, |any, byte| any | (*byte < 0x20) | (*byte == b'\\'));
    if plain {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    let quoted = event.get(range.start.checked_sub(1)?..range.end + 1)?;
    serde_json::from_slice(quoted).ok().map(Cow::Owned)
}

/// Where in `data` the string `value` lies as it is, without escapes: exactly there, between quotes.
pub(super) fn place_of(value: &str, data: &[u8]) -> Option<Range<usize>> {
    let start = (value.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
    let end = start.checked_add(value.len())?;
    let quoted = data.get(start.checked_sub(1)?) == Some(&b'"') && data.get(end) == Some(&b'"');
    (quoted && data.get(start..end) == Some(value.as_bytes())).then_some(start..end)
}
