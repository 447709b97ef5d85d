//! A JSON document as a tree, for what is translated. Nothing of it is changed in passing: members keep their order,
//! numbers their digits; strings without escapes are slices of the document.

use std::borrow::Cow;

use super::{Cursor, Fault, MAX_DEPTH, Rule, Silent, Text, explain, unescape_str, write_string};
use crate::malformed::Malformed;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written (RFC 8259, section 6).
    Number(Cow<'a, str>),
    /// A string, unescaped. A lone surrogate is U+FFFD.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Members<'a>),
    /// A document that was checked, and is written as it stands. Only [`Json::object_in`] makes it, for what is written;
    /// nothing is found in it.
    Raw(Cow<'a, str>),
}

/// The members of an object, in order. A name may occur twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    /// Reads a whole document, at most 64 levels deep.
    ///
    /// # Errors
    /// [`Malformed`] on the first fault.
    pub fn parse(document: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(document, 0);
        // Checked once, so that a string is a slice and nothing more. What is no UTF-8 the cursor refuses, and says where.
        let source = Source(std::str::from_utf8(document).unwrap_or_default());
        let read = match cursor.peek() {
            None => Err(Rule::Empty.at(cursor.at)),
            Some(_) => source.value(&mut cursor, 0).and_then(|tree| cursor.end().map(|()| tree)),
        };
        read.map_err(|fault| explain(document, fault))
    }

    /// The object that `text` is, where it is one: as it stands, unless it holds what may be a lone surrogate, which
    /// some servers refuse.
    #[must_use]
    pub fn object_in(text: &Cow<'a, str>) -> Option<Self> {
        if memchr::memmem::find(text.as_bytes(), b"\\u").is_some() {
            let tree = Json::parse(text.as_bytes()).ok().filter(|json| json.as_object().is_some())?;
            return Some(tree.into_owned());
        }
        let mut cursor = Cursor::new(text.as_bytes(), 0);
        let object = cursor.peek() == Some(b'{') && cursor.document(&mut Silent).is_ok();
        object.then(|| Self::Raw(text.clone()))
    }

    /// A whole number.
    #[must_use]
    pub fn integer(number: u64) -> Self {
        Self::Number(Cow::Owned(number.to_string()))
    }

    /// A string.
    #[must_use]
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::String(text.into())
    }

    /// The string that it is, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The members, if it is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Members<'a>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The items, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The whole number that it is, also where it is written as `12.0`.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        let Self::Number(digits) = self else { return None };
        digits.strip_suffix(".0").unwrap_or(digits).parse().ok()
    }

    /// The member `name` of an object; the last one if there are two. Null is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// The same, its texts borrowed from this one.
    #[must_use]
    pub fn lend(&self) -> Json<'_> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Number(digits) => Json::Number(Cow::Borrowed(digits)),
            Self::String(text) => Json::String(Cow::Borrowed(text)),
            Self::Array(items) => Json::Array(items.iter().map(Json::lend).collect()),
            Self::Object(members) => Json::Object(members.lend()),
            Self::Raw(text) => Json::Raw(Cow::Borrowed(text)),
        }
    }

    /// The same, borrowing from nothing.
    #[must_use]
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(flag),
            Self::Number(digits) => Json::Number(Cow::Owned(digits.into_owned())),
            Self::String(text) => Json::String(Cow::Owned(text.into_owned())),
            Self::Array(items) => Json::Array(items.into_iter().map(Json::into_owned).collect()),
            Self::Object(members) => Json::Object(members.into_owned()),
            Self::Raw(text) => Json::Raw(Cow::Owned(text.into_owned())),
        }
    }

    /// Writes it without white space.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write(&mut out);
        out
    }

    /// The same as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8(self.to_bytes()).unwrap_or_default()
    }

    /// Appends it to `out` without white space.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::String(text) => write_string(text, out),
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => members.write(out),
            Self::Raw(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

impl<'a> Members<'a> {
    /// No members.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Just these; takes no more memory than they do.
    #[must_use]
    pub fn of<const N: usize>(members: [(&'static str, Json<'a>); N]) -> Self {
        Self(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }

    /// With a member more.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Json<'a>>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// With a member more, if there is a value.
    #[must_use]
    pub fn with_some<T: Into<Json<'a>>>(self, name: impl Into<Cow<'a, str>>, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With all of `more` that it has not got yet.
    #[must_use]
    pub fn with_all(mut self, more: Self) -> Self {
        for (name, value) in more.0 {
            if !self.0.iter().any(|(known, _)| *known == name) {
                self.0.push((name, value));
            }
        }
        self
    }

    /// Adds a member.
    pub fn push(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Json<'a>>) {
        self.0.push((name.into(), value.into()));
    }

    /// The member `name`; the last one if there are two. Null is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
            .filter(|value| **value != Json::Null)
    }

    /// The same, their texts borrowed from these.
    #[must_use]
    pub fn lend(&self) -> Members<'_> {
        Members(self.0.iter().map(|(name, value)| (Cow::Borrowed(name.as_ref()), value.lend())).collect())
    }

    /// The same, borrowing from nothing.
    #[must_use]
    pub fn into_owned(self) -> Members<'static> {
        let own = |(name, value): (Cow<'a, str>, Json<'a>)| (Cow::Owned(name.into_owned()), value.into_owned());
        Members(self.0.into_iter().map(own).collect())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_string(name, out);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }
}

impl<'a> From<Members<'a>> for Json<'a> {
    fn from(members: Members<'a>) -> Self {
        Self::Object(members)
    }
}

impl<'a> From<Cow<'a, str>> for Json<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::String(text)
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

impl From<String> for Json<'_> {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

impl From<bool> for Json<'_> {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<u64> for Json<'_> {
    fn from(number: u64) -> Self {
        Self::integer(number)
    }
}

impl From<u32> for Json<'_> {
    fn from(number: u32) -> Self {
        Self::integer(number.into())
    }
}

impl<'a> From<Vec<Json<'a>>> for Json<'a> {
    fn from(items: Vec<Json<'a>>) -> Self {
        Self::Array(items)
    }
}

/// The document that a tree is read from.
#[derive(Clone, Copy)]
struct Source<'a>(&'a str);

impl<'a> Source<'a> {
    fn value(self, cursor: &mut Cursor<'a>, depth: u32) -> Result<Json<'a>, Fault> {
        match cursor.peek() {
            Some(b'"') => {
                cursor.at += 1;
                let text = cursor.string()?;
                Ok(Json::String(self.text(&text)))
            }
            Some(b'{') => {
                // Most objects are small, and a document may hold thousands.
                let mut members = Vec::with_capacity(2);
                cursor.members(depth, |cursor, key| {
                    members.push((self.text(key), self.value(cursor, deeper(depth))?));
                    Ok(())
                })?;
                Ok(Json::Object(Members(members)))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                cursor.items(depth, |cursor| {
                    items.push(self.value(cursor, deeper(depth))?);
                    Ok(())
                })?;
                Ok(Json::Array(items))
            }
            _ => {
                let scalar = self.slice(cursor.pass(depth)?.span());
                Ok(match scalar {
                    "null" => Json::Null,
                    "true" => Json::Bool(true),
                    "false" => Json::Bool(false),
                    digits => Json::Number(Cow::Borrowed(digits)),
                })
            }
        }
    }

    fn text(self, text: &Text<'a>) -> Cow<'a, str> {
        let raw = self.slice(text.start..text.start + text.raw.len());
        if text.escaped { Cow::Owned(unescape_str(raw)) } else { Cow::Borrowed(raw) }
    }

    fn slice(self, span: std::ops::Range<usize>) -> &'a str {
        self.0.get(span).unwrap_or_default()
    }
}

/// One level further in. What lies too deep is refused by the cursor.
const fn deeper(depth: u32) -> u32 {
    if depth < MAX_DEPTH { depth + 1 } else { depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for same in [
            r#"{"b":1,"a":[true,false,null,{}],"b":2}"#,
            r#"[0.10,1e400,-0,123456789012345678901234567890,"é\n\"\\ \u0001"]"#,
            r#""""#,
        ] {
            assert_eq!(Json::parse(same.as_bytes()).map(|tree| tree.to_text()).as_deref(), Ok(same));
        }
        let tree = Json::parse(br#" { "a" : "\u00e9\/" , "n" : [ 1 ] } "#).map(|tree| tree.to_text());
        assert_eq!(tree.as_deref(), Ok(r#"{"a":"é/","n":[1]}"#));
    }

    #[test]
    fn strings_without_escapes_are_not_copied() {
        let document = br#"{"a":"plain"}"#;
        let Ok(Json::Object(Members(members))) = Json::parse(document) else { panic!("an object") };
        assert!(matches!(&members[0], (Cow::Borrowed("a"), Json::String(Cow::Borrowed("plain")))));
    }

    #[test]
    fn too_deep_is_refused() {
        let deep = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert!(Json::parse(&deep(64)).is_ok());
        assert!(Json::parse(&deep(65)).is_err());
        assert!(Json::parse(b"{\"a\":1} x").is_err());
        assert!(Json::parse(b"").is_err());
    }
}
