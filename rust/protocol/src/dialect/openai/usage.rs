//! Tokens, and what else a whole answer tells of itself.

use crate::canonical::Usage as Tokens;
use crate::json::{Cursor, Fault, Json, Members, unescape_lossy};

/// Tokens as the upstream reported them; None where it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// `prompt_tokens`, the cached ones included.
    pub input: Option<u64>,
    /// `completion_tokens`, the reasoning included.
    pub output: Option<u64>,
    /// `prompt_tokens_details.cached_tokens`; else DeepSeek's `prompt_cache_hit_tokens`, or a bare `cached_tokens`.
    pub cached: Option<u64>,
    /// `completion_tokens_details.reasoning_tokens`.
    pub reasoning: Option<u64>,
}

/// What a whole answer tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The usage, where reported.
    pub usage: Option<Usage>,
    /// The model that answered.
    pub model: Option<String>,
    /// The first choice's `finish_reason`.
    pub finish: Option<String>,
}

/// Reads a whole JSON answer. None if it is not a JSON object; what it lacks, or has in an unknown form, is None in the
/// answer.
#[must_use]
pub fn usage_of_answer(body: &[u8]) -> Option<Answer> {
    read_answer(body).ok().flatten()
}

fn read_answer(body: &[u8]) -> Result<Option<Answer>, Fault> {
    let mut cursor = Cursor::new(body, 0);
    let mut answer = Answer::default();
    let object = cursor.if_object(0, |cursor, key| {
        match key.raw {
            b"usage" => answer.usage = read_usage(cursor, 1)?,
            b"model" => answer.model = string(cursor, 1)?,
            b"choices" => answer.finish = finish_of_first(cursor)?,
            _ => drop(cursor.pass(1)?),
        }
        Ok(())
    })?;
    cursor.end()?;
    Ok(object.then_some(answer))
}

fn finish_of_first(cursor: &mut Cursor<'_>) -> Result<Option<String>, Fault> {
    let mut finish = None;
    let mut first = true;
    cursor.if_array(1, |cursor| {
        if !std::mem::take(&mut first) {
            return cursor.pass(2).map(drop);
        }
        cursor.if_object(2, |cursor, key| {
            if key.raw == b"finish_reason" {
                finish = string(cursor, 3)?;
                return Ok(());
            }
            cursor.pass(3).map(drop)
        })?;
        Ok(())
    })?;
    Ok(finish)
}

fn string(cursor: &mut Cursor<'_>, depth: u32) -> Result<Option<String>, Fault> {
    let text = cursor.maybe_string()?;
    if text.is_none() {
        cursor.pass(depth)?;
    }
    Ok(text.map(|text| unescape_lossy(&text).into_owned()))
}

/// Reads a usage object that lies inside `depth` containers. None if it reports nothing.
pub(super) fn read_usage(cursor: &mut Cursor<'_>, depth: u32) -> Result<Option<Usage>, Fault> {
    let mut usage = Usage::default();
    let mut cached_elsewhere = None;
    cursor.if_object(depth, |cursor, key| {
        let inner = depth + 1;
        match key.raw {
            b"prompt_tokens" => usage.input = count(cursor, inner)?,
            b"completion_tokens" => usage.output = count(cursor, inner)?,
            b"prompt_tokens_details" => usage.cached = count_in(cursor, inner, b"cached_tokens")?,
            b"completion_tokens_details" => usage.reasoning = count_in(cursor, inner, b"reasoning_tokens")?,
            b"prompt_cache_hit_tokens" | b"cached_tokens" => cached_elsewhere = count(cursor, inner)?,
            _ => drop(cursor.pass(inner)?),
        }
        Ok(())
    })?;
    usage.cached = usage.cached.or(cached_elsewhere);
    Ok((usage != Usage::default()).then_some(usage))
}

fn count_in(cursor: &mut Cursor<'_>, depth: u32, name: &[u8]) -> Result<Option<u64>, Fault> {
    let mut found = None;
    cursor.if_object(depth, |cursor, key| {
        let value = count(cursor, depth + 1)?;
        if key.raw == name {
            found = value;
        }
        Ok(())
    })?;
    Ok(found)
}

/// A whole number, also where it is written as `12.0`.
fn count(cursor: &mut Cursor<'_>, depth: u32) -> Result<Option<u64>, Fault> {
    let value = cursor.pass(depth)?;
    let whole = value.bytes().strip_suffix(b".0").unwrap_or(value.bytes());
    Ok(std::str::from_utf8(whole).ok().and_then(|digits| digits.parse().ok()))
}

/// Reads a usage object. None if it reports nothing.
///
/// `prompt_tokens` include what was read from and written to the cache; the latter is `cache_write_tokens` (OpenRouter),
/// `cache_creation_tokens` or `cache_creation_input_tokens` (LiteLLM). xAI's `completion_tokens` exclude the reasoning:
/// the total shows it.
#[must_use]
pub fn read(json: &Json<'_>) -> Option<Tokens> {
    let count = |name: &str| json.get(name).and_then(Json::as_u64);
    let prompt = |name: &str| json.get("prompt_tokens_details")?.get(name)?.as_u64();
    let completion = |name: &str| json.get("completion_tokens_details")?.get(name)?.as_u64();
    let (whole_input, whole_output, total) =
        (count("prompt_tokens"), count("completion_tokens"), count("total_tokens"));
    let cached = || count("prompt_cache_hit_tokens").or_else(|| count("cached_tokens"));
    let written = || prompt("cache_creation_tokens").or_else(|| count("cache_creation_input_tokens"));
    let mut input = Share(whole_input);
    let cache_read = input.of(prompt("cached_tokens").or_else(cached).or_else(|| count("cache_read_input_tokens")));
    let cache_write = input.of(prompt("cache_write_tokens").or_else(written));
    let (audio_input, image_input) = (input.of(prompt("audio_tokens")), input.of(prompt("image_tokens")));
    let reasoning = completion("reasoning_tokens").or_else(|| count("reasoning_tokens"));
    let with_reasoning = whole_output.zip(reasoning).map(|(output, reasoning)| output.saturating_add(reasoning));
    let apart = with_reasoning > whole_output
        && total
            .zip(whole_input)
            .is_some_and(|(total, input)| Some(total) == with_reasoning.map(|all| all.saturating_add(input)));
    let mut output = Share(if apart { with_reasoning } else { whole_output });
    let reasoning = output.of(reasoning);
    let (audio_output, image_output) = (output.of(completion("audio_tokens")), output.of(completion("image_tokens")));
    let searches = json.get("server_tool_use").and_then(|used| used.get("web_search_requests")?.as_u64());
    let tokens = Tokens {
        input: input.0,
        cache_read,
        cache_write,
        audio_input,
        image_input,
        output: output.0,
        reasoning,
        audio_output,
        image_output,
        web_searches: searches.or_else(|| count("num_search_queries")),
        ..Tokens::default()
    };
    let total = total.filter(|total| sum(&tokens) != Some(*total));
    let tokens = Tokens { total, ..tokens };
    (tokens != Tokens::default()).then_some(tokens)
}

/// What is left of a whole whose parts are taken out one by one. The parts may overlap (cached recordings): then each
/// gets at most what is left, so that together they are the whole.
struct Share(Option<u64>);

impl Share {
    fn of(&mut self, part: Option<u64>) -> Option<u64> {
        let Some(left) = self.0 else { return part };
        let part = part?.min(left);
        self.0 = Some(left - part);
        Some(part)
    }
}

fn sum(tokens: &Tokens) -> Option<u64> {
    match (tokens.all_input(), tokens.all_output()) {
        (None, None) => None,
        (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
    }
}

/// Writes a usage object: the three sums always, of the details what is known.
#[must_use]
pub fn write(usage: &Tokens) -> Json<'static> {
    let input = Members::new()
        .with_some("cached_tokens", usage.cache_read)
        .with_some("cache_write_tokens", usage.all_cache_write())
        .with_some("audio_tokens", usage.audio_input)
        .with_some("image_tokens", usage.image_input);
    let output = Members::new()
        .with_some("reasoning_tokens", usage.reasoning)
        .with_some("audio_tokens", usage.audio_output)
        .with_some("image_tokens", usage.image_output);
    let searched = usage.web_searches.map(|searches| Members::new().with("web_search_requests", searches));
    Members::new()
        .with("prompt_tokens", usage.all_input().unwrap_or(0))
        .with("completion_tokens", usage.all_output().unwrap_or(0))
        .with("total_tokens", usage.total.or_else(|| sum(usage)).unwrap_or(0))
        .with_some("prompt_tokens_details", Some(input).filter(|details| !details.is_empty()))
        .with_some("completion_tokens_details", Some(output).filter(|details| !details.is_empty()))
        .with_some("server_tool_use", searched)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answer() {
        let body = br#" {"id":"x","model":"gpt-\u0034o","choices":[{"index":0,"message":{"content":"\"usage\""},
            "finish_reason":"stop"},{"finish_reason":"length"}],"usage":{"prompt_tokens":12,"completion_tokens":7.0,
            "total_tokens":19,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":5},
            "completion_tokens_details":{"reasoning_tokens":3}}}"#;
        let usage = Usage { input: Some(12), output: Some(7), cached: Some(5), reasoning: Some(3) };
        let (model, finish) = (Some("gpt-4o".into()), Some("stop".into()));
        assert_eq!(usage_of_answer(body), Some(Answer { usage: Some(usage), model, finish }));
    }

    #[test]
    fn what_is_lacking_or_strange() {
        assert_eq!(usage_of_answer(b"{}"), Some(Answer::default()));
        let strange = br#"{"usage":{"prompt_tokens":-1,"completion_tokens":"7"},"model":4,"choices":{},"x":[1e99]}"#;
        assert_eq!(usage_of_answer(strange), Some(Answer::default()));
        for none in [&b""[..], b"[]", b"null", b"{", b"{}{}", b"upstream failed"] {
            assert_eq!(usage_of_answer(none), None);
        }
    }

    #[test]
    fn cached_tokens_as_others_report_them() {
        let cached = |body: &[u8]| usage_of_answer(body).and_then(|answer| answer.usage?.cached);
        assert_eq!(cached(br#"{"usage":{"prompt_tokens":9,"prompt_cache_hit_tokens":4}}"#), Some(4));
        assert_eq!(cached(br#"{"usage":{"cached_tokens":3,"prompt_tokens_details":null}}"#), Some(3));
        let both = br#"{"usage":{"prompt_tokens_details":{"cached_tokens":2},"cached_tokens":3}}"#;
        assert_eq!(cached(both), Some(2));
    }
}
