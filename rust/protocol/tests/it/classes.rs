//! Every class of error, by bodies as providers send them.

use std::time::Duration;

use crate::recorded::{EXCHANGES, cases};
use tollway_protocol::dialect::ErrorClass::{
    self, ContentPolicy, ContextWindow, Credentials, Invalid, Overload, Permission, Quota, RateLimit, Server, Timeout,
};
use tollway_protocol::dialect::{classify, gemini, parse_error, wait};

fn openai(message: &str, kind: &str, code: Option<&str>) -> String {
    serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
}

fn anthropic(kind: &str, message: &str) -> String {
    serde_json::json!({"type": "error", "error": {"type": kind, "message": message}}).to_string()
}

fn google(code: u16, status: &str, message: &str, details: serde_json::Value) -> String {
    serde_json::json!({"error": {"code": code, "message": message, "status": status, "details": details}}).to_string()
}

/// A `QuotaFailure` and a `RetryInfo` as Gemini sends them with 429.
fn quota(id: &str, delay: &str) -> serde_json::Value {
    serde_json::json!([
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaMetric": "m", "quotaId": id, "quotaValue": "20"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ])
}

fn class_of(status: u16, body: &str) -> ErrorClass {
    classify(Some(status), parse_error(body.as_bytes()).as_ref())
}

#[track_caller]
fn all(cases: &[(ErrorClass, u16, String)]) {
    for (class, status, body) in cases {
        assert_eq!(class_of(*status, body), *class, "{status} {body}");
    }
}

#[test]
fn too_long_is_too_long_in_every_providers_words() {
    let invalid = |message: &str| openai(message, "invalid_request_error", None);
    let bare = |message: &str| serde_json::json!({"code": "invalid-argument", "error": message}).to_string();
    let mistral = r#"{"object":"error","message":"Prompt contains 300000 tokens and 0 draft tokens, too large for model with 131072 maximum context length","type":"invalid_request_error","code":3051}"#;
    let vllm = r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"BadRequestError","param":null,"code":400}"#;
    let llama = r#"{"error":{"code":400,"message":"request (13392 tokens) exceeds the available context size (8192 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":13392,"n_ctx":8192}}"#;
    let cases = [
        (400, openai("Your input exceeds the context window of this model.", "x", Some("context_length_exceeded"))),
        (400, invalid("This model's maximum context length is 1048565 tokens. However, you requested 1250025 tokens.")),
        (
            400,
            invalid(
                "This endpoint's maximum context length is 200000 tokens. However, you requested about 2500021 tokens.",
            ),
        ),
        (400, invalid("Please reduce the length of the messages or completion.")),
        (400, mistral.to_owned()),
        (400, bare("This model's maximum prompt length is 131072 but the request contains 537812 tokens.")),
        (422, invalid("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097.")),
        (403, invalid("The input (9000 tokens) is longer than the model's context length (8192 tokens).")),
        (400, vllm.to_owned()),
        (400, invalid("The decoder prompt (length 9000) is longer than the maximum model length of 8192.")),
        (400, llama.to_owned()),
        (400, invalid("the number of tokens to keep from the initial prompt is greater than the context length")),
        (400, invalid("prompt too long; exceeded max context length by 1119046 tokens")),
        (
            400,
            r#"{"error":{"message":"The total length is too long.","type":"too_many_prompt_tokens","code":400}}"#
                .into(),
        ),
        (
            400,
            r#"{"error_type":"TOO_MANY_TOKENS","message":"too many tokens: size limit exceeded by 25836 tokens."}"#
                .into(),
        ),
        (400, invalid("Please reduce the length. Current length is 9001 while limit is 8192")),
        (400, invalid("Your request exceeded model token limit: 262144 (requested: 300000)")),
        (400, invalid("invalid params, context window exceeds limit")),
        (400, invalid("Range of input length should be [1, 129024]")),
        (400, r#"{"message":"Input is too long for requested model."}"#.into()),
        (400, r#"{"message":"The model returned the following errors: Input Tokens Exceeded: too many."}"#.into()),
        (400, anthropic("invalid_request_error", "prompt is too long: 3333404 tokens > 200000 maximum")),
        (
            400,
            anthropic(
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000",
            ),
        ),
        (
            400,
            google(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).",
                serde_json::json!([]),
            ),
        ),
    ];
    all(&cases.map(|(status, body)| (ContextWindow, status, body)));
    // Tokens of a minute are no context window.
    let minute = openai(
        "Request too large for m on tokens per minute (TPM): Limit 6000, Requested 7000",
        "tokens",
        Some("rate_limit_exceeded"),
    );
    let throttled = r#"{"message":"Too many tokens, please wait before trying again."}"#.to_owned();
    all(&[(RateLimit, 413, minute.clone()), (RateLimit, 429, minute), (RateLimit, 429, throttled)]);
}

#[test]
fn refused_content() {
    let azure = r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{}}}}"#;
    let inner = r#"{"error":{"message":"Filtered","code":"400","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
    let xai = r#"{"code":"The caller does not have permission","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}"#;
    let openrouter = r#"{"error":{"message":"m requires moderation on P. Your input was flagged for \"violence\". No credits were charged.","code":403,"metadata":{"reasons":["violence"],"flagged_input":"x"}}}"#;
    all(&[
        (ContentPolicy, 400, azure.into()),
        (ContentPolicy, 400, inner.into()),
        (ContentPolicy, 400, openai("No.", "invalid_request_error", Some("content_policy_violation"))),
        (ContentPolicy, 400, openai("No.", "image_generation_user_error", Some("moderation_blocked"))),
        (
            ContentPolicy,
            400,
            openai(
                "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
                "invalid_request_error",
                Some("invalid_prompt"),
            ),
        ),
        (
            ContentPolicy,
            400,
            openai("Your request was rejected as a result of our safety system.", "invalid_request_error", None),
        ),
        (ContentPolicy, 400, openai("No.", "data_inspection_failed", Some("data_inspection_failed"))),
        (ContentPolicy, 400, openai("Content Exists Risk", "invalid_request_error", Some("invalid_request_error"))),
        (ContentPolicy, 403, xai.into()),
        (ContentPolicy, 403, openrouter.into()),
        (ContentPolicy, 400, anthropic("invalid_request_error", "Output blocked by content filtering policy")),
    ]);
}

#[test]
fn a_blocked_prompt_is_refused_content() {
    let blocked = |body: &str| gemini::error::blocked(body.as_bytes());
    let said =
        blocked(r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{}}"#).expect("refused");
    assert_eq!(classify(None, Some(&said)), ContentPolicy);
    assert_eq!(said.message, "The prompt was blocked: PROHIBITED_CONTENT.");
    let said = blocked(r#"{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"No."}}"#);
    assert_eq!(said.map(|said| said.message).as_deref(), Some("No."));
    for answer in [
        r#"{"candidates":[{"content":{"parts":[{"text":"\"blockReason\""}]}}]}"#,
        r#"{"candidates":[],"promptFeedback":{"blockReason":"SAFETY"}"#,
        r#"{"promptFeedback":{"safetyRatings":[]}}"#,
    ] {
        assert_eq!(blocked(answer), None, "{answer}");
    }
}

#[test]
fn used_up_is_not_too_fast() {
    let spend = r#"{"type":"error","error":{"type":"rate_limit_error","message":"You have reached your API usage limits.","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    let xai = r#"{"code":"Some resource has been exhausted","error":"Your team has either used all available credits or reached its monthly spending limit."}"#;
    let exceeded = "You exceeded your current quota, please check your plan and billing details.";
    let gemini = |id: &str| google(429, "RESOURCE_EXHAUSTED", exceeded, quota(id, "48s"));
    all(&[
        (Quota, 429, openai(exceeded, "insufficient_quota", Some("insufficient_quota"))),
        (Quota, 429, openai("No credits.", "insufficient_quota", Some("credit_balance_exhausted"))),
        (
            Quota,
            400,
            openai("Billing hard limit has been reached", "invalid_request_error", Some("billing_hard_limit_reached")),
        ),
        (Quota, 402, openai("Insufficient Balance", "unknown_error", Some("invalid_request_error"))),
        (Quota, 402, r#"{"error":{"message":"This request requires more credits","code":402}}"#.into()),
        (
            Quota,
            429,
            openai("Your account is suspended due to insufficient balance", "exceeded_current_quota_error", None),
        ),
        (Quota, 403, xai.into()),
        (Quota, 402, anthropic("billing_error", "There is an issue with your billing.")),
        (Quota, 400, anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")),
        (Quota, 400, anthropic("invalid_request_error", "You have reached your specified API usage limits.")),
        (Quota, 400, anthropic("invalid_request_error", "You have reached your specified workspace API usage limits.")),
        (Quota, 429, spend.into()),
        (Quota, 429, gemini("GenerateRequestsPerDayPerProjectPerModel-FreeTier")),
        (RateLimit, 429, gemini("GenerateContentPaidTierInputTokensPerModelPerMinute")),
        (
            RateLimit,
            429,
            google(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", serde_json::json!([])),
        ),
        (RateLimit, 429, anthropic("rate_limit_error", "This request would exceed your organization's rate limit.")),
        (
            RateLimit,
            429,
            openai("Rate limit reached for m on requests per day (RPD)", "requests", Some("rate_limit_exceeded")),
        ),
        (RateLimit, 429, "Too Many Requests".into()),
    ]);
}

#[test]
fn no_room_no_answer_no_time() {
    let unavailable =
        google(503, "UNAVAILABLE", "The model is overloaded. Please try again later.", serde_json::json!([]));
    let tier = r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","code":"3505"}"#;
    all(&[
        (Overload, 503, openai("Busy.", "service_unavailable_error", Some("server_is_overloaded"))),
        (Overload, 429, openai("Slow down.", "server_error", Some("slow_down"))),
        (Overload, 429, openai("The engine is currently overloaded, please try again later", "server_error", None)),
        (Overload, 500, openai("Selected model is at capacity. Please try a different model.", "server_error", None)),
        (Overload, 429, tier.into()),
        (Overload, 429, r#"{"error":"Model is overloaded","error_type":"overloaded"}"#.into()),
        (Overload, 498, openai("Flex tier capacity exceeded", "flex", Some("capacity_exceeded"))),
        (Overload, 529, anthropic("overloaded_error", "Overloaded")),
        (Overload, 503, unavailable),
        (Overload, 503, "<html>".into()),
        (Server, 500, anthropic("api_error", "Internal server error")),
        (Server, 500, openai("The server had an error", "server_error", None)),
        (Server, 409, anthropic("conflict_error", "Try again.")),
        (Timeout, 504, google(504, "DEADLINE_EXCEEDED", "Deadline expired.", serde_json::json!([]))),
        (Timeout, 504, anthropic("timeout_error", "Request timed out.")),
        (Timeout, 524, "<html>".into()),
    ]);
}

#[test]
fn who_asks_and_what_it_may() {
    let info = serde_json::json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]);
    let none = || serde_json::json!([]);
    all(&[
        (
            Credentials,
            401,
            openai("Incorrect API key provided: sk-x.", "invalid_request_error", Some("invalid_api_key")),
        ),
        (
            Credentials,
            400,
            r#"{"code":"invalid-argument","error":"Incorrect API key provided. You can obtain one."}"#.into(),
        ),
        (Credentials, 403, r#"{"message":"The security token included in the request is expired"}"#.into()),
        (Credentials, 401, openai("Unauthorized", "api_error", None)),
        (Credentials, 401, anthropic("authentication_error", "invalid x-api-key")),
        (Credentials, 400, google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info)),
        (
            Credentials,
            403,
            google(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another.", none()),
        ),
        (Credentials, 403, google(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.", none())),
        (Permission, 401, openai("Your IP is not authorized", "invalid_request_error", Some("ip_not_authorized"))),
        (
            Permission,
            401,
            openai("You have insufficient permissions for this operation. Missing scopes: model.request", "x", None),
        ),
        (Permission, 403, openai("Not here.", "request_forbidden", Some("unsupported_country_region_territory"))),
        (Permission, 403, anthropic("permission_error", "Your API key may not use this.")),
        (Permission, 403, google(403, "PERMISSION_DENIED", "No access.", none())),
        (
            Permission,
            400,
            google(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", none()),
        ),
        (Invalid, 404, openai("The model `x` does not exist", "invalid_request_error", Some("model_not_found"))),
        (Invalid, 400, anthropic("invalid_request_error", "messages.0: Input does not match the expected shape.")),
        (Invalid, 413, anthropic("request_too_large", "Request exceeds the maximum size")),
        (Invalid, 400, google(400, "INVALID_ARGUMENT", "Please use a valid role: user, model.", none())),
        // What a message quotes of the request decides nothing.
        (Invalid, 400, openai("Invalid value: '429 rate_limit_error'", "invalid_request_error", None)),
    ]);
}

#[test]
fn errors_inside_an_answer_are_known_by_their_names() {
    let inside = |body: &str| classify(None, parse_error(body.as_bytes()).as_ref());
    for (class, body) in [
        (Overload, anthropic("overloaded_error", "Overloaded")),
        (RateLimit, anthropic("rate_limit_error", "x")),
        (Credentials, anthropic("authentication_error", "x")),
        (Permission, anthropic("permission_error", "x")),
        (Timeout, anthropic("timeout_error", "x")),
        (Server, anthropic("api_error", "x")),
        (Invalid, anthropic("not_found_error", "x")),
        (ContentPolicy, anthropic("invalid_request_error", "Output blocked by content filtering policy")),
        (ContextWindow, openai("x", "invalid_request_error", Some("context_length_exceeded"))),
        (RateLimit, openai("x", "tokens", None)),
        (Overload, openai("x", "service_unavailable_error", None)),
        (Timeout, openai("x", "y", Some("vector_store_timeout"))),
        (Server, openai("x", "server_error", Some("server_error"))),
        (Invalid, openai("x", "invalid_request_error", None)),
        (Server, openai("What is this?", "unheard_of", None)),
        (Permission, r#"{"error":{"message":"x","status":"PERMISSION_DENIED"}}"#.into()),
        (Overload, r#"{"error":{"message":"x","status":"UNAVAILABLE"}}"#.into()),
        (Timeout, r#"{"error":{"message":"x","status":"DEADLINE_EXCEEDED"}}"#.into()),
        (Invalid, r#"{"error":{"message":"x","status":"INVALID_ARGUMENT"}}"#.into()),
        (Server, r#"{"error":{"message":"x","status":"INTERNAL"}}"#.into()),
        // A status that it states is as good as one.
        (Overload, r#"{"error":{"message":"Provider returned error","code":503}}"#.into()),
        (Credentials, r#"{"error":{"message":"x","type":"api_error","code":401}}"#.into()),
    ] {
        assert_eq!(inside(&body), class, "{body}");
    }
    assert_eq!(classify(None, None), Server);
}

const NOW: Duration = Duration::from_secs(1_768_968_000); // 2026-01-21T04:00:00Z

/// The seconds to wait after an error of `class` with these headers and this body.
fn waits(class: ErrorClass, headers: &[(&str, &'static str)], body: &str) -> Option<f64> {
    let header = |name: &str| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
    wait(class, &header, parse_error(body.as_bytes()).as_ref(), NOW).map(|wait| wait.as_secs_f64())
}

#[test]
fn waits_as_the_header_says() {
    for class in [RateLimit, Quota, Overload, Server, Timeout] {
        assert_eq!(waits(class, &[("retry-after-ms", "1500"), ("retry-after", "2")], ""), Some(1.5));
        assert_eq!(waits(class, &[("retry-after", "2")], ""), Some(2.0));
    }
    for class in [Invalid, ContextWindow, ContentPolicy, Credentials, Permission] {
        assert_eq!(waits(class, &[("retry-after", "2")], ""), None);
    }
    assert_eq!(waits(RateLimit, &[("retry-after-ms", "0"), ("retry-after", "1")], ""), Some(1.0));
    assert_eq!(waits(Overload, &[("retry-after", "Wed, 21 Jan 2026 04:00:30 GMT")], ""), Some(30.0));
    assert_eq!(waits(Overload, &[("retry-after", "Wed, 21 Jan 2026 03:00:30 GMT")], ""), Some(0.0));
    assert_eq!(waits(Quota, &[("retry-after", "86400")], ""), Some(3600.0), "an hour at most");
    for nonsense in ["-1", "NaN", "inf", "1e300", "soon", ""] {
        assert_eq!(waits(RateLimit, &[("retry-after", nonsense)], ""), None, "{nonsense}");
    }
}

#[test]
fn waits_until_what_is_used_up_is_there_again() {
    let openai = [
        ("x-ratelimit-remaining-requests", "29999"),
        ("x-ratelimit-reset-requests", "17m0s"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0.5s"),
    ];
    assert_eq!(waits(RateLimit, &openai, ""), Some(360.5));
    assert_eq!(waits(Server, &openai, ""), None, "it failed for another reason");
    let anthropic = [
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-01-21T04:00:53Z"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2026-01-21T04:00:10Z"),
        ("anthropic-ratelimit-output-tokens-remaining", "5"),
        ("anthropic-ratelimit-output-tokens-reset", "2026-01-21T04:10:00Z"),
    ];
    assert_eq!(waits(RateLimit, &anthropic, ""), Some(53.0));
    let reset = |value| waits(RateLimit, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", value)], "");
    for (value, seconds) in [
        ("2", 2.0),
        ("0", 0.0),
        ("120ms", 0.12),
        ("17.399999999s", 17.399_999_999),
        ("1h0m0s", 3600.0),
        ("1768968005000", 5.0),
        ("1768968007", 7.0),
        ("2026-01-21T05:00:09.25+01:00", 9.0),
        ("2026-01-20T23:00:09-05:00", 9.0),
        ("2024-02-29T00:00:00Z", 0.0),
    ] {
        assert_eq!(reset(value), Some(seconds), "{value}");
    }
    for nonsense in [
        "",
        "s",
        "3x",
        "1.2.3s",
        "2026-13-01T00:00:00Z",
        "2026-01-21 ",
        "2026-01-21T04:00:00+99999999999999999:00",
        "é026-01-21T04:00:00Z",
    ] {
        assert_eq!(reset(nonsense), None, "{nonsense}");
    }
}

#[test]
fn waits_as_the_body_says() {
    let exceeded = "Quota exceeded. Please retry in 48.939935699s.";
    let minute = google(429, "RESOURCE_EXHAUSTED", exceeded, quota("TokensPerModelPerMinute", "34.07s"));
    assert_eq!(waits(RateLimit, &[], &minute), Some(34.07));
    assert_eq!(waits(RateLimit, &[("retry-after", "3")], &minute), Some(3.0), "the header goes first");
    assert_eq!(waits(Quota, &[], &minute), None, "a minute does not mend a day");
    for (message, seconds) in [
        (exceeded, Some(48.939_935_699)),
        ("Rate limit reached for m. Please try again in 20s. Visit a page.", Some(20.0)),
        ("Limit 200, Used 200. Please try again in 7m12s.", Some(432.0)),
        ("Please try again in 6ms.", Some(0.006)),
        ("Please retry after 26 seconds.", Some(26.0)),
        ("Please try again in 2 minutes, or", Some(120.0)),
        ("Please try again later.", None),
        ("Please try again in a while.", None),
        ("Please try again in ", None),
    ] {
        assert_eq!(waits(RateLimit, &[], &openai(message, "requests", None)), seconds, "{message}");
    }
}

/// What every recorded error is taken for; each is also one of the tests above, in its provider's words.
#[test]
fn recorded_errors_have_a_class() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    let exchanges = cases(EXCHANGES, |_| true);
    for case in &exchanges {
        let Some(status) = case["status"].as_u64().filter(|status| *status >= 400) else { continue };
        let body = case["resp"]["text"].as_str().map_or_else(|| case["resp"].to_string(), str::to_owned);
        let class = class_of(u16::try_from(status).expect("a status"), &body);
        let said = parse_error(body.as_bytes()).map_or_else(|| body.clone(), |said| said.message);
        let said: String = said.chars().take(60).collect();
        // Whoever answers 401, or says that a key or a token is not good, is taken to refuse the key.
        let lower = said.to_lowercase();
        if status == 401 || lower.contains("api key") || lower.contains("security token") {
            assert_eq!(class, Credentials, "{said}");
        }
        assert_eq!(class == RateLimit, status == 429, "{said}");
        assert!(class != Server || status >= 500, "{status} {said}");
        *seen.entry(format!("{class:?} {status} {}: {said}", case["provider"].as_str().unwrap_or("?"))).or_default() +=
            1;
    }
    for (what, times) in &seen {
        eprintln!("{times:4} {what}");
    }
    if exchanges.is_empty() {
        return;
    }
    let of = |class: ErrorClass| seen.keys().filter(|line| line.starts_with(&format!("{class:?} "))).count();
    assert!(of(ContextWindow) >= 9 && of(Credentials) >= 15 && of(RateLimit) >= 3 && of(Permission) >= 1, "{seen:#?}");
}
