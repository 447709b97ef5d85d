//! Errors, in the forms that upstreams give them.

use std::time::Duration;

use serde_json::{Map, Value};

use super::bedrock::error::NAMED_BY;
use super::wait::duration;

/// An upstream's error, whatever its form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamError {
    /// What it says, possibly nothing.
    pub message: String,
    /// Its `type`; else its `error_type`, AWS's `__type`, or a `status` in words.
    pub kind: Option<String>,
    /// Its `param`.
    pub param: Option<String>,
    /// Its `code` or `error_code`, a number as digits.
    pub code: Option<String>,
    /// The HTTP status that it states: a number from 400 to 599 as `status`, `status_code` or `code`.
    pub status: Option<u16>,
    /// What its details name as the reason: Google's `reason` and `quotaId`, Azure's `innererror.code`, Anthropic's
    /// `details.error_code`.
    pub reasons: Vec<String>,
    /// How long its details ask to wait: Google's `retryDelay`.
    pub retry_after: Option<Duration>,
}

/// The error in an upstream's body: `{"error":{…}}`, `{"error":"…"}`, `{"errors":[{…}]}`, `{"message":…}`, `{"Message":…}`,
/// `{"detail":…}` or `{"object":"error",…}`, also as the one item of an array. None if the body has none of these forms.
#[must_use]
pub fn parse_error(body: &[u8]) -> Option<UpstreamError> {
    if !may_tell_an_error(body) {
        return None;
    }
    let document: Value = serde_json::from_slice(body).ok()?;
    // Google wraps the errors of its OpenAI endpoint in an array.
    let outer = document.get(0).unwrap_or(&document).as_object()?;
    // Cloudflare and watsonx list their errors, of which the first is told.
    match outer.get("error").or_else(|| outer.get("errors")?.get(0)) {
        Some(Value::Object(inner)) => Some(read(inner, message(inner).unwrap_or_default(), Some(outer))),
        Some(Value::String(text)) => Some(read(outer, text.clone(), None)),
        _ => {
            let marked = outer.get("object").is_some_and(|object| object == "error");
            let text = message(outer).or_else(|| marked.then(String::new))?;
            Some(read(outer, text, None))
        }
    }
}

/// The error of an answer that is no 2xx: its body's, with the name that AWS puts into a header alone.
#[must_use]
pub fn error_of_answer<'h>(header: &dyn Fn(&str) -> Option<&'h str>, body: &[u8]) -> Option<UpstreamError> {
    let said = parse_error(body);
    // `ValidationException:http://internal.amazon.com/…`
    let name =
        header(NAMED_BY).and_then(|value| value.split(':').next()).map(str::trim).filter(|name| !name.is_empty());
    let Some(name) = name else { return said };
    let said = said.unwrap_or_default();
    Some(UpstreamError { kind: said.kind.or_else(|| Some(name.to_owned())), ..said })
}

/// Whether `body` may have one of the members by which errors are told: what has none, such as many vectors, is not parsed.
fn may_tell_an_error(body: &[u8]) -> bool {
    // With `\u`, any name can be written in other letters.
    let words: [&[u8]; 5] = [b"error", b"message", b"Message", b"detail", b"\\u"];
    words.iter().any(|word| memchr::memmem::find(body, word).is_some())
}

fn read(error: &Map<String, Value>, message: String, outer: Option<&Map<String, Value>>) -> UpstreamError {
    let own = |name: &str| error.get(name).and_then(word);
    // Databricks: https://docs.databricks.com/api/workspace/introduction.
    let code = own("code").or_else(|| own("error_code"));
    // AWS: `com.amazon.coral.service#ExpiredTokenException`.
    let exception = || Some(own("__type")?.rsplit('#').next()?.to_owned());
    let kind = own("type").or_else(|| own("error_type")).or_else(exception);
    let kind = kind.or_else(|| error.get("status")?.as_str().map(str::to_owned));
    let stated = |object: &Map<String, Value>| {
        ["status", "status_code", "code"].iter().find_map(|name| status(object.get(*name)?))
    };
    let status = stated(error).or_else(|| stated(outer?));
    let reasons = reasons(error);
    let retry_after = details(error).find_map(|detail| duration(detail.get("retryDelay")?.as_str()?));
    UpstreamError { message, kind, param: own("param"), code, status, reasons, retry_after }
}

/// Google's `details`: objects, each of a type of its own (<https://google.aip.dev/193>).
fn details(error: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    error.get("details").and_then(Value::as_array).into_iter().flatten()
}

fn reasons(error: &Map<String, Value>) -> Vec<String> {
    let violations = details(error).filter_map(|detail| detail.get("violations")?.as_array()).flatten();
    let quotas = violations.filter_map(|violation| violation.get("quotaId"));
    let named = details(error).filter_map(|detail| detail.get("reason")).chain(quotas);
    let at = |outer: &str, inner: &str| error.get(outer)?.get(inner);
    let nested = [at("innererror", "code"), at("details", "error_code")].into_iter().flatten();
    named.chain(nested).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn status(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

fn message(error: &Map<String, Value>) -> Option<String> {
    ["message", "Message", "detail"].iter().find_map(|name| text(error.get(*name)?))
}

/// Text, or what validators put in its place: a list of objects that each have a `msg`, or an object around one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().filter_map(text).collect();
            (!parts.is_empty()).then(|| parts.join("; "))
        }
        Value::Object(object) => object.get("msg").and_then(text).or_else(|| message(object)),
        _ => None,
    }
}
