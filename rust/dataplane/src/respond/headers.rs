//! The headers of an answer: a list of ours, never a copy of an upstream's.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::account;
use crate::account::price::Dollars;
use crate::clock::micros;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-tollway-upstream-request-id");
const ROUTE: HeaderName = HeaderName::from_static("x-tollway-route");
const PROVIDER: HeaderName = HeaderName::from_static("x-tollway-provider");
const MODEL: HeaderName = HeaderName::from_static("x-tollway-model");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-tollway-attempts");
const CACHE: HeaderName = HeaderName::from_static("x-tollway-cache");
const OVERHEAD: HeaderName = HeaderName::from_static("x-tollway-overhead-us");
const UPSTREAM: HeaderName = HeaderName::from_static("x-tollway-upstream-ms");
const FLAGS: HeaderName = HeaderName::from_static("x-tollway-flags");
const INPUT_TOKENS: HeaderName = HeaderName::from_static("x-tollway-input-tokens");
const OUTPUT_TOKENS: HeaderName = HeaderName::from_static("x-tollway-output-tokens");
const COST: HeaderName = HeaderName::from_static("x-tollway-cost-usd");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// What every answer says of its way.
pub(crate) fn of_exchange(headers: &mut HeaderMap, exchange: &Exchange) {
    if let Ok(id) = HeaderValue::from_str(exchange.id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    let labels = exchange.labels();
    let [route, provider, model] = &labels.headers;
    if exchange.route.is_some() {
        headers.insert(ROUTE, route.clone());
    }
    if exchange.target.is_some() {
        headers.insert(PROVIDER, provider.clone());
        if !model.is_empty() {
            headers.insert(MODEL, model.clone());
        }
        headers.insert(UPSTREAM, HeaderValue::from(micros(exchange.upstream) / 1000));
    }
    if let Some(id) = &exchange.upstream_id {
        headers.insert(UPSTREAM_REQUEST_ID, id.clone());
    }
    headers.insert(ATTEMPTS, HeaderValue::from(exchange.sends.borrow().len()));
    headers.insert(CACHE, HeaderValue::from_static("bypass"));
    headers.insert(OVERHEAD, HeaderValue::from(micros(exchange.overhead.unwrap_or_default())));
    if !(exchange.flags.is_empty() && exchange.losses.is_empty())
        && let Ok(flags) = HeaderValue::from_str(&[&exchange.flags[..], &exchange.losses].concat().join(","))
    {
        headers.insert(FLAGS, flags);
    }
}

/// The tokens and the cost of an answer that is known whole.
pub(crate) fn of_usage(headers: &mut HeaderMap, exchange: &Exchange) {
    let Some(usage) = account::used(exchange) else { return };
    if let Some(input) = usage.all_input() {
        headers.insert(INPUT_TOKENS, HeaderValue::from(input));
    }
    if let Some(output) = usage.all_output() {
        headers.insert(OUTPUT_TOKENS, HeaderValue::from(output));
    }
    if let Some(cost) = account::cost(exchange)
        && let Ok(dollars) = HeaderValue::try_from(Dollars(cost.nano).to_string())
    {
        headers.insert(COST, dollars);
    }
}

/// Whether and when to try again, in each of the forms that clients read.
pub(crate) fn of_error(headers: &mut HeaderMap, error: &Error) {
    let wait = error.retry_after.or(match error.kind {
        Kind::Unavailable
        | Kind::StoreUnavailable
        | Kind::JournalFull
        | Kind::UpstreamRateLimited
        | Kind::UpstreamOverloaded => Some(std::time::Duration::from_secs(1)),
        _ => None,
    });
    if let Some(wait) = wait {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(ms));
    }
    match error.kind {
        Kind::UpstreamCredentials | Kind::HookFailed => {
            // Statuses that clients retry by themselves, for faults that do not pass by themselves.
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        Kind::Unavailable | Kind::RequestTimeout => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Kind::MethodNotAllowed { allow } => {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        Kind::InvalidApiKey | Kind::KeyRevoked | Kind::KeyExpired => {
            // RFC 9110 §11.6.1: a 401 names the scheme.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
}
