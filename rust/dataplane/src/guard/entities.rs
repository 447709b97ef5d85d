//! Finds personal data in text: one forward pass, which stops only at `@`, `+`, `(`, `[` and digits.
//!
//! # What is found
//! [`email`], [`card`] and [`phone`] say it exactly, each for its kind. All three look at text as people and models write
//! it, after one layer of backslash escapes was undone (JSON's, and Markdown's of punctuation).
//!
//! # What is not
//! Keys of JSON objects, numbers of JSON that are not strings, and bytes in base64 are not looked at. Within strings: other
//! encodings (percent-encoding of the at sign, HTML entities, base64, two layers of escapes), addresses and numbers in
//! words ("joe at example dot com"), full-width or other non-ASCII digits and at signs, and names, postal addresses or
//! identity numbers of any kind.
//!
//! # Why a stream gives the same result as the whole text
//! Every decision is taken at one place of the text and reads a bounded stretch on both sides of it: at most 32 bytes
//! before, and forward only while an entity could still grow. Where such reading meets the end of text of which
//! more may come, nothing is decided and the text from there on is held.

use std::cell::Cell;

use super::contract::Entity;
use super::{card, email, number, phone};

/// How many bytes before a position a decision there may depend on (a UUID's first four groups and what precedes them).
pub(super) const LOOK_BACK: usize = 32;

/// Text that may go on.
pub(super) struct Text<'t> {
    text: &'t str,
    reached_end: Cell<bool>,
}

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, reached_end: Cell::new(false) }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    /// The byte at `index`; asking beyond the end is remembered.
    pub(super) fn at(&self, index: usize) -> Option<u8> {
        let byte = self.bytes().get(index).copied();
        if byte.is_none() {
            self.reached_end.set(true);
        }
        byte
    }

    pub(super) fn digit_at(&self, index: usize) -> bool {
        self.at(index).is_some_and(|byte| byte.is_ascii_digit())
    }

    /// The character that begins at `index`; asking beyond the end is remembered.
    pub(super) fn char_at(&self, index: usize) -> Option<char> {
        match self.at(index)? {
            byte if byte.is_ascii() => Some(char::from(byte)),
            _ => self.text.get(index..)?.chars().next(),
        }
    }

    /// The character that ends at `index`.
    pub(super) fn char_before(&self, index: usize) -> Option<char> {
        match self.bytes().get(index.checked_sub(1)?)? {
            byte if byte.is_ascii() => Some(char::from(*byte)),
            _ => self.text.get(..index)?.chars().next_back(),
        }
    }
}

/// Whether `c` is a letter of a script that separates words by spaces: ASCII, Latin, Greek, Cyrillic, and combining marks.
///
/// An entity beside such a letter is part of a longer word. Beside a letter of another script (`卡号4111…`, `邮箱joe@…`)
/// it stands by itself, as those scripts write words without spaces.
pub(super) fn is_letter(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' => true,
        '\0'..='\u{bf}' | '×' | '÷' => false,
        '\u{c0}'..='\u{52f}' => !('\u{2b0}'..='\u{2ff}').contains(&c),
        '\u{1e00}'..='\u{1fff}' => true,
        _ => false,
    }
}

/// What a scan looks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) entities: [bool; Entity::COUNT],
}

impl Wanted {
    fn has(self, entity: Entity) -> bool {
        self.entities[entity.index()]
    }
}

/// Something found, as a range of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) what: What,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Personal data.
    Entity(Entity),
    /// A placeholder as masking writes it, with its number.
    Placeholder(Entity, u32),
}

/// One forward pass over text.
pub(super) struct Scanner<'t> {
    text: Text<'t>,
    wanted: Wanted,
    last: bool,
    position: usize,
    floor: usize,
    undecided: Option<usize>,
}

impl<'t> Scanner<'t> {
    /// A pass over `text` from `from`; what precedes it is context and not searched. `last`: nothing follows.
    pub(super) fn new(text: &'t str, from: usize, last: bool, wanted: Wanted) -> Self {
        Self { text: Text::new(text), wanted, last, position: from, floor: from, undecided: None }
    }

    /// The next find, left to right, none overlapping another.
    pub(super) fn next(&mut self) -> Option<Found> {
        while self.undecided.is_none() {
            self.position = skip_plain(self.text.bytes(), self.position)?;
            let here = self.position;
            self.text.reached_end.set(false);
            let (found, resume) = match self.text.bytes().get(here)? {
                b'@' => (self.email(here), here + 1),
                b'[' => (placeholder(&self.text, here), here + 1),
                b'0'..=b'9' if number::within_digits(&self.text, here) => (None, number::digits_end(&self.text, here)),
                b'0'..=b'9' => (self.number(here), 0),
                _ => (self.number(here), here + 1),
            };
            if self.text.reached_end.get() && !self.last {
                self.undecided = Some(self.email_start(here));
                return None;
            }
            if let Some(found) = found {
                self.position = found.end;
                self.floor = found.end;
                return Some(found);
            }
            self.position = if resume == 0 { number::digits_end(&self.text, here) } else { resume };
        }
        None
    }

    /// From where on nothing is decided yet; to be asked after [`Scanner::next`] returned `None`.
    pub(super) fn hold(&self) -> usize {
        let end = self.text.len();
        if self.last {
            return end;
        }
        let tail = if self.wanted.has(Entity::Email) { email::local_start(&self.text, self.floor, end) } else { end };
        self.undecided.map_or(tail, |undecided| undecided.min(tail))
    }

    /// Where the find at `here` would begin: before the at sign, for an address.
    fn email_start(&self, here: usize) -> usize {
        match self.text.bytes().get(here) {
            Some(b'@') => email::local_start(&self.text, self.floor, here),
            _ => here,
        }
    }

    fn email(&self, at: usize) -> Option<Found> {
        if !self.wanted.has(Entity::Email) {
            return None;
        }
        let (start, end) = email::find(&self.text, self.floor, at)?;
        Some(Found { start, end, what: What::Entity(Entity::Email) })
    }

    fn number(&self, start: usize) -> Option<Found> {
        let (cards, phones) = (self.wanted.has(Entity::Card), self.wanted.has(Entity::Phone));
        let bracket = self.text.bytes().get(start) == Some(&b'(');
        if !(cards || phones) || !(bracket || number::clear_before(&self.text, start)) {
            return None;
        }
        let chain = number::Chain::read(&self.text, start)?;
        let card = if cards { card::find(&self.text, &chain).map(|end| (Entity::Card, end)) } else { None };
        let phone = || if phones { phone::find(&self.text, &chain).map(|end| (Entity::Phone, end)) } else { None };
        let (entity, end) = card.or_else(phone)?;
        if number::within_uuid(&self.text, start) || self.is_local_part(start, end) {
            return None;
        }
        Some(Found { start, end, what: What::Entity(entity) })
    }

    /// Whether the number is the local part of an address, which is then found as a whole.
    fn is_local_part(&self, start: usize, end: usize) -> bool {
        self.wanted.has(Entity::Email)
            && self.text.at(end) == Some(b'@')
            && email::find(&self.text, self.floor, end).is_some_and(|(from, _)| from <= start)
    }
}

/// The next byte from `from` on at which something may be found.
fn skip_plain(bytes: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let mut position = from;
    // Whole blocks are folded without a branch, which the compiler turns into vector instructions.
    while let Some(block) = bytes.get(position..position + BLOCK) {
        if block.iter().fold(false, |any, byte| any | is_start(*byte)) {
            break;
        }
        position += BLOCK;
    }
    let rest = bytes.get(position..)?;
    rest.iter().position(|byte| is_start(*byte)).map(|offset| position + offset)
}

fn is_start(byte: u8) -> bool {
    (byte.wrapping_sub(b'0') < 10) | (byte == b'@') | (byte == b'+') | (byte == b'(') | (byte == b'[')
}

/// A placeholder at `start`, which is at its opening bracket.
fn placeholder(text: &Text<'_>, start: usize) -> Option<Found> {
    let entity = Entity::ALL.into_iter().find(|entity| text.at(start + 1) == entity.label().bytes().next())?;
    let mut position = start + 1;
    for expected in entity.label().bytes().chain([b'_']) {
        if text.at(position)? != expected {
            return None;
        }
        position += 1;
    }
    let mut number = 0u32;
    let first = position;
    while text.digit_at(position) {
        let digit = u32::from(text.at(position)? - b'0');
        if position - first == MAX_NUMBER_DIGITS || (digit == 0 && position == first) {
            return None;
        }
        number = number * 10 + digit;
        position += 1;
    }
    if position == first || text.at(position)? != b']' {
        return None;
    }
    Some(Found { start, end: position + 1, what: What::Placeholder(entity, number) })
}

/// The digits of the greatest number that a placeholder may have.
pub(super) const MAX_NUMBER_DIGITS: usize = 6;
