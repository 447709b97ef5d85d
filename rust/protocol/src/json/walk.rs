//! Walks objects and arrays one member or item at a time. Each value is passed over, or walked in turn, by who asked for
//! it: so a document is validated once, however deep it is looked into.

use super::{Cursor, Fault, MAX_DEPTH, Rule, Silent, Text};

/// A value that has been passed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed<'a> {
    body: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Passed<'a> {
    pub(crate) const fn span(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.body.get(self.span()).unwrap_or_default()
    }
}

impl<'a> Cursor<'a> {
    /// Passes over the next value, which lies inside `depth` containers.
    #[inline]
    pub(crate) fn pass(&mut self, depth: u32) -> Result<Passed<'a>, Fault> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => {
                self.at += 1;
                self.string()?;
            }
            Some(b'{' | b'[') => self.value(depth, &mut Silent)?,
            _ => self.scalar()?,
        }
        Ok(Passed { body: self.body, start, end: self.at })
    }

    /// The next value, if it is a string. Else nothing is taken.
    #[inline]
    pub(crate) fn maybe_string(&mut self) -> Result<Option<Text<'a>>, Fault> {
        if self.peek() != Some(b'"') {
            return Ok(None);
        }
        self.at += 1;
        self.string().map(Some)
    }

    /// Walks the next value if it is an object, and passes over any other. Whether it was.
    #[inline]
    pub(crate) fn if_object(
        &mut self,
        depth: u32,
        each: impl FnMut(&mut Self, &Text<'a>) -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        let object = self.peek() == Some(b'{');
        if object {
            self.members(depth, each)?
        } else {
            self.pass(depth).map(drop)?
        }
        Ok(object)
    }

    /// Walks the next value if it is an array, and passes over any other. Whether it was.
    #[inline]
    pub(crate) fn if_array(
        &mut self,
        depth: u32,
        each: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        let array = self.peek() == Some(b'[');
        if array {
            self.items(depth, each)?
        } else {
            self.pass(depth).map(drop)?
        }
        Ok(array)
    }

    /// Walks the object that comes next, which lies inside `depth` containers. `each` must take one value.
    #[inline]
    pub(crate) fn members(
        &mut self,
        depth: u32,
        mut each: impl FnMut(&mut Self, &Text<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.enter(b'{', depth)?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let key = self.key()?;
            each(self, &key)?;
            if !self.another(b'}', Rule::ObjectNext)? {
                return Ok(());
            }
        }
    }

    /// Walks the array that comes next, which lies inside `depth` containers. `each` must take one value.
    #[inline]
    pub(crate) fn items(
        &mut self,
        depth: u32,
        mut each: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.enter(b'[', depth)?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.another(b']', Rule::ArrayNext)? {
                return Ok(());
            }
        }
    }

    fn enter(&mut self, open: u8, depth: u32) -> Result<(), Fault> {
        if self.peek() != Some(open) {
            return Err(Rule::Value.at(self.at));
        }
        if depth >= MAX_DEPTH {
            return Err(Rule::TooDeep.at(self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a comma, or what closes the container.
    #[inline]
    fn another(&mut self, close: u8, rule: Rule) -> Result<bool, Fault> {
        let next = self.peek();
        if next != Some(b',') && next != Some(close) {
            return Err(rule.at(self.at));
        }
        self.at += 1;
        Ok(next == Some(b','))
    }
}
