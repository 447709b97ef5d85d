//! What kind of failure an upstream's error tells of: by its names and words first, by its status last. A server often
//! passes on the error of what stands behind it, in that one's words, so the tables of all dialects are looked through.

use super::{UpstreamError, anthropic, bedrock, cohere, gemini, openai};

/// What an error says of the request, the credential or the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Too much at once: the same passes later.
    RateLimit,
    /// Credits, a spend limit or a day's allowance are used up: waiting for minutes does not help.
    Quota,
    /// The server has no room, whoever asks.
    Overload,
    /// The server failed.
    Server,
    /// It took the server too long.
    Timeout,
    /// The credential is wrong, expired or withdrawn.
    Credentials,
    /// The credential is good, and may not do this.
    Permission,
    /// The request is too long for the model.
    ContextWindow,
    /// The provider refuses the content.
    ContentPolicy,
    /// The request is wrong in another way.
    Invalid,
}

/// The HTTP statuses at which a [`Row`] holds.
pub(super) enum At {
    /// Any, and none.
    Any,
    /// These, and none: an error in a stream has no status.
    Of(&'static [u16]),
    /// None alone: where there is a status, it says more.
    Unstated,
}

/// A line of a dialect's table: the class of what has one of these names, or one of these phrases.
pub(super) struct Row {
    pub(super) class: ErrorClass,
    pub(super) at: At,
    /// Whole names, in any case: the error's `code`, `type` or status in words, or a reason in its details.
    pub(super) names: &'static [&'static str],
    /// Parts of the message or of a reason, in lower case; `*` stands for anything between two parts.
    pub(super) phrases: &'static [&'static str],
}

impl Row {
    pub(super) const fn named(class: ErrorClass, at: At, names: &'static [&'static str]) -> Self {
        Self { class, at, names, phrases: &[] }
    }

    pub(super) const fn worded(class: ErrorClass, at: At, phrases: &'static [&'static str]) -> Self {
        Self { class, at, names: &[], phrases }
    }

    fn holds(&self, status: Option<u16>, names: &[&str], texts: &[String]) -> bool {
        let at = match (&self.at, status) {
            (At::Any, _) | (_, None) => true,
            (At::Of(statuses), Some(status)) => statuses.contains(&status),
            (At::Unstated, Some(_)) => false,
        };
        at && (self.names.iter().any(|name| names.iter().any(|own| own.eq_ignore_ascii_case(name)))
            || self.phrases.iter().any(|phrase| texts.iter().any(|text| has(text, phrase))))
    }
}

/// Whether `text` holds the parts of `phrase` in their order.
fn has(text: &str, phrase: &str) -> bool {
    let mut rest = text;
    phrase.split('*').all(|part| rest.split_once(part).map(|(_, after)| rest = after).is_some())
}

/// The class of an answer of this HTTP status, or of an error inside an answer, which has none but what it states.
#[must_use]
pub fn classify(status: Option<u16>, said: Option<&UpstreamError>) -> ErrorClass {
    let status = status.or_else(|| said?.status);
    let named = said.and_then(|said| by_table(status, said));
    named.or_else(|| status.map(by_status)).unwrap_or(ErrorClass::Server)
}

fn by_table(status: Option<u16>, said: &UpstreamError) -> Option<ErrorClass> {
    let reasons = || said.reasons.iter().map(String::as_str);
    let names: Vec<&str> =
        [&said.code, &said.kind].into_iter().flatten().map(String::as_str).chain(reasons()).collect();
    let texts: Vec<String> = reasons().chain([said.message.as_str()]).map(str::to_ascii_lowercase).collect();
    // Names that say little come after what any table says more exactly.
    let (weak, exact): (Vec<&Row>, Vec<&Row>) = rows().partition(|row| matches!(row.at, At::Unstated));
    exact.into_iter().chain(weak).find(|row| row.holds(status, &names, &texts)).map(|row| row.class)
}

fn rows() -> impl Iterator<Item = &'static Row> {
    openai::error::ROWS
        .iter()
        .chain(anthropic::error::ROWS)
        .chain(gemini::error::ROWS)
        .chain(bedrock::error::ROWS)
        .chain(cohere::error::ROWS)
}

/// RFC 9110 §15; 402 is all providers' word for money (OpenRouter, DeepSeek, Together, Anthropic), 498 Groq's and 529
/// Anthropic's for no room, 524 Cloudflare's for a server that is silent.
const fn by_status(status: u16) -> ErrorClass {
    match status {
        400 | 404 | 413 | 422 => ErrorClass::Invalid,
        401 => ErrorClass::Credentials,
        402 => ErrorClass::Quota,
        403 => ErrorClass::Permission,
        408 | 504 | 524 => ErrorClass::Timeout,
        429 => ErrorClass::RateLimit,
        498 | 503 | 529 => ErrorClass::Overload,
        _ => ErrorClass::Server,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_phrase_stand_in_their_order() {
        assert!(has("current length is 9 while limit is 8", "current length is*while limit is"));
        assert!(!has("while limit is 8, current length is 9", "current length is*while limit is"));
        assert!(!has("a b", "a b*b"));
    }

    #[test]
    fn phrases_are_in_lower_case_and_no_row_is_empty() {
        for row in rows() {
            assert!(row.phrases.iter().all(|phrase| *phrase == phrase.to_ascii_lowercase()), "{:?}", row.phrases);
            assert!(!row.phrases.is_empty() || !row.names.is_empty());
        }
    }
}
