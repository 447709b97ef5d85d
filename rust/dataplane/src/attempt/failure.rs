//! How an attempt failed: by class, and what the caller will be told if no other succeeds.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollway_protocol::dialect::{Dialect, ErrorClass, UpstreamError, classify, error_of_answer, wait};

use crate::clock::unix_time;
use crate::error::{Error, Kind, UpstreamAnswer};
use crate::telemetry::AttemptClass;
use crate::upstream::provider::Provider;
use crate::upstream::send::SendError;

/// An attempt that brought no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: AttemptClass,
    pub(crate) retry_after: Option<Duration>,
    status: Option<StatusCode>,
    /// What the upstream said, or what we say of it.
    message: String,
    said: Option<Box<UpstreamError>>,
    body: Option<Bytes>,
    dialect: Dialect,
    /// What we know of why our credentials do not serve, which is not that the provider does not know them.
    ours: Option<String>,
    /// Whether the same would come of another try.
    lasting: bool,
}

impl Failure {
    /// A failure that has no answer of the upstream's behind it.
    pub(crate) fn new(class: AttemptClass, message: impl Into<String>) -> Self {
        let dialect = Dialect::Chat;
        let message = message.into();
        Self {
            class,
            retry_after: None,
            status: None,
            message,
            said: None,
            body: None,
            dialect,
            ours: None,
            lasting: false,
        }
    }

    /// A fault of the provider's adapter, or of what it was sent.
    pub(crate) fn adapter(fault: &str) -> Self {
        Self { lasting: true, ..Self::new(AttemptClass::Malformed, fault) }
    }

    /// The answer was of another status than 2xx.
    pub(crate) fn status(status: StatusCode, headers: &HeaderMap, body: Bytes, dialect: Dialect) -> Self {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let said = error_of_answer(&header, &body);
        let class = classify(Some(status.as_u16()), said.as_ref());
        let message = match &said {
            Some(said) if !said.message.trim().is_empty() => said.message.clone(),
            _ => format!("It answered {status} without an error that can be read."),
        };
        Self {
            class: class.into(),
            retry_after: wait(class, &header, said.as_ref(), unix_time()),
            status: Some(status),
            message,
            body: dialect.is_whole_error(&body).then_some(body),
            said: said.map(Box::new),
            dialect,
            ours: None,
            lasting: false,
        }
    }

    /// The same, where the clock of who checked our signature was found to be `ahead` of ours by so many seconds.
    #[must_use]
    pub(crate) fn skewed(mut self, ahead: Option<i64>) -> Self {
        let refused = matches!(self.class, AttemptClass::Credentials | AttemptClass::Permission);
        let Some(ahead) = ahead.filter(|_| refused) else { return self };
        let way = if ahead < 0 { "behind" } else { "ahead of" };
        let by = ahead.unsigned_abs();
        self.ours = Some(format!("Its clock is {by} seconds {way} the gateway's: signatures need the right time."));
        self
    }

    /// Whether the provider does not know our credentials.
    pub(crate) fn refuses_credentials(&self) -> bool {
        self.class == AttemptClass::Credentials && self.ours.is_none()
    }

    /// An error inside a 200, before any content.
    pub(crate) fn inside(said: UpstreamError) -> Self {
        let status = said.status.and_then(|code| StatusCode::from_u16(code).ok()).filter(|status| !status.is_success());
        let class = classify(None, Some(&said));
        let retry_after = wait(class, &|_| None, Some(&said), unix_time());
        let message = said.message.clone();
        Self { status, message, retry_after, said: Some(Box::new(said)), ..Self::new(class.into(), "") }
    }

    /// The same, without the upstream's own words where they quote a credential of ours.
    #[must_use]
    pub(crate) fn without_secrets_of(self, provider: &Provider) -> Self {
        let named =
            self.said.iter().flat_map(|said| [&said.kind, &said.param, &said.code]).flatten().map(String::as_bytes);
        let mut words = named.chain([self.message.as_bytes()]).chain(self.body.as_deref());
        let quotes_us = words.any(|text| provider.leaks_in(text));
        drop(words);
        if !quotes_us {
            return self;
        }
        let message = "Its own words are withheld: they hold the gateway's credentials.".to_owned();
        Self { message, said: None, body: None, ..self }
    }

    /// Whether the same target may answer if it is asked again.
    pub(crate) fn may_pass_soon(&self) -> bool {
        use AttemptClass::{Broken, Connect, Malformed, Overload, RateLimit, ServerError, Timeout};
        !self.lasting
            && matches!(self.class, RateLimit | Overload | ServerError | Connect | Broken | Malformed | Timeout)
    }

    /// What the upstream said, or what we say of it.
    pub(crate) fn said(&self) -> &str {
        &self.message
    }

    /// What the caller is told after `provider` failed so.
    fn told(&self, provider: &str) -> Error {
        use AttemptClass as Class;
        let kind = match self.class {
            Class::Rejected | Class::ContextWindow | Class::ContentPolicy => Kind::UpstreamRejected,
            Class::Credentials | Class::Permission => {
                // Not the upstream's own words: they quote the key.
                let message = match &self.ours {
                    Some(ours) if self.status.is_none() => format!("The provider {provider:?} was not asked. {ours}"),
                    ours => {
                        let because = ours.as_deref().map_or(String::new(), |ours| format!(" {ours}"));
                        format!("The provider {provider:?} refused the gateway's credentials.{because}")
                    }
                };
                return Error::new(Kind::UpstreamCredentials, message);
            }
            Class::RateLimit | Class::Quota => Kind::UpstreamRateLimited,
            Class::Overload => Kind::UpstreamOverloaded,
            Class::Connect => Kind::UpstreamUnreachable,
            Class::Timeout => Kind::UpstreamTimeout,
            Class::Ok | Class::ServerError | Class::Malformed | Class::Broken | Class::Cancelled => Kind::UpstreamError,
        };
        let message = match kind {
            Kind::UpstreamRejected => self.message.clone(),
            _ => format!("The provider {provider:?} failed. {}", self.message),
        };
        let mut error = Error::new(kind, message);
        error.retry_after = self.retry_after;
        if kind == Kind::UpstreamRejected {
            error.param = self.said.as_ref().and_then(|said| said.param.clone());
            error.upstream = Some(Box::new(UpstreamAnswer {
                status: self.status.unwrap_or(StatusCode::BAD_REQUEST),
                kind: self.said.as_ref().and_then(|said| said.kind.clone()),
                code: self.said.as_ref().and_then(|said| said.code.clone()),
                body: self.body.clone(),
                dialect: self.dialect,
            }));
        }
        error
    }

    /// What the caller is told after all of these, each with the name of its provider: the soonest end of a rate limit where
    /// each is one, else the last.
    pub(crate) fn of_all<'f>(failures: impl Iterator<Item = (&'f Self, &'f str)>) -> Error {
        let (mut all_limited, mut soonest, mut last) = (true, None, None);
        for (failure, provider) in failures {
            all_limited &= matches!(failure.class, AttemptClass::RateLimit | AttemptClass::Quota);
            soonest =
                failure.retry_after.map(|wait| soonest.map_or(wait, |soonest: Duration| soonest.min(wait))).or(soonest);
            last = Some((failure, provider));
        }
        let Some((last, provider)) = last else {
            return Error::new(Kind::Internal, "No target was tried.");
        };
        let mut error = last.told(provider);
        if all_limited {
            error.retry_after = soonest;
        }
        error
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Connect(what) => {
                Self::new(AttemptClass::Connect, format!("No connection could be made: {what}."))
            }
            SendError::ConnectTimeout(after) => {
                Self::new(AttemptClass::Connect, format!("No connection could be made within {after:.1?}."))
            }
            SendError::Credential(why) => Self { ours: Some(why.clone()), ..Self::new(AttemptClass::Credentials, why) },
            SendError::Broken => {
                Self::new(AttemptClass::Broken, "It ended the connection, or did not speak HTTP, before it answered.")
            }
        }
    }
}

impl From<ErrorClass> for AttemptClass {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::RateLimit => Self::RateLimit,
            ErrorClass::Quota => Self::Quota,
            ErrorClass::Overload => Self::Overload,
            ErrorClass::Server => Self::ServerError,
            ErrorClass::Timeout => Self::Timeout,
            ErrorClass::Credentials => Self::Credentials,
            ErrorClass::Permission => Self::Permission,
            ErrorClass::ContextWindow => Self::ContextWindow,
            ErrorClass::ContentPolicy => Self::ContentPolicy,
            ErrorClass::Invalid => Self::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), http::HeaderValue::from_static(value))])
    }

    #[test]
    fn never_repeats_what_an_upstream_said_of_our_key() {
        let body = Bytes::from_static(br#"{"error":{"message":"Incorrect API key provided: sk-canary","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#);
        let error = Failure::status(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body, Dialect::Chat).told("openai");
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn all_rate_limited_is_429_with_the_shortest_wait() {
        let limited = |wait| {
            Failure::status(StatusCode::TOO_MANY_REQUESTS, &headers("retry-after", wait), Bytes::new(), Dialect::Chat)
        };
        let [seven, thirty, unreachable] = [limited("7"), limited("30"), Failure::new(AttemptClass::Connect, "x")];
        let error = Failure::of_all([(&seven, "p"), (&thirty, "p")].into_iter());
        assert_eq!((error.kind, error.retry_after), (Kind::UpstreamRateLimited, Some(Duration::from_secs(7))));
        let error = Failure::of_all([(&seven, "p"), (&unreachable, "p")].into_iter());
        assert_eq!((error.kind, error.retry_after), (Kind::UpstreamUnreachable, None));
    }
}
