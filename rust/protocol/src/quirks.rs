//! How a server departs from the dialect that it speaks, in what it takes: members that it refuses, or knows by another
//! name or value. Declared for a provider, applied to the bodies of requests on their way there.
//!
//! A body that has none of what a server minds is not parsed, only searched; what is dropped is named as a loss.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::canonical::Losses;
use crate::json::{Json, Members};

/// What is declared. A path names members from the body's root, as `messages[].name`: `[]` is each item of an array.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declared {
    /// Members that the server refuses. To be without them is a loss.
    pub drop: Vec<String>,
    /// Members that say nothing to the server which it does not do anyway.
    pub omit: Vec<String>,
    /// Members that the server knows by another name: the path, and the last name instead.
    pub rename: BTreeMap<String, String>,
    /// The same of members whose value is a text; another value stays where it is.
    pub rename_text: BTreeMap<String, String>,
    /// Texts that the server knows by another word: by path, the words instead.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Members of which the server takes these texts alone. To be without another value is a loss.
    pub only: BTreeMap<String, Vec<String>>,
    /// Members that every body must have, whatever the caller says of them: by path, the text.
    pub set: BTreeMap<String, String>,
    /// Headers that the server knows as members of the body, each a list: by header, the member.
    pub headers: BTreeMap<String, String>,
    /// The names of calls must be of so many ASCII letters and digits.
    pub call_ids: Option<usize>,
}

/// The same, compiled.
#[derive(Debug)]
pub struct Quirks {
    edits: Vec<Edit>,
    headers: BTreeMap<String, String>,
    call_ids: Option<usize>,
    /// What a body holds in quotes where something must be changed, with the closing one.
    marks: Vec<String>,
    /// Whether no body is taken as it is.
    minds_all: bool,
}

#[derive(Debug)]
struct Edit {
    /// The path as it was declared.
    path: String,
    holders: Vec<Holder>,
    name: String,
    act: Act,
}

/// A step on the way to the object whose member is meant.
#[derive(Debug)]
struct Holder {
    name: String,
    /// Whether each item of the array is meant.
    each: bool,
}

#[derive(Debug)]
enum Act {
    Drop,
    Omit,
    Rename(String),
    RenameText(String),
    Values(BTreeMap<String, String>),
    Only(Vec<String>),
    Set(String),
}

impl Quirks {
    /// Compiles `declared`; `None` if that is nothing.
    ///
    /// # Errors
    /// What is no path, in words for the operator.
    pub fn compile(declared: Declared) -> Result<Option<Self>, String> {
        let Declared { drop, omit, rename, rename_text, values, only, set, headers, call_ids } = declared;
        let minds_all = !set.is_empty();
        let all = drop.into_iter().map(|path| (path, Act::Drop));
        let all = all.chain(omit.into_iter().map(|path| (path, Act::Omit)));
        let all = all.chain(rename.into_iter().map(|(path, name)| (path, Act::Rename(name))));
        let all = all.chain(rename_text.into_iter().map(|(path, name)| (path, Act::RenameText(name))));
        let all = all.chain(values.into_iter().map(|(path, words)| (path, Act::Values(words))));
        let all = all.chain(only.into_iter().map(|(path, words)| (path, Act::Only(words))));
        let all = all.chain(set.into_iter().map(|(path, text)| (path, Act::Set(text))));
        let edits = all.map(|(path, act)| Edit::new(path, act)).collect::<Result<Vec<_>, _>>()?;
        if edits.is_empty() && headers.is_empty() && call_ids.is_none() {
            return Ok(None);
        }
        let mut marks: Vec<&str> = edits.iter().flat_map(Edit::marks).collect();
        if call_ids.is_some() {
            marks.extend(["tool_calls", "tool_call_id"]);
        }
        let marks = marks.into_iter().map(|mark| format!("{mark}\"")).collect();
        Ok(Some(Self { edits, headers, call_ids, marks, minds_all }))
    }

    /// Whether a body in these pieces may hold what the server minds. A name in two pieces is not found; nor is one in
    /// escapes, which the server then refuses itself.
    #[must_use]
    pub fn may_mind(&self, pieces: &[impl AsRef<[u8]>]) -> bool {
        // From quote to quote: a picture in base64, most of a large body, has none and is passed over at once.
        self.minds_all
            || pieces.iter().map(AsRef::as_ref).any(|piece| {
                let mut after = memchr::memchr_iter(b'"', piece).filter_map(|at| piece.get(at + 1..));
                after.any(|text| self.marks.iter().any(|mark| text.starts_with(mark.as_bytes())))
            })
    }

    /// Whether headers of callers' go in the body, and in no other way.
    #[must_use]
    pub fn moves_headers(&self) -> bool {
        !self.headers.is_empty()
    }

    /// The members that stand for headers, of which `header` tells the values.
    #[must_use]
    pub fn moved<'h>(&self, header: &dyn Fn(&str) -> Option<&'h str>) -> Members<'static> {
        let list = |value: &str| value.split(',').map(|item| Json::text(item.trim().to_owned())).collect::<Vec<_>>();
        let told = self.headers.iter().filter_map(|(name, member)| Some((member, list(header(name)?))));
        told.fold(Members::new(), |all, (member, list)| all.with(member.clone(), list))
    }

    /// `body` as the server takes it, with what is [`Quirks::moved`] there, its losses noted; `None` if it can stay as it is,
    /// or is not JSON.
    #[must_use]
    pub fn apply(&self, body: &[u8], moved: Members<'_>, losses: &mut Losses) -> Option<Vec<u8>> {
        let mut json = Json::parse(body).ok()?;
        let mut changed = false;
        if let Json::Object(members) = &mut json {
            // What the body says itself holds.
            for (name, list) in moved.0.into_iter().filter(|(name, _)| members.get(name).is_none()).collect::<Vec<_>>()
            {
                members.0.push((Cow::Owned(name.into_owned()), list));
                changed = true;
            }
        }
        for edit in &self.edits {
            if matches!(edit.act, Act::Set(_)) {
                make_way(&mut json, &edit.holders);
            }
            walk(&mut json, &edit.holders, &mut |members| changed |= edit.make(members, losses));
        }
        if let Some(length) = self.call_ids {
            changed |= rename_calls(&mut json, length);
        }
        changed.then(|| json.to_bytes())
    }
}

impl Edit {
    fn new(path: String, act: Act) -> Result<Self, String> {
        let invalid = || format!("{path:?} is not a path of members");
        let mut steps = path.split('.').map(|step| {
            let name = step.strip_suffix("[]").unwrap_or(step);
            let plain = !name.is_empty() && !name.contains(['[', ']', '"', '\\']);
            plain.then(|| Holder { name: name.to_owned(), each: name.len() < step.len() })
        });
        let mut holders = steps.by_ref().collect::<Option<Vec<_>>>().ok_or_else(invalid)?;
        let last = holders.pop().filter(|last| !last.each).ok_or_else(invalid)?;
        Ok(Self { holders, name: last.name, act, path })
    }

    /// What a body holds in quotes where this may apply.
    fn marks(&self) -> Vec<&str> {
        match &self.act {
            Act::Values(words) => words.keys().map(String::as_str).collect(),
            _ => vec![&self.name],
        }
    }

    /// Whether anything of `members` was changed.
    fn make(&self, members: &mut Members<'_>, losses: &mut Losses) -> bool {
        let index = members.0.iter().rposition(|(name, _)| *name == self.name);
        if let (Act::Set(text), None) = (&self.act, index) {
            members.0.push((Cow::Owned(self.name.clone()), Json::text(text.clone())));
            return true;
        }
        let Some(index) = index else { return false };
        let Some((_, value)) = members.0.get_mut(index) else { return false };
        let is_said = *value != Json::Null;
        match &self.act {
            Act::Values(words) => match value.as_str().and_then(|word| words.get(word)) {
                Some(word) => *value = Json::text(word.clone()),
                None => return false,
            },
            Act::Only(words) if value.as_str().is_some_and(|word| words.iter().any(|known| known == word)) => {
                return false;
            }
            Act::Drop | Act::Only(_) => {
                losses.note_if(is_said, &self.path);
                members.0.remove(index);
            }
            Act::Omit => drop(members.0.remove(index)),
            Act::Set(text) => *value = Json::text(text.clone()),
            Act::RenameText(_) if value.as_str().is_none() => return false,
            Act::Rename(name) | Act::RenameText(name) if members.0.iter().any(|(known, _)| known == name) => {
                losses.note_if(is_said, &self.path);
                members.0.remove(index);
            }
            Act::Rename(name) | Act::RenameText(name) => {
                if let Some((known, _)) = members.0.get_mut(index) {
                    *known = Cow::Owned(name.clone());
                }
            }
        }
        true
    }
}

/// Adds what is missing of the objects that `holders` name, as far as they are no items of arrays.
fn make_way(json: &mut Json<'_>, holders: &[Holder]) {
    let (Json::Object(members), Some((step, rest))) = (json, holders.split_first()) else { return };
    if !step.each && members.get(&step.name).is_none() {
        members.0.push((Cow::Owned(step.name.clone()), Members::new().into()));
    }
    let held = members.0.iter_mut().filter(|(name, _)| *name == step.name);
    held.for_each(|(_, value)| make_way(value, rest));
}

/// Calls `act` with each object that `holders` lead to.
fn walk<'a>(json: &mut Json<'a>, holders: &[Holder], act: &mut impl FnMut(&mut Members<'a>)) {
    let Json::Object(members) = json else { return };
    let Some((step, rest)) = holders.split_first() else { return act(members) };
    for (_, value) in members.0.iter_mut().filter(|(name, _)| *name == step.name) {
        match value {
            Json::Array(items) if step.each => items.iter_mut().for_each(|item| walk(item, rest, act)),
            value if !step.each => walk(value, rest, act),
            _ => {}
        }
    }
}

/// Gives each call whose name is not of `length` letters and digits one that is, which follows from the name alone: so a
/// call and its result, of this conversation or a later turn of it, go on having the same.
fn rename_calls(json: &mut Json<'_>, length: usize) -> bool {
    const MESSAGES: &str = "messages";
    let holder = |name: &str, each| Holder { name: name.to_owned(), each };
    let calls = ([holder(MESSAGES, true), holder("tool_calls", true)], "id");
    let results = ([holder(MESSAGES, true)], "tool_call_id");
    let mut changed = false;
    for (holders, member) in [(&calls.0[..], calls.1), (&results.0[..], results.1)] {
        walk(json, holders, &mut |members| {
            for (_, id) in members.0.iter_mut().filter(|(name, _)| name == member) {
                if let Some(known) = id.as_str().filter(|known| !fits(known, length)) {
                    *id = Json::text(short(known, length));
                    changed = true;
                }
            }
        });
    }
    changed
}

fn fits(id: &str, length: usize) -> bool {
    id.len() == length && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `length` letters and digits that stand for `id`: FNV-1a (RFC 9923) of 64 bits, in base 62, run on where they are used
/// up. Two of 10,000 calls have the same nine with a chance of 1 in 10^8.
fn short(id: &str, length: usize) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let mut left = hash;
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        if left == 0 {
            hash = hash.wrapping_mul(PRIME) ^ 1;
            left = hash;
        }
        let digit = usize::try_from(left % 62).unwrap_or_default();
        text.push(char::from(DIGITS.get(digit).copied().unwrap_or(b'0')));
        left /= 62;
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn applied(declared: &str, body: &str) -> (Option<String>, Vec<String>) {
        let quirks = Quirks::compile(serde_json::from_str(declared).unwrap()).unwrap().unwrap();
        let mut losses = Losses::default();
        let applied = || quirks.apply(body.as_bytes(), Members::new(), &mut losses);
        let written = quirks.may_mind(&[body]).then(applied).flatten();
        let losses = losses.names().iter().map(ToString::to_string).collect();
        (written.map(|bytes| String::from_utf8(bytes).unwrap()), losses)
    }

    #[test]
    fn what_is_dropped_is_a_loss_and_nothing_else_changes() {
        let declared = r#"{"drop": ["logprobs", "messages[].name", "seed"], "omit": ["stream_options"]}"#;
        let body = r#"{"model":"m","n":1.50,"logprobs":true,"seed":null,"stream_options":{},"messages":[{"name":"a","content":"b"},{"content":"c"}]}"#;
        let (written, losses) = applied(declared, body);
        assert_eq!(written.as_deref(), Some(r#"{"model":"m","n":1.50,"messages":[{"content":"b"},{"content":"c"}]}"#));
        assert_eq!(losses, ["logprobs", "messages[].name"]);
        let untouched = r#"{"model":"m","messages":[{"content":"logprobs"}]}"#;
        assert_eq!(applied(declared, untouched), (None, vec![]));
    }

    #[test]
    fn names_and_words_are_replaced_without_loss() {
        let declared = r#"{"rename": {"seed": "random_seed"}, "values": {"messages[].role": {"developer": "system"}}}"#;
        let body = r#"{"seed":7,"messages":[{"role":"developer","content":"developer"},{"role":"user"}]}"#;
        let expected = r#"{"random_seed":7,"messages":[{"role":"system","content":"developer"},{"role":"user"}]}"#;
        assert_eq!(applied(declared, body), (Some(expected.to_owned()), vec![]));
        let both = r#"{"seed":7,"random_seed":8}"#;
        assert_eq!(applied(declared, both), (Some(r#"{"random_seed":8}"#.to_owned()), vec!["seed".to_owned()]));
        let texts = r#"{"rename_text": {"choice": "option"}}"#;
        assert_eq!(applied(texts, r#"{"choice":"auto"}"#), (Some(r#"{"option":"auto"}"#.to_owned()), vec![]));
        assert_eq!(applied(texts, r#"{"choice":{"type":"function"}}"#), (None, vec![]));
    }

    #[test]
    fn what_is_set_holds_whatever_the_body_says() {
        let declared = r#"{"set": {"version": "v1", "options.project": "ours"}, "omit": ["model"]}"#;
        let (written, losses) = applied(declared, r#"{"model":"m","n":1.50}"#);
        assert_eq!(
            (written.as_deref(), losses),
            (Some(r#"{"n":1.50,"options":{"project":"ours"},"version":"v1"}"#), vec![])
        );
        let (written, _) = applied(declared, r#"{"version":7,"options":{"project":"theirs"}}"#);
        assert_eq!(written.as_deref(), Some(r#"{"version":"v1","options":{"project":"ours"}}"#));
        assert_eq!(applied(r#"{"set": {"a": "b"}}"#, "[").0, None);
        let (written, _) = applied(r#"{"set": {"a.b.c": "d", "a.e": "f"}}"#, r#"{"a":{"g":1}}"#);
        assert_eq!(written.as_deref(), Some(r#"{"a":{"g":1,"b":{"c":"d"},"e":"f"}}"#));
    }

    #[test]
    fn headers_become_lists_unless_the_body_has_them() {
        let declared = serde_json::from_str(r#"{"headers": {"anthropic-beta": "anthropic_beta"}}"#).unwrap();
        let quirks = Quirks::compile(declared).unwrap().unwrap();
        let apply = |value: Option<&'static str>, body: &str| {
            let moved = quirks.moved(&|name| value.filter(|_| name == "anthropic-beta"));
            let written = quirks.apply(body.as_bytes(), moved, &mut Losses::default());
            written.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(apply(Some("a, b"), "{}").as_deref(), Some(r#"{"anthropic_beta":["a","b"]}"#));
        assert_eq!(apply(Some("a"), r#"{"anthropic_beta":["c"]}"#), None);
        assert_eq!(apply(None, "{}"), None);
        assert!(quirks.moves_headers());
    }

    #[test]
    fn only_the_words_that_are_known_stay() {
        let declared = r#"{"only": {"tool_choice": ["auto"]}}"#;
        assert_eq!(applied(declared, r#"{"tool_choice":"auto"}"#), (None, vec![]));
        for choice in [r#""required""#, r#"{"type":"function"}"#] {
            let (written, losses) = applied(declared, &format!(r#"{{"tool_choice":{choice}}}"#));
            assert_eq!((written.as_deref(), losses), (Some("{}"), vec!["tool_choice".to_owned()]));
        }
    }

    #[test]
    fn a_call_and_its_result_keep_the_same_name() {
        let body = r#"{"messages":[{"tool_calls":[{"id":"call_PTLP8xhu3uwZk4l3nlnrrJha"},{"id":"a1B2c3D4e"}]},{"tool_call_id":"call_PTLP8xhu3uwZk4l3nlnrrJha"}]}"#;
        let (written, losses) = applied(r#"{"call_ids": 9}"#, body);
        let json: serde_json::Value = serde_json::from_str(&written.unwrap()).unwrap();
        let id = json["messages"][0]["tool_calls"][0]["id"].as_str().unwrap();
        assert!(fits(id, 9), "{id}");
        assert_eq!(json["messages"][1]["tool_call_id"], id);
        assert_eq!(json["messages"][0]["tool_calls"][1]["id"], "a1B2c3D4e");
        assert!(losses.is_empty());
        assert_ne!(short("call_1", 9), short("call_2", 9));
        assert_eq!(short("", 40).len(), 40);
    }

    #[test]
    fn what_is_no_path_is_refused_and_nothing_is_nothing() {
        for path in ["", "a.", "a[", "a[]", "[].b", "a\"b"] {
            let declared = Declared { drop: vec![path.to_owned()], ..Declared::default() };
            assert!(Quirks::compile(declared).is_err(), "{path}");
        }
        assert!(Quirks::compile(Declared::default()).unwrap().is_none());
    }
}
