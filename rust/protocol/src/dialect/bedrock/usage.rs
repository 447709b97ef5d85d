//! Tokens (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>). `inputTokens` exclude what
//! came from the cache and what was written to it; `totalTokens` include all; `outputTokens` include the thoughts.

use crate::canonical::{Tier, Usage};
use crate::json::Json;

/// Reads the `usage` of `whole`, an answer or the last event of a stream, and on what terms that was served. None if nothing
/// is reported.
#[must_use]
pub fn read(whole: &Json<'_>) -> Option<Usage> {
    let usage = whole.get("usage");
    let count = |name: &str| usage?.get(name)?.as_u64();
    let details = usage.and_then(|usage| usage.get("cacheDetails")).and_then(Json::as_array).unwrap_or_default();
    let of_an_hour = |detail: &&Json<'_>| detail.get("ttl").and_then(Json::as_str) == Some("1h");
    let hour = details.iter().find(of_an_hour).and_then(|detail| detail.get("inputTokens")?.as_u64());
    let read = Usage {
        input: count("inputTokens"),
        cache_read: count("cacheReadInputTokens"),
        cache_write: Usage::apart(count("cacheWriteInputTokens"), [hour]),
        cache_write_1h: hour,
        output: count("outputTokens"),
        tier: tier(whole),
        ..Usage::default()
    };
    (read != Usage::default()).then_some(read)
}

/// Of an answer that is optimised for latency, that is what counts: it is priced for its speed
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/latency-optimized-inference.html>).
fn tier(whole: &Json<'_>) -> Option<Tier> {
    let word = |outer: &str, inner: &str| whole.get(outer)?.get(inner)?.as_str();
    match word("performanceConfig", "latency") {
        Some("optimized") => Some(Tier::Fast),
        _ => Tier::read(word("serviceTier", "type")?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &'static str) -> Option<Usage> {
        read(&Json::parse(text.as_bytes()).expect("JSON"))
    }

    #[test]
    fn buckets_are_disjoint() {
        let usage = of(
            r#"{"usage":{"inputTokens":3,"outputTokens":9,"totalTokens":47,"cacheReadInputTokens":5,"cacheWriteInputTokens":30,
            "cacheDetails":[{"ttl":"5m","inputTokens":10},{"ttl":"1h","inputTokens":20}]},"serviceTier":{"type":"flex"}}"#,
        );
        let expected = Usage {
            input: Some(3),
            cache_read: Some(5),
            cache_write: Some(10),
            cache_write_1h: Some(20),
            output: Some(9),
            tier: Some(Tier::Flex),
            ..Usage::default()
        };
        assert_eq!(usage, Some(expected));
        assert_eq!((expected.all_input(), expected.all_output()), (Some(38), Some(9)));
    }

    #[test]
    fn what_is_unknown_is_not_invented() {
        assert_eq!(of("{}"), None);
        assert_eq!(of(r#"{"usage":{}}"#), None);
        let written = of(r#"{"usage":{"outputTokens":2,"cacheWriteInputTokens":7}}"#).expect("usage");
        assert_eq!((written.input, written.cache_write, written.cache_write_1h), (None, Some(7), None));
    }

    #[test]
    fn speed_is_a_tier() {
        let fast = of(r#"{"performanceConfig":{"latency":"optimized"},"serviceTier":{"type":"default"}}"#);
        assert_eq!(fast.and_then(|usage| usage.tier), Some(Tier::Fast));
        let reserved = of(r#"{"performanceConfig":{"latency":"standard"},"serviceTier":{"type":"reserved"}}"#);
        assert_eq!(reserved.and_then(|usage| usage.tier), Some(Tier::Provisioned));
    }
}
