//! Errors, as `OpenAI` writes them.

use bytes::BytesMut;
use serde::Serialize;
use serde_json::Value;

use crate::dialect::ErrorTold;
use crate::dialect::class::At::{Any, Of, Unstated};
use crate::dialect::class::ErrorClass::{
    ContentPolicy, ContextWindow, Credentials, Invalid, Overload, Permission, Quota, RateLimit, Server, Timeout,
};
use crate::dialect::class::Row;
use crate::sse::encoder::data_event;

/// The errors of `OpenAI` (<https://developers.openai.com/api/docs/guides/error-codes>) and of those who speak its dialect.
/// A row that names no page is of a body that was seen, recorded or quoted in an issue. Of two that hold the first counts.
pub(in crate::dialect) const ROWS: &[Row] = &[
    // Out of money. The page: billing is told by the code; the type of all is `insufficient_quota`, the status 429.
    Row::named(
        Quota,
        Any,
        &[
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "billing_hard_limit_reached",
            "billing_not_active",
            "token_quota_reached", // watsonx, 403 (<https://cloud.ibm.com/apidocs/watsonx-ai>)
        ],
    ),
    // Cloudflare's 3036, and no room: its 3040 (<https://developers.cloudflare.com/workers-ai/platform/errors>).
    Row::worded(Quota, Of(&[429]), &["daily free allocation"]),
    Row::worded(Overload, Of(&[429]), &["no more data centers", "capacity temporarily exceeded"]),
    // xAI, as 403 or 429; Moonshot, as 429; DeepSeek, as 402 (<https://api-docs.deepseek.com/quick_start/error_codes>).
    Row::worded(
        Quota,
        Of(&[400, 402, 403, 429]),
        &["used all available credits or reached", "suspended due to insufficient balance", "insufficient balance"],
    ),
    // No room: the page's 503; Groq's 498 (<https://console.groq.com/docs/errors>); Mistral's 429 with the code 3505;
    // text-generation-inference's 429 (<https://huggingface.co/docs/text-generation-inference>, `error_type`).
    Row::named(
        Overload,
        Any,
        &["server_is_overloaded", "slow_down", "capacity_exceeded", "service_tier_capacity_exceeded", "overloaded"],
    ),
    Row::worded(
        Overload,
        Of(&[429, 500, 503]),
        &["engine is currently overloaded", "service tier capacity exceeded", "model is at capacity"],
    ),
    // A token limit by the minute that the request alone is above comes as 429, from Groq as 413, with this code: another
    // account may take it.
    Row::named(RateLimit, Any, &["rate_limit_exceeded"]),
    // Too long: OpenAI, Azure, OpenRouter, LM Studio; llama.cpp's server
    // (<https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-common.cpp>); Perplexity; Cohere; z.ai.
    Row::named(
        ContextWindow,
        Of(&[400, 413, 422]),
        &[
            "context_length_exceeded",
            "exceed_context_size_error",
            "too_many_prompt_tokens",
            "TOO_MANY_TOKENS",
            "model_context_window_exceeded",
        ],
    ),
    Row::worded(
        ContextWindow,
        Of(TOO_LONG),
        &[
            "maximum context length is",         // OpenAI, DeepSeek, vLLM, OpenRouter, without a code
            "exceeds the context window",        // OpenAI Responses
            "reduce the length of the messages", // Groq
            "too large for model with*maximum context length", // Mistral
            "maximum prompt length is*but the request contains", // xAI
            "is longer than the model's context length", // Together, SGLang
            "longer than the maximum model length", // vLLM
            "tokens + `max_new_tokens` must be", // Together, text-generation-inference
            "exceeds the available context size", // llama.cpp
            "greater than the context length",   // LM Studio
            "exceeded max context length",       // Ollama
            "too many tokens: size limit exceeded", // Cohere
            "current length is*while limit is",  // Cerebras
            "exceeded model token limit",        // Moonshot
            "context window exceeds limit",      // MiniMax
            "range of input length should be",   // Alibaba
        ],
    ),
    // Refused content: OpenAI; Azure, with the second in `innererror`
    // (<https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>); Alibaba.
    Row::named(
        ContentPolicy,
        Any,
        &[
            "content_filter",
            "ResponsibleAIPolicyViolation",
            "content_policy_violation",
            "moderation_blocked",
            "data_inspection_failed",
        ],
    ),
    Row::worded(
        ContentPolicy,
        Of(&[400, 403, 422]),
        &[
            "violating our usage policy",        // OpenAI, with the code `invalid_prompt`
            "as a result of our safety system",  // OpenAI
            "content violates usage guidelines", // xAI
            "content exists risk",               // DeepSeek
            "your input was flagged",            // OpenRouter, 403 (<https://openrouter.ai/docs/api/errors>)
        ],
    ),
    // The key is good, and may not be used from here or for this: the page gives most of these as 401.
    Row::named(Permission, Any, &["ip_not_authorized", "unsupported_country_region_territory"]),
    Row::worded(Permission, Of(&[401]), &["ip is not authorized", "insufficient permissions for this operation"]),
    // xAI answers 400 to a wrong key.
    Row::named(Credentials, Any, &["invalid_api_key", "account_deactivated"]),
    Row::worded(Credentials, Of(&[400, 403]), &["incorrect api key provided"]),
    // What comes without a status, inside a stream, whose names the API reference lists under `response.failed`.
    Row::named(RateLimit, Unstated, &["requests", "tokens", "rate_limited", "RateLimitReached"]),
    Row::named(Overload, Unstated, &["service_unavailable", "service_unavailable_error"]),
    Row::named(Timeout, Unstated, &["vector_store_timeout"]),
    Row::named(Server, Unstated, &["server_error", "internal_server_error"]),
    Row::named(Invalid, Unstated, &["invalid_request_error", "invalid_prompt", "model_not_found", "BadRequestError"]),
];

/// Together answers 403 to what is too long (<https://docs.together.ai/docs/error-codes>). Not 429: what is too much there is
/// too much for a minute.
const TOO_LONG: &[u16] = &[400, 403, 413, 422];

/// Whether a body already is an error as OpenAI writes it, `{"error":{…}}` with a `message` that is text, and `type`,
/// `param` and `code` that are text or null, so that it can pass as it is.
#[must_use]
pub fn is_canonical_error(body: &[u8]) -> bool {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(error) = document.get("error").and_then(Value::as_object) else { return false };
    let named = |name: &str| error.get(name).is_some_and(|value| value.is_string() || value.is_null());
    error.get("message").is_some_and(Value::is_string) && ["type", "param", "code"].into_iter().all(named)
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// An error as OpenAI writes it: always all four members, null where there is nothing to say.
#[must_use]
pub fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    let envelope = Envelope { error: Body { message, r#type: kind, param, code } };
    // Writing text to memory has no way to fail.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// The body of an error that the gateway tells.
#[must_use]
pub fn write(error: &ErrorTold<'_>) -> Vec<u8> {
    error_body(error.message, error.kind, error.param, error.code)
}

/// Appends the same as an event of a stream: clients take an event with an `error` for the end.
pub fn event(error: &ErrorTold<'_>, out: &mut BytesMut) {
    data_event(&write(error), out);
}
