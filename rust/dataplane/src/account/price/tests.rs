//! Prices: what applies when, what is unknown, what is rounded. The bills of real providers are in `tests/prices/`.

use serde_json::{Value, json};

use super::*;

fn prices(periods: Value) -> Prices {
    serde_json::from_value(json!({ "periods": periods })).unwrap()
}

fn rates(rates: Value) -> Prices {
    prices(json!([{ "version": "v", "rates": rates }]))
}

fn nano(prices: &Prices, usage: Usage) -> Option<u64> {
    prices.cost(&usage, Duration::ZERO).map(|cost| cost.nano)
}

fn input(tokens: u64) -> Usage {
    Usage { input: Some(tokens), ..Usage::default() }
}

#[test]
fn every_bucket_counts_once() {
    let each = json!({"input": 1_000_000, "cache_read": 2_000_000, "cache_write": 4_000_000, "cache_write_1h": 8_000_000,
        "audio_input": 16_000_000, "image_input": 32_000_000, "tool_input": 64_000_000, "output": 128_000_000,
        "reasoning": 256_000_000, "audio_output": 512_000_000, "image_output": 1_024_000_000,
        "web_searches": 2_048_000_000, "request": 4_096_000_000_u64, "audio_cache_read": 8_192_000_000_u64,
        "video_input": 16_384_000_000_u64, "document_input": 32_768_000_000_u64, "video_output": 65_536_000_000_u64,
        "images": 131_072_000_000_u64, "characters": 262_144_000_000_u64, "search_units": 524_288_000_000_u64,
        "audio_input_ms": 1_048_576_000_000_u64 * 3600});
    let some = Some(1);
    let usage = Usage {
        input: some,
        cache_read: some,
        cache_write: some,
        cache_write_1h: some,
        audio_input: some,
        image_input: some,
        tool_input: some,
        output: some,
        reasoning: some,
        audio_output: some,
        image_output: some,
        web_searches: some,
        audio_cache_read: some,
        video_input: some,
        document_input: some,
        video_output: some,
        images: some,
        audio_input_ms: some,
        characters: some,
        search_units: some,
        total: Some(1_000_000),
        tier: None,
    };
    assert_eq!(nano(&rates(each), usage), Some((1 << 21) - 1));
}

#[test]
fn a_bucket_without_a_rate() {
    let plain = rates(json!({"input": 1_000_000, "output": 3_000_000}));
    let also = |usage: Usage| nano(&plain, Usage { input: Some(10), output: Some(10), ..usage });
    assert_eq!(also(Usage::default()), Some(40));
    assert_eq!(also(Usage { cache_read: Some(5), ..Usage::default() }), Some(45), "as input");
    assert_eq!(also(Usage { image_input: Some(5), ..Usage::default() }), Some(45), "as input");
    assert_eq!(also(Usage { video_input: Some(5), ..Usage::default() }), Some(45), "as input");
    assert_eq!(also(Usage { document_input: Some(5), ..Usage::default() }), Some(45), "as input");
    assert_eq!(also(Usage { tool_input: Some(5), ..Usage::default() }), Some(45), "as input");
    assert_eq!(also(Usage { reasoning: Some(5), ..Usage::default() }), Some(55), "as output");
    for unknown in [
        Usage { cache_write: Some(5), ..Usage::default() },
        Usage { cache_write_1h: Some(5), ..Usage::default() },
        Usage { audio_input: Some(5), ..Usage::default() },
        Usage { audio_output: Some(5), ..Usage::default() },
        Usage { image_output: Some(5), ..Usage::default() },
        Usage { video_output: Some(5), ..Usage::default() },
        Usage { audio_cache_read: Some(5), ..Usage::default() },
        Usage { web_searches: Some(5), ..Usage::default() },
    ] {
        assert_eq!(also(unknown), None, "{unknown:?}");
    }
    let none = Some(0);
    let nothing = Usage { cache_write: none, audio_input: none, audio_output: none, ..Usage::default() };
    assert_eq!(also(nothing), Some(40), "what is not there needs no rate");
}

#[test]
fn units_are_billed_where_they_have_a_rate() {
    let of = |images, audio_input_ms| Usage { images, audio_input_ms, ..Usage::default() };
    let one = rates(json!({"images": 40_000_000_000_000_u64}));
    assert_eq!(nano(&one, of(Some(3), None)), Some(120_000_000), "no tokens are reported");
    assert_eq!(nano(&one, of(None, Some(5))), None, "of this nothing is known");
    assert_eq!(nano(&one, Usage { input: Some(1), ..of(Some(3), None) }), None, "nor of the tokens beside it");
    let tokens = rates(json!({"input": 1_000_000}));
    assert_eq!(nano(&tokens, Usage { input: Some(7), ..of(Some(3), Some(5)) }), Some(7), "billed by the token");
    assert_eq!(nano(&tokens, of(Some(3), None)), None);
    let hours = rates(json!({"audio_input_ms": 111_000_000_000_u64}));
    assert_eq!(nano(&hours, of(None, Some(3_600_000))), Some(111_000_000), "0.111 dollars an hour, exactly");
    assert_eq!(nano(&hours, of(None, Some(1))), Some(31), "30.83 nano-dollars");
    assert_eq!(nano(&hours, of(None, Some(0))), Some(0));
}

#[test]
fn unknown_is_not_zero() {
    assert_eq!(nano(&rates(json!({"input": 1})), Usage::default()), None, "nothing was reported");
    let output = Usage { output: Some(7), ..Usage::default() };
    assert_eq!(nano(&rates(json!({"input": 1, "output": 1})), output), None, "no input was reported");
    assert_eq!(nano(&rates(json!({})), input(1)), None);
    assert_eq!(nano(&prices(json!([])), input(1)), None);
    assert_eq!(nano(&rates(json!({"input": 0})), input(1)), Some(0), "declared to be free");
    assert_eq!(nano(&rates(json!({"input": 1})), input(0)), Some(0), "zero was reported");
}

#[test]
fn rounded_once_half_up() {
    let tiny = rates(json!({"input": 1, "cache_read": 1}));
    let both =
        |input, cache_read| nano(&tiny, Usage { input: Some(input), cache_read: Some(cache_read), ..Usage::default() });
    assert_eq!(both(499_999, 0), Some(0));
    assert_eq!(both(500_000, 0), Some(1));
    assert_eq!(both(1_499_999, 0), Some(1));
    assert_eq!(both(400_000, 400_000), Some(1), "the sum, not each");
}

#[test]
fn too_much_to_count_is_unknown() {
    let dear = rates(json!({"input": u64::MAX, "output": u64::MAX}));
    assert_eq!(nano(&dear, Usage { input: Some(u64::MAX), output: Some(u64::MAX), ..Usage::default() }), None);
    let million = rates(json!({"input": 1_000_000}));
    assert_eq!(nano(&million, input(u64::MAX)), None, "more than an i64 holds");
    assert_eq!(nano(&million, input(i64::MAX as u64)), Some(i64::MAX as u64));
}

#[test]
fn tiers_are_cliffs_over_all_input() {
    let tiered = rates(json!({
        "input": {"base": 1_000_000, "over": [[100, 2_000_000], [200, 3_000_000]]},
        "output": {"base": 10_000_000, "over": [[200, 20_000_000]]},
    }));
    let cost = |input, cached| {
        let usage = Usage { input: Some(input), cache_read: Some(cached), output: Some(1), ..Usage::default() };
        nano(&tiered, usage)
    };
    assert_eq!(cost(100, 0), Some(100 + 10), "not over it yet");
    assert_eq!(cost(101, 0), Some(202 + 10), "all of it, not only what is over");
    assert_eq!(cost(1, 200), Some(3 + 600 + 20), "the cached ones count");
}

#[test]
fn periods() {
    let dated = prices(json!([
        {"version": "first", "rates": {"input": 1_000_000}},
        {"version": "second", "when": {"from": 1000}, "rates": {"input": 2_000_000}},
        {"version": "night", "when": {"daily": [86_000, 100]}, "rates": {"input": 3_000_000}},
    ]));
    let version = |at| dated.cost(&input(1), Duration::from_secs(at)).unwrap().version;
    assert_eq!(version(100), "first");
    assert_eq!(version(999), "first");
    assert_eq!(version(1000), "second");
    assert_eq!(version(85_999), "second");
    assert_eq!(version(86_000), "night");
    assert_eq!(version(86_400 + 99), "night");
    assert_eq!(version(86_400 + 100), "second");
    let later = prices(json!([{"version": "v", "when": {"from": 10, "daily": null}, "rates": {"input": 1}}]));
    assert_eq!(later.cost(&input(1), Duration::from_secs(9)), None, "no price was known then");
}

#[test]
fn tiers() {
    let prices = prices(json!([{"version": "v", "rates": {"input": 10_000_000, "cache_read": 1_000_000}, "variants": [
        {"when": {"from": 50}, "terms": {"service_tier": "priority"}, "rates": {"input": 20_000_000}},
        {"terms": {"service_tier": "flex"}, "rates": {"input": 5_000_000}},
        {"terms": {"processing": "batch"}, "rates": {"input": 4_000_000, "cache_read": 500_000}},
        {"terms": {"speed": "fast"}, "rates": {"input": 60_000_000, "cache_read": 6_000_000}},
        {"terms": {"route": "scale"}, "rates": {"input": 1}},
        {"terms": {}, "rates": {"input": 2}},
    ]}]));
    let cost = |at, tier| {
        let usage = Usage { input: Some(1), cache_read: Some(2), tier, ..Usage::default() };
        prices.cost(&usage, Duration::from_secs(at)).map(|cost| cost.nano)
    };
    assert_eq!(cost(99, None), Some(12));
    assert_eq!(cost(99, Some(Tier::Standard)), Some(12));
    assert_eq!(cost(99, Some(Tier::Priority)), Some(22), "what it does not change stays");
    assert_eq!(cost(49, Some(Tier::Priority)), None, "its price was not known then");
    assert_eq!(cost(99, Some(Tier::Flex)), Some(7));
    assert_eq!(cost(99, Some(Tier::Batch)), Some(5));
    assert_eq!(cost(99, Some(Tier::Fast)), Some(72));
    for unpriced in [Tier::Scale, Tier::Provisioned, Tier::Other] {
        assert_eq!(cost(99, Some(unpriced)), None, "{unpriced:?}");
    }
}

#[test]
fn what_python_must_not_send() {
    for wrong in [
        json!([{"rates": {}}]),
        json!([{"version": "v", "rates": {"thoughts": 1}}]),
        json!([{"version": "v", "rates": {"input": -1}}]),
        json!([{"version": "v", "rates": {"input": 0.5}}]),
        json!([{"version": "v", "rates": {}, "when": {"until": 1}}]),
        json!([{"version": "v", "rates": {}, "more": 1}]),
    ] {
        assert!(serde_json::from_value::<Prices>(json!({ "periods": wrong })).is_err(), "{wrong}");
    }
}

#[test]
fn dollars() {
    for (nano, text) in [
        (0, "0"),
        (1, "0.000000001"),
        (1_234_500, "0.0012345"),
        (2_000_000_000, "2"),
        (i64::MAX as u64, "9223372036.854775807"),
    ] {
        assert_eq!(Dollars(nano).to_string(), text);
    }
}

/// The bills of `tests/prices/bills.json`, whose prices Python's test holds against the bundled table.
#[test]
fn golden_bills() {
    let bills: Vec<Value> = serde_json::from_str(include_str!("../../../../../tests/prices/bills.json")).unwrap();
    assert!(bills.len() >= 20);
    for bill in &bills {
        let prices: Prices = serde_json::from_value(bill["prices"].clone()).unwrap();
        let tokens = |name: &str| bill["usage"].get(name).map(|count| count.as_u64().unwrap());
        let usage = Usage {
            input: tokens("input"),
            cache_read: tokens("cache_read"),
            cache_write: tokens("cache_write"),
            cache_write_1h: tokens("cache_write_1h"),
            audio_input: tokens("audio_input"),
            image_input: tokens("image_input"),
            tool_input: tokens("tool_input"),
            output: tokens("output"),
            reasoning: tokens("reasoning"),
            audio_output: tokens("audio_output"),
            image_output: tokens("image_output"),
            web_searches: tokens("web_searches"),
            audio_cache_read: tokens("audio_cache_read"),
            video_input: tokens("video_input"),
            document_input: tokens("document_input"),
            video_output: tokens("video_output"),
            images: tokens("images"),
            audio_input_ms: tokens("audio_input_ms"),
            characters: tokens("characters"),
            search_units: tokens("search_units"),
            total: None,
            tier: bill["terms"].as_object().unwrap().values().find_map(|term| Tier::read(term.as_str().unwrap())),
        };
        let at = Duration::from_secs(bill["at"].as_u64().unwrap());
        let usd = prices.cost(&usage, at).map(|cost| Dollars(cost.nano).to_string());
        assert_eq!(usd.as_deref(), bill["usd"].as_str(), "{}", bill["name"]);
    }
}
