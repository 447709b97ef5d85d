//! Names of members in either spelling, enumerations as words or numbers, lists of one without their brackets: what
//! protocol buffers' JSON form lets callers write (<https://protobuf.dev/programming-guides/json>).

use std::borrow::Cow;

use super::GEMINI;
use crate::canonical::{Rest, Text};
use crate::json::{At, Fields, Invalid, Json, Members};

/// The object `json`, its members' names in camelCase.
pub(super) fn object<'a, 'p>(json: Json<'a>, at: At<'p>) -> Result<Fields<'a, 'p>, Invalid> {
    Fields::of(in_camel_case(json), at)
}

/// `json` with the names of its own members, not of theirs, in camelCase.
pub(super) fn in_camel_case(json: Json<'_>) -> Json<'_> {
    let Json::Object(Members(mut members)) = json else { return json };
    for (name, _) in &mut members {
        if name.contains('_') {
            *name = Cow::Owned(camel_case(name));
        }
    }
    Json::Object(Members(members))
}

fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split('_').filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !out.is_empty() => out.push(first.to_ascii_uppercase()),
            Some(first) => out.push(first),
            None => {}
        }
        out.push_str(letters.as_str());
    }
    out
}

/// Takes a list, also one of a single object without its brackets, and reads each item with `read`.
pub(super) fn each<'a, T>(
    fields: &mut Fields<'a, '_>,
    name: &str,
    mut read: impl FnMut(Json<'a>, At<'_>) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let at = *fields.at();
    let list = at.member(name);
    match fields.take(name) {
        None => Ok(Vec::new()),
        Some(Json::Array(items)) => {
            items.into_iter().enumerate().map(|(index, item)| read(item, list.item(index))).collect()
        }
        Some(single @ Json::Object(_)) => Ok(vec![read(single, list)?]),
        Some(_) => Err(list.invalid("must be an array")),
    }
}

/// Takes an enumeration's value; `words` are its words by number, from 0.
pub(super) fn word<'a>(fields: &mut Fields<'a, '_>, name: &str, words: &[&str]) -> Result<Option<Text<'a>>, Invalid> {
    let at = *fields.at();
    match fields.take(name) {
        None => Ok(None),
        Some(Json::String(word)) => Ok(Some(word)),
        Some(number @ Json::Number(_)) => {
            let index = number.as_u64().and_then(|number| usize::try_from(number).ok());
            let word = index.and_then(|index| words.get(index)).filter(|word| !word.is_empty());
            Ok(Some(word.map_or_else(|| Cow::Owned(number.to_text()), |word| Cow::Owned((*word).to_owned()))))
        }
        Some(_) => Err(at.member(name).invalid("must be a string")),
    }
}

/// The names of what another dialect said in `rest`, so far as that says anything: clients send empty lists back.
pub(super) fn said<'r>(rest: &'r Rest<'_>) -> impl Iterator<Item = &'r str> {
    rest.foreign_to(GEMINI).filter(|name| match rest.members.get(name) {
        Some(Json::Array(items)) => !items.is_empty(),
        Some(Json::Object(members)) => !members.is_empty(),
        Some(Json::String(text)) => !text.is_empty(),
        Some(Json::Bool(flag)) => *flag,
        _ => true,
    })
}

/// Base64 in the standard alphabet; Google's clients also write the URL-safe one (RFC 4648, section 5).
pub(super) fn standard_base64(data: Text<'_>) -> Text<'_> {
    if memchr::memchr2(b'-', b'_', data.as_bytes()).is_none() {
        return data;
    }
    Cow::Owned(
        data.chars()
            .map(|char| {
                if char == '-' {
                    '+'
                } else if char == '_' {
                    '/'
                } else {
                    char
                }
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (name, camel) in [("mime_type", "mimeType"), ("mimeType", "mimeType"), ("_a_b", "aB"), ("top_k", "topK")] {
            assert_eq!(camel_case(name), camel);
        }
        let both = Json::parse(br#"{"top_k":1,"topK":2}"#).expect("JSON");
        assert!(object(both, At::ROOT).is_err());
    }
}
