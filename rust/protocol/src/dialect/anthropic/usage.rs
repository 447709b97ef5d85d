//! Tokens. Anthropic's `input_tokens` exclude what came from the cache and what was written to it; its `output_tokens`
//! include the thoughts (<https://platform.claude.com/docs/en/api/messages>, `usage`).

use super::merge::keep;
use crate::canonical::{Tier, Usage};
use crate::json::{At, Fields, Json, Members};

/// Reads a `usage` object. None if it reports nothing.
#[must_use]
pub fn read(json: &Json<'_>) -> Option<Usage> {
    let usage = update(Usage::default(), json);
    (usage != Usage::default()).then_some(usage)
}

/// Writes a `usage` object; the input and output, which must be there, are 0 if unknown.
#[must_use]
pub fn write(usage: &Usage) -> Json<'static> {
    members(usage, true).into()
}

/// What is known after `json`. A later report of a stream lacks the lifetimes of what was written to the cache, and the
/// thoughts, that an earlier one told apart.
pub(super) fn update(known: Usage, json: &Json<'_>) -> Usage {
    let count = |object: Option<&Json<'_>>, name: &str| object?.get(name)?.as_u64();
    let (whole, lifetimes) = (Some(json), json.get("cache_creation"));
    let hour = count(lifetimes, "ephemeral_1h_input_tokens");
    let written = count(whole, "cache_creation_input_tokens");
    let reasoning = count(json.get("output_tokens_details"), "thinking_tokens");
    known.updated(Usage {
        input: count(whole, "input_tokens"),
        cache_read: count(whole, "cache_read_input_tokens"),
        cache_write: Usage::apart(written, [hour.or(known.cache_write_1h)])
            .or_else(|| count(lifetimes, "ephemeral_5m_input_tokens")),
        cache_write_1h: hour,
        output: Usage::apart(count(whole, "output_tokens"), [reasoning.or(known.reasoning)]),
        reasoning,
        web_searches: count(json.get("server_tool_use"), "web_search_requests"),
        tier: tier(json).or(known.tier),
        ..Usage::default()
    })
}

/// The tier; of one that is fast, that is what counts: it is priced for its speed
/// (<https://platform.claude.com/docs/en/build-with-claude/fast-mode>).
fn tier(json: &Json<'_>) -> Option<Tier> {
    let word = |name: &str| Tier::read(json.get(name)?.as_str()?);
    word("speed").filter(|tier| *tier != Tier::Standard).or_else(|| word("service_tier"))
}

/// The members of a `usage` object: in a `whole` one input and output must be there, at a stream's end only the output.
pub(super) fn members(usage: &Usage, whole: bool) -> Members<'static> {
    let input = Usage { cache_read: None, audio_cache_read: None, cache_write: None, cache_write_1h: None, ..*usage }
        .all_input();
    let lifetimes = usage.cache_write_1h.map(|hour| {
        Members::new()
            .with("ephemeral_5m_input_tokens", usage.cache_write.unwrap_or(0))
            .with("ephemeral_1h_input_tokens", hour)
    });
    let thoughts = usage.reasoning.map(|tokens| Members::new().with("thinking_tokens", tokens));
    let searches = usage.web_searches.map(|number| Members::new().with("web_search_requests", number));
    Members::new()
        .with_some("input_tokens", input.or(whole.then_some(0)))
        .with_some("cache_creation_input_tokens", usage.all_cache_write())
        .with_some("cache_read_input_tokens", usage.all_cache_read())
        .with_some("cache_creation", lifetimes)
        .with("output_tokens", usage.all_output().unwrap_or(0))
        .with_some("output_tokens_details", thoughts)
        .with_some("server_tool_use", searches)
}

/// What of a `usage` object [`Usage`] does not hold.
pub(super) fn rest(json: Json<'_>) -> Members<'_> {
    const INNER: [(&str, &[&str]); 3] = [
        ("cache_creation", &["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]),
        ("output_tokens_details", &["thinking_tokens"]),
        ("server_tool_use", &["web_search_requests"]),
    ];
    let Ok(mut fields) = Fields::of(json, At::ROOT) else { return Members::new() };
    let mut rest = Members::new();
    for name in ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"] {
        fields.take(name);
    }
    for (name, known) in INNER {
        let Some(inner) = fields.take(name) else { continue };
        let Ok(mut inner) = Fields::of(inner, At::ROOT) else { continue };
        for name in known {
            inner.take(name);
        }
        keep(&mut rest, name, inner);
    }
    rest.with_all(fields.rest())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &'static str) -> Json<'static> {
        Json::parse(text.as_bytes()).expect("JSON")
    }

    #[test]
    fn buckets_are_disjoint() {
        let whole = json(
            r#"{"input_tokens":3,"cache_creation_input_tokens":30,"cache_read_input_tokens":5,"service_tier":"standard",
            "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":9,
            "output_tokens_details":{"thinking_tokens":4},"server_tool_use":{"web_search_requests":2,"web_fetch_requests":1}}"#,
        );
        let usage = read(&whole).expect("usage");
        assert_eq!((usage.cache_write, usage.cache_write_1h, usage.all_input()), (Some(10), Some(20), Some(38)));
        assert_eq!((usage.output, usage.reasoning, usage.web_searches), (Some(5), Some(4), Some(2)));
        let rest = r#"{"server_tool_use":{"web_fetch_requests":1},"service_tier":"standard"}"#;
        assert_eq!(Json::Object(self::rest(whole.clone())).to_text(), rest);
        assert_eq!(usage.tier, Some(Tier::Standard));
        assert_eq!(read(&write(&usage)), Some(Usage { tier: None, ..usage }), "in the rest, as it was said");
        let fast = json(r#"{"input_tokens":3,"service_tier":"standard","speed":"fast"}"#);
        assert_eq!(read(&fast).and_then(|usage| usage.tier), Some(Tier::Fast));
    }

    /// The last report has the sum of what was written to the cache, and nothing of lifetimes.
    #[test]
    fn a_later_sum_does_not_count_twice() {
        let first = json(
            r#"{"input_tokens":3,"cache_creation_input_tokens":30,"output_tokens":1,
            "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}"#,
        );
        let last = json(r#"{"cache_creation_input_tokens":30,"output_tokens":8}"#);
        let usage = update(update(Usage::default(), &first), &last);
        assert_eq!((usage.all_cache_write(), usage.output, usage.input), (Some(30), Some(8), Some(3)));
    }

    #[test]
    fn what_is_unknown_is_not_invented() {
        assert_eq!(read(&json("{}")), None);
        assert_eq!(read(&json("[1]")), None);
        assert_eq!(write(&Usage::default()).to_text(), r#"{"input_tokens":0,"output_tokens":0}"#);
        assert_eq!(Json::Object(members(&Usage::default(), false)).to_text(), r#"{"output_tokens":0}"#);
        let chat = Usage { input: Some(7), audio_input: Some(2), cache_read: Some(1), ..Usage::default() };
        assert_eq!(write(&chat).to_text(), r#"{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":0}"#);
    }
}
