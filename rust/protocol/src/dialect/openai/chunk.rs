//! The events of a stream.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::usage::{read_tier, read_usage};
use crate::canonical::{Tier, Usage};
use crate::dialect::{UpstreamError, parse_error};
use crate::json::{Cursor, Fault};

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
        usage: Option<Box<Usage>>,
    },
    /// Usage and no choices, as OpenAI sends it last if `include_usage` was asked for.
    UsageOnly(Box<Usage>),
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
    usage: Option<Box<Usage>>,
    tier: Option<Tier>,
    error: bool,
    /// Whether the object may be an error without a member `error`, or a keep-alive.
    bare: bool,
    /// Whether there are no members at all.
    empty: bool,
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
    let mut cursor = Cursor::new(data, 0);
    let mut seen = Seen { empty: true, ..Seen::default() };
    let object = cursor.if_object(0, |cursor, key| {
        seen.empty = false;
        match key.raw {
            b"choices" => seen.choices = look_at_choices(cursor)?,
            b"usage" => seen.usage = read_usage(cursor, 1)?.map(Box::new).or(seen.usage.take()),
            b"x_groq" => seen.usage = seen.usage.take().or(look_into_groq(cursor)?.map(Box::new)),
            b"service_tier" => seen.tier = read_tier(cursor, 1)?,
            b"error" => {
                seen.error = matches!(cursor.peek(), Some(b'{' | b'"'));
                cursor.pass(1)?;
            }
            name => {
                seen.bare |= matches!(name, b"object" | b"message" | b"detail" | b"type");
                cursor.pass(1)?;
            }
        }
        Ok(())
    })?;
    cursor.end()?;
    if let Some(usage) = &mut seen.usage {
        usage.tier = seen.tier;
    }
    Ok(if object { seen.judge(data) } else { Chunk::Malformed })
}

impl Seen {
    fn judge(self, data: &[u8]) -> Chunk {
        let may_be_error = self.error || (self.bare && self.choices == Choices::Absent);
        if let Some(error) = may_be_error.then(|| parse_error(data)).flatten() {
            return Chunk::Error(error);
        }
        match (self.choices, self.usage) {
            (Choices::Some { content: true, finish } | Choices::Some { finish: finish @ true, .. }, usage) => {
                Chunk::Content { finish, usage }
            }
            // Some send the usage last beside an empty delta; with nothing counted yet, it is the stream's head.
            (Choices::Some { .. }, Some(usage)) if usage.all_output().is_some_and(|output| output > 0) => {
                Chunk::Content { finish: false, usage: Some(usage) }
            }
            (Choices::Some { .. }, _) | (Choices::Empty, None) => Chunk::Preamble,
            (Choices::Empty | Choices::Absent, Some(usage)) => Chunk::UsageOnly(usage),
            (Choices::Absent, None) if self.empty || is_ping(data) => Chunk::Preamble,
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

fn look_at_choices(cursor: &mut Cursor<'_>) -> Result<Choices, Fault> {
    let (mut any, mut content, mut finish) = (false, false, false);
    cursor.if_array(1, |cursor| {
        any |= cursor.if_object(2, |cursor, key| {
            match key.raw {
                b"delta" | b"message" => content |= delta_has_content(cursor)?,
                b"text" => content |= has_substance(cursor, 3)?,
                b"finish_reason" => finish |= has_substance(cursor, 3)?,
                _ => drop(cursor.pass(3)?),
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(if any { Choices::Some { content, finish } } else { Choices::Empty })
}

fn delta_has_content(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    if cursor.peek() != Some(b'{') {
        return has_substance(cursor, 3);
    }
    let mut content = false;
    cursor.members(3, |cursor, key| {
        if key.raw == b"role" {
            return cursor.pass(4).map(drop);
        }
        content |= has_substance(cursor, 4)?;
        Ok(())
    })?;
    Ok(content)
}

/// Takes a value. Whether it holds anything: it is not null, false, `""`, nor a container of nothing else.
fn has_substance(cursor: &mut Cursor<'_>, depth: u32) -> Result<bool, Fault> {
    let mut any = false;
    match cursor.peek() {
        Some(b'{') => cursor.members(depth, |cursor, _| {
            any |= has_substance(cursor, depth + 1)?;
            Ok(())
        })?,
        Some(b'[') => cursor.items(depth, |cursor| {
            any |= has_substance(cursor, depth + 1)?;
            Ok(())
        })?,
        _ => any = !matches!(cursor.pass(depth)?.bytes(), b"null" | b"false" | b"\"\""),
    }
    Ok(any)
}

/// Groq reports a stream's usage in an object of its own.
fn look_into_groq(cursor: &mut Cursor<'_>) -> Result<Option<Usage>, Fault> {
    let mut usage = None;
    cursor.if_object(1, |cursor, key| {
        if key.raw == b"usage" {
            usage = read_usage(cursor, 2)?;
            return Ok(());
        }
        cursor.pass(2).map(drop)
    })?;
    Ok(usage)
}
