//! The chunk that most of a stream is made of, read in one pass and without a tree: more text of one choice, and nothing
//! else that matters. Whatever is not surely that is read in full.

use crate::canonical::Text;
use crate::json::{Cursor, Fault, Rule, unescape_lossy};

/// More text of one choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plain<'a> {
    pub(super) index: u64,
    /// Whether it is thought, and not said.
    pub(super) thought: bool,
    pub(super) text: Text<'a>,
}

/// More text, if `data` is nothing but that.
pub(super) fn plain(data: &[u8]) -> Option<Plain<'_>> {
    let mut cursor = Cursor::new(data, 0);
    let mut found = Plain { index: 0, thought: false, text: Text::Borrowed("") };
    let mut seen = false;
    let walked = cursor.members(0, |cursor, key| match key.raw {
        _ if key.escaped => not_plain(cursor),
        b"choices" => {
            once(cursor, &mut seen)?;
            only_choice(cursor, &mut found)
        }
        b"usage" | b"error" | b"x_groq" => null(cursor, 1),
        _ => cursor.pass(1).map(drop),
    });
    (walked.is_ok() && seen && cursor.end().is_ok()).then_some(found)
}

fn only_choice<'a>(cursor: &mut Cursor<'a>, found: &mut Plain<'a>) -> Result<(), Fault> {
    let mut any = false;
    cursor.items(1, |cursor| {
        once(cursor, &mut any)?;
        let (mut index, mut delta) = (false, false);
        cursor.members(2, |cursor, key| match key.raw {
            _ if key.escaped => not_plain(cursor),
            b"index" => {
                once(cursor, &mut index)?;
                let digits = std::str::from_utf8(cursor.pass(3)?.bytes()).unwrap_or_default();
                found.index = digits.parse().map_err(|_| Rule::Number.at(cursor.at))?;
                Ok(())
            }
            b"delta" => {
                once(cursor, &mut delta)?;
                text(cursor, found)
            }
            b"finish_reason" | b"logprobs" | b"message" | b"text" | b"usage" => null(cursor, 3),
            _ => cursor.pass(3).map(drop),
        })
    })?;
    if any { Ok(()) } else { not_plain(cursor) }
}

fn text<'a>(cursor: &mut Cursor<'a>, found: &mut Plain<'a>) -> Result<(), Fault> {
    let mut any = false;
    cursor.members(3, |cursor, key| match key.raw {
        b"content" | b"reasoning_content" if cursor.peek() == Some(b'"') => {
            once(cursor, &mut any)?;
            if let Some(text) = cursor.maybe_string()? {
                found.thought = key.raw == b"reasoning_content";
                found.text = unescape_lossy(&text);
            }
            Ok(())
        }
        b"role" if !key.escaped => cursor.pass(4).map(drop),
        _ => null(cursor, 4),
    })
}

/// Refuses the second of what must be the only one.
fn once(cursor: &Cursor<'_>, seen: &mut bool) -> Result<(), Fault> {
    if std::mem::replace(seen, true) { not_plain(cursor) } else { Ok(()) }
}

fn null(cursor: &mut Cursor<'_>, depth: u32) -> Result<(), Fault> {
    if cursor.pass(depth)?.bytes() == b"null" { Ok(()) } else { not_plain(cursor) }
}

const fn not_plain(cursor: &Cursor<'_>) -> Result<(), Fault> {
    Err(Rule::Value.at(cursor.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(data: &str) -> Option<(u64, bool, String)> {
        plain(data.as_bytes()).map(|plain| (plain.index, plain.thought, plain.text.into_owned()))
    }

    #[test]
    fn more_text_and_nothing_else() {
        let whole = r#" {"id":"x","choices":[{"index":1,"delta":{"role":"assistant","content":"a\n","refusal":null},
            "logprobs":null,"finish_reason":null,"content_filter_results":{}}],"usage":null,"obfuscation":"z"} "#;
        assert_eq!(found(whole), Some((1, false, "a\n".into())));
        let thought = r#"{"choices":[{"delta":{"content":null,"reasoning_content":"h"}}]}"#;
        assert_eq!(found(thought), Some((0, true, "h".into())));
        assert_eq!(found(r#"{"choices":[{"delta":{}}]}"#), Some((0, false, String::new())));
    }

    #[test]
    fn anything_else_is_read_in_full() {
        for data in [
            "",
            "[DONE]",
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"choices":[{"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","content":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","reasoning_content":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":""}]}"#,
            r#"{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"error":{"message":"no"}}"#,
            r#"{"choices":[{"delta":{"content":"a","tool_calls":[]}}]}"#,
            r#"{"choices":[{"delta":{"content":["a"]}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"},"index":-1}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"us\u0061ge":{"prompt_tokens":1}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}]} x"#,
            r#"{"choices":[{"delta":{"content":"a"}}]"#,
        ] {
            assert_eq!(found(data), None, "{data}");
        }
    }
}
