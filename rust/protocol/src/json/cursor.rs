//! The validating parser: it moves over a document and builds nothing.

use super::{Fault, MAX_DEPTH, Rule, number, scan};

/// A string in the document: what lies between its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    /// Valid UTF-8.
    pub(crate) raw: &'a [u8],
    /// The offset of `raw`.
    pub(crate) start: usize,
    /// Whether `raw` holds any backslash.
    pub(crate) escaped: bool,
}

/// What a caller may want to hear of while values are passed over. The calls come in the document's order.
pub(crate) trait Visit<'a> {
    /// An object or array opens.
    fn open(&mut self, _object: bool) {}
    /// A member's key.
    fn key(&mut self, _key: Text<'a>) {}
    /// A comma: the next member or item follows.
    fn next(&mut self) {}
    /// A string value.
    fn string(&mut self, _text: Text<'a>) {}
    /// The innermost object or array closes.
    fn close(&mut self) {}
}

/// Hears nothing.
pub(crate) struct Silent;

impl Visit<'_> for Silent {}

/// A place in a document.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    pub(super) body: &'a [u8],
    pub(crate) at: usize,
}

/// The kinds of the containers around the cursor, innermost in the lowest bit: 1 for an object.
struct Containers {
    kinds: u64,
    depth: u32,
    floor: u32,
}

impl Containers {
    fn push(&mut self, object: bool, at: usize) -> Result<(), Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(Rule::TooDeep.at(at));
        }
        self.depth += 1;
        self.kinds = self.kinds << 1 | u64::from(object);
        Ok(())
    }

    const fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }

    const fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }

    const fn outermost(&self) -> bool {
        self.depth == self.floor
    }
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(body: &'a [u8], at: usize) -> Self {
        Self { body, at }
    }

    /// Passes over white space and gives the byte that follows, without taking it.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.body.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Passes over white space and takes `byte`, or breaks `rule`.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, rule: Rule) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(rule.at(self.at))
        }
    }

    /// A whole document: one value, and nothing but white space after it.
    pub(crate) fn document(&mut self, visit: &mut impl Visit<'a>) -> Result<(), Fault> {
        if self.peek().is_none() {
            return Err(Rule::Empty.at(self.at));
        }
        self.value(0, visit)?;
        self.end()
    }

    /// Nothing but white space up to the end.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        if self.peek().is_some() { Err(Rule::Trailing.at(self.at)) } else { Ok(()) }
    }

    /// A key and its colon.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Text<'a>, Fault> {
        self.expect(b'"', Rule::Key)?;
        let key = self.string()?;
        self.expect(b':', Rule::Colon)?;
        Ok(key)
    }

    /// Passes over one value that lies inside `depth` containers.
    pub(crate) fn value(&mut self, depth: u32, visit: &mut impl Visit<'a>) -> Result<(), Fault> {
        let mut around = Containers { kinds: 0, depth, floor: depth };
        loop {
            let opened = match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    let text = self.string()?;
                    visit.string(text);
                    false
                }
                Some(b'{') => self.open(true, &mut around, visit)?,
                Some(b'[') => self.open(false, &mut around, visit)?,
                _ => {
                    self.scalar()?;
                    false
                }
            };
            if !opened && self.close(&mut around, visit)? {
                return Ok(());
            }
            if around.in_object() {
                let key = self.key()?;
                visit.key(key);
            }
        }
    }

    /// Takes `{` or `[`. False if the container was empty, and so closed at once.
    #[inline]
    fn open(&mut self, object: bool, around: &mut Containers, visit: &mut impl Visit<'a>) -> Result<bool, Fault> {
        around.push(object, self.at)?;
        self.at += 1;
        visit.open(object);
        if self.peek() != Some(if object { b'}' } else { b']' }) {
            return Ok(true);
        }
        self.at += 1;
        around.pop();
        visit.close();
        Ok(false)
    }

    /// After a value: closes what ends here, up to the next comma. True if the outermost value has ended.
    #[inline]
    fn close(&mut self, around: &mut Containers, visit: &mut impl Visit<'a>) -> Result<bool, Fault> {
        while !around.outermost() {
            let object = around.in_object();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    visit.next();
                    return Ok(false);
                }
                Some(byte) if byte == if object { b'}' } else { b']' } => {
                    self.at += 1;
                    around.pop();
                    visit.close();
                }
                _ => return Err(if object { Rule::ObjectNext } else { Rule::ArrayNext }.at(self.at)),
            }
        }
        Ok(true)
    }

    /// A number or a literal.
    #[inline]
    pub(super) fn scalar(&mut self) -> Result<(), Fault> {
        let literal: &[u8] = match self.body.get(self.at) {
            Some(b'-' | b'0'..=b'9') => {
                self.at = number::end(self.body, self.at)?;
                return Ok(());
            }
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            _ => return Err(Rule::Value.at(self.at)),
        };
        if !self.body.get(self.at..).unwrap_or_default().starts_with(literal) {
            return Err(Rule::Literal.at(self.at));
        }
        self.at += literal.len();
        Ok(())
    }

    /// The rest of a string, its opening quote taken.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Fault> {
        let start = self.at;
        let (end, stop) = self.plain_end::<true>(start)?;
        if stop.wide {
            return self.wide_string(start, end, stop.escaped);
        }
        Ok(self.text(start, end, stop.escaped))
    }

    /// The rest of a string that holds more than ASCII from `from` on.
    fn wide_string(&mut self, start: usize, from: usize, escaped: bool) -> Result<Text<'a>, Fault> {
        let (end, stop) = self.plain_end::<false>(from)?;
        let text = self.text(start, end, escaped | stop.escaped);
        match std::str::from_utf8(text.raw) {
            Ok(_) => Ok(text),
            Err(error) => Err(Rule::Utf8.at(start + error.valid_up_to())),
        }
    }

    /// Goes on in a string to its closing quote or, with `ASCII`, to what lies outside ASCII.
    #[inline(always)]
    fn plain_end<const ASCII: bool>(&self, from: usize) -> Result<(usize, Stop), Fault> {
        let at = scan::stop::<ASCII>(self.body, from);
        match self.body.get(at) {
            Some(b'"') => Ok((at, Stop { wide: false, escaped: false })),
            Some(b'\\') => self.escaped_end::<ASCII>(at),
            _ => self.stop_at::<ASCII>(at, false),
        }
    }

    /// The same from the first escape on, for text that may be dense with them: it finds the stops of eight bytes at once,
    /// so that the search for the next need not wait for the length of the last.
    fn escaped_end<const ASCII: bool>(&self, from: usize) -> Result<(usize, Stop), Fault> {
        let mut base = from;
        let mut skip = 0;
        let mut quiet = 0;
        while let Some(marks) = scan::marks::<ASCII>(self.body, base) {
            let mut marks = marks & (u64::MAX << (8 * skip));
            skip = 0;
            quiet = if marks == 0 { quiet + 1 } else { 0 };
            while marks != 0 {
                let at = base + scan::place(marks);
                marks &= marks - 1;
                match (self.body.get(at), self.body.get(at + 1)) {
                    (Some(b'\\'), Some(b'n' | b't' | b'r' | b'b' | b'f' | b'/')) => {}
                    // What is escaped has a mark of its own, here or first in the next eight.
                    (Some(b'\\'), Some(b'"' | b'\\')) if at < base + 7 => marks &= marks - 1,
                    (Some(b'\\'), Some(b'"' | b'\\')) => skip = 1,
                    (Some(b'\\'), _) => {
                        let taken = self.unicode_escape_end(at)? - base;
                        marks &= u64::MAX.checked_shl(8 * taken as u32).unwrap_or(0);
                        skip = taken.saturating_sub(8);
                    }
                    (Some(b' '..=b'!' | b'#'..=b'[' | b']'..=0x7f), _) => {}
                    (Some(0x80..), _) if !ASCII => {}
                    _ => return self.stop_at::<ASCII>(at, true),
                }
            }
            base += 8;
            if quiet == QUIET {
                base = scan::stop::<ASCII>(self.body, base);
            }
        }
        self.tail_end::<ASCII>(base + skip)
    }

    /// The same in the last bytes of the document.
    #[cold]
    fn tail_end<const ASCII: bool>(&self, from: usize) -> Result<(usize, Stop), Fault> {
        let mut at = from;
        loop {
            at = scan::stop::<ASCII>(self.body, at);
            if self.body.get(at) != Some(&b'\\') {
                return self.stop_at::<ASCII>(at, true);
            }
            at = match self.body.get(at + 1) {
                Some(b'"' | b'\\' | b'n' | b't' | b'r' | b'b' | b'f' | b'/') => at + 2,
                _ => self.unicode_escape_end(at)?,
            };
        }
    }

    /// What a stop that is no escape means.
    #[inline]
    fn stop_at<const ASCII: bool>(&self, at: usize, escaped: bool) -> Result<(usize, Stop), Fault> {
        match self.body.get(at) {
            Some(b'"') => Ok((at, Stop { wide: false, escaped })),
            Some(0x80..) if ASCII => Ok((at, Stop { wide: true, escaped })),
            Some(_) => Err(Rule::Control.at(at)),
            None => Err(Rule::Unterminated.at(self.at - 1)),
        }
    }

    /// Takes the closing quote.
    #[inline]
    fn text(&mut self, start: usize, end: usize, escaped: bool) -> Text<'a> {
        self.at = end + 1;
        Text { raw: self.body.get(start..end).unwrap_or_default(), start, escaped }
    }

    /// The offset after the `\uXXXX` whose backslash is at `at`.
    #[inline(never)]
    fn unicode_escape_end(&self, at: usize) -> Result<usize, Fault> {
        let has_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
        match self.body.get(at + 1..at + 6) {
            Some([b'u', digits @ ..]) if has_hex(digits) => Ok(at + 6),
            _ => Err(Rule::Escape.at(at)),
        }
    }
}

/// After so many times eight bytes without a stop, longer strides pay off.
const QUIET: u32 = 4;

/// Why a run within a string ended.
struct Stop {
    wide: bool,
    escaped: bool,
}
