//! Walks one object or array, a member or item at a time, passing over what lies deeper.

use super::{Cursor, Fault, Rule, Silent, Text};

/// A value in a document, from its first byte to its last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    body: &'a [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> Value<'a> {
    pub(crate) const fn span(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.body.get(self.span()).unwrap_or_default()
    }

    /// Tells the types apart: `{`, `[`, `"`, `t`, `f`, `n`, and `-` or a digit.
    pub(crate) fn first(&self) -> u8 {
        self.body.get(self.start).copied().unwrap_or_default()
    }

    pub(crate) fn is_null(&self) -> bool {
        self.first() == b'n'
    }

    pub(crate) fn string(&self) -> Option<Text<'a>> {
        let raw = self.bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some(Text { raw, start: self.start + 1, escaped: memchr::memchr(b'\\', raw).is_some() })
    }

    /// The members, if this is an object that lies inside `depth` containers.
    pub(crate) fn members(&self, depth: u32) -> Option<Members<'a>> {
        (self.first() == b'{').then(|| Members::new(self.body, self.start + 1, depth + 1))
    }

    /// The items, if this is an array that lies inside `depth` containers.
    pub(crate) fn items(&self, depth: u32) -> Option<Items<'a>> {
        let cursor = Cursor::new(self.body, self.start + 1);
        (self.first() == b'[').then_some(Items(Walk { cursor, depth: depth + 1, begun: false, over: false }))
    }
}

/// The members of an object.
#[derive(Debug)]
pub(crate) struct Members<'a>(Walk<'a>);

impl<'a> Members<'a> {
    /// The members of the object whose `{` lies just before `at`, as the innermost of `depth` containers.
    pub(crate) const fn new(body: &'a [u8], at: usize, depth: u32) -> Self {
        Self(Walk { cursor: Cursor::new(body, at), depth, begun: false, over: false })
    }

    /// The members of a document that is an object; None if it begins as anything else. The caller also calls
    /// [`end`](Self::end).
    pub(crate) fn of_document(body: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body, 0);
        (cursor.peek() == Some(b'{')).then(|| Self::new(body, cursor.at + 1, 1))
    }

    /// The next member. After the last, the closing brace has been taken.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(Text<'a>, Value<'a>)>, Fault> {
        if !self.0.more(b'}', Rule::ObjectNext)? {
            return Ok(None);
        }
        let key = self.0.cursor.key()?;
        Ok(Some((key, self.0.value()?)))
    }

    /// Whether any member has been met.
    pub(crate) const fn begun(&self) -> bool {
        self.0.begun
    }

    /// Nothing may follow the object but white space.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        self.0.cursor.end()
    }
}

/// The items of an array.
#[derive(Debug)]
pub(crate) struct Items<'a>(Walk<'a>);

impl<'a> Items<'a> {
    /// The next item.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Value<'a>>, Fault> {
        if self.0.more(b']', Rule::ArrayNext)? { self.0.value().map(Some) } else { Ok(None) }
    }
}

#[derive(Debug)]
struct Walk<'a> {
    cursor: Cursor<'a>,
    /// Containers around each value here.
    depth: u32,
    begun: bool,
    over: bool,
}

impl<'a> Walk<'a> {
    /// Takes the comma before the next value, or what ends them all.
    #[inline]
    fn more(&mut self, close: u8, rule: Rule) -> Result<bool, Fault> {
        if self.over {
            return Ok(false);
        }
        let next = self.cursor.peek();
        if next == Some(b',') && self.begun {
            self.cursor.at += 1;
        } else if next == Some(close) {
            self.cursor.at += 1;
            self.over = true;
            return Ok(false);
        } else if self.begun {
            return Err(rule.at(self.cursor.at));
        }
        self.begun = true;
        Ok(true)
    }

    #[inline]
    fn value(&mut self) -> Result<Value<'a>, Fault> {
        self.cursor.peek();
        let start = self.cursor.at;
        self.cursor.value(self.depth, &mut Silent)?;
        Ok(Value { body: self.cursor.body, start, end: self.cursor.at })
    }
}
