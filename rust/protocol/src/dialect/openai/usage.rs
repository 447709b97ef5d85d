//! Tokens, and what else a whole answer tells of itself.

use crate::canonical::{Share, Tier, Usage};
use crate::json::{Cursor, Fault, Json, Members, unescape_lossy};

/// What a whole answer tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The usage, where reported; with the tier alone, where only that was said.
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
    let mut tier = None;
    let object = cursor.if_object(0, |cursor, key| {
        match key.raw {
            b"usage" => answer.usage = read_usage(cursor, 1)?,
            b"model" => answer.model = string(cursor, 1)?,
            b"choices" => answer.finish = finish_of_first(cursor)?,
            b"service_tier" => tier = read_tier(cursor, 1)?,
            _ => drop(cursor.pass(1)?),
        }
        Ok(())
    })?;
    cursor.end()?;
    if tier.is_some() {
        answer.usage.get_or_insert_default().tier = tier;
    }
    Ok(object.then_some(answer))
}

pub(super) fn read_tier(cursor: &mut Cursor<'_>, depth: u32) -> Result<Option<Tier>, Fault> {
    Ok(string(cursor, depth)?.as_deref().and_then(Tier::read))
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

/// Reads a usage object that lies inside `depth` containers, as [`read`] does. None if it reports nothing.
pub(super) fn read_usage(cursor: &mut Cursor<'_>, depth: u32) -> Result<Option<Usage>, Fault> {
    let mut report = Report::default();
    cursor.if_object(depth, |cursor, key| {
        if cursor.peek() == Some(b'{') {
            let details = key.raw;
            return cursor
                .members(depth + 1, |cursor, key| report.note(details, key.raw, cursor.pass(depth + 2)?.bytes()));
        }
        report.note(b"", key.raw, cursor.pass(depth + 1)?.bytes())
    })?;
    Ok(report.usage())
}

/// Reads a `usage` of what has no output, as embeddings and rerankings: some servers say only the total.
#[must_use]
pub fn of_input(json: &Json<'_>) -> Option<Usage> {
    let total = json.get("total_tokens").and_then(Json::as_u64);
    let known = read(json).unwrap_or_default();
    let usage = if known.all_input().is_none_or(|input| input == 0) { Usage { input: total, ..known } } else { known };
    (usage != Usage::default()).then_some(usage)
}

/// Reads a usage object. None if it reports nothing.
///
/// `prompt_tokens` include what was read from and written to the cache; the latter is `cache_write_tokens` (OpenRouter),
/// `cache_creation_tokens` or `cache_creation_input_tokens` (LiteLLM). Some name what was read `prompt_cache_hit_tokens`
/// (DeepSeek), or bare `cached_tokens`. xAI's `completion_tokens` exclude the reasoning: the total shows it.
#[must_use]
pub fn read(json: &Json<'_>) -> Option<Usage> {
    let mut report = Report::default();
    for (name, value) in &json.as_object()?.0 {
        match value {
            Json::Object(details) => {
                for (inner, value) in &details.0 {
                    report.set(name.as_bytes(), inner.as_bytes(), value.as_u64());
                }
            }
            _ => report.set(b"", name.as_bytes(), value.as_u64()),
        }
    }
    report.usage()
}

/// The counts of a usage object, each under whichever name it was reported; of two names the one that comes first in
/// [`Report::slot`] counts.
#[derive(Default)]
struct Report {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cache_read: [Option<u64>; 4],
    cache_write: [Option<u64>; 3],
    audio_input: Option<u64>,
    image_input: Option<u64>,
    video_input: Option<u64>,
    reasoning: [Option<u64>; 2],
    audio_output: Option<u64>,
    image_output: Option<u64>,
    searches: [Option<u64>; 2],
}

impl Report {
    fn slot(&mut self, details: &[u8], name: &[u8]) -> Option<&mut Option<u64>> {
        let [cached, hit, bare, read] = &mut self.cache_read;
        let [written, created, created_input] = &mut self.cache_write;
        let [reasoning, bare_reasoning] = &mut self.reasoning;
        let [searches, queries] = &mut self.searches;
        Some(match (details, name) {
            (b"", b"prompt_tokens") => &mut self.prompt,
            (b"", b"completion_tokens") => &mut self.completion,
            (b"", b"total_tokens") => &mut self.total,
            (b"prompt_tokens_details", b"cached_tokens") => cached,
            (b"", b"prompt_cache_hit_tokens") => hit,
            (b"", b"cached_tokens") => bare,
            (b"", b"cache_read_input_tokens") => read,
            (b"prompt_tokens_details", b"cache_write_tokens") => written,
            (b"prompt_tokens_details", b"cache_creation_tokens") => created,
            (b"", b"cache_creation_input_tokens") => created_input,
            (b"prompt_tokens_details", b"audio_tokens") => &mut self.audio_input,
            (b"prompt_tokens_details", b"image_tokens") => &mut self.image_input,
            (b"prompt_tokens_details", b"video_tokens") => &mut self.video_input,
            (b"completion_tokens_details", b"reasoning_tokens") => reasoning,
            (b"", b"reasoning_tokens") => bare_reasoning,
            (b"completion_tokens_details", b"audio_tokens") => &mut self.audio_output,
            (b"completion_tokens_details", b"image_tokens") => &mut self.image_output,
            (b"server_tool_use", b"web_search_requests") => searches,
            (b"", b"num_search_queries") => queries,
            _ => return None,
        })
    }

    fn set(&mut self, details: &[u8], name: &[u8], count: Option<u64>) {
        if let Some(slot) = self.slot(details, name) {
            *slot = count;
        }
    }

    /// Notes a count as it is written: a whole number, also as `12.0`.
    fn note(&mut self, details: &[u8], name: &[u8], value: &[u8]) -> Result<(), Fault> {
        let whole = value.strip_suffix(b".0").unwrap_or(value);
        self.set(details, name, std::str::from_utf8(whole).ok().and_then(|digits| digits.parse().ok()));
        Ok(())
    }

    fn usage(self) -> Option<Usage> {
        let first = |names: &[Option<u64>]| names.iter().copied().find(Option::is_some).flatten();
        let mut input = Share(self.prompt);
        let cache_read = input.of(first(&self.cache_read));
        let cache_write = input.of(first(&self.cache_write));
        let (audio_input, image_input) = (input.of(self.audio_input), input.of(self.image_input));
        let video_input = input.of(self.video_input);
        let reasoning = first(&self.reasoning);
        let with_reasoning = self.completion.zip(reasoning).map(|(output, reasoning)| output.saturating_add(reasoning));
        let apart = with_reasoning > self.completion
            && self
                .total
                .zip(self.prompt)
                .is_some_and(|(total, input)| Some(total) == with_reasoning.map(|all| all.saturating_add(input)));
        let mut output = Share(if apart { with_reasoning } else { self.completion });
        let reasoning = output.of(reasoning);
        let (audio_output, image_output) = (output.of(self.audio_output), output.of(self.image_output));
        let usage = Usage {
            input: input.0,
            cache_read,
            cache_write,
            audio_input,
            image_input,
            video_input,
            output: output.0,
            reasoning,
            audio_output,
            image_output,
            web_searches: first(&self.searches),
            ..Usage::default()
        };
        let total = self.total.filter(|total| sum(&usage) != Some(*total));
        let usage = Usage { total, ..usage };
        (usage != Usage::default()).then_some(usage)
    }
}

fn sum(tokens: &Usage) -> Option<u64> {
    match (tokens.all_input(), tokens.all_output()) {
        (None, None) => None,
        (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
    }
}

/// Writes a usage object: the three sums always, of the details what is known.
#[must_use]
pub fn write(usage: &Usage) -> Json<'static> {
    let input = Members::new()
        .with_some("cached_tokens", usage.all_cache_read())
        .with_some("cache_write_tokens", usage.all_cache_write())
        .with_some("audio_tokens", usage.audio_input)
        .with_some("image_tokens", usage.image_input)
        .with_some("video_tokens", usage.video_input);
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
        let buckets = [Some(7), Some(5), Some(0), Some(4), Some(3)];
        let [input, cache_read, audio_input, output, reasoning] = buckets;
        let usage = Usage { input, cache_read, audio_input, output, reasoning, ..Usage::default() };
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
        let cached = |body: &[u8]| usage_of_answer(body).and_then(|answer| answer.usage?.cache_read);
        assert_eq!(cached(br#"{"usage":{"prompt_tokens":9,"prompt_cache_hit_tokens":4}}"#), Some(4));
        assert_eq!(cached(br#"{"usage":{"cached_tokens":3,"prompt_tokens_details":null}}"#), Some(3));
        let both = br#"{"usage":{"prompt_tokens_details":{"cached_tokens":2},"cached_tokens":3}}"#;
        assert_eq!(cached(both), Some(2));
    }
}
