//! Visiting and rewriting strings.

use proptest::prelude::*;
use serde_json::Value;
use tollway_protocol::{
    MalformedKind,
    text::{Path, Step, rewrite_strings},
};

use super::json;

fn shown(path: &Path<'_>) -> String {
    path.keys()
        .iter()
        .map(|step| match step {
            Step::Key(key) => format!(".{key}"),
            Step::Index(index) => format!("[{index}]"),
        })
        .collect()
}

fn visited(json: &str) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    let unchanged = rewrite_strings(json.as_bytes(), &mut |path, text| {
        seen.push((shown(path), text.to_owned()));
        None
    });
    assert_eq!(unchanged, Ok(None));
    seen
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect()
}

#[test]
fn visits_values_in_order_with_their_path() {
    let json = r#"{"a":"1","k\u0065y":[0,"2",{"b":{},"c":"\u00e9\n"},[["3"]],"4"],"n":null,"a":"5"}"#;
    let expected =
        [(".a", "1"), (".key[1]", "2"), (".key[2].c", "é\n"), (".key[3][0][0]", "3"), (".key[4]", "4"), (".a", "5")];
    assert_eq!(visited(json), pairs(&expected));
    assert_eq!(visited(r#" "alone" "#), pairs(&[("", "alone")]));
    assert_eq!(visited(r#"["\ud800x"]"#), pairs(&[("[0]", "\u{fffd}x")]));
    assert_eq!(visited("[1,{},true]"), []);
}

#[test]
fn replaces_only_what_is_returned() {
    let json = r#" {"model" : "m\u002d1","messages":[ {"role":"user","content":"call 555\t1234"} ], "n":1.50}"#;
    let changed = rewrite_strings(json.as_bytes(), &mut |path, text| {
        matches!(path.keys(), [Step::Key("messages"), Step::Index(0), Step::Key("content")])
            .then(|| text.replace("555\t1234", "\"[phone]\"\n"))
    });
    let expected = r#" {"model" : "m\u002d1","messages":[ {"role":"user","content":"call \"[phone]\"\n"} ], "n":1.50}"#;
    assert_eq!(changed.expect("well-formed").as_deref(), Some(expected.as_bytes()));
}

#[test]
fn refuses_before_it_visits() {
    let mut visits = 0;
    let fault = rewrite_strings(br#"{"a":"x","b":["y",}"#, &mut |_, _| {
        visits += 1;
        None
    });
    let fault = fault.expect_err("malformed");
    assert_eq!((fault.kind, fault.param.as_str(), visits), (MalformedKind::Syntax, "b[1]", 0));
    let deep = "[".repeat(65);
    assert_eq!(rewrite_strings(deep.as_bytes(), &mut |_, _| None).expect_err("deep").kind, MalformedKind::TooDeep);
}

/// The strings of a tree. Of members that share a key it holds the last alone.
fn strings(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(members) => members.values().for_each(|item| strings(item, out)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each string put in place of itself leaves an equal document, and finds as many strings in it.
    #[test]
    fn identity(json in json::value()) {
        let mut seen = Vec::new();
        let same = rewrite_strings(json.as_bytes(), &mut |_, text| {
            seen.push(text.to_owned());
            Some(text.to_owned())
        }).expect("well-formed");
        let before: Value = serde_json::from_str(&json).expect("JSON");
        prop_assert_eq!(same.is_none(), seen.is_empty());
        let after = same.unwrap_or_else(|| json.clone().into_bytes());
        prop_assert_eq!(&serde_json::from_slice::<Value>(&after).expect("JSON"), &before);
        let mut again = Vec::new();
        let none = rewrite_strings(&after, &mut |_, text| { again.push(text.to_owned()); None });
        prop_assert_eq!(none, Ok(None));
        prop_assert_eq!(again, seen);
    }

    /// What is put in is what is found.
    #[test]
    fn replacement(json in json::value(), new in ".{0,20}") {
        let changed = rewrite_strings(json.as_bytes(), &mut |_, _| Some(new.clone())).expect("well-formed");
        let Some(changed) = changed else { return Ok(()) };
        let mut found = Vec::new();
        strings(&serde_json::from_slice(&changed).expect("JSON"), &mut found);
        prop_assert!(found.iter().all(|text| *text == new));
    }
}
