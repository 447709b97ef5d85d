//! Visits, and rewrites, the string values of a JSON document: how guardrails read and mask text without a tree being
//! built, and without a byte changed elsewhere.

use std::{borrow::Cow, collections::HashMap};

use crate::{
    json::{Cursor, Text, Visit, explain, unescape_lossy},
    malformed::Malformed,
};

/// One step from a container to a value in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A member's key, unescaped.
    Key(&'a str),
    /// An item's index, from 0.
    Index(usize),
}

/// Where a value lies: the steps that lead to it from the document's root.
#[derive(Debug, Default)]
pub struct Path<'a> {
    steps: Vec<Step<'a>>,
}

impl<'a> Path<'a> {
    /// The steps, outermost first; none for a document that is itself a string.
    #[must_use]
    pub fn keys(&self) -> &[Step<'a>] {
        &self.steps
    }
}

/// Walks all string values of `json` in order, keys excepted, and puts what `visit` returns in their place, escaped as
/// JSON. All else stays byte-identical; None if nothing was changed.
///
/// `visit` gets the text unescaped, with U+FFFD for a lone surrogate. It is not called unless the whole document is
/// well-formed.
///
/// # Errors
/// [`Malformed`] if `json` is not one JSON value of any type, or more than 64 levels deep. Duplicate keys pass.
pub fn rewrite_strings(
    json: &[u8],
    visit: &mut dyn FnMut(&Path<'_>, &str) -> Option<String>,
) -> Result<Option<Vec<u8>>, Malformed> {
    let mut escaped = EscapedKeys::default();
    Cursor::new(json, 0).document(&mut escaped).map_err(|fault| explain(json, fault))?;
    let mut rewrite = Rewrite { json, keys: &escaped.0, path: Path::default(), visit, out: Vec::new(), copied: 0 };
    Cursor::new(json, 0).document(&mut rewrite).map_err(|fault| explain(json, fault))?;
    Ok(rewrite.finish())
}

/// The keys that hold escapes, unescaped, by their offset: a path borrows its keys, and these are not in the document
/// as such.
#[derive(Default)]
struct EscapedKeys(HashMap<usize, String>);

impl<'a> Visit<'a> for EscapedKeys {
    fn key(&mut self, key: Text<'a>) {
        if key.escaped {
            self.0.insert(key.start, unescape_lossy(&key).into_owned());
        }
    }
}

struct Rewrite<'a, 'v> {
    json: &'a [u8],
    keys: &'a HashMap<usize, String>,
    path: Path<'a>,
    visit: &'v mut dyn FnMut(&Path<'_>, &str) -> Option<String>,
    out: Vec<u8>,
    /// How much of `json` is in `out`, changed or not.
    copied: usize,
}

impl Rewrite<'_, '_> {
    fn finish(mut self) -> Option<Vec<u8>> {
        if self.copied == 0 {
            return None;
        }
        self.out.extend_from_slice(self.json.get(self.copied..).unwrap_or_default());
        Some(self.out)
    }
}

impl<'a> Visit<'a> for Rewrite<'a, '_> {
    fn open(&mut self, object: bool) {
        // A key takes the place of the empty one before anything is visited in the object.
        self.path.steps.push(if object { Step::Key("") } else { Step::Index(0) });
    }

    fn key(&mut self, key: Text<'a>) {
        let name = match unescape_lossy(&key) {
            Cow::Borrowed(name) => name,
            Cow::Owned(_) => self.keys.get(&key.start).map_or("", String::as_str),
        };
        if let Some(step) = self.path.steps.last_mut() {
            *step = Step::Key(name);
        }
    }

    fn next(&mut self) {
        if let Some(Step::Index(index)) = self.path.steps.last_mut() {
            *index += 1;
        }
    }

    fn string(&mut self, text: Text<'a>) {
        let Some(new) = (self.visit)(&self.path, &unescape_lossy(&text)) else { return };
        let quoted = serde_json::Value::String(new).to_string();
        self.out.extend_from_slice(self.json.get(self.copied..text.start - 1).unwrap_or_default());
        self.out.extend_from_slice(quoted.as_bytes());
        self.copied = text.start + text.raw.len() + 1;
    }

    fn close(&mut self) {
        self.path.steps.pop();
    }
}
