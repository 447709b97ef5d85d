//! The text of a stream's events, for who counts it: found without reading the rest.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::json::{Cursor, Fault, unescape_lossy};

/// What `each` is given a text as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// Said to the caller: text, a refusal, what tools are called and called with.
    Said,
    /// Thought.
    Thought,
}

/// Gives the text that the event `data` of a stream holds to `each`, piece by piece; what is not quite JSON, up to there.
pub fn spoken(data: &[u8], each: &mut dyn FnMut(Spoken, &str)) {
    static DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"delta\""));
    static TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"text\""));
    let mut any = false;
    for at in DELTA.find_iter(data) {
        any = true;
        let _ = value(data, at + DELTA.needle().len(), &mut |cursor| delta(cursor, each));
    }
    // Older completions have no delta.
    for at in TEXT.find_iter(data).take_while(|_| !any) {
        let _ = value(data, at + TEXT.needle().len(), &mut |cursor| texts(cursor, Spoken::Said, each));
    }
}

/// Lets `take` read the value of the key that ends before `at`; what is no key has none.
fn value<'a>(
    data: &'a [u8],
    at: usize,
    take: &mut dyn FnMut(&mut Cursor<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut cursor = Cursor::new(data, at);
    if cursor.peek() != Some(b':') {
        return Ok(());
    }
    cursor.at += 1;
    take(&mut cursor)
}

fn delta(cursor: &mut Cursor<'_>, each: &mut dyn FnMut(Spoken, &str)) -> Result<(), Fault> {
    // Some name the same thought twice.
    let mut thought = false;
    cursor.if_object(3, |cursor, key| match key.raw {
        b"content" | b"refusal" => texts(cursor, Spoken::Said, each),
        b"reasoning_content" | b"reasoning" if !thought => {
            thought = cursor.peek() == Some(b'"');
            texts(cursor, Spoken::Thought, each)
        }
        b"tool_calls" => cursor.if_array(4, |cursor| calls(cursor, 5, each)).map(drop),
        b"function_call" => call(cursor, 4, each),
        _ => cursor.pass(4).map(drop),
    })?;
    Ok(())
}

fn calls(cursor: &mut Cursor<'_>, depth: u32, each: &mut dyn FnMut(Spoken, &str)) -> Result<(), Fault> {
    cursor.if_object(depth, |cursor, key| match key.raw {
        b"function" => call(cursor, depth + 1, each),
        _ => cursor.pass(depth + 1).map(drop),
    })?;
    Ok(())
}

fn call(cursor: &mut Cursor<'_>, depth: u32, each: &mut dyn FnMut(Spoken, &str)) -> Result<(), Fault> {
    cursor.if_object(depth, |cursor, key| match key.raw {
        b"name" | b"arguments" => texts(cursor, Spoken::Said, each),
        _ => cursor.pass(depth + 1).map(drop),
    })?;
    Ok(())
}

/// A text, or a list of parts (Mistral) with texts, or with thoughts, which are such a list again.
fn texts(cursor: &mut Cursor<'_>, kind: Spoken, each: &mut dyn FnMut(Spoken, &str)) -> Result<(), Fault> {
    if let Some(text) = cursor.maybe_string()? {
        each(kind, &unescape_lossy(&text));
        return Ok(());
    }
    cursor.if_array(8, |cursor| {
        cursor.if_object(9, |cursor, key| match key.raw {
            b"text" => texts(cursor, kind, each),
            b"thinking" if kind == Spoken::Said => texts(cursor, Spoken::Thought, each),
            _ => cursor.pass(10).map(drop),
        })?;
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(data: &str) -> (String, String) {
        let (mut said, mut thought) = (String::new(), String::new());
        spoken(data.as_bytes(), &mut |kind, text| match kind {
            Spoken::Said => said.push_str(text),
            Spoken::Thought => thought.push_str(text),
        });
        (said, thought)
    }

    #[test]
    fn what_is_said_and_what_is_thought() {
        for (data, said, thought) in [
            (r#"{"choices":[{"delta":{"role":"assistant","content":"H\u00e4 \"x\""}}]}"#, "Hä \"x\"", ""),
            (r#"{"choices":[{"delta" : {"content": "a"}},{"delta":{"refusal":"b"}}]}"#, "ab", ""),
            (r#"{"choices":[{"delta":{"reasoning":"t","reasoning_content":"t","content":null}}]}"#, "", "t"),
            (r#"{"choices":[{"delta":{"reasoning_content":null,"reasoning":"t"}}]}"#, "", "t"),
            (
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\""}}]}}]}"#,
                "f{\"a\"",
                "",
            ),
            (r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"1"}}}]}"#, "f1", ""),
            (
                r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"s"}]}}]}"#,
                "s",
                "t",
            ),
            (r#"{"choices":[{"text":"legacy","index":0}]}"#, "legacy", ""),
            (r#"{"object":"delta","choices":[{"delta":{}}]}"#, "", ""),
            (r#"{"choices":[{"delta":{"content":"cut"#, "", ""),
            ("", "", ""),
        ] {
            assert_eq!(heard(data), (said.to_owned(), thought.to_owned()), "{data}");
        }
    }
}
