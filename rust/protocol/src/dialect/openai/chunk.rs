//! The events of a stream.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{
    error::{UpstreamError, parse_error},
    usage::{Usage, read_usage},
};
use crate::json::{Fault, Members, Value};

/// What one event of a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// `[DONE]`: the stream is complete.
    Done,
    /// An error in place of a chunk, or beside one.
    Error(UpstreamError),
    /// No real content yet: the role alone, an empty delta, no choices, no data.
    Preamble,
    /// Real content: something in a delta beside the role, or the end of a choice. Also an object without `choices`:
    /// what it is cannot be known, so it passes.
    Content {
        /// Whether a choice ends here.
        finish: bool,
        /// The usage, where reported.
        usage: Option<Usage>,
    },
    /// Usage and no choices, as OpenAI sends it last if `include_usage` was asked for.
    UsageOnly(Usage),
    /// Not a JSON object.
    Malformed,
}

const PLAIN: Chunk = Chunk::Content { finish: false, usage: None };

/// Looks at an event in full. For the head of a stream, where it matters whether content has come.
#[must_use]
pub fn classify(data: &[u8]) -> Chunk {
    match data.trim_ascii() {
        b"" => Chunk::Preamble,
        b"[DONE]" => Chunk::Done,
        data => look(data).unwrap_or(Chunk::Malformed),
    }
}

/// Looks at an event only as far as the rest of a stream needs: what is surely plain content costs a few searches, all
/// else is [`classify`]'d. Takes a preamble for content, and a chunk that is not quite JSON too.
#[must_use]
pub fn quick(data: &[u8]) -> Chunk {
    if is_plain(data) { PLAIN } else { classify(data) }
}

/// Inside a string these words' quotes would be escaped, so where they are found they are keys, or whole values, for
/// which the full look is only slower.
fn is_plain(data: &[u8]) -> bool {
    static CHOICES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"choices\""));
    static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));
    static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
    static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
    data.first() == Some(&b'{')
        && data.last() == Some(&b'}')
        && CHOICES.find(data).is_some()
        && ERROR.find(data).is_none()
        && all_null(data, &FINISH)
        && all_null(data, &USAGE)
}

/// Whether the key is null wherever it occurs.
fn all_null(data: &[u8], key: &Finder<'_>) -> bool {
    let len = key.needle().len();
    key.find_iter(data).all(|at| {
        let value = data.get(at + len..).unwrap_or_default().trim_ascii_start().strip_prefix(b":");
        value.is_some_and(|value| value.trim_ascii_start().starts_with(b"null"))
    })
}

/// What the full look has found.
#[derive(Default)]
struct Seen {
    choices: Choices,
    usage: Option<Usage>,
    error: bool,
    /// Whether the object may be an error without a member `error`, or a keep-alive.
    bare: bool,
}

#[derive(Default, PartialEq, Eq)]
enum Choices {
    #[default]
    Absent,
    Empty,
    Some {
        content: bool,
        finish: bool,
    },
}

fn look(data: &[u8]) -> Result<Chunk, Fault> {
    let Some(mut members) = Members::of_document(data) else { return Ok(Chunk::Malformed) };
    let mut seen = Seen::default();
    while let Some((key, value)) = members.next()? {
        match key.raw {
            b"choices" => seen.choices = look_at_choices(&value)?,
            b"usage" => seen.usage = read_usage(&value, 1)?.or(seen.usage),
            b"x_groq" => seen.usage = seen.usage.or(look_into_groq(&value)?),
            b"error" => seen.error = matches!(value.first(), b'{' | b'"'),
            b"object" | b"message" | b"detail" | b"type" => seen.bare = true,
            _ => {}
        }
    }
    members.end()?;
    Ok(seen.judge(data, !members.begun()))
}

impl Seen {
    fn judge(self, data: &[u8], empty: bool) -> Chunk {
        let may_be_error = self.error || (self.bare && self.choices == Choices::Absent);
        if let Some(error) = may_be_error.then(|| parse_error(data)).flatten() {
            return Chunk::Error(error);
        }
        match (self.choices, self.usage) {
            (Choices::Some { content: true, finish } | Choices::Some { finish: finish @ true, .. }, usage) => {
                Chunk::Content { finish, usage }
            }
            // Some send the usage last beside an empty delta; with nothing counted yet, it is the stream's head.
            (Choices::Some { .. }, usage @ Some(Usage { output: Some(1..), .. })) => {
                Chunk::Content { finish: false, usage }
            }
            (Choices::Some { .. }, _) | (Choices::Empty, None) => Chunk::Preamble,
            (Choices::Empty | Choices::Absent, Some(usage)) => Chunk::UsageOnly(usage),
            (Choices::Absent, None) if empty || is_ping(data) => Chunk::Preamble,
            (Choices::Absent, None) => PLAIN,
        }
    }
}

fn is_ping(data: &[u8]) -> bool {
    let kind = serde_json::from_slice(data).ok().and_then(|object: serde_json::Value| {
        let kind = object.get("type").or(object.get("event"))?;
        Some(matches!(kind.as_str()?, "ping" | "keepalive" | "keep-alive" | "heartbeat"))
    });
    kind.unwrap_or_default()
}

fn look_at_choices(value: &Value<'_>) -> Result<Choices, Fault> {
    let Some(mut items) = value.items(1) else { return Ok(Choices::Empty) };
    let mut seen = Choices::Empty;
    let (mut any_content, mut any_finish) = (false, false);
    while let Some(choice) = items.next()? {
        let Some(mut members) = choice.members(2) else { continue };
        while let Some((key, value)) = members.next()? {
            match key.raw {
                b"delta" | b"message" => any_content |= delta_has_content(&value)?,
                b"text" => any_content |= has_substance(&value, 3)?,
                b"finish_reason" => any_finish |= has_substance(&value, 3)?,
                _ => {}
            }
        }
        seen = Choices::Some { content: any_content, finish: any_finish };
    }
    Ok(seen)
}

fn delta_has_content(delta: &Value<'_>) -> Result<bool, Fault> {
    let Some(mut members) = delta.members(3) else { return has_substance(delta, 3) };
    while let Some((key, value)) = members.next()? {
        if key.raw != b"role" && has_substance(&value, 4)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a value holds anything: not null, false, `""`, nor a container of nothing else.
fn has_substance(value: &Value<'_>, depth: u32) -> Result<bool, Fault> {
    match value.first() {
        b'n' | b'f' => return Ok(false),
        b'"' => return Ok(value.bytes().len() > 2),
        _ => {}
    }
    if let Some(mut members) = value.members(depth) {
        while let Some((_, value)) = members.next()? {
            if has_substance(&value, depth + 1)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let Some(mut items) = value.items(depth) else { return Ok(true) };
    while let Some(item) = items.next()? {
        if has_substance(&item, depth + 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Groq reports a stream's usage in an object of its own.
fn look_into_groq(value: &Value<'_>) -> Result<Option<Usage>, Fault> {
    let Some(mut members) = value.members(1) else { return Ok(None) };
    while let Some((key, value)) = members.next()? {
        if key.raw == b"usage" {
            return read_usage(&value, 2);
        }
    }
    Ok(None)
}
