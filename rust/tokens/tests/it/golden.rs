//! Against tiktoken: `golden.json` has its counts; `scripts/golden_tokens.py` makes that file.

use serde_json::Value;
use tollway_tokens::count_text;

use crate::recorded::lines;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden.json")).unwrap()
}

#[test]
fn texts() {
    let golden = golden();
    let texts = golden["texts"].as_array().unwrap();
    assert!(texts.len() > 500);
    for entry in texts {
        let text = entry[0].as_str().unwrap();
        assert_eq!(count_text("gpt-4o", text), entry[1], "o200k: {text:?}");
        assert_eq!(count_text("gpt-4", text), entry[2], "cl100k: {text:?}");
    }
}

#[test]
fn recorded_requests() {
    let Some(lines) = lines() else {
        println!("skipped: there is no recorded traffic");
        return;
    };
    let mut sums = [0, 0, 0];
    for case in lines {
        strings(&case["req"]["json"], &mut |text| {
            sums[0] += 1;
            sums[1] += count_text("gpt-4o", text);
            sums[2] += count_text("gpt-4", text);
        });
    }
    assert_eq!(serde_json::json!(sums), golden()["recorded"]);
}

/// The strings in `value`, in the order of their keys.
fn strings(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(entries) => entries.iter().for_each(|entry| strings(entry, each)),
        Value::Object(members) => members.values().for_each(|entry| strings(entry, each)),
        _ => {}
    }
}
